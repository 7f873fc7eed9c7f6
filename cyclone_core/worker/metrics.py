"""What a task uses, read from /proc: CPU time and memory of its processes, those that left its process group included."""

import os

from cyclone_core.worker.processes import tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cyclone_core.worker.processes import Children
    from cyclone_core.worker.tasks import Task

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
# Fields of /proc/PID/stat counted from the one behind the name: own and waited-for children's user and system time, resident pages.
_CPU, _RESIDENT = slice(11, 15), 21


def members(task: "Task", children: "Children") -> "list[int]":
    """The processes of a task: everything below its leader, and what of its session was handed to the worker."""
    found = tree(task.pid)
    for pid in children.strangers():
        try:
            if os.getsid(pid) == task.pid:
                found.extend(tree(pid))
        except ProcessLookupError:
            continue
    return found


def usage(pids: "Iterable[int]") -> "tuple[float, int]":
    """(CPU seconds, resident KiB) of some processes together; shared pages count once for each."""
    ticks = pages = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b") ")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[_CPU]))
        pages += int(fields[_RESIDENT])
    return ticks / _TICKS_PER_S, pages * _PAGE_KIB


def proportional_kib(pids: "Iterable[int]", otherwise_kib: int) -> int:
    """Memory where a page shared by n processes counts 1/n for each; `otherwise_kib` where the kernel does not tell."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                total += int(file.read().partition(b"\nPss:")[2].split(None, 1)[0])
        except ProcessLookupError:
            continue
        except (OSError, IndexError, ValueError):
            return otherwise_kib
    return total


def line(seconds: float, cpu_s: float, resident_kib: int) -> bytes:
    """One line of a metrics file: seconds since the start, CPU seconds, resident MiB."""
    return b"%.0f %.2f %.1f\n" % (seconds, cpu_s, resident_kib / 1024)
