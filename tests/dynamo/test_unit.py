"""Units against a model in plain dictionaries: any order of leases, results, losses, cancellations and splits, written and read again."""

import os
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cyclone_core.jobs import (
    CANCELLED,
    CAUSE_CANCELLED,
    CAUSE_NOT_STARTED,
    DEFAULT_LOSSES,
    ERROR,
    FAILED,
    RUNNING,
    SUCCESSFUL,
    WAITING,
    outcome,
)
from cyclone_core.scheduler.dynamo import keys, unit_items, unit_parts
from cyclone_core.scheduler.dynamo.unit import MOST_EARLIER, Unit
from cyclone_core.scheduler.dynamo.unit_items import MOST_REASONS
from cyclone_core.scheduler.dynamo.values import pack, unpack
from cyclone_core.scheduler.lifecycle import Retry

JOB = 7
FAIL, GONE, STOPPED = outcome(1 << 8), outcome(127 << 8, CAUSE_NOT_STARTED), outcome(15, CAUSE_CANCELLED)
ENDS = {0: SUCCESSFUL, GONE: ERROR, STOPPED: CANCELLED}


def _tile(tasks: int) -> Unit:
    """A fresh slice of so many tasks, as a tile of an array of thirty."""
    item = {"pk": f"J#{JOB}", "sk": "JOB", "a": 1, "t": 20 + tasks, "sz": 20, "q": "q", "d": "d", "u": "u", "b": 1}
    return unit_items.tile(item, 21)


def _stored(unit: Unit, marks: set[int]) -> Unit:
    """The unit as somebody else reads it after it was written."""
    item = {"pk": unit.key[0], "sk": unit.key[1], **unit_items.whole(unit), **({"xs": marks} if marks else {})}
    return unit_items.read(unpack(pack(item)))


class Task:
    """What a task is."""

    def __init__(self) -> None:
        self.state, self.attempt, self.failures, self.losses, self.marked = WAITING, 1, 0, 0, False


