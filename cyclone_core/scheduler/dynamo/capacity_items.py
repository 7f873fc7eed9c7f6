"""What was decided for each lane, and why it was not more: CAPACITY items, for whoever asks why a job waits.

body (JSON)  at (ms), waiting, running (tasks), wanted, short (workers), vcpus (of a worker), automatic (weights),
             full (regions at the vCPU limit), unfit (1: no compute environment of those can ever hold a worker),
             off (regions without a weight), closed {region: why nothing is asked for there},
             regions {region: starting, running, ending, asked (now), since (ms: of the oldest that start), reason},
             rest {region: `early_ends.Rest`}: where workers end as soon as they start,
             fallback {region: rung, rung_since (ms), state, since, until (ms), why}: where a lane is not on its cluster's first step, or
             the region is left alone (state open, or trying: one worker is tried): since, until and why (`failover.Breaker`),
             refused {region: what it said when it refused the last request},
             short_since (ms), why (in one line), stuck (nothing changes by itself), both from `lane_words`
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cyclone_core.scheduler import capacity
from cyclone_core.scheduler.capacity import Course, Crew, Lane
from cyclone_core.scheduler.dynamo import fleet, keys, lane_words
from cyclone_core.scheduler.dynamo.demand import LaneTasks, Question
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.region_driver import EC2
from cyclone_core.scheduler.dynamo.table import Table

MOST_REASON = 400
"""Characters of a reason that are kept."""
_LATELY_S = 300.0
"""What was told longer ago says nothing of now."""
Body = dict[str, Any]


def read(table: Table) -> dict[Lane, Body]:
    """What was told last. Raises AwsError."""
    items = ((item["sk"].partition("#"), item["body"]) for item in table.query(keys.CAPACITY))
    return {Lane(cluster, definition): json.loads(body) for (cluster, _, definition), body in items}


def write(table: Table, lane: Lane, body: Body) -> None:
    """Tell of a lane. Raises AwsError."""
    table.put(_key(lane), {"body": json.dumps(body)})


def remove(table: Table, lane: Lane) -> None:
    """A lane that wants nothing any more. Raises AwsError."""
    table.delete(_key(lane))


def short_for(told: Mapping[Lane, Body], seconds: float, now_ms: int) -> set[Lane]:
    """Lanes that have been short of workers for so long, as was told of them lately."""
    lately = {lane: body for lane, body in told.items() if now_ms - body.get("at", 0) < _LATELY_S * 1000}
    return {lane for lane, body in lately.items() if now_ms - body.get("short_since", now_ms) >= seconds * 1000}


def body(
    lane: Lane, course: Course, asked: Question, requests: Sequence[Request], done: Mapping[str, int], refused: Mapping[str, str],
    before: Body, now_ms: int, fallback: Mapping[str, Body] | None = None,
) -> Body:  # fmt: skip
    """What to tell. requests: the lane's; done: region -> workers that were asked for now; refused: region -> why none were; before: {}
    where nothing was told yet; fallback: what is told beside, where there is any: `rest`, `fallback`, `refused`."""
    tasks = asked.lanes.get(lane, LaneTasks())
    closed = {site.region: site.closed for site in asked.sites if site.cluster == lane.cluster and site.closed}
    crews = _crews(lane, asked, requests, now_ms)
    regions = {region: _region(region, crews.get(region, Crew()), requests, done) for region in sorted({*crews, *course.asked})}
    found = {
        "at": now_ms, "waiting": tasks.waiting, "running": tasks.running, "wanted": course.wanted, "short": course.short,
        "vcpus": asked.shapes[lane.definition].vcpus, "automatic": tasks.automatic, "full": list(course.full),
        "off": [region for region in tasks.off if region not in closed], "closed": {**closed, **refused}, "regions": regions,
        "unfit": int(bool(course.full) and all(_is_unfit(lane, region, asked) for region in course.full)),
    }  # fmt: skip
    found |= {name: told for name, told in (fallback or {}).items() if told}
    if course.short:
        found["short_since"] = before.get("short_since") or now_ms
    return {**found, "why": lane_words.why(found, lane.cluster, now_ms), "stuck": lane_words.is_stuck(found)}


def _crews(lane: Lane, asked: Question, requests: Sequence[Request], now_ms: int) -> dict[str, Crew]:
    """Workers by region; of instances that this look has asked for only their request is known."""
    known = [request for request in requests if request.launch != EC2 or request.at >= now_ms]
    found = {region: crew for (_, region), crew in fleet.crews(known, now_ms).items()}
    for (each, region), more in asked.machines.items():
        if each == lane:
            before = found.get(region, Crew())
            found[region] = Crew(before.starting + more.starting, before.running + more.running, before.ending + more.ending)
    return found


def _region(region: str, crew: Crew, requests: Sequence[Request], done: Mapping[str, int]) -> Body:
    mine = (request for request in requests if request.region == region and request.starting and not request.ended)
    waiting = sorted(mine, key=lambda request: request.at)
    found: Body = {"starting": crew.starting, "running": crew.running, "ending": crew.ending, "asked": done.get(region, 0)}
    if waiting:
        reason = next((request.reason for request in waiting if request.reason), "")
        found |= {"since": waiting[0].at, "reason": reason[:MOST_REASON]}
    return found


def _is_unfit(lane: Lane, region: str, asked: Question) -> bool:
    """Whether a worker of a lane is larger than every compute environment of the cluster there."""
    mine = next(site for site in asked.sites if (site.cluster, site.region) == (lane.cluster, region))
    return asked.shapes[lane.definition].vcpus > max(capacity.shares(mine.max_vcpus, mine.environments))


def _key(lane: Lane) -> tuple[str, str]:
    return keys.CAPACITY, f"{lane.cluster}#{lane.definition}"
