"""The submit form: a script picked or written, where it goes, an array with its tasks expanded, everything that is wrong next to its field.

The draft (`operations.submission.Draft`) is the truth: every edit makes another one, and it is judged on a thread by the rules of `qsub`.
Leaving asks nothing: the draft is kept and comes back.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.timer import Timer
from textual.widgets import Button, Static, TextArea

from cyclone_core.errors import CycloneError, InvalidRequest
from cyclone_core.operations import submission
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.submission import Choices, Draft, Judged
from cyclone_core.problems import Problem
from cyclone_tui import formatters, submit_form
from cyclone_tui.actions import Action, bound
from cyclone_tui.screens.base import View, background
from cyclone_tui.screens.pick_file import PickFile
from cyclone_tui.submit_drafts import SubmitDraft
from cyclone_tui.widgets.form_lines import FormLine
from cyclone_tui.widgets.forms import Pane
from cyclone_tui.wizard.fields import FieldView

JUDGE_AFTER_S = 0.15
KEEP_AFTER_S = 2.0
NARROW = 100
"""Columns below which the script has no line numbers and the fields no frame."""
NEW_SCRIPT = '#!/bin/bash\n#HYPER -n my-job\n\necho "task ${CYCLONE_TASK_INDEX:-1} of job $CYCLONE_JOB_ID on $(hostname)"\n'


class SubmitView(View):
    """See the module."""

    NAME = "submit"
    FAR = True
    AUTO_FOCUS = ""
    ACTIONS = (
        Action("submit.submit", "f10,ctrl+g", "submit", "Submit", "submit the job and open its view", twin="qsub FILENAME", writes=True),
        Action("submit.open", "ctrl+o,f3", "pick", "Open file", "choose a script, or a parameter file, from the directories", looks=True),
        Action("submit.save", "f2", "save", "Save script", "write the script to a file", twin="$EDITOR FILENAME"),
        Action("submit.discard", "ctrl+n", "discard", "New", "empty the form and begin anew", looks=True),
        Action("submit.fields", "f6", "other_side", "Script/fields", "from the script to the fields and back", looks=True, show=False),
    )
    BINDINGS = bound(ACTIONS)
    DEFAULT_CSS = """
    SubmitView #columns { height: 1fr; }
    SubmitView #script-side { width: 1fr; height: 1fr; }
    SubmitView #editor-panel { height: 1fr; padding: 0; }
    SubmitView #editor { height: 1fr; border: none; padding: 0; background: $background; scrollbar-size-horizontal: 0; }
    SubmitView #script-problem { height: auto; max-height: 5; color: $text-error; padding: 0 1; display: none; }
    SubmitView #fields { width: 58; height: 1fr; }
    SubmitView.-narrow #fields { width: 42; padding: 0 0 0 1; }
    SubmitView #help { height: auto; color: $muted; margin-top: 1; }
    SubmitView #script-side > FormLine { padding-left: 1; }
    SubmitView #preview { height: auto; max-height: 10; display: none; }
    SubmitView #verdict-line { height: 1; padding: 0 1; }
    SubmitView #verdict { width: 1fr; height: 1; }
    SubmitView #submit { min-width: 16; }
    """

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        super().__init__(arguments)
        self.draft = Draft()
        self.judged: Judged | None = None
        self.choices = Choices()
        self._judged_draft: Draft | None = None
        self._original = ""
        """the text as the file has it"""
        self._done: Draft | None = None
        """what was submitted: no draft any more"""
        self._kept = False
        self._said: dict[str, Content] = {}
        self._pauses: dict[str, Timer] = {}
        self._begun = self._submitting = False

    # -- frame -------------------------------------------------------------------------------------------------------
    def twin(self) -> str:
        """The `qsub` that does the same; a script that lies in no file follows as a here-document."""
        return self.judged.command if self.judged else ""

    def body(self) -> ComposeResult:
        """Script at the left, fields at the right, preview and verdict below: filled from the start, so that nothing is drawn twice."""
        self._kept = self._begin_draft()
        is_ascii, is_narrow = self.session.settings.ascii, self._is_narrow
        self.set_class(is_narrow, "-narrow")
        with Horizontal(id="columns"):
            with Vertical(id="script-side"):
                yield FormLine(self._path_view(self.draft.path), ascii=is_ascii, complete=_completed)
                with Vertical(id="editor-panel", classes="panel") as panel:
                    panel.border_title = Content(submit_form.script_title(self.draft))
                    yield TextArea(
                        self.draft.text, id="editor", soft_wrap=is_narrow, show_line_numbers=not is_narrow, tab_behavior="focus",
                        compact=True, highlight_cursor_line=False,
                    )  # fmt: skip
                yield Static("", id="script-problem")
            with Pane(id="fields", classes="" if is_narrow else "panel") as fields:
                fields.border_title = "job"
                for view in submit_form.field_views(self.draft, Judged(), self.choices):
                    line = FormLine(view, ascii=is_ascii, complete=_completed)
                    line.display = submit_form.is_shown(view.name, self.draft)
                    yield line
                yield Static(Content(submit_form.HELP["script"]), id="help")
        with Vertical(id="preview", classes="panel"):
            yield Static("", id="samples")
        with Horizontal(id="verdict-line"):
            yield Static(submit_form.verdict(None), id="verdict")
            yield Button("Submit (F10)", id="submit", variant="primary", compact=True, disabled=self.session.read_only)

    def on_mount(self) -> None:
        """Go on with the script that was asked for."""
        self.begin()

    def on_resize(self, event: Resize) -> None:
        """Narrow screens do without frames."""
        self._adapt()
        self._show_preview()

    def on_unmount(self) -> None:
        """Whatever way it was left."""
        self._keep()

    @property
    def _is_narrow(self) -> bool:
        return self.app.size.width < NARROW

    def _adapt(self) -> None:
        narrow = self._is_narrow
        if narrow != self.has_class("-narrow"):
            self.set_class(narrow, "-narrow")
            self.query_one("#fields").set_class(not narrow, "panel")
            editor = self.query_one("#editor", TextArea)
            editor.show_line_numbers, editor.soft_wrap = not narrow, narrow

    @property
    def _store(self) -> SubmitDraft:
        return SubmitDraft(self.session.host)

    # -- beginning ---------------------------------------------------------------------------------------------------
    def load(self, host: HostView) -> Choices:
        """What there is to choose from."""
        return submission.choices(host)

    def show(self, data: Choices) -> None:
        """Offer it."""
        self.choices = data
        self._judge_soon(0)

    def _begin_draft(self) -> bool:
        """The draft to begin with; whether it was kept from the last time."""
        given = {name: value for name, value in self.arguments.items() if name in ("queue", "definition", "name") and value}
        kept = None if self.arguments else self._store.last()
        self._original = NEW_SCRIPT if kept is None else ""
        self.draft = replace(kept or Draft(text=NEW_SCRIPT, edited=True), **given)  # type: ignore[arg-type]
        return kept is not None

    @background(group="begin")
    async def begin(self) -> None:
        """Read the script that was asked for, or that the draft is of."""
        script = self.arguments.get("script", "") or ("" if self.draft.edited else self.draft.path)
        self.query_one("#line-script", FormLine).focus_value()
        if script:
            await self._load_file(script)
        elif self._kept:
            self.cyclone.tell("your draft is back. Ctrl-N begins anew")
        self._begun = True
        self._judge_soon(0)

    def _fill(self) -> None:
        """The whole form from the draft."""
        with self.prevent(TextArea.Changed):
            self.query_one("#editor", TextArea).load_text(self.draft.text)
        self.query_one("#line-script", FormLine).show(self._path_view(self.draft.path))
        self._show_fields()
        self._judge_soon(0)

    # -- the script --------------------------------------------------------------------------------------------------
    def _path_view(self, path: str, message: str = "") -> FieldView:
        return FieldView(
            "script", "Script", "", "line", path, placeholder="a file, or write one below", completes=True, message=message,
            level="error" if message else "",
        )  # fmt: skip

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Written."""
        text = event.text_area.text
        self._take(replace(self.draft, text=text, edited=not self.draft.path or text != self._original))

    def _type_path(self, path: str) -> None:
        """A path is being typed: a file that it names is read once the typing rests, unless that would lose something."""
        self.query_one("#line-script", FormLine).show(self._path_view(path))
        if not path and self.draft.path:
            self._take(replace(self.draft, path="", edited=True))
        if not self._is_precious:
            self._pause("path", 0.3, lambda: self._follow_path(path))

    @background(exclusive=True, group="path")
    async def _follow_path(self, path: str) -> None:
        if path and path != self.draft.path and await asyncio.to_thread(submission.is_file, path):
            await self._load_file(path)

    @background(exclusive=True, group="path")
    async def _open_path(self, path: str) -> None:
        """Enter behind a path."""
        if not path or (path == self.draft.path and not self.draft.edited):
            self.query_one("#editor", TextArea).focus()
            return
        if self._is_precious and not await self.confirm(f"Replace the script by {path}?", "What you wrote here is in no file"):
            return
        if await self._load_file(path):
            self.query_one("#editor", TextArea).focus()

    @property
    def _is_precious(self) -> bool:
        """Whether the text is somebody's work that lies nowhere else."""
        return self.draft.edited and self.draft.text.strip() not in ("", NEW_SCRIPT.strip(), self._original.strip())

    async def _load_file(self, path: str) -> bool:
        """Take the script from a file; what is wrong with that is told below its name."""
        line = self.query_one("#line-script", FormLine)
        try:
            text = await asyncio.to_thread(submission.read_file, path)
        except InvalidRequest as exc:
            line.show(self._path_view(path, submit_form.told(Problem("", one.message, one.hint) for one in exc.problems)))
            if path == self.draft.path:  # a draft whose file is gone: the text is all there is
                self.draft = replace(self.draft, edited=True)
                self._judge_soon(0)
            return False
        self._original = text
        self.draft = replace(self.draft, path=path, text=text, edited=False)
        self._fill()
        return True

    @background
    async def action_pick(self) -> None:
        """Choose a file from the tree: the parameter file where one is asked for, else the script."""
        for_parameters = self.query_one("#line-parameters", FormLine).has_focus_within
        known = self.draft.parameters if for_parameters else self.draft.path
        title = "Choose a parameter file" if for_parameters else "Choose a script"
        path = await self.app.push_screen_wait(PickFile(title, os.path.dirname(os.path.expanduser(known))))
        if path is None:
            return
        path = _short(path)
        if for_parameters:
            self._take(replace(self.draft, parameters=path))
        else:
            self._open_path(path)

    @background
    async def action_save(self) -> None:
        """Write the script to a file; from then on it is that file."""
        path = await self.ask("Write the script to which file?", self.draft.path or "job.sh")
        if not path:
            return
        exists = await asyncio.to_thread(submission.is_file, path)
        if exists and path != self.draft.path and not await self.confirm(f"{path} is there already. Overwrite it?"):
            return
        text = self.draft.text
        saved = await self.attempt(lambda host: submission.save_file(path, text), done=f"written to {path}")
        if saved is not None:
            self._original = text
            self.draft = replace(self.draft, path=path, edited=self.draft.text != text)
            self.query_one("#line-script", FormLine).show(self._path_view(path))
            self._judge_soon(0)

    # -- the fields --------------------------------------------------------------------------------------------------
    def on_form_line_changed(self, event: FormLine.Changed) -> None:
        """Typed or chosen."""
        if event.name == "script":
            self._type_path(event.text)
            return
        value = submit_form.KINDS[event.text] if event.name == "array" else event.text.strip()
        self._take(replace(self.draft, **{event.name: value}))  # type: ignore[arg-type]

    def on_form_line_finished(self, event: FormLine.Finished) -> None:
        """Enter behind the script's name opens it; else to the next field."""
        if event.name == "script" and event.by > 0:
            self._open_path(self.query_one("#line-script", FormLine).view.text)
        elif event.by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def on_descendant_focus(self) -> None:
        """What the field under the cursor means."""
        line = next((line for line in self.query(FormLine) if line.has_focus_within), None)
        name = line.view.name if line else "editor" if self.query_one("#editor").has_focus else ""
        self._say("#help", Content(submit_form.HELP.get(name, "")))

    def action_other_side(self) -> None:
        """From the script to the fields and back."""
        if self.query_one("#script-side").has_focus_within:
            self.query_one("#line-queue", FormLine).focus_value()
        else:
            self.query_one("#editor", TextArea).focus()

    @background
    async def action_discard(self) -> None:
        """Empty the form."""
        if self._is_precious and not await self.confirm("Empty the form?", "The script is in no file and will be gone"):
            return
        self._store.forget()
        self.draft, self._original = Draft(text=NEW_SCRIPT, edited=True), NEW_SCRIPT
        self._fill()
        self.query_one("#line-script", FormLine).focus_value()

    # -- judging -----------------------------------------------------------------------------------------------------
    def _take(self, draft: Draft) -> None:
        """Another draft."""
        if draft != self.draft:
            self.draft = draft
            self._show_fields()
            self._judge_soon(JUDGE_AFTER_S)
            self._pause("keep", KEEP_AFTER_S, self._keep)

    def _keep(self) -> None:
        """The draft on disk, unless it was not begun yet or is submitted already."""
        if self._begun and self.draft != self._done:
            self._store.keep(self.draft)

    def _judge_soon(self, seconds: float) -> None:
        self._pause("judge", seconds, self._judge)

    def _pause(self, name: str, seconds: float, then: Callable[[], Any]) -> None:
        if name in self._pauses:
            self._pauses[name].stop()
        self._pauses[name] = self.set_timer(max(0.001, seconds), then)

    @background(exclusive=True, group="judge", exit_on_error=False)
    async def _judge(self) -> None:
        draft = self.draft
        try:
            judged = await self.call(submission.judge, draft)
        except (CycloneError, OSError) as exc:
            self._show_failure(exc)
            return
        if draft == self.draft:
            self._judged_draft = draft
            self._show_judged(judged)

    @property
    def is_judged(self) -> bool:
        """Whether what is shown is about the form as it stands now."""
        return self._begun and self._judged_draft == self.draft

    def _show_judged(self, judged: Judged) -> None:
        self.judged = judged
        with self.app.batch_update():
            self._show_fields()
            self._show_preview()
            self.update_frame()

    def _show_fields(self) -> None:
        """Every field, and what is wrong with the script."""
        is_ascii, judged = self.session.settings.ascii, self.judged or Judged()
        for view in submit_form.field_views(self.draft, judged, self.choices):
            line = self.query_one(f"#line-{view.name}", FormLine)
            line.show(view)
            line.display = submit_form.is_shown(view.name, self.draft)
        problems = judged.of("script")
        self._say("#script-problem", Content(f"{'x' if is_ascii else '✗'} {submit_form.told(problems)}" if problems else ""))
        self._say("#verdict", submit_form.verdict(self.judged, is_ascii))
        self._title("#editor-panel", submit_form.script_title(self.draft))

    def _show_preview(self) -> None:
        preview = self.judged.preview if self.judged else None
        shown = preview is not None and preview.array and bool(preview.first)
        self.query_one("#preview").display = shown
        if preview is not None and shown:
            self._title("#preview", submit_form.preview_title(preview))
            rows = submit_form.preview_rows(preview, self.app.size.width - 4, self.session.settings.ascii)
            self._say("#samples", Content("\n").join(rows))

    def _say(self, selector: str, content: Content) -> None:
        """Draw a text when it is another one; an empty one takes no room."""
        if self._said.get(selector) != content:
            self._said[selector] = content
            line = self.query_one(selector, Static)
            line.update(content)
            if selector == "#script-problem":
                line.display = bool(content.plain)

    def _title(self, selector: str, text: str) -> None:
        title = Content(text)
        if self._said.get(selector) != title:
            self._said[selector] = title
            self.query_one(selector).border_title = title

    # -- submitting --------------------------------------------------------------------------------------------------
    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The one there is."""
        self.action_submit()

    @background(group="submit")
    async def action_submit(self) -> None:
        """Submit, and look at the job; what is refused is shown at its field."""
        if self._submitting or self.session.read_only:
            return
        self._submitting = True
        try:
            if await self._is_fresh():
                await self._submit(self.draft)
        finally:
            self._submitting = False

    async def _is_fresh(self) -> bool:
        """Whether the script is still what its file says; otherwise it is read again, to be looked at."""
        if not self.draft.path or self.draft.edited:
            return True
        try:
            text = await asyncio.to_thread(submission.read_file, self.draft.path)
        except InvalidRequest as exc:
            self.cyclone.tell_error(exc)
            self.draft = replace(self.draft, edited=True)
            self._judge_soon(0)
            return False
        if text == self.draft.text:
            return True
        self._original = text
        self.draft = replace(self.draft, text=text)
        self._fill()
        self.cyclone.notify(f"{self.draft.path} has changed and was read again. Look, then submit", severity="warning", markup=False)
        return False

    async def _submit(self, draft: Draft) -> None:
        try:
            job = await self.call(submission.submit, draft)
        except InvalidRequest as exc:
            self._refuse(exc)
        except (CycloneError, OSError) as exc:
            self.cyclone.tell_error(exc)
        else:
            self._store.forget()
            self._done = draft
            self.session.watched.add(job)
            self.cyclone.tell(f"job {job} submitted")
            self.cyclone.open(f"job {job}")

    def _refuse(self, exc: InvalidRequest) -> None:
        """Show what is wrong, and go to the first field of it."""
        parts = [(problem.path.partition(":"), problem) for problem in exc.problems]
        told = tuple((name, Problem(line, problem.message, problem.hint)) for (name, _, line), problem in parts)
        self._show_judged(replace(self.judged or Judged(), problems=told))
        self.cyclone.notify(f"not submitted: {formatters.plural(len(told), 'problem')}", severity="error", markup=False)
        first = told[0][0]
        if first == "script":
            self.query_one("#editor", TextArea).focus()
        else:
            self.query_one(f"#line-{first}", FormLine).focus_value()


async def _completed(typed: str) -> tuple[tuple[str, str], ...]:
    return await asyncio.to_thread(submission.completions, typed)


def _short(path: str) -> str:
    """A path as it is typed here: relative when it lies below this directory."""
    try:
        here = os.getcwd() + "/"
    except OSError:
        return path
    return path.removeprefix(here)
