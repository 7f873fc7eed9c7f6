"""The demonstration of `install.sh --demo`: a real array on the local engine, typed as a user would type it.

It drives the installed commands and reads only what they print, so what it shows is what a user gets. It refuses to call a
run good that is not: the primes found by all tasks together must come to the known number.
"""

import json
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

PRIMES_BELOW_60000 = 6057
POLL_S = 0.2
GIVE_UP_AFTER_S = 300.0
FINAL = ("Successful", "Failed", "Cancelled", "Error")


def main(argv: list[str] | None = None) -> int:
    """Run the demonstration in the directory given; 0 when every task succeeded and the result is right."""
    directory = Path((sys.argv[1:] if argv is None else argv)[0])
    console = Console(highlight=False, soft_wrap=True)
    script = directory / "primes.sh"
    console.print("[bold]The demonstration:[/] 300 bash scripts that count the primes up to 60,000, run on this machine.\n")
    try:
        job = submit(console, script)
        record = follow(console, job)
        return show(console, job, record)
    except subprocess.CalledProcessError as exc:
        sys.stderr.write(f"{exc.stderr}demo: {exc.cmd[0]} failed (exit code {exc.returncode}): its message is above\n")
    except TimeoutError as exc:
        sys.stderr.write(f"demo: {exc}\n")
    return 1


def run(*command: str) -> str:
    """What a command prints. Raises CalledProcessError with its stderr."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def submit(console: Console, script: Path) -> str:
    """Submit the script with qsub; its job id."""
    console.print(f"$ qsub {script.name}", style="cyan")
    job = run("qsub", str(script)).strip()
    console.print(job)
    return job


def follow(console: Console, job: str) -> dict[str, Any]:
    """Show the progress of a job until it has ended; its last record. Raises TimeoutError when it does not end."""
    started = time.monotonic()
    columns = (TextColumn("  {task.description}"), BarColumn(40), MofNCompleteColumn(), TextColumn("tasks"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("running", total=None)
        while True:
            record: dict[str, Any] = json.loads(run("qstat", "-i", job, "--json"))
            counts = record["counts"]
            total, ended = sum(counts.values()), sum(counts[state] for state in FINAL)
            progress.update(bar, total=total, completed=ended)
            if ended == total:
                progress.update(bar, description="ended  ")
                return record
            if time.monotonic() - started > GIVE_UP_AFTER_S:
                raise TimeoutError(f"job {job} has not ended after {GIVE_UP_AFTER_S:.0f} s. See why it waits: qstat -i {job}")
            time.sleep(POLL_S)


def show(console: Console, job: str, record: dict[str, Any]) -> int:
    """Show counts, throughput, one task's output and the checked sum; the exit code."""
    counts = record["counts"]
    total = sum(counts.values())
    console.print("  " + ", ".join(f"{number} {state}" for state, number in counts.items() if number))
    seconds = duration_s(record)
    if seconds > 0:
        console.print(f"  {total} tasks in {seconds:.1f} s: {total / seconds:,.0f} scripts per second\n")
    console.print(f"$ qlog -i {job}--300", style="cyan")
    console.print(run("qlog", "-i", f"{job}--300").rstrip() + "\n", markup=False)
    found = primes(run("qlog", "-i", job))
    console.print(f"All outputs together (qlog -i {job}) count {found:,} primes up to 60,000; there are {PRIMES_BELOW_60000:,}.")
    if counts["Successful"] != total or found != PRIMES_BELOW_60000:
        sys.stderr.write(f"demo: the result is not as it should be. What the tasks say: qlog -i {job}\n")
        return 1
    console.print("\nIt works. Try [cyan]qsub examples/hello.sh[/], [cyan]qstat[/], [cyan]cyclone[/].")
    return 0


def duration_s(record: dict[str, Any]) -> float:
    """Seconds between the submission and the end of a job; 0 where the record does not say."""
    begin, end = record.get("submitted_at"), record.get("ended_at")
    if begin is None or end is None:
        return 0.0
    from datetime import datetime

    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def primes(text: str) -> int:
    """The sum of the numbers that begin the lines `N primes from A to B`, wherever they stand in the text."""
    words = text.split()
    return sum(int(before) for before, word in pairwise(words) if word == "primes" and before.isdigit())


if __name__ == "__main__":
    sys.exit(main())
