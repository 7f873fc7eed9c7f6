"""The mirror of a host's jobs is true after a step, and asks for little."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cyclone_core.errors import CycloneError
from cyclone_core.indices import Indices
from cyclone_core.jobs import CANCELLED, FAILED, RUNNING, SUCCESSFUL, WAITING
from cyclone_core.operations import mirror_refresh
from cyclone_core.operations.mirror_refresh import Refresher
from cyclone_core.scheduler.sqlite.job_index import JobIndex
from cyclone_core.scheduler.sqlite.mirror import MirrorStore
from cyclone_core.scheduler.sqlite.reader import Reader
from tests.far_jobs import SUBMITTED, FarJobs, made, running


class Mirrored:
    """A mirror, and where its jobs are."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)
        self.far = FarJobs()
        self.now = SUBMITTED + 1000
        self.begin()

    def begin(self) -> None:
        """As a process does that starts."""
        self.refresher = Refresher(MirrorStore(self.directory), self.far, now=lambda: self.now)

    def step(self, later: float = 2.0) -> int:
        """One look, with all that it leads to; returns how many steps that took."""
        self.now += later
        self.far.asked.clear()
        steps = 1
        while self.refresher.step().more:
            steps += 1
        return steps

    def statuses(self) -> dict[int, int]:
        """Job -> state, as anybody reads them."""
        with Reader.open(self.directory) as reader:
            return {job.id: job.status for job in reader.jobs(limit=100_000)}


@pytest.fixture
def mirrored(tmp_path: Path) -> Iterator[Mirrored]:
    """An empty one."""
    found = Mirrored(tmp_path / "mirror")
    yield found
    found.refresher.store.close()


def test_jobs_come_and_change(mirrored: Mirrored) -> None:
    """New ones, those that start, those that end."""
    mirrored.far.add(made(1), made(2, SUCCESSFUL))
    mirrored.step()
    assert mirrored.statuses() == {1: WAITING, 2: SUCCESSFUL}
    mirrored.far.add(running(1), made(3))
    mirrored.step()
    assert mirrored.statuses() == {1: RUNNING, 2: SUCCESSFUL, 3: WAITING}
    mirrored.far.end(1, FAILED)
    mirrored.step()
    assert mirrored.statuses() == {1: FAILED, 2: SUCCESSFUL, 3: WAITING}


def test_counters_are_those_of_the_host(mirrored: Mirrored) -> None:
    """Of each queue."""
    mirrored.far.add(made(1), made(2, SUCCESSFUL), running(3, "day"))
    mirrored.step()
    with Reader.open(mirrored.directory) as reader:
        assert dict(reader.counts()) == {"night": (1, 0, 1, 0, 0, 0), "day": (0, 1, 0, 0, 0, 0)}


def test_nothing_changes_one_question(mirrored: Mirrored) -> None:
    """The counters alone; and readers see that nothing was written."""
    mirrored.far.add(made(1, SUCCESSFUL), made(2))
    mirrored.step()
    mirrored.step()
    index = JobIndex(mirrored.directory)
    before = index.version()
    mirrored.step()
    assert dict(mirrored.far.asked) == {"counts": 1}
    assert index.version() == before
    index.close()


def test_only_what_was_counted_otherwise_is_read(mirrored: Mirrored) -> None:
    """Of many open jobs."""
    mirrored.far.add(*(made(number) for number in range(1, 301)))
    mirrored.step()
    mirrored.far.end(7)
    mirrored.step()
    mirrored.far.end(8)
    mirrored.step()
    assert mirrored.far.asked["jobs"] == 1
    assert mirrored.statuses()[8] == SUCCESSFUL


def test_what_is_over_is_read_once(mirrored: Mirrored) -> None:
    """However often is looked."""
    mirrored.far.add(*(made(number, SUCCESSFUL) for number in range(1, 101)), made(200))
    mirrored.step()
    mirrored.far.end(200)
    mirrored.step()
    assert mirrored.far.asked["jobs"] == 1


def test_the_newest_jobs_are_there_first(mirrored: Mirrored) -> None:
    """After one step; the older ones follow until all are here."""
    mirrored.far.add(*(made(number, SUCCESSFUL) for number in range(1, 3001)))
    assert mirrored.refresher.step().more
    first = set(mirrored.statuses())
    assert first
    assert first == set(range(3001 - len(first), 3001))
    mirrored.step()
    assert len(mirrored.statuses()) == 3000


def test_a_restart_goes_on(mirrored: Mirrored) -> None:
    """Only what is new is read."""
    mirrored.far.add(*(made(number, SUCCESSFUL) for number in range(1, 101)))
    mirrored.step()
    mirrored.refresher.store.close()
    mirrored.far.add(made(101))
    mirrored.begin()
    mirrored.step()
    assert mirrored.far.asked["jobs"] == 1
    assert len(mirrored.statuses()) == 101


