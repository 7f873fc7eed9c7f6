"""Use cases of watching: how a host is, what it does, what needs attention, what happened. Reads only, in bounded time.

Everything is a frozen value, and two equal ones look the same: whoever shows them touches the screen only when they differ. Nothing here
depends on how many jobs or tasks a host has (5 ms with a million tasks): counters, ends of indexes, and one question to the supervisor.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, cast

from cyclone_core import paths
from cyclone_core.errors import CycloneError
from cyclone_core.jobs import FINAL, STATES, WAITING
from cyclone_core.operations import attention, local_hosts, waiting
from cyclone_core.operations.attention import Attention, Disk
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.workers import TaskNow, WorkerView, cpu_percent, living, workers
from cyclone_core.scheduler.references import LOCAL_REGION
from cyclone_core.scheduler.sqlite.monitoring_reader import MonitoringReader
from cyclone_core.scheduler.sqlite.reader import Reader

if TYPE_CHECKING:
    from cyclone_core.host_registry import HostRegistry

Health = Literal[
    "running", "stopped", "new", "not answering", "full disk",
    "ready", "changing", "failed", "not deployed", "asking", "not asked",
]  # fmt: skip
"""new: never started; full disk: it runs and cannot store. Of AWS hosts: as their stacks are; not asked: nobody looked in this process."""
ANSWER_TIMEOUT_S = 1.0
"""So long a look waits for a supervisor's word."""
MOST_OPEN = 10_000
"""Open jobs are counted up to this."""
NEWEST = 40
"""Jobs that an overview holds."""
_RECENT_S = 5.0
MOST_KINDS = 50
LAST_FINISHED = 20
_LAST_EVENTS = 50


@dataclass(frozen=True)
class QueueNow:
    """A queue and its tasks."""

    name: str
    cluster: str
    """"" of a queue that was deleted and still has tasks in its counters."""
    priority: int
    paused: bool
    counts: tuple[int, ...]
    """Tasks by state, in the order of `jobs.STATES`."""


@dataclass(frozen=True)
class Pool:
    """The workers of a cluster in a region."""

    region: str
    cluster: str
    workers: int
    busy_vcpus: float
    """Reserved for tasks that run or are about to."""
    max_vcpus: float | None
    """None: no limit is known."""
    starting: int = 0
    """Workers that were asked for and have not started."""
    why: str = ""
    """Why not all tasks that wait for them run, where somebody told."""


@dataclass(frozen=True)
class NotActive:
    """A resource that cannot be used now."""

    kind: str
    name: str
    state: str


@dataclass(frozen=True)
class JobLine:
    """A job in one line."""

    id: int
    name: str
    queue: str
    status: int
    """Index in `jobs.STATES`."""
    tasks: int
    submitted: float
    """Seconds since 1970."""
    counts: tuple[int, ...]
    """Tasks by state, in the order of `jobs.STATES`."""

    @property
    def done(self) -> int:
        """Tasks that are final."""
        return sum(self.counts[state] for state in FINAL)


@dataclass(frozen=True)
class Overview:
    """A host at one instant."""

    host: str
    type: str
    """local or aws"""
    supervised: bool
    """Whether its control plane answers."""
    health: Health
    counts: tuple[int, ...]
    """Tasks by state in all queues together, in the order of `jobs.STATES`."""
    queues: tuple[QueueNow, ...]
    open_jobs: int
    """Jobs that are not finished, counted up to MOST_OPEN."""
    done: int
    """Tasks that are final; it falls when old jobs are forgotten."""
    last_job: int
    """Number of the newest job, 0 where there never was one."""
    rates: tuple[float, ...]
    """Tasks that became final per second, oldest first, over the last minutes of work; () where nobody kept count."""
    pools: tuple[Pool, ...]
    not_active: tuple[NotActive, ...]
    newest: tuple[JobLine, ...]
    """The jobs submitted last, newest first."""
    attention: tuple[Attention, ...]
    """Errors first."""
    at: float = field(default=0.0, compare=False)
    """When this was looked at, seconds since 1970."""


@dataclass(frozen=True)
class HostNow:
    """A host among others."""

    name: str
    type: str
    health: Health
    selected: bool


@dataclass(frozen=True)
class EventView:
    """Something that happened to a host or a resource of it."""

    id: int
    at: float
    """Seconds since 1970."""
    region: str
    kind: str
    """host, worker or a kind of resource"""
    name: str
    text: str
    level: Literal["info", "warning"]


