"""What the supervisor waits for, and what it writes down about itself and its workers."""

import _sqlite3
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cyclone_core.jobs import JobRequest
from cyclone_core.scheduler.local.pool import Peer
from cyclone_core.scheduler.local.supervisor import Supervisor


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """One that listens, without workers."""
    monkeypatch.setenv("CYCLONE_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "state").mkdir(0o700)
    made = Supervisor(str(tmp_path / "state"))
    yield made
    made.connections.listener.close()
    made.store.close()
    made.connections.poll.close()


def test_idle_it_waits_for_ever(supervisor: Supervisor) -> None:
    """Nothing ticks."""
    assert supervisor.timeout() == -1


def test_results_wait_a_moment_for_others(supervisor: Supervisor) -> None:
    """A commit is shared."""
    supervisor.reports.append((Peer(1, "default", 0, 1, 0.0), ("report", [])))
    supervisor.reports_since = time.monotonic()
    assert 0 < supervisor.timeout() <= 0.02


def test_a_submission_in_the_turn_of_a_purge_keeps_its_files(supervisor: Supervisor) -> None:
    """What is needed is asked after the commit: the last batch of forgetting comes before the submission here."""
    request = JobRequest(script=b"echo new\n", name="new", user="ada")
    channel = object()
    supervisor.store.begin()
    supervisor.store.resources.make_defaults(1.0)
    supervisor.door.asks = [(channel, ("forget", 1.0)), (channel, ("submit", [request.as_message()]))]  # type: ignore[list-item]
    answers = supervisor.door.act(2.0)
    supervisor.store.commit()
    supervisor.door.clear_up()
    assert [answer for _, answer in answers] == [("forgotten", 0), ("submitted", [1])]
    assert len(os.listdir(f"{supervisor.state_dir}/scripts")) == 1


def test_results_that_cannot_be_stored_do_not_keep_it_busy(supervisor: Supervisor) -> None:
    """While the disk is full it sleeps until the next attempt, however long results have been waiting."""
    supervisor.reports.append((Peer(1, "default", 0, 1, 0.0), ("report", [])))
    supervisor.reports_since = time.monotonic() - 10
    supervisor.hold_until = time.monotonic() + 60
    assert supervisor.timeout() > 30


def events(supervisor: Supervisor) -> list[str]:
    """What it wrote down, oldest first."""
    return [text for (text,) in supervisor.store.db.execute("SELECT text FROM event WHERE kind IN ('host', 'worker') ORDER BY id")]


def test_trouble_with_storing_is_told_once_it_is_over(supervisor: Supervisor) -> None:
    """While the disk is full nothing can be written, not even that."""
    for _ in range(2):
        supervisor.commit_failed(_sqlite3.OperationalError("database or disk is full"))
    assert events(supervisor) == []
    for _ in range(2):
        supervisor.store.begin()
        supervisor.commit()
    (text,) = events(supervisor)
    assert text.startswith("nothing could be stored for 0 s: the disk that holds ")


def test_workers_that_nobody_stopped_are_the_mark_of_a_crash(supervisor: Supervisor) -> None:
    """An orderly stop ends all of them."""
    supervisor.store.begin()
    supervisor.note_start(time.time())
    supervisor.store.db.execute("INSERT INTO worker VALUES(1, 'default', 0, 1, 0, 0, 'idle')")
    supervisor.note_start(time.time())
    supervisor.store.commit()
    assert events(supervisor) == ["supervisor started", "supervisor started after a crash"]


def test_a_worker_that_left_while_there_was_no_supervisor_did_not_die(supervisor: Supervisor) -> None:
    """With nothing to do it goes home; one that took tasks with it, or that we heard, is told."""
    for number in (1, 2, 3):
        supervisor.peers[number] = Peer(number, "default", 0, number, 0.0)
        supervisor.peers[number].welcomed = True
    supervisor.peers[3].heard = 1.0
    supervisor.store.begin()
    for number, tasks in ((1, 0), (2, 1), (3, 0)):
        supervisor.note_death(number, tasks, time.time())
    supervisor.store.commit()
    assert events(supervisor) == ["died: 1 task of it waits again", "died"]


def test_when_a_worker_was_heard_is_written_now_and_then(supervisor: Supervisor) -> None:
    """With a report that is written anyway, not more often than every ten seconds: an idle host writes nothing."""
    peer = Peer(1, "default", 0, 1, 0.0)
    supervisor.store.begin()
    supervisor.store.db.execute("INSERT INTO worker VALUES(1, 'default', 0, 1, 0, 0, 'idle')")
    seen = []
    for clock in (100.0, 105.0, 111.0):
        supervisor.book(peer, ("report", []), clock)
        seen.append(supervisor.store.db.execute("SELECT seen FROM worker").fetchone()[0])
    supervisor.store.commit()
    assert seen == [100.0, 100.0, 111.0]
