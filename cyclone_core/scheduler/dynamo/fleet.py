"""Requests for workers: what was asked of AWS Batch, remembered in FLEET items so that nothing is asked for twice or forgotten.

A request is one Batch job: a plain job for one worker, an array for more. Its item is written *before* the job is submitted, with the name
that the job is to have; when whoever wrote it dies in between, or never hears an answer, the next look finds the job by that name
(`batch_region`), or takes the item away when no job came of it. Until that is known its workers count as starting. An item goes when all
of its workers have ended.

    body (JSON) of an item: the fields of `Request` but its key, by their names
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from secrets import token_hex
from typing import Any

from cyclone_core import naming
from cyclone_core.scheduler.capacity import Crew, Lane
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.table import Table

UNKNOWN_S = 120.0
"""A job that is not found by its name so long after it was asked for was never submitted."""
SILENT_S = 300.0
"""Workers of a region that has not answered for so long are not counted on; they may use its vCPUs still."""
_PART = 40
"""Characters of a name of ours in a Batch job's name, of which those are 128 at most."""


@dataclass(frozen=True)
class Request:
    """So many workers of a lane that a region was asked for together. Times are milliseconds since 1970."""

    cluster: str
    region: str
    name: str
    """of its Batch job, different from all others"""
    definition: str
    workers: int
    vcpus: int
    """of each"""
    at: int
    """when it was asked for"""
    batch: str = ""
    """id of the Batch job, "" while it is not known whether there is one"""
    running: int = 0
    over: int = 0
    """workers that have ended"""
    seen: int = 0
    """when these numbers were read"""
    reason: str = ""
    """why the first of those that have not started waits, in AWS's words"""
    ended: int = 0
    """when it was asked to end, 0 when it was not"""
    early: int = 0
    """workers that were seen to end as soon as they started (`early_ends`)"""
    well: bool = False
    """whether one of its workers has lasted"""
    why: str = ""
    """what is said of one that ended early"""
    launch: str = "BATCH"
    """how: BATCH a Batch job, EC2 a fleet of instances"""
    rung: str = ""
    """step of the cluster's fallback chain that it was asked on (`failover`), "" for the first"""
    came: int = 0
    """when the first of its workers was seen to run, 0 while none has"""
    moved: int = 0
    """when one of its workers was last seen to have got an instance (of Batch: STARTING or more), 0 while none has: for `failover.Asked`"""
    taken: int = 0
    """workers whose instances were taken away (spot interruptions)"""
    placed: int = 0
    """workers that got an instance, ever (of Batch: STARTING or more); what of EC2 did not is asked for again with each look"""
    given_up: int = 0
    """workers of a Batch job that were ended before they got an instance"""
    listened: int = 0
    """of EC2: since when looks have followed each other, so that machines could have been heard; 0 since it was asked for"""
    launched: Mapping[str, int] = field(default_factory=dict)
    """of EC2: instance type -> how many were launched, ever"""
    coming: Mapping[str, int] = field(default_factory=dict)
    """of EC2: instance type -> how many are there whose machines have not said anything yet"""

    @property
    def lane(self) -> Lane:
        """Whose workers they are."""
        return Lane(self.cluster, self.definition)

    @property
    def starting(self) -> int:
        """Workers that have not started."""
        return max(0, self.workers - self.running - self.over)

    @property
    def waiting(self) -> int:
        """Workers that have no instance yet, and were not told to end."""
        return 0 if self.ended else max(0, self.workers - self.placed - self.given_up)

    @property
    def holding(self) -> int:
        """Workers that have an instance now, and were not told to end."""
        return 0 if self.ended else max(0, self.starting + self.running - self.waiting)

    @property
    def is_over(self) -> bool:
        """Whether none of its workers is left."""
        return self.over >= self.workers

    @property
    def key(self) -> tuple[str, str]:
        """Of its item."""
        return keys.FLEET, f"{self.cluster}#{self.region}#{self.name}"

    def crew(self, now_ms: int) -> Crew:
        """Its workers as `capacity` counts them."""
        silent = now_ms - max(self.seen, self.at) > SILENT_S * 1000
        if self.ended or silent:
            return Crew(ending=self.starting + self.running)
        return Crew(self.starting, self.running)


class Fleet:
    """The requests of one host."""

    def __init__(self, table: Table, token: Callable[[], str] = lambda: token_hex(6)) -> None:
        """token: makes the part of a request's name that is different each time."""
        self._table, self._token = table, token

    def all(self) -> list[Request]:
        """Every request that is not known to be over. Raises AwsError."""
        return [_of_item(item) for item in self._table.query(keys.FLEET, consistent=True)]

    def intend(self, lane: Lane, region: str, workers: int, vcpus: int, now_ms: int, launch: str = "BATCH", rung: str = "") -> Request:
        """Write down that workers are about to be asked for. Raises AwsError."""
        name = f"{naming.slug(lane.cluster, _PART)}--{naming.slug(lane.definition, _PART)}--{self._token()}"
        made = Request(lane.cluster, region, name, lane.definition, workers, vcpus, now_ms, launch=launch, rung=rung)
        self.keep(made)
        return made

    def keep(self, request: Request) -> None:
        """Write what is known of a request. Raises AwsError."""
        known = asdict(request)
        body = {name: value for name, value in known.items() if name not in ("cluster", "region", "name")}
        self._table.put(request.key, {"body": json.dumps(body)})

    def forget(self, request: Request) -> None:
        """It is over, or never came to be. Raises AwsError."""
        self._table.delete(request.key)


def crews(requests: Iterable[Request], now_ms: int) -> dict[tuple[Lane, str], Crew]:
    """Workers by lane and region."""
    found: dict[tuple[Lane, str], Crew] = {}
    for request in requests:
        before, more = found.get((request.lane, request.region), Crew()), request.crew(now_ms)
        sums = Crew(before.starting + more.starting, before.running + more.running, before.ending + more.ending)
        found[request.lane, request.region] = sums
    return found


def told_over(request: Request, now_ms: int) -> Request:
    """A request of which nothing is left."""
    return replace(request, running=0, over=request.workers, seen=now_ms)


def _of_item(item: dict[str, Any]) -> Request:
    cluster, region, name = item["sk"].split("#", 2)
    known = Request.__dataclass_fields__
    body = {each: value for each, value in json.loads(item["body"]).items() if each in known}
    return Request(cluster=cluster, region=region, name=name, **body)
