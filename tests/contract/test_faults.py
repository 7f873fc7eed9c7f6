"""Promises under faults: messages lost, doubled and in any order, workers that vanish, answers that are lost, all at once."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cyclone_core.errors import AwsError
from cyclone_core.jobs import CANCELLED, DEFAULT_LOSSES, ERROR, FAILED, SUCCESSFUL, outcome
from cyclone_core.scheduler.dynamo import keys, unit_parts
from cyclone_core.scheduler.dynamo.unit import Unit
from cyclone_core.scheduler.dynamo.unit_store import Claimed, LeaseLost, UnitStore
from cyclone_core.scheduler.lifecycle import Retry
from tests import dynamodb
from tests.contract.dynamo_engine import DynamoEngine, units_of

FAIL = outcome(1 << 8)
LEASE_MS = 120_000


class Unsteady:
    """The way to DynamoDB on which now and then a request does not arrive, or its answer does not and it is sent again."""

    def __init__(self, aws: Any, chance: random.Random) -> None:
        self._aws, self._chance = aws, chance

    def dynamodb(self, operation: str, **parameters: Any) -> Any:
        """The answer, of the second request perhaps. Raises AwsError."""
        what = self._chance.random()
        if what < 0.03:
            raise AwsError("no answer", "NoAnswer")
        if what < 0.15:
            try:
                self._aws.dynamodb(operation, **parameters)
            except AwsError:
                pass
            if what < 0.05:
                raise AwsError("the answer was lost for good", "NoAnswer")
        return self._aws.dynamodb(operation, **parameters)


class Worker:
    """Holds at most one unit, runs tasks of it, writes now and then. ran: attempts that were started; ended: how tasks ended."""

    def __init__(self, store: UnitStore, name: str, chance: random.Random, ran: Counter, ended: dict) -> None:
        self.store, self.name, self.chance, self.ran, self.ended = store, name, chance, ran, ended
        self.unit: Unit | None = None
        self.rows: dict[tuple[int, int], Any] = {}

    def take(self, job: int, low: int, now: int) -> None:
        """A message names a unit."""
        found = self.store.claim(job, low, self.name, 2, now)
        if isinstance(found, Claimed):
            self.unit, self.rows = found.unit, {}

    def work(self, now: int) -> None:
        """Start what may be started, write some of what ended."""
        unit = self.unit
        assert unit is not None
        for job, low, high, attempt, *_ in unit.startable():
            for position in range(low, high + 1):
                if (position, attempt) not in self.rows:
                    self.ran[job, position, attempt] += 1
                    code = FAIL if position % 4 == 0 else 0
                    self.rows[position, attempt] = ((job, position, attempt, code, now * 1000, 5, 0, 0), 0)
        rows = [row for row in self.rows.values() if self.chance.random() < 0.6]
        unit.finish(rows, {}, Retry(1))
        unit.allow(2, short=self.chance.random() < 0.5)
        unit.renew(now + LEASE_MS)
        self.write(now)

    def write(self, now: int) -> None:
        """Until somebody answers, or the lease is lost."""
        assert self.unit is not None
        for _ in range(9):
            try:
                news = self.store.save(self.unit, now)
            except LeaseLost:
                self.unit = None
                return
            except AwsError:
                continue
            for position, (row, _) in self.unit.results.items():
                assert self.ended.setdefault((self.unit.job, position), row[2:4]) == row[2:4], "a task ended twice"
            if news:
                self.unit.settle(now, started={position for position, _ in self.rows})
            if self.unit.state != keys.LEASED:
                self.unit = None
            return
        self.unit = None  # as if it had died

    def stop(self, how: str, now: int) -> None:
        """Vanish, give back, or cut off what is not begun."""
        assert self.unit is not None
        if how == "vanish":
            self.unit = None
        elif how == "give back":
            self.unit.lose(now, {p: now * 1000 for p, _ in self.rows if p not in self.unit.results}, counted=False, reason="told to leave")
            self.write(now)
        elif cuts := unit_parts.cuts(self.unit):
            try:
                self.store.split(self.unit, cuts, now)
            except LeaseLost:
                self.unit = None
            except AwsError:
                self.unit = None  # it does not know what is its: its lease ends


def _messages(dynamo: DynamoEngine, jobs: list[int]) -> list[tuple[int, int]]:
    """What the reconciler would send: units that are not over."""
    found = []
    for job in jobs:
        item = dynamo.store.job(job) or {}
        known = list(units_of(dynamo.table, item))
        open_states = (keys.LEASED,) if "x" in item else (keys.LEASED, keys.WAITING)
        found += [(job, unit.low if item["a"] else 0) for unit in known if unit.state in open_states]
        if item["a"] and "x" not in item:
            found += [(job, low) for low in dynamo._fresh(item, known)]
    return found


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_each_task_ends_once_and_nothing_is_lost(seed: int, tmp_path: Path) -> None:
    """Three workers, everything goes wrong; in the end each task is over, counted once, and no attempt has run twice under one number."""
    chance = random.Random(seed)
    dynamo = DynamoEngine(tmp_path / "host", "local" if dynamodb.has_local() else "moto")
    jobs = [dynamo.submit(), dynamo.submit(20, retries=1), dynamo.submit(10, retries=1), dynamo.submit()]
    ran: Counter[tuple[int, int, int]] = Counter()
    ended: dict[tuple[int, int], Any] = {}
    names = iter(range(10_000))
    workers: list[Worker] = []

    def hire() -> Worker:
        return Worker(dynamo.by(Unsteady(dynamo.aws, chance)), f"worker-{next(names)}", chance, ran, ended)

    workers = [hire() for _ in range(3)]
    bag = _messages(dynamo, jobs)
    cancelled = (jobs[2], None), (jobs[1], 7), (jobs[1], 13)
    for step in range(2000):
        dynamo.now += 1
        worker = chance.choice(workers)
        if step in (12, 25, 30) and (wish := cancelled[(12, 25, 30).index(step)]):
            dynamo.cancel(*wish)
        if worker.unit is None:
            if not bag:
                dynamo.now += 30
                bag = _messages(dynamo, jobs)
                if not bag:
                    break
            message = chance.choice(bag)
            if chance.random() < 0.7:  # else it comes once more
                bag.remove(message)
            try:
                worker.take(*message, dynamo.ms)
            except AwsError:
                continue
        elif (what := chance.random()) < 0.7:
            worker.work(dynamo.ms)
        else:
            worker.stop("vanish" if what < 0.78 else "give back" if what < 0.85 else "split", dynamo.ms)
            if worker.unit is None:
                workers[workers.index(worker)] = hire()
        if step % 25 == 0:
            dynamo.pump()
            dynamo.audit()
    else:
        raise AssertionError("it never ends")
    dynamo.pump()
    dynamo.check()
    for job in (jobs[0], jobs[1], jobs[3]):
        for position, state in enumerate(dynamo.states(job), 1):
            wished = position in (7, 13) and job == jobs[1]
            lost = sum("died" in (attempt.reason or "") for attempt in dynamo.attempts(job, position))
            may_be = (
                {FAILED if position % 4 == 0 else SUCCESSFUL}
                | ({CANCELLED} if wished else set())
                | ({ERROR} if lost >= DEFAULT_LOSSES else set())
            )
            assert state in may_be, (job, position, state)
    assert set(dynamo.states(jobs[2])) <= {SUCCESSFUL, FAILED, CANCELLED}
    assert max(ran.values()) == 1, "an attempt was started twice"
    dynamo.close()
