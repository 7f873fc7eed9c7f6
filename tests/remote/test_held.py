"""What is due of a unit, how much of it the agent gets, how much work is asked for."""

from typing import Any

from cyclone_core.jobs import outcome
from cyclone_core.scheduler.dynamo import unit_parts
from cyclone_core.scheduler.dynamo.queues import Message
from cyclone_core.scheduler.dynamo.unit import Unit
from cyclone_core.scheduler.lifecycle import Retry
from cyclone_core.scheduler.remote.held import Held
from cyclone_core.scheduler.remote.in_hand import InHand
from cyclone_core.scheduler.remote.machine import Times
from cyclone_core.scheduler.remote.pace import FLUSH_ROWS, FLUSH_S, Pace

TIMES = Times(120.0)
SHAPE = {"q": "default", "d": "default", "sz": 100, "jt": 100, "u": "somebody", "b": 1}


def held(high: int = 100, ahead: int = 1, low: int = 1, **job: Any) -> Held:
    """A slice low..high that was claimed at time 0."""
    unit = Unit(7, low, high, True, dict(SHAPE))
    unit.claim("here", 120_000, ahead)
    unit.written()
    return Held(unit, job, ("name", "default", 1, 1, 1, 1, high, "big"), {}, {}, Retry(), Message(7, low), 0.0, 120.0)


def in_hand(width: int, every: list[Held]) -> InHand:
    """What a worker with so many slots has, all of one kind."""
    found = InHand(width)
    for one in every:
        found.add(one)
    return found


def rows(*positions: int, attempt: int = 1, code: int = 0) -> list[Any]:
    """Results."""
    return [(7, position, attempt, code, 1_000_000, 2000, 100, 0) for position in positions]


def write(one: Held, ahead: int) -> None:
    """What a write does."""
    taken, reasons = one.take_rows()
    one.unit.finish([(row, 0) for row, _ in taken], reasons, one.retry)
    if not one.unit.is_over:
        one.unit.allow(ahead, short=False)
    one.unit.written()
    one.take_over()


def test_the_agent_gets_nothing_above_the_mark() -> None:
    """The mark that is written, not the one that will be."""
    one = held(ahead=3)
    assert one.take(10) == [(7, 1, 3, 1, 0, 0)]
    one.unit.allow(10, short=False)
    assert one.take(10) == []
    one.take_over()
    assert one.take(4) == [(7, 4, 7, 1, 0, 0)]
    assert one.take(10) == [(7, 8, 10, 1, 0, 0)]


def test_what_ran_out_is_written_at_once() -> None:
    """So that the mark may go on; while the agent has something, results wait for company."""
    one = held(ahead=2)
    one.take(2)
    one.report(rows(1), {}, 5, now=1.0)
    assert not one.is_due(1.0, 0, TIMES)
    one.report(rows(2), {}, 5, now=1.1)
    assert one.is_due(1.1, 0, TIMES)


def test_results_wait_neither_long_nor_for_many_others() -> None:
    """Five seconds, or 64 of them."""
    one = held(ahead=90)
    one.take(90)
    one.report(rows(1), {}, 5, now=1.0)
    assert [one.is_due(now, 0, TIMES) for now in (1.0 + FLUSH_S - 0.1, 1.0 + FLUSH_S)] == [False, True]
    one.report(rows(*range(2, FLUSH_ROWS + 1)), {}, 5, now=1.5)
    assert one.is_due(1.5, 0, TIMES)


def test_nothing_is_written_twice_at_the_same_time() -> None:
    """Nor of a unit that is lost, nor at once after a failure."""
    one = held()
    one.take(1)
    one.report(rows(1), {}, 5, now=1.0)
    for name, value in (("busy", True), ("lost", True), ("retry_at", 2.0)):
        before = getattr(one, name)
        setattr(one, name, value)
        assert not one.is_due(1.0, 0, TIMES)
        setattr(one, name, before)
    assert one.is_due(1.0, 0, TIMES)


