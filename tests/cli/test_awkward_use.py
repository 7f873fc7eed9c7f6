"""Commands used awkwardly: outputs that take nothing, bytes that are no text, wide letters, options that contradict each other."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import cyclone_tui
from cyclone_core import paths
from cyclone_tui.cli import diagnostics, qdel, qlog, qstat, qsub
from cyclone_tui.cli.text import columns, shortened, table
from tests.engine.conftest import Engine

PACKAGES = str(Path(cyclone_tui.__file__).parents[1])
COMMANDS = {"qsub": qsub.run, "qdel": qdel.run, "qstat": qstat.command, "qlog": qlog.command}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The host `local`; commands start it. Tests run in its working directory."""
    found = Engine(Path(paths.host_state_dir("local")), tmp_path / "work")
    monkeypatch.chdir(found.work_dir)
    yield found
    found.end()


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run a command in this process: (exit code, stdout, stderr)."""

    def run_command(name: str, *argv: str) -> tuple[int, str, str]:
        code = diagnostics.code_of(name, COMMANDS[name], list(argv))
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run_command


def shell(redirection: str, name: str, *argv: str) -> tuple[int, str, str]:
    """Run a command in a process of its own as a shell does it: (exit code, stdout, stderr)."""
    code = f"import sys; sys.path.insert(0, {PACKAGES!r}); from cyclone_tui.cli.{name} import main; main()"
    argv = ("sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, *(() if name == "hyper" else ("-ISE",)), "-c", code, *argv)
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(("redirection", "reason"), [("> /dev/full", "no space left on device"), (">&-", "it is closed")])
def test_an_id_that_cannot_be_written_is_told(engine: Engine, redirection: str, reason: str) -> None:
    """The job is there, and whoever submitted it learns its id."""
    code, _, err = shell(redirection, "qsub", "-c", "true")
    assert (code, err.partition(". ")[0]) == (1, f"qsub: job 1 was submitted, but the output cannot be written to stdout: {reason}")
    assert engine.wait(1) == ["Successful"]


@pytest.mark.parametrize("command", [("qstat",), ("qstat", "--json"), ("qstat", "--help"), ("hyper", "--help")])
def test_an_output_that_is_full(engine: Engine, command: tuple[str, ...]) -> None:
    """It is said, and not taken for a mistake of ours."""
    code, _, err = shell("> /dev/full", *command)
    assert (code, err.count("\n")) == (1, 1)
    assert "cannot be written to stdout: no space left on device" in err


def test_all_descriptors_closed(engine: Engine) -> None:
    """Files and sockets never get the numbers of standard descriptors; the job runs."""
    Path("job.sh").write_text("echo hi\n")
    Path("p.jsonl").write_text('{"A": 1}\n')
    assert shell("<&- >&- 2>&-", "qsub", "-a", "p.jsonl", "job.sh")[0] == 1
    assert shell("2>&-", "qsub", "job.sh") == (0, "2\n", "")
    assert engine.wait(1, 2) == ["Successful"] * 2


@pytest.mark.parametrize(
    "argv",
    [
        ("qstat", "-j", "\udcff"),
        ("qstat", "-u", "\udcff"),
        ("qstat", "-q", "\udcff"),
        ("qdel", "-j", "\udcff"),
        ("qdel", "-q", "\udcff", "1"),
    ],
)
def test_bytes_that_are_no_text(run: Run, engine: Engine, argv: tuple[str, ...]) -> None:
    """Nothing has such a name, and that is said in one line."""
    run("qsub", "-c", "true")
    code, out, err = run(*argv)
    assert (code, out, err.count("\n")) == (2 if argv[0] == "qdel" else 1, "", 1)
    assert "'\\udcff'" in err
    assert "unexpected" not in err


def test_everything_does_not_go_with_something(run: Run, engine: Engine) -> None:
    """`qdel --all 5` is one job too many or all jobs too many: nothing is cancelled."""
    engine.put("queue", "later", cluster="default", paused=True)
    run("qsub", "-q", "later", "-c", "true")
    for words in (("--all", "1"), ("--all", "-j", "true"), ("-q", "later", "--all", "-i", "1")):
        code, out, err = run("qdel", *words)
        assert (code, out) == (2, "")
        assert "Nothing was cancelled" in err
    assert run("qdel", "-q", "latre", "--all")[2] == (
        "qdel: there is no queue 'latre' on host 'local'. Did you mean later? See hyper queues list-queues\n"
    )
    assert engine.job(1).state == "Waiting"
    assert run("qdel", "-q", "later", "--all") == (0, "", "")
    assert engine.job(1).state == "Cancelled"


def test_ids_with_commas(run: Run, engine: Engine) -> None:
    """qstat and qdel read lists of ids alike; no id at all is no list."""
    for _ in range(2):
        run("qsub", "-c", "true")
    assert run("qstat", "-i", "1,2", "-o")[1] == "1\n2\n"
    assert run("qdel", "-i", "1,2")[0] == run("qdel", "1,2")[0] == 0
    assert run("qstat", "-i", "")[0] == 2


def test_a_new_host_has_its_default_queue(run: Run) -> None:
    """Before anything was started."""
    assert run("qstat", "-q", "default")[0] == 0
    assert run("qstat", "-q", "other")[0] == 1


def test_output_as_json(run: Run, engine: Engine) -> None:
    """One object per task that wrote something; ids are numbers for jobs and texts for tasks, in every log."""
    job, array = engine.submit("printf 'a\\377\\n'; echo b"), engine.array("((CYCLONE_TASK_INDEX == 2)) || echo $CYCLONE_TASK_INDEX", 3)
    engine.wait(job, array)
    assert json.loads(run("qlog", "-i", str(job), "--json")[1]) == [{"id": job, "output": "a\ufffd\nb\n"}]
    assert json.loads(run("qlog", "-i", str(array), "--json")[1]) == [
        {"id": f"{array}--1", "output": "1\n"}, {"id": f"{array}--3", "output": "3\n"}
    ]  # fmt: skip
    assert json.loads(run("qlog", "-i", f"{array}--2", "--json")[1]) == []
    for kind in ("SYSTEM", "METRICS"):
        assert {entry["id"] for entry in json.loads(run("qlog", "-i", str(job), "-t", kind, "--json")[1])} == {job}
    assert run("qlog", "-i", str(job), "--json", "--follow")[0] == 2


def test_names_with_wide_letters_keep_the_columns_aligned(run: Run, engine: Engine) -> None:
    """Two columns each; accents of their own and joiners take none."""
    for name in ("ascii", "日本語テスト", "e\u0301clair", "👩\u200d🚀 launch"):
        assert run("qsub", "-n", name, "-c", "true")[0] == 0
    engine.wait(1, 2, 3, 4)
    lines = run("qstat")[1].splitlines()
    assert len({columns(line.partition("default")[0]) for line in lines[1:]}) == 1
    assert columns("日本語") == 6
    assert shortened("日本語テスト", 6) == "日本…"
    assert table(("A", "B"), [("語", "x"), ("abc", "y")]) == "A    B\n語   x\nabc  y\n"


def test_a_byte_order_mark_is_refused(run: Run, engine: Engine) -> None:
    """The #! line behind it would not be seen: a Python script would run in bash. The remedy works."""
    Path("bom.py").write_bytes(b"\xef\xbb\xbf#!/usr/bin/env python3\nprint(1)\n")
    code, _, err = run("qsub", "bom.py")
    assert (code, err.partition(",")[0]) == (1, "qsub: bom.py: begins with a byte order mark (BOM)")
    subprocess.run(["bash", "-c", err.rpartition("Remove it: ")[2]], check=True)
    assert run("qsub", "--wait", "bom.py")[0] == 0


