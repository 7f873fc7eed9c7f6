"""`hyper workers`: the processes that run tasks, per region and cluster; and how they are asked to leave."""

import time
from collections.abc import Sequence
from typing import Any

import click

from cyclone_core.errors import NotFound, UsageError
from cyclone_core.operations.leaving import Asked, Wanted, ask_to_leave
from cyclone_core.operations.machines import MachineView, machines
from cyclone_core.operations.queries import HostView, open_host
from cyclone_core.operations.workers import WorkerView, cpu_percent, workers
from cyclone_core.views import iso
from cyclone_tui.cli.groups import options, tables
from cyclone_tui.cli.groups.options import make_group
from cyclone_tui.cli.text import duration
from cyclone_tui.monitoring_formats import drained, slots

MACHINE_COLUMNS = (
    "machine", "region", "cluster", "state", "slots", "vcpus", "memory_mib", "definitions", "done", "bought", "heard", "instance",
)  # fmt: skip
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
        rows = [row(view, cpu_percent(before.get(view.id), view), now) for view in found]
        if any(view.slots for view in found):  # of an AWS host
            tables.print_table((*COLUMNS, "slots"), [[*cells, slots(view)] for cells, view in zip(rows, found, strict=True)])
        else:
            tables.print_table(COLUMNS, rows)


def _list_machines(cluster: str | None, host_name: str | None, as_json: bool) -> None:
    with open_host(host_name) as host:
        _check_cluster(host, cluster)
        found = [view for view in machines(host) if cluster in (None, view.machine.cluster)]
    if as_json:
        tables.print_json([machine_record(view) for view in found])
    else:
        now = time.time()
        tables.print_table(MACHINE_COLUMNS, [machine_row(view, now) for view in found])


def machine_row(view: MachineView, now: float) -> list[str]:
    """One line of the list. now: seconds since 1970."""
    one = view.machine
    lanes = " ".join(f"{name}:{slots}" for name, slots in one.lanes.items()) or "-"
    kind = f"{one.instance_type} {one.instance}" if one.instance_type else one.instance
    return [
        one.name, one.region, one.cluster, view.state, f"{one.tasks}/{one.slots}", f"{view.used_vcpus}/{one.vcpus}",
        f"{one.memory_mib - one.free_memory_mib}/{one.memory_mib}", lanes, str(one.done), one.purchase,
        f"{duration(now - one.seen)} ago", kind,
    ]  # fmt: skip


def machine_record(view: MachineView) -> dict[str, Any]:
    """A machine as JSON."""
    one = view.machine
    return {
        "name": one.name, "region": one.region, "cluster": one.cluster, "launch_type": one.launch, "state": view.state,
        "tasks": one.tasks, "slots": one.slots, "definitions": dict(one.lanes), "tasks_done": one.done, "vcpus": one.vcpus,
        "vcpus_used": view.used_vcpus, "memory_mib": one.memory_mib, "memory_mib_used": one.memory_mib - one.free_memory_mib,
        "gpus": one.gpus, "gpus_used": one.gpus - one.free_gpus, "instance": one.instance, "instance_type": one.instance_type or None,
        "zone": one.zone or None, "purchase": one.purchase, "usd_per_vcpu_hour": one.usd, "version": one.version or None,
        "started_at": iso(one.started), "heard_at": iso(one.seen),
    }  # fmt: skip


def _drain(
    workers: Sequence[str], machines: Sequence[str], every: bool, cluster: str | None, region: str | None, host_name: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    if every == bool(workers or machines):
        what = "--all and names: one of them" if every else "nobody is named. Name workers, machines with --machine, or say --all"
        raise UsageError(f"{what}. See: hyper workers drain --help")
    with open_host(host_name) as host:
        asked = ask_to_leave(host, Wanted(tuple(workers), tuple(machines), cluster, region, every))
    if as_json:
        tables.print_json({name: list(value) for name, value in vars(asked).items()})
        return
    click.echo(drained(asked))
    for note in notes(asked):
        click.echo(note, err=True)


def notes(asked: Asked) -> Sequence[str]:
    """What follows from it."""
    if not asked.count:
        return ()
    found = ["They hear it within a minute, take nothing more, and go when what runs has ended. Where tasks wait, others come"]
    return [*found, "A machine that joined comes again when its program is started again"] if asked.joined else found


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
        "definition": view.definition or None, "instance": view.instance or None, "slots": view.slots or None,
    }  # fmt: skip


def _and_more(first: str, others: int) -> str:
    return f"{first} +{others}" if others else first


def _heard(view: WorkerView, now: float) -> str:
    return "connected" if view.connected else f"{duration(now - view.heard)} ago" if view.heard else "never"


def _params(what: str = "workers") -> Sequence[click.Parameter]:
    return [
        options.value("--cluster", "cluster", help=f"Only {what} of this cluster"),
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
        ),
        options.ResourceCommand(
            "list-machines",
            callback=_list_machines,
            params=list(_params("machines")),
            help="List machines with several slots: EC2's, and those that joined. What of each is in use.",
            context_settings=options.SETTINGS,
        ),
        options.ResourceCommand(
            "drain",
            callback=_drain,
            params=[
                click.Argument(["workers"], nargs=-1, metavar="[WORKER]..."),
                options.FieldOption(["--machine", "machines"], multiple=True, metavar="NAME", help="A machine, by its name or instance id"),
                options.switch("--all", "every", help="All workers and machines, of the cluster or region where one is given"),
                options.value("--cluster", "cluster", help="Only those of this cluster"),
                options.value("--region", "region", help="Only those of this region, or site of machines that joined"),
                options.host_option(),
                options.switch("--json", "as_json", help="Print JSON"),
            ],
            help="Ask workers and machines of an AWS host to leave: what runs ends, nothing more is begun, nothing is lost.",
            context_settings=options.SETTINGS,
        ),
    ],
)
