"""What tasks wrote, as the bytes they wrote.

An output lies in one of three places: behind the END frame in a journal (little), in a file of its own (much, or the task still
runs), or in the memory of the worker (little, and the task has run for less than a quarter of a second: shown a moment later).
Nothing is decoded here and nothing is held but the piece being handed on. Where a worker cut an output, it says so in the output itself.
"""

import os

from cyclone_core import journal
from cyclone_core.errors import InvalidRequest, NotFound
from cyclone_core.jobs import RUNNING
from cyclone_core.problems import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from cyclone_core.operations.queries import HostView
    from cyclone_core.scheduler.sqlite.reader import Reader
    from cyclone_core.views import Attempt, Job, Task

CHUNK_BYTES = 1 << 18
_OPEN_JOURNALS = 16
_PAGE = 4096


class Outputs:
    """Reads outputs of one host, keeping the journals it meets open. Use as a context manager."""

    def __init__(self, state_dir: str) -> None:
        """state_dir: of the host. Nothing is opened yet."""
        self.state_dir = state_dir
        self._journals: dict[int, BinaryIO] = {}

    def __enter__(self) -> "Outputs":
        return self

    def __exit__(self, *exc: object) -> None:
        for file in self._journals.values():
            file.close()

    def end(self, key: "tuple[int, int, int]", number: int | None, at: int) -> "journal.End | None":
        """The END frame of an attempt (job, position, attempt) in a journal, None where there is none (its worker died)."""
        if not number:
            return None
        try:
            end = journal.end_at(self._journal(number), at)
        except (OSError, ValueError):
            return None
        return end if (end.job, end.position, end.attempt) == key else None

    def of(self, key: "tuple[int, int, int]", number: int | None, at: int, last: int = 0) -> "Iterator[bytes]":
        """The output, in pieces, of an attempt (job, position, attempt) whose END frame is said to lie there; `last` as in `Tail`."""
        end = self.end(key, number, at)
        if end is not None and not end.flags & journal.SPILLED:
            if end.output:
                yield end.output
            return
        with self.tail(key, last) as tail:
            yield from tail.more()

    def refresh(self, key: "tuple[int, int, int]") -> None:
        """Somebody wants to see what a running attempt has written until now. Nothing to do: its file has it."""

    def tail(self, key: "tuple[int, int, int]", last: int = 0) -> "Tail":
        """What reads an attempt's (job, position, attempt) output while it grows."""
        return Tail(self.state_dir, *key, last=last)

    def rest_of(self, tail: "Tail", key: "tuple[int, int, int]", number: int | None, at: int, last: int = 0) -> "Iterator[bytes]":
        """What a tail of an attempt that is over has not told yet: of one whose file was never seen, everything."""
        return tail.more() if tail.is_open else self.of(key, number, at, last)

    def expect(self, job: "Job", tasks: "Iterable[Task]") -> None:
        """The outputs of these tasks will be read next. Nothing to do: they are on this machine."""

    def samples(self, key: "tuple[int, int, int]") -> bytes:
        """Metrics so far of an attempt that runs, in whole lines; nothing where there are none."""
        try:
            with open(journal.metrics_path(self.state_dir, *key), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return b""
        return data[: data.rfind(b"\n") + 1]

    def _journal(self, number: int) -> "BinaryIO":
        file = self._journals.get(number)
        if file is None:
            if len(self._journals) >= _OPEN_JOURNALS:
                self._journals.pop(next(iter(self._journals))).close()
            file = open(journal.journal_path(self.state_dir, number), "rb", buffering=1 << 16)  # noqa: SIM115  closed by __exit__
            self._journals[number] = file
        return file


class Tail:
    """Reads the file of an attempt's output from where it stopped last. Once open, it stays readable when the worker takes it away.

    With `last`, never more than about so many bytes are read at a time: where more was written since the last look (or before the first
    one), whole lines are passed over and a line in the output says how much that was.
    """

    __slots__ = ("_fd", "_last", "_path")

    def __init__(self, state_dir: str, job: int, position: int, attempt: int, last: int = 0) -> None:
        """The file need not exist yet. last: bytes, 0 = everything."""
        self._path, self._fd, self._last = journal.output_path(state_dir, job, position, attempt), -1, last

    def __enter__(self) -> "Tail":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether the file was there once: then everything the attempt writes comes through `more`."""
        return self._fd >= 0

    def more(self) -> "Iterator[bytes]":
        """What was added since the last time."""
        if self._fd < 0:
            try:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return
        if self._last:
            yield from self._skipped()
        while data := os.read(self._fd, CHUNK_BYTES):
            yield data

    def _skipped(self) -> "Iterator[bytes]":
        """Go on to the last bytes where more are new; yields a line about it, then the first of them."""
        at, size = os.lseek(self._fd, 0, os.SEEK_CUR), os.fstat(self._fd).st_size
        if size - at <= self._last:
            return
        os.lseek(self._fd, size - self._last, os.SEEK_SET)
        data = os.read(self._fd, CHUNK_BYTES)
        begin = data.find(b"\n") + 1  # 0 where not even one line ends here: then it begins in the middle of it
        yield b"\n" * (at > 0 and os.pread(self._fd, 1, at - 1) != b"\n") + b"[... %d bytes before this are not shown ...]\n" % (
            size - self._last + begin - at
        )
        yield data[begin:]

    def close(self) -> None:
        """Close the file; harmless when done twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def output(host: "HostView", job: "Job", position: int, attempt: int | None = None, fresh: bool = False) -> "Iterator[bytes]":
    """Output of a task so far: of the last attempt, or of the one asked for. Raises NotFound when that was never made.

    fresh: of one that runs elsewhere what it has written until now, which may take some seconds; else what is known of it here.
    """
    found = choose(host.reader, job, position, attempt)
    if found is not None:
        with host.outputs() as outputs:
            if fresh and found.status == RUNNING:
                outputs.refresh((job.id, position, found.attempt))
                found = choose(host.reader, job, position, found.attempt) or found
            yield from outputs.of((job.id, position, found.attempt), found.journal, found.at)


def array_output(host: "HostView", job: "Job") -> "Iterator[tuple[int, bytes]]":
    """(position, piece of output) of all tasks of an array, by index: final ones, and what running ones have written so far."""
    after = 0
    with host.outputs() as outputs:
        while page := host.reader.tasks(job.id, None, after, _PAGE):
            outputs.expect(job, page)
            for task in page:
                if task.journal or task.status == RUNNING:
                    for piece in outputs.of((job.id, task.position, task.attempt), task.journal, task.at):
                        yield task.position, piece
            after = page[-1].position
            if after >= job.next - 1:
                return  # the rest had not been leased when we began


def save(host: "HostView", job: "Job", position: int | None, attempt: int | None, path: str) -> "tuple[str, int]":
    """Write the whole output of a task, or of all tasks of an array (position None), into a new file that only its owner can read.

    path: may begin with `~`. Returns (the file's path, bytes). Raises InvalidRequest where the file exists or cannot be written; what was
    written until then stays. Raises NotFound for an attempt that was never made.
    """
    path = os.path.abspath(os.path.expanduser(path))
    pieces = output(host, job, position, attempt) if position is not None else _with_headers(host, job)
    size = 0
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            for piece in pieces:
                size += file.write(piece)
    except FileExistsError:
        raise InvalidRequest([Problem(path, "exists already, nothing was written", "Choose another name")]) from None
    except OSError as exc:
        raise InvalidRequest([Problem(path, f"cannot be written: {exc.strerror}", "Choose another place")]) from exc
    return path, size


def _with_headers(host: "HostView", job: "Job") -> "Iterator[bytes]":
    """Outputs of all tasks, each after a line that names it."""
    last = 0
    for position, piece in array_output(host, job):
        if position != last:
            yield f"{chr(10) if last else ''}==> {job.task_id(position)} <==\n".encode()
            last = position
        yield piece


def last_lines(host: "HostView", job: "Job", position: int, count: int = 50) -> "tuple[list[bytes], bool]":
    """(the last lines of a task's output without their line ends, whether there are earlier ones). Lines longer than 4 KiB are cut."""
    held = b""
    dropped = False
    for piece in output(host, job, position):
        held += piece
        if len(held) > 2 * CHUNK_BYTES:
            held, dropped = held[-CHUNK_BYTES:], True
    lines = held[:-1].split(b"\n") if held.endswith(b"\n") else held.split(b"\n") if held else []
    return [line[:4096] for line in lines[-count:]], dropped or len(lines) > count


def choose(reader: "Reader", job: "Job", position: int, attempt: int | None = None) -> "Attempt | None":
    """The attempt asked for, or the last one; None when there was none at all. Raises NotFound for a number that was never made."""
    attempts = reader.attempts(job.id, position)
    if attempt is None:
        return attempts[-1] if attempts else None
    for found in attempts:
        if found.attempt == attempt:
            return found
    made = f"it has had {len(attempts)}" if attempts else "it has not run yet"
    raise NotFound(f"{job.task_id(position)} has no attempt {attempt}: {made}. See qstat -i {job.task_id(position)}")
