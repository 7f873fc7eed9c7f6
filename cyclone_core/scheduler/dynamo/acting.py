"""What a look of the scaler decided, carried out: workers are asked for, and those that wait in vain or for nothing are ended.

A request is written down before it is made, and what was ended right afterwards, each by itself: whoever dies in between is followed by one
that sees what was done (`fleet`). A region that refuses or does not answer keeps no other from its part.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from cyclone_core.errors import AwsError
from cyclone_core.scheduler import capacity
from cyclone_core.scheduler.capacity import Course, Lane
from cyclone_core.scheduler.dynamo.capacity_items import MOST_REASON
from cyclone_core.scheduler.dynamo.demand import Bodies, Question
from cyclone_core.scheduler.dynamo.fleet import Fleet, Request
from cyclone_core.scheduler.dynamo.region_driver import NO_ROOM, RegionDriver, launch_type, shortened
from cyclone_core.scheduler.dynamo.standing import Standing, Where
from cyclone_core.scheduler.failover import ON_DEMAND

LONGEST_S = 50.0
"""So long a look asks for workers; what is left follows with the next."""
UNWANTED_S = 120.0
"""Workers that have not started are kept so long, wanted or not: work that comes in bursts does not ask and take back."""
_UNWANTED = "Cyclone: nothing waits for this worker any more"
_ELSEWHERE = "Cyclone: no instance came for this worker, another is asked for elsewhere"
"""Why workers are ended, as Batch says it; `early_ends` knows how such reasons begin."""
_AT_ONCE = 8
"""Regions at a time."""
T = TypeVar("T")


@dataclass
class Outcome:
    """What came of one region's part of a plan."""

    asked: dict[Lane, int] = field(default_factory=dict)
    requests: int = 0
    ended: int = 0
    refused: dict[Lane, str] = field(default_factory=dict)
    """why not all was asked for"""
    errors: dict[Lane, str] = field(default_factory=dict)
    """what the region said when it refused"""
    given_up: Counter[Where] = field(default_factory=Counter)
    """workers that were ended because their place is left"""
    requested: list[Request] = field(default_factory=list)
    """what is known of requests that were made or changed"""


