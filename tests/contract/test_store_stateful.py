"""Any order of steps, against a model in plain dictionaries: after each one store, counters and readers say what the model says."""

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cyclone_core.errors import InvalidRequest
from cyclone_core.jobs import CANCELLED, CAUSE_NOT_STARTED, DEFAULT_LOSSES, ERROR, FAILED, FINAL, RUNNING, SUCCESSFUL, WAITING, outcome
from cyclone_core.scheduler.sqlite.store import SqliteStore
from tests import dynamodb
from tests.contract.engines import CANCELLED_CODE, MEMORY, Given, SqliteEngine
from tests.contract.every import ENGINES

CODES = [0, 0, outcome(1 << 8), outcome(75 << 8), outcome(9), CANCELLED_CODE, outcome(127 << 8, CAUSE_NOT_STARTED)]
QUEUES = ("default", "night")
SUBMISSIONS = st.fixed_dictionaries(
    {
        "retries": st.integers(0, 2),
        "retry_exit": st.sampled_from([(), (), ((75, 80),)]),
        "limit": st.sampled_from([0, 0, 3]),
        "priority": st.sampled_from([0, 0, 5]),
        "queue": st.sampled_from(QUEUES),
    }
)
OTHER = st.sampled_from([0, 0, 0, 0, 1])
"""Rows of attempts that the lease was not given for, now and then."""


class ModelTask:
    """What a task is and what it has gone through."""

    def __init__(self) -> None:
        self.state, self.attempt, self.failures, self.losses = WAITING, 1, 0, 0
        self.lease, self.marked = 0, False


class ModelJob:
    """A submission and its tasks by position."""

    def __init__(self, tasks: int, fields: dict[str, Any], indices: list[int] | None = None) -> None:
        self.fields, self.cancelled = fields, False
        self.indices = indices or list(range(1, tasks + 1))
        self.tasks = {p: ModelTask() for p in range(1, tasks + 1)}

    def may_retry(self, failures: int, code: int) -> bool:
        """The promise of -r and --retry-exit, said once more."""
        status = 128 + (code >> 8 & 255) if code >> 8 & 255 else code & 255
        allowed = not self.fields["retry_exit"] or any(low <= status <= high for low, high in self.fields["retry_exit"])
        return failures <= self.fields["retries"] and allowed


