"""Who gives up workers for whom when a cluster is full."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.scheduler.capacity import Course, Crew, Demand, Lane, Shape, Site, decide
from cyclone_core.scheduler.making_room import make_room

A, B, C = (Lane("big", name) for name in "abc")
SHAPES = {"a": Shape(), "b": Shape(), "c": Shape(vcpus=4)}
Crews = dict[tuple[Lane, str], Crew]


def _plan(demands: list[Demand], crews: Crews, vcpus: int = 100, hungry: tuple[Lane, ...] = (A, B, C)) -> dict[Lane, Course]:
    sites = [Site("big", region, vcpus) for region in ("x", "y")]
    return make_room(decide(demands, SHAPES, sites, crews), demands, SHAPES, sites, crews, hungry)


def _demand(lane: Lane, tasks: int, priority: int = 0, queue: str = "q") -> Demand:
    return Demand(lane, queue, tasks, priority, {"x": 1})


def test_lanes_of_one_priority_come_to_share_a_full_cluster() -> None:
    """One has it all, with work without end: half of its workers leave for the other."""
    found = _plan([_demand(A, 10_000), _demand(B, 10_000)], {(A, "x"): Crew(running=100)})
    assert found[A].leave == {"x": 50}


def test_no_more_leave_than_the_other_wants() -> None:
    """Seven workers' worth."""
    found = _plan([_demand(A, 10_000), _demand(B, 7)], {(A, "x"): Crew(running=100)})
    assert found[A].leave == {"x": 7}


def test_a_higher_priority_gets_all_that_it_wants() -> None:
    """From the lowest first."""
    demands = [_demand(A, 10_000, 1), _demand(B, 10_000, -1), _demand(C, 10_000, 5)]
    found = _plan(demands, {(A, "x"): Crew(running=60), (B, "x"): Crew(running=40)})
    assert (found[A].leave, found[B].leave) == ({"x": 60}, {"x": 40})
    found = _plan([_demand(A, 60, 1), demands[1], _demand(C, 5, 5)], {(A, "x"): Crew(running=60), (B, "x"): Crew(running=40)})
    assert (found[A].leave, found[B].leave) == ({}, {"x": 20})


def test_a_lower_priority_takes_nothing() -> None:
    """It waits."""
    found = _plan([_demand(A, 10_000, 1), _demand(B, 10_000)], {(A, "x"): Crew(running=100)})
    assert found[A].leave == {}


def test_workers_that_have_not_started_go_first() -> None:
    """They have nothing to give back."""
    found = _plan([_demand(A, 10_000), _demand(B, 10_000)], {(A, "x"): Crew(starting=30, running=70)})
    assert (found[A].spare, found[A].leave) == ({"x": 30}, {"x": 20})


def test_who_is_short_for_a_moment_takes_nothing() -> None:
    """Only lanes that were short before have claims."""
    found = _plan([_demand(A, 10_000), _demand(B, 10_000)], {(A, "x"): Crew(running=100)}, hungry=())
    assert found[A].leave == {}


def test_a_region_that_the_short_lane_may_not_use_keeps_its_workers() -> None:
    """Its queue has no weight there."""
    found = _plan([Demand(A, "q", 10_000, 0, {"y": 1}), _demand(B, 10_000)], {(A, "y"): Crew(running=100), (B, "x"): Crew(running=100)})
    assert (found[A].leave, found[B].leave) == ({}, {})


def test_a_lane_with_an_urgent_queue_is_urgent_and_its_other_queue_is_not() -> None:
    """Workers of a lane do any queue's work, so others of less priority do not get them; but its other tasks take none from these."""
    demands = [_demand(A, 10, 5, "urgent"), _demand(A, 10_000, 0, "usual"), _demand(B, 10_000, 1)]
    crews = {(A, "x"): Crew(running=10), (B, "x"): Crew(running=90)}
    found = _plan(demands, crews)
    assert (found[A].leave, found[B].leave) == ({}, {})


@st.composite
def _cases(draw: st.DrawFn) -> tuple[list[Demand], Crews, int]:
    lanes = [A, B, C]
    demands = [_demand(lane, draw(st.sampled_from((0, 3, 40, 5000))), draw(st.integers(0, 1))) for lane in lanes]
    crews = {(lane, "x"): Crew(draw(st.integers(0, 10)), draw(st.integers(0, 40)), draw(st.integers(0, 2))) for lane in lanes}
    used = sum(crew.all * SHAPES[lane.definition].vcpus for (lane, _), crew in crews.items())
    return demands, crews, used + draw(st.sampled_from((0, 1, 5, 50)))


def _at_rest(demands: list[Demand], crews: Crews, vcpus: int) -> tuple[dict[Lane, Course], Crews]:
    """After some minutes: who was asked to leave has left, what was asked for has come, and idle workers are gone."""
    busy = {demand.lane for demand in demands if demand.open_tasks}
    crews = {place: replace(crew, ending=0) if place[0] in busy else Crew() for place, crew in crews.items()}
    for _ in range(8):
        found = _plan(demands, crews, vcpus)
        for lane, course in found.items():
            crew = crews[lane, "x"]
            starting = crew.starting - course.spare.get("x", 0)
            crews[lane, "x"] = Crew(0, crew.running + starting - course.leave.get("x", 0) + course.asked.get("x", 0))
    return found, crews


@settings(deadline=None, max_examples=60)
@given(_cases())
def test_only_what_is_there_leaves_and_only_for_who_is_short(case: tuple[list[Demand], Crews, int]) -> None:
    """Of a lane of at most that priority, and no more vCPUs than are lacking, up to a worker."""
    demands, crews, vcpus = case
    found = _plan(demands, crews, vcpus)
    short = {lane: course.short for lane, course in found.items() if course.short}
    priority = {demand.lane: demand.priority for demand in demands}
    freed = 0
    for lane, course in found.items():
        crew = crews[lane, "x"]
        leaving = course.leave.get("x", 0)
        assert course.spare.get("x", 0) <= crew.starting
        assert leaving <= crew.running
        freed += leaving * SHAPES[lane.definition].vcpus
        assert not leaving or any(priority[other] >= priority[lane] for other in short)
    assert freed <= sum(count * SHAPES[lane.definition].vcpus for lane, count in short.items()) + 3 * 4


@settings(deadline=None, max_examples=60)
@given(_cases())
def test_it_comes_to_rest(case: tuple[list[Demand], Crews, int]) -> None:
    """When who was asked to leave has left, and what was asked for has come, for some minutes, nobody has to leave any more."""
    found, _ = _at_rest(*case)
    assert [course.leave for course in found.values() if course.leave] == []


@settings(deadline=None, max_examples=60)
@given(_cases())
def test_at_rest_the_higher_priority_has_what_it_wants(case: tuple[list[Demand], Crews, int]) -> None:
    """Whoever is short of a lane's worth of room has nobody of a lower priority beside it."""
    demands, _, vcpus = case
    found, crews = _at_rest(*case)
    priority = {demand.lane: demand.priority for demand in demands if demand.open_tasks}
    for lane, course in found.items():
        fits = vcpus >= SHAPES[lane.definition].vcpus
        if course.short and fits:
            lower = sum(crews[each, "x"].all * SHAPES[each.definition].vcpus for each in priority if priority[each] < priority[lane])
            assert lower < SHAPES[lane.definition].vcpus
