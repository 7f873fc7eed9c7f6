"""Names and values side by side, in as many columns as there is room for; only lines that differ are painted again. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from cyclone_tui.formatters import STYLE_NAMES
from cyclone_tui.widgets.table_columns import fit

LEAST = 38
"""Cells of one column at least."""
_LABEL = 12


@dataclass(frozen=True)
class Field:
    """A name and what it is; the most important ones come first, the last ones go where there is no room."""

    label: str
    value: str
    style: str = ""
    """one of `formatters.STYLE_NAMES`"""


class Fields(Widget):
    """See the module. Its CSS says how many lines it may have at most."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"fields--label", *(f"fields--{name}" for name in STYLE_NAMES if name)}
    DEFAULT_CSS = """
    Fields {
        height: auto; padding: 0 1;
        & > .fields--label { color: $muted; }
        & > .fields--muted { color: $muted; }
        & > .fields--title { text-style: bold; }
        & > .fields--number { color: $foreground; }
        & > .fields--waiting { color: $muted; }
        & > .fields--running { color: $text-primary; }
        & > .fields--ok { color: $text-success; }
        & > .fields--failed { color: $text-error; }
        & > .fields--error { color: $text-error; text-style: bold; }
        & > .fields--cancelled { color: $text-warning; }
    }
    """
    ALLOW_SELECT = False

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.fields: tuple[Field, ...] = ()

    def set_fields(self, fields: Sequence[Field]) -> None:
        """Show these."""
        new, old = tuple(fields), self.fields
        if new == old:
            return
        self.fields = new
        if len(new) != len(old):
            self.refresh(layout=True)
            return
        columns = self._columns(self.size.width)
        for line in {at // columns for at, field in enumerate(new) if field != old[at]}:
            self.refresh(Region(0, line, self.size.width, 1))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as it takes."""
        return -(-len(self.fields) // self._columns(width))

    def _columns(self, width: int) -> int:
        return max(1, width // LEAST)

    def render_line(self, y: int) -> Strip:
        """A line of fields."""
        width, base = self.size.width, self.rich_style
        columns = self._columns(width)
        share = width // columns
        label = base + self.get_component_rich_style("fields--label", partial=True)
        segments = []
        for field in self.fields[y * columns : (y + 1) * columns]:
            style = base + self.get_component_rich_style(f"fields--{field.style}", partial=True) if field.style else base
            segments += [Segment(fit(field.label, _LABEL), label), Segment(fit(field.value, share - _LABEL - 1) + " ", style)]
        return Strip(segments).adjust_cell_length(width, base)
