"""Wizards driven by keys, against a real local host: every kind is made and changed, mistakes are mended, drafts come back."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList, TextArea

from cyclone_core.operations import deployments, hosts
from cyclone_core.operations.resources import for_selected
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.wizard import WizardView
from cyclone_tui.settings import Settings
from cyclone_tui.widgets.forms import FieldRow
from cyclone_tui.widgets.review_pane import ReviewPane
from cyclone_tui.wizard.store import Drafts
from tests.deploying import until_over

Drive = Callable[["Driver"], Awaitable[None]]
FLOWS = ("load", "begin", "discover", "step", "fill", "look", "keep", "deploy")


class Driver:
    """The application and what a test does with it."""

    def __init__(self, app: CycloneApp, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def view(self) -> WizardView:
        """The wizard on top."""
        assert isinstance(self.app.screen, WizardView)
        return self.app.screen

    async def settle(self) -> None:
        """Until nothing is under way that does not wait for the user."""
        for _ in range(500):
            await self.pilot.pause()
            asks = len(self.app.screen_stack) > len(self.app.views) + 1
            busy = [worker for worker in self.app.workers if worker.is_running and worker.group in FLOWS]
            if self.app.views and (not busy or (asks and all(worker.group == "begin" for worker in busy))):
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the wizard did not settle")

    async def keys(self, *keys: str) -> None:
        """Press them; words that are no keys are typed."""
        for key in keys:
            known = len(key) == 1 or key in KEYS
            await self.pilot.press(*([key] if known else list(key)))
            await self.settle()

    def row(self, field: str) -> FieldRow:
        """The row of a field."""
        return self.view.query_one(f"#field-{field}", FieldRow)

    def said(self, selector: str) -> str:
        """What a Static shows."""
        return str(self.view.query_one(selector).render())

    @property
    def review(self) -> str:
        """The review as text."""
        return self.view.query_one(ReviewPane).text


KEYS = (
    "tab", "shift+tab", "enter", "escape", "pagedown", "pageup", "down", "up", "left", "right", "space", "backspace",
    "f2", "f3", "f4", "f5", "f6", "f10", "ctrl+u",
)  # fmt: skip


@pytest.fixture
def drive() -> Iterator[Callable[..., None]]:
    """`drive("new queue", steps)`: runs `await steps(driver)`; every host is stopped afterwards."""

    def run(start: str, steps: Drive, size: tuple[int, int] = (80, 24), **more: Any) -> None:
        async def main() -> None:
            app = CycloneApp("local", Settings(refresh_s=3600), start=start, **more)
            async with app.run_test(size=size) as pilot:
                driver = Driver(app, pilot)
                await driver.settle()
                await steps(driver)

        asyncio.run(main())

    yield run
    for status in hosts.list_hosts()[0]:
        for deployment in deployments.running(status.host):  # it would start the host again
            until_over(status.host, deployment.number)
    for status in hosts.list_hosts()[0]:
        if status.state == "running":
            hosts.stop(status.host)


def finished() -> None:
    """Wait for the newest deployment, which must have succeeded."""
    host = hosts.get()
    newest = deployments.list_deployments(host)[0]
    for _ in deployments.follow(host, newest.number):
        pass
    assert deployments.get(host, newest.number).state == "SUCCEEDED"


def stored(kind: str, name: str) -> dict[str, Any]:
    """What the host has now."""
    return dict(for_selected().find(kind, name)[0].body)


CREATED = (
    ("cluster", ("ctrl+u", "big", "tab", "3", "tab", "512"), {"max_vcpus": 3, "max_memory_mib": 512}),
    ("queue", ("ctrl+u", "big", "pagedown", "ctrl+u", "7", "tab", "space"), {"priority": 7, "paused": True, "cluster": "default"}),
    ("definition", ("ctrl+u", "big", "pagedown", "ctrl+u", "1", "tab", "ctrl+u", "64"), {"vcpus": 1, "memory_limit_mib": 64}),
)


@pytest.mark.parametrize(("kind", "keys", "body"), CREATED, ids=[case[0] for case in CREATED])
def test_a_resource_is_made_by_keys_alone(drive: Callable[..., None], kind: str, keys: tuple[str, ...], body: dict[str, object]) -> None:
    """From the first field to the deployment's screen; then the host has it and the draft is gone."""

    async def steps(driver: Driver) -> None:
        await driver.keys(*keys)
        while not driver.view.at_review:
            await driver.keys("pagedown")
        assert f"create {kind} big" in driver.review
        assert driver.view.twin() in driver.review
        await driver.keys("enter")
        assert driver.app.views[-1].NAME == "deployment"

    drive(f"new {kind}", steps)
    finished()
    assert body.items() <= stored(kind, "big").items()


