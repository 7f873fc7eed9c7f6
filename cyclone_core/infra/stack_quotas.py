"""What a plan takes of an account's quotas, and whether there is enough: told before the first stack is begun.

Quotas without which a stack fails (networks, addresses, gateways, endpoints, Batch's queues and environments) stand against a plan. Those
that only limit how much runs at once (vCPUs, counted by class of instances and by how they are bought) are told beside it. What cannot be
asked is not told: AWS does so when it comes to it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclone_core.infra.compute_environments import later, made_from
from cyclone_core.infra.interface_endpoints import INTERFACES
from cyclone_core.infra.plan import Bodies
from cyclone_core.infra.stack_costs import types_of
from cyclone_core.prices import table
from cyclone_core.problems import Problem
from cyclone_core.quotas import Need, Quota

if TYPE_CHECKING:
    from cyclone_core.aws.account import Account

Body = Mapping[str, Any]
STANDARD = "standard"
VCPUS: Mapping[str, tuple[str, str, str]] = {
    STANDARD: ("standard instances (A, C, D, H, I, M, R, T, Z)", "L-1216C47A", "L-34B43A08"),
    "dl": ("DL instances", "L-6E869C2A", "L-85EED4F7"),
    "f": ("F instances", "L-74FC7D96", "L-88CF9481"),
    "g": ("G and VT instances", "L-DB2E81BA", "L-3819A6DF"),
    "hpc": ("HPC instances", "L-F7808C92", ""),
    "inf": ("Inf instances", "L-1945791B", "L-B5D1601B"),
    "p": ("P instances", "L-417A185B", "L-7212CCBC"),
    "p5": ("P5 instances", "L-417A185B", "L-C4BD4855"),
    "trn": ("Trn instances", "L-2C3B7624", "L-6B0D517C"),
    "u": ("High Memory instances", "L-43DA4232", ""),
    "x": ("X instances", "L-7295265B", "L-E3A00192"),
}
"""Class of instance types -> its name, and its quotas on demand and on spot
(https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html)."""
_CLASSES = {"vt": "g", "gr": "g"}
VPCS, ADDRESSES, GATEWAYS, ENDPOINTS = "VPCs", "elastic IP addresses", "NAT gateways", "interface endpoints"
ENVIRONMENTS, QUEUES = "compute environments of Batch", "job queues of Batch"
_ASKED = {
    VPCS: ("vpc", "L-F678F1CE"), ADDRESSES: ("ec2", "L-0263D0A3"), GATEWAYS: ("vpc", "L-FE5A380F"), ENDPOINTS: ("vpc", "L-29B6F2EB"),
    ENVIRONMENTS: ("", ""), QUEUES: ("", ""),
}  # fmt: skip
"""What -> service and code of its quota; none for what AWS raises for nobody."""


@dataclass(frozen=True)
class Wanted:
    """What a plan takes of a quota, before anybody was asked."""

    region: str
    what: str
    count: int
    service: str
    code: str
    stops: bool = True


def needs(account: "Account", pool: Executor, known: Bodies, bodies: Bodies, regions: Iterable[str]) -> tuple[Need, ...]:
    """What the change from known to other bodies takes in each region, and how much there is. Raises AwsError."""
    asked = [(each, pool.submit(_question(account, each, bodies))) for region in regions for each in wanted(region, known, bodies)]
    found = [(each, answer.result()) for each, answer in asked]
    return tuple(Need(one.region, one.what, one.count, quota, one.service, one.code, one.stops) for one, quota in found)


def problems(found: Iterable[Need]) -> list[Problem]:
    """Quotas without which stacks would fail."""
    return [_problem(need) for need in found if need.stops and need.is_short]


def _problem(need: Need) -> Problem:
    message = f"{need.count} more {need.what} are needed in {need.region}, and {need.quota.left} of {need.quota.limit} are left"
    remedy = f"or ask AWS for more: {need.request}" if need.code else "AWS raises this one for nobody"
    return Problem(f"regions[{need.region}]", message, f"Delete what nobody uses{', ' if need.code else ': '}{remedy}")


def wanted(region: str, known: Bodies, bodies: Bodies) -> Iterator[Wanted]:
    """What a change takes in a region. Pure.

    A zone has at most one gateway of ours more for each round over the zones.
    """
    body, before = bodies.get("region", {}).get(region, {}), known.get("region", {}).get(region)
    gateways = int(body.get("nat_gateways") or 0) - int((before or {}).get("nat_gateways") or 0)
    here_before = known.get("cluster", {}) if before is not None else {}
    clusters = bodies.get("cluster", {})
    more = {
        VPCS: int(before is None and not body.get("import_vpc")),
        ADDRESSES: gateways,
        GATEWAYS: int(gateways > 0),
        ENDPOINTS: _endpoints(body) - _endpoints(before or {}),
        ENVIRONMENTS: len(_environments(clusters, region) - _environments(here_before, region)),
        QUEUES: _job_queues(clusters, region) - _job_queues(here_before, region),
    }
    yield from (Wanted(region, what, count, *_ASKED[what]) for what, count in more.items() if count > 0)
    if clusters != here_before:
        yield from _vcpus(region, clusters)


def _endpoints(body: Body) -> int:
    return len(INTERFACES.get(str(body.get("deploy_vpc_endpoints") or "OFF"), {}))


def _environments(clusters: Mapping[str, Body], region: str) -> set[tuple[str, object]]:
    """One that starts other instances is another one: it is made while the old one is still there."""
    return {(name, each) for name, body in clusters.items() if _is_of_batch(body) for each in made_from(body, region)}


def _job_queues(clusters: Mapping[str, Body], region: str) -> int:
    return sum(1 + len(later(body, region)) for body in clusters.values() if _is_of_batch(body))


def _is_of_batch(body: Body) -> bool:
    return bool(body.get("launch_type", "BATCH") == "BATCH")


# -- vCPUs --------------------------------------------------------------------------------------------------------------
def _vcpus(region: str, clusters: Mapping[str, Body]) -> Iterator[Wanted]:
    """What all clusters may use at once, for each class of instances that they may start."""
    found: dict[tuple[str, bool], int] = {}
    for body in clusters.values():
        if body.get("launch_type") == "ONPREM":
            continue
        for name in {class_of(each) for each in types_of(body, region, table.shipped())}:
            for is_spot in _ways(body):
                found[name, is_spot] = found.get((name, is_spot), 0) + int(body.get("max_vcpus") or 0)
    for (name, is_spot), count in sorted(found.items()):
        words, on_demand, spot = VCPUS[name]
        if code := spot if is_spot else on_demand:
            yield Wanted(region, f"vCPUs of {words}, {'on spot' if is_spot else 'on demand'}", count, "ec2", code, stops=False)


def class_of(instance_type: str) -> str:
    """The class by which EC2 counts vCPUs."""
    letters = re.match(r"[a-z]+", instance_type)
    name = letters.group() if letters else ""
    if name == "p" and instance_type.startswith("p5"):
        return "p5"  # of those, spot instances have a quota of their own
    return _CLASSES.get(name, name if name in VCPUS else STANDARD)


def _ways(body: Body) -> tuple[bool, ...]:
    """Whether on spot: how a cluster's instances are bought, at first and in the end."""
    if body.get("type") != "SPOT":
        return (False,)
    return (True, False) if int((body.get("fallback") or {}).get("on-demand") or 0) else (True,)


# -- asking -------------------------------------------------------------------------------------------------------------
def _question(account: "Account", each: Wanted, bodies: Bodies) -> Callable[[], Quota]:
    from cyclone_core.aws import limits

    region = each.region
    vpc_id = bodies.get("region", {}).get(region, {}).get("vpc_id")
    questions: Mapping[str, Callable[[], Quota]] = {
        VPCS: lambda: limits.vpcs(account, region),
        ADDRESSES: lambda: limits.addresses(account, region),
        GATEWAYS: lambda: limits.nat_gateways(account, region),
        ENDPOINTS: lambda: limits.interface_endpoints(account, region, str(vpc_id) if vpc_id else None),
        ENVIRONMENTS: lambda: limits.compute_environments(account, region),
        QUEUES: lambda: limits.job_queues(account, region),
    }
    return questions.get(each.what, lambda: limits.vcpus(account, region, each.code))
