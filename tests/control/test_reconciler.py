"""Whatever was lost or broken off is found within minutes, and what is well is left alone."""

from contextlib import suppress

from cyclone_core import naming
from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo import keys, unit_items, unit_parts
from cyclone_core.scheduler.dynamo.dispatch import Dispatcher, units
from cyclone_core.scheduler.dynamo.reconciler import SWEEP_QUEUES_MS
from cyclone_core.scheduler.dynamo.unit_store import Claimed
from tests.control.conftest import MINUTE, START, World


def dispatched(world: World, *numbers: int) -> None:
    """Let the dispatcher send these jobs."""
    assert Dispatcher(world.table, world.lanes, world.records, lambda: world.now).handle([world.inserted(each) for each in numbers]) == []


def claimed(world: World, number: int, low: int = 0, worker: str = "w1") -> Claimed:
    """A unit that somebody leased now."""
    found = world.store.claim(number, low, worker, 1, world.now)
    assert isinstance(found, Claimed)
    return found


def test_a_host_without_work_costs_little(world: World) -> None:
    """A look at each part of the index, the records, counters and what is remembered; nothing is written."""
    world.reconcile()
    world.wire.reset()
    assert world.reconcile().errors == []
    assert set(world.wire.asked) <= {"dynamodb:Query", "dynamodb:GetItem", "ssm:GetParametersByPath"}
    assert world.wire.count <= 16 + 4


def test_a_job_that_was_never_sent_is_sent_after_a_minute(world: World) -> None:
    """Once; then it is looked at seldom."""
    single, array = world.submit(), world.submit(tasks=9)
    assert world.reconcile(0.5).due == 0
    report = world.reconcile(0.6)
    assert (report.due, report.errors) == (2, [])
    assert world.units() == sorted((unit[0], unit[1]) for number in (single, array) for unit in units(number, world.job(number)))
    assert world.reconcile(2).due == 0
    assert world.job(single)["due_at"] > world.now


def test_what_may_have_a_message_is_not_sent_again_at_once(world: World) -> None:
    """Nobody can see which jobs a lane's messages are of: only after a quarter of an hour each gets another one."""
    here, lost = world.submit(), world.submit()
    dispatched(world, here)
    assert world.reconcile(1.1).sent == 0
    assert world.reconcile(3.1).sent == 0
    assert world.reconcile(13).sent == 2
    assert world.units() == sorted([(here, 0), (here, 0), (lost, 0)])


def test_a_worker_that_vanished_with_its_message(world: World) -> None:
    """Its lease is over: the unit is sent again, whatever else is in the lane. One that still holds is left alone."""
    held, lost, other = world.submit(), world.submit(), world.submit()
    dispatched(world, other)
    claimed(world, lost)
    world.now += 3 * MINUTE
    claimed(world, held)
    assert world.reconcile(1.1).sent == 1
    assert world.units() == sorted([(lost, 0), (other, 0)])


def test_slices_that_were_lost_or_split(world: World) -> None:
    """Each slice of an array by itself: waiting parts, tiles that nobody claimed, and what a dead worker had."""
    world.bodies["cluster"]["big"]["max_vcpus"] = 3
    number = world.submit(tasks=30)
    size = world.job(number)["sz"]
    assert size == 10
    unit = claimed(world, number, 1).unit
    (part, *_rest) = world.store.split(unit, unit_parts.cuts(unit), world.now)
    assert world.reconcile(1.1).errors == []  # the lane has no messages: what waits is sent
    sent = world.units()
    assert (number, 1) not in sent
    assert {(number, part.low), (number, 11), (number, 21)} <= set(sent)
    assert world.reconcile(6).sent > len(sent)
    assert (number, 1) in world.units()


