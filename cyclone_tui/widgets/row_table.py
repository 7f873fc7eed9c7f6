"""A table of any number of rows, drawn line by line: one header line, then as many rows as there is room for.

Textual's `DataTable` holds every cell and lays all of them out; this one asks its source for the rows on the screen. The cursor
and the marks belong to keys, not to row numbers, so they stay with their records when others come and go. Only lines that look
different from what was painted last are painted again: a table in which nothing changed sends nothing to the terminal.

A screen hands it a small list (`set_rows`) or a source of pages (`set_source`, then `source_changed()` whenever there is news).
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cyclone_tui.formatters import STYLE_NAMES
from cyclone_tui.widgets.row_source import ListRows, RowSource, natural
from cyclone_tui.widgets.table_columns import GUTTER, Column, Part, fit, layout

__all__ = ["Column", "ListRows", "RowSource", "RowTable"]
R = TypeVar("R")
HEADER = 1
"""Lines above the first row."""


@dataclass(frozen=True, slots=True)
class _Line:
    """What one line of the screen shows; equal ones look the same."""

    parts: tuple[Part, ...]
    cursor: bool = False
    odd: bool = False
    header: bool = False


class RowTable(ScrollView, Generic[R], can_focus=True, inherit_bindings=False):
    """A table over a list or a source. See the module."""

    DEFAULT_CSS = """
    RowTable {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        background: $background;
        color: $foreground;
        & > .row-table--header { text-style: bold; color: $text-muted; background: $panel; }
        & > .row-table--sorted { text-style: bold; color: $text; background: $panel; }
        & > .row-table--cursor { background: $primary 20%; }
        & > .row-table--pointer { color: $primary; text-style: bold; }
        & > .row-table--mark { color: $accent; text-style: bold; }
        & > .row-table--odd { background: $foreground 2%; }
        & > .row-table--loading { color: $text-disabled; }
        & > .row-table--muted { color: $text-muted; }
        & > .row-table--title { text-style: bold; }
        & > .row-table--number { color: $foreground; }
        & > .row-table--waiting { color: $text-muted; }
        & > .row-table--running { color: $text-primary; }
        & > .row-table--ok { color: $text-success; }
        & > .row-table--failed { color: $text-error; }
        & > .row-table--error { color: $text-error; text-style: bold; }
        & > .row-table--cancelled { color: $text-warning; }
        &:focus > .row-table--cursor { background: $primary 40%; }
        &:ansi > .row-table--cursor { text-style: reverse; }
        &:ansi > .row-table--header { text-style: bold underline; background: ansi_default; color: ansi_default; }
        &:ansi > .row-table--sorted { text-style: bold underline; background: ansi_default; color: ansi_default; }
        &:ansi > .row-table--odd { background: ansi_default; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"row-table--{name}"
        for name in (*filter(None, STYLE_NAMES), "header", "sorted", "cursor", "pointer", "mark", "odd", "loading")
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("home,g", "top", "First", show=False),
        Binding("end,G", "bottom", "Last", show=False),
        Binding("space", "mark", "Mark", show=False),
        Binding("enter", "open", "Open", show=False),
    ]
    ALLOW_SELECT = False

    class _About(Message):
        def __init__(self, table: "RowTable[Any]") -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> "RowTable[Any]":
            return self.table

    class Opened(_About):
        """Enter or a double click on a row."""

        def __init__(self, table: "RowTable[Any]", record: Any) -> None:
            super().__init__(table)
            self.record = record

    class Highlighted(_About):
        """The cursor is on another record (None: on none, or on one that is still being read)."""

        def __init__(self, table: "RowTable[Any]", record: Any) -> None:
            super().__init__(table)
            self.record = record

    class Sorted(_About):
        """The user asked for another order; `column` is the key of the column."""

        def __init__(self, table: "RowTable[Any]", column: str, reverse: bool) -> None:
            super().__init__(table)
            self.column, self.reverse = column, reverse

    class MarksChanged(_About):
        """Other rows are marked now."""

    def __init__(
        self, columns: Sequence[Column[R]] = (), *, empty: str = "Nothing here", ascii: bool = False, marks: bool = True,
        id: str | None = None, classes: str | None = None,
    ) -> None:  # fmt: skip
        """`empty`: what is shown when there is no row; `ascii`: signs of the plain character set; `marks`: whether rows can be marked."""
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self.empty, self.ascii, self.can_mark = empty, ascii, marks
        self.cursor_row = 0
        self.sorted_by: tuple[str, bool] | None = None
        """(key of a column, descending) that the header shows"""
        self._visible = self.columns
        self._source: RowSource[R] = ListRows[R]((), hash)
        self._unsorted: Sequence[R] | None = None
        self._follow_top = False
        self._cursor_key: Hashable = None
        self._told: Hashable = None
        self._marked: dict[Hashable, None] = {}
        self._painted: dict[int, _Line] = {}
        self._strips: LRUCache[tuple[_Line, int], Strip] = LRUCache(512)
        self._styles: dict[tuple[Style, str], Style] = {}
        self._bases: dict[str, Style] = {}
        self._ready: list[_Line] = []
        self._width = self._first = 0
        self._moving = False
        self._widths: tuple[int, ...] = ()
        self._gap = 1
        self._laid_out: tuple[object, ...] = ()

    # what is shown

    def set_columns(self, columns: Sequence[Column[R]], visible: Sequence[str] | None = None) -> None:
        """Show these columns; `visible`: keys of those to show, in order (None: all of them)."""
        by_key = {column.key: column for column in columns}
        self.columns = tuple(columns)
        self._visible = self.columns if visible is None else tuple(by_key[key] for key in visible if key in by_key)
        self.repaint()

    @property
    def visible_columns(self) -> tuple[str, ...]:
        """Keys of the columns that are shown where there is room."""
        return tuple(column.key for column in self._visible)

    @property
    def shown_columns(self) -> tuple[str, ...]:
        """Keys of the columns that there is room for now."""
        return tuple(column.key for column, width in zip(self._visible, self._widths, strict=False) if width)

    def set_rows(self, records: Sequence[R], key: Callable[[R], Hashable] = lambda record: record.name) -> None:  # type: ignore[attr-defined]
        """Show a small list. The cursor and the marks stay with their keys; marks of what is gone are dropped."""
        self._unsorted, self._follow_top = records, False
        self._source = ListRows[R](self._in_order(records), key)
        gone = [one for one in self._marked if self._source.find(one, 0) is None]
        for one in gone:
            del self._marked[one]
        self.source_changed()
        if gone:
            self.post_message(self.MarksChanged(self))

    def set_source(self, source: RowSource[R], *, follow_top: bool = False, keep: bool = False) -> None:
        """Show a source, from its top unless `keep`. follow_top: an untouched cursor stays on the first row as rows come in above it."""
        self._source, self._unsorted, self._follow_top = source, None, follow_top
        if not keep:
            self._cursor_key, self.cursor_row = None, 0
            self._scroll(0)
        self.source_changed()

    def source_changed(self) -> None:
        """Look at the source again: its length, where the cursor's record is now, and every line on the screen."""
        count = self._source.count
        before, top = self.cursor_row, self.scroll_offset.y
        if self._cursor_key is not None and not (self._follow_top and before == 0):
            found = self._source.find(self._cursor_key, before)
            self.cursor_row = before if found is None else found
        self.cursor_row = max(0, min(self.cursor_row, count - 1))
        self._cursor_key = self._source.key(self.cursor_row) if count else None
        self._set_length(Size(self.line_width, count + HEADER))
        moved = self.cursor_row - before
        if moved and top:  # what was looked at stays on its line
            self._scroll(top + moved)
        elif moved:
            self._show_cursor()
        self.repaint()
        self._tell()

    def repaint(self) -> None:
        """Paint again the lines that look different from what is on the screen."""
        self._ready = []
        if not self.is_mounted or not self.size:
            return
        self._lay_out()
        self._ready = self._lines()
        width, painted = self._width, self._painted
        for y, line in enumerate(self._ready):
            if painted.get(y) != line:
                self.refresh(Region(0, y, width, 1))

    # cursor and marks

    @property
    def current(self) -> R | None:
        """The record under the cursor; None where there is none or where it is still being read."""
        if not self._source.count:
            return None
        found = self._source.window(self.cursor_row, 1)
        return found[0] if found else None

    @property
    def source(self) -> RowSource[R]:
        """Where its rows come from."""
        return self._source

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return self._source.count

    @property
    def follows(self) -> bool:
        """Whether the cursor stays on the first row as others come in above it, because nobody has moved it."""
        return self._follow_top

    @property
    def marked(self) -> list[Hashable]:
        """Keys of the marked rows, in the order in which they were marked."""
        return list(self._marked)

    def clear_marks(self) -> None:
        """Mark nothing."""
        self._set_marks({})

    def mark(self, keys: Sequence[Hashable]) -> None:
        """Mark these rows too."""
        self._set_marks({**self._marked, **dict.fromkeys(keys)})

    def _set_marks(self, marks: dict[Hashable, None]) -> None:
        if marks != self._marked:
            self._marked = marks
            self.repaint()
            self.post_message(self.MarksChanged(self))

    def move_to(self, row: int) -> None:
        """Put the cursor on a row and show it."""
        if not self._source.count:
            return
        self._follow_top = False
        self.cursor_row = max(0, min(row, self._source.count - 1))
        self._cursor_key = self._source.key(self.cursor_row)
        self._show_cursor()
        self.repaint()
        self._tell()

    def select(self, key: Hashable) -> bool:
        """Put the cursor on the row with that key; whether there is one."""
        row = self._source.find(key, self.cursor_row)
        if row is not None:
            self.move_to(row)
        return row is not None

    @property
    def page_size(self) -> int:
        """Rows on the screen."""
        return max(1, self.size.height - HEADER)

    def _show_cursor(self) -> None:
        top = self.scroll_offset.y
        wanted = min(max(top, self.cursor_row - self.page_size + 1), self.cursor_row)
        if wanted != top:
            self._scroll(wanted)

    def _tell(self) -> None:
        record = self.current
        key = None if record is None else self._cursor_key
        if key != self._told:
            self._told = key
            self.post_message(self.Highlighted(self, record))

    # actions

    def action_move(self, rows: int) -> None:
        """Move the cursor by some rows."""
        self.move_to(self.cursor_row + rows)

    def action_page(self, pages: int) -> None:
        """Move the cursor and the view by a page."""
        if not self._source.count:
            return
        top = self.scroll_offset.y + pages * self.page_size
        self._scroll(top)
        self.move_to(self.cursor_row + pages * self.page_size)

    def action_top(self) -> None:
        """Go to the first row."""
        self.move_to(0)

    def action_bottom(self) -> None:
        """Go to the last row."""
        self.move_to(self._source.count - 1)

    def action_mark(self) -> None:
        """Mark the row, or take the mark away, and go on to the next."""
        if self.can_mark and self._cursor_key is not None:
            self._toggle(self._cursor_key)
            self.action_move(1)

    def action_open(self) -> None:
        """Open the record under the cursor."""
        record = self.current
        if record is not None:
            self.post_message(self.Opened(self, record))

    def _toggle(self, key: Hashable) -> None:
        marks = dict(self._marked)
        if key in marks:
            del marks[key]
        else:
            marks[key] = None
        self._set_marks(marks)

    def sort_by(self, column: str, reverse: bool | None = None) -> None:
        """Ask for the order of a column: reverse None turns the order around when it is that already. A list is sorted here."""
        chosen = next((one for one in self.columns if one.key == column and one.sort), None)
        if chosen is None:
            return
        if reverse is None:
            reverse = not self.sorted_by[1] if self.sorted_by and self.sorted_by[0] == column else chosen.descending
        self.sorted_by = (column, reverse)
        if self._unsorted is not None and isinstance(self._source, ListRows):
            self.set_rows(self._unsorted, self._source._key)
        self.repaint()
        self.post_message(self.Sorted(self, column, reverse))

    def _in_order(self, records: Sequence[R]) -> Sequence[R]:
        column = next((one for one in self.columns if self.sorted_by and one.key == self.sorted_by[0]), None)
        if column is None or self.sorted_by is None:
            return records
        value = column.value or column.text
        return sorted(records, key=lambda record: natural(value(record)), reverse=self.sorted_by[1])

    # mouse

    def on_click(self, event: events.Click) -> None:
        """A row: cursor there (twice: open it; in front of it: mark it). The header: that order."""
        at = event.get_content_offset(self)
        if at is None or event.button != 1:
            return
        event.stop()
        if at.y < HEADER:
            self._click_header(at.x)
            return
        row = self.scroll_offset.y + at.y - HEADER
        if row >= self._source.count:
            return
        self.move_to(row)
        if at.x < GUTTER and self.can_mark:
            self._toggle(self._cursor_key)
        elif event.chain == 2:
            self.action_open()

    def _click_header(self, x: int) -> None:
        edge = GUTTER
        for column, width in zip(self._visible, self._widths, strict=True):
            if width:
                edge += width + self._gap
                if x < edge:
                    self.sort_by(column.key)
                    return

    # drawing

    def notify_style_update(self) -> None:
        """Another theme or focus: every line is drawn again."""
        super().notify_style_update()
        self._strips.clear()
        self._styles.clear()
        self._bases.clear()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Lines that look the same as before (rows came in above them) are not painted again."""
        if self.show_vertical_scrollbar and (new_value in (0, self.max_scroll_y) or self._moves_bar(new_value - old_value)):
            self.vertical_scrollbar.position = new_value
        if round(old_value) != round(new_value) and not self._moving:
            self.repaint()

    def _scroll(self, row: int) -> None:
        """Show from a row on; whoever calls paints."""
        self._moving = True
        self.scroll_to(y=max(0, row), animate=False)
        self._moving = False

    def _set_length(self, size: Size) -> None:
        """Tell how long it is. Textual lays the whole screen out anew for that, which only matters when the scroll bar comes or goes."""
        old = self.virtual_size
        if size == old:
            return
        if size.width != old.width or (size.height > self.size.height) != (old.height > self.size.height):
            self.virtual_size = size
            return
        self.set_reactive(RowTable.virtual_size, size)
        if self.show_vertical_scrollbar and self._moves_bar(size.height - self.vertical_scrollbar.window_virtual_size):
            self.vertical_scrollbar.window_virtual_size = size.height
        self.scroll_y = self.validate_scroll_y(self.scroll_y)

    def _moves_bar(self, rows: float) -> bool:
        """Whether so many rows can be seen on the scroll bar, which is drawn in eighths of a line."""
        return bool(abs(rows) * 8 * max(1, self.size.height) >= self.virtual_size.height)

    def on_resize(self) -> None:
        """Another size: other widths, and the cursor stays in view."""
        self._lay_out()
        self._show_cursor()
        self.source_changed()

    @property
    def line_width(self) -> int:
        """Cells of a line: without those of the scroll bar, where there is one."""
        return int(self.scrollable_content_region.width)

    def _lay_out(self) -> None:
        state = (self.line_width, self._visible)
        self._width = self.size.width
        if state != self._laid_out:
            self._laid_out = state
            self._widths, self._gap = layout(self._visible, self.line_width)

    def _lines(self) -> list[_Line]:
        """Every line of the screen as it must look now."""
        first, room = self.scroll_offset.y, max(0, self.size.height - HEADER)
        lines = [self._header()]
        self._first = first
        if not self._source.count:
            lines.append(_Line((("  " + self.empty, "muted"),)))
        records = self._source.window(first, room) if self._source.count else ()
        lines += [self._row(first + k, record) for k, record in enumerate(records)]
        return lines + [_Line(())] * (room + HEADER - len(lines))

    def _header(self) -> _Line:
        parts: list[Part] = [(" " * GUTTER, "header")]
        for column, width in zip(self._visible, self._widths, strict=True):
            if width:
                arrow = self._arrow(column.key)
                parts += [(fit(column.title + arrow, width, column.justify), "sorted" if arrow else "header"), (" " * self._gap, "header")]
        return _Line(tuple(parts), header=True)

    def _arrow(self, column: str) -> str:
        if self.sorted_by is None or self.sorted_by[0] != column:
            return ""
        return ("v" if self.ascii else "▼") if self.sorted_by[1] else ("^" if self.ascii else "▲")

    def _row(self, row: int, record: R | None) -> _Line:
        key = self._source.key(row)
        cursor = row == self.cursor_row
        pointer = (">" if self.ascii else "▌") if cursor else " "
        mark = ("*" if self.ascii else "◆") if key in self._marked else " "
        parts: list[Part] = [(pointer, "pointer"), (mark, "mark")]
        gap = (" " * self._gap, "")
        for column, width in zip(self._visible, self._widths, strict=True):
            if not width:
                continue
            if record is None:
                parts.append((fit(("." if self.ascii else "·") * min(3, width), width, column.justify), "loading"))
            elif column.parts:
                parts += column.parts(record, width)
            else:
                parts.append((fit(column.text(record), width, column.justify), column.style(record) if column.style else ""))
            parts.append(gap)
        # stripes belong to the screen: rows that come in above do not turn them around
        return _Line(tuple(parts), cursor, bool((row - self._first) % 2))

    def render_line(self, y: int) -> Strip:
        """Draw one line, and remember what it shows."""
        if y >= len(self._ready):
            self._lay_out()
            self._ready = self._lines()
        line = self._ready[y] if y < len(self._ready) else _Line(())
        self._painted[y] = line
        strip = self._strips.get((line, self._width))
        if strip is None:
            strip = self._draw(line)
            self._strips[line, self._width] = strip
        return strip

    def _draw(self, line: _Line) -> Strip:
        base = self._base("header" if line.header else "cursor" if line.cursor else "odd" if line.odd else "")
        plain = bool(base.reverse)  # a terminal's own colours, turned around: one pair for the whole line
        segments: list[Segment] = []
        text, style = "", base
        for part, name in line.parts:
            wanted = base if plain else self._style(base, name)
            if wanted is style or not part.strip():  # fewer changes of colour, fewer bytes
                text += part
                continue
            if text:
                segments.append(Segment(text, style))
            text, style = part, wanted
        segments.append(Segment(text, style))
        return Strip(segments).adjust_cell_length(self._width, base)

    def _base(self, name: str) -> Style:
        """The style of a kind of line."""
        style = self._bases.get(name)
        if style is None:
            own = self.get_component_rich_style(f"row-table--{name}") if name else Style()
            style = self._bases[name] = own if name == "header" else self.rich_style + own
        return style

    def _style(self, base: Style, name: str) -> Style:
        style = self._styles.get((base, name))
        if style is None:
            style = self._styles[base, name] = self._made_style(base, name)
        return style

    def _made_style(self, base: Style, name: str) -> Style:
        if not name:
            return base
        style = self.get_component_rich_style(f"row-table--{name}")
        if name in ("header", "sorted"):
            return style
        made = base + Style(color=style.color, bold=style.bold)  # its background is that of the line
        return base if made == base else made
