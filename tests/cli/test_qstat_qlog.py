"""What `qstat` and `qlog` print: golden files, written anew with CYCLONE_WRITE_GOLDEN=1 and then looked at."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cyclone_core import paths
from cyclone_core.jobs import CAUSE_LOST, CAUSE_TIMEOUT, ERROR, FAILED, SUCCESSFUL, outcome
from cyclone_tui.cli import diagnostics, qlog, qstat
from tests.filled import SUBMITTED, FilledHost

GOLDEN = Path(__file__).parent / "golden"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FilledHost]:
    """The host `local` in a home of its own, with somebody listening where its supervisor would: nobody starts one."""
    with TemporaryDirectory(prefix="cy") as runtime, socket.socket(socket.AF_UNIX) as listener:
        for name, value in {"CYCLONE_HOME": str(tmp_path), "CYCLONE_RUNTIME_DIR": runtime, "TZ": "UTC", "NO_COLOR": "1"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("CYCLONE_HOST", raising=False)
        time.tzset()
        filled = FilledHost(Path(paths.host_state_dir("local")))
        listener.bind(paths.socket_path(filled.directory))
        listener.listen(99)
        yield filled
        filled.db.close()


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run a command: (exit code, stdout, stderr)."""

    def run_command(name: str, *argv: str) -> tuple[int, str, str]:
        code = diagnostics.code_of(name, {"qstat": qstat, "qlog": qlog}[name].command, list(argv))
        out, err = capfdbinary.readouterr()
        return code, out.decode("utf-8", "surrogateescape"), err.decode()

    return run_command


def fill(host: FilledHost) -> None:
    """One of everything that does not change with the clock."""
    host.resource("cluster", "default", max_vcpus=2, max_memory_mib=4096)
    host.resource("queue", "default", cluster="default", priority=0, paused=False)
    host.resource("definition", "default", vcpus=1, memory_limit_mib=1024)
    history = {
        1: (SUCCESSFUL, 0),
        2: (FAILED, outcome(3 << 8)),
        3: (FAILED, outcome(15, CAUSE_TIMEOUT)),
        4: (ERROR, outcome(0, CAUSE_LOST)),
    }
    host.array(history, 4, 5, blocks=2, low=10, step=5, started=SUBMITTED + 2, ended=SUBMITTED + 62, name="a sweep")
    host.attempt(4, 1, ERROR, outcome(0, CAUSE_LOST), reason="5 workers died under it, the last one was 7")
    host.ended(b"one\ntwo \x1b[31mred\x1b[0m \xff\nno end", job=2, name="näh")
    host.attempt(1, 1, FAILED, outcome(1 << 8), job=3, at=host.frame(1, b"first try\n", attempt=1, job=3, code=outcome(1 << 8)))
    samples = b"1 0.90 100.0\n2 1.40 120.5\n"
    host.ended(b"x\n" * 60, code=outcome(9), job=3, attempt=2, at=host.frame(1, b"x\n" * 60, 2, 3, outcome(9), samples))
    host.job(4, priority=-5, queue="default")
    host.job(5, (0, 0, 0, 0, 1, 0), cancel=SUBMITTED + 7, ended=SUBMITTED + 7, attempt=1, start_us=0, journal=0)


