"""The wizard: one form for every kind of resource, to make one or to change one. `:new cluster`, `:edit queue fast`.

The screen only connects: the draft (`wizard.draft`) is the truth, every edit makes another one, and form, document, review and command
line are drawn from it. Leaving asks nothing: the draft is kept and offered again. What is deployed goes on without this screen.
"""

import asyncio
import time
from dataclasses import replace
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Button, Static, TextArea

from cyclone_core.errors import CycloneError
from cyclone_core.operations import discovery
from cyclone_tui import aside, formatters
from cyclone_tui.actions import Action, bound
from cyclone_tui.screens.base import background
from cyclone_tui.screens.wizard_drafts import WizardDrafts
from cyclone_tui.widgets.forms import FieldRow, Pane
from cyclone_tui.widgets.step_rail import StepRail
from cyclone_tui.wizard import documents, form, sources
from cyclone_tui.wizard.draft import REVIEW, Draft, edit
from cyclone_tui.wizard.review import review
from cyclone_tui.wizard.sources import World
from cyclone_tui.wizard.store import Kept
from cyclone_tui.wizard.values import specs_of
from cyclone_tui.wizard.verdicts import Complaint, complaints

LOOK_AFTER_S = 0.5
"""So long nobody must type before the machine is asked about what was typed."""
KEEP_AFTER_S = 2.0
"""So long nobody must type before the draft is kept, although no step was left."""
_LOOKED_AT = ("image", "definition")
"""Kinds for which the machine is asked while somebody types: is there an engine, a directory?"""


