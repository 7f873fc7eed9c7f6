"""Networks of a region as they are: VPCs, their subnets and what kind those are, zones, instance types and machine images.

What a subnet is follows from its routes, as AWS has no word for it: https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cyclone_core.aws.account import Account

SubnetKind = Literal["PUBLIC", "PRIVATE_WITH_NAT", "PRIVATE_ISOLATED"]
"""PUBLIC: its way out is an internet gateway; PRIVATE_WITH_NAT: a NAT gateway or another machine or network; PRIVATE_ISOLATED: none."""
_EVERYWHERE = "0.0.0.0/0"
_DEFAULTS = ("optimal", "default_x86_64", "default_arm64")
"""What Batch takes in place of instance types: its own choice."""
_MOST_VALUES = 200
"""Of one filter."""


@dataclass(frozen=True)
class Subnet:
    """A part of a VPC in one zone."""

    id: str
    name: str
    cidr: str
    zone: str
    kind: SubnetKind
    route_table: str
    """its own one, or the VPC's main one"""


@dataclass(frozen=True)
class Vpc:
    """A network."""

    id: str
    name: str
    """its tag Name"""
    cidr: str
    cidrs: tuple[str, ...]
    """all of its IPv4 ranges, `cidr` first"""
    is_default: bool
    subnets: tuple[Subnet, ...]
    """by zone and id"""


@dataclass(frozen=True)
class MachineImage:
    """What machines can be started from."""

    id: str
    name: str
    created: str
    """as AWS writes it, such as 2026-11-22T10:00:00.000Z; "" when it does not say"""
    architecture: str = ""


def vpcs(account: Account, region: str, vpc_id: str = "") -> tuple[Vpc, ...]:
    """The VPCs of a region with their subnets, the default one last. vpc_id: only this one. Raises AwsError, for an unknown id too."""
    client = account.client("ec2", region)
    only = {"Filters": [{"Name": "vpc-id", "Values": [vpc_id]}]} if vpc_id else {}
    found = list(client.all("DescribeVpcs", "Vpcs", **({"VpcIds": [vpc_id]} if vpc_id else {})))
    subnets = list(client.all("DescribeSubnets", "Subnets", **only))
    tables = list(client.all("DescribeRouteTables", "RouteTables", **only))
    return tuple(sorted((_vpc(entry, subnets, tables) for entry in found), key=lambda vpc: (vpc.is_default, vpc.name, vpc.id)))


def zones(account: Account, region: str) -> tuple[str, ...]:
    """Names of the availability zones that CloudFormation uses (`Fn::GetAZs`): those that have a default subnet, all where none has one.

    Local and wavelength zones are not among them. Raises AwsError.
    """
    client = account.client("ec2", region)
    filters = [{"Name": "state", "Values": ["available"]}, {"Name": "zone-type", "Values": ["availability-zone"]}]
    found = {str(zone["ZoneName"]) for zone in client.ask("DescribeAvailabilityZones", Filters=filters)["AvailabilityZones"]}
    subnets = client.all("DescribeSubnets", "Subnets", Filters=[{"Name": "default-for-az", "Values": ["true"]}])
    return tuple(sorted(found & {str(subnet["AvailabilityZone"]) for subnet in subnets} or found))


def instance_types(account: Account, region: str, patterns: Iterable[str] = ()) -> tuple[str, ...]:
    """Instance types that are offered in a region. patterns: only those that match, such as `m5.*`. Raises AwsError."""
    client = account.client("ec2", region)
    wanted = sorted(set(patterns))
    filters: list[dict[str, Any]] = [{"Filters": [{"Name": "instance-type", "Values": part}]} for part in _parts(wanted)] or [{}]
    found = (entry for each in filters for entry in client.all("DescribeInstanceTypeOfferings", "InstanceTypeOfferings", **each))
    return tuple(sorted({str(entry["InstanceType"]) for entry in found}))


