"""`hyper hosts purge`: finished jobs and their files go, what is open stays, and ids go on growing."""

import json
import os
from pathlib import Path

import pytest

from cyclone_core import paths
from cyclone_core.operations import jobs
from tests.cli.conftest import Run
from tests.engine.conftest import Engine


@pytest.fixture
def engine(tmp_path: Path, run_hyper: Run) -> Engine:
    """The host `local`; the fixture of `hyper` stops it."""
    return Engine(Path(paths.host_state_dir("local")), tmp_path / "work")


def files(engine: Engine, folder: str) -> list[str]:
    """Names in a folder of the state directory."""
    return sorted(os.listdir(os.path.join(engine.state_dir, folder)))


def parametric(engine: Engine) -> int:
    """A finished array with a parameter file and an output too large for a journal."""
    spooled = jobs.spool(engine.state_dir)
    from cyclone_core.scheduler.packing import pack_objects

    count = pack_objects([{"N": 1}], spooled)
    job = engine.submit("head -c 3000000 /dev/zero | tr '\\0' N", parameters=spooled, tasks=count)
    assert engine.wait(job) == ["Successful"]
    return job


def test_finished_jobs_go_with_their_files(run_hyper: Run, engine: Engine) -> None:
    """Rows, parameters, large outputs and scripts go; the newest job stays, and the counters follow."""
    old = [parametric(engine), engine.array("exit 3", 4)]
    engine.wait(*old)
    kept = engine.submit("echo kept")
    engine.wait(kept)
    assert (len(files(engine, "parameters")), len(files(engine, "outputs")), len(files(engine, "scripts"))) == (1, 1, 3)
    assert run_hyper("hosts", "purge", "--older-than", "0", "--yes")[:2] == (0, "2 jobs of host local forgotten\n")
    assert engine.sql("SELECT id FROM job") == [(kept,)]
    assert engine.sql("SELECT count(*) FROM result WHERE job<>?", kept) == [(0,)]
    engine.ask("status")  # files go after the commit, before the next turn
    assert (files(engine, "parameters"), files(engine, "outputs"), len(files(engine, "scripts"))) == ([], [], 1)
    assert engine.sql("SELECT successful, failed FROM total") == [(1, 0)]
    assert engine.submit("true") == kept + 1


def test_open_and_young_jobs_stay(run_hyper: Run, engine: Engine) -> None:
    """What waits or runs is never forgotten, nor what ended a moment ago when older jobs are meant."""
    engine.put("queue", "later", cluster="default", paused=True)
    waiting, over = engine.submit("true", queue="later"), engine.submit("true")
    engine.wait(over)
    engine.wait(engine.submit("true"))
    assert run_hyper("hosts", "purge", "--older-than", "1h", "--yes")[1] == "0 jobs of host local forgotten\n"
    found = json.loads(run_hyper("hosts", "purge", "--older-than", "0s", "--yes", "--json")[1])
    assert (found["host"], found["forgotten"]) == ("local", 1)
    assert engine.job(waiting).state == "Waiting"


def test_batches_until_none_is_left(run_hyper: Run, engine: Engine) -> None:
    """More jobs than one transaction takes."""
    engine.put("queue", "later", cluster="default", paused=True)
    ids = jobs.submit(engine.state_dir, [engine.request("true", queue="later") for _ in range(1101)])
    jobs.cancel(engine.state_dir, {"tasks": [(job, None) for job in ids]})
    assert run_hyper("hosts", "purge", "--older-than", "0", "--yes")[1] == "1,100 jobs of host local forgotten\n"
    assert engine.sql("SELECT cancelled FROM total WHERE queue='later'") == [(1,)]


@pytest.mark.parametrize(
    ("options", "exit_code", "said"),
    [
        (
            ("--older-than", "30d"),
            1,
            "hyper: nothing was forgotten: nobody can confirm it here. Add --yes to forget the jobs of host local",
        ),
        (("--yes",), 2, "hyper: --older-than: is needed. Give an age such as 30d"),
        (("--yes", "--older-than", "soon"), 2, "hyper: --older-than: 'soon' is not a time. Write seconds, or 90s"),
        (("--yes", "--older-than", "1d", "--name", "lab"), 1, "hyper: there is no host 'lab'"),
    ],
)
def test_nothing_goes_by_mistake(run_hyper: Run, options: tuple[str, ...], exit_code: int, said: str) -> None:
    """Without a yes, an age or a host nothing happens."""
    code, out, err = run_hyper("hosts", "purge", *options)
    assert (code, out) == (exit_code, "")
    assert err.startswith(said)
