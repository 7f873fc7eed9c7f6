"""How the address range of a new network is divided, so that its plan, its checks and its stack agree.

Pure. The range is cut into equal slots, the smallest power of two above the number of zones: zone n's workers have slot n. Gateways sit in
public subnets of 16 addresses, the least that AWS takes, counted from the end of the range: zone n's is the n-th last. So a subnet keeps
its range when NAT gateways come and go, when workers become public or private, and when a third zone is added (but not a second or fourth:
slots become smaller).

    10.0.0.0/16 with 3 zones:  workers 10.0.0.0/18  10.0.64.0/18  10.0.128.0/18    public …255.240/28  …255.224/28  …255.208/28
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from cyclone_core.errors import InvalidRequest
from cyclone_core.problems import Problem

LARGEST, SMALLEST = 16, 28
"""Prefix lengths of networks and subnets: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"""
MOST_ZONES = 6
"""That a region has (us-east-1)."""
DEFAULT_ZONES = 3
"""Of a network whose body leaves it to us."""
VPC_FIELDS = ("cidr", "vpc_id")
"""Fields of a region's body that decide which VPC it has."""
SEEN_OUTSIDE = ("import_vpc", "cidr", "vpc_id", "availability_zones", "subnets")
"""Fields of a region's body that change what its stack exports. CloudFormation refuses that while another stack imports it: the region's
clusters, and peerings with the main region."""


@dataclass(frozen=True)
class Addresses:
    """Ranges of subnets, one per zone and in their order."""

    workers: tuple[str, ...]
    public: tuple[str, ...]
    """for NAT gateways"""


def split(cidr: str, zones: int) -> Addresses:
    """The subnets of a new network over `zones` zones. Raises InvalidRequest with `problem`'s text."""
    found = problem(cidr, zones)
    if found is not None:
        raise InvalidRequest([found])
    network = IPv4Network(cidr)
    workers = list(network.subnets(new_prefix=_slot(network.prefixlen, zones)))[:zones]
    size = 2 ** (32 - SMALLEST)
    public = (IPv4Network((int(network.broadcast_address) + 1 - n * size, SMALLEST)) for n in range(1, zones + 1))
    return Addresses(tuple(map(str, workers)), tuple(map(str, public)))


def problem(cidr: str, zones: int, path: str = "cidr") -> Problem | None:
    """Why a range cannot be a new network's over `zones` zones (from 1), None when it can."""
    try:
        network = IPv4Network(cidr, strict=False)
    except ValueError:
        return Problem(path, f"{cidr!r} is no range of IPv4 addresses", "For example 10.0.0.0/16")
    address = cidr.partition("/")[0]
    if str(network) != cidr:
        return Problem(path, f"{cidr} does not begin a range of its size", f"Use {network}" if "/" in cidr else f"For example {address}/16")
    if network.prefixlen < LARGEST:
        return Problem(path, f"{cidr} is larger than a network on AWS may be", f"Use {address}/{LARGEST} or a smaller one")
    if not 1 <= zones <= MOST_ZONES:
        return Problem(path, f"a network cannot have {zones} availability zones", f"Use 1 to {MOST_ZONES}, as the region has")
    smallest = next(length for length in range(SMALLEST, LARGEST, -1) if _fits(length, zones))
    if network.prefixlen > smallest:
        what = f"{cidr} is too small for subnets in {zones} availability zone{'s'[: zones != 1]}"
        return Problem(path, what, f"Use {_widened(network, smallest)} or a larger one")
    return None


def vpc_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Of a region's body, `VPC_FIELDS`: whoever looks its VPC up does so again when they change."""
    return {field: body.get(field) for field in VPC_FIELDS}


def _slot(prefix: int, zones: int) -> int:
    """Prefix length of a slot; one slot at least stays free."""
    return prefix + zones.bit_length()


def _fits(prefix: int, zones: int) -> bool:
    slot = _slot(prefix, zones)
    free = (2 ** zones.bit_length() - zones) * 2 ** (32 - slot) if slot <= 32 else 0
    return slot <= SMALLEST and free >= zones * 2 ** (32 - SMALLEST)


def _widened(network: IPv4Network, prefix: int) -> IPv4Network:
    return network.supernet(new_prefix=prefix)
