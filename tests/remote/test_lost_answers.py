"""Writes that were done and of which the worker never heard: nothing is recorded twice, and no task is in two slices."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from cyclone_core.errors import AwsError
from cyclone_core.jobs import outcome
from cyclone_core.scheduler.dynamo.ids import MemoryIds
from cyclone_core.scheduler.dynamo.queues import Message
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.dynamo.unit_store import Claimed, UnitStore
from cyclone_core.scheduler.lifecycle import Retry
from cyclone_core.scheduler.remote import clock
from cyclone_core.scheduler.remote.held import Held
from cyclone_core.scheduler.remote.machine import Machine
from cyclone_core.scheduler.remote.record import Plan, Records
from cyclone_core.scheduler.remote.usage import Usage
from tests.remote.host import ACCOUNT, FAR_REGION, REGION, Host


class Deaf(Table):
    """A table whose next answers to writes are lost."""

    lost = 0

    def _lose(self) -> None:
        if self.lost:
            self.lost -= 1
            raise AwsError("no answer came", "ReadTimeoutError")

    def _write(self, operation: str, **asked: Any) -> dict[str, Any]:
        answer = super()._write(operation, **asked)
        self._lose()
        return answer

    def transact(self, actions: Sequence[Any], token: str) -> None:
        """Done, and not heard."""
        super().transact(actions, token)
        self._lose()


class Bench:
    """A claimed slice 1..20 and what records it."""

    def __init__(self, host: Host) -> None:
        self.table = Deaf(host.aws, host.table.name)
        store = UnitStore(self.table, host.bucket, MemoryIds(self.table))
        machine = Machine({
            "CYCLONE_HOST": host.name, "CYCLONE_ACCOUNT": ACCOUNT, "CYCLONE_MAIN_REGION": REGION, "CYCLONE_REGION": FAR_REGION,
            "CYCLONE_DEFINITION": "default", "CYCLONE_CLUSTER": "big",
        })  # fmt: skip
        self.records = Records(machine, store, host.bucket, host.lanes, "/nowhere", Usage(machine, store.table), clock)
        self.job = host.submit("true", indices=(1, 20, 1), tasks=20, size=20)
        claimed = store.claim(self.job, 1, "here", 5, int(time.time() * 1000))
        assert isinstance(claimed, Claimed)
        message = Message(
            self.job, 1, queue=host.sandbox.client("sqs", REGION).get_queue_url(QueueName=f"{host.name}--big--default--normal")["QueueUrl"]
        )
        self.held = Held(claimed.unit, claimed.job, (), {}, {}, Retry(1), message, time.monotonic(), time.monotonic() + 60)

    def write(self, *positions: int, code: int = 0, attempt: int = 1) -> Any:
        """Record that tasks ended."""
        rows: list[Any] = [((self.job, position, attempt, code, 1, 1, 0, 0), -1) for position in positions]
        return self.records.write(self.held, Plan(rows, {}, {}))


@pytest.fixture
def bench(host: Host) -> Bench:
    """On a host of its own."""
    return Bench(host)


def test_results_whose_write_was_not_heard_are_there_once(bench: Bench, host: Host) -> None:
    """The same is written again before anything is added to it."""
    bench.table.lost = 1
    assert (bench.write(1, 2, code=outcome(1 << 8)).done, bench.held.unwritten) == (False, True)
    written = bench.write(3)
    assert (written.done, bench.held.unwritten) == (True, False)
    (unit,) = host.units(bench.job)
    assert (sorted(unit.results), unit.histories) == ([3], {1: (2, 1, 0), 2: (2, 1, 0)})
    assert [attempt for attempt, _ in host.attempts(bench.job, 1)] == [1]


def test_a_split_that_was_not_heard_puts_no_task_into_two_slices(bench: Bench, host: Host) -> None:
    """The worker lets go of a slice of which it does not know what is left."""
    bench.table.lost = 1
    assert bench.records.split(bench.held, [11]).error
    assert bench.write(1).lost
    bounds = [(unit.low, unit.high) for unit in host.units(bench.job)]
    assert bounds == [(1, 10), (11, 20)]


def test_letting_go_that_was_not_heard_is_no_second_time(bench: Bench, host: Host) -> None:
    """It is done, whatever is tried then."""
    bench.table.lost = 1
    plan = Plan([], {}, {})
    plan.how = "back"
    assert bench.records.write(bench.held, plan).error
    assert bench.records.write(bench.held, plan).done
    (unit,) = host.units(bench.job)
    assert (unit.state, unit.lease, unit.worker) == (0, 1, "here")
