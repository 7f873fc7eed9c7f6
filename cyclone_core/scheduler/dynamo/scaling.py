"""The scaler of an AWS host: looks at the backlog and at every region concerned, decides (`capacity`), asks for workers, and tells why.

One look, in this order; whatever stops it half-way, the next look goes on from what is written down:

1. counters, records and requests are read; where nothing is open and nothing was asked for, that is all;
2. a lock is taken, so that no two looks ask for the same workers (`turns`);
3. regions that have requests, or may get some, are looked at together (`region_driver`); what changed of requests is written down;
   Where workers end as soon as they start, nothing is asked for, and later one at first (`early_ends`);
   Workers whose instances were changed under them are asked to leave, and others come for them (`instances`);
   Where no instances come, what waits is ended and asked for on the next step of the cluster's fallback chain (`standing`);
4. `capacity.decide`, and where lanes have been short for a minute `making_room`: some workers are asked to leave (`leaving`);
5. in each region, together: requests are written down and submitted, and requests that nobody wants any more are ended (`acting`);
6. for each lane a CAPACITY item says what was decided, and why it was not more (`capacity_items`).

A region that does not answer, or refuses, is told as closed, and others get its share. Nothing here needs a worker to end: idle ones do so
by themselves.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cyclone_core.scheduler import capacity
from cyclone_core.scheduler.capacity import Course, Lane
from cyclone_core.scheduler.dynamo import (
    capacity_items,
    demand,
    early_ends,
    fleet,
    health_items,
    instances,
    keys,
    leaving,
    machine_items,
    machine_rooms,
    routing_items,
    standing,
)
from cyclone_core.scheduler.dynamo.acting import Actor, Outcome, Regions
from cyclone_core.scheduler.dynamo.capacity_items import MOST_REASON
from cyclone_core.scheduler.dynamo.demand import Bodies, Question
from cyclone_core.scheduler.dynamo.fleet import Fleet, Request
from cyclone_core.scheduler.dynamo.region_driver import RegionDriver, Sight
from cyclone_core.scheduler.dynamo.standing import Standing
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.dynamo.turns import Turn
from cyclone_core.scheduler.health import Health
from cyclone_core.scheduler.making_room import make_room

LOCK_S = 150.0
"""Longer than a look can take: the function that looks is ended after two minutes."""
HUNGRY_S = 50.0
"""A lane that has been short for so long has a claim on others' workers: about two looks in a row."""
ROUNDS = 3
"""So often somebody who asked meanwhile is looked for."""
_REWRITTEN_S = 150.0
"""Requests that did not change are written so often: when their region falls silent it is known since when."""

NOTHING = "nothing to do"


@dataclass
class Report:
    """What a look came to."""

    did: str = NOTHING
    asked: dict[str, int] = field(default_factory=dict)
    """region -> workers"""
    requests: int = 0
    """SubmitJob calls that were accepted"""
    ended: int = 0
    """workers that were ended before they started"""
    leaving: int = 0
    """workers that were asked to leave: for others, or because their instances were changed"""
    given_up: int = 0
    """workers that were ended because no instance came for them; others are asked for on the next step, or elsewhere"""
    closed: dict[str, str] = field(default_factory=dict)
    """region -> why something there could not be looked at or asked for"""
    stale: list[str] = field(default_factory=list)
    """clusters whose automatic weights are missing or old: the router is to look"""


