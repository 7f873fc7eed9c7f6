"""The view of one job or task: what is on it, where its keys lead, what it does to the host."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher, Static

from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, SUCCESSFUL, WAITING, outcome
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.job import JobView
from cyclone_tui.screens.modals import Choose, Confirmation
from cyclone_tui.settings import Settings
from cyclone_tui.widgets.fields import Fields
from cyclone_tui.widgets.row_table import RowTable
from cyclone_tui.widgets.spark import Spark
from cyclone_tui.widgets.task_grid import TaskGrid, TaskMap
from tests.filled import FilledHost
from tests.tui.conftest import settle

OnScreen = Callable[..., CycloneApp]
FAILED_CODE = outcome(3 << 8)


def view(app: CycloneApp) -> JobView:
    """The view on top."""
    assert isinstance(app.screen, JobView)
    return app.screen


def text(app: CycloneApp, selector: str) -> str:
    """What a widget says."""
    return str(app.screen.query_one(selector, Static).content)


def fields(app: CycloneApp) -> dict[str, str]:
    """The fields on top."""
    return {field.label: field.value for field in app.screen.query_one(Fields).fields}


async def until(pilot: Pilot[Any], check: Callable[[], bool]) -> None:
    """Wait until it is so."""
    for _ in range(300):
        await pilot.pause()
        if check():
            return
        await asyncio.sleep(0.03)
    raise AssertionError("it did not come to pass in time")


def sweep(filled: FilledHost, tasks: int = 40, **fields: Any) -> int:
    """An array: task 3 failed, 5 was cancelled, 6 could not run, 7 and 8 run, from 31 on they wait."""
    history = dict.fromkeys(range(1, 31), (SUCCESSFUL, 0))
    history[3], history[5], history[6] = (FAILED, FAILED_CODE), (CANCELLED, outcome(0, 3)), (ERROR, outcome(0, 4))
    history[7] = history[8] = (RUNNING, 0)
    return filled.array(history, tasks, next=31, **fields)


def test_a_single_job(filled: FilledHost, on_screen: OnScreen) -> None:
    """State, exit code, fields, the attempt on the time axis, and the output."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert text(app, "#title") == "✗ Failed   1  sweep   exit code 3"
        assert fields(app)["Took"] == "2.00s"
        assert fields(app)["User"] == "ada"
        await until(pilot, lambda: view(app).tail.pane.lines == ["one", "two"])
        assert "end of the output" in view(app).tail.status()
        assert [bar.exit_code for bar in app.screen.query_one("#attempts").shown[0]] == [3]  # type: ignore[attr-defined]
        assert app.screen.twin() == "qlog -i 1"

    filled.ended(b"one\ntwo\n", code=FAILED_CODE)
    on_screen(check, start="job 1")


def test_an_array_is_a_map(filled: FilledHost, on_screen: OnScreen) -> None:
    """Counts, progress, a cell for each task; Enter opens the one under the cursor, Esc comes back, u goes from task to array."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert "70 %   28 of 40 done" in text(app, "#progress")
        grid = app.screen.query_one(TaskGrid)
        assert [grid.map.states[at] for at in (0, 2, 4, 5, 6, 39)] == [SUCCESSFUL, FAILED, CANCELLED, ERROR, RUNNING, WAITING]
        await pilot.press("n", "enter")
        await settle(app, pilot)
        assert (view(app).page.id, text(app, "#title")) == ("1--3", "✗ Failed   1--3  sweep   exit code 3")  # type: ignore[union-attr]
        await pilot.press("right_square_bracket")
        await settle(app, pilot)
        assert text(app, "#title").startswith("✓ Successful   1--4")
        await pilot.press("escape")
        await settle(app, pilot)
        assert view(app).page.is_array  # type: ignore[union-attr]

    sweep(filled)
    on_screen(check, start="job 1")


def test_tasks_in_one_state(filled: FilledHost, on_screen: OnScreen) -> None:
    """The table shows all tasks, or those in a state; the command line goes with it."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("2")
        await settle(app, pilot)
        table = app.screen.query_one("#task-table", RowTable)
        assert (table.row_count, table.current.id) == (40, "1--1")  # type: ignore[union-attr]
        while view(app).status != FAILED:
            await pilot.press("right_square_bracket")
            await settle(app, pilot)
        assert [table.row_count, table.current.id, table.current.exit_code] == [1, "1--3", 3]  # type: ignore[union-attr]
        assert view(app).twin() == "qstat -i 1 --tasks -f Failed"

    sweep(filled)
    on_screen(check, start="job 1")


