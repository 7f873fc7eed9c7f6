"""Schedules that went wrong once: one race each, on a table in memory."""

from typing import Any

import pytest

from cyclone_core.errors import AwsError
from cyclone_core.jobs import JobRequest
from cyclone_core.scheduler.dynamo import keys, totals, unit_items
from cyclone_core.scheduler.dynamo.accountant import Accountant
from cyclone_core.scheduler.dynamo.cancelling import cancel_tasks
from cyclone_core.scheduler.dynamo.ids import MemoryIds
from cyclone_core.scheduler.dynamo.queues import Lanes
from cyclone_core.scheduler.dynamo.reconciler import Reconciler
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.dynamo.unit_store import HELD, Claimed, Refusal, UnitStore
from cyclone_core.scheduler.lifecycle import Retry
from tests.contract.dynamo_engine import MemoryBucket
from tests.dynamo.memory import MemoryDynamo, MemorySqs

NOW = 1_700_000_000_000
DAY = 86_400_000
RESOURCES: dict[str, dict[str, dict[str, Any]]] = {
    "region": {"us-east-1": {}},
    "cluster": {"default": {"max_vcpus": 1000}},
    "queue": {"default": {"cluster": "default"}},
    "definition": {"default": {"vcpus": 1, "jobs_to_workers_ratio": 5}},
}


class StaleIds:
    """A block of ids that somebody else has used, until it is forgotten; then good ones."""

    def __init__(self, table: Table, block: list[int]) -> None:
        self._block, self._good = block, MemoryIds(table)

    def take(self, count: int) -> list[int]:
        """So many ids."""
        found, self._block = self._block[:count], self._block[count:]
        return found + (self._good.take(count - len(found)) if len(found) < count else [])

    def forget(self) -> None:
        """Those that are left are not used."""
        self._block = []


class Host:
    """A table in memory, with what writes to it."""

    def __init__(self) -> None:
        self.aws, self.bucket = MemoryDynamo(), MemoryBucket()
        self.table = Table(self.aws, "jobs", sleep=lambda _: None)
        self.store = self.by(self.table)
        self.accountant = Accountant(self.table, sleep=lambda _: None)
        self._read = 0

    def by(self, table: Table, ids: Any = None) -> UnitStore:
        """A store of its own."""
        return UnitStore(table, self.bucket, ids or MemoryIds(table, 10))  # type: ignore[arg-type]  # it has what is used

    def submit(self, tasks: int = 0, store: UnitStore | None = None, now: int = NOW, **fields: Any) -> int:
        """A single job, or an array."""
        more = {"tasks": tasks, "indices": (1, tasks, 1)} if tasks else {}
        return (store or self.store).submit(
            JobRequest(**{"script": b"true\n", "name": "job", "user": "ada", **more, **fields}), RESOURCES, now
        )

    def records(self) -> list[Any]:
        """What the stream tells since the last time."""
        found = self.aws.stream[self._read :]
        self._read = len(self.aws.stream)
        names = (keys.TOTAL, keys.TALLY)
        return [
            one
            for one in found
            if one["dynamodb"]["Keys"]["pk"]["S"][:2] in ("J#", "S#") and one["dynamodb"]["Keys"]["sk"]["S"] not in names
        ]

    def count(self) -> list[Any]:
        """Let the accountant hear it."""
        return self.accountant.apply(self.records(), NOW / 1000)

    def job(self, number: int) -> Any:
        """Its item."""
        return self.table.get(keys.job(number), consistent=True) or {}


@pytest.fixture
def host() -> Host:
    """An empty one."""
    return Host()


# -- ids --------------------------------------------------------------------------------------------------------------------------------
def test_a_key_never_leads_to_a_job_of_somebody_else(host: Host) -> None:
    """The ids kept on a machine were those of another host of the name: a job with a key gets another id, and is found by the key."""
    theirs = host.submit(name="theirs")
    mine = host.submit(store=host.by(host.table, StaleIds(host.table, [theirs])), name="mine", idempotency_key="key")
    assert mine != theirs
    assert host.job(mine)["n"] == "mine"
    assert host.submit(name="mine", idempotency_key="key") == mine


def test_a_key_that_led_to_a_job_of_somebody_else_is_mended(host: Host) -> None:
    """Its submitter died when it saw that: whoever comes with the key again gets a job of his own, once."""
    theirs = host.submit(name="theirs")
    wanted = host.store.specs.keep(JobRequest(script=b"true\n", name="mine", user="ada"), NOW)
    host.table.put(keys.key("key"), {"j": theirs, "t": 1, "sc": wanted.script, "at": NOW})
    mine = host.submit(name="mine", idempotency_key="key")
    assert host.job(mine)["n"] == "mine"
    assert host.submit(name="mine", idempotency_key="key") == mine


def test_the_key_of_a_job_that_has_expired_is_free(host: Host) -> None:
    """The table removed the job, nobody has heard of that yet: the next one with the key is another job."""
    first = host.submit(10, idempotency_key="key")
    host.count()
    host.table.delete(keys.job(first))
    second = host.submit(10, idempotency_key="key", now=NOW + 30 * DAY)
    assert second != first
    host.count()
    assert host.submit(10, idempotency_key="key", now=NOW + 30 * DAY) == second
    assert totals.queues(host.table) == [("default", (10, 0, 0, 0, 0, 0))]


