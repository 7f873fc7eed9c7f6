"""Deaths of supervisors and workers: what goes on, what is ended, what runs again."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

from cyclone_core import paths
from cyclone_core.operations import jobs
from cyclone_core.scheduler.local import client

from .conftest import Engine, is_alive, kill, switches

LONG = 'echo $$ > pid; until [ -e go ]; do sleep 0.05; done; echo "end of $CYCLONE_ATTEMPT" >> ends'


def test_a_task_outlives_its_supervisor(engine: Engine) -> None:
    """kill -9 of the supervisor: the same process goes on, the next supervisor takes its result, one attempt."""
    job = engine.submit(LONG)
    pid = engine.pid("pid")
    engine.kill_supervisor()
    engine.greet()
    assert engine.wait(engine.submit("exit 0")) == ["Successful"]
    assert is_alive(pid)
    assert engine.pid("pid") == pid
    (engine.work_dir / "go").touch()
    assert engine.wait(job) == ["Successful"]
    assert engine.lines("ends") == ["end of 1"]
    assert [attempt.attempt for attempt in engine.attempts(job)] == [1]


def test_a_task_that_ends_while_no_supervisor_runs_is_not_run_again(engine: Engine) -> None:
    """Its result waits in the journal of its worker."""
    job = engine.submit(LONG)
    pid = engine.pid("pid")
    engine.kill_supervisor()
    (engine.work_dir / "go").touch()
    engine.until(lambda: not is_alive(pid), "the task ends")
    engine.start()
    assert engine.wait(job) == ["Successful"]
    assert engine.lines("ends") == ["end of 1"]


def test_the_worker_dies_too_before_the_next_supervisor(engine: Engine) -> None:
    """What the journal proves to have ended is not run again."""
    job = engine.submit(LONG)
    pid = engine.pid("pid")
    engine.kill_supervisor()
    (engine.work_dir / "go").touch()
    engine.until(lambda: not is_alive(pid), "the task ends")
    journals = Path(engine.state_dir, "journals")
    engine.until(lambda: any(b"\xc7\x5e" in path.read_bytes() for path in journals.iterdir()), "its END frame")
    engine.kill_workers()
    engine.start()
    assert engine.wait(job) == ["Successful"]
    assert engine.lines("ends") == ["end of 1"]


def test_a_dead_workers_processes_are_gone_before_the_next_attempt(engine: Engine) -> None:
    """A child, one in a session of its own, and one that has hidden its environment too."""
    (engine.work_dir / "pids").mkdir()
    script = f"""
    echo "$CYCLONE_ATTEMPT $(ls pids | while read p; do kill -0 $p 2>/dev/null && echo alive; done)" >> seen
    [ $CYCLONE_ATTEMPT = 1 ] || exit 0
    sleep 3600.{engine.token} & touch pids/$!
    setsid sleep 3600.{engine.token} & touch pids/$!
    env -i setsid sleep 3600.{engine.token} & touch pids/$!
    (setsid env -i sh -c 'echo $$ > daemon; exec sleep 3600.{engine.token}' &)
    until [ -s daemon ]; do sleep 0.01; done; touch pids/$(cat daemon)
    touch pids/$$; echo ready > ready; wait"""
    job = engine.submit(script)
    engine.has_file("ready")
    engine.kill_workers()
    assert engine.wait(job) == ["Successful"]
    assert engine.lines("seen") == ["1 ", "2 "]
    first, second = engine.attempts(job)
    assert (first.state, second.state) == ("Error", "Successful")
    assert "worker died" in str(first.reason)


def test_all_killed_at_once(engine: Engine) -> None:
    """Orphans end when the next supervisor starts, and only then their tasks run again."""
    script = f"""
    echo $$ > leader.$CYCLONE_ATTEMPT
    [ $CYCLONE_ATTEMPT = 1 ] || exit 0
    setsid sleep 3600.{engine.token} & env -i setsid sleep 3600.{engine.token} & echo ready > ready; wait"""
    job = engine.submit(script)
    engine.has_file("ready")
    kill(engine.supervisors() + engine.workers())
    assert len(engine.tasks()) >= 3
    assert engine.wait(job) == ["Successful"]
    assert not is_alive(engine.pid("leader.1"))
    assert engine.tasks() == []
    assert engine.task(job).attempt == 2


def test_a_task_that_kills_its_workers(engine: Engine) -> None:
    """After the fifth it is an Error, and every attempt tells of it."""
    job = engine.submit("echo $CYCLONE_ATTEMPT >> runs; kill -9 $PPID; sleep 3600")
    assert engine.wait(job) == ["Error"]
    assert engine.lines("runs") == ["1", "2", "3", "4", "5"]
    assert [(one.state, "worker died" in str(one.reason)) for one in engine.attempts(job)] == [("Error", True)] * 5
    assert "worker" in str(engine.job(job).reason)


def test_neighbours_of_a_dead_worker_lose_only_what_ran(engine: Engine) -> None:
    """Tasks that were leased and not begun keep their attempt number."""
    job = engine.array("echo $CYCLONE_TASK_INDEX $CYCLONE_ATTEMPT >> runs; [ -e killed ] || { touch killed; kill -9 $PPID; sleep 9; }", 200)
    assert engine.wait(job) == ["Successful"]
    again = [line for line in engine.lines("runs") if not line.endswith(" 1")]
    assert 1 <= len(again) <= 6, again


def _ensure(state_dir: str, gate: "multiprocessing.synchronize.Barrier", answers: "multiprocessing.Queue[int]") -> None:
    gate.wait()
    channel = client.ensure(state_dir)
    answers.put(channel.ask(("status",))[1]["pid"])


def test_supervisors_started_at_once(engine: Engine) -> None:
    """Exactly one serves, and every client talks to it."""
    context = multiprocessing.get_context("fork")
    gate, answers = context.Barrier(6), context.Queue()
    clients = [context.Process(target=_ensure, args=(engine.state_dir, gate, answers)) for _ in range(6)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    assert {answers.get(timeout=20) for _ in clients} == set(engine.supervisors())
    assert len(engine.supervisors()) == 1


def test_stop_costs_no_attempt(engine: Engine) -> None:
    """Running tasks go back to Waiting with a new attempt number, no loss is held against them, and the next start finishes them."""
    job = engine.submit("trap 'echo term >> told; exit 1' TERM; echo $CYCLONE_ATTEMPT >> runs; [ -e go ] || { sleep 3600 & wait; }")
    engine.has_file("runs")
    engine.stop()
    assert (engine.job(job).state, engine.lines("told")) == ("Waiting", ["term"])
    assert engine.sql("SELECT attempt, failures, losses FROM span WHERE job=?", job) == [(2, 0, 0)]
    (engine.work_dir / "go").touch()
    engine.start()
    assert engine.wait(job) == ["Successful"]
    assert engine.lines("runs") == ["1", "2"]


def test_a_reboot(engine: Engine) -> None:
    """Stale socket, stale pids of processes that are others now, leases open: the work goes on."""
    found = [engine.submit(LONG), engine.array("exit 0", 5)]
    engine.pid("pid")
    kill(engine.supervisors() + engine.workers() + engine.tasks())
    assert os.path.exists(paths.socket_path(engine.state_dir))
    Path(engine.state_dir, "supervisor.lock").write_text(f"{os.getpid()}\n")
    stranger = os.spawnvp(os.P_NOWAIT, "sleep", ["sleep", "60"])
    import sqlite3

    with sqlite3.connect(Path(engine.state_dir, "state.db")) as database:
        database.execute("UPDATE worker SET pid=?", (stranger,))
        database.execute("UPDATE running SET pid=?", (stranger,))
    database.close()
    (engine.work_dir / "go").touch()
    assert engine.wait(*found) == ["Successful", "Successful"]
    assert os.waitpid(stranger, os.WNOHANG) == (0, 0)
    os.kill(stranger, signal.SIGKILL)
    os.waitpid(stranger, 0)


def test_workers_do_not_multiply_over_restarts(engine: Engine) -> None:
    """Idle workers that outlive their supervisor are counted before new ones are hired."""
    engine.start()
    engine.greet()
    before = len(engine.workers())
    for _ in range(4):
        engine.kill_supervisor()
        assert engine.wait(engine.array("exit 0", 20)) == ["Successful"]
    engine.greet()
    assert len(engine.workers()) == before


def test_a_supervisor_that_a_task_starts_is_no_part_of_the_task(engine: Engine) -> None:
    """`qsub` in a job: the supervisor that it starts outlives the task, and so do its workers outlive the task's worker."""
    start = f"from cyclone_core.scheduler.local import client; client.ensure({engine.state_dir!r})"
    root = os.path.dirname(os.path.dirname(os.path.dirname(client.__file__)))
    python = f"import sys; sys.path.insert(0, {os.path.dirname(root)!r}); {start}"
    environment = {name: os.environ[name] for name in ("PATH", "CYCLONE_RUNTIME_DIR")}
    script = f'echo $$ > pid; until [ -e go ]; do sleep 0.05; done; {os.sys.executable} -c "{python}"; echo done > started'
    job = engine.submit(script, environment=environment)
    engine.pid("pid")
    old_workers = engine.workers()
    engine.kill_supervisor()
    (engine.work_dir / "go").touch()
    engine.has_file("started")
    (supervisor,) = engine.supervisors()
    assert engine.wait(job) == ["Successful"]
    other = engine.submit("sleep 0.5")
    assert engine.wait(other) == ["Successful"]
    kill(old_workers)
    assert engine.wait(engine.array("exit 0", 50)) == ["Successful"]
    assert engine.supervisors() == [supervisor]


