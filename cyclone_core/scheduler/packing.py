"""Packing parameter files: every line checked, deflated in chunks, synced to the disk. The format is described in `parameters`.

A million lines of 78 bytes take 0.7 s: level 1 deflates three times as fast as 6 and is only 15 % larger, and large files are cut at
a line end for two processes. Memory stays at a chunk for each, whatever the file's size.
"""

import errno
import os
from marshal import dumps, loads
from zlib import compress

from cyclone_core.errors import InvalidRequest
from cyclone_core.jobs import MAX_TASKS
from cyclone_core.problems import Problem, Problems
from cyclone_core.scheduler.parameters import ENTRY, FOOTER, MAGIC, scan, wrong_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, BinaryIO

CHUNK_BYTES = 1 << 16
MAX_LINE_BYTES = 1 << 20
"""Longest line."""
SPLIT_BYTES = 8 << 20
"""Files from this size on are packed by two processes: about 100,000 lines."""
SHOWN = 20
"""So many wrong lines are shown; the rest is counted."""


def pack(source: str, target: str, name: str = "") -> int:
    """Check a parameter file and write it packed and synced to `target`; returns the number of tasks.

    source: a path, `-` for standard input; name: what to call it in messages. Raises InvalidRequest with every wrong line (the first 20
    shown, all counted), and OSError. On any error `target` does not exist.
    """
    try:
        if source == "-" or not os.path.isfile(source):
            return _pack_stream(source, target)
        with open(source, "rb", buffering=0) as file:
            return _pack_file(name or source, file.fileno(), target)
    except BaseException:
        _remove(target)
        raise


def pack_objects(objects: "Iterable[Mapping[str, object]]", target: str, name: str = "array") -> int:
    """The same for parameters that are in memory: dicts of plain values."""
    import json

    spool = target + ".lines"
    number = 1
    try:
        with open(spool, "w", encoding="utf-8", newline="\n") as file:
            for number, parameters in enumerate(objects, 1):  # noqa: B007  the number of the one that fails
                file.write(json.dumps(parameters, ensure_ascii=False) + "\n")
        return pack(spool, target, name)
    except (TypeError, ValueError, UnicodeEncodeError) as exc:
        problem = Problem(f"{name}:{number}", f"is not a dict of plain values: {exc}", "Use texts, numbers, lists and dicts")
        raise InvalidRequest([problem]) from exc
    finally:
        _remove(spool)


class _Part:
    """What one process made of its share: lines, index, and what was wrong. Line numbers and offsets begin with the share."""

    def __init__(self) -> None:
        self.tasks = self.bad = self.bytes = 0
        self.index: list[tuple[int, int]] = []
        self.wrong: list[tuple[int, str, str]] = []

    def add(self, raw: bytes, lines: "list[str]", out: "BinaryIO") -> None:
        packed = compress(raw, 1)
        out.write(packed)
        self.index.append((self.tasks, self.bytes))
        self.tasks += len(lines)
        self.bytes += len(packed)

    def refuse(self, line: int, reason: str, text: str) -> None:
        self.bad += 1
        if len(self.wrong) < SHOWN:
            self.wrong.append((line, reason, text))


def _pack_stream(source: str, target: str) -> int:
    """Standard input or a pipe: kept in a file first, because its end must be known before it is cut."""
    spool = target + ".lines"
    try:
        descriptor = 0 if source == "-" else os.open(source, os.O_RDONLY)
        with open(spool, "wb", buffering=0) as file:
            while data := os.read(descriptor, 1 << 20):
                file.write(data)
        with open(spool, "rb", buffering=0) as file:
            return _pack_file("standard input" if source == "-" else source, file.fileno(), target)
    finally:
        _remove(spool)