def test_a_limit_holds_also_for_what_is_sent_again(world: World) -> None:
    """Only as many tiles as may be out; what ended meanwhile makes room, whoever failed to say so."""
    number = world.submit(tasks=2500, limit=2)
    world.count(number)
    lows = [low for _, low, _, _ in units(number, world.job(number))]
    assert len(lows) == 2
    world.reconcile(1.1)
    assert world.units() == [(number, low) for low in lows]
    world.table.update(keys.total(number), add={"f": 1})
    assert world.reconcile(5).errors == []
    sent = world.units()
    assert len(set(sent)) == 3
    assert world.job(number)["nx"] == 3
    assert [item["sk"] for item in world.table.query(keys.LIMITED)] == [str(number)]


def test_workers_hear_that_a_queue_is_paused_and_its_jobs_go_on_when_it_does(world: World) -> None:
    """What was submitted meanwhile is sent with the first look after it."""
    world.bodies["queue"]["work"]["paused"] = True
    world.record()
    number = world.submit()
    dispatched(world, number)
    world.reconcile(1.1)
    assert (world.table.get((keys.QUEUE, "work")) or {})["paused"] == 1
    assert (world.table.get((keys.QUEUE, "night")) or {})["paused"] == 0
    assert world.units() == []
    world.bodies["queue"]["work"]["paused"] = False
    world.record()
    assert world.reconcile(0.1).due == 0
    assert world.units() == [(number, 0)]
    assert (world.table.get((keys.QUEUE, "work")) or {})["paused"] == 0


def test_a_queue_that_is_gone_is_forgotten_and_its_jobs_end(world: World) -> None:
    """With the reason."""
    number = world.submit(queue="night")
    world.reconcile(0.1)
    del world.bodies["queue"]["night"]
    world.record()
    assert world.reconcile(1.1).refused == 1
    assert world.table.get((keys.QUEUE, "night")) is None
    assert "its queue night is not there any more" in unit_items.read(world.job(number)).reasons[1, 1]


def test_what_is_over_is_not_looked_at_again(world: World) -> None:
    """Also where whoever ended it did not come to say so."""
    number = world.submit()
    world.table.update(keys.job(number), set={"s": keys.OVER, "c": [0, 0, 1, 0, 0, 0]}, add={"v": 1})
    world.reconcile(1.1)
    assert "due" not in world.job(number)
    assert world.units() == []


def test_a_worker_that_vanished_with_a_cancelled_job(world: World) -> None:
    """It is over then, and nothing is sent."""
    single, array = world.submit(), world.submit(tasks=2)
    claimed(world, single)
    claimed(world, array, 1)
    assert world.store.cancel(single, None, world.now) == 1
    world.count(array)
    world.store.cancel(array, None, world.now)
    assert world.reconcile(4).settled == 2
    assert unit_items.read(world.job(single)).counts() == [0, 0, 0, 0, 1, 0]
    item = world.table.get(keys.slice(array, 1, world.job(array)["sz"]), consistent=True)
    assert item is not None
    assert item["s"] != keys.LEASED
    assert world.units() == []


def test_a_lane_that_has_lost_its_messages_is_mended_within_two_minutes(world: World) -> None:
    """Counters say that tasks wait, and its queues are empty, twice in a row: all its open jobs are looked at."""
    numbers = [world.submit(), world.submit(tasks=3)]
    world.count(*numbers)
    dispatched(world, *numbers)
    world.reconcile(20)  # they are looked at in an hour again
    wanted = set(world.units())
    assert wanted
    assert world.reconcile(1).sent == 0
    assert world.reconcile(1).sent == len(wanted)
    assert set(world.units()) == wanted


def test_only_jobs_of_a_lane_that_ran_dry_are_read(world: World) -> None:
    """Others may be many."""
    world.bodies["queue"]["far"] = {"name": "far", "cluster": "other"}
    world.record()
    here, there = world.submit(), world.submit(queue="far")
    world.count(here, there)
    dispatched(world, here, there)
    world.reconcile(20)
    world.units()
    world.reconcile(1)
    report = world.reconcile(1)
    assert (report.swept, report.sent) == (1, 1)
    assert world.units() == [(here, 0)]


