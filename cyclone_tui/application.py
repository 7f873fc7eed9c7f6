"""The full-screen application: wires session, views, commands, themes and keys; everything else has a room of its own."""

import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, TypeVar

from textual import events, work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.worker import WorkerFailed, get_current_worker

from cyclone_core import paths
from cyclone_core.errors import CycloneError
from cyclone_core.operations.queries import HostView
from cyclone_core.problems import Problem
from cyclone_tui import navigation, palette, themes
from cyclone_tui.actions import Action, bound
from cyclone_tui.cli import diagnostics
from cyclone_tui.endings import end_on_signals
from cyclone_tui.screens.base import View
from cyclone_tui.screens.modals import Choose
from cyclone_tui.session import Pulse, Session, take_pulse
from cyclone_tui.settings import Settings
from cyclone_tui.watching import ended_since
from cyclone_tui.widgets.command_bar import CommandBar
from cyclone_tui.widgets.header import Heading

T = TypeVar("T")
MOUNT_LOOKS = 100
"""Hundredths of a second that the `:` line waits for its view."""
HOLD_S = 0.5
"""Keys wait at most so long for the `:` line."""
PREPARE_AFTER_S = 0.5
"""So long after the start nothing but the first view is loaded."""


class CycloneApp(App[int]):
    """One sitting at the terminal. `start`: the first view, as `:` takes it."""

    TITLE = "cyclone"
    CSS_PATH = "styles.tcss"
    ENABLE_COMMAND_PALETTE = True
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("app.command", "colon", "command", "Command", "go to a view by name, with completion", looks=True, display=":"),
        Action("app.help", "question_mark", "help", "Help", "keys of this view, and all commands", looks=True, display="?"),
        Action("app.palette", "ctrl+p", "command_palette", "Palette", "search everything that can be done", looks=True, show=False),
        Action("app.host", "H", "next_host", "Host", "the next host", twin="hyper hosts select-host NAME", show=False),
        Action("app.region", "R", "region", "Region", "show one region only", looks=True, show=False),
        Action("app.copy_twin", "Y", "copy_twin", "Copy command", "copy the command line shown above the keys", looks=True, show=False),
        Action("app.theme", "ctrl+t", "next_theme", "Theme", "the next theme", looks=True, show=False),
        Action("app.quit", "q,ctrl+q", "quit", "Quit", "leave; jobs and deployments go on", looks=True, display="q"),
    )
    BINDINGS: ClassVar[list[BindingType]] = bound(ACTIONS)

    def __init__(
        self, host: str, settings: Settings | None = None, read_only: bool = False, start: str = "", problems: Iterable[Problem] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """clock: the time in seconds since 1970, for what says how long a job has been running."""
        super().__init__()
        self.settings = settings or Settings()
        self.session = Session(host, self.settings, read_only, clock)
        self._start, self._problems = start, list(problems)
        self._pulsing = False
        self._held: list[events.Key] | None = None
        """keys that wait for the `:` line to open, None while it is not being opened"""
        self._focus_before: Widget | None = None
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.theme = themes.chosen(self.settings.theme, self.available_themes, os.environ)
        if self.settings.keys:
            self.set_keymap(self.settings.keys)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Variables that our styles use and other themes lack."""
        return dict(themes.VARIABLES)

    def get_key_display(self, binding: Binding) -> str:
        """How a key is written, the same as in texts: `Esc`, `F10`. Where `q` is typed, only its other key is left."""
        text = "^q" if binding.key == "ctrl+q" else super().get_key_display(binding)
        return text.upper() if text[:1] == "f" and text[1:].isdecimal() else {"esc": "Esc", "tab": "Tab"}.get(text, text)

    # -- start and end -----------------------------------------------------------------------------------------------
    def on_mount(self) -> None:
        """Open the first view."""
        if not self.is_headless:
            end_on_signals(self._end)
        self._open_first()
        for problem in self._problems:
            self.notify(str(problem), title="settings", severity="warning", timeout=15, markup=False)
        self.set_interval(self.settings.refresh_s, self.look)
        self.look()
        self.set_timer(PREPARE_AFTER_S, self._prepare)

    @work(thread=True, group="prepare")
    def _prepare(self) -> None:
        """Load the modules of the other views while the user looks at the first one, so that they open at once."""
        for place in navigation.PLACES:
            if get_current_worker().is_cancelled:
                return
            navigation.load(place)
            time.sleep(0.02)  # the screen comes first: imports hold the interpreter
        gc.freeze()  # what was loaded stays: walking it for garbage now and then costs a key press 50 ms

    @work
    async def _open_first(self) -> None:
        """What was asked for; else the welcome where nothing was ever done, else the home view."""
        if self._start:
            self.open(self._start)
        if isinstance(self.screen, View):
            return
        try:
            first = not self.session.is_aws and await asyncio.wrap_future(self.session.read(lambda host: not host.reader.is_open))
        except Exception:  # noqa: BLE001  the home view says what is wrong, and goes on trying
            first = False
        self.open("welcome" if first else "home")

    def _end(self, code: int) -> None:
        self.exit(code, code)

    def on_unmount(self) -> None:
        """Threads begin nothing new."""
        self.session.close()

    def _handle_exception(self, error: Exception) -> None:
        """An error nobody expected: saved to a file and told in one line, not as pages of code over the terminal."""
        error = getattr(error, "error", error) if isinstance(error, WorkerFailed) else error  # where it began
        if isinstance(error, NoMatches) and self._is_left(_node_of(error)):
            return  # what drew it has gone meanwhile, and everything in it
        if self.is_headless:
            super()._handle_exception(error)
            return
        told = diagnostics.saved(error)
        self._return_code = 1
        self.exit(1, 1, f"cyclone: unexpected {type(error).__name__}: {error}. {told}")

    def _is_left(self, part: object) -> bool:
        """Whether something was a part of a screen that is not there any more."""
        if not isinstance(part, Widget):
            return False
        screen = next((node for node in part.ancestors_with_self if isinstance(node, Screen)), None)
        return screen is None or screen not in self.screen_stack

    # -- going places ------------------------------------------------------------------------------------------------
    def open(self, command: str) -> None:
        """Go to the view that a command names, such as `jobs queue=q` or `job 1234`; what is wrong with it is told."""
        try:
            place, arguments = navigation.parse(command)
            view = navigation.make(place, arguments)
        except CycloneError as exc:
            self.tell_error(exc)
            return
        except ImportError as exc:
            self.record(exc)
            self.tell_error(exc)
            return
        self.open_view(view)

    def open_view(self, view: View) -> None:
        """Go to a view; the same one is not piled upon itself."""
        top = self.screen
        if isinstance(top, View) and type(top) is type(view) and top.arguments == view.arguments:
            return
        if isinstance(top, View) and top.NAME == view.NAME:
            self.switch_screen(view)
        else:
            self.push_screen(view)

    async def push_screen_wait(self, screen: Any) -> Any:  # type: ignore[override]  # the forms that we use
        """As Textual's, inside a worker; None where something is being asked already, as when the same key came twice at once."""
        return None if isinstance(self.screen, ModalScreen) else await super().push_screen_wait(screen)

    def back(self) -> None:
        """To the view before; from the only one to the home view, if it is another."""
        if len(self.views) > 1:
            self.pop_screen()
        elif self.views and self.views[0].NAME != "home":
            self.start_over("home")

    @property
    def views(self) -> list[View]:
        """The views on top of each other, the one on top last."""
        return [screen for screen in self.screen_stack if isinstance(screen, View)]

    def heading(self) -> Heading:
        """What the first line of every view says."""
        session, pulse = self.session, self.session.pulse
        return Heading(
            host=session.host,
            health=pulse.health if pulse else "",
            region=session.region or "all regions",
            crumbs=tuple(view.crumb() for view in self.views),
            counts=pulse.counts if pulse else (),
            refresh_s=session.settings.refresh_s,
            read_only=session.read_only,
            ascii=session.settings.ascii,
        )

    # -- the host at a glance ----------------------------------------------------------------------------------------
    def look(self) -> None:
        """Read the counters for the header, unless that is under way."""
        if not self._pulsing:
            self._pulsing = True
            self.run_worker(self._look(), group="pulse", exit_on_error=False)

    async def _look(self) -> None:
        session = self.session
        try:
            pulse = await asyncio.wrap_future(session.read(take_pulse))
            ended = await asyncio.wrap_future(session.read(ended_since, frozenset(session.watched))) if session.watched else ()
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001  the view on top tells what is wrong; here it only means: nothing known
            session.pulse = None
        else:
            self._take(session, pulse, ended)
        finally:
            self._pulsing = False
        if isinstance(self.screen, View):
            self.screen.update_frame()

    def _take(self, session: Session, pulse: Pulse, ended: Iterable[tuple[int, str, bool]]) -> None:
        session.pulse = pulse
        session.history.add(pulse.done)
        for job, text, good in ended:
            session.watched.discard(job)
            self.notify(text, severity="information" if good else "warning", markup=False)
            if self.settings.bell:
                self.bell()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """A cursor that blinks would send bytes for ever, to a screen on which nothing changes."""
        if getattr(event.widget, "cursor_blink", False):
            event.widget.cursor_blink = False  # type: ignore[attr-defined]
            event.widget._cursor_visible = True  # type: ignore[attr-defined]

    # -- telling -----------------------------------------------------------------------------------------------------
    def tell(self, text: str) -> None:
        """Something went well."""
        self.notify(text, markup=False)

    def tell_error(self, exc: Exception) -> None:
        """Something did not: what, why and what to do next."""
        text = str(exc) if isinstance(exc, CycloneError) else f"unexpected {type(exc).__name__}: {exc}"
        self.notify(text, title="not done", severity="error", timeout=12, markup=False)

    def record(self, exc: Exception) -> None:
        """Keep where an unexpected error came from, in the error log."""
        diagnostics.saved(exc)

    def copy(self, text: str, what: str) -> None:
        """Put text on the terminal's clipboard (OSC 52) and, because many terminals and tmux drop that, into a file as well."""
        self.copy_to_clipboard(text)
        path = os.path.join(paths.state_root(), "clipboard.txt")
        try:
            os.makedirs(paths.state_root(), 0o700, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as exc:
            self.tell(f"{what} copied, if the terminal allows it; {path} cannot be written: {exc.strerror}")
            return
        self.tell(f"{what} copied. Where the terminal does not take it: {path}")

    # -- actions -----------------------------------------------------------------------------------------------------
    async def action_command(self) -> None:
        """Open the `:` line; keys that came behind the one that opened it belong to it."""
        try:
            await self._open_line()
        finally:
            await self._release_keys()

    async def _open_line(self) -> None:
        screen = self.screen
        for _ in range(MOUNT_LOOKS):  # the view may have been asked for by the key before, and not be there yet
            if screen.is_mounted:
                break
            await asyncio.sleep(0.01)
        if not screen.is_attached or screen is not self.screen:
            return
        bars = screen.query(CommandBar)
        bar = bars.first() if bars else CommandBar(lambda value: palette.completions())
        if not bars:
            await screen.mount(bar)
        self._focus_before = screen.focused
        bar.open()

    async def on_event(self, event: events.Event) -> None:
        """Keys that arrive at once, as over a slow line: what follows the key of the `:` line waits until that is open."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
        elif self._held is not None:
            self._held.append(event)
        else:
            if self._opens_line(event):
                self._held = []
                self.set_timer(HOLD_S, self._release_keys)  # something else may have taken the key
            await super().on_event(event)

    def _opens_line(self, event: events.Key) -> bool:
        focused = self.focused
        if focused is not None and focused.check_consume_key(event.key, event.character):
            return False
        active = self.screen.active_bindings.get(event.key)
        return active is not None and active.node is self and active.binding.id == "app.command"

    async def _release_keys(self) -> None:
        held, self._held = self._held or [], None
        for event in held:
            await self.on_event(event)

    def on_command_bar_entered(self, event: CommandBar.Entered) -> None:
        """Go there."""
        self._give_focus_back()
        if event.text in ("q", "quit", "exit"):
            self.exit(0)
        elif event.text.split()[0] == "host" and len(event.text.split()) > 1:
            self.switch_host(event.text.split()[1])
        else:
            self.open(event.text)

    def on_command_bar_left(self, event: CommandBar.Left) -> None:
        """Nothing was entered."""
        self._give_focus_back()

    def _give_focus_back(self) -> None:
        before = self._focus_before
        if before is not None and before.is_attached:
            before.focus()

    def action_help(self) -> None:
        """Keys of the view on top, and all commands."""
        top = self.screen
        self.open_view(navigation.make(navigation.find("help"), {"view": top.NAME if isinstance(top, View) else ""}))

    def action_copy_twin(self) -> None:
        """Copy the equivalent command line."""
        twin = self.screen.twin() if isinstance(self.screen, View) else ""
        if twin:
            self.copy(twin, "the command line")
        else:
            self.tell("this view has no command line of its own")

    def action_next_theme(self) -> None:
        """The next of our themes, for this sitting; the settings keep one."""
        ours = [theme.name for theme in themes.THEMES]
        self.theme = ours[(ours.index(self.theme) + 1) % len(ours)] if self.theme in ours else ours[0]
        self.tell(f"theme {self.theme}. Keep it with :settings")

    @work
    async def action_region(self) -> None:
        """Choose the region that views show."""
        names = await self._told(asyncio.wrap_future(self.session.read(_regions)))
        if names is None:
            return
        choices = [("", "all regions"), *((name, name) for name in names)]
        found = await self.push_screen_wait(Choose("Show which region?", choices, self.session.region or ""))
        if found is not None:
            self.session.region = found or None
            self._refresh_views()

    async def _told(self, doing: Awaitable[T]) -> T | None:
        """What is read, or None after what went wrong was told: a broken database must not end the application."""
        return await self.screen.told(doing) if isinstance(self.screen, View) else await doing

    def _refresh_views(self) -> None:
        for view in self.views:
            view.update_frame()
        if isinstance(self.screen, View):
            self.screen.refresh_data()

    @work
    async def action_next_host(self) -> None:
        """The next host, in order of their names."""
        from cyclone_core.host_registry import HostRegistry

        found = await self._told(asyncio.to_thread(HostRegistry().list))
        if found is None:
            return
        names = [host.name for host in found[0]]
        if len(names) < 2:
            self.tell("there is one host only. Make another: :new host")
            return
        self.switch_host(names[(names.index(self.session.host) + 1) % len(names)] if self.session.host in names else names[0])

    def switch_host(self, name: str) -> None:
        """Look at another host from now on, beginning with its home view."""
        old, self.session = self.session, Session(name, self.settings, self.session.read_only)
        old.close()
        self._pulsing = False
        self.start_over("home")
        self.look()

    def start_over(self, *commands: str) -> None:
        """Leave every view, and go to these, one upon the other."""
        while len(self.screen_stack) > 1:
            self.pop_screen()
        for command in commands:
            self.open(command)

    def change_settings(self, settings: Settings) -> None:
        """Use other settings from now on."""
        self.settings = self.session.settings = settings
        self.theme = themes.chosen(settings.theme, self.available_themes, os.environ)
        self.set_keymap(settings.keys)
        for view in self.views:
            view.set_refresh(settings.refresh_s)
        self._refresh_views()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What the palette offers."""
        return palette.commands(self, screen)


def _regions(host: HostView) -> list[str]:
    if host.type == "local":
        return list(host.reader.resource_names("region"))
    from cyclone_core.operations import resources

    return sorted(stored.name for stored in resources.look(host).resources if stored.kind == "region")


def _node_of(error: NoMatches) -> object:
    """In what something was looked for: the error says it in words only."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    names = trace.tb_frame.f_locals if trace is not None else {}
    found = names.get("base_node", names.get("self"))
    return getattr(found, "node", found)