def test_a_hundred_thousand_tasks(filled: FilledHost, on_screen: OnScreen) -> None:
    """The last row of the table is there at once, the map shows all on one screen."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert app.screen.query_one(TaskMap).per_cell > 1
        await pilot.press("2")
        await settle(app, pilot)
        await pilot.press("G")
        await settle(app, pilot)
        assert app.screen.query_one("#task-table", RowTable).current.id == "1--100000"  # type: ignore[union-attr]

    sweep(filled, 100_000)
    on_screen(check, start="job 1")


def test_every_pane_opens(filled: FilledHost, on_screen: OnScreen) -> None:
    """By number and by Tab; each shows its part."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        panes = []
        for _ in range(5):
            panes.append(app.screen.query_one(ContentSwitcher).current)
            await pilot.press("tab")
            await settle(app, pilot)
        assert panes == ["output", "details", "metrics", "script", "events"]
        assert "Idempotency key" not in text(app, "#detail-text")
        assert "Directory" in text(app, "#detail-text")
        assert app.screen.query_one("#cpu", Spark).values == (50.0, 100.0)
        assert [line.strip() for line in app.screen.query_one("#script").lines] == ["1  echo one"]  # type: ignore[attr-defined]
        assert app.screen.query_one("#events", RowTable).row_count == 4

    script = Path(filled.directory, "scripts", "0" * 32)
    script.parent.mkdir(exist_ok=True)
    script.write_bytes(b"echo one\n")
    at = filled.frame(1, b"out\n", metrics=b"1 0.5 10240\n2 1.5 20480\n")
    filled.ended(b"", at=at)
    on_screen(check, start="job 1")


def test_parameters_are_shown_and_put_in(filled: FilledHost, on_screen: OnScreen, tmp_path: Path) -> None:
    """A task's own values, in its details and in its script."""
    from cyclone_core.scheduler.packing import pack_objects

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("2")
        await settle(app, pilot)
        assert "Parameter ALPHA  two" in text(app, "#detail-text").replace("   ", "  ")
        await pilot.press("4")
        await settle(app, pilot)
        assert "echo two" in app.screen.query_one("#script").lines[0]  # type: ignore[attr-defined]

    script = Path(filled.directory, "scripts", "0" * 32)
    script.parent.mkdir(exist_ok=True)
    script.write_bytes(b"echo ALPHA\n")
    pack_objects([{"ALPHA": 1}, {"ALPHA": "two"}], str(tmp_path / "packed"))
    filled.db.execute("UPDATE spec SET body=json_set(body, '$.parameters', ?)", (str(tmp_path / "packed"),))
    filled.job(counts=(2, 0, 0, 0, 0, 0), array=1)
    on_screen(check, start="job 1--2")


def test_why_it_waits(filled: FilledHost, on_screen: OnScreen) -> None:
    """The reason is on top, with the command that helps."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert "waits: " in text(app, "#trouble")
        assert "hyper hosts start" in text(app, "#trouble")

    filled.job()
    on_screen(check, start="job 1")


def test_a_job_that_does_not_exist(filled: FilledHost, on_screen: OnScreen) -> None:
    """It says so and goes on looking."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert "there is no such job" in text(app, "#banner")

    filled.job()
    on_screen(check, start="job 77")


