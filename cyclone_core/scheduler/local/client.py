"""The way of every program to a host's supervisor: connect, and start one where none runs.

Starting is safe to do twice at once: whoever gets the lock in the state directory serves, the other one says `busy` and leaves.
The new process keeps nothing of ours: no descriptor (`id=$(qsub …)` would wait for it for ever), no session, no directory, no ignored
signal. It tells on one pipe how its start went. Where the state may lie is decided here too: on a filesystem of this machine.
"""

import os
import sys
from time import monotonic, sleep

from cyclone_core import wire
from cyclone_core.errors import HostUnavailable, StateUnusable
from cyclone_core.paths import socket_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

PATIENCE_S = 10.0
"""So long another supervisor may take to begin, or to end."""
LOG_BYTES = 1 << 20
"""A log beyond this size is put aside (`supervisor.log.1`) at the next start."""
ANOTHER_DIRECTORY = "Choose a directory on a local disk of yours: export CYCLONE_STATE_DIR=/path/to/it"
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_CODE = "import sys; sys.path.insert(0, {!r}); from cyclone_core.scheduler.local.supervisor import main; main()"
_KEPT = ("CYCLONE_HOME", "CYCLONE_HOST", "CYCLONE_RUNTIME_DIR", "CYCLONE_STATE_DIR")
_NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "lustre", "gpfs", "beegfs", "pvfs2", "orangefs",
     "glusterfs", "ocfs2", "gfs2", "wekafs", "panfs")
)  # fmt: skip
_LOCAL_FUSE = ("fuse.fuse-overlayfs", "fuse.encfs", "fuse.gocryptfs", "fuse.cryfs", "fuse.bindfs", "fuse.mergerfs")


def connect(state_dir: str) -> "wire.Channel":
    """A blocking channel to the supervisor of a state directory. Raises HostUnavailable when nobody listens there."""
    try:
        sock = wire.connect(socket_path(state_dir))
    except (FileNotFoundError, ConnectionRefusedError):
        raise HostUnavailable(f"no supervisor runs for {state_dir}. Start it: hyper hosts start") from None
    except OSError as exc:
        raise HostUnavailable(f"the supervisor of {state_dir} cannot be reached: {exc.strerror or exc}") from exc
    if wire.peer_uid(sock) != os.geteuid():
        sock.close()
        raise HostUnavailable(f"the supervisor of {state_dir} belongs to another user. Set CYCLONE_RUNTIME_DIR to a directory of yours")
    return wire.Channel(sock, blocking=True)


def ensure(state_dir: str) -> "wire.Channel":
    """A channel to the supervisor, which is started when none runs. Raises HostUnavailable or StateUnusable with the reason."""
    deadline = 0.0
    while True:
        try:
            return connect(state_dir)
        except (HostUnavailable, FileNotFoundError) as exc:
            if deadline and monotonic() > deadline:
                raise HostUnavailable(_silent(state_dir)) from exc
        deadline = deadline or monotonic() + PATIENCE_S
        if not start_supervisor(state_dir):
            _wait_for_socket(state_dir, 0.3)  # it begins to listen, or it ends and the next round starts one


def start_supervisor(state_dir: str) -> bool:
    """Start a supervisor in the background: True when it serves, False when another one holds the host (now, or still).

    Raises StateUnusable for a directory that cannot hold a host's state, HostUnavailable with the supervisor's own words.
    """
    make_state_dir(state_dir)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _become_supervisor(state_dir, writing)
    os.close(writing)
    try:
        answer = _read_all(reading)
    finally:
        os.close(reading)
        _reap(child)
    if answer in (b"ok", b"busy"):
        return answer == b"ok"
    log = os.path.join(state_dir, "supervisor.log")
    said = answer.decode("utf-8", "replace").strip() or f"it ended without a word. Its log: {log}"
    raise HostUnavailable(f"the supervisor of {state_dir} could not start: {said}")


def make_state_dir(state_dir: str) -> None:
    """Make the directory and what is missing above it, for this user alone. Raises StateUnusable where it cannot hold a host's state."""
    try:
        _make(state_dir)
        info = os.stat(state_dir)
    except OSError as exc:
        raise StateUnusable(f"the state directory {state_dir} cannot be made: {exc.strerror}. {ANOTHER_DIRECTORY}") from exc
    if info.st_uid != os.geteuid():
        raise StateUnusable(f"the state directory {state_dir} belongs to another user. {ANOTHER_DIRECTORY}")
    if not os.access(state_dir, os.R_OK | os.W_OK | os.X_OK):
        raise StateUnusable(f"the state directory {state_dir} cannot be written. {ANOTHER_DIRECTORY}")
    kind = filesystem(state_dir)
    if is_network(kind):
        reason = f"the state directory {state_dir} lies on a network filesystem ({kind}), where a database may be damaged"
        raise StateUnusable(f"{reason}. {ANOTHER_DIRECTORY}")


