"""Columns of a table of rows: what they show, how wide they are, and how a text is made to fit. No widget, no terminal.

A column that finds no room is left out, the least important first, rather than all being squeezed until none can be read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from rich.cells import cell_len, set_cell_size

from cyclone_tui.formatters import printable

R = TypeVar("R")
Part = tuple[str, str]
"""(text, style name)"""
GUTTER = 2
"""Cells before the first column: the cursor's and the mark's signs."""
ELLIPSIS = "…"


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column: how it is called and what it shows of a record."""

    key: str
    """what messages and settings call it"""
    title: str
    text: Callable[[R], str]
    width: int = 0
    """cells; 0 takes its share of what the others leave"""
    justify: Literal["left", "right"] = "left"
    style: Callable[[R], str] | None = None
    """one of `formatters.STYLE_NAMES` for a record"""
    sort: str | None = None
    """name of the order that a click on the header asks for; None: cannot be sorted by"""
    descending: bool = False
    """the first click puts the largest on top"""
    value: Callable[[R], Any] | None = None
    """what a small list is sorted by; the text where it is None"""
    priority: int = 0
    """columns with the highest are left out first where the table is narrow; 0 always stays"""
    least: int = 8
    """fewest cells of a column that shares the rest"""
    parts: Callable[[R, int], Sequence[Part]] | None = None
    """for cells of several styles: (record, width) -> parts that fill the width; `text` is what is copied then"""


def heading(name: str) -> str:
    """A name as it stands above a column: `Open jobs`, but `vCPUs`."""
    return name if name.startswith("vCPU") else name[:1].upper() + name[1:]


def layout(columns: Sequence[Column[Any]], width: int) -> tuple[tuple[int, ...], int]:
    """Cells of each column (0: left out) and the gap between two, for a table of `width` cells."""
    kept = list(columns)
    gap = 2
    while _needed(kept, gap) > width:
        if gap == 2:
            gap = 1
            continue
        spare = max((column.priority for column in kept), default=0)
        if not spare:
            break
        del kept[max(k for k, column in enumerate(kept) if column.priority == spare)]
    rest = width - _needed(kept, gap)
    sharing = [column for column in kept if not column.width]
    widths = {column.key: column.width or column.least for column in kept}
    for k, column in enumerate(sharing):
        widths[column.key] += max(0, rest * (k + 1) // len(sharing) - rest * k // len(sharing))
    return tuple(widths.get(column.key, 0) for column in columns), gap


def _needed(columns: Sequence[Column[Any]], gap: int) -> int:
    return GUTTER + sum(column.width or column.least for column in columns) + gap * max(0, len(columns) - 1)


def fit(text: str, width: int, justify: str = "left") -> str:
    """The text in exactly `width` cells, with an ellipsis where it is cut."""
    if not (text.isascii() and text.isprintable()):
        text = printable(text)
        cells = cell_len(text)
        if cells > width:
            return set_cell_size(set_cell_size(text, width - 1).rstrip() + ELLIPSIS, width) if width > 1 else ELLIPSIS[:width]
        pad = " " * (width - cells)
        return pad + text if justify == "right" else text + pad
    if len(text) > width:
        return text[: width - 1] + ELLIPSIS if width > 1 else text[:width]
    return text.rjust(width) if justify == "right" else text.ljust(width)
