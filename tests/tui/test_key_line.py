"""The last line: keys of the view while there is room, those of the application always."""

from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.modals import Choose
from cyclone_tui.widgets.key_line import KeyLine
from tests.filled import FilledHost

OnScreen = Callable[..., CycloneApp]


def line(app: CycloneApp) -> str:
    """What it says."""
    return str(app.screen.query_one(KeyLine).render())


def test_application_keys_stay_where_it_is_narrow(filled: FilledHost, on_screen: OnScreen) -> None:
    """At 80 columns help is there, and keys that do not fit are left out whole."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert len(line(app)) <= 78
        assert line(app).endswith("? Help")
        assert "x Cancel" in line(app)
        assert "Columns" not in line(app)

    on_screen(check, start="jobs")


def test_more_keys_where_it_is_wide(filled: FilledHost, on_screen: OnScreen) -> None:
    """At 140 columns all are there; a click presses one."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert "o Sort" in line(app)
        await pilot.click(KeyLine, offset=(1 + line(app).index("o Sort"), 0))
        await pilot.pause()
        assert isinstance(app.screen, Choose)

    on_screen(check, start="jobs", size=(140, 40))


def test_read_only_shows_no_key_that_changes(filled: FilledHost, on_screen: OnScreen) -> None:
    """Cancel is not offered."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert "Cancel" not in line(app)

    on_screen(check, start="jobs", read_only=True)


def test_what_is_typed_is_no_key(filled: FilledHost, on_screen: OnScreen) -> None:
    """In the filter line q and / are letters; elsewhere q quits."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert "q Quit" in line(app)
        assert "^q" not in line(app)
        await pilot.press("slash")
        await pilot.pause()
        assert line(app).endswith("^q Quit")
        assert "/ Filter" not in line(app)

    on_screen(check, start="jobs")
