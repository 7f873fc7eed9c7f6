"""Promises that AWS adds: slices and their marks, takeovers, fences, answers that are lost, requests that come twice, what each costs."""

from pathlib import Path
from typing import Any

import pytest

from cyclone_core.errors import AwsError, InvalidRequest
from cyclone_core.jobs import CANCELLED, DEFAULT_LOSSES, ERROR, FAILED, RUNNING, SUCCESSFUL, WAITING, JobRequest, outcome
from cyclone_core.scheduler.dynamo import keys, unit_items, unit_parts
from cyclone_core.scheduler.dynamo.ids import FileIds, MemoryIds
from cyclone_core.scheduler.dynamo.specs import FileSeen
from cyclone_core.scheduler.dynamo.store import DynamoStore
from cyclone_core.scheduler.dynamo.table import ConditionFailed, Table
from cyclone_core.scheduler.dynamo.unit import Unit
from cyclone_core.scheduler.dynamo.unit_store import Claimed, LeaseLost, Refusal, UnitStore
from cyclone_core.scheduler.lifecycle import Retry
from tests.contract.dynamo_engine import DynamoEngine

FAIL = outcome(1 << 8)
NEVER = Retry()
LEASE_S = 120


def _submit(dynamo: DynamoEngine, tasks: int | None = None, ratio: int = 1000, **fields: Any) -> int:
    """An array of one tile, unless a smaller ratio is asked for."""
    dynamo.resources["definition"]["default"]["jobs_to_workers_ratio"] = ratio
    return dynamo.submit(tasks, **fields)


def _try(dynamo: DynamoEngine, job: int, low: int = 0, worker: str = "one", width: int = 1, **more: Any) -> Claimed | Refusal:
    """What happens to a worker that a message tells of a unit."""
    with dynamo.step() as store:
        return store.claim(job, low, worker, width, dynamo.ms, **more)


def _claim(dynamo: DynamoEngine, job: int, low: int = 0, worker: str = "one", width: int = 1) -> Unit:
    found = _try(dynamo, job, low, worker, width)
    assert isinstance(found, Claimed)
    return found.unit


def _save(dynamo: DynamoEngine, unit: Unit, *ended: tuple[int, int], attempt: int = 1, retry: Retry = NEVER) -> set[int]:
    """Its holder writes results (position, code)."""
    unit.finish([(_row(unit.job, position, code, attempt), 0) for position, code in ended], {}, retry)
    with dynamo.step() as store:
        return store.save(unit, dynamo.ms)


def _row(job: int, position: int, code: int = 0, attempt: int = 1) -> Any:
    return (job, position, attempt, code, 1_700_000_000_000_000, 1500, 0, 0)


def _later(dynamo: DynamoEngine) -> None:
    """Every lease of now is over."""
    dynamo.now += LEASE_S + 10


# -- marks and losses -----------------------------------------------------------------------------------------------------------------
def test_a_slice_is_leased_whole_and_started_up_to_its_mark(dynamo: DynamoEngine) -> None:
    """What may have been started runs, the rest waits for its own worker; each write lets it go further."""
    job = _submit(dynamo, 9)
    unit = _claim(dynamo, job, 1, width=2)
    assert unit.startable() == [(job, 1, 2, 1, 0, 0)]
    assert dynamo.states(job) == [RUNNING] * 2 + [WAITING] * 7
    assert unit.allow(2, short=True) == 8
    _save(dynamo, unit, (1, 0), (2, FAIL))
    assert dynamo.states(job) == [SUCCESSFUL, FAILED] + [RUNNING] * 6 + [WAITING]


def test_only_what_may_have_been_started_counts_a_loss(dynamo: DynamoEngine) -> None:
    """Up to the mark: another attempt. Beyond it: untouched. Then one at a time, until something ends."""
    job = _submit(dynamo, 6)
    unit = _claim(dynamo, job, 1, width=2)
    _save(dynamo, unit, (1, 0))
    _later(dynamo)
    second = _claim(dynamo, job, 1, "two", width=2)
    assert second.startable() == [(job, 2, 2, 2, 0, 1)]
    assert second.history(3) == (1, 0, 0)
    _save(dynamo, second, (2, 0), attempt=2)
    assert second.allow(2, short=False) == 4
    assert [a.reason for a in dynamo.attempts(job, 2)] == ["its worker died: one has said nothing for 120 s", None]


