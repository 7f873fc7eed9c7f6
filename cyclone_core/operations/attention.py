"""What of a host needs somebody's attention: rules from what was read to a short list, each entry with the command that helps.

Pure rules over values that `monitoring` reads, so that each can be shown to fail. An entry is there because nothing gets better by
itself, or because something gets worse; what only takes its time is no entry.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from cyclone_core.jobs import ERROR, FAILED, RUNNING, WAITING

Level = Literal["error", "warning"]
"""error: work stands still or is lost; warning: it may come to that."""
RECENTLY_S = 3600.0
"""Failures and dead workers are told for so long."""
FEWEST_FAILURES = 5
"""So many of the jobs that ended last must have failed, and half of them, before it is told."""
FEWEST_DEATHS = 3
"""So many workers must have died within RECENTLY_S before it is told."""
_GIB = 2**30


@dataclass(frozen=True)
class Attention:
    """One thing to look after."""

    level: Level
    subject: tuple[str, str]
    """(kind, name): host, queue, cluster, definition, image, region, job or worker"""
    what: str
    why: str
    remedy: str = ""
    """The command that helps, "" where there is none."""

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" + (f". {self.remedy}" if self.remedy else "")


@dataclass(frozen=True)
class Disk:
    """Room on the disk that holds a host's state."""

    free_bytes: int
    total_bytes: int


def health_attention(host: str, health: str, counts: Sequence[int], log: str, at: str = "") -> list[Attention]:
    """A control plane that does not do its work. log: where its own words are; at: ` --host NAME` where commands need it."""
    subject = ("host", host)
    if health == "full disk":
        return [Attention("error", subject, f"host {host} stores nothing", "its disk is full", _purge(at))]
    if health == "not answering":
        return [Attention("error", subject, f"host {host} does not answer", "its supervisor is stuck or stopped", f"tail {log}")]
    waiting, running = counts[WAITING], counts[RUNNING]
    if health != "running" and waiting + running:
        work = f"{_tasks(waiting + running, 'is', 'are')} open"
        return [Attention("error", subject, "the supervisor is not running", work, f"hyper hosts start {host}")]
    return []


def disk_attention(host: str, disk: Disk | None, at: str = "") -> list[Attention]:
    """A disk that is nearly full: below 1 GiB, or below 5 % and 20 GiB. The figure is rounded, so that it does not change all the time."""
    if disk is None or not (disk.free_bytes < _GIB or (disk.free_bytes < 20 * _GIB and disk.free_bytes * 20 < disk.total_bytes)):
        return []
    free = f"{disk.free_bytes / _GIB:.1f} GiB" if disk.free_bytes >= _GIB else f"{disk.free_bytes // 2**20 // 50 * 50} MiB"
    level: Level = "error" if disk.free_bytes < _GIB / 4 else "warning"
    return [Attention(level, ("host", host), "disk nearly full", f"{free} left", _purge(at))]


def never_attention(hindrances: Iterable[tuple[str, str, int, str, str, str]], at: str = "") -> list[Attention]:
    """Waiting tasks that nothing will start. hindrances: (queue, definition, waiting tasks of the queue, why, lead words, command)."""
    found: dict[str, Attention] = {}
    for queue, definition, waiting, why, _, command in hindrances:
        subject = ("definition", definition) if why.startswith("definition") else ("queue", queue)
        remedy = command and command + at
        where = "" if subject[0] == "queue" else f" in queue {queue}"
        told = f"{_tasks(waiting, 'waits', 'wait')}{where}"
        found.setdefault(why, Attention("warning" if why.endswith("is paused") else "error", subject, why, told, remedy))
    return list(found.values())


def resource_attention(rows: Iterable[tuple[str, str, str, str]], at: str = "") -> list[Attention]:
    """Resources that failed. rows: (kind, name, state, reason)."""
    return [
        Attention(
            "warning",
            (kind, name),
            f"{kind} {name} is {state}",
            reason.splitlines()[0] if reason else "its log says why",
            f"hyper {kind}s list-{kind}s --name {name}{at}",
        )
        for kind, name, state, reason in rows
        if state == "FAILED"
    ]


def failure_attention(finished: Sequence[tuple[int, int, float]], now: float, at: str = "") -> list[Attention]:
    """Most of the jobs that ended last failed. finished: (job, status, ended), last one first; now: seconds since 1970."""
    bad = [(job, ended) for job, status, ended in finished if status in (FAILED, ERROR)]
    if len(bad) < FEWEST_FAILURES or 2 * len(bad) < len(finished) or now - bad[0][1] > RECENTLY_S:
        return []
    job = bad[0][0]
    what = f"{len(bad)} of the last {len(finished)} jobs failed"
    return [Attention("warning", ("job", str(job)), what, f"the last one was job {job}", f"qlog -i {job}{at}")]


def death_attention(events: Iterable[tuple[int, float, str, str, str]], now: float, at: str = "") -> list[Attention]:
    """Workers that die one after the other. events: (id, at, kind, name, text), newest first."""
    dead = [name for _, when, kind, name, text in events if kind == "worker" and text.startswith("died") and now - when < RECENTLY_S]
    if len(dead) < FEWEST_DEATHS:
        return []
    why = f"{len(dead)} within the last hour"
    return [Attention("warning", ("worker", dead[0]), "workers die", why, f"hyper events list-events{at}")]


def _purge(at: str) -> str:
    return f"hyper hosts purge --older-than 30d{at.replace('--host', '--name')}"


def _tasks(count: int, one: str, many: str) -> str:
    return f"1 task {one}" if count == 1 else f"{count:,} tasks {many}"
