"""How queues of an AWS host share their work over regions: from its records, and what the router, the scaler and the workers wrote.

Pure but for `read`, which asks the host's table for five partitions and nobody else.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cyclone_core.operations.aws_host import AwsHost
from cyclone_core.operations.weights import MissingInput, QueueWeights, RegionWeight, WeightsChange
from cyclone_core.prices import table as prices
from cyclone_core.scheduler import capacity, failover, health
from cyclone_core.scheduler.dynamo import health_items, machine_items, price_items, routing_items
from cyclone_core.scheduler.dynamo.fleet import Fleet, Request
from cyclone_core.scheduler.dynamo.machine_items import ONPREM, Machine
from cyclone_core.scheduler.dynamo.region_driver import EC2
from cyclone_core.scheduler.dynamo.router_signals import median_on_demand, median_spot
from cyclone_core.scheduler.health import Health
from cyclone_core.scheduler.routing import PRICE, SCORE, SIGNALS

ISOLATED = "its subnets are isolated: workers there cannot reach the main region"
JOINS = "its cluster is made of machines that join, wherever they are: they take whatever waits, and nothing is weighed"
FRESH_S = 10.0
"""What is told of resources is not older."""
LATE_S = 3600.0
"""Automatic weights of this age are told with it."""
_NEUTRAL = 0.05
"""A factor so near to 1 is not named."""
Body = Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """What is known of a host."""

    host: str
    bodies: Mapping[str, Mapping[str, Body]]
    """kind -> name -> body"""
    routing: Mapping[str, Body] = field(default_factory=dict)
    """cluster -> body"""
    prices: Mapping[str, Body] = field(default_factory=dict)
    """region -> body"""
    health: Mapping[tuple[str, str], Health] = field(default_factory=dict)
    """(cluster, region) -> how workers come"""
    requests: tuple[Request, ...] = ()
    machines: tuple[Machine, ...] = ()
    """with slots, of EC2 and those that joined"""
    now: float = 0.0
    """seconds since 1970"""


def read(host: AwsHost, queue: str | None = None) -> tuple[QueueWeights, ...]:
    """Queues by name, or the one of this name, () when there is none. Raises CycloneError."""
    found = known(host)
    names = sorted(found.bodies.get("queue", {}))
    return tuple(view(found, name) for name in names if queue in (None, name))


def known(host: AwsHost) -> Known:
    """Ask for everything. Raises CycloneError."""
    table = host.table
    return Known(
        host.name, host.bodies.all(FRESH_S), routing_items.read(table), price_items.read_all(table), health_items.read(table),
        tuple(Fleet(table).all()), tuple(machine_items.read(table, time.time())), time.time(),
    )  # fmt: skip


def view(found: Known, name: str) -> QueueWeights:
    """A queue that there is."""
    queue = found.bodies["queue"][name]
    cluster, automatic = str(queue.get("cluster", "")), capacity.is_automatic(queue)
    if str(found.bodies.get("cluster", {}).get(cluster, {}).get("launch_type") or "BATCH") == ONPREM:
        return _of_machines(found, name, cluster)
    body = found.routing.get(cluster) if automatic else None
    routed = routing_items.weights_of(body, int(found.now * 1000))
    regions = found.bodies.get("region", {})
    weights = capacity.weights(sorted(regions), queue.get("region_distribution_weights") or {}, automatic, routed)
    usable = {region: weight for region, weight in weights.items() if not capacity.is_isolated(regions[region])}
    total = sum(usable.values()) or 1
    rows = [_region(found, queue, region, usable.get(region, 0), total, body if routed else None) for region in sorted(regions)]
    return QueueWeights(
        name, cluster, automatic, (*rows, *_sites(found, cluster)), body["at"] / 1000 if body else None,
        _note(found, cluster, automatic, body), _missing(body), _history(body),
    )  # fmt: skip


def _of_machines(found: Known, name: str, cluster: str) -> QueueWeights:
    """A queue whose cluster asks AWS for nobody."""
    rows = _sites(found, cluster)
    how = "" if rows else f". None has joined: hyper clusters join-command --name {cluster} says how"
    return QueueWeights(name, cluster, False, rows, note=f"{JOINS}{how}", joins=True)


def _sites(found: Known, cluster: str) -> tuple[RegionWeight, ...]:
    """Where machines joined, under the names that they gave. Nobody bids for them, so they have neither score nor price."""
    regions = Counter(machine.region for machine in found.machines if machine.cluster == cluster and machine.launch == ONPREM)
    return tuple(
        RegionWeight(
            site, 0, 0.0, True, _slots(found, cluster, site), why=f"{_counted(count)}: no weight, score or price, takes what waits"
        )
        for site, count in sorted(regions.items())
    )


def _counted(machines: int) -> str:
    return f"{machines:,} machine{'' if machines == 1 else 's'} joined"


# -- a region ----------------------------------------------------------------------------------------------------------------
def _region(found: Known, queue: Body, region: str, weight: int, total: int, body: Body | None) -> RegionWeight:
    cluster = str(queue.get("cluster", ""))
    seen = found.health.get((cluster, region), Health())
    breaker = health.breaker(seen)
    mine = [request for request in found.requests if (request.cluster, request.region) == (cluster, region)]
    made = RegionWeight(
        region, weight, weight / total,
        running=sum(request.running for request in mine if request.launch != EC2) + _slots(found, cluster, region),
        starting=sum(request.starting for request in mine if not request.ended),
        **_priced(found, cluster, region), **_scored(found, cluster, region),
        start_s=seen.start_s, delivered=seen.delivered, interruptions=seen.interruptions,
        breaker=breaker.state, breaker_since=_seconds(breaker.since), breaker_until=_seconds(breaker.until), breaker_why=breaker.why,
        rung=_rung(found.bodies.get("cluster", {}).get(cluster, {}), seen),
        factors=dict(body["factors"].get(region, {})) if body else {}, unknown=tuple(body["unknown"].get(region, ())) if body else (),
    )  # fmt: skip
    return RegionWeight(**{**vars(made), "why": _why(found, queue, made, body)})


def _slots(found: Known, cluster: str, region: str) -> int:
    return sum(machine.slots for machine in found.machines if (machine.cluster, machine.region) == (cluster, region))


def _priced(found: Known, cluster: str, region: str) -> dict[str, Any]:
    body = found.bodies.get("cluster", {}).get(cluster, {})
    table = prices.known()
    types = table.types_of(body.get("instance_list") or ("optimal",))
    ondemand = median_on_demand(table, types, region)
    priced: dict[str, Any] = {"ondemand_usd": ondemand, "ondemand_date": table.priced_on(region) if ondemand else ""}
    told = found.prices.get(region)
    if told and str(body.get("type") or "SPOT") == "SPOT" and (spot := median_spot(told, types)):
        priced |= {"spot_usd": spot, "spot_at": told["at"] / 1000}
    return priced


def _scored(found: Known, cluster: str, region: str) -> dict[str, Any]:
    told = (found.routing.get(cluster) or {}).get("inputs", {}).get(region, {})
    return {"score": told["score"], "score_at": told["score_at"] / 1000} if "score" in told else {}


def _rung(cluster: Body, seen: Health) -> str:
    """The last step that a lane's workers are asked for on there."""
    order = [rung.name for rung in failover.rungs(cluster)]
    return max((stand.rung for stand in seen.stands.values() if stand.rung in order), key=order.index, default="")


