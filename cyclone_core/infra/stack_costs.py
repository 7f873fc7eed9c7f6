"""What one stack costs: from its target and the price lists to ranges of dollars a month. Pure.

A range is from nothing running to everything running, for a month of 730 hours, and says only what can be known before any job: what
exists by the hour and the functions that look each minute, and the most that instances can cost. What depends on use is told in words
(`NOT_COUNTED`). The most of a cluster is all its vCPUs in a region, all month, of the type that costs most for a vCPU of all that it may
start: spot instances at the price that was seen, else at the most that is bid, each with its disk and, in a public network, its address.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cyclone_core.infra import compute_environments
from cyclone_core.infra.addresses import DEFAULT_ZONES
from cyclone_core.infra.interface_endpoints import INTERFACES
from cyclone_core.infra.targets import Target
from cyclone_core.prices import services, table
from cyclone_core.prices.services import HOURS
from cyclone_core.prices.table import Table
from cyclone_core.resource_bodies import aws_record

MINUTES = HOURS * 60
DISK_GIB = 30
"""Of an instance: what the machine images of ECS ask for (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-optimized_AMI.html)."""
MOST_STANDARD_BYTES = 4096
"""Of a parameter that costs nothing; a longer record is an advanced one."""
LOG_BYTES = 512
"""What an invocation writes into its log (docs/aws-costs.md)."""
POLLS_MINUTE = 15
"""Lambda's looks into a queue that is empty: five at a time, of 20 s each (docs/aws-costs.md)."""
LOOK_UNITS = 12
"""Read units of a minute in which nothing happens: two dozen queries that find nothing, of half a unit each."""
METRICS_HOST, METRICS_REGION = 2, 2
"""What the health function measures of a host, and of each of its regions (`scheduler.lambdas.health`)."""


@dataclass(frozen=True)
class Scheduled:
    """A function that runs although nothing happens."""

    every_minutes: int
    memory_mib: int
    seconds: float
    """of an invocation: assumed, as in docs/aws-costs.md"""


SCHEDULED: Mapping[str, Scheduled] = {
    "scaler": Scheduled(1, 512, 1.5),
    "reconciler": Scheduled(1, 512, 0.5),
    "health": Scheduled(5, 256, 2.0),
    "router": Scheduled(10, 512, 5.0),
}
"""Functions of the host's stack with a rule that starts them."""


@dataclass(frozen=True)
class Range:
    """USD a month."""

    idle: float = 0.0
    """while nothing runs"""
    most: float | None = 0.0
    """with everything that may run, all month; None where a price is not known"""

    def __add__(self, other: "Range") -> "Range":
        return Range(self.idle + other.idle, None if self.most is None or other.most is None else self.most + other.most)


@dataclass(frozen=True)
class Item:
    """Something that costs."""

    what: str
    range: Range
    basis: str
    """what it was computed from, in words"""
    priced_on: str
    """ISO date of its price, "" where that is not known"""


@dataclass(frozen=True)
class Spot:
    """Prices of spot instances that were seen in a region."""

    usd: Mapping[str, float] = field(hash=False)
    """type -> USD an hour, of the zone where it costs most"""
    date: str
    """ISO"""


@dataclass(frozen=True)
class Known:
    """The prices that costs are computed from."""

    table: Table
    spot: Mapping[str, Spot] = field(default_factory=dict, hash=False)
    """region -> prices; none for one where nobody looked"""


def items(target: Target, known: Known, region: Mapping[str, Any]) -> tuple[Item, ...]:
    """What costs in a stack, dearest last. region: the body of the stack's region."""
    makers = {"host": _host, "region": _region, "cluster": _cluster}
    found = list(makers[target.kind](target, known, region)) if target.kind in makers else []
    return (*found, *_record(target))