def test_a_queue_is_changed(drive: Callable[..., None]) -> None:
    """Only what differs is in the plan, with before and after; the command line says the same."""

    async def steps(driver: Driver) -> None:
        assert driver.row("name").view.locked
        await driver.keys("pagedown", "ctrl+u", "5", "pagedown")
        assert "change queue default" in driver.review
        assert "0 → 5" in driver.review
        assert driver.view.twin() == "hyper queues update-queue --name default --priority 5"
        await driver.keys("enter")

    drive("edit queue default", steps)
    finished()
    assert stored("queue", "default")["priority"] == 5


def test_nothing_to_change_is_told(drive: Callable[..., None]) -> None:
    """A review without changes deploys nothing."""

    async def steps(driver: Driver) -> None:
        await driver.keys("pagedown", "pagedown", "pagedown")
        assert "nothing would change" in driver.review
        await driver.keys("enter")
        assert driver.view.at_review

    drive("edit queue default", steps)
    assert deployments.list_deployments(hosts.get()) == []


def test_next_stays_where_something_is_wrong_and_a_key_mends_it(drive: Callable[..., None]) -> None:
    """The cause stands below the field, F4 applies its remedy, back never asks."""

    async def steps(driver: Driver) -> None:
        await driver.keys("ctrl+u", "default", "pagedown")
        assert driver.view.draft is not None
        assert driver.view.draft.step == "Name"
        assert "there is a queue 'default' already" in driver.row("name").view.message
        await driver.keys("f4")
        assert driver.row("name").query_one(Input).value == "default-2"
        await driver.keys("pagedown", "ctrl+u", "x", "pageup")
        assert driver.view.draft.step == "Name"
        rail = driver.view.query_one("#rail")
        assert "✗1" in str(rail.render())

    drive("new queue", steps)


def test_words_side_by_side_are_chosen_by_letter_or_arrow(drive: Callable[..., None]) -> None:
    """Neither is taken for a key of the application."""

    async def steps(driver: Driver) -> None:
        await driver.keys("pagedown", "tab", "y")
        assert driver.row("paused").view.text == "yes"
        await driver.keys("n")
        assert driver.row("paused").view.text == "no"
        await driver.keys("left", "up")
        assert driver.row("paused").view.text == "yes"
        assert driver.row("priority").has_focus_within

    drive("new queue", steps)


def test_a_doubtful_answer_is_marked_until_it_was_seen(drive: Callable[..., None]) -> None:
    """The image was changed after its switch was set: the field and the rail say so, the answer stays."""

    async def steps(driver: Driver) -> None:
        await driver.keys("tab", "n", "tab", "tab", "a:b")
        row = driver.row("use_cyclone_image")
        assert row.view.doubt == "Image URI changed: is this still right?"
        assert row.view.text == "no"
        assert "?1" in str(driver.view.query_one("#rail").render())

    drive("new definition", steps)


def test_keys_that_arrive_at_once_are_not_lost(drive: Callable[..., None]) -> None:
    """As over a slow line: nothing is mixed up, nothing falls into the field before."""

    async def steps(driver: Driver) -> None:
        for key in ("b", "i", "g", "tab", "d", "e", "tab"):
            driver.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await driver.settle()
        assert driver.view.draft is not None
        assert (driver.view.draft.name, driver.view.draft.value("cluster")) == ("big", "de")
        assert driver.row("name").query_one(Input).value == "big"

    drive("new queue", steps)


def test_only_enter_deploys_and_only_once(drive: Callable[..., None]) -> None:
    """On the review PgDn does nothing however often it is pressed; impatient Enters make one deployment."""

    async def steps(driver: Driver) -> None:
        await driver.keys("q1", "pagedown", "pagedown", "pagedown", "pagedown", "pagedown")
        assert "create queue q1" in driver.review
        assert not list(deployments.list_deployments(hosts.get()))
        button = driver.view.query_one("#next", Button)
        for _ in range(3):
            button.post_message(Button.Pressed(button))
        await driver.settle()

    drive("new queue", steps)
    assert len(deployments.list_deployments(hosts.get())) == 1


