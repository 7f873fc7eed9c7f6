"""The `:` line: a view by name with its arguments, completed while one types."""

from collections.abc import Callable, Iterable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static


class _Completion(Suggester):
    def __init__(self, candidates: Callable[[str], Iterable[str]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._candidates = candidates

    async def get_suggestion(self, value: str) -> str | None:
        """The first candidate that goes on from what is typed."""
        return next((text for text in self._candidates(value) if text.startswith(value) and text != value), None)


class CommandBar(Vertical):
    """Hidden until it is opened; says what was entered, and hides again."""

    DEFAULT_CSS = """
    CommandBar { dock: bottom; height: auto; display: none; background: $panel; layer: bar; }
    CommandBar.open { display: block; }
    CommandBar #line { border: none; height: 1; padding: 0 1; background: $panel; }
    CommandBar #line:focus { border: none; }
    CommandBar #choices { height: auto; max-height: 2; padding: 0 1; color: $text-muted; }
    """

    class Entered(Message):
        """A command was entered."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """Nothing was entered."""

    def __init__(self, candidates: Callable[[str], Iterable[str]]) -> None:
        super().__init__()
        self._candidates = candidates

    def compose(self) -> ComposeResult:
        """Choices above, the line below."""
        yield Static("", id="choices")
        yield _Line(placeholder=":command  (Tab completes, Enter goes, Esc leaves)", suggester=_Completion(self._candidates), id="line")

    def open(self, text: str = "") -> None:
        """Show the line and put the cursor in it."""
        self.add_class("open")
        self.display = True  # at once: what is typed next is for the line
        line = self.query_one(Input)
        line.value = text
        line.cursor_position = len(text)
        self._show_choices(text)
        self.screen.set_focus(line)

    def close(self) -> None:
        """Hide the line."""
        self.remove_class("open")
        self.display = False

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return self.has_class("open")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what could follow."""
        event.stop()
        self._show_choices(event.value)

    def _show_choices(self, value: str) -> None:
        fitting = [text for text in self._candidates(value) if text.startswith(value)]
        self.query_one("#choices", Static).update(Content("  ".join(fitting[:40])))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Hand the text on; a unique beginning is enough."""
        event.stop()
        self.close()
        text = event.value.strip().removeprefix(":").strip()
        self.post_message(self.Entered(text) if text else self.Left())

    def leave(self) -> None:
        """Esc."""
        self.close()
        self.post_message(self.Left())


class _Line(Input):
    BINDINGS = [  # noqa: RUF012 - as Textual declares it
        Binding("escape", "leave", show=False),
        Binding("tab", "complete", show=False),
    ]

    def action_leave(self) -> None:
        """Close without doing anything."""
        bar = self.parent
        assert isinstance(bar, CommandBar)
        bar.leave()

    def action_complete(self) -> None:
        """Take the suggestion."""
        if self._suggestion:
            self.value = self._suggestion
            self.cursor_position = len(self.value)
