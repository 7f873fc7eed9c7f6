"""What `qsub` and `qdel` print and do, on both engines; refusals are kept in golden files."""

import json
import os
import pwd
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import cyclone_tui
from cyclone_core import paths
from cyclone_tui.cli import diagnostics, qdel, qlog, qstat, qsub
from tests.far_engine import Both, LocalEngine, engine, only

GOLDEN = Path(__file__).parent / "golden"
PACKAGES = str(Path(cyclone_tui.__file__).parents[1])
COMMANDS = {"qsub": qsub.run, "qdel": qdel.run, "qstat": qstat.command, "qlog": qlog.command}
Run = Callable[..., tuple[int, str, str]]
__all__ = ["engine"]


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run a command line in this process: (exit code, stdout, stderr)."""

    def run_command(line: str) -> tuple[int, str, str]:
        name, *argv = shlex.split(line)
        code = diagnostics.code_of(name, COMMANDS[name], argv)
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run_command


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with good and bad scripts and parameter files; tests run in it."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name, content in {
        "job.sh": b"#!/bin/bash\n#HYPER -n hello\necho hi\n",
        "empty.sh": b"",
        "comments.sh": b"#!/bin/bash\n# nothing\n",
        "binary": b"\x7fELF\x02\x01\x01\0\0\0",
        "windows.sh": b"#!/bin/bash\r\necho\r\n",
        "nul.sh": b"echo \0\n",
        "typo.sh": b"#!/bin/bash\n#HYPR -q fast\n#HYPER --queu fast\n#HYPER -x\n# HYPER -q fast\necho\n#HYPER -q late\n",
        "values.sh": b"#HYPER -r -1 -t 0\n#HYPER --timeout soon --priority high\necho\n",
        "bad.jsonl": b'{"A": 1}\n{"A": \nnope\n\n[1]\n',
        "none.jsonl": b"\n",
    }.items():
        (folder / name).write_bytes(content)
    with open(folder / "large.sh", "wb") as file:
        file.truncate(300 * 2**20)


REFUSALS = """
qsub
qsub missing.sh
qsub jobs.sh
qsub .
qsub empty.sh
qsub comments.sh
qsub binary
qsub windows.sh
qsub nul.sh
qsub large.sh
qsub typo.sh
qsub values.sh
qsub job.sh extra
qsub --queu fast job.sh
qsub -q
qsub -q 'a b' -d "it's" -r -1 -j '' missing.sh
qsub -j 'two
lines' job.sh
qsub -r many --retry-exit 0 --timeout 1:99 --priority 9999 job.sh
qsub -t 0 job.sh
qsub -t 5-1 job.sh
qsub -t 0-5 job.sh
qsub -t 1-10:0 job.sh
qsub -t 1-10%0 job.sh
qsub -t 1-200000000 job.sh
qsub -t x job.sh
qsub -t 1,5- job.sh
qsub -t 0,5 job.sh
qsub -t 1-9000000,2-9 job.sh
qsub -a none.jsonl -t 1,5 job.sh
qsub --again
qsub --again job.sh
qsub --again 5 -q fast -r 2
qsub --again 5 --only Runing,Waiting
qsub --only Failed job.sh
qsub -p '{"A"' job.sh
qsub -p '["A"]' job.sh
qsub -p '{"": "x"}' job.sh
qsub -a bad.jsonl job.sh
qsub -a none.jsonl job.sh
qsub -a missing.jsonl job.sh
qsub -a bad.jsonl -t 5 job.sh
qsub -v '2x=1,NOT_SET_HERE' job.sh
qsub --idempotency-key '' job.sh
qsub --host lokal job.sh
qdel x 1-- 5
qdel -q 'a b' 5
"""


def test_refusals(run: Run, scripts: None) -> None:
    """Each bad input: exit code and message; nothing is printed to stdout, and no host was made for it."""
    lines = []
    for command in re.findall(r"^(?:qsub|qdel)(?:[^\n]|\n(?!q(?:sub|del)|$))*", REFUSALS, re.MULTILINE):
        code, out, err = run(command)
        assert out == ""
        lines.append(f"$ {command}\n{err}exit {code}\n")
    compare("qsub-qdel-refusals.txt", "\n".join(lines))
    assert not os.path.exists(paths.host_state_dir("local") + "/state.db")
    assert not os.path.exists(paths.host_state_dir("local") + "/spool") or os.listdir(paths.host_state_dir("local") + "/spool") == []


def test_refusals_of_the_host(run: Run, engine: Both) -> None:
    """What only the host can know: names of queues and definitions, and ids."""
    lines = []
    for command in ("qsub -q defualt -c true", "qsub -d gpu -c true", "qdel 99 77--3", "qsub -q zzz -t 3 -c true"):
        code, out, err = run(command)
        lines.append(f"$ {command}\n{out}{err}exit {code}\n")
    compare("qsub-qdel-refusals-host.txt", "\n".join(lines))
    assert run("qstat -o") == (0, "", "")


@pytest.mark.parametrize("name", ["qsub", "qdel"])
def test_help(run: Run, name: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Every option with its line of help."""
    with pytest.raises(SystemExit) as left:
        run(f"{name} --help")
    assert left.value.code == 0
    compare(f"{name}-help.txt", capfdbinary.readouterr().out.decode())