CASES = {
    "qstat": ["qstat"],
    "qstat-failed": ["qstat", "-f", "FAILED"],
    "qstat-name": ["qstat", "-j", "näh", "-q", "default"],
    "qstat-ids": ["qstat", "--only-job-id-out", "True"],
    "qstat-limit": ["qstat", "--limit", "2"],
    "qstat-json": ["qstat", "--json"],
    "qstat-summary": ["qstat", "--summary"],
    "qstat-summary-json": ["qstat", "--summary", "--json"],
    "qstat-array": ["qstat", "-i", "1"],
    "qstat-task": ["qstat", "-i", "1--20"],
    "qstat-tasks": ["qstat", "-i", "1", "--tasks"],
    "qstat-tasks-failed": ["qstat", "-i", "1", "-f", "Failed", "--json-lines"],
    "qstat-single": ["qstat", "-i", "2"],
    "qstat-retried": ["qstat", "-i", "3"],
    "qstat-waiting": ["qstat", "-i", "4"],
    "qstat-cancelled": ["qstat", "-i", "5"],
    "qstat-several": ["qstat", "2", "1--10"],
    "qstat-several-json": ["qstat", "2", "1--10", "--json-lines"],
    "qstat-unknown": ["qstat", "-i", "77", "-i", "1--11", "2--2", "4"],
    "qstat-bad-status": ["qstat", "-f", "runing", "--limit", "0"],
    "qstat-bad-queue": ["qstat", "-q", "defualt"],
    "qstat-other-queue": ["qstat", "-i", "2", "-q", "other"],
    "qlog": ["qlog", "-i", "2"],
    "qlog-never-ran": ["qlog", "-q", "default", "-i", "5"],
    "qlog-attempt": ["qlog", "-i", "3", "--attempt", "1"],
    "qlog-no-attempt": ["qlog", "-i", "3", "--attempt", "9"],
    "qlog-metrics": ["qlog", "-i", "3", "-t", "METRICS"],
    "qlog-metrics-json": ["qlog", "-i", "3", "-t", "metrics", "--json"],
    "qlog-system": ["qlog", "-i", "3", "-t", "SYSTEM"],
    "qlog-system-array": ["qlog", "-i", "1", "-t", "system"],
    "qlog-unknown": ["qlog", "-i", "78"],
    "qlog-bad-type": ["qlog", "-i", "2", "-t", "STDOT"],
    "qlog-none": ["qlog"],
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_output_is_as_in_the_golden_file(case: str, host: FilledHost, run: Run) -> None:
    """Exit code, stdout and stderr of a command, to the byte."""
    fill(host)
    code, out, err = run(*CASES[case])
    found = f"$ {' '.join(CASES[case])}\n{out}--- exit {code}\n{err}".encode("utf-8", "surrogateescape")
    golden = GOLDEN / f"{case}.txt"
    if os.environ.get("CYCLONE_WRITE_GOLDEN"):
        golden.write_bytes(found)
    assert found == golden.read_bytes()


def test_on_a_first_day_everything_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """No host was ever used: a heading, zeros, and no such job."""
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path))
    assert run("qstat")[:2] == (0, "ID  NAME  QUEUE  STATUS  TASKS  SUBMITTED  TIME  EXIT\n")
    assert run("qstat", "-o")[:2] == (0, "")
    assert run("qstat", "--json")[:2] == (0, "[]\n")
    assert run("qlog", "-i", "1")[0] == 1
    assert run("qstat", "--host", "locl")[0] == 1
    assert not list(tmp_path.iterdir())


def test_a_listing_longer_than_a_page_is_whole(host: FilledHost, run: Run) -> None:
    """Every job once, whatever the form."""
    host.db.execute("BEGIN")
    for job in range(1, 2502):
        host.job(job, (0, 0, 1, 0, 0, 0))
    host.db.execute("COMMIT")
    expected = list(range(2501, 0, -1))
    assert [int(line.split()[0]) for line in run("qstat")[1].splitlines()[1:]] == expected
    assert [int(line) for line in run("qstat", "-o")[1].split()] == expected
    assert [one["id"] for one in json.loads(run("qstat", "--json")[1])] == expected
    assert [json.loads(line)["id"] for line in run("qstat", "--json-lines")[1].splitlines()] == expected


def test_output_bytes_come_through_as_they_are(host: FilledHost, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Neither encoding nor line ends are touched by qlog."""
    output = bytes(range(256)) + b"\r\nno end"
    host.ended(output)
    diagnostics.code_of("qlog", qlog.command, ["-i", "1"])
    assert capfdbinary.readouterr().out == output


def test_an_array_s_outputs_follow_each_other_by_index(host: FilledHost, run: Run) -> None:
    """Final ones from the journal and what a running one has written so far; headers on demand."""
    members = [((1, p, 1, 0, int(SUBMITTED * 1e6), 5, host.frame(p, b"out %d\n" % p), 6), 1) for p in (1, 2, 4)]
    host.job(counts=(1, 1, 3, 0, 0, 0), array=1, next=5)
    host.result(members[1:])
    host.result(members[:1])
    host.leased([(1, 3, 3, 1)])
    Path(host.directory, "outputs", "1-3-1").write_bytes(b"so far\n")
    assert run("qlog", "-i", "1")[1] == "out 1\nout 2\nso far\nout 4\n"
    assert run("qlog", "-i", "1", "--headers")[1].startswith("==> 1--1 <==\nout 1\n\n==> 1--2 <==\nout 2\n\n==> 1--3 <==\nso far\n")


def test_following_a_finished_job_ends_at_once(host: FilledHost, run: Run) -> None:
    """The whole output, and no waiting for more."""
    fill(host)
    assert run("qlog", "-i", "3", "--follow")[:2] == (0, "x\n" * 60)
    assert run("qlog", "-i", "1", "--follow")[0] == 0
    assert run("qlog", "-i", "5", "--follow")[:2] == (0, "")


def test_a_running_task_is_shown_with_its_process(host: FilledHost, run: Run) -> None:
    """Its attempt, start and process id, in text and JSON."""
    host.job(counts=(0, 1, 0, 0, 0, 0), next=2, started=SUBMITTED)
    host.leased([(1, 1, 1, 1)])
    host.running(1)
    found = json.loads(run("qstat", "-i", "1", "--json")[1])
    assert (found["status"], found["attempts"][0]["pid"], found["exit_code"]) == ("Running", 4321, None)
    assert run("qstat", "-i", "1", "-f", "running", "--only-job-id-out")[1] == "1\n"
