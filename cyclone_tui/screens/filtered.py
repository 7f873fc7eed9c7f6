"""What views with one table and a `/` line share: the filter is applied while it is typed, stays, and goes with Esc."""

from typing import Any, ClassVar

from textual.binding import BindingType

from cyclone_core.errors import InvalidRequest
from cyclone_tui import row_filter
from cyclone_tui.actions import Action, bound
from cyclone_tui.row_filter import RowFilter
from cyclone_tui.screens.base import View
from cyclone_tui.widgets.filter_line import FilterLine
from cyclone_tui.widgets.row_table import RowTable


class FilteredView(View):
    """A view whose `body` has a RowTable `#rows` and a FilterLine; it says what a filter may ask of a row, and shows the rows that fit."""

    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action(
            "rows.filter", "slash", "filter", "Filter", "show only: word, column:value, number>8, /regex/, !not", looks=True, display="/"
        ),
    )
    BINDINGS: ClassVar[list[BindingType]] = bound(ACTIONS)
    AUTO_FOCUS = "#rows"
    FILTERED: ClassVar[tuple[str, ...]] = ()
    """columns that a filter may name"""

    def __init__(self, arguments: Any = None) -> None:
        super().__init__(arguments)
        self.filter_text = ""
        self.fits = RowFilter()

    def crumb(self) -> str:
        """With the filter, where there is one."""
        return f"{self.NAME} /{self.filter_text}" if self.filter_text else self.NAME

    def show_rows(self) -> None:
        """Show what was read, as far as it fits."""
        raise NotImplementedError

    @property
    def table(self) -> RowTable[Any]:
        """The rows."""
        found: RowTable[Any] = self.query_one("#rows", RowTable)
        return found

    def action_filter(self) -> None:
        """Open the line."""
        self.query_one(FilterLine).open(self.filter_text)

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        """Narrow the table; what cannot be read is said, and narrows nothing."""
        problem = ""
        try:
            self.fits, self.filter_text = row_filter.parse(event.text, self.FILTERED), event.text.strip()
        except InvalidRequest as exc:
            self.fits, self.filter_text, problem = RowFilter(), "", exc.problems[0].message
        self.query_one(FilterLine).show_problem(problem)
        self._changed()

    def on_filter_line_closed(self, event: FilterLine.Closed) -> None:
        """Back to the rows."""
        if not event.kept:
            self.clear_filter()
        self.table.focus()

    def clear_filter(self) -> None:
        """Show everything again."""
        self.fits, self.filter_text = RowFilter(), ""
        self.query_one(FilterLine).show_problem("")
        self._changed()

    def _changed(self) -> None:
        self.update_frame()
        if self.has_data:
            self.show_rows()

    def action_back(self) -> None:
        """Esc takes the filter away first."""
        if self.filter_text:
            self.clear_filter()
        else:
            super().action_back()
