"""The first line of every screen: host, its health, region, where one is, and the counters that everybody watches."""

from dataclasses import dataclass

from textual.content import Content
from textual.widget import Widget

from cyclone_core.jobs import FAILED, RUNNING, WAITING
from cyclone_tui import formatters


@dataclass(frozen=True)
class Heading:
    """What the line says."""

    host: str
    health: str = ""
    """a word: running, stopped, not answering …"""
    region: str = "all regions"
    crumbs: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    """tasks by state"""
    refresh_s: float = 2.0
    read_only: bool = False
    ascii: bool = False


class Header(Widget):
    """Shows a Heading; drawn again only when it differs."""

    DEFAULT_CSS = """
    Header { height: 1; background: $panel; color: $foreground; }
    """
    ALLOW_SELECT = False

    def __init__(self, heading: Heading) -> None:
        super().__init__()
        self.heading = heading

    def show(self, heading: Heading) -> None:
        """Draw it when it differs from what is shown."""
        if heading != self.heading:
            self.heading = heading
            self.refresh()

    def render(self) -> Content:
        """Left: host and place; right: counters and how often they are read; the middle gives way first."""
        width = self.size.width
        one, arrow = self.heading, " > " if self.heading.ascii else " › "  # noqa: RUF001 - the sign is meant
        left = Content.assemble(
            (" cyclone ", "bold $primary"),
            (f" {one.host}", "bold"),
            *_health(one),
            (f"  {one.region}", "$muted"),
        )
        where = arrow.join(one.crumbs)
        right = _counters(one)
        if left.cell_length + right.cell_length + len(where) + 4 > width:  # narrow: the place matters more than the region
            left = Content.assemble((" cyclone ", "bold $primary"), (f" {one.host}", "bold"), *_health(one, short=True))
        if left.cell_length + right.cell_length + len(where) + 4 > width and len(one.crumbs) > 1:
            where = one.crumbs[-1]
        room = max(0, width - left.cell_length - right.cell_length - 3)
        place = Content.assemble("  ", (where[:room], "bold $accent"))
        gap = max(0, width - left.cell_length - place.cell_length - right.cell_length)
        return Content.assemble(left, place, " " * gap, right)


def _health(one: Heading, short: bool = False) -> list[tuple[str, str]]:
    if not one.health:
        return []
    good = one.health in ("running", "ready")
    sign = ("+" if one.ascii else "●") if good else ("!" if one.ascii else "○")
    return [(f" {sign}" if short and good else f" {sign} {one.health}", "$text-success" if good else "$text-warning")]


def _counters(one: Heading) -> Content:
    parts: list[tuple[str, str]] = []
    if one.counts:
        for state, style in ((RUNNING, "$text-accent"), (WAITING, "$muted"), (FAILED, "$text-error")):
            if one.counts[state] or state == RUNNING:
                parts.append((f"{formatters.glyph(state, one.ascii)} {formatters.short_count(one.counts[state])}  ", style))
    if one.read_only:
        parts.append(("read-only  ", "bold $text-warning"))
    parts.append((f"every {one.refresh_s:g}s ", "$muted"))
    return Content.assemble(*parts)