class Scaler:
    """Decides about the workers of one host. Keep it for several looks: its regions keep their pace and connections."""

    def __init__(
        self,
        table: Table,
        bodies: Callable[[], Bodies],
        region: Callable[[str], RegionDriver],
        now_ms: Callable[[], int] = lambda: int(time.time() * 1000),
        fleet: Fleet | None = None,
    ) -> None:
        """bodies: reads the host's records; region: makes the way to a region."""
        self._table, self._bodies, self._now_ms = table, bodies, now_ms
        self._fleet = fleet or Fleet(table)
        self._regions = Regions(region)
        self._actor = Actor(self._regions, self._fleet, now_ms)

    def run(self) -> Report:
        """Look, and do what is to be done; who comes while another looks leaves it to that one. Raises AwsError."""
        if not self._is_anything_to_do():
            return Report()
        turn = Turn(self._table, keys.SCALER_LOCK)
        for number in range(ROUNDS):
            now = self._now_ms()
            if not turn.take(now, now + int(LOCK_S * 1000)):
                return Report("another look is under way")
            try:
                report = self._look(now)
            finally:
                is_left = turn.leave() or number == ROUNDS - 1
            if is_left:
                break
        return report

    def _is_anything_to_do(self) -> bool:
        here = (self._table.query(part, limit=1) for part in (keys.FLEET, keys.CAPACITY))
        return bool(demand.read(self._table).counts) or any(True for items in here for _ in items)

    # -- a look ----------------------------------------------------------------------------------------------------------
    def _look(self, now_ms: int) -> Report:
        backlog, bodies, requests = demand.read(self._table), self._bodies(), self._fleet.all()
        routing = routing_items.read(self._table)
        routed = routing_items.current(routing, now_ms)
        concerned = demand.concerned(demand.question(backlog, bodies, {}, _vcpus(requests), routed=routed))
        sights = self._see(concerned, bodies, requests, now_ms)
        before = capacity_items.read(self._table)
        seen = [request for sight in sights.values() for request in sight.requests]
        rests = early_ends.rests(before, requests, seen, bodies.get("definition", {}), now_ms)
        news, taken = standing.news(requests, seen), standing.taken(requests, seen)
        requests = self._write_down(requests, sights, now_ms)
        closed = _closed(sights, bodies)
        asked = demand.question(backlog, bodies, closed, _vcpus(requests), early_ends.resting(rests, now_ms), routed)
        known = health_items.read(self._table)
        stands = standing.stood(known, asked, requests, sights, bodies, before, now_ms, taken)
        known = self._remember(known, standing.seen(known, stands, news, bodies, now_ms))
        requests, given_up = self._actor.give_up(requests, stands, now_ms)
        asked = stands.weighed(asked)
        there = machine_items.read(self._table, now_ms / 1000)
        workers, there, outdated = self._older(sights, bodies, there, now_ms)
        asked = replace(asked, demands=leaving.without_their_tasks(asked.demands, workers))
        asked, crews = machine_rooms.counted(asked, stands.relied_on(requests), there, bodies, now_ms)
        crews = leaving.without_leaving(crews, workers)
        plan, leave = self._decide(asked, crews, stands, capacity_items.short_for(before, HUNGRY_S, now_ms))
        plan = _tried(plan, rests, requests, now_ms)
        rungs = {place: stand.rung for place, stand in stands.stands.items()}
        plan = machine_rooms.in_whole_instances(plan, bodies, rungs, {*rests, *stands.apart})
        outcomes = self._actor.act(plan, asked, bodies, requests, stands, now_ms)
        self._tell(plan, asked, requests, outcomes, before, rests, stands, now_ms)
        failed = given_up + sum((outcome.given_up for outcome in outcomes.values()), Counter())
        self._remember(known, standing.failed(known, failed, now_ms))
        stale = routing_items.stale(routing, demand.automatic(asked, bodies), now_ms)
        return replace(_report(outcomes, sights), leaving=leave + outdated, given_up=failed.total(), stale=stale)

    def _remember(self, before: Mapping[standing.Where, Health], now: dict[standing.Where, Health]) -> dict[standing.Where, Health]:
        health_items.keep(self._table, before, now)
        return now

    def _older(
        self, sights: Mapping[str, Sight], bodies: Bodies, machines: list[machine_items.Machine], now_ms: int
    ) -> tuple[list[leaving.Present], list[machine_items.Machine], int]:
        """Workers that end what they run and want no other in their place: those whose instances were changed, which are leaving now, and
        those of machines that were asked to; all machines, of which changed ones are asked as well; and how many were in this look."""
        before, now_s = instances.read(self._table), now_ms // 1000
        known = {place: each for place, each in before.items() if place[0] in bodies.get("cluster", {})}
        for region, sight in sights.items():
            for cluster, seen in sight.instances.items():
                known[cluster, region] = instances.after(known.get((cluster, region), instances.Known()), seen, now_s)
        older: list[leaving.Present] = []
        old_machines = instances.older_machines(known, machines)
        is_changed = any(each.since for each in known.values())
        is_asked = any(each.is_asked_to_leave for each in machines)
        workers = leaving.present(self._table, now_s) if is_changed or is_asked else []
        if is_changed:
            older = instances.older(known, workers)
            known = {place: instances.without_past(place, each, older, old_machines, now_s) for place, each in known.items()}
        instances.keep(self._table, before, known)  # before anybody is asked: who dies in between is followed by one who asks
        asked = leaving.ask_all(self._table, older)
        asked += sum(machine_items.ask_to_leave(self._table, each) for each in old_machines if each.takes_work)
        machines = [replace(each, is_asked_to_leave=True) if each in old_machines else each for each in machines]
        going = {f"{each.region}/{each.name}" for each in machines if each.is_asked_to_leave}
        ending = {worker.key: worker for worker in (*older, *leaving.of_machines(workers, going))}
        return [replace(worker, is_leaving=True) for worker in ending.values()], machines, asked

    def _decide(
        self, asked: Question, crews: Mapping[tuple[Lane, str], capacity.Crew], stands: Standing, hungry: Collection[Lane]
    ) -> tuple[dict[Lane, Course], int]:
        """The plan; and how many workers were asked to leave for others. Workers are looked at only when some have to leave."""

        def decided() -> dict[Lane, Course]:
            plan = stands.planned(asked, crews, self._now_ms())
            return make_room(plan, asked.demands, asked.shapes, asked.sites, crews, hungry)

        plan = decided()
        if not any(course.leave for course in plan.values()):
            return plan, 0
        workers = leaving.present(self._table, self._now_ms() / 1000)
        crews = leaving.without_leaving(crews, workers)
        plan = decided()
        places = [(lane, region, count) for lane, course in plan.items() for region, count in course.leave.items()]
        return plan, sum(leaving.ask(self._table, workers, *place) for place in places)

    def _see(self, clusters: Mapping[str, set[str]], bodies: Bodies, requests: Sequence[Request], now_ms: int) -> dict[str, Sight]:
        regions = sorted({*clusters, *(request.region for request in requests)})
        known = bodies.get("cluster", {})

        def look(name: str) -> Sight:
            mine = [request for request in requests if request.region == name]
            here = {*clusters.get(name, ()), *(request.cluster for request in mine if request.cluster in known)}
            return self._regions.get(name).look({each: known[each] for each in sorted(here)}, mine, now_ms)

        return dict(zip(regions, self._regions.together(look, regions), strict=True))

    def _write_down(self, requests: Sequence[Request], sights: Mapping[str, Sight], now_ms: int) -> list[Request]:
        """What was seen of requests; those that are over are forgotten. What is left."""
        before = {request.name: request for request in requests}
        now = {request.name: request for sight in sights.values() for request in sight.requests}
        for name, request in before.items():
            if name not in now or now[name].is_over:
                self._fleet.forget(request)
            elif _is_news(request, now[name], now_ms):
                self._fleet.keep(now[name])
        return [request for request in now.values() if not request.is_over]

    # -- tell ------------------------------------------------------------------------------------------------------------
    def _tell(
        self, plan: Mapping[Lane, Course], asked: Question, requests: Sequence[Request], outcomes: Mapping[str, Outcome],
        before: Mapping[Lane, dict[str, Any]], rests: Mapping[early_ends.Place, early_ends.Rest], stands: Standing, now_ms: int,
    ) -> None:  # fmt: skip
        news = {request.name: request for outcome in outcomes.values() for request in outcome.requested}
        known = [*(news.pop(request.name, request) for request in requests), *news.values()]
        for lane, course in plan.items():
            mine = [request for request in known if request.lane == lane]
            done = {region: outcome.asked.get(lane, 0) for region, outcome in outcomes.items()}
            refused = {region: outcome.refused[lane] for region, outcome in outcomes.items() if lane in outcome.refused}
            errors = {region: outcome.errors[lane] for region, outcome in outcomes.items() if lane in outcome.errors}
            fallback = {"rest": early_ends.told(rests, lane), "fallback": stands.told(lane), "refused": errors}
            body = capacity_items.body(lane, course, asked, mine, done, refused, before.get(lane, {}), now_ms, fallback)
            capacity_items.write(self._table, lane, body)
        for lane in before:
            if lane not in plan:
                capacity_items.remove(self._table, lane)


