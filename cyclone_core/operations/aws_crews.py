"""Which workers an AWS host has, what its scaler says of each lane, and how workers come: three questions, in the background, as often as
is useful.

A *crew* are the workers of a cluster in a region, as requests for them (FLEET items) tell; a *lane* is a cluster and a definition, of
which the scaler keeps what it decided last and why (CAPACITY items). How workers of a cluster come in a region is in HEALTH items.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclone_core.operations.attention import Attention
from cyclone_core.operations.background import Background, Kept
from cyclone_core.scheduler.dynamo import keys

if TYPE_CHECKING:
    from cyclone_core.scheduler.health import Health

BUSY_S, STEADY_S, IDLE_S = 5.0, 15.0, 60.0
"""Between two reads: after a change while there are workers, while there are workers, and while there are none."""

_RUNGS = ("", "instance-types", "zones", "regions", "on-demand")
"""Steps of fallback chains, in their order."""


@dataclass(frozen=True)
class CrewNow:
    """The workers of a cluster in a region."""

    region: str
    cluster: str
    starting: int
    running: int
    vcpus: float
    """of those that run"""
    offered: float | None = None
    """vCPUs of machines that joined there, None where none did"""


@dataclass(frozen=True)
class LaneNow:
    """What the scaler says of a lane."""

    cluster: str
    definition: str
    why: str
    """why not all of its tasks run, "" where there is nothing to say"""
    failed: bool
    """whether that does not change by itself"""


@dataclass(frozen=True)
class ComingNow:
    """How workers of a cluster come in a region."""

    region: str
    cluster: str
    breaker: str = "closed"
    """closed: they are asked for; open: the region is left alone; trying: one is asked for"""
    until: float | None = None
    """Until when it is left alone, seconds since 1970."""
    why: str = ""
    """Why it is left alone."""
    rung: str = ""
    """Step of the cluster's fallback chain that they are asked for on; of several definitions the last one."""
    start_s: int | None = None
    """Mean seconds from a request to a running worker."""
    delivered: float | None = None
    """Share of those asked for that came, 0 to 1."""
    interruptions: float | None = None
    """Workers taken away for each hour that one ran."""


@dataclass(frozen=True)
class CrewsNow:
    """All of it."""

    crews: tuple[CrewNow, ...] = ()
    lanes: tuple[LaneNow, ...] = ()
    coming: tuple[ComingNow, ...] = ()
    """By region and cluster."""
    machines: int = 0
    """That joined, and were never asked for."""

    @property
    def workers(self) -> int:
        """Those that start or run, or may at any time: machines that joined."""
        return self.machines + sum(crew.starting + crew.running for crew in self.crews)


def look(host: str, working: bool) -> Kept[CrewsNow]:
    """What is known. working: tasks are open, so that workers will come."""
    soon = STEADY_S if SHARED.peek(host).value.workers else BUSY_S
    return SHARED.look(host, soon if working else None)


def read(host: str) -> CrewsNow:
    """Ask for all of it. Raises CycloneError."""
    from cyclone_core.operations import aws_watched
    from cyclone_core.scheduler.dynamo import health_items, machine_items
    from cyclone_core.scheduler.dynamo.fleet import Fleet

    table = aws_watched.host(host).table
    joined = [machine for machine in machine_items.read(table, time.time()) if machine.launch == machine_items.ONPREM]
    sums: dict[tuple[str, str], list[float]] = {}
    offered: dict[tuple[str, str], float] = {}
    for request in Fleet(table).all():
        found = sums.setdefault((request.region, request.cluster), [0, 0, 0.0])
        if not request.ended:
            found[0] += request.starting
        found[1] += request.running
        found[2] += request.running * request.vcpus
    for machine in joined:
        found = sums.setdefault((machine.region, machine.cluster), [0, 0, 0.0])
        offered[machine.region, machine.cluster] = offered.get((machine.region, machine.cluster), 0.0) + machine.vcpus
        found[1] += machine.slots
        found[2] += machine.vcpus - machine.free_vcpus
    crews = tuple(CrewNow(*place, int(found[0]), int(found[1]), found[2], offered.get(place)) for place, found in sorted(sums.items()))
    coming = tuple(sorted((coming_now(*where, one) for where, one in health_items.read(table).items()), key=_where))
    return CrewsNow(crews, tuple(_lane(item) for item in table.query(keys.CAPACITY)), coming, len(joined))


def coming_now(cluster: str, region: str, found: "Health") -> ComingNow:
    """How workers come, from what the scaler keeps of it."""
    from cyclone_core.scheduler import failover, health

    breaker = health.breaker(found)
    rungs = [stand.rung for stand in found.stands.values() if stand.rung in _RUNGS]
    return ComingNow(
        region, cluster, breaker.state, breaker.until / 1000 if breaker.state != failover.CLOSED and breaker.until else None, breaker.why,
        max(rungs, key=_RUNGS.index, default=""), None if found.start_s is None else round(found.start_s),
        None if found.delivered is None else round(found.delivered, 2),
        None if found.interruptions is None else round(found.interruptions, 3),
    )  # fmt: skip


def _where(one: ComingNow) -> tuple[str, str]:
    return one.region, one.cluster


def attention_of(kept: "Kept[CrewsNow]", at: str = "") -> list[Attention]:
    """Lanes whose tasks nothing will start."""
    return [
        Attention("error", ("cluster", lane.cluster), f"tasks of definition {lane.definition} wait", lane.why,
                  f"hyper clusters list-clusters --name {lane.cluster}{at}")
        for lane in kept.value.lanes if lane.failed
    ]  # fmt: skip


def _lane(item: Mapping[str, Any]) -> LaneNow:
    cluster, _, definition = str(item["sk"]).partition("#")
    body = json.loads(item.get("body") or "{}")
    return LaneNow(cluster, definition, str(body.get("why") or ""), bool(body.get("stuck")))


def _pause(found: CrewsNow, changed: bool) -> float:
    return (BUSY_S if changed else STEADY_S) if found.workers else IDLE_S


SHARED = Background(read, CrewsNow(), _pause)
"""Those of this process."""
