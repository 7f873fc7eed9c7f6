"""One line of tabs: ` 1 Output  2 Details  3 Metrics `; a click or the owner's keys choose. No I/O."""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget


class PaneTabs(Widget):
    """Tabs (name, text). The owner says which is active (`show`); `Chosen` tells what the user clicked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"tabs--active", "tabs--number"}
    DEFAULT_CSS = """
    PaneTabs {
        height: 1; background: $panel; color: $muted;
        & > .tabs--active { background: $primary; color: $background; text-style: bold; }
        & > .tabs--number { color: $accent; text-style: bold; }
        &:ansi > .tabs--active { text-style: bold reverse; background: ansi_default; color: ansi_default; }
    }
    """
    ALLOW_SELECT = False

    class Chosen(Message):
        """The user wants this one."""

        def __init__(self, tabs: "PaneTabs", name: str) -> None:
            super().__init__()
            self.tabs, self.name = tabs, name

        @property
        def control(self) -> "PaneTabs":
            """Whose tab it is."""
            return self.tabs

    def __init__(self, numbered: bool = True, hint: str = "", id: str | None = None) -> None:
        """numbered: each begins with the digit that chooses it. hint: at the right end, where there is room."""
        super().__init__(id=id)
        self.numbered, self.hint = numbered, hint
        self.tabs: tuple[tuple[str, str], ...] = ()
        self.active = ""

    def show(self, tabs: Sequence[tuple[str, str]], active: str) -> None:
        """Show these, one of them active; drawn again only when that differs."""
        if (tuple(tabs), active) != (self.tabs, self.active):
            self.tabs, self.active = tuple(tabs), active
            self.refresh()

    def _texts(self) -> list[tuple[str, str, str]]:
        """(name, number, text) of each."""
        return [(name, f" {at} " if self.numbered else " ", f"{text} ") for at, (name, text) in enumerate(self.tabs, 1)]

    def render_line(self, y: int) -> Strip:
        """The line; where it does not fit it begins so that the active one is seen."""
        base = self.rich_style
        active, number = (base + self.get_component_rich_style(f"tabs--{kind}", partial=True) for kind in ("active", "number"))
        segments, at, edge = [], 0, 0
        for name, digit, text in self._texts():
            is_active = name == self.active
            segments += [Segment(digit, active if is_active else number), Segment(text, active if is_active else base), Segment(" ", base)]
            at += cell_len(digit + text) + 1
            edge = at if is_active else edge
        width = self.size.width
        if at + cell_len(self.hint) + 1 <= width:
            segments.append(Segment(f"{self.hint} ".rjust(width - at), base))
        skipped = max(0, edge - width)
        return Strip(segments).crop_extend(skipped, skipped + width, base)

    def on_click(self, event: events.Click) -> None:
        """Choose the one under the mouse."""
        at = 0
        for name, digit, text in self._texts():
            at += cell_len(digit + text) + 1
            if event.x < at:
                self.post_message(self.Chosen(self, name))
                return
