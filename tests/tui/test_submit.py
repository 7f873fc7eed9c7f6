"""The submit form: a script picked or written, problems at their fields, tasks expanded, the draft kept; at the end a job."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static, TextArea

from cyclone_core import paths
from cyclone_core.operations.submission import Draft
from cyclone_tui.application import CycloneApp
from cyclone_tui.screens.modals import Confirmation
from cyclone_tui.screens.pick_file import Files, PickFile
from cyclone_tui.screens.submit import NEW_SCRIPT, SubmitView
from cyclone_tui.submit_drafts import SubmitDraft
from cyclone_tui.widgets.form_lines import FormLine
from tests.engine.conftest import Engine
from tests.filled import FilledHost

OnScreen = Callable[..., CycloneApp]
SCRIPT = "#!/bin/bash\n#HYPER -n night -r 2\necho SEED >> out\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that one submits from, with a script and parameters."""
    made = tmp_path / "project"
    made.mkdir()
    (made / "job.sh").write_text(SCRIPT)
    (made / "seeds.jsonl").write_text("".join(json.dumps({"SEED": n}) + "\n" for n in range(40, 60)))
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A real host `local`, started by the first submission."""
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path / "home"))
    found = Engine(Path(paths.host_state_dir("local")), tmp_path / "work")
    yield found
    found.end()


async def form(app: CycloneApp, pilot: Pilot[Any]) -> SubmitView:
    """The form once what it shows is about what it holds."""
    for _ in range(500):
        await pilot.pause()
        view = app.views[-1]
        if isinstance(view, SubmitView) and view.is_judged:
            return view
        await asyncio.sleep(0.01)
    raise AssertionError("the form was never judged")


async def until(pilot: Pilot[Any], condition: Callable[[], Any]) -> None:
    """Wait until something is so."""
    for _ in range(500):
        await pilot.pause()
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("this never came")


def problem(view: SubmitView, name: str) -> str:
    """What is told below a field."""
    lines = view.query(f"#line-{name} .problem").results(Static)
    return "".join(str(line.content) for line in lines if line.display)


async def fill(view: SubmitView, pilot: Pilot[Any], name: str, text: str) -> None:
    """Type into a field."""
    view.query_one(f"#line-{name}", FormLine).query_one(Input).value = text
    await pilot.pause()
    await form(view.cyclone, pilot)


def test_a_new_form_can_be_submitted_as_it_is(filled: FilledHost, folder: Path, on_screen: OnScreen) -> None:
    """A script to begin with, the host's defaults, one task."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        assert view.draft == Draft(text=NEW_SCRIPT, edited=True)
        assert view.judged is not None
        assert view.judged.problems == ()
        assert view.query_one("#line-queue", FormLine).view.placeholder == "default (host)"
        assert view.query_one("#line-name", FormLine).view.placeholder == "my-job (#HYPER, line 2)"
        assert str(view.query_one("#verdict", Static).content).startswith("✓ ready: 1 task")
        assert not view.query_one("#preview").display

    on_screen(check, start="submit")


def test_a_typed_path_is_read(filled: FilledHost, folder: Path, on_screen: OnScreen) -> None:
    """As soon as it names a file; the command line names it too."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        await pilot.press(*"job.sh")
        await until(pilot, lambda: view.draft.path == "job.sh")
        view = await form(app, pilot)
        assert (view.query_one(TextArea).text, view.twin()) == (SCRIPT, "qsub job.sh")

    on_screen(check, start="submit")


def test_directives_are_read_while_they_are_written(filled: FilledHost, folder: Path, on_screen: OnScreen) -> None:
    """A mistake in one is told with its line; what one says stands in its field."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        view.query_one(TextArea).text = "#!/bin/bash\n#HYPER --queu x\n#HYPER -r 4\ntrue\n"
        await pilot.pause()
        await form(app, pilot)
        told = str(view.query_one("#script-problem", Static).content)
        assert "line 2: unknown option --queu: did you mean --queue?" in told
        assert view.query_one("#line-retries", FormLine).view.placeholder == "4 (#HYPER, line 3)"
        assert view.query_one("#editor-panel").border_title == "job.sh (changed)"

    on_screen(check, start="submit job.sh")


