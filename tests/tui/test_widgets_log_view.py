"""The tail of an output: follows, pauses, keeps its place, finds, wraps, and forgets what is too old."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.pilot import Pilot
from textual.widgets import Static

from cyclone_tui.themes import VARIABLES
from cyclone_tui.widgets.log_lines import NOTE
from cyclone_tui.widgets.log_view import Batch, LogTail

HEIGHT = 10
ROWS = HEIGHT - 1
"""Of lines: one row is the status."""


class Host(App[None]):
    """One log, nothing else, with the keys that views give it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("f", "tail('follow')", ""),
        ("slash", "search", ""),
        ("n", "tail('match', 1)", ""),
        ("N", "tail('match', -1)", ""),
        ("w", "tail('wrap')", ""),
        ("o", "save", ""),
    ]

    def __init__(self, prefix: int = 0) -> None:
        super().__init__()
        self.tail = LogTail("~/x.txt", prefix=prefix)
        self.saves: list[str] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours that are ours."""
        return dict(VARIABLES)

    def compose(self) -> ComposeResult:
        """The log."""
        yield self.tail

    def on_mount(self) -> None:
        """Keys go to the lines."""
        self.tail.pane.focus()

    def action_tail(self, name: str, *arguments: int) -> None:
        """What a key of a view does."""
        getattr(self.tail, f"action_{name}")(*arguments)

    def on_log_tail_save_asked(self, event: LogTail.SaveAsked) -> None:
        """Remember the path."""
        self.saves.append(event.path)


def on_log(check: Callable[[Host, Pilot[None]], Awaitable[None]], prefix: int = 0) -> None:
    """Run a check in a terminal of 40x10."""

    async def run() -> None:
        app = Host(prefix)
        async with app.run_test(size=(40, HEIGHT)) as pilot:
            await check(app, pilot)

    asyncio.run(run())


def numbered(count: int, first: int = 0) -> Batch:
    """`line 0`, `line 1`, …"""
    return Batch([f"line {number}" for number in range(first, first + count)])


def shown(app: Host) -> list[str]:
    """The rows on the screen."""
    return [app.tail.pane.render_line(row).text.rstrip() for row in range(ROWS)]


def test_follows_the_end() -> None:
    """The last lines are on the screen, whatever comes."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        for first in (0, 100):
            app.tail.add(numbered(100, first))
            await pilot.pause()
            assert shown(app)[-1] == f"line {first + 99}"
        assert "following" in app.tail.status()

    on_log(check)


def test_scrolling_up_pauses() -> None:
    """Lines on the screen stay while others come in; the status tells how many."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.tail.add(numbered(100))
        await pilot.press("k", "k")
        before = shown(app)
        app.tail.add(numbered(50, 100))
        await pilot.pause()
        assert shown(app) == before
        assert "50 new" in app.tail.status()
        await pilot.press("G")
        assert shown(app)[-1] == "line 149"
        assert "new" not in app.tail.status()

    on_log(check)


def test_old_lines_go_and_the_view_stays() -> None:
    """Above the limit the earliest lines are forgotten, and what is looked at does not move."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.tail.pane.max_lines = 100
        app.tail.add(numbered(100))
        await pilot.press("k")
        before = shown(app)
        app.tail.add(numbered(20, 100))
        await pilot.pause()
        assert (shown(app), len(app.tail.pane.lines)) == (before, 100)
        assert "120 lines   the last 100 kept" in app.tail.status()

    on_log(check)


def test_unfinished_line_is_replaced() -> None:
    """A progress bar stays one line."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        for text in ("10 %", "20 %"):
            app.tail.add(Batch([], text))
        app.tail.add(Batch(["30 %", "done"]))
        await pilot.pause()
        assert shown(app)[:3] == ["30 %", "done", ""]

    on_log(check)


def test_search_goes_from_place_to_place() -> None:
    """`/` asks, n and N go on, the number of lines is told; a search that finds nothing says so."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.tail.add(numbered(200))
        await pilot.press("slash", *"LINE 5", "enter")
        assert "not found" in app.tail.status()
        await pilot.press("slash", *"line 5", "enter")
        assert ("11 found" in app.tail.status(), app.tail.pane.match) == (True, 59)
        await pilot.press("N")
        assert app.tail.pane.match == 58
        await pilot.press("n", "n")
        assert (app.tail.pane.match, app.tail.pane.following) == (5, False)

    on_log(check)


