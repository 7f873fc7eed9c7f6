"""A sitting at a host: what becomes of reads when the files under it change, and the throughput between looks."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cyclone_core import paths
from cyclone_core.errors import StateUnusable
from cyclone_core.operations.queries import HostView
from cyclone_tui.session import History, Session, take_pulse
from cyclone_tui.settings import Settings
from tests.filled import FilledHost


@pytest.fixture
def session() -> Iterator[Session]:
    """A session at the host `local`."""
    made = Session("local", Settings())
    yield made
    made.close()


def jobs(host: HostView) -> int:
    """How many jobs there are."""
    return len(host.reader.jobs())


def databases_open() -> int:
    """How many descriptors of this process are of a database."""
    return sum(os.readlink(entry).endswith("state.db") for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink())


def test_sees_a_host_that_is_made_later(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is there at first; the first job is seen without a restart."""
    assert session.read(jobs).result() == 0
    directory = Path(paths.host_state_dir("local"))
    directory.mkdir(parents=True)
    filled = FilledHost(directory)
    filled.job(1)
    assert session.read(jobs).result() == 1


def test_sees_a_host_that_is_made_anew(session: Session, filled: FilledHost) -> None:
    """A host that was deleted and made again is another file: it is opened again."""
    filled.job(1)
    assert session.read(jobs).result() == 1
    filled.db.close()
    for file in Path(filled.directory).glob("state.db*"):
        file.unlink()
    again = FilledHost(Path(filled.directory))
    again.job(1)
    again.job(2)
    assert session.read(jobs).result() == 2


def test_a_database_that_cannot_be_read_is_told_and_recovers(session: Session, filled: FilledHost) -> None:
    """A damaged or locked database is a StateUnusable that says so; afterwards the same session reads on."""

    def broken(host: HostView) -> None:
        raise sqlite3.OperationalError("database is locked")

    with pytest.raises(StateUnusable, match=r"state\.db cannot be read now: database is locked"):
        session.read(broken).result()
    assert session.read(jobs).result() == 0


def test_its_end_lets_go_of_the_host(filled: FilledHost) -> None:
    """Who changes hosts all day keeps no database open."""
    filled.db.close()  # SQLite closes no file that another connection of this process has open
    session = Session("local", Settings())
    session.read(jobs).result()
    assert databases_open() == 1
    session.close()
    for thread in [one for one in threading.enumerate() if one.name.startswith("reader")]:
        thread.join()
    assert databases_open() == 0


def test_pulse_counts_all_queues(session: Session, filled: FilledHost) -> None:
    """The header's counters are those of every queue together; cancelled tasks are no work that was done."""
    filled.job(1, (3, 0, 2, 1, 0, 0), queue="a")
    filled.job(2, (1, 1, 0, 0, 7, 0), queue="b")
    pulse = session.read(take_pulse).result()
    assert (pulse.waiting, pulse.running, pulse.failed, pulse.done) == (4, 1, 1, 3)
    assert pulse.health == "stopped"


def test_throughput_between_looks() -> None:
    """Tasks per second from how many were final at two times; forgetting jobs is no negative work."""
    times = iter([0.0, 2.0, 4.0])
    history = History(lambda: next(times))
    for done in (10, 30, 5):
        history.add(done)
    assert list(history.rates) == [10.0, 0.0]