def test_problems_stand_at_their_fields_all_at_once(filled: FilledHost, folder: Path, on_screen: OnScreen) -> None:
    """And the line below counts them."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        for name, text in (("queue", "defualt"), ("retries", "-1"), ("timeout", "soon"), ("options", "--wram")):
            await fill(view, pilot, name, text)
        assert "Did you mean 'default'" in problem(view, "queue")
        assert "-1 retries are not possible" in problem(view, "retries")
        assert "'soon' is not a time" in problem(view, "timeout")
        assert "did you mean --warm" in problem(view, "options")
        assert problem(view, "name") == ""
        assert str(view.query_one("#verdict", Static).content) == "✗ 4 problems"

    on_screen(check, start="submit job.sh", size=(140, 40))


def test_an_index_list_is_previewed(filled: FilledHost, folder: Path, on_screen: OnScreen) -> None:
    """Chosen by a key, then typed; first and last tasks, and what is perhaps not meant."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        view.query_one("#line-array", FormLine).focus_value()
        await pilot.press("right", "down")
        await pilot.press(*"5,10-500:10%3")
        await form(app, pilot)
        assert view.twin() == "qsub -t 5,10-500:10%3 job.sh"
        assert view.query_one("#preview").border_title == "51 tasks, 3 at once, from -t 5,10-500:10%3"
        rows = str(view.query_one("#samples", Static).content).splitlines()
        assert rows[0].startswith("! no line of the script uses $CYCLONE_TASK_INDEX")
        assert rows[1].split("  ") == ["indices", "5, 10, 20, …, 490, 500"]
        view.query_one(TextArea).text = "echo $CYCLONE_TASK_INDEX\n"
        await pilot.pause()
        await form(app, pilot)
        rows = str(view.query_one("#samples", Static).content).splitlines()
        assert [row.split() for row in rows] == [
            ["5", "echo", "5"], ["10", "echo", "10"], ["20", "echo", "20"], ["…"], ["490", "echo", "490"], ["500", "echo", "500"],
        ]  # fmt: skip

    on_screen(check, start="submit job.sh")


def test_a_parameter_file_is_previewed(filled: FilledHost, folder: Path, on_screen: OnScreen) -> None:
    """Each task's line of the script with its values."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        view.query_one("#line-array", FormLine).focus_value()
        await pilot.press("right", "right", "down")
        await pilot.press(*"seeds.jsonl")
        await form(app, pilot)
        assert view.twin() == "qsub -a seeds.jsonl job.sh"
        rows = str(view.query_one("#samples", Static).content).splitlines()
        assert [row.split() for row in (rows[0], rows[-1])] == [["1", "echo", "40", ">>", "out"], ["20", "echo", "59", ">>", "out"]]
        assert view.query_one("#preview").border_title == "20 tasks, from seeds.jsonl"
        await fill(view, pilot, "parameters", "job.sh")
        assert "line 1: is not JSON" in problem(view, "parameters")

    on_screen(check, start="submit job.sh")


def test_a_file_is_chosen_from_the_tree(filled: FilledHost, folder: Path, on_screen: OnScreen) -> None:
    """The tree opens where one is; Enter takes the file."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, PickFile) and len(app.screen.query_one(Files).root.children) == 2)
        await pilot.press("j", "enter")
        await until(pilot, lambda: view.draft.path == "job.sh")

    on_screen(check, start="submit")


def test_what_was_written_is_not_lost_to_another_file(filled: FilledHost, folder: Path, on_screen: OnScreen) -> None:
    """Enter behind another path asks; No keeps the text."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        view.query_one(TextArea).text = "echo mine\n"
        await pilot.pause()
        await pilot.press(*"job.sh", "enter")
        await until(pilot, lambda: isinstance(app.screen, Confirmation))
        await pilot.press("enter")
        await form(app, pilot)
        assert view.draft.text == "echo mine\n"

    on_screen(check, start="submit")


def test_a_file_that_cannot_be_read_is_told_below_its_name(filled: FilledHost, folder: Path, on_screen: OnScreen) -> None:
    """With the nearest name."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        assert "Did you mean job.sh?" in problem(view, "script")

    on_screen(check, start="submit jobs.sh")


def test_a_draft_comes_back(filled: FilledHost, folder: Path, on_screen: OnScreen) -> None:
    """Left with Escape; text and fields are there again, until somebody begins anew."""

    async def leave(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        view.query_one(TextArea).text = "echo draft\n"
        await pilot.pause()
        await fill(view, pilot, "priority", "7")
        await pilot.press("escape")
        await until(pilot, lambda: app.views[-1] is not view)

    async def come_back(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        assert (view.query_one(TextArea).text, view.draft.priority) == ("echo draft\n", "7")
        assert view.query_one("#line-priority", FormLine).query_one(Input).value == "7"
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, Confirmation))
        await pilot.press("y")
        await until(pilot, lambda: view.draft.priority == "")
        assert SubmitDraft("local").last() is None

    on_screen(leave, start="submit")
    assert SubmitDraft("local").last() == Draft(text="echo draft\n", edited=True, priority="7")
    on_screen(come_back, start="submit")


