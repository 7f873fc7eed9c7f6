"""The frame of the full-screen interface: going places, keeping data with its age, read-only, keys, themes, what is told."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.app import ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, Static

from cyclone_core.errors import CycloneError, HostUnavailable
from cyclone_core.operations.queries import HostView
from cyclone_tui.actions import Action, bound
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.base import View, background
from cyclone_tui.screens.modals import Choose, Confirmation, Question
from cyclone_tui.settings import Settings
from cyclone_tui.widgets.command_bar import CommandBar
from tests.filled import FilledHost
from tests.tui.conftest import settle

OnScreen = Callable[..., CycloneApp]


class Probe(View):
    """Shows what a test hands it; counts how often it was shown."""

    NAME = "probe"
    ACTIONS = (
        Action("probe.change", "c", "change", "Change", twin="hyper x", writes=True),
        Action("probe.look", "o", "look_here", "Look", looks=True),
    )
    BINDINGS = bound(ACTIONS)

    def __init__(self, *answers: object) -> None:
        super().__init__()
        self.answers = list(answers)
        self.shown: list[object] = []
        self.done: list[str] = []

    def body(self) -> ComposeResult:
        """A line."""
        yield Static("probe", id="line")

    def twin(self) -> str:
        """Something to copy."""
        return "qstat --probe"

    def load(self, host: HostView) -> object:
        """The next answer; the last one again and again."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def show(self, data: object) -> None:
        """Note it."""
        self.shown.append(data)

    @background
    async def action_change(self) -> None:
        """Asks first."""
        self.done.append("yes" if await self.confirm("Change it?") else "no")

    def action_look_here(self) -> None:
        """Changes nothing."""
        self.done.append("looked")


def banner(view: View) -> str:
    """What the banner says, "" while it is hidden."""
    found = view.query_one("#banner", Static)
    return str(found.content) if found.display else ""


def told(app: CycloneApp) -> str:
    """Every notification."""
    return "\n".join(note.message for note in app._notifications)


def test_shows_only_what_differs(filled: FilledHost, on_screen: OnScreen) -> None:
    """An equal answer is not shown again."""
    probe = Probe((1,), (1,), (2,))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.open_view(probe)
        for _ in range(3):
            await settle(app, pilot)
            probe.refresh_data()
        await settle(app, pilot)
        assert probe.shown == [(1,), (2,)]

    on_screen(check, start="help")


def test_keeps_data_with_its_age(filled: FilledHost, on_screen: OnScreen) -> None:
    """A host that cannot be read: the last data stays, the banner says how old it is and why; it goes when the host is back."""
    probe = Probe((1,), HostUnavailable("the host does not answer"), (1,))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.open_view(probe)
        await settle(app, pilot)
        assert banner(probe) == ""
        probe.refresh_data()
        await settle(app, pilot)
        assert banner(probe).startswith("data from 0s ago: the host does not answer")
        probe.refresh_data()
        await settle(app, pilot)
        assert banner(probe) == ""
        assert probe.shown == [(1,)]

    on_screen(check, start="help")


def test_unexpected_errors_are_told(filled: FilledHost, on_screen: OnScreen, tmp_path: Path) -> None:
    """A mistake in the code is a line on the screen and a page in the log, not the end."""
    probe = Probe(ZeroDivisionError("oops"))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.open_view(probe)
        await settle(app, pilot)
        assert "ZeroDivisionError: oops" in banner(probe)

    on_screen(check, start="help")
    (log,) = tmp_path.rglob("errors.log")
    assert "ZeroDivisionError" in log.read_text()


def test_asks_with_no_as_default(filled: FilledHost, on_screen: OnScreen) -> None:
    """Enter in front of a question says no, `y` yes."""
    probe = Probe(())

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.open_view(probe)
        await settle(app, pilot)
        for key in ("enter", "y", "escape"):
            await pilot.press("c")
            await pilot.pause()
            assert isinstance(app.screen, Confirmation)
            await pilot.press(key)
            await pilot.pause()
        assert probe.done == ["no", "yes", "no"]

    on_screen(check, start="help")


