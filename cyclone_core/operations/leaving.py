"""Use case: ask workers and machines of an AWS host to leave, before a machine is taken away or a site is shut.

Whoever is asked hears it with its next word, within a minute. It takes nothing more, gives back what it has not begun, and goes when what
runs has ended, however long that takes. What is wrong with the names is said, all of it, before anybody is asked. There is no way back: who
left is gone, and where tasks wait the scaler asks for others. A machine that joined comes again when its program is started again.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cyclone_core.errors import InvalidRequest
from cyclone_core.operations.queries import HostView
from cyclone_core.options import did_you_mean
from cyclone_core.problems import Problem, Problems
from cyclone_core.scheduler.dynamo import leaving, machine_items
from cyclone_core.scheduler.dynamo.leaving import Present
from cyclone_core.scheduler.dynamo.machine_items import ONPREM, Machine
from cyclone_core.scheduler.dynamo.side_by_side import each
from cyclone_core.scheduler.dynamo.table import Table

T = TypeVar("T")

LOCAL = "its workers come and go with its tasks, and none of them is asked to leave"
LOCAL_REMEDY = "To start nothing more: hyper queues update-queue --name QUEUE --paused; to end all of them: hyper hosts stop"
_SHOWN = 3
"""Names that are told of many."""


@dataclass(frozen=True)
class Wanted:
    """Who is to leave."""

    workers: tuple[str, ...] = ()
    """names (`list-workers`), with their region before a `/` or without, or beginnings that only one has"""
    machines: tuple[str, ...] = ()
    """names (`list-machines`), or ids of instances"""
    cluster: str | None = None
    """only those of this cluster, and of this region"""
    region: str | None = None
    every: bool = False
    """all of them, whatever they are called"""


@dataclass(frozen=True)
class Asked:
    """Who was asked, by name."""

    workers: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    """those of the machines that are no instances of AWS"""
    before: tuple[str, ...] = ()
    """workers and machines that are leaving already"""

    @property
    def count(self) -> int:
        """Of both kinds."""
        return len(self.workers) + len(self.machines)


def ask_to_leave(host: HostView, wanted: Wanted) -> Asked:
    """Ask them. Raises InvalidRequest with all that is wrong, before anybody is asked; CycloneError where AWS cannot be asked."""
    from cyclone_core.operations.aws_door import AwsDoor

    if host.type != "aws":
        raise InvalidRequest([Problem(f"host {host.name}", LOCAL, LOCAL_REMEDY)])
    door = host.door()
    assert isinstance(door, AwsDoor)
    return ask(door.host.table, wanted, host.reader.resource_names("cluster"), time.time())


def ask(table: Table, wanted: Wanted, clusters: Iterable[str], now_s: float) -> Asked:
    """The same, of a table. clusters: those that there are; now_s: seconds since 1970."""
    problems = Problems()
    known = sorted(clusters)
    if wanted.cluster is not None and wanted.cluster not in known:
        hint = f"See hyper clusters list-clusters{did_you_mean(wanted.cluster, known)}"
        problems.add(wanted.cluster, "there is no such cluster", hint)
    workers = [one for one in leaving.present(table, now_s) if _is_in(wanted, one.lane.cluster, one.region)]
    machines = [one for one in machine_items.read(table, now_s) if _is_in(wanted, one.cluster, one.region)]
    chosen = _chosen_workers(wanted, workers, machines, problems), _chosen_machines(wanted, machines, problems)
    problems.check()
    slots = leaving.of_machines(workers, {f"{one.region}/{one.name}" for one in chosen[1]})
    return _ask(table, *chosen, slots)


def of_machine(worker: str) -> str:
    """The machine that a worker has slots of, "" for a container of AWS Batch. worker: its name."""
    return worker.rpartition("/")[2].rpartition("#")[0]


def _is_in(wanted: Wanted, cluster: str, region: str) -> bool:
    return wanted.cluster in (None, cluster) and wanted.region in (None, region)


def _ask(table: Table, workers: Sequence[Present], machines: Sequence[Machine], slots: Sequence[Present]) -> Asked:
    """Side by side: thousands may be asked. Those that went meanwhile are asked no more. slots: of these machines, which would tell them
    so with their own next word."""
    heard = each(lambda machine: machine_items.ask_to_leave(table, machine), there := [one for one in machines if one.takes_work])
    here = [one for one in workers if not one.is_leaving]
    told = each(lambda worker: leaving.ask_one(table, worker), [*here, *(one for one in slots if not one.is_leaving)])
    asked = [machine for machine, is_asked in zip(there, heard, strict=True) if is_asked]
    return Asked(
        tuple(_name(worker) for worker, is_asked in zip(here, told, strict=False) if is_asked),
        tuple(machine.name for machine in asked),
        tuple(machine.name for machine in asked if machine.launch == ONPREM),
        (*(_name(one) for one in workers if one.is_leaving), *(one.name for one in machines if not one.takes_work)),
    )


def _chosen_workers(wanted: Wanted, there: Sequence[Present], machines: Sequence[Machine], problems: Problems) -> list[Present]:
    """Containers. Slots of a machine are asked with it alone: it would start others."""
    containers = {one.key[1]: one for one in there if not of_machine(one.key[1])}
    if wanted.every:
        return list(containers.values())
    exact = {**{_name(one): one for one in containers.values()}, **containers}
    names = {one.name for one in machines}
    found: dict[str, Present] = {}
    for name in dict.fromkeys(wanted.workers):
        machine = of_machine(name) or (name if name in names else "")
        if machine:
            what = f"it is a slot of machine {machine}, which would start another one" if machine != name else "it is a machine"
            problems.add(name, what, f"Ask the machine: --machine {machine}")
        elif one := exact.get(name) or _only(name, list(containers.values()), _name, problems):
            found[one.key[1]] = one
    return list(found.values())


def _chosen_machines(wanted: Wanted, there: Sequence[Machine], problems: Problems) -> list[Machine]:
    if wanted.every:
        return list(there)
    found: dict[tuple[str, str], Machine] = {}
    for name in dict.fromkeys(wanted.machines):
        fitting = [one for one in there if one.name == name] or [one for one in there if name and one.instance == name]
        if len({(one.cluster, one.region) for one in fitting}) > 1:
            places = "; ".join(f"{one.cluster} in {one.region}" for one in fitting[:_SHOWN])
            problems.add(name, f"{len(fitting)} machines are called so: {places}", "Say which: --cluster CLUSTER, --region REGION")
        elif not fitting:
            hint = f"See hyper workers list-machines{did_you_mean(name, [one.name for one in there])}"
            problems.add(name, "there is no such machine", hint)
        found |= {one.key: one for one in fitting}
    return list(found.values())


def _only(begin: str, there: Sequence[T], name: Callable[[T], str], problems: Problems) -> T | None:
    """The only one whose name begins so."""
    fitting: Mapping[str, T] = {name(one): one for one in there if begin and name(one).startswith(begin)}
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if fitting:
        some = f"{', '.join(sorted(fitting)[:_SHOWN])}{' …' if len(fitting) > _SHOWN else ''}"
        problems.add(begin, f"{len(fitting):,} workers begin so: {some}", "Write more of it")
    else:
        problems.add(begin, "there is no such worker", f"See hyper workers list-workers{did_you_mean(begin, map(name, there))}")
    return None


def _name(worker: Present) -> str:
    return worker.key[1].partition("/")[2]