def _pack_file(name: str, descriptor: int, target: str) -> int:
    size = os.fstat(descriptor).st_size
    start, end = 3 if os.pread(descriptor, 3, 0) == b"\xef\xbb\xbf" else 0, _end_of_lines(descriptor, size)
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as out:
        out.write(MAGIC)
        middle = _line_start(descriptor, (start + end) // 2, end) if end - start >= SPLIT_BYTES and _alone() else end
        parts = _pack_both(descriptor, (start, middle, end), target, out) if middle < end else [_pack_part(descriptor, start, end, out)]
        _check(name, parts)
        _finish(parts, out)
    return sum(part.tasks for part in parts)


def _pack_both(descriptor: int, cuts: "tuple[int, int, int]", target: str, out: "BinaryIO") -> "list[_Part]":
    """Pack the second half in a child process into a file of its own, the first here, and append the second."""
    start, middle, end = cuts
    beside = target + ".second"
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _work_as_child(descriptor, middle, end, beside, writing)
    os.close(writing)
    try:
        parts = [_pack_part(descriptor, start, middle, out), _Part()]
        with open(reading, "rb") as pipe:
            answer = pipe.read()
        _reap(child)
        child = 0
        found = loads(answer) if answer else errno.EIO
        if isinstance(found, int):
            raise OSError(found, os.strerror(found), beside)
        second = parts[1]
        second.tasks, second.bad, second.bytes, second.index, second.wrong = found
        with open(beside, "rb", buffering=0) as file:
            while data := file.read(1 << 20):
                out.write(data)
        return parts
    finally:
        if child:
            os.kill(child, 9)
            _reap(child)
        _remove(beside)


def _reap(child: int) -> None:
    try:
        os.waitpid(child, 0)
    except ChildProcessError:  # where SIGCHLD is ignored, the kernel has done it
        return


def _alone() -> bool:
    """Whether this process has one thread: a fork beside others could find their locks held for ever."""
    return len(os.listdir("/proc/self/task")) == 1 if os.path.isdir("/proc/self/task") else False


def _work_as_child(descriptor: int, start: int, end: int, path: str, writing: int) -> "None":
    """The forked half: it must never return into the code of its parent."""
    try:
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                part = _pack_part(descriptor, start, end, out)
            answer: Any = (part.tasks, part.bad, part.bytes, part.index, part.wrong)
        except OSError as exc:
            answer = exc.errno
        with open(writing, "wb") as pipe:
            pipe.write(dumps(answer))
    finally:
        os._exit(0)


def _pack_part(descriptor: int, at: int, end: int, out: "BinaryIO") -> _Part:
    """Check and pack the lines between two offsets."""
    part = _Part()
    while at < end:
        raw = _whole_lines(descriptor, at, end)
        at += len(raw)
        if raw[-1:] == b"\n":
            raw = raw[:-1]
        if b"\r" in raw:
            raw = raw.replace(b"\r\n", b"\n").removesuffix(b"\r")
        try:
            lines = raw.decode().split("\n")
            careful = b'""' in raw or b"\\u" in raw or len(raw) > CHUNK_BYTES
            if careful or not _all_objects(lines):
                _check_lines(lines, part)
        except UnicodeDecodeError:
            lines = raw.decode("utf-8", "surrogateescape").split("\n")
            _check_lines(lines, part)
        part.add(raw, lines, out)
    return part


def _all_objects(lines: "list[str]") -> bool:
    """Whether every line is exactly one object: the loop that a million lines go through."""
    try:
        for line in lines:
            value, end = scan(line, 0)
            if end != len(line) or type(value) is not dict:
                return False
    except (ValueError, StopIteration, RecursionError, SystemError):  # SystemError: an error without its message, see `parameters`
        return False
    return True


def _check_lines(lines: "list[str]", part: _Part) -> None:
    for number, line in enumerate(lines, part.tasks + 1):
        if not line.isascii() and any("\udc80" <= char <= "\udcff" for char in line):
            reason = "is not UTF-8 text"
        elif len(line) > MAX_LINE_BYTES:
            reason = f"is too long: {len(line):,} characters, at most {MAX_LINE_BYTES:,}"
        else:
            reason = wrong_line(line)
        if reason:
            part.refuse(number, reason, line[:60])


def _check(name: str, parts: "list[_Part]") -> None:
    problems = Problems()
    before = 0
    for part in parts:
        for line, reason, text in part.wrong:
            shown = text.encode("utf-8", "replace").decode()
            problems.add(f"{name}:{before + line}", f"{reason} ({shown!r})" if shown.strip() else reason)
        before += part.tasks
    bad = sum(part.bad for part in parts)
    if bad > SHOWN:
        problems.found[SHOWN:] = [Problem(name, f"{bad - SHOWN:,} more lines are wrong")]
    if not before:
        problems.add(name, "has no line: an array needs at least one task", 'Write one JSON object per line: {"NAME": "value"}')
    if before > MAX_TASKS:
        problems.add(name, f"has {before:,} lines: an array may have {MAX_TASKS:,} tasks")
    problems.check()


def _finish(parts: "list[_Part]", out: "BinaryIO") -> None:
    """Write index and footer, and sync everything to the disk."""
    tasks, offset, entries = 1, len(MAGIC), []
    for part in parts:
        entries += [(tasks + first, offset + at) for first, at in part.index]
        tasks += part.tasks
        offset += part.bytes
    out.write(b"".join(ENTRY.pack(*entry) for entry in entries))
    out.write(FOOTER.pack(tasks - 1, len(entries), offset, MAGIC))
    out.flush()
    os.fsync(out.fileno())


def _whole_lines(descriptor: int, at: int, end: int) -> bytes:
    """The lines from an offset on, about CHUNK_BYTES of them and at least one."""
    size = CHUNK_BYTES
    while True:
        raw = os.pread(descriptor, min(size, end - at), at)
        if at + len(raw) >= end or not raw:
            return raw
        cut = raw.rfind(b"\n") + 1
        if cut:
            return raw[:cut]
        size *= 4


def _line_start(descriptor: int, at: int, end: int) -> int:
    """The first offset from `at` on where a line begins, `end` when there is none."""
    while at < end:
        block = os.pread(descriptor, CHUNK_BYTES, at)
        cut = block.find(b"\n") + 1
        if cut or not block:
            return min(end, at + cut) if cut else end
        at += len(block)
    return end


def _end_of_lines(descriptor: int, size: int) -> int:
    """Where the last line that is not blank ends."""
    while size > 0:
        block = os.pread(descriptor, min(4096, size), max(0, size - 4096))
        rest = len(block.rstrip(b" \t\r\n"))
        if rest:
            return size - len(block) + rest
        size -= len(block) or size
    return 0


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
