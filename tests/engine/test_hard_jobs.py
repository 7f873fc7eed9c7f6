"""Hard jobs through the real commands, each in a process of its own as users run it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cyclone_core import paths

from .conftest import Engine

ROOT = Path(__file__).resolve().parents[2]


class Commands:
    """qsub, qstat, qlog and qdel on one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.told = b""
        """standard error of the last command"""

    def run(self, name: str, *arguments: str, stdin: bytes = b"", code: int = 0) -> bytes:
        """The standard output of a command that leaves with `code`."""
        program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from cyclone_tui.cli.{name} import main; sys.argv[0] = {name!r}; main()"
        argv = [sys.executable, "-ISE", "-c", program, *arguments]
        done = subprocess.run(argv, input=stdin, capture_output=True, cwd=self.engine.work_dir, check=False)
        self.told = done.stderr
        assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def submit(self, script: str, *options: str, code: int = 0) -> int:
        """Submit a script, wait for its end; its id. `code` is the job's exit status."""
        return int(self.run("qsub", *options, "--wait", "-", stdin=f"#!/bin/bash\n{script}\n".encode(), code=code))

    def output(self, job: int) -> bytes:
        """What `qlog` prints."""
        return self.run("qlog", str(job))

    def details(self, job: int) -> dict[str, object]:
        """What `qstat -i --json` prints."""
        found = json.loads(self.run("qstat", "-i", str(job), "--json"))
        return dict(found[0] if isinstance(found, list) else found)


