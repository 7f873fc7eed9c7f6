"""Use case: who works on what. The workers of a host with their tasks now, their CPU time and memory, and when they were last heard.

Shaped for any host: a worker has a region and a cluster. Of a local host the database knows tasks, the supervisor knows connections, and
/proc knows the rest. Nothing is written and no worker is asked, so looking costs them nothing.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cyclone_core.ids import format_task
from cyclone_core.operations import local_hosts
from cyclone_core.operations.queries import HostView
from cyclone_core.scheduler.references import LOCAL_REGION
from cyclone_core.scheduler.sqlite.monitoring_reader import MonitoringReader
from cyclone_core.worker.metrics import usage
from cyclone_core.worker.processes import tree

ANSWER_TIMEOUT_S = 2.0
"""So long a look waits for the supervisor's word."""


@dataclass(frozen=True)
class TaskNow:
    """A task that has been running for a quarter of a second or more."""

    id: str
    """`1234`, or `1234--7` in an array"""
    job: int
    name: str
    """of the job"""
    since: float
    """Seconds since 1970, 0 where nobody told."""
    attempt: int


@dataclass(frozen=True)
class WorkerView:
    """One worker at one instant; two equal ones look the same."""

    id: str
    region: str
    cluster: str
    pid: int
    """Process on its machine, 0 while it is not known."""
    state: str
    """starting, idle, busy, leaving, alone (works without its supervisor), halted (its process is stopped) or gone"""
    tasks: tuple[TaskNow, ...]
    """Those that have run for a while; short ones come and go unseen."""
    jobs: tuple[int, ...]
    """Jobs that it holds tasks of."""
    ahead: int
    """Tasks that it holds and that are not in `tasks`: waiting for their turn on it, or too short to be seen."""
    cpu_s: float
    """CPU time that it and its tasks have used, seconds: see `cpu_percent`."""
    memory_mib: int
    """Resident memory of it and its tasks."""
    started: float
    """Seconds since 1970, as `heard`."""
    heard: float
    """When it last said something; while connected that is no sign of trouble: one with nothing to do says nothing."""
    connected: bool
    """Whether its control plane has it on the line; a worker that dies hangs up at once."""
    at: float = field(default=0.0, compare=False)
    """When this was looked at, seconds since 1970."""
    definition: str = ""
    """The only one whose tasks it runs; "" where it runs any."""
    instance: str = ""
    """The machine that it is on, of AWS."""
    done: int = 0
    """Tasks that have ended on it, as far as it tells."""
    cores: float | None = None
    """Cores used lately, as it tells; None: see `cpu_percent`."""
    slots: int = 0
    """Tasks that it may run at once; 0: nobody tells."""
    slots_used: int | None = None
    """Tasks that run; None: as many as `tasks` has"""


def workers(host: HostView) -> tuple[WorkerView, ...]:
    """The workers of a host that live, by region, cluster and number. Raises CycloneError where AWS cannot be asked."""
    if host.type == "aws":
        from cyclone_core.operations import aws_overview, aws_workers
        from cyclone_core.operations.mirrored import MirroredView

        return (
            aws_workers.workers(host.name, aws_overview.is_working(host)) if isinstance(host, MirroredView) else aws_workers.read(host.name)
        )
    details = local_hosts.ask_status(host.state_dir, ANSWER_TIMEOUT_S) or {}
    reader = MonitoringReader(host.reader.connection)
    connected = {told["id"]: told for told in details.get("workers", ())}
    leased, tasks = reader.leased(), tasks_now(reader)
    found = []
    for number, cluster, pid, started, seen, _ in reader.workers():
        told = connected.get(number)
        pid = pid or (told["pid"] if told else 0)
        process = process_state(pid)
        if not process and (told is None or told["connected"]):
            continue
        found.append(_view(number, cluster, pid, started, seen, process, told, leased.get(number, {}), tasks.get(number, ())))
    return tuple(sorted(found, key=lambda one: (one.region, one.cluster, int(one.id))))


def cpu_percent(before: WorkerView | None, after: WorkerView) -> float | None:
    """How busy a worker and its tasks kept the machine between two looks: 100 is one core. None without two looks some time apart."""
    if after.cores is not None:
        return after.cores * 100
    if before is None or (before.id, before.started) != (after.id, after.started) or after.at <= before.at:
        return None
    return max(0.0, (after.cpu_s - before.cpu_s) / (after.at - before.at) * 100)


def living(reader: MonitoringReader) -> dict[str, int]:
    """Cluster -> workers whose processes live, whether or not a supervisor runs."""
    found: dict[str, int] = {}
    for _, cluster, pid, *_ in reader.workers():
        if process_state(pid):
            found[cluster] = found.get(cluster, 0) + 1
    return found


def process_state(pid: int) -> str:
    """`R`, `S`, `T` … of a worker's process, "" when it is gone or another program has its number."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            head, _, rest = file.read().rpartition(b") ")
    except OSError:
        return ""
    state = rest[:1].decode()
    return "" if state in "ZX" or not head.endswith(b"(cyclone-worker") else state


def tasks_now(reader: MonitoringReader) -> dict[int, list[TaskNow]]:
    """Worker -> the tasks that have been running on it for a while, first started first."""
    found: dict[int, list[TaskNow]] = {}
    for worker, job, index, attempt, start_us, name in reader.running():
        found.setdefault(worker, []).append(TaskNow(format_task(job, index), job, name, start_us / 1e6, attempt))
    return found


def _view(
    number: int, cluster: str, pid: int, started: float, seen: float, process: str, told: Mapping[str, Any] | None,
    leased: Mapping[int, int], tasks: Sequence[TaskNow],
) -> WorkerView:  # fmt: skip
    cpu_s, memory_kib = usage(tree(pid)) if process else (0.0, 0)
    return WorkerView(
        id=str(number), region=LOCAL_REGION, cluster=cluster, pid=pid, state=_state(process, told, any(leased.values())),
        tasks=tuple(tasks), jobs=tuple(sorted(leased)), ahead=max(0, sum(leased.values()) - len(tasks)), cpu_s=round(cpu_s, 2),
        memory_mib=memory_kib // 1024, started=started, heard=max(seen, told.get("heard", 0.0) if told else 0.0),
        connected=bool(told and told.get("connected")), at=time.time(),
    )  # fmt: skip


def _state(process: str, told: Mapping[str, Any] | None, has_tasks: bool) -> str:
    if process in ("T", "t"):
        return "halted"
    if told is None:
        return "alone"
    if not told.get("connected"):
        return "starting"
    if told.get("leaving"):
        return "leaving"
    return "busy" if has_tasks else "idle"
