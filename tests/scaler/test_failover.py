"""Workers that do not come: other instance types, other regions, on demand; a region is left alone and comes back."""

from collections.abc import Callable

import pytest

from cyclone_core.operations.sandbox import Faults, RequestFault
from cyclone_core.scheduler.dynamo import health_items
from cyclone_core.scheduler.dynamo.batch_region import BatchRegion
from cyclone_core.scheduler.dynamo.fleet import Fleet, Request
from cyclone_core.scheduler.dynamo.scaling import Scaler
from tests.aws import wait_until
from tests.scaler.conftest import HUB, LANE, MAIN, World

SECOND, MINUTE = 1_000, 60_000
TYPES, ON_DEMAND = "instance-types", "on-demand"
Set = Callable[[Faults], None]


class Died(Exception):
    """The scaler's process is gone."""


class Dying(BatchRegion):
    """A region on the way to which the scaler dies, before or after a worker was ended."""

    def __init__(self, region: BatchRegion, before: bool) -> None:
        self.__dict__ |= region.__dict__
        self.before = before

    def end(self, request: Request, workers: int, reason: str, now_ms: int) -> Request:
        """Die."""
        if not self.before:
            super().end(request, workers, reason, now_ms)
        raise Died


class Forgetful(Fleet):
    """Requests of which nothing is written any more once one was ended: whoever keeps them dies then."""

    def keep(self, request: Request) -> None:
        """Die instead of writing that something was ended."""
        if request.ended or request.given_up:
            raise Died
        super().keep(request)


def left(world: World, scaler: Scaler) -> None:
    """The hub gives nothing, on no step of the chain, and is left alone for five minutes."""
    scaler.run()
    for _ in range(2):
        world.now += 61 * SECOND
        scaler.run()
    assert world.told()["fallback"][HUB]["state"] == "open"


def test_the_steps_of_the_chain(world: World, faults: Set) -> None:
    """After its wait each: other types in the same region, then other regions. What ran goes on, what waited is asked for once."""
    world.chain(TYPES, instance_types=60, regions=60)
    faults(Faults(starved=world.starved(HUB)))
    world.tasks(4)
    scaler = world.scaler()
    assert scaler.run().asked == {MAIN: 2, HUB: 2}
    world.now += 61 * SECOND
    report = scaler.run()
    assert (report.asked, report.given_up) == ({HUB: 2}, 2)
    assert (world.alive(HUB), world.alive(HUB, TYPES)) == (0, 2)
    assert "eu-west-1 is asked for other instance types too since 22:14 UTC" in world.told()["why"]
    world.now += 61 * SECOND
    report = scaler.run()
    assert (report.asked, report.given_up) == ({MAIN: 2}, 2)
    assert (world.alive(HUB, TYPES), world.alive(MAIN)) == (0, 4)
    assert "eu-west-1 is left alone until 22:20 UTC (of 2 workers 0 came within 61 s), us-east-1 is asked instead" in world.told()["why"]
    assert not world.told()["stuck"]


def test_a_region_comes_back_when_one_worker_came(world: World, faults: Set) -> None:
    """It is tried with one after five minutes; nobody is asked for before, and all by weight afterwards."""
    world.chain(TYPES, instance_types=60, regions=60)
    faults(Faults(starved=world.starved(HUB)))
    world.tasks(2)
    scaler = world.scaler()
    left(world, scaler)
    world.now += 4 * MINUTE
    assert scaler.run().asked == {}
    world.now += 61 * SECOND
    assert scaler.run().asked == {HUB: 1}
    assert world.told()["fallback"][HUB]["state"] == "trying"
    faults(Faults())
    wait_until(lambda: scaler.run() and world.told()["regions"][HUB]["running"])
    assert HUB not in world.told().get("fallback", {}) or world.told()["fallback"][HUB]["state"] == "closed"
    world.tasks(10)
    assert scaler.run().asked == {MAIN: 3, HUB: 4}


def test_one_that_is_tried_and_does_not_come_is_the_only_one(world: World, faults: Set) -> None:
    """The region is left alone again, for longer; others do its work."""
    world.chain(TYPES, instance_types=60, regions=60)
    faults(Faults(starved=world.starved(HUB)))
    world.tasks(6)
    scaler = world.scaler()
    left(world, scaler)
    assert scaler.run().asked == {}
    asked = 0
    for _ in range(16):
        world.now += MINUTE
        asked += scaler.run().asked.get(HUB, 0)
        assert world.alive(HUB) + world.alive(HUB, TYPES) <= 1
    assert asked in (1, 2)
    assert (world.alive(MAIN), world.told()["fallback"][HUB]["state"]) == (6, "open")