def test_a_host_that_was_made_anew_has_none_of_the_old_jobs(mirrored: Mirrored) -> None:
    """Its ids begin anew too; whoever reads the old file sees that it is another."""
    mirrored.far.add(made(1, SUCCESSFUL), made(2))
    mirrored.step()
    before = (Path(mirrored.directory) / "state.db").stat().st_ino
    mirrored.far.name, mirrored.far.here = "table-2", {1: made(1)}
    mirrored.step(later=100)
    mirrored.step(later=100)
    assert mirrored.statuses() == {1: WAITING}
    assert (Path(mirrored.directory) / "state.db").stat().st_ino != before


def test_a_listing_that_comes_later_than_its_count(mirrored: Mirrored) -> None:
    """Is read at the next look."""
    mirrored.far.add(made(1, SUCCESSFUL))
    mirrored.step()
    mirrored.far.add(made(2))
    mirrored.far.late.add(2)
    mirrored.step()
    assert 2 not in mirrored.statuses()
    mirrored.far.late.clear()
    mirrored.step()
    assert mirrored.statuses()[2] == WAITING


def test_a_job_that_was_forgotten_goes(mirrored: Mirrored) -> None:
    """After some tries: it might only be late."""
    mirrored.far.add(made(1), made(2))
    mirrored.step()
    mirrored.far.add(running(1))
    mirrored.far.late.add(1)
    for _ in range(mirror_refresh.TRIES + 2):
        mirrored.step()
    assert set(mirrored.statuses()) == {2}


def test_what_is_old_goes(mirrored: Mirrored) -> None:
    """As it does there: thirty days after its end."""
    mirrored.far.add(made(1, SUCCESSFUL), made(2))
    mirrored.step()
    mirrored.step(later=31 * 86_400)
    assert set(mirrored.statuses()) == {2}


def test_a_failure_is_told_and_keeps_what_is_there(mirrored: Mirrored) -> None:
    """The next step goes on."""
    mirrored.far.add(made(1))
    mirrored.step()
    mirrored.far.error = "the credentials have expired"
    with pytest.raises(CycloneError, match="expired"):
        mirrored.step()
    assert mirrored.statuses() == {1: WAITING}
    mirrored.far.error = ""
    mirrored.far.end(1)
    mirrored.step()
    assert mirrored.statuses() == {1: SUCCESSFUL}


def test_a_new_queue_is_found(mirrored: Mirrored) -> None:
    """With the jobs in it."""
    mirrored.far.add(made(1))
    mirrored.step()
    mirrored.far.add(made(2, queue="day"))
    mirrored.step()
    assert set(mirrored.statuses()) == {1, 2}


def test_many_new_jobs_are_read_in_several_steps(mirrored: Mirrored) -> None:
    """None is left out."""
    mirrored.far.add(made(1))
    mirrored.step()
    mirrored.far.add(*(made(number) for number in range(2, 5000)))
    assert mirrored.step() > 1
    assert len(mirrored.statuses()) == 4999


def test_when_a_job_began_is_learnt_later(mirrored: Mirrored) -> None:
    """Its worker tells that after a while, and nothing that is counted changes with it."""
    mirrored.far.add(made(1, RUNNING, started=None))
    mirrored.step()
    mirrored.far.add(running(1))
    mirrored.step(later=mirror_refresh.EVERYTHING_S + 1)
    with Reader.open(mirrored.directory) as reader:
        job = reader.job(1)
    assert job is not None
    assert job.started == SUBMITTED + 2


def test_sparse_arrays_keep_their_indices(mirrored: Mirrored) -> None:
    """And their reasons."""
    indices = Indices([(3, 5, 1), (9, 9, 1)])
    mirrored.far.add(made(1, indices=indices, tasks=4, counts=(0, 0, 2, 0, 2, 0), reason="cancelled", ended=SUBMITTED + 9))
    mirrored.step()
    with Reader.open(mirrored.directory) as reader:
        job = reader.job(1)
    assert job is not None
    assert (job.indices_text(), job.status) == ("3-5,9", CANCELLED)


def test_single_jobs_exit_as_they_did(mirrored: Mirrored) -> None:
    """Read from the mirror as from a local host."""
    mirrored.far.add(made(1, FAILED))
    mirrored.step()
    with Reader.open(mirrored.directory) as reader:
        job = reader.job(1)
    assert job is not None
    assert (job.exit_code, job.took, job.attempt) == (3, 2.0, 1)
