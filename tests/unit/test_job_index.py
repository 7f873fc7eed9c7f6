"""Lists of job ids: what fits a filter and in which order, compared with the same done in Python."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from cyclone_core.scheduler.filters import parse
from cyclone_core.scheduler.job_terms import NEWEST_FIRST, ORDERS, Order
from cyclone_core.scheduler.sqlite.job_index import CHUNK, FIRST_CHUNK, Interrupted, JobIndex
from tests.filled import SUBMITTED, FilledHost

NOW = SUBMITTED + 1000


@pytest.fixture
def host(tmp_path: Path) -> FilledHost:
    """Six jobs of different kinds."""
    filled = FilledHost(tmp_path)
    filled.job(1, (1, 0, 0, 0, 0, 0), name="train-a", queue="gpu")
    filled.ended(b"x", job=2, name="train_b", user="bob", submitted=SUBMITTED)
    filled.ended(b"", code=3, job=3, name="50%", queue="gpu")
    filled.job(4, (90, 5, 5, 0, 0, 0), name="Sweep", array=1, next=11, started=SUBMITTED + 10)
    filled.job(5, (0, 0, 0, 0, 2, 0), name="sweep", array=1, cancel=SUBMITTED, started=SUBMITTED + 1, ended=SUBMITTED + 61)
    filled.job(7, (0, 0, 0, 0, 0, 1), name="x[1]", submitted=SUBMITTED + 500)
    return filled


@pytest.fixture
def index(host: FilledHost) -> Iterator[JobIndex]:
    """Its index."""
    made = JobIndex(host.directory)
    yield made
    made.close()


def fitting(index: JobIndex, text: str, order: Order = NEWEST_FIRST) -> list[int]:
    """Ids of the jobs that fit a filter."""
    return [job for chunk in index.chunks(parse(text).terms, order, NOW) for job in chunk]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", [7, 5, 4, 3, 2, 1]),
        ("SWEEP", [5, 4]),
        ("%", [3]),
        ("n_b", [2]),
        ("queue:gpu", [3, 1]),
        ("queue:gpu status:failed", [3]),
        ("status:waiting,running", [4, 1]),
        ("!status:waiting,running", [7, 5, 3, 2]),
        ("name:train*", [2, 1]),
        ("name:sweep", [5]),
        ('name:"x[1]"', [7]),
        ('name:"x[1]*"', [7]),
        ("/^s[we]+p$/", [5, 4]),
        ("/^Sw/", [4]),
        ("name:/[0-9]/", [7, 3]),
        ("status:/fail|err/", [7, 3]),
        ("id:2-4", [4, 3, 2]),
        ("7", [7]),
        ("user:bob", [2]),
        ("tasks>2", [4]),
        ("done>=2", [5, 4]),
        ("exit:3", [3]),
        ("took>30s", [5, 4]),
        ("took<30s", [3, 2]),
        ("!took>30s", [7, 3, 2, 1]),
        ("submitted<10m", [7]),
        ("submitted>2000-01-01 user:ada", [7, 5, 4, 3, 1]),
        ("nothing", []),
    ],
)
def test_filters(index: JobIndex, text: str, ids: list[int]) -> None:
    """Every kind of term, alone and together."""
    assert fitting(index, text) == ids


@pytest.mark.parametrize("column", ORDERS)
def test_orders(index: JobIndex, column: str) -> None:
    """Every order gives every job once; down is the inverse of up but for equal ones."""
    up, down = fitting(index, "", Order(column, False)), fitting(index, "", Order(column, True))
    assert sorted(up) == sorted(down) == [1, 2, 3, 4, 5, 7]


def test_order_by_tasks(index: JobIndex) -> None:
    """Largest first, equal ones newest first; what has no value comes last."""
    assert fitting(index, "", Order("tasks", True)) == [4, 5, 7, 3, 2, 1]
    assert fitting(index, "", Order("took", True))[:2] == [4, 5]
    assert fitting(index, "", Order("took", False))[-2:] == [7, 1]


def test_counts_by_state(index: JobIndex) -> None:
    """Jobs by state, of those that fit."""
    assert index.by_state((), NOW) == (1, 1, 1, 1, 1, 1)
    assert index.by_state(parse("queue:gpu").terms, NOW) == (1, 0, 0, 1, 0, 0)


def test_long_list_arrives_in_chunks(host: FilledHost) -> None:
    """A small chunk first, then large ones; nothing twice, nothing left out."""
    many = CHUNK + FIRST_CHUNK + 10
    host.db.execute("BEGIN")
    for job in range(100, 100 + many):
        host.job(job)
    host.db.execute("COMMIT")
    index = JobIndex(host.directory)
    chunks = list(index.chunks((), NEWEST_FIRST, NOW))
    index.close()
    assert [len(chunk) for chunk in chunks] == [FIRST_CHUNK, CHUNK, 10 + 6]
    assert [job for chunk in chunks for job in chunk] == [*range(99 + many, 99, -1), 7, 5, 4, 3, 2, 1]


def test_new_jobs_alone(index: JobIndex) -> None:
    """What came after an id, without reading the rest again."""
    assert [list(chunk) for chunk in index.chunks((), NEWEST_FIRST, NOW, above=4)] == [[7, 5]]


def test_task_counts(index: JobIndex) -> None:
    """Beside the ids: all tasks, or those in some states."""
    ((ids, counts),) = index.counted((), NEWEST_FIRST, NOW, ())
    assert (list(ids), list(counts)) == ([7, 5, 4, 3, 2, 1], [1, 2, 100, 1, 1, 1])
    ((_, counts),) = index.counted((), Order("tasks"), NOW, (1, 2))
    assert list(counts) == [10, 0, 0, 0, 1, 0]
    assert index.tasks_by_state(parse("sweep").terms, NOW) == (90, 5, 5, 0, 2, 0)


def test_version_changes_with_commits_of_others(host: FilledHost, index: JobIndex) -> None:
    """Another number after a commit, the same one without."""
    before = index.version()
    assert index.version() == before
    host.job(8)
    assert index.version() != before


def test_host_without_jobs(tmp_path: Path) -> None:
    """No database: nothing, until there is one."""
    index = JobIndex(str(tmp_path))
    assert (list(index.chunks((), NEWEST_FIRST, NOW)), index.by_state((), NOW), index.jobs([1])) == ([], (0,) * 6, {})
    FilledHost(tmp_path).job(1)
    index.version()
    assert list(index.jobs([1, 2])) == [1]
    index.close()


def test_interrupt_ends_a_query(index: JobIndex) -> None:
    """A query that would take an hour ends when another thread says so."""
    over = Event()

    def nag() -> None:
        while not over.wait(0.02):
            index.interrupt()

    nagging = Thread(target=nag)
    nagging.start()
    endless = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id+1 FROM n) SELECT max(id) FROM n"
    with pytest.raises(Interrupted):
        index._all(endless, {})
    over.set()
    nagging.join()
