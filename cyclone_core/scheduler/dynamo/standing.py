"""Where lanes stand on their fallback chains in each region: what the scaler sees of requests, as `failover` wants it, and what follows.

A step of the chain ends workers that wait on earlier rungs, and only those: who has an instance keeps it. The stands are written down
(HEALTH items) before anything is ended or asked for, so who dies in between is followed by one who does the same.

A region counts as refusing while it cannot be looked at, or refused the lane's last request. Machines that join are waited for, not asked
for, so their clusters have no chain.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cyclone_core.scheduler import failover, health
from cyclone_core.scheduler.capacity import Course, Crew, Lane
from cyclone_core.scheduler.dynamo.demand import Bodies, Question
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.region_driver import Sight
from cyclone_core.scheduler.failover import CLOSED, FIRST, ON_DEMAND, REGIONS, TRYING, Asked, Rung, Stand
from cyclone_core.scheduler.health import Health, News

Where = tuple[str, str]
"""(cluster, region)"""
Place = tuple[Lane, str]
"""(lane, region)"""
Chain = Sequence[Rung]


@dataclass(frozen=True)
class Standing:
    """Where all lanes that want workers stand in one look."""

    stands: Mapping[Place, Stand] = field(default_factory=dict)
    chains: Mapping[Where, Chain] = field(default_factory=dict)
    """without steps that cannot be taken in a region, because nothing is deployed for them yet"""
    on_demand: frozenset[Lane] = frozenset()
    """lanes that are asked for on demand now, because all of their regions were left"""
    silent: frozenset[Place] = frozenset()
    """places that were left, of regions that do not answer"""

    @property
    def left(self) -> set[Place]:
        """Places that have no weight now: their breakers are not closed."""
        return {place for place, stand in self.stands.items() if stand.breaker.state != CLOSED and place[0] not in self.on_demand}

    @property
    def apart(self) -> set[Place]:
        """Places that are asked for as many as is decided for them and nobody else: whose breakers are not closed."""
        return {place for place, stand in self.stands.items() if stand.breaker.state != CLOSED}

    def planned(self, asked: Question, crews: Mapping[Place, Crew], now_ms: int) -> dict[Lane, Course]:
        """What `capacity` decides with what is known of places. Of lanes that are asked for on demand that says nothing."""
        stands = {place: stand for place, stand in self.stands.items() if place[0] not in self.on_demand}
        plan = failover.planned(asked.demands, asked.shapes, asked.sites, crews, stands, now_ms)
        return self.arranged(plan, asked, crews)

    def is_left_behind(self, request: Request) -> bool:
        """Whether what waits of a request is ended, and asked for anew on a later rung."""
        stand = self.stands.get((request.lane, request.region))
        if stand is None:
            return False
        if request.lane in self.on_demand:
            return request.rung != ON_DEMAND and stand.breaker.state != TRYING
        return failover.is_left_behind(stand, self.chains[request.cluster, request.region], request.rung)

    def relied_on(self, requests: Iterable[Request]) -> list[Request]:
        """Requests as they count: workers of a silent region may be gone. Others are asked for, which work beside them if they are not."""
        return [replace(each, ended=each.ended or each.at) if (each.lane, each.region) in self.silent else each for each in requests]

    def asks(self, lane: Lane, region: str, workers: int, waiting: int) -> list[tuple[str, int]]:
        """(rung, workers) of what a place is asked for. waiting: workers that wait there, but on demand.

        Beside those on demand one is tried as before, when it is time for that.
        """
        stand = self.stands.get((lane, region), Stand())
        if lane not in self.on_demand:
            return [(stand.rung, workers)] if workers else []
        tried = min(workers, failover.allowance(stand, waiting) or 0)
        return [(rung, count) for rung, count in ((stand.rung, tried), (ON_DEMAND, workers - tried)) if count]

    def weighed(self, asked: Question) -> Question:
        """The question without weights of places that are left."""
        demands = []
        for demand in asked.demands:
            kept = {region: weight for region, weight in demand.weights.items() if (demand.lane, region) not in self.left}
            demands.append(replace(demand, weights=kept))
        return replace(asked, demands=tuple(demands))

    def arranged(self, plan: Mapping[Lane, Course], asked: Question, crews: Mapping[Place, Crew]) -> dict[Lane, Course]:
        """The plan with what happens in places that are left (`failover.arranged`)."""
        made = dict(plan)
        for lane in sorted({lane for lane, _ in self.left} & plan.keys()):
            stands = {region: self.stands[lane, region] for each, region in self.left if each == lane}
            mine = {region: crews.get((lane, region), Crew()) for region in stands}
            free = {region: _free(lane, region, asked, crews, made) for region in stands}
            made[lane] = failover.arranged(made[lane], stands, mine, free)
        return made

    def told(self, lane: Lane) -> dict[str, dict[str, Any]]:
        """Region -> how a lane stands there, for its CAPACITY item; regions in which it is as usual are left out."""
        found = {}
        for (each, region), stand in self.stands.items():
            if each == lane and (not stand.is_usual or lane in self.on_demand):
                breaker = stand.breaker
                rung = ON_DEMAND if lane in self.on_demand else stand.rung
                found[region] = {
                    "rung": rung, "rung_since": stand.since, "state": breaker.state, "since": breaker.since, "until": breaker.until,
                    "why": breaker.why,
                }  # fmt: skip
        return dict(sorted(found.items()))


def stood(
    known: Mapping[Where, Health], asked: Question, requests: Iterable[Request], sights: Mapping[str, Sight], bodies: Bodies,
    told: Mapping[Lane, Mapping[str, Any]], now_ms: int, lost: Mapping[Place, int] | None = None,
) -> Standing:  # fmt: skip
    """Where lanes stand now.

    known: as it was; asked: with the weights as they are without this; told: the last CAPACITY items; lost: `taken`.
    """
    mine: dict[Place, list[Request]] = defaultdict(list)
    for request in requests:
        mine[request.lane, request.region].append(request)
    chains = {
        (cluster, region): _chain(body, sight.missing.get(cluster, {}))
        for region, sight in sights.items()
        for cluster, body in bodies.get("cluster", {}).items()
    }
    before = {
        (lane, region): health.stand_of(known.get((lane.cluster, region), Health()), lane.definition)
        for lane, region in _wanting(asked, sights)
        if len(chains[lane.cluster, region]) > 1
    }
    usable = {(lane, region) for (lane, region), stand in before.items() if stand.breaker.state == CLOSED and not sights[region].error}
    stands = {}
    for (lane, region), stand in before.items():
        chain = chains[lane.cluster, region]
        error = sights[region].error or told.get(lane, {}).get("refused", {}).get(region, "")
        is_alone = not any(each == lane and other != region for each, other in usable)
        if stand.rung not in {rung.name for rung in chain}:
            stand = replace(stand, rung=FIRST, mark=0, cohort=0)
        gone = (lost or {}).get((lane, region), 0)
        stands[lane, region] = failover.step(stand, chain, list(_asked(mine[lane, region], chain)), now_ms, error, is_alone, gone)
    silent = frozenset((lane, region) for (lane, region), stand in stands.items() if stand.breaker.state != CLOSED and sights[region].error)
    return Standing(stands, chains, frozenset(_on_demand(stands, chains, now_ms)), silent)


def seen(known: Mapping[Where, Health], standing: Standing, news: Mapping[Where, News], bodies: Bodies, now_ms: int) -> dict[Where, Health]:
    """What is known once lanes stand so, and that happened. What clusters, regions and definitions are gone is forgotten."""
    found = {}
    changed: dict[Where, dict[str, Stand]] = defaultdict(dict)
    for (lane, region), stand in standing.stands.items():
        changed[lane.cluster, region][lane.definition] = stand
    for where in {*known, *changed, *news}:
        if where[0] not in bodies.get("cluster", {}) or where[1] not in bodies.get("region", {}):
            continue
        now = known.get(where, Health())
        if news.get(where, News()) != News():
            now = health.seen(now, news[where], now_ms)
        stands = {name: stand for name, stand in now.stands.items() if name in bodies.get("definition", {}) and not stand.is_usual}
        found[where] = replace(now, stands={**stands, **changed.get(where, {})})
    return found


def news(before: Iterable[Request], now: Iterable[Request]) -> dict[Where, News]:
    """What happened to workers between two looks. now: requests that are over, too."""
    earlier = {request.name: request for request in before}
    found: dict[Where, News] = {}
    for request in now:
        if request.name in earlier:
            where = request.cluster, request.region
            found[where] = _sum(found.get(where, News()), _happened(earlier[request.name], request))
    return {where: each for where, each in found.items() if each != News()}


def taken(before: Iterable[Request], now: Iterable[Request]) -> dict[Place, int]:
    """Workers whose instances were taken away between two looks. now: requests that are over, too."""
    earlier = {request.name: request.taken for request in before}
    found: dict[Place, int] = defaultdict(int)
    for request in now:
        found[request.lane, request.region] += max(0, request.taken - earlier.get(request.name, 0))
    return {place: workers for place, workers in found.items() if workers}


def failed(known: Mapping[Where, Health], given_up: Mapping[Where, int], now_ms: int) -> dict[Where, Health]:
    """What is known once so many workers were ended because no instance came for them."""
    now = dict(known)
    for where, workers in given_up.items():
        if workers and where in now:
            now[where] = health.seen(now[where], News(failed=workers), now_ms)
    return now


def _happened(before: Request, now: Request) -> News:
    began = 0 if now.ended else max(0, _begun(now) - _begun(before))
    middle = (max(before.seen, before.at) + now.seen) / 2  # when in between they began is not known
    between_s = max(0, now.seen - max(before.seen, before.at)) / 1000
    worker_s = (before.running + now.running) / 2 * between_s
    return News(began, began * max(0.0, middle - now.at) / 1000, 0, worker_s, max(0, now.taken - before.taken))


def _begun(request: Request) -> int:
    """Workers of a request that have begun to work, ever."""
    return request.running + request.over - request.given_up - request.early


def _sum(one: News, other: News) -> News:
    return News(
        one.began + other.began, one.waited_s + other.waited_s, one.failed + other.failed, one.worker_s + other.worker_s,
        one.taken + other.taken,
    )  # fmt: skip


def _chain(body: Mapping[str, Any], missing: Mapping[str, str]) -> Chain:
    return tuple(rung for rung in failover.rungs(body) if rung.name == FIRST or rung.name not in missing)


def _wanting(asked: Question, sights: Mapping[str, Sight]) -> list[Place]:
    """Places of lanes with open tasks, in regions with a weight that may be asked, or do not answer."""
    usable = {
        (site.cluster, site.region)
        for site in asked.sites
        if site.region in sights and (not site.closed or sights[site.region].error.startswith(site.closed))
    }
    found = {
        (demand.lane, region): None
        for demand in asked.demands
        for region, weight in demand.weights.items()
        if weight and demand.open_tasks > 0 and (demand.lane.cluster, region) in usable
    }
    return list(found)


def _asked(requests: Iterable[Request], chain: Chain) -> Iterator[Asked]:
    """Requests as `failover` sees them. What is asked for on demand says nothing of a place that was left."""
    is_apart = any(rung.name == REGIONS for rung in chain)
    for request in requests:
        if not (is_apart and request.rung == ON_DEMAND):
            yield Asked(request.at, request.workers, request.waiting, request.moved, request.rung, request.holding)


def _on_demand(stands: Mapping[Place, Stand], chains: Mapping[Where, Chain], now_ms: int) -> Iterator[Lane]:
    """Lanes that are asked for on demand now."""
    for lane in {lane for lane, _ in stands}:
        mine = {region: stand for (each, region), stand in stands.items() if each == lane}
        chain = max((chains[lane.cluster, region] for region in mine), key=len)
        if failover.is_on_demand(mine.values(), chain, now_ms):
            yield lane


def _free(lane: Lane, region: str, asked: Question, crews: Mapping[Place, Crew], plan: Mapping[Lane, Course]) -> int:
    """Workers of a lane that fit into a region still."""
    site = next((site for site in asked.sites if (site.cluster, site.region) == (lane.cluster, region)), None)
    if site is None or site.closed:
        return 0
    vcpus = {each: max(1, asked.shapes[each.definition].vcpus) for each in {*plan, *(each for each, _ in crews)}}
    used = sum(crew.all * vcpus[each] for (each, where), crew in crews.items() if each.cluster == lane.cluster and where == region)
    used += sum(course.asked.get(region, 0) * vcpus[each] for each, course in plan.items() if each.cluster == lane.cluster)
    return max(0, (site.max_vcpus - used) // vcpus[lane])
