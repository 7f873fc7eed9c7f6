"""Trouble with what is stored: versions, torn journals, full disks, rights, clocks, lost answers."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cyclone_core import wire
from cyclone_core.errors import HostUnavailable, InvalidRequest, StateUnusable
from cyclone_core.jobs import JobRequest
from cyclone_core.journal import End, frames
from cyclone_core.operations import jobs
from cyclone_core.scheduler.local import client
from cyclone_core.scheduler.sqlite import schema
from cyclone_core.scheduler.sqlite.store import SqliteStore

from .conftest import Engine, is_alive, kill


def test_a_newer_database_is_refused_and_untouched(engine: Engine) -> None:
    """The message names the version and says that nothing was changed."""
    Path(engine.state_dir).mkdir()
    path = Path(engine.state_dir, "state.db")
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version={schema.VERSION + 1}")
    database.execute("CREATE TABLE later(x)")
    database.close()
    before = path.read_bytes()
    with pytest.raises((HostUnavailable, StateUnusable), match=rf"newer Cyclone \(version {schema.VERSION + 1}.*nothing was changed"):
        engine.start()
    assert path.read_bytes() == before
    assert engine.supervisors() == engine.workers() == []


def test_an_older_database_is_brought_up_to_date(tmp_path: Path) -> None:
    """Each step runs once, in order, in one transaction; a failing one changes nothing."""
    database = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    database.execute("CREATE TABLE t(a)")
    database.execute("PRAGMA user_version=7")
    steps = {7: "ALTER TABLE t ADD COLUMN b;", 8: "ALTER TABLE t ADD COLUMN c; INSERT INTO t VALUES(1, 2, 3);"}
    with pytest.raises(sqlite3.Error):
        schema.migrate(database, "state.db", {**steps, 9: "ALTER TABLE nowhere ADD COLUMN d;"}, 10)
    assert database.execute("PRAGMA user_version").fetchone() == (7,)
    schema.migrate(database, "state.db", steps, 9)
    assert database.execute("SELECT a, b, c FROM t").fetchall() == [(1, 2, 3)]
    assert database.execute("PRAGMA user_version").fetchone() == (9,)
    database.close()


def test_a_torn_journal_is_recovered(engine: Engine) -> None:
    """The END frame of the last task is half written: its result does not count, and it runs again."""
    script = "echo $CYCLONE_TASK_INDEX $CYCLONE_ATTEMPT >> runs; [ $CYCLONE_TASK_INDEX -lt 5 ] || until [ -e go ]; do sleep 0.02; done"
    job = engine.array(script, 6, limit=1)
    engine.until(lambda: "5 1" in engine.lines("runs"), "the fifth task runs")
    engine.kill_supervisor()
    (engine.work_dir / "go").touch()
    (number,) = engine.sql("SELECT journal FROM lease")[0]
    path = Path(engine.state_dir, "journals", str(number))
    engine.until(lambda: [frame for frame in frames(str(path)) if isinstance(frame, End) and frame.position == 5], "its result is written")
    kill(engine.workers())
    path.write_bytes(path.read_bytes()[:-7] + b"\xff\xff")
    assert engine.wait(job) == ["Successful"]
    assert sorted(engine.lines("runs")) == ["1 1", "2 1", "3 1", "4 1", "5 1", "5 2", "6 1"]


def test_a_lost_answer(engine: Engine) -> None:
    """The client died before it read its id: sending the same request again gives the same job, once."""
    engine.start()
    request = engine.request("echo once >> runs", idempotency_key="study-1")
    channel = client.connect(engine.state_dir)
    channel.sock.sendall(wire.encode(("submit", [request.as_message()])))
    engine.until(lambda: engine.sql("SELECT id FROM job"), "the submission is stored")
    channel.close()
    engine.kill_supervisor()
    again = [jobs.submit(engine.state_dir, request)[0] for _ in range(2)]
    assert engine.wait(again[0]) == ["Successful"]
    assert (len(set(again)), engine.sql("SELECT count(*) FROM job")) == (1, [(1,)])
    assert engine.lines("runs") == ["once"]


def test_a_client_that_leaves_before_its_answer(engine: Engine) -> None:
    """What it asked is done, and whoever gets its descriptor next is not disturbed."""
    engine.start()
    for number in range(30):
        channel = client.connect(engine.state_dir)
        request = engine.request("exit 0", idempotency_key=f"gone-{number}")
        channel.sock.sendall(wire.encode(("submit", [request.as_message()])) + wire.encode(("wait", [number + 1])))
        channel.close()
    engine.until(lambda: engine.sql("SELECT count(*) FROM job WHERE status=2") == [(30,)], "all have run")


def test_the_clock_goes_back(tmp_path: Path) -> None:
    """A wrong clock makes wrong times and nothing else: a job that ends before it began ends."""
    store = SqliteStore(str(tmp_path))
    (tmp_path / "scripts").mkdir()
    store.begin()
    store.resources.make_defaults(2e9)
    job = store.submit(JobRequest(script=b"#!/bin/bash\n", name="x", user="me"), 2e9)
    assert store.work(job) is not None
    lease = store.lease(1, 1, [(job, 1, 1, 1, 0, 0)], 1e9, 0)
    store.lose(lease, {(job, 1): int(2e15)}, 5e8)
    lease = store.lease(1, 1, [(job, 1, 1, 2, 0, 1)], 1e8, 0)
    store.report(lease, [(job, 1, 2, 0, int(1e14), 1000, 0, 0)], {}, 1e7)
    store.commit()
    assert store.db.execute("SELECT status, took_us, ended FROM job").fetchall() == [(2, 1000, 1e7)]
    assert store.db.execute("SELECT took_us FROM attempt").fetchall() == [(0,)]
    store.close()


def test_a_duration_is_monotonic(engine: Engine) -> None:
    """What a task took is what it took, whenever its start is said to have been."""
    job = engine.submit("sleep 0.3")
    engine.wait(job)
    assert 0.3 <= (engine.job(job).took or 0) < 30


def test_a_read_only_directory(engine: Engine, tmp_path: Path) -> None:
    """The refusal names the variable that chooses another one."""
    place = tmp_path / "ro"
    place.mkdir()
    code = f"from cyclone_core.scheduler.local import client\nclient.ensure({str(place / 'state')!r})"
    mount = f'mount --bind {place} {place} && mount -o remount,ro,bind {place} && exec {sys.executable} -c "{code}"'
    done = subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no private mounts here: {done.stderr}")
    assert "StateUnusable" in done.stderr
    assert "CYCLONE_STATE_DIR" in done.stderr.splitlines()[-1]


FULL = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.engine.conftest import Engine, is_alive
from cyclone_core.errors import CycloneError
from cyclone_core.scheduler.local import client

disk, work = Path(sys.argv[2]), Path(sys.argv[3])
engine = Engine(disk / "state", work)
try:
    long = engine.submit("echo begun > begun; until [ -e go ]; do sleep 0.05; done; echo result; echo ended > ended")
    engine.has_file("begun")
    (supervisor,) = engine.supervisors()
    with open(disk / "ballast", "wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"x" * 4096)
        except OSError:
            pass
    refusals = []
    for number in range(3):
        try:
            engine.submit(f"echo {number}" + "#" * 3000, name=f"small-{number}")
        except CycloneError as exc:
            refusals.append(str(exc))
    print("REFUSED", refusals[-1] if refusals else "nothing")
    (work / "go").touch()
    engine.has_file("ended")
    assert engine.job(long).state == "Running", engine.job(long).state
    assert engine.supervisors() == [supervisor], engine.log()
    os.unlink(disk / "ballast")
    assert engine.wait(long) == ["Successful"]
    assert engine.job(long).attempt == 1
    kept = engine.submit("exit 0")
    assert engine.wait(kept) == ["Successful"]
    assert engine.supervisors() == [supervisor], engine.log()
    print("GOOD", 3 - len(refusals), engine.sql("SELECT count(*) FROM job"))
finally:
    if os.path.exists(disk / "ballast"):
        os.unlink(disk / "ballast")
    engine.end()
"""


