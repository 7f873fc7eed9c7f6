"""What is seen to happen to an AWS host while somebody looks: events, made from what differs between two looks.

Nothing there keeps a log of this. What interfaces on this machine have seen is kept in the mirror, newest last: workers that were asked
for, came and went, lanes whose tasks wait and why, resources that changed. Pure but for `Watcher`, which remembers the last look.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cyclone_core.operations import aws_crews, aws_looks, aws_workers
from cyclone_core.operations.aws_crews import ComingNow, CrewsNow
from cyclone_core.operations.resources import Snapshot
from cyclone_core.operations.workers import WorkerView

Told = tuple[str, str, str]
"""(kind, name, what happened); of a worker and a cluster in a region the name begins with the region and `/`"""
LOST, WAITS, FAILED, LEFT = "lost", "tasks wait", "failed", "left alone"
"""How texts begin that are warnings."""


@dataclass(frozen=True)
class Sight:
    """What was known at a look; None: nothing yet."""

    crews: CrewsNow | None = None
    workers: tuple[WorkerView, ...] | None = None
    resources: Snapshot | None = None


def changes(before: Sight, now: Sight) -> Iterator[Told]:
    """What happened between two looks; of what was not known before, nothing."""
    if before.crews is not None and now.crews is not None:
        yield from _crews(before.crews, now.crews)
    if before.workers is not None and now.workers is not None:
        yield from _workers(before.workers, now.workers)
    if before.resources is not None and now.resources is not None:
        yield from _resources(before.resources, now.resources)


def is_warning(text: str) -> bool:
    """Whether somebody should know."""
    return text.startswith((LOST, WAITS, FAILED, LEFT))


def _crews(before: CrewsNow, now: CrewsNow) -> Iterator[Told]:
    known = {(crew.region, crew.cluster): crew for crew in before.crews}
    for crew in now.crews:
        old = known.pop((crew.region, crew.cluster), None)
        was = (old.starting, old.running) if old is not None else (0, 0)
        if (crew.starting, crew.running) != was:
            yield "cluster", f"{crew.region}/{crew.cluster}", f"workers: {crew.running:,} running, {crew.starting:,} starting"
    for region, cluster in sorted(known):
        yield "cluster", f"{region}/{cluster}", "no worker any more"
    reasons = {(lane.cluster, lane.definition): lane.why for lane in before.lanes if lane.failed}
    for lane in now.lanes:
        if lane.failed and reasons.get((lane.cluster, lane.definition)) != lane.why:
            yield "cluster", lane.cluster, f"{WAITS} of definition {lane.definition}: {lane.why}"
    yield from _coming(before.coming, now.coming)


def _coming(before: Sequence[ComingNow], now: Sequence[ComingNow]) -> Iterator[Told]:
    known = {(one.region, one.cluster): one for one in before}
    for one in now:
        old = known.get((one.region, one.cluster), ComingNow(one.region, one.cluster))
        where = f"{one.region}/{one.cluster}"
        if one.breaker != old.breaker:
            left = f"{LEFT}{f': {one.why}' if one.why else ''}"
            yield "cluster", where, {"open": left, "trying": "tried with one worker"}.get(one.breaker, "asked for workers again")
        elif one.rung != old.rung:
            yield (
                "cluster",
                where,
                f"workers are asked for with the step {one.rung!r} of the fallback chain" if one.rung else "workers come as at first",
            )


def _workers(before: Sequence[WorkerView], now: Sequence[WorkerView]) -> Iterator[Told]:
    known = {one.id: one for one in before}
    for one in now:
        old = known.pop(one.id, None)
        where = f" on {one.instance}" if one.instance else ""
        if old is None:
            yield "worker", f"{one.region}/{one.id}", f"started{where} for cluster {one.cluster}, definition {one.definition}"
        elif one.state == "gone" and old.state != "gone":
            yield "worker", f"{one.region}/{one.id}", f"{LOST}: it has said nothing for minutes"
    for one in known.values():
        if one.state != "gone":
            yield "worker", f"{one.region}/{one.id}", f"ended after {one.done:,} task{'' if one.done == 1 else 's'}"


def _resources(before: Snapshot, now: Snapshot) -> Iterator[Told]:
    known = {(one.kind, one.name): one.state for one in before.resources}
    for one in now.resources:
        old = known.pop((one.kind, one.name), None)
        if old != one.state:
            yield one.kind, one.name, f"{FAILED}: its stack is {one.state}" if one.state == "FAILED" else f"is {one.state}"
    for kind, name in sorted(known):
        yield kind, name, "deleted"


class Watcher:
    """Sees what happens to one host."""

    def __init__(self, host: str) -> None:
        self._host, self._last = host, Sight()

    def look(self, working: bool) -> tuple[Told, ...]:
        """What happened since the last look. working: tasks are open, so that workers come and go; else nothing is asked."""
        crews = aws_crews.look(self._host, True) if working else aws_crews.SHARED.peek(self._host)
        workers, looked = aws_workers.SHARED.peek(self._host), aws_looks.SHARED.peek(self._host)
        last = self._last
        self._last = Sight(
            crews.value if crews.at is not None else last.crews,
            workers.value if workers.at is not None else last.workers,
            looked.snapshot if looked is not None and looked.snapshot is not None else last.resources,
        )
        return tuple(changes(last, self._last))
