"""The library on both engines, and the examples of docs/library.md."""

import pickle
import re
import subprocess
import sys
import threading
from concurrent.futures import CancelledError, wait
from pathlib import Path

import pytest

import cyclone_core
from cyclone_core import ShellExecutor, connect
from cyclone_core.errors import CycloneError, HostUnavailable, InvalidRequest, NotFound
from cyclone_core.library import Host
from tests.far_engine import Both, LocalEngine, engine, only

__all__ = ["engine"]
DOCS = Path(__file__).resolve().parents[2] / "docs" / "library.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", DOCS.read_text(), re.MULTILINE | re.DOTALL)
PACKAGES = str(Path(cyclone_core.__file__).parents[1])


@pytest.fixture
def host(engine: Both) -> Host:
    """A handle of it."""
    return connect()


@only("local")
def test_examples_print_what_their_comments_say(engine: Both) -> None:
    """Each block of docs/library.md runs; `print(…)  # text` prints that text."""
    assert len(EXAMPLES) >= 6
    for example in EXAMPLES:
        code = f"import sys; sys.path.insert(0, {PACKAGES!r})\n" + example
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, example + done.stderr
        for expected in re.findall(r"^ *print\(.*\)  # (.*)$", example, re.MULTILINE):
            assert expected in done.stdout.splitlines(), example + done.stdout


def test_scripts_and_words(host: Host) -> None:
    """A path takes its name from the file; words are handed over as they are."""
    Path("job.sh").write_text("#!/bin/sh\necho from file\n")
    job, words = host.submit("job.sh"), host.submit(argv=["printf", "%s|", "a b", "$HOME", ""])
    assert [job.wait(), words.wait()] == ["Successful", "Successful"]
    assert (job.view().name, job.output(), words.output()) == ("job.sh", b"from file\n", b"a b|$HOME||")


def test_every_problem_is_reported_and_nothing_is_left(host: Host, engine: Both) -> None:
    """Settings, array and script together."""
    with pytest.raises(InvalidRequest) as caught:
        host.submit("missing.sh", array=[{"A": 1}, {"A": {1, 2}}], retries=-1, name="a\nb", replace={"": 1})
    assert [problem.path for problem in caught.value.problems] == ["missing.sh", "array:2", "replace", "name", "retries"]
    assert engine.left_over() == []


def test_one_source_is_needed(host: Host) -> None:
    """Path, text or words."""
    with pytest.raises(InvalidRequest, match=r"script: give one of"):
        host.submit("job.sh", text="true")


@pytest.mark.parametrize("array", [0, -3, range(0), range(0, 5), range(5, 1, -1), []])
def test_arrays_without_good_indices(host: Host, array: int | range | list[dict[str, object]]) -> None:
    """Nothing, from zero, and backwards."""
    with pytest.raises(InvalidRequest):
        host.submit(text="true", array=array)


def test_many_requests_at_once_are_all_or_none(host: Host) -> None:
    """One bad request keeps the others out."""
    good = [host.request(text="true", name=f"n{k}") for k in range(50)]
    with pytest.raises(InvalidRequest):
        host.submit_all([*good, host.request(text="true", queue="nowhere")])
    assert list(host.jobs()) == []
    assert len(host.submit_all(good)) == 50


def test_hosts_and_jobs_go_to_other_processes(host: Host) -> None:
    """As their names and numbers."""
    job = pickle.loads(pickle.dumps(host.submit(text="echo sent")))
    assert (job.wait(), job.output(), job.host.name) == ("Successful", b"sent\n", host.name)


def test_unknown_ids(host: Host) -> None:
    """NotFound, whatever is asked of them."""
    host.submit(text="true")
    for ask in (lambda: host.job(99), lambda: host.cancel(99), lambda: list(host.wait([99])), lambda: host.job(1).output(index=7)):
        with pytest.raises(NotFound):
            ask()


