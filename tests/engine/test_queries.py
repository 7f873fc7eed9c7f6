"""Looking at a real host: a dead supervisor is noticed, outputs are followed while they are written."""

import pytest

from cyclone_core.errors import HostUnavailable
from cyclone_core.operations import follow, logs, metrics_log, system_log
from cyclone_core.operations.queries import LocalView
from tests.engine.conftest import Engine


def test_looking_restarts_a_dead_supervisor_when_work_is_open(engine: Engine) -> None:
    """The next look starts it; the work goes on and ends."""
    job = engine.array("until [ -e go ]; do sleep 0.05; done", 4)
    engine.until(lambda: engine.tasks(), "something runs")
    engine.kill_supervisor()
    with LocalView("local", engine.state_dir) as host:
        assert not host.supervised()
        host.revive()
        assert host.supervised()
    (engine.work_dir / "go").touch()
    assert engine.wait(job) == ["Successful"]


def test_looking_starts_nothing_when_nothing_is_open(engine: Engine) -> None:
    """A host whose work is done is left alone."""
    engine.wait(engine.submit("exit 0"))
    engine.kill_supervisor()
    with LocalView("local", engine.state_dir) as host:
        host.revive()
    assert engine.supervisors() == []


def test_an_output_is_followed_while_it_is_written(engine: Engine) -> None:
    """The first part comes while the job runs: only then is it allowed to go on and end."""
    job = engine.submit("echo first; until [ -e go ]; do sleep 0.05; done; printf last")
    pieces = []
    with LocalView("local", engine.state_dir) as host:
        for _, _, data in follow.task(host, host.reader.job(job), 1):
            pieces.append(data)
            (engine.work_dir / "go").touch()
        assert (pieces[0], b"".join(pieces)) == (b"first\n", b"first\nlast")


def test_every_kind_of_log_of_a_retried_array(engine: Engine) -> None:
    """Outputs by index, both attempts in the state changes, a total of what was used."""
    job = engine.array('echo $CYCLONE_TASK_INDEX.$CYCLONE_ATTEMPT; [ "$CYCLONE_TASK_INDEX.$CYCLONE_ATTEMPT" != 2.1 ]', 3, retries=1)
    engine.wait(job)
    with LocalView("local", engine.state_dir) as host:
        found = host.reader.job(job)
        assert b"".join(data for _, data in logs.array_output(host, found)) == b"1.1\n2.2\n3.1\n"
        assert b"".join(logs.output(host, found, 2, attempt=1)) == b"2.1\n"
        told = [text for _, task, text in system_log.of_task(host, found, 2) if task == f"{job}--2"]
        assert [text for text in told if "ended" in text or "Successful" in text] == [
            "attempt 1 ended: Failed, exit code 1", "attempt 2 ended: Successful, exit code 0", "Successful",
        ]  # fmt: skip
        totals = [sample for sample in metrics_log.of_array(host, found) if sample.is_total]
        assert [sample.task for sample in totals] == [f"{job}--{index}" for index in (1, 2, 3)]
        assert all(sample.rss_mib > 0 for sample in totals)


def test_looking_does_not_start_a_host_that_was_stopped(engine: Engine) -> None:
    """Who stops a host finds it stopped, whatever is open in it; starting it, or submitting to it, goes on with the work."""
    job = engine.submit("until [ -e go ]; do sleep 0.05; done")
    engine.until(lambda: engine.tasks(), "it runs")
    engine.stop()
    with LocalView("local", engine.state_dir) as host:
        host.revive()
        assert not host.supervised()
    with pytest.raises(HostUnavailable, match="hyper hosts start"):
        engine.wait(job)
    (engine.work_dir / "go").touch()
    other = engine.submit("exit 0")
    assert engine.wait(job, other) == ["Successful", "Successful"]