class UnitMachine(RuleBasedStateMachine):
    """Units that are parts of one tile; after each step each is what is read of its item."""

    @initialize(tasks=st.integers(1, 14), retries=st.integers(0, 2))
    def begin(self, tasks: int, retries: int) -> None:
        """One tile."""
        self.now, self.retry, self.retries = 1_700_000_000_000, Retry(retries), retries
        self.units, self.tasks = [_tile(tasks)], {p: Task() for p in range(21, 21 + tasks)}
        self.leases = {21: 0}

    def _pick(self, data: st.DataObject, *states: int) -> Unit | None:
        found = [unit for unit in self.units if unit.state in states]
        return data.draw(st.sampled_from(found)) if found else None

    def _of(self, unit: Unit) -> dict[int, Task]:
        return {p: self.tasks[p] for p in range(unit.low, unit.high + 1)}

    def _open(self, unit: Unit) -> dict[int, Task]:
        return {p: task for p, task in self._of(unit).items() if task.state in (WAITING, RUNNING)}

    def _write(self, unit: Unit) -> None:
        """What was changed is stored, and read by whoever comes next."""
        marks = {p for p, task in self._of(unit).items() if task.marked}
        read = _stored(unit, marks)
        assert read.version == unit.version + unit.touched
        read.ahead, read.stopped = unit.ahead, unit.stopped
        self.units[self.units.index(unit)] = read

    @rule(data=st.data(), width=st.integers(1, 3))
    def claim(self, data: st.DataObject, width: int) -> None:
        """Lease numbers grow; after a loss one task may be started."""
        unit = self._pick(data, keys.WAITING)
        if unit is None:
            return
        lost = unit.lost
        unit.claim("worker", self.now + 1000, width)
        assert unit.lease == self.leases[unit.low] + 1
        self.leases[unit.low] = unit.lease
        for number, (_, task) in enumerate(sorted(self._open(unit).items())):
            task.state = RUNNING if number < (1 if lost else width) else WAITING
        self._write(unit)

    @rule(data=st.data(), width=st.integers(1, 3), short=st.booleans())
    def allow(self, data: st.DataObject, width: int, short: bool) -> None:
        """The mark never falls."""
        unit = self._pick(data, keys.LEASED)
        if unit is None:
            return
        before = unit.mark
        assert unit.allow(width, short) == unit.mark >= before
        for p, task in self._open(unit).items():
            task.state = RUNNING if p <= unit.mark else WAITING
        self._write(unit)

    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """Results of what runs; rows of other attempts and of others change nothing."""
        unit = self._pick(data, keys.LEASED)
        if unit is None:
            return
        rows, again = [], set()
        running = [p for p, task in self._of(unit).items() if task.state == RUNNING]
        for p in data.draw(st.lists(st.sampled_from(running), max_size=4)) if running else ():
            code, other = data.draw(st.sampled_from([0, 0, FAIL, GONE, STOPPED])), data.draw(st.sampled_from([0, 0, 0, 1, -1]))
            task = self.tasks[p]
            rows.append(((JOB, p, task.attempt + other, code, self.now * 1000, 5, 0, 0), 0))
            if other == 0 and task.state == RUNNING:
                again.discard(p)
                again |= {p} if self._end(task, code) else set()
        got = unit.finish(rows, {(JOB, row[1]): "because" for row, _ in rows if row[3]}, self.retry)
        assert {p for _, low, high, *_ in got for p in range(low, high + 1)} == again
        self._write(unit)

    def _end(self, task: Task, code: int) -> bool:
        if code != FAIL:
            task.state = ENDS[code]
            return False
        task.failures += 1
        if task.failures > self.retries or task.marked:
            task.state = FAILED
            return False
        task.attempt += 1
        return True

    @rule(data=st.data(), counted=st.booleans(), known=st.booleans())
    def lose(self, data: st.DataObject, counted: bool, known: bool) -> None:
        """What may have been started is lost, the rest untouched; what was to be cancelled is."""
        unit = self._pick(data, keys.LEASED)
        if unit is None:
            return
        running = [p for p, task in self._of(unit).items() if task.state == RUNNING]
        started = data.draw(st.sets(st.sampled_from(running))) if known and running else set(running)
        unit.lose(self.now, dict.fromkeys(started, self.now * 1000) if known else None, counted, "it died")
        for p, task in self._open(unit).items():
            task.losses += counted and p in started
            if task.marked:
                task.state = CANCELLED
            elif p in started and counted and task.losses >= DEFAULT_LOSSES:
                task.state = ERROR
            else:
                task.state = WAITING
                task.attempt += p in started
        self._write(unit)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A task that waits is over; one that is held is marked, and its holder hears it once."""
        unit = self._pick(data, keys.LEASED, keys.WAITING)
        if unit is None:
            return
        p = data.draw(st.sampled_from(sorted(self._of(unit))))
        task = self.tasks[p]
        if unit.state == keys.WAITING:
            is_open = task.state == WAITING
            assert unit.cancel(p, self.now) == is_open
            task.state = CANCELLED if is_open else task.state
        elif p in self._open(unit) and not task.marked:
            task.marked = True
            assert unit_items.hear(unit, {"xs": {p}}) == {p}
            assert unit_items.hear(unit, {"xs": {p}}) == set()
        self._write(unit)

    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """Marked tasks that were not begun are over at once."""
        unit = self._pick(data, keys.LEASED)
        if unit is None:
            return
        marked = [p for p, task in self._open(unit).items() if task.marked]
        started = data.draw(st.sets(st.sampled_from(marked))) if marked else set()
        assert unit.settle(self.now, started) == [p for p in marked if p not in started]
        for p in set(marked) - started:
            self.tasks[p].state = CANCELLED
        self._write(unit)

    @rule(data=st.data())
    def split(self, data: st.DataObject) -> None:
        """Nothing of a task is lost on the way into a part, and the holder keeps what is begun."""
        unit = self._pick(data, keys.LEASED)
        if unit is None:
            return
        any_cuts = st.sets(st.integers(unit.low, unit.high + 1), max_size=3)
        cuts = sorted(data.draw(any_cuts)) if data.draw(st.booleans()) else unit_parts.cuts(unit)
        if not cuts or cuts[0] <= max(unit.mark, unit.low) or cuts[-1] > unit.high:
            with pytest.raises(ValueError, match="cannot be cut"):
                unit_parts.split(unit, cuts)
            return
        at = self.units.index(unit)
        kept, *parts = unit_parts.split(unit, cuts)
        self.units[at : at + 1] = [kept, *parts]
        self.leases |= {part.low: 0 for part in parts}
        for part in parts:
            for p in sorted(part.cancelled):
                self.tasks[p].state = CANCELLED if part.cancel(p, self.now) else self.tasks[p].state
        for one in (kept, *parts):
            self._write(one)

    @invariant()
    def each_task_is_what_it_is(self) -> None:
        """Its state, counters, history, and what may be started."""
        if not hasattr(self, "units"):
            return
        assert [p for unit in self.units for p in range(unit.low, unit.high + 1)] == list(self.tasks)
        for unit in self.units:
            tasks = self._of(unit)
            states = [task.state for task in tasks.values()]
            assert list(unit.states()) == states
            assert unit.counts() == [states.count(state) for state in range(6)]
            assert unit.is_over == (not self._open(unit)) == (unit.left == 0)
            assert {p: unit.history(p) for p in self._open(unit)} == {
                p: (task.attempt, task.failures, task.losses) for p, task in self._open(unit).items()
            }
            startable = {p for _, low, high, *_ in unit.startable() for p in range(low, high + 1)}
            assert startable == {p for p, task in tasks.items() if task.state == RUNNING and not task.marked}
            assert len({(row[1], row[2]) for row, _ in unit.earlier}) == len(unit.earlier)


TestUnit = UnitMachine.TestCase
TestUnit.settings = settings(
    max_examples=150, stateful_step_count=25, deadline=None, derandomize="CI" in os.environ, suppress_health_check=list(HealthCheck)
)


# -- by example -----------------------------------------------------------------------------------------------------------------------
def _row(position: int, attempt: int = 1, code: int = 0, at: int = 0) -> Any:
    return (JOB, position, attempt, code, 1_700_000_000_000_000, 5, at, 0)


def test_what_has_outputs_in_its_log_objects_stays_in_its_slice() -> None:
    """Log objects are named by the slice: a part would look for them under another name."""
    unit = _tile(10)
    unit.claim("w", 1, 9)
    unit.finish([(_row(25, code=FAIL, at=9), 1)], {}, Retry(1))
    unit.lose(1)
    unit.claim("w", 1, 1)
    assert (unit.mark, unit_parts.fixed(unit)) == (21, 25)
    assert unit_parts.cuts(unit)[0] > 25
    with pytest.raises(ValueError, match="cannot be cut"):
        unit_parts.split(unit, [24])


def test_a_task_that_is_tried_for_ever_does_not_outgrow_its_item() -> None:
    """The oldest attempts and the longest reasons are forgotten; 400 KB is what an item may have."""
    unit = _tile(2)
    unit.claim("w", 1, 2)
    for attempt in range(1, 3 * MOST_EARLIER):
        unit.finish([(_row(21, attempt, FAIL), 0)], {(JOB, 21): f"{attempt} " + os.urandom(2000).hex()}, Retry(10**6))
    assert len(unit.earlier) == len(unit.reasons) == MOST_EARLIER
    assert sum(len(value) for value in unit_items.whole(unit).values() if isinstance(value, bytes)) < MOST_REASONS + 100_000
    assert max(map(len, _stored(unit, set()).reasons.values())) <= 500


def test_the_mark_grows_while_tasks_are_short() -> None:
    """1, 4, 16, 64, 65 ahead; one worker's width when they are long."""
    unit = Unit(JOB, 1, 1000, True, {"sz": 1000})
    unit.claim("w", 1, 1)
    assert [unit.allow(1, short=True) for _ in range(5)] == [4, 16, 64, 65, 65]
    unit.finish([(_row(p), 0) for p in range(1, 66)], {}, Retry())
    assert [unit.allow(1, short) for short in (True, False)] == [130, 130]


