"""Workers over time by region as a drawing: stacked areas, a line of what was possible, what happened. SVG by hand."""

from collections.abc import Mapping, Sequence
from html import escape

EACH = 2
"""Of the samples, every second is drawn."""
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 1000, 330, 70, 46, 40
_INK, _GRID = "#222", "#ddd"


def drawing(panels: Sequence["Panel"]) -> str:
    """All panels below each other, with one legend."""
    names = list(panels[0].running)
    rows = -(-len(names) // 9)
    height = len(panels) * HEIGHT + 30 + 18 * rows
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" fill="{_INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate(0 {number * HEIGHT})">', *panel.lines(), "</g>"]
    for number, name in enumerate(names):
        x, y = LEFT + number % 9 * 102, len(panels) * HEIGHT + 24 + number // 9 * 18
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour(number, len(names))}"/>')
        parts.append(f'<text x="{x + 14}" y="{y}" font-size="10.5">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def colour(number: int, count: int) -> str:
    """Neighbours differ in brightness."""
    return f"hsl({number * 360 // count} 55% {(52, 68)[number % 2]}%)"


class Panel:
    """One scenario: `running` by region, `possible` and `marks` (second, words), sampled at `times`."""

    def __init__(
        self,
        title: str,
        times: Sequence[float],
        running: Mapping[str, Sequence[int]],
        possible: Sequence[int],
        marks: Sequence[tuple[float, str]],
    ) -> None:
        part = slice(None, None, EACH)
        self.title, self.times, self.possible, self.marks = title, times[part], possible[part], marks
        self.running = {name: values[part] for name, values in running.items()}
        self.most_s = max(times[-1], 1.0)
        totals = [sum(values) for values in zip(*self.running.values(), strict=True)]
        self.most = max([*totals, *self.possible, 1]) * 1.08

    def lines(self) -> list[str]:
        """As SVG."""
        found = [f'<text x="{LEFT}" y="20" font-size="14" font-weight="bold">{escape(self.title)}</text>', *self._grid()]
        below = [0.0] * len(self.times)
        for number, values in enumerate(self.running.values()):
            above = [low + value for low, value in zip(below, values, strict=True)]
            outline = [*zip(self.times, above, strict=True), *reversed(list(zip(self.times, below, strict=True)))]
            found.append(f'<path d="M{self._path(outline)}Z" fill="{colour(number, len(self.running))}"/>')
            below = above
        found.append(
            f'<path d="M{self._path(list(zip(self.times, self.possible, strict=True)))}" fill="none" stroke="{_INK}" stroke-width="1.5"/>'
        )
        for number, (second, words) in enumerate(self.marks):
            x, y = self._x(second), TOP - 6 + 13 * (number % 2)
            found.append(f'<path d="M{x:.0f} {TOP}V{HEIGHT - BOTTOM}" stroke="{_INK}" stroke-dasharray="3 3"/>')
            found.append(f'<text x="{x + 4:.0f}" y="{y + 10}" font-size="11">{escape(words)}</text>')
        return found

    def _grid(self) -> list[str]:
        found = []
        step = _round_step(self.most / 4)
        for value in range(0, int(self.most) + 1, step):
            y = self._y(value)
            found.append(f'<path d="M{LEFT} {y:.0f}H{WIDTH - 20}" stroke="{_GRID}"/>')
            found.append(f'<text x="{LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{value:,}</text>')
        minutes = _round_step(self.most_s / 60 / 8)
        y = HEIGHT - BOTTOM + 18
        told = range(0, int(self.most_s / 60) + 1, minutes)
        return [*found, *(f'<text x="{self._x(minute * 60):.0f}" y="{y}" text-anchor="middle">{minute} min</text>' for minute in told)]

    def _path(self, points: Sequence[tuple[float, float]]) -> str:
        return "L".join(f"{self._x(second):.0f} {self._y(value):.0f}" for second, value in points)

    def _x(self, second: float) -> float:
        return LEFT + (WIDTH - 20 - LEFT) * second / self.most_s

    def _y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / self.most


def _round_step(about: float) -> int:
    """1, 2 or 5 times a power of ten."""
    size = 1
    while size * 10 <= about:
        size *= 10
    return next((size * times for times in (1, 2, 5) if size * times >= about), size * 10)
