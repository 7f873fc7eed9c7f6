"""An idle host: how soon a script starts after its submission is durable, and what waiting costs.

python benchmarks/latency.py [--rounds N] [--idle SECONDS]
"""

import argparse
import os
import random
import statistics
import time
from pathlib import Path

from harness import Bench, environment, machine, private_host, supervisor_pid

from cyclone_core.jobs import JobRequest
from cyclone_core.operations import jobs


def main() -> None:
    """Print both figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--idle", type=float, default=60.0)
    options = parser.parse_args()
    bench = Bench(1)
    print(machine())
    with private_host(bench.fresh("host")) as state:
        first_line(state, bench, options.rounds)
        idle(state, options.idle)
    bench.remove()


def first_line(state: str, bench: Bench, rounds: int) -> None:
    """From the answer (the job is durable) to the script's first line, as bash's own clock says it."""
    seen = bench.root / "first-line"
    request = JobRequest(script=f"echo $EPOCHREALTIME > {seen}".encode(), name="first", directory="/", environment=environment())
    answered, started = [], []
    for _ in range(rounds):
        time.sleep(random.uniform(0.05, 0.2))
        request.idempotency_key = None
        begun = time.time()
        ids = jobs.submit(state, request)
        durable = time.time()
        list(jobs.wait(state, ids))
        answered.append((durable - begun) * 1e3)
        started.append((float(seen.read_text()) - durable) * 1e3)
    for name, values in (("submission to durable", answered), ("durable to the script's first line", started)):
        values.sort()
        print(f"  {name:36} p50 {statistics.median(values):.2f} ms, p95 {values[int(len(values) * 0.95)]:.2f} ms")


def idle(state: str, seconds: float) -> None:
    """CPU time of supervisor and workers while nothing happens."""
    pids = [supervisor_pid(state), *workers(state)]
    before = sum(map(cpu_s, pids))
    time.sleep(seconds)
    used = sum(map(cpu_s, pids)) - before
    print(f"  idle: {len(pids)} processes used {used:.3f} s of CPU in {seconds:.0f} s = {100 * used / seconds:.3f} % of a core")


def workers(state: str) -> list[int]:
    """Processes of the host's workers."""
    from cyclone_core.scheduler.local import client

    status = client.connect(state).ask(("status",))[1]
    return [worker["pid"] for worker in status["workers"]]


def cpu_s(pid: int) -> float:
    """User and system time of a process, in s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
