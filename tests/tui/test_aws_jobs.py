"""Jobs of an AWS host on the screen: home, lists, filters, states; what is old says so; what nobody waits for."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from cyclone_core.host_registry import HostRegistry
from cyclone_core.jobs import FAILED, SUCCESSFUL
from cyclone_core.operations import aws_crews, aws_looks, aws_mirror
from cyclone_core.operations.aws_crews import CrewNow, CrewsNow
from cyclone_core.scheduler.sqlite.mirror import MirrorStore
from cyclone_tui.application import CycloneApp
from tests.far_jobs import SUBMITTED, FarJobs, made, running
from tests.tui.conftest import settle
from tests.tui.test_aws_screens import HOST, Account, screen

Run = Callable[..., CycloneApp]


class Grid:
    """The host `grid`: what it has, its jobs, its workers."""

    def __init__(self) -> None:
        self.account = Account()
        self.jobs = FarJobs()
        self.crews = CrewsNow()


@pytest.fixture
def grid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Grid]:
    """It is registered, selected, and read through this."""
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path))
    HostRegistry().add(HOST)
    HostRegistry().select("grid")
    found = Grid()
    before = (
        aws_looks.SHARED.read_with(found.account), aws_mirror.SHARED.read_with(lambda host: found.jobs),
        aws_crews.SHARED.read_with(lambda host: found.crews),
    )  # fmt: skip
    yield found
    aws_mirror.SHARED.of("grid").close()
    aws_looks.SHARED.read_with(before[0])
    aws_mirror.SHARED.read_with(before[1])
    aws_crews.SHARED.read_with(before[2])


async def until(app: CycloneApp, pilot: Pilot[Any], condition: Callable[[list[str]], object]) -> list[str]:
    """The lines of the screen, once they are so; the view looks again meanwhile."""
    deadline = time.monotonic() + 15
    while not condition(lines := screen(app)):
        assert time.monotonic() < deadline, "\n".join(lines)
        app.look()
        app.screen.refresh_data()  # type: ignore[attr-defined]
        await settle(app, pilot)
        await pilot.pause(0.05)
    return lines


def has(*texts: str) -> Callable[[list[str]], bool]:
    """Whether each text is on some line."""
    return lambda lines: all(any(text in line for line in lines) for text in texts)


def test_home_shows_jobs_and_counters(grid: Grid, on_screen: Run) -> None:
    """The newest jobs, tasks by state, the queue's tasks, workers by region."""
    grid.jobs.add(made(1, SUCCESSFUL), made(2, FAILED), running(3), made(4))
    grid.crews = CrewsNow((CrewNow("eu-west-1", "big", 1, 3, 6.0),))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(app, pilot, has("job-4", "job-1", "eu-west-1/big", "6/1000"))

    on_screen(check, "home", (140, 40), host="grid")


def test_jobs_change_while_one_looks(grid: Grid, on_screen: Run) -> None:
    """A job runs, ends; a new one comes."""
    grid.jobs.add(running(1))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(app, pilot, has("job-1", "Running"))
        grid.jobs.end(1)
        grid.jobs.add(made(2))
        app.session.read_anew()
        await until(app, pilot, lambda lines: has("Successful", "job-2")(lines) and any("Waiting" in line for line in lines[3:]))

    on_screen(check, "jobs", host="grid")


def test_jobs_are_filtered_and_sorted_as_those_of_any_host(grid: Grid, on_screen: Run) -> None:
    """By state with a tab, by a word with the filter line."""
    grid.jobs.add(*(made(number, FAILED if number % 3 == 0 else SUCCESSFUL) for number in range(1, 31)))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(app, pilot, has("All 30", "job-29"))
        await pilot.press("5")
        await until(app, pilot, lambda lines: has("job-27")(lines) and not has("job-29")(lines))
        await pilot.press("slash", *"job-3", "enter")
        await until(app, pilot, lambda lines: has("job-3 ", "job-30")(lines) and not has("job-27")(lines))

    on_screen(check, "jobs", host="grid")


def test_what_could_not_be_read_again_says_how_old_it_is(grid: Grid, on_screen: Run) -> None:
    """With what to do about it; the jobs stay on the screen."""
    grid.jobs.add(running(1))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(app, pilot, has("job-1"))
        grid.jobs.error = "the credentials have expired. Sign in: aws sso login"
        app.session.read_anew()
        banner = app.screen.query_one("#banner", Static)
        await until(app, pilot, lambda lines: "aws sso login" in str(banner.content) and banner.display)
        assert "data from" in str(banner.content)
        assert has("job-1")(screen(app))
        await until(app, pilot, lambda lines: app.heading().health == "not answering")
        grid.jobs.error = ""
        app.session.read_anew()
        await until(app, pilot, lambda lines: not banner.display)

    on_screen(check, "jobs", host="grid")


def test_a_first_look_that_fails_says_why(grid: Grid, on_screen: Run) -> None:
    """And not that there are no jobs."""
    grid.jobs.error = "the credentials have expired. Sign in: aws sso login"

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        lines = await until(app, pilot, has("aws sso login"))
        assert not any("No job yet" in line for line in lines)

    on_screen(check, "jobs", host="grid")


def test_a_second_sitting_begins_with_what_the_first_knew(grid: Grid, on_screen: Run) -> None:
    """At once, while AWS is still being asked, or cannot be."""
    grid.jobs.add(made(1, SUCCESSFUL))

    async def first(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(app, pilot, has("job-1"))

    async def second(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(app, pilot, has("job-1", "no network"))

    on_screen(first, "jobs", host="grid")
    grid.jobs.error = "no network"
    aws_mirror.SHARED.of("grid").close()
    aws_mirror.SHARED.read_with(lambda host: grid.jobs)
    on_screen(second, "jobs", host="grid")


def test_an_open_interface_that_shows_nothing_new_asks_for_little(grid: Grid, on_screen: Run) -> None:
    """One question at each look, and these ever more seldom: at most eight a minute."""
    now = [0.0]
    mirror = aws_mirror.Mirror("grid", lambda host: grid.jobs, clock=lambda: now[0], now=lambda: SUBMITTED + 100 + now[0])
    grid.jobs.add(made(1, SUCCESSFUL), made(2, FAILED))
    while now[0] < 120:
        now[0] += mirror.turn()
    grid.jobs.asked.clear()
    while now[0] < 180:
        now[0] += mirror.turn()
    mirror._leave()
    assert sum(grid.jobs.asked.values()) <= 8
    assert set(grid.jobs.asked) == {"counts"}


def test_a_list_that_is_not_whole_says_so(grid: Grid, on_screen: Run) -> None:
    """Where older jobs are left out."""
    grid.jobs.add(*(made(number, SUCCESSFUL) for number in range(1, 40)))
    store = MirrorStore(aws_mirror.directory_of("grid"))
    store.write(keep={"identity": grid.jobs.name, "marks": {}, "full": True})
    store.close()

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(app, pilot, has("the newest 50,000 jobs. qstat lists all"))

    on_screen(check, "jobs", host="grid")
