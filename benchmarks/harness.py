"""What the benchmarks share: a private host in a fresh directory, the floor beside it, medians.

Directories are made fresh for every measurement and removed only at the very end: after thousands of files were deleted, ext4
makes new ones more slowly for a while, which would slow the floor and flatter us.
"""

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Bench:
    """A scratch directory with the compiled floor and a script that prints one line."""

    def __init__(self, tasks: int) -> None:
        self.tasks = tasks
        self.root = Path(tempfile.mkdtemp(prefix="cyclone-bench-", dir=os.environ.get("CYCLONE_BENCH_DIR")))
        self.script = self.root / "line.sh"
        self.script.write_text("#!/bin/bash\necho one line\n")
        subprocess.run(["cc", "-O2", HERE / "spawn_floor.c", "-o", self.root / "spawn_floor"], check=True)
        self._fresh = 0

    def fresh(self, name: str) -> Path:
        """A new directory."""
        self._fresh += 1
        path = self.root / f"{name}-{self._fresh}"
        path.mkdir()
        return path

    def floor(self) -> float:
        """Tasks per second of the C loop, two at once."""
        done = subprocess.run(
            [self.root / "spawn_floor", self.script, str(self.tasks), "2", self.fresh("floor")], check=True, capture_output=True, text=True
        )
        return float(done.stdout)

    def remove(self) -> None:
        """Delete everything, at the very end."""
        shutil.rmtree(self.root, ignore_errors=True)


@contextmanager
def private_host(directory: Path) -> Iterator[str]:
    """A local host whose whole state lies in `directory`; yields the state directory, stops the host afterwards."""
    from cyclone_core import paths
    from cyclone_core.scheduler.local import client

    old = os.environ.get("CYCLONE_HOME")
    os.environ["CYCLONE_HOME"] = str(directory)
    state = paths.host_state_dir("local")
    try:
        client.ensure(state).close()
        time.sleep(0.5)  # both workers have said hello
        yield state
        with_supervisor = client.connect(state)
        with_supervisor.ask(("stop",))
        while not _is_free(state):
            time.sleep(0.05)
    finally:
        if old is None:
            del os.environ["CYCLONE_HOME"]
        else:
            os.environ["CYCLONE_HOME"] = old


def _is_free(state: str) -> bool:
    import fcntl

    with open(f"{state}/supervisor.lock") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def supervisor_pid(state: str) -> int:
    """Process id of a host's supervisor."""
    return int(Path(state, "supervisor.lock").read_text())


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


def environment() -> dict[str, str]:
    """The base environment that qsub gives a job."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "USER", "LANG", "TMPDIR") if name in os.environ}


def timed(command: list[str], runs: int, env: dict[str, str] | None = None, before: Callable[[], None] | None = None) -> list[float]:
    """Whole-process times of a command in ms, in ascending order; two runs to warm up are not counted."""
    times = []
    for number in range(runs + 2):
        if before is not None:
            before()
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
        if number >= 2:
            times.append((time.perf_counter() - begun) * 1e3)
    return sorted(times)


def spread(values: list[float], digits: int = 2) -> str:
    """`median [lowest - highest]`."""
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f} - {max(values):.{digits}f}]"


def machine() -> str:
    """One line about this machine."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?"
    )
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}, Python {platform.python_version()}, {sys.platform}"
