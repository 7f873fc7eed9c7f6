"""One job of an AWS host on the screen: what only the host itself knows is asked for, and nothing else waits for that."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from cyclone_core.jobs import FAILED, outcome
from cyclone_core.operations import aws_watched
from cyclone_core.operations.queries import HostView, LocalView
from cyclone_core.views import Job
from cyclone_tui.application import CycloneApp
from tests.far_jobs import SUBMITTED, FarJobs
from tests.filled import FilledHost
from tests.tui.test_aws_jobs import Grid, Run, grid, has, until
from tests.tui.test_aws_screens import screen

__all__ = ["grid"]


class There(LocalView):
    """The host itself: a database somewhere else. While `silent` is set it does not answer."""

    type = "aws"
    silent = threading.Event()

    def find(self, texts: Sequence[str], queue: str | None = None) -> Any:
        """After a while."""
        while There.silent.wait(0.05):
            threading.Event().wait(0.05)
        return super().find(texts, queue)


class JobsThere(FarJobs):
    """What the mirror reads: the same database."""

    def __init__(self, directory: str) -> None:
        super().__init__()
        self._directory = directory

    def _read(self) -> Mapping[int, Job]:
        with LocalView("grid", self._directory) as host:
            return {job.id: job for job in host.reader.jobs()}

    def counts(self) -> Mapping[str, tuple[int, ...]]:
        """As the database is now."""
        self.here = dict(self._read())
        return super().counts()


@pytest.fixture
def there(grid: Grid, tmp_path: Path) -> Iterator[FilledHost]:
    """The database of the host `grid`."""
    filled = FilledHost(tmp_path / "elsewhere")
    filled.resource("queue", "default", cluster="big")
    grid.jobs = JobsThere(filled.directory)

    def view(name: str) -> HostView:
        return There(name, filled.directory)

    before = aws_watched.view_with(view)
    yield filled
    There.silent.clear()
    aws_watched.view_with(before)


def test_a_task_with_its_attempts_and_output(there: FilledHost, on_screen: Run) -> None:
    """As of a local host."""
    there.ended(b"first line\nsecond line\n", outcome(3 << 8), submitted=SUBMITTED, attempt=2)
    there.attempt(1, 1, FAILED, outcome(1 << 8))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(app, pilot, has("✗ Failed", "exit code 3", "exit code 1", "second line"))

    on_screen(check, "job 1", host="grid")


def test_tasks_of_an_array(there: FilledHost, on_screen: Run) -> None:
    """Their table, and one of them with Enter."""
    done = {position: (2 if position % 3 else 3, 0 if position % 3 else outcome(7 << 8)) for position in range(1, 10)}
    there.array(done, tasks=12, next=10, submitted=SUBMITTED)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(app, pilot, has("All 12", "Failed 3", "1--12"))
        await pilot.press("down", "down", "enter")
        await until(app, pilot, has("1--3", "exit code 7"))

    on_screen(check, "job 1", (100, 30), host="grid")


def test_the_list_does_not_wait_for_a_job_that_is_asked_for(there: FilledHost, on_screen: Run) -> None:
    """Nor do the counters; the job comes when it comes."""
    there.ended(b"hello\n", submitted=SUBMITTED)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        There.silent.set()
        app.open("job 1")
        await pilot.pause(0.1)
        app.open("jobs")
        for _ in range(100):  # `until` would wait for the job
            if has("sweep", "All 1")(screen(app)):
                break
            app.look()
            app.screen.refresh_data()  # type: ignore[attr-defined]
            await pilot.pause(0.1)
        assert has("sweep", "All 1")(screen(app))
        There.silent.clear()
        app.back()
        await until(app, pilot, has("✓ Successful   1"))

    on_screen(check, "home", host="grid")


def test_rows_that_are_tasks(there: FilledHost, on_screen: Run) -> None:
    """Those that failed, of an array in which others did not."""
    there.array({1: (2, 0), 2: (3, outcome(9 << 8)), 3: (2, 0)}, tasks=3, next=4, submitted=SUBMITTED, ended=SUBMITTED + 9)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        lines = await until(app, pilot, has("1--2", "✗ Failed"))
        assert not any("1--3" in line for line in lines)

    on_screen(check, "jobs rows=tasks status=Failed", host="grid")
