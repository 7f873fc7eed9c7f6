"""A table as one panel among others: its header line is the panel's title, and its cursor is seen only while it has the focus.

Going on beyond the last row, or before the first, goes to the next or the previous panel, so that a dashboard is walked with two keys.
"""

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType

from cyclone_tui.widgets.row_table import RowTable, _Line

R = TypeVar("R")


class PanelTable(RowTable[R]):
    """See the module. The title of its first column is the panel's."""

    DEFAULT_CSS = """
    PanelTable {
        & > .row-table--header { text-style: none; color: $text-muted; background: $panel; }
        & > .row-table--title { text-style: bold; color: $primary; }
        & > .row-table--odd { background: $background; }
        & > .row-table--cursor { background: $background; }
        &:focus > .row-table--header { background: $primary 25%; }
        &:ansi > .row-table--cursor { text-style: none; }
        &:ansi:focus > .row-table--cursor { text-style: reverse; }
        &:ansi:focus > .row-table--header { background: ansi_default; }
        &:ansi:focus > .row-table--title { text-style: bold reverse; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "app.focus_next", "Next panel", show=False),
        Binding("left", "app.focus_previous", "Previous panel", show=False),
    ]

    def action_move(self, rows: int) -> None:
        """Move the cursor, or go on to the next panel."""
        wanted = self.cursor_row + rows
        if 0 <= wanted < self.row_count:
            self.move_to(wanted)
        elif rows > 0:
            self._enter(self.screen.focus_next(PanelTable), 0)
        else:
            self._enter(self.screen.focus_previous(PanelTable), -1)

    def _enter(self, panel: object, row: int) -> None:
        if isinstance(panel, PanelTable) and panel is not self:
            panel.move_to(row % max(1, panel.row_count))

    def on_focus(self) -> None:
        """The cursor comes."""
        self.repaint()

    def on_blur(self) -> None:
        """The cursor goes."""
        self.repaint()

    def _row(self, row: int, record: R | None) -> _Line:
        line = super()._row(row, record)
        if not line.cursor or self.has_focus:
            return line
        return _Line(((" ", ""), *line.parts[1:]), False, line.odd)

    def _header(self) -> _Line:
        line = super()._header()
        parts = [(text, "title" if at == 1 else name) for at, (text, name) in enumerate(line.parts)]
        return _Line(tuple(parts), header=True)
