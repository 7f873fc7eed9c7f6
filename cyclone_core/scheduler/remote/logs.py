"""Log objects: what a flush has to say of its attempts, the END frames of the agent's journal one behind the other, deflated.

Rows that are recorded say `at`, the offset of their frame in the inflated object, and the object's number in place of the journal's. Number
0: no object, the attempt left no output. Numbers are above all that earlier leases of the unit may have used, so an object is never written
twice with different contents, not even by a worker that lost its lease.
"""

import os
from zlib import compress

from cyclone_core.journal import SPILLED, end_frame_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cyclone_core.journal import Row

INLINE_BYTES = 1024
"""A single job's output up to this size, deflated, is kept in its item."""
_FLUSHES = 1 << 16
"""Log objects of one lease."""


class Log:
    """Frames of one flush. `rows`: (row, log number) as they are recorded; `spilled`: (position, attempt, path) of large outputs.

    `inline`: the object when it is to be kept in the unit's item.
    """

    __slots__ = ("_frames", "_size", "has_output", "inline", "number", "rows", "spilled")

    def __init__(self, number: int) -> None:
        """number: of the object that this may become."""
        self.number, self._size, self.has_output, self.inline = number, 0, False, b""
        self._frames: list[bytes] = []
        self.rows: list[tuple[Row, int]] = []
        self.spilled: list[tuple[int, int, str]] = []

    def add(self, row: "Row", journal: int, state_dir: str) -> None:
        """Take in an attempt: the frame of its row from an open journal. Rows without a frame (at 0) never ran."""
        job, position, attempt, code, start_us, took_us, at, size = row
        if not at:
            self.rows.append((row, 0))
            return
        frame, flags, metrics = end_frame_at(journal, at)
        self.has_output = self.has_output or bool(size or metrics)
        if flags & SPILLED:
            self.spilled.append((position, attempt, f"{state_dir}/outputs/{job}-{position}-{attempt}"))
        self.rows.append(((job, position, attempt, code, start_us, took_us, self._size, size), self.number))
        self._frames.append(frame)
        self._size += len(frame)

    def body(self) -> bytes:
        """The object."""
        return compress(b"".join(self._frames), 1)

    def settle(self) -> bytes:
        """What is to be written, b"" when no attempt left anything: then the rows name no object."""
        if self.has_output:
            return self.body()
        self.rows = [((*row[:6], 0, row[7]), 0) for row, _ in self.rows]
        return b""


def next_number(last: int, lease: int) -> int:
    """Number of a unit's next log object. last: the last recorded one; lease: the number of the lease under which it is written."""
    return max(last + 1, lease * _FLUSHES + 1)


def remove(spilled: "Iterable[tuple[int, int, str]]") -> None:
    """Remove large outputs that are recorded elsewhere now."""
    for _, _, path in spilled:
        try:
            os.unlink(path)
        except OSError:
            continue