def test_an_idle_engine_sleeps(engine: Engine) -> None:
    """Neither the supervisor nor its workers wake up while nothing happens."""
    assert engine.wait(engine.array("exit 0", 20)) == ["Successful"]
    found = engine.supervisors() + engine.workers()

    def slept() -> bool:
        before = [switches(pid) for pid in found]
        time.sleep(3)
        return [switches(pid) for pid in found] == before

    assert engine.until(slept, "nobody wakes up for three seconds")


def test_supervisors_that_die_young(engine: Engine) -> None:
    """A worker that has just said hello when its supervisor dies is none that was sent away: it comes back, obeys, and takes work."""
    engine.put("cluster", "default", max_vcpus=2)
    engine.put("definition", "half", vcpus=1)
    job = engine.array("echo $$ > pid$CYCLONE_TASK_INDEX; sleep 3600", 2, definition="half")
    found = [engine.pid("pid1"), engine.pid("pid2")]
    for _ in range(2):
        engine.kill_supervisor()
        engine.start()
        engine.greet()
    engine.kill_supervisor()
    assert jobs.cancel(engine.state_dir, {"tasks": [(job, None)]})["tasks"] == 2
    assert engine.wait(job) == ["Cancelled"]
    assert not any(map(is_alive, found))
    assert engine.attempts(job)[0].attempt == 1


def test_a_worker_that_had_not_said_hello(engine: Engine) -> None:
    """Its supervisor died while it was starting: the next one knows its pid as well."""
    engine.start()
    engine.kill_supervisor()
    engine.until(lambda: any(one["connected"] for one in engine.ask("status")[1]["workers"]), "a worker has said hello")
    engine.greet()
    assert sorted(one["pid"] for one in engine.ask("status")[1]["workers"]) == engine.workers()
