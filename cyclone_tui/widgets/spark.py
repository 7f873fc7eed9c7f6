"""A measured value over time as a small chart: bars in eighths of a row, the scale at the side, now, mean and maximum above. No I/O."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_PLAIN = "  ..::##"


def resampled(values: Sequence[float], width: int) -> list[float]:
    """At most `width` values: of neighbours that share a column the largest, so that no peak is lost."""
    count = len(values)
    if count <= width:
        return list(values)
    return [max(values[k * count // width : (k + 1) * count // width]) for k in range(width)]


def chart(values: Sequence[float], width: int, height: int, top: float, ascii: bool = False) -> list[str]:
    """Bars from the bottom up, a text per row, the highest first. top: the value that fills the height."""
    bars = resampled(values, width)
    levels = [0 if top <= 0 else min(8 * height, max(1 if value > 0 else 0, round(8 * height * value / top))) for value in bars]
    rows = []
    for row in range(height - 1, -1, -1):
        cells = [max(0, min(8, level - 8 * row)) for level in levels]
        rows.append("".join((_PLAIN[min(7, cell)] if ascii else _EIGHTHS[cell]) for cell in cells).ljust(width))
    return rows


def round_top(value: float) -> float:
    """The smallest of 1, 2, 5, 10, 20 … (and tenths of them) that is not below the value: a scale that seldom changes."""
    if value <= 0:
        return 1.0
    power = 10.0 ** (len(str(int(value))) - 1) if value >= 1 else 0.1
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


class Spark(Widget):
    """One chart. Repaints only when it is given other values."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"spark--label", "spark--scale", "spark--bar"}
    DEFAULT_CSS = """
    Spark {
        height: 5; width: 1fr;
        & > .spark--label { text-style: bold; color: $foreground; }
        & > .spark--scale { color: $muted; }
        & > .spark--bar { color: $primary; }
    }
    """
    ALLOW_SELECT = False

    def __init__(
        self, label: str, unit: str, number: Callable[[float], str] = lambda value: f"{value:,.0f}", *,
        ascii: bool = False, least_top: float = 0.0, widest: int = 1, id: str | None = None,
    ) -> None:  # fmt: skip
        """label, unit: `CPU`, `%`. number: how a value is written. least_top: the scale reaches so far at least.

        widest: few values take up to so many cells each.
        """
        super().__init__(id=id)
        self.label, self.unit, self.number, self.ascii, self.least_top = label, unit, number, ascii, least_top
        self.widest = widest
        self.values: tuple[float, ...] = ()
        self.total = ""

    def set_values(self, values: Sequence[float], total: str = "") -> None:
        """Show these, oldest first. total: a word about the whole, shown behind the figures."""
        if (tuple(values), total) != (self.values, self.total):
            self.values, self.total = tuple(values), total
            self.refresh()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All that there is."""
        return container.width

    def heading(self) -> str:
        """The figures: now, mean and maximum with the unit."""
        if not self.values:
            return self.total or "no samples"
        figures = [("now", self.values[-1]), ("mean", sum(self.values) / len(self.values)), ("max", max(self.values))]
        told = "   ".join(f"{name} {self.number(value)}" for name, value in figures)
        return f"{told}   {self.total}" if self.total else told

    def render_line(self, y: int) -> Strip:
        """A row: the figures, or bars with the scale at the side."""
        width, base = self.size.width, self.rich_style
        label, scale, bar = (base + self.get_component_rich_style(f"spark--{kind}", partial=True) for kind in ("label", "scale", "bar"))
        if y == 0:
            return Strip([Segment(f"{self.label} {self.unit}  ", label), Segment(self.heading(), scale)]).adjust_cell_length(width, base)
        height = self.size.height - 1
        top = max(self.least_top, round_top(max(self.values, default=0.0)))
        side = max(len(self.number(top)), len(self.number(0)))
        mark = self.number(top) if y == 1 else self.number(0) if y == height else ""
        room = max(1, width - side - 2)
        each = max(1, min(self.widest, room // max(1, len(self.values))))
        rows = chart([value for value in self.values for _ in range(each)], room, height, top, self.ascii)
        edge = "|" if self.ascii else "▏"
        return Strip([Segment(f"{mark.rjust(side)} {edge}", scale), Segment(rows[y - 1], bar)]).adjust_cell_length(width, base)
