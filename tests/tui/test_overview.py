"""The first full-screen view: what it shows of a snapshot, what it leaves alone, where it refuses to open."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace

from textual.widgets import DataTable, Static

from cyclone_tui.overview import Overview, Snapshot, take_snapshot

ROWS = (
    ("2", "b[old]", "default", "Running", "1", "3", "2026-01-02 00:00:00"),
    ("1", "a", "default", "Successful", "1", "1", "2026-01-01 00:00:00"),
)
SNAPSHOT = Snapshot("local", "/state", True, (1, 1, 2, 0, 0, 0), ROWS)


def on_screen(check: Callable[[Overview], Awaitable[None]]) -> None:
    """Run a check against the application without a terminal."""

    async def run() -> None:
        app = Overview("local")
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            await check(app)

    asyncio.run(run())


def cells(app: Overview) -> list[list[str]]:
    """Every row of the table as it was given to it."""
    table: DataTable[str] = app.query_one(DataTable)
    return [table.get_row_at(row) for row in range(table.row_count)]


def test_shows_jobs_and_counters() -> None:
    """Names with markup characters appear as they are, counters with their state's name."""

    async def check(app: Overview) -> None:
        app.show_snapshot(SNAPSHOT)
        assert [row[0] for row in cells(app)] == ["2", "1"]
        assert cells(app)[0][1] == "b\\[old]"
        assert "Successful [b]2[/b]" in str(app.query_one("#counts", Static).content)

    on_screen(check)


def test_changes_single_cells() -> None:
    """A job that went on keeps its row and the cursor its place."""

    async def check(app: Overview) -> None:
        app.show_snapshot(SNAPSHOT)
        app.action_move(1)
        done = ((*ROWS[0][:3], "Successful", "3", "3", ROWS[0][6]), ROWS[1])
        app.show_snapshot(replace(SNAPSHOT, rows=done))
        assert cells(app)[0][3:5] == ["Successful", "3"]
        assert app.table.cursor_row == 1

    on_screen(check)


def test_equal_snapshot_touches_nothing() -> None:
    """Nothing is repainted while nothing changes."""

    async def check(app: Overview) -> None:
        app.show_snapshot(SNAPSHOT)
        shown = app.shown
        app.show_snapshot(replace(SNAPSHOT))
        assert app.shown is shown

    on_screen(check)


def test_new_job_keeps_the_chosen_one() -> None:
    """The cursor stays on the job it was on when others come in above."""

    async def check(app: Overview) -> None:
        app.show_snapshot(SNAPSHOT)
        app.action_move(1)
        app.show_snapshot(replace(SNAPSHOT, rows=(("3", "c", *ROWS[0][2:]), *ROWS)))
        assert app.table.cursor_row == 2

    on_screen(check)


def test_unused_host_is_empty() -> None:
    """A fresh installation shows zeros, not an error."""
    snapshot = take_snapshot("local")
    assert (snapshot.counts, snapshot.rows, snapshot.problem, snapshot.supervised) == ((0,) * 6, (), "", False)


def test_unknown_host_tells_why() -> None:
    """A host that cannot be read is shown with the reason."""
    assert "nosuch" in take_snapshot("nosuch").problem


def test_refuses_without_a_terminal() -> None:
    """One line that names the plain commands, exit code 2."""
    code = "from cyclone_tui.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    for name in ("qsub", "qstat", "qlog", "qdel", "hyper"):
        assert name in done.stderr