def test_problems_name_what_was_typed(run: Run, engine: Engine) -> None:
    """The option as it was spelled, and file names on one line."""
    assert run("qsub", "-n", "", "-c", "true")[2].startswith("qsub: -n: '' cannot be a job's name")
    assert run("qsub", "--name", "a\nb", "-c", "true")[2].startswith("qsub: --name: 'a\\nb' cannot be a job's name")
    assert run("qsub", "no\nfile")[2].startswith("qsub: no\\nfile: cannot be read: no such file or directory")
    assert run("qsub", "-t", "0", "-c", "true")[2] == "qsub: -t: an array of 0 tasks cannot run. Write -t N or -t LOW-HIGH\n"


def test_a_task_that_fits_nowhere(run: Run, engine: Engine) -> None:
    """The command that is named makes it fit."""
    engine.put("cluster", "default", max_vcpus=2, max_memory_mib=4096)
    engine.put("cluster", "large", max_vcpus=8, max_memory_mib=4096)
    engine.put("definition", "wide", vcpus=3, memory_limit_mib=64)
    err = run("qsub", "-d", "wide", "-c", "true")[2]
    assert "a task of 'wide' needs 3 vCPUs, cluster 'default' has 2" in err
    assert "hyper clusters update-cluster --name default --max-vcpus 3" in err


@pytest.mark.parametrize(
    ("commands", "name"),
    [("pwd; ls", "pwd"), ("A=1 B=2 /usr/bin/env", "env"), ("(cd x && make)", "cd"), ("A=1", "commands"), ("", "commands")],
)
def test_commands_are_named_by_their_program(commands: str, name: str) -> None:
    """Without the signs around it."""
    from cyclone_core.scheduler.settings import command_name

    assert command_name(commands) == name


def test_start_is_a_date_in_json(run_hyper: Run) -> None:
    """As all other times."""
    run_hyper("hosts", "start")
    assert json.loads(run_hyper("hosts", "status", "--json")[1])["details"]["started"].endswith("Z")
    assert os.path.isdir(paths.host_state_dir("local"))
