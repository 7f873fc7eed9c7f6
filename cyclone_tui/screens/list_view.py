"""What every list of a few things is made of: rows with marks, order and filter, a line that counts them, and the one under the cursor.

A list says how to read its rows (`load_rows`) and one of them (`load_about`); everything else is here. The panel below shows the
description of the row under the cursor where the terminal is high enough, or when it is asked for.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from cyclone_core.errors import InvalidRequest
from cyclone_core.operations.descriptions import Description
from cyclone_core.operations.queries import HostView
from cyclone_tui import row_filter
from cyclone_tui.actions import Action, bound
from cyclone_tui.row_filter import RowFilter
from cyclone_tui.screens.base import View, background
from cyclone_tui.screens.bulk_flows import keep_columns
from cyclone_tui.screens.column_chooser import ColumnChooser
from cyclone_tui.screens.modals import Choose
from cyclone_tui.screens.sheet import Sheet, SheetTable
from cyclone_tui.widgets.filter_line import FilterLine
from cyclone_tui.widgets.row_table import RowTable
from cyclone_tui.widgets.table_columns import Column

R = TypeVar("R")
PREVIEW_FROM = 30
"""Lines of a terminal from which on the panel below is there by itself."""
_HINTS = ("/ filter   o sort   Space mark   v panel", "/ filter   o sort   v panel", "/ filter")


class ListView(View, Generic[R]):
    """See the module."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action(
            "list.filter", "slash", "filter", "Filter", "show only: word, column:value, number>8, /regex/, !not", looks=True, show=False
        ),
        Action("list.sort", "o", "sort", "Sort", "choose the order (or click on a heading)", looks=True, show=False),
        Action("list.reverse", "O", "reverse", "Reverse", "the other way around", looks=True, show=False),
        Action("list.columns", "c", "columns", "Columns", "choose the columns", looks=True, show=False),
        Action("list.mark_all", "asterisk", "mark_all", "Mark all", "mark every row that is shown, or none", looks=True, show=False),
        Action("list.preview", "v", "preview", "Panel", "show or hide what is under the cursor in a panel below", looks=True, show=False),
    )
    BINDINGS: ClassVar[list[BindingType]] = bound(ACTIONS)
    AUTO_FOCUS = "#rows"
    DEFAULT_CSS = """
    ListView #rows { height: 1fr; }
    ListView #summary { height: 1; color: $text-muted; padding: 0 1; }
    ListView #preview { display: none; height: 1fr; border-top: solid $panel; }
    ListView.preview #preview { display: block; }
    """

    def __init__(self, arguments: Any = None) -> None:
        super().__init__(arguments)
        self.rows: tuple[R, ...] = ()
        self.shown: list[R] = []
        self.filter_text = ""
        self._filter = RowFilter()
        self._wants_preview: bool | None = None
        self._looked_at: str | None = None
        self._told = ""

    # -- what a list says of itself ------------------------------------------------------------------------------------
    def load_rows(self, host: HostView) -> tuple[R, ...]:
        """Read its rows (on a thread)."""
        raise NotImplementedError

    def load_about(self, host: HostView, name: str) -> Description | None:
        """Read everything about one of them; None when it is gone."""
        raise NotImplementedError

    def columns(self, rows: Sequence[R]) -> Sequence[Column[R]]:
        """Its columns, as wide as these rows need them."""
        raise NotImplementedError

    def usual(self) -> Sequence[str]:
        """Keys of the columns that are shown where nobody chose others; all of them where it does not say."""
        return [column.key for column in self.columns(()) if column.key]

    def cells(self, row: R) -> dict[str, str]:
        """What a filter may ask of a row."""
        raise NotImplementedError

    def counted(self) -> str:
        """How many there are, in words."""
        raise NotImplementedError

    def nothing(self) -> str:
        """What to do where there is none."""
        raise NotImplementedError

    def name_of(self, row: R) -> str:
        """What stays the same of a row."""
        return str(row.name)  # type: ignore[attr-defined]

    # -- frame -----------------------------------------------------------------------------------------------------------
    def body(self) -> ComposeResult:
        """The filter, rows, how many they are, the one under the cursor."""
        ascii = self.session.settings.ascii
        yield FilterLine()
        yield RowTable[R](id="rows", ascii=ascii, empty="")
        yield Static("", id="summary")
        yield Sheet(ascii, id="preview")

    @property
    def table(self) -> RowTable[R]:
        """The rows."""
        return self.query_one("#rows", RowTable)

    def load(self, host: HostView) -> tuple[tuple[R, ...], Description | None]:
        """The rows, and everything about the one under the cursor where that is shown."""
        name = self._looked_at
        return self.load_rows(host), self.load_about(host, name) if name is not None else None

    def show(self, data: tuple[tuple[R, ...], Description | None]) -> None:
        """Show both."""
        self.rows, about = data
        self._show_rows()
        if self.has_class("preview"):
            self.query_one(Sheet).show(about)

    def _show_rows(self) -> None:
        table = self.table
        self.shown = [row for row in self.rows if not self._filter.terms or self._filter(self.cells(row))]
        self._set_columns()
        table.empty = self.nothing() if not self.rows else "Nothing fits. Esc takes the filter away"
        table.set_rows(self.shown, key=self.name_of)
        table.repaint()
        self._count()
        self._share_room()

    def _set_columns(self) -> None:
        """Those that were chosen, and one that takes the room that none of them can use."""
        columns = self.columns(self.rows)
        wanted = self.session.settings.columns.get(self.NAME, "").replace(",", " ").split()
        known = [column.key for column in columns]
        shown = [key for key in wanted if key in known] or list(self.usual())
        if "" in known and not any(column.key in shown and not column.width for column in columns):
            shown.append("")
        self.table.set_columns(columns, shown)

    def _count(self) -> None:
        text = self.counted() if self.rows else ""
        if self.filter_text:
            text += f"   filter: {self.filter_text}  (Esc takes it away)"
        room = self.app.size.width - 4 - len(text)
        hints = next((hint for hint in _HINTS if len(hint) < room), "") if self.rows and not self.filter_text else ""
        text = f"{text}{hints:>{room}}" if hints else text
        if text != self._told:  # what is written again is sent again
            self._told = text
            self.query_one("#summary", Static).update(Content(text))

    # -- the panel below -----------------------------------------------------------------------------------------------------
    def on_resize(self, event: Resize) -> None:
        """There may be room for it now."""
        self._show_preview()

    def _show_preview(self) -> None:
        wanted = self._wants_preview if self._wants_preview is not None else self.app.size.height >= PREVIEW_FROM
        self.set_class(wanted, "preview")
        self._share_room()
        self._look_at(self.table.current)

    def _share_room(self) -> None:
        """The rows get what they need, up to half of it."""
        if self.has_class("preview") and self.rows:
            room = max(4, (self.app.size.height - 4) // 2)
            self.table.styles.height = min(len(self.shown) + 1, room)
        else:
            self.table.styles.height = "1fr"

    def _look_at(self, row: R | None) -> None:
        name = self.name_of(row) if row is not None and self.has_class("preview") else None
        if name != self._looked_at:
            self._looked_at = name
            if name is None:
                self.query_one(Sheet).show(None)
            else:
                self.refresh_data()

    def action_preview(self) -> None:
        """Show or hide it."""
        self._wants_preview = not self.has_class("preview")
        self._show_preview()
        self.table.focus()

    # -- what the table tells ----------------------------------------------------------------------------------------------------
    @on(RowTable.Highlighted, "#rows")
    def _highlighted(self, event: RowTable.Highlighted) -> None:
        self._look_at(event.record)

    @on(RowTable.MarksChanged, "#rows")
    def _marks_changed(self) -> None:
        self._count()

    @on(RowTable.Opened, "#rows")
    def _opened(self, event: RowTable.Opened) -> None:
        self.open_row(event.record)

    @on(RowTable.Opened, "SheetTable")
    def _opened_line(self, event: RowTable.Opened) -> None:
        if isinstance(event.table, SheetTable) and event.record.target:
            self.cyclone.open(event.record.target)

    def open_row(self, row: R) -> None:
        """Enter."""
        raise NotImplementedError

    # -- order, marks, filter ----------------------------------------------------------------------------------------------------
    @background
    async def action_sort(self) -> None:
        """Choose the order."""
        table = self.table
        choices = [(column.key, column.title) for column in table.columns if column.sort and column.key in table.visible_columns]
        now = table.sorted_by[0] if table.sorted_by else choices[0][0]
        found = await self.app.push_screen_wait(Choose("Sort by", choices, now))
        if found is not None:
            table.sort_by(found, reverse=False)

    @background
    async def action_columns(self) -> None:
        """Choose them; they are kept in the settings."""
        table = self.table
        choices = [(column.key, column.title) for column in table.columns if column.key]
        shown = [key for key in table.visible_columns if key]
        found = await self.app.push_screen_wait(ColumnChooser(choices, shown, self.usual()))
        if found is not None:
            await keep_columns(self, self.NAME, found)
            self._set_columns()

    def action_reverse(self) -> None:
        """The same order the other way around."""
        table = self.table
        table.sort_by(table.sorted_by[0] if table.sorted_by else next(column.key for column in table.columns if column.sort))

    def action_mark_all(self) -> None:
        """All that are shown; none when they all are."""
        names = [self.name_of(row) for row in self.shown]
        if set(names) <= set(self.table.marked):
            self.table.clear_marks()
        else:
            self.table.mark(names)

    def action_filter(self) -> None:
        """Open the line."""
        self.query_one(FilterLine).open(self.filter_text)

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        """Narrow the list; what cannot be read narrows nothing."""
        line = self.query_one(FilterLine)
        known = list(dict.fromkeys(name for row in self.rows for name in self.cells(row)))
        try:
            self._filter = row_filter.parse(event.text, known)
        except InvalidRequest as exc:
            line.show_problem(exc.problems[0].message)
            self.filter_text, self._filter = "", RowFilter()
            self._show_rows()
            return
        line.show_problem("")
        self.filter_text = event.text.strip()
        self._show_rows()

    def on_filter_line_closed(self, event: FilterLine.Closed) -> None:
        """Back to the rows."""
        if not event.kept:
            self._clear_filter()
        self.table.focus()

    def _clear_filter(self) -> None:
        self.filter_text, self._filter = "", RowFilter()
        self.query_one(FilterLine).show_problem("")
        self._show_rows()

    def action_back(self) -> None:
        """Esc takes away the filter first, then the marks."""
        if self.filter_text:
            self._clear_filter()
        elif self.table.marked:
            self.table.clear_marks()
        else:
            super().action_back()

    def targets(self) -> list[str]:
        """Names of what an action is about: the marked rows, else the one under the cursor."""
        current = self.table.current
        return [str(name) for name in self.table.marked] or ([self.name_of(current)] if current is not None else [])
