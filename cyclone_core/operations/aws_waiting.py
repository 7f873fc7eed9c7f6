"""Why a job on an AWS host waits, in one line that names the next step where there is one. Lean.

The order is that of `waiting`, from what keeps a job for ever to what only takes its time: a missing resource, a pause, a need that
nothing can meet, no region to compute in, the array's own limit, a control plane that is silent, workers that cannot be asked for,
workers that have not started, work that shares them. One request to the table, and one for the records when they are ten seconds old.
"""

from time import time

from cyclone_core.aws.lean import jsons
from cyclone_core.jobs import RUNNING, WAITING
from cyclone_core.operations.waiting import hindrance
from cyclone_core.scheduler.dynamo import keys, lane_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    from cyclone_core.scheduler.dynamo.values import Item
    from cyclone_core.views import Job

    Body = dict[str, Any]

    class Records(Protocol):
        """What of the host's resources is used (`aws_bodies.HostBodies`)."""

        def find(self, kind: str, name: str) -> "Body | None":
            """A body."""

        def all(self, oldest_s: float = ...) -> "Mapping[str, Mapping[str, Body]]":
            """Every body, none older than `oldest_s`."""

    class Items(Protocol):
        """What of the host's table is used."""

        def get(self, key: tuple[str, str]) -> "Item | None":
            """An item."""

    class Host(Protocol):
        """What is asked (`aws_host.AwsHost`)."""

        name: str

        @property
        def bodies(self) -> Records:
            """Its resources."""

        @property
        def table(self) -> Items:
            """Its table."""


SILENT_S = 180.0
"""The scaler looks each minute: after three it is not well."""
FRESH_S = 10.0
"""What is told of resources is not older: a pause is often a moment old when somebody wonders."""
_NEW_S = 10.0
"""A job is counted within seconds, and workers are asked for at once where none are there."""


def why_waiting(host: "Host", job: "Job", now: "float | None" = None) -> str | None:
    """One line about a job with waiting tasks, None when nothing of it waits. now: seconds since 1970. Raises AwsError."""
    if not job.counts[WAITING]:
        return None
    now = time() if now is None else now
    host.bodies.all(FRESH_S)
    bodies: dict[str, Body] = {}
    found = hindrance(_Resources(host.bodies), job.queue, job.definition, bodies)  # type: ignore[arg-type]  # it asks for no more
    if found is not None:
        why, words, command = found
        return f"{why}: {words}{command}" if command else why
    if nowhere := _nowhere(host, bodies["queue"]):
        return nowhere
    if job.limit and job.counts[RUNNING] >= job.limit:
        return f"its limit of {job.limit} running tasks is reached"
    lane = _lane(host, str(bodies["queue"]["cluster"]), job.definition)
    return _silent(host, job, lane, now) or _told(host, job, lane, bodies, now)


def _nowhere(host: "Host", queue: "Body") -> str:
    """Why no region may ever compute for a queue, "" when one may."""
    regions = host.bodies.all().get("region", {})
    if not regions:
        return "the host has no region yet: hyper regions init-main-region"
    given = queue.get("region_distribution_weights") or {}
    weighed = [region for region in regions if given.get(region, not given)]
    name = queue["name"]
    if not weighed:
        command = f"hyper queues update-queue --name {name} --region-distribution-weights {sorted(regions)[0]} 1"
        return f"queue {name!r} gives no region a weight: {command}"
    if all(_is_isolated(regions[region]) for region in weighed):
        listed = ", ".join(sorted(weighed))
        command = f"hyper queues update-queue --name {name} --region-distribution-weights REGION 1"
        return f"workers in isolated subnets cannot reach the main region, and queue {name!r} has no other region ({listed}): {command}"
    return ""


def _is_isolated(region: "Mapping[str, Any]") -> bool:
    """As `scheduler.dynamo.demand` has it, which is not lean."""
    return region.get("subnet_config") == "PRIVATE_ISOLATED" and not region.get("main_region")


def _lane(host: "Host", cluster: str, definition: str) -> "Body":
    """What the scaler decided last, {} when it has nothing to decide about."""
    item = host.table.get((keys.CAPACITY, f"{cluster}#{definition}"))
    found: Body = jsons.loads(item["body"].encode()) if item else {}
    return found


def _silent(host: "Host", job: "Job", lane: "Body", now: float) -> str:
    """The scaler has not looked since the job came, although it should have."""
    heard = max(lane.get("at", 0) / 1000, job.submitted)
    if now - heard < SILENT_S:
        return ""
    minutes = int((now - heard) / 60)
    main = next((name for name, body in host.bodies.all().get("region", {}).items() if body.get("main_region")), "")
    log = f"aws logs tail /cyclone/{host.name}/function/scaler --since 10m{f' --region {main}' if main else ''}"
    return f"the host's scaler has decided nothing about its workers for {minutes:,} min. What it says: {log}"


def _told(host: "Host", job: "Job", lane: "Body", bodies: "dict[str, Body]", now: float) -> str:
    cluster = str(bodies["queue"]["cluster"])
    others = max(0, int(lane.get("waiting", 0)) - job.tasks)  # counted a minute ago, when all of its own may have waited
    why = lane_words.why(lane, cluster, int(now * 1000))
    if not why:
        when = "it was just submitted" if now - job.submitted < _NEW_S else "it is not counted yet"
        return f"{when}; workers for it are asked for within a minute"
    if lane_words.is_stuck(lane):
        if not lane.get("closed") and not lane.get("unfit"):  # the queue has weights by now: that was looked at first
            return f"queue {job.queue!r} was changed a moment ago; workers for it are asked for within a minute"
        return f"{why}: hyper clusters list-clusters --name {cluster}"
    if (region := min(lane.get("rest", {}), default="")) and bodies["cluster"].get("launch_type", "BATCH") == "BATCH":
        return f"{why}. What they say: aws logs tail {_log(host, job.definition)} --since 1h --region {region}"
    shared = f"{others:,} other waiting task{' shares' if others == 1 else 's share'} its workers; " if others else ""
    limit = f": hyper clusters update-cluster --name {cluster} --max-vcpus {_more(bodies['cluster'])}" if lane.get("full") else ""
    return f"{shared}{why}{limit}"


def _log(host: "Host", definition: str) -> str:
    from cyclone_core import naming

    return naming.log_group(host.name, definition)


def _more(cluster: "Body") -> int:
    return 2 * int(cluster.get("max_vcpus") or 1000)


class _Resources:
    """The part of a local host's reader that `hindrance` uses. What is recorded is deployed."""

    def __init__(self, bodies: "Records") -> None:
        self._bodies = bodies

    def resource(self, kind: str, name: str) -> "tuple[Body, str] | None":
        """(body, state), None when there is none."""
        found = self._bodies.find(kind, name)
        return None if found is None else (found, "ACTIVE")