def test_a_name_must_be_typed(filled: FilledHost, on_screen: OnScreen) -> None:
    """Where a name is asked for, neither Enter nor `y` nor another name is a yes."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        answers: list[bool | None] = []
        app.push_screen(Confirmation("Delete it?", typed="main"), answers.append)
        await pilot.pause()
        await pilot.press("y", "enter", "backspace", *"mai", "enter")
        assert not answers
        await pilot.press("n", "enter")
        await pilot.pause()
        assert answers == [True]

    on_screen(check, start="help")


def test_read_only_hides_what_changes(filled: FilledHost, on_screen: OnScreen) -> None:
    """Keys that write do nothing and are not in the footer; those that look work."""
    probe = Probe(())

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.open_view(probe)
        await settle(app, pilot)
        await pilot.press("c", "o")
        assert probe.done == ["looked"]
        assert "c" not in app.screen.active_bindings
        assert app.heading().read_only

    on_screen(check, start="help", read_only=True)


def test_command_line_completes_and_goes(filled: FilledHost, on_screen: OnScreen) -> None:
    """`:` with a beginning and Tab goes to the view; Esc goes back; the view is on top of the one before."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"sett", "tab", "enter")
        await settle(app, pilot)
        assert [view.NAME for view in app.views] == ["help", "settings"]
        assert app.heading().crumbs == ("help", "settings")
        await pilot.press("escape")
        assert [view.NAME for view in app.views] == ["help"]

    on_screen(check, start="help")


@pytest.mark.parametrize("before", ["", "settings"])
def test_commands_that_arrive_at_once_are_taken_whole(filled: FilledHost, on_screen: OnScreen, before: str) -> None:
    """As over a slow line: no letter of it is a key of the view, also when that view is only being opened."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        if before:
            app.open(before)
        for key in ("colon", *"events", "enter"):
            app.post_message(events.Key(key, {"colon": ":"}.get(key, key if len(key) == 1 else None)))
        for _ in range(20):
            await settle(app, pilot)
        assert [view.NAME for view in app.views][-1] == "events"

    on_screen(check, start="help")


def test_a_second_colon_while_the_line_opens_is_part_of_the_command(filled: FilledHost, on_screen: OnScreen) -> None:
    """Two presses at once open one line."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        for _ in range(2):
            app.post_message(events.Key("colon", ":"))
        for _ in range(20):
            await settle(app, pilot)
        assert [bar.is_open for bar in app.screen.query(CommandBar)] == [True]

    on_screen(check, start="help")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("jbs", "did you mean jobs?"),
        ("job", "'job' needs id. It is used as: job ID"),
        ("jobs --stat Failed", "did you mean status?"),
        ("home sweet", "'sweet' is too much"),
        ("jobs 'a", "Close the quotes"),
    ],
)
def test_wrong_commands_are_told(filled: FilledHost, on_screen: OnScreen, command: str, message: str) -> None:
    """What is wrong with a command is a notification; the view stays."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.open(command)
        await pilot.pause()
        assert message in told(app)
        assert [view.NAME for view in app.views] == ["help"]

    on_screen(check, start="help")


def test_copies_the_command_line(filled: FilledHost, on_screen: OnScreen, tmp_path: Path) -> None:
    """`Y` puts the equivalent command on the clipboard and, for terminals that drop it, in a private file."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.open_view(Probe(()))
        await settle(app, pilot)
        await pilot.press("Y")
        await pilot.pause()
        assert app.clipboard == "qstat --probe"

    on_screen(check, start="help")
    (file,) = tmp_path.rglob("clipboard.txt")
    assert file.read_text() == "qstat --probe"
    assert file.stat().st_mode & 0o777 == 0o600


def test_keys_can_be_changed(filled: FilledHost, on_screen: OnScreen) -> None:
    """A key from the settings does what the usual one did, and the help shows it."""
    settings = Settings(keys={"probe.look": "f9"}, refresh_s=3600)
    probe = Probe(())

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.open_view(probe)
        await settle(app, pilot)
        await pilot.press("f9", "o")
        assert probe.done == ["looked"]

    on_screen(check, start="help", settings=settings)


def test_settings_hold_and_are_kept(filled: FilledHost, on_screen: OnScreen, tmp_path: Path) -> None:
    """A changed setting holds at once, and is in the user's file, without those that nobody changed."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        await pilot.press("j", "e")
        await pilot.pause()
        app.screen.query_one(Input).value = "5"
        await pilot.press("enter")
        await settle(app, pilot)
        for _ in range(100):
            if (tmp_path / "config" / "cyclone.yaml").exists():
                break
            await asyncio.sleep(0.02)
        assert app.settings.refresh_s == 5

    on_screen(check, start="settings", settings=Settings())
    lines = (tmp_path / "config" / "cyclone.yaml").read_text().splitlines()
    assert lines[1:] == ["refresh_s: 5.0"]


def test_every_theme_draws(filled: FilledHost, on_screen: OnScreen) -> None:
    """Each of our themes has every variable that the styles use."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        seen = set()
        for _ in range(4):
            await pilot.press("ctrl+t")
            await pilot.pause()
            seen.add(app.theme)
        assert seen == {"cyclone-dark", "cyclone-light", "cyclone-contrast", "cyclone-ansi"}

    on_screen(check, start="welcome")


