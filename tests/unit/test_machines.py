"""How machines with slots count for lanes, and what a fleet is asked for: never over a limit, whatever EC2 picks."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.prices.table import Facts
from cyclone_core.scheduler import machine_packing as packing
from cyclone_core.scheduler import machines
from cyclone_core.scheduler.capacity import Crew, Lane
from cyclone_core.scheduler.machines import LEAVING, STARTING, THERE, Need, Room, Want
from cyclone_core.scheduler.remote.offer import offered

A, B = Lane("big", "a"), Lane("big", "b")
NEEDS = {"a": Need(1, 512), "b": Need(2, 1024)}
LARGE = Facts("m6i.large", 2, 8192, 0, "x86_64")
HUGE = Facts("m6i.4xlarge", 16, 65_536, 0, "x86_64")

KINDS = st.builds(
    lambda vcpus, ratio, number: Facts(f"t{number}.{vcpus}", vcpus, vcpus * ratio * 1024, 0, "x86_64"),
    st.sampled_from((1, 2, 4, 8, 16, 32, 64, 96)), st.sampled_from((1, 2, 4, 8)), st.integers(0, 9),
)  # fmt: skip
LANES = st.builds(Need, st.integers(1, 8), st.integers(1, 20_000))
ROOMS = st.builds(
    Room, st.just("big"), st.sampled_from(("here", "there")), st.integers(1, 16), st.integers(512, 32_768),
    state=st.sampled_from((THERE, STARTING)), meant_for=st.sampled_from(("a", "b")),
)  # fmt: skip
WANTS = st.lists(
    st.builds(Want, st.sampled_from((A, B)), st.integers(1, 40), st.integers(-1, 1)), max_size=3, unique_by=lambda each: each.lane
)


def test_what_runs_counts_for_its_lane_and_the_rest_is_idle() -> None:
    """A machine of four vCPUs with a worker of two of them."""
    found = machines.count([Room("big", "here", 4, 4096, widths={"b": 1})], NEEDS, [])
    assert (found.crews, found.idle) == ({(B, "here"): Crew(running=1)}, {("big", "here"): 2})


def test_free_room_is_theirs_who_come_first() -> None:
    """By priority, then by name; as running, for it takes seconds."""
    found = machines.count([Room("big", "here", 4, 4096)], NEEDS, [Want(A, 3), Want(B, 1, 5)])
    assert found.crews == {(A, "here"): Crew(running=2), (B, "here"): Crew(running=1)}
    assert not found.idle


def test_nobody_gets_more_than_is_wanted() -> None:
    """Workers that are there already are subtracted."""
    rooms = [Room("big", "here", 8, 8192, widths={"a": 2}), Room("big", "there", 8, 8192)]
    found = machines.count(rooms, NEEDS, [Want(A, 3)])
    assert found.crews == {(A, "here"): Crew(running=3)}
    assert found.idle == {("big", "here"): 5, ("big", "there"): 8}


def test_a_worker_needs_memory_beside_its_tasks() -> None:
    """Room that holds a task alone holds nobody: whoever counts on it waits for ever."""
    little = Room("big", "here", 4, 4096, free=Need(2, 520))
    assert machines.count([little], NEEDS, [Want(A, 1)]).crews == {}
    for kind in (LARGE, HUGE):  # what was asked for as so many workers counts as so many
        room = machines.room_of("big", "here", kind, "a")
        assert machines.count([room], {"a": Need(1, 2048)}, [Want(A, 99)]).crews == {
            (A, "here"): Crew(machines.slots_of(Need(1, 2048), kind))
        }


def test_machines_that_leave_give_nothing() -> None:
    """What they run is ending."""
    found = machines.count([Room("big", "here", 4, 4096, widths={"a": 2}, state=LEAVING)], NEEDS, [Want(A, 4)])
    assert found.crews == {(A, "here"): Crew(ending=2)}


@pytest.mark.parametrize(("wants", "crews"), [([Want(B, 1)], {B: Crew(1), A: Crew(2)}), ([], {A: Crew(4)})])
def test_what_starts_and_nobody_wants_is_spare_of_who_asked(wants: list[Want], crews: dict[Lane, Crew]) -> None:
    """It was asked for lane a."""
    found = machines.count([Room("big", "here", 4, 4096, state=STARTING, meant_for="a")], NEEDS, wants)
    assert found.crews == {(lane, "here"): crew for lane, crew in crews.items()}


@given(st.lists(ROOMS, max_size=6), WANTS)
def test_no_vcpu_counts_twice(rooms: list[Room], wants: list[Want]) -> None:
    """Each is in a worker or idle, in each region."""
    found = machines.count(rooms, NEEDS, wants)
    for region in ("here", "there"):
        used = sum(crew.all * NEEDS[lane.definition].vcpus for (lane, where), crew in found.crews.items() if where == region)
        assert used + found.idle.get(("big", region), 0) == sum(room.vcpus for room in rooms if room.region == region)
    there = {lane: sum(crew.running for (each, _), crew in found.crews.items() if each == lane) for lane in (A, B)}
    assert all(there[want.lane] <= want.workers for want in wants)


# -- asking ---------------------------------------------------------------------------------------------------------------
def test_a_type_counts_as_many_workers_as_fit() -> None:
    """By vCPUs or by memory, of which the system takes some."""
    assert machines.slots_of(Need(1, 512), LARGE) == 2
    assert machines.slots_of(Need(1, 4096), LARGE) == 1
    assert machines.slots_of(Need(1, 512, 1), LARGE) == 0


def test_types_that_hold_none_or_waste_most_are_left_out() -> None:
    """A worker with 32 GiB on machines with 4, 64 and 128 GiB."""
    kinds = [LARGE, HUGE, Facts("r6i.4xlarge", 16, 131_072, 0, "x86_64")]
    asked = machines.instances_for(Need(1, 30_000), kinds, 100, 1000)
    assert {kind.type: weight for kind, weight in asked.weights.items()} == {"r6i.4xlarge": 4, "m6i.4xlarge": 2}
    assert machines.instances_for(Need(64), kinds, 1, 1000).why == "none of its instance types holds a worker"


def test_one_worker_gets_a_small_instance() -> None:
    """Not sixteen vCPUs because they are the cheapest for each."""
    assert list(machines.instances_for(Need(1, 512), [LARGE, HUGE], 1, 1000).weights) == [LARGE]


def test_what_is_left_is_too_little() -> None:
    """And says so."""
    assert machines.instances_for(Need(1), [LARGE], 5, 1).why == "1 vCPUs are left, and the smallest of its instances has 2"


@given(
    LANES, st.lists(KINDS, min_size=1, max_size=12, unique_by=lambda kind: kind.type), st.integers(1, 5000), st.integers(0, 2000), st.data()
)
def test_no_fleet_is_over_the_limit(need: Need, kinds: list[Facts], workers: int, room: int, data: st.DataObject) -> None:
    """Whatever EC2 picks until it has enough; what is asked for is not more than is wanted, and something where something fits."""
    asked = machines.instances_for(need, kinds, workers, room)
    if asked.why:
        assert not any(machines.slots_of(need, kind) and kind.vcpus <= room for kind in kinds) or "left" in asked.why
        return
    assert 1 <= asked.units <= workers
    assert all(weight == machines.slots_of(need, kind) > 0 for kind, weight in asked.weights.items())
    picked = Counter[Facts]()
    order = sorted(asked.weights, key=lambda kind: kind.type)
    wish = data.draw(st.lists(st.sampled_from(order), min_size=1, max_size=8))
    units = 0
    while units < asked.units:
        kind = wish[picked.total() % len(wish)]
        picked[kind] += 1
        units += asked.weights[kind]
    assert sum(kind.vcpus * count for kind, count in picked.items()) <= machines.most_vcpus(asked) <= room
    assert picked.total() <= machines.MOST_INSTANCES + 1


def test_many_workers_are_asked_for_with_large_instances() -> None:
    """Ten thousand workers are no five thousand instances."""
    asked = machines.instances_for(Need(1, 512), [LARGE, HUGE], 10_000, 20_000)
    assert list(asked.weights) == [HUGE]
    assert asked.units == machines.MOST_INSTANCES * 16


@pytest.mark.parametrize(("sheet_mib", "total_mib"), [(2048, 1900), (4096, 3700), (8192, 7670), (16384, 15570), (65536, 63400)])
def test_memory_that_is_counted_on_is_there(sheet_mib: int, total_mib: int) -> None:
    """Of what Linux finds of it the machine keeps some, and its workers: else instances are bought that then hold nobody."""
    counted = machines.usable_mib(sheet_mib)
    assert packing.Room(99, offered(total_mib)).holds(packing.Room(1, counted).times(1))
    assert counted > 0.7 * sheet_mib