def test_choices_of_a_field_come_from_the_host(drive: Callable[..., None]) -> None:
    """Down opens them, Enter takes one."""

    async def steps(driver: Driver) -> None:
        await driver.keys("tab", "ctrl+u", "down")
        assert driver.row("cluster").query_one(OptionList).display
        await driver.keys("enter")
        assert driver.row("cluster").query_one(Input).value == "default"
        assert not driver.row("cluster").query_one(OptionList).display

    drive("new queue", steps)


def test_a_document_is_the_same_draft(drive: Callable[..., None]) -> None:
    """F2 shows it, what is written there is in the form; mistakes name their line and keep one there."""

    async def steps(driver: Driver) -> None:
        await driver.keys("f2")
        area = driver.view.query_one("#document TextArea", TextArea)
        area.load_text("name: doc\npriorty: 3\n")
        await driver.settle()
        assert "line 2: priorty is not a known field. Did you mean priority?" in driver.said("#mistakes")
        await driver.keys("f2")
        assert driver.view.is_document
        area.load_text("name: doc\npriority: 3\n")
        await driver.settle()
        assert driver.view.twin() == "hyper queues add-queue --name doc --priority 3 --yes"
        await driver.keys("f2")
        assert driver.row("name").query_one(Input).value == "doc"

    drive("new queue", steps)


def test_leaving_keeps_the_draft_and_offers_it(drive: Callable[..., None]) -> None:
    """Esc asks nothing; the next wizard of the kind goes on where one was."""

    async def leave(driver: Driver) -> None:
        await driver.keys("ctrl+u", "later", "pagedown", "ctrl+u", "9", "escape")
        assert driver.app.views[-1].NAME == "home"

    async def come_back(driver: Driver) -> None:
        await driver.keys("enter")
        draft = driver.view.draft
        assert draft is not None
        assert (draft.name, draft.value("priority"), draft.step) == ("later", "9", "Order")
        await driver.keys("pagedown", "enter")

    async def nothing_is_left(driver: Driver) -> None:
        assert driver.view.draft is not None
        assert driver.view.draft.name == "queue-1"

    drive("new queue", leave)
    drive("new queue", come_back)
    finished()
    drive("new queue", nothing_is_left)
    assert Drafts().list("queue") == []


def test_a_file_of_somebody_else_fills_the_form(drive: Callable[..., None], tmp_path: Path) -> None:
    """`:new cluster from=FILE` takes any accepted spelling; a file with mistakes is shown with them."""
    good, bad = tmp_path / "clusters.json", tmp_path / "bad.yaml"
    good.write_text('{"clusters": [{"clusterName": "theirs", "max_vCPUs": "2"}]}')
    bad.write_text("name: x\nmax_vcpu: 2\n")

    async def taken(driver: Driver) -> None:
        assert driver.view.twin() == "hyper clusters add-cluster --name theirs --max-vcpus 2 --yes"
        assert driver.row("max_vcpus").query_one(Input).value == "2"

    async def shown(driver: Driver) -> None:
        assert "line 2: max_vcpu is not a known field" in driver.said("#mistakes")

    drive(f"new cluster from={good}", taken)
    Drafts().forget(Drafts().list()[0].key)
    drive(f"new cluster from={bad}", shown)


