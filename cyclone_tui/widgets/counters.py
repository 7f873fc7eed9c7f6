"""Tasks by state, large: a tile for each state with its sign and word, and below them one bar that shows their shares. No I/O."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, STATES, SUCCESSFUL, WAITING
from cyclone_tui.formatters import GLYPHS, STATE_STYLES, count, glyph, shares, short_count

LARGE_WIDTH, LARGE_HEIGHT = 126, 5
"""From this size on, figures are three lines high."""
_ORDER = (RUNNING, WAITING, SUCCESSFUL, FAILED, ERROR, CANCELLED)
_BAR_ORDER = (SUCCESSFUL, CANCELLED, FAILED, ERROR, RUNNING, WAITING)
_PIXELS = {
    "0": "### #.# #.# #.# ###", "1": ".#. ##. .#. .#. ###", "2": "### ..# ### #.. ###", "3": "### ..# ### ..# ###",
    "4": "#.# #.# ### ..# ..#", "5": "### #.. ### ..# ###", "6": "### #.. ### #.# ###", "7": "### ..# ..# ..# ..#",
    "8": "### #.# ### #.# ###", "9": "### #.# ### ..# ###", ".": ". . . . #", ",": ". . . # #", "k": "#.. #.# ##. #.# #.#",
    "M": "#...# ##.## #.#.# #...# #...#", "G": "### #.. #.# #.# ###",
}  # fmt: skip
"""Figures of five rows of dots, drawn two rows to a line."""


def large(text: str) -> tuple[str, str, str]:
    """A number as three lines of half blocks; what has no figure is left out."""
    lines = ["", "", ""]
    for char in text:
        rows = [*_PIXELS[char].split(), ""] if char in _PIXELS else []
        width = len(rows[0]) if rows else 0
        for at in range(3 if rows else 0):
            upper, lower = rows[2 * at], rows[2 * at + 1].ljust(width, ".")
            pairs = zip(upper, lower, strict=True)
            lines[at] += "".join({"##": "█", "#.": "▀", ".#": "▄", "..": " "}[one + other] for one, other in pairs) + " "
    return lines[0], lines[1], lines[2]


class Counters(Widget):
    """See the module; drawn again only when the counts differ."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"counters--{name}" for name in ("waiting", "running", "ok", "failed", "cancelled", "error", "none")
    }
    DEFAULT_CSS = """
    Counters {
        height: 3; padding: 0 1;
        & > .counters--waiting { color: $text-warning; }
        & > .counters--running { color: $primary; }
        & > .counters--ok { color: $success; }
        & > .counters--failed { color: $error; }
        & > .counters--error { color: $error; text-style: bold; }
        & > .counters--cancelled { color: $muted; }
        & > .counters--none { color: $muted; }
    }
    """
    ALLOW_SELECT = False

    def __init__(self, ascii: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ascii, self.counts = ascii, (0,) * len(STATES)

    def set_counts(self, counts: Sequence[int]) -> None:
        """Show these numbers of tasks, in the order of `jobs.STATES`."""
        if tuple(counts) != self.counts:
            self.counts = tuple(counts)
            self.refresh()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All that there is."""
        return container.width

    @property
    def is_large(self) -> bool:
        """Whether there is room for large figures, and signs to draw them with."""
        return not self.ascii and self.size.width >= LARGE_WIDTH and self.size.height >= LARGE_HEIGHT

    def render_line(self, y: int) -> Strip:
        """Words, figures, and the bar in the last line."""
        figures = 3 if self.is_large else 1
        if y == 0:
            segments = self._tiles([f"{glyph(state, self.ascii)} {STATES[state]}" for state in _ORDER])
        elif y <= figures and figures == 3:
            segments = self._tiles([large(short_count(self.counts[state]))[y - 1] for state in _ORDER])
        elif y <= figures:
            segments = self._tiles([self._number(self.counts[state]) for state in _ORDER], bold=True)
        elif y == figures + 1:
            segments = self._bar()
        else:
            segments = []
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def _number(self, number: int) -> str:
        text = count(number)
        return text if len(text) < self.size.width // len(_ORDER) else short_count(number)

    def _tiles(self, texts: Sequence[str], bold: bool = False) -> list[Segment]:
        width = self.size.width
        edges = [width * at // len(texts) for at in range(len(texts) + 1)]
        found = []
        for at, (state, text) in enumerate(zip(_ORDER, texts, strict=True)):
            style = self._style(state if self.counts[state] else None) + Style(bold=bold or None)
            found.append(Segment(text.ljust(edges[at + 1] - edges[at]), style))
        return found

    def _bar(self) -> list[Segment]:
        cells = shares([self.counts[state] for state in _BAR_ORDER], self.size.width)
        if not any(cells):
            return [Segment(("-" if self.ascii else "─") * self.size.width, self._style(None))]
        signs = {state: glyph(state, True) if self.ascii else "━" for state in GLYPHS}
        signs[WAITING] = signs[WAITING] if self.ascii else "─"
        return [Segment(signs[state] * number, self._style(state)) for state, number in zip(_BAR_ORDER, cells, strict=True) if number]

    def _style(self, state: int | None) -> Style:
        name = "none" if state is None else STATE_STYLES[state]
        return self.rich_style + self.get_component_rich_style(f"counters--{name}", partial=True)
