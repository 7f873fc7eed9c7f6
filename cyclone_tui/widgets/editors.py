"""Editors of one value: a line with choices below it, words side by side, several lines. They know texts only.

Every edit is an `Edited`; `Left` says that Enter or an arrow leads to another field. Keys for the form itself (page up and down, function
keys) are left to the screen.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from textual import events
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, OptionList, TextArea
from textual.widgets.option_list import Option

from cyclone_tui.wizard.fields import FieldView

Complete = Callable[[str], Awaitable[tuple[tuple[str, str], ...]]]


@dataclass
class Edited(Message):
    """The text is another one."""

    text: str


@dataclass
class Left(Message):
    """On to another field."""

    by: int


class Editor(Vertical):
    """Base of all editors."""

    DEFAULT_CSS = "Editor { height: auto; }"

    def __init__(self, view: FieldView) -> None:
        super().__init__()
        self.view = view
        self._told: set[str] = {view.text}

    def tell(self, text: str) -> None:
        """Report an edit."""
        self._told.add(text)
        self.post_message(Edited(text))

    def is_echo(self, view: FieldView) -> bool:
        """Whether a view only repeats what was typed here: the answer to an edit may come when the next ones are made already."""
        if view.text in self._told:
            return True
        self._told = {view.text}
        return False

    def show(self, view: FieldView) -> None:
        """Another state: the text is taken over unless it is what was just typed."""
        raise NotImplementedError

    def force(self, view: FieldView) -> None:
        """The same, also while it is being edited: a remedy was applied."""
        self.show(view)

    def focus_value(self) -> None:
        """Give it the focus."""
        raise NotImplementedError


# ------------------------------------------------------------------------------------------------- a line, with choices


class _Choices(OptionList):
    """The list below a line; it never takes the focus."""

    can_focus = False
    ALLOW_SELECT = False


class LineEditor(Editor):
    """A line of text; ↓ opens what could be chosen, typing narrows it, Enter takes it, Esc closes it."""

    DEFAULT_CSS = """
    LineEditor Input { background: $surface-lighten-1; padding: 0 1; }
    LineEditor Input:focus { background: $primary 25%; }
    LineEditor Input:disabled { background: $surface; opacity: 100%; color: $foreground; }
    LineEditor _Choices {
        display: none; overlay: screen; constrain: none inside; height: auto; max-height: 9; width: 1fr;
        border: none; border-left: outer $primary; background: $panel; padding: 0 1; scrollbar-size-vertical: 1;
    }
    """
    BINDINGS = [  # noqa: RUF012 - as Textual declares it
        Binding("down", "down", "Choices", show=False),
        Binding("up", "up", "Up", show=False),
        Binding("escape", "close", "Close", show=False),
    ]

    def __init__(self, view: FieldView, complete: Complete | None = None) -> None:
        super().__init__(view)
        self._complete = complete if view.completes else None
        self._offered: tuple[tuple[str, str], ...] = ()
        self._popup: _Choices | None = None
        self._begun_with: str | None = None
        """the text at the beginning, until the line has told it"""

    def compose(self) -> ComposeResult:
        """The line; its list is made when it is opened for the first time, because a form has many lines and few lists."""
        self._begun_with = self.view.text
        yield Input(self.view.text, placeholder=self.view.placeholder, compact=True, disabled=self.view.locked)

    @property
    def is_open(self) -> bool:
        """Whether the choices are shown."""
        choices = self._popup
        return choices is not None and bool(choices.display)

    def show(self, view: FieldView) -> None:
        """Take over what somebody else changed."""
        self.view = view
        line = self.query_one(Input)
        if line.placeholder != view.placeholder:
            line.placeholder = view.placeholder
        if not self.is_echo(view):
            self.force(view)

    def force(self, view: FieldView) -> None:
        """Take it over whatever is being typed."""
        self.view, self._told = view, {view.text}
        line = self.query_one(Input)
        if line.value != view.text:
            with self.prevent(Input.Changed):
                line.value = view.text

    def focus_value(self) -> None:
        """The line."""
        self.query_one(Input).focus(scroll_visible=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Typed; what a line says when it begins is no edit, and may be told when something better was found already."""
        event.stop()
        begun, self._begun_with = self._begun_with, None
        if event.value == begun:
            return
        self.tell(event.value)
        if self.is_open:
            self._offer(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: take what is highlighted, else go on."""
        event.stop()
        if not self._take():
            self.post_message(Left(1))

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Elsewhere the list is in the way."""
        self._close()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click on a choice."""
        event.stop()
        if self._popup is not None:
            self._popup.highlighted = event.option_index
        self._take()
        self.focus_value()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Nobody else's business."""
        event.stop()

    def action_down(self) -> None:
        """Open the choices, or the next of them; without any, the next field."""
        if self._popup is not None and self.is_open:
            self._popup.action_cursor_down()
        elif self.view.choices or self._complete:
            self._offer("")
        else:
            self.post_message(Left(1))

    def action_up(self) -> None:
        """The choice above; above the first the list closes; without a list the field before."""
        choices = self._popup
        if choices is not None and self.is_open and choices.highlighted:
            choices.action_cursor_up()
        elif self.is_open:
            self._close()
        else:
            self.post_message(Left(-1))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """With no list open Esc is the screen's, and its footer says so."""
        return action != "close" or (self.is_mounted and self.is_open)

    def action_close(self) -> None:
        """Close the list; with none open the key is the screen's."""
        if not self.is_open:
            raise SkipAction
        self._close()

    def take(self) -> bool:
        """Take the highlighted choice, as Tab does; whether one stays here, because a path may go on."""
        return self._take() and self._complete is not None

    def _offer(self, typed: str) -> None:
        if self._complete is not None:
            self.run_worker(self._completed(self.query_one(Input).value, typed), group="complete", exclusive=True, exit_on_error=False)
        else:
            self._list(_matching(self.view.choices, self._word(typed)[1]))

    async def _completed(self, value: str, typed: str) -> None:
        found = await self._complete(value) if self._complete else ()
        start = typed or ("" if value in {path for path, _ in self.view.choices} else value)
        known = [choice for choice in self.view.choices if choice[0].startswith(start)]
        self._list((*known, *(choice for choice in found if choice[0] not in {path for path, _ in known})))

    def _list(self, offered: tuple[tuple[str, str], ...]) -> None:
        self._offered = offered
        if not offered:
            self._close()
            return
        width = max(len(value) for value, _ in offered)
        options = [Option(Content.assemble(value.ljust(min(width, 40)), (f"  {note}", "$muted"))) for value, note in offered]
        choices = self._popup
        if choices is None:
            choices = self._popup = _Choices(*options)
            self.mount(choices)
        else:
            choices.clear_options()
            choices.add_options(options)
        current = self._word(self.query_one(Input).value)[1].strip()
        choices.display = True
        choices.highlighted = next((at for at, (value, _) in enumerate(offered) if value == current), 0)

    def _take(self) -> bool:
        choices = self._popup
        at = choices.highlighted if choices is not None and self.is_open else None
        if at is None or at >= len(self._offered):
            return False
        line = self.query_one(Input)
        self._close()
        line.value = self._word(line.value)[0] + self._offered[at][0]
        line.cursor_position = len(line.value)
        return True

    def _word(self, typed: str) -> tuple[str, str]:
        """What stays, and what a choice is looked for: of a list its last word."""
        before, comma, word = typed.rpartition(",") if self.view.several else ("", "", typed)
        return before + comma, word

    def _close(self) -> None:
        choices = self._popup
        if choices is not None:
            choices.display = False


def _matching(choices: tuple[tuple[str, str], ...], typed: str) -> tuple[tuple[str, str], ...]:
    """What begins with what was typed, then what contains it."""
    typed = typed.strip().lower()
    first = [choice for choice in choices if choice[0].lower().startswith(typed)]
    return (*first, *(choice for choice in choices if choice not in first and typed in choice[0].lower()))


# ------------------------------------------------------------------------------------------------- words side by side


class _Segments(Widget, can_focus=True):
    DEFAULT_CSS = """
    _Segments { height: 1; background: $surface-lighten-1; padding: 0 1; }
    _Segments:focus { background: $primary 25%; }
    _Segments:disabled { background: $surface; }
    """
    ALLOW_SELECT = False
    BINDINGS = [  # noqa: RUF012 - as Textual declares it
        Binding("right,space,l", "move(1)", "Next", show=False),
        Binding("left,h", "move(-1)", "Before", show=False),
        Binding("down,enter,j", "leave(1)", "Next field", show=False),
        Binding("up,k", "leave(-1)", "Field before", show=False),
    ]

    def __init__(self, view: FieldView, ascii: bool) -> None:
        super().__init__()
        self.view, self._ascii = view, ascii

    def render(self) -> Content:
        on, off = ("(x)", "( )") if self._ascii else ("◉", "○")
        parts: list[Any] = []
        for value, note in self.view.choices:
            chosen = value == self.view.text
            parts += [(f"{on if chosen else off} {value or note}", "bold" if chosen else "$muted"), "   "]
        return Content.assemble(*parts)

    def action_move(self, by: int) -> None:
        """The next word, around the end."""
        values = [value for value, _ in self.view.choices]
        at = values.index(self.view.text) + by if self.view.text in values else 0
        self.post_message(Edited(values[at % len(values)]))

    def action_leave(self, by: int) -> None:
        """Another field."""
        self.post_message(Left(by))

    def on_key(self, event: events.Key) -> None:
        """The first letter of a word chooses it: y and n, too."""
        letter = (event.character or "").lower()
        found = [value for value, note in self.view.choices if letter and (value or note).lower().startswith(letter)]
        if found and event.is_printable:
            event.stop()
            event.prevent_default()
            at = found.index(self.view.text) + 1 if self.view.text in found else 0
            self.post_message(Edited(found[at % len(found)]))

    def on_click(self, event: events.Click) -> None:
        """The word that was clicked at."""
        place, sign = 1, 3 if self._ascii else 1
        for value, note in self.view.choices:
            width = sign + 1 + len(value or note)
            if place <= event.x < place + width:
                self.post_message(Edited(value))
            place += width + 3


class SegmentsEditor(Editor):
    """Few words side by side: space, arrows or a first letter choose."""

    def __init__(self, view: FieldView, ascii: bool = False) -> None:
        super().__init__(view)
        self._ascii = ascii

    def compose(self) -> ComposeResult:
        """The words."""
        segments = _Segments(self.view, self._ascii)
        segments.disabled = self.view.locked
        yield segments

    def show(self, view: FieldView) -> None:
        """Another choice."""
        self.view = view
        segments = self.query_one(_Segments)
        segments.view = view
        segments.refresh()

    def focus_value(self) -> None:
        """The words."""
        self.query_one(_Segments).focus(scroll_visible=False)


# ------------------------------------------------------------------------------------------------- several lines


class _Lines(TextArea):
    """Leaves page keys to the screen, and arrows at its edges to the form."""

    def action_cursor_page_down(self) -> None:
        raise SkipAction

    def action_cursor_page_up(self) -> None:
        raise SkipAction

    def action_cursor_down(self, select: bool = False) -> None:
        if not select and self.cursor_at_last_line:
            self.post_message(Left(1))
        else:
            super().action_cursor_down(select)

    def action_cursor_up(self, select: bool = False) -> None:
        if not select and self.cursor_at_first_line:
            self.post_message(Left(-1))
        else:
            super().action_cursor_up(select)


class LinesEditor(Editor):
    """Several lines of text, as high as they need."""

    DEFAULT_CSS = """
    LinesEditor _Lines {
        height: auto; min-height: 2; max-height: 7; background: $surface-lighten-1; padding: 0 1; border: none; scrollbar-size-vertical: 1;
    }
    LinesEditor _Lines:focus { background: $primary 25%; border: none; }
    """

    def compose(self) -> ComposeResult:
        """The text."""
        yield _Lines(self.view.text, compact=True, tab_behavior="focus", placeholder=self.view.placeholder, highlight_cursor_line=False)

    def show(self, view: FieldView) -> None:
        """Take over what somebody else changed."""
        self.view = view
        if not self.query_one(_Lines).has_focus and not self.is_echo(view):
            self.force(view)

    def force(self, view: FieldView) -> None:
        """Take it over although it is being edited: a remedy was applied."""
        self.view, self._told = view, {view.text}
        with self.prevent(TextArea.Changed):
            self.query_one(_Lines).load_text(view.text)

    def focus_value(self) -> None:
        """The text."""
        self.query_one(_Lines).focus(scroll_visible=False)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Typed."""
        event.stop()
        self.tell(event.text_area.text)
