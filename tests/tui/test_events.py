"""The events view: newest first, filtered, paged, and each event leads to what it is about."""

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from cyclone_core.scheduler.sqlite import event_log
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.events import PAGE, EventsView
from cyclone_tui.widgets.row_table import RowTable
from tests.filled import SUBMITTED, FilledHost
from tests.tui.conftest import settle

OnScreen = Callable[..., CycloneApp]


@pytest.fixture
def eventful(filled: FilledHost) -> FilledHost:
    """A host to which three things happened."""
    for kind, name, text in (("queue", "fast", "created"), ("worker", "3", "died"), ("host", "local", "supervisor stopped")):
        event_log.note(filled.db, SUBMITTED, kind, name, text)
    return filled


def shown(app: CycloneApp) -> list[tuple[str, str]]:
    """(kind, text) of the rows."""
    table = app.screen.query_one(RowTable)
    return [(event.kind, event.text) for event in table._source.window(0, table.row_count)]


def test_the_newest_comes_first(eventful: FilledHost, on_screen: OnScreen) -> None:
    """New ones come in above, and an untouched cursor stays on top."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert shown(app) == [("host", "supervisor stopped"), ("worker", "died"), ("queue", "created")]
        event_log.note(eventful.db, SUBMITTED, "queue", "slow", "created")
        await pilot.press("r")
        await settle(app, pilot)
        assert shown(app)[0] == ("queue", "created")
        assert app.screen.query_one(RowTable).cursor_row == 0

    on_screen(check, start="events")


def test_only_warnings_or_words(eventful: FilledHost, on_screen: OnScreen) -> None:
    """The crumb says what is left out; Esc shows everything again."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = app.screen
        assert isinstance(view, EventsView)
        await pilot.press("w")
        await settle(app, pilot)
        assert (shown(app), view.crumb()) == ([("worker", "died")], "events warnings")
        await pilot.press("w", "slash", *"text:*stop*", "enter")
        await pilot.pause()
        assert (shown(app), view.crumb()) == ([("host", "supervisor stopped")], "events /text:*stop*")
        await pilot.press("escape")
        await settle(app, pilot)
        assert len(shown(app)) == 3

    on_screen(check, start="events")


def test_a_region_narrows_the_events(eventful: FilledHost, on_screen: OnScreen) -> None:
    """As it does everywhere, although nothing happened since."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.session.region = "eu-central-1"
        await pilot.press("r")
        await settle(app, pilot)
        assert shown(app) == []

    on_screen(check, start="events")


def test_enter_opens_what_it_happened_to(eventful: FilledHost, on_screen: OnScreen) -> None:
    """A worker's death leads to the workers."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("j", "enter")
        await pilot.pause()
        assert app.views[-1].NAME == "workers"

    on_screen(check, start="events")


def test_older_ones_are_read_near_the_end(filled: FilledHost, on_screen: OnScreen) -> None:
    """A long history costs nothing until somebody goes there."""
    for number in range(PAGE + 100):
        event_log.note(filled.db, SUBMITTED, "queue", f"q{number}", "created")

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert len(shown(app)) == PAGE
        await pilot.press("G")
        await settle(app, pilot)
        assert len(shown(app)) == PAGE + 100

    on_screen(check, start="events")
