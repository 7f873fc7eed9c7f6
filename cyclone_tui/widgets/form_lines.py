"""Forms as tables: a line for each field, label at the left and editor at the right, and below it what is wrong, only when something is."""

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from cyclone_tui.widgets.editors import Complete, Edited, Editor, Left, LineEditor, SegmentsEditor
from cyclone_tui.wizard.fields import FieldView


class FormLine(Vertical):
    """One field. It judges nothing: every edit is a `Changed`, and whoever hears it answers with another view."""

    DEFAULT_CSS = """
    FormLine { height: auto; layout: grid; grid-size: 2; grid-columns: 12 1fr; grid-rows: auto; }
    FormLine .label { height: 1; color: $foreground; }
    FormLine:focus-within .label { color: $accent; text-style: bold; }
    FormLine.-wrong .label { color: $text-error; }
    FormLine Editor { width: 1fr; }
    FormLine LineEditor Input.-textual-compact { padding: 0 1; }
    FormLine .problem { color: $text-error; height: auto; padding-left: 2; column-span: 2; }
    """

    @dataclass
    class Changed(Message):
        """Somebody edited the field."""

        name: str
        text: str

    @dataclass
    class Finished(Message):
        """Enter or an arrow: on to the next field (by = 1), or back (-1)."""

        name: str
        by: int

    def __init__(self, view: FieldView, *, ascii: bool = False, complete: Complete | None = None) -> None:
        """complete: finds what a path may become."""
        super().__init__(id=f"line-{view.name}")
        self.view, self._ascii, self._complete = view, ascii, complete
        self._said = ""
        self._problem: Static | None = None

    def compose(self) -> ComposeResult:
        """Label and editor; what is wrong has a line of its own once something is."""
        yield Static(Content(self.view.label), classes="label")
        if self.view.editor == "segments":
            yield SegmentsEditor(self.view, ascii=self._ascii)
        else:
            yield LineEditor(self.view, complete=self._complete)

    def on_mount(self) -> None:
        """It may be wrong from the beginning."""
        self._tell(self.view.message)

    @property
    def editor(self) -> Editor:
        """What the value is edited with."""
        return self.query_one(Editor)

    def show(self, view: FieldView) -> None:
        """Show another state of the field; what is being typed is not touched."""
        if view != self.view:
            self.view = view
            self.editor.show(view)
        self._tell(view.message)

    def _tell(self, message: str) -> None:
        if message == self._said:
            return
        self._said = message
        self.set_class(bool(message), "-wrong")
        content = Content(f"{'x' if self._ascii else '✗'} {message}")
        if self._problem is None:
            self._problem = Static(content, classes="problem")
            self.mount(self._problem)
        else:
            self._problem.update(content)
            self._problem.display = bool(message)
        if message and self.has_focus_within:
            self.call_after_refresh(self.scroll_visible, animate=False)

    def focus_value(self) -> None:
        """Give the editor the focus."""
        self.editor.focus_value()
        self.scroll_visible(animate=False)

    def on_edited(self, event: Edited) -> None:
        """Tell the form."""
        event.stop()
        self.post_message(self.Changed(self.view.name, event.text))

    def on_left(self, event: Left) -> None:
        """Tell the form."""
        event.stop()
        self.post_message(self.Finished(self.view.name, event.by))
