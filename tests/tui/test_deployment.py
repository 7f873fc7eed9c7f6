"""The views of deployments: live, failed, cancelled, left and attached again; and the list of all."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from cyclone_core import paths
from cyclone_core.infra.deployment_record import End, Record
from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Change
from cyclone_core.operations import deployments, hosts
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.deployment import DeploymentView
from cyclone_tui.screens.deployments import DeploymentsView
from cyclone_tui.screens.modals import Confirmation
from cyclone_tui.widgets.deployment_summary import DeploymentSummary
from cyclone_tui.widgets.event_log import EventLog
from cyclone_tui.widgets.row_table import RowTable
from tests.deploying import Docker, record, start_image, until_over
from tests.filled import FilledHost
from tests.tui.conftest import settle

Run = Callable[..., CycloneApp]
IMAGE = Change("create", "image", "base", (), {"directory": "/home/ada/base"})
QUEUE = Change("create", "queue", "fast")
BEGUN = (Event(1000, "queue", "fast", "CREATING"), Event(1001, "queue", "fast", "ACTIVE"), Event(1001, "image", "base", "CREATING"))
LINE = Event(1002, "image", "base", "LOG", "step one")
BROKEN = Event(1010, "image", "base", "FAILED", "docker build failed: no space", "error")


def view(app: CycloneApp) -> DeploymentView:
    """The view on top."""
    assert isinstance(app.screen, DeploymentView)
    return app.screen


def head(app: CycloneApp) -> str:
    """The lines on top."""
    return str(app.screen.query_one(DeploymentSummary).render())


def log(app: CycloneApp) -> list[str]:
    """Lines of the events."""
    return app.screen.query_one(EventLog).pane.lines


def tree(app: CycloneApp) -> list[str]:
    """Rows of the tree."""
    table = app.screen.query_one("#tree", RowTable)
    return [f"{row.sign} {row.text} {row.word}" for row in table._source.window(0, 99)]


def keys(app: CycloneApp) -> set[str]:
    """Actions that are offered."""
    return {active.binding.action for active in app.screen.active_bindings.values()}


async def until(app: CycloneApp, pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """Look again until something is on the screen."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, app.screen
        await pilot.pause(0.02)


def test_live(filled: FilledHost, on_screen: Run) -> None:
    """State, who, phases, tree and events; what happens next appears by itself, and so does the end."""
    holder = record((QUEUE, IMAGE), (*BEGUN, LINE))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        text = head(app)
        assert "● RUNNING  create queue fast, create image base" in text
        assert "by ada@machine" in text
        assert "1 of 2" in text
        assert tree(app) == ["● local 1 of 2", "✓ queue fast created", "● image base building"]
        assert log(app)[-1].endswith(" image base | step one")
        holder.record.append(Event(1003, "image", "base", "ACTIVE"))
        holder.record.finish(End("SUCCEEDED", 1003))
        holder.release()
        await until(app, pilot, lambda: not view(app).is_live)
        assert tree(app)[2] == "✓ image base created"
        assert "✓ SUCCEEDED" in head(app)
        assert view(app).twin() == "hyper deployments show 1"

    on_screen(check, "deployment 1")


def test_failure_is_pinned_with_the_ways_on(filled: FilledHost, on_screen: Run) -> None:
    """Cause and remedy on top; retry, roll back and keep by button and key; nothing to cancel."""
    record((QUEUE, IMAGE), (*BEGUN, LINE, BROKEN), "FAILED", BROKEN.text)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert "image base failed" in str(app.screen.query_one("#failure").border_title)
        assert str(app.screen.query_one("#cause", Static).content) == "docker build failed: no space"
        assert str(app.screen.query_one("#remedy", Static).content) == "Correct what is in /home/ada/base, then retry"
        assert app.screen.query_one("#ways").display
        assert {"retry", "roll_back", "keep"} <= keys(app)
        assert "cancel" not in keys(app)

    on_screen(check, "deployment 1")


