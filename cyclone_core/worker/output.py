"""Keeps what a task writes: in memory while it is little, in a file of its own when it is much or the task runs for long.

Bounds: memory holds at most SPILL_BYTES of the head and TAIL_BYTES of the tail. The file holds the head up to the
task's limit; what comes later passes through a window of the last TAIL_BYTES, which is appended at the end after one line
that tells how much is missing. A disk that takes no more is treated as a limit reached early.
"""

import os
from _collections import deque  # type: ignore[import-not-found]  # `collections` loads five other modules

from cyclone_core.journal import SPILL_BYTES

TAIL_BYTES = 1 << 20
"""How much of the end of an output is kept when it exceeds its limit."""
READ_BYTES = 1 << 16
"""How much is read at once."""
_BIG_READ_BYTES = 1 << 18
_BIG_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031
# Pause between two looks at a pipe: 50 wake-ups a second for lines, and several hundred MB a second for floods
_LONGEST_REST_S, _SHORTEST_REST_S = 0.020, 0.001
_DRAIN_READS = 64  # a process that escaped us may write for ever: at the end we read at most this often


class Capture:
    """The output of one attempt. `path`: its file; `limit_mib`: how much is kept, 0 = everything."""

    __slots__ = (
        "_file",
        "_head_limit",
        "_held",
        "_parts",
        "_path",
        "_pipe_bytes",
        "_tail",
        "_tail_bytes",
        "_tail_limit",
        "_trouble",
        "kept",
        "limit_mib",
        "read_bytes",
        "rest_s",
        "total",
    )

    def __init__(self, path: str, limit_mib: int) -> None:
        limit = limit_mib << 20 if limit_mib > 0 else 1 << 62
        self._tail_limit = min(TAIL_BYTES, limit // 2)
        self._head_limit, self.limit_mib = limit - self._tail_limit, limit_mib
        self._path, self._file, self._trouble = path, -1, ""
        self._parts: list[bytes] = []
        self._tail: deque[bytes] = deque()
        self._held = self._tail_bytes = self.kept = self.total = 0
        self.read_bytes = self._pipe_bytes = READ_BYTES
        self.rest_s = _LONGEST_REST_S

    def add(self, data: bytes) -> None:
        """Take the next bytes of the task."""
        self.total += len(data)
        if not self._tail:
            room = self._head_limit - self.kept
            self._keep(data if len(data) <= room else data[:room])
            if len(data) <= room:
                return
            data = data[room:]
        self._window(data)

    def read(self, pipe: int) -> int:
        """Read once from the task's pipe: the number of bytes, 0 at its end, -1 when there is nothing now."""
        try:
            data = os.read(pipe, self.read_bytes)
        except BlockingIOError:
            return -1
        if data:
            self.add(data)
            if len(data) >= READ_BYTES and self.read_bytes == READ_BYTES:
                self._widen(pipe)
        return len(data)

    def pump(self, pipe: int) -> bool:
        """Read what is there now, and choose the pause until the next look by how full the pipe was; False at its end."""
        total = 0
        while total < self._pipe_bytes:
            size = self.read(pipe)
            if size == 0:
                return False
            total += max(size, 0)
            if size < self.read_bytes:
                break
        if total >= self._pipe_bytes // 4:
            self.rest_s = max(_SHORTEST_REST_S, self.rest_s / 2)
        elif total < self._pipe_bytes // 16:
            self.rest_s = min(_LONGEST_REST_S, self.rest_s * 2)
        return True

    def drain(self, pipe: int) -> None:
        """Read what is left after the task has ended."""
        for _ in range(_DRAIN_READS):
            if self.read(pipe) <= 0:
                return

    def spill(self) -> None:
        """Move what is held in memory to the file, so that others can follow it."""
        if not self._parts:
            return
        data = b"".join(self._parts)
        self._parts.clear()
        self._held = 0
        written = self._append(data)
        if written < len(data):
            self.kept -= len(data) - written
            self._head_limit = self.kept
            self._window(data[written:])

    def finish(self) -> "tuple[bytes, int, int, str]":
        """The end: (output for the journal, bytes in the file instead, bytes left out, file to remove or "")."""
        left_out = self.total - self.kept - self._tail_bytes
        if self._tail:
            self._close_tail(left_out)
        if self._file < 0:
            output = b"".join(self._parts)
            return (output, 0, self.total - self.kept, "") if not self._trouble else (self._gap(self.total).lstrip(), 0, self.total, "")
        size = os.fstat(self._file).st_size
        output = os.pread(self._file, size, 0) if size <= SPILL_BYTES else b""
        if size > SPILL_BYTES:
            try:
                os.fdatasync(self._file)
            except OSError as exc:
                self._trouble = exc.strerror or "not synced"
        os.close(self._file)
        self._file = -1
        dropped = self.total - self.kept
        return (output, 0, dropped, self._path) if size <= SPILL_BYTES else (b"", size, dropped, "")

    def last_line(self) -> bytes:
        """The last line so far, of an output that is still in memory."""
        return b"".join(self._parts).rstrip(b"\n").rpartition(b"\n")[2]

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        self._parts.append(data)
        self._held += len(data)
        self.kept += len(data)
        if self._file >= 0 or self._held > SPILL_BYTES:
            self.spill()

    def _window(self, data: bytes) -> None:
        """Keep the last bytes only."""
        if not self._tail and self._file >= 0:
            _start_writeback(self._file)
        self._tail.append(data[-self._tail_limit :])
        self._tail_bytes += len(self._tail[-1])
        while self._tail_bytes - len(self._tail[0]) >= self._tail_limit:
            self._tail_bytes -= len(self._tail.popleft())

    def _close_tail(self, left_out: int) -> None:
        tail = b"".join(self._tail)
        self._tail.clear()
        excess = len(tail) - self._tail_limit
        if left_out + max(excess, 0) > 0:
            tail = tail[max(excess, 0) :]
            left_out += max(excess, 0)
            gap = self._gap(left_out)
            if self._append(gap) < len(gap):
                return
        self.kept += self._append(tail)

    def _gap(self, left_out: int) -> bytes:
        why = f"they could not be written: {self._trouble}" if self._trouble else f"a task keeps {self.limit_mib:,} MiB"
        return f"\n[cyclone: {left_out:,} bytes left out here; {why}]\n".encode()

    def _append(self, data: bytes) -> int:
        """Write to the file; returns how much of it was taken."""
        written = 0
        try:
            if self._file < 0:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
            while written < len(data):
                written += os.write(self._file, data[written:] if written else data)
        except OSError as exc:
            self._trouble = exc.strerror or str(exc)
        return written

    def _widen(self, pipe: int) -> None:
        """A talkative task: fewer and larger reads."""
        self.read_bytes = _BIG_READ_BYTES
        import fcntl

        try:
            self._pipe_bytes = fcntl.fcntl(pipe, _F_SETPIPE_SZ, _BIG_PIPE_BYTES)
        except OSError:
            return  # the user's pipes take no more memory: it stays as it is


def _start_writeback(file: int) -> None:
    """Let the kernel write the head now, so that the sync at the end finds little to do."""
    try:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError:
        return
