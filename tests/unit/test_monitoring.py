"""Overviews, workers and events of a host, as they are read from its database."""

import dataclasses
import os
from pathlib import Path

import pytest

from cyclone_core import indices, paths
from cyclone_core.jobs import FAILED
from cyclone_core.operations import monitoring, workers
from cyclone_core.operations.monitoring import Overview, WorkerView
from cyclone_core.operations.queries import LocalView
from cyclone_core.scheduler.sqlite import event_log
from cyclone_core.scheduler.sqlite.monitoring_reader import MonitoringReader
from tests.filled import SUBMITTED, FilledHost


@pytest.fixture
def host() -> FilledHost:
    """The host `local` with two queues of one cluster; nobody serves it."""
    filled = FilledHost(Path(paths.host_state_dir("local")))
    filled.resource("cluster", "small", max_vcpus=4)
    filled.resource("queue", "default", cluster="small", priority=0, paused=False)
    filled.resource("queue", "express", cluster="small", priority=9, paused=True)
    filled.resource("definition", "default", vcpus=2)
    return filled


def look(host: FilledHost) -> Overview:
    """An overview of it."""
    with LocalView("local", host.directory) as view:
        return monitoring.overview(view)


def test_counters_are_told_in_all_and_per_queue(host: FilledHost) -> None:
    """Queues without tasks are there, and so are tasks of queues that are not."""
    host.job(1, (2, 1, 4, 0, 0, 0), array=1)
    host.job(2, (0, 0, 0, 3, 0, 1), array=1, queue="gone")
    found = look(host)
    assert found.counts == (2, 1, 4, 3, 0, 1)
    assert found.done == 8
    assert [(queue.name, queue.counts, queue.paused) for queue in found.queues] == [
        ("default", (2, 1, 4, 0, 0, 0), False), ("express", (0,) * 6, True), ("gone", (0, 0, 0, 3, 0, 1), False),
    ]  # fmt: skip


def test_open_jobs_and_the_newest(host: FilledHost) -> None:
    """Waiting and running ones are open; the newest come first."""
    host.job(1, (0, 0, 1, 0, 0, 0))
    host.job(2, (0, 1, 0, 0, 0, 0))
    host.job(3, (5, 0, 2, 0, 0, 0), array=1)
    found = look(host)
    assert (found.open_jobs, found.last_job) == (2, 3)
    assert [(job.id, job.tasks, job.done) for job in found.newest] == [(3, 7, 2), (2, 1, 0), (1, 1, 1)]


def test_two_looks_at_the_same_are_equal(host: FilledHost) -> None:
    """However much later: what does not look different does not differ."""
    host.job(1, (5, 0, 0, 0, 0, 0), array=1)
    first, second = look(host), look(host)
    assert first.at < second.at
    assert first == second


def test_a_host_that_nobody_started_is_new(tmp_path: Path) -> None:
    """It has nothing, and nothing needs attention."""
    with LocalView("local", paths.host_state_dir("local")) as view:
        found = monitoring.overview(view)
    assert (found.health, found.supervised, found.counts, found.pools, found.attention) == ("new", False, (0,) * 6, (), ())


def test_everything_that_keeps_work_from_starting_is_told(host: FilledHost) -> None:
    """A dead supervisor, a paused queue, a definition that fits nowhere."""
    host.resource("definition", "huge", vcpus=64)
    host.job(1, queue="express")
    host.job(2, definition="huge")
    assert {one.subject for one in look(host).attention} >= {("host", "local"), ("queue", "express"), ("definition", "huge")}


def test_a_failed_image_is_told(host: FilledHost) -> None:
    """Its state is in its body."""
    host.resource("image", "base", reason="no such package", **{"image": "x"})
    host.db.execute("""UPDATE resource SET body=json_set(body, '$.state', 'FAILED') WHERE name='base'""")
    found = look(host)
    assert [(one.kind, one.name, one.state) for one in found.not_active] == [("image", "base", "FAILED")]
    assert "image base is FAILED: no such package" in "".join(map(str, found.attention))


def test_the_jobs_that_ended_last_come_first(host: FilledHost) -> None:
    """Whatever they came to."""
    host.job(1, (0, 0, 1, 0, 0, 0), ended=SUBMITTED + 50)
    host.job(2, (0, 0, 0, 1, 0, 0), ended=SUBMITTED + 90)
    host.job(3, (0, 0, 1, 0, 0, 0), ended=SUBMITTED + 10)
    rows = MonitoringReader(host.db).finished(2)
    assert rows == [(2, FAILED, SUBMITTED + 90), (1, 2, SUBMITTED + 50)]


