"""The workers view: a real host's workers per region and cluster, with what they run."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from cyclone_core.jobs import JobRequest
from cyclone_core.operations import hosts, jobs, leaving
from cyclone_core.operations.queries import open_host
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.workers import WorkerRow, WorkersView, worker_columns
from cyclone_tui.widgets.row_table import RowTable
from tests.tui.conftest import settle

OnScreen = Callable[..., CycloneApp]


@pytest.fixture
def sleeper() -> Iterator[int]:
    """A host with a job that sleeps; stopped afterwards."""
    host = hosts.get("local")
    hosts.start(host)
    with open_host() as view:
        yield jobs.submit(view.state_dir, JobRequest(script=b"sleep 60\n", name="nap", directory="/tmp"))[0]
    hosts.stop(host)


async def busy_row(app: CycloneApp, pilot: Pilot[Any]) -> WorkerRow:
    """The row of the worker that runs a task, once it is seen (a quarter of a second after its start)."""
    table = app.screen.query_one("#rows", RowTable)
    for _ in range(400):
        rows = table._source.window(0, table.row_count)
        found = next((row for row in rows if row.worker.tasks), None)
        if found is not None and found.cpu is not None:
            table.select((found.worker.region, found.worker.id))
            return found
        await asyncio.sleep(0.02)
        await pilot.press("r")
        await settle(app, pilot)
    raise AssertionError("no worker runs the task")


def test_it_tells_what_each_worker_runs(sleeper: int, on_screen: OnScreen) -> None:
    """Place, task, CPU, memory, heartbeat; Enter opens the task's job."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        row = await busy_row(app, pilot)
        told = {column.key: column.text(row) for column in worker_columns(False)}
        assert (told["region"], told["cluster"], told["state"], told["heard"]) == ("local", "default", "● busy", "connected")
        assert told["task"] == f"{sleeper} nap"
        assert told["cpu"].isdigit()
        assert told["memory"].endswith("MiB")
        await pilot.press("enter")
        await pilot.pause()
        assert (app.views[-1].NAME, app.views[-1].arguments) == ("job", {"id": str(sleeper)})

    on_screen(check, start="workers")


def test_one_cluster_only(sleeper: int, on_screen: OnScreen) -> None:
    """As an argument; crumb and command say so."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = app.screen
        assert isinstance(view, WorkersView)
        assert view.query_one("#rows", RowTable).row_count == 0
        assert (view.crumb(), view.twin()) == ("workers other", "hyper workers list-workers --cluster other")
        view.show_cluster(None)
        await settle(app, pilot)
        assert view.query_one("#rows", RowTable).row_count > 0

    on_screen(check, start="workers other")


def test_a_filter_narrows_the_table(sleeper: int, on_screen: OnScreen) -> None:
    """The columns of the table can be named."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        row = await busy_row(app, pilot)
        await pilot.press("slash", *"state:busy", "enter")
        await pilot.pause()
        table = app.screen.query_one("#rows", RowTable)
        assert [one.worker.id for one in table._source.window(0, 9)] == [row.worker.id]
        assert app.screen.crumb() == "workers /state:busy"  # type: ignore[attr-defined]
        await pilot.press("escape")
        assert table.row_count > 1 or table.row_count == len(app.screen._data.rows)  # type: ignore[attr-defined]

    on_screen(check, start="workers")


def test_an_idle_worker_opens_nothing(on_screen: OnScreen, filled: object) -> None:
    """And where there is none, the table says when they come."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        table = app.screen.query_one("#rows", RowTable)
        assert (table.row_count, table.empty) == (0, "No worker now: they start with the first task that waits")
        await pilot.press("enter", "l", "d")
        assert app.views[-1].NAME == "workers"

    on_screen(check, start="workers")


def test_a_local_host_s_workers_are_not_asked_to_leave(sleeper: int, on_screen: OnScreen) -> None:
    """What helps instead is told, and nothing is asked."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await busy_row(app, pilot)
        await pilot.press("x")
        await pilot.pause()
        assert app.views[-1].NAME == "workers"
        assert [one.message for one in app._notifications] == [f"{leaving.LOCAL}. {leaving.LOCAL_REMEDY}"]

    on_screen(check, start="workers")
