"""Promises about accepting work: whole or not at all, once per idempotency key, as cheap for an array as for one task."""

import pytest

from cyclone_core.errors import InvalidRequest
from cyclone_core.jobs import MAX_TASKS, SUCCESSFUL, WAITING
from tests.contract.every import Engine


def test_ids_are_positive_and_grow(store: Engine) -> None:
    """Ids grow by submission, also across a restart."""
    first, second = store.submit(), store.submit(tasks=3)
    store.reopen()
    assert 0 < first < second < store.submit()


def test_what_was_submitted_is_what_is_told(store: Engine) -> None:
    """Everything a user gave is kept."""
    job = store.submit(name="naïve name", tasks=5, limit=2, priority=7, user="ada", idempotency_key="k", retries=3)
    found = store.job(job)
    assert (found.name, found.tasks, found.limit, found.priority, found.user) == ("naïve name", 5, 2, 7, "ada")
    assert (found.queue, found.definition, found.idempotency_key, found.array) == ("default", "default", "k", True)
    assert found.counts == (5, 0, 0, 0, 0, 0)


def test_one_idempotency_key_is_one_job(store: Engine) -> None:
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
def test_a_key_of_another_job_is_refused(store: Engine, other: dict[str, object]) -> None:
    """Who reuses a key for other work is told, instead of waiting for work that never runs."""
    store.submit(idempotency_key="key")
    with pytest.raises(InvalidRequest, match="belongs to job 1"):
        store.submit(idempotency_key="key", **other)


def test_a_refused_submission_names_every_problem_and_stores_nothing(store: Engine) -> None:
    """All problems at once, nothing half-way."""
    before = store.dump()
    with pytest.raises(InvalidRequest) as caught:
        store.submit(queue="defualt", definition="none", retries=-1, script=b" \n", name="a\nb", priority=5000)
    assert {problem.path for problem in caught.value.problems} == {"queue", "definition", "retries", "script", "name", "priority"}
    assert "'default'" in next(str(problem) for problem in caught.value.problems if problem.path == "queue")
    assert store.dump() == before


@pytest.mark.parametrize("tasks", [0, -1, MAX_TASKS + 1])
def test_arrays_have_bounds(store: Engine, tasks: int) -> None:
    """No array without tasks, none above the largest."""
    with pytest.raises(InvalidRequest):
        store.submit(tasks=tasks)


def test_the_largest_array_costs_one_row(store: Engine) -> None:
    """100,000,000 waiting tasks are a range: one row of a job, no rows of tasks; cancelling them costs no more."""
    job = store.submit(tasks=MAX_TASKS)
    assert store.rows() == 1
    assert store.totals()[WAITING] == MAX_TASKS
    assert store.cancel(job) == MAX_TASKS
    assert store.rows() == 1
    assert store.job(job).counts == (0, 0, 0, 0, MAX_TASKS, 0)


def test_cancelling_a_huge_array_with_a_hole_stays_cheap(store: Engine) -> None:
    """One task cancelled far behind, then the whole: still no rows per task."""
    job = store.submit(tasks=MAX_TASKS)
    assert store.cancel(job, MAX_TASKS - 1) == 1
    assert store.cancel(job) == MAX_TASKS - 1
    assert store.rows() <= 4
    assert store.job(job).counts == (0, 0, 0, 0, MAX_TASKS, 0)
    assert [task.position for task in _page(store, job, MAX_TASKS - 3)] == [MAX_TASKS - 2, MAX_TASKS - 1, MAX_TASKS]
    assert store.task(job, 5).state == "Cancelled"
    store.reopen()
    assert store.lease(5).number == 0


def _page(store: Engine, job: int, after: int) -> list:
    with store.reader() as reader:
        return reader.tasks(job, None, after)


def test_equal_submissions_share_what_they_execute(store: Engine) -> None:
    """A thousand submissions of one script cost one specification."""
    for _ in range(5):
        store.submit()
    store.submit(script=b"false\n")
    assert store.specs() == 2