def test_a_lease_is_renewed_in_time() -> None:
    """After a third of it without a write; it counts as over a little before its end."""
    one = held()
    one.take(1)
    assert [one.is_due(now, 0, TIMES) for now in (39.0, 40.0)] == [False, True]
    assert [one.is_over_at(now, TIMES) for now in (114.0, 115.0)] == [False, True]


def test_a_task_that_lasts_is_made_known_once() -> None:
    """When it has run for two seconds."""
    one = held()
    one.take(1)
    one.running[1] = (1, 10_000_000)
    assert [one.is_due(1.0, wall, TIMES) for wall in (11_900_000, 12_000_000)] == [False, True]
    one.unit.running = [[1, 1, 10_000]]
    assert not one.is_due(1.0, 12_000_000, TIMES)


def test_a_late_report_of_another_attempt_counts_for_nothing() -> None:
    """Nor one of a task that the agent does not have."""
    one = held(ahead=2)
    one.take(2)
    one.report(rows(1, attempt=2) + rows(9), {}, 5, now=1.0)
    assert (one.rows, sorted(one.out)) == ([], [1, 2])


def test_a_task_that_failed_is_started_again_after_the_write() -> None:
    """With its next attempt."""
    one = held(ahead=1)
    one.retry = Retry(1)
    one.take(1)
    one.report(rows(1, code=outcome(1 << 8)), {}, 5, now=1.0)
    assert one.take(5) == []
    write(one, 1)
    assert one.take(5) == [(7, 1, 1, 2, 1, 0)]


def test_what_could_not_be_written_is_not_forgotten() -> None:
    """It comes before what was reported since, and is written soon."""
    one = held(ahead=2)
    one.take(2)
    one.report(rows(1), {(7, 1): "why"}, 5, now=1.0)
    taken = one.take_rows()
    one.report(rows(2), {}, 5, now=1.5)
    one.put_back(*taken)
    assert [row[1] for row, _ in one.rows] == [1, 2]
    assert one.reasons == {(7, 1): "why"}
    assert one.is_due(2.0, 0, TIMES)


def test_what_the_agent_gives_back_may_be_started_again() -> None:
    """It has not begun."""
    one = held(ahead=4)
    one.take(4)
    one.returned(3, 4)
    assert (sorted(one.out), one.take(9)) == ([1, 2], [(7, 3, 4, 1, 0, 0)])


def test_a_slice_is_split_when_its_rest_would_take_over_a_minute() -> None:
    """Not of limited arrays, whose slices are what may run at once."""
    assert [held().is_slow(seconds, 1) for seconds in (-1.0, 0.5, 0.7)] == [False, False, True]
    assert not held(lm=1).is_slow(100.0, 1)


def test_what_may_start_and_has_not_can_still_be_split_off() -> None:
    """The mark was set for short tasks; now it is lowered to what has begun, and nothing above it starts."""
    one = held(ahead=65)
    one.take(3)
    assert not one.is_slow(60.0, 1)
    one.returned(2, 3)
    assert one.is_slow(60.0, 1)
    cuts = one.cuts()
    assert (one.unit.mark, one.take(10)) == (1, [])
    kept, *parts = unit_parts.split(one.unit, cuts)
    assert kept.high < 20
    assert sum(part.high - part.low + 1 for part in (kept, *parts)) == 100


def test_the_last_task_behind_a_long_one_is_split_off() -> None:
    """Somebody else may be free for it now; who holds it would begin it after the long one."""
    one = held(high=2)
    one.take(1)
    assert not one.is_slow(30.0, 1)
    assert one.is_slow(90.0, 1)
    kept, part = unit_parts.split(one.unit, one.cuts())
    assert ((kept.low, kept.high), (part.low, part.high)) == ((1, 1), (2, 2))
    assert not Held(kept, {}, one.fields, {}, {}, Retry(), Message(7, 1), 0.0, 120.0).is_slow(90.0, 1)