class Regions:
    """The ways to a host's regions, each made when it is needed first and kept."""

    def __init__(self, make: Callable[[str], RegionDriver]) -> None:
        self._make = make
        self._made: dict[str, RegionDriver] = {}

    def get(self, name: str) -> RegionDriver:
        """The way to one."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def together(self, work: Callable[[str], T], names: Sequence[str]) -> list[T]:
        """What comes of work in each, in their order; at the same time."""
        for name in names:
            self.get(name)  # made here, so that no two threads make one
        if len(names) < 2:
            return [work(name) for name in names]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(work, names))


class Actor:
    """Carries out what looks decide."""

    def __init__(self, regions: Regions, fleet: Fleet, now_ms: Callable[[], int]) -> None:
        self._regions, self._fleet, self._now_ms = regions, fleet, now_ms

    def give_up(self, requests: Sequence[Request], stands: Standing, now_ms: int) -> tuple[list[Request], Counter[Where]]:
        """End what waits on earlier steps than its place is on now; requests as they are then, and how many workers were ended.

        Raises AwsError.
        """
        behind = [request for request in requests if request.batch and request.waiting and stands.is_left_behind(request)]
        ended: Counter[Where] = Counter()

        def end(region: str) -> list[Request]:
            changed = []
            for request in (each for each in behind if each.region == region):
                try:
                    changed.append(self._regions.get(region).end(request, request.waiting, _ELSEWHERE, now_ms))
                except AwsError:
                    continue  # the next look does it
                self._fleet.keep(changed[-1])
            return self._regions.get(region).look({}, changed, now_ms).requests if changed else []

        regions = sorted({request.region for request in behind})
        news = {request.name: request for changed in self._regions.together(end, regions) for request in changed}
        for request in behind:
            if request.name in news:
                ended[request.cluster, request.region] += request.waiting
                if news[request.name].is_over:
                    self._fleet.forget(request)
        now = [news.get(request.name, request) for request in requests]
        return [request for request in now if not request.is_over], ended

    def act(
        self, plan: Mapping[Lane, Course], asked: Question, bodies: Bodies, requests: Sequence[Request], stands: Standing, now_ms: int
    ) -> dict[str, Outcome]:
        """End and ask for what a plan says, in all regions together: region -> what came of it. Raises AwsError."""
        launches = {name: launch_type(body) for name, body in bodies.get("cluster", {}).items()}
        regions = sorted({region for course in plan.values() for region in (*course.asked, *course.spare)})
        until = now_ms + int(LONGEST_S * 1000)

        def act(region: str) -> Outcome:
            outcome = Outcome()
            for lane, course in plan.items():
                if workers := course.spare.get(region):
                    mine = [request for request in requests if (request.lane, request.region) == (lane, region)]
                    self._end(region, mine, workers, outcome, (lane, region) in stands.left, now_ms)
            for lane in _by_priority(plan, asked):
                here = [each for each in requests if (each.lane, each.region) == (lane, region) and each.rung != ON_DEMAND]
                waiting = sum(each.waiting for each in here)
                for rung, workers in stands.asks(lane, region, plan[lane].asked.get(region, 0), waiting):
                    how = launches[lane.cluster], rung
                    self._ask(region, lane, workers, asked.shapes[lane.definition].vcpus, how, outcome, until)
            return outcome

        return dict(zip(regions, self._regions.together(act, regions), strict=True))

    def _ask(self, region: str, lane: Lane, workers: int, vcpus: int, how: tuple[str, str], outcome: Outcome, until_ms: int) -> None:
        """Ask a region for workers of a lane, request after request, until it refuses or time is over. how: launch type and rung."""
        for count in capacity.requests(workers):
            if self._now_ms() > until_ms:
                outcome.refused[lane] = "there was no time for more requests; they follow in a minute"
                return
            request = self._fleet.intend(lane, region, count, vcpus, self._now_ms(), *how)
            try:
                submitted = self._regions.get(region).submit(request)
            except AwsError as exc:
                outcome.refused[lane] = shortened(exc)[:MOST_REASON]
                if exc.code != NO_ROOM:  # the cluster's own limit says nothing of the region
                    outcome.errors[lane] = outcome.refused[lane]
                if self._regions.get(region).is_certain(request, exc):
                    self._fleet.forget(request)
                else:
                    outcome.requested.append(request)
                return
            self._fleet.keep(submitted)
            outcome.requested.append(submitted)
            outcome.requests += 1
            outcome.asked[lane] = outcome.asked.get(lane, 0) + count

    def _end(self, region: str, mine: Sequence[Request], workers: int, outcome: Outcome, is_left: bool, now_ms: int) -> None:
        """End workers that have not started, of the newest requests first: the oldest are the next to get an instance.

        is_left: because the place is left; they have waited long enough.
        """
        for request in sorted(mine, key=lambda request: -request.at):
            if workers <= 0:
                return
            is_young = now_ms - request.at < UNWANTED_S * 1000 and not is_left
            if not request.batch or request.ended or not request.starting or is_young:
                continue
            count = min(workers, request.starting)
            try:
                changed = self._regions.get(region).end(request, count, _ELSEWHERE if is_left else _UNWANTED, now_ms)
            except AwsError as exc:
                outcome.refused[request.lane] = shortened(exc)[:MOST_REASON]
                return
            if changed != request:
                self._fleet.keep(changed)
                outcome.requested.append(changed)
                outcome.ended += count
                outcome.given_up[request.cluster, region] += count if is_left else 0
            workers -= count


def _by_priority(plan: Mapping[Lane, Course], asked: Question) -> list[Lane]:
    """Lanes in the order in which they are asked for: when a region takes no more, the first were asked for."""
    highest: dict[Lane, int] = {}
    for each in asked.demands:
        highest[each.lane] = max(each.priority, highest.get(each.lane, each.priority))
    return sorted(plan, key=lambda lane: -highest.get(lane, 0))