def test_running_again_never_returns_a_job_of_somebody_else(host: Host) -> None:
    """The same of tasks that are to run again."""
    theirs = host.submit(name="theirs")
    old = host.submit(name="mine")
    host.store.cancel(old, None, NOW)
    (new,) = host.by(host.table, StaleIds(host.table, [theirs])).again([(old, None, None)], RESOURCES, "request", NOW)
    assert new not in (theirs, old)
    assert host.job(new)["n"] == "mine"


# -- leases -----------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("tasks", [0, 5])
def test_a_doubled_message_is_claimed_once_by_one_worker(tasks: int, host: Host) -> None:
    """A worker gets both copies at once and looks at both in the same millisecond."""
    job = host.submit(tasks)
    low = 1 if tasks else 0
    first = host.store.claim(job, low, "worker", 1, NOW)
    second = host.store.claim(job, low, "worker", 1, NOW)
    assert isinstance(first, Claimed)
    assert isinstance(second, Refusal)
    assert second.why == HELD


# -- cancellation -----------------------------------------------------------------------------------------------------------------------
def test_a_cancellation_that_sees_half_of_a_split_looks_again(host: Host) -> None:
    """A query may see the shorter slice before the new one: the task is cancelled all the same."""

    class Torn(Table):
        hidden = 2

        def query(self, *arguments: Any, **more: Any) -> Any:
            found = list(super().query(*arguments, **{**more, "limit": 0}))
            if self.hidden and len(found) > 1:
                self.hidden -= 1
                found = [one for one in found if one["lo"] == 1]
            return iter(found[:1])

    job = host.submit(5)
    claimed = host.store.claim(job, 1, "worker", 1, NOW)
    assert isinstance(claimed, Claimed)
    host.store.split(claimed.unit, [3], NOW)
    torn = Torn(host.aws, "jobs", sleep=lambda _: None)
    assert cancel_tasks(host.by(torn), job, [4], NOW) == {4}


def test_a_limited_array_keeps_its_limit_when_later_tiles_are_cancelled(host: Host) -> None:
    """What was never sent is over: nothing more may run because of that."""
    job = host.submit(3000, limit=1)
    assert (host.job(job)["sz"], host.job(job)["nx"]) == (1000, 1)
    host.count()
    assert len(cancel_tasks(host.store, job, range(2001, 3001), NOW)) == 1000
    assert [send.lows for send in host.count()] == []


# -- ends -------------------------------------------------------------------------------------------------------------------------------
def test_a_slice_leased_while_a_cancelled_array_was_closed_is_looked_after(host: Host) -> None:
    """One accountant dies between its two writes of the end, another has counted a slice that was claimed just then."""

    class Dying(Table):
        def update(self, key: Any, **change: Any) -> Any:
            if "ended" in (change.get("set") or {}):
                raise AwsError("the function died", "Died")
            return super().update(key, **change)

    job = host.submit(5)
    host.count()
    host.store.cancel(job, None, NOW)
    told = host.records()
    with pytest.raises(AwsError):
        Accountant(Dying(host.aws, "jobs", sleep=lambda _: None), sleep=lambda _: None).apply(told, NOW / 1000)
    unit = unit_items.tile(host.job(job), 1)
    unit.claim("worker", NOW + 120_000, 1)
    host.table.put(unit.key, unit_items.whole(unit))  # its worker dies before it looks whether the job is cancelled
    host.count()
    host.accountant.apply(told, NOW / 1000)
    assert "due" in host.job(job)
    assert "expires" not in host.job(job)


class Settled:
    """The records of the host, as they are."""

    def bodies(self, oldest_s: float = 0) -> Any:
        """All of them."""
        return RESOURCES


def test_an_array_of_which_the_stream_lost_its_records_ends_all_the_same(host: Host) -> None:
    """The accountant gave them up: the reconciler counts what is there, once."""
    job = host.submit(10)
    for low in (1, 6):
        claimed = host.store.claim(job, low, "worker", 5, NOW)
        assert isinstance(claimed, Claimed)
        claimed.unit.finish([((job, p, 1, 0, NOW * 1000, 5, 0, 0), 0) for p in range(low, low + 5)], {}, Retry())
        host.store.save(claimed.unit, NOW)
    lost, later, queues = host.records(), NOW + 2 * 3_600_000, MemorySqs(lambda: NOW)
    Reconciler(host.store, Lanes(queues, "host"), Settled(), host.accountant, lambda number, now: True, lambda: later).run()  # type: ignore[arg-type]
    assert "due" not in host.job(job)
    assert totals.queues(host.table) == [("default", (0, 0, 10, 0, 0, 0))]
    host.accountant.apply(lost, later / 1000)
    assert totals.queues(host.table) == [("default", (0, 0, 10, 0, 0, 0))]


def test_a_job_with_which_it_goes_wrong_keeps_nobody_waiting(host: Host) -> None:
    """Its lane cannot be sent to: it goes to the end of those that are due."""

    class Broken(MemorySqs):
        def sqs(self, operation: str, **asked: Any) -> Any:
            if operation == "CreateQueue":
                raise AwsError("no such key", "KMS.DisabledException")
            return super().sqs(operation, **asked)

    job, later, queues = host.submit(), NOW + 70_000, Broken(lambda: NOW)
    queues.queues["host--dead-letters"] = []
    run = Reconciler(host.store, Lanes(queues, "host"), Settled(), host.accountant, lambda number, now: True, lambda: later).run()  # type: ignore[arg-type]
    assert len(run.errors) == 1
    assert host.job(job)["due_at"] > later
