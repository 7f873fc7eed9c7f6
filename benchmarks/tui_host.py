"""Hosts for `tui.py`: a million single jobs or four arrays of 250,000 tasks, and a process that changes 2,000 states a second.

The databases are written as the engine writes them (single jobs as rows, arrays through its own steps of lease and report). No supervisor
runs: `python tui_host.py change STATE_DIR KIND RATE` plays it, with the same durable commits (about fifty a second).
"""

import os
import random
import sys
import time
from pathlib import Path

from cyclone_core import paths
from cyclone_core.jobs import JobRequest, outcome
from cyclone_core.scheduler.sqlite import schema
from cyclone_core.scheduler.sqlite.store import SqliteStore

TASKS, ARRAYS = 1_000_000, 4
COLUMNS = (
    "id, name, queue, definition, user, spec, priority, array, tasks, low, step, task_limit, next, submitted, started, ended, "
    "waiting, running, successful, failed, cancelled, error, code, attempt, start_us, took_us, journal, at, size"
)
COMMITS = 50
"""Commits a second of the process that changes states."""
SLICE = 2_000
"""Half of the changes of single jobs hit the newest so many, where somebody looks."""


def state_of(home: Path) -> str:
    """State directory of the host `local` of a home, made and marked as stopped."""
    os.environ["CYCLONE_HOME"] = str(home)
    state = paths.host_state_dir("local")
    for name in ("scripts", "parameters", "spool", "journals", "outputs", "work"):
        os.makedirs(os.path.join(state, name), 0o700, exist_ok=True)
    Path(state, "stopped").touch()
    return state


def singles(home: Path, number: int = TASKS) -> str:
    """A host with so many single jobs: three quarters over, the rest waiting."""
    state = state_of(home)
    store = SqliteStore(state)
    store.begin()
    store.resources.make_defaults(time.time())
    store.submit(JobRequest(script=b"echo\n", name="first"), time.time())
    store.commit()
    store.close()
    db = schema.open_writer(state)
    draw, now = random.Random(1), time.time()

    def rows() -> "object":
        for job in range(2, number + 1):
            kind = draw.choices(range(6), (20, 0, 74, 4, 1, 1))[0]
            counts = [int(kind == state) for state in range(6)]
            submitted, ran = now - (number - job) * 0.05, kind in (2, 3)
            started, took = submitted + draw.random() * 10, int(draw.expovariate(1 / 60e6))
            yield (
                job, f"{draw.choice(('train', 'sweep', 'fold', 'align'))}-{job % 600}", "default", "default", draw.choice(("ada", "bob", "eve")),
                1, 0, 0, 1, 1, 1, 0, 2 if kind else 1, submitted, started if ran else None, started + took / 1e6 if kind > 1 else None, *counts,
                *((256 if kind == 3 else 0, 1, int(started * 1e6), took, 1, 0, 100) if ran else (None,) * 7),
            )  # fmt: skip

    db.execute("BEGIN")
    db.executemany(f"INSERT INTO job({COLUMNS}) VALUES({','.join('?' * 29)})", rows())
    sums = db.execute("SELECT sum(waiting), sum(running), sum(successful), sum(failed), sum(cancelled), sum(error) FROM job").fetchone()
    db.execute("INSERT OR REPLACE INTO total VALUES('default',?,?,?,?,?,?)", sums)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.close()
    return state


def arrays(home: Path, number: int = TASKS) -> str:
    """A host with four arrays that have a million tasks together, half of them over."""
    state = state_of(home)
    store = SqliteStore(state)
    store.begin()
    store.resources.make_defaults(time.time())
    each = number // ARRAYS
    jobs = [
        store.submit(JobRequest(script=b"echo\n", name=f"sweep-{k}", indices=(1, each, 1), tasks=each), time.time()) for k in range(ARRAYS)
    ]
    store.commit()
    for job in jobs:
        run(store, job, each // 2, 256)
    store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    store.close()
    return state


def run(store: SqliteStore, job: int, number: int, slice: int) -> None:
    """Lease and report so many tasks of an array, one per cent of them failed."""
    draw, clock_us, at = random.Random(number), int(time.time() * 1e6), 0
    work = store.work(job)
    assert work is not None
    while number > 0:
        store.begin()
        lease = store.lease(1, 1, work.peek(min(slice, number)), clock_us / 1e6)
        rows = []
        for low, high in spans(store, lease):
            for position in range(low, high + 1):
                rows.append(
                    (job, position, 1, outcome(256) if draw.random() < 0.01 else 0, clock_us, int(draw.expovariate(1 / 300e3)), at, 6)
                )
                at += 142
                clock_us += 800
        store.report(lease, rows, {}, clock_us / 1e6)
        store.commit()
        store.ended.clear()
        number -= len(rows)


def spans(store: SqliteStore, lease: int) -> list[tuple[int, int]]:
    """Positions that a lease covers."""
    from array import array

    numbers = array("q")
    numbers.frombytes(store.db.execute("SELECT outstanding FROM lease WHERE id=?", (lease,)).fetchone()[0])
    return [(numbers[k + 1], numbers[k + 2]) for k in range(0, len(numbers), 6)]


def change(state: str, kind: str, rate: int) -> None:
    """Change so many states a second until standard input closes."""
    step = change_singles(state) if kind == "singles" else change_arrays(state)
    each, due = max(1, rate // COMMITS), time.monotonic()
    os.set_blocking(0, False)
    while True:
        step(each)
        due += 1 / COMMITS
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            if os.read(0, 1) == b"":
                return
        except BlockingIOError:
            continue


def change_singles(state: str) -> "object":
    """Each step starts or ends single jobs, half of them among the newest; now and then one is new."""
    db = schema.open_writer(state)
    draw = random.Random(2)
    newest = db.execute("SELECT max(id) FROM job").fetchone()[0]
    names = "name, queue, definition, user, spec, priority, array, tasks, low, step, task_limit, next, waiting"

    def step(number: int) -> None:
        nonlocal newest
        now = time.time()
        chosen = [(now, draw.randrange(newest - SLICE, newest) if k % 2 else draw.randrange(1, newest)) for k in range(number)]
        db.execute("BEGIN IMMEDIATE")
        db.executemany(
            "UPDATE job SET running=1-running, successful=running, waiting=0, failed=0, cancelled=0, error=0, started=coalesce(started, ?1),"
            " ended=CASE WHEN running THEN ?1 END, code=CASE WHEN running THEN 0 END, next=2 WHERE id=?2",
            chosen,
        )
        if draw.random() < 0.4:
            newest += 1
            db.execute(
                f"INSERT INTO job(id, submitted, {names}) VALUES(?,?,'new','default','default','ada',1,0,0,1,1,1,0,1,1)", (newest, now)
            )
        db.execute("UPDATE total SET running=running+1, waiting=waiting-1 WHERE queue='default'")
        db.execute("COMMIT")

    return step


def change_arrays(state: str) -> "object":
    """Each step leases and reports tasks of one of the arrays; a task that runs and ends changes its state twice."""
    store = SqliteStore(state)
    jobs = [row[0] for row in store.db.execute("SELECT id FROM job WHERE array ORDER BY id")]
    turn = 0

    def step(number: int) -> None:
        nonlocal turn
        turn += 1
        run(store, jobs[turn % len(jobs)], max(1, number // 2), max(1, number // 2))

    return step


if __name__ == "__main__":
    change(sys.argv[2], sys.argv[3], int(sys.argv[4]))
