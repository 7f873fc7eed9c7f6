"""The view of a deployment on AWS: regions, stacks and what they make, dozens of stacks with hundreds of resources, the first failure."""

from collections.abc import Callable, Iterator
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Static

from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Change, Plan
from cyclone_core.operations.deployments import describe
from cyclone_tui.application import CycloneApp
from cyclone_tui.deployment_progress import Progress, plan_lines
from cyclone_tui.widgets.event_log import EventLog
from cyclone_tui.widgets.row_table import RowTable
from tests.deploying import record
from tests.filled import FilledHost
from tests.tui.conftest import settle

Run = Callable[..., CycloneApp]
REGIONS = ("eu-west-1", "us-east-1")


def stack(region: str, kind: str = "cluster", name: str = "big", action: Any = "create") -> Change:
    """A change of one stack."""
    return Change(action, kind, name, (), {"name": name}, None, region)


def parts(region: str, name: str, count: int, over: int, at: float = 1001.0) -> Iterator[Event]:
    """What a stack says while it makes `count` resources, `over` of which are there."""
    for number in range(count):
        part = f"Part{number} AWS::EC2::Subnet"
        yield Event(at, "cluster", name, "CREATING", region=region, part=part)
        if number < over:
            yield Event(at + 1, "cluster", name, "ACTIVE", region=region, part=part)


def tree(app: CycloneApp) -> list[str]:
    """Rows of the tree."""
    table = app.screen.query_one("#tree", RowTable)
    return [f"{'  ' * row.depth}{row.sign} {row.text} {row.word}".rstrip() for row in table._source.window(0, 999)]


def test_regions_stacks_and_parts(filled: FilledHost, on_screen: Run) -> None:
    """The tree goes from regions to stacks to what a stack makes: what moves is listed, the rest is counted until Enter asks for all."""
    holder = record(
        tuple(stack(region) for region in REGIONS),
        (Event(1000, "cluster", "big", "CREATING", region="eu-west-1"), *parts("eu-west-1", "big", 9, 7)),
    )

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert "create cluster big in 2 regions" in str(app.screen.query_one("DeploymentSummary").render())
        assert tree(app) == [
            "● eu-west-1 0 of 1", "  ● cluster big creating", "    ● Part7 EC2::Subnet creating", "    ● Part8 EC2::Subnet creating",
            "    · 7 more parts, 7 done", "○ us-east-1 0 of 1", "  ○ cluster big waiting",
        ]  # fmt: skip
        await pilot.press("down", "enter")
        await settle(app, pilot)
        assert len(tree(app)) == 4 + 9
        assert app.screen.query_one(EventLog).only == ("eu-west-1", "cluster", "big", "")

    on_screen(check, "deployment 1")
    holder.release()


def test_the_count_of_parts_opens_them(filled: FilledHost, on_screen: Run) -> None:
    """Enter on the line that counts the rest shows them."""
    holder = record((stack("eu-west-1"),), tuple(parts("eu-west-1", "big", 9, 8)))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("G", "enter")
        await settle(app, pilot)
        assert "    ✓ Part0 EC2::Subnet created" in tree(app)

    on_screen(check, "deployment 1")
    holder.release()


def test_the_first_failure_is_its_root(filled: FilledHost, on_screen: Run) -> None:
    """Pinned is what failed, not what was cancelled because of it, whichever is told first."""
    cancelled = Event(1002, "cluster", "big", "FAILED", "Resource creation cancelled", "error", "eu-west-1", "Other AWS::EC2::Subnet")
    cause = Event(1002, "cluster", "big", "FAILED", "the limit of 5 is reached", "error", "eu-west-1", "Queue AWS::Batch::JobQueue")
    whole = Event(1009, "cluster", "big", "FAILED", "rolled back", "error", "eu-west-1")
    record((stack("eu-west-1"),), (cancelled, cause, whole), "FAILED", "rolled back")

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert str(app.screen.query_one("#cause", Static).content) == "the limit of 5 is reached"
        title = str(app.screen.query_one("#failure").border_title)
        assert "eu-west-1 · cluster big · Queue AWS::Batch::JobQueue failed" in title
        assert "    ✗ Queue Batch::JobQueue failed" in tree(app)

    on_screen(check, "deployment 1")


def test_what_was_cancelled_is_no_failure(filled: FilledHost, on_screen: Run) -> None:
    """Somebody asked for it: nothing is pinned, and parts that ended with it are not failed."""
    cancelled = Event(1002, "cluster", "big", "FAILED", "Resource creation cancelled", "error", "eu-west-1", "Other AWS::EC2::Subnet")
    holder = record((stack("eu-west-1"),), (cancelled,))
    holder.record.ask_to_end("ada@machine")

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert "CANCELLING" in str(app.screen.query_one("DeploymentSummary").render())
        assert not app.screen.query_one("#failure").has_class("-shown")
        assert tree(app)[1] == "  ● cluster big creating"

    on_screen(check, "deployment 1")
    holder.release()


def test_many_regions_are_folded(filled: FilledHost, on_screen: Run) -> None:
    """Of many regions, those in which nothing moves are one line each, and Enter opens one."""
    regions = [f"eu-north-{number}" for number in range(12)]
    done = [Event(1001, "cluster", "big", "ACTIVE", region=region) for region in regions[1:]]
    holder = record(tuple(stack(region) for region in regions), (*parts(regions[0], "big", 300, 100), *done))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert len(tree(app)) == 1 + 1 + 6 + 1 + 11
        assert tree(app)[-1] == "✓ eu-north-11 1 of 1"
        await pilot.press("G", "enter")
        await settle(app, pilot)
        assert tree(app)[-1] == "  ✓ cluster big created"

    on_screen(check, "deployment 1")
    holder.release()


def test_rows_are_bounded() -> None:
    """Forty stacks of three hundred resources each, all on their way: a screen's worth of rows, not twelve thousand."""
    regions = [f"r{number}" for number in range(10)]
    progress = Progress(Plan(tuple(stack(region, "cluster", f"c{number}") for region in regions for number in range(4))))
    for region in regions:
        for number in range(4):
            progress.add(parts(region, f"c{number}", 300, 10))
    assert len(progress.rows("RUNNING", 1010)) == 10 + 40 + 40 * 3


def test_bootstrap_is_a_phase(filled: FilledHost, on_screen: Run) -> None:
    """Regions that the CDK needs prepared are counted on their own, and a stack that is named after its region is called by its kind."""
    changes = (stack("eu-west-1", "bootstrap", "eu-west-1"), stack("eu-west-1", "region", "eu-west-1"))
    holder = record(changes, (Event(1000, "bootstrap", "eu-west-1", "ACTIVE", region="eu-west-1"),))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert "✓ bootstrap 1/1 ▸ ○ apply 0/1" in str(app.screen.query_one("DeploymentSummary").render())
        assert tree(app)[1:] == ["  ✓ bootstrap created", "  ○ region waiting"]

    on_screen(check, "deployment 1")
    holder.release()


def test_long_plans_are_told_in_short() -> None:
    """A question shows a dozen lines of a plan, and a list says how many stacks it changes."""
    plan = Plan(tuple(stack("eu-west-1", "queue", f"q{number}") for number in range(30)))
    assert plan_lines(plan).splitlines()[-1] == "and 19 more"
    assert describe(plan) == "create 30 stacks"
