"""Views of an AWS host, from what was read of it: lists by region, what failed where, what is old, what it does not have yet."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from cyclone_core.errors import CycloneError
from cyclone_core.host_registry import HostRegistry
from cyclone_core.operations import aws_crews, aws_looks, aws_mirror, aws_workers
from cyclone_core.operations.aws_crews import ComingNow, CrewNow, CrewsNow
from cyclone_core.operations.resources import Place, Snapshot, Stored
from cyclone_core.resources import Host
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.base import View
from cyclone_tui.widgets.header import Header
from tests.far_jobs import FarJobs
from tests.tui.conftest import settle

Run = Callable[..., CycloneApp]
HOST = Host(name="grid", type="aws", account="123456789012", region="eu-west-1")
BOTH = (Place("eu-west-1", "ACTIVE"), Place("us-east-1", "ACTIVE"))
HALF = (Place("eu-west-1", "ACTIVE"), Place("us-east-1", "FAILED", "the limit of 50 environments is reached"))


def stored(kind: str, name: str, places: tuple[Place, ...], **body: object) -> Stored:
    """A resource as its stacks are."""
    state = next((place.state for place in places if place.state != "ACTIVE"), "ACTIVE")
    return Stored(kind, name, state, {"name": name, **body}, 1000.0, 2000.0, 0, places)


class Account:
    """What is read of the host, or why it cannot be."""

    def __init__(self) -> None:
        self.error = ""
        self.snapshot = Snapshot(
            (
                stored(
                    "region", "eu-west-1", BOTH[:1], main_region=True, cidr="10.0.0.0/16", subnet_config="PRIVATE_WITH_NAT", nat_gateways=1
                ),
                stored("region", "us-east-1", BOTH[1:], cidr="10.1.0.0/16", subnet_config="PUBLIC", nat_gateways=0),
                stored("cluster", "big", HALF, max_vcpus=1000, type="SPOT", instance_list=["c5"]),
                stored("cluster", "small", BOTH, max_vcpus=16, type="ONDEMAND", instance_list=["optimal"]),
                stored("queue", "night", BOTH[:1], cluster="big", priority=3),
                stored("definition", "sim", BOTH, vcpus=2, memory_limit_mib=2048, image_uri="x/y:1"),
            ),
            host=stored("host", "grid", BOTH[:1]),
        )

    def __call__(self, host: str) -> Snapshot:
        """Read it."""
        if self.error:
            raise CycloneError(self.error)
        return self.snapshot


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """The host `grid` is registered and selected, and read through this."""
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path))
    HostRegistry().add(HOST)
    HostRegistry().select("grid")
    made = Account()
    before = aws_looks.SHARED.read_with(made), aws_mirror.SHARED.read_with(lambda host: FarJobs()), aws_crews.SHARED.read_with(no_workers)
    yield made
    aws_mirror.SHARED.of("grid").close()
    aws_looks.SHARED.read_with(before[0])
    aws_mirror.SHARED.read_with(before[1])
    aws_crews.SHARED.read_with(before[2])


def no_workers(host: str) -> CrewsNow:
    """A host that nobody works for."""
    return CrewsNow()


async def ready(app: CycloneApp, pilot: Pilot[Any]) -> None:
    """Until the first look has been taken."""
    for _ in range(100):
        await settle(app, pilot)
        if isinstance(app.screen, View) and (app.screen.has_data or not app.screen.LIVE):
            return
        await pilot.pause(0.05)
    raise AssertionError("nothing was read")


def screen(app: CycloneApp) -> list[str]:
    """The lines on the screen."""
    return ["".join(segment.text for segment in strip).rstrip() for strip in app.screen._compositor.render_strips()]


def shows(run: Run, start: str, *texts: str, size: tuple[int, int] = (140, 40), keys: tuple[str, ...] = ()) -> list[str]:
    """Open a view and look for texts."""
    found: list[str] = []

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await ready(app, pilot)
        await pilot.press(*keys)
        await settle(app, pilot)
        found[:] = await shown(app, pilot, *texts)

    run(check, start, size, host="grid")
    return found


async def shown(app: CycloneApp, pilot: Pilot[Any], *texts: str) -> list[str]:
    """The lines on the screen, once all of these texts are in them."""
    for _ in range(100):
        found = screen(app)
        if all(any(text in line for line in found) for text in texts):
            return found
        if isinstance(app.screen, View):
            app.screen.refresh_data()
        await settle(app, pilot)
        await pilot.pause(0.05)
    raise AssertionError((texts, found))


def test_clusters_say_in_how_many_regions_they_are_well(account: Account, on_screen: Run) -> None:
    """And where and why not."""
    lines = shows(on_screen, "clusters", "1 of 2", "us-east-1: the limit of 50 environments")
    small = next(line for line in lines if line.startswith(("  small", "▌ small")))
    assert small.split()[1:5] == ["✓", "ACTIVE", "2", "ONDEMAND"]


def test_regions_say_what_network_they_have(account: Account, on_screen: Run) -> None:
    """In eighty columns too."""
    lines = shows(on_screen, "regions", "10.0.0.0/16", size=(80, 24))
    main = next(line for line in lines if "eu-west-1" in line and "10.0.0.0/16" in line)
    assert main.split()[1:] == ["eu-west-1", "✓", "ACTIVE", "yes", "10.0.0.0/16", "PRIVATE_WITH_NAT", "1"]


def test_a_resource_is_described_by_region(account: Account, on_screen: Run) -> None:
    """Each with its state, and the reason below the one that failed."""
    lines = shows(on_screen, "describe cluster big", "Regions", "the limit of 50 environments", "queue night")
    assert any("us-east-1" in line and "FAILED" in line for line in lines)


def test_a_cluster_says_how_workers_come_and_what_is_done_when_none_do(account: Account, on_screen: Run) -> None:
    """By region, with why one is left alone; the steps of its chain with their waits."""
    coming = (ComingNow("eu-west-1", "big", start_s=62, delivered=0.9, rung="zones"),
              ComingNow("us-east-1", "big", "open", 2000.0, "no worker came within 4 min"))  # fmt: skip
    crews = (CrewNow("lab", "big", 0, 2, 4.0), CrewNow("eu-west-1", "big", 1, 3, 6.0))
    aws_crews.SHARED.read_with(lambda host: CrewsNow(crews, coming=coming))
    before = aws_workers.SHARED.read_with(lambda host: ())
    lines = shows(on_screen, "describe cluster big", "How workers come", "no worker came within 4 min", "When none come", "site lab")
    aws_workers.SHARED.read_with(before)
    assert any("site lab" in line and "2 workers" in line for line in lines), "machines joined there: it is no region of the host"
    assert any("more zones" in line and "start 1m02s, 90% came" in line for line in lines)
    assert any("us-east-1" in line and "left alone" in line for line in lines)
    assert any("after 4m00s" in line and "in other regions" in line for line in lines)


def test_a_host_is_described_by_region(account: Account, on_screen: Run) -> None:
    """With its account."""
    shows(on_screen, "describe host grid", "Regions", "us-east-1", "123456789012")


def test_home_shows_what_the_host_has(account: Account, on_screen: Run) -> None:
    """Its queues and clusters are there, and what needs attention."""
    lines = shows(on_screen, "home", "No job yet", "night", "us-east-1/big")
    assert any("cluster big is FAILED" in line for line in lines)


def test_old_data_says_how_old_it_is(account: Account, on_screen: Run) -> None:
    """While AWS cannot be reached what was read stays; afterwards nothing is said any more."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await ready(app, pilot)
        banner = app.screen.query_one("#banner", Static)
        account.error = "ec2 in eu-west-1 does not answer"
        await look_anew(app, pilot, lambda: banner.display)
        assert "data from" in str(banner.content)
        assert "ec2 in eu-west-1 does not answer. Trying again" in str(banner.content)
        assert any("small" in line for line in screen(app))
        account.error = ""
        await look_anew(app, pilot, lambda: not banner.display)

    on_screen(check, "clusters", host="grid")