def test_success_prints_the_id_and_nothing_else(run: Run, engine: Both) -> None:
    """Drivers read it; --json is one object."""
    assert run("qsub -c 'exit 0'") == (0, "1\n", "")
    assert run("qsub -j x -t 3 -c true --json") == (0, '{"id": 2, "name": "x", "tasks": 3, "array": true}\n', "")


def test_directives_and_options_reach_the_job(run: Run, engine: Both) -> None:
    """Options win over directives; the rest is kept."""
    Path("job.sh").write_text("#!/bin/bash\n#HYPER -n hello -r 2 --priority 5\n#HYPER -v A=directive\necho $A $B\n")
    code, _, err = run("qsub job.sh --priority=7 -v B=option --retry-exit 75 --timeout 1h --wait")
    assert (code, err) == (0, "")
    job = json.loads(run("qstat -i 1 --json")[1])
    spec = job["spec"]
    assert (job["name"], job["priority"]) == ("hello", 7)
    directory = str(engine.work_dir) if engine.type == "local" else ""
    assert (spec["retries"], spec["timeout_s"], spec["directory"]) == (2, 3600, directory)
    assert {"A": "directive", "B": "option"}.items() <= spec["environment"].items()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("-c 'exit 7'", 7),
        ("-c 'kill -9 $$'", 137),
        ("-t 4 -c 'exit $((CYCLONE_TASK_INDEX > 2 ? CYCLONE_TASK_INDEX : 0))'", 3),
        ("-c true", 0),
    ],
)
def test_wait_leaves_with_the_jobs_exit_code(run: Run, engine: Both, options: str, code: int) -> None:
    """128 + n for a signal, the first that is not 0 of an array."""
    assert run(f"qsub --wait {options}") == (code, "1\n", "")


@only("local")
def test_waiting_survives_the_supervisor(run: Run, engine: LocalEngine) -> None:
    """--wait goes on with the next supervisor."""
    engine.start()
    threading.Timer(0.7, engine.kill_supervisor).start()
    assert run("qsub --wait -c 'sleep 1.5; exit 3'") == (3, "1\n", "")


def test_parameters_and_replacements(run: Run, engine: Both) -> None:
    """-a makes a task of each line, -p changes the script once."""
    Path("p.jsonl").write_text('{"NAME": "a"}\n{"NAME": "b"}\n')
    Path("job.sh").write_text("#!/bin/bash\necho NAME FIXED >> out-NAME\n")
    assert run("""qsub -a p.jsonl -p "{'FIXED': 'x y'}" job.sh --wait""")[0] == 0
    assert (engine.lines("out-a"), engine.lines("out-b")) == (["a x y"], ["b x y"])
    assert spooled(engine) == []


