"""The full-screen interface on a real terminal: how soon it is there, how it moves over a million tasks while others change them, what it costs.

python benchmarks/tui.py [--tasks N] [--pages N] [--rate N] [PART ...]      parts: start singles arrays log

Every program is the installed `cyclone` on a pty of 140 x 40; see `tui_terminal.py` for how it is measured and `tui_host.py` for what it shows.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tui_host
from harness import Bench, machine, private_host, spread
from tui_terminal import Terminal

PAGE_DOWN, PAGE_UP = b"\x1b[6~", b"\x1b[5~"
CYCLONE = [shutil.which("cyclone") or "cyclone"]
LINES_PER_S = 10_000


def main() -> None:
    """The parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=tui_host.TASKS)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("parts", nargs="*", default=["start", "singles", "arrays", "log"])
    arguments = parser.parse_args()
    bench = Bench(1)
    print(machine())
    for part in arguments.parts:
        if part == "start":
            start(bench)
        elif part == "log":
            log(bench)
        else:
            table(bench, part, arguments)
    bench.remove()


def env(home: Path) -> dict[str, str]:
    """The environment of a program that looks at a home."""
    return {**os.environ, "CYCLONE_HOME": str(home)}


def p95(values: list[float]) -> float:
    """The value that 95 % do not exceed."""
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


def start(bench: Bench) -> None:
    """First paint and switches between views, on a host with a few jobs."""
    home = bench.fresh("start")
    tui_host.singles(home, 1_000)
    first, rows = [], []
    for _ in range(7):
        with Terminal([*CYCLONE, "jobs"], env(home)) as terminal:
            first.append(terminal.wait_for(b"cyclone"))
            rows.append(terminal.wait_for(b"fold-"))
            terminal.settle(0.3)
    print(f"  first paint {spread(first)} s; rows of the job table {spread(rows)} s")
    with Terminal([*CYCLONE, "home"], env(home)) as terminal:
        terminal.wait_for(b"cyclone")
        terminal.settle(0.5)
        for keys, name in ((b"jobs", "jobs"), (b"queues", "queues"), (b"workers", "workers"), (b"events", "events")):
            times = []
            for _ in range(8):
                terminal.press(b":")
                terminal.press(keys)
                times.append(terminal.press(b"\r"))
                terminal.read_for(0.4)
                terminal.send(b"\x1b")
            told = [ms for ms, *_ in times]
            print(
                f"  switch to {name}: first {told[0]:.0f} ms, then {spread(sorted(told[1:]), 0)} ms until settled; main thread {statistics.median(one[1] for one in times[1:]):.0f} ms"
            )


def table(bench: Bench, kind: str, arguments: argparse.Namespace) -> None:
    """The job table over a million tasks, quiet and while others change states."""
    home = bench.fresh(kind)
    state = (tui_host.singles if kind == "singles" else tui_host.arrays)(home, arguments.tasks)
    command = [*CYCLONE, "jobs", *(() if kind == "singles" else ("--rows", "tasks"))]
    wanted = b"fold-" if kind == "singles" else b"sweep-"
    print(f"{kind}: {arguments.tasks:,} tasks")
    with Terminal(command, env(home)) as terminal:
        print(f"  first rows after {terminal.wait_for(wanted):.2f} s")
        terminal.read_for(12)  # its lists are made, and made once more
        report(terminal, "nothing changes", 20)
        paging(terminal, "quiet", arguments.pages // 2)
        with changing(state, kind, arguments.rate):
            terminal.read_for(3)
            paging(terminal, f"{arguments.rate:,} changes/s", arguments.pages)
            report(terminal, f"{arguments.rate:,} changes/s, nobody presses a key, in the middle", 20)
            terminal.send(b"g")
            report(terminal, f"{arguments.rate:,} changes/s, the newest jobs shown", 20)
            others(terminal, kind)
        print(f"  memory: {terminal.memory()}")


def others(terminal: Terminal, kind: str) -> None:
    """Other lists, while states change."""
    lists: list[tuple[str, bytes]] = [
        ("end of the list", b"G"),
        ("tab Failed", b"5"),
        ("tab All", b"1"),
        ("by name", b"N"),
        ("by id again", b"I"),
    ]
    if kind == "singles":
        lists.append(("rows by task", b"u"))
    for name, keys in lists:
        took, cpu, size, _ = terminal.press(keys)
        terminal.read_for(2.5)
        print(f"  {name}: {took:.0f} ms until settled, main thread {cpu:.0f} ms, {size:,} bytes")


def paging(terminal: Terminal, name: str, pages: int) -> None:
    """Page down, page up, jumps: key to settled screen."""
    measured = []
    for number in range(pages):
        if number % 20 == 0:  # down from the top, up from the end, in turns
            terminal.send(b"G" if number % 40 else b"g")
        terminal.read_for(0.1 + 0.013 * (number % 7))  # not in step with the refresh
        measured.append(terminal.press(PAGE_UP if number // 20 % 2 else PAGE_DOWN))
    ms, cpu, size = ([one[k] for one in measured] for k in range(3))
    alone = [one[0] - one[3] for one in measured]
    print(
        f"  page down, {name}: p50 {statistics.median(ms):.1f} ms, p95 {p95(ms):.1f} ms, most {max(ms):.0f} ms until settled; "
        f"without waiting for a core p50 {statistics.median(alone):.1f} ms, p95 {p95(alone):.1f} ms; "
        f"main thread p50 {statistics.median(cpu):.1f} ms, p95 {p95(cpu):.1f} ms; {statistics.median(size):,.0f} bytes"
    )


def report(terminal: Terminal, name: str, seconds: float) -> None:
    """Bytes and CPU while nobody presses a key."""
    main, whole = terminal.main_cpu_s(), terminal.cpu_s()
    count = terminal.read_for(seconds)
    main, whole = terminal.main_cpu_s() - main, terminal.cpu_s() - whole
    refresh = main / (seconds / 2) * 1e3
    print(
        f"  {name}: {count / seconds:,.0f} bytes/s; CPU {100 * whole / seconds:.2f} % of a core, "
        f"main thread {100 * main / seconds:.2f} % = {refresh:.1f} ms per refresh of 2 s"
    )


@contextmanager
def changing(state: str, kind: str, rate: int) -> Iterator[None]:
    """Another process changes states meanwhile."""
    words = [sys.executable, str(Path(__file__).with_name("tui_host.py")), "change", state, kind, str(rate)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
    try:
        yield
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)


def log(bench: Bench) -> None:
    """The tail of an output that grows by 10,000 lines a second, on a real host."""
    home = bench.fresh("log")
    with private_host(home):
        script = home / "talk.sh"
        program = f"import sys, time\nfor n in range(0, {LINES_PER_S * 40}, {LINES_PER_S // 50}):\n sys.stdout.write(''.join(f'line {{n + k}} of a program that talks a lot, value {{k * 17 % 1000}}\\n' for k in range({LINES_PER_S // 50})))\n sys.stdout.flush()\n time.sleep(0.0196)\n"
        script.write_text(f'#!/bin/bash\nexec {sys.executable} -c "{program}"\n')
        job = subprocess.run(["qsub", str(script)], check=True, capture_output=True, text=True, env=env(home)).stdout.strip()
        with Terminal([*CYCLONE, "log", job], env(home)) as terminal:
            terminal.wait_for(b"talks")
            terminal.read_for(3)
            report(terminal, f"log tail, {LINES_PER_S:,} lines/s", 15)
            print(f"  memory: {terminal.memory()}")
        subprocess.run(["qdel", job], check=True, capture_output=True, env=env(home))


if __name__ == "__main__":
    main()
