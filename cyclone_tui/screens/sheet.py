"""Everything about one resource, drawn: two tables of lines side by side where there is room, one where there is none. No I/O."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Resize

from cyclone_core.operations.descriptions import Description
from cyclone_tui import resource_lines
from cyclone_tui.resource_lines import Line
from cyclone_tui.widgets.panel_table import PanelTable
from cyclone_tui.widgets.table_columns import Column

SIDE_BY_SIDE_FROM = 110
"""Cells from which on there is room for two columns."""


class SheetTable(PanelTable[Line]):
    """A column of lines. Space does nothing: there is nothing to mark."""

    DEFAULT_CSS = """
    SheetTable { & > .row-table--header { display: none; } }
    """

    def __init__(self, title: str, ascii: bool, id: str) -> None:
        super().__init__((_column(title, ascii),), empty="", ascii=ascii, marks=False, id=id)

    def go_to(self, wanted: Callable[[Line], bool]) -> bool:
        """Put the cursor on the first line that fits; whether there is one."""
        for at in range(self.row_count):
            line = self.line(at)
            if line is not None and wanted(line):
                self.focus()
                self.move_to(at)
                return True
        return False

    def line(self, row: int) -> Line | None:
        """The line in a row."""
        found = self._source.window(row, 1)
        return found[0] if found else None

    def entitle(self, title: str) -> None:
        """Write something else above the lines."""
        if self.columns[0].title != title:
            self.set_columns((_column(title, self.ascii),))


def _column(title: str, ascii: bool) -> Column[Line]:
    def parts(line: Line, width: int) -> "list[tuple[str, str]]":
        return list(resource_lines.parts(line, width, ascii))

    return Column("line", title, text=lambda line: line.text, parts=parts)


class Sheet(Horizontal):
    """See the module. `show` it a description; the lines' messages are those of their tables."""

    DEFAULT_CSS = """
    Sheet { height: 1fr; }
    Sheet SheetTable { width: 1fr; height: 1fr; }
    Sheet #settings { display: none; margin-left: 1; }
    Sheet.wide #settings { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "app.focus_next", "Other side", show=False)]

    def __init__(self, ascii: bool = False, explained: bool = False, id: str | None = None) -> None:
        """explained: with a line under each field that says what it means, where there is room."""
        super().__init__(id=id)
        self.ascii, self.explained = ascii, explained
        self.about: Description | None = None

    def compose(self) -> ComposeResult:
        """How it is, and what was asked for."""
        yield SheetTable("", self.ascii, "now")
        yield SheetTable("", self.ascii, "settings")

    def show(self, about: Description | None) -> None:
        """Show this, or nothing."""
        other = about is not None and self.about is not None and about.key != self.about.key
        self.about = about
        self._fill()
        if other:
            self._each(lambda table: table.move_to(0))

    def on_resize(self, event: Resize) -> None:
        """One column or two."""
        wide = event.size.width >= SIDE_BY_SIDE_FROM
        if wide != self.has_class("wide"):
            self.set_class(wide, "wide")
            self._fill()

    @property
    def tables(self) -> list[SheetTable]:
        """The sides that are shown, left one first."""
        return [table for table in self.query(SheetTable) if table.row_count]

    @property
    def current(self) -> Line | None:
        """The line under the cursor, of the side that has the focus."""
        return next((table.current for table in self.query(SheetTable) if table.has_focus), None)

    def _fill(self) -> None:
        if not self.is_mounted:
            return
        now, settings = self.query_one("#now", SheetTable), self.query_one("#settings", SheetTable)
        if self.about is None:
            self._each(lambda table: table.set_rows((), key=lambda line: line.key))
            return
        about = self.about
        wide = self.has_class("wide")
        now.entitle(f"{about.stored.kind} {about.stored.name}")
        settings.entitle("Settings")
        now.set_rows(
            resource_lines.now_lines(about, self.ascii) if wide else resource_lines.one_column(about, self.ascii), key=lambda line: line.key
        )
        settings.set_rows(resource_lines.settings_lines(about, self.explained) if wide else (), key=lambda line: line.key)

    def _each(self, act: Callable[[SheetTable], None]) -> None:
        for table in self.query(SheetTable):
            act(table)
