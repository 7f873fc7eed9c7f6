"""What the supervisor waits for."""

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
