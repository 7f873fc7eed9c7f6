"""What a wizard looks like: steps at the left, form, document or review in the middle, and, where there is room, the document beside it.

Holds the state that is drawn and draws it; what happens on keys and edits is `screens.wizard`.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Button, Static, TextArea

from cyclone_core.errors import UsageError
from cyclone_core.resources import MODELS
from cyclone_tui import formatters
from cyclone_tui.screens.base import View
from cyclone_tui.widgets.editors import LineEditor
from cyclone_tui.widgets.forms import FieldRow, Pane
from cyclone_tui.widgets.review_pane import ReviewPane
from cyclone_tui.widgets.step_rail import RailStep, StepRail
from cyclone_tui.wizard import documents, form, sources, telling, twins
from cyclone_tui.wizard.draft import REVIEW, Draft, Step
from cyclone_tui.wizard.review import Review
from cyclone_tui.wizard.sources import World
from cyclone_tui.wizard.values import specs_of
from cyclone_tui.wizard.verdicts import Complaint

BESIDE_FROM = 112
"""Columns from which the document is shown beside the form."""


class WizardFrame(View):
    """See the module."""

    LIVE = False
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    WizardFrame #wizard { height: 1fr; }
    WizardFrame #rail-panel { width: 25; height: 1fr; }
    WizardFrame #about { height: auto; color: $muted; margin-top: 1; }
    WizardFrame #page { width: 1fr; height: 1fr; }
    WizardFrame #beside { width: 42; height: 1fr; display: none; }
    WizardFrame #beside Static { height: auto; }
    WizardFrame.-wide #beside { display: block; }
    WizardFrame #form, WizardFrame ReviewPane, WizardFrame #document { height: 1fr; }
    WizardFrame #document, WizardFrame #review { display: none; }
    WizardFrame #document TextArea { height: 1fr; border: none; padding: 0; background: $surface; }
    WizardFrame #document Static { height: auto; max-height: 5; color: $text-error; }
    WizardFrame #buttons { height: 1; }
    WizardFrame #buttons Static { width: 1fr; color: $muted; }
    WizardFrame #buttons Button { margin-left: 2; min-width: 10; background: $panel; color: $foreground; }
    WizardFrame #buttons #next { color: $accent; }
    WizardFrame #buttons Button:focus, WizardFrame #buttons #next:focus { background: $primary; color: $background; text-style: bold; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # with priority: what is typed behind a Tab must not reach the field before it, however slow the line
        Binding("tab", "field(1)", "Next field", show=False, priority=True),
        Binding("shift+tab", "field(-1)", "Field before", show=False, priority=True),
    ]

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        super().__init__(arguments)
        self.kind = kind_of(self.arguments.get("kind", ""))
        self.draft: Draft | None = None
        self.world: World | None = None
        self.found: tuple[Complaint, ...] = ()
        """what stands against the draft"""
        self.reviewed: Review | None = None
        """the review of the draft; None while it is made"""
        self.why_not = ""
        """why the last review could not be made"""
        self.looking_since: float | None = None
        """when the review that is being made was begun, monotonic seconds"""
        self.turn = asyncio.Lock()
        """steps are taken one after the other, however fast keys arrive"""
        self._pauses: dict[str, Timer] = {}
        self._said: dict[str, str] = {}

    # -- frame -------------------------------------------------------------------------------------------------------
    def crumb(self) -> str:
        """`new queue`."""
        return f"{self.NAME} {self.kind}"

    def twin(self) -> str:
        """The command line that does what the form says."""
        if self.at_review and self.reviewed is not None:
            return self.reviewed.command
        return twins.line(self.draft, self.host_option()) if self.draft else ""

    def host_option(self) -> str:
        """`--host NAME` is needed where the commands would use another host."""
        return "" if self.world is None or sources.is_selected(self.world.host) else self.world.host.name

    def body(self) -> ComposeResult:
        """Steps; form, document or review; the document beside it."""
        with Horizontal(id="wizard"):
            with Vertical(id="rail-panel", classes="panel") as rail:
                rail.border_title = self.crumb()
                yield StepRail(ascii=self.session.settings.ascii, id="rail")
                yield Static(Content(str(MODELS[self.kind].__doc__)), id="about")
            with Vertical(id="page", classes="panel"):
                yield Pane(Static(Content("looking at the host…"), classes="muted"), id="form")
                with Vertical(id="document"):
                    yield TextArea("", show_line_numbers=True, tab_behavior="indent", soft_wrap=False)
                    yield Static("", id="mistakes")
                yield ReviewPane(id="review")
                with Horizontal(id="buttons"):
                    yield Static("", id="hint")
                    yield Button("Back", id="previous", compact=True)
                    yield Button("Next", id="next", compact=True, variant="primary")
            with Pane(id="beside", classes="panel") as beside:
                beside.border_title = "YAML"
                yield Static("", id="preview")

    def on_mount(self) -> None:
        """As much as the terminal has room for."""
        self.set_class(self.app.size.width >= BESIDE_FROM, "-wide")
        self.query_one("#previous").display = False

    def on_resize(self) -> None:
        """More room, or less."""
        self.set_class(self.app.size.width >= BESIDE_FROM, "-wide")

    # -- where one is ------------------------------------------------------------------------------------------------
    @property
    def at_review(self) -> bool:
        """Whether the last step is shown."""
        return self.draft is not None and self.draft.step == REVIEW

    @property
    def is_document(self) -> bool:
        """Whether the draft is shown as a document."""
        return bool(self.query_one("#document").display)

    @property
    def page(self) -> Step | None:
        """The step that is shown; None for the review."""
        return next((step for step in self.draft.steps if step.name == self.draft.step), None) if self.draft else None

    @property
    def names(self) -> list[str]:
        """Names of all steps."""
        return [*(step.name for step in self.draft.steps), REVIEW] if self.draft else []

    def wrong_on(self, step: Step) -> list[Complaint]:
        """What has to be mended on a step."""
        names = {spec.name for spec in step.specs}
        return [one for one in self.found if one.level == "error" and one.field in names]

    @property
    def focused_field(self) -> str:
        """Name of the field that is edited; "" for none."""
        return next((row.view.name for row in self.query(FieldRow) if row.has_focus_within), "")

    def after(self, name: str, seconds: float, act: Callable[[], Any]) -> None:
        """Do something when it has not been asked for again for so long."""
        if name in self._pauses:
            self._pauses[name].stop()
        self._pauses[name] = self.set_timer(seconds, act)

    def action_field(self, by: int) -> None:
        """To what is next or before; a choice under the cursor is taken. In a document the key indents."""
        if self.is_document:
            raise SkipAction
        if self.focused is not None:
            lines = [parent for parent in self.focused.ancestors if isinstance(parent, LineEditor)]
            if lines and lines[0].take():
                return
        self.focus_next() if by > 0 else self.focus_previous()

    # -- drawing -----------------------------------------------------------------------------------------------------
    def show_only(self, name: str) -> None:
        """One of form, document, review."""
        for other in ("form", "document", "review"):
            self.query_one(f"#{other}").display = other == name

    def draw(self) -> None:
        """Rail, titles, buttons, document beside it, command line."""
        if self.draft is None or not self.is_attached:
            return
        names = self.names
        at = names.index(self.draft.step) if self.draft.step in names else 0
        self.query_one(StepRail).show(tuple(self._rail_step(place, name) for place, name in enumerate(names)))
        page = self.query_one("#page")
        page.border_title = "YAML" if self.is_document else self.draft.step
        page.border_subtitle = "F2 form" if self.is_document else f"step {at + 1} of {len(names)}"
        self._draw_buttons(names, at)
        if self.at_review:
            self._draw_review()
        self._say("preview", documents.to_short_yaml(self.draft))
        self.update_frame()

    def draw_rows(self, force: bool = False) -> None:
        """Every field of the step. force: also over what is being typed."""
        if self.draft is None or self.world is None:
            return
        for row in self.query(FieldRow):
            spec = specs_of(self.draft.model)[row.view.name]
            view = form.view(self.draft, self.world, spec, self.found)
            row.force(view) if force else row.show(view)

    def _rail_step(self, at: int, name: str) -> RailStep:
        draft = self.draft
        assert draft is not None
        before = [step.name for step in draft.steps][:at]
        reachable = name in draft.visited or name == draft.step or all(page in draft.visited for page in before)
        step = next((step for step in draft.steps if step.name == name), None)
        if step is None:
            return RailStep(name, False, name == draft.step, 0, 0, reachable)
        doubts = sum(spec.name in draft.review for spec in step.specs)
        wrong = len(self.wrong_on(step))
        return RailStep(name, name in draft.visited and not wrong and not doubts, name == draft.step, wrong, doubts, reachable)

    def _draw_buttons(self, names: list[str], at: int) -> None:
        buttons = self.query_one("#buttons")
        if buttons.display is self.is_document:
            buttons.display = not self.is_document
        wrong = sum(one.level == "error" for one in self.found)
        following = self.query_one("#next", Button)
        text = f"Next: {names[at + 1]}" if at + 1 < len(names) else self._deploy_text(wrong)
        if str(following.label) != text:
            following.label = Content(text)
            following.refresh(layout=True)  # its width follows
        previous = self.query_one("#previous", Button)
        if previous.display is not (at > 0):
            previous.display = at > 0
        self._say("hint", formatters.plural(wrong, "problem") if wrong else "" if self.at_review else "Tab goes on")

    @property
    def can_look_again(self) -> bool:
        """Whether all that is wrong is no answer's fault, and may be over when an AWS account is asked again."""
        wrong = [one for one in self.found if one.level == "error"]
        return self.draft is not None and self.draft.host_type == "aws" and bool(wrong) and not any(one.field for one in wrong)

    def _deploy_text(self, wrong: int) -> str:
        if wrong or (self.reviewed and self.reviewed.errors):
            errors = self.reviewed.errors if self.reviewed else ()
            if self.can_look_again:
                return "Look again"
            return "Cannot be done yet" if errors and not any(one.field for one in errors) else "Fix the problems"
        if self.reviewed is None:
            return "Try again" if self.why_not else "Looking…"
        return telling.summary(self.reviewed.plan) or "Nothing to do"

    def _draw_review(self) -> None:
        pane = self.query_one(ReviewPane)
        if self.reviewed is None:
            told = (f"{self.why_not}. Enter tries again", "failed") if self.why_not else (self._making(), "muted")
            pane.show(((told,),))
        else:
            pane.show(telling.lines(self.reviewed, self.session.settings.ascii))

    def _making(self) -> str:
        """That the plan is being made; on AWS that takes its time, and says how long already."""
        if self.draft is None or self.draft.host_type == "local" or self.looking_since is None:
            return "making the plan…"
        self.after("progress", 1.0, self.draw)
        seconds = int(time.monotonic() - self.looking_since)
        what = "making the plan: what is deployed, what the templates would change, rights and quotas"
        return f"{what}… {seconds} s\nEsc leaves; the draft is kept."

    def _say(self, name: str, text: str) -> None:
        if self._said.get(name) != text:
            self._said[name] = text
            self.query_one(f"#{name}", Static).update(Content(text))


def kind_of(word: str) -> str:
    """The kind that a word names, in the singular or plural. Raises UsageError."""
    folded = word.lower().removesuffix("s")
    kind = {"def": "definition", "jobdefinition": "definition", "job-definition": "definition"}.get(folded, folded)
    if kind in MODELS:
        return kind
    raise UsageError(f"there is no wizard for {word!r}. Kinds: {', '.join(MODELS)}")
