"""Shows lines of (text, style name), wrapped and scrolled: the review of a wizard."""

from collections.abc import Iterable

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from cyclone_tui.wrapping import Line, wrapped

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
        self._shown: tuple[Line, ...] = ()
        self._text = Static("")

    def compose(self) -> Iterable[Static]:
        """One text."""
        yield self._text

    def show(self, lines: Iterable[Line]) -> None:
        """Show lines when they differ."""
        taken = tuple(lines)
        if taken != self._shown:
            self._shown = taken
            self._tell()

    @property
    def text(self) -> str:
        """What is shown, with lines as they were given."""
        return "\n".join("".join(text for text, _ in line) for line in self._shown)

    def on_resize(self, event: Resize) -> None:
        """Break lines anew."""
        self._tell()

    def _tell(self) -> None:
        to_come = 0 if self.show_vertical_scrollbar else self.styles.scrollbar_size_vertical  # which more lines may bring
        lines = wrapped(self._shown, self.scrollable_content_region.width - to_come)
        self._text.update(
            Content("\n").join([Content.assemble(*((text, _STYLES.get(style, "")) for text, style in line)) for line in lines])
        )
