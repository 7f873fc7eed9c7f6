"""Worker processes of a local host: starting them, knowing them again, and ending what they leave behind."""

import os
import resource
import select
import sys
import time
from signal import SIGKILL, pidfd_send_signal

from cyclone_core.journal import journal_path
from cyclone_core.locks import is_held
from cyclone_core.wire import DAEMON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cyclone_core.scheduler.local.placement import Stream
    from cyclone_core.wire import Channel

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
"""The directory that holds the package: workers run without site-packages and are told where to find it."""
LARGEST_JOURNAL = 256 * 2**20
"""A worker whose journal has grown to this is replaced: only closed journals can be removed with the jobs they belong to."""
ORPHANS_S = 5.0
"""So long killed processes may take to be gone; what hangs in the kernel for longer is left to itself."""
_DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)
_PROGRAM = f"import sys; sys.path.insert(0, {ROOT!r}); from cyclone_core.worker.agent import main; main()"


class Peer:
    """A worker process as the supervisor sees it; `channel` is None until it has said hello."""

    __slots__ = (
        "channel",
        "cluster",
        "heard",
        "id",
        "journal",
        "journal_at",
        "pid",
        "pidfd",
        "reserved",
        "retiring",
        "seen",
        "started",
        "streams",
        "welcomed",
    )

    def __init__(self, number: int, cluster: str, pid: int, journal: int, started: float) -> None:
        self.id, self.cluster, self.pid, self.journal, self.started = number, cluster, pid, journal, started
        self.channel: Channel | None = None
        self.welcomed = False
        self.retiring = False
        """it is given nothing new and leaves when it has nothing left"""
        self.pidfd = _pidfd(pid)
        self.streams: dict[int, Stream] = {}
        self.journal_at = 0
        """frames of leases that are given from now on lie behind this offset of its journal"""
        self.heard = self.seen = 0.0
        """when it last said something, and what its row says about that (seconds since 1970)"""
        self.reserved = 0.0
        """vCPUs that its streams hold"""

    def is_process(self, pid: int) -> None:
        """It tells its pid."""
        self.pid, self.pidfd = pid, _pidfd(pid)

    def kill(self) -> None:
        """End the process at once, if it is still the one we know."""
        if self.pidfd >= 0:
            try:
                pidfd_send_signal(self.pidfd, SIGKILL)
            except ProcessLookupError:
                pass

    def await_end(self) -> None:
        """Wait until a dying process is gone: only then are its children ours."""
        if self.pidfd >= 0:
            select.select([self.pidfd], [], [], ORPHANS_S)

    def forget(self) -> None:
        """Close what is open for it."""
        if self.channel is not None:
            self.channel.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


def start_worker(state_dir: str, socket: str, number: int, journal: int, first: str = "") -> int:
    """Start a worker process; it connects to `socket` by itself. Returns its pid. first: Python that it runs before. Raises OSError."""
    argv = [sys.executable, "-ISE", "-c", first + _PROGRAM, socket, state_dir, str(number), str(journal)]
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1)]
        pid = os.posix_spawn(sys.executable, argv, os.environ, file_actions=actions, setpgroup=0)
    finally:
        os.close(null)
    try:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, _DESCRIPTORS)  # tasks get what their user has
    except OSError:
        pass
    return pid


def allow_descriptors() -> int:
    """As many descriptors for this process as it may have; how many these are."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (_DESCRIPTORS[1], _DESCRIPTORS[1]))
    return _DESCRIPTORS[1] if _DESCRIPTORS[1] != resource.RLIM_INFINITY else 1 << 20


def mark(socket: str, worker: int, journal: int) -> str:
    """What the tasks of a worker carry as CYCLONE_WORKER: the socket's name makes it unique among the hosts of this machine."""
    return f"{os.path.basename(socket)}.{worker}.{journal}"


def journal_is_held(state_dir: str, journal: int) -> bool:
    """Whether the worker that writes this journal lives: it holds a lock on it."""
    return is_held(journal_path(state_dir, journal))


def end_orphans(marks: "set[str]", keep: "set[int]") -> None:
    """Kill what dead workers left, until none of it is found.

    These are our children that are no workers (we are a sub-reaper), processes that carry a dead worker's mark in their environment, and
    everything below them. What was started without the mark by a process that is gone, while no supervisor ran, cannot be found.
    """
    deadline = time.monotonic() + ORPHANS_S
    while time.monotonic() < deadline:
        victims = _left_behind(marks, keep)
        if not victims:
            return
        for pid in victims:
            try:
                os.kill(pid, SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        reap()
        time.sleep(0.001)


def _left_behind(marks: "set[str]", keep: "set[int]") -> "list[int]":
    """Processes to kill. Supervisors and workers that a task has started are spared, with all that is below them."""
    wanted = [b"CYCLONE_WORKER=" + mark.encode() + b"\0" for mark in marks]
    roots = _children()
    below: dict[int, list[int]] = {}
    for pid, parent in _parents() if wanted else ():
        below.setdefault(parent, []).append(pid)
        if any(mark in _environment(pid) for mark in wanted):
            roots.append(pid)
    spared = {*keep, os.getpid()}
    found = []
    for pid in roots:
        if pid not in spared and DAEMON.encode() + b"=" not in _environment(pid):
            found.append(pid)
            roots += below.get(pid, ())
        spared.add(pid)
    return found


def reap() -> "list[int]":
    """Collect children that have ended; their pids."""
    ended: list[int] = []
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not pid:
            return ended
        ended.append(pid)


def _children() -> "list[int]":
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split() if _stat(int(pid))[:1] not in ([b"Z"], [b"X"], [])]
    except OSError:  # a kernel without CONFIG_PROC_CHILDREN: the marks have to do
        return []


def _parents() -> "Iterator[tuple[int, int]]":
    """(pid, parent) of all processes that are not zombies."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = _stat(int(name))
            if fields[:1] not in ([b"Z"], [b"X"], []):
                yield int(name), int(fields[1])


def _stat(pid: int) -> "list[bytes]":
    """State, parent and what follows in /proc/PID/stat; empty when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2].split()
    except OSError:
        return []


def _environment(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:  # gone, or not ours
        return b""


def _pidfd(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except OSError:
        return -1