def _seconds(ms: int) -> float | None:
    return ms / 1000 if ms else None


def _why(found: Known, queue: Body, made: RegionWeight, body: Body | None) -> str:
    if capacity.is_isolated(found.bodies["region"][made.region]):
        return ISOLATED
    given = queue.get("region_distribution_weights") or {}
    if not made.weight:
        return "the queue gives it 0" if given.get(made.region) == 0 else "the queue names others" if given else "too little to count"
    parts = [_left_alone(made, found.now), "" if body or capacity.is_automatic(queue) else "the queue says so", _from(made, body)]
    return "; ".join(filter(None, parts)) or "like the others"


def _left_alone(made: RegionWeight, now: float) -> str:
    if made.breaker == "closed":
        return ""
    why = f": {made.breaker_why}" if made.breaker_why else ""
    if made.breaker == "trying":
        return f"tried with one worker{why}"
    minutes = -(-max(0, int((made.breaker_until or now) - now)) // 60)
    return f"left alone, tried again {f'in {minutes} min' if minutes > 1 else 'within a minute'}{why}"


def _from(made: RegionWeight, body: Body | None) -> str:
    """What its automatic weight is due to: the strongest factors first."""
    if body is None:
        return ""
    if made.region not in body["factors"]:
        return "new: weighed within ten minutes"
    told = sorted((name for name in SIGNALS if _counts(made.factors.get(name, 1.0))), key=lambda name: -_strength(made.factors[name]))
    parts = [f"{name} x{made.factors[name]:.2f}" for name in told]
    unknown = [name for name in made.unknown if name in (SCORE, PRICE)]  # what was observed is unknown until something is
    return ", ".join([*parts, *(f"{name} unknown" for name in unknown)])


def _counts(factor: float) -> bool:
    return _strength(factor) > 1 + _NEUTRAL


def _strength(factor: float) -> float:
    return max(factor, 1 / factor) if factor > 0 else 1e9


# -- a queue -----------------------------------------------------------------------------------------------------------------
def _note(found: Known, cluster: str, automatic: bool, body: Body | None) -> str:
    regions = found.bodies.get("region", {})
    if cluster not in found.bodies.get("cluster", {}):
        return f"its cluster {cluster!r} is not there"
    if sum(not capacity.is_isolated(region) for region in regions.values()) < 2:
        return "the host has one region to compute in: there is nothing to weigh"
    if not automatic:
        return ""
    main = next((name for name, region in regions.items() if region.get("main_region")), "")
    log = f"aws logs tail /cyclone/{found.host}/function/router --since 1h{f' --region {main}' if main else ''}"
    if body is None:
        return "no weights are decided yet, so regions are equal: the router looks each ten minutes"
    hours = (found.now - body["at"] / 1000) / 3600
    if hours * 3600 > routing_items.KEPT_S:
        return f"the weights are {hours:.0f} h old and count no more, so regions are equal. What the router says: {log}"
    return f"the weights are {hours:.0f} h old: they are renewed each six hours while nothing is open" if hours * 3600 > LATE_S else ""


def _missing(body: Body | None) -> tuple[MissingInput, ...]:
    told: Iterable[tuple[str, Body]] = sorted((body or {}).get("missing", {}).items())
    return tuple(MissingInput(what, each["why"], each["since"] / 1000) for what, each in told)


def _history(body: Body | None) -> tuple[WeightsChange, ...]:
    return tuple(WeightsChange(at / 1000, weights, tuple(why)) for at, weights, why in (body or {}).get("history", ()))
