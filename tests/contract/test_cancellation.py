"""Promises about cancelling: at once for what waits, marked for what is held, never leased again, never twice."""

import pytest

from cyclone_core.jobs import CANCELLED, FAILED, RUNNING, SUCCESSFUL, WAITING, outcome
from tests.contract.engines import CANCELLED_CODE
from tests.contract.every import Engine

FAIL = outcome(1 << 8)


def test_a_waiting_job_is_cancelled_at_once(store: Engine) -> None:
    """Single job or array: final, ended, told."""
    single, array = store.submit(), store.submit(tasks=4)
    assert (store.cancel(single), store.cancel(array)) == (1, 4)
    assert [store.job(job).state for job in (single, array)] == ["Cancelled"] * 2
    assert store.task(single).reason == store.task(array, 3).reason == "cancelled"
    assert store.lease(9).number == 0


def test_cancelling_twice_touches_nothing(store: Engine) -> None:
    """Neither while tasks are held nor after the end."""
    job = store.submit(tasks=3)
    lease = store.lease()
    assert store.cancel(job) == 3
    before = store.dump()
    assert store.cancel(job) == 0
    assert store.dump() == before
    store.report(lease.number, lease.rows(CANCELLED_CODE))
    before = store.dump()
    assert store.cancel(job) == 0
    assert store.dump() == before


def test_a_job_that_is_over_or_unknown_is_not_touched(store: Engine) -> None:
    """Nothing changes, whatever position is named."""
    job = store.submit(tasks=2)
    lease = store.lease(2)
    store.report(lease.number, lease.rows())
    before = store.dump()
    assert [store.cancel(job), store.cancel(job, 1), store.cancel(99), store.cancel(99, 1)] == [0, 0, 0, 0]
    assert store.dump() == before


def test_nothing_of_a_cancelled_job_is_leased_again(store: Engine) -> None:
    """Tail, retries, tasks given back and tasks of dead workers: none of them comes back, now or after a restart."""
    job = store.submit(tasks=8, retries=9)
    retried, back, lost, failed = (store.lease() for _ in range(4))
    store.report(retried.number, retried.rows(FAIL))
    assert store.cancel(job) == 8
    store.reopen()
    assert store.give_back(back.number, [(job, 2, 2)]) == []
    assert store.lose(lost.number, lost.tasks) == []
    assert store.report(failed.number, failed.rows(FAIL)) == []
    assert store.lease(9).number == 0
    assert store.states(job) == [CANCELLED, CANCELLED, CANCELLED, FAILED] + [CANCELLED] * 4


def test_a_result_that_came_before_the_signal_counts(store: Engine) -> None:
    """Cancelled while it ended well: it is successful."""
    job = store.submit(tasks=2)
    lease = store.lease()
    store.cancel(job)
    store.report(lease.number, lease.rows())
    assert store.states(job) == [SUCCESSFUL, CANCELLED]


@pytest.mark.parametrize("position", [1, 4, 7])
def test_one_waiting_task_is_cut_out(store: Engine, position: int) -> None:
    """At the beginning, in the middle and at the end; the others run."""
    job = store.submit(tasks=7)
    assert store.cancel(job, position) == 1
    assert store.cancel(job, position) == 0
    assert {p for _, p in store.lease(9).tasks} == set(range(1, 8)) - {position}
    assert store.states(job)[position - 1] == CANCELLED


@pytest.mark.parametrize("position", [1, 2, 3])
def test_one_task_of_a_span_is_cut_out(store: Engine, position: int) -> None:
    """Tasks that were leased before keep their history around the hole."""
    job = store.submit(tasks=4)
    lease = store.lease(3)
    store.lose(lease.number, lease.tasks)
    store.cancel(job, position)
    store.reopen()
    assert store.lease(9).tasks == {(job, p): 2 if p < 4 else 1 for p in range(1, 5) if p != position}


def test_one_held_task_is_marked(store: Engine) -> None:
    """It stays with its worker, who is told; then it is over, whatever comes."""
    job = store.submit(tasks=3)
    lease = store.lease(2)
    assert store.cancel(job, 2) == 1
    assert store.states(job) == [RUNNING, RUNNING, WAITING]
    assert store.told(lease.number) == [(job, 2)]
    store.reopen()
    assert store.told(lease.number) == [(job, 2)]
    store.report(lease.number, [lease.row(job, 2, CANCELLED_CODE)])
    assert store.states(job) == [RUNNING, CANCELLED, WAITING]
    assert store.wishes() == []


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize("counted", [True, False])
def test_a_marked_task_of_a_dead_worker_is_cancelled(store: Engine, started: bool, counted: bool) -> None:
    """Whether it had begun or not, whether the worker died or was stopped: it is not leased again."""
    job = store.submit(tasks=2)
    lease = store.lease(2)
    store.cancel(job, 1)
    store.lose(lease.number, [(job, 1)] if started else [], counted=counted)
    assert store.states(job) == [CANCELLED, WAITING]
    assert set(store.lease(5).tasks) == {(job, 2)}
    assert store.wishes() == []


def test_a_marked_task_that_comes_back_is_cancelled(store: Engine) -> None:
    """Given back untouched: over, and the mark with it."""
    job = store.submit(tasks=3)
    lease = store.lease(3)
    store.cancel(job, 2)
    assert store.give_back(lease.number, [(job, 1, 3)]) == [(job, 1, 1, 1, 0, 0), (job, 3, 3, 1, 0, 0)]
    assert store.states(job) == [WAITING, CANCELLED, WAITING]
    assert store.wishes() == []


def test_a_task_of_a_cancelled_job_is_over_already(store: Engine) -> None:
    """Naming a task of the tail after the whole job was cancelled counts nothing twice."""
    job = store.submit(tasks=5)
    store.lease()
    store.cancel(job)
    before = store.dump()
    assert [store.cancel(job, position) for position in (2, 5, 6, 0)] == [0, 0, 0, 0]
    assert store.dump() == before


def test_a_job_cancelled_after_some_of_its_tasks(store: Engine) -> None:
    """Task by task, then the rest: each is counted once."""
    job = store.submit(tasks=9)
    lease = store.lease(3)
    assert [store.cancel(job, 2), store.cancel(job, 6), store.cancel(job)] == [1, 1, 8]
    store.report(lease.number, lease.rows(CANCELLED_CODE))
    assert store.job(job).counts == (0, 0, 0, 0, 9, 0)
    assert store.wishes() == []


def test_position_one_of_a_single_job_is_the_job(store: Engine) -> None:
    """`qdel 7` and its only task are the same; other positions do not exist."""
    job = store.submit()
    assert store.cancel(job, 2) == 0
    assert store.cancel(job, 1) == 1
    assert store.job(job).state == "Cancelled"


@pytest.mark.parametrize("how", ["retry", "loss", "given back"])
def test_a_single_job_that_waits_again_is_cancelled(store: Engine, how: str) -> None:
    """With any history."""
    job = store.submit(retries=1)
    lease = store.lease()
    {
        "retry": lambda: store.report(lease.number, lease.rows(FAIL)),
        "loss": lambda: store.lose(lease.number, lease.tasks),
        "given back": lambda: store.give_back(lease.number, [(job, 1, 1)]),
    }[how]()
    assert store.cancel(job) == 1
    assert store.job(job).state == "Cancelled"
    assert store.lease().number == 0
