"""A form for submissions: judged as `qsub` judges, field by field; its preview; its command line."""

import json
import os
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from cyclone_core.errors import InvalidRequest
from cyclone_core.operations import submission
from cyclone_core.operations.queries import HostView, LocalView
from cyclone_core.operations.submission import Draft, command, judge
from tests.filled import FilledHost

SCRIPT = "#!/bin/bash\n#HYPER -n night -r 2\necho SEED $CYCLONE_TASK_INDEX\n"


@pytest.fixture
def host(tmp_path: Path) -> HostView:
    """A host with two queues, one of them on a small cluster."""
    made = FilledHost(tmp_path / "state")
    made.resource("cluster", "big", max_vcpus=8, max_memory_mib=0)
    made.resource("cluster", "small", max_vcpus=1, max_memory_mib=0)
    made.resource("queue", "default", cluster="big")
    made.resource("queue", "slow", cluster="small", paused=True)
    made.resource("definition", "default", vcpus=1)
    made.resource("definition", "wide", vcpus=4)
    return LocalView("local", made.directory)


def told(host: HostView, draft: Draft) -> dict[str, str]:
    """Field -> messages, with the place in the script."""
    found: dict[str, str] = {}
    for name, problem in judge(host, draft).problems:
        found[name] = f"{found[name]} | {problem}" if name in found else str(problem)
    return found


def test_a_good_form_has_no_problem(host: HostView) -> None:
    """And says what holds where nothing was filled in."""
    judged = judge(host, Draft(text=SCRIPT))
    assert judged.problems == ()
    found = {name: (one.value, one.source) for name, one in judged.effective.items()}
    assert found["name"] == ("night", "#HYPER, line 2")
    assert found["retries"] == ("2", "#HYPER, line 2")
    assert found["queue"] == ("default", "host")
    assert found["timeout"] == ("none", "")


def test_problems_stand_at_their_fields_all_at_once(host: HostView) -> None:
    """Words, numbers, names of the host, further options, the script: one look shows all."""
    draft = Draft(
        text="#!/bin/bash\n#HYPER --queu x\n", queue="slwo", definition="wide", name="a\nb", retries="-1", priority="5000", timeout="soon",
        array="indices", indices="5-1", options="--wram -v",
    )  # fmt: skip
    found = told(host, draft)
    assert sorted(found) == ["indices", "name", "options", "priority", "queue", "retries", "script", "timeout"]
    assert "line 2: unknown option --queu" in found["script"]
    assert "Did you mean 'slow'" in found["queue"]


def test_what_does_not_fit_is_told_at_the_definition(host: HostView) -> None:
    """As the host would say it."""
    assert "needs 4 vCPUs, cluster 'small' has 1" in told(host, Draft(text="true", queue="slow", definition="wide"))["definition"]


@pytest.mark.parametrize("draft", [Draft(text=""), Draft(text="#!/bin/bash\n"), Draft(text="a\0b")])
def test_no_script_is_a_problem_of_the_script(host: HostView, draft: Draft) -> None:
    """Nothing to run."""
    assert list(told(host, draft)) == ["script"]


def test_a_new_host_is_no_problem(tmp_path: Path) -> None:
    """Its first start makes the defaults."""
    assert judge(LocalView("local", str(tmp_path)), Draft(text="true")).problems == ()


def test_a_preview_of_indices(host: HostView) -> None:
    """First and last tasks, with the variables of all families put in; a script that looks at none is told."""
    draft = Draft(text="echo ${SGE_TASK_ID} $CYCLONE_TASK_INDEX\n", array="indices", indices="5,10-500:10%3")
    found = judge(host, draft).preview
    assert (found.tasks, found.limit, found.notes) == (51, 3, ())
    assert [one.index for one in (*found.first, *found.last)] == [5, 10, 20, 490, 500]
    assert found.first[0].lines == ((("echo ", False), ("5", True), (" ", False), ("5", True)),)
    assert "all tasks do the same" in judge(host, replace(draft, text="true")).preview.notes[0]


def test_a_preview_shows_the_first_changed_lines_only(host: HostView) -> None:
    """A script of thousands of lines is not shown as a whole for each task."""
    text = "".join(f"echo {number} $CYCLONE_TASK_INDEX\ntrue\n" for number in range(1, 9))
    found = judge(host, Draft(text=text, array="indices", indices="1-9")).preview
    assert [line[0][0] for line in found.first[0].lines] == ["echo 1 ", "echo 2 ", "echo 3 "]


def test_an_array_of_the_script_is_seen(host: HostView) -> None:
    """Its line is named; the form's own wins over it."""
    draft = Draft(path="job.sh", text="#HYPER -t 1,4\ntrue\n")
    assert (judge(host, draft).preview.tasks, judge(host, draft).preview.source) == (2, "#HYPER, line 1")
    assert judge(host, replace(draft, array="indices", indices="9")).preview.tasks == 9


