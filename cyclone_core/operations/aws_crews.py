"""Which workers an AWS host has, and what its scaler says of each lane: two questions, in the background, as often as is useful.

A *crew* are the workers of a cluster in a region, as requests for them (FLEET items) tell; a *lane* is a cluster and a definition, of
which the scaler keeps what it decided last and why (CAPACITY items).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cyclone_core.operations.attention import Attention
from cyclone_core.operations.background import Background, Kept
from cyclone_core.scheduler.dynamo import keys

BUSY_S, STEADY_S, IDLE_S = 5.0, 15.0, 60.0
"""Between two reads: after a change while there are workers, while there are workers, and while there are none."""


@dataclass(frozen=True)
class CrewNow:
    """The workers of a cluster in a region."""

    region: str
    cluster: str
    starting: int
    running: int
    vcpus: float
    """of those that run"""


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
class CrewsNow:
    """Both."""

    crews: tuple[CrewNow, ...] = ()
    lanes: tuple[LaneNow, ...] = ()

    @property
    def workers(self) -> int:
        """Those that start or run."""
        return sum(crew.starting + crew.running for crew in self.crews)


def look(host: str, working: bool) -> Kept[CrewsNow]:
    """What is known. working: tasks are open, so that workers will come."""
    soon = STEADY_S if SHARED.peek(host).value.workers else BUSY_S
    return SHARED.look(host, soon if working else None)


def read(host: str) -> CrewsNow:
    """Ask for both. Raises CycloneError."""
    from cyclone_core.operations import aws_watched
    from cyclone_core.scheduler.dynamo.fleet import Fleet

    table = aws_watched.host(host).table
    sums: dict[tuple[str, str], list[float]] = {}
    for request in Fleet(table).all():
        found = sums.setdefault((request.region, request.cluster), [0, 0, 0.0])
        if not request.ended:
            found[0] += request.starting
        found[1] += request.running
        found[2] += request.running * request.vcpus
    crews = tuple(CrewNow(*place, int(found[0]), int(found[1]), found[2]) for place, found in sorted(sums.items()))
    return CrewsNow(crews, tuple(_lane(item) for item in table.query(keys.CAPACITY)))


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