def test_match_is_highlighted() -> None:
    """The place itself has a style of its own, in the middle of a line behind a prefix too."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.tail.add(Batch(["  7 a needle here"]))
        app.tail.pane.search("needle")
        await pilot.pause()
        segments = list(app.tail.pane.render_line(0))
        assert [segment.text for segment in segments][:3] == ["", "  7 ", "a "]
        [match] = [segment for segment in segments if segment.text == "needle"]
        assert match.style != segments[2].style

    on_log(check, prefix=4)


def test_wrap_breaks_and_keeps_the_line() -> None:
    """Long lines take several rows, wide letters are not torn, and the line on top stays there."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.tail.add(Batch(["a" * 50, "漢" * 30, "end"]))
        await pilot.press("w")
        width = app.tail.pane.scrollable_content_region.width
        rows = shown(app)
        assert rows[:2] == ["a" * width, "a" * (50 - width)]
        assert rows[2:5] == ["漢" * (width // 2), "漢" * (30 - width // 2), "end"]
        app.tail.add(Batch([f"{number} {'x' * 60}" for number in range(50)]))
        await pilot.press("g", "j", "j", "w")
        assert shown(app)[0].startswith("漢")

    on_log(check)


def test_breaking_lines_keeps_the_one_on_top_however_many_are_forgotten() -> None:
    """And the status line says at once that they are broken."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.tail.pane.max_lines = 60
        await pilot.press("w")
        app.tail.add(Batch(["z" * 90] * 30))
        app.tail.add(numbered(60))
        await pilot.press("g", *"jjjjjjjjjj")
        for wrapped in (False, True):
            await pilot.press("w")
            await pilot.pause()
            assert shown(app)[0] == "line 10"
            assert ("wrapped" in str(app.query_one("#log-status", Static).content)) is wrapped

    on_log(check)


def test_wrapped_tail_is_pruned() -> None:
    """The rows of forgotten lines go too."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.tail.pane.max_lines = 20
        await pilot.press("w")
        app.tail.add(Batch(["y" * 100] * 30))
        app.tail.add(Batch(["end"]))
        await pilot.pause()
        assert shown(app)[-1] == "end"
        assert app.tail.pane.virtual_size.height == 19 * 3 + 1

    on_log(check)


def test_save_asks_for_the_path() -> None:
    """The proposal can be taken or changed; Escape saves nothing and gives the keys back to the log."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        await pilot.press("o", "enter")
        await pilot.press("o", "backspace", "backspace", "backspace", *"log", "enter")
        await pilot.press("o", "escape")
        assert app.saves == ["~/x.txt", "~/x.log"]
        assert app.focused is app.tail.pane
        assert not app.query_one("#log-prompt").display

    on_log(check)


def test_notes_are_told_from_output() -> None:
    """A line of ours has its own style and no marker in it."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.tail.note("it runs again: attempt 2")
        await pilot.pause()
        assert shown(app)[0] == "it runs again: attempt 2"
        assert app.tail.pane.lines[0].startswith(NOTE)

    on_log(check)


def test_f_pauses_and_follows() -> None:
    """One key for both."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.tail.add(numbered(100))
        await pilot.press("f")
        app.tail.add(numbered(1, 100))
        assert shown(app)[-1] == "line 99"
        await pilot.press("f")
        assert shown(app)[-1] == "line 100"

    on_log(check)


def test_a_match_at_the_end_stays_paused() -> None:
    """Neither the prompt's coming and going nor new lines begin to follow again; moving down to the end does."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.tail.add(numbered(100))
        await pilot.press("slash", *"line 98", "enter")
        await pilot.pause()
        before = shown(app)
        app.tail.add(numbered(5, 100))
        await pilot.pause()
        assert (app.tail.pane.following, shown(app)) == (False, before)
        await pilot.press("pagedown", "pagedown")
        assert app.tail.pane.following

    on_log(check)


def test_keys_faster_than_the_prompt() -> None:
    """What is typed behind `/` is the text to search for, also when all of it arrives at once."""

    async def check(app: Host, pilot: Pilot[None]) -> None:
        app.tail.add(Batch(["now", "then"]))
        for key, character in (("slash", "/"), ("n", "n"), ("o", "o"), ("w", "w"), ("enter", "\r")):
            app.post_message(events.Key(key, character))
        await pilot.pause()
        await pilot.pause()
        assert "/now: 1 found" in app.tail.status()
        assert (app.saves, app.tail.pane.wrap) == ([], False)
        for key, character in (("o", "o"), ("ctrl+u", None), ("a", "a"), ("b", "b"), ("backspace", None), ("enter", "\r")):
            app.post_message(events.Key(key, character))
        await pilot.pause()
        await pilot.pause()
        assert app.saves == ["a"]

    on_log(check)