def test_a_failed_deployment_leaves_its_draft(drive: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was answered is offered again, with what became of it."""
    (tmp_path / "solver").mkdir()
    (tmp_path / "solver" / "Dockerfile").touch()
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\n[ $1 = build ] && { echo no space left; exit 1; }\nexit 0\n")
    docker.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{docker.parent}{os.pathsep}{os.environ['PATH']}")

    async def make(driver: Driver) -> None:
        await driver.keys("ctrl+u", "mine", "pagedown", "enter")
        assert driver.app.views[-1].NAME == "deployment"

    async def offered(driver: Driver) -> None:
        choices = driver.app.screen.query_one(OptionList)
        assert "its deployment 1 did not succeed" in str(choices.get_option_at_index(0).prompt)

    drive("new image", make)
    host = hosts.get()
    for _ in deployments.follow(host, 1):
        pass
    assert deployments.get(host, 1).state == "FAILED"
    drive("new image", offered)


def test_an_untouched_wizard_leaves_nothing(drive: Callable[..., None]) -> None:
    """Looking is no draft."""

    async def steps(driver: Driver) -> None:
        await driver.keys("pagedown", "escape")

    drive("new queue", steps)
    assert Drafts().list() == []


def test_a_local_host_is_made_and_selected(drive: Callable[..., None]) -> None:
    """Started at once; the application goes there."""

    async def steps(driver: Driver) -> None:
        await driver.keys("ctrl+u", "second", "pagedown", "enter")
        assert driver.app.session.host == "second"

    drive("new host", steps)
    assert (hosts.get().name, hosts.status("second").state) == ("second", "running")


def test_an_aws_host_without_credentials_says_how_to_get_some(
    drive: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its form works to the end, and the draft stays."""
    pytest.importorskip("boto3", reason="AWS hosts need the extra aws")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    async def steps(driver: Driver) -> None:
        assert "account" not in {row.view.name for row in driver.view.query(FieldRow)}
        await driver.keys("ctrl+u", "cloud", "tab", "space")
        while not driver.view.at_review:
            await driver.keys("pagedown")
        assert "there are no AWS credentials. Set some up: aws configure" in driver.review
        assert "--type aws" in driver.view.twin()
        await driver.keys("enter")
        assert not driver.view.at_review  # where the problem is

    drive("new host", steps)
    assert [kept.name for kept in Drafts().list("host")] == ["cloud"]


def test_an_image_needs_an_engine_and_a_directory(drive: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories with a Dockerfile are offered; without an engine the review says so."""
    (tmp_path / "solver").mkdir()
    (tmp_path / "solver" / "Dockerfile").touch()
    (tmp_path / "bin").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    async def steps(driver: Driver) -> None:
        assert driver.row("directory").query_one(Input).value == "solver"
        await driver.keys("pagedown")
        assert "neither docker nor podman was found" in driver.review
        assert str(driver.view.query_one("#next", Button).label) == "Cannot be done yet"

    drive("new image", steps)


def test_a_local_host_has_one_region(drive: Callable[..., None]) -> None:
    """The form says so instead of failing later."""

    async def steps(driver: Driver) -> None:
        await driver.keys("ctrl+u", "eu-west-1")
        assert "a local host has one region" in driver.row("name").view.message

    drive("new region", steps)


def test_what_is_not_there_cannot_be_changed(drive: Callable[..., None]) -> None:
    """With the names there are."""

    async def steps(driver: Driver) -> None:
        assert "there is no queue 'nope'. There are: default" in driver.said("#form Static")

    drive("edit queue nope", steps)


def test_read_only_shows_and_deploys_nothing(drive: Callable[..., None]) -> None:
    """The command can still be copied."""

    async def steps(driver: Driver) -> None:
        await driver.keys("ctrl+u", "x", "pagedown", "pagedown", "enter", "f10")
        assert driver.view.at_review

    drive("new queue", steps, read_only=True)
    assert deployments.list_deployments(hosts.get()) == []


def test_the_rail_goes_to_steps_that_were_seen(drive: Callable[..., None]) -> None:
    """And to no others."""

    async def steps(driver: Driver) -> None:
        await driver.keys("f3", "down", "down", "enter")
        assert driver.view.draft is not None
        assert driver.view.draft.step == "Name"
        await driver.keys("pagedown", "f3", "up", "enter")
        assert driver.view.draft.step == "Name"

    drive("new queue", steps)


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
def test_every_step_of_every_kind_can_be_shown(drive: Callable[..., None], size: tuple[int, int]) -> None:
    """No step overlooks a shape of field; on a wide terminal the document is beside the form."""

    async def steps(driver: Driver) -> None:
        for kind in ("cluster", "queue", "image", "definition", "region", "host"):
            driver.app.open(f"new {kind} name=x-{os.getpid()}" if kind != "region" else "new region name=local")
            await driver.settle()
            draft = driver.view.draft
            assert draft is not None
            for step in draft.steps:
                await driver.view.go(step.name)
                await driver.settle()
                assert [row.view.name for row in driver.view.query(FieldRow)] == [spec.name for spec in step.specs]
            assert driver.view.query_one("#beside").display is (size[0] > 100)

    drive("home", steps, size=size)


def test_a_host_that_cannot_be_read_is_told_in_the_review(drive: Callable[..., None], tmp_path: Path) -> None:
    """And the next try goes on by itself once it can."""

    async def steps(driver: Driver) -> None:
        database = Path(hosts.status("local").state_dir) / "state.db"
        await driver.keys("x", "pagedown")
        database.rename(tmp_path / "away")
        database.mkdir()
        await driver.keys("pagedown")
        assert "the plan cannot be made" in driver.review
        database.rmdir()
        (tmp_path / "away").rename(database)
        await driver.keys("enter")
        assert "create queue x" in driver.review

    drive("new queue", steps)
