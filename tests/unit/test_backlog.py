"""Waiting jobs come in order, whatever of them is in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cyclone_core.scheduler.local.backlog import LARGEST_WINDOW, WINDOW, Backlog
from tests.contract.engines import SqliteEngine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SqliteEngine]:
    """A store with the defaults."""
    engine = SqliteEngine(tmp_path)
    yield engine
    engine.close()


@pytest.fixture
def backlog(engine: SqliteEngine) -> Backlog:
    """The backlog of the default queue and definition."""
    return Backlog(engine.store, "default", "default")


def submit(engine: SqliteEngine, backlog: Backlog, count: int = 1, **fields: object) -> list[int]:
    """Submit in one transaction and tell the backlog, as the dispatcher does."""
    with engine.step():
        jobs = [engine.submit(**fields) for _ in range(count)]
        for job in jobs:
            backlog.submitted(int(fields.get("priority", 0)), job)
    return jobs


def take(engine: SqliteEngine, backlog: Backlog, count: int) -> tuple[int, list[int]]:
    """Lease through the backlog: the lease, and the job of each task in order."""
    with engine.step() as store:
        ranges = backlog.take(count)
        number = store.lease(1, 1, ranges, engine.now) if ranges else 0
    return number, [job for job, low, high, *_ in ranges for _ in range(low, high + 1)]


def test_an_empty_backlog_gives_nothing(engine: SqliteEngine, backlog: Backlog) -> None:
    """And says so."""
    assert not backlog
    assert backlog.head() is None
    assert backlog.take(5) == []


@pytest.mark.parametrize("seen", [False, True], ids=["read from the database", "told one by one"])
def test_priority_then_submission(engine: SqliteEngine, backlog: Backlog, seen: bool) -> None:
    """Whether jobs were there before the window or came after."""
    if seen:
        backlog.take(1)
    first, low, high, second = (submit(engine, backlog, priority=p)[0] for p in (0, -5, 7, 0))
    assert backlog
    assert backlog.head().id == high
    assert take(engine, backlog, 9)[1] == [high, first, second, low]


def test_more_jobs_than_a_window(engine: SqliteEngine, backlog: Backlog) -> None:
    """All of them come, in order, in slices that cross the window's end."""
    jobs = submit(engine, backlog, 2 * WINDOW + 100)
    found = []
    while more := take(engine, backlog, 97)[1]:
        found += more
    assert found == jobs


def test_an_urgent_job_passes_a_full_window(engine: SqliteEngine, backlog: Backlog) -> None:
    """Submitted while more jobs wait than the window holds: it is next."""
    submit(engine, backlog, WINDOW + 50)
    assert take(engine, backlog, 2)[1] == [1, 2]
    urgent = submit(engine, backlog, priority=1)[0]
    between = submit(engine, backlog, priority=0)[0]
    assert take(engine, backlog, 2)[1] == [urgent, 3]
    assert between in take(engine, backlog, WINDOW + 100)[1]


def test_a_window_that_grew_stops_growing(engine: SqliteEngine, backlog: Backlog) -> None:
    """What is submitted beyond it is read when it is needed; nothing is forgotten."""
    backlog.take(1)
    jobs = submit(engine, backlog, LARGEST_WINDOW + 30)
    assert not backlog.complete
    assert len(engine.store.works) <= LARGEST_WINDOW + 1
    assert take(engine, backlog, LARGEST_WINDOW + 99)[1] == jobs


def test_jobs_that_come_back_keep_their_place(engine: SqliteEngine, backlog: Backlog) -> None:
    """A job that had left the window stands before later ones again."""
    jobs = submit(engine, backlog, WINDOW + 20)
    lease, taken = take(engine, backlog, 3)
    engine.give_back(lease, [(job, 1, 1) for job in taken])
    for job in taken:
        backlog.add(engine.store.work(job))
        backlog.add(engine.store.work(job))
    assert take(engine, backlog, 5)[1] == jobs[:5]


def test_limited_jobs_let_others_pass_and_come_first_again(engine: SqliteEngine, backlog: Backlog) -> None:
    """At its limit a job stays in line without holding it up."""
    limited, other = submit(engine, backlog, tasks=4, limit=1)[0], submit(engine, backlog, tasks=3)[0]
    lease, taken = take(engine, backlog, 2)
    assert taken == [limited, other]
    assert backlog.head().id == other
    engine.report(lease, [(limited, 1, 1, 0, 1, 1, 0, 0)])
    assert take(engine, backlog, 9)[1] == [limited, other, other]


def test_a_window_of_limited_jobs_is_not_the_end(engine: SqliteEngine, backlog: Backlog) -> None:
    """Behind a whole window of jobs at their limits there are others."""
    limited = submit(engine, backlog, WINDOW, tasks=2, limit=1)
    last = submit(engine, backlog)[0]
    assert take(engine, backlog, WINDOW)[1] == limited
    assert take(engine, backlog, 5)[1] == [last]


def test_cancelled_jobs_leave(engine: SqliteEngine, backlog: Backlog) -> None:
    """Whether they are in the window or behind it."""
    jobs = submit(engine, backlog, WINDOW + 5)
    assert backlog.head().id == jobs[0]
    for job in (jobs[0], jobs[-1]):
        engine.cancel(job)
    assert take(engine, backlog, WINDOW + 5)[1] == jobs[1:-1]
    assert not backlog


def test_after_a_reset_nothing_is_lost(engine: SqliteEngine, backlog: Backlog) -> None:
    """A failed commit: the window is read again."""
    jobs = submit(engine, backlog, 5)
    with pytest.raises(OSError, match="full"), engine.step() as store:
        store.lease(1, 1, backlog.take(3), 0.0)
        raise OSError("full")
    backlog.reset()
    assert take(engine, backlog, 9)[1] == jobs


def test_retries_come_before_the_tail(engine: SqliteEngine, backlog: Backlog) -> None:
    """Tasks of an array that ran before are finished first."""
    job = submit(engine, backlog, tasks=9)[0]
    lease, _ = take(engine, backlog, 3)
    engine.lose(lease, [(job, 1), (job, 2), (job, 3)])
    with engine.step():
        assert backlog.take(5) == [(job, 1, 3, 2, 0, 1), (job, 4, 5, 1, 0, 0)]
