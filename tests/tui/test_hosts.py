"""The list of hosts: two real hosts started, stopped, used and deleted from it; broken ones stand in nobody's way."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from cyclone_core import paths
from cyclone_core.host_registry import HostRegistry
from cyclone_core.jobs import JobRequest
from cyclone_core.operations import host_descriptions, hosts, jobs
from cyclone_core.operations.queries import open_host
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.hosts import HostsView
from cyclone_tui.screens.modals import Choose, Confirmation, Question
from tests.tui.conftest import settle

OnScreen = Callable[..., CycloneApp]
P = Pilot[Any]


@pytest.fixture
def two() -> Iterator[None]:
    """The hosts local (stopped) and second (running, not selected)."""
    hosts.start(hosts.get("local"))
    hosts.create(hosts.propose({"name": "second", "type": "local"}))
    HostRegistry().select("local")
    hosts.stop(hosts.get("local"))
    yield
    for name in ("local", "second"):
        if any(host.name == name for host in HostRegistry().list()[0]):
            hosts.stop(hosts.get(name))


def view_of(app: CycloneApp) -> HostsView:
    """The list on top."""
    assert isinstance(app.screen, HostsView)
    return app.screen


def health(app: CycloneApp) -> dict[str, str]:
    """Name -> health, as the list shows it."""
    return {row.name: row.health for row in view_of(app).rows}


def top(app: CycloneApp) -> str:
    """Which view is on top."""
    return app.views[-1].NAME


async def until(pilot: P, true: Callable[[], bool]) -> None:
    """Wait for what a flow leads to."""
    for _ in range(800):
        await pilot.pause()
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within eight seconds")


async def answer(app: CycloneApp, pilot: P, kind: type, *keys: str) -> Any:
    """Press keys in a dialog once it is there; returns it."""
    await until(pilot, lambda: isinstance(app.screen, kind) and app.screen.focused is not None)
    dialog = app.screen
    await pilot.press(*keys)
    return dialog


def test_what_a_list_of_hosts_says(two: None, on_screen: OnScreen) -> None:
    """Health, version, workers, where it stores; the cursor is on the host of the session."""

    async def check(app: CycloneApp, pilot: P) -> None:
        assert health(app) == {"local": "stopped", "second": "running"}
        texts = {column.key: column.text(view_of(app).rows[1]) for column in view_of(app).table.columns}
        assert (texts["name"], texts["health"], texts["region"]) == ("  second", "● running", "local")
        assert (texts["version"], texts["state_dir"]) == (hosts.status("second").details["version"], paths.host_state_dir("second"))
        assert view_of(app).table.current.name == "local"
        assert view_of(app).twin() == "hyper hosts list-hosts"

    on_screen(check, start="hosts", size=(140, 24))


def test_start_and_stop(two: None, on_screen: OnScreen) -> None:
    """`s` at once; `x` asks first, and shows the command."""

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press("s")
        await until(pilot, lambda: health(app)["local"] == "running")
        await pilot.press("x")
        asked = await answer(app, pilot, Confirmation, "y")
        assert asked.twin == "hyper hosts stop local"
        await until(pilot, lambda: app.screen is app.views[-1] and health(app)["local"] == "stopped")
        assert hosts.status("local").state == "stopped"

    on_screen(check, start="hosts")


def test_stopping_a_stopped_host_asks_nothing(two: None, on_screen: OnScreen) -> None:
    """It says so."""

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press("x")
        await settle(app, pilot)
        assert app.screen is app.views[-1]

    on_screen(check, start="hosts")


@pytest.mark.parametrize("key", ["enter", "u"])
def test_use_selects_and_switches(key: str, two: None, on_screen: OnScreen) -> None:
    """All commands use it from now on, and so does this screen."""

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press("j", key)
        await until(pilot, lambda: app.session.host == "second")
        assert app.views[-1].NAME == "home"
        assert paths.selected_host() == "second"

    on_screen(check, start="hosts")


def test_read_only_switches_and_selects_nothing(two: None, on_screen: OnScreen) -> None:
    """Looking at another host is no change; stopping one is."""

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press("j", "x", "ctrl+d", "e", "a", "P")
        await settle(app, pilot)
        assert app.screen is app.views[-1]
        await pilot.press("u")
        await until(pilot, lambda: app.session.host == "second")
        assert paths.selected_host() == "local"

    on_screen(check, start="hosts", read_only=True)


def test_delete_shows_what_is_lost_and_asks_for_the_name(two: None, on_screen: OnScreen) -> None:
    """Another name deletes nothing; its own does."""

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press("j", "ctrl+d")
        asked = await answer(app, pilot, Confirmation, *"secon", "enter")
        assert asked.typed == "second"
        assert paths.host_state_dir("second") in asked.detail
        assert "0 jobs" in asked.detail
        assert app.screen is asked
        await pilot.press("d", "enter")
        await until(pilot, lambda: app.screen is app.views[-1] and health(app) == {"local": "stopped"})
        assert not os.path.exists(paths.host_state_dir("second"))

    on_screen(check, start="hosts")


def test_open_jobs_stand_against_deleting(two: None, on_screen: OnScreen) -> None:
    """They are shown; losing them is a choice of its own, and the name is asked for all the same."""
    with open_host("second") as view:
        jobs.submit(view.state_dir, JobRequest(script=b"sleep 60\n", name="nap", directory="/tmp"))

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press("j", "ctrl+d")
        told = await answer(app, pilot, Choose, "escape")
        assert "1 job is not finished" in told.detail
        await until(pilot, lambda: app.screen is app.views[-1])
        await pilot.press("ctrl+d")
        await answer(app, pilot, Choose, "end", "enter")
        asked = await answer(app, pilot, Confirmation, "escape")
        assert asked.twin == "hyper hosts delete-host --name second --force --yes"
        assert "1 of them not finished" in asked.detail
        assert os.path.exists(paths.host_state_dir("second"))

    on_screen(check, start="hosts")


def test_purge_asks_for_an_age_and_again(two: None, on_screen: OnScreen) -> None:
    """An age that cannot be read is told."""

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press("P")
        await answer(app, pilot, Question, "x", "enter")
        await until(pilot, lambda: any("age" in one.message for one in app._notifications))
        await pilot.press("P")
        await answer(app, pilot, Question, "enter")
        asked = await answer(app, pilot, Confirmation, "escape")
        assert asked.twin == "hyper hosts purge --older-than 30d --name local --yes"

    on_screen(check, start="hosts")


def test_a_damaged_host_is_listed_and_left(two: None, on_screen: OnScreen) -> None:
    """The list is the way out of a session whose host cannot be read."""
    Path(paths.host_state_dir("local"), "state.db").write_bytes(b"no database" * 100)

    async def check(app: CycloneApp, pilot: P) -> None:
        assert health(app) == {"local": "damaged", "second": "running"}
        await pilot.press("j", "u")
        await until(pilot, lambda: app.session.host == "second")

    on_screen(check, start="hosts")


def test_a_damaged_host_can_be_deleted(two: None, on_screen: OnScreen) -> None:
    """Nobody can say what is in it, and that is said."""
    Path(paths.host_state_dir("local"), "state.db").write_bytes(b"no database" * 100)

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press("ctrl+d")
        asked = await answer(app, pilot, Confirmation, *"local", "enter")
        assert "Nobody can say what is in it" in asked.detail
        await until(pilot, lambda: not os.path.exists(paths.host_state_dir("local")))

    on_screen(check, start="hosts")


def test_a_file_that_cannot_be_used_is_told(two: None, on_screen: OnScreen) -> None:
    """The other hosts are there."""
    Path(paths.config_dir(), "hosts", "broken.json").write_text("{")

    async def check(app: CycloneApp, pilot: P) -> None:
        assert set(health(app)) == {"local", "second"}
        assert "1 file cannot be used" in str(app.screen.query_one("#summary").render())

    on_screen(check, start="hosts", size=(140, 24))


@pytest.mark.parametrize(
    ("key", "place", "arguments"),
    [
        ("d", "describe", {"kind": "host", "name": "local"}),
        ("e", "edit", {"kind": "host", "name": "local"}),
        ("a", "new", {"kind": "host"}),
    ],
)
def test_keys_that_go_somewhere(key: str, place: str, arguments: dict[str, str], two: None, on_screen: OnScreen) -> None:
    """From the host under the cursor."""

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press(key)
        await until(pilot, lambda: top(app) == place)
        assert dict(app.views[-1].arguments) == arguments

    on_screen(check, start="hosts")


def test_what_would_be_lost(two: None) -> None:
    """Jobs, resources, the directory and how much is in it."""
    loss = host_descriptions.loss(hosts.get("second"))
    assert (loss.jobs, loss.open_jobs, loss.resources) == (0, 0, {"cluster": 1, "definition": 1, "queue": 1, "region": 1})
    assert loss.state_dir == paths.host_state_dir("second")
    assert loss.stored_bytes > 4096
