"""Promises about what is kept: counters, restarts, what is not there."""

from cyclone_core.jobs import outcome
from tests.contract.every import Engine

FAIL = outcome(1 << 8)


def _lively(store: Engine) -> int:
    """A host with a bit of everything."""
    job = store.submit(tasks=20, retries=1, limit=15)
    store.submit()
    store.submit(priority=3, tasks=2)
    first, second = store.lease(8), store.lease(6, worker=2)
    store.report(first.number, [first.row(*key, FAIL if key[1] % 2 else 0) for key in list(first.tasks)[:5]])
    store.lose(second.number, list(second.tasks)[:2])
    store.cancel(job, 18)
    store.cancel(job, 4)
    return job


def test_a_restart_changes_nothing(store: Engine) -> None:
    """Everything is as it was, stored and remembered: the same tasks would be leased next."""
    _lively(store)
    before, waiting, held = store.dump(), store.waiting(), store.held()
    store.reopen()
    assert store.dump() == before
    assert (store.waiting(), store.held()) == (waiting, held)


def test_counters_of_queues_add_up(store: Engine) -> None:
    """Each queue has its own; the adapter compares them with the tasks after each commit."""
    store.add_queue("night")
    store.submit(tasks=4)
    store.submit(tasks=3, queue="night")
    day, night = store.lease(3), store.lease(3, queue="night")
    store.report(day.number, [day.row(1, 1), day.row(1, 2, FAIL)])
    store.cancel(2)
    store.report(night.number, night.rows())
    assert store.totals() == (1, 1, 1, 1, 0, 0)
    assert store.totals("night") == (0, 0, 3, 0, 0, 0)


def test_an_unknown_job_is_empty_everywhere(store: Engine) -> None:
    """No error, no task."""
    with store.reader() as reader:
        assert (reader.job(9), reader.tasks(9), reader.task_states(9), reader.attempts(9, 1)) == (None, [], b"", [])
