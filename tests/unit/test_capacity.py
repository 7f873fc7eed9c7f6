"""How many workers are asked for, and where: rules by example, promises by property."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.scheduler import capacity
from cyclone_core.scheduler.capacity import Crew, Demand, Lane, Pace, Shape, Site, decide
from cyclone_core.scheduler.failover import Stand, planned

LANE, OTHER = Lane("big", "small"), Lane("big", "wide")
SHAPES = {"small": Shape(), "wide": Shape(vcpus=4), "many": Shape(ratio=10, vcpus=2)}
_REGIONS = ("eu-west-1", "us-east-1", "us-west-2")
Case = tuple[list[Demand], list[Site], dict[tuple[Lane, str], Crew]]


def _sites(vcpus: int = 100, regions: tuple[str, ...] = ("a", "b"), **more: str) -> list[Site]:
    return [Site("big", region, vcpus, closed=more.get(region, "")) for region in regions]


def _even(*regions: str) -> dict[str, int]:
    return dict.fromkeys(regions or ("a", "b"), 1)


# -- rules -------------------------------------------------------------------------------------------------------------
def test_weights_of_three_to_one_are_kept() -> None:
    """A backlog goes to regions in proportion."""
    found = decide([Demand(LANE, "q", 80, 0, {"a": 3, "b": 1})], SHAPES, _sites(), {})
    assert found[LANE].asked == {"a": 60, "b": 20}


def test_one_worker_for_each_ratio_of_tasks() -> None:
    """Ten tasks a worker: 101 tasks want 11."""
    found = decide([Demand(Lane("big", "many"), "q", 101, 0, _even())], SHAPES, _sites(), {})
    assert sum(found[Lane("big", "many")].asked.values()) == 11


def test_the_ratio_is_rounded_up_once_for_all_queues_of_a_lane() -> None:
    """Three queues with a task each want one worker at ten tasks a worker."""
    many = Lane("big", "many")
    found = decide([Demand(many, queue, 1, 0, _even("a")) for queue in "pqr"], SHAPES, _sites(), {})
    assert found[many].asked == {"a": 1}


def test_what_does_not_fit_goes_to_other_regions() -> None:
    """Three quarters are one region's share, and it has room for ten."""
    sites = [Site("big", "a", 10), Site("big", "b", 100)]
    found = decide([Demand(LANE, "q", 80, 0, {"a": 3, "b": 1})], SHAPES, sites, {})
    assert found[LANE].asked == {"a": 10, "b": 70}


def test_a_full_cluster_is_told() -> None:
    """More is wanted than fits anywhere: so much is short, and where the limit is reached."""
    found = decide([Demand(LANE, "q", 300, 0, {"a": 1, "b": 0})], SHAPES, _sites(), {})
    assert found[LANE].asked == {"a": 100}
    assert (found[LANE].short, found[LANE].full) == (200, ("a",))


def test_a_closed_region_is_left_out_and_is_not_called_full() -> None:
    """Others have its share."""
    found = decide([Demand(LANE, "q", 300, 0, _even())], SHAPES, _sites(a="does not answer"), {})
    assert found[LANE].asked == {"b": 100}
    assert found[LANE].full == ("b",)


def test_a_ceiling_sends_the_rest_to_other_regions() -> None:
    """Ten may be there, seven are: three are asked for, and the others elsewhere; without a ceiling half."""
    crews = {(LANE, "a"): Crew(starting=2, running=5, ending=9)}
    found = decide([Demand(LANE, "q", 60, 0, _even())], SHAPES, _sites(), crews, {(LANE, "a"): 10})
    assert found[LANE].asked == {"a": 3, "b": 50}
    assert decide([Demand(LANE, "q", 60, 0, _even("a"))], SHAPES, _sites(), crews, {(LANE, "a"): 10})[LANE].full == ()


def test_the_higher_priority_is_served_first() -> None:
    """It takes all that it wants; the other one what is left."""
    demands = [Demand(LANE, "low", 90, 0, _even("a")), Demand(OTHER, "high", 20, 5, _even("a"))]
    found = decide(demands, SHAPES, _sites(), {})
    assert found[OTHER].asked == {"a": 20}
    assert found[LANE].asked == {"a": 20}