def test_what_will_not_begin_soon_is_not_said_to_run() -> None:
    """A mark that was set for quick tasks is lowered with the next write, which counts the others as waiting."""
    one = held(high=4, ahead=3)
    one.take(1)
    assert one.unit.counts()[1] == 3
    one.lower_mark()
    assert one.take(3) == []
    write(one, 1)
    assert (one.unit.mark, one.unit.version, one.unit.counts()[:2]) == (1, 2, [3, 1])


def test_one_slow_task_among_quick_ones_says_little() -> None:
    """A stall of a third of a second is no reason to split what takes five."""
    pace = Pace()
    for _ in range(100):
        pace.lasted(0.005)
    assert pace.expected(0.3) < 0.07
    assert Pace().expected(0.3) == 0.3
    assert Pace().expected(0.1) < 0


def test_about_a_second_of_work_is_asked_for() -> None:
    """One message while nothing is known, none while a long task runs, several when tasks are short."""
    assert (Pace().messages(0, 0, 0.0), Pace().messages(1, 0, 0.0)) == (1, 0)
    quick = Pace()
    quick.lasted(0.1)
    assert [quick.messages(have, 0, 0.0) for have in (0, 5, 10)] == [10, 5, 0]
    assert quick.messages(5, 5, 0.0) == 0
    slow = Pace()
    slow.lasted(60.0)
    assert (slow.messages(0, 0, 0.0), slow.messages(1, 0, 0.0), quick.messages(0, 0, 30.0)) == (1, 0, 1)


def test_the_agent_has_about_half_a_second_of_tasks() -> None:
    """So that none of them waits long behind another."""
    pace = Pace()
    assert pace.share(0.0, 1) == 1
    pace.lasted(0.005)
    assert (pace.share(0.0, 1), pace.share(2.0, 1)) == (100, 1)


def test_nothing_is_started_by_a_mark_of_which_nobody_knows_whether_it_is_written() -> None:
    """A write whose answer did not come: what came back meanwhile waits for the next one."""
    one = held(ahead=2)
    one.take(2)
    one.unit.allow(10, short=False)
    one.unwritten = True
    one.returned(2, 2)
    assert one.take(10) == []
    one.unwritten = False
    one.take_over()
    assert one.take(10) == [(7, 2, 10, 1, 0, 0)]


def test_units_that_would_wait_here_for_long_go_back() -> None:
    """Many were taken when tasks were short; now they last: what has begun stays, and as much of the rest as five seconds of work."""
    every = [held(low=low, high=low + 9, sp=b"kind") for low in (1, 11, 21, 31)]
    here = in_hand(1, every)
    every[0].take(1)
    assert here.surplus(0.0) == []
    here.lasted(every[0], 0.3)
    assert here.surplus(0.0) == every[2:]
    every[3].take(1)
    assert here.surplus(0.0) == every[2:3]


def test_a_worker_with_several_slots_asks_for_a_task_for_each() -> None:
    """However long they last; and for about a second of work for each of them."""
    assert [Pace().messages(have, 0, 0.0, 8) for have in (0, 5, 8)] == [8, 3, 0]
    slow, quick = Pace(), Pace()
    slow.lasted(3600.0)
    quick.lasted(0.1)
    assert [slow.messages(have, 1, 0.0, 4) for have in (0, 2, 3)] == [3, 1, 0]
    assert [quick.messages(have, 0, 0.0, 4) for have in (35, 40)] == [5, 0]


def test_units_that_a_slot_is_free_for_do_not_go_back() -> None:
    """Long single tasks, one for each of four slots; the fifth would wait."""
    every = [held(low=low, high=low, sp=b"kind") for low in range(1, 6)]
    here = in_hand(4, every)
    here.lasted(every[0], 3600.0)
    assert here.surplus(0.0) == every[4:]