def _tried(
    plan: Mapping[Lane, Course], rests: Mapping[early_ends.Place, early_ends.Rest], requests: Sequence[Request], now_ms: int
) -> dict[Lane, Course]:
    """Where workers ended as soon as they started, one is tried before the others are asked for."""
    crews = fleet.crews(requests, now_ms)
    made = dict(plan)
    for lane, region in rests:
        if lane in made and made[lane].asked.get(region):
            there = crews.get((lane, region), capacity.Crew())
            asked = {**made[lane].asked, region: max(0, 1 - there.starting - there.running)}
            made[lane] = replace(made[lane], asked={name: count for name, count in asked.items() if count})
    return made


def _vcpus(requests: Iterable[Request]) -> dict[str, int]:
    return {request.definition: request.vcpus for request in requests}


def _is_news(before: Request, now: Request, now_ms: int) -> bool:
    return replace(before, seen=now.seen) != now or (now.seen == now_ms and now_ms - before.seen > _REWRITTEN_S * 1000)


def _closed(sights: Mapping[str, Sight], bodies: Bodies) -> dict[tuple[str, str], str]:
    """(cluster, region) -> why nothing can be asked for there."""
    found = {}
    for region, sight in sights.items():
        for cluster in bodies.get("cluster", {}):
            if why := sight.error or sight.closed.get(cluster, ""):
                found[cluster, region] = why[:MOST_REASON]
    return found


def _report(outcomes: Mapping[str, Outcome], sights: Mapping[str, Sight]) -> Report:
    closed = {region: sight.error or next(iter(sight.closed.values())) for region, sight in sights.items() if sight.error or sight.closed}
    refused = {region: next(iter(outcome.refused.values())) for region, outcome in outcomes.items() if outcome.refused}
    asked = {region: sum(outcome.asked.values()) for region, outcome in outcomes.items() if outcome.asked}
    parts = outcomes.values()
    requests, ended = sum(each.requests for each in parts), sum(each.ended for each in parts)
    return Report("looked", asked, requests, ended, closed={**closed, **refused})