def test_lanes_of_one_priority_come_to_equal_vcpus() -> None:
    """One has 40 vCPUs already: of the 60 that are free the other gets 50."""
    demands = [Demand(LANE, "q", 500, 0, _even("a")), Demand(OTHER, "q", 500, 0, _even("a"))]
    found = decide(demands, SHAPES, _sites(), {(LANE, "a"): Crew(running=40)})
    assert found[OTHER].asked["a"] * 4 == 48
    assert found[LANE].asked["a"] == 12


def test_a_small_lane_leaves_its_share_to_others() -> None:
    """Two workers are all that it wants."""
    demands = [Demand(LANE, "q", 500, 0, _even("a")), Demand(OTHER, "q", 2, 0, _even("a"))]
    found = decide(demands, SHAPES, _sites(), {})
    assert (found[OTHER].asked, found[LANE].asked) == ({"a": 2}, {"a": 92})


def test_workers_that_are_ending_hold_vcpus_and_do_no_work() -> None:
    """They are replaced, as far as there is room beside them."""
    found = decide([Demand(LANE, "q", 100, 0, _even("a"))], SHAPES, _sites(), {(LANE, "a"): Crew(running=20, ending=30)})
    assert found[LANE].asked == {"a": 50}


def test_regions_are_filled_up_with_what_is_there() -> None:
    """Thirty run in one region; forty more at equal weights are five and thirty-five."""
    found = decide([Demand(LANE, "q", 70, 0, _even())], SHAPES, _sites(), {(LANE, "a"): Crew(running=30)})
    assert found[LANE].asked == {"a": 5, "b": 35}


def test_what_starts_in_a_region_that_is_off_now_is_replaced_and_spare() -> None:
    """Running workers there count until they end."""
    crews = {(LANE, "a"): Crew(starting=10, running=5)}
    found = decide([Demand(LANE, "q", 20, 0, {"a": 0, "b": 1})], SHAPES, _sites(), crews)
    assert found[LANE].asked == {"b": 15}
    assert found[LANE].spare == {"a": 10}


def test_workers_that_have_not_started_and_are_wanted_no_more_are_spare() -> None:
    """Six tasks are left for five that run and ten that start."""
    found = decide([Demand(LANE, "q", 6, 0, _even("a"))], SHAPES, _sites(), {(LANE, "a"): Crew(starting=10, running=5)})
    assert found[LANE].spare == {"a": 9}


def test_scale_to_zero() -> None:
    """Nothing is open: nothing is asked for, and nothing that starts is kept."""
    found = decide([], SHAPES, _sites(), {(LANE, "a"): Crew(starting=3, running=2)})
    assert (found[LANE].wanted, found[LANE].asked, found[LANE].spare) == (0, {}, {"a": 3})


def test_what_fits_into_no_environment_is_not_asked_for() -> None:
    """48 vCPUs in three environments hold no worker of 20."""
    wide = Lane("big", "huge")
    found = decide([Demand(wide, "q", 5, 0, _even("a"))], {"huge": Shape(vcpus=20)}, [Site("big", "a", 48, 3)], {})
    assert found[wide].asked == {}
    assert found[wide].full == ("a",)


@pytest.mark.parametrize(
    ("given", "automatic", "counted"),
    [
        ({}, True, {"a": 1, "b": 1}),
        ({"a": 3, "b": 0}, False, {"a": 3}),
        ({"a": 3}, False, {"a": 3}),
        ({"a": 3, "b": 1}, True, {"a": 1, "b": 1}),
        ({"a": 3, "b": "auto"}, False, {"a": 1, "b": 1}),
        ({"a": 0, "gone": 4}, False, {}),
    ],
)
def test_weights_as_they_count(given: dict[str, int | str], automatic: bool, counted: dict[str, int]) -> None:
    """None given: all equal; 0 or left out: off; automatic ones are equal while none are decided; regions that are gone do not count."""
    assert capacity.weights(["a", "b"], given, automatic) == counted