def test_a_full_disk(tmp_path: Path) -> None:
    """Submissions are refused with the reason, running tasks go on and their results are recorded once there is room."""
    disk, work, root = tmp_path / "disk", tmp_path / "work", Path(__file__).resolve().parents[2]
    disk.mkdir()
    (tmp_path / "full.py").write_text(FULL)
    command = f'mount -t tmpfs -o size=4m tmpfs {disk} && exec {sys.executable} {tmp_path}/full.py "$@"'
    argv = ["unshare", "-rm", "sh", "-c", command, "sh", str(root), str(disk), str(work)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no private mounts here: {done.stderr}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"the disk that holds {disk}/state is full" in done.stdout
    assert "Make room" in done.stdout


def test_a_job_without_its_script(engine: Engine) -> None:
    """Somebody tidied up in the state directory: the task is an Error that names the file, and others run."""
    engine.put("queue", "held", cluster="default", paused=True)
    job = engine.submit("echo never", queue="held")
    for path in Path(engine.state_dir, "scripts").iterdir():
        path.unlink()
    engine.put("queue", "held", cluster="default", paused=False)
    assert engine.wait(job) == ["Error"]
    assert "scripts/" in str(engine.job(job).reason)
    assert engine.wait(engine.submit("exit 0")) == ["Successful"]


def test_a_refusal_stores_nothing(engine: Engine) -> None:
    """One bad request of three: none becomes a job."""
    wanted = [engine.request("exit 0"), engine.request("exit 0", queue="nowhere"), engine.request("exit 0")]
    with pytest.raises(InvalidRequest, match="no queue 'nowhere'"):
        jobs.submit(engine.state_dir, wanted)
    assert engine.sql("SELECT count(*) FROM job") == [(0,)]


def test_the_state_directory_is_taken_away(engine: Engine) -> None:
    """Nobody is left behind in a directory that is gone, and a new host can begin at the same place."""
    import shutil

    job = engine.submit("echo $$ > pid; sleep 3600")
    pid = engine.pid("pid")
    found = engine.processes()
    while os.path.exists(engine.state_dir):  # a file may be made in it while it is being emptied
        shutil.rmtree(engine.state_dir, ignore_errors=True)
    assert is_alive(pid)
    kill([one for one in found if is_alive(one)])
    assert job == 1
    assert os.path.exists(engine.work_dir)
    assert engine.wait(engine.submit("exit 0")) == ["Successful"]
