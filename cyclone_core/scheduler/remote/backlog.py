"""What waits in a machine's cluster, by the counters and records of its host: one question, and another if something does."""

from cyclone_core.jobs import RUNNING, WAITING
from cyclone_core.scheduler.dynamo import totals
from cyclone_core.scheduler.machine_packing import Room, Want

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cyclone_core.scheduler.dynamo.records import Bodies, Records
    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.views import Counts

DEFAULT_MIB = 1024


class Backlog:
    """What a look found. definitions: name -> body; priorities: of definitions, the highest that a queue with tasks gives; running: those
    of which tasks run, wherever that is."""

    __slots__ = ("definitions", "priorities", "running", "wants")

    def __init__(
        self, wants: "list[Want]", definitions: "Mapping[str, Mapping[str, Any]]", priorities: "dict[str, int]", running: "set[str]"
    ) -> None:
        self.wants, self.definitions, self.priorities, self.running = wants, definitions, priorities, running


def look(table: "Table", records: "Records", cluster: str) -> Backlog:
    """Ask. Records are read only if something waits or runs, and when they are older than half a minute. Raises AwsError."""
    counts = totals.lanes(table)
    if not any(numbers[WAITING] or numbers[RUNNING] for numbers in counts.values()):
        return Backlog([], {}, {}, set())
    return of(counts, records.bodies(), cluster)


def of(counts: "Mapping[tuple[str, str], Counts]", bodies: "Bodies", cluster: str) -> Backlog:
    """What of it is for a cluster: tasks of its queues, those that are paused left out, whose definition exists."""
    definitions, queues = bodies.get("definition", {}), bodies.get("queue", {})
    waiting: dict[str, int] = {}
    priorities: dict[str, int] = {}
    running: set[str] = set()
    for (queue, definition), numbers in sorted(counts.items()):
        body = queues.get(queue)
        if body is None or (body.get("cluster") or "default") != cluster or body.get("paused") or definition not in definitions:
            continue
        if numbers[WAITING]:
            waiting[definition] = waiting.get(definition, 0) + numbers[WAITING]
        if numbers[RUNNING] > 0:
            running.add(definition)
        if numbers[WAITING] or numbers[RUNNING] > 0:
            priorities[definition] = max(priorities.get(definition, -1000), int(body.get("priority") or 0))
    wants = [_want(definitions[name], tasks, priorities[name]) for name, tasks in waiting.items()]
    return Backlog(wants, definitions, priorities, running)


def slot(definition: "Mapping[str, Any]") -> Room:
    """What a task of a definition needs."""
    memory_mib = int(definition.get("memory_limit_mib") or DEFAULT_MIB)
    return Room(int(definition.get("vcpus") or 1), memory_mib, int(definition.get("gpu_count") or 0))


def _want(definition: "Mapping[str, Any]", tasks: int, priority: int) -> Want:
    ratio = max(1, int(definition.get("jobs_to_workers_ratio") or 1))
    return Want(str(definition["name"]), slot(definition), -(-tasks // ratio), priority)
