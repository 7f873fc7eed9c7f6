"""A million tasks: submission, what a finished one costs in the database, memory, and how fast it is looked at.

python benchmarks/scale.py [--run N]

The finished array is written through the store's own steps (lease, report) with made-up results, as fast as they go: running a million
scripts takes a quarter of an hour here and stores the same. `--run N` also runs an array of N real tasks in warm shells to the end.
"""

import argparse
import json
import os
import random
import subprocess
import time
from pathlib import Path

from harness import Bench, environment, machine, private_host, resident_mib, spread, supervisor_pid, timed

from cyclone_core import paths
from cyclone_core.jobs import JobRequest, outcome
from cyclone_core.operations import jobs
from cyclone_core.scheduler.sqlite.store import SqliteStore

TASKS, WAITING = 1_000_000, 100_000


def main() -> None:
    """All figures, one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=int, default=0)
    run = parser.parse_args().run
    bench = Bench(1)
    print(machine())
    home = bench.fresh("finished")
    finished(home)
    with private_host(home) as state:
        print(f"  supervisor with it: {resident_mib(supervisor_pid(state)):.1f} MiB")
        env = {**os.environ, "CYCLONE_HOME": str(home)}
        for name, command in {
            f"qstat --summary ({TASKS:,} finished, {WAITING:,} waiting)": ["qstat", "--summary"],
            "qstat -i (the array)": ["qstat", "-i", "1"],
            "qstat -i 1--500000 (one task)": ["qstat", "-i", "1--500000"],
        }.items():
            print(f"  {name:56} {spread(timed(command, 20, env))} ms", flush=True)
    submissions(bench)
    if run:
        real(bench, run)
    bench.remove()


def finished(home: Path) -> None:
    """An array of a million finished tasks (1 % failed) and 100,000 single jobs that wait in a paused queue."""
    os.environ["CYCLONE_HOME"] = str(home)
    state = paths.host_state_dir("local")
    del os.environ["CYCLONE_HOME"]
    for name in ("scripts", "parameters", "spool", "journals", "outputs", "work"):
        os.makedirs(os.path.join(state, name), 0o700)
    store = SqliteStore(state)
    store.begin()
    store.resources.make_defaults(time.time())
    store.resources.put(
        "queue", "held", json.dumps({"name": "held", "cluster": "default", "priority": 0, "paused": True}), "create", time.time()
    )
    job = store.submit(JobRequest(script=b"echo\n", name="big", indices=(1, TASKS, 1), tasks=TASKS), time.time())
    store.commit()
    begun = time.perf_counter()
    fill(store, job)
    took = time.perf_counter() - begun
    size = checkpointed(store, state)
    print(
        f"  finished array: {size / TASKS:.2f} bytes of database per task; lease and report {took / TASKS * 1e6:.1f} us of supervisor CPU per task"
    )
    store.begin()
    for number in range(WAITING):
        store.submit(JobRequest(script=b"echo\n", name=f"job-{number}", queue="held"), time.time())
    store.commit()
    print(f"  {WAITING:,} waiting single jobs: {(checkpointed(store, state) - size) / WAITING:.0f} bytes of database each")
    store.close()


def fill(store: SqliteStore, job: int) -> None:
    """Lease and report in slices of 256 from two workers in turn, with plausible times and sizes."""
    numbers = random.Random(1)
    ends, clock_us, low = [0, 0], int(time.time() * 1e6), 1
    while low <= TASKS:
        high, worker = min(TASKS, low + 255), (low // 256) % 2
        work = store.work(job)
        assert work is not None
        store.begin()
        lease = store.lease(worker, worker + 1, work.peek(high - low + 1), clock_us / 1e6)
        rows = []
        for position in range(low, high + 1):
            size = 6 if numbers.random() < 0.9 else numbers.randrange(200)
            code = outcome(256) if numbers.random() < 0.01 else 0
            rows.append((job, position, 1, code, clock_us, int(1200 + numbers.expovariate(1 / 300)), ends[worker], size))
            ends[worker] += 136 + size
            clock_us += 800
        store.report(lease, rows, {}, clock_us / 1e6)
        store.commit()
        store.ended.clear()
        low = high + 1


def checkpointed(store: SqliteStore, state: str) -> int:
    """Size of the database file with everything in it."""
    store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return os.path.getsize(os.path.join(state, "state.db"))


def submissions(bench: Bench) -> None:
    """`qsub` of a million tasks, whole process: as an index array and from a parameter file."""
    lines = bench.root / "parameters.jsonl"
    with lines.open("w") as file:
        numbers = random.Random(1)
        for number in range(TASKS):
            file.write(
                '{"index": %d, "seed": %d, "alpha": %.4f, "name": "case-%07d"}\n'
                % (number, numbers.randrange(2**31), numbers.random(), number)
            )
    home = bench.fresh("submit")
    with private_host(home):
        env = dict(os.environ)
        subprocess.run(
            ["hyper", "queues", "add-queue", "--name", "held", "--compute-environment", "default", "--paused"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        for name, command, runs in (
            ("qsub (one job)", ["qsub", "-q", "held", str(bench.script)], 20),
            ("qsub -t 1-1000000", ["qsub", "-q", "held", "-t", f"1-{TASKS}", str(bench.script)], 20),
            ("qsub -a parameters.jsonl (1,000,000 lines)", ["qsub", "-q", "held", "-a", str(lines), str(bench.script)], 5),
        ):
            print(f"  {name:56} {spread(timed(command, runs, env), 1)} ms", flush=True)


def real(bench: Bench, tasks: int) -> None:
    """Run an array in warm shells to its end."""
    request = JobRequest(
        script=bench.script.read_bytes(),
        name="real",
        directory="/",
        environment=environment(),
        indices=(1, tasks, 1),
        tasks=tasks,
        warm=True,
    )
    with private_host(bench.fresh("real")) as state:
        begun = time.perf_counter()
        ids = jobs.submit(state, request)
        list(jobs.wait(state, ids))
        took = time.perf_counter() - begun
        memory = resident_mib(supervisor_pid(state))
    size = os.path.getsize(os.path.join(state, "state.db"))
    print(
        f"  ran {tasks:,} tasks in warm shells: {tasks / took:.0f}/s, supervisor {memory:.1f} MiB, {size / tasks:.2f} bytes of database per task"
    )


if __name__ == "__main__":
    main()
