"""10,000 one-line bash tasks: ours against the floor (and peers), in pairs: floor, ours, floor, next, floor …

python benchmarks/throughput.py [--tasks N] [--rounds K] [array single warm huey hyperqueue dask]

Each figure is our rate ÷ the mean of the floor's rates just before and after. Output is captured, state is durable; the clock runs from
before the submission until the last job is reported as final. Peers are measured where their packages are installed.
"""

import argparse
import statistics
import subprocess
import time
from collections.abc import Callable

import peers
from harness import Bench, environment, machine, private_host, spread

from cyclone_core.jobs import JobRequest
from cyclone_core.operations import jobs

BATCH = 250
"""Jobs of one submission: the first ones run while the next are submitted, as when people submit in a loop."""


def request(bench: Bench, **more: object) -> JobRequest:
    """A job that runs the one-line script."""
    return JobRequest(script=bench.script.read_bytes(), name="line", directory=str(bench.root), environment=environment(), **more)  # type: ignore[arg-type]


def array(bench: Bench) -> float:
    """One index array."""
    return ours(bench, [request(bench, indices=(1, bench.tasks, 1), tasks=bench.tasks)])


def single(bench: Bench) -> float:
    """As many single jobs, submitted through the library in batches."""
    return ours(bench, [request(bench) for _ in range(bench.tasks)])


def warm(bench: Bench) -> float:
    """The array in warm shells (opt-in)."""
    return ours(bench, [request(bench, indices=(1, bench.tasks, 1), tasks=bench.tasks, warm=True)])


def ours(bench: Bench, requests: list[JobRequest]) -> float:
    """Tasks per second from before the submission to the end of the last job; every output is checked afterwards."""
    with private_host(bench.fresh("host")) as state:
        begun = time.perf_counter()
        ids = [job for at in range(0, len(requests), BATCH) for job in jobs.submit(state, requests[at : at + BATCH])]
        ended = list(jobs.wait(state, ids))
        took = time.perf_counter() - begun
        assert len(ended) == len(requests), "not all jobs ended"
        assert all(status == 2 for _, status, _ in ended), "not all were successful"
        check_output(ids)
    return bench.tasks / took


def check_output(ids: list[int]) -> None:
    """The output is there and readable through the command."""
    shown = subprocess.run(["qlog", "-i", str(ids[-1])], capture_output=True, check=True).stdout
    assert shown.startswith(b"one line\n"), shown[:80]


def main() -> None:
    """Run the pairs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("what", nargs="*", default=["array", "single", "warm"])
    options = parser.parse_args()
    bench = Bench(options.tasks)
    kinds: dict[str, Callable[[Bench], float]] = {"array": array, "single": single, "warm": warm, **peers.KINDS}
    ratios: dict[str, list[float]] = {name: [] for name in options.what}
    rates: dict[str, list[float]] = {name: [] for name in ["floor", *options.what]}
    print(machine())
    before = bench.floor()
    for _ in range(options.rounds):
        for name in options.what:
            rate = kinds[name](bench)
            after = bench.floor()
            ratios[name].append(rate / ((before + after) / 2))
            rates[name].append(rate)
            rates["floor"] += [before, after]
            print(f"  {name:12} {rate:7.0f}/s  floor {before:.0f} and {after:.0f}/s  ratio {ratios[name][-1]:.2f}", flush=True)
            before = after
    print(f"\nfloor {statistics.median(rates['floor']):.0f}/s; ratio to the floor, median [lowest - highest] of {options.rounds}:")
    for name in options.what:
        print(f"  {name:12} {spread(ratios[name])}   {statistics.median(rates[name]):.0f}/s")
    bench.remove()


if __name__ == "__main__":
    main()