def test_keys_follow_the_state(filled: FilledHost, on_screen: OnScreen) -> None:
    """What is over is not cancelled, what runs is not run again; read-only changes nothing at all."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        keys = app.screen.active_bindings
        assert ("t" in keys, "x" in keys, "f" in keys) == (True, False, True)

    async def check_read_only(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert "t" not in app.screen.active_bindings

    filled.ended(b"x\n")
    on_screen(check, start="job 1")
    on_screen(check_read_only, start="job 1", read_only=True)


def test_choices_of_an_array(filled: FilledHost, on_screen: OnScreen) -> None:
    """What failed, what failed or was cancelled; not all, as long as some are not over. Esc does nothing."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        assert app.screen.choices == [  # type: ignore[attr-defined]
            ("3,5", "the 2 tasks that failed   $ qsub --again 1 --only Failed,Error"),
            ("3,5,4", "the 3 tasks that failed or were cancelled   $ qsub --again 1 --only Failed,Error,Cancelled"),
        ]
        await pilot.press("escape")

    sweep(filled)
    on_screen(check, start="job 1")


def test_marked_tasks_are_what_is_cancelled(filled: FilledHost, on_screen: OnScreen) -> None:
    """The question names them, and so does the command line; No is the default."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("2")
        await settle(app, pilot)
        await pilot.press("G", "space", "k", "k", "space", "x")
        await until(pilot, lambda: isinstance(app.screen, Confirmation))
        question = app.screen
        assert (question.question, question.twin) == ("Cancel 2 tasks of job 1 (sweep)?", "qdel 1--40 1--38")  # type: ignore[attr-defined]
        await pilot.press("enter")
        await settle(app, pilot)

    sweep(filled)
    on_screen(check, start="job 1")


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (50, 12)])
def test_names_with_control_characters(filled: FilledHost, on_screen: OnScreen, size: tuple[int, int]) -> None:
    """A job's name and reason cannot reach the terminal as commands; small screens have room for it all."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert "\x1b" not in text(app, "#title")
        assert view(app).tail.pane.size.height > 0

    filled.ended(b"x\n", name="a\x1b[2J[b]b", code=FAILED_CODE)
    on_screen(check, start="job 1", size=size)


SCRIPT = """#!/bin/bash
echo begun
while [ ! -e {go} ]; do sleep 0.05; done
echo done
exit 7
"""


def test_a_real_job_from_start_to_end_and_again(tmp_path: Path) -> None:
    """Submitted, followed while it runs, ended, run again as a new job, and that one cancelled; all from the view."""
    go, script = tmp_path / "go", tmp_path / "job.sh"
    script.write_text(SCRIPT.format(go=go))
    run("qsub", str(script))

    async def check() -> None:
        app = CycloneApp("local", Settings(refresh_s=0.5), start="job 1")
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: bool(app.views) and view(app).page is not None and view(app).tail.pane.lines == ["begun"])
            go.touch()
            await until(pilot, lambda: view(app).page.is_final)  # type: ignore[union-attr]
            await until(pilot, lambda: view(app).tail.pane.lines == ["begun", "done"])
            assert "exit code 7" in text(app, "#title")
            go.unlink()
            await pilot.press("t")
            await until(pilot, lambda: isinstance(app.screen, Confirmation))
            await pilot.press("y")
            await until(pilot, lambda: isinstance(app.screen, JobView) and app.screen.task_text == "2" and app.screen.page is not None)
            await until(pilot, lambda: view(app).tail.pane.lines == ["begun"])
            await pilot.press("x")
            await until(pilot, lambda: isinstance(app.screen, Confirmation))
            await pilot.press("y")
            await until(pilot, lambda: isinstance(app.screen, JobView) and app.screen.page.status == CANCELLED)  # type: ignore[union-attr]

    try:
        asyncio.run(check())
    finally:
        run("hyper", "hosts", "stop")


def run(command: str, *arguments: str) -> str:
    """A command of Cyclone's, as a user runs it."""
    module = "hyper" if command == "hyper" else command
    done = subprocess.run(
        [sys.executable, "-c", f"from cyclone_tui.cli.{module} import main; main()", *arguments],
        capture_output=True, text=True, check=False, env=dict(os.environ), timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
