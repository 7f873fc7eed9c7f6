"""The lines of an output: up to 100,000 of them, ten thousand more every second, followed, searched, wrapped.

Lines come in batches, made from bytes on another thread (`log_lines`): here they are only kept and those on the screen painted.
Scrolling up pauses; the lines then stay where they are while others come in below.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cyclone_tui.widgets.log_lines import NOTE

MAX_LINES = 100_000
"""Lines that are kept; the earliest go first."""
KindOf = Callable[[str], str]
_SIDEWAYS = 8


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines that came in since the last batch, and the one that has begun and may still grow (empty: none)."""

    lines: list[str]
    unfinished: str = ""


class LogPane(ScrollView, can_focus=True):
    """The lines. Messages: `Moved` when what the status line says may have changed."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--prefix", "log--note", "log--match", "log--current", "log--comment", "log--directive",
    }  # fmt: skip
    DEFAULT_CSS = """
    LogPane { background: $surface; color: $foreground; scrollbar-size: 0 1; overflow-y: scroll; overflow-x: auto; }
    LogPane > .log--prefix { color: $muted; }
    LogPane > .log--note { color: $text-warning; text-style: italic; }
    LogPane > .log--comment { color: $muted; }
    LogPane > .log--directive { color: $accent; text-style: bold; }
    LogPane > .log--match { background: $warning; color: $background; }
    LogPane > .log--current { background: $error; color: $background; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,space", "move_pages(1)", "Page down", show=False),
        Binding("pageup", "move_pages(-1)", "Page up", show=False),
        Binding("home,g", "first", "First line", show=False),
        Binding("end,G", "last", "Last line, follow", show=False),
        Binding("right", "sideways(1)", "Right", show=False),
        Binding("left", "sideways(-1)", "Left", show=False),
    ]

    class Moved(Message):
        """Lines came in, or others are shown."""

    def __init__(self, prefix: int = 0, max_lines: int = MAX_LINES, kind_of: KindOf | None = None, id: str | None = None) -> None:
        """prefix: so many characters at the beginning of each line tell whose it is.

        kind_of: what a line behind its prefix is: `comment`, `directive` or "" for nothing special.
        """
        super().__init__(id=id)
        self.kind_of = kind_of
        self.prefix, self.max_lines = prefix, max_lines
        self.lines: list[str] = []
        self.dropped = 0
        self.following, self.wrap = True, False
        self.pattern: re.Pattern[str] | None = None
        self.match = -1  # number (since the beginning) of the line that `next_match` went to last
        self.unseen = 0
        self._has_open = False
        self._widest = 0
        self._wrap_width = 1
        self._tops = [0]  # with wrap: the row at which each line begins, and the row behind the last; the first is not always 0
        self._placing = False

    # -- contents

    def add(self, batch: Batch) -> None:
        """Append lines; the line that had begun is replaced by what became of it."""
        size_before = len(self.lines)
        if self._has_open:
            self._pop()
        first = len(self.lines)
        fresh = [*batch.lines, batch.unfinished] if batch.unfinished else batch.lines
        self._has_open = bool(batch.unfinished)
        self.lines.extend(fresh)
        self._measure(fresh)
        gone = self._prune()
        if not self.following:
            self.unseen += max(0, len(self.lines) + gone - size_before)
        self._place(first, gone, max(size_before, len(self.lines)))

    def clear(self) -> None:
        """Forget everything; what comes next is followed."""
        self.lines.clear()
        self.dropped = self._widest = self.unseen = 0
        self.match, self._has_open, self.following, self._tops = -1, False, True, [0]
        self._resize()
        self.refresh()
        self.post_message(self.Moved())

    def _pop(self) -> None:
        self.lines.pop()
        if self.wrap:
            self._tops.pop()

    def _measure(self, fresh: list[str]) -> None:
        """Take note of how wide or high these lines, the last ones, are."""
        if self.wrap:
            width, tops = self._wrap_width, self._tops
            row = tops[-1]
            for line in fresh:
                row += _height(line, width)
                tops.append(row)
        elif fresh:
            self._widest = max(self._widest, max(len(line) if line.isascii() else cell_len(line) for line in fresh))

    def _prune(self) -> int:
        """Forget the earliest lines above the limit; returns how many."""
        gone = max(0, len(self.lines) - self.max_lines)
        if gone:
            del self.lines[:gone]
            self.dropped += gone
        return gone

    def _place(self, first: int, gone: int, end: int) -> None:
        """Make the new lines visible when followed, else keep what is on the screen where it is.

        gone: lines pruned at the top. first, end: the lines that look different now, or did not exist.
        """
        rows = gone
        if self.wrap and gone:
            rows = self._tops[gone] - self._tops[0]
            del self._tops[:gone]
        self._resize()
        if self.following:
            before = self.scroll_offset.y
            self._scroll_to_row(self.max_scroll_y)
            if gone or self.scroll_offset.y != before:
                self.refresh()
            else:
                self._repaint(first, end)
        else:
            if rows:
                self._scroll_to_row(max(0, self.scroll_offset.y - rows))
            self._repaint(first - gone, end)
        self.post_message(self.Moved())

    def _repaint(self, first: int, end: int) -> None:
        """Paint some lines again, as far as they are on the screen."""
        top, height = self.scroll_offset.y, self.size.height
        low = max(top, self._row_of(max(0, first)))
        high = top + height if self.wrap else min(top + height, end)
        if low < high:
            self.refresh_lines(low, high - low)

    def _resize(self) -> None:
        """A change of the virtual size costs a layout: there is none while the screen is not full."""
        width, rows = (self._wrap_width, self._tops[-1] - self._tops[0]) if self.wrap else (self._widest, len(self.lines))
        room = self.scrollable_content_region
        size = Size(max(width, room.width), max(rows, room.height))
        if size != self.virtual_size:
            self.virtual_size = size

    # -- where we are

    @property
    def first_line(self) -> int:
        """Number, from 1 and counted from the first line that ever came, of the line at the top of the screen; 0 where there is none."""
        return self.dropped + self._line_at(self.scroll_offset.y)[0] + 1 if self.lines else 0

    def _line_at(self, row: int) -> tuple[int, int]:
        """(line, which of its rows) at a row."""
        if not self.wrap:
            return min(row, max(0, len(self.lines) - 1)), 0
        wanted = self._tops[0] + row
        line = min(bisect_right(self._tops, wanted) - 1, max(0, len(self.lines) - 1))
        return line, wanted - self._tops[line]

    def _row_of(self, line: int) -> int:
        return self._tops[min(line, len(self._tops) - 1)] - self._tops[0] if self.wrap else line

    def _scroll_to_row(self, row: int) -> None:
        self._placing = True
        self.scroll_to(y=row, animate=False, force=True, immediate=True)
        self._placing = False

    def watch_scroll_x(self, old_value: float, new_value: float) -> None:
        """The status line tells the column."""
        super().watch_scroll_x(old_value, new_value)
        self.post_message(self.Moved())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling up pauses; what the widget does by itself, and another size, change nothing of that."""
        super().watch_scroll_y(old_value, new_value)
        if not self._placing and round(new_value) < round(old_value) and new_value < self.max_scroll_y and self.following:
            self._set_following(False)
        elif not self._placing:
            self.post_message(self.Moved())

    def _set_following(self, following: bool) -> None:
        self.following = following
        if following:
            self.unseen = 0
        self.post_message(self.Moved())

    def visible_text(self) -> str:
        """The lines on the screen, whole, without the notes of ours."""
        if not self.lines:
            return ""
        first, last = (self._line_at(self.scroll_offset.y + row)[0] for row in (0, max(0, self.size.height - 1)))
        return "".join(f"{line}\n" for line in self.lines[first : last + 1] if not line.startswith(NOTE))

    # -- looks

    def set_wrap(self, wrap: bool) -> None:
        """Break long lines, or let them run out of the screen; the line on top stays there."""
        top = self._line_at(self.scroll_offset.y)[0]
        self.wrap = wrap
        self._measure_all()
        self._scroll_to_row(self.max_scroll_y if self.following else self._row_of(top))
        self.refresh()
        self.post_message(self.Moved())

    def _measure_all(self) -> None:
        self._wrap_width = max(1, self.scrollable_content_region.width)
        self._tops, self._widest = [0], 0
        self._measure(self.lines)
        self._resize()

    def on_resize(self) -> None:
        """Break lines anew where the width differs, and stay at the end when following."""
        if self.wrap and self.scrollable_content_region.width != self._wrap_width:
            top = self._line_at(self.scroll_offset.y)[0]
            self._measure_all()
            self._scroll_to_row(self._row_of(top))
        self._resize()
        if self.following:
            self._scroll_to_row(self.max_scroll_y)

    # -- search

    def search(self, text: str) -> int:
        """Highlight a text (upper case counts when it has any) and go to its next place; returns in how many lines it is."""
        self.pattern = re.compile(re.escape(text), 0 if text != text.lower() else re.IGNORECASE) if text else None
        self.match = -1
        self.refresh()
        if self.pattern is None:
            return 0
        find = self.pattern.search
        found = sum(1 for line in self.lines if find(line))
        if found:
            self.next_match(-1 if self.following else 1)
        return found

    def next_match(self, direction: int) -> bool:
        """Go to the next (1) or previous (-1) line that has it, round the ends; whether there is one."""
        if self.pattern is None or not self.lines:
            return False
        count = len(self.lines)
        start = self.match - self.dropped if self.match >= self.dropped else self._line_at(self.scroll_offset.y)[0] - direction
        if self.match < 0 and direction < 0:
            start = count
        for step in range(1, count + 1):
            line = (start + direction * step) % count
            if self.pattern.search(self.lines[line]):
                self._show_match(line)
                return True
        return False

    def _show_match(self, line: int) -> None:
        self.match = self.dropped + line
        row, height = self._row_of(line), self.size.height
        self._set_following(False)
        if not self.scroll_offset.y <= row < self.scroll_offset.y + height:
            self._scroll_to_row(max(0, min(self.max_scroll_y, row - height // 3)))
        self.refresh()

    # -- keys

    def action_move(self, rows: int) -> None:
        """Scroll by rows; down to the end follows again."""
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, immediate=True)
        if rows > 0 and not self.following and self.scroll_offset.y >= self.max_scroll_y:
            self._set_following(True)

    def action_move_pages(self, pages: int) -> None:
        """Scroll by screens, less a row to read on from."""
        self.action_move(pages * max(1, self.size.height - 1))

    def action_first(self) -> None:
        """To the first line that is kept."""
        self.scroll_to(y=0, animate=False, immediate=True)

    def action_last(self) -> None:
        """To the end, and follow."""
        self._scroll_to_row(self.max_scroll_y)
        self._set_following(True)

    def action_sideways(self, direction: int) -> None:
        """Scroll by a few columns."""
        self.scroll_to(x=self.scroll_offset.x + direction * _SIDEWAYS, animate=False, immediate=True)

    def _on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        event.prevent_default()
        self.action_move(-3)

    def _on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        event.prevent_default()
        self.action_move(3)

    # -- painting

    def render_line(self, y: int) -> Strip:
        """One row."""
        width, base = self.size.width, self.rich_style
        scroll_x, scroll_y = self.scroll_offset
        line, part = self._line_at(scroll_y + y)
        if line >= len(self.lines) or (not self.wrap and scroll_y + y >= len(self.lines)):
            return Strip.blank(width, base)
        if not self.wrap:
            strip = Strip(self._segments(line, 0, len(self.lines[line]), base))
            return strip.crop_extend(scroll_x, scroll_x + width, base)
        low, high = _part(self.lines[line], self._wrap_width, part)
        return Strip(self._segments(line, low, high, base)).adjust_cell_length(width, base)

    def _segments(self, number: int, low: int, high: int, base: Style) -> list[Segment]:
        """Characters low to high of a line, with what is highlighted in them."""
        line = self.lines[number]
        if line.startswith(NOTE):
            return [Segment(line[max(low, len(NOTE)) : high], base + self._style("note"))]
        edges = [(0, min(self.prefix, len(line)), "prefix")] if self.prefix else []
        kind = self.kind_of(line[self.prefix :]) if self.kind_of else ""
        if kind:
            base += self._style(kind)
        if self.pattern is not None:
            kind = "current" if number + self.dropped == self.match else "match"
            edges += [(*found.span(), kind) for found in self.pattern.finditer(line, self.prefix) if found.end() > found.start()]
        segments, at = [], low
        for start, end, kind in edges:
            start, end = max(at, start), min(high, end)
            if start < end:
                segments += [Segment(line[at:start], base), Segment(line[start:end], base + self._style(kind))]
                at = end
        return [*segments, Segment(line[at:high], base)]

    def _style(self, kind: str) -> Style:
        return self.get_component_rich_style(f"log--{kind}", partial=True)


def _height(line: str, width: int) -> int:
    """Rows of a line in so many columns."""
    if line.isascii():
        return max(1, -(-len(line) // width))
    return max(1, len(chop_cells(line, width)))


def _part(line: str, width: int, part: int) -> tuple[int, int]:
    """First and last character of one row of a line."""
    if line.isascii():
        return part * width, min(len(line), (part + 1) * width)
    low = 0
    pieces = chop_cells(line, width)
    for piece in pieces[:part]:
        low += len(piece)
    return low, low + len(pieces[part]) if part < len(pieces) else low
