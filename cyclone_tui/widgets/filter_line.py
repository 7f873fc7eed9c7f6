"""The `/` line of a small list: narrows it with every letter, says what it cannot read, and is put away with the filter kept."""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static


class FilterLine(Horizontal):
    """Hidden until it is opened."""

    DEFAULT_CSS = """
    FilterLine { height: 1; display: none; background: $panel; }
    FilterLine.open { display: block; }
    FilterLine #slash { width: 2; color: $accent; text-style: bold; padding-left: 1; }
    FilterLine #filter { border: none; height: 1; padding: 0; background: $panel; width: 1fr; }
    FilterLine #filter:focus { border: none; }
    FilterLine #problem { width: auto; max-width: 60%; color: $text-warning; padding: 0 1; }
    """

    class Changed(Message):
        """Another text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Closed(Message):
        """It was put away; `kept`: with its text."""

        def __init__(self, kept: bool) -> None:
            super().__init__()
            self.kept = kept

    def __init__(self, placeholder: str = "word  column:value  !not  /regex/", id: str | None = None) -> None:
        super().__init__(id=id)
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """The sign, the text, what is wrong with it."""
        yield Static("/", id="slash")
        yield _Text(self._close, placeholder=self._placeholder, id="filter")
        yield Static("", id="problem")

    def open(self, text: str) -> None:
        """Show it with this text and go there."""
        self.add_class("open")
        line = self.query_one(Input)
        with line.prevent(Input.Changed):
            line.value = text
        line.cursor_position = len(text)
        line.focus()

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return self.has_class("open")

    def show_problem(self, text: str) -> None:
        """Say what is wrong, "" for nothing."""
        self.query_one("#problem", Static).update(Content(text))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list."""
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter keeps it."""
        event.stop()
        self._close(True)

    def _close(self, kept: bool) -> None:
        self.remove_class("open")
        self.post_message(self.Closed(kept))


class _Text(Input):
    BINDINGS = [  # noqa: RUF012 - as Textual declares it
        Binding("escape", "leave(False)", show=False),
        Binding("down,tab", "leave(True)", show=False),
    ]

    def __init__(self, close: Callable[[bool], None], placeholder: str, id: str) -> None:
        super().__init__(placeholder=placeholder, id=id)
        self._put_away = close

    def action_leave(self, kept: bool) -> None:
        """Esc takes the filter away, Down goes to the rows."""
        self._put_away(kept)