class WizardView(WizardDrafts):
    """Makes a resource; `EditView` changes one."""

    NAME = "new"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("wizard.next", "pagedown,f8,ctrl+n", "next", "Next", "the next step, when nothing on this one is wrong", looks=True,
               display="PgDn"),
        Action("wizard.previous", "pageup,f9", "previous", "Prev", "the step before; nothing is checked", looks=True, display="PgUp"),
        Action("wizard.fix", "f4", "fix", "Fix", "apply the remedy of the field, or the first there is", looks=True, display="F4"),
        Action("wizard.document", "f2", "document", "YAML", "the same as a document, and back", looks=True, display="F2"),
        Action("wizard.rail", "f3", "rail", "Steps", "to the list of steps", looks=True, display="F3"),
        Action("wizard.default", "f5", "default", "Default", "the field as it was before it was answered", looks=True, show=False),
        Action("wizard.anew", "f6", "anew", "Start over", "throw the draft away and begin anew", looks=True, show=False),
        Action("wizard.copy", "y", "copy", "YAML", "copy the draft as YAML (where no text is typed)", looks=True, show=False),
        Action("wizard.keep_failed", "f7", "keep_failed", "Keep failed",
               "on AWS: leave what fails as it is, to look at it, or take it back", looks=True, show=False),
        Action("wizard.deploy", "f10", "deploy", "Deploy", "make it so, on the last step (Enter does it too)", writes=True, show=False,
               twin="hyper clusters add-cluster --name NAME --yes"),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = bound(ACTIONS)

    _text_is_read = True

    # -- the draft ---------------------------------------------------------------------------------------------------
    def take(self, draft: Draft | None, force: bool = False) -> None:
        """Another draft: judge it and draw what differs. force: also over what is being typed."""
        if draft is None or self.world is None:
            return
        before = [spec.name for spec in self.page.specs] if self.page else []
        if before and self.page not in draft.steps:  # its steps are others: stay where the first field of this one is
            draft = replace(draft, step=next(filter(None, map(draft.step_of, before)), draft.steps[0].name))
        other_form = self.draft is None or self.draft.host_type != draft.host_type
        self.draft = draft
        other_form = other_form or before != [spec.name for spec in (self.page.specs if self.page else ())]
        self.found = complaints(draft, self.world)
        if other_form and not self.at_review and not self.is_document:
            self.run_worker(self._fill_in_turn(), group="fill")
        else:
            self.draw_rows(force)
        self.draw()

    def on_field_row_changed(self, event: FieldRow.Changed) -> None:
        """An edit."""
        if self.draft is None:
            return
        spec = specs_of(self.draft.model)[event.name]
        if event.text == form.text(self.draft, spec):
            return  # what an editor says when it begins is no answer
        self.take(self.draft.with_value(event.name, form.answer(spec, event.text)))
        self.after("look", LOOK_AFTER_S, self._look_closer)
        if event.name in discovery.depends(self.kind, self.draft.host_type):
            self.after("search", LOOK_AFTER_S, self.search)
        self.after("keep", KEEP_AFTER_S, self.keep_soon)

    def on_field_row_fix_asked(self, event: FieldRow.FixAsked) -> None:
        """A click on a remedy."""
        self._mend(event.name)

    def on_field_row_finished(self, event: FieldRow.Finished) -> None:
        """To the field below or above; behind the last one the button."""
        rows = [row for row in self.query(FieldRow) if not row.view.locked]
        at = next((at for at, row in enumerate(rows) if row.view.name == event.name), 0) + event.by
        if at >= len(rows):
            self.query_one("#next", Button).focus()
        else:
            rows[max(0, at)].focus()

    def _look_closer(self) -> None:
        is_here = self.draft is not None and self.draft.host_type == "local"  # a look at AWS takes seconds, and waits for the review
        if (self.kind in _LOOKED_AT and is_here) or self.at_review:
            self.look_now()

    def look_now(self) -> None:
        """Ask the machine too (an engine, a directory), and make the plan."""
        if self.draft is not None and self.world is not None:
            self.run_worker(self._look(self.draft, self.world), group="look", exclusive=True, exit_on_error=False)

    async def _look(self, draft: Draft, world: World) -> None:
        since = self.looking_since = time.monotonic()
        try:
            looked = await aside.wait(review, draft, world, self.host_option())
        except Exception as exc:  # noqa: BLE001  the border between threads and screens
            self.why_not = f"the plan cannot be made: {exc}"
            if not isinstance(exc, CycloneError):
                self.cyclone.record(exc)
            self.draw()
            return
        finally:
            self.looking_since = None if self.looking_since == since else self.looking_since
        self.why_not = ""
        if self.world is None or self.draft is None or not self.is_attached:
            return
        self.world = replace(self.world, looked=looked.world.looked)
        if self.draft.given() == draft.given():
            self.reviewed = looked
        self.take(self.draft)

    # -- steps -------------------------------------------------------------------------------------------------------
    async def go(self, step: str, field: str = "") -> None:
        """Show a step, at a field, and keep the draft."""
        if self.draft is None or self.world is None:
            return
        self.draft = replace(self.draft, step=step)
        self.found = complaints(self.draft, self.world)
        self.show_only("review" if step == REVIEW else "form")
        if step == REVIEW:
            self.reviewed = None
            self.look_now()
            self.query_one("#next", Button).focus()
        else:
            await self._fill_form(self.draft, field)
            self._search_again()
        self.draw()
        self.keep_soon()

    def _search_again(self) -> None:
        """What could not be found out about a field of this step may be found now: somebody has signed in meanwhile."""
        fields = [spec.name for spec in self.page.specs] if self.page else []
        found = self.world.findings if self.world else {}
        if self.draft is not None and self.draft.host_type == "aws" and any(name in found and found[name].warning for name in fields):
            self.search()

    async def _fill_form(self, draft: Draft, field: str = "") -> None:
        """Rows for the fields of a step; the focus goes to the wanted field, the one that had it, the first wrong one, or the first."""
        assert self.world is not None
        page = next((step for step in draft.steps if step.name == draft.step), draft.steps[0])
        pane, focused = self.query_one("#form", Pane), self.focused_field
        views = [form.view(draft, self.world, spec, self.found) for spec in page.specs]
        async with self.batch():
            await pane.remove_children()
            await pane.mount_all([FieldRow(view, ascii=self.session.settings.ascii, complete=_directories) for view in views])
            pane.scroll_home(animate=False)
        self.draw_rows()
        if not self.is_current:
            return
        free = [view.name for view in views if not view.locked]
        wrong = [view.name for view in views if view.level == "error"]
        wanted = next((name for name in (field, focused, *wrong, *free) if name in free), "")
        (self.query_one(f"#field-{wanted}", FieldRow) if wanted else self.query_one("#next", Button)).focus()

    def on_step_rail_chosen(self, event: StepRail.Chosen) -> None:
        """A step that was seen before."""
        self.run_worker(self._go_in_turn(event.name), group="step")

    @background(group="step")
    async def action_next(self) -> None:
        """Onwards, unless something on this step is wrong; on the last step to the button that deploys, which takes an Enter of its own."""
        async with self.turn:
            await self._next()

    async def _next(self) -> None:
        if self.draft is None or self.is_document:
            return
        if self.at_review:
            self.query_one("#next", Button).focus()
            return
        wrong = self.wrong_on(self.page) if self.page else []
        if wrong:
            self._show_wrong(wrong)
            return
        self.draft = self.draft.seen(self.draft.step)
        names = self.names
        await self.go(names[min(names.index(self.draft.step) + 1, len(names) - 1)])

    @background(group="step")
    async def action_previous(self) -> None:
        """The step before."""
        async with self.turn:
            at = self.names.index(self.draft.step) if self.draft else 0
            if at and not self.is_document:
                await self.go(self.names[at - 1])

    async def _go_in_turn(self, step: str, field: str = "") -> None:
        async with self.turn:
            await self.go(step, field)

    async def _fill_in_turn(self) -> None:
        async with self.turn:
            if self.draft is not None and not self.at_review and not self.is_document:
                await self._fill_form(self.draft)

    def _show_wrong(self, wrong: list[Complaint]) -> None:
        first = wrong[0]
        row = self.query_one(f"#field-{first.field}", FieldRow)
        if not row.view.locked:
            row.focus()
        told = f"{formatters.plural(len(wrong), 'problem')} on this step"
        self.cyclone.tell(f"{told}. F4: {first.fix.text}" if first.fix else f"{told}: {first.problem.message}")

    # -- actions -----------------------------------------------------------------------------------------------------
    def action_fix(self) -> None:
        """The remedy of the field one is in, else the first there is: on this step, then anywhere."""
        here = [spec.name for spec in self.page.specs] if self.page else []
        able = [one for one in self.found if one.fix]
        ranked = sorted(able, key=lambda one: (one.field != self.focused_field, one.field not in here, one.level != "error"))
        if ranked:
            self._mend(ranked[0].field)
        else:
            self.cyclone.tell("nothing here has a remedy that a key could apply")

    def _mend(self, field: str) -> None:
        complaint = next((one for one in self.found if one.field == field and one.fix), None)
        if complaint is None or complaint.fix is None or self.draft is None:
            return
        self.reviewed = None
        self.take(self.draft.with_values(complaint.fix.values), force=True)
        self._look_closer()
        self.keep_soon()

    def action_default(self) -> None:
        """The field one is in, as it was before it was answered."""
        field = self.focused_field
        if field and self.draft is not None and self.world is not None and not self.query_one(f"#field-{field}", FieldRow).view.locked:
            finding = self.world.findings.get(field)
            draft = self.draft.without(field)
            self.take(draft.with_finding(finding) if finding else draft, force=True)

    def action_copy(self) -> None:
        """The draft as YAML."""
        if self.draft is not None:
            self.cyclone.copy(documents.to_short_yaml(self.draft), "the draft")

    def action_rail(self) -> None:
        """To the steps."""
        self.query_one(StepRail).focus()

    @background(exclusive=True, group="begin")
    async def action_anew(self) -> None:
        """Begin anew."""
        if self.draft is None or self.world is None or not await self.confirm("Throw this draft away and begin anew?"):
            return
        self.drafts.forget(self.draft.key)
        fresh = await asyncio.to_thread(self.fresh, self.world)
        if fresh is not None:
            for finding in self.world.findings.values():
                fresh = fresh.with_finding(finding)
            self.draft = fresh
            await self._go_in_turn(fresh.steps[0].name)

    def action_back(self) -> None:
        """From the document to the form; else leave, with the draft kept."""
        if self.is_document and self.draft is not None:
            self._text_is_read = True
            self.run_worker(self._go_in_turn(self.draft.step), group="step")
            return
        if self.keep_now():
            self.cyclone.tell(f"the draft is kept: :{self.crumb()} goes on with it")
        super().action_back()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Back and next; they do what their keys do."""
        if event.button.id != "next":
            self.action_previous()
        elif self.at_review:
            self._finish()
        else:
            self.action_next()

    # -- the document ------------------------------------------------------------------------------------------------
    @background(group="step")
    async def action_document(self) -> None:
        """The draft as YAML; from there back to the form with what it says."""
        if self.draft is None:
            return
        if not self.is_document:
            self._open_document(self.draft)
        elif self._text_is_read:
            await self._go_in_turn(self.draft.step)
        else:
            self.cyclone.tell("the document has mistakes: correct them, or leave it with Esc, which forgets what could not be read")

    def _open_document(self, draft: Draft, text: str = "") -> None:
        self.show_only("document")
        area, text = self.query_one("#document TextArea", TextArea), text or documents.to_yaml(draft)
        area.load_text(text)
        area.move_cursor((next((at for at, line in enumerate(text.split("\n")) if line.startswith("name:")), 0), 0))
        area.focus()
        self.draw()

    async def read_document(self, text: str) -> None:
        """Take over what a document says; one with mistakes is shown with them."""
        if self.draft is None:
            return
        reading = documents.read(self.draft, text)
        if reading.problems:
            self._open_document(self.draft, text)
        else:
            self.draft = reading.draft
            await self.go(reading.draft.steps[0].name)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """The document says something else; as long as it can be read, the draft says the same."""
        if self.draft is None or not self.is_document:
            return
        reading = documents.read(self.draft, event.text_area.text)
        self._text_is_read = not reading.problems
        if self._text_is_read and reading.draft != self.draft:
            self.take(reading.draft)
            self.after("keep", KEEP_AFTER_S, self.keep_soon)
        told = [str(problem) for problem in reading.problems]
        if not told:
            wrong = [one for one in self.found if one.level == "error"]
            told = [f"line {reading.lines[one.field]}: {one.problem.message}" for one in wrong if one.field in reading.lines]
            told += [one.problem.message for one in wrong if one.field not in reading.lines]
        sign = "x" if self.session.settings.ascii else "✗"
        self.query_one("#mistakes", Static).update(Content("\n".join(f"{sign} {text}" for text in told[:4])))

    # -- the end -----------------------------------------------------------------------------------------------------
    def action_deploy(self) -> None:
        """Make it so."""
        if self.at_review:
            self._finish()
        else:
            self.cyclone.tell("Deploy is on the last step: PgDn goes there")

    def action_keep_failed(self) -> None:
        """Leave what fails, or take it back."""
        if not self.at_review or self.reviewed is None or not self.reviewed.can_keep_failed:
            self.cyclone.tell("this is for the review of what is deployed to AWS")
            return
        self.reviewed = self.reviewed.keeping_failed(not self.reviewed.plan.keep_failed)
        self.cyclone.tell("what fails is left as it is" if self.reviewed.plan.keep_failed else "what fails is taken back")
        self.draw()

    def _finish(self) -> None:
        wrong = [one for one in self.found if one.level == "error"]
        if self.session.read_only:
            self.cyclone.tell("this is read-only: copy the command with Y")
        elif wrong and self.can_look_again:
            self.reviewed = None
            self.look_now()
            self.draw()
        elif wrong:
            self._to_problem(wrong[0])
        elif self.reviewed is None or self.draft is None or self.reviewed.draft.given() != self.draft.given():
            self.cyclone.tell(self.why_not or "one moment: the plan is being made")
            self.look_now()
        elif not self.reviewed.plan:
            self.cyclone.tell("nothing to do: everything is as asked")
        else:
            self.make(self.reviewed)

    def _to_problem(self, complaint: Complaint) -> None:
        step = self.draft.step_of(complaint.field) if self.draft else ""
        if step:
            self.run_worker(self._go_in_turn(step, complaint.field), group="step")
        else:
            self.cyclone.tell(str(complaint.problem))


class EditView(WizardView):
    """Changes a resource."""

    NAME = "edit"
    ACTIONS: ClassVar[tuple[Action, ...]] = ()
    IS_ABOUT = "your changes of {kind} {name}"

    def crumb(self) -> str:
        """`edit queue fast`."""
        return f"{self.NAME} {self.kind} {self.arguments.get('name', '')}"

    def fresh(self, world: World) -> Draft | None:
        """The resource as it is; None when there is none."""
        body = sources.stored(world, self.kind, self.arguments.get("name", ""))
        return None if body is None else edit(self.kind, world.host, body)

    def is_ours(self, kept: Kept, fresh: Draft) -> bool:
        """Changes of the same resource."""
        return kept.mode == "update" and kept.name == fresh.name

    def tell_missing(self) -> None:
        """There is nothing to change."""
        assert self.world is not None
        known = ", ".join(self.world.names(self.kind)[:8])
        text = f"there is no {self.kind} {self.arguments.get('name', '')!r}. {f'There are: {known}' if known else 'There is none at all'}"
        self.query_one("#form Static", Static).update(Content(text))


async def _directories(typed: str) -> tuple[tuple[str, str], ...]:
    return await asyncio.to_thread(sources.directories, typed)