def test_a_preview_of_parameters(host: HostView, tmp_path: Path) -> None:
    """Tasks are the lines of the file; names that stand nowhere are told."""
    path = tmp_path / "seeds.jsonl"
    path.write_text("".join(json.dumps({"SEED": n, "LOST": 1}) + "\n" for n in range(40, 60)))
    found = judge(host, Draft(text="#HYPER -t 3\necho SEED\n", array="parameters", parameters=str(path))).preview
    assert (found.tasks, [one.index for one in (*found.first, *found.last)]) == (20, [1, 2, 3, 19, 20])
    assert found.last[-1].lines == ((("echo ", False), ("59", True)),)
    assert found.notes == ("'LOST' stands nowhere in the script",)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b'{"A": 1}\n{"A": \n', "line 2: is not JSON"), (b"\n", "has no line"), (None, "cannot be read: no such file")],
)
def test_a_bad_parameter_file_is_told_with_its_line(host: HostView, tmp_path: Path, content: bytes | None, message: str) -> None:
    """Before anything is submitted; nothing is left in the host's directories."""
    path = tmp_path / "bad.jsonl"
    if content is not None:
        path.write_bytes(content)
    draft = Draft(text="true", array="parameters", parameters=str(path))
    assert message in told(host, draft)["parameters"]
    with pytest.raises(InvalidRequest, match=r"parameters: .*" + message):
        submission.submit(host, draft)
    assert list(Path(host.state_dir, "spool").iterdir()) == []


def test_what_was_chosen_and_not_filled_in_is_told(host: HostView) -> None:
    """An array without indices or file."""
    assert list(told(host, Draft(text="true", array="indices"))) == ["indices"]
    assert list(told(host, Draft(text="true", array="parameters"))) == ["parameters"]


@pytest.mark.parametrize(
    ("draft", "line"),
    [
        (Draft(path="a b.sh", text="true"), "qsub 'a b.sh'"),
        (Draft(path="a.sh", text="true", queue="q", retries="-1", priority="-5"), "qsub -q q -r-1 --priority=-5 a.sh"),
        (Draft(path="a.sh", text="x", array="indices", indices="1,5%2", options="-v A=1"), "qsub -t 1,5%2 -v A=1 a.sh"),
        (Draft(path="a.sh", text="x", array="parameters", parameters="p.jsonl"), "qsub -a p.jsonl a.sh"),
        (Draft(text="true"), "qsub -j script - <<'END'\ntrue\nEND"),
        (Draft(path="a.sh", text="#HYPER -n x\nEND\n", edited=True), "qsub - <<'END_'\n#HYPER -n x\nEND\nEND_"),
        (Draft(path="d/a.sh", text="true\n", edited=True, timeout="1h"), "qsub --timeout 1h -j a.sh - <<'END'\ntrue\nEND"),
    ],
)
def test_the_command_line_that_does_the_same(draft: Draft, line: str) -> None:
    """Options as qsub takes them; text that lies in no file follows it."""
    assert command(draft) == line


def test_the_command_line_is_read_as_the_form_is(host: HostView) -> None:
    """What the form says is what qsub's own reader finds in the command."""
    from cyclone_tui.cli.options import read
    from cyclone_tui.cli.qsub import ABOUT, TABLE, USAGE

    draft = Draft(path="a.sh", text="true", queue="slow", name="it's -x", priority="-5", array="indices", indices="1-9:2%3", timeout="90")
    arguments = read(USAGE, ABOUT, TABLE, shlex.split(command(draft))[1:])
    found = [arguments.text(name) for name in ("queue", "name", "priority", "array", "timeout_s")]
    assert (found, arguments.operands) == (["slow", "it's -x", "-5", "1-9:2%3", "90"], ["a.sh"])


def test_choices_tell_what_matters(host: HostView) -> None:
    """Paused queues, sizes of definitions."""
    found = submission.choices(host)
    assert found.queues == (("default", ""), ("slow", "paused"))
    assert found.definitions == (("default", "1 vCPU"), ("wide", "4 vCPU"))


def test_a_saved_script_is_what_was_typed(tmp_path: Path) -> None:
    """Line by line and byte by byte; a new file can be executed by its owner."""
    path = submission.save_file(str(tmp_path / "new.sh"), "echo ä\r\necho \udce4\n")
    assert Path(path).read_bytes() == b"echo \xc3\xa4\r\necho \xe4\n"
    assert os.access(path, os.X_OK)


@pytest.mark.parametrize(("name", "text"), [("job.sh", "echo \ud800"), ("a\0b", "x"), ("", "x"), ("gone/job.sh", "x")])
def test_what_cannot_be_saved_is_told_and_costs_nothing(tmp_path: Path, name: str, text: str) -> None:
    """Letters that no file can hold, names that are none; the file that was there stays."""
    (tmp_path / "job.sh").write_text("before")
    with pytest.raises(InvalidRequest, match="cannot be written"):
        submission.save_file(f"{tmp_path}/{name}", text)
    assert (tmp_path / "job.sh").read_text() == "before"