def filesystem(path: str, mounts: str = "/proc/self/mounts") -> str:
    """Kind of the filesystem that a path lies on, as the kernel names it; "" where that cannot be found out."""
    real = os.path.realpath(path) + "/"
    found, length = "", 0
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                _, point, kind, *_ = line.split(" ")
                point = point.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\").rstrip("/") + "/"
                if real.startswith(point) and len(point) >= length:  # of two at one point, the later mount hides the earlier
                    found, length = kind, len(point)
    except (OSError, ValueError):
        return ""
    return found


def is_network(kind: str) -> bool:
    """Whether locks and memory maps of a filesystem cannot be trusted because other machines share it."""
    return kind in _NETWORK or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)


def _make(path: str) -> None:
    if os.path.isdir(path):
        return
    _make(os.path.dirname(path))
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise


def _wait_for_socket(state_dir: str, seconds: float) -> None:
    end = monotonic() + seconds
    while monotonic() < end:
        sleep(0.005)
        try:
            connect(state_dir).close()
        except HostUnavailable:
            continue
        return


def _read_all(descriptor: int) -> bytes:
    """Everything until the other end is closed; a supervisor that says nothing for a minute is not waited for."""
    from select import select

    data = b""
    while select([descriptor], [], [], 60)[0]:
        more = os.read(descriptor, 65536)
        if not more:
            return data
        data += more
    return data or b"it did not begin to serve within a minute"


def _reap(child: int) -> None:
    try:
        os.waitpid(child, 0)
    except ChildProcessError:  # where SIGCHLD is ignored, the kernel has done it
        return


def _silent(state_dir: str) -> str:
    try:
        with open(os.path.join(state_dir, "supervisor.lock"), encoding="utf-8") as file:
            pid = file.read(20).strip()
    except OSError:
        pid = ""
    holder = f"process {pid}" if pid else "another process"
    return (
        f"the host at {state_dir} does not answer: {holder} holds it but does not listen. Wait for its end, or end it: kill {pid or 'PID'}"
    )


def _become_supervisor(state_dir: str, status: int) -> "NoReturn":
    """In the first child: a second one in a session of its own becomes the supervisor; never returns."""
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir("/")
        os.umask(0o077)
        status = _keep_only(state_dir, status)
        _reset_signals()
        os.execve(sys.executable, [sys.executable, "-ISE", "-c", _CODE.format(_ROOT), state_dir, str(status)], environment())
    except OSError as exc:
        os.write(status, f"{exc.strerror}: {exc.filename or sys.executable}".encode("utf-8", "replace"))
    finally:
        os._exit(1)


def environment() -> "dict[str, str]":
    """For a process that outlives us: ours without what tells of the task that we may be part of.

    By that the left-over processes of tasks are found and ended.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CYCLONE_") or name in _KEPT}
    return {**kept, wire.DAEMON: "1"}


def _keep_only(state_dir: str, status: int) -> int:
    """Standard input from nowhere, output to the log, the status pipe as descriptor 3, nothing else open."""
    status = os.dup2(os.dup(status), 63)  # out of the way of 0 to 3
    log = os.path.join(state_dir, "supervisor.log")
    if os.path.exists(log) and os.path.getsize(log) > LOG_BYTES:
        os.replace(log, log + ".1")
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(written, 62)
    os.dup2(nothing, 0)
    os.dup2(62, 1)
    os.dup2(62, 2)
    os.dup2(status, 3)
    os.closerange(4, max(4096, os.sysconf("SC_OPEN_MAX")))
    return 3


def _reset_signals() -> None:
    """A shell starts background commands with some signals ignored, nohup ignores others: tasks must not inherit that."""
    import _signal  # type: ignore[import-not-found]  # `signal` would load enum

    _signal.pthread_sigmask(_signal.SIG_SETMASK, [])
    for number in (_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM, _signal.SIGCHLD, _signal.SIGTSTP):
        _signal.signal(number, _signal.SIG_DFL)
