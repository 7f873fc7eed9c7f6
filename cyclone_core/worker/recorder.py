"""Writes this worker's journal: frames reach the file in order, in as few writes as possible, and survive a full disk.

The journal is locked for as long as the worker lives: whoever gets the lock knows that the worker is gone. Frames that
cannot be written (disk full, quota, file size limit) stay in memory; the agent starts nothing new and tries again.
"""

import fcntl
import os
import sys

from cyclone_core.journal import journal_path


class Recorder:
    """The journal of one worker. `trouble` says why it cannot be written just now, "" when all is well."""

    __slots__ = ("_fd", "_pending", "_remove", "at", "trouble", "unsynced")

    def __init__(self, state_dir: str, number: int) -> None:
        """Open and lock the journal. Raises OSError when it cannot be made or another process has it."""
        self._fd = os.open(journal_path(state_dir, number), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.at = os.fstat(self._fd).st_size  # where the next frame will begin
        self._pending: list[bytes] = []
        self._remove: list[str] = []
        self.trouble, self.unsynced = "", False

    def put(self, frame: bytes) -> int:
        """Add a frame; returns its offset. It is written by the next `flush`."""
        at = self.at
        self._pending.append(frame)
        self.at = at + len(frame)
        return at

    def remove_after(self, path: str) -> None:
        """Remove a file once everything put so far is written: its content lies in a frame now."""
        self._remove.append(path)

    def flush(self) -> bool:
        """Write what was put; False when the disk does not take it (then call again later)."""
        if not self._pending:
            return True
        data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self.unsynced = True
        try:
            written = os.write(self._fd, data)
            while written < len(data):  # a full disk takes a part first; the rest follows it later, so frames stay whole
                data = data[written:]
                written = os.write(self._fd, data)
        except OSError as exc:
            self._pending = [data]
            return self._failed(exc)
        self._pending.clear()
        self.trouble = ""
        if self._remove:
            self._remove_files()
        return True

    def sync(self) -> bool:
        """Write and make durable what was put; False when that is not possible now."""
        if not self.flush():
            return False
        if self.unsynced:
            try:
                os.fdatasync(self._fd)
            except OSError as exc:
                return self._failed(exc)
            self.unsynced = False
        return True

    def _failed(self, exc: OSError) -> bool:
        text = exc.strerror or str(exc)
        if text != self.trouble:
            sys.stderr.write(f"the journal cannot be written: {text}. Nothing is lost; no new task starts until it can\n")
        self.trouble = text
        return False

    def _remove_files(self) -> None:
        for path in self._remove:
            remove(path)
        self._remove.clear()


def remove(path: str) -> None:
    """Remove a file that may be gone already."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as exc:
        sys.stderr.write(f"{path} cannot be removed: {exc.strerror}\n")
