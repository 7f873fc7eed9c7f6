"""The last line: the keys that can be pressed now. What does not fit is left out, first of the view, never of the application (: ? q).

One widget that draws one line. Textual's footer is a widget per key, made anew whenever the focus moves: half of the time that a
change of views took.
"""

from dataclasses import dataclass

from textual import events
from textual.app import App
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

GAP = 1


@dataclass(frozen=True)
class Key:
    """One key."""

    key: str
    """Textual's name of it"""
    display: str
    label: str
    always: bool
    """of the application: stays whatever the width"""

    @property
    def width(self) -> int:
        """Cells that it takes."""
        return len(self.display) + 1 + len(self.label) + GAP


class KeyLine(Widget):
    """Drawn again only when other keys can be pressed."""

    DEFAULT_CSS = """
    KeyLine { height: 1; dock: bottom; padding: 0 1; background: $panel; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys: tuple[Key, ...] = ()

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self.update)

    def update(self, screen: Screen[object]) -> None:
        """Look which keys there are now."""
        if not self.is_attached or screen is not self.screen:
            return
        found: dict[str, Key] = {}
        for node, binding, enabled, _ in screen.active_bindings.values():
            display = self.app.get_key_display(binding)
            if not binding.show or not enabled or _is_typed(screen, binding.key, display):
                continue
            before = found.get(binding.action)
            if before is None or (before.key.startswith("ctrl+") and not binding.key.startswith("ctrl+")):  # the plainer of two
                found[binding.action] = Key(binding.key, display, binding.description, isinstance(node, App))
        keys = tuple(found.values())
        if keys != self.keys:
            self.keys = keys
            self.refresh()

    @property
    def shown(self) -> list[Key]:
        """Those that fit, the application's last."""
        ours = [key for key in self.keys if key.always]
        room = self.content_size.width + GAP - sum(key.width for key in ours)
        fitting = []
        for key in self.keys:
            if not key.always and key.width <= room:
                fitting.append(key)
                room -= key.width
        return fitting + ours

    def render(self) -> Content:
        """The line."""
        parts = [Content.assemble((key.display, "bold $footer-key-foreground"), " ", key.label) for key in self.shown]
        return Content(" " * GAP).join(parts)

    def on_click(self, event: events.Click) -> None:
        """A click on a key presses it."""
        x = event.x - self.styles.padding.left
        for key in self.shown:
            if 0 <= x < key.width - GAP:
                self.app.simulate_key(key.key)
                return
            x -= key.width


def _is_typed(screen: Screen[object], key: str, display: str) -> bool:
    """Whether the key is a letter of what is being typed now, and does nothing else."""
    focused = screen.focused
    return focused is not None and len(display) == 1 and focused.check_consume_key(key, display)
