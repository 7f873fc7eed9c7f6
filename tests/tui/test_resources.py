"""Lists of resources and everything about one: what they say of a filled host, and what their keys change on a real one."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from cyclone_core.jobs import JobRequest
from cyclone_core.operations import descriptions, hosts, jobs, resources
from cyclone_core.operations.deployments import list_deployments
from cyclone_core.operations.queries import open_host
from cyclone_core.resources import Host
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.column_chooser import ColumnChooser
from cyclone_tui.screens.list_view import ListView
from cyclone_tui.screens.modals import Choose, Confirmation
from cyclone_tui.screens.sheet import Sheet, SheetTable
from cyclone_tui.widgets.row_table import RowTable
from tests.filled import FilledHost
from tests.tui.conftest import settle

OnScreen = Callable[..., CycloneApp]
P = Pilot[Any]


@pytest.fixture
def host() -> Iterator[Host]:
    """A real host with a paused queue on a second cluster; stopped afterwards."""
    local = hosts.get("local")
    hosts.start(local)
    for kind, given in (
        ("cluster", {"name": "big", "max_vcpus": 1}),
        ("queue", {"name": "night", "cluster": "big", "paused": True}),
        ("queue", {"name": "day"}),
    ):
        known = resources.for_host(local)
        list(known.apply(known.propose_put(kind, given)))
    yield local
    hosts.stop(local)


def names(kind: str) -> list[str]:
    """What the host has of a kind."""
    with open_host() as view:
        return [row.name for row in descriptions.listing(view, kind)]


def view_of(app: CycloneApp) -> ListView[Any]:
    """The list on top."""
    assert isinstance(app.screen, ListView)
    return app.screen


def shown(app: CycloneApp) -> list[str]:
    """Names of the rows on the screen."""
    return [row.name for row in view_of(app).shown]


def said(app: CycloneApp) -> str:
    """The line below the rows."""
    return str(app.screen.query_one("#summary").render())


def top(app: CycloneApp) -> str:
    """Which view is on top."""
    return app.views[-1].NAME


async def until(pilot: P, true: Callable[[], bool]) -> None:
    """Wait for what a flow leads to."""
    for _ in range(500):
        await pilot.pause()
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within five seconds")


def asks(app: CycloneApp, kind: type) -> bool:
    """Whether a dialog of this kind takes keys."""
    return isinstance(app.screen, kind) and app.screen.focused is not None


async def typed(pilot: P, text: str) -> None:
    """Type it, letter by letter."""
    for letter in text:
        await pilot.press({"-": "minus", ":": "colon", ">": "greater_than_sign", "!": "exclamation_mark"}.get(letter, letter))


def lines(app: CycloneApp) -> dict[str, str]:
    """Key -> text of every line about a resource."""
    return {
        line.key: line.text for table in app.screen.query_one(Sheet).query(SheetTable) for line in table._source.window(0, table.row_count)
    }


# -- lists ------------------------------------------------------------------------------------------------------------
def test_a_list_has_the_columns_of_hyper_and_numbers_of_now(filled: FilledHost, on_screen: OnScreen) -> None:
    """Queues with their cluster, priority, open jobs and tasks; the cursor on the first."""
    filled.resource("queue", "night", cluster="default", priority=7, paused=True)
    filled.job(1, (3, 2, 1, 0, 0, 0), queue="night")

    async def check(app: CycloneApp, pilot: P) -> None:
        assert shown(app) == ["default", "night"]
        texts = {column.key: column.text(view_of(app).rows[1]) for column in view_of(app).table.columns}
        assert texts["state"] == "‖ paused"
        assert (texts["cluster"], texts["priority"], texts["open_jobs"]) == ("default", "7", "1")
        assert (texts["waiting"], texts["running"], texts["successful"]) == ("3", "2", "1")
        assert said(app).startswith("2 queues, 1 paused")
        assert view_of(app).twin() == "hyper queues list-queues"

    on_screen(check, start="queues")


@pytest.mark.parametrize(
    ("view", "only"), [("regions", "local"), ("clusters", "default"), ("queues", "default"), ("definitions", "default")]
)
def test_every_kind_has_its_list(view: str, only: str, filled: FilledHost, on_screen: OnScreen) -> None:
    """The same list, whatever the kind; a state is a word."""

    async def check(app: CycloneApp, pilot: P) -> None:
        assert shown(app) == [only]
        state = next(column for column in view_of(app).table.columns if column.key == "state")
        assert state.text(view_of(app).rows[0]) == "✓ ACTIVE"

    on_screen(check, start=view)


def test_an_empty_list_says_what_to_do(filled: FilledHost, on_screen: OnScreen) -> None:
    """And not what a reader may not do."""

    async def check(app: CycloneApp, pilot: P) -> None:
        assert "Press a to build one" in view_of(app).table.empty

    async def check_reader(app: CycloneApp, pilot: P) -> None:
        assert view_of(app).table.empty == "No image yet: tasks run on the machine itself"

    on_screen(check, start="images")
    on_screen(check_reader, start="images", read_only=True)


def test_a_resource_that_failed_is_seen_by_word_and_reason(filled: FilledHost, on_screen: OnScreen) -> None:
    """In the list, and in the line below it."""
    filled.resource("image", "tools", "FAILED", reason="no such package", directory="/src", reference="cyclone/local:tools")

    async def check(app: CycloneApp, pilot: P) -> None:
        texts = {column.key: column.text(view_of(app).rows[0]) for column in view_of(app).table.columns}
        assert (texts["state"], texts["reason"], texts["source"]) == ("✗ FAILED", "no such package", "/src")
        assert said(app).startswith("1 image, 1 FAILED")

    on_screen(check, start="images")


def test_filter_by_word_column_and_opposite(filled: FilledHost, on_screen: OnScreen) -> None:
    """Every letter narrows the list; Esc takes the filter away."""
    filled.resource("queue", "gpu", cluster="default", priority=7)
    filled.resource("queue", "night", cluster="default", priority=0, paused=True)

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press("slash")
        await typed(pilot, "priority>3")
        assert shown(app) == ["gpu"]
        await pilot.press("enter")
        assert "priority>3" in said(app)
        await pilot.press("escape")
        assert shown(app) == ["default", "gpu", "night"]
        await pilot.press("slash")
        await typed(pilot, "!paused:yes")
        assert shown(app) == ["default", "gpu"]

    on_screen(check, start="queues")


def test_a_filter_that_means_nothing_changes_nothing(filled: FilledHost, on_screen: OnScreen) -> None:
    """It is said what is wrong with it."""

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press("slash")
        await typed(pilot, "colour:red")
        assert shown(app) == ["default"]
        assert "no column 'colour'" in str(app.screen.query_one("#problem").render())

    on_screen(check, start="queues")


def test_order_by_keys(filled: FilledHost, on_screen: OnScreen) -> None:
    """`o` lets one choose, `O` turns the order around."""
    filled.resource("queue", "gpu", cluster="big", priority=7)

    async def check(app: CycloneApp, pilot: P) -> None:
        table = app.screen.query_one("#rows", RowTable)
        await pilot.press("o")
        await until(pilot, lambda: asks(app, Choose))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: table.sorted_by == ("cluster", False))
        assert [row.name for row in table._source.window(0, 9)] == ["gpu", "default"]
        await pilot.press("O")
        assert [row.name for row in table._source.window(0, 9)] == ["default", "gpu"]

    on_screen(check, start="queues")


def test_columns_are_chosen_and_kept(filled: FilledHost, on_screen: OnScreen) -> None:
    """Every field can be a column; the choice is in the settings."""

    async def check(app: CycloneApp, pilot: P) -> None:
        table = app.screen.query_one("#rows", RowTable)
        assert "output_limit_mib" not in table.visible_columns
        await pilot.press("c")
        await until(pilot, lambda: asks(app, ColumnChooser))
        chooser = app.screen
        assert isinstance(chooser, ColumnChooser)
        chooser.table.select("output_limit_mib")
        await pilot.press("space", "enter")
        await until(pilot, lambda: "output_limit_mib" in table.visible_columns)
        assert "output_limit_mib" in app.settings.columns["definitions"]

    on_screen(check, start="definitions")


def test_the_panel_follows_the_cursor(filled: FilledHost, on_screen: OnScreen) -> None:
    """It is there where there is room, and describes the row under the cursor."""
    filled.resource("queue", "gpu", cluster="default", priority=7)

    async def check(app: CycloneApp, pilot: P) -> None:
        await settle(app, pilot)
        assert lines(app)["name"] == "default"
        await pilot.press("j")
        await until(pilot, lambda: lines(app).get("name") == "gpu")
        assert lines(app)["priority"] == "7"
        await pilot.press("v")
        assert not app.screen.query_one(Sheet).display

    on_screen(check, start="queues", size=(140, 40))


def test_enter_in_the_panel_follows_its_line(filled: FilledHost, on_screen: OnScreen) -> None:
    """Tab goes there, and a line leads on."""

    async def check(app: CycloneApp, pilot: P) -> None:
        await until(pilot, lambda: "jobs" in lines(app))
        await pilot.press("tab")
        assert app.screen.query_one("#now", SheetTable).go_to(lambda line: line.key == "jobs")
        await pilot.press("enter")
        await until(pilot, lambda: top(app) == "jobs")
        assert dict(app.views[-1].arguments) == {"queue": "default"}

    on_screen(check, start="queues", size=(140, 40))


def test_only_the_region_of_the_session(filled: FilledHost, on_screen: OnScreen) -> None:
    """What is elsewhere is not shown, and how to see it is said."""

    async def check(app: CycloneApp, pilot: P) -> None:
        app.session.region = "eu-west-1"
        await pilot.press("r")
        await settle(app, pilot)
        assert shown(app) == []
        assert "R shows all regions" in view_of(app).table.empty

    on_screen(check, start="clusters")


@pytest.mark.parametrize(
    ("key", "place", "arguments"),
    [
        ("enter", "describe", {"kind": "queue", "name": "default"}),
        ("d", "describe", {"kind": "queue", "name": "default"}),
        ("J", "jobs", {"queue": "default"}),
        ("s", "submit", {"queue": "default"}),
        ("e", "edit", {"kind": "queue", "name": "default"}),
        ("a", "new", {"kind": "queue"}),
    ],
)
def test_keys_that_go_somewhere(key: str, place: str, arguments: dict[str, str], filled: FilledHost, on_screen: OnScreen) -> None:
    """From the queue under the cursor."""

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press(key)
        await until(pilot, lambda: top(app) == place)
        assert dict(app.views[-1].arguments) == arguments

    on_screen(check, start="queues")


def test_workers_of_a_cluster(filled: FilledHost, on_screen: OnScreen) -> None:
    """`w` goes there."""

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press("w")
        await until(pilot, lambda: app.views[-1].NAME == "workers")
        assert dict(app.views[-1].arguments) == {"cluster": "default"}

    on_screen(check, start="clusters")


def test_yaml_is_what_was_set(filled: FilledHost, on_screen: OnScreen) -> None:
    """The fields of the model, of one or of all that are marked."""
    filled.resource("queue", "gpu", cluster="default", priority=7)

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press("y")
        assert app.clipboard.splitlines()[0] == "name: default"
        await pilot.press("asterisk", "y")
        assert app.clipboard.startswith("queues:\n- name: default\n")
        assert "name: gpu" in app.clipboard

    on_screen(check, start="queues")


def test_read_only_hides_what_changes(filled: FilledHost, on_screen: OnScreen) -> None:
    """Keys that change something do nothing."""

    async def check(app: CycloneApp, pilot: P) -> None:
        await pilot.press("p", "ctrl+d", "e", "a", "s")
        await settle(app, pilot)
        assert [view.NAME for view in app.views] == ["queues"]
        assert not isinstance(app.screen, Confirmation)
        assert "pause" not in {active.binding.action for active in app.screen.active_bindings.values() if active.enabled}

    on_screen(check, start="queues", read_only=True)


# -- one resource -----------------------------------------------------------------------------------------------------
def test_everything_about_a_queue(filled: FilledHost, on_screen: OnScreen) -> None:
    """Its state, tasks, what it needs, and what was set beside what was left at its default."""
    filled.resource("queue", "gpu", cluster="default", priority=7)
    filled.job(1, (3, 2, 0, 1, 0, 0), queue="gpu")

    async def check(app: CycloneApp, pilot: P) -> None:
        found = lines(app)
        assert (found["state"], found["jobs"]) == ("✓ ACTIVE", "1")
        assert (found["tasks waiting"], found["tasks failed"]) == ("3", "1")
        assert (found["cluster default"], found["priority"]) == ("✓ ACTIVE", "7")
        assert list(found).index("priority") < list(found).index("# Left at their default") < list(found).index("paused")
        assert app.views[-1].twin() == "hyper queues list-queues --name gpu"

    on_screen(check, start="describe queue gpu")


def test_enter_follows_a_reference_both_ways(filled: FilledHost, on_screen: OnScreen) -> None:
    """From the queue to its cluster, and from the cluster to the queue that needs it."""

    async def check(app: CycloneApp, pilot: P) -> None:
        table = app.screen.query_one("#now", SheetTable)
        assert table.go_to(lambda line: line.key == "cluster default")
        await pilot.press("enter")
        await until(pilot, lambda: dict(app.views[-1].arguments) == {"kind": "cluster", "name": "default"})
        await settle(app, pilot)
        assert lines(app)["queue default"] == "✓ ACTIVE"
        await pilot.press("escape")
        await until(pilot, lambda: app.views[-1].arguments["kind"] == "queue")

    on_screen(check, start="describe queue default")


def test_a_line_is_explained(filled: FilledHost, on_screen: OnScreen) -> None:
    """Help of the field and how `hyper` takes it, for the line under the cursor."""

    async def check(app: CycloneApp, pilot: P) -> None:
        app.screen.query_one("#now", SheetTable).go_to(lambda line: line.key == "priority")
        await pilot.pause()
        told = str(app.screen.query_one("#about").render())
        assert "Jobs of a queue with a higher number start first" in told
        assert "--priority" in told

    on_screen(check, start="describe queue default")


def test_the_log_of_a_build(filled: FilledHost, on_screen: OnScreen) -> None:
    """`l` goes to it; the reason of a failure stands above."""
    filled.resource("image", "tools", "FAILED", reason="no such package", log=["STEP 1", "STEP 2"], directory="/src")

    async def check(app: CycloneApp, pilot: P) -> None:
        assert lines(app)["reason0"] == "no such package"
        await pilot.press("l")
        line = app.screen.query_one(Sheet).current
        assert line is not None
        assert line.key == "# Build log"
        assert lines(app)["log1"] == "STEP 2"

    on_screen(check, start="describe image tools")


def test_what_is_not_there_is_said_with_the_nearest_name(filled: FilledHost, on_screen: OnScreen) -> None:
    """In the banner, not in a trace."""

    async def check(app: CycloneApp, pilot: P) -> None:
        banner = app.screen.query_one("#banner")
        assert banner.display
        assert "Did you mean 'default'?" in str(banner.render())

    on_screen(check, start="describe queue defualt")


def test_a_stopped_host_is_not_started_by_the_way(filled: FilledHost, on_screen: OnScreen) -> None:
    """Pausing and deleting say that they would start it, and ask."""

    async def check(app: CycloneApp, pilot: P) -> None:
        for key in ("p", "ctrl+d"):
            await pilot.press(key)
            await until(pilot, lambda: asks(app, Confirmation))
            asked = app.screen
            assert isinstance(asked, Confirmation)
            assert "is stopped: this starts it" in asked.detail
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is app.views[-1])
        assert hosts.status("local").state == "stopped"

    on_screen(check, start="queues")


# -- changes ----------------------------------------------------------------------------------------------------------
def test_pause_and_go_on(host: Host, on_screen: OnScreen) -> None:
    """`p` on a queue, and again; each is a deployment that can be taken back."""

    async def check(app: CycloneApp, pilot: P) -> None:
        view_of(app).table.select("day")
        for paused in (True, False):
            await pilot.press("p")
            await until(pilot, lambda paused=paused: {row.name: row for row in view_of(app).rows}["day"].stored.body["paused"] is paused)
        newest = list_deployments(host)[0]
        assert newest.command == "hyper queues update-queue --name day --no-paused"

    on_screen(check, start="queues")


def test_delete_asks_shows_the_command_and_deletes(host: Host, on_screen: OnScreen) -> None:
    """No is the default; with yes it is gone, and the deployment says by which command."""

    async def check(app: CycloneApp, pilot: P) -> None:
        view_of(app).table.select("day")
        await pilot.press("ctrl+d")
        await until(pilot, lambda: asks(app, Confirmation))
        asked = app.screen
        assert isinstance(asked, Confirmation)
        assert (asked.question, asked.twin) == ("Delete queue day?", "hyper queues delete-queue --name day --yes")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.views[-1])
        assert "day" in names("queue")
        await pilot.press("ctrl+d")
        await until(pilot, lambda: asks(app, Confirmation))
        await pilot.press("y")
        await until(pilot, lambda: app.screen is app.views[-1] and "day" not in shown(app))
        assert "day" not in names("queue")

    on_screen(check, start="queues")


def test_delete_all_that_are_marked(host: Host, on_screen: OnScreen) -> None:
    """One plan, one question."""

    async def check(app: CycloneApp, pilot: P) -> None:
        view_of(app).table.mark(["day", "night"])
        await pilot.pause()
        assert "2 marked" in said(app)
        await pilot.press("ctrl+d")
        await until(pilot, lambda: asks(app, Confirmation))
        await pilot.press("y")
        await until(pilot, lambda: app.screen is app.views[-1] and shown(app) == ["default"])
        assert len(list_deployments(host)[0].plan.changes) == 2
        assert view_of(app).table.marked == []

    on_screen(check, start="queues")


def test_a_queue_with_open_jobs_is_not_deleted(host: Host, on_screen: OnScreen) -> None:
    """What stands against it is shown before anything is asked, with a way to it."""
    with open_host() as view:
        jobs.submit(view.state_dir, JobRequest(script=b"sleep 60\n", name="nap", directory="/tmp", queue="night"))

    async def check(app: CycloneApp, pilot: P) -> None:
        view_of(app).table.select("night")
        await pilot.press("ctrl+d")
        await until(pilot, lambda: asks(app, Choose))
        told = app.screen
        assert isinstance(told, Choose)
        assert "1 job in it is not finished" in told.detail
        assert "qdel -q night --all" in told.detail
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.views[-1].NAME == "jobs")
        assert dict(app.views[-1].arguments) == {"queue": "night"}
        assert "night" in names("queue")

    on_screen(check, start="queues")


def test_a_cluster_asks_for_its_name(host: Host, on_screen: OnScreen) -> None:
    """While a queue needs it, it is refused; then its name must be typed, and the deployment is shown."""

    async def check(app: CycloneApp, pilot: P) -> None:
        view_of(app).table.select("big")
        await pilot.press("ctrl+d")
        await until(pilot, lambda: asks(app, Choose))
        await pilot.press("escape")
        known = resources.for_host(host)
        list(known.apply(known.propose_delete("queue", "night")))
        await pilot.press("ctrl+d")
        await until(pilot, lambda: asks(app, Confirmation))
        await typed(pilot, "big")
        await pilot.press("enter")
        await until(pilot, lambda: app.views[-1].NAME == "deployment")
        await until(pilot, lambda: names("cluster") == ["default"])

    on_screen(check, start="clusters")


def test_deleting_from_its_description_goes_back(host: Host, on_screen: OnScreen) -> None:
    """Nothing is left to describe."""

    async def check(app: CycloneApp, pilot: P) -> None:
        app.open("describe queue day")
        await settle(app, pilot)
        await pilot.press("ctrl+d")
        await until(pilot, lambda: asks(app, Confirmation))
        await pilot.press("y")
        await until(pilot, lambda: [view.NAME for view in app.views] == ["queues"] and app.screen is app.views[-1])
        assert "day" not in names("queue")

    on_screen(check, start="queues")
