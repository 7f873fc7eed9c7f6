"""What job commands do on an AWS host beyond what both engines do alike: outputs in objects, live output, what goes wrong on the way."""

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cyclone_tui
from cyclone_core import journal
from cyclone_core.jobs import JobRequest
from cyclone_core.operations import aws_open_jobs, hosts, logs
from cyclone_core.operations.jobs import open_door
from cyclone_core.operations.queries import open_host
from cyclone_core.scheduler.dynamo import keys
from cyclone_tui.cli import diagnostics, qdel, qlog, qstat, qsub
from tests.aws import Sandbox
from tests.far import Far, far_host
from tests.far_engine import FarEngine, only
from tests.far_engine import engine as engine

COMMANDS = {"qsub": qsub.run, "qdel": qdel.run, "qlog": qlog.command, "qstat": qstat.command}
PACKAGES = str(Path(cyclone_tui.__file__).parents[1])
HEAVY = {
    "argparse", "asyncio", "boto3", "botocore", "click", "concurrent.futures", "dataclasses", "http.client", "inspect", "logging",
    "platformdirs", "pydantic", "random", "rich", "socket", "sqlite3", "ssl", "subprocess", "textual", "threading", "typing",
}  # fmt: skip
Run = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in this process: (exit code, stdout, stderr)."""

    def run_command(line: str) -> tuple[int, str, str]:
        name, *argv = shlex.split(line)
        code = diagnostics.code_of(name, COMMANDS[name], argv)
        return code, *capfd.readouterr()

    return run_command


@pytest.fixture
def far(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    """An AWS host, selected, on which nothing runs by itself."""
    with far_host(aws, monkeypatch) as found:
        yield found


# -- outputs ------------------------------------------------------------------------------------------------------------------------
def test_an_array_s_outputs_come_by_index_from_few_objects(run: Run, far: Far) -> None:
    """Four slices of twenty-five tasks with a log object each: that many objects are fetched, each once."""
    far.record({("cluster", "big"): {"max_vcpus": 4}})
    run("qsub -t 100 -c true")
    far.work(1)
    with open_host() as host, host.outputs() as outputs:
        job = host.reader.job(1)
        assert job is not None
        fetched: list[tuple[int, int]] = []
        outputs._ahead._fetch = lambda one: fetched.append(one) or outputs._fetched(*one)  # type: ignore[union-attr, func-returns-value]
        tasks = host.reader.tasks(1, limit=200)
        outputs.expect(job, tasks)
        found = [b"".join(outputs.of((1, task.position, 1), task.journal, task.at)) for task in tasks]
    assert found == [b"task %d\n" % k for k in range(1, 101)]
    assert len(fetched) == len(set(fetched)) == 4
    assert run("qlog -i 1")[1] == "".join(f"task {k}\n" for k in range(1, 101))


def test_little_output_of_a_single_job_is_in_its_item(run: Run, far: Far) -> None:
    """No object is asked for."""
    run("qsub -c true")
    unit = far.claim(1)
    assert unit is not None
    far.finish(unit)
    log = far.host.bucket.get(keys.log_object(1, 0, 1))
    far.host.bucket.delete(keys.log_object(1, 0, 1))
    far.host.table.update(keys.job(1), set={"o": log})
    assert run("qlog -i 1") == (0, "task 1\n", "")


def test_a_large_output_is_an_object_of_its_own(run: Run, far: Far) -> None:
    """The frame says so; it is read in pieces, or only its end."""
    run("qsub -c true")
    unit = far.claim(1)
    assert unit is not None
    text = b"line\n" * 20_000
    frame = journal.end_frame(1, 1, 1, 1, 1_700_000_000_000_000, 5, 0, 1, 1, 1, b"", b"", len(text))
    far.host.bucket.put(keys.output_object(1, 0, 1, 1), text)
    far.report_frame(unit, frame, len(text))
    assert run("qlog -i 1")[1] == text.decode()
    with open_host() as host:
        job = host.reader.job(1)
        assert job is not None
        assert logs.last_lines(host, job, 1, 3) == ([b"line"] * 3, True)


def test_an_output_whose_time_is_over_is_empty(run: Run, far: Far) -> None:
    """The job is still listed; its objects are gone."""
    run("qsub -c true")
    far.work(1)
    far.host.bucket.delete(keys.log_object(1, 0, 1))
    assert run("qlog -i 1") == (0, "", "")
    assert run("qlog -i 1 -t METRICS")[0] == 0


def test_pages_of_one_attempt(run: Run, far: Far) -> None:
    """METRICS and SYSTEM say what they say on a local host; a retried task has two attempts with an output each."""
    run("qsub -r 1 -c false")
    outcomes = iter([(1, b"first\n"), (0, b"second\n")])
    far.work(1, lambda position: next(outcomes))
    assert run("qlog -i 1 --attempt 1")[1] + run("qlog -i 1")[1] == "first\nsecond\n"
    assert "attempt 1 ended: Failed, exit code 1" in run("qlog -i 1 -t SYSTEM")[1]
    assert [line.split()[-1] for line in run("qlog -i 1 -t METRICS")[1].splitlines()[1:]] == ["sample", "total"]
    assert json.loads(run("qstat -i 1 --json")[1])["last_output"] == ["second"]


def test_tasks_that_wrote_nothing_have_run_all_the_same(run: Run, far: Far) -> None:
    """Nothing is kept of their outputs, and everything else is told."""
    run("qsub -t 2 -c true")
    far.work(1, lambda position: (position - 1, b""))
    assert run("qlog -i 1") == (0, "", "")
    told = run("qlog -i 1 -t SYSTEM")[1]
    assert "1--1  attempt 1 started" in told
    assert "1--2  attempt 1 ended: Failed, exit code 1" in told
    task = json.loads(run("qstat -i 1--2 --json")[1])
    assert (task["exit_code"], task["took_s"], len(task["attempts"])) == (1, 2.0, 1)


# -- live output --------------------------------------------------------------------------------------------------------------------
@only("aws")
def test_following_shows_what_is_written_while_it_runs(engine: FarEngine, run: Run) -> None:
    """The worker hears that somebody follows; nothing is told twice."""
    run("qsub -c 'echo begun; touch begun; while [ ! -e go ]; do sleep 0.05; done; echo ended'")
    seen: list[bytes] = []

    def follow() -> None:
        from cyclone_core.operations import follow

        with open_host() as host:
            host.poll_s = 0.1
            job = host.reader.job(1)
            assert job is not None
            seen.extend(data for _, _, data in follow.task(host, job, 1))

    thread = threading.Thread(target=follow)
    thread.start()
    until = time.monotonic() + 20
    while b"".join(seen) != b"begun\n" and time.monotonic() < until:
        time.sleep(0.02)
    assert b"".join(seen) == b"begun\n"
    (engine.work_dir / "go").touch()
    thread.join(20)
    assert b"".join(seen) == b"begun\nended\n"


@only("aws")
def test_following_an_array(engine: FarEngine, run: Run) -> None:
    """Each task's output once, with the task's name; what is over already too."""
    run("qsub -t 6 -c 'echo $CYCLONE_TASK_INDEX; sleep 0.$CYCLONE_TASK_INDEX'")
    code, out, err = run("qlog -i 1 --follow")
    assert (code, err) == (0, "")
    assert sorted(line for line in out.splitlines() if line and line[0] != "=") == list("123456")
    assert out.count("==> 1--4 <==") == 1


@only("aws")
def test_a_look_at_a_running_task_asks_its_worker(engine: FarEngine, run: Run) -> None:
    """Without --follow, what it has written until now."""
    run("qsub -c 'echo begun; touch begun; sleep 60'")
    until = time.monotonic() + 20
    while not (engine.work_dir / "begun").exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert run("qlog -i 1") == (0, "begun\n", "")
    assert run("qdel 1")[0] == 0


def test_following_a_large_array_reads_only_what_changed(far: Far, run: Run) -> None:
    """What was counted says which slices: the second look asks for those alone."""
    far.record({("cluster", "big"): {"max_vcpus": 1000}})
    run("qsub -t 96 -c true")
    far.work_on(1, range(1, 41))
    with open_host() as host:
        job = host.reader.job(1)
        assert job is not None
        follower = host.follower(job)
        queried: list[str] = []
        read = far_queries(follower, queried)
        first = {position: data for position, _, data in read()}
        far.work_on(1, range(41, 44))
        queried.clear()
        second = [position for position, _, _ in read()]
    assert first == {k: b"task %d\n" % k for k in range(1, 41)}
    assert (second, queried) == ([41, 42, 43], ["000000041"])


def far_queries(follower: Any, queried: list[str]) -> Callable[[], list[Any]]:
    """One look of a follower, all of it; the ranges of slices that it asks for are noted."""
    slices = follower._slices
    follower._slices = lambda group, low, high: (queried.append(low), slices(group, low, high))[1]
    return lambda: [*follower.running(), *follower.finished()]


# -- what goes wrong ----------------------------------------------------------------------------------------------------------------
LINES = ("qsub -c true", "qstat", "qstat -i 1", "qlog -i 1", "qdel 1", "qdel --all", "qsub --again 1", "qstat --summary")


def refused(run: Run, words: str, lines: tuple[str, ...] = LINES) -> None:
    """Each command says it in one line, with exit code 1, and prints nothing."""
    for line in lines:
        code, out, err = run(line)
        assert (code, out) == (1, ""), line
        assert words in err, (line, err)
        assert err.count("\n") == 1, err


def test_no_credentials(run: Run, far: Far, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Told with what to do."""
    for name, value in {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    refused(run, "there are no AWS credentials. Set some up")


def test_credentials_that_are_not_accepted(run: Run, far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told which ones they are."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    refused(run, "AWS_ACCESS_KEY_ID cannot be used", LINES[:3])


def test_a_silent_region(run: Run, far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    refused(run, "in us-east-1 does not answer", ("qstat", "qsub -c true"))


def test_a_host_that_is_not_deployed(run: Run, far: Far, tmp_path: Path) -> None:
    """It was deleted from elsewhere, or never made; nothing is left behind on this machine."""
    far.remove()
    (tmp_path / "p.jsonl").write_text("{}\n")
    words = f"the host {far.name} is not deployed: there is no table {far.name}--jobs in us-east-1"
    refused(run, words, (*LINES, f"qsub -a {tmp_path}/p.jsonl -c true"))
    assert list(tmp_path.rglob("uploads/*")) == []


def test_a_host_without_queues(run: Run, far: Far) -> None:
    """First use: what has to be made."""
    far.forget("queue", "default", "night")
    far.forget("definition", "default")
    words = f"{far.name}: it has no queue and definition yet, so no job can go there. Make them, it takes some minutes: hyper queues add"
    refused(run, words, ("qsub -c true",))
    assert run("qstat -o") == (0, "", "")


def test_a_queue_made_a_moment_ago_is_known(run: Run, far: Far) -> None:
    """What is kept of the records is read anew before a name is refused."""
    assert run("qsub -q weekend -c true")[0] == 1
    far.record({("queue", "weekend"): {"cluster": "big"}})
    assert run("qsub -q weekend -c true") == (0, "1\n", "")
    assert run("qstat -q weekend -o") == (0, "1\n", "")


def test_a_home_that_takes_no_files(run: Run, far: Far, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands go without what they would keep; only parameters need room."""
    (tmp_path / "file").write_text("")
    (tmp_path / "p.jsonl").write_text("{}\n")
    monkeypatch.setenv("CYCLONE_STATE_DIR", str(tmp_path / "file"))
    assert [run("qsub -c true") for _ in range(2)] == [(0, "1\n", ""), (0, "2\n", "")]
    assert run("qstat -o") == (0, "2\n1\n", "")
    refused(run, "Set CYCLONE_STATE_DIR to a directory of yours", (f"qsub -a {tmp_path}/p.jsonl -c true",))


def test_a_submission_that_fails_half_way_is_taken_back(far: Far) -> None:
    """Of many jobs some could be written: they are cancelled, and the error is told."""
    from cyclone_core import connect
    from cyclone_core.errors import CycloneError

    host = connect()
    good = [host.request(text="true", name=f"n{k}") for k in range(5)]
    bad = host.request(text="false", array=[{"A": 1}])
    Path(bad.parameters or "").unlink()
    with pytest.raises(CycloneError, match="packed parameters cannot be read"):
        host.submit_all([*good, bad])
    far.count()
    assert {job.state for job in host.jobs()} <= {"Cancelled"}


def test_a_large_parameter_file_tells_how_far_it_is(far: Far, tmp_path: Path) -> None:
    """Bytes that were sent, and all of them at the end; the packed file is gone then."""
    path = tmp_path / "packed"
    path.write_bytes(os.urandom(3 << 20))
    request = JobRequest(script=b"true\n", name="p", parameters=str(path), tasks=3)
    told: list[tuple[int, int]] = []
    (job,) = open_door().submit(request, lambda sent, size: told.append((sent, size)))
    assert told == sorted(told)
    assert (len(told) > 2, told[-1]) == (True, (3 << 20, 3 << 20))
    assert len(far.host.bucket.get(keys.parameter_object(job))) == 3 << 20
    assert not path.exists()


# -- how much is loaded -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("line", ["qsub -c true", "qstat", "qstat -i 1", "qstat --summary", "qlog -i 1", "qdel 1"])
def test_commands_load_no_large_library(far: Far, run: Run, line: str) -> None:
    """Neither AWS's nor those of the resource commands: a submission takes a tenth of a second, not one."""
    run("qsub -c true")
    code = f"""
import os, sys
sys.path.append({PACKAGES!r})
from cyclone_tui.cli import diagnostics, qdel, qlog, qstat, qsub
run = {{"qsub": qsub.run, "qdel": qdel.run, "qlog": qlog.command, "qstat": qstat.command}}
code = diagnostics.code_of({line.split()[0]!r}, run[{line.split()[0]!r}], {shlex.split(line)[1:]!r})
os.write(2, " ".join(sys.modules).encode())
os._exit(code)
"""
    done = subprocess.run([sys.executable, "-ISE", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stderr.split()) & HEAVY == set()


def test_many_tasks_of_an_array_are_cancelled_slice_by_slice(far: Far, run: Run) -> None:
    """A slice that somebody holds is marked once, one that nobody has claimed is written once."""
    far.record({("cluster", "big"): {"max_vcpus": 4}})
    run("qsub -t 400 -c true")
    assert far.claim(1, 101) is not None
    words = " ".join(f"1--{index}" for index in range(51, 251))
    answer = json.loads(run(f"qdel --json {words} 1--401")[1])
    assert (answer["tasks"], answer["unknown"]) == (200, ["1--401"])
    versions = [item["v"] for item in far.host.table.query(keys.slices(1, 0)) if "lo" in item]
    assert versions == [1, 2, 1], "of the slices from 1 (waiting), 101 (held: its version is its holder's) and 201 on"
    far.count()
    assert json.loads(run("qstat -i 1 --json")[1])["counts"]["Cancelled"] == 100
    assert json.loads(run("qdel --json 1--60 1")[1])["finished"] == [1]


def test_why_the_rest_of_a_running_array_waits(far: Far, run: Run) -> None:
    """Of the job and of each task that waits, not of one that runs."""
    far.record({("cluster", "big"): {"max_vcpus": 4}})
    run("qsub -t 4%2 -c true")
    far.claim(1, 1)
    far.count()
    why = "Waits because: its limit of 2 running tasks is reached"
    assert [why in run(f"qstat -i {each}")[1] for each in ("1", "1--1", "1--3")] == [True, False, True]
    assert json.loads(run("qstat -i 1--3 --json")[1])["why_waiting"] == why.partition(": ")[2]


# -- what keeps resources from being deleted ------------------------------------------------------------------------------------------
def test_open_jobs_are_counted_by_queue_and_definition(far: Far, run: Run) -> None:
    """Those that are over do not count."""
    for line in ("qsub -c true", "qsub -q night -t 5 -c true", "qsub -q night -c true"):
        run(line)
    far.work(3)
    assert aws_open_jobs.count(far.host) == {("queue", "default"): 1, ("queue", "night"): 1, ("definition", "default"): 2}
    (problem,) = hosts.check_delete(hosts.get())
    assert problem.message == "2 jobs are not finished"
    assert hosts.check_delete(hosts.get(), force=True) == []