@pytest.mark.parametrize(
    ("given", "routed", "counted"),
    [
        ({}, {"a": 70, "b": 30}, {"a": 70, "b": 30}),
        ({"a": 0, "b": "auto"}, {"a": 70, "b": 30}, {"b": 30}),
        ({}, {"a": 100}, {"a": 100, "b": 50}),
        ({}, {"a": 100, "b": 0}, {"a": 100, "b": 0}),
        ({"a": 0, "b": 1}, {"a": 100, "b": 0}, {"b": 1}),
        ({}, {}, {"a": 1, "b": 1}),
    ],
    ids=["as decided", "one off", "a new region", "none for one", "none for all that are on", "nothing decided"],
)
def test_weights_that_were_decided(given: dict[str, int | str], routed: dict[str, int], counted: dict[str, int]) -> None:
    """Automatic queues take those of their cluster, but for regions that are off; a queue with numbers does not."""
    assert capacity.weights(["a", "b"], given, True, routed) == counted
    assert capacity.weights(["a", "b"], {"a": 3, "b": 1}, False, routed) == {"a": 3, "b": 1}


def test_an_array_with_a_limit_wants_as_many_workers_as_may_run() -> None:
    """Of 1,000 tasks at ten a worker, three at once: three workers' worth."""
    assert capacity.useful(1500, 10, [(1000, 3)]) == 530


def test_requests_are_arrays_of_ten_thousand_at_most() -> None:
    """The last one may be a plain job."""
    assert list(capacity.requests(25_001)) == [10_000, 10_000, 5001]
    assert list(capacity.requests(10_001)) == [10_000, 1]
    assert list(capacity.requests(0)) == []


def test_a_million_workers_are_within_fifty_requests_a_second() -> None:
    """A burst of a million tasks is a hundred requests in two regions: nobody has to wait a second."""
    sites = _sites(1_000_000)
    found = decide([Demand(LANE, "q", 1_000_000, 0, _even())], SHAPES, sites, {})
    assert all(len(list(capacity.requests(workers))) <= 50 for workers in found[LANE].asked.values())
    assert sum(found[LANE].asked.values()) == 1_000_000


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 0.1), max_size=300), st.integers(1, 50))
def test_no_second_has_more_requests_than_allowed(gaps: list[float], per_s: int) -> None:
    """Whenever they come, in every window of one second are so many at most."""
    pace, now, sent = Pace(per_s), 100.0, []
    for gap in gaps:
        now += gap
        now += pace.wait_s(now)
        sent.append(now)
    assert all(later - first >= 1 - 1e-6 for first, later in zip(sent, sent[per_s:], strict=False))


# -- promises ----------------------------------------------------------------------------------------------------------
@st.composite
def _cases(draw: st.DrawFn) -> Case:
    lanes = [Lane(cluster, definition) for cluster in ("big", "little") for definition in SHAPES]
    weights = st.dictionaries(st.sampled_from(_REGIONS), st.integers(0, 5))
    demands = [
        Demand(lane, queue, draw(st.sampled_from((0, 1, 7, 50, 4000))), draw(st.integers(-1, 1)), draw(weights))
        for lane in lanes
        for queue in "pq"
        if draw(st.booleans())
    ]
    sites = [
        Site(cluster, region, draw(st.integers(1, 300)), draw(st.integers(1, 3)), draw(st.sampled_from(("", "", "", "shut"))))
        for cluster in ("big", "little")
        for region in _REGIONS
    ]
    number = st.integers(0, 30)
    crews = {
        (lane, region): Crew(draw(number), draw(number), draw(st.integers(0, 3)))
        for lane in lanes
        for region in _REGIONS
        if draw(st.integers(0, 3)) == 0
    }
    return demands, sites, crews


@settings(deadline=None, max_examples=60)
@given(_cases())
def test_limits_hold_and_nothing_goes_where_it_must_not(case: Case) -> None:
    """vCPUs in every region and cluster; no weight, no worker; closed regions; not more than is wanted."""
    demands, sites, crews = case
    found = decide(demands, SHAPES, sites, crews)
    used: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    for (lane, region), crew in crews.items():
        used[lane.cluster, region] += crew.all * SHAPES[lane.definition].vcpus
    for lane, course in found.items():
        weighed = {region for each in demands if each.lane == lane for region, weight in each.weights.items() if weight}
        assert set(course.asked) <= weighed
        for region, workers in course.asked.items():
            assert workers > 0
            asked[lane.cluster, region] += workers * SHAPES[lane.definition].vcpus
        assert sum(course.asked.values()) + course.short <= course.wanted
    for site in sites:
        where = (site.cluster, site.region)
        assert not asked[where] or (not site.closed and used[where] + asked[where] <= site.max_vcpus)


