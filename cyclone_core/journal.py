"""The journal of a worker: output store, result log and recovery log in one append-only file.

A worker writes two frames for each attempt: START before the process is made, END when all of it is gone, with the
outcome, the resources used, the metrics and the output. Each frame reaches the file in one write before anybody is told, so after
kill -9 of anything the journal says exactly what ran; it is synced to the disk before the database points into it.
The worker holds an exclusive `flock` on its journal while it lives: whoever gets the lock knows that the worker is gone.

Outputs above SPILL_BYTES are kept in a file of their own (`output_path`) and only named here.
Files: `journals/<number>` below the state directory; the number is unique within a host and stored with each result.
"""

import os
from _struct import Struct
from zlib import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    Row = tuple[int, int, int, int, int, int, int, int]
    """(job, position, attempt, outcome code, start in us since 1970, duration in us, offset of the END frame, output bytes)"""

_MAGIC_START, _MAGIC_END = 0x51C7, 0x5EC7
# magic, flags, crc, lease, job, position, attempt, start_us
_START = Struct("<HHIQQIIQ")
# magic, flags, crc, lease, job, position, attempt, start_us, took_us, code, max_rss_kib, user_us, system_us, metrics size,
# output size, dropped
_END = Struct("<HHIQQIIQQIQQQIQQ")
START_BYTES, END_BYTES = _START.size, _END.size
SPILLED = 1
"""Flag: the output lies in its own file, not behind the frame."""
SPILL_BYTES = 64 * 1024
"""Output up to this size is kept in the journal."""


class Start:
    """An attempt is about to run."""

    __slots__ = ("attempt", "job", "lease", "position", "start_us")

    def __init__(self, lease: int, job: int, position: int, attempt: int, start_us: int) -> None:
        self.lease, self.job, self.position, self.attempt, self.start_us = lease, job, position, attempt, start_us


class End:
    """An attempt is over. `at` is the frame's offset; `metrics` and `output` are read with `read_end` only."""

    __slots__ = (
        "at", "attempt", "code", "dropped", "flags", "job", "lease", "max_rss_kib", "metrics", "output", "position",
        "size", "start_us", "system_us", "took_us", "user_us",
    )  # fmt: skip

    def __init__(self, at: int, fields: "tuple[int, ...]", metrics: bytes = b"", output: bytes = b"") -> None:
        self.at, self.metrics, self.output = at, metrics, output
        (_, self.flags, _, self.lease, self.job, self.position, self.attempt, self.start_us, self.took_us, self.code,
         self.max_rss_kib, self.user_us, self.system_us, _, self.size, self.dropped) = fields  # fmt: skip

    def row(self) -> "Row":
        """The result as it is reported."""
        return self.job, self.position, self.attempt, self.code, self.start_us, self.took_us, self.at, self.size


def start_frame(lease: int, job: int, position: int, attempt: int, start_us: int) -> bytes:
    """The bytes of a START frame."""
    return _START.pack(
        _MAGIC_START, 0, crc32(b"%d %d %d %d %d" % (lease, job, position, attempt, start_us)), lease, job, position, attempt, start_us
    )


def end_frame(
    lease: int, job: int, position: int, attempt: int, start_us: int, took_us: int, code: int,
    max_rss_kib: int, user_us: int, system_us: int, metrics: bytes, output: bytes, spilled_bytes: int = 0, dropped: int = 0,
) -> bytes:  # fmt: skip
    """The bytes of an END frame with what follows it. `spilled_bytes` > 0: the output lies in its own file."""
    flags, size = (SPILLED, spilled_bytes) if spilled_bytes else (0, len(output))
    crc = crc32(output, crc32(metrics, job + position & 0xFFFFFFFF))
    header = _END.pack(
        _MAGIC_END, flags, crc, lease, job, position, attempt, start_us, took_us, code, max_rss_kib, user_us, system_us, len(metrics),
        size, dropped,
    )  # fmt: skip
    return b"".join((header, metrics, output))


def journal_path(state_dir: str, number: int) -> str:
    """Path of a journal."""
    return f"{state_dir}/journals/{number}"


def output_path(state_dir: str, job: int, position: int, attempt: int) -> str:
    """Path of the output of an attempt while it runs, and for good when it is large."""
    return f"{state_dir}/outputs/{job}-{position}-{attempt}"


def metrics_path(state_dir: str, job: int, position: int, attempt: int) -> str:
    """Path of the metrics of an attempt that runs longer than one sampling interval, until it ends."""
    return f"{state_dir}/outputs/{job}-{position}-{attempt}.metrics"


def frames(path: str, at: int = 0) -> "Iterator[Start | End]":
    """Whole frames from offset `at` on, without their outputs. A torn or foreign rest ends the iteration: it was never reported."""
    with open(path, "rb", buffering=1 << 18) as file:
        file.seek(at)
        end_of_file = os.fstat(file.fileno()).st_size
        while True:
            head = file.read(START_BYTES)
            if len(head) < START_BYTES:
                return
            if head[0] | head[1] << 8 == _MAGIC_START:
                _, _, crc, *fields = _START.unpack(head)
                if crc != crc32(b"%d %d %d %d %d" % tuple(fields)):
                    return
                yield Start(*fields)
                at += START_BYTES
                continue
            head += file.read(END_BYTES - START_BYTES)
            if len(head) < END_BYTES or head[0] | head[1] << 8 != _MAGIC_END:
                return
            unpacked = _END.unpack(head)
            follows = unpacked[13] + (0 if unpacked[1] & SPILLED else unpacked[14])
            if at + END_BYTES + follows > end_of_file:
                return
            body = file.read(follows)
            if unpacked[2] != crc32(body[unpacked[13] :], crc32(body[: unpacked[13]], unpacked[4] + unpacked[5] & 0xFFFFFFFF)):
                return
            yield End(at, unpacked)
            at += END_BYTES + follows


def read_end(path: str, at: int) -> End:
    """The END frame at an offset with its metrics and, unless it is spilled, its output. Raises OSError or ValueError."""
    with open(path, "rb") as file:
        return end_at(file, at)


def end_at(file: "BinaryIO", at: int) -> End:
    """`read_end` in an open journal: what reads many outputs keeps it open."""
    file.seek(at)
    head = file.read(END_BYTES)
    if len(head) < END_BYTES or head[0] | head[1] << 8 != _MAGIC_END:
        raise ValueError(f"no result is recorded at offset {at} of {file.name}")
    fields = _END.unpack(head)
    metrics = file.read(fields[13])
    output = b"" if fields[1] & SPILLED else file.read(fields[14])
    return End(at, fields, metrics, output)
