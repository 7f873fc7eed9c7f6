"""A whole AWS host on the sandbox, end to end: an array, single submissions, a job on a warm worker.

    PYTHONPATH=. python benchmarks/aws_sandbox.py [TASKS] [SINGLES]

The real deployer makes the host in a sandbox of its own; jobs go by table, stream, functions, message queue, Batch and worker processes, all on
this machine, with every request checked against the policies of who makes it. What is measured is ours and the emulator's, not AWS. Times are
those of this process: from before the submission until the library says that all is over, which counters know a second or two late.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from harness import machine

from cyclone_core import library
from cyclone_core.operations import sandbox

HOST, WORKERS = "bench", 4
RUN = "import sys; sys.argv[0] = 'hyper'; from cyclone_tui.cli.hyper import main; main()"
LONGEST_S = 300.0


@contextmanager
def a_host() -> Iterator[library.Host]:
    """A host with one region, a cluster of four vCPUs and workers that stay for a minute."""
    root = tempfile.mkdtemp(prefix="cyclone-bench-", dir=os.environ.get("CYCLONE_BENCH_DIR"))
    os.environ.update(CYCLONE_HOME=root, CYCLONE_RUNTIME_DIR=root)
    try:
        sandbox.start(sandbox.Settings(running_jobs=WORKERS, grace_s=2.0))
        try:
            deploy()
            yield library.connect(HOST)
        finally:
            sandbox.stop()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def deploy() -> None:
    """As a user does it."""
    hyper("hosts", "create-host", "--name", HOST, "--type", "aws", "--sandbox", "--region", "us-east-1")
    hyper("clusters", "add-cluster", "--name", "big", "--max-vcpus", str(WORKERS), "--compute-envs", "1")
    environment = json.dumps({"CYCLONE_IDLE_S": "60"})
    definition = ("--name", "sim", "--image-uri", "none/worker:1", "--vcpus", "1", "--memory-limit-mib", "512")
    hyper("definitions", "add-definition", *definition, "--environment", environment)
    hyper("queues", "add-queue", "--name", "fast", "--cluster", "big")


def hyper(*argv: str) -> None:
    """A resource command, which must succeed."""
    done = subprocess.run([sys.executable, "-c", RUN, *argv], capture_output=True, text=True, timeout=LONGEST_S, check=False)
    assert done.returncode == 0, f"hyper {' '.join(argv)}: {done.stderr}{done.stdout}"


def rate(host: library.Host, tasks: int) -> tuple[float, float]:
    """(seconds until its id was there, tasks a second) of an array."""
    began = time.perf_counter()
    job = host.submit(text="#!/bin/bash\ntrue\n", array=tasks, definition="sim", queue="fast")
    accepted = time.perf_counter() - began
    status = job.wait(LONGEST_S)
    assert status == "Successful", status
    return accepted, tasks / (time.perf_counter() - began)


def singles(host: library.Host, count: int) -> tuple[float, float]:
    """(submissions a second, jobs a second to their end) of single jobs."""
    requests = [host.request(text="#!/bin/bash\ntrue\n", definition="sim", queue="fast") for _ in range(count)]
    began = time.perf_counter()
    jobs = host.submit_all(requests)
    accepted = time.perf_counter() - began
    assert all(status == "Successful" for _, status in host.wait(jobs, LONGEST_S))
    return count / accepted, count / (time.perf_counter() - began)


def latency(host: library.Host) -> float:
    """Seconds from just before a submission to the first line of its script, on a worker that waits for work."""
    began = time.time()
    job = host.submit(text='#!/bin/bash\necho "$EPOCHREALTIME"\n', definition="sim", queue="fast")
    job.wait(LONGEST_S)
    return float(job.output().decode().split()[-1]) - began


def main() -> None:
    """All of it."""
    tasks, count = (int(text) for text in (*sys.argv[1:], *("10000", "500")[len(sys.argv) - 1 :]))
    print(machine())
    began = time.perf_counter()
    with a_host() as host:
        print(f"deployed in {time.perf_counter() - began:.1f} s; load average {os.getloadavg()[0]:.1f}")
        began = time.perf_counter()
        rate(host, 20)
        print(f"the first array, with the start of workers: {time.perf_counter() - began:.1f} s")
        accepted, tasks_s = rate(host, tasks)
        print(f"array of {tasks:,}: id after {accepted * 1000:.0f} ms, {tasks_s:.0f} tasks/s to the end")
        submissions, jobs = singles(host, count)
        print(f"{count:,} single jobs by the library: {submissions:.0f} submissions/s, {jobs:.0f} jobs/s to the end")
        times = sorted(latency(host) for _ in range(10))
        print(f"submit to running on a warm worker: median {statistics.median(times):.2f} s [{times[0]:.2f} - {times[-1]:.2f}]")
        print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