@pytest.mark.parametrize("tasks", [None, 3])
def test_a_task_that_kills_its_workers_ends_and_the_others_run(dynamo: DynamoEngine, tasks: int | None) -> None:
    """Five workers in a row: an Error with the evidence; who is behind it has lost nothing."""
    job = _submit(dynamo, tasks)
    low = 1 if tasks else 0
    for number in range(DEFAULT_LOSSES):
        assert _claim(dynamo, job, low, f"worker {number}").mark == 1
        _later(dynamo)
    assert isinstance(found := _try(dynamo, job, low, "last"), Claimed if tasks else Refusal)
    assert dynamo.states(job)[0] == ERROR
    assert "worker 4 has said nothing" in dynamo.task(job).reason
    assert not tasks or found.unit.startable() == [(job, 2, 2, 1, 0, 0)]  # type: ignore[union-attr]


def test_a_unit_has_one_holder(dynamo: DynamoEngine) -> None:
    """While the lease lasts, and a little longer for clocks that differ, nobody else gets it; messages that come again are answered."""
    job = _submit(dynamo)
    _claim(dynamo, job)
    dynamo.now += LEASE_S
    refused = _try(dynamo, job, worker="two")
    assert isinstance(refused, Refusal)
    assert refused.why == "held"
    assert refused.until > dynamo.ms - 3000
    _later(dynamo)
    _save(dynamo, _claim(dynamo, job, worker="two"), (1, 0), attempt=2)
    assert [_try(dynamo, *wanted).why for wanted in ((job,), (99,), (99, 1))] == ["over", "gone", "gone"]  # type: ignore[union-attr]


def test_late_words_of_a_lost_holder_change_nothing(dynamo: DynamoEngine) -> None:
    """Results, more time, splits and giving back: all refused once somebody else has the lease."""
    job = _submit(dynamo, 4)
    first = _claim(dynamo, job, 1)
    _later(dynamo)
    second = _claim(dynamo, job, 1, "two")
    before = dynamo.dump()
    cuts = unit_parts.cuts(first)
    for late in (lambda: dynamo.store.split(first, cuts, dynamo.ms), lambda: _save(dynamo, first), lambda: _save(dynamo, first, (1, 0))):
        with pytest.raises(LeaseLost):
            late()
    assert dynamo.store.hear([first], dynamo.ms) == {first.key: None}
    assert dynamo.dump() == before
    _save(dynamo, second, (1, 0), attempt=2)


def test_a_lease_that_is_renewed_is_not_taken_over(dynamo: DynamoEngine) -> None:
    """However long it takes."""
    job = _submit(dynamo, 2)
    unit = _claim(dynamo, job, 1)
    for _ in range(3):
        dynamo.now += LEASE_S - 5
        unit.renew(dynamo.ms + LEASE_S * 1000)
        _save(dynamo, unit)
    assert isinstance(_try(dynamo, job, 1, "two"), Refusal)


def test_retries_run_under_the_same_lease(dynamo: DynamoEngine) -> None:
    """A failure that may be retried is an attempt more, at once."""
    job = _submit(dynamo, 2, retries=1)
    unit = _claim(dynamo, job, 1, width=2)
    _save(dynamo, unit, (1, FAIL), (2, 0), retry=Retry(1))
    assert (unit.startable(), dynamo.states(job)) == ([(job, 1, 1, 2, 1, 0)], [RUNNING, SUCCESSFUL])
    _save(dynamo, unit, (1, FAIL), attempt=2, retry=Retry(1))
    assert dynamo.job(job).state == "Failed"
    assert [a.attempt for a in dynamo.attempts(job, 1)] == [1, 2]


# -- splits ---------------------------------------------------------------------------------------------------------------------------
def test_the_untouched_rest_of_a_slice_is_split(dynamo: DynamoEngine) -> None:
    """About √n parts, which others lease; each task runs once."""
    job = _submit(dynamo, 26)
    unit = _claim(dynamo, job, 1)
    with dynamo.step() as store:
        parts = store.split(unit, unit_parts.cuts(unit), dynamo.ms)
    assert [(one.low, one.high) for one in (unit, *parts)] == [(1, 6), (7, 11), (12, 16), (17, 21), (22, 26)]
    for low in (22, 7, 17, 12, 7):
        found = _try(dynamo, job, low, f"of {low}", 5, exists=True)
        assert isinstance(found, Claimed) or found.why == "held"
    assert dynamo.states(job) == [RUNNING] + [WAITING] * 5 + [RUNNING] * 20


def test_a_cancellation_that_comes_before_a_split_goes_with_its_task(dynamo: DynamoEngine) -> None:
    """The holder has not heard of it: it is in the part all the same."""
    job = _submit(dynamo, 9)
    unit = _claim(dynamo, job, 1)
    assert dynamo.cancel(job, 8) == 1
    with dynamo.step() as store:
        parts = store.split(unit, [4, 7], dynamo.ms)
        assert parts[1].cancelled == {8}
        for part in parts:  # whoever cuts them off knows: nobody holds them, so it is over at once
            assert 8 not in list(part.unfinished())
    assert dynamo.states(job)[7] == CANCELLED


# -- cancellation ---------------------------------------------------------------------------------------------------------------------
def test_nothing_is_leased_after_its_job_was_cancelled(dynamo: DynamoEngine) -> None:
    """A tile that nobody has had, a part, and what a worker left behind: a message finds all of it over."""
    job = _submit(dynamo, 12, ratio=4)
    left, held = _claim(dynamo, job, 1), _claim(dynamo, job, 9)
    assert (left.high, held.low) == (4, 9)
    _later(dynamo)
    held.renew(dynamo.ms + LEASE_S * 1000)
    _save(dynamo, held)
    assert dynamo.cancel(job) == 12
    assert [_try(dynamo, job, low, "two").why for low in (5, 1, 9)] == ["cancelled", "cancelled", "held"]  # type: ignore[union-attr]
    assert dynamo.states(job) == [CANCELLED] * 8 + [RUNNING] + [WAITING] * 3
    assert dynamo.store.hear([held], dynamo.ms) == {held.key: {9, 10, 11, 12}}
    assert held.settle(dynamo.ms, started={9}) == [10, 11, 12]
    _save(dynamo, held, (9, 0))
    assert dynamo.states(job) == [CANCELLED] * 8 + [SUCCESSFUL] + [CANCELLED] * 3


def test_a_job_that_is_cancelled_while_its_slices_are_claimed(dynamo: DynamoEngine) -> None:
    """Its item was read a moment before: each claim is followed by another look."""
    job = _submit(dynamo, 12, ratio=4)
    _claim(dynamo, job, 1)
    assert dynamo.cancel(job) == 12
    refused = _try(dynamo, job, 5, "two")
    assert isinstance(refused, Refusal)
    assert refused.why == "cancelled"
    assert dynamo.states(job)[4:8] == [CANCELLED] * 4


def test_a_worker_that_never_heard_of_a_cancellation_loses_nothing_of_it(dynamo: DynamoEngine) -> None:
    """It dies, or gives back without having looked: the task is over, not leased again."""
    job = _submit(dynamo, 3)
    unit = _claim(dynamo, job, 1)
    dynamo.cancel(job, 2)
    with dynamo.step() as store:
        store.give_back(unit, dynamo.ms)
    assert dynamo.states(job) == [WAITING, CANCELLED, WAITING]
    dying = _claim(dynamo, job, 1, "two", width=3)
    dynamo.cancel(job, 3)
    _later(dynamo)
    third = _claim(dynamo, job, 1, "three")
    assert (dying.mark, third.startable()) == (3, [(job, 1, 1, 2, 0, 1)])
    assert dynamo.states(job) == [RUNNING, CANCELLED, CANCELLED]


