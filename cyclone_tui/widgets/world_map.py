"""Where the work goes: the world, with a disc at each region as large as its weight. No I/O.

Land is halftone and muted, so that discs are seen; a disc is full where a region gets work, a ring with a sign where it does not, so colour
is never the only difference. Names stand beside the discs where there is room, else the weights alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from cyclone_tui import world

State = Literal["on", "off", "left", "tried"]
_SIGNS = {"left": ("✗", "x"), "tried": ("?", "?"), "off": ("", "")}
_HALFTONE = 0x95
"""Every other dot of a cell, as braille patterns number them, so that neighbouring cells go on with the pattern."""
_REACH = 6
"""Cells from a region's middle that its own disc may have."""
_NAMES_FROM, _FEW, _MUCH = 84, 12, 0.05
"""Cells of width from which on names stand beside discs; of more regions than that only those with so much of the work have one."""


@dataclass(frozen=True)
class Spot:
    """A region on the map."""

    region: str
    share: float
    """of the work, 0 to 1"""
    state: State = "on"

    @property
    def label(self) -> str:
        """Its share, in per cent."""
        return f"{self.share * 100:.0f}%" if self.state == "on" else ""


Cell = tuple[str, str]
"""(sign, name of its look)"""


class WorldMap(Widget):
    """See the module. Repaints only when it is given other spots or has another size."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"map--{name}" for name in ("land", "on", "off", "left", "tried", "label", "name")}
    DEFAULT_CSS = """
    WorldMap {
        & > .map--land { color: $muted 45%; }
        & > .map--on { color: $primary; text-style: bold; }
        & > .map--off { color: $muted; }
        & > .map--left { color: $error; text-style: bold; }
        & > .map--tried { color: $warning; text-style: bold; }
        & > .map--label { color: $foreground; text-style: bold; }
        & > .map--name { color: $muted; }
        &:ansi > .map--land { color: ansi_bright_black; }
    }
    """
    ALLOW_SELECT = False

    def __init__(self, ascii: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ascii = ascii
        self.spots: tuple[Spot, ...] = ()
        self._drawn: tuple[tuple[int, int], tuple[Spot, ...]] | None = None
        self._rows: list[list[Cell]] = []

    def set_spots(self, spots: Sequence[Spot]) -> None:
        """Show these."""
        if tuple(spots) != self.spots:
            self.spots = tuple(spots)
            self.refresh()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All that there is."""
        return container.width

    def render_line(self, y: int) -> Strip:
        """A row."""
        size = self.size.width, self.size.height
        if self._drawn != (size, self.spots):
            self._drawn, self._rows = (size, self.spots), drawn(self.spots, *size, self.ascii)
        if not 0 <= y < len(self._rows):
            return Strip.blank(self.size.width, self.rich_style)
        segments: list[Segment] = []
        for sign, look in self._rows[y]:
            if segments and segments[-1].style == self._look(look):
                segments[-1] = Segment(segments[-1].text + sign, segments[-1].style)
            else:
                segments.append(Segment(sign, self._look(look)))
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def _look(self, name: str) -> Style:
        return self.rich_style + self.get_component_rich_style(f"map--{name}", partial=True) if name else self.rich_style


def drawn(spots: Sequence[Spot], width: int, height: int, ascii: bool = False) -> list[list[Cell]]:
    """The map in so many cells: land, discs the largest first, then what is written beside them. Pure."""
    rows = _land(width, height, ascii)
    placed = [(spot, place) for spot in spots if (place := world.at(spot.region, width, height)) is not None]
    placed.sort(key=lambda one: -one[0].share)
    taken: set[tuple[int, int]] = set()
    for spot, (x, y) in placed:
        cells = _plain(spot, x, y) if ascii else {at: (world.dots(bits), spot.state) for at, bits in _disc(spot, x, y, height).items()}
        sign = _SIGNS[spot.state][ascii] if spot.state != "on" else ""
        if sign:
            cells[int(x), int(y)] = sign, spot.state
        for (column, row), cell in cells.items():
            if 0 <= column < width and 0 <= row < height:
                rows[row][column] = cell
                taken.add((column, row))
    for spot, (x, y) in placed:
        is_named = width >= _NAMES_FROM and (len(placed) <= _FEW or spot.share >= _MUCH)
        _write(rows, taken, spot, int(x), int(y), is_named)
    return rows


def _land(width: int, height: int, ascii: bool) -> list[list[Cell]]:
    if ascii:
        return [[(".", "land") if cell else (" ", "") for cell in row] for row in world.land(width, height, False)]
    return [
        [(world.dots(bits & _HALFTONE), "land") if bits & _HALFTONE else (" ", "") for bits in row] for row in world.land(width, height)
    ]


def _disc(spot: Spot, x: float, y: float, height: int) -> dict[tuple[int, int], int]:
    """Its area is as its share."""
    largest = min(9.0, max(4.0, height * world.DOTS_Y * 0.11))
    radius = max(1.6, largest * spot.share**0.5) if spot.state == "on" else 2.2
    return world.disc(x, y, radius, hollow=spot.state != "on")


def _plain(spot: Spot, x: float, y: float) -> dict[tuple[int, int], Cell]:
    text = ("o" if spot.share < 0.1 else "@" if spot.share < 0.3 else "(@)") if spot.state == "on" else "-"
    first = int(x) - len(text) // 2
    return {(first + at, int(y)): (letter, spot.state) for at, letter in enumerate(text)}


def _write(rows: list[list[Cell]], taken: set[tuple[int, int]], spot: Spot, x: int, y: int, names: bool) -> None:
    """Beside the disc, where nothing else is: with its name, else without; nowhere where there is no room."""
    own = [column for column, row in taken if row == y and abs(column - x) < _REACH]
    right, left = max(own, default=x) + 1, min(own, default=x) - 1
    named = f"{spot.region} {spot.label}".rstrip()
    for text in [named] * (names or spot.state in ("left", "tried")) + [spot.label] * bool(spot.label):
        gap = int(text == named)
        for row in (y, y - 1, y + 1):
            for first in (right + gap, left - gap - len(text) + 1):
                cells = [(column, row) for column in range(first, first + len(text))]
                if 0 <= row < len(rows) and first >= 0 and first + len(text) <= len(rows[row]) and not taken.intersection(cells):
                    for (column, _), letter in zip(cells, text, strict=True):
                        rows[row][column] = letter, "label" if column - first >= len(text) - len(spot.label) else "name"
                    taken.update(cells)
                    return
