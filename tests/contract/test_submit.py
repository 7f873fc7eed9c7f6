"""Promises about accepting work: whole or not at all, once per idempotency key, as cheap for an array as for one task."""

import pytest

from cyclone_core.errors import InvalidRequest
from cyclone_core.jobs import MAX_TASKS, SUCCESSFUL, WAITING
from tests.contract.engines import SqliteEngine


def test_ids_are_positive_and_grow(store: SqliteEngine) -> None:
    """Ids grow by submission, also across a restart."""
    first, second = store.submit(), store.submit(tasks=3)
    store.reopen()
    assert 0 < first < second < store.submit()


def test_what_was_submitted_is_what_is_told(store: SqliteEngine) -> None:
    """Everything a user gave is kept."""
    job = store.submit(name="naïve name", tasks=5, limit=2, priority=7, user="ada", idempotency_key="k", retries=3)
    found = store.job(job)
    assert (found.name, found.tasks, found.limit, found.priority, found.user) == ("naïve name", 5, 2, 7, "ada")
    assert (found.queue, found.definition, found.idempotency_key, found.array) == ("default", "default", "k", True)
    assert found.counts == (5, 0, 0, 0, 0, 0)


def test_one_idempotency_key_is_one_job(store: SqliteEngine) -> None:
    """The second submission with a key is the first one, now and after a restart and after its end."""
    job = store.submit(idempotency_key="key")
    assert store.submit(idempotency_key="key") == job
    store.reopen()
    assert store.submit(idempotency_key="key") == job
    lease = store.lease()
    store.report(lease.number, lease.rows())
    assert store.submit(idempotency_key="key") == job
    assert store.submit(idempotency_key="other") != job
    assert store.totals()[SUCCESSFUL] == 1


@pytest.mark.parametrize("other", [{"tasks": 9}, {"script": b"echo something else"}])
def test_a_key_of_another_job_is_refused(store: SqliteEngine, other: dict[str, object]) -> None:
    """Who reuses a key for other work is told, instead of waiting for work that never runs."""
    store.submit(idempotency_key="key")
    with pytest.raises(InvalidRequest, match="belongs to job 1"):
        store.submit(idempotency_key="key", **other)


def test_keys_of_one_transaction_are_one_job(store: SqliteEngine) -> None:
    """Twice in one group commit is still once."""
    with store.step():
        assert store.submit(idempotency_key="key") == store.submit(idempotency_key="key")
    assert store.totals()[WAITING] == 1


def test_a_refused_submission_names_every_problem_and_stores_nothing(store: SqliteEngine) -> None:
    """All problems at once, nothing half-way."""
    before = store.dump()
    with pytest.raises(InvalidRequest) as caught:
        store.submit(queue="defualt", definition="none", retries=-1, script=b" \n", name="a\nb", priority=5000)
    assert {problem.path for problem in caught.value.problems} == {"queue", "definition", "retries", "script", "name", "priority"}
    assert "'default'" in next(str(problem) for problem in caught.value.problems if problem.path == "queue")
    assert store.dump() == before


@pytest.mark.parametrize("tasks", [0, -1, MAX_TASKS + 1])
def test_arrays_have_bounds(store: SqliteEngine, tasks: int) -> None:
    """No array without tasks, none above the largest."""
    with pytest.raises(InvalidRequest):
        store.submit(tasks=tasks)


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


def test_the_largest_array_costs_one_row(store: SqliteEngine) -> None:
    """100,000,000 waiting tasks are a range: one row of a job, no rows of tasks; cancelling them costs no more."""
    job = store.submit(tasks=MAX_TASKS)
    rows = store.dump()
    assert {table: len(content) for table, content in rows.items() if content} == {"job": 1, "spec": 1, "total": 1}
    assert store.totals()[WAITING] == MAX_TASKS
    assert store.cancel(job) == MAX_TASKS
    assert len(store.dump()["result"]) == 0
    assert store.job(job).counts == (0, 0, 0, 0, MAX_TASKS, 0)


def test_cancelling_a_huge_array_with_a_hole_stays_cheap(store: SqliteEngine) -> None:
    """One task cancelled far behind, then the whole: still no rows per task."""
    job = store.submit(tasks=MAX_TASKS)
    assert store.cancel(job, MAX_TASKS - 1) == 1
    assert store.cancel(job) == MAX_TASKS - 1
    assert len(store.dump()["result"]) == 1
    assert store.job(job).counts == (0, 0, 0, 0, MAX_TASKS, 0)
    assert [task.position for task in _page(store, job, MAX_TASKS - 3)] == [MAX_TASKS - 2, MAX_TASKS - 1, MAX_TASKS]
    assert store.task(job, 5).state == "Cancelled"
    store.reopen()
    assert store.lease(5).number == 0


def _page(store: SqliteEngine, job: int, after: int) -> list:
    with store.reader() as reader:
        return reader.tasks(job, None, after)


def test_equal_submissions_share_what_they_execute(store: SqliteEngine) -> None:
    """A thousand submissions of one script cost one specification."""
    with store.step():
        for _ in range(20):
            store.submit()
    store.submit(script=b"false\n")
    assert len(store.dump()["spec"]) == 2


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
