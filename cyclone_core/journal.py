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
_HEAD = Struct("<HHI")  # magic, flags, checksum of all that follows (begun with the flags)
_START = Struct("<QQIIQ")  # lease, job, position, attempt, start_us
_END = Struct("<QQIIQQIQQQIQQ")
# lease, job, position, attempt, start_us, took_us, code, max_rss_kib, user_us, system_us, metrics bytes, output bytes, dropped bytes
_pack_head, _pack_start, _pack_end = _HEAD.pack, _START.pack, _END.pack
START_BYTES, END_BYTES = _HEAD.size + _START.size, _HEAD.size + _END.size
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

    def __init__(self, at: int, flags: int, fields: "tuple[int, ...]", metrics: bytes = b"", output: bytes = b"") -> None:
        self.at, self.flags, self.metrics, self.output = at, flags, metrics, output
        (self.lease, self.job, self.position, self.attempt, self.start_us, self.took_us, self.code,
         self.max_rss_kib, self.user_us, self.system_us, _, self.size, self.dropped) = fields  # fmt: skip

    def row(self) -> "Row":
        """The result as it is reported."""
        return self.job, self.position, self.attempt, self.code, self.start_us, self.took_us, self.at, self.size


def start_frame(lease: int, job: int, position: int, attempt: int, start_us: int) -> bytes:
    """The bytes of a START frame."""
    body = _pack_start(lease, job, position, attempt, start_us)
    return _pack_head(_MAGIC_START, 0, crc32(body)) + body


def end_frame(
    lease: int, job: int, position: int, attempt: int, start_us: int, took_us: int, code: int,
    max_rss_kib: int, user_us: int, system_us: int, metrics: bytes, output: bytes, spilled_bytes: int = 0, dropped: int = 0,
) -> bytes:  # fmt: skip
    """The bytes of an END frame with what follows it. `spilled_bytes` > 0: the output lies in its own file."""
    flags, size = (SPILLED, spilled_bytes) if spilled_bytes else (0, len(output))
    body = _pack_end(lease, job, position, attempt, start_us, took_us, code, max_rss_kib, user_us, system_us, len(metrics), size, dropped)
    body += metrics + output
    return _pack_head(_MAGIC_END, flags, crc32(body, flags)) + body


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
        left = os.fstat(file.fileno()).st_size - at
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            magic, flags, checksum = _HEAD.unpack(head)
            if magic == _MAGIC_START:
                body = file.read(_START.size)
                if len(body) < _START.size or crc32(body) != checksum:
                    return
                yield Start(*_START.unpack(body))
                size = START_BYTES
            elif magic == _MAGIC_END:
                body = file.read(_END.size)
                if len(body) < _END.size:
                    return
                fields = _END.unpack(body)
                follows = _follows(flags, fields)
                if follows > left or crc32(file.read(follows), crc32(body, flags)) != checksum:
                    return
                yield End(at, flags, fields)
                size = END_BYTES + follows
            else:
                return
            at, left = at + size, left - size


def _follows(flags: int, fields: "tuple[int, ...]") -> int:
    """Bytes of metrics and output behind an END frame."""
    metrics, output = fields[10:12]
    return metrics + (0 if flags & SPILLED else output)


def read_end(path: str, at: int) -> End:
    """The END frame at an offset with its metrics and, unless it is spilled, its output. Raises OSError or ValueError."""
    with open(path, "rb") as file:
        return end_at(file, at)


def end_at(file: "BinaryIO", at: int) -> End:
    """`read_end` in an open journal: what reads many outputs keeps it open."""
    file.seek(at)
    frame = file.read(END_BYTES)
    if len(frame) < END_BYTES or _HEAD.unpack_from(frame)[0] != _MAGIC_END:
        raise ValueError(f"no result is recorded at offset {at} of {file.name}")
    flags, fields = _HEAD.unpack_from(frame)[1], _END.unpack_from(frame, _HEAD.size)
    metrics = file.read(fields[10])
    return End(at, flags, fields, metrics, file.read(_follows(flags, fields) - len(metrics)))


def end_frame_at(journal: int, at: int) -> "tuple[bytes, int, int]":
    """(all bytes, flags, bytes of metrics) of the END frame at an offset of an open journal. Raises OSError, ValueError."""
    head = os.pread(journal, END_BYTES, at)
    if len(head) < END_BYTES or _HEAD.unpack_from(head)[0] != _MAGIC_END:
        raise ValueError(f"no result is recorded at offset {at}")
    flags, fields = _HEAD.unpack_from(head)[1], _END.unpack_from(head, _HEAD.size)
    follows = _follows(flags, fields)
    return head + os.pread(journal, follows, at + END_BYTES) if follows else head, flags, fields[10]
