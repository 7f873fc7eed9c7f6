"""From the first start to a deployed AWS host, on the sandbox, by keys alone."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from cyclone_core import paths
from cyclone_core.host_registry import HostRegistry
from cyclone_core.operations import hosts, resources
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.deployment import DeploymentView
from cyclone_tui.screens.hosts import HostsView
from cyclone_tui.screens.modals import Choose, Confirmation, Question
from cyclone_tui.screens.submit import SubmitView
from cyclone_tui.screens.wizard import WizardView
from cyclone_tui.settings import Settings
from cyclone_tui.widgets.forms import FieldRow
from tests.aws import running

NAME = "tui"


@pytest.fixture
def sandbox_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home of a sandbox of its own: which hosts there are is part of what is tested."""
    home = tmp_path_factory.mktemp("sandbox")
    monkeypatch.setenv("CYCLONE_HOME", str(home))
    with running(home):
        yield home


async def until(pilot: Pilot[Any], condition: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        await pilot.pause(0.05)


def row(app: CycloneApp, field: str) -> str:
    """The text of a field; "" while it is not there."""
    rows = app.screen.query(FieldRow)
    return next((one.view.text for one in rows if one.view.name == field), "")


async def next_step(app: CycloneApp, pilot: Pilot[Any], step: str) -> None:
    """On to a step of the wizard."""
    await pilot.press("pagedown")
    await until(pilot, lambda: isinstance(app.screen, WizardView) and app.screen.draft and app.screen.draft.step == step, step)
    await pilot.pause()


def test_an_aws_host_from_the_welcome_to_its_first_cluster(sandbox_home: Path) -> None:
    """Welcome, the wizard, its plan, the deployment to its end; a cluster; a job; imported anew; then all of it goes."""

    async def main() -> None:
        app = CycloneApp("local", Settings(refresh_s=1))
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: app.views and app.views[-1].NAME == "welcome", "the welcome")
            await pilot.press("2")
            await until(pilot, lambda: row(app, "name"), "the form")
            await pilot.press("ctrl+u", *NAME)
            await next_step(app, pilot, "Account")
            await pilot.press("y")
            await until(pilot, lambda: row(app, "account"), "the sandbox's account")
            await until(pilot, lambda: row(app, "region") == "us-east-1", "its region")
            await next_step(app, pilot, "Network")
            await until(pilot, lambda: row(app, "vpc").startswith("10."), "a free range")
            await next_step(app, pilot, "Advanced")
            await next_step(app, pilot, "Review")
            wizard = app.screen
            assert isinstance(wizard, WizardView)
            await until(pilot, lambda: wizard.reviewed, "the plan")
            assert not [one.problem for one in wizard.found if one.level == "error"]
            await pilot.press("f10")
            await succeeded(app, pilot)
            assert app.session.host == NAME
            await pilot.press("escape")
            await until(pilot, lambda: app.views[-1].NAME == "home" and app.views[-1].has_data, "the home view")
            await until(pilot, lambda: app.session.pulse and app.session.pulse.health == "ready", "the host is ready")
            await add_cluster(app, pilot)
            host = hosts.get(NAME)
            known = resources.for_host(host)
            there = {(one.kind, one.name): one.state for one in (await asyncio.to_thread(known.snapshot)).resources}
            assert there == {("region", "us-east-1"): "ACTIVE", ("cluster", "big"): "ACTIVE"}
            assert host.sandbox
            await run_a_job(app, pilot)
            await import_host(app, pilot)
            assert hosts.get(NAME) == host
            await delete_host(app, pilot)
            assert (await asyncio.to_thread(known.snapshot)).host is None
            await pilot.press("escape")
            await until(pilot, lambda: app.session.host == "local", "another host")
            assert NAME not in [host.name for host in HostRegistry().list()[0]]
            await until(pilot, lambda: not Path(paths.host_state_dir(NAME)).exists(), "what was recorded of it is gone")

    asyncio.run(main())


async def add_cluster(app: CycloneApp, pilot: Pilot[Any]) -> None:
    """With the wizard, every answer as it is offered."""
    app.open("new cluster name=big")
    await until(pilot, lambda: row(app, "name") == "big", "the form")
    wizard = app.screen
    assert isinstance(wizard, WizardView)
    for step in wizard.names[1:]:
        await next_step(app, pilot, step)
    await until(pilot, lambda: wizard.reviewed, "the plan")
    await pilot.press("f10")
    await succeeded(app, pilot)


async def run_a_job(app: CycloneApp, pilot: Pilot[Any]) -> None:
    """From the submit form to its output, by a worker of the sandbox's Batch; then it is in the list, and in the counters."""
    for kind, body in (("queue", {"name": "night", "cluster": "big"}), ("definition", {"name": "sim", "image_uri": "x/y:1"})):
        await asyncio.to_thread(add, kind, body)
    app.open("submit queue=night definition=sim name=greet")
    await until(pilot, lambda: isinstance(app.screen, SubmitView) and app.screen.is_judged, "the form")
    await pilot.press("f10")
    await until(pilot, lambda: app.views[-1].NAME == "job", "the job")
    await until(pilot, lambda: "✓ Successful" in shown(app) and "task 1 of job 1" in shown(app), "its end and its output")
    app.open("jobs")
    await until(pilot, lambda: "greet" in shown(app) and "✓ Successful" in shown(app), "the list")
    await until(pilot, lambda: app.session.pulse and app.session.pulse.done == 1, "the counters")


def add(kind: str, body: dict[str, Any]) -> None:
    """A resource of the host, deployed."""
    known = resources.for_host(hosts.get(NAME))
    proposal = known.propose_put(kind, body, "create")
    for event in known.apply(proposal):
        assert event.phase != "FAILED", event.text


def shown(app: CycloneApp) -> str:
    """What is on the screen."""
    return "\n".join("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())


async def import_host(app: CycloneApp, pilot: Pilot[Any]) -> None:
    """As one that another machine deployed: found on the sandbox, by its main region."""
    HostRegistry().remove(NAME)
    app.switch_host("local")
    app.open("hosts")
    await until(pilot, lambda: isinstance(app.screen, HostsView) and app.screen.rows, "the hosts")
    await pilot.press("I")
    await until(pilot, lambda: isinstance(app.screen, Choose), "the question where")
    await pilot.press("down", "enter")
    await until(pilot, lambda: isinstance(app.screen, Question), "the question for its region")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, Choose), "the question which")
    await pilot.press("enter")
    await until(pilot, lambda: app.session.host == NAME, "it is selected")


async def delete_host(app: CycloneApp, pilot: Pilot[Any]) -> None:
    """From the list of hosts, with its data, by typing its name."""
    app.open("hosts")
    await until(pilot, lambda: isinstance(app.screen, HostsView) and app.screen.rows, "the hosts")
    await pilot.press("ctrl+d")
    await until(pilot, lambda: isinstance(app.screen, Choose), "the question about its data")
    await pilot.press("down", "down", "enter")
    await until(pilot, lambda: isinstance(app.screen, Confirmation), "the question")
    await pilot.press(*NAME, "enter")
    await succeeded(app, pilot)


async def succeeded(app: CycloneApp, pilot: Pilot[Any]) -> None:
    """The deployment's view is there, and follows to the end."""
    await until(pilot, lambda: isinstance(app.screen, DeploymentView), "the deployment")
    view = app.screen
    assert isinstance(view, DeploymentView)
    await until(pilot, lambda: view._look and view._look.deployment.is_over, "its end")
    assert view._look is not None
    assert view._look.deployment.state == "SUCCEEDED", view._look.deployment.reason
