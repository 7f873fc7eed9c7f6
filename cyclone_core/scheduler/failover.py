"""What is done when workers do not come: other instance types, other zones, other regions, on demand; each after its wait. Pure.

A *place* is a lane in a region, and its `Stand` is all that has to be remembered of it. Requests for workers are made on a *rung* of the
cluster's chain (`rungs`). The rules of `step`, which is asked with each look:

1. A rung delivers as long as a tenth of the workers that wait on it gets an instance within the wait of the next rung. If not, the next one
   is taken, and what waits on earlier ones is asked for anew there (`is_left_behind`). Workers that have an instance and still fetch their
   image count as come: another place would not be quicker.
2. After some time new requests are made on the first rung again, each time later when it did not deliver.
3. Where the last rung does not deliver either, the *breaker* opens: nothing is asked for there for five minutes, each further time for
   twice as long, an hour at most. Then it is tried with one worker, and closed when that one came (or any that was still waiting there).
   One that did not come opens it again, and the next one may take twice as long, so that slow is not taken for dead for ever.
4. What runs in a place when it is left, or when a tenth of its workers was taken away, is what it has (`ceiling`). When it comes back, or
   after five minutes, some more are asked for, and twice as many with each look that finds all of them running.
5. Above its ceiling a place is asked for nobody, nor where workers have waited for a minute and none came, so that they do not wait where
   nothing is; unless not all that is wanted of a cluster could be asked for so (`planned`).
6. A region that refuses or is silent in two looks opens as well.
7. `arranged`: what waits in a place that is left is ended only as far as others take it over. When everybody is full it may as well wait.
8. Spot capacity that is nowhere: after all regions have been left for so long, on demand, where the cluster allows it (`is_on_demand`).

Times are milliseconds since 1970 (said so, or `_ms`), waits seconds. Nothing here reads a clock. How workers came is `health`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cyclone_core.scheduler.capacity import Course, Crew, Demand, Lane, Shape, Site, decide

FIRST, TYPES, ZONES, REGIONS, ON_DEMAND = "", "instance-types", "zones", "regions", "on-demand"
"""Rungs, in their order. Nothing is asked for on `REGIONS`: it stands for leaving the region."""
USUAL_WAITS_S = {
    "BATCH": {TYPES: 180, ZONES: 120, REGIONS: 240, ON_DEMAND: 0},
    "EC2": {TYPES: 60, ZONES: 60, REGIONS: 120, ON_DEMAND: 0},
}
"""By launch type, where a cluster does not say; 0 is never. AWS Batch decides about instances only each minute or so, and an instance needs
a minute or two until it takes jobs: who is left sooner than that is left always. A fleet says at once whether there are instances."""
TAKEN_SHARE = 0.1
"""Of the workers of a place: when more are taken away between two looks there is less capacity than there was."""
LEAST_SHARE = 0.1
"""Of the workers that wait on a rung: a rung on which fewer come within its wait does not deliver."""
BACK_MS, LONGEST_BACK_MS = 15 * 60_000, 4 * 3_600_000
"""So long a later rung is kept before the first is tried again: at first, and at most."""
PAUSE_MS, LONGEST_PAUSE_MS = 5 * 60_000, 3_600_000
"""So long a breaker is open: the first time, and at most."""
TRIAL_MS, LONGEST_TRIAL_MS = 120_000, 1_800_000
"""The least and the most that one worker that is tried may take."""
ERRORS_MS = 50_000
"""A region that can be asked for nothing for so long is left: two looks in a row."""
FORGIVEN_MS = 3_600_000
"""A breaker that has been closed for so long opens as if for the first time, and a ceiling that is so old counts no more."""
SLOW_MS = 60_000
"""A place in which workers wait for so long, and none comes, is asked for no more as long as others may be asked."""
MANY = 1 << 30
"""Workers that no ceiling keeps away."""
LEAST_GROWTH = 8
"""Workers by which a ceiling rises at first: about an instance."""
CLOSED, OPEN, TRYING = "closed", "open", "trying"
Place = tuple[Lane, str]
"""lane and region"""


# -- the chain ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Rung:
    """A step of a cluster's chain."""

    name: str
    """one of the five"""
    wait_s: int
    """seconds without new workers on the rung before, after which this one is taken; 0 of the first"""