@pytest.mark.parametrize(("tasks", "parts"), [(1000, 32), (100, 10), (3, 2), (1, 0)])
def test_what_is_not_begun_is_cut_into_about_its_root(tasks: int, parts: int) -> None:
    """Of 1,000 tasks 32 parts, the first of which the holder keeps."""
    unit = Unit(JOB, 1, tasks, True, {"sz": 1000})
    unit.claim("w", 1, 1)
    cuts = unit_parts.cuts(unit)
    assert abs(len(cuts) + 1 - parts) <= 1 if parts else cuts == []


def test_a_waiting_slice_of_a_cancelled_array_is_cancelled() -> None:
    """Where it is, without a write; its stored counts say what they said."""
    unit = _tile(3)
    unit.stopped = 5
    assert list(unit.states()) == [CANCELLED] * 3
    assert unit.counts() == [3, 0, 0, 0, 0, 0]


def test_what_was_used_is_counted_once_when_a_slice_is_cut() -> None:
    """The first part has it; the others have used nothing yet."""
    unit = _tile(9)
    unit.use("here m6i.large spot 0.03", 1500)
    unit.use("here m6i.large spot 0.03", 500)
    unit.use("there ? own ?", 7)
    unit.use("nowhere", 0)
    first, second = unit_parts.split(unit, [25])
    assert _stored(first, set()).used == {"here m6i.large spot 0.03": 2000, "there ? own ?": 7}
    assert _stored(second, set()).used == {}


def test_places_of_a_task_that_runs_for_months_stay_few() -> None:
    """Each price that was paid is a place; nothing of what was used is lost."""
    unit = Unit(JOB, 1, 1, False)
    for number in range(1000):
        unit.use(f"eu-west-1 m6i.large spot 0.{number:04d}", 10)
    assert (len(unit.used), sum(unit.used.values()), unit.used["eu-west-1 ? ? ?"]) == (65, 10_000, 9360)