async def look_anew(app: CycloneApp, pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """Ask for everything anew until something is so."""
    await pilot.press("r")
    for _ in range(100):
        await settle(app, pilot)
        if condition():
            return
        await pilot.pause(0.05)
        assert isinstance(app.screen, View)
        app.screen.refresh_data()
    raise AssertionError("it did not happen")


def test_a_host_that_was_never_read_says_why(account: Account, on_screen: Run) -> None:
    """With what to do about it."""
    account.error = "the credentials have expired. Sign in: aws sso login"

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        banner = app.screen.query_one("#banner", Static)
        for _ in range(100):
            await settle(app, pilot)
            if "aws sso login" in str(banner.content):
                return
            await pilot.pause(0.05)
        raise AssertionError(str(banner.content))

    on_screen(check, "clusters", host="grid")


def test_regions_narrow_lists(account: Account, on_screen: Run) -> None:
    """R offers the host's; a list shows what is there."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await ready(app, pilot)
        await pilot.press("R")
        await pilot.pause(0.2)
        await pilot.press("down", "enter")
        await settle(app, pilot)
        assert app.session.region == "eu-west-1"
        assert not any(line.startswith(("  us-east-1", "▌ us-east-1")) for line in screen(app))

    on_screen(check, "regions", host="grid")


def test_the_header_says_how_the_host_is(account: Account, on_screen: Run) -> None:
    """In a word."""
    account.snapshot = Snapshot(host=account.snapshot.host)

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await ready(app, pilot)
        for _ in range(100):
            app.look()
            await settle(app, pilot)
            if app.screen.query_one(Header).heading.health == "ready":
                return
            await pilot.pause(0.05)
        raise AssertionError(app.screen.query_one(Header).heading)

    on_screen(check, "regions", host="grid")


def test_hosts_are_listed_side_by_side(account: Account, on_screen: Run) -> None:
    """What cannot be done with an AWS host is told."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await ready(app, pilot)
        assert any("grid" in line and "aws" in line and "eu-west-1" in line for line in screen(app))
        await pilot.press("x")
        await pilot.pause(0.1)
        assert "no process of it runs here" in next(iter(app._notifications)).message

    on_screen(check, "hosts", host="grid")


@pytest.mark.parametrize(
    ("name", "question", "command"),
    [
        ("0a1b:2", "Ask worker 0a1b", "hyper workers drain 0a1b:2 --cluster big --region lab"),
        ("rack#41", "Ask machine rack, with all of its slots, to leave?", "hyper workers drain --machine rack --cluster big --region lab"),
    ],
)
def test_a_worker_is_asked_to_leave_after_a_question(account: Account, on_screen: Run, name: str, question: str, command: str) -> None:
    """A worker of a machine means the machine; the question shows the command."""
    body = json.dumps({"region": "lab", "cluster": "big", "state": "working", "started": 1, "seen": time.time()})
    worker = aws_workers.view({"sk": f"lab/{name}", "body": body}, time.time())
    before = aws_workers.SHARED.read_with(lambda host: (worker,))
    aws_crews.SHARED.read_with(lambda host: CrewsNow((CrewNow("lab", "big", 0, 1, 1.0),)))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await shown(app, pilot, "busy")
        await pilot.press("x")
        await pilot.pause()
        await shown(app, pilot, question, command)

    on_screen(check, "workers", (140, 40), host="grid")
    aws_workers.SHARED.read_with(before)
