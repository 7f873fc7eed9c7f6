"""The head of a deployment's view: its state, what it is, who asked, and how far its phases are."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from cyclone_tui import formatters
from cyclone_tui.deployment_progress import Stage

COLOURS = {
    "waiting": "$muted", "running": "$text-primary", "ok": "$text-success", "failed": "$text-error", "error": "bold $text-error",
    "cancelled": "$text-warning", "muted": "$muted",
}  # fmt: skip
"""Style name -> how it is drawn."""


@dataclass(frozen=True)
class Summary:
    """What the three lines say."""

    sign: str
    state: str
    style: str
    what: str
    took: str
    about: str
    stages: tuple[Stage, ...]
    done: int
    total: int
    ascii: bool = False


class DeploymentSummary(Widget):
    """Shows a Summary; drawn again only when it differs."""

    DEFAULT_CSS = """
    DeploymentSummary { height: 3; padding: 0 1; }
    """
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self.summary: Summary | None = None

    def show(self, summary: Summary) -> None:
        """Draw it when it differs from what is shown."""
        if summary != self.summary:
            self.summary = summary
            self.refresh()

    def render(self) -> Content:
        """State, what and time; who; phases with a bar."""
        one, width = self.summary, self.content_size.width
        if one is None:
            return Content("")
        lines = [
            _spread([(f"{one.sign} {one.state}", f"bold {_colour(one.style)}"), (f"  {one.what}", "bold")], one.took, width),
            Content.assemble((formatters.printable(one.about), "$muted")).truncate(width, ellipsis=True),
            _stages(one, width),
        ]
        return Content("\n").join(lines)


def _colour(style: str) -> str:
    return COLOURS.get(style, "").removeprefix("bold ")


def _spread(left: Sequence[tuple[str, str]], right: str, width: int) -> Content:
    """Parts at the left, one at the right end; the left one gives way."""
    room = max(0, width - cell_len(right) - 1)
    begin = Content.assemble(*((formatters.printable(text), style) for text, style in left)).truncate(room, ellipsis=True)
    return Content.assemble(begin, " " * max(1, width - begin.cell_length - cell_len(right)), (right, "bold"))


def _stages(one: Summary, width: int) -> Content:
    arrow = " > " if one.ascii else " ▸ "
    parts: list[tuple[str, str]] = []
    for stage in one.stages:
        text = f"{stage.sign} {stage.name}{f' {stage.count}' if stage.count else ''}"
        parts += [(arrow if parts else "", "$muted"), (text, COLOURS.get(stage.style, ""))]
    line = Content.assemble(*parts)
    count = f"{one.done} of {one.total}"
    room = min(40, width - line.cell_length - len(count) - 4)
    if room < 6:
        return line.truncate(width)
    bar = formatters.bar(one.done, one.total, room, one.ascii) if one.total else ""
    gap = " " * (width - line.cell_length - len(bar) - len(count) - 1)
    return Content.assemble(line, gap, (bar, _colour(one.style) or "$primary"), f" {count}")
