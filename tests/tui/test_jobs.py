"""The job table: which jobs it shows, how lists are chosen, and what is done to many jobs at once."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from cyclone_core.errors import InvalidRequest
from cyclone_core.jobs import FAILED, RUNNING, SUCCESSFUL
from cyclone_core.operations.browse import Order, Row
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens import job_columns
from cyclone_tui.screens.bulk_flows import TYPED_FROM
from cyclone_tui.screens.jobs import JobsView, listing_of
from cyclone_tui.screens.modals import Confirmation
from cyclone_tui.widgets.filter_bar import FilterBar, FilterSuggester
from cyclone_tui.widgets.state_tabs import StateTabs
from cyclone_tui.widgets.table_columns import fit
from tests.filled import FilledHost

OnScreen = Callable[..., CycloneApp]


@pytest.fixture
def host(filled: FilledHost) -> FilledHost:
    """Six jobs: 1 and 6 wait, 2 and 4 were successful, 3 failed (7 tasks), 5 runs in queue gpu."""
    filled.job(1, name="early")
    filled.ended(b"x", job=2, name="train-a", user="bob")
    filled.job(3, (0, 0, 4, 3, 0, 0), name="sweep", array=1, next=8, started=1.7e9, ended=1.7e9 + 90)
    filled.ended(b"y", job=4, name="train-b")
    filled.job(5, (0, 1, 0, 0, 0, 0), name="run", queue="gpu", next=2, started=1.7e9)
    filled.job(6, name="b[old]")
    return filled


def shown(app: CycloneApp) -> list[str]:
    """Ids of the rows on the screen."""
    table = jobs(app).table
    rows: list[Row | None] = list(table.source.window(0, 20))
    return [row.id if row else "···" for row in rows]


def jobs(app: CycloneApp) -> JobsView:
    """The view."""
    assert isinstance(app.views[-1], JobsView)
    return app.views[-1]


async def until(pilot: Pilot[Any], holds: Callable[[], bool]) -> None:
    """Wait for what is read in the background."""
    for _ in range(500):
        await pilot.pause()
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"it did not come: {shown(pilot.app)}")  # type: ignore[arg-type]


async def listed(app: CycloneApp, pilot: Pilot[Any], *ids: int) -> None:
    """Wait until these jobs are shown."""
    await until(pilot, lambda: shown(app) == [str(one) for one in ids])


def text(app: CycloneApp, y: int) -> str:
    """A line of the table."""
    return str(jobs(app).table.render_line(y).text)


def test_newest_first_with_states_and_numbers(host: FilledHost, on_screen: OnScreen) -> None:
    """Ids, names as they are, states in words; tabs count jobs by state."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await listed(app, pilot, 6, 5, 4, 3, 2, 1)
        assert "b[old]" in text(app, 1)
        assert "● Running" in text(app, 2)
        assert "100%" in text(app, 4)
        await until(pilot, lambda: "3 ● 1" in str(app.screen.query_one(StateTabs).render()))
        assert "All 6" in str(app.screen.query_one(StateTabs).render())
        assert jobs(app).twin() == "qstat"

    on_screen(check, start="jobs")


def test_arguments_choose_the_list(host: FilledHost, on_screen: OnScreen) -> None:
    """A queue and a state from the command line; the same list as qstat's."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await listed(app, pilot, 4, 2)
        assert jobs(app).crumb() == "jobs default"
        assert jobs(app).twin() == "qstat -q default -f Successful"

    on_screen(check, start="jobs queue=default status=successful")


def test_tabs_by_number_and_in_turn(host: FilledHost, on_screen: OnScreen) -> None:
    """5 is Failed; tab goes on to the next."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("5")
        await listed(app, pilot, 3)
        await pilot.press("shift+tab")
        await listed(app, pilot, 4, 2)
        await pilot.press("1")
        await listed(app, pilot, 6, 5, 4, 3, 2, 1)

    on_screen(check, start="jobs")


