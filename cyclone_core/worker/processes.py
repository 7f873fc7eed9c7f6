"""The worker's children: its own, and those that tasks left behind.

The worker is a child subreaper: what outlives its parent anywhere below a task is handed to the worker, whatever session or
environment it gave itself. Such a stranger is ended as soon as it is certain that it belongs to no task that still runs.
"""

import os

from cyclone_core.wire import DAEMON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_PR_SET_CHILD_SUBREAPER = 36
KILL = 9
_DAEMON = DAEMON.encode() + b"="


def become_subreaper() -> bool:
    """Ask the kernel to hand orphans to this process; False where it does not know how."""
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def name_process(name: bytes) -> None:
    """What `ps` and `top` show (at most 15 bytes)."""
    try:
        with open("/proc/self/comm", "wb") as file:
            file.write(name)
    except OSError:
        return


def keep_descriptors() -> None:
    """Descriptors that this process was started with stay here: no task gets one."""
    for name in os.listdir("/proc/self/fd"):
        try:
            os.set_inheritable(int(name), int(name) <= 2)
        except OSError:
            continue  # the one that listed them


def signal_group(group: int, number: int) -> None:
    """Send a signal to a process group that may be gone. The caller knows that the id is not reused: its leader is not reaped yet."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


class Children:
    """Tells strangers from own children with one cheap read, because it runs after every task."""

    __slots__ = ("_doubtful", "_list", "own")

    def __init__(self) -> None:
        self.own: set[int] = set()
        self._doubtful: dict[int, set[bytes]] = {}
        try:
            self._list = os.open(f"/proc/{os.getpid()}/task/{os.getpid()}/children", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._list = -1  # a kernel without this file: only process groups are ended

    def listed(self) -> "bytes | None":
        """The pids of all children, a space behind each; None where the kernel does not tell."""
        return os.pread(self._list, 1 << 16, 0) if self._list >= 0 else None

    def strangers(self) -> "list[int]":
        """Children that the worker did not start."""
        listed = self.listed()
        if not listed or listed.count(b" ") <= len(self.own):
            return []
        return [pid for pid in map(int, listed.split()) if pid not in self.own]

    def end_strangers(self, sessions: "Collection[int]", tasks: "Iterable[bytes]") -> None:
        """Kill those strangers that belong to none of the live tasks, given by their sessions and their values of CYCLONE_TASK_ID."""
        found = self.strangers()
        if not found:
            if self._doubtful:
                self._doubtful.clear()
            return
        live = set(tasks)
        self._doubtful = {pid: seen for pid, seen in self._doubtful.items() if pid in found}
        for pid in found:
            if not self._belongs(pid, sessions, live):
                _kill(pid, sessions)

    def end_session(self, session: int) -> None:
        """Kill the strangers of a session whose leader is gone."""
        for pid in self.strangers():
            try:
                if os.getsid(pid) == session:
                    _kill(pid, ())
            except ProcessLookupError:
                continue

    def _belongs(self, pid: int, sessions: "Collection[int]", live: "set[bytes]") -> bool:
        try:
            if os.getsid(pid) in sessions:
                return True
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read()
        except OSError:
            return False  # gone already, or about to be
        if _DAEMON in environment:
            return True  # a supervisor that a task has started (`qsub` in a job), or a worker of such a one
        mark = environment.partition(b"CYCLONE_TASK_ID=")[2].partition(b"\0")[0]
        if mark:
            return mark in live
        # It cleared its environment: any task that runs now may be its origin, until all of them have ended.
        suspects = self._doubtful.setdefault(pid, set(live))
        suspects &= live
        return bool(suspects)


def _kill(pid: int, sessions: "Collection[int]") -> None:
    try:
        if os.getpgid(pid) == pid and pid not in sessions:
            os.killpg(pid, KILL)
        os.kill(pid, KILL)
    except (ProcessLookupError, PermissionError):
        return


def tree(pid: int) -> "list[int]":
    """A process and everything below it, as far as it can be seen."""
    found = [pid]
    for parent in found:
        try:
            threads = os.listdir(f"/proc/{parent}/task")
        except OSError:
            continue
        for thread in threads:
            found.extend(children_of(parent, thread))
    return found


def children_of(pid: int, thread: "str | int") -> "list[int]":
    """Children that a thread of a process has made and that are alive or not yet waited for."""
    try:
        with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []
