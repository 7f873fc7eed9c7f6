"""Promises of the local engine's transactions, notes and files: steps undone together, lease numbers, parameters, what is told."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cyclone_core.errors import InvalidRequest
from cyclone_core.jobs import FAILED, WAITING, outcome
from cyclone_core.scheduler.sqlite import retention
from tests.contract.engines import SqliteEngine
from tests.contract.test_again import _indices, _run

FAIL = outcome(1 << 8)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteEngine]:
    """The local engine alone."""
    engine = SqliteEngine(tmp_path / "host")
    yield engine
    engine.check()
    engine.close()


def test_parameters_live_as_long_as_a_job_needs_them(store: SqliteEngine) -> None:
    """The first job is forgotten; the one made from it still has its parameter file, and only with it the file goes."""
    with open(f"{store.directory}/spool/abc", "wb") as file:
        file.write(b"packed")
    job = store.submit(tasks=4, indices=None, parameters=f"{store.directory}/spool/abc")
    _run(store, failing=(2, 4))
    new = store.again(job, FAILED)
    assert _forget(store) == [job]
    path = store.store.specs.body(store.job(new).spec)["parameters"]
    assert os.path.exists(path)
    assert _indices(store, new) == [2, 4]
    _run(store)
    store.submit()
    assert _forget(store) == [new]
    assert not os.path.exists(path)
    assert store.dump()["sparse"] == []


def _forget(store: SqliteEngine) -> list[int]:
    """Forget all that is over, as the supervisor does it."""
    with store.step() as engine:
        jobs = retention.forget(engine.db, store.now + 60)
        engine.specs.forget()
    retention.remove_files(store.directory, set(jobs))
    retention.remove_shared(store.directory, retention.Kept(store.store.db), set())
    return jobs


def test_lease_numbers_only_grow(store: SqliteEngine) -> None:
    """Over leases, failed transactions and restarts; epochs too."""
    numbers, epochs = [], []
    for _ in range(3):
        store.submit(tasks=4)
        numbers += [store.lease().number, store.lease().number]
        with pytest.raises(OSError, match="full"), store.step():
            numbers.append(store.lease().number)
            raise OSError("full")
        epochs.append(store.store.epoch)
        store.reopen()
    assert numbers == sorted(set(numbers))
    assert epochs == sorted(set(epochs))


def test_a_late_row_does_not_forget_a_task_that_runs_long(store: SqliteEngine) -> None:
    """What was noted as running stays noted until its own end."""
    job = store.submit(tasks=2, retries=5)
    first = store.lease(2)
    store.report(first.number, [first.row(job, 1, FAIL)])
    second = store.lease(worker=2)
    with store.step() as engine:
        engine.running([(second.number, job, 1, 2, 1_700_000_000_000_000, 4321)])
    store.report(first.number, [first.row(job, 1, FAIL)])
    assert store.task(job, 1).pid == 4321
    store.report(second.number, second.rows())
    assert store.dump()["running"] == []


def test_notes_of_tasks_that_are_not_held_are_ignored(store: SqliteEngine) -> None:
    """A note that comes after the result, or for somebody else's task, leaves no trace."""
    job = store.submit(tasks=2)
    lease = store.lease()
    store.report(lease.number, lease.rows())
    other = store.lease()
    before = store.dump()
    with store.step() as engine:
        engine.running([(lease.number, job, 1, 1, 5, 5), (other.number, job, 1, 1, 5, 5), (77, job, 2, 1, 5, 5)])
    assert store.dump() == before


def test_given_back_tasks_leave_no_rows(store: SqliteEngine) -> None:
    """The end of the tail goes back to the tail: a million tasks that were only held are still a range."""
    job = store.submit(tasks=100)
    lease = store.lease(10)
    store.give_back(lease.number, [(job, 4, 10)])
    assert store.dump()["span"] == []
    assert set(store.lease(3).tasks) == {(job, 4), (job, 5), (job, 6)}


def test_jobs_that_end_are_told_once(store: SqliteEngine) -> None:
    """`ended` lists each job when its last task is final, and forgets what was undone."""
    single, array, other = store.submit(), store.submit(tasks=2), store.submit()
    lease = store.lease(4)
    with pytest.raises(OSError, match="full"), store.step() as engine:
        store.report(lease.number, [lease.row(single, 1)])
        assert engine.ended == [single]
        raise OSError("full")
    assert store.store.ended == []
    store.report(lease.number, [lease.row(array, 1), lease.row(single, 1)])
    store.report(lease.number, [lease.row(array, 2), lease.row(other, 1, FAIL)])
    assert store.store.ended == [single, array, other]


def test_keys_of_one_transaction_are_one_job(store: SqliteEngine) -> None:
    """Twice in one group commit is still once."""
    with store.step():
        assert store.submit(idempotency_key="key") == store.submit(idempotency_key="key")
    assert store.totals()[WAITING] == 1


def test_a_transaction_that_fails_leaves_nothing(store: SqliteEngine) -> None:
    """Steps before a failure are undone with it, and the id was never given away."""
    before = store.dump()

    def submit_and_fail() -> None:
        with store.step():
            store.submit(tasks=10)
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="space"):
        submit_and_fail()
    assert store.dump() == before
    assert store.lease(5).number == 0


def test_a_script_that_cannot_be_kept_is_no_job(store: SqliteEngine, tmp_path: object) -> None:
    """Where the disk refuses the script, the submission fails and nothing is stored."""
    import shutil

    shutil.rmtree(f"{store.directory}/scripts")
    before = store.dump()
    with pytest.raises(OSError, match="scripts"):
        store.submit(script=b"echo new\n")
    assert store.dump() == before


def _spool(store: SqliteEngine, name: str = "abc") -> str:
    path = f"{store.directory}/spool/{name}"
    with open(path, "wb") as file:
        file.write(b"packed")
    return path


def test_parameters_survive_a_submission_that_did_not_commit(store: SqliteEngine) -> None:
    """A client whose host died before the commit sends the same request again: its parameter file is still found."""
    fields = {"parameters": _spool(store), "tasks": 4, "indices": None, "idempotency_key": "key"}

    def submit_and_die() -> None:
        with store.step() as engine:
            _submit(engine, store, fields)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        submit_and_die()
    with store.step() as engine:
        job = _submit(engine, store, fields)
    assert store.job(job).tasks == 4


def test_a_committed_submission_with_parameters_may_be_sent_again(store: SqliteEngine) -> None:
    """The file was taken over by the first one; the second is answered with its id, not refused."""
    fields = {"parameters": _spool(store), "tasks": 4, "indices": None, "idempotency_key": "key"}
    with store.step() as engine:
        job = _submit(engine, store, fields)
    with store.step() as engine:
        assert _submit(engine, store, fields) == job
    path = store.store.specs.body(1)["parameters"]
    with open(path, "rb") as file:
        assert file.read() == b"packed"


def test_parameters_that_are_gone_are_refused(store: SqliteEngine) -> None:
    """Without its parameter file an array is refused, with what to do."""
    with pytest.raises(InvalidRequest, match="Submit again"), store.step() as engine:
        _submit(engine, store, {"parameters": f"{store.directory}/spool/never", "tasks": 2})


def _submit(engine: object, store: SqliteEngine, fields: dict) -> int:
    """As the door does it: looked at first, then stored."""
    from cyclone_core.jobs import JobRequest

    request = JobRequest(**{"script": b"true\n", "name": "job", "user": "ada", **fields})
    store.store.check_parameters(request)
    return store.store.submit(request, store.now)
