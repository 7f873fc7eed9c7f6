"""The line above the keys: the command line that does what the screen shows or is about to do."""

from textual.content import Content
from textual.widget import Widget


class TwinLine(Widget):
    """`$ qstat -q default`; drawn again only when it differs."""

    DEFAULT_CSS = """
    TwinLine { height: 1; color: $text-muted; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.command = ""

    def show(self, command: str) -> None:
        """Show a command line; "" for none."""
        if command != self.command:
            self.command = command
            self.refresh()

    def render(self) -> Content:
        """The command, cut where the line ends."""
        if not self.command:
            return Content("")
        room = self.content_size.width - 2
        text = self.command if len(self.command) <= room else self.command[: max(0, room - 1)] + "…"
        return Content.assemble(("$ ", "$primary"), text)
