"""The rail of a wizard: its steps with their state. Steps that were seen can be gone back to."""

from dataclasses import dataclass

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.widget import Widget


@dataclass(frozen=True)
class RailStep:
    """One line of the rail."""

    name: str
    done: bool = False
    current: bool = False
    problems: int = 0
    doubts: int = 0
    """answers to look at again"""
    reachable: bool = True
    """whether one may go there: it was seen, or is next"""


class StepRail(Widget, can_focus=True):
    """Shows steps, one a line; Enter or a click goes to one."""

    DEFAULT_CSS = """
    StepRail { height: auto; color: $foreground; }
    StepRail:focus { background: $primary 12%; }
    """
    ALLOW_SELECT = False
    BINDINGS = [  # noqa: RUF012 - as Textual declares it
        Binding("down,j", "move(1)", "Next step", show=False),
        Binding("up,k", "move(-1)", "Step before", show=False),
        Binding("enter,space", "choose", "Go there", show=False),
    ]

    @dataclass
    class Chosen(Message):
        """A step was chosen."""

        name: str

    def __init__(self, *, ascii: bool = False, id: str | None = None) -> None:
        """ascii: whether glyphs are plain letters."""
        super().__init__(id=id)
        self.steps: tuple[RailStep, ...] = ()
        self.cursor = 0
        self._ascii = ascii

    def show(self, steps: tuple[RailStep, ...]) -> None:
        """Draw them when they differ."""
        if steps != self.steps:
            moved = [step.name for step in steps if step.current] != [step.name for step in self.steps if step.current]
            is_new = len(steps) != len(self.steps)
            self.steps = steps
            if moved:
                self.cursor = next((at for at, step in enumerate(steps) if step.current), 0)
            self.refresh(layout=is_new)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """One line a step."""
        return max(1, len(self.steps))

    def render(self) -> Content:
        """`✓ 1 Name   !2`: state, number, name, what is wrong."""
        return Content("\n").join([self._line(at, step) for at, step in enumerate(self.steps)])

    def on_focus(self) -> None:
        """The cursor begins at the step that is shown."""
        self.cursor = next((at for at, step in enumerate(self.steps) if step.current), 0)
        self.refresh()

    def on_blur(self) -> None:
        """No cursor without focus."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Go to the step of the line."""
        if 0 <= event.y < len(self.steps):
            self.cursor = event.y
            self.action_choose()

    def action_move(self, by: int) -> None:
        """Another step under the cursor."""
        self.cursor = max(0, min(len(self.steps) - 1, self.cursor + by))
        self.refresh()

    def action_choose(self) -> None:
        """Go there, if one may."""
        if self.steps and self.steps[self.cursor].reachable:
            self.post_message(self.Chosen(self.steps[self.cursor].name))

    def _line(self, at: int, step: RailStep) -> Content:
        glyphs = ("+", ">", ".", "x", "?") if self._ascii else ("✓", "▸", "○", "✗", "?")
        sign, style = (glyphs[1], "bold $accent") if step.current else (glyphs[0], "$text-success") if step.done else (glyphs[2], "$muted")
        name_style = "bold $accent" if step.current else "" if step.reachable else "$muted"
        if self.has_focus and at == self.cursor:
            name_style += " reverse"
        right: list[tuple[str, str]] = []
        if step.problems:
            right.append((f" {glyphs[3]}{step.problems}", "$text-error"))
        if step.doubts:
            right.append((f" {glyphs[4]}{step.doubts}", "$text-warning"))
        room = max(4, self.content_size.width - 4 - sum(len(text) for text, _ in right))
        name = step.name if len(step.name) <= room else step.name[: room - 1] + ("~" if self._ascii else "…")
        gap = " " * max(0, room - len(name))
        return Content.assemble((f"{sign} ", style), (f"{at + 1} ", "$muted"), (name, name_style.strip()), gap, *right)
