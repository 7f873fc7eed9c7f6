"""Forms: a row for a field with its label, value, origin, help and what is wrong with it, and the editors of values.

A row shows a `FieldView` and repaints what differs. It judges nothing: every edit is a `FieldRow.Changed`, and whoever hears it answers
with another view.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from cyclone_tui.widgets.editors import Edited, Editor, Left, LineEditor, LinesEditor, SegmentsEditor
from cyclone_tui.wizard.fields import FieldView

Complete = Callable[[str], Awaitable[tuple[tuple[str, str], ...]]]
"""What a typed path may become: (path, note)."""


class Pane(VerticalScroll, inherit_bindings=False, can_focus=False):
    """Scrolls what does not fit, and leaves the keys for that to its screen."""


class LabelLine(Widget):
    """The label at the left, where the value comes from at the right."""

    DEFAULT_CSS = "LabelLine { height: 1; }"
    ALLOW_SELECT = False

    def __init__(self, view: FieldView, ascii: bool = False) -> None:
        super().__init__()
        self.view, self.is_active, self._ascii = view, False, ascii

    def show(self, view: FieldView, active: bool) -> None:
        """Draw what differs."""
        if (view.label, view.origin, view.choices, view.level, active) != (
            self.view.label, self.view.origin, self.view.choices, self.view.level, self.is_active,
        ):  # fmt: skip
            self.view, self.is_active = view, active
            self.refresh()

    def render(self) -> Content:
        """`Max vCPUs                this machine · ↓ 3 choices`."""
        view = self.view
        style = "bold $text-error" if view.level == "error" else "bold $accent" if self.is_active else "bold"
        right = view.origin
        if view.editor == "line" and view.choices and not view.locked:
            count = len(view.choices)
            arrow, dot = ("down:", ", ") if self._ascii else ("↓", " · ")
            right = f"{right}{dot if right else ''}{arrow} {count} choice{'' if count == 1 else 's'}"
        room = self.content_size.width - len(view.label) - 2
        right = right if len(right) <= room else right[: max(0, room - 1)] + ("~" if self._ascii else "…")
        gap = " " * max(1, self.content_size.width - len(view.label) - len(right))
        return Content.assemble((view.label, style), gap, (right, "$muted"))


class FieldRow(Vertical):
    """One field of a form."""

    DEFAULT_CSS = """
    FieldRow { height: auto; margin-bottom: 1; }
    FieldRow .help { color: $muted; height: auto; }
    FieldRow .told { height: auto; display: none; }
    """

    @dataclass
    class Changed(Message):
        """Somebody edited the field."""

        name: str
        text: str

    @dataclass
    class Finished(Message):
        """Enter: on to the next field (by = 1), or back (-1)."""

        name: str
        by: int = 1

    @dataclass
    class FixAsked(Message):
        """A click on the remedy."""

        name: str

    def __init__(self, view: FieldView, *, ascii: bool = False, complete: Complete | None = None) -> None:
        """complete: finds what a path may become."""
        super().__init__(id=f"field-{view.name}")
        self.view, self._ascii, self._complete = view, ascii, complete
        self._is_ready = False
        self._said = Content("")

    def compose(self) -> ComposeResult:
        """Label, editor, help, and what may be wrong."""
        yield LabelLine(self.view, self._ascii)
        yield self._editor()
        yield Static(Content(self.view.help), classes="help")
        yield Static("", classes="told")

    def on_mount(self) -> None:
        """Show the rest, and what was told while its parts were made."""
        self._is_ready = True
        self._draw()

    def show(self, view: FieldView) -> None:
        """Show another state of the field; what is being typed is not touched."""
        if view == self.view:
            return
        self.view = view
        if self._is_ready:
            self._draw()

    def force(self, view: FieldView) -> None:
        """The same, also over what is being typed."""
        self.show(view)
        if self._is_ready:
            self.editor.force(view)

    @property
    def editor(self) -> Editor:
        """What the value is edited with."""
        return self.query_one(Editor)

    def focus(self, scroll_visible: bool = True, from_app_focus: bool = False) -> "FieldRow":
        """Focus the editor."""
        self.editor.focus_value()
        return self

    def on_descendant_focus(self) -> None:
        """The label shows where one is."""
        self.query_one(LabelLine).show(self.view, True)
        self.call_after_refresh(self.scroll_visible, animate=False)  # all of the field, once it has its place

    def on_descendant_blur(self) -> None:
        """And where one is no longer."""
        self.query_one(LabelLine).show(self.view, False)

    def on_edited(self, event: Edited) -> None:
        """Tell the form."""
        event.stop()
        self.post_message(self.Changed(self.view.name, event.text))

    def on_left(self, event: Left) -> None:
        """Tell the form."""
        event.stop()
        self.post_message(self.Finished(self.view.name, event.by))

    def on_click(self, event: object) -> None:
        """A click on the message applies its remedy."""
        widget = getattr(event, "widget", None)
        if isinstance(widget, Static) and widget.has_class("told") and self.view.fix:
            self.post_message(self.FixAsked(self.view.name))

    def _editor(self) -> Editor:
        if self.view.editor == "segments":
            return SegmentsEditor(self.view, ascii=self._ascii)
        if self.view.editor == "lines":
            return LinesEditor(self.view)
        return LineEditor(self.view, complete=self._complete)

    def _draw(self) -> None:
        if not self.query(LabelLine):
            return  # it was removed before it was shown
        view = self.view
        self.query_one(LabelLine).show(view, self.has_focus_within)
        self.editor.show(view)
        told = self._told()
        line = self.query_one(".told", Static)
        line.display = bool(told.plain)
        if told != self._said:
            self._said = told
            line.update(told)

    def _told(self) -> Content:
        """Why there is no choice, what to look at again, what is wrong and what a key does about it."""
        view = self.view
        sign, style = ("x" if self._ascii else "✗", "$text-error") if view.level == "error" else ("!", "$text-warning")
        lines = [Content.assemble((view.note, "$muted"))] if view.note else []
        lines += [Content.assemble((f"? {view.doubt}", "$text-warning"))] if view.doubt else []
        lines += [Content.assemble((f"{sign} {view.message}", style))] if view.message else []
        lines += [Content.assemble(("  F4 ", "bold $accent"), (view.fix, "$accent underline"))] if view.fix else []
        return Content("\n").join(lines)
