"""The line of `/`: a filter that is applied while it is typed, stays where it was left, and says what is wrong with it.

Esc while typing takes the filter back that was there before; Enter keeps the new one and returns to the table.
"""

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.timer import Timer
from textual.widgets import Input, Static

from cyclone_core.errors import InvalidRequest
from cyclone_core.jobs import STATES
from cyclone_core.scheduler.filters import COLUMNS, EVERYTHING, Filter, parse, words

PAUSE_S = 0.15
"""A filter is applied so long after the last letter."""


class FilterSuggester(Suggester):
    """Completes the word that is being typed: columns, states, and names that the screen knows."""

    def __init__(self, known: Callable[[], Sequence[str]]) -> None:
        super().__init__(use_cache=False)
        self._known = known

    async def get_suggestion(self, value: str) -> str | None:
        """The whole line with its last word completed."""
        found = words(value)
        if not found or value[-1:].isspace():
            return None
        begin, word = found[-1]
        bare = word.lstrip("!")
        candidates = [*(f"status:{state.lower()}" for state in STATES), *self._known(), *(f"{column}:" for column in COLUMNS)]
        near = next((one for one in candidates if one.startswith(bare.lower()) and one != bare), None)
        return None if not bare or near is None else value[: begin + len(word) - len(bare)] + near


class _Line(Input):
    """The input, which hands Esc and the arrow down to the bar."""

    BINDINGS = [  # noqa: RUF012 - as Textual declares it
        Binding("escape", "leave", "Take back", show=False),
        Binding("down", "keep", "To the table", show=False),
    ]

    def action_leave(self) -> None:
        """Take the filter back."""
        bar = next(node for node in self.ancestors if isinstance(node, FilterBar))
        bar.leave()

    def action_keep(self) -> None:
        """Keep it."""
        bar = next(node for node in self.ancestors if isinstance(node, FilterBar))
        bar.keep()


class FilterBar(Vertical):
    """Hidden while there is no filter and none is typed."""

    DEFAULT_CSS = """
    FilterBar {
        height: auto; display: none;
        & Horizontal { height: 1; padding: 0 1; background: $surface; }
        & #slash { width: 2; color: $accent; text-style: bold; }
        & Input { width: 1fr; background: $surface; }
        & Input:focus { background: $boost; }
        & #hits { width: 18; text-align: right; color: $text-muted; }
        & #mistake { height: auto; max-height: 3; padding: 0 3; color: $text-error; background: $surface; display: none; }
    }
    """

    class Changed(Message):
        """Another filter holds."""

        def __init__(self, filter: Filter) -> None:
            super().__init__()
            self.filter = filter

    class Left(Message):
        """The table may have the focus again."""

    def __init__(self, filter: Filter = EVERYTHING, known: Callable[[], Sequence[str]] = tuple) -> None:
        super().__init__()
        self.filter = filter
        self._before = filter
        self._known = known
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """Sign, line, number of hits; below them what is wrong."""
        with Horizontal():
            yield Static("/", id="slash")
            yield _Line(
                self.filter.text, compact=True, select_on_focus=False, suggester=FilterSuggester(self._known),
                placeholder="text · queue:gpu · status:failed,error · !name:/regex/ · took>1h · tasks>100 · submitted<2h",
            )  # fmt: skip
            yield Static("", id="hits")
        yield Static("", id="mistake")

    def on_mount(self) -> None:
        """Seen from the start where a filter is."""
        self.display = bool(self.filter)

    @property
    def line(self) -> Input:
        """The line that is typed in."""
        return self.query_one(_Line)

    def open(self) -> None:
        """Begin to type."""
        self._before, self.display = self.filter, True
        self.line.focus()
        self.line.cursor_position = len(self.line.value)

    def set(self, filter: Filter) -> None:
        """Another filter, from elsewhere."""
        with self.prevent(Input.Changed):
            self.line.value = filter.text
        self._tell("")
        self._use(filter)
        self.display = bool(filter) or self.line.has_focus

    def show_hits(self, text: str) -> None:
        """How many rows fit."""
        hits = self.query_one("#hits", Static)
        if self.display and str(hits.content) != text:
            hits.update(Content(text), layout=False)

    def leave(self) -> None:
        """Esc: as it was before."""
        self._stop()
        self.set(self._before)
        self._done()

    def keep(self) -> None:
        """Enter: with what was typed, unless it has a mistake."""
        self._stop()
        if self._apply():
            self._done()

    def _done(self) -> None:
        self.display = bool(self.filter)
        self.post_message(self.Left())

    def on_input_changed(self, event: Input.Changed) -> None:
        """Wait for the next letter."""
        event.stop()
        self._stop()
        self._timer = self.set_timer(PAUSE_S, self._apply)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        event.stop()
        self.keep()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _apply(self) -> bool:
        """Use what is typed; whether it means something."""
        try:
            found = parse(self.line.value)
        except InvalidRequest as exc:
            self._tell("\n".join(f"{problem}" for problem in exc.problems))
            return False
        self._tell("")
        self._use(found)
        return True

    def _use(self, filter: Filter) -> None:
        if filter != self.filter:
            self.filter = filter
            self.post_message(self.Changed(filter))

    def _tell(self, mistake: str) -> None:
        line = self.query_one("#mistake", Static)
        line.display = bool(mistake)
        if str(line.content) != mistake:
            line.update(Content(mistake))
