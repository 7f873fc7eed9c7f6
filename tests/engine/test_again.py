"""Tasks that run again, and lists of indices, with real supervisors and workers."""

import json
from pathlib import Path

import pytest

from cyclone_core.errors import InvalidRequest
from cyclone_core.indices import united
from cyclone_core.jobs import FAILED
from cyclone_core.operations import jobs
from cyclone_core.scheduler.packing import pack

from .conftest import Engine

FLAKY = 'echo "$CYCLONE_TASK_INDEX $PBS_ARRAYID $SLURM_ARRAY_TASK_ID" >> ran; [ -e fixed ] || (( CYCLONE_TASK_INDEX % 3 ))'


def seen(engine: Engine, name: str = "ran") -> list[int]:
    """Indices that tasks saw, in order; every family of variables tells the same one."""
    lines = [line.split() for line in engine.lines(name)]
    assert all(len(set(words)) == 1 for words in lines)
    return sorted(int(words[0]) for words in lines)


@pytest.mark.parametrize("warm", [False, True])
def test_failed_tasks_run_again_under_their_indices(engine: Engine, warm: bool) -> None:
    """Those and no others, in a new job; the old one stays Failed."""
    job = engine.submit(FLAKY, indices=(4, 40, 1), warm=warm)
    assert engine.wait(job) == ["Failed"]
    failed = [index for index in range(4, 41) if index % 3 == 0 or index in (7, 8)]
    (engine.work_dir / "ran").unlink()
    (engine.work_dir / "fixed").touch()
    (new,) = jobs.again(engine.state_dir, [(job, None, tuple(failed))])
    assert engine.wait(new, job) == ["Successful", "Failed"]
    assert seen(engine) == failed
    assert [engine.task(new, position).index for position in range(1, len(failed) + 1)] == failed


def test_tasks_with_parameters_get_those_of_their_line(engine: Engine, tmp_path: Path) -> None:
    """Also when the job that they came from is forgotten."""
    source = tmp_path / "lines"
    source.write_text("".join(json.dumps({"VALUE": f"v{n}"}) + "\n" for n in range(1, 31)))
    target = jobs.spool(engine.state_dir)
    tasks = pack(str(source), target)
    job = engine.submit('echo "$CYCLONE_TASK_INDEX VALUE" >> got; [ -e fixed ]', parameters=target, tasks=tasks)
    engine.wait(job)
    (engine.work_dir / "got").unlink()
    (engine.work_dir / "fixed").touch()
    (new,) = jobs.again(engine.state_dir, [(job, (FAILED,), (2, 7, 8, 30))])
    engine.wait(new)
    assert sorted(engine.lines("got"), key=len) == ["2 v2", "7 v7", "8 v8", "30 v30"]
    while engine.ask("forget", engine.job(new).ended or 0)[1]:
        pass
    assert engine.sql("SELECT id FROM job") == [(new,)]
    (third,) = jobs.again(engine.state_dir, [(new, None, (30,))])
    assert engine.wait(third) == ["Successful"]
    assert engine.lines("got")[-1] == "30 v30"


def test_a_list_of_indices(engine: Engine) -> None:
    """As `qsub -t 1,5,9-12,20-40:5%2` submits it; one of its tasks is cancelled by its index."""
    ranges = tuple(united([(1, 1, 1), (5, 5, 1), (9, 12, 1), (20, 40, 5), (1000, 1000, 1)]))
    script = 'echo "$CYCLONE_TASK_INDEX" >> ran; [ $CYCLONE_TASK_INDEX = 1000 ] && touch last; while [ ! -e go ]; do sleep 0.02; done'
    job = engine.submit(script, ranges=ranges, tasks=12, limit=2)
    engine.until(lambda: len(engine.lines("ran")) == 2, "two tasks run")
    assert jobs.cancel(engine.state_dir, {"tasks": [(job, 1000), (job, 6)]})["unknown"] == [(job, 6)]
    (engine.work_dir / "go").touch()
    assert engine.wait(job) == ["Cancelled"]
    assert seen(engine) == [1, 5, 9, 10, 11, 12, 20, 25, 30, 35, 40]


def test_a_retry_survives_the_supervisor(engine: Engine) -> None:
    """Indices come from the disk again."""
    job = engine.submit(FLAKY, indices=(1, 20, 1))
    engine.wait(job)
    (engine.work_dir / "ran").unlink()
    engine.put("queue", "default", cluster="default", paused=True)
    (new,) = jobs.again(engine.state_dir, [(job, None, (2, 3, 11, 17))])
    engine.kill_supervisor()
    engine.put("queue", "default", cluster="default", paused=False)
    engine.wait(new)
    assert seen(engine) == [2, 3, 11, 17]


def test_what_cannot_run_again_is_refused(engine: Engine) -> None:
    """Nothing half-way: one wrong id, and nothing is submitted."""
    job = engine.submit("true")
    engine.wait(job)
    with pytest.raises(InvalidRequest, match="there is no such job"):
        jobs.again(engine.state_dir, [(job, None), (99, None)])
    assert engine.sql("SELECT count(*) FROM job") == [(1,)]