def not_offered(account: Account, region: str, types: Iterable[str]) -> tuple[str, ...]:
    """Which of these a region does not have. types: as Batch takes them: types, families (`m5`), or its defaults. Raises AwsError."""
    wanted = sorted(set(types) - set(_DEFAULTS))
    if not wanted:
        return ()
    there = instance_types(account, region, (name if "." in name else f"{name}.*" for name in wanted))
    families = {name.partition(".")[0] for name in there}
    return tuple(name for name in wanted if name not in there and name not in families)


def machine_images(account: Account, region: str, name: str = "*") -> tuple[MachineImage, ...]:
    """The account's own machine images and those that others share with it, newest first. name: with `*` for any characters.

    Public images of others are not among them: anybody can make one of any name. Raises AwsError.
    """
    return _images(account, region, name, {"Owners": ["self"]}) + _images(account, region, name, {"ExecutableUsers": ["self"]})


def machine_image(account: Account, region: str, name: str) -> str | None:
    """Id of the newest machine image of a name: the account's own, one shared with it, or Amazon's; None without. Raises AwsError."""
    for owners in ({"Owners": ["self"]}, {"ExecutableUsers": ["self"]}, {"Owners": ["amazon"]}):
        if found := _images(account, region, name, owners):
            return found[0].id
    return None


def _images(account: Account, region: str, name: str, whose: Mapping[str, Any]) -> tuple[MachineImage, ...]:
    filters = [{"Name": "name", "Values": [name]}, {"Name": "state", "Values": ["available"]}]
    found = account.client("ec2", region).all("DescribeImages", "Images", Filters=filters, **whose)
    images = [
        MachineImage(str(one["ImageId"]), str(one.get("Name", "")), str(one.get("CreationDate") or ""), str(one.get("Architecture", "")))
        for one in found
    ]
    return tuple(sorted(images, key=lambda image: image.created, reverse=True))


def _parts(values: list[str]) -> list[list[str]]:
    return [values[start : start + _MOST_VALUES] for start in range(0, len(values), _MOST_VALUES)]


def _vpc(entry: Mapping[str, Any], subnets: Iterable[Mapping[str, Any]], tables: Iterable[Mapping[str, Any]]) -> Vpc:
    own = [table for table in tables if table["VpcId"] == entry["VpcId"]]
    inside = (_subnet(subnet, own) for subnet in subnets if subnet["VpcId"] == entry["VpcId"])
    ranges = [str(one["CidrBlock"]) for one in entry.get("CidrBlockAssociationSet") or () if one["CidrBlockState"]["State"] == "associated"]
    first = str(entry["CidrBlock"])
    return Vpc(
        str(entry["VpcId"]), _name(entry), first, tuple(dict.fromkeys((first, *ranges))), bool(entry.get("IsDefault")),
        tuple(sorted(inside, key=lambda subnet: (subnet.zone, subnet.id))),
    )  # fmt: skip


def _subnet(entry: Mapping[str, Any], tables: list[Mapping[str, Any]]) -> Subnet:
    table = _table_of(str(entry["SubnetId"]), tables)
    return Subnet(
        str(entry["SubnetId"]), _name(entry), str(entry["CidrBlock"]), str(entry["AvailabilityZone"]), kind_of(table.get("Routes") or ()),
        str(table.get("RouteTableId", "")),
    )  # fmt: skip


def _table_of(subnet: str, tables: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The route table of a subnet: its own, else the main one of the VPC."""
    main: Mapping[str, Any] = {}
    for table in tables:
        for association in table.get("Associations") or ():
            if association.get("SubnetId") == subnet:
                return table
            if association.get("Main"):
                main = table
    return main


def kind_of(routes: Iterable[Mapping[str, Any]]) -> SubnetKind:
    """What a subnet with these routes is, as EC2 describes them; ways that lead nowhere (blackhole) do not count."""
    out = [route for route in routes if route.get("DestinationCidrBlock") == _EVERYWHERE and route.get("State") != "blackhole"]
    if any(str(route.get("GatewayId", "")).startswith("igw-") for route in out):
        return "PUBLIC"
    return "PRIVATE_WITH_NAT" if out else "PRIVATE_ISOLATED"


def _name(entry: Mapping[str, Any]) -> str:
    return next((str(tag["Value"]) for tag in entry.get("Tags") or () if tag["Key"] == "Name"), "")
