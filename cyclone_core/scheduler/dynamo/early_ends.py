"""Workers that end as soon as they start, and the pauses that follow: an image that is no worker's must not start machines for ever. Pure.

A worker ends by itself only when it has been idle, so one that fails within seconds, never starts, or ends well at once could not work: its
image cannot be fetched, has no `cyclone-worker`, or its rights or its network are wrong. So it is with an instance whose machine ran
nothing before it ended, while tasks waited: it has no room for them, or its workers die. A lane then *rests* in that region: nothing is
asked for there for a minute, after each further such end for twice as long, half an hour at most; then for one worker, and for all once
one has lasted. Other regions get its share. A definition that was changed rests no more. Instances that were taken away, and workers that
were told to end, say nothing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from zlib import crc32

from cyclone_core.scheduler.capacity import Lane
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.region_driver import EC2
from cyclone_core.scheduler.remote.exits import TAKEN_BACK

EARLY_MS, AT_ONCE_MS = 20_000, 2_000
"""Of a worker that failed within so long, and of one that ended well: it could not work."""
REST_MS, LONGEST_REST_MS = 60_000, 1_800_000
_TAKEN, _ENDED_BY_US = "Host EC2", "Cyclone:"
"""How reasons begin of workers whose instance was taken away, and of those that the scaler ended."""
_MOST_WHY = 200
Place = tuple[Lane, str]
"""(lane, region)"""
Body = Mapping[str, Any]


@dataclass(frozen=True)
class Rest:
    """A lane asks for nothing in a region. Times are milliseconds since 1970."""

    count: int
    """looks in a row that found such workers"""
    since: int
    until: int
    why: str
    """what Batch says of the last of them"""
    of: int
    """stands for the definition as it was"""


def judged(jobs: Iterable[Body], now_ms: int) -> tuple[int, bool, str]:
    """(workers that ended as soon as they started, whether one has lasted, what is said of the first of those) of Batch jobs."""
    early, why = 0, ""
    for job in jobs:
        started, status = job.get("startedAt") or 0, job["status"]
        if status == "RUNNING":
            if started and now_ms - started >= EARLY_MS:
                return 0, True, ""
            continue
        if status not in ("SUCCEEDED", "FAILED"):
            continue  # it waits still
        lasted = (job.get("stoppedAt") or started) - started if started else 0
        if lasted >= (EARLY_MS if status == "FAILED" else AT_ONCE_MS):
            return 0, True, ""
        if not is_taken(job) and not str(job.get("statusReason", "")).startswith(_ENDED_BY_US):
            early, why = early + 1, why or _said(job)
    return early, False, why


def is_taken(job: Body) -> bool:
    """Whether a worker's instance was taken away (a spot interruption): before it noticed, or it left in time and said so."""
    code = (job.get("container") or {}).get("exitCode")
    return str(job.get("statusReason", "")).startswith(_TAKEN) or code == TAKEN_BACK


def rests(
    told: Mapping[Lane, Body], before: Iterable[Request], now: Iterable[Request], definitions: Mapping[str, Body], now_ms: int
) -> dict[Place, Rest]:
    """Who rests, by what was told of lanes last, and what was seen of requests then and now."""
    found = _told(told, definitions)
    earlier = {request.name: request.early for request in before}
    ended: dict[Place, Request] = {}
    lasting: dict[Place, int] = {}
    for request in sorted(now, key=lambda request: request.at):
        place = request.lane, request.region
        if request.well:
            lasting[place] = request.at
        elif request.early > earlier.get(request.name, 0) and _is_meant(request, told):
            ended[place] = request
    ended = {place: request for place, request in ended.items() if lasting.get(place, -1) < request.at}
    found = {place: rest for place, rest in found.items() if place in ended or lasting.get(place, -1) < rest.since}
    news = {
        place: _after(found.get(place), request, now_ms, _mark(definitions.get(request.definition, {}))) for place, request in ended.items()
    }
    return {**found, **news}


def resting(found: Mapping[Place, Rest], now_ms: int) -> set[Place]:
    """Where nothing is asked for now."""
    return {place for place, rest in found.items() if now_ms < rest.until}


def told(found: Mapping[Place, Rest], lane: Lane) -> dict[str, Any]:
    """Region -> rest of a lane, for its CAPACITY item."""
    return {region: asdict(rest) for (mine, region), rest in found.items() if mine == lane}


def _is_meant(request: Request, told: Mapping[Lane, Body]) -> bool:
    """Whether workers that ended early say something: a machine that was there and ran nothing does so while tasks wait for it."""
    return request.launch != EC2 or not request.came or bool(told.get(request.lane, {}).get("waiting"))


def _told(told: Mapping[Lane, Body], definitions: Mapping[str, Body]) -> dict[Place, Rest]:
    def every() -> Iterator[tuple[Place, Rest]]:
        for lane, body in told.items():
            for region, rest in body.get("rest", {}).items():
                yield (lane, region), Rest(**rest)

    return {place: rest for place, rest in every() if rest.of == _mark(definitions.get(place[0].definition, {}))}


def _after(rest: Rest | None, request: Request, now_ms: int, mark: int) -> Rest:
    count = rest.count + 1 if rest else 1
    pause = min(LONGEST_REST_MS, REST_MS << min(count - 1, 10))
    return Rest(count, rest.since if rest else request.at, now_ms + pause, request.why, mark)


def _mark(definition: Body) -> int:
    return crc32(json.dumps(definition, sort_keys=True, default=str).encode())


def _said(job: Body) -> str:
    container = job.get("container") or {}
    words = " ".join(str(container.get("reason") or job.get("statusReason") or "").split())
    code = container.get("exitCode")
    told = [f"exit code {code}"] if code is not None else []
    return ": ".join([*told, *([words[:_MOST_WHY].rstrip(".")] if words else [])]) or "Batch does not say why"