def test_read_only_shows_and_offers_nothing(filled: FilledHost, on_screen: Run) -> None:
    """Looking goes on."""
    record((IMAGE,), (BEGUN[2], BROKEN), "FAILED", BROKEN.text)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert not app.screen.query_one("#ways").display
        assert not {"retry", "roll_back", "cancel"} & keys(app)

    on_screen(check, "deployment 1", read_only=True)


def test_cancel_asks_first(filled: FilledHost, on_screen: Run) -> None:
    """No is the default; Yes asks the process to end, and the view says so."""
    holder = record((IMAGE,), (BEGUN[2], LINE))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("x")
        await until(app, pilot, lambda: isinstance(app.screen, Confirmation))
        await pilot.press("enter")
        await until(app, pilot, lambda: isinstance(app.screen, DeploymentView))
        assert holder.record.cancelled_by() == ""
        await pilot.press("x")
        await until(app, pilot, lambda: isinstance(app.screen, Confirmation))
        await pilot.press("y")
        await until(app, pilot, lambda: isinstance(app.screen, DeploymentView) and "CANCELLING" in head(app))
        assert holder.record.cancelled_by()
        assert "cancel" not in keys(app)

    on_screen(check, "deployment 1")
    holder.release()


def test_left_it_goes_on_and_is_attached_again(filled: FilledHost, on_screen: Run) -> None:
    """Esc goes back; opened again everything is there from the beginning."""
    holder = record((IMAGE,), (BEGUN[2], LINE))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.open("deployment 1")
        await until(app, pilot, lambda: isinstance(app.screen, DeploymentView) and app.screen.is_live)
        await pilot.press("escape")
        await until(app, pilot, lambda: isinstance(app.screen, DeploymentsView))
        assert holder.record.state()[0] == "RUNNING"
        holder.record.append(Event(1003, "image", "base", "LOG", "step two"))
        await pilot.press("enter")
        await until(app, pilot, lambda: isinstance(app.screen, DeploymentView) and len(log(app)) == 3)
        assert [line[9:] for line in log(app)] == ["CREATING", "step one", "step two"]

    on_screen(check, "deployments")
    holder.release()


def test_enter_shows_the_events_of_one_resource(filled: FilledHost, on_screen: Run) -> None:
    """And again: all of them."""
    record((QUEUE, IMAGE), (*BEGUN, LINE), "INTERRUPTED")

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("j", "enter")
        await pilot.pause()
        assert [line[9:] for line in log(app)] == ["CREATING", "ACTIVE"]
        await pilot.press("enter")
        await pilot.pause()
        assert len(log(app)) == 4

    on_screen(check, "deployment 1")


def test_one_region(filled: FilledHost, on_screen: Run) -> None:
    """The region that all views are narrowed to narrows tree and events."""
    plan = tuple(Change("create", "cluster", "big", region=region) for region in ("eu-1", "us-1"))
    record(plan, tuple(Event(1000, "cluster", "big", "CREATING", region=change.region) for change in plan), "INTERRUPTED")

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert len(tree(app)) == 4
        app.session.region = "us-1"
        view(app).update_frame()
        await pilot.pause()
        assert tree(app) == ["! us-1 0 of 1", "! cluster big interrupted"]
        assert [line[9:] for line in log(app)] == ["us-1 cluster big CREATING"]

    on_screen(check, "deployment 1")


def test_nothing_is_drawn_while_nothing_changes(filled: FilledHost, on_screen: Run) -> None:
    """A deployment that is over is looked at, and shown no more."""
    record((IMAGE,), (BEGUN[2], BROKEN), "FAILED", BROKEN.text)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.screen.refresh_data()  # type: ignore[attr-defined]
        await settle(app, pilot)
        shown = view(app)._look
        app.screen.refresh_data()  # type: ignore[attr-defined]
        await settle(app, pilot)
        assert view(app)._look is shown

    on_screen(check, "deployment 1")


