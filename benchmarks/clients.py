"""Whole-process times of the job commands as they are installed, and a storm of submissions.

python benchmarks/clients.py [--runs N]     the commands are taken from PATH: install Cyclone first (bash install.sh)
"""

import argparse
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from harness import Bench, machine, private_host, spread, timed

SHELLS, EACH = 8, 125


def main() -> None:
    """Print one line per command, then the storm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40)
    runs = parser.parse_args().runs
    bench = Bench(1)
    qsub = shutil.which("qsub") or "qsub"
    with open(qsub, "rb") as launcher:
        first = launcher.readline().decode().strip()
    print(machine(), f"qsub is {qsub} ({first})", sep="\n")
    python = first.split()[0].removeprefix("#!") if "python" in first else shutil.which("python3") or "python3"
    with private_host(bench.fresh("host")):
        env = dict(os.environ)
        script = str(bench.script)
        for name, command in {
            "python -ISE -c pass": [python, "-ISE", "-c", "pass"],
            "qsub SCRIPT": ["qsub", script],
            "qsub -t 1-1000000 (queue paused)": ["qsub", "-q", "held", "-t", "1-1000000", script],
            "qstat --summary": ["qstat", "--summary"],
            "qstat -i 1 --json": ["qstat", "-i", "1", "--json"],
        }.items():
            if "-q" in command:
                subprocess.run(["hyper", "queues", "add-queue", "--name", "held", "--compute-environment", "default", "--paused"], check=False,
                               stdout=subprocess.DEVNULL)  # fmt: skip
            print(f"  {name:34} {spread(timed(command, runs, env))} ms", flush=True)
        storm(script)
    bench.remove()


def storm(script: str) -> None:
    """1,000 `qsub` from 8 shells at once: none may fail, none may be lost."""
    loop = f"for i in $(seq {EACH}); do qsub {script} || exit 1; done"
    begun = time.perf_counter()
    with ThreadPoolExecutor(SHELLS) as pool:
        done = list(pool.map(lambda _: subprocess.run(["bash", "-c", loop], capture_output=True, text=True), range(SHELLS)))
    took = time.perf_counter() - begun
    ids = [line for one in done for line in one.stdout.split()]
    failed = sum(one.returncode != 0 for one in done)
    known = set(subprocess.run(["qstat", "--only-job-id-out", "true"], capture_output=True, text=True, check=True).stdout.split())
    print(
        f"  {SHELLS} shells x {EACH} qsub: {len(ids) / took:.0f}/s, {failed} failed, {len(set(ids) - known)} lost, {len(ids) - len(set(ids))} doubled"
    )


if __name__ == "__main__":
    main()