def test_what_waits_is_found_kind_by_kind(host: FilledHost) -> None:
    """Each (queue, definition) once, in order, however many jobs it has."""
    for job, kind in enumerate([("b", "y"), ("a", "x"), ("b", "x"), ("b", "y"), ("c", "x")], 1):
        host.job(job, queue=kind[0], definition=kind[1])
    host.job(9, (0, 0, 1, 0, 0, 0), queue="d")
    assert MonitoringReader(host.db).waiting_kinds(9) == [("a", "x"), ("b", "x"), ("b", "y"), ("c", "x")]
    assert MonitoringReader(host.db).waiting_kinds(2) == [("a", "x"), ("b", "x")]


def test_open_jobs_are_counted_up_to_a_bound(host: FilledHost) -> None:
    """A backlog of any size costs the same."""
    for job in range(1, 8):
        host.job(job)
    assert [MonitoringReader(host.db).open_jobs(most) for most in (3, 7, 100)] == [3, 7, 7]


def test_events_come_newest_first_in_pages(host: FilledHost) -> None:
    """A page begins below the number that the last one ended with."""
    for number in range(5):
        event_log.note(host.db, SUBMITTED + number, "worker", str(number), "died")
    with LocalView("local", host.directory) as view:
        first = monitoring.events(view, limit=2)
        assert [event.name for event in first] == ["4", "3"]
        assert [event.name for event in monitoring.events(view, first[-1].id)] == ["2", "1", "0"]
    assert (first[0].region, first[0].level) == ("local", "warning")


def test_only_the_newest_events_are_kept(host: FilledHost) -> None:
    """The table does not grow for ever."""
    for number in range(10):
        event_log.note(host.db, SUBMITTED, "host", "local", str(number))
    event_log.prune(host.db, 3)
    assert [text for *_, text in MonitoringReader(host.db).events(None, 9)] == ["9", "8", "7"]


def test_workers_whose_processes_are_gone_are_not_shown(host: FilledHost) -> None:
    """Nor those whose number another program has now."""
    host.db.executemany("INSERT INTO worker VALUES(?, 'small', ?, 1, 0, 0, 'idle')", [(1, 2**22 + 1), (2, os.getpid())])
    with LocalView("local", host.directory) as view:
        assert monitoring.workers(view) == ()


def test_leased_tasks_are_counted_per_worker_and_job(host: FilledHost) -> None:
    """Over all leases of a worker."""
    host.leased([(1, 1, 10, 1), (2, 5, 5, 1)], worker=7)
    host.leased([(1, 20, 21, 1)], worker=7)
    host.leased([(3, 1, 1, 1)], worker=8)
    assert MonitoringReader(host.db).leased() == {7: {1: 12, 2: 1}, 8: {3: 1}}


def test_running_tasks_are_named_as_their_users_know_them(host: FilledHost) -> None:
    """By the number of a single job, and by the index in an array, also in one whose indices are a list."""
    host.job(1, (0, 1, 0, 0, 0, 0))
    host.job(2, (0, 2, 0, 0, 0, 0), array=1, low=10, step=5)
    host.job(3, (0, 2, 0, 0, 0, 0), array=2, low=3)
    host.db.execute("INSERT INTO sparse VALUES(3, ?)", (indices.pack(indices.Indices([(3, 3, 1), (50, 50, 1)])),))
    for job, position in ((1, 1), (2, 2), (3, 1), (3, 2)):
        host.running(position, job=job)
    assert [task.id for task in workers.tasks_now(MonitoringReader(host.db))[7]] == ["1", "2--15", "3--3", "3--50"]


def test_cpu_use_is_what_happened_between_two_looks() -> None:
    """In per cent of one core; of another worker with the same number nothing is known."""
    one = WorkerView("1", "local", "small", 9, "busy", (), (), 0, 10.0, 1, 5.0, 5.0, True, at=100.0)
    other = dataclasses.replace(one, cpu_s=13.0, at=102.0)
    assert monitoring.cpu_percent(one, other) == 150.0
    assert monitoring.cpu_percent(None, other) is None
    assert monitoring.cpu_percent(one, dataclasses.replace(other, started=99.0)) is None
