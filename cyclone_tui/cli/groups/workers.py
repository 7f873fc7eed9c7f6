"""`hyper workers`: the processes that run tasks, per region and cluster."""

import time
from collections.abc import Sequence
from typing import Any

import click

from cyclone_core.errors import NotFound
from cyclone_core.operations.queries import HostView, open_host
from cyclone_core.operations.workers import WorkerView, cpu_percent, workers
from cyclone_core.views import iso
from cyclone_tui.cli.groups import options, tables
from cyclone_tui.cli.groups.options import make_group
from cyclone_tui.cli.text import duration

COLUMNS = ("worker", "region", "cluster", "state", "task", "for", "ahead", "cpu_%", "memory_mib", "heard", "process")
BETWEEN_LOOKS_S = 0.2
"""CPU use is what happens between two looks."""


def _list(cluster: str | None, host_name: str | None, as_json: bool) -> None:
    with open_host(host_name) as host:
        _check_cluster(host, cluster)
        before = {view.id: view for view in workers(host)}
        if before:
            time.sleep(BETWEEN_LOOKS_S)
        found = [view for view in workers(host) if cluster in (None, view.cluster)]
    if as_json:
        tables.print_json([record(view, cpu_percent(before.get(view.id), view)) for view in found])
    else:
        now = time.time()
        tables.print_table(COLUMNS, [row(view, cpu_percent(before.get(view.id), view), now) for view in found])


def _check_cluster(host: HostView, cluster: str | None) -> None:
    if cluster is not None and cluster not in host.reader.resource_names("cluster"):
        raise NotFound(f"there is no cluster {cluster!r} on host {host.name!r}. See hyper clusters list-clusters")


def row(view: WorkerView, percent: float | None, now: float) -> list[str]:
    """One line of the list. now: seconds since 1970."""
    return [
        view.id, view.region, view.cluster, view.state, task_text(view),
        duration(now - view.tasks[0].since) if view.tasks and view.tasks[0].since else "-",
        str(view.ahead), "-" if percent is None else f"{percent:.0f}", str(view.memory_mib), _heard(view, now), str(view.pid or "-"),
    ]  # fmt: skip


def task_text(view: WorkerView) -> str:
    """What a worker runs now: the task that has run longest and how many others, or the jobs of its short tasks."""
    if view.tasks:
        return _and_more(view.tasks[0].id, len(view.tasks) - 1)
    if view.jobs:
        return _and_more(f"tasks of {view.jobs[0]}", len(view.jobs) - 1)
    return "-"


def record(view: WorkerView, percent: float | None) -> dict[str, Any]:
    """A worker as JSON."""
    return {
        "id": view.id, "region": view.region, "cluster": view.cluster, "pid": view.pid or None, "state": view.state,
        "tasks": [
            {"id": task.id, "job": task.job, "name": task.name, "attempt": task.attempt, "started_at": iso(task.since or None)}
            for task in view.tasks
        ],
        "jobs": list(view.jobs), "tasks_ahead": view.ahead, "cpu_s": view.cpu_s,
        "cpu_percent": None if percent is None else round(percent, 1), "memory_mib": view.memory_mib,
        "started_at": iso(view.started), "heard_at": iso(view.heard or None), "connected": view.connected,
        "definition": view.definition or None, "instance": view.instance or None,
    }  # fmt: skip


def _and_more(first: str, others: int) -> str:
    return f"{first} +{others}" if others else first


def _heard(view: WorkerView, now: float) -> str:
    return "connected" if view.connected else f"{duration(now - view.heard)} ago" if view.heard else "never"


def _params() -> Sequence[click.Parameter]:
    return [
        options.value("--cluster", "cluster", help="Only workers of this cluster"),
        options.host_option(),
        options.switch("--json", "as_json", help="Print JSON"),
    ]


group = make_group(
    "workers",
    "Workers: the processes that run tasks. They come and go by themselves.",
    [
        options.ResourceCommand(
            "list-workers",
            callback=_list,
            params=list(_params()),
            help="List workers with what they run now, CPU and memory.",
            context_settings=options.SETTINGS,
        )
    ],
)
