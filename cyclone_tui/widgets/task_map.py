"""All tasks of an array as a map: a cell per task, or per 2, 5, 10 … tasks where they do not fit; the worst state of a cell is shown.

The input is a byte per task (`reader.task_states`). Only lines on the screen are looked at, with searches that run in C, so a million
tasks cost as much as a thousand; after a refresh only lines whose tasks changed are painted again. No I/O.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, STATES, SUCCESSFUL, WAITING
from cyclone_tui.formatters import ASCII_GLYPHS, STATE_STYLES

GLYPHS = {WAITING: "·", RUNNING: "●", SUCCESSFUL: "■", FAILED: "✗", CANCELLED: "⊘", ERROR: "!"}
"""Signs of the map: full where work is done, almost empty where it waits."""
PLAIN_GLYPHS = {**ASCII_GLYPHS, WAITING: "."}
WORST_FIRST = (ERROR, FAILED, RUNNING, CANCELLED, WAITING, SUCCESSFUL)
"""A cell of several tasks shows the first of these that one of them is in."""
GROUP = 10
"""Cells between two gaps."""
_BYTES = [bytes([state]) for state in range(len(STATES))]


def worst(states: bytes) -> int:
    """The state that a cell of these tasks (one or more) shows."""
    return next(state for state in WORST_FIRST if _BYTES[state] in states)


def counted(states: bytes) -> tuple[int, ...]:
    """Numbers of tasks by state."""
    return tuple(len(states) - len(states.translate(None, one)) for one in _BYTES)


def zooms(tasks: int) -> list[int]:
    """Tasks per cell that can be chosen: 1, 2, 5, 10, 20, 50 …, up to all tasks in ten cells or so."""
    levels, power = [1], 1
    while levels[-1] * GROUP < tasks:
        levels += [2 * power, 5 * power, 10 * power]
        power *= 10
    return levels


class TaskMap(ScrollView, can_focus=True):
    """The cells. Messages: `Pointed` when the cursor is elsewhere or what is under it changed, `Opened` with a position."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"map--cursor", "map--label", *(f"map--{name}" for name in STATE_STYLES.values())}
    DEFAULT_CSS = """
    TaskMap {
        background: $background; color: $foreground; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & > .map--label { color: $muted; }
        & > .map--waiting { color: $muted; }
        & > .map--running { color: $primary; text-style: bold; }
        & > .map--ok { color: $success; }
        & > .map--failed { color: $error; text-style: bold; }
        & > .map--error { color: $error; text-style: bold reverse; }
        & > .map--cancelled { color: $warning; }
        & > .map--cursor { background: $foreground; color: $background; text-style: bold not reverse; }
        &:ansi > .map--cursor { background: ansi_default; color: ansi_default; text-style: bold reverse; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "step(1)", "Right", show=False),
        Binding("left", "step(-1)", "Left", show=False),
        Binding("down,j", "row(1)", "Down", show=False),
        Binding("up,k", "row(-1)", "Up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("home,g", "end(False)", "First", show=False),
        Binding("end,G", "end(True)", "Last", show=False),
        Binding("plus,equals_sign", "zoom(-1)", "Zoom in", show=False),
        Binding("minus", "zoom(1)", "Zoom out", show=False),
        Binding("0", "fit", "Fit", show=False),
        Binding("n", "failed(1)", "Next failed", show=False),
        Binding("N", "failed(-1)", "Previous failed", show=False),
        Binding("enter", "open", "Open", show=False),
    ]
    ALLOW_SELECT = False

    class Pointed(Message):
        """Something else is under the cursor."""

    class Opened(Message):
        """The user wants to see a task."""

        def __init__(self, position: int) -> None:
            """position: 1..tasks."""
            super().__init__()
            self.position = position

    def __init__(self, job: int = 0, ascii: bool = False) -> None:
        """job: its id. ascii: signs of the plain character set."""
        super().__init__()
        self.job = job
        self.index: Callable[[int], int] = int
        """The number that users see of the task at a position (1..tasks)."""
        self.glyphs = PLAIN_GLYPHS if ascii else GLYPHS
        self.states = b""
        self.per_cell = 1
        self.columns = GROUP
        self.cell = 0
        self._chosen: int | None = None
        """tasks per cell that the user chose; None: whatever fits"""
        self._label = 1

    # -- contents

    def set_states(self, states: bytes) -> None:
        """Show these; only lines that differ are painted again."""
        old, self.states = self.states, states
        if old == states:
            return
        if len(old) != len(states):
            self._arrange()
            self.refresh()
        else:
            per_row = self.columns * self.per_cell
            top = self.scroll_offset.y
            for row in range(top, top + self.size.height):
                low = row * per_row
                if old[low : low + per_row] != states[low : low + per_row]:
                    self.refresh_line(row)
        self.post_message(self.Pointed())

    def on_resize(self, event: events.Resize) -> None:
        """Arrange the cells for the new size."""
        self._arrange()
        self.refresh()
        self.post_message(self.Pointed())

    def _arrange(self) -> None:
        """Columns, tasks per cell and size; the cursor stays on its task."""
        task = self.cell * self.per_cell
        width, height = self.scrollable_content_region.width, max(1, self.size.height)
        tasks = len(self.states)
        self._label = len(str(self.index(max(1, tasks)))) + 2
        groups = max(1, (width - self._label) // (GROUP + 1))
        self.columns = groups * GROUP
        levels = zooms(tasks)
        fitting = next((level for level in levels if self._rows(level) <= height), levels[-1])
        self.per_cell = self._chosen or fitting
        self.cell = min(task // self.per_cell, max(0, self.cells - 1))
        self.virtual_size = Size(width, self._rows(self.per_cell))
        self._show_cursor()

    def _rows(self, per_cell: int) -> int:
        return -(-len(self.states) // (per_cell * self.columns))

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return -(-len(self.states) // self.per_cell)

    # -- the cursor

    @property
    def under(self) -> bytes:
        """States of the tasks under the cursor."""
        return self.states[self.cell * self.per_cell : (self.cell + 1) * self.per_cell]

    @property
    def position(self) -> int:
        """Position of the task under the cursor; of several, the first in the state that is shown. 0 without tasks."""
        under = self.under
        return self.cell * self.per_cell + under.find(_BYTES[worst(under)]) + 1 if under else 0

    def point_at(self, position: int) -> None:
        """Put the cursor on a task."""
        self._move_to((position - 1) // self.per_cell)

    def _move_to(self, cell: int) -> None:
        cell = max(0, min(cell, self.cells - 1))
        if cell != self.cell:
            before, self.cell = self.cell, cell
            for row in {before // self.columns, cell // self.columns}:
                self.refresh_line(row)
            self._show_cursor()
            self.post_message(self.Pointed())

    def _show_cursor(self) -> None:
        row, top, height = self.cell // self.columns, self.scroll_offset.y, max(1, self.size.height)
        if not top <= row < top + height:
            self.scroll_to(y=row if row < top else row - height + 1, animate=False, force=True, immediate=True)

    def action_step(self, cells: int) -> None:
        """Left and right."""
        self._move_to(self.cell + cells)

    def action_row(self, rows: int) -> None:
        """Up and down."""
        wanted = self.cell + rows * self.columns
        if 0 <= wanted < self.cells:
            self._move_to(wanted)

    def action_page(self, pages: int) -> None:
        """A screen up or down."""
        self._move_to(self.cell + pages * self.columns * max(1, self.size.height - 1))

    def action_end(self, last: bool) -> None:
        """The first or the last task."""
        self._move_to(self.cells - 1 if last else 0)

    def action_failed(self, direction: int) -> None:
        """The next or previous cell with a task that failed or could not run."""
        bad = (_BYTES[FAILED], _BYTES[ERROR])
        if direction > 0:
            after = (self.cell + 1) * self.per_cell
            found = [at for one in bad if (at := self.states.find(one, after)) >= 0]
            target = min(found, default=-1)
        else:
            target = max(self.states.rfind(one, 0, self.cell * self.per_cell) for one in bad)
        if target >= 0:
            self._move_to(target // self.per_cell)

    def action_zoom(self, direction: int) -> None:
        """Fewer (-1) or more (1) tasks in a cell."""
        levels = zooms(len(self.states))
        at = levels.index(self.per_cell) + direction if self.per_cell in levels else 0
        if 0 <= at < len(levels):
            self._choose(levels[at])

    def action_fit(self) -> None:
        """As many tasks in a cell as it takes to see all."""
        self._choose(None)

    def _choose(self, per_cell: int | None) -> None:
        self._chosen = per_cell
        self._arrange()
        self.refresh()
        self.post_message(self.Pointed())

    def action_open(self) -> None:
        """Open the task under the cursor."""
        if self.states:
            self.post_message(self.Opened(self.position))

    def on_click(self, event: events.Click) -> None:
        """Point at the cell; twice: open it."""
        column = event.x - self._label
        if column < 0 or column % (GROUP + 1) == GROUP:
            return
        column -= column // (GROUP + 1)
        cell = (self.scroll_offset.y + event.y) * self.columns + column
        if column < self.columns and cell < self.cells:
            self._move_to(cell)
            if event.chain > 1:
                self.action_open()

    # -- painting

    def row_states(self, row: int) -> Sequence[int]:
        """What each cell of a row shows."""
        z, low = self.per_cell, row * self.columns * self.per_cell
        states = self.states[low : low + self.columns * z]
        return states if z == 1 else [worst(states[at : at + z]) for at in range(0, len(states), z)]

    def render_line(self, y: int) -> Strip:
        """One row of cells with the index of its first task."""
        width, base, row = self.size.width, self.rich_style, self.scroll_offset.y + y
        shown = self.row_states(row)
        if not shown:
            return Strip.blank(width, base)
        label = str(self.index(row * self.columns * self.per_cell + 1)).rjust(self._label - 2) + "  "
        segments = [Segment(label, base + self.get_component_rich_style("map--label", partial=True))]
        cursor = self.cell - row * self.columns
        for start in range(0, len(shown), GROUP):
            segments += self._group(shown[start : start + GROUP], cursor - start)
            segments.append(Segment(" ", base))
        return Strip(segments).adjust_cell_length(width, base)

    def _group(self, shown: Sequence[int], cursor: int) -> list[Segment]:
        """Ten cells, runs of one state together. cursor: which of them has it, if any."""
        segments, at = [], 0
        for (state, is_cursor), run in groupby((state, k == cursor) for k, state in enumerate(shown)):
            count = len(list(run))
            style = self.rich_style + self.get_component_rich_style(f"map--{STATE_STYLES[state]}", partial=True)
            if is_cursor:
                style += self.get_component_rich_style("map--cursor", partial=True)
            segments.append(Segment(self.glyphs[state] * count, style))
            at += count
        return segments
