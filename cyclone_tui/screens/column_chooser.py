"""Which columns a table shows, and in which order."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from cyclone_tui.screens.modals import Modal
from cyclone_tui.widgets.row_table import Column, RowTable

Choice = tuple[str, str]
"""(key, title)"""


class ColumnChooser(Modal[tuple[str, ...] | None]):
    """Space shows or hides a column, J and K move it, Enter uses the choice, Esc leaves (None)."""

    DEFAULT_CSS = """
    ColumnChooser { align: center middle; }
    ColumnChooser > Vertical { width: 46; height: auto; max-height: 90%; padding: 1 2; background: $surface; border: round $primary; }
    ColumnChooser #question { text-style: bold; }
    ColumnChooser RowTable { height: 19; max-height: 50vh; margin-top: 1; background: $surface; }
    ColumnChooser #keys { color: $text-muted; margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave"),
        Binding("enter", "use", "Use", priority=True),
        Binding("space", "choose", "Show or hide", priority=True),
        Binding("J,shift+down", "shift(1)", "Further right"),
        Binding("K,shift+up", "shift(-1)", "Further left"),
        Binding("r", "reset", "As it was first"),
    ]

    def __init__(self, choices: Sequence[Choice], shown: Sequence[str], usual: Sequence[str]) -> None:
        """choices: every column; shown: keys of those that are shown, in their order; usual: those to go back to."""
        super().__init__()
        self._choices, self._usual = dict(choices), tuple(usual)
        self._shown = set(shown)
        self._order = [*(key for key in shown if key in self._choices), *(key for key, _ in choices if key not in self._shown)]

    def compose(self) -> ComposeResult:
        """A line per column."""
        with Vertical():
            yield Static("Columns", id="question")
            columns = (
                Column[str]("shown", "", lambda key: "[x]" if key in self._shown else "[ ]", width=3, style=lambda key: "ok"),
                Column[str]("title", "Column, from left to right", lambda key: self._choices[key]),
            )
            yield RowTable(columns, marks=False)
            yield Static("Space show or hide   J K move   r reset\nEnter use   Esc leave", id="keys")

    def on_mount(self) -> None:
        """The list."""
        self._show()

    def _show(self) -> None:
        self.table.set_rows(list(self._order), lambda key: key)

    @property
    def table(self) -> "RowTable[str]":
        """The list."""
        return self.query_one(RowTable)

    def action_choose(self) -> None:
        """Show or hide the column under the cursor."""
        if self.table.current is not None:
            self._shown ^= {self.table.current}
            self._show()
            self.table.repaint()

    def action_shift(self, by: int) -> None:
        """Move the column under the cursor."""
        at = self.table.cursor_row
        if 0 <= at + by < len(self._order):
            self._order[at], self._order[at + by] = self._order[at + by], self._order[at]
            self._show()

    def action_use(self) -> None:
        """Those that are shown, in this order; none would be no table, so that changes nothing."""
        self.dismiss(tuple(key for key in self._order if key in self._shown) or None)

    def action_reset(self) -> None:
        """The usual ones."""
        self.dismiss(self._usual)

    def action_leave(self) -> None:
        """As they are."""
        self.dismiss(None)
