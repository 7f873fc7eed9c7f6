"""Timeout, memory, cancellation and metrics of tasks."""

import signal
import time

from cyclone_core import jobs
from tests.worker.conftest import Supervisor, alive


def test_timeout_of_the_job(supervisor: Supervisor) -> None:
    """A task that runs too long is ended with SIGTERM, and the reason has the number."""
    supervisor.lease("sleep 600", timeout_s=0.3)
    code = supervisor.code()
    assert (jobs.cause_of(code), jobs.signal_of(code)) == (jobs.CAUSE_TIMEOUT, signal.SIGTERM)
    assert supervisor.reasons[7, 1] == "ran longer than its timeout of 0.3 s"


def test_shorter_timeout_of_the_definition_counts(supervisor: Supervisor) -> None:
    """Of two timeouts the shorter one ends the task."""
    supervisor.lease("sleep 600", timeout_s=100, lane={"timeout_s": 0.3})
    assert jobs.cause_of(supervisor.code()) == jobs.CAUSE_TIMEOUT


def test_task_that_ignores_sigterm_is_killed(supervisor: Supervisor) -> None:
    """SIGKILL follows for the whole group."""
    supervisor.lease("trap '' TERM; sleep 601 & echo $! > child; while :; do sleep 0.1; done", timeout_s=0.3)
    code = supervisor.code()
    assert (jobs.cause_of(code), jobs.signal_of(code)) == (jobs.CAUSE_TIMEOUT, signal.SIGKILL)
    child = int(supervisor.path("child").read_text())
    supervisor.until(lambda: not alive(child))


def test_stopped_task_is_ended_too(supervisor: Supervisor) -> None:
    """A process in SIGSTOP sees the SIGTERM."""
    supervisor.lease("kill -STOP $$", timeout_s=0.3)
    assert jobs.signal_of(supervisor.code()) == signal.SIGTERM


def test_memory_limit(supervisor: Supervisor) -> None:
    """More memory than the definition allows: killed, and the reason has both numbers."""
    grow = "import time; data = bytearray(96 << 20); time.sleep(600)"
    supervisor.lease(f"python3 -c '{grow}' & wait", lane={"memory_mib": 64, "name": "small"})
    assert jobs.cause_of(supervisor.code()) == jobs.CAUSE_MEMORY
    reason = supervisor.reasons[7, 1]
    assert 64 <= int(reason.split()[1]) < 200
    assert reason.endswith(" MiB of the 64 MiB its definition 'small' allows")


def test_memory_shared_by_processes_counts_once(supervisor: Supervisor) -> None:
    """Forked processes that share their pages are not added up."""
    grow = "import os, time; data = bytearray(40 << 20); [os.fork() for _ in range(2)]; time.sleep(0.9)"
    supervisor.lease(f"python3 -c '{grow}'", lane={"memory_mib": 100})
    assert supervisor.code() == 0


def test_cancel_of_a_running_task(supervisor: Supervisor) -> None:
    """SIGTERM at once; the row says cancelled and keeps the signal."""
    supervisor.lease("echo here; echo > ready; sleep 600")
    supervisor.appears("ready")
    supervisor.send("cancel", 7, 1)
    code = supervisor.code()
    assert (jobs.cause_of(code), jobs.signal_of(code)) == (jobs.CAUSE_CANCELLED, signal.SIGTERM)
    assert supervisor.output() == b"here\n"


def test_cancel_of_a_job_ends_queued_and_running_tasks(supervisor: Supervisor) -> None:
    """Position 0 means all; what was not begun has no journal frame."""
    supervisor.lease("echo > ready; sleep 600", 1, 20)
    supervisor.appears("ready")
    supervisor.send("cancel", 7, 0)
    supervisor.until(lambda: len(supervisor.rows) == 20)
    assert {jobs.cause_of(row[3]) for row in supervisor.rows.values()} == {jobs.CAUSE_CANCELLED}
    assert len(supervisor.frames()) == 2


def test_cancel_of_one_queued_task(supervisor: Supervisor) -> None:
    """The others run."""
    supervisor.lease("echo > ready; until [ -e go ]; do sleep 0.02; done", 1, 4)
    supervisor.appears("ready")
    supervisor.send("cancel", 7, 3)
    supervisor.until(lambda: (7, 3) in supervisor.rows)
    supervisor.path("go").touch()
    supervisor.until(lambda: len(supervisor.rows) + sum(high - low + 1 for _, low, high in supervisor.returned) == 4)
    assert [position for (_, position), row in supervisor.rows.items() if row[3]] == [3]


def test_cancel_of_an_unknown_job_changes_nothing(supervisor: Supervisor) -> None:
    """A late cancellation is ignored."""
    supervisor.send("cancel", 99, 0)
    assert supervisor.run("echo fine") == b"fine\n"


def test_metrics_of_a_long_task(supervisor: Supervisor) -> None:
    """After ten seconds a line with time, CPU seconds and memory is recorded and folded into the END frame."""
    began = time.monotonic()
    supervisor.lease("while [ ! -e go ]; do sleep 0.05; done")
    supervisor.appears("outputs/7-1-1.metrics")
    assert time.monotonic() - began >= 9.5
    supervisor.path("go").touch()
    seconds, cpu_s, rss_mib = map(float, supervisor.end().metrics.split())
    assert seconds == 10
    assert cpu_s > 0
    assert rss_mib > 1
    assert not supervisor.path("outputs/7-1-1.metrics").exists()