def overview(host: HostView, now: float | None = None) -> Overview:
    """How a host is now. Raises CycloneError or sqlite3.Error when its database cannot be read."""
    now = time.time() if now is None else now
    if host.type == "aws":
        from cyclone_core.operations import aws_overview

        return aws_overview.overview(host, now)
    details = local_hosts.ask_status(host.state_dir, ANSWER_TIMEOUT_S) if os.path.isdir(host.state_dir) else {}
    health = _health(details, host)
    reader = MonitoringReader(host.reader.connection)
    totals = dict(host.reader.counts())
    counts = tuple(sum(column) for column in zip(*totals.values(), strict=True)) or (0,) * len(STATES)
    newest = tuple(JobLine(*row[:6], row[6:]) for row in reader.newest(NEWEST))
    return Overview(
        host=host.name, type=_type(host.name), supervised=bool(details), health=health, counts=counts, queues=_queues(reader, totals),
        open_jobs=reader.open_jobs(MOST_OPEN), done=sum(counts[state] for state in FINAL), last_job=newest[0].id if newest else 0,
        rates=rates((details or {}).get("pace", ()), now),
        pools=_pools(host, reader, details or {}), not_active=tuple(NotActive(*row[:3]) for row in reader.not_active()), newest=newest,
        attention=_attention(host, reader, health, counts, totals, now), at=now,
    )  # fmt: skip


def pools(host: HostView) -> tuple[Pool, ...]:
    """The workers per region and cluster alone."""
    if host.type == "aws":
        from cyclone_core.operations import aws_overview

        return aws_overview.pools(host)
    return _pools(host, MonitoringReader(host.reader.connection), local_hosts.ask_status(host.state_dir, ANSWER_TIMEOUT_S) or {})


def rates(samples: Sequence[tuple[float, int]], now: float) -> tuple[float, ...]:
    """Tasks per second between samples (seconds since 1970, tasks that were final then).

    A zero is at the end when nothing has ended for a while. Forgotten jobs lower the number of final tasks: such a step counts as none.
    """
    found = tuple(max(0, done - before) / (at - then) for (then, before), (at, done) in pairwise(samples) if at > then)
    return (*found, 0.0) if found and found[-1] and now - samples[-1][0] > _RECENT_S else found


def hosts_now(registry: "HostRegistry | None" = None) -> tuple[HostNow, ...]:
    """All hosts with their health, by name; one whose file cannot be read is left out."""
    from cyclone_core.host_registry import HostRegistry  # loads the models of resources, which the first paint need not wait for

    selected = paths.selected_host()
    found = (registry or HostRegistry()).list()[0]
    return tuple(HostNow(host.name, host.type, _health_of(host.name, host.type), host.name == selected) for host in found)


def events(host: HostView, before_id: int | None = None, limit: int = 200) -> tuple[EventView, ...]:
    """What happened, newest first: at most `limit` events, with `before_id` older ones than that."""
    if host.type == "aws":
        from cyclone_core.operations import aws_mirror

        with Reader.open(aws_mirror.directory_of(host.name)) as seen:
            return tuple(_far_event(*row) for row in MonitoringReader(seen.connection).events(before_id, limit))
    rows = MonitoringReader(host.reader.connection).events(before_id, limit)
    return tuple(EventView(number, at, LOCAL_REGION, kind, name, text, _level(text)) for number, at, kind, name, text in rows)


def _far_event(number: int, at: float, kind: str, name: str, text: str) -> EventView:
    """Of an AWS host: what interfaces here have seen (`aws_events`)."""
    from cyclone_core.operations import aws_events

    region, slash, rest = name.partition("/")
    place, what = (region, rest) if slash else ("", name)
    return EventView(number, at, place, kind, what, text, "warning" if aws_events.is_warning(text) else "info")


def _health(details: Mapping[str, Any] | None, host: HostView) -> Health:
    if details is None:
        return "not answering"
    if not details:
        return "stopped" if host.reader.connection is not None else "new"
    return "full disk" if details.get("storage") == "full" else "running"