def test_a_paused_queue_gives_nothing(dynamo: DynamoEngine) -> None:
    """Its units come back as they were."""
    single, array = _submit(dynamo), _submit(dynamo, 3)
    dynamo.table.put((keys.QUEUE, "default"), {"paused": 1})
    assert [_try(dynamo, *wanted).why for wanted in ((single,), (array, 1))] == ["paused"] * 2  # type: ignore[union-attr]
    assert dynamo.totals() == (4, 0, 0, 0, 0, 0)
    dynamo.table.put((keys.QUEUE, "default"), {"paused": 0})
    assert _claim(dynamo, array, 1).history(1) == (1, 0, 0)


# -- answers that are lost, requests that are refused ---------------------------------------------------------------------------------
class Lossy:
    """The way to DynamoDB on which answers of writes are lost: each is sent again, as a client does that heard nothing."""

    def __init__(self, aws: Any) -> None:
        self._aws = aws

    def dynamodb(self, operation: str, **parameters: Any) -> Any:
        """The answer to the second of two."""
        if operation in ("PutItem", "UpdateItem", "DeleteItem"):
            try:
                self._aws.dynamodb(operation, **parameters)
            except AwsError:
                pass
        return self._aws.dynamodb(operation, **parameters)


class Refusing:
    """The way to DynamoDB on which other transactions come in between, a few times, and then somebody dies."""

    def __init__(self, aws: Any, times: int = 0, dies_at: str = "") -> None:
        self._aws, self.times, self.dies_at = aws, times, dies_at

    def dynamodb(self, operation: str, **parameters: Any) -> Any:
        """As DynamoDB refuses, then as it answers."""
        if self.dies_at and operation == "PutItem" and self.dies_at in parameters["Item"]["sk"]["S"]:
            raise KeyboardInterrupt
        if self.times and operation in ("UpdateItem", "TransactWriteItems"):
            self.times -= 1
            exc = AwsError("conflict", "TransactionConflictException")
            if operation == "TransactWriteItems":
                exc = AwsError("conflict", "TransactionCanceledException")
                exc.answer = {"CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}]}  # type: ignore[attr-defined]
            raise exc
        return self._aws.dynamodb(operation, **parameters)


def _request(**fields: Any) -> JobRequest:
    return JobRequest(**{"script": b"true\n", "name": "job", "user": "ada", **fields})


def test_writes_that_are_sent_twice_happen_once(dynamo: DynamoEngine) -> None:
    """Submitting, leasing, reporting, splitting, cancelling: each finds its own write, and takes it for done."""
    store, now = dynamo.by(Lossy(dynamo.aws)), dynamo.ms
    dynamo.resources["definition"]["default"]["jobs_to_workers_ratio"] = 1000
    single, keyed = (store.submit(_request(idempotency_key=key), dynamo.resources, now) for key in (None, "mine"))
    array = store.submit(_request(tasks=9, indices=(1, 9, 1)), dynamo.resources, now)
    for job, low in ((single, 0), (keyed, 0), (array, 1)):
        claimed = store.claim(job, low, "one", 1, now)
        assert isinstance(claimed, Claimed)
        assert claimed.unit.lease == 1
        claimed.unit.finish([(_row(job, 1), 0)], {}, NEVER)
        store.save(claimed.unit, now)
    store.split(claimed.unit, [4, 6], now)
    assert [store.cancel(array, position, now + 1) for position in (4, 2)] == [1, 1]
    store.give_back(claimed.unit, now)
    waiting = store.submit(_request(), dynamo.resources, now)
    assert (store.cancel(waiting, None, now + 2), store.cancel(array, None, now + 2)) == (1, 9)
    dynamo.pump()
    assert dynamo.states(array) == [SUCCESSFUL] + [CANCELLED] * 8
    assert [dynamo.states(job)[0] for job in (single, keyed, waiting)] == [SUCCESSFUL, SUCCESSFUL, CANCELLED]


def test_an_unheard_write_is_not_taken_for_the_next_one(dynamo: DynamoEngine) -> None:
    """The client gave up on a write that had succeeded; the holder goes on, and nothing of what came later is lost."""
    job = _submit(dynamo, 3)
    unit = _claim(dynamo, job, 1, width=3)
    unheard = unit_items.read(dynamo.table.get(unit.key) or {})
    for one in (unheard, unit):
        one.finish([(_row(job, 1), 0)], {}, NEVER)
    dynamo.store.save(unheard, dynamo.ms)
    _save(dynamo, unit, (2, 0))
    assert dynamo.states(job) == [SUCCESSFUL, SUCCESSFUL, RUNNING]


def test_what_conflicts_with_other_transactions_is_tried_again(dynamo: DynamoEngine) -> None:
    """A few times, with pauses; then it is an error."""
    job = _submit(dynamo, 9)
    way = Refusing(dynamo.aws, 3)
    store = dynamo.by(way)
    claimed = store.claim(job, 1, "one", 1, dynamo.ms)
    assert isinstance(claimed, Claimed)
    way.times = 3
    assert len(store.split(claimed.unit, [4], dynamo.ms)) == 1
    way.times = 1000
    with pytest.raises(AwsError, match="conflict"):
        store.split(claimed.unit, [3], dynamo.ms)
    dynamo.pump()


class Dying:
    """The way to DynamoDB of somebody who dies between a claim and the look that follows it, once `now` is set."""

    def __init__(self, aws: Any) -> None:
        self._aws, self.now = aws, False

    def dynamodb(self, operation: str, **parameters: Any) -> Any:
        """The answer, until the end."""
        if self.now and operation == "BatchGetItem":
            raise KeyboardInterrupt
        return self._aws.dynamodb(operation, **parameters)


def test_a_death_just_when_an_array_was_cancelled_is_looked_after(dynamo: DynamoEngine) -> None:
    """The array was over; then a slice of it was claimed, by somebody who never learned that: it is looked at again, and over again."""
    job = _submit(dynamo, 12, ratio=4)
    way = Dying(dynamo.aws)
    store = dynamo.by(way)
    found = store.claim(job, 1, "one", 1, dynamo.ms)
    assert isinstance(found, Claimed)
    store.give_back(found.unit, dynamo.ms)
    assert dynamo.cancel(job) == 12
    assert dynamo.job(job).state == "Cancelled"
    way.now = True
    with pytest.raises(KeyboardInterrupt):
        store.claim(job, 5, "one", 1, dynamo.ms)
    dynamo.pump()
    assert "due" in (dynamo.store.job(job) or {})
    _later(dynamo)
    assert isinstance(_try(dynamo, job, 5, "two"), Refusal)
    assert dynamo.states(job) == [CANCELLED] * 12
    assert "due" not in (dynamo.store.job(job) or {})


class Overtaken:
    """The way to DynamoDB of somebody who is slow: before his change arrives, something else happens."""

    def __init__(self, aws: Any, first: Any) -> None:
        self._aws, self._first = aws, first

    def dynamodb(self, operation: str, **parameters: Any) -> Any:
        """What happens first, once; then the answer."""
        if operation == "UpdateItem":
            self._first, first = lambda: None, self._first
            first()
        return self._aws.dynamodb(operation, **parameters)


def test_a_holder_that_lives_is_faster_than_who_takes_it_for_dead(dynamo: DynamoEngine) -> None:
    """It was silent for too long, and says something just before it is taken over: it goes on."""
    job = _submit(dynamo, 3)
    unit = _claim(dynamo, job, 1)
    _later(dynamo)

    def speak() -> None:
        unit.renew(dynamo.ms + LEASE_S * 1000)
        dynamo.store.save(unit, dynamo.ms)

    refused = dynamo.by(Overtaken(dynamo.aws, speak)).claim(job, 1, "two", 1, dynamo.ms)
    assert isinstance(refused, Refusal)
    assert refused.why == "held"
    _save(dynamo, unit, (1, 0))


def test_a_submission_with_a_key_survives_a_death_between_its_writes(dynamo: DynamoEngine) -> None:
    """The key was written, the job not: whoever comes with the key again makes it, under the same id, once."""
    request = {"idempotency_key": "mine", "tasks": 3, "indices": (1, 3, 1)}
    with pytest.raises(KeyboardInterrupt):
        dynamo.by(Refusing(dynamo.aws, dies_at=keys.JOB)).submit(_request(**request), dynamo.resources, dynamo.ms)
    promised = (dynamo.table.get(keys.key("mine")) or {})["j"]
    assert dynamo.job(promised) is None
    assert dynamo.submit(3, idempotency_key="mine") == dynamo.submit(3, idempotency_key="mine") == promised
    with pytest.raises(InvalidRequest, match=f"belongs to job {promised}"):
        dynamo.submit(4, idempotency_key="mine")
    assert dynamo.rows() == 1


def test_a_request_to_run_again_survives_a_death_between_its_writes(dynamo: DynamoEngine) -> None:
    """Some of its jobs are made, some not: the same request again makes the rest."""
    jobs = [dynamo.submit(), dynamo.submit()]
    lease = dynamo.lease(2)
    dynamo.report(lease.number, lease.rows())
    wanted: Any = [(job, None, None) for job in jobs]
    with pytest.raises(KeyboardInterrupt):
        dynamo.by(Refusing(dynamo.aws, dies_at=keys.JOB)).again(wanted, dynamo.resources, "key", dynamo.ms)
    assert dynamo.again_all(wanted, "key") == dynamo.again_all(wanted, "key") == (dynamo.table.get(keys.again("key")) or {})["ids"]
    assert dynamo.totals() == (2, 0, 2, 0, 0, 0)


def test_a_host_that_was_made_anew_reuses_no_id(dynamo: DynamoEngine, tmp_path: Path) -> None:
    """A block that is left of the host before may name jobs of this one: another one is taken."""
    (tmp_path / "ids").write_text("1 50\n")
    first = dynamo.submit()
    assert first == 1
    store = UnitStore(dynamo.table, dynamo.bucket, FileIds(dynamo.table, str(tmp_path / "ids")))  # type: ignore[arg-type]
    second = store.submit(_request(), dynamo.resources, dynamo.ms)
    dynamo.pump()
    assert second not in (1, 2)
    assert dynamo.rows() == 2


def test_ids_in_a_file_are_given_to_one_command_each(dynamo: DynamoEngine, tmp_path: Path) -> None:
    """What is left of a block serves the next command; a file that cannot be used costs a request more each time."""
    path = str(tmp_path / "ids")
    taken = [number for _ in range(4) for number in FileIds(dynamo.table, path, 10).take(6)]
    assert len(set(taken)) == 24
    lost = FileIds(dynamo.table, f"{tmp_path}/no/such/ids", 10)
    assert len({*taken, *lost.take(3), *lost.take(3)}) == 30
    assert (dynamo.table.get(keys.IDS) or {})["last"] == 36


def test_many_are_submitted_side_by_side(dynamo: DynamoEngine) -> None:
    """In their order; when one cannot be a job here, none is stored."""
    requests = [_request(name=f"n{number}") for number in range(12)]
    with pytest.raises(InvalidRequest):
        dynamo.store.submit_many([*requests, _request(queue="none")], dynamo.resources, dynamo.ms)
    assert dynamo.rows() == 0
    jobs = dynamo.store.submit_many(requests, dynamo.resources, dynamo.ms)
    dynamo.pump()
    assert [dynamo.job(job).name for job in jobs] == [f"n{number}" for number in range(12)]  # type: ignore[arg-type]


def test_parameters_belong_to_one_job(dynamo: DynamoEngine, tmp_path: Path) -> None:
    """They are an object; a job that is made of it has its own."""
    (tmp_path / "packed").write_bytes(b"packed")
    job = dynamo.submit(4, indices=None, parameters=str(tmp_path / "packed"))
    lease = dynamo.lease(4)
    dynamo.report(lease.number, lease.rows(FAIL))
    new = dynamo.again(job, FAILED)
    assert dynamo.bucket.objects == {keys.parameter_object(number): b"packed" for number in (job, new)}
    with pytest.raises(InvalidRequest, match="cannot be read"):
        dynamo.submit(4, indices=None, parameters=str(tmp_path / "none"))


def test_what_is_too_large_for_an_item_is_an_object(dynamo: DynamoEngine) -> None:
    """Scripts that do not deflate, lists of thousands of indices."""
    script = bytes(range(256)) * 20 + __import__("random").Random(3).randbytes(40_000)
    ranges = tuple((k * k, k * k, 1) for k in range(1, 6000))
    job = dynamo.submit(len(ranges), indices=None, ranges=ranges, script=script)
    item = dynamo.store.job(job) or {}
    assert sorted(key.partition("/")[0] for key in dynamo.bucket.objects) == ["indices", "scripts"]
    assert "ix" not in item
    dynamo.reopen()
    assert dynamo.store.specs.spec(item["sp"]).script(dynamo.bucket) == script  # type: ignore[arg-type]
    assert dynamo.job(job).index(5999) == 5999**2


def test_conditions_tell_what_is_there(dynamo: DynamoEngine) -> None:
    """Each kind holds, or is refused with the item."""
    table, key = dynamo.table, ("X", "Y")
    table.update(key, set={"a": 5, "s": "text", "l": [1, 2], "b": b"\0"}, add={"n": 2, "xs": {4, 7}})
    item = {"pk": "X", "sk": "Y", "a": 5, "s": "text", "l": [1, 2], "b": b"\0", "n": 2, "xs": {4, 7}}
    assert table.get(key) == item
    for when in (("a", "=", 5), ("a", ">=", 5), ("z", "absent", None), ("s", "present", None), ("xs", "size", 2), ("z", "size", 0)):
        table.update(key, set={"w": 1}, remove=["w"] if False else (), when=[when])
    for when in (("a", "<>", 5), ("a", "<", 5), ("a", "absent", None), ("z", "present", None), ("xs", "size", 1), ("xs", "size", 0)):
        with pytest.raises(ConditionFailed) as caught:
            table.update(key, set={"w": 2}, when=[("s", "=", "text"), when])
        assert caught.value.item == {**item, "w": 1}
    table.update(key, remove=["w"], delete={"xs": {4, 7}})
    assert "xs" not in (table.get(key) or {})
    table.delete(key)
    assert table.batch_get([key, ("X", "Z")]) == {}


# -- what it costs --------------------------------------------------------------------------------------------------------------------
class Bill:
    """Requests and capacity units, as DynamoDB Local counts them."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.writes = self.reads = 0.0

    def __call__(self, service: str, operation: str, asked: Any, answer: Any, *sizes: int) -> None:
        """A request was answered."""
        told = answer.get("ConsumedCapacity") or []
        for part in told if isinstance(told, list) else [told]:
            units = part["CapacityUnits"]
            if operation in ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"):
                self.writes += units
            else:
                self.reads += units
        self.requests.append(operation)

    def since(self) -> tuple[list[str], float, float]:
        """(requests, write units, read units) since the last question."""
        found = self.requests, self.writes, self.reads
        self.__init__()  # type: ignore[misc]
        return found


@pytest.fixture
def bill(tmp_path: Path) -> Any:
    """(engine, store, bill) on DynamoDB Local."""
    count = Bill()
    engine = DynamoEngine(tmp_path / "host", "local")
    from tests import dynamodb

    table = Table(dynamodb.client(dynamodb.endpoint("local"), count), engine.name, measure=True)
    ids = MemoryIds(table)
    ids.take(1)
    store = UnitStore(table, engine.bucket, ids)  # type: ignore[arg-type]
    store.specs.keep(_request(), engine.ms)
    table.put((keys.QUEUE, "default"), {"paused": 0})
    count.since()
    yield engine, store, count
    engine.close()


def test_a_single_job_costs_six_write_units(bill: Any) -> None:
    """Three for the job and its two indices, one for the lease, two for its end; counting adds what it adds. The budget is eight."""
    engine, store, count = bill
    job = store.submit(_request(), engine.resources, engine.ms)
    assert count.since() == (["PutItem"], 3.0, 0.0)
    unit = store.claim(job, 0, "eu-west-1/0123456789abcdef:12", 1, engine.ms).unit
    assert count.since() == (["UpdateItem", "GetItem"], 1.0, 0.5)
    unit.finish([(_row(job, 1), 0)], {}, NEVER)
    store.save(unit, engine.ms)
    assert count.since() == (["UpdateItem"], 2.0, 0.0)


def test_an_array_costs_what_its_slices_cost(bill: Any) -> None:
    """However many tasks it has, three units; 2 requests for a slice; a write unit for each kilobyte of a slice and flush."""
    engine, store, count = bill
    engine.resources["definition"]["default"]["jobs_to_workers_ratio"] = 1000
    job = store.submit(_request(tasks=1_000_000, indices=(1, 1_000_000, 1)), engine.resources, engine.ms)
    assert count.since() == (["PutItem"], 3.0, 0.0)
    unit = store.claim(job, 1, "eu-west-1/0123456789abcdef:12", 1, engine.ms).unit
    assert count.since() == (["GetItem", "PutItem", "BatchGetItem"], 1.0, 2.5)
    unit = store.claim(job, 1001, "eu-west-1/0123456789abcdef:12", 1, engine.ms).unit
    assert count.since() == (["PutItem", "BatchGetItem"], 1.0, 2.0)
    start = 1_700_000_000_000_000
    for low in range(1001, 2001, 64):
        rows = [(job, p, 1, 0, start + p * 5_300 + p % 7 * 100, 4800 + p * 7919 % 900, 0, 0) for p in range(low, min(low + 64, 2001))]
        unit.finish([(row, 0) for row in rows], {}, NEVER)
        unit.allow(1, short=True)
        store.save(unit, engine.ms)
    requests, writes, reads = count.since()
    assert (requests, reads) == (["UpdateItem"] * 16, 0.0)
    assert writes <= 40  # 0.04 for a task; the budget, with counting, is 0.10
    assert unit.is_over


def test_cancelling_costs_one_write(bill: Any) -> None:
    """Of any size; a task costs that of its slice."""
    engine, store, count = bill
    job = store.submit(_request(tasks=1_000_000, indices=(1, 1_000_000, 1)), engine.resources, engine.ms)
    count.since()
    assert store.cancel(job, 777_777, engine.ms) == 1
    assert count.since() == (["GetItem", "Query", "PutItem"], 1.0, 1.0)  # 2.0 on AWS, where looking for nothing costs a unit too
    assert store.cancel(job, None, engine.ms) == 1_000_000
    assert count.since()[:2] == (["GetItem", "GetItem", "UpdateItem"], 1.0)


def test_a_split_is_one_request(bill: Any) -> None:
    """It is one transaction (whose units DynamoDB Local does not count right): slices are split when their tasks are long."""
    engine, store, count = bill
    engine.resources["definition"]["default"]["jobs_to_workers_ratio"] = 1000
    job = store.submit(_request(tasks=1000, indices=(1, 1000, 1)), engine.resources, engine.ms)
    unit = store.claim(job, 1, "one", 1, engine.ms).unit
    count.since()
    parts = store.split(unit, unit_parts.cuts(unit), engine.ms)
    assert len(parts) == 31
    assert count.since()[0] == ["TransactWriteItems"]


def test_a_script_is_looked_for_once_an_hour(bill: Any, tmp_path: Path) -> None:
    """Commands of one user know from a file that their script is stored."""
    engine, store, count = bill
    path = str(tmp_path / "seen")
    for later_ms, wanted in ((0, ["GetItem", "PutItem"]), (1000, []), (3_600_001, ["GetItem"])):
        now = engine.ms + later_ms
        DynamoStore(store.table, engine.bucket, MemoryIds(store.table), seen=FileSeen(path, now)).specs.keep(_request(script=b"x"), now)  # type: ignore[arg-type]
        assert count.since()[0] == wanted
