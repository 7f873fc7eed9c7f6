"""Workers that are asked to leave, for others or by somebody: a mark on the items in which they say that they are there.

A worker says so each minute, and finds the mark in the answer (`remote.words`). It takes nothing more then, gives back what it has not
begun, and is gone when what runs has ended, however long that takes.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cyclone_core.scheduler.capacity import Crew, Demand, Lane
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.table import ConditionFailed, Table


@dataclass(frozen=True)
class Present:
    """A worker, as it says itself."""

    key: tuple[str, str]
    lane: Lane
    region: str
    started: int
    """seconds since 1970"""
    is_idle: bool
    is_leaving: bool
    """also when it was asked to"""
    environment: str = ""
    """compute environment in which it is, "" where it does not say"""
    width: int = 1
    """tasks that it may run at once"""
    tasks: int = 1
    """that it runs now; 1 where it does not say and is not idle"""


def present(table: Table, now_s: float) -> list[Present]:
    """The workers of a host. now_s: seconds since 1970. Raises AwsError.

    DynamoDB removes what has expired within days, not at once, and shows it until then: such a worker was killed, and is not there.
    """
    items = (item for shard in range(keys.SHARDS) for item in table.query(keys.worker_part(shard)))
    return [_of_item(item) for item in items if item.get("expires", now_s) >= now_s]


def of_machines(workers: Iterable[Present], machines: Collection[str]) -> list[Present]:
    """Those that have slots of some machines. machines: each as REGION/NAME"""
    return [worker for worker in workers if worker.key[1].rpartition("#")[0] in machines]


def without_leaving(crews: Mapping[tuple[Lane, str], Crew], workers: Iterable[Present]) -> dict[tuple[Lane, str], Crew]:
    """Crews in which those that are leaving are ending; a machine says of its own workers which are (`machine_rooms`)."""
    found = dict(crews)
    for worker in workers:
        crew = found.get((worker.lane, worker.region))
        if worker.is_leaving and "#" not in worker.key[1] and crew is not None and crew.running:
            found[worker.lane, worker.region] = Crew(crew.starting, crew.running - 1, crew.ending + 1)
    return found


def without_their_tasks(demands: Iterable[Demand], workers: Iterable[Present]) -> tuple[Demand, ...]:
    """Demands without the tasks that leaving workers run: they end there, and need no other worker."""
    running = Counter[Lane]()
    for worker in workers:
        if worker.is_leaving and not worker.is_idle:
            running[worker.lane] += worker.tasks
    found = []
    for demand in demands:
        fewer = min(running[demand.lane], demand.open_tasks)
        running[demand.lane] -= fewer
        found.append(replace(demand, open_tasks=demand.open_tasks - fewer))
    return tuple(found)


def ask(table: Table, workers: Sequence[Present], lane: Lane, region: str, count: int) -> int:
    """Ask so many of a lane's workers in a region to leave, idle ones first, then those that came last; how many were. Raises AwsError.

    One that runs several tasks at once counts as so many, and is asked when the first of them has to go.
    """
    mine = [worker for worker in workers if (worker.lane, worker.region) == (lane, region) and not worker.is_leaving]
    asked = 0
    for worker in sorted(mine, key=lambda worker: (not worker.is_idle, -worker.started, worker.key)):
        if count <= 0:
            break
        count -= worker.width
        asked += worker.width * ask_one(table, worker)
    return asked


def ask_all(table: Table, workers: Iterable[Present]) -> int:
    """Ask all of these that do not leave already; how many were. Raises AwsError."""
    return sum(ask_one(table, worker) for worker in workers if not worker.is_leaving)


def ask_one(table: Table, worker: Present) -> bool:
    """Ask a worker to leave; False when it is gone already. Raises AwsError."""
    try:
        table.update(worker.key, set={"leave": 1}, when=[("pk", "present", None)], returns="NONE")
    except ConditionFailed:  # it is gone by itself
        return False
    return True


def _of_item(item: Mapping[str, object]) -> Present:
    body = json.loads(str(item.get("body") or "{}"))
    state = body.get("state", "")
    lane = Lane(str(body.get("cluster", "")), str(body.get("definition", "")))
    is_leaving = state == "leaving" or bool(item.get("leave"))
    key = (str(item["pk"]), str(item["sk"]))
    environment = str(body.get("environment", ""))
    is_idle, started = state == "idle", int(body.get("started") or 0)
    tasks, width = body.get("slots") or (0 if is_idle else 1, 1)
    region = str(body.get("region", ""))
    return Present(key, lane, region, started, is_idle, is_leaving, environment, max(1, int(width)), max(0, int(tasks)))
