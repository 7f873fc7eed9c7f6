"""Throughput as a panel: figures in its title line, below it bars that reach to the right edge. No I/O."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from cyclone_tui.formatters import rate
from cyclone_tui.widgets.spark import chart, round_top


class Throughput(Widget):
    """See the module. Drawn again only when it is given other values."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"throughput--{name}" for name in ("header", "title", "figure", "scale", "bar")}
    DEFAULT_CSS = """
    Throughput {
        height: 5;
        & > .throughput--header { background: $panel; color: $muted; }
        & > .throughput--title { background: $panel; color: $primary; text-style: bold; }
        & > .throughput--figure { background: $panel; color: $foreground; text-style: bold; }
        & > .throughput--scale { color: $muted; }
        & > .throughput--bar { color: $primary; }
    }
    """
    ALLOW_SELECT = False

    def __init__(self, ascii: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ascii = ascii
        self.values: tuple[float, ...] = ()
        self.now = 0.0
        self.note = ""

    def set_values(self, values: Sequence[float], now: float, note: str = "") -> None:
        """Show tasks per second, oldest first, the rate at this moment, and a word at the end of the title."""
        if (tuple(values), now, note) != (self.values, self.now, self.note):
            self.values, self.now, self.note = tuple(values), now, note
            self.refresh()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All that there is."""
        return container.width

    def figures(self) -> list[tuple[str, str]]:
        """What the title tells beside its name: (word, figure), the most important first."""
        if not self.values:
            return [("now", rate(0.0))]
        told = [("now", rate(self.now)), ("", self.note), ("max", rate(max(self.shown))), ("mean", rate(sum(self.shown) / len(self.shown)))]
        return [one for one in told if one[1]]

    @property
    def shown(self) -> tuple[float, ...]:
        """The values that there is room for."""
        return self.values[-self._room(self.values) :]

    def _room(self, values: Sequence[float]) -> int:
        return max(1, self.size.width - len(rate(round_top(max(values, default=0.0)))) - 4)

    def render_line(self, y: int) -> Strip:
        """The title, or one line of bars with the scale at their side."""
        if y == 0:
            return Strip(self._title()).adjust_cell_length(self.size.width, self._look("header"))
        if not self.values:
            return Strip.blank(self.size.width, self.rich_style)
        height, shown = self.size.height - 1, self.shown
        top = round_top(max(shown, default=0.0))
        side = len(rate(round_top(max(self.values, default=0.0)))) + 2
        mark = rate(top) if y == 1 else "0/s" if y == height else ""
        edge = "|" if self.ascii else "▏"
        room = self._room(self.values)
        bars = chart((*[0.0] * (room - len(shown)), *shown), room, height, top, self.ascii)[y - 1]  # now is at the right edge
        segments = [Segment(f"{mark.rjust(side)} {edge}", self._look("scale")), Segment(bars, self._look("bar"))]
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def _title(self) -> list[Segment]:
        found, used = [Segment("  Throughput", self._look("title"))], 12
        for word, figure in self.figures():
            length = 3 + len(word) + bool(word) + len(figure)
            if used + length <= self.size.width:
                found += [Segment(f"   {word}{' ' if word else ''}", self._look("header")), Segment(figure, self._look("figure"))]
                used += length
        return found

    def _look(self, name: str) -> Style:
        return self.rich_style + self.get_component_rich_style(f"throughput--{name}", partial=True)
