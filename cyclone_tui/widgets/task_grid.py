"""The map of an array's tasks with its legend above and what is under the cursor below. No I/O."""

from collections.abc import Callable, Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from cyclone_core.ids import format_task
from cyclone_core.jobs import ERROR, FAILED, STATES
from cyclone_tui.formatters import STATE_STYLES, plural
from cyclone_tui.widgets.task_map import GROUP, TaskMap, counted

__all__ = ["TaskGrid", "TaskMap"]


class TaskGrid(Vertical):
    """The map with its legend above and what is under the cursor below."""

    DEFAULT_CSS = """
    TaskGrid { height: 1fr; }
    TaskGrid > #grid-legend { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    TaskGrid > #grid-info { height: 1; padding: 0 1; background: $panel; color: $foreground; text-wrap: nowrap; text-overflow: ellipsis; }
    TaskGrid > TaskMap { height: 1fr; }
    """

    def __init__(self, job: int = 0, ascii: bool = False, id: str | None = None) -> None:
        """As `TaskMap`."""
        super().__init__(id=id)
        self.map = TaskMap(job, ascii)
        self._legend: tuple[tuple[int, ...], int, int] | None = None
        self._info = ""

    def compose(self) -> ComposeResult:
        """Legend, map, information."""
        yield Static("", id="grid-legend")
        yield self.map
        yield Static("", id="grid-info", markup=False)

    def set_job(self, job: int, index: Callable[[int], int]) -> None:
        """Tell whose tasks they are and how they are numbered; said once, before their states."""
        self.map.job, self.map.index = job, index

    def set_states(self, states: bytes, counts: tuple[int, ...] | None = None) -> None:
        """Show these states, a byte per task. counts: of them by state, where they are known already."""
        self.map.set_states(states)
        self._tell(counts or counted(states))

    def on_task_map_pointed(self, event: TaskMap.Pointed) -> None:
        """Say what is there."""
        event.stop()
        self._tell(self._legend[0] if self._legend else ())

    def _tell(self, counts: tuple[int, ...]) -> None:
        if self._legend != (counts, self.map.per_cell, self.app.size.width):
            self._legend = counts, self.map.per_cell, self.app.size.width
            self.query_one("#grid-legend", Static).update(self.legend(counts, self.app.size.width - 2))
        if self._info != (info := self.info()):
            self._info = info
            self.query_one("#grid-info", Static).update(info)

    def legend(self, counts: Sequence[int], room: int = 140) -> Text:
        """Sign, word and number of each state that there is, and of the hints as many whole ones as fit in `room` cells."""
        text = Text(no_wrap=True)
        for state, count in enumerate(counts):
            if count:
                style = self.map.get_component_rich_style(f"map--{STATE_STYLES[state]}", partial=True)
                text.append(self.map.glyphs[state], style).append(f" {count:,} {STATES[state]}   ")
        hints = [
            f"a cell: {self.map.per_cell:,} tasks" if self.map.per_cell > 1 else "",
            "n: next failed" if counts and counts[FAILED] + counts[ERROR] else "",
            "+ -: zoom" if len(self.map.states) > GROUP else "",
        ]
        look = self.map.get_component_rich_style("map--label", partial=True)
        room -= text.cell_len
        for hint in filter(None, hints):
            if len(hint) <= room:
                text.append(f"{hint}   ", look)
                room -= len(hint) + 3
        text.rstrip()
        return text

    def info(self) -> str:
        """What is under the cursor."""
        cells, under = self.map, self.map.under
        if not under:
            return ""
        first = cells.cell * cells.per_cell + 1
        name = format_task(cells.job, cells.index(first))
        if len(under) == 1:
            return f"{name}  {cells.glyphs[under[0]]} {STATES[under[0]]}"
        numbers = ", ".join(f"{count:,} {STATES[state]}" for state, count in enumerate(counted(under)) if count)
        shown = format_task(cells.job, cells.index(cells.position))
        return f"{name} to {cells.index(first + len(under) - 1)} ({plural(len(under), 'task')}): {numbers}   Enter: {shown}"
