"""What is done when workers do not come: rules by example, promises by property."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.scheduler import failover, health
from cyclone_core.scheduler.capacity import Course, Crew, Demand, Lane, Shape, Site
from cyclone_core.scheduler.failover import (
    CLOSED,
    FIRST,
    ON_DEMAND,
    OPEN,
    REGIONS,
    TRYING,
    TYPES,
    ZONES,
    Asked,
    Breaker,
    Rung,
    Stand,
    arranged,
    is_left_behind,
    is_on_demand,
    planned,
    rungs,
    step,
)
from cyclone_core.scheduler.health import Health, News

NOW, MINUTE = 1_700_000_000_000, 60_000
LANE = Lane("big", "small")
ALL = {"instance_list": ["c5"], "fallback_instance_list": ["m5"], "first_zones": 1, "fallback": {TYPES: 60, ZONES: 60, REGIONS: 120}}
CHAIN = rungs(ALL)
SHORT = (Rung(FIRST, 0), Rung(REGIONS, 120))
LEFT = Stand(breaker=Breaker(OPEN, NOW, NOW + 5 * MINUTE, 1, "none came"))


def waits(minutes_ago: float, rung: str = FIRST, workers: int = 100, waiting: int | None = None, moved: int = 0) -> Asked:
    """A request of which nothing, or a part, has come."""
    return Asked(NOW - int(minutes_ago * MINUTE), workers, workers if waiting is None else waiting, moved, rung)


# -- the chain ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "names"),
    [
        (ALL, (FIRST, TYPES, ZONES, REGIONS)),
        ({}, (FIRST, TYPES, REGIONS)),
        ({"instance_list": ["c5"]}, (FIRST, REGIONS)),
        ({**ALL, "fallback": {TYPES: 0, ON_DEMAND: 900}}, (FIRST, ZONES, REGIONS, ON_DEMAND)),
        ({**ALL, "type": "ONDEMAND", "fallback": {ON_DEMAND: 900}}, (FIRST, TYPES, ZONES, REGIONS)),
        ({**ALL, "launch_type": "ONPREM"}, (FIRST,)),
    ],
)
def test_a_chain_has_the_steps_that_change_something(body: dict[str, Any], names: tuple[str, ...]) -> None:
    """Other types where there are some, zones where not all are used, on demand where the user allows it."""
    assert tuple(rung.name for rung in rungs(body)) == names
    assert REGIONS not in failover.asked_on(body)


def test_a_fleet_waits_less_than_batch() -> None:
    """Batch decides about instances only now and then."""
    batch, fleet = (next(rung.wait_s for rung in rungs({"launch_type": kind}) if rung.name == REGIONS) for kind in ("BATCH", "EC2"))
    assert batch > fleet


# -- one rung after the other -------------------------------------------------------------------------------------------
def test_a_rung_that_delivers_nothing_is_followed_by_the_next() -> None:
    """Each after its wait, counted from the request; what waits on the rung before is asked for anew."""
    assert step(Stand(), CHAIN, [waits(0.9)], NOW).rung == FIRST
    taken = step(Stand(), CHAIN, [waits(1)], NOW)
    assert (taken.rung, taken.since) == (TYPES, NOW)
    assert is_left_behind(taken, CHAIN, FIRST)
    assert not is_left_behind(taken, CHAIN, TYPES)


def test_the_wait_of_a_rung_begins_with_its_own_requests() -> None:
    """A request of an earlier rung says nothing about the later one."""
    stand = Stand(TYPES, NOW - MINUTE)
    assert step(stand, CHAIN, [waits(9, FIRST)], NOW).rung == TYPES
    assert step(stand, CHAIN, [waits(0.5, TYPES)], NOW).rung == TYPES
    assert step(stand, CHAIN, [waits(1, TYPES)], NOW).rung == ZONES


def test_a_rung_that_delivers_is_watched_anew() -> None:
    """A tenth within the wait is enough; then the others have as long again."""
    stand = step(Stand(), CHAIN, [waits(1, waiting=90)], NOW)
    assert (stand.rung, stand.mark, stand.cohort) == (FIRST, NOW, 90)
    assert step(stand, CHAIN, [waits(2, waiting=90)], NOW + MINUTE - 1).rung == FIRST
    assert step(stand, CHAIN, [waits(2, waiting=82)], NOW + MINUTE).rung == TYPES
    assert step(stand, CHAIN, [waits(2, waiting=81)], NOW + MINUTE).rung == FIRST


def test_requests_made_meanwhile_say_nothing_of_those_that_are_watched() -> None:
    """Neither do they make up for what did not come, nor are they held against the rung."""
    stand = step(Stand(), CHAIN, [waits(0.5)], NOW)
    assert step(stand, CHAIN, [waits(1), waits(0, workers=5)], NOW + MINUTE // 2).rung == TYPES
    assert step(stand, CHAIN, [waits(0.5, waiting=50), waits(0, workers=500)], NOW + MINUTE // 2).rung == FIRST


def test_the_first_rung_is_tried_again_later_and_later() -> None:
    """After a quarter of an hour, after two of them when it failed twice; as if never left once it delivered."""
    stand, quarter = Stand(ZONES, NOW, ups=2), failover.BACK_MS
    assert step(stand, CHAIN, [], NOW + 2 * quarter - 1).rung == ZONES
    back = step(stand, CHAIN, [], NOW + 2 * quarter)
    assert (back.rung, back.ups) == (FIRST, 2)
    assert step(back, CHAIN, [Asked(back.since, 5, 0, back.since + 1)], back.since + MINUTE).ups == 0


# -- breakers ----------------------------------------------------------------------------------------------------------
def test_a_place_that_delivers_nothing_on_its_last_rung_is_left() -> None:
    """For five minutes at first."""
    stand = step(Stand(ZONES, NOW - 9 * MINUTE), CHAIN, [waits(2, ZONES)], NOW)
    assert stand.breaker == Breaker(OPEN, NOW, NOW + failover.PAUSE_MS, 1, "of 100 workers 0 came within 120 s")
    assert failover.allowance(stand, 0) == 0


def test_one_worker_is_tried_after_the_pause() -> None:
    """Not more, and not one more while it waits."""
    assert step(LEFT, SHORT, [], NOW + 5 * MINUTE - 1) == LEFT
    tried = step(LEFT, SHORT, [], NOW + 5 * MINUTE)
    assert tried.breaker.state == TRYING
    assert [failover.allowance(tried, waiting) for waiting in (0, 1, 7)] == [1, 0, 0]
    assert failover.allowance(Stand(), 9) is None


def test_one_that_came_closes_the_breaker() -> None:
    """All are asked for again, on the rung that it was left on."""
    tried = replace(LEFT, breaker=replace(LEFT.breaker, state=TRYING, until=NOW + 9 * MINUTE))
    found = step(tried, SHORT, [waits(1, workers=1, waiting=0, moved=NOW + MINUTE)], NOW + MINUTE)
    assert (found.breaker.state, found.breaker.count) == (CLOSED, 1)
    assert failover.allowance(found, 0) is None


def test_one_that_did_not_come_opens_it_for_twice_as_long() -> None:
    """It waits as long as a region may; what nobody asked for is not held against it."""
    tried = step(LEFT, SHORT, [], NOW + 5 * MINUTE)
    late = tried.breaker.until
    assert step(tried, SHORT, [], late).breaker.state == TRYING
    again = step(tried, SHORT, [waits(-5, workers=1)], late)
    assert (again.breaker.state, again.breaker.until - late, again.breaker.count) == (OPEN, 2 * failover.PAUSE_MS, 2)
    assert again.breaker.since == NOW


def test_alone_a_place_is_tried_each_five_minutes() -> None:
    """Where nothing else can be asked, long pauses help nobody."""
    long = replace(LEFT, breaker=Breaker(OPEN, NOW, NOW + 40 * MINUTE, 4))
    assert step(long, SHORT, [], NOW + 5 * MINUTE).breaker.state == OPEN
    assert step(long, SHORT, [], NOW + 5 * MINUTE, is_alone=True).breaker.state == TRYING


def test_a_silent_region_is_left_in_the_second_look() -> None:
    """One look may be an accident."""
    first = step(Stand(), SHORT, [], NOW, "does not answer")
    assert first.breaker.state == CLOSED
    second = step(first, SHORT, [], NOW + MINUTE, "does not answer")
    assert (second.breaker.state, second.breaker.why) == (OPEN, "does not answer")
    assert step(first, SHORT, [], NOW + MINUTE).failing == 0


def test_a_region_that_was_silent_for_long_is_tried_once_it_answers() -> None:
    """Its pause is over; that it answers says more than how often it did not."""
    late = NOW + 90 * MINUTE
    silent = step(LEFT, SHORT, [], late, "does not answer")
    assert (silent.breaker.state, silent.breaker.count) == (OPEN, 1)
    assert health.why_left(Health(stands={"x": silent}), late) == "none came"
    assert step(silent, SHORT, [], late + MINUTE).breaker.state == TRYING


def test_a_breaker_is_forgiven_after_an_hour() -> None:
    """Then it opens as if for the first time."""
    closed = Stand(breaker=Breaker(CLOSED, NOW, 0, 3))
    assert step(closed, SHORT, [], NOW + failover.FORGIVEN_MS - 1).breaker.count == 3
    assert step(closed, SHORT, [], NOW + failover.FORGIVEN_MS).breaker.count == 0


def test_what_ran_when_a_place_was_left_is_what_it_has() -> None:
    """Some more are asked for when it is back, and twice as many with each look that finds all running; anything after an hour."""
    stand = step(Stand(), SHORT, [replace(waits(2), running=20)], NOW)
    assert (stand.breaker.state, stand.ceiling) == (OPEN, 20)
    back = step(stand, SHORT, [Asked(NOW, 21, 0, NOW + MINUTE, running=21)], NOW + MINUTE)
    assert (back.breaker.state, back.ceiling) == (CLOSED, 29)
    assert step(back, SHORT, [Asked(NOW, 29, 1, running=28)], NOW + 2 * MINUTE).ceiling == 29
    assert step(back, SHORT, [Asked(NOW, 29, 0, running=29)], NOW + 2 * MINUTE).ceiling == 45
    assert step(back, SHORT, [], NOW + MINUTE + failover.FORGIVEN_MS).ceiling == 0


def test_where_workers_were_taken_away_is_less_than_there_was() -> None:
    """More than a tenth of them: what is left is the ceiling for five minutes."""
    asked = [Asked(NOW - MINUTE, 90, 0, running=80)]
    assert step(Stand(), SHORT, asked, NOW, taken=8).ceiling == 0
    less = step(Stand(), SHORT, asked, NOW, taken=9)
    assert (less.ceiling, less.breaker.state) == (80, CLOSED)
    assert step(less, SHORT, asked, NOW + failover.PAUSE_MS - 1).ceiling == 80
    assert step(less, SHORT, asked, NOW + failover.PAUSE_MS).ceiling == 88


def plans(stands: dict[str, Stand], tasks: int = 100, most: int = 100) -> dict[str, int]:
    """What is asked for of two regions of equal weight, in the first of which ten run."""
    sites, shapes = [Site("big", region, most) for region in "ab"], {"small": Shape()}
    demands = [Demand(LANE, "q", tasks, 0, {"a": 1, "b": 1})]
    crews = {(LANE, "a"): Crew(running=10)}
    known = {(LANE, region): stand for region, stand in stands.items()}
    return dict(planned(demands, shapes, sites, crews, known, NOW)[LANE].asked)


def test_above_a_ceiling_others_are_asked() -> None:
    """Where they have room; else nothing is held back."""
    assert plans({}) == {"a": 40, "b": 50}
    assert plans({"a": Stand(ceiling=15)}) == {"a": 5, "b": 85}
    assert plans({"a": Stand(ceiling=15)}, most=60) == plans({}, most=60) == {"a": 40, "b": 50}


def test_nobody_joins_those_who_wait_for_a_minute() -> None:
    """A moment ago it was not known yet."""
    assert plans({"a": Stand(mark=NOW - MINUTE, cohort=5)}) == {"b": 90}
    assert plans({"a": Stand(mark=NOW - MINUTE + 1, cohort=5)}) == {"a": 40, "b": 50}


# -- what a lane does -------------------------------------------------------------------------------------------------
def test_what_others_take_over_is_ended_and_the_rest_waits_on() -> None:
    """Of 100 that wait in a place that is left 70 are asked for elsewhere: 30 may as well wait."""
    course = Course(wanted=300, asked={"b": 70}, spare={"a": 100}, short=30, full=("b",))
    found = arranged(course, {"a": LEFT, "b": Stand()}, {"a": Crew(starting=100)}, {"a": 0})
    assert (found.spare, found.asked) == ({"a": 70}, {"b": 70})


def test_a_place_that_is_tried_keeps_or_gets_one_worker() -> None:
    """If it fits."""
    tried = {"a": replace(LEFT, breaker=replace(LEFT.breaker, state=TRYING))}
    course = Course(wanted=10, asked={"b": 2}, spare={"a": 5}, short=0, full=())
    assert arranged(course, tried, {"a": Crew(starting=5)}, {"a": 9}).spare == {"a": 4}
    none = replace(course, spare={})
    assert arranged(none, tried, {}, {"a": 9}).asked == {"a": 1, "b": 2}
    assert arranged(none, tried, {}, {"a": 0}).asked == {"b": 2}


def test_on_demand_comes_when_all_regions_are_left() -> None:
    """And only for so long, and only where the chain has it."""
    chain = (*SHORT, Rung(ON_DEMAND, 600))
    both = [LEFT, replace(LEFT, breaker=replace(LEFT.breaker, since=NOW + MINUTE, state=TRYING))]
    assert not is_on_demand(both, chain, NOW + 10 * MINUTE)
    assert is_on_demand(both, chain, NOW + 11 * MINUTE)
    assert not is_on_demand([*both, Stand()], chain, NOW + 99 * MINUTE)
    assert not is_on_demand(both, SHORT, NOW + 99 * MINUTE)


# -- promises ----------------------------------------------------------------------------------------------------------
look = st.tuples(st.sampled_from(["", "", "silent"]), st.integers(0, 3), st.booleans(), st.booleans())


@given(st.lists(look, max_size=60), st.lists(st.sampled_from([TYPES, ZONES, REGIONS, ON_DEMAND]), unique=True))
@settings(max_examples=80, deadline=None)
def test_whatever_happens_a_stand_is_a_place_of_its_chain(looks: list[tuple[str, int, bool, bool]], names: list[str]) -> None:
    """And breakers that are open have an end; one that says something has opened."""
    chain = rungs({**ALL, "fallback": {each: 60 * (each in names) for each in (TYPES, ZONES, REGIONS, ON_DEMAND)}})
    stand, now = Stand(), NOW
    for error, waiting, came, alone in looks:
        asked = [Asked(now - MINUTE, 3, waiting, now if came and waiting < 3 else 0, stand.rung)]
        stand, now = step(stand, chain, asked, now, error, alone), now + MINUTE
        assert stand.rung in {rung.name for rung in chain} - {REGIONS}
        assert stand.breaker.state == CLOSED or stand.breaker.until > now - MINUTE
        assert stand.breaker.until - now <= failover.LONGEST_PAUSE_MS
        assert stand.breaker.count or not stand.breaker.why


@given(st.integers(0, 12), st.integers(0, 600), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_place_comes_back_however_often_it_was_left(count: int, slow_s: int, alone: bool) -> None:
    """Within the longest pause and a look once workers come within the longest trial, however slow they are in that."""
    until = NOW + failover.LONGEST_PAUSE_MS
    stand = Stand(breaker=Breaker(OPEN, NOW, until, count + 1))
    probe, now = None, NOW
    while stand.breaker.state != CLOSED:
        assert now <= until + 60 * failover.LONGEST_TRIAL_MS
        if probe is None and failover.allowance(stand, 0):
            probe = now
        came = probe is not None and now - probe >= slow_s * 1000
        asked = [Asked(probe, 1, int(not came), now if came else 0)] if probe else []
        now += MINUTE
        stand = step(stand, SHORT, asked, now, is_alone=alone)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30))
@settings(max_examples=80, deadline=None)
def test_a_place_whose_workers_come_in_time_is_never_left(waiting: list[int]) -> None:
    """However many are asked for, when all of each look are there with the next but one."""
    stand, now, before = Stand(), NOW, 0
    for workers in waiting:
        asked = [Asked(now - MINUTE, before, before, 0), Asked(now, workers, workers)]
        stand = step(stand, rungs({}), [each for each in asked if each.workers], now)
        before, now = workers, now + MINUTE
        assert stand.is_usual


# -- averages ----------------------------------------------------------------------------------------------------------
def test_averages_are_those_of_what_was_seen() -> None:
    """Ten workers came in 90 s each, two did not, one of twenty working hours was taken."""
    found = health.seen(Health(), News(10, 900.0, 2, 20 * 3600.0, 1), NOW)
    assert (found.start_s, found.delivered, found.interruptions) == (90.0, pytest.approx(10 / 12), pytest.approx(0.05))
    assert (Health().start_s, Health().delivered, Health().interruptions) == (None, None, None)


def test_what_is_older_counts_less() -> None:
    """An hour later as much again counts twice as much."""
    old = health.seen(Health(), News(10, 10 * 300.0), NOW)
    found = health.seen(old, News(10, 10 * 60.0), NOW + health.FADE_MS)
    assert found.start_s == pytest.approx((5 * 300 + 10 * 60) / 15)
    assert health.seen(old, News(), NOW + 9 * health.FADE_MS).start_s is None


def test_a_region_is_left_when_all_places_are() -> None:
    """One lane that starves is not the region; a new lane begins as all others stand."""
    one, both = Health(stands={"x": LEFT, "y": Stand()}), Health(stands={"x": LEFT, "y": LEFT})
    assert health.why_left(one, NOW) == ""
    assert health.why_left(both, NOW) == "none came"
    assert health.stand_of(one, "z") == Stand()
    assert health.stand_of(both, "z").breaker == LEFT.breaker
    assert health.why_left(both, LEFT.breaker.until + health.FORGOTTEN_MS) == ""


def test_health_is_read_as_it_was_written() -> None:
    """With its stands; {} is a place of which nothing is known."""
    found = health.seen(Health(stands={"x": LEFT, "y": Stand(TYPES, NOW, 1)}), News(10, 900.0, 2, 20 * 3600.0, 1), NOW)
    assert health.of_body(health.to_body(found)) == found
    assert health.of_body({}) == Health()
