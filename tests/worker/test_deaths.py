"""Lost supervisors, full disks, and the end of the worker."""

import os
import resource
import signal
import time

from cyclone_core import jobs
from cyclone_core.journal import End, Start
from tests.worker.conftest import Supervisor, alive


def test_running_task_survives_its_supervisor(supervisor: Supervisor) -> None:
    """It runs on, is recorded, and the next supervisor finds its END frame below the size in the hello."""
    lease = supervisor.lease("echo > ready; until [ -e go ]; do sleep 0.02; done; echo done")
    supervisor.appears("ready")
    supervisor.vanish()
    supervisor.path("go").touch()
    while not any(isinstance(frame, End) for frame in supervisor.frames()):
        time.sleep(0.02)
    supervisor.listen()
    supervisor.welcome()
    size, running = supervisor.hello[4:]
    assert (size, running) == (os.path.getsize(supervisor.journal), [])
    assert [frame.row()[:4] for frame in supervisor.frames() if isinstance(frame, End)] == [(7, 1, 1, 0)]
    assert (lease, supervisor.rows) == (1, {})


def test_reconnected_worker_names_what_runs_and_reports_it(supervisor: Supervisor) -> None:
    """A task that outlives the reconnection is in the hello, and its row is reported as usual."""
    supervisor.lease("echo $$ > pid; until [ -e go ]; do sleep 0.02; done; echo done")
    pid = int(supervisor.appears("pid").read_text())
    supervisor.vanish()
    supervisor.listen()
    supervisor.welcome()
    assert [(row[0], row[1], row[2], row[3], row[5]) for row in supervisor.hello[5]] == [(1, 7, 1, 1, pid)]
    supervisor.path("go").touch()
    assert supervisor.output() == b"done\n"
    assert supervisor.row_count == 1


def test_untouched_tasks_are_dropped_with_the_supervisor(supervisor: Supervisor) -> None:
    """Nothing new starts without one; the same worker takes new leases afterwards."""
    supervisor.lease("echo > ready.$CYCLONE_TASK_INDEX; until [ -e go ]; do sleep 0.02; done", 1, 5)
    supervisor.appears("ready.1")
    supervisor.vanish()
    supervisor.path("go").touch()
    supervisor.listen()
    supervisor.welcome()
    supervisor.lease("echo again", job=8)
    assert supervisor.output(job=8) == b"again\n"
    assert {frame.position for frame in supervisor.frames() if frame.job == 7} == {1}


def test_worker_without_supervisor_and_work_leaves(supervisor: Supervisor) -> None:
    """Nobody came: the process ends by itself."""
    supervisor.vanish()
    assert supervisor.leave() == 0


def test_refused_worker_lets_its_tasks_end(supervisor: Supervisor) -> None:
    """A supervisor that hangs up at once does not want the worker; its running task ends in peace."""
    supervisor.lease("echo $$ > pid; until [ -e go ]; do sleep 0.02; done; echo done > result")
    pid = int(supervisor.appears("pid").read_text())
    supervisor.vanish()
    supervisor.listen()
    supervisor.welcome()
    supervisor.send("stop", 0)
    time.sleep(0.2)
    assert alive(pid)
    supervisor.path("go").touch()
    assert supervisor.leave() == 0
    assert supervisor.path("result").read_text() == "done\n"
    assert isinstance(supervisor.frames()[-1], End)


def test_stop_ends_tasks_without_results(supervisor: Supervisor) -> None:
    """They go back to Waiting: no END frame, no row; the worker leaves."""
    supervisor.lease("echo done", job=8)
    supervisor.result(job=8)
    supervisor.lease("echo $$ > pid; sleep 600", 1, 3)
    pid = int(supervisor.appears("pid").read_text())
    time.sleep(1.1)
    supervisor.send("stop", 2)
    assert supervisor.leave() == 0
    assert not alive(pid)
    assert [type(frame) for frame in supervisor.frames() if frame.job == 7] == [Start]


def test_stop_kills_after_the_grace(supervisor: Supervisor) -> None:
    """A task that ignores SIGTERM does not hold the worker back."""
    supervisor.lease("trap '' TERM; echo $$ > pid; while :; do sleep 0.1; done")
    pid = int(supervisor.appears("pid").read_text())
    time.sleep(1.1)
    supervisor.send("stop", 0.3)
    assert supervisor.leave() == 0
    assert not alive(pid)


def test_second_worker_cannot_have_the_journal(supervisor: Supervisor) -> None:
    """The journal is locked for as long as its worker lives."""
    import fcntl

    with open(supervisor.journal, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = False
        except BlockingIOError:
            locked = True
    assert locked


def test_killed_task_processes_do_not_hold_the_lock(supervisor: Supervisor) -> None:
    """After kill -9 of the worker its lock is free although its task may still run."""
    import fcntl

    supervisor.lease("echo $$ > pid; sleep 600")
    pid = int(supervisor.appears("pid").read_text())
    assert supervisor.worker
    supervisor.worker.kill()
    supervisor.worker.wait()
    with open(supervisor.journal, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.kill(pid, signal.SIGKILL)


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))


def test_full_disk_loses_no_result(bare: Supervisor) -> None:
    """Frames that cannot be written stay in memory, nothing new starts, and all is reported when there is room again."""
    bare.start(setup=_small_files)
    bare.lease("head -c 30000 /dev/zero; touch ran.$CYCLONE_TASK_INDEX", 1, 8)
    bare.until(lambda: "cannot be written" in bare.path("worker.log").read_text())
    ran = len(list(bare.path("").glob("ran.*")))
    assert ran < 8
    assert len(bare.rows) < ran
    assert bare.worker
    resource.prlimit(bare.worker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    bare.until(lambda: len(bare.rows) == 8)
    assert all(len(bare.output(position)) == 30000 for position in range(1, 9))
    assert sum(isinstance(frame, End) for frame in bare.frames()) == 8


def test_output_that_the_disk_does_not_take_is_told(bare: Supervisor) -> None:
    """The task goes on; what could not be kept is counted."""
    bare.start(setup=_small_files)
    bare.lease("head -c 3000000 /dev/zero; echo end")
    end = bare.end()
    assert end.code == jobs.outcome(0)
    assert end.dropped == 3_000_004 - 100_000
    assert len(bare.output()) == 100_000


def test_log_of_a_good_run_is_empty(supervisor: Supervisor) -> None:
    """Nothing is complained about when nothing is wrong."""
    supervisor.lease("echo a; sleep 0.3; echo b", 1, 3, width=3)
    supervisor.until(lambda: len(supervisor.rows) == 3)
    assert supervisor.path("worker.log").read_text() == ""