def test_secrets_in_options_are_not_kept(filled: FilledHost) -> None:
    """The rest of the draft is; the file is its owner's alone."""
    store = SubmitDraft("local")
    store.keep(Draft(text="true", options="-v API_TOKEN=abc"))
    assert store.last() == Draft(text="true")
    assert Path(store.path).stat().st_mode & 0o777 == 0o600


def test_a_script_is_saved_to_a_file(filled: FilledHost, folder: Path, on_screen: OnScreen) -> None:
    """From then on the command line names that file."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        assert view.twin().startswith("qsub - <<'END'\n")
        await pilot.press("f2")
        await until(pilot, lambda: app.screen.query("#text"))
        app.screen.query_one("#text", Input).value = "mine.sh"
        await pilot.press("enter")
        await until(pilot, lambda: view.draft.path == "mine.sh")
        await form(app, pilot)
        assert view.twin() == "qsub mine.sh"

    on_screen(check, start="submit")
    assert (folder / "mine.sh").read_text() == NEW_SCRIPT


def test_names_of_others_are_text(filled: FilledHost, folder: Path, on_screen: OnScreen) -> None:
    """Of files, jobs and directories: brackets are no markup."""
    (folder / "[b]a[").write_text("#!/bin/bash\n#HYPER -n '[/x]' -q '[q'\ntrue\n")

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        text = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert all(part in text for part in ("[/x] (#HYPER, line 2)", "[q (#HYPER, line 2)", " [b]a[ ─", "$ qsub '[b]a['"))
        assert "line 2: '[q' cannot be the name of a queue" in str(view.query_one("#script-problem", Static).content)
        assert problem(view, "queue") == "", "it is told once"

    on_screen(check, start="submit '[b]a['", size=(140, 40))


def test_read_only_submits_nothing(filled: FilledHost, folder: Path, on_screen: OnScreen) -> None:
    """Neither by key nor by button."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        assert view.query_one("#submit", Button).disabled
        assert view.check_action("submit", ()) is False

    on_screen(check, start="submit job.sh", read_only=True)


def test_a_job_is_submitted_and_opened(engine: Engine, folder: Path, on_screen: OnScreen) -> None:
    """With everything the form says; the draft is gone."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        view.query_one("#line-array", FormLine).focus_value()
        await pilot.press("right", "right", "down")
        await pilot.press(*"seeds.jsonl")
        await fill(view, pilot, "priority", "-3")
        await pilot.press("f10")
        await until(pilot, lambda: app.session.watched == {1})
        await until(pilot, lambda: app.views[-1].NAME == "job" and app.views[-1].arguments == {"id": "1"})

    on_screen(check, start="submit job.sh")
    engine.wait(1)
    job = engine.job(1)
    assert (job.name, job.tasks, job.priority, job.state) == ("night", 20, -3, "Successful")
    assert sorted((folder / "out").read_text().split()) == [str(n) for n in range(40, 60)]
    assert SubmitDraft("local").last() is None


def test_a_script_that_changed_meanwhile_is_shown_first(engine: Engine, folder: Path, on_screen: OnScreen) -> None:
    """The command line names the file, so the job must be what the file says."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        (folder / "job.sh").write_text("#!/bin/bash\necho other\n")
        await pilot.press("f10")
        await until(pilot, lambda: "other" in view.draft.text)
        assert app.session.watched == set()
        await form(app, pilot)
        await pilot.press("f10")
        await until(pilot, lambda: app.session.watched == {1})

    on_screen(check, start="submit job.sh")
    engine.wait(1)


def test_what_is_refused_is_shown_at_its_field(engine: Engine, folder: Path, on_screen: OnScreen) -> None:
    """The cursor goes there; nothing was submitted."""

    async def check(app: CycloneApp, pilot: Pilot[Any]) -> None:
        view = await form(app, pilot)
        await fill(view, pilot, "timeout", "soon")
        await pilot.press("f10")
        await until(pilot, lambda: view.query_one("#line-timeout", FormLine).has_focus_within)
        assert "'soon' is not a time" in problem(view, "timeout")
        assert app.session.watched == set()

    on_screen(check, start="submit job.sh")