@pytest.mark.parametrize("how", ["before", "after", "unwritten"])
def test_a_scaler_that_dies_while_it_moves_workers_asks_for_nothing_twice(world: World, faults: Set, how: str) -> None:
    """Before or after what waits is ended, or before that is written down: the next one ends and asks for what is left."""
    world.chain(TYPES, instance_types=60, regions=600)
    faults(Faults(starved=world.starved(HUB)))
    world.weigh(eu_west_1=1)
    world.tasks(5)
    world.scaler().run()
    world.now += 61 * SECOND
    if how == "unwritten":
        dying = world.scaler(Forgetful(world.table))
    else:
        dying = world.scaler(region=lambda name: Dying(world.region(name), how == "before"))
    with pytest.raises(Died):
        dying.run()
    world.now += 151 * SECOND  # the dead one's turn is over
    world.scaler().run()
    world.now += MINUTE
    assert world.scaler().run().asked == {}
    assert (world.alive(HUB), world.alive(HUB, TYPES)) == (0, 5)
    assert sum(request.starting for request in world.requests()) == 5


def test_limits_hold_over_all_steps_together(world: World, faults: Set) -> None:
    """Four vCPUs in each region, and work for more: what waits stays where it is when everybody else is full, and is the first to come."""
    world.chain(TYPES, instance_types=60, regions=60)
    world.bodies["cluster"]["big"]["max_vcpus"] = 4
    faults(Faults(starved=world.starved(HUB)))
    world.tasks(50)
    scaler = world.scaler()
    for _ in range(5):
        scaler.run()
        world.now += 61 * SECOND
        assert world.alive(MAIN) + world.alive(MAIN, TYPES) == 4
        assert world.alive(HUB) + world.alive(HUB, TYPES) == 4
    assert world.told()["fallback"][HUB]["state"] == "open"
    faults(Faults())
    wait_until(lambda: scaler.run() and world.told()["regions"][HUB]["running"])
    assert world.told()["fallback"][HUB]["state"] == "closed"
    assert world.alive(HUB) + world.alive(HUB, TYPES) == 4


def test_on_demand_comes_last(world: World, faults: Set) -> None:
    """Once all regions were left for its wait; what waits there is asked for on demand, by weight."""
    world.chain(ON_DEMAND, instance_types=0, regions=60, on_demand=120)
    faults(Faults(starved=world.starved(MAIN, HUB, queue="")))
    world.weigh(us_east_1=3, eu_west_1=1)
    world.tasks(4)
    scaler = world.scaler()
    scaler.run()
    for _ in range(2):
        world.now += 61 * SECOND
        assert scaler.run().asked == {}
    world.now += 61 * SECOND
    assert scaler.run().asked == {MAIN: 3, HUB: 1}
    assert [(world.alive(name), world.alive(name, ON_DEMAND)) for name in (MAIN, HUB)] == [(0, 3), (0, 1)]
    assert "us-east-1 is asked for instances on demand" in world.told()["why"]
    world.now += 61 * SECOND
    assert scaler.run().asked == {}


def test_steps_that_are_not_deployed_yet_are_passed_over(world: World, faults: Set) -> None:
    """A cluster that an earlier version made has one queue."""
    world.chain(instance_types=60, regions=60)
    faults(Faults(starved=world.starved(HUB)))
    world.tasks(4)
    scaler = world.scaler()
    scaler.run()
    world.now += 61 * SECOND
    assert scaler.run().asked == {MAIN: 2}
    assert world.told()["fallback"][HUB]["state"] == "open"


def test_a_region_that_refuses_is_left_to_others(world: World, faults: Set) -> None:
    """From the second look on, instead of being given its share again and again."""
    faults(Faults(requests=[RequestFault("batch", region=HUB, code="InternalFailure", status=500)]))
    world.tasks(10)
    scaler = world.scaler()
    scaler.run()
    world.now += MINUTE
    scaler.run()
    assert world.told()["fallback"][HUB]["state"] == "open"
    faults(Faults())
    world.now += MINUTE
    assert scaler.run().asked == {}
    assert world.alive(MAIN) == 10


def test_what_is_known_of_a_region(world: World, faults: Set) -> None:
    """How long workers took, how many of those asked for came, and where lanes stand; of a cluster that is gone nothing."""
    world.chain(TYPES, instance_types=60, regions=60)
    faults(Faults(starved=world.starved(HUB)))
    world.tasks(4)
    scaler = world.scaler()
    scaler.run()
    wait_until(lambda: scaler.run() and world.told()["regions"][MAIN]["running"] == 2)
    world.now += 61 * SECOND
    scaler.run()
    known = health_items.read(world.table)
    assert (known["big", MAIN].delivered, known["big", HUB].delivered) == (1, 0)
    assert known["big", HUB].stands["small"].rung == TYPES
    del world.bodies["cluster"]["big"]
    world.scaler().run()
    assert health_items.read(world.table) == {}


def test_a_lane_that_wants_nothing_forgets_where_it_was_as_usual(world: World) -> None:
    """Nothing is kept of places where all is well."""
    world.tasks(2)
    scaler = world.scaler()
    scaler.run()
    assert LANE.definition in health_items.read(world.table)["big", MAIN].stands
    world.tasks(0)
    scaler.run()
    assert health_items.read(world.table)["big", MAIN].stands == {}
