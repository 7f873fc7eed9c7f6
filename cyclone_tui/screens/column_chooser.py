"""Which columns a table shows, and in which order."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import SelectionList, Static
from textual.widgets.selection_list import Selection


class ColumnChooser(ModalScreen[tuple[str, ...] | None]):
    """Space shows or hides a column, Enter uses the choice, Esc leaves (None). choices: (key, title) of all columns."""

    DEFAULT_CSS = """
    ColumnChooser { align: center middle; }
    ColumnChooser > Vertical { width: 44; height: auto; max-height: 90%; padding: 1 2; background: $surface; border: round $primary; }
    ColumnChooser #question { text-style: bold; }
    ColumnChooser SelectionList { height: auto; max-height: 18; margin-top: 1; border: none; background: $surface; }
    ColumnChooser #keys { color: $text-muted; margin-top: 1; }
    """
    BINDINGS = [  # noqa: RUF012 - as Textual declares it
        Binding("escape", "leave", "Leave"),
        Binding("enter", "use", "Use", priority=True),
        Binding("r", "reset", "As it was first"),
    ]

    def __init__(self, choices: Sequence[tuple[str, str]], shown: Sequence[str], usual: Sequence[str]) -> None:
        super().__init__()
        self._choices, self._shown, self._usual = choices, shown, usual

    def compose(self) -> ComposeResult:
        """A line per column."""
        with Vertical():
            yield Static("Columns", id="question")
            yield SelectionList[str](*(Selection(Content(title), key, key in self._shown) for key, title in self._choices))
            yield Static("space chooses · enter uses · r resets · esc leaves", id="keys")

    def action_use(self) -> None:
        """Those that are chosen, in the order offered; none is no table, so that changes nothing."""
        chosen = set(self.query_one(SelectionList).selected)
        self.dismiss(tuple(key for key, _ in self._choices if key in chosen) or None)

    def action_reset(self) -> None:
        """The usual ones."""
        self.dismiss(tuple(self._usual))

    def action_leave(self) -> None:
        """As they are."""
        self.dismiss(None)