@pytest.fixture
def commands(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The commands on the engine of this test."""
    monkeypatch.setenv("CYCLONE_STATE_DIR", str(engine.work_dir / "root"))
    engine.state_dir = paths.host_state_dir("local")
    return Commands(engine)


def test_first_use_with_nothing_configured(commands: Commands) -> None:
    """One command on an empty machine: the job runs, its output is there."""
    job = commands.submit("echo hello from $CYCLONE_JOB_ID")
    assert (job, commands.output(job)) == (1, b"hello from 1\n")
    assert commands.details(job)["status"] == "Successful"


def test_output_that_is_no_text(commands: Commands) -> None:
    """Every byte comes back as it was written; qstat shows it without failing."""
    job = commands.submit(r"printf '\x00\xff\xfe\x80caf\xe9\n\xf0\x28\x8c\x28'; printf 'no newline at the end'")
    assert commands.output(job) == b"\x00\xff\xfe\x80caf\xe9\n\xf0\x28\x8c\x28no newline at the end"
    assert b"no newline at the end" in commands.run("qstat", "-i", str(job))


def test_much_output_is_bounded_and_the_cut_is_told(commands: Commands) -> None:
    """300 MB: the beginning and the end are kept, 64 MiB of them, and one line says how much is missing."""
    job = commands.submit(f"echo first; yes {'x' * 63} | head -c 300000000; echo last")
    output = commands.output(job)
    assert output.startswith(b"first\nxxx")
    assert output.endswith(b"xxx\nlast\n")
    assert len(output) < 65 << 20
    assert b"bytes left out here; a task keeps 64 MiB]" in output
    assert b"last" in commands.run("qstat", "-i", str(job))


def test_fast_lines_are_all_there(commands: Commands) -> None:
    """10,000 lines a second for two seconds, each in a write of its own."""
    code = "import time\\nfor k in range(20000):\\n  print(k, flush=True)\\n  if k % 100 == 0: time.sleep(0.01)"
    job = commands.submit(f"{sys.executable} -c $'{code}'")
    assert commands.output(job) == b"".join(b"%d\n" % number for number in range(20000))


def test_daemons_end_with_their_job(commands: Commands) -> None:
    """Background children, a session of its own, a cleared environment, a double fork: the job does not wait for them."""
    token = commands.engine.token
    script = f"""
    sleep 3600.{token} &
    setsid sleep 3600.{token} &
    env -i setsid sleep 3600.{token} &
    (setsid env -i sh -c 'sleep 3600.{token} & sleep 3600.{token}' > /dev/null 2>&1 &)
    nohup sleep 3600.{token} > /dev/null 2>&1 &
    until [ $(pgrep -fc 'sleep 3600.{token}') -ge 6 ]; do sleep 0.05; done
    echo done"""
    job = commands.submit(script)
    assert commands.output(job) == b"done\n"
    commands.engine.until(lambda: not commands.engine.tasks(), "nothing of it is left")


def test_stdout_closed_early(commands: Commands) -> None:
    """It goes on without a place to write to; what was written is kept."""
    job = commands.submit("echo before; exec >&- 2>&-; sleep 0.5; echo lost; touch after; exit 0")
    assert commands.output(job) == b"before\n"
    assert (commands.engine.work_dir / "after").exists()


def test_killed_by_a_signal(commands: Commands) -> None:
    """The signal is reported as the signal; `--wait` leaves with 128 and its number."""
    job = commands.submit("echo going; kill -SEGV $$", code=139)
    details = commands.details(job)
    assert (details["status"], details["exit_code"], details["signal"]) == ("Failed", 139, 11)
    assert b"SIGSEGV" in commands.run("qstat", "-i", str(job))


def test_out_of_memory(commands: Commands) -> None:
    """The definition's limit is enforced, and the reason names it."""
    commands.engine.put("definition", "small", vcpus=1, memory_limit_mib=50)
    code = "x = bytearray(200 << 20); import time; time.sleep(60)"
    job = commands.submit(f"echo begin; {sys.executable} -c '{code}'", "-d", "small", code=137)
    details = commands.details(job)
    assert details["status"] == "Failed"
    assert "of the 50 MiB its definition 'small' allows" in str(details["reason"])
    assert commands.output(job) == b"begin\n"


def test_a_timeout(commands: Commands) -> None:
    """TERM after the time, and the reason says so."""
    job = commands.submit("sleep 60", "--timeout", "1s", code=143)
    assert "longer than its timeout" in str(commands.details(job)["reason"])


def test_a_working_directory_that_vanished(commands: Commands) -> None:
    """The task is an Error whose reason names the directory."""
    gone = commands.engine.work_dir / "gone"
    gone.mkdir()
    commands.engine.put("queue", "held", cluster="default", paused=True)
    job = commands.engine.submit("echo never", queue="held", directory=str(gone))
    gone.rmdir()
    commands.engine.put("queue", "held", cluster="default", paused=False)
    assert commands.engine.wait(job) == ["Error"]
    assert f"the working directory {gone} cannot be entered" in str(commands.details(job)["reason"])
    assert commands.run("qlog", "-i", str(job)) == b""
    assert f"qlog: {job} is in state Error: the working directory {gone} cannot be entered".encode() in commands.told


def test_an_interpreter_that_is_not_there(commands: Commands) -> None:
    """Known when it is submitted or when it runs, the reason names it."""
    job = commands.engine.submit("echo never", interpreter=("/no/such/python",))
    assert commands.engine.wait(job) == ["Error"]
    assert "/no/such/python" in str(commands.details(job)["reason"])


def test_deleting(commands: Commands) -> None:
    """By id and by name; a job that is over is told about."""
    script = b"#!/bin/bash\necho > began; sleep 3600\n"
    job = int(commands.run("qsub", "-n", "victim", "-", stdin=script))
    commands.engine.has_file("began")
    commands.run("qdel", str(job))
    assert commands.engine.wait(job) == ["Cancelled"]
    assert commands.details(job)["status"] == "Cancelled"
    other = int(commands.run("qsub", "-n", "victim", "-", stdin=script))
    commands.run("qdel", "-j", "victim")
    assert commands.engine.wait(other) == ["Cancelled"]
    assert commands.engine.tasks() == []


def test_a_job_that_submits_jobs(commands: Commands) -> None:
    """`qsub` inside a job, also where it has to start the supervisor, which then is no part of the job."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from cyclone_tui.cli.qsub import main; main()"
    inner = f"{sys.executable} -ISE -c \"{program}\" -c 'sleep 0.3; echo inner > inner'"
    script = f"echo $$ > pid; until [ -e go ]; do sleep 0.05; done; {inner} > id"
    variables = [f"{name}={os.environ[name]}" for name in ("CYCLONE_HOME", "CYCLONE_STATE_DIR", "CYCLONE_RUNTIME_DIR")]
    options = [word for variable in variables for word in ("-v", variable)]
    outer = int(commands.run("qsub", *options, "-", stdin=f"#!/bin/bash\n{script}\n".encode()))
    commands.engine.pid("pid")
    commands.engine.kill_supervisor()
    (commands.engine.work_dir / "go").touch()
    number = int(commands.engine.has_file("id").read_text())
    assert commands.engine.wait(outer, number) == ["Successful"] * 2
    assert commands.engine.lines("inner") == ["inner"]