_tops = st.dictionaries(st.tuples(st.sampled_from([LANE, OTHER]), st.sampled_from(_REGIONS)), st.integers(0, 40))


@settings(deadline=None, max_examples=60)
@given(_cases(), _tops)
def test_ceilings_hold_and_keep_nobody_away_where_others_have_no_room(case: Case, tops: dict[tuple[Lane, str], int]) -> None:
    """Nobody is asked for above one; but with what is known of places nobody comes short who would not without."""
    demands, sites, crews = case
    for lane, course in decide(demands, SHAPES, sites, crews, tops).items():
        for region, workers in course.asked.items():
            able = crews.get((lane, region), Crew()).able
            assert (lane, region) not in tops or workers <= max(0, tops[lane, region] - able)
    stands = {place: Stand(ceiling=top) for place, top in tops.items()}
    free, found = decide(demands, SHAPES, sites, crews), planned(demands, SHAPES, sites, crews, stands, 0)
    assert all(course.short == free[lane].short for lane, course in found.items() if course.short)


@settings(deadline=None, max_examples=60)
@given(_cases())
def test_nothing_is_asked_for_when_enough_start(case: Case) -> None:
    """Workers that are there or start, where their queues have weights, are as many as are wanted."""
    demands, sites, crews = case
    demands = [replace(each, weights=dict.fromkeys(_REGIONS, 1)) for each in demands]
    found = decide(demands, SHAPES, sites, crews)
    for lane, course in found.items():
        able = sum(crew.able for (each, _), crew in crews.items() if each == lane)
        if able >= course.wanted:
            assert not course.asked
            assert course.short == 0
        assert sum(course.spare.values()) <= max(0, able - course.wanted)


@settings(deadline=None, max_examples=60)
@given(_cases())
def test_what_is_asked_for_is_enough_the_next_time(case: Case) -> None:
    """Asked again after it was answered, the same question asks for nothing: no two looks ask for the same."""
    demands, sites, crews = case
    found = decide(demands, SHAPES, sites, crews)
    after = dict(crews)
    for lane, course in found.items():
        for region, workers in course.asked.items():
            before = after.get((lane, region), Crew())
            after[lane, region] = replace(before, starting=before.starting + workers)
    again = decide(demands, SHAPES, sites, after)
    assert [course.asked for course in again.values() if course.asked] == []


@settings(deadline=None, max_examples=60)
@given(_cases(), st.data())
def test_more_tasks_never_mean_fewer_workers(case: Case, data: st.DataObject) -> None:
    """Of one lane alone: what is asked for grows with its tasks, and with the vCPUs of a region."""
    demands, sites, _ = case
    if not demands:
        return
    one = demands[0]
    more = replace(one, open_tasks=one.open_tasks + data.draw(st.integers(0, 100)))
    larger = [replace(site, max_vcpus=site.max_vcpus + 50, environments=1) for site in sites]
    sites = [replace(site, environments=1) for site in sites]
    counts = [
        sum(decide([each], SHAPES, where, {})[one.lane].asked.values()) for each, where in ((one, sites), (more, sites), (more, larger))
    ]
    assert counts == sorted(counts)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 5000), st.dictionaries(st.sampled_from(_REGIONS), st.integers(0, 9), min_size=1))
def test_weights_are_kept_within_rounding(tasks: int, weights: dict[str, int]) -> None:
    """Without limits each region's part is its share, rounded up or down."""
    sites = [Site("big", region, 10_000) for region in _REGIONS]
    asked = decide([Demand(LANE, "q", tasks, 0, weights)], SHAPES, sites, {})[LANE].asked
    total = sum(weights.values())
    for region, weight in weights.items():
        assert not total or abs(asked.get(region, 0) - tasks * weight / total) < 1


@settings(deadline=None, max_examples=60)
@given(_cases())
def test_equal_questions_have_equal_answers(case: Case) -> None:
    """Whatever the order in which they are asked."""
    demands, sites, crews = case
    turned = decide(demands[::-1], SHAPES, sites[::-1], dict(reversed(crews.items())))
    assert turned == decide(demands, SHAPES, sites, crews)