# -- the control plane --------------------------------------------------------------------------------------------------
def _host(target: Target, known: Known, region: Mapping[str, Any]) -> Iterator[Item]:
    functions = sum(_of_function(each) for each in SCHEDULED.values())
    names = ", ".join(sorted(SCHEDULED))
    yield _fixed("functions that look each minute", functions, f"{names}: {sum(_runs(one) for one in SCHEDULED.values()):,.0f} runs")
    polls, reads = MINUTES * POLLS_MINUTE * services.MESSAGE.usd, MINUTES * LOOK_UNITS * services.READ_UNIT.usd
    yield _fixed(
        "looks into queues and table", polls + reads, f"{MINUTES * POLLS_MINUTE:,} requests of SQS, {MINUTES * LOOK_UNITS:,} reads"
    )
    watched = METRICS_HOST * services.METRIC.usd + services.ALARM.usd
    yield _fixed("metrics and alarm", watched, f"{METRICS_HOST} metrics, 1 alarm")
    if target.properties["body"].get("enable_dashboard"):
        yield _fixed("dashboard", services.DASHBOARD.usd, "1 dashboard")


def _runs(one: Scheduled) -> float:
    return MINUTES / one.every_minutes


def _of_function(one: Scheduled) -> float:
    """USD a month of one that runs on schedule, with its log."""
    run = services.INVOCATION.usd + one.seconds * one.memory_mib / 1024 * services.GB_SECOND.usd + LOG_BYTES / 1e9 * services.LOG.usd
    return _runs(one) * run


# -- networks -----------------------------------------------------------------------------------------------------------
def _region(target: Target, known: Known, region: Mapping[str, Any]) -> Iterator[Item]:
    body = target.properties["body"]
    yield _fixed("metrics", METRICS_REGION * services.METRIC.usd, f"{METRICS_REGION} metrics of its state, in the main region")
    made = not body.get("import_vpc")
    gateways = int(body.get("nat_gateways") or 0) if made and body.get("subnet_config") == "PRIVATE_WITH_NAT" else 0
    if gateways:
        hour = _hourly(target, known, table.NAT_GATEWAY, services.NAT_GATEWAY)
        usd = gateways * (hour.usd + services.PUBLIC_ADDRESS.usd) * HOURS
        basis = f"${hour.usd:g} an hour each{hour.words}, its address ${services.PUBLIC_ADDRESS.usd:g}"
        yield Item(_many(gateways, "NAT gateway"), Range(usd, usd), basis, hour.date)
    endpoints = len(INTERFACES.get(str(body.get("deploy_vpc_endpoints") or "OFF"), {}))
    if endpoints:
        zones = len(body.get("endpoint_subnets") or ()) or int(body.get("availability_zones") or DEFAULT_ZONES)
        hour = _hourly(target, known, table.ENDPOINT, services.ENDPOINT)
        usd = endpoints * zones * hour.usd * HOURS
        basis = f"{endpoints} in {_many(zones, 'zone')} at ${hour.usd:g} an hour{hour.words}"
        yield Item("interface endpoints", Range(usd, usd), basis, hour.date)


def _hourly(target: Target, known: Known, name: str, listed: services.Service) -> "_Hour":
    """What something of a network costs in a region: as it was fetched, else what it costs in us-east-1."""
    usd = known.table.service(name, target.region)
    if usd is not None:
        return _Hour(usd, "", known.table.priced_on(target.region))
    return _Hour(listed.usd, "" if target.region == services.REGION else f" ({services.REGION}'s price)", services.DATE)