def rungs(body: Mapping[str, Any]) -> tuple[Rung, ...]:
    """The chain of a cluster, the first rung first, `ON_DEMAND` last. body: its record; steps that change nothing there are left out."""
    kind = str(body.get("launch_type") or "BATCH")
    if kind not in USUAL_WAITS_S:
        return (Rung(FIRST, 0),)
    given = body.get("fallback") or {}
    waits = {step: int(given.get(step, usual)) for step, usual in USUAL_WAITS_S[kind].items()}
    applies = {
        TYPES: bool(body.get("fallback_instance_list")) or "optimal" in (body.get("instance_list") or ("optimal",)),
        ZONES: body.get("first_zones") is not None,
        REGIONS: True,
        ON_DEMAND: str(body.get("type") or "SPOT") == "SPOT",
    }
    return (Rung(FIRST, 0), *(Rung(step, wait) for step, wait in waits.items() if wait and applies[step]))


def asked_on(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The rungs of a cluster that workers are asked for on, in their order: all but `REGIONS`."""
    return tuple(rung.name for rung in rungs(body) if rung.name != REGIONS)


# -- a place -----------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Breaker:
    """Whether a place is asked for workers."""

    state: str = CLOSED
    """closed: yes; open: no; trying: one worker"""
    since: int = 0
    """ms: since when the place is left alone (kept while it is tried), or closed again; 0 always closed"""
    until: int = 0
    """ms: of an open one when it is tried, of one that is tried when it opens again"""
    count: int = 0
    """times in a row that it opened; forgotten after an hour closed"""
    why: str = ""
    """why it opened, in one line"""


@dataclass(frozen=True)
class Asked:
    """A request for workers of one lane in one region that is not over."""

    at: int
    """ms: when it was made"""
    workers: int
    """that it asked for"""
    waiting: int
    """of those, workers that have no instance yet and were not told to end (of Batch: neither RUNNING nor STARTING)"""
    moved: int = 0
    """ms: when one of its workers was last seen to have got an instance, 0 while none has"""
    rung: str = FIRST
    """on which it was made"""
    running: int = 0
    """workers that have an instance now"""


@dataclass(frozen=True)
class Stand:
    """Where a place is on its chain; the default is that of a place of which nothing is known."""

    rung: str = FIRST
    """on which workers are asked for"""
    since: int = 0
    """ms: since when on that rung; 0 always"""
    ups: int = 0
    """rungs that were taken since the first one last delivered"""
    mark: int = 0
    """ms: since when those who wait are watched, 0 while nobody waits"""
    cohort: int = 0
    """workers that waited then"""
    ceiling: int = 0
    """workers that the place may have and be asked for altogether, 0: any number"""
    growth: int = 0
    """workers by which it rose last, 0 since it was set"""
    topped: int = 0
    """ms: when it was set; it does not rise for some minutes"""
    failing: int = 0
    """ms: since when the region refuses or is silent, 0 while it does not"""
    breaker: Breaker = field(default_factory=Breaker)

    @property
    def is_usual(self) -> bool:
        """Whether workers are asked for as many and as the cluster says."""
        return self.rung == FIRST and self.breaker.state == CLOSED


def step(
    stand: Stand, chain: Sequence[Rung], asked: Iterable[Asked], now_ms: int, error: str = "", is_alone: bool = False, taken: int = 0
) -> Stand:
    """The stand after a look. chain: `rungs` of the cluster; asked: the place's requests that are not over.

    error: why the region can be asked for nothing, "" when it can. is_alone: whether no other region may be asked for this lane; then an
    open breaker is tried each five minutes, however often it opened. taken: workers of the place whose instances were taken away since the
    last look. Call it for lanes that want workers: others keep their stands.
    """
    requests = list(asked)
    if error:
        return _failed(stand, error, now_ms)
    stand = replace(stand, failing=0)
    if stand.breaker.state != CLOSED:
        return _left(stand, chain, requests, now_ms, is_alone)
    if stand.breaker.count and now_ms - stand.breaker.since >= FORGIVEN_MS:
        stand = replace(stand, breaker=Breaker())
    if stand.ceiling and now_ms - max(stand.topped, stand.breaker.since) >= FORGIVEN_MS:
        stand = replace(stand, ceiling=0, growth=0)
    if taken > TAKEN_SHARE * (_running(requests) + taken):
        stand = _topped(stand, requests, now_ms)
    return _climbed(_raised(_returned(stand, now_ms), requests, now_ms), chain, requests, now_ms)


def is_left_behind(stand: Stand, chain: Sequence[Rung], rung: str) -> bool:
    """Whether what waits on a rung is to be ended and asked for anew on the rung of the stand, which comes later in the chain."""
    names = [each.name for each in chain]
    return stand.breaker.state == CLOSED and stand.rung in names and rung in names[: names.index(stand.rung)]


def planned(
    demands: Sequence[Demand],
    shapes: Mapping[str, Shape],
    sites: Sequence[Site],
    crews: Mapping[Place, Crew],
    stands: Mapping[Place, Stand],
    now_ms: int,
) -> dict[Lane, Course]:
    """`capacity.decide` with what is known of places: nobody is asked for above their ceilings, and where workers have waited for a minute.

    Unless others have no room: a cluster of which a lane would be short is decided about as if nothing were known.
    """
    tops = {place: stand.ceiling for place, stand in stands.items() if stand.ceiling}
    for place, stand in stands.items():
        if stand.mark and now_ms - stand.mark >= SLOW_MS:
            tops[place] = min(crews.get(place, Crew()).able, tops.get(place, MANY))
    plan = decide(demands, shapes, sites, crews, tops)
    short = {lane.cluster for lane, course in plan.items() if course.short}
    kept = {place: top for place, top in tops.items() if place[0].cluster not in short}
    return plan if kept == tops else decide(demands, shapes, sites, crews, kept)


def allowance(stand: Stand, waiting: int) -> int | None:
    """Workers that may be asked for in a place now, beside those that wait there; None: any number."""
    if stand.breaker.state == CLOSED:
        return None
    return max(0, 1 - waiting) if stand.breaker.state == TRYING else 0


def arranged(course: Course, stands: Mapping[str, Stand], crews: Mapping[str, Crew], free: Mapping[str, int]) -> Course:
    """A lane's course that was decided without the regions whose breakers are not closed, with what happens there.

    stands, crews: by region; free: region -> workers of the lane that fit there still. What starts there was told as spare: as many stay
    as the lane is short of, because they are asked for nowhere else. Where a place is tried one worker stays, or is asked for.
    """
    asked, spare, short = dict(course.asked), dict(course.spare), course.short
    for region in sorted(region for region, stand in stands.items() if stand.breaker.state != CLOSED):
        is_tried = stands[region].breaker.state == TRYING
        starting = crews.get(region, Crew()).starting
        kept = min(spare.get(region, 0), max(short, int(is_tried)))
        short = max(0, short - kept)
        spare[region] = spare.get(region, 0) - kept
        if is_tried and not starting and course.wanted and free.get(region, 0) > 0:
            asked[region] = max(1, asked.get(region, 0))
    return replace(course, asked=_some(asked), spare=_some(spare))


def is_on_demand(stands: Iterable[Stand], chain: Sequence[Rung], now_ms: int) -> bool:
    """Whether workers of a lane are asked for on demand now, on the rung `ON_DEMAND` and by weight in all of its regions.

    stands: of all regions that have a weight for the lane. So it is while all of them have been left for the rung's wait.
    """
    wait_s = next((rung.wait_s for rung in chain if rung.name == ON_DEMAND), 0)
    breakers = [stand.breaker for stand in stands]
    if not wait_s or not breakers or any(breaker.state == CLOSED for breaker in breakers):
        return False
    return now_ms - max(breaker.since for breaker in breakers) >= wait_s * 1000


def _failed(stand: Stand, error: str, now_ms: int) -> Stand:
    """The region refuses or is silent."""
    if not stand.failing:
        stand = replace(stand, failing=now_ms)
    if stand.breaker.state == TRYING or (stand.breaker.state == CLOSED and now_ms - stand.failing >= ERRORS_MS):
        return _opened(stand, error, now_ms)
    if stand.breaker.state == OPEN:  # it is tried as soon as it answers, once its pause is over
        return replace(stand, breaker=replace(stand.breaker, until=max(stand.breaker.until, now_ms + ERRORS_MS)))
    return stand


def _opened(stand: Stand, why: str, now_ms: int) -> Stand:
    before = stand.breaker
    count = before.count + 1
    until = now_ms + min(LONGEST_PAUSE_MS, PAUSE_MS << min(count - 1, 10))
    since = now_ms if before.state == CLOSED else before.since
    return replace(stand, mark=0, cohort=0, breaker=Breaker(OPEN, since, until, count, why))


def _left(stand: Stand, chain: Sequence[Rung], asked: Sequence[Asked], now_ms: int, is_alone: bool) -> Stand:
    """A place whose breaker is not closed."""
    breaker = stand.breaker
    if any(each.moved > breaker.since for each in asked):
        stand = replace(stand, since=now_ms, breaker=Breaker(CLOSED, now_ms, 0, breaker.count, ""))
        return replace(stand, ceiling=_running(asked) + LEAST_GROWTH, growth=LEAST_GROWTH) if stand.ceiling else stand
    is_waiting = any(each.waiting for each in asked)
    if breaker.state == OPEN:
        pause = min(LONGEST_PAUSE_MS, PAUSE_MS << min(breaker.count - 1, 10))
        until = min(breaker.until, breaker.until - pause + PAUSE_MS) if is_alone else breaker.until
        if now_ms < until:
            return stand
    elif is_waiting and now_ms >= breaker.until:
        return _opened(stand, breaker.why, now_ms)
    if breaker.state == OPEN or not is_waiting:
        return replace(stand, breaker=replace(breaker, state=TRYING, until=now_ms + _patience_ms(chain, breaker.count)))
    return stand


def _patience_ms(chain: Sequence[Rung], count: int) -> int:
    """So long one worker that is tried may take."""
    wait_s = next((rung.wait_s for rung in chain if rung.name == REGIONS), 0)
    return min(LONGEST_TRIAL_MS, max(TRIAL_MS, wait_s * 1000) << min(count - 1, 10))


def _topped(stand: Stand, asked: Iterable[Asked], now_ms: int) -> Stand:
    """What runs there is what it has."""
    return replace(stand, ceiling=max(1, _running(asked)), growth=0, topped=now_ms)


def _raised(stand: Stand, asked: Iterable[Asked], now_ms: int) -> Stand:
    """More is allowed where all came that were."""
    running = _running(asked)
    if not stand.ceiling or running < stand.ceiling or (not stand.growth and now_ms - stand.topped < PAUSE_MS):
        return stand
    growth = max(LEAST_GROWTH, 2 * stand.growth)
    return replace(stand, ceiling=running + growth, growth=growth)


def _running(asked: Iterable[Asked]) -> int:
    return sum(each.running for each in asked)


def _returned(stand: Stand, now_ms: int) -> Stand:
    """On the first rung again, once a later one was kept for its time."""
    if stand.rung == FIRST or now_ms - stand.since < min(LONGEST_BACK_MS, BACK_MS << min(max(stand.ups, 1) - 1, 10)):
        return stand
    return replace(stand, rung=FIRST, since=now_ms, mark=0, cohort=0)


def _climbed(stand: Stand, chain: Sequence[Rung], asked: Sequence[Asked], now_ms: int) -> Stand:
    """Those who wait on the stand's rung are watched; when too few came in time, the next one is taken."""
    waiting = [each for each in asked if each.waiting and each.rung == stand.rung]
    if not waiting:
        is_well = stand.rung == FIRST and any(each.moved > stand.since and each.rung == FIRST for each in asked)
        return replace(stand, mark=0, cohort=0, ups=0 if is_well else stand.ups)
    if not stand.mark:
        mark = max(stand.since, min(each.at for each in waiting))
        watched = [each for each in waiting if each.at <= mark]
        stand = replace(stand, mark=mark, cohort=sum(each.workers if each.at == mark else each.waiting for each in watched))
    left = sum(each.waiting for each in waiting if each.at <= stand.mark)
    if left <= stand.cohort * (1 - LEAST_SHARE):
        return replace(stand, mark=now_ms, cohort=sum(each.waiting for each in waiting))
    following = _next(chain, stand.rung)
    if following is None or now_ms - stand.mark < following.wait_s * 1000:
        return stand
    if following.name == REGIONS:
        seconds = (now_ms - stand.mark) // 1000
        stand = _topped(stand, asked, now_ms)
        return _opened(stand, f"of {stand.cohort} workers {stand.cohort - left} came within {seconds} s", now_ms)
    return replace(stand, rung=following.name, since=now_ms, ups=stand.ups + 1, mark=0, cohort=0)


def _next(chain: Sequence[Rung], name: str) -> Rung | None:
    """The rung after one, as a region takes it by itself: on demand only when it never leaves the region."""
    names = [rung.name for rung in chain]
    place = names.index(name) + 1 if name in names else 1
    if place >= len(chain) or (chain[place].name == ON_DEMAND and REGIONS in names):
        return None
    return chain[place]


def _some(found: Mapping[str, int]) -> dict[str, int]:
    return {region: workers for region, workers in sorted(found.items()) if workers}
