"""Jobs, counters and resources as the reader gives them."""

from pathlib import Path

import pytest

from cyclone_core.jobs import CAUSE_NOT_STARTED, ERROR, FAILED, SUCCESSFUL, WAITING, outcome
from cyclone_core.scheduler.sqlite.reader import Reader
from tests.filled import CANCELLED_CODE, SUBMITTED, FilledHost


@pytest.fixture
def host(tmp_path: Path) -> FilledHost:
    """An empty host."""
    return FilledHost(tmp_path)


def test_a_host_without_a_database_is_empty(tmp_path: Path) -> None:
    """Nothing was ever submitted: no counters, no jobs, no error."""
    with Reader.open(str(tmp_path)) as reader:
        assert (reader.counts(), reader.jobs(), reader.job(1), reader.tasks(1), reader.task_states(1)) == ([], [], None, [], b"")


def test_counts_are_per_queue(host: FilledHost) -> None:
    """Tasks by state of each queue, by name."""
    host.job(1, (5, 0, 2, 0, 0, 0), queue="slow")
    host.job(2, (0, 1, 0, 0, 0, 0), queue="fast")
    with Reader.open(host.directory) as reader:
        assert reader.counts() == [("fast", (0, 1, 0, 0, 0, 0)), ("slow", (5, 0, 2, 0, 0, 0))]


def test_a_finished_job_as_json(host: FilledHost) -> None:
    """The promised keys, times in UTC with milliseconds."""
    host.ended(b"x", code=outcome(9), job=4)
    with Reader.open(host.directory) as reader:
        found = reader.job(4).as_json()
    assert {k: found[k] for k in ("id", "status", "exit_code", "signal", "submitted_at", "took_s", "output_bytes")} == {
        "id": 4, "status": "Failed", "exit_code": 137, "signal": 9, "submitted_at": "2023-11-14T22:13:24.000Z", "took_s": 2.0,
        "output_bytes": 1,
    }  # fmt: skip
    assert found["counts"] == {"Waiting": 0, "Running": 0, "Successful": 0, "Failed": 1, "Cancelled": 0, "Error": 0}


@pytest.mark.parametrize(
    ("history", "exit_code"),
    [
        ({1: (SUCCESSFUL, 0), 2: (SUCCESSFUL, 0)}, 0),
        ({1: (SUCCESSFUL, 0), 2: (FAILED, outcome(3 << 8)), 3: (FAILED, outcome(4 << 8))}, 3),
        ({1: (FAILED, outcome(3 << 8)), 2: (WAITING, 0)}, None),
        ({1: (4, CANCELLED_CODE), 2: (SUCCESSFUL, 0)}, None),
    ],
)
def test_the_exit_code_of_an_array_is_the_first_that_is_not_0(host: FilledHost, history: dict, exit_code: int | None) -> None:
    """By index, and only once everything is final."""
    host.array(history, len(history), len(history) + 1, blocks=2)
    with Reader.open(host.directory) as reader:
        assert reader.job(1).exit_code == exit_code


def test_the_reason_of_an_array_in_error_names_the_task(host: FilledHost) -> None:
    """The first task that could not be placed, by its index."""
    host.array({1: (SUCCESSFUL, 0), 2: (ERROR, outcome(0, CAUSE_NOT_STARTED))}, 2, 3, low=10, step=5)
    host.attempt(2, 1, ERROR, outcome(0, CAUSE_NOT_STARTED), reason="/bin/zsh does not exist")
    with Reader.open(host.directory) as reader:
        assert reader.job(1).reason == "1--15: /bin/zsh does not exist"


def test_a_job_cancelled_while_it_waited_never_ran(host: FilledHost) -> None:
    """No exit code, no start, no attempt."""
    host.job(1, (0, 0, 0, 0, 1, 0), attempt=1, start_us=int(SUBMITTED * 1e6), journal=0, cancel=SUBMITTED + 2, ended=SUBMITTED + 2)
    with Reader.open(host.directory) as reader:
        job, task = reader.job(1), reader.task(1, 1)
        assert (job.state, job.exit_code, job.reason, task.state, task.started) == ("Cancelled", None, "cancelled", "Cancelled", None)
        assert reader.attempts(1, 1) == []


def test_listings_are_newest_first_and_pages_add_up(host: FilledHost) -> None:
    """Whatever is filtered by, pages by key give each fitting job once."""
    for job in range(1, 40):
        host.job(
            job,
            (1, 0, 0, 0, 0, 0) if job % 3 else (0, 0, 1, 0, 0, 0),
            name=f"n{job % 2}",
            queue="ab"[job % 5 == 0],
            user="uv"[job % 7 == 0],
        )
    fits = {
        "all": ({}, lambda job: True),
        "name": ({"name": "n1"}, lambda job: job % 2 == 1),
        "waiting in a": ({"queue": "a", "status": WAITING}, lambda job: job % 3 and job % 5),
        "done of v": ({"status": SUCCESSFUL, "user": "v"}, lambda job: job % 3 == 0 and job % 7 == 0),
    }
    with Reader.open(host.directory) as reader:
        for asked, fitting in fits.values():
            expected = [job for job in range(39, 0, -1) if fitting(job)]
            assert [job.id for job in reader.each_job(**asked)] == expected
            assert list(reader.each_id(**asked)) == expected
            assert [job.id for job in reader.jobs(**asked, limit=4)] == expected[:4]
        assert [job.id for job in reader.jobs(before=10, limit=2)] == [9, 8]


def test_listings_use_the_indexes(host: FilledHost) -> None:
    """No filter makes SQLite sort, or read the whole table when an index narrows it."""
    with Reader.open(host.directory) as reader:
        for asked in ({"name": "x"}, {"status": WAITING, "queue": "q"}, {"status": SUCCESSFUL, "queue": "q"}, {"queue": "q"}):
            statements: list[str] = []
            reader._open.set_trace_callback(statements.append)
            reader.jobs(**asked)
            reader._open.set_trace_callback(None)
            plan = str(host.db.execute("EXPLAIN QUERY PLAN " + next(s for s in statements if "FROM job" in s)).fetchall())
            assert "USING INDEX job_" in plan
            assert "TEMP B-TREE" not in plan


def test_index_and_position_are_inverses(host: FilledHost) -> None:
    """Of an array 10-30:5; an index beside the steps or outside has no task."""
    host.job(counts=(5, 0, 0, 0, 0, 0), array=1, low=10, step=5)
    with Reader.open(host.directory) as reader:
        job = reader.job(1)
    assert [job.position(job.index(p)) for p in range(1, 6)] == [1, 2, 3, 4, 5]
    assert [job.position(index) for index in (5, 11, 35)] == [None, None, None]
    assert job.task_id(2) == "1--15"


def test_the_first_failure_is_found_in_overlapping_blocks(host: FilledHost) -> None:
    """The block that begins first does not hold it."""
    host.job(counts=(0, 0, 2, 2, 0, 0), array=1, next=5)
    for members in ([(1, 0), (4, outcome(4 << 8))], [(2, outcome(3 << 8)), (3, 0)]):
        host.result([((1, position, 1, code, int(SUBMITTED * 1e6), 5, 0, 0), 1) for position, code in members])
    with Reader.open(host.directory) as reader:
        assert reader.job(1).exit_code == 3
