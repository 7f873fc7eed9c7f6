"""Questions in front of a screen: yes or no (No is the default), a name to type, a line of text, one of some choices."""

from collections.abc import Sequence
from typing import TypeVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option as Choice

_CSS = """
%(name)s { align: center middle; }
%(name)s > Vertical {
    width: 76; max-width: 96%%; height: auto; max-height: 90%%; padding: 1 2; background: $surface; border: round %(border)s;
}
%(name)s #question { text-style: bold; height: auto; }
%(name)s #detail { height: auto; max-height: 12; overflow-y: auto; margin-top: 1; }
%(name)s #twin { height: auto; color: $text-muted; margin-top: 1; }
%(name)s Input { margin-top: 1; }
%(name)s Horizontal { height: 3; align-horizontal: right; margin-top: 1; }
%(name)s Button { margin-left: 2; min-width: 12; }
"""


Answer = TypeVar("Answer")


class Modal(ModalScreen[Answer]):
    """Is answered once: a second Enter or `y` that came with the first must not answer, nor leave, what is below."""

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """As Textual's, while it is on top."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()


class Confirmation(Modal[bool]):
    """Asks before something is done; Enter alone says No. `typed`: the name that must be typed to say Yes."""

    DEFAULT_CSS = _CSS % {"name": "Confirmation", "border": "$warning"}
    BINDINGS = [  # noqa: RUF012 - as Textual declares it
        Binding("escape,n", "answer(False)", "No"),
        Binding("y", "answer(True)", "Yes"),
        Binding("left,right", "app.focus_next", "Other", show=False),
    ]

    def __init__(self, question: str, detail: str = "", twin: str = "", typed: str = "") -> None:
        super().__init__()
        self.question, self.detail, self.twin, self.typed = question, detail, twin, typed

    def compose(self) -> ComposeResult:
        """Question, what it means, the command that does the same, the answers."""
        with Vertical():
            yield Static(Content(self.question), id="question")
            if self.detail:
                yield Static(Content(self.detail), id="detail")
            if self.twin:
                yield Static(Content(f"$ {self.twin}"), id="twin")
            if self.typed:
                yield Input(placeholder=f"type {self.typed} to go on", id="typed")
            with Horizontal():
                yield Button("No (Esc)", id="no")
                yield Button("Yes" if self.typed else "Yes (y)", id="yes", variant="error", disabled=bool(self.typed))

    def on_mount(self) -> None:
        """The safe answer, or the line to type in, has the focus."""
        self.query("#typed" if self.typed else "#no").focus()  # none where it was left before it was drawn

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """`y` is a letter of a name while one is typed."""
        return not (self.typed and action == "answer" and parameters == (True,))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Yes is there once the name is."""
        self.query_one("#yes", Button).disabled = event.value.strip() != self.typed

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter behind the right name says Yes, behind another nothing."""
        if event.value.strip() == self.typed:
            self.dismiss(True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """A key."""
        self.dismiss(yes)


class Question(Modal[str | None]):
    """Asks for one line of text; Esc leaves (None)."""

    DEFAULT_CSS = _CSS % {"name": "Question", "border": "$primary"}
    BINDINGS = [Binding("escape", "leave", "Leave")]  # noqa: RUF012 - as Textual declares it

    def __init__(self, question: str, value: str = "", detail: str = "") -> None:
        super().__init__()
        self.question, self.value, self.detail = question, value, detail

    def compose(self) -> ComposeResult:
        """Question, what it means, the line."""
        with Vertical():
            yield Static(Content(self.question), id="question")
            if self.detail:
                yield Static(Content(self.detail), id="detail")
            yield Input(self.value, id="text")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Esc."""
        self.dismiss(None)


class Choose(Modal[str | None]):
    """One of some choices, (value, text); Esc leaves (None)."""

    DEFAULT_CSS = (
        _CSS % {"name": "Choose", "border": "$primary"} + "Choose OptionList { height: auto; max-height: 16; margin-top: 1; border: none; }"
        "Choose OptionList:focus { border: none; } Choose #keys { color: $text-muted; margin-top: 1; }"
    )
    BINDINGS = [Binding("escape", "leave", "Leave")]  # noqa: RUF012 - as Textual declares it

    def __init__(self, question: str, choices: Sequence[tuple[str, str]], current: str = "", detail: str = "") -> None:
        super().__init__()
        self.question, self.choices, self.current, self.detail = question, list(choices), current, detail

    def compose(self) -> ComposeResult:
        """Question and choices."""
        with Vertical():
            yield Static(Content(self.question), id="question")
            if self.detail:
                yield Static(Content(self.detail), id="detail")
            yield OptionList(*(Choice(Content(text)) for _, text in self.choices))
            yield Static("Enter choose   Esc leave", id="keys")

    def on_mount(self) -> None:
        """The current one is marked."""
        values = [value for value, _ in self.choices]
        for options in self.query(OptionList):  # none where it was left before it was drawn
            options.highlighted = values.index(self.current) if self.current in values else 0
            options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter or a click."""
        self.dismiss(self.choices[event.option_index][0])

    def action_leave(self) -> None:
        """Esc."""
        self.dismiss(None)