def test_what_was_sent_because_it_was_due_is_not_sent_for_its_lane_too(world: World) -> None:
    """In one run."""
    number = world.submit()
    world.count(number)
    assert world.reconcile(0.4).sent == 0
    world.table.update(keys.job(number), set={"due_at": world.now + MINUTE})
    report = world.reconcile(1)
    assert (report.due, report.swept, report.sent) == (1, 1, 1)
    assert world.units() == [(number, 0)]


def test_counters_that_are_wrong_cost_little(world: World) -> None:
    """A lane is swept in vain less and less often."""
    world.table.put((keys.TOTALS, "work#small#0"), {"c0": 5})
    number = world.submit()
    world.store.claim(number, 0, "w1", 1, world.now + 10**9)
    swept = [minute for minute in range(40) if world.reconcile(1).swept]
    assert swept == [1, 3, 7, 15, 31]


def test_message_queues_of_lanes_that_are_gone_go_too(world: World) -> None:
    """Once they are empty; looked for each ten minutes."""
    world.now = START - START % SWEEP_QUEUES_MS
    world.lanes.send("big", "small", 1, [(1, 0, 0, "ada")])
    world.lanes.send("old", "small", 1, [(1, 0, 0, "ada")])
    world.lanes.send("old", "small", 2, [(1, 0, 0, "ada")])
    world.messages("old", 1)
    assert world.reconcile(10).removed == 1
    assert f"{world.host}--old--small--high" in world.lanes.names()
    world.messages("old", 2)
    assert world.reconcile(9).removed == 0
    assert world.reconcile(1).removed == 1
    assert world.lanes.names() == [naming.lane_queue(world.host, "big", "small", "normal")]


def test_what_is_left_of_jobs_whose_time_is_over_is_removed(world: World) -> None:
    """By whoever knows how, when their counters say so."""
    world.table.put(keys.total(77), {"gone": 1, "due": keys.due_part(77), "due_at": world.now})
    asked: list[tuple[int, int]] = []
    report = world.reconcile(1, expire=lambda number, now: bool(asked.append((number, now)) or True))
    assert asked == [(77, world.now)]
    assert report.expired == 1


def test_one_job_that_is_broken_hinders_no_other(world: World) -> None:
    """It is told."""
    broken, well = world.submit(), world.submit()
    world.table.update(keys.job(broken), remove=["q"])
    report = world.reconcile(1.1)
    assert world.units() == [(well, 0)]
    assert [each.partition(":")[0] for each in report.errors] == [f"job {broken}"]


def test_a_run_ends_in_time(world: World) -> None:
    """The rest is left to the next one."""
    for _ in range(3):
        world.submit()
    ticks = iter(range(100))
    assert world.reconcile(1.1, budget_s=3, clock=lambda: next(ticks)).sent < 3
    sent = {number for number, _ in world.units()}
    world.reconcile(1)
    assert len(sent | {number for number, _ in world.units()}) == 3


def prepare(world: World) -> set[tuple[int, int]]:
    """Jobs whose messages are lost, one with a worker that has vanished, and a queue that is paused or goes on; what is to be sent."""
    numbers = [world.submit(), world.submit(tasks=5), world.submit(tasks=2500, limit=2)]
    world.count(*numbers)
    claimed(world, numbers[0])
    night = world.bodies["queue"]["night"]
    night["paused"] = not night.get("paused")
    world.record()
    return {(number, low) for number in numbers for _, low, _, _ in units(number, world.job(number))}


def test_whatever_request_fails_the_next_runs_do_the_rest(world: World) -> None:
    """At each request in turn but for its like beside it, before it is done and, where it changes something, after it."""
    prepare(world)
    world.wire.reset()
    world.reconcile(6)
    for at, after in world.wire.points():
        world.messages()
        wanted = prepare(world)
        world.wire.reset(at, after)
        with suppress(AwsError):  # the function ended here
            world.reconcile(6)
        world.wire.reset()
        found = {*world.units()}
        world.reconcile(1)
        assert found.union(world.units()) >= wanted, (at, after)
        for number, _ in wanted:
            world.table.delete(keys.job(number))
        assert (world.table.get((keys.QUEUE, "night"), consistent=True) or {})["paused"] == world.bodies["queue"]["night"]["paused"]