# -- clusters -----------------------------------------------------------------------------------------------------------
def _cluster(target: Target, known: Known, region: Mapping[str, Any]) -> Iterator[Item]:
    body = target.properties["body"]
    if body.get("launch_type") == "ONPREM":
        yield Item("machines that join", Range(), "your own: nothing of AWS", services.DATE)
        return
    vcpus, types = int(body.get("max_vcpus") or 0), types_of(body, target.region, known.table)
    is_public = not region.get("import_vpc") and region.get("subnet_config") == "PUBLIC"
    priced = [(_hour(name, target.region, body, known), name) for name in types]
    found = [(each, name) for each, name in priced if each is not None]
    what = f"instances, up to {vcpus:,} vCPUs"
    if not found:
        words = ", ".join(map(str, body.get("instance_list") or ()))
        yield Item(what, Range(0.0, None), f"no price of {words} in {target.region} is known: hyper prices refresh", "")
        return
    whole = {name: each.usd + _beside(is_public) + _credits(name, known.table) for each, name in found}
    (dearest, name) = max(found, key=lambda pair: whole[pair[1]] / _vcpus(pair[1], known.table))
    most = vcpus * HOURS * whole[name] / _vcpus(name, known.table)
    basis = f"{name} at ${dearest.usd:.4f} an hour {dearest.words}, with disk{' and address' if is_public else ''}"
    basis += ", and its CPU credits at full speed" if _credits(name, known.table) else ""
    unknown = [name for each, name in priced if each is None]
    basis += f"; {_many(len(unknown), 'type')} without a known price" if unknown else ""
    yield Item(what, Range(0.0, most), basis, dearest.date)


@dataclass(frozen=True)
class _Hour:
    usd: float
    words: str
    date: str


def _hour(name: str, region: str, body: Mapping[str, Any], known: Known) -> _Hour | None:
    """What an hour of an instance may cost, None where nobody knows."""
    usd, date = known.table.on_demand(name, region), known.table.priced_on(region)
    if body.get("type") != "SPOT" or int((body.get("fallback") or {}).get("on-demand") or 0):
        return _Hour(usd, "on demand (list price)", date) if usd is not None else None
    seen = known.spot.get(region)
    bid = int(body.get("bid_percentage") or 100)
    if seen and name in seen.usd:
        paid = seen.usd[name] if usd is None else min(seen.usd[name], usd * bid / 100)
        bound = "" if usd is None else f", which may rise to ${usd * bid / 100:.4f}"
        return _Hour(paid, f"on spot, as seen {seen.date}{bound}", seen.date)
    return _Hour(usd * bid / 100, f"on spot, the bid: {bid} % of the list price on demand", date) if usd is not None else None


def types_of(body: Mapping[str, Any], region: str, table: Table) -> tuple[str, ...]:
    """Everything that the cluster may start, at first and later."""
    words = [str(word) for word in (*(body.get("instance_list") or ()), *(body.get("fallback_instance_list") or ()))]
    if compute_environments.OPTIMAL in words and region in compute_environments.REGIONS_WITH_BEFORE:
        words += compute_environments.BEFORE
    return table.types_of(words)


def _vcpus(name: str, table: Table) -> int:
    facts = table.facts(name)
    return facts.vcpus if facts else 1


def _credits(name: str, known: Table) -> float:
    """USD an hour of a burstable instance whose vCPUs never pause, whatever share of them it has for nothing."""
    credit = services.CREDITS.get(table.family(name))
    return _vcpus(name, known) * credit.usd if credit else 0.0


def _beside(is_public: bool) -> float:
    """USD an hour of what each instance has."""
    return DISK_GIB * services.DISK.usd / HOURS + (services.PUBLIC_ADDRESS.usd if is_public else 0.0)


# -- all ----------------------------------------------------------------------------------------------------------------
def _record(target: Target) -> Iterator[Item]:
    if target.properties.get("record") and len(aws_record(target.properties["body"])) > MOST_STANDARD_BYTES:
        yield _fixed("record", services.PARAMETER.usd, "an advanced parameter: it has more than 4 KB")


def _fixed(what: str, usd: float, basis: str) -> Item:
    return Item(what, Range(usd, usd), basis, services.DATE)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


NOT_COUNTED = (
    "requests by use: what a million tasks cost is in docs/aws-costs.md",
    "storage: outputs and scripts in S3, items in DynamoDB and their backups, images in ECR, machine images",
    "data transfer, what NAT gateways and endpoints carry, and logs of jobs and of what the network refused",
    "taxes, free tiers, savings plans and other discounts of yours",
)
"""What these numbers leave out."""