def test_a_replacement_that_stands_nowhere_is_told_to_people_only(run: Run, engine: Both) -> None:
    """One dict may serve several scripts, so it is no mistake; programs get the id and nothing else."""
    line = """qsub -c 'echo A' -p '{"A": "x", "B": "y"}'"""
    assert run(line) == (0, "1\n", "")
    code = f"import sys; sys.path.insert(0, {PACKAGES!r}); from cyclone_tui.cli.qsub import main; main()"
    terminal, theirs = os.openpty()
    done = subprocess.run([sys.executable, "-c", code, *shlex.split(line)[1:]], stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    assert (done.stdout, os.read(terminal, 1000)) == (b"2\n", b"qsub: -p: 'B' stands nowhere in the commands\r\n")
    os.close(terminal)


def test_refused_parameters_leave_nothing_behind(run: Run, engine: Both) -> None:
    """A good parameter file with an unknown queue: the host refuses, the spool is empty."""
    Path("p.jsonl").write_text("{}\n")
    assert run("qsub -a p.jsonl -q nowhere -c true")[0] == 1
    assert engine.left_over() == []


def test_commands_replace_the_body_but_directives_stay(run: Run, engine: Both) -> None:
    """-c with FILENAME."""
    Path("job.sh").write_text("#!/bin/sh\n#HYPER -n kept\nexit 1\n")
    assert run("qsub --wait job.sh -c 'exit 4'")[0] == 4
    assert engine.job(1).name == "kept"


def test_an_idempotency_key_is_one_job(run: Run, engine: Both) -> None:
    """The second submission gives the first one's id."""
    assert [run("qsub -c true --idempotency-key nightly")[1] for _ in range(2)] == ["1\n", "1\n"]


def test_a_key_is_shown_where_somebody_chose_it(run: Run, engine: Both) -> None:
    """Keys that nobody chose are the engine's own business."""
    run("qsub -c true")
    run("qsub -c true --idempotency-key nightly")
    assert [engine.job(job).key for job in (1, 2)] == [None, "nightly"]
    assert [engine.job(job).as_json()["idempotency_key"] for job in (1, 2)] == [None, "nightly"]


def test_the_account_is_the_user_where_no_variable_tells_it(run: Run, engine: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cron and containers leave USER out."""
    for name in ("USER", "LOGNAME"):
        monkeypatch.delenv(name, raising=False)
    run("qsub -c true")
    assert engine.job(1).user == pwd.getpwuid(os.getuid()).pw_name


@only("local")
@pytest.mark.parametrize("options", ["", "-t 1 --warm"])
def test_new_files_of_a_job_have_the_submitters_permissions(run: Run, engine: LocalEngine, options: str) -> None:
    """Its umask travels with the job; the engine's own files are private whatever it is."""
    before = os.umask(0o002)
    try:
        assert run(f"qsub --wait {options} -c '> made'")[0] == 0
    finally:
        os.umask(before)
    assert (engine.work_dir / "made").stat().st_mode & 0o777 == 0o664
    assert os.stat(os.path.join(engine.state_dir, "state.db")).st_mode & 0o777 == 0o600


@only("local")
def test_standard_input_and_descriptors(engine: LocalEngine) -> None:
    """`id=$(qsub - < file)` as a shell does it: the supervisor that it starts keeps nothing open."""
    code = f"import sys; sys.path.insert(0, {PACKAGES!r}); from cyclone_tui.cli.qsub import main; main()"
    done = subprocess.run(
        [sys.executable, "-ISE", "-c", code, "-"], input="echo\n", capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    (supervisor,) = engine.supervisors()
    assert os.readlink(f"/proc/{supervisor}/cwd") == "/"
    assert os.readlink(f"/proc/{supervisor}/fd/0") == "/dev/null"
    assert not [
        name for name in os.listdir(f"/proc/{supervisor}/fd") if "pipe:" in os.readlink(f"/proc/{supervisor}/fd/{name}") and int(name) < 3
    ]


def test_a_directory_that_vanished_is_a_problem(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job could not run there."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    code, _, err = run("qsub -c true")
    assert (code, err) == (
        1,
        "qsub: the current directory does not exist any more, and the job would run in it. Go to another one with cd\n",
    )


def test_qdel_cancels_and_forgives(run: Run, engine: Both) -> None:
    """Ids, tasks and names; what is over stays as it is, and nothing given is nothing done."""
    for line in ("qsub -c 'sleep 60'", "qsub -t 1-9 -c 'sleep 60'", "qsub -j named -c 'sleep 60'", "qsub -c true --wait -q default"):
        if "--wait" not in line:
            run(line)
    assert run("qdel") == (0, "", "")
    assert run("qdel 1 2--9") == (0, "", "")
    assert run("qdel -j named") == (0, "", "")
    assert engine.wait(1, 3) == ["Cancelled", "Cancelled"]
    assert run("qdel 1") == (0, "", "")
    assert engine.task(2, 9).state == "Cancelled"
    assert run("qdel -q default --all --json")[0] == 0
    assert engine.wait(2) == ["Cancelled"]


def test_qdel_reads_many_ids_from_standard_input(run: Run, engine: Both) -> None:
    """More than a command line holds; the unknown ones are told together."""
    run("qsub -c 'sleep 60'")
    code = f"import sys; sys.path.insert(0, {PACKAGES!r}); from cyclone_tui.cli.qdel import main; main()"
    count = 100_000 if engine.type == "local" else 20_000
    words = " ".join(map(str, range(1, count + 1)))
    done = subprocess.run([sys.executable, "-ISE", "-c", code, "-"], input=words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("qdel: there is no 2, 3, 4, ")
    assert done.stderr.endswith(f" 21 and {count - 21} more. The others were cancelled (1 tasks). See the jobs with: qstat\n")


def test_an_unexpected_error_is_one_line_and_a_file(capfd: pytest.CaptureFixture[str]) -> None:
    """No traceback for users, but nothing of it is lost."""

    def broken(argv: list[str]) -> int:
        raise ZeroDivisionError("oops")

    assert diagnostics.code_of("qsub", broken, []) == 1
    err = capfd.readouterr().err
    assert err.startswith("qsub: unexpected ZeroDivisionError: oops. Details are in ")
    assert err.count("\n") == 1
    assert "Traceback" in Path(re.findall(r"in (.*); please", err)[0]).read_text()


def spooled(engine: Both) -> list[str]:
    """Parameter files that are on their way in."""
    folder = "spool" if isinstance(engine, LocalEngine) else "uploads"
    return os.listdir(os.path.join(paths.host_state_dir(paths.selected_host()), folder))


def compare(name: str, text: str) -> None:
    """Against the golden file; CYCLONE_WRITE_GOLDEN=1 writes it."""
    text = text.replace(os.getcwd(), "CWD").replace(paths.state_root(), "STATE")
    path = GOLDEN / name
    if os.environ.get("CYCLONE_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