def test_filter_holds_while_typed_and_sticks(host: FilledHost, on_screen: OnScreen) -> None:
    """It narrows without Enter, stays with the table, and Esc takes it away."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("slash", *"train")
        await listed(app, pilot, 4, 2)
        await pilot.press("enter", "j")
        assert app.screen.query_one(FilterBar).display
        assert jobs(app).twin() == "cyclone jobs --filter train"
        await pilot.press("escape")
        await listed(app, pilot, 6, 5, 4, 3, 2, 1)
        assert not app.screen.query_one(FilterBar).display

    on_screen(check, start="jobs")


def test_mistake_in_a_filter_is_told_in_place(host: FilledHost, on_screen: OnScreen) -> None:
    """What is wrong and what to write, under the line; the list stays as it was."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("slash")
        app.screen.query_one(FilterBar).line.value = "stats:x"  # typed slowly, `stats` would be a filter on the way
        await pilot.press("enter")
        mistake = app.screen.query_one("#mistake", Static)
        assert mistake.display
        assert "status" in str(mistake.content)
        await listed(app, pilot, 6, 5, 4, 3, 2, 1)
        await pilot.press("escape")
        assert not mistake.display

    on_screen(check, start="jobs")


def test_filter_is_still_there_when_one_comes_back(host: FilledHost, on_screen: OnScreen) -> None:
    """Leaving the view and returning by `:jobs`."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("slash", *"train", "enter")
        await listed(app, pilot, 4, 2)
        app.open("hosts")
        await pilot.pause()
        app.start_over("jobs")
        await until(pilot, lambda: bool(app.views))
        await listed(app, pilot, 4, 2)

    on_screen(check, start="jobs")


def test_sorts_by_letter_and_header(host: FilledHost, on_screen: OnScreen) -> None:
    """Shift+N by name, again the other way; a click on Job by id."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("N")
        await listed(app, pilot, 6, 1, 5, 3, 2, 4)
        await pilot.press("N")
        await listed(app, pilot, 4, 2, 3, 5, 1, 6)
        await pilot.click("#jobs", offset=(8, 0))
        await listed(app, pilot, 6, 5, 4, 3, 2, 1)

    on_screen(check, start="jobs")


def test_tasks_one_by_one(host: FilledHost, on_screen: OnScreen) -> None:
    """u: a row per task; the cursor stays with its job."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("j", "j", "u")
        await until(pilot, lambda: jobs(app).table.row_count == 12)
        current = jobs(app).table.current
        assert current is not None
        assert current.id == "4"

    on_screen(check, start="jobs")


def test_new_job_comes_in_front(host: FilledHost, on_screen: OnScreen) -> None:
    """With the next look; the cursor stays with its job once it was moved."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("j")
        host.job(7)
        jobs(app).refresh_data()
        await listed(app, pilot, 7, 6, 5, 4, 3, 2, 1)
        assert jobs(app).table.cursor_row == 2

    on_screen(check, start="jobs")


def test_cancel_names_the_jobs_and_the_command(host: FilledHost, on_screen: OnScreen) -> None:
    """Marked jobs that are open; No is the default and leaves them."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await listed(app, pilot, 6, 5, 4, 3, 2, 1)
        await pilot.press("space", "space", "space", "x")
        await until(pilot, lambda: isinstance(app.screen, Confirmation))
        question = app.screen
        assert isinstance(question, Confirmation)
        assert "2 jobs" in question.question
        assert question.twin == "qdel 6 5"
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, Confirmation))
        assert jobs(app).table.marked == [6, 5, 4]

    on_screen(check, start="jobs")


def test_finished_job_is_not_cancelled(host: FilledHost, on_screen: OnScreen) -> None:
    """It says so instead of asking."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await listed(app, pilot, 4, 2)
        await pilot.press("x")
        await until(pilot, lambda: any("over already" in note.message for note in app._notifications))
        assert not isinstance(app.screen, Confirmation)

    on_screen(check, start="jobs status=successful")


def test_cancelling_a_whole_list_wants_its_number(host: FilledHost, on_screen: OnScreen) -> None:
    """X: all open jobs of the list, by the command that does the same."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("X")
        await until(pilot, lambda: isinstance(app.screen, Confirmation))
        question = app.screen
        assert isinstance(question, Confirmation)
        assert "3 open jobs" in question.question
        assert question.typed == "3"
        assert question.twin == "qstat --only-job-id-out true | qdel -"

    on_screen(check, start="jobs")
    assert TYPED_FROM > 1


def test_range_of_marks_and_esc(host: FilledHost, on_screen: OnScreen) -> None:
    """Space at one end, v at the other; Esc unmarks."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await listed(app, pilot, 6, 5, 4, 3, 2, 1)
        await pilot.press("j", "space", "j", "v")
        assert jobs(app).table.marked == [5, 4, 3]
        await pilot.press("escape")
        assert jobs(app).table.marked == []
        assert app.views[-1] is jobs(app)

    on_screen(check, start="jobs")