def test_events_cannot_move_the_cursor(filled: FilledHost, on_screen: Run) -> None:
    """What a build prints is shown as text."""
    record((IMAGE,), (BEGUN[2], Event(1002, "image", "base", "LOG", "\x1b[31m[b]red[/b]\x1b[0m \x07")), "INTERRUPTED")

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert log(app)[-1][9:] == "[b]red[/b] \\x07"

    on_screen(check, "deployment 1")


def test_deployment_that_is_not_there(filled: FilledHost, on_screen: Run) -> None:
    """It says so, and what is no number is refused."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await until(app, pilot, lambda: app.screen.query_one("#banner").display)
        assert "there is no deployment 99" in str(app.screen.query_one("#banner", Static).content)
        app.open("deployment x")
        await until(app, pilot, lambda: any("is not the number of a deployment" in note.message for note in app._notifications))

    on_screen(check, "deployment 99")


def test_list(filled: FilledHost, on_screen: Run) -> None:
    """Newest first, keys follow the state under the cursor, a filter, Enter opens."""
    record((QUEUE,), BEGUN[:2], "SUCCEEDED")
    record((IMAGE,), (BEGUN[2], BROKEN), "FAILED", BROKEN.text)
    holder = record((IMAGE,), (BEGUN[2],))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        table = app.screen.query_one(RowTable)
        assert [(item.deployment.number, item.state) for item in table._source.window(0, 9)] == [
            (3, "● RUNNING"), (2, "✗ FAILED"), (1, "✓ SUCCEEDED"),
        ]  # fmt: skip
        assert "cancel" in keys(app)
        await pilot.press("j")
        await pilot.pause()
        assert {"retry", "roll_back"} <= keys(app)
        assert "cancel" not in keys(app)
        await pilot.press("slash", *"queue", "enter")
        await pilot.pause()
        assert [item.deployment.number for item in table._source.window(0, 9)] == [1]
        await pilot.press("enter")
        await until(app, pilot, lambda: isinstance(app.screen, DeploymentView))
        assert view(app).number == 1

    on_screen(check, "deployments")
    holder.release()


def test_list_of_nothing(filled: FilledHost, on_screen: Run) -> None:
    """It says what there could be."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert app.screen.query_one(RowTable).row_count == 0
        assert not {"retry", "cancel", "open_one"} & keys(app)

    on_screen(check, "deployments")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Docker]:
    """A docker first on the PATH; what is left of the host is stopped."""
    made = Docker(tmp_path / "engine")
    monkeypatch.setenv("PATH", f"{made.directory}:{os.environ['PATH']}")
    yield made
    made.go()
    for one in deployments.running(hosts.get()):
        until_over(hosts.get(), one.number)
    hosts.stop(hosts.get())


def test_failed_build_is_rolled_back_by_a_key(docker: Docker, on_screen: Run) -> None:
    """A real deployment fails; `b` shows the plan and asks, the roll back is another deployment, shown live."""
    docker.break_()
    host, begun = start_image(docker)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        docker.go()
        await until(app, pilot, lambda: app.screen.query_one("#ways").display and not view(app).is_live)
        await pilot.press("b")
        await until(app, pilot, lambda: isinstance(app.screen, Confirmation))
        assert isinstance(app.screen, Confirmation)
        assert app.screen.detail == "delete image base"
        await pilot.press("y")
        await until(app, pilot, lambda: isinstance(app.screen, DeploymentView) and app.screen.number == 2 and app.screen._look)
        await until(app, pilot, lambda: not view(app).is_live)
        assert "SUCCEEDED" in head(app)

    on_screen(check, f"deployment {begun.number}")
    root = paths.deployments_dir(paths.host_state_dir(host.name))
    assert Record(root, begun.number).state()[0] == "ROLLED_BACK"