def test_looks_every_so_often_only_on_top(filled: FilledHost, on_screen: OnScreen) -> None:
    """A view below another does not read."""
    below, above = Probe(0), Probe(0)
    above.NAME = "above"  # type: ignore[misc]

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.open_view(below)
        await settle(app, pilot)
        app.push_screen(above)
        await settle(app, pilot)
        below.answers = [1]
        below._tick()
        await settle(app, pilot)
        assert below.shown == [0]
        app.back()
        await settle(app, pilot)
        assert below.shown == [0, 1]

    on_screen(check, start="help")


@pytest.mark.parametrize("start", ["home", "jobs", "log 1", "submit", "new queue", "deployments", "workers"])
def test_a_view_looks_as_often_as_the_settings_say(filled: FilledHost, on_screen: OnScreen, start: str) -> None:
    """One clock for each view, also after the settings changed: a second one would look on and on."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.change_settings(Settings(refresh_s=1800))
        await settle(app, pilot)
        view = app.views[-1]
        assert [timer._interval for timer in view._timers if timer._callback == view._tick] == [1800]

    filled.ended(b"hello\n")
    on_screen(check, start=start)


def test_asked_while_it_reads_a_view_reads_once_more(filled: FilledHost, on_screen: OnScreen) -> None:
    """What changed since that read began is seen; however often it is asked, once."""
    probe = Probe(*"abcdefg")

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.open_view(probe)
        await settle(app, pilot)
        before = len(probe.shown)
        for _ in range(4):
            probe.refresh_data()
        await settle(app, pilot)
        assert len(probe.shown) == before + 2

    on_screen(check, start="help")


def test_the_end_of_a_job_is_told_once(filled: FilledHost, on_screen: OnScreen) -> None:
    """Of one that was submitted here."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.session.watched.add(1)
        for _ in range(2):
            app.look()
            await settle(app, pilot)
        assert told(app).count("job 1 (sweep): Successful") == 1

    filled.ended(b"hello\n")
    on_screen(check, start="help")


def test_attempt_tells(filled: FilledHost, on_screen: OnScreen) -> None:
    """What an action could not do is told with its remedy, what it did in a word."""

    def refuse(host: HostView) -> None:
        raise CycloneError("it is taken. Choose another")

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = app.views[-1]
        assert await view.attempt(refuse) is None
        assert await view.attempt(lambda host: host.name, done=lambda name: f"did {name}") == "local"
        await pilot.pause()
        assert "it is taken. Choose another" in told(app)
        assert "did local" in told(app)

    on_screen(check, start="help")


def test_regions_that_cannot_be_read_end_nothing(filled: FilledHost, on_screen: OnScreen) -> None:
    """What is wrong with the database is told."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        filled.db.execute("DROP TABLE resource")
        await pilot.press("R")
        for _ in range(200):
            await pilot.pause(0.01)
            if "no such table" in told(app):
                break
        assert "no such table" in told(app)
        assert not isinstance(app.screen, Choose)

    on_screen(check)


def test_first_start_is_a_welcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_screen: OnScreen) -> None:
    """Where nothing was ever done the first view offers ways to begin, and the header says that the host is new."""
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path))

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        assert app.views[-1].NAME == "welcome"
        assert app.heading().health == "new"

    on_screen(check, start="")
    assert not os.path.exists(tmp_path / "state")  # looking makes nothing


@pytest.mark.parametrize(
    "modal", [Choose("Which?", [("a", "b")]), Confirmation("Sure?"), Question("What?")], ids=["choose", "confirm", "ask"]
)
def test_a_question_left_before_it_is_drawn_ends_nothing(filled: FilledHost, on_screen: OnScreen, modal: Screen[Any]) -> None:
    """As when Esc comes with the key that asks."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.push_screen(modal)
        app.pop_screen()
        await settle(app, pilot)
        assert [view.NAME for view in app.views] == ["help"]

    on_screen(check, start="help")


