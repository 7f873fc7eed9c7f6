"""`qsub --again` and lists of indices, on both engines."""

import json
import shlex
from collections.abc import Callable

import pytest

from cyclone_tui.cli import diagnostics, qdel, qlog, qstat, qsub
from tests.far_engine import Both, engine

__all__ = ["engine"]
Run = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def run(engine: Both, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in this process: (exit code, stdout, stderr)."""
    commands = {"qsub": qsub.run, "qdel": qdel.run, "qlog": qlog.command, "qstat": qstat.command}

    def run_command(line: str) -> tuple[int, str, str]:
        name, *argv = shlex.split(line)
        code = diagnostics.code_of(name, commands[name], argv)
        return code, *capfd.readouterr()

    return run_command


def test_failed_tasks_run_again(run: Run) -> None:
    """The new id is the only output; qstat and qlog speak of the old indices."""
    assert run("qsub --wait -t 1-9 -c 'echo task $CYCLONE_TASK_INDEX; exit $((CYCLONE_TASK_INDEX % 4 == 1))'") == (1, "1\n", "")
    assert run("qsub --again 1 --only failed,Error --wait") == (1, "2\n", "")
    assert run("qlog -i 2")[1] == "task 1\ntask 5\ntask 9\n"
    assert run("qlog -i 2--5")[1] == "task 5\n"
    assert run("qsub --wait --again 2--9 2--5") == (1, "3\n", "")
    assert run("qsub --wait --again 3 1--2")[1] == "4\n5\n"
    assert json.loads(run("qstat -i 4 --json")[1])["tasks"] == 2
    assert json.loads(run("qstat -i 1 --json")[1])["counts"]["Failed"] == 3, "the first one stays what it was"


def test_several_jobs_at_once(run: Run) -> None:
    """One line for each, in the order given; JSON tells which comes from which."""
    run("qsub --wait -c true")
    run("qsub --wait -t 3 -c true")
    assert run("qsub --again 2,1") == (0, "3\n4\n", "")
    assert json.loads(run("qsub --again 1 2[3] --json")[1]) == [{"id": 5, "again": 1}, {"id": 6, "again": 2}]
    assert json.loads(run("qstat -i 6 --json")[1])["indices"] == "3-3"


def test_a_refusal_names_everything_and_submits_nothing(run: Run) -> None:
    """Exit code 1, every problem with what to do."""
    run("qsub --wait -t 2 -c true")
    code, out, err = run("qsub --again 1 7 1--5 --only Failed")
    assert (code, out) == (1, "")
    assert err == (
        "qsub: 1: it has nothing that is Failed: 2 Successful. Choose other states with --only\n"
        "qsub: 7: there is no such job. See the jobs with: qstat\n"
    )
    assert run("qstat -o")[1] == "1\n"


def test_a_list_of_indices(run: Run) -> None:
    """Shown as it was written, task by task, and cancelled by index."""
    assert run("qsub -t 40-20,1 -c true")[0] == 1
    assert run("qsub --wait -t 3,17,100-102,300-304:2%2 -c 'echo $CYCLONE_TASK_INDEX'") == (0, "1\n", "")
    assert "Tasks:         8 (indices 3,17,100-102,300-304:2, at most 2 at once)" in run("qstat -i 1")[1]
    tasks = [line.split()[0] for line in run("qstat -i 1 --tasks")[1].splitlines()[1:]]
    assert tasks == [f"1--{index}" for index in (3, 17, 100, 101, 102, 300, 302, 304)]
    assert run("qstat -i 1--302")[1].startswith("Task:          1--302\n")
    assert "its indices are 3,17,100-102,300-304:2" in run("qstat -i 1--4")[2]
    assert run("qlog -i 1")[1].split() == ["3", "17", "100", "101", "102", "300", "302", "304"]
    assert "1--303" in run("qdel 1--303")[2]


def test_an_option_wins_over_the_script_s_array(run: Run, engine: Both) -> None:
    """A list over a range, and a range over a list."""
    (engine.work_dir / "job.sh").write_text("#HYPER -t 1,5\ntrue\n")
    run("qsub -t 2-3 job.sh")
    (engine.work_dir / "job.sh").write_text("#HYPER -t 2-3\ntrue\n")
    run("qsub -t 1,5 job.sh")
    assert [one["indices"] for one in json.loads(run("qstat --json")[1])] == ["1,5", "2-3"]