def test_waiting_has_an_end(host: Host) -> None:
    """TimeoutError, and the job goes on."""
    job = host.submit(text="sleep 60")
    with pytest.raises(TimeoutError):
        job.wait(timeout_s=0.2)
    assert job.cancel() == 1


def test_unknown_host() -> None:
    """With the nearest name."""
    with pytest.raises(NotFound, match="did you mean local"):
        connect("lokal")


def test_executor_results_and_failures(host: Host) -> None:
    """Failures and signals are results; `check` makes them errors."""
    with ShellExecutor(host, name="batch") as executor:
        done = [executor.submit(line).result() for line in ("echo x >&2; exit 3", "kill -9 $$")]
    assert [(each.returncode, each.output) for each in done] == [(3, b"x\n"), (137, b"")]
    with pytest.raises(subprocess.CalledProcessError):
        done[0].check()
    assert {view.name for view in host.jobs()} == {"batch"}


def test_executor_many(host: Host, engine: Both) -> None:
    """In order, each once."""
    count = 300 if engine.type == "local" else 40
    with ShellExecutor(host) as executor:
        outputs = [done.output for done in executor.map(f"echo {n}" for n in range(count))]
    assert outputs == [b"%d\n" % n for n in range(count)]


@only("local")
def test_executor_survives_the_supervisor(host: Host, engine: LocalEngine) -> None:
    """Futures do not notice that it was killed."""
    with ShellExecutor(host) as executor:
        futures = [executor.submit(f"sleep 0.0{n % 5}; echo {n}") for n in range(80)]
        futures[20].result()
        engine.kill_supervisor()
        assert [future.result().output for future in futures] == [b"%d\n" % n for n in range(80)]


@only("local")
def test_futures_of_a_stopped_host_say_so(host: Host, engine: LocalEngine) -> None:
    """Waiting does not start it again; the job is kept."""
    with ShellExecutor(host) as executor:
        future = executor.submit("echo > started; sleep 60")
        while not Path("started").exists():
            threading.Event().wait(0.02)
        engine.stop()
        with pytest.raises(HostUnavailable, match="hyper hosts start"):
            future.result(30)
    assert [view.state for view in host.jobs()] == ["Waiting"]


def test_executor_cancels_running_commands(host: Host) -> None:
    """cancel() ends the job; whoever waits for the future hears of it."""
    with ShellExecutor(host) as executor:
        running = executor.submit("echo > started; sleep 60")
        while not Path("started").exists():
            threading.Event().wait(0.02)
        assert running.cancel()
        assert wait([running], 30).done == {running}
        with pytest.raises(CancelledError):
            running.result()
    assert [view.state for view in host.jobs()] == ["Cancelled"]


def test_executor_shutdown_with_cancellation(host: Host) -> None:
    """What has not ended is ended, and nothing more is taken."""
    executor = ShellExecutor(host)
    futures = [executor.submit("sleep 60") for _ in range(20)]
    executor.shutdown(cancel_futures=True)
    assert all(future.cancelled() for future in futures)
    assert host.counts()["Waiting"] + host.counts()["Running"] == 0
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit("true")


def test_executor_one_refused_command_does_not_harm_the_others(host: Host) -> None:
    """Only its own future fails: the host does not know the queue."""
    with ShellExecutor(host) as executor:
        futures = [executor.submit("true"), executor.submit("true", queue="nowhere"), executor.submit("true")]
        assert [futures[0].result().returncode, futures[2].result().returncode] == [0, 0]
        with pytest.raises(CycloneError, match="there is no queue 'nowhere'"):
            futures[1].result()


def test_a_job_somebody_else_cancels_is_a_cancelled_future(host: Host) -> None:
    """qdel from outside."""
    with ShellExecutor(host, name="doomed") as executor:
        future = executor.submit("sleep 60")
        while not host.cancel(name="doomed"):
            threading.Event().wait(0.02)
        with pytest.raises(CancelledError):
            future.result(30)
