"""The weights view: the world with a disc at each region, what the weights follow from, how they changed; and the map's own rules."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from cyclone_core.operations import aws_watched
from cyclone_core.operations.aws_view import AwsView
from cyclone_core.operations.weights import RegionWeight
from cyclone_core.scheduler import health
from cyclone_core.scheduler.dynamo import keys, routing_items
from cyclone_core.scheduler.failover import Breaker, Stand
from cyclone_core.scheduler.health import Health
from cyclone_tui import weights_looks as looks
from cyclone_tui import world
from cyclone_tui.application import CycloneApp
from cyclone_tui.widgets.row_table import RowTable
from cyclone_tui.widgets.world_map import Spot, WorldMap, drawn
from tests.filled import FilledHost
from tests.tui.conftest import settle
from tests.tui.far_table import There
from tests.tui.test_aws_jobs import Grid, Run, grid, has, until
from tests.tui.test_aws_screens import screen

__all__ = ["grid"]
REGIONS = ("eu-west-1", "us-east-1", "ap-northeast-1", "sa-east-1")


@pytest.fixture
def there(grid: Grid) -> Iterator[There]:
    """The host `grid` with four regions, weighed twice; workers do not come in one of them."""
    queue = {"cluster": "big", "automate_region_weights": True, "region_distribution_weights": {}}
    cluster = {"type": "SPOT", "instance_list": ["c5"], "launch_type": "BATCH"}
    regions: dict[str, dict[str, Any]] = {region: {"main_region": region == REGIONS[0]} for region in REGIONS}
    found = There("grid", {"region": regions, "cluster": {"big": cluster}, "queue": {"night": queue, "day": {**queue, "cluster": "big"}}})
    now = int(time.time() * 1000)
    weights = dict(zip(REGIONS, (52, 30, 17, 1), strict=True))
    before = dict.fromkeys(REGIONS, 25)
    body = {
        "at": now, "weights": weights, "base": weights, "factors": {region: {"score": 1.5} for region in REGIONS}, "unknown": {},
        "inputs": {"eu-west-1": {"score": 9.0, "score_at": now}}, "missing": {},
        "history": [[now, weights, ["score of eu-west-1 from 3 to 9"]], [now - 9, before, []]],
    }  # fmt: skip
    routing_items.write(found.items, "big", body)
    left = Stand(breaker=Breaker("open", now, now + 300_000, 1, "no worker came within 4 min"))
    seen = health.to_body(Health(at=now, began=3, waited_s=180, worker_h=2, stands={"sim": left}))
    found.items.put((keys.HEALTH, "big#sa-east-1"), {"body": json.dumps(seen)})
    way = aws_watched.view_with(lambda name: AwsView(found))
    yield found
    aws_watched.view_with(way)


def test_a_wide_screen_has_map_history_and_regions(there: There, on_screen: Run) -> None:
    """The largest first; the one under the cursor says why it has its weight."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        lines = await until(app, pilot, has("eu-west-1 52%", "score of eu-west-1", "25→30"))
        rows = [line.split()[0].strip("▌") or line.split()[1] for line in lines if "open" in line or "left alone" in line]
        assert rows == list(REGIONS)
        assert any("✗" in line and "sa-east-1" in line and "left alone" not in line for line in lines), "on the map"
        app.screen.query_one("#rows", RowTable).select("sa-east-1")
        await until(app, pilot, has("no worker came within 4 min"))
        await pilot.press("h", "m")
        await pilot.pause()
        assert not has("eu-west-1 52%")(screen(app))

    on_screen(check, "weights night", size=(140, 40), host="grid")


def test_a_small_screen_has_what_there_is_room_for(there: There, on_screen: Run) -> None:
    """The map above the regions, or the history instead of it."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(app, pilot, has("52%", "ap-northeast-1", "left alone"))
        assert app.screen.query_one(WorldMap).display
        await pilot.press("h")
        lines = await until(app, pilot, has("us-east-1 25→30", "left alone"))
        assert not app.screen.query_one(WorldMap).display
        assert len(lines) == 24

    on_screen(check, "weights", size=(80, 24), host="grid")


def test_a_local_host_says_why_there_is_nothing_to_weigh(filled: FilledHost, on_screen: Run) -> None:
    """In one line, without a map."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await settle(app, pilot)
        assert has("local", "100%", "one region, this machine: there is nothing to weigh")(screen(app))
        assert not app.screen.query_one(WorldMap).display

    on_screen(check, "weights")


def text(spots: list[Spot], width: int = 80, height: int = 15, ascii: bool = False) -> list[str]:
    """The map's lines."""
    return ["".join(sign for sign, _ in row) for row in drawn(spots, width, height, ascii)]


def test_every_region_is_on_the_map() -> None:
    """On land, or beside it by a cell: the outlines are rough."""
    width, height = 120, world.height_of(120)
    rows = world.land(width, height)
    for region in world.PLACES:
        x, y = world.at(region, width, height) or (-1, -1)
        near = [rows[row][column] for row in range(int(y) - 1, int(y) + 2) for column in range(int(x) - 1, int(x) + 2)]
        assert any(near), region


def test_a_disc_is_as_large_as_its_weight_and_hollow_where_nothing_is_asked() -> None:
    """So a colour is never needed to tell them apart."""
    sizes = [len(world.disc(40.0, 7.0, 8 * share**0.5)) for share in (0.05, 0.2, 0.8)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]
    left, tried = text([Spot("eu-west-1", 0.5, "left")]), text([Spot("eu-west-1", 0.5, "tried")])
    assert any("✗" in line and "eu-west-1" in line for line in left)
    assert any("?" in line for line in tried)
    assert not any("50%" in line for line in left)


def test_labels_do_not_cover_each_other() -> None:
    """Regions that are close lose their names first; plain characters are plain."""
    close = [Spot(region, 0.2) for region in ("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-central-2")]
    assert sum(line.count("20%") for line in text(close, 160, 30)) == 5
    assert all(line.isascii() for line in text(close, ascii=True))
    assert all(len(line) == 80 for line in text(close))


def test_states_are_words() -> None:
    """And a step of the fallback chain is told instead of `open`."""
    states = [
        looks.state_text(RegionWeight("a", weight, 0.1, breaker=breaker, rung=rung), ascii=True)
        for weight, breaker, rung in ((9, "closed", ""), (9, "closed", "zones"), (9, "open", "zones"), (9, "trying", ""), (0, "open", ""))
    ]
    assert states == ["+ open", "+ more zones", "x left alone", "? tried", "- off"]


def test_the_course_of_a_weight_ends_with_now() -> None:
    """At the right edge; what there is no room for is the oldest."""
    assert looks.sparkline((0, 50, 100), 5, 100) == "   ▄█"
    assert looks.sparkline((100, 0, 50), 2, 100) == " ▄"
    assert looks.sparkline((), 5, 100) == ""
