"""Peers for the throughput table, each doing the same work: a bash script that prints one line, its output kept, two at once.

Install them into the environment that runs the benchmark: pip install huey hyperqueue distributed.
"""

import os
import subprocess
import sys
import time

from harness import Bench

_HUEY_TASKS = """
import os, subprocess
from huey import SqliteHuey
huey = SqliteHuey(filename=os.environ["BENCH_DIR"] + "/huey.db", fsync=False, results=False)
@huey.task()
def line(number):
    with open(f"{os.environ['BENCH_DIR']}/{number}.out", "wb") as out:
        subprocess.run(["bash", os.environ["BENCH_SCRIPT"]], stdout=out, stderr=out)
"""


def huey(bench: Bench) -> float:
    """huey on SQLite, two threads, fsync off, no results kept."""
    folder = bench.fresh("huey")
    (folder / "bench_tasks.py").write_text(_HUEY_TASKS)
    env = {**os.environ, "BENCH_DIR": str(folder), "BENCH_SCRIPT": str(bench.script), "PYTHONPATH": str(folder)}
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import bench_tasks\nfor n in range({bench.tasks}): bench_tasks.line(n)"], env=env, check=True)
    consumer = subprocess.Popen(
        [sys.executable, "-m", "huey.bin.huey_consumer", "bench_tasks.huey", "-w", "2", "-d", "0.001"],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    last = folder / f"{bench.tasks - 1}.out"
    while not last.exists():
        time.sleep(0.01)
    took = time.perf_counter() - begun
    consumer.terminate()
    consumer.wait()
    return bench.tasks / took


def dask(bench: Bench) -> float:
    """Dask distributed, two worker processes of one thread, results in memory."""
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        begun = time.perf_counter()
        client.gather(client.map(_run, [str(bench.script)] * bench.tasks, pure=False))
        return bench.tasks / (time.perf_counter() - begun)


def _run(script: str) -> bytes:
    return subprocess.run(["bash", script], capture_output=True).stdout


def hyperqueue(bench: Bench) -> float:
    """HyperQueue's LocalCluster of two cores, one array, output to files."""
    from hyperqueue import Job, LocalCluster
    from hyperqueue.cluster import WorkerConfig

    folder = bench.fresh("hq")
    with LocalCluster() as cluster:
        cluster.start_worker(WorkerConfig(cores=2))
        client = cluster.client()
        job = Job(default_workdir=folder)
        for number in range(bench.tasks):
            job.program(["bash", str(bench.script)], stdout=f"{number}.out", stderr=f"{number}.err")
        begun = time.perf_counter()
        client.wait_for_jobs([client.submit(job)])
        return bench.tasks / (time.perf_counter() - begun)


KINDS = {"huey": huey, "dask": dask, "hyperqueue": hyperqueue}
