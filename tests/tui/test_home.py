"""The home view: every panel tells what the host has, opens what it shows, and stands still while nothing changes."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from textual.pilot import Pilot

from cyclone_core.infra.plan import Change, Plan
from cyclone_core.jobs import JobRequest
from cyclone_core.operations import hosts, jobs
from cyclone_core.operations.deployments import Deployment
from cyclone_core.operations.monitoring import JobLine, Pool
from cyclone_core.operations.queries import open_host
from cyclone_core.operations.resources import Resources
from cyclone_core.scheduler.local import client
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.home import HomeView, place_of, twin_of
from cyclone_tui.widgets.counters import Counters
from cyclone_tui.widgets.panel_table import PanelTable
from cyclone_tui.widgets.throughput import Throughput
from tests.filled import FilledHost
from tests.tui.conftest import settle

OnScreen = Callable[..., CycloneApp]


def panel(app: CycloneApp, name: str) -> PanelTable[Any]:
    """A panel of the view on top."""
    found: PanelTable[Any] = app.screen.query_one(f"#{name}", PanelTable)
    return found


def records(app: CycloneApp, name: str) -> list[Any]:
    """What a panel shows."""
    table = panel(app, name)
    return list(table._source.window(0, table.row_count))


def fill(host: FilledHost) -> None:
    """A paused queue with waiting tasks, a running array, a job that failed."""
    host.resource("queue", "nightly", cluster="default", priority=0, paused=True)
    host.job(1, (0, 0, 0, 1, 0, 0), ended=time.time())
    host.job(2, (40, 3, 57, 0, 0, 0), array=1, name="sweep")
    host.job(3, (5, 0, 0, 0, 0, 0), array=1, queue="nightly")


def test_every_panel_tells_what_is_there(filled: FilledHost, on_screen: OnScreen) -> None:
    """Counters, hosts, queues, workers per region, newest jobs."""
    fill(filled)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert app.screen.query_one(Counters).counts == (45, 3, 57, 1, 0, 0)
        assert [host.name for host in records(app, "hosts")] == ["local"]
        assert [queue.name for queue in records(app, "queues")] == ["default", "nightly"]
        assert [(pool.region, pool.cluster) for pool in records(app, "pools")] == [("local", "default")]
        assert [job.id for job in records(app, "jobs")] == [3, 2, 1]

    on_screen(check)


def test_what_needs_attention_comes_with_its_command(filled: FilledHost, on_screen: OnScreen) -> None:
    """The command is in the line above the keys too, to be copied."""
    fill(filled)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        texts = [line.text for line in records(app, "attention")]
        assert "! the supervisor is not running: 48 tasks are open" in texts
        assert "  → hyper queues update-queue --name nightly --no-paused" in texts
        await pilot.press("5")
        assert app.screen.twin() == "hyper hosts start local"

    on_screen(check)


def test_nothing_to_look_after_is_said(filled: FilledHost, on_screen: OnScreen) -> None:
    """An idle host is at rest."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        table = panel(app, "attention")
        assert (table.row_count, table.empty, table.columns[0].title) == (0, "✓ nothing", "Attention")

    on_screen(check)


def test_enter_opens_what_is_under_the_cursor(filled: FilledHost, on_screen: OnScreen) -> None:
    """The jobs of a queue."""
    fill(filled)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("2", "j", "enter")
        await settle(app, pilot)
        assert (app.views[-1].NAME, app.views[-1].arguments) == ("jobs", {"queue": "nightly"})

    on_screen(check)


def test_the_arrows_walk_through_all_panels(filled: FilledHost, on_screen: OnScreen) -> None:
    """Beyond the last row of one comes the first of the next, and back."""
    fill(filled)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("2", "j")
        assert app.focused is panel(app, "queues")
        await pilot.press("j")
        assert app.focused is panel(app, "pools")
        await pilot.press("k")
        assert app.focused is panel(app, "queues")
        assert panel(app, "queues").cursor_row == 1

    on_screen(check)


