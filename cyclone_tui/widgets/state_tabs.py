"""One line of tabs: everything, then each state with its number. The words go first where there is little room; sign and number stay."""

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from cyclone_core.jobs import STATES
from cyclone_tui import formatters


class StateTabs(Widget):
    """Drawn again only when a number or the choice differs."""

    DEFAULT_CSS = """
    StateTabs { height: 1; padding: 0 1; background: $surface; color: $foreground; }
    """
    COLOURS = ("$text-muted", "$text-primary", "$text-success", "$text-error", "$text-warning", "$text-error")
    """of the states' signs, in the order of `jobs.STATES`"""

    class Chosen(Message):
        """A click on a tab: 0 for everything, else 1 + the number of the state."""

        def __init__(self, tab: int) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, ascii: bool = False) -> None:
        super().__init__()
        self._ascii = ascii
        self._shown: tuple[tuple[int, ...], int, bool, str] = ((), 0, False, "")
        self._edges: list[int] = []

    def show(self, counts: Sequence[int], tab: int, growing: bool = False, note: str = "") -> None:
        """Numbers by state, the chosen tab, whether the list is still being made, and what else is to be said at the right."""
        shown = (tuple(counts), tab, growing, note)
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    def render(self) -> Content:
        """The tabs; as much of them as fits."""
        counts, tab, growing, note = self._shown
        room = self.content_size.width
        for style in range(3):
            parts = [self._tab(number, counts, number == tab, style) for number in range(len(STATES) + 1)]
            gap = 1 if style else 2
            if sum(len(part) for part in parts) + gap * len(parts) <= room:
                break
        edge, self._edges = 0, []
        for part in parts:
            edge += len(part) + gap
            self._edges.append(edge)
        note = f"{note} …" if growing else note
        left = room - edge + gap
        line = Content(" " * gap).join(parts)
        return Content.assemble(line, (note.rjust(left), "$muted")) if note and len(note) < left else line

    def _tab(self, number: int, counts: Sequence[int], chosen: bool, style: int) -> Content:
        """style 0: sign, word and number; 1: no word but of the chosen one; 2: short numbers too."""
        amount = sum(counts) if number == 0 else counts[number - 1] if counts else 0
        figure = formatters.count(amount) if style < 2 else formatters.short_count(amount)
        key = f" {number + 1}"
        if number == 0:
            parts = [(key, "$muted"), (" All ", "bold" if chosen else ""), (figure + " ", "bold" if chosen else "")]
        else:
            state = number - 1
            word = f" {STATES[state]}" if style == 0 or chosen else ""
            tone = "$muted" if not amount and not chosen else ""
            sign = self.COLOURS[state] if amount or chosen else "$muted"
            parts = [(key, "$muted"), (f" {formatters.glyph(state, self._ascii)}", sign), (word, tone), (f" {figure} ", tone)]
        if chosen and self.app.native_ansi_color:
            return Content.assemble(*[(text, "bold reverse") for text, _ in parts])
        tab = Content.assemble(*[(text, look) for text, look in parts if text])
        return tab.stylize("bold on $primary 35%") if chosen else tab

    def on_click(self, event: events.Click) -> None:
        """Choose the tab."""
        x = event.x - self.styles.padding.left
        for tab, edge in enumerate(self._edges):
            if x < edge:
                self.post_message(self.Chosen(tab))
                return
