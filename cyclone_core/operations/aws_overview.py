"""An AWS host at a glance, from what was read of it last: its jobs from their mirror, its queues and clusters from its stacks.

What was read stays while AWS cannot be reached; whoever shows it says how old it is (`aws_mirror.Seen`, `aws_looks.Look`).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from cyclone_core import paths
from cyclone_core.jobs import FINAL, RUNNING, STATES, WAITING
from cyclone_core.operations import attention, aws_crews, aws_looks, aws_mirror, monitoring, waiting
from cyclone_core.operations.attention import Attention
from cyclone_core.operations.aws_looks import Look
from cyclone_core.operations.monitoring import Health, JobLine, NotActive, Overview, Pool, QueueNow
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.resources import Place, Snapshot, Stored
from cyclone_core.scheduler.sqlite.mirror import newest as newest_of
from cyclone_core.scheduler.sqlite.mirror import open_by_place
from cyclone_core.scheduler.sqlite.monitoring_reader import MonitoringReader

_NONE = (0,) * len(STATES)
_FIRST_LOOK_S = 0.3


def overview(host: HostView, now: float) -> Overview:
    """How it is. now: seconds since 1970. Raises NotYet, or why nothing could be read."""
    mirror = aws_mirror.SHARED.of(host.name)
    seen = mirror.look()
    look = aws_looks.SHARED.look(host.name, _FIRST_LOOK_S)
    found = (look.need() if seen.at is None else look.snapshot or Snapshot()).resources
    reader = MonitoringReader(host.reader.connection)
    totals = dict(host.reader.counts())
    counts = tuple(sum(column) for column in zip(*totals.values(), strict=True)) or _NONE
    newest = tuple(JobLine(*row[:6], row[6:]) for row in newest_of(host.reader.connection, monitoring.NEWEST))
    return Overview(
        host=host.name, type="aws", supervised=not seen.error, health=cast("Health", host.health()), counts=counts,
        queues=_queues(found, totals), open_jobs=reader.open_jobs(monitoring.MOST_OPEN), done=sum(counts[state] for state in FINAL),
        last_job=newest[0].id if newest else 0, rates=_rates(mirror.pace()), pools=pools(host),
        not_active=tuple(NotActive(one.kind, one.name, one.state) for one in found if one.state != "ACTIVE"),
        newest=newest, attention=tuple(_attention(host.name, look, reader, totals, now)), at=now,
    )  # fmt: skip


def pools(host: HostView) -> tuple[Pool, ...]:
    """Each cluster in each region, with the workers that it was asked for there and that start or run."""
    look = aws_looks.SHARED.peek(host.name)
    known = look.snapshot if look is not None else None
    kept = aws_crews.look(host.name, is_working(host)).value
    crews = {(one.region, one.cluster): one for one in kept.crews}
    limits = {
        (place.region, one.name): float(one.body.get("max_vcpus") or 0)
        for one in (known.resources if known is not None else ())
        if one.kind == "cluster" and one.body.get("launch_type") != "ONPREM"
        for place in one.places
    }
    why = {lane.cluster: lane.why for lane in kept.lanes if lane.why}
    found = []
    for place in sorted({*limits, *crews}):
        crew = crews.get(place, aws_crews.CrewNow(*place, 0, 0, 0.0))
        found.append(Pool(*place, crew.running, crew.vcpus, limits.get(place) or crew.offered, crew.starting, why.get(place[1], "")))
    return tuple(found)


def _rates(samples: tuple[tuple[float, int], ...]) -> tuple[float, ...]:
    """Throughput between samples; samples go on while nothing ends, so no zero has to be put behind them."""
    return monitoring.rates(samples, samples[-1][0]) if samples else ()


def with_jobs(host: HostView, snapshot: Snapshot) -> Snapshot:
    """Resources with their open jobs, as far as those are known here."""
    connection = host.reader.connection
    if connection is None:
        return snapshot
    found = open_by_place(connection)
    named = tuple(replace(one, open_jobs=found.get((one.kind, one.name), 0)) for one in snapshot.resources)
    return replace(snapshot, resources=named)


def queues(host: HostView, snapshot: Snapshot) -> tuple[QueueNow, ...]:
    """Each queue with its tasks."""
    return _queues(snapshot.resources, dict(host.reader.counts()))


def is_working(host: HostView) -> bool:
    """Whether tasks are open."""
    return any(counts[WAITING] or counts[RUNNING] for _, counts in host.reader.counts())


class Known:
    """Resources as the rules of `waiting` look at them, from what was read last."""

    def __init__(self, resources: "tuple[Stored, ...]") -> None:
        self._known = {(one.kind, one.name): one for one in resources}

    def resource(self, kind: str, name: str) -> tuple[Mapping[str, Any], str] | None:
        """(body, state), None where there is none. A stack that is changing serves as before."""
        one = self._known.get((kind, name))
        return None if one is None else (one.body, "FAILED" if one.state == "FAILED" else "ACTIVE")


def _queues(found: "tuple[Stored, ...]", totals: Mapping[str, tuple[int, ...]]) -> tuple[QueueNow, ...]:
    queues = [
        QueueNow(one.name, str(one.body.get("cluster") or ""), int(one.body.get("priority") or 0), bool(one.body.get("paused")),
                 tuple(totals.get(one.name, _NONE)))
        for one in found if one.kind == "queue"
    ]  # fmt: skip
    known = {queue.name for queue in queues}
    return (*queues, *(QueueNow(name, "", 0, False, counts) for name, counts in totals.items() if name not in known and any(counts)))


def _attention(host: str, look: Look, reader: MonitoringReader, totals: Mapping[str, tuple[int, ...]], now: float) -> list[Attention]:
    at = "" if host == paths.selected_host() else f" --host {host}"
    found = _of_stacks(host, look, at)
    if look.snapshot is not None and look.snapshot.host is not None:
        found += attention.never_attention(_hindrances(look.snapshot, reader, totals), at)
    found += aws_crews.attention_of(aws_crews.SHARED.peek(host), at)
    found += attention.failure_attention(reader.finished(monitoring.LAST_FINISHED), now, at)
    return sorted(found, key=lambda one: one.level != "error")


def _of_stacks(host: str, look: Look, at: str) -> list[Attention]:
    snapshot, subject, remedy = look.snapshot, ("host", host), "hyper deployments list" + at
    found: list[Attention] = []
    if look.error is not None:
        found.append(Attention("error", subject, f"host {host} cannot be read", str(look.error)))
    if snapshot is None:
        return found
    if snapshot.host is None:
        found.append(Attention("error", subject, f"host {host} is not deployed", "none of its stacks is there", remedy))
    elif snapshot.host.state == "FAILED":
        found.append(Attention("error", subject, f"host {host} is FAILED", _why(snapshot.host.places), remedy))
    rows = [(one.kind, one.name, one.state, _why(one.places)) for one in snapshot.resources]
    return [*found, *attention.resource_attention(rows, at)]


def _hindrances(
    snapshot: Snapshot, reader: MonitoringReader, totals: Mapping[str, tuple[int, ...]]
) -> list[tuple[str, str, int, str, str, str]]:
    """What keeps waiting tasks from ever starting, as `monitoring` tells it of a local host."""
    known, found = Known(snapshot.resources), []
    for queue, definition in reader.waiting_kinds(monitoring.MOST_KINDS):
        hindrance = waiting.hindrance(cast("Any", known), queue, definition, {})
        if hindrance is not None:
            found.append((queue, definition, totals[queue][WAITING] if queue in totals else 0, *hindrance))
    return found


def _why(places: tuple[Place, ...]) -> str:
    return "; ".join(f"{place.region}: {place.reason}" for place in places if place.reason)