def _health_of(name: str, host_type: str) -> Health:
    if host_type != "local":
        from cyclone_core.operations import aws_looks, aws_mirror

        look, seen = aws_looks.SHARED.peek(name), aws_mirror.SHARED.of(name).peek()
        word = look.health() if look is not None else "not asked"
        return cast("Health", "not answering" if seen.error and word not in ("not deployed", "not asked") else word)
    state_dir = paths.host_state_dir(name)
    if not os.path.exists(os.path.join(state_dir, "state.db")):
        return "new"
    details = local_hosts.ask_status(state_dir, ANSWER_TIMEOUT_S / 2)
    if details is None:
        return "not answering"
    return "full disk" if details.get("storage") == "full" else "running" if details else "stopped"


def _type(name: str) -> str:
    from cyclone_core.host_registry import HostRegistry

    try:
        return HostRegistry().get(name).type
    except CycloneError:  # a file that was broken or removed since the host was opened: the database is still there
        return "local"


def _queues(reader: MonitoringReader, totals: Mapping[str, tuple[int, ...]]) -> tuple[QueueNow, ...]:
    none = (0,) * len(STATES)
    found = [QueueNow(name, cluster, prio, bool(paused), totals.get(name, none)) for name, cluster, prio, paused in reader.queues()]
    known = {queue.name for queue in found}
    found += [QueueNow(name, "", 0, False, counts) for name, counts in totals.items() if name not in known and any(counts)]
    return tuple(found)


def _pools(host: HostView, reader: MonitoringReader, details: Mapping[str, Any]) -> tuple[Pool, ...]:
    """The supervisor knows what is reserved; without one, tasks that workers run on are counted from the database."""
    told = {one["name"]: one for one in details.get("clusters", ())}
    processes: dict[str, int] = {}
    for worker in details.get("workers", ()):
        processes[worker["cluster"]] = processes.get(worker["cluster"], 0) + bool(worker["connected"])
    if not details:
        processes = living(reader)
    found = []
    for name, most in reader.clusters():
        if name in told:
            busy, most = told[name]["busy_vcpus"], told[name]["max_vcpus"]
        else:
            busy = waiting.busy_vcpus(host.reader, name) if processes.get(name) else 0
        found.append(Pool(LOCAL_REGION, name, processes.get(name, 0), round(float(busy), 3), most))
    return tuple(found)


def _attention(
    host: HostView, reader: MonitoringReader, health: Health, counts: tuple[int, ...], totals: Mapping[str, tuple[int, ...]], now: float
) -> tuple[Attention, ...]:
    at = "" if host.name == paths.selected_host() else f" --host {host.name}"
    log = os.path.join(host.state_dir, "supervisor.log")
    found = [
        *attention.health_attention(host.name, health, counts, log, at),
        *attention.never_attention(_hindrances(host, reader, totals), at),
        *attention.disk_attention(host.name, _disk(host.state_dir), at),
        *attention.resource_attention(reader.not_active(), at),
        *attention.death_attention(reader.events(None, _LAST_EVENTS), now, at),
        *attention.failure_attention(reader.finished(LAST_FINISHED), now, at),
    ]
    return tuple(sorted(found, key=lambda one: one.level != "error"))


def _hindrances(
    host: HostView, reader: MonitoringReader, totals: Mapping[str, tuple[int, ...]]
) -> list[tuple[str, str, int, str, str, str]]:
    """(queue, definition, waiting tasks of the queue, what keeps them from starting: see `waiting.hindrance`)."""
    found = []
    for queue, definition in reader.waiting_kinds(MOST_KINDS):
        hindrance = waiting.hindrance(host.reader, queue, definition, {})
        if hindrance is not None:
            found.append((queue, definition, totals[queue][WAITING] if queue in totals else 0, *hindrance))
    return found


def _disk(state_dir: str) -> Disk | None:
    try:
        info = os.statvfs(state_dir)
    except OSError:
        return None
    return Disk(info.f_bavail * info.f_frsize, info.f_blocks * info.f_frsize)


def _level(text: str) -> Literal["info", "warning"]:
    """Read from the words: the table keeps no level."""
    return "warning" if text.startswith(("died", "nothing could be stored")) or text.endswith("after a crash") else "info"


__all__ = [
    "Attention", "EventView", "Health", "HostNow", "JobLine", "NotActive", "Overview", "Pool", "QueueNow", "TaskNow", "WorkerView",
    "cpu_percent", "events", "hosts_now", "overview", "pools", "rates", "workers",
]  # fmt: skip
