"""What every full-screen view is made of: header, content, the equivalent command, keys; and the loop that keeps it true.

A view says how to read what it shows (`load`, on a thread) and how to show it (`show`, only when it differs). Everything about threads,
failures, age, confirmation and read-only mode is here, once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import Worker

from cyclone_core.errors import CycloneError, NotFound, NotYet
from cyclone_core.operations.queries import HostView
from cyclone_tui import formatters
from cyclone_tui.actions import Action, bound, of_class
from cyclone_tui.screens.modals import Confirmation, Question
from cyclone_tui.session import Session
from cyclone_tui.widgets.header import Header, Heading
from cyclone_tui.widgets.key_line import KeyLine
from cyclone_tui.widgets.twin_line import TwinLine

if TYPE_CHECKING:
    from cyclone_tui.application import CycloneApp

T = TypeVar("T")
P = ParamSpec("P")
_NOTHING = object()
_FAR_S, _FAR_SLOWEST_S = 4.0, 30.0
"""Between two reads of what only an AWS host itself knows: while it changes, and when it has not for long."""
_ASK_AGAIN_S = 0.3
"""After so long a look is taken again at what is being found out."""


class View(Screen[None]):
    """See the module; `tui.md` of a view: NAME, ACTIONS, `body`, `load`, `show`, `twin`."""

    NAME: ClassVar[str] = ""
    """its word in `:` and in the breadcrumbs"""
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("view.back", "escape", "back", "Back", "to the view before", looks=True),
        Action("view.refresh", "r", "refresh_now", "Refresh", "read everything again now", looks=True, show=False),
    )
    BINDINGS: ClassVar[list[BindingType]] = bound(ACTIONS)
    AUTO_FOCUS = "RowTable, Input, Button"
    PATIENCE_S: ClassVar[float] = 4.0
    """what is being done for longer is said to be under way"""
    FROM_AWS: ClassVar[tuple[str, ...]] = ()
    """what of an AWS host it shows, `resources` or `jobs`, read in the background: it says how old that is while it cannot be read"""
    FAR: ClassVar[bool] = False
    """whether it shows what only the host itself knows, so that reading it may take a while"""
    LIVE: ClassVar[bool] = True
    """whether it reads the host again and again"""

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.arguments: Mapping[str, str] = arguments or {}
        self._data: Any = _NOTHING
        self._read_at: float | None = None
        self._loading = False
        self._again = False
        self._far_pause, self._far_due = _FAR_S, 0.0
        self._ticker: Timer | None = None

    # -- what a view says of itself ----------------------------------------------------------------------------------
    def crumb(self) -> str:
        """Its text in the breadcrumbs."""
        return self.NAME

    def twin(self) -> str:
        """The command line that shows, or does, the same; "" where there is none."""
        return ""

    def body(self) -> ComposeResult:
        """Its content."""
        yield from ()

    def load(self, host: HostView) -> Any:
        """Read what it shows (on a thread); raises what the operations raise."""
        return None

    def show(self, data: Any) -> None:
        """Show it; called in the event loop, and only when it differs from what was shown."""

    # -- frame -------------------------------------------------------------------------------------------------------
    @property
    def cyclone(self) -> "CycloneApp":
        """The application."""
        from cyclone_tui.application import CycloneApp

        assert isinstance(self.app, CycloneApp)
        return self.app

    @property
    def session(self) -> Session:
        """Host, settings and threads."""
        return self.cyclone.session

    @property
    def has_data(self) -> bool:
        """Whether anything was read yet."""
        return self._data is not _NOTHING

    def compose(self) -> ComposeResult:
        """Header, banner, content, equivalent command, keys."""
        yield Header(Heading(""))
        yield Static("", id="banner")
        with Container(id="body"):
            yield from self.body()
        yield TwinLine()
        yield KeyLine()

    def on_mount(self) -> None:
        """Begin to look."""
        self.update_frame()
        self._ticker = self.set_interval(self.session.settings.refresh_s, self._tick)

    def on_screen_resume(self) -> None:
        """It is on top again."""
        self.update_frame()
        self.refresh_data()

    def update_frame(self) -> None:
        """Header and equivalent command, from what is known now."""
        if self.is_mounted and self.query(Header):
            self.query_one(Header).show(self.cyclone.heading())
            self.query_one(TwinLine).show(self.twin())

    def set_refresh(self, seconds: float) -> None:
        """Look so often from now on."""
        if self._ticker is not None:
            self._ticker.stop()
            self._ticker = self.set_interval(seconds, self._tick)

    # -- reading -----------------------------------------------------------------------------------------------------
    def _tick(self) -> None:
        if self.LIVE and self.is_active and not (self._is_far and time.monotonic() < self._far_due):
            self.refresh_data()

    @property
    def _is_far(self) -> bool:
        return self.FAR and self.session.is_aws

    def refresh_data(self) -> None:
        """Read again; while a read is under way, once more after it."""
        if self._loading:
            self._again = True
            return
        self._loading = True
        self.run_worker(self._load(), group="load", exit_on_error=False)

    async def read_data(self) -> Any:
        """What `load` reads; a view of more than its host reads in another way, so that a broken host does not stand in its way."""
        read = self.session.read_far if self.FAR else self.session.read
        return await asyncio.wrap_future(read(self.load))

    async def _load(self) -> None:
        try:
            data = await self.read_data()
        except asyncio.CancelledError:
            raise
        except Exception as exc:  # noqa: BLE001  the border between threads and screens: told, and tried again
            self._show_failure(exc)
        else:
            self._show_data(data)
        finally:
            self._loading = False
            if self._again and self.is_attached:
                self._again = False
                self.refresh_data()

    def _show_data(self, data: Any) -> None:
        if not self.is_attached:
            return
        self._read_at = time.monotonic()
        self._far_pause = min(_FAR_SLOWEST_S, self._far_pause * 1.5) if data == self._data else _FAR_S
        self._far_due = self._read_at + self._far_pause
        self._show_age()
        if self.session.pulse is not None and self.session.pulse.health == "asking":
            self.cyclone.look()  # what this view has read says how the host is
        if self._data is _NOTHING or data != self._data:
            self._data = data
            self.show(data)
        self.update_frame()

    def _show_age(self) -> None:
        """Of what was read in the background, and could not be read again."""
        old = self.session.age(self.FROM_AWS)
        if old is not None:
            at, why = old
            self._tell_above(f"data from {formatters.moment(at)}: {why}. Trying again" if at else f"{why}. Trying again")
        elif (banner := self.query_one("#banner", Static)).display:
            banner.display = False

    def _tell_above(self, text: str) -> None:
        banner = self.query_one("#banner", Static)
        if not banner.display or str(banner.content) != text:
            banner.update(Content(text))
            banner.display = True

    def _show_failure(self, exc: Exception) -> None:
        if not self.is_attached:
            return
        if isinstance(exc, NotYet):
            self._tell_above(f"{exc} …")
            self.set_timer(_ASK_AGAIN_S, self.refresh_data)
            return
        why = str(exc) if isinstance(exc, CycloneError) else f"{type(exc).__name__}: {exc}"
        if self._read_at is None:
            text = why if isinstance(exc, NotFound) else f"{why}. Trying again"
        else:
            age = time.monotonic() - self._read_at
            text = f"data from {formatters.duration(age) if age >= 10 else f'{age:.0f}s'} ago: {why}. Trying again"
        self._tell_above(text)
        if not isinstance(exc, (CycloneError, OSError)):
            self.cyclone.record(exc)

    # -- doing -------------------------------------------------------------------------------------------------------
    async def call(self, act: Callable[Concatenate[HostView, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what may take long, or writes, on a thread of its own; raises what it raises."""
        return await asyncio.wrap_future(self.session.call(act, *args, **kwargs))

    async def attempt(self, act: Callable[..., T], *args: Any, done: str | Callable[[T], str] = "", **kwargs: Any) -> T | None:
        """The same; what goes wrong becomes a notification, and None. done: what to tell when it went well."""
        return await self.told(self.call(act, *args, **kwargs), done)

    async def told(self, doing: Awaitable[T], done: str | Callable[[T], str] = "") -> T | None:
        """Wait for what is being done; what goes wrong becomes a notification, and None."""
        waiting = self.app.set_timer(self.PATIENCE_S, self._tell_waiting)
        try:
            result = await doing
        except asyncio.CancelledError:
            raise
        except CycloneError as exc:
            self.cyclone.tell_error(exc)
            return None
        except Exception as exc:  # noqa: BLE001  the border between threads and screens
            self.cyclone.record(exc)
            self.cyclone.tell_error(exc)
            return None
        finally:
            waiting.stop()
        text = done(result) if callable(done) else done
        if text:
            self.cyclone.tell(text)
        self.refresh_data()
        return result

    def _tell_waiting(self) -> None:
        pulse = self.session.pulse
        why = ": the supervisor does not answer" if pulse is not None and pulse.health == "not answering" else ""
        self.cyclone.tell(f"still under way{why}. What comes of it is told here")

    async def confirm(self, question: str, detail: str = "", twin: str = "", typed: str = "") -> bool:
        """Ask; the default is No. typed: a name that must be typed. Call it inside a worker."""
        answer: bool | None = await self.app.push_screen_wait(Confirmation(question, detail, twin, typed))
        return bool(answer)

    async def ask(self, question: str, value: str = "", detail: str = "") -> str | None:
        """Ask for a line of text; None when it was left. Call it inside a worker."""
        return await self.app.push_screen_wait(Question(question, value, detail))

    def run_worker(self, work: Any, *args: Any, **kwargs: Any) -> Worker[Any]:
        """As Textual's; what finds no widget any more because its view was left meanwhile is over, and no error."""
        if kwargs.get("thread"):
            return super().run_worker(work, *args, **kwargs)
        return super().run_worker(self._while_there(work), *args, **kwargs)

    async def _while_there(self, work: Any) -> Any:
        try:
            return await (work() if callable(work) else work)
        except NoMatches:
            if self.is_attached and not self._pruning:
                raise
            return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Actions that change something are not there in read-only mode."""
        if not self.app.is_running:
            return True
        return not (self.session.read_only and action in self._writing())

    @classmethod
    def _writing(cls) -> frozenset[str]:
        return frozenset(action.method for action in of_class(cls) if action.writes)

    def action_back(self) -> None:
        """To the view before; from the last one nowhere."""
        self.cyclone.back()

    def action_refresh_now(self) -> None:
        """Read again now."""
        self.session.read_anew()
        self.refresh_data()

    def copy_yaml(self, value: object, what: str) -> None:
        """Put a value as YAML where it can be pasted from."""
        import yaml

        self.cyclone.copy(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), what)


background = work
"""For actions that ask or wait: `@background async def action_…`."""
