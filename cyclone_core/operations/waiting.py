"""Why a job waits, in one line that names the next step where there is one.

The checks go from what keeps a job for ever to what only takes its time: a missing resource, one that is not active, a pause, a
need that no worker can meet, nobody to run it, the array's own limit, work ahead of it. All from tables; nothing is asked.
"""

from cyclone_core.jobs import RUNNING, WAITING
from cyclone_core.scheduler.instance_fit import misfit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.scheduler.sqlite.reader import Reader
    from cyclone_core.views import Job

    Body = dict[str, Any]
    Hindrance = tuple[str, str, str]
    """(why nothing starts, words that lead over to the command that helps, that command or "")"""

_NEEDS = (
    ("vcpus", "max_vcpus", "vCPUs", "--vcpus"),
    ("memory_limit_mib", "max_memory_mib", "MiB of memory", "--memory-limit-mib"),
)
"""(field of a definition, field of a cluster, what it counts, option that changes it)"""


def why_waiting(reader: "Reader", job: "Job", supervised: bool) -> str | None:
    """One line about a job with waiting tasks, None when nothing of it waits. `supervised`: its host's supervisor listens."""
    if not job.counts[WAITING]:
        return None
    bodies: dict[str, Body] = {}
    found = hindrance(reader, job.queue, job.definition, bodies)
    if found is not None:
        why, words, command = found
        return f"{why}: {words}{command}" if command else why
    if not supervised:
        return "the host's supervisor is not running: hyper hosts start"
    return _limited(job) or _queued(reader, job, bodies)


def hindrance(reader: "Reader", queue: str, definition: str, bodies: "dict[str, Body]") -> "Hindrance | None":
    """What keeps the tasks of a queue and a definition from ever starting, None when nothing does.

    bodies: filled with the resources that were looked at, by kind.
    """
    for kind, name in (("queue", queue), ("cluster", ""), ("definition", definition)):
        name = name or str(bodies["queue"].get("cluster", ""))
        found = reader.resource(kind, name)
        if found is None:
            return f"{kind} {name!r} does not exist any more", "make it again with ", f"hyper {kind}s add-{kind} --name {name}"
        bodies[kind], state = found
        if state != "ACTIVE":
            return f"{kind} {name!r} is {state}", "see ", f"hyper {kind}s list-{kind}s --name {name}"
    return _held(queue, definition, bodies)


def _held(queue: str, definition: str, bodies: "dict[str, Body]") -> "Hindrance | None":
    """What does not change by itself."""
    cluster, needs = bodies["cluster"], bodies["definition"]
    if bodies["queue"].get("paused"):
        return f"queue {queue!r} is paused", "", f"hyper queues update-queue --name {queue} --no-paused"
    for need, limit, unit, flag in _NEEDS:
        wanted, most = needs.get(need) or 0, cluster.get(limit)
        if most and wanted > most:
            why = f"definition {definition!r} needs {wanted} {unit} per task and cluster {bodies['queue']['cluster']!r} has {most}"
            return why, "", f"hyper definitions update-definition --name {definition} {flag} {most}"
    if found := misfit(needs, cluster):
        name = bodies["queue"]["cluster"]
        why = f"definition {definition!r} needs {found.needs} per task and cluster {name!r} starts nothing that holds it ({found.has})"
        command = f"hyper clusters update-cluster --name {name} --instance-list {found.instance_list}"
        return why, "", command if found.would else f"hyper definitions update-definition --name {definition}"
    return None


def _limited(job: "Job") -> str | None:
    """The array's own limit."""
    if job.limit and job.counts[RUNNING] >= job.limit:
        return f"its limit of {job.limit} running tasks is reached"
    return None


def _queued(reader: "Reader", job: "Job", bodies: "dict[str, Body]") -> str:
    """How much is before it, and how full the cluster is."""
    name, cluster = str(bodies["queue"]["cluster"]), bodies["cluster"]
    ahead = reader.ahead(job) + _in_better_queues(reader, job, name, bodies["queue"].get("priority") or 0)
    tasks = f"{ahead:,} task{'' if ahead == 1 else 's'} ahead of it" if ahead else "it is next in its queue"
    busy, used = _in_use(reader, name)
    most, room = cluster.get("max_vcpus"), cluster.get("max_memory_mib")
    if not busy:
        return f"{tasks}; it starts as soon as a worker of cluster {name!r} takes it"
    wanted = bodies["definition"].get("memory_limit_mib") or 0
    if room and used + wanted > room and (not most or busy < most):
        full = f"the tasks of cluster {name!r} may use {min(used, room):,} of its {room:,} MiB of memory"
        return f"{tasks}; {full} and definition {job.definition!r} wants {wanted:,} MiB"
    return f"{tasks}; cluster {name!r} runs tasks on {min(busy, most or busy)} of {most or 'its'} vCPUs"


def _in_better_queues(reader: "Reader", job: "Job", cluster: str, priority: int) -> int:
    """Waiting tasks of other queues of the cluster that go first."""
    ahead = 0
    for name, counts in reader.counts():
        if name != job.queue and counts[WAITING] and (found := reader.resource("queue", name)):
            body = found[0]
            better = (body.get("priority") or 0) > priority
            ahead += counts[WAITING] if better and body.get("cluster") == cluster and not body.get("paused") else 0
    return ahead


def busy_vcpus(reader: "Reader", cluster: str) -> int:
    """vCPUs of the cluster's tasks that have been running for a quarter of a second or more."""
    return _in_use(reader, cluster)[0]


def _in_use(reader: "Reader", cluster: str) -> "tuple[int, int]":
    """(vCPUs, MiB) that those tasks take from the cluster."""
    vcpus = memory = 0
    for queue, definition, tasks in reader.busy():
        place, found = reader.resource("queue", queue), reader.resource("definition", definition)
        if place and place[0].get("cluster") == cluster:
            needs = found[0] if found else {}
            vcpus += tasks * (needs.get("vcpus") or 1)
            memory += tasks * (needs.get("memory_limit_mib") or 0)
    return vcpus, memory
