"""Ids of jobs: blocks of them are taken from the table, and given out one by one without asking it. Lean.

Unique, not ordered: what was submitted first is told by the time. Ids of a block that is lost are never used.
"""

import os
from _thread import allocate_lock
from fcntl import LOCK_EX, flock

from cyclone_core.scheduler.dynamo import keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from cyclone_core.scheduler.dynamo.table import Table

    class Ids(Protocol):
        """Where new ids come from."""

        def take(self, count: int) -> list[int]:
            """So many new ids, ascending. Raises AwsError."""
            ...

        def forget(self) -> None:
            """Give none of the present block any more: somebody else has used one of it."""


IN_A_FILE, IN_MEMORY = 50, 1000
"""Sizes of blocks: of commands, which are over in a moment, and of programs that go on."""


def allocate(table: "Table", count: int) -> "tuple[int, int]":
    """Take a block of `count` new ids from the table: first..end-1. Raises AwsError."""
    last: int = table.update(keys.IDS, add={"last": count})["last"]
    return last - count + 1, last + 1


class MemoryIds:
    """Ids of a program that goes on. Threads may share it."""

    def __init__(self, table: "Table", block: int = IN_MEMORY) -> None:
        self._table, self._block = table, block
        self._lock = allocate_lock()
        self._next = self._end = 0

    def take(self, count: int) -> list[int]:
        """So many new ids, ascending. Raises AwsError."""
        with self._lock:
            found: list[int] = []
            while len(found) < count:
                if self._next == self._end:
                    self._next, self._end = allocate(self._table, max(self._block, count - len(found)))
                end = min(self._end, self._next + count - len(found))
                found += range(self._next, end)
                self._next = end
            return found

    def forget(self) -> None:
        """Give none of the present block any more."""
        with self._lock:
            self._next = self._end = 0


class FileIds:
    """Ids of commands: the rest of a block lies in a file of its user's, `next end`, for the next command. Processes share it."""

    def __init__(self, table: "Table", path: str, block: int = IN_A_FILE) -> None:
        """path: in a directory that is there; where it cannot be written, a block of just what is needed is taken each time."""
        self._table, self._path, self._block = table, path, block

    def take(self, count: int) -> list[int]:
        """So many new ids, ascending. Raises AwsError."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return list(range(*allocate(self._table, count)))
        try:
            flock(fd, LOCK_EX)
            first, end = _read(fd)
            found = list(range(first, min(end, first + count)))
            if len(found) < count:
                missing = count - len(found)
                first, end = allocate(self._table, max(self._block, missing))
                found += range(first, first + missing)
            _write(fd, found[-1] + 1, end)
            return found
        finally:
            os.close(fd)

    def forget(self) -> None:
        """Give none of the present block any more."""
        try:
            os.unlink(self._path)
        except OSError:
            return


def _read(fd: int) -> "tuple[int, int]":
    words = os.pread(fd, 100, 0).split()
    return (int(words[0]), int(words[1])) if len(words) == 2 and words[0].isdigit() and words[1].isdigit() else (0, 0)


def _write(fd: int, first: int, end: int) -> None:
    text = b"%d %d\n" % (first, end)
    os.ftruncate(fd, 0)  # a command that dies between both leaves no number, and the next one takes a new block
    os.pwrite(fd, text, 0)