def test_a_region_narrows_the_workers(filled: FilledHost, on_screen: OnScreen) -> None:
    """As it does everywhere."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.session.region = "eu-central-1"
        await pilot.press("r")
        await settle(app, pilot)
        assert records(app, "pools") == []

    on_screen(check)


def test_nothing_is_drawn_while_nothing_changes(filled: FilledHost, on_screen: OnScreen) -> None:
    """However often it looks, and however long no task ends."""
    fill(filled)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = app.screen
        assert isinstance(view, HomeView)
        app.session.history.rates.extend([0.0, 250.0, 0.0])
        await pilot.press("r")
        await settle(app, pilot)
        assert app.screen.query_one(Throughput).values == (250.0, 0.0)
        shown: list[object] = []
        view.show = shown.append  # type: ignore[method-assign]
        app.session.history.rates.extend([0.0, 0.0])
        await pilot.press("r")
        await settle(app, pilot)
        assert shown == []

    on_screen(check)


def test_it_fits_a_large_screen_and_a_plain_console(filled: FilledHost, on_screen: OnScreen) -> None:
    """Large figures where there is room; ASCII where the terminal has nothing else."""
    from cyclone_tui.settings import Settings

    fill(filled)

    async def large(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert app.screen.query_one(Counters).is_large

    async def plain(app: CycloneApp, pilot: Pilot[Any]) -> None:
        texts = [*(line.text for line in records(app, "attention")), panel(app, "attention").empty]
        body = "".join(
            segment.text
            for y in range(app.screen.query_one(Counters).size.height)
            for segment in app.screen.query_one(Counters).render_line(y)
        )
        assert (body + "".join(texts)).isascii()

    on_screen(large, size=(140, 40))
    on_screen(plain, settings=Settings(refresh_s=3600, glyphs="ascii"))


def test_fix_is_not_there_in_read_only_mode(filled: FilledHost, on_screen: OnScreen) -> None:
    """It changes the host."""
    fill(filled)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("5", "f")
        await settle(app, pilot)
        assert app.screen is app.views[-1]

    on_screen(check, read_only=True)


def test_fix_asks_before_it_does_anything(filled: FilledHost, on_screen: OnScreen) -> None:
    """With the command that does the same; Esc leaves everything as it is."""
    from cyclone_tui.screens.modals import Confirmation

    fill(filled)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("5", "f")
        await pilot.pause()
        assert isinstance(app.screen, Confirmation)
        assert app.screen.twin == "hyper hosts start local"
        await pilot.press("escape")

    on_screen(check)


def test_fix_lets_a_paused_queue_go_on(on_screen: OnScreen) -> None:
    """On a real host: the warning goes when its cause does."""
    local = hosts.get("local")
    hosts.start(local)
    with open_host() as view:
        pause = Resources(local, client.ensure)
        list(pause.apply(pause.propose_put("queue", {"name": "default", "paused": True}, "update")))
        jobs.submit(view.state_dir, JobRequest(script=b"sleep 60\n", name="nap", directory="/tmp"))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert [line.about.subject for line in records(app, "attention")] == [("queue", "default")] * 2
        await pilot.press("5", "f")
        await pilot.pause()
        await pilot.press("y")
        await app.workers.wait_for_complete([one for one in app.workers if one.name == "action_remedy"])
        await pilot.press("r")
        await settle(app, pilot)
        assert records(app, "attention") == []

    try:
        on_screen(check)
    finally:
        hosts.stop(local)


def test_running_deployments_have_a_panel_of_their_own(filled: FilledHost, on_screen: OnScreen) -> None:
    """Only while there are any; Enter attaches."""
    running = Deployment(
        "local", 4, "RUNNING", Plan((Change("create", "cluster", "big"),)), "", "ada@lab", 0.0, None, "", "apply", None, None, "", 1
    )

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = app.screen
        assert isinstance(view, HomeView)
        assert not panel(app, "deployments").display
        view.show(replace(view._data, deployments=(running,)))
        await pilot.pause()
        assert panel(app, "deployments").display
        assert [one.what for one in records(app, "deployments")] == ["create cluster big"]
        assert (twin_of(running), place_of(running)) == ("hyper deployments attach 4", "deployment 4")
        view.show(view._data)
        assert not panel(app, "deployments").display

    on_screen(check)


def test_commands_and_places_of_rows() -> None:
    """Each row of every panel has both."""
    job = JobLine(7, "sweep", "default", 1, 10, 0.0, (6, 1, 3, 0, 0, 0))
    assert (twin_of(job), place_of(job)) == ("qstat -i 7", "job 7")
    pool = Pool("eu-central-1", "gpu", 2, 1.5, 8)
    assert (twin_of(pool), place_of(pool)) == ("hyper workers list-workers --cluster gpu", "workers cluster=gpu region=eu-central-1")
    assert (twin_of(None), place_of(None)) == ("", "hosts")