def test_columns_are_chosen_and_kept(host: FilledHost, on_screen: OnScreen) -> None:
    """The first one hidden, the second moved up."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("c")
        await pilot.pause()
        await pilot.press("j", "K", "j", "space", "enter")
        await until(pilot, lambda: bool(app.settings.columns))
        assert app.settings.columns["jobs"].startswith("name,queue,status")
        assert jobs(app).table.visible_columns[:2] == ("name", "queue")

    on_screen(check, start="jobs")


def test_says_why_a_job_waits(host: FilledHost, on_screen: OnScreen) -> None:
    """Under the table, for the row under the cursor."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await listed(app, pilot, 6, 5, 4, 3, 2, 1)
        jobs(app).refresh_data()
        await until(pilot, lambda: "6 waits" in str(app.screen.query_one("#hint", Static).content))

    on_screen(check, start="jobs")


def test_read_only_has_no_cancel(host: FilledHost, on_screen: OnScreen) -> None:
    """Nothing is asked, nothing happens."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await listed(app, pilot, 6, 5, 4, 3, 2, 1)
        await pilot.press("x", "X", "t")
        assert isinstance(app.screen, JobsView)

    on_screen(check, start="jobs", read_only=True)


def test_a_host_made_anew_shows_its_own_jobs(host: FilledHost, on_screen: OnScreen) -> None:
    """Its database was deleted: nothing is left of the old jobs; another one is there: its jobs are."""
    database = Path(host.directory, "state.db")

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await listed(app, pilot, 6, 5, 4, 3, 2, 1)
        for file in database.parent.glob("state.db*"):
            file.unlink()
        jobs(app).refresh_data()
        await listed(app, pilot)
        other = FilledHost(Path(host.directory))
        other.job(77, name="new")
        jobs(app).refresh_data()
        await listed(app, pilot, 77)

    on_screen(check, start="jobs")


def test_nothing_new_shows_nothing(host: FilledHost, on_screen: OnScreen) -> None:
    """A look at an unchanged host brings an equal value, so nothing is drawn."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await listed(app, pilot, 4, 2)
        await until(pilot, lambda: not jobs(app)._state.building and not jobs(app)._loading)
        before = jobs(app)._data
        jobs(app).refresh_data()
        await until(pilot, lambda: not jobs(app)._loading)
        assert jobs(app)._data is before

    on_screen(check, start="jobs status=successful")


@pytest.mark.parametrize("arguments", [{"status": "nosuch"}, {"sort": "colour"}, {"filter": "x:y"}])
def test_arguments_that_mean_nothing(arguments: dict[str, str]) -> None:
    """Refused with a remedy, before anything is shown."""
    with pytest.raises(InvalidRequest) as caught:
        listing_of(arguments)
    assert all(problem.hint for problem in caught.value.problems)


def test_listing_of_arguments() -> None:
    """Everything at once."""
    listing = listing_of({"queue": "a,b", "status": "failed", "filter": "x", "sort": "+took", "rows": "tasks"})
    assert listing.filter.text == "x queue:a,b"
    assert (listing.states, listing.order, listing.grouped) == ((FAILED,), Order("took", False), False)


def test_progress_is_as_wide_as_its_column(host: FilledHost) -> None:
    """Every state that is there is seen, and the cells add up."""
    from cyclone_core.operations.queries import open_host

    with open_host("local") as view:
        job = view.reader.job(3)
    assert job is not None
    job.counts, job.tasks = (1, 1, 9_996, 1, 0, 1), 10_000
    parts = job_columns.progress_parts(Row(3, job), 16)
    assert sum(len(part) for part, _ in parts) == 16
    assert [style for part, style in parts if part.startswith("━")] == ["ok", "failed", "error", "running"]
    assert parts[-1] == (fit("99%", 5, "right"), "number")
    assert (SUCCESSFUL, RUNNING) == (2, 1)


def test_suggestions() -> None:
    """Columns, states and names that the screen knows complete the last word."""
    suggester = FilterSuggester(lambda: ["queue:gpu"])
    assert asyncio.run(suggester.get_suggestion("x status:fa")) == "x status:failed"
    assert asyncio.run(suggester.get_suggestion("!queue:g")) == "!queue:gpu"
    assert asyncio.run(suggester.get_suggestion("sub")) == "submitted:"
    assert asyncio.run(suggester.get_suggestion("x ")) is None
