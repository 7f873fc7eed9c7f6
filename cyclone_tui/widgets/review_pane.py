"""Shows lines of (text, style name), wrapped and scrolled: the review of a wizard."""

from collections.abc import Iterable

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

_STYLES = {
    "title": "bold $accent", "muted": "$muted", "ok": "$text-success", "failed": "$text-error", "waiting": "$text-warning",
    "running": "$text-accent", "number": "bold", "error": "bold $text-error", "cancelled": "$muted",
}  # fmt: skip


class ReviewPane(VerticalScroll, inherit_bindings=False, can_focus=True):
    """Scrolls with the arrows; page keys belong to the screen."""

    DEFAULT_CSS = """
    ReviewPane Static { height: auto; }
    """
    BINDINGS = [  # noqa: RUF012 - as Textual declares it
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("up,k", "scroll_up", "Up", show=False),
    ]

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[object, ...] = ()
        self._text = Static("")

    def compose(self) -> Iterable[Static]:
        """One text."""
        yield self._text

    def show(self, lines: Iterable[tuple[tuple[str, str], ...]]) -> None:
        """Show lines when they differ."""
        taken = tuple(lines)
        if taken != self._shown:
            self._shown = taken
            self._text.update(
                Content("\n").join([Content.assemble(*((text, _STYLES.get(style, "")) for text, style in line)) for line in taken])
            )