class StoreMachine(RuleBasedStateMachine):
    """Random steps; the adapter compares counters, pages and overviews after each commit, the invariants compare with the model."""

    engine_name = "sqlite"

    @initialize()
    def open(self) -> None:
        """A host with two queues."""
        self.directory = tempfile.TemporaryDirectory(dir=MEMORY)
        self.engine = ENGINES[self.engine_name](Path(self.directory.name))
        self.engine.add_queue("night")
        self.model: dict[int, ModelJob] = {}
        self.given: list[Given] = []
        self.last_job = self.last_lease = 0

    def teardown(self) -> None:
        """Leave nothing behind."""
        if hasattr(self, "engine"):
            self.engine.close()
            self.directory.cleanup()

    # -- steps ------------------------------------------------------------------------------------------------------------------------
    @rule(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        """A single job or an array, while not too much is open."""
        if sum(task.state in (WAITING, RUNNING) for found in self.model.values() for task in found.tasks.values()) > 25:
            return
        tasks, fields = data.draw(st.none() | st.integers(2, 12)), data.draw(SUBMISSIONS)
        if not self.engine.has_transactions:
            fields["limit"] = 0  # a limit is an upper bound there: slices of limited arrays are not cut
        job = self.engine.submit(tasks, **fields)
        assert job > self.last_job
        self.last_job = job
        self.model[job] = ModelJob(tasks or 1, fields)

    @rule(states=st.sets(st.sampled_from(sorted(FINAL)), min_size=1), data=st.data())
    def again(self, states: set[int], data: st.DataObject) -> None:
        """Tasks of any job that are over in some states, once more: a new job of the same settings that keeps their indices."""
        if not self.model or len(self.model) > 12:
            return
        old = data.draw(st.sampled_from(sorted(self.model)))
        found = self.model[old]
        chosen = [found.indices[p - 1] for p, task in found.tasks.items() if task.state in states]
        if not chosen:
            before = self.engine.dump()
            with pytest.raises(InvalidRequest):
                self.engine.again(old, *states, key=f"auto-{self.last_job}")
            assert self.engine.dump() == before
            return
        job = self.engine.again(old, *states, key=f"auto-{self.last_job}")
        assert job > self.last_job
        assert self.engine.again(old, *states, key=f"auto-{self.last_job}") == job
        self.last_job = job
        self.model[job] = ModelJob(len(chosen), found.fields, chosen)

    @rule(count=st.integers(1, 9), data=st.data())
    def lease(self, count: int, data: st.DataObject) -> None:
        """The best tasks that wait and may run, in order; never one that is held, over or cancelled."""
        if not any(map(self._ready, self.model.values())):
            self.submit(data)
        queue = data.draw(st.sampled_from(sorted({found.fields["queue"] for found in self.model.values() if self._ready(found)} or QUEUES)))
        expected = self._in_order(queue, count)
        given = self.engine.lease(count, queue=queue)
        assert [job for job, _ in given.tasks] == expected
        if given.number:
            assert given.number > self.last_lease
            self.last_lease = given.number
            self.given.append(given)
        for (job, position), attempt in given.tasks.items():
            task = self.model[job].tasks[position]
            assert (task.state, task.attempt) == (WAITING, attempt)
            task.state, task.lease = RUNNING, given.number

    @rule(say=st.sampled_from(["report", "report", "report", "give back", "lose"]), late=st.integers(0, 9), data=st.data())
    def hear(self, say: str, late: int, data: st.DataObject) -> None:
        """A worker speaks, about a lease it has or, late, about any that it ever had."""
        choice = self.given if late == 0 else [given for given in self.given if given.number in self.engine.held().values()]
        if not choice:
            self.lease(data.draw(st.integers(1, 9)), data)
            return
        given = data.draw(st.sampled_from(choice))
        {"report": self._report, "give back": self._give_back, "lose": self._lose}[say](given, data)

    def _report(self, given: Given, data: st.DataObject) -> None:
        """Some tasks ended, some rows come doubled or for another attempt; what is not outstanding is ignored, now and when sent again."""
        keys = data.draw(st.lists(st.sampled_from(sorted(given.tasks)), min_size=1, max_size=6))
        rows = [given.row(*key, data.draw(st.sampled_from(CODES)), given.tasks[key] + data.draw(OTHER)) for key in keys]
        back = self.engine.report(given.number, rows, dict.fromkeys(keys[::2], "because"))
        assert _positions(back) == {row[:2] for row in rows if self._end(given.number, *row[:4])}
        before = self.engine.dump()
        assert self.engine.report(given.number, rows) == []
        assert self.engine.dump() == before

    def _give_back(self, given: Given, data: st.DataObject) -> None:
        """Ranges of it, and what else lies in them, come back as they were."""
        low = data.draw(st.integers(0, 9))
        high = low + data.draw(st.integers(0, 12))
        back = self.engine.give_back(given.number, [(job, low, high) for job in sorted({job for job, _ in given.tasks})])
        untouched = [key for key in self._held(given.number) if low <= key[1] <= high]
        assert _positions(back) == {key for key in untouched if self._return(key)}

    def _lose(self, given: Given, data: st.DataObject) -> None:
        """The worker is gone; some of its tasks had begun."""
        started = data.draw(st.lists(st.sampled_from(sorted(given.tasks)), unique=True, max_size=4))
        counted = data.draw(st.booleans())
        back = self.engine.lose(given.number, started, counted=counted)
        held = self._held(given.number)
        assert _positions(back) == {key for key in held if (self._lost(key, counted) if key in started else self._return(key))}

    @rule(how=st.sampled_from(["a held task", "a held task", "a task", "a job"]), data=st.data())
    def cancel(self, how: str, data: st.DataObject) -> None:
        """A job, or a task that is waiting, held, over or not there."""
        if not self.model:
            return
        job, position = data.draw(st.sampled_from(sorted(self.model))), data.draw(st.integers(0, 13))
        held = [(j, p) for j, found in self.model.items() for p, task in found.tasks.items() if task.state == RUNNING]
        if how == "a held task" and held:
            job, position = data.draw(st.sampled_from(held))
        if how == "a job":
            self._cancel_job(job)
        self._cancel_task(job, position)

    def _cancel_job(self, job: int) -> None:
        """What waits is over, what is held is marked; the second time nothing happens."""
        found = self.model[job]
        touched = [task for task in found.tasks.values() if task.state in (WAITING, RUNNING)]
        assert self.engine.cancel(job) == (0 if found.cancelled else len(touched))
        found.cancelled = found.cancelled or bool(touched)
        for task in touched:
            task.state = CANCELLED if task.state == WAITING else task.state

    def _cancel_task(self, job: int, position: int) -> None:
        found = self.model[job]
        task = found.tasks.get(position)
        is_open = task is not None and task.state in (WAITING, RUNNING) and not found.cancelled and not task.marked
        assert self.engine.cancel(job, position) == int(is_open)
        if task is None or not is_open:
            return
        found.cancelled = not self.engine.job(job).array
        task.marked = task.state == RUNNING
        task.state = CANCELLED if task.state == WAITING else task.state

    @rule(data=st.data())
    def note_running(self, data: st.DataObject) -> None:
        """Tasks that have lasted are noted; notes of others are ignored."""
        if not self.given or not isinstance(self.engine, SqliteEngine):
            return
        given = data.draw(st.sampled_from(self.given))
        with self.engine.step() as store:
            store.running([(given.number, *key, attempt, 1_700_000_000_000_000, 4321) for key, attempt in given.tasks.items()])
        assert all(self.engine.task(*key).pid == 4321 for key in self._held(given.number))

    @rule(steps=st.lists(st.sampled_from(["submit", "lease", "cancel", "lose", "report"]), max_size=4), data=st.data())
    def undo(self, steps: list[str], data: st.DataObject) -> None:
        """Any steps of a transaction that is rolled back never happened; where there are none, the host is restarted."""
        before, store = self.engine.dump(), self.engine.store
        if not isinstance(store, SqliteStore):
            self.engine.reopen()
        elif not steps:
            epoch = store.epoch
            self.engine.reopen()
            assert self.engine.store.epoch > epoch
        else:
            store.begin()
            for step in steps:
                self._begin(step, data)
            store.rollback()
        assert self.engine.dump() == before

    def _begin(self, step: str, data: st.DataObject) -> None:
        """A step that will be undone: the model is not told."""
        leases = sorted(self.engine.store.leases)
        if step == "submit":
            self.engine.submit(data.draw(st.integers(1, 5)))
        elif step == "lease":
            self.last_lease = max(self.last_lease, self.engine.lease(data.draw(st.integers(1, 9))).number)
        elif step == "cancel" and self.model:
            self.engine.cancel(data.draw(st.sampled_from(sorted(self.model))))
        elif leases:
            number = data.draw(st.sampled_from(leases))
            keys = list(self.engine.store.leases[number].tasks)[:2]
            if step == "lose":
                self.engine.lose(number, keys)
            else:
                self.engine.report(number, [Given(number, {}).row(*key, CODES[2]) for key in keys])

    # -- what must be true ------------------------------------------------------------------------------------------------------------
    @invariant()
    def states_are_the_models(self) -> None:
        """Every task is where the model says; its next or current attempt has the right number."""
        if not hasattr(self, "engine"):
            return
        with self.engine.reader() as reader:
            for job, found in self.model.items():
                states = [task.state for task in found.tasks.values()]
                assert list(reader.task_states(job)) == states
                assert reader.job(job).counts == tuple(states.count(state) for state in range(6))
                for task in reader.tasks(job):
                    if task.status in (WAITING, RUNNING):
                        assert task.attempt == found.tasks[task.position].attempt
                    assert task.index in (None, found.indices[task.position - 1])

    @invariant()
    def pages_of_any_size_add_up(self) -> None:
        """Three at a time, with and without a state."""
        if not getattr(self, "model", None):
            return
        job = max(self.model)
        states = {p: task.state for p, task in self.model[job].tasks.items()}
        with self.engine.reader() as reader:
            for wanted in (None, WAITING, CANCELLED, FAILED):
                found, after = [], 0
                while page := reader.tasks(job, wanted, after, 3):
                    found += page
                    after = page[-1].position
                assert [task.position for task in found] == [p for p, state in states.items() if wanted in (None, state)]

    @precondition(lambda self: hasattr(self, "engine"))
    @invariant()
    def what_is_remembered_is_the_models(self) -> None:
        """Leases, and how much waits."""
        assert self.engine.held() == {
            (j, p): t.lease for j, found in self.model.items() for p, t in found.tasks.items() if t.state == RUNNING
        }
        waiting = Counter(found.fields["queue"] for found in self.model.values() for task in found.tasks.values() if task.state == WAITING)
        assert {queue: count for (queue, _), count in self.engine.waiting().items()} == dict(waiting)

    # -- the model --------------------------------------------------------------------------------------------------------------------
    def _ready(self, found: ModelJob) -> int:
        """Tasks of a job that may be leased now."""
        states = Counter(task.state for task in found.tasks.values())
        limit = found.fields["limit"]
        return min(states[WAITING], limit - states[RUNNING]) if limit else states[WAITING]

    def _in_order(self, queue: str, count: int) -> list[int]:
        """Jobs of the next `count` tasks, by priority and then by submission."""
        ranked = sorted((-found.fields["priority"], job) for job, found in self.model.items() if found.fields["queue"] == queue)
        return [job for _, job in ranked for _ in range(self._ready(self.model[job]))][:count]

    def _held(self, lease: int) -> list[tuple[int, int]]:
        return [(j, p) for j, found in self.model.items() for p, t in found.tasks.items() if t.state == RUNNING and t.lease == lease]

    def _end(self, lease: int, job: int, position: int, attempt: int, code: int) -> bool:
        """An attempt ended; True when the task waits again."""
        found = self.model[job]
        task = found.tasks[position]
        if (task.state, task.lease, task.attempt) != (RUNNING, lease, attempt):
            return False
        if code in (0, CANCELLED_CODE, CODES[-1]):
            task.state = {0: SUCCESSFUL, CANCELLED_CODE: CANCELLED, CODES[-1]: ERROR}[code]
            return False
        task.failures += 1
        if found.cancelled or task.marked or not found.may_retry(task.failures, code):
            task.state = FAILED
            return False
        task.state, task.attempt = WAITING, task.attempt + 1
        return True

    def _return(self, key: tuple[int, int]) -> bool:
        """A task that was not begun comes back; True when it waits again."""
        found = self.model[key[0]]
        task = found.tasks[key[1]]
        task.state = CANCELLED if found.cancelled or task.marked else WAITING
        return task.state == WAITING

    def _lost(self, key: tuple[int, int], counted: bool) -> bool:
        """A task died with its worker; True when it waits again."""
        task = self.model[key[0]].tasks[key[1]]
        task.losses += counted
        if not self._return(key):
            return False
        if task.losses >= DEFAULT_LOSSES:
            task.state = ERROR
            return False
        task.attempt += 1
        return True


def _positions(ranges: list[Any]) -> set[tuple[int, int]]:
    return {(job, position) for job, low, high, *_ in ranges for position in range(low, high + 1)}


class DynamoMachine(StoreMachine):
    """The same of the engine of AWS hosts."""

    @property
    def engine_name(self) -> str:  # type: ignore[override]
        """DynamoDB Local, where it can be had: it is the faster one."""
        return "dynamodb-local" if dynamodb.has_local() else "dynamodb-moto"


def _settings(examples: int, steps: int, *phases: Phase) -> settings:
    """Without Phase.explain: it traces every line and takes minutes here."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize="CI" in os.environ,
        phases=(Phase.reuse, Phase.generate, *phases),
        suppress_health_check=list(HealthCheck),
    )


TestStore = StoreMachine.TestCase
TestStore.settings = _settings(60, 40, Phase.shrink)
TestDynamo = DynamoMachine.TestCase
TestDynamo.settings = _settings(5, 20)  # a request takes milliseconds: what it finds is shrunk by hand