class Slow(View):
    """Does something that looks for a widget after the view may be gone."""

    @background
    async def begin(self, when: asyncio.Event) -> None:
        """Wait, without noticing a cancellation, then draw."""
        try:
            await when.wait()
        except asyncio.CancelledError:
            pass
        self.query_one("#gone")


def test_work_of_a_view_that_was_left_ends_nothing(filled: FilledHost, on_screen: OnScreen) -> None:
    """What it would have drawn is drawn nowhere; while the view is there the same is an error."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = Slow()
        app.open_view(view)
        await settle(app, pilot)
        view.begin(asyncio.Event())
        await pilot.pause()
        app.pop_screen()
        await settle(app, pilot)
        assert [one.NAME for one in app.views] == ["help"]

    on_screen(check, start="help")


@pytest.mark.parametrize("size", [(8, 4), (2, 1)])
def test_a_terminal_too_small_for_choices_ends_nothing(filled: FilledHost, on_screen: OnScreen, size: tuple[int, int]) -> None:
    """As while a pane of tmux is being dragged: once it is larger again, everything is there."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.push_screen(Choose("Which?", [("a", "the first of them"), ("b", "the second")]))
        await pilot.pause()
        await pilot.resize_terminal(*size)
        await pilot.pause()
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert app.screen.query_one("OptionList").region.width > 20

    on_screen(check, start="help")


class Waiting(View):
    """Does what takes long."""

    PATIENCE_S = 0.01

    @background
    async def begin(self, doing: "asyncio.Future[int]") -> None:
        """Until `doing` is over."""
        await self.told(doing, done="over now")


def test_what_takes_long_is_said_to_be_under_way(filled: FilledHost, on_screen: OnScreen) -> None:
    """A cancellation whose supervisor does not answer is not silence; its end is told as well."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = Waiting()
        app.open_view(view)
        await settle(app, pilot)
        doing: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        view.begin(doing)
        while "still under way" not in told(app):
            await pilot.pause(0.01)
        doing.set_result(1)
        while "over now" not in told(app):
            await pilot.pause(0.01)

    on_screen(check, start="help")


def test_an_answer_that_comes_twice_leaves_the_view_below(filled: FilledHost, on_screen: OnScreen) -> None:
    """Two `y` at once, or a double Enter, answer one question."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.open("settings")
        await settle(app, pilot)
        answers: list[bool | None] = []
        question = Confirmation("Sure?")
        app.push_screen(question, answers.append)
        await pilot.pause()
        question.action_answer(True)
        question.action_answer(True)
        await settle(app, pilot)
        assert answers == [True]
        assert [view.NAME for view in app.views] == ["help", "settings"]

    on_screen(check, start="help")


def test_a_key_that_comes_twice_asks_once(filled: FilledHost, on_screen: OnScreen) -> None:
    """`R` twice at once."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        app.action_region()
        app.action_region()
        while not isinstance(app.screen, Choose):
            await pilot.pause(0.01)
        await pilot.pause(0.1)  # it takes keys now
        await pilot.press("escape")
        for _ in range(100):
            await pilot.pause(0.05)
            if isinstance(app.screen, View):
                break
        await pilot.pause(0.1)
        assert isinstance(app.screen, View)

    on_screen(check, start="help")


@pytest.mark.parametrize("start", ["submit", "new queue", "help"])
def test_no_cursor_blinks(filled: FilledHost, on_screen: OnScreen, start: str) -> None:
    """Whatever has the focus, and the `:` line: a screen on which nothing happens sends nothing."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        for keys in ((), ("tab", "tab"), ("f5",), ("colon",)):
            await pilot.press(*keys)
            await pilot.pause()
            assert not getattr(app.focused, "cursor_blink", False)
            assert getattr(app.focused, "_cursor_visible", True)

    on_screen(check, start=start)


@pytest.mark.parametrize("later", [View.call_next, View.call_later, View.call_after_refresh])
def test_drawing_of_a_view_that_was_left_ends_nothing(filled: FilledHost, on_screen: OnScreen, later: Callable[..., object]) -> None:
    """Also what was put off until after a layout."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = Waiting()
        app.open_view(view)
        await settle(app, pilot)
        later(view, view.query_one, "#gone")
        app.pop_screen()
        await settle(app, pilot)
        assert [one.NAME for one in app.views] == ["help"]

    on_screen(check, start="help")
