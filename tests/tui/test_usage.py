"""The usage view: what was used by whom and where, of a local host and of an AWS host's own items; other days, copies for programs."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from cyclone_core.operations import aws_watched
from cyclone_core.operations.aws_view import AwsView
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_tui.application import CycloneApp
from cyclone_tui.widgets.row_table import RowTable
from tests.filled import FilledHost
from tests.tui.conftest import settle
from tests.tui.far_table import There
from tests.tui.test_aws_jobs import Grid, Run, grid, has, until
from tests.tui.test_aws_screens import screen

__all__ = ["grid"]
DAY_S = 86_400


@pytest.fixture
def table(grid: Grid) -> Iterator[Table]:
    """The table of the host `grid`."""
    there = There("grid")
    before = aws_watched.view_with(lambda name: AwsView(there))
    yield there.items
    aws_watched.view_with(before)


def put_day(table: Table, days_ago: int, rows: dict[str, list[int]]) -> None:
    """What a worker wrote."""
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - days_ago * DAY_S))
    body = {"rows": rows, "busy_ms": 9, "up_ms": 12, "place": "eu-west-1 c5.large spot 0.02"}
    table.put((keys.usage_part(day, 3), "eu-west-1/w"), {"body": json.dumps(body)})


def test_an_aws_host_by_user_and_region_over_more_days(table: Table, on_screen: Run) -> None:
    """Tabs by number, Enter to the region; dollars with their dates; the command says the same."""
    put_day(table, 0, {"night|ada|eu-west-1 c5.large spot 0.02": [3, 36_000_000], "night|eve|lab ? own ?": [1, 3_600_000]})
    put_day(table, 20, {"night|bob|us-east-1 m5.large ondemand ?": [1, 3_600_000_000]})

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(app, pilot, has("night", "11.000", "0.2000 USD", "busy 75%"))
        await pilot.press("2")
        lines = await until(app, pilot, has("ada", "eve", "own machine"))
        assert any("hyper usage --by user --since 7d" in line for line in lines)
        await pilot.press("4", "p", "down", "enter")
        lines = await until(app, pilot, has("us-east-1", "eu-west-1", "lab"))
        assert any("list prices of 20" in line for line in lines)
        app.screen.query_one("#rows", RowTable).select("us-east-1")
        await pilot.press("enter")
        await until(app, pilot, lambda lines: app.views[-1].NAME == "describe")
        await pilot.press("escape")
        await until(app, pilot, has("lab"))
        app.screen.query_one("#rows", RowTable).select("lab")
        await pilot.press("enter")
        await until(app, pilot, lambda lines: app.views[-1].arguments == {"region": "lab"})

    on_screen(check, "usage", host="grid")


def test_what_is_young_is_not_read_again(table: Table, on_screen: Run) -> None:
    """Until somebody asks for it."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(app, pilot, has("Nothing was used"))
        put_day(table, 0, {"night|ada|eu-west-1 c5.large spot 0.02": [3, 36_000_000]})
        app.screen.refresh_data()  # type: ignore[attr-defined]
        await settle(app, pilot)
        assert has("Nothing was used")(screen(app))
        await pilot.press("r")
        await until(app, pilot, has("10.000"))

    on_screen(check, "usage", host="grid")


def test_a_local_host_has_hours_and_no_dollars(filled: FilledHost, on_screen: Run) -> None:
    """By job, whose page Enter opens; a copy for programs is put where it can be found."""
    started = int((time.time() - 60) * 1e6)
    filled.job(7, (0, 0, 1, 0, 0, 0), name="long", attempt=1, code=0, start_us=started, took_us=36_000_000, journal=1)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert has("default", "0.010", "no price")(screen(app))
        assert not has("USD")(screen(app))
        await pilot.press("y")
        await pilot.pause()
        assert json.loads(app.clipboard)["total"]["vcpu_hours"] == 0.01
        await pilot.press("enter")
        await settle(app, pilot)
        assert (app.views[-1].crumb(), app.views[-1].NAME) == ("usage by job queue=default", "usage")
        await pilot.press("enter")
        await settle(app, pilot)
        assert app.views[-1].arguments == {"id": "7"}
        await pilot.press("U")
        await settle(app, pilot)
        assert has("local", "job 7  0.010 vCPU hours", "hyper usage --by region --job 7")(screen(app))

    on_screen(check, "usage")
