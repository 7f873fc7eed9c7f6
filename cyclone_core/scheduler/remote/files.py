"""Scripts and parameters on this machine's disk, where the agent looks for them; of parameters only what tasks here need.

A parameter object in S3 is a packed parameter file (`scheduler.parameters`). Here it is a file of the same size with holes: the index and
the end are in place from the beginning, a chunk is filled in before a task is leased that reads it.
"""

import os
from _bisect import bisect_right
from _blake2 import blake2b
from _collections import OrderedDict  # type: ignore[import-not-found]  # `collections` loads five other modules
from _thread import allocate_lock

from cyclone_core.scheduler.parameters import ENTRY, FOOTER, MAGIC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Fetch = Callable[[str, int, int], bytes]
    """(key of an object, first byte, last byte) -> bytes; a negative first byte: so many of its end. Raises CycloneError."""
    Lines = tuple[int, int]
    """First and last line"""

_TAIL_BYTES = 64 * 1024
"""What is fetched first: the end, and of most objects the whole index."""
KEPT_SCRIPTS, KEPT_PARAMETERS = 500, 8


class ParameterObject:
    """One parameter object as a file with holes. Threads may share it."""

    __slots__ = ("_at", "_fetch", "_filled", "_firsts", "_key", "_lock", "_offsets", "path", "tasks")

    def __init__(self, fetch: "Fetch", key: str, path: str) -> None:
        """Make the file, with its index. Raises CycloneError, OSError, ValueError for what is no parameter object."""
        self._fetch, self._key, self.path, self._lock = fetch, key, path, allocate_lock()
        tail = fetch(key, -_TAIL_BYTES, 0)
        if len(tail) < FOOTER.size or FOOTER.unpack(tail[-FOOTER.size :])[3] != MAGIC:
            raise ValueError(f"the object {key} holds no parameters")
        self.tasks, chunks, self._at, _ = FOOTER.unpack(tail[-FOOTER.size :])
        size = self._at + chunks * ENTRY.size + FOOTER.size
        if size - self._at > len(tail):
            tail = fetch(key, self._at, size - 1)
        index = tail[len(tail) - (size - self._at) : len(tail) - FOOTER.size]
        entries = list(ENTRY.iter_unpack(index))
        self._firsts: list[int] = [first for first, _ in entries]
        self._offsets = [offset for _, offset in entries] + [self._at]
        self._filled = bytearray(chunks)
        self._make(size, tail)

    def _make(self, size: int, tail: bytes) -> None:
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(file, size)
            _write_at(file, tail, size - len(tail))
        finally:
            os.close(file)
        begin = size - len(tail)
        for chunk, offset in enumerate(self._offsets[:-1]):
            self._filled[chunk] = offset >= begin

    def need(self, lines: "Iterable[Lines]") -> None:
        """Fill in what these lines (1..tasks) are in; one request for neighbours. Raises CycloneError, OSError, IndexError."""
        with self._lock:
            for first, last in lines:
                if not 1 <= first <= last <= self.tasks:
                    raise IndexError(f"the parameters have {self.tasks:,} lines, and not {last:,}")
                self._fill(bisect_right(self._firsts, first) - 1, bisect_right(self._firsts, last) - 1)

    def _fill(self, low: int, high: int) -> None:
        chunk = low
        while chunk <= high:
            if self._filled[chunk]:
                chunk += 1
                continue
            end = chunk
            while end < high and not self._filled[end + 1]:
                end += 1
            data = self._fetch(self._key, self._offsets[chunk], self._offsets[end + 1] - 1)
            file = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                _write_at(file, data, self._offsets[chunk])
            finally:
                os.close(file)
            self._filled[chunk : end + 1] = b"\1" * (end + 1 - chunk)
            chunk = end + 1


class Files:
    """Scripts and parameters below the state directory. Threads may share it."""

    def __init__(self, state_dir: str, fetch: "Fetch") -> None:
        self._state_dir, self._fetch, self._lock = state_dir, fetch, allocate_lock()
        for name in ("scripts", "parameters"):
            os.makedirs(f"{state_dir}/{name}", 0o700, exist_ok=True)
        self._scripts: OrderedDict[str, None] = OrderedDict()
        self._parameters: OrderedDict[str, ParameterObject] = OrderedDict()

    def script(self, body: bytes) -> str:
        """Keep a script; its name below `scripts`. Raises OSError."""
        name = blake2b(body, digest_size=16).hexdigest()
        path = f"{self._state_dir}/scripts/{name}"
        if name not in self._scripts or not os.path.exists(path):
            temporary = f"{path}.{os.urandom(4).hex()}"
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                _write_at(file, body, 0)
            except OSError:
                os.unlink(temporary)
                raise
            finally:
                os.close(file)
            os.rename(temporary, path)
        with self._lock:
            self._scripts[name] = None
            self._scripts.move_to_end(name)
        return name

    def parameters(self, key: str, lines: "Iterable[Lines]") -> str:
        """Have these lines of a parameter object here; its path below the state directory. Raises CycloneError, OSError, ValueError."""
        name = f"parameters/{blake2b(key.encode(), digest_size=16).hexdigest()}"
        with self._lock:
            found = self._parameters.get(key)
            if found is None:
                found = self._parameters[key] = ParameterObject(self._fetch, key, f"{self._state_dir}/{name}")
            self._parameters.move_to_end(key)
        found.need(lines)
        return name

    def clean(self, scripts: "set[str]", parameters: "set[str]") -> None:
        """Remove what was not used for long. scripts, parameters: names of those that are used now."""
        with self._lock:
            for name in list(self._scripts)[: max(0, len(self._scripts) - KEPT_SCRIPTS)]:
                if name not in scripts:
                    del self._scripts[name]
                    _unlink(f"{self._state_dir}/scripts/{name}")
            for key in list(self._parameters)[: max(0, len(self._parameters) - KEPT_PARAMETERS)]:
                if key not in parameters:
                    _unlink(self._parameters.pop(key).path)


def _write_at(file: int, data: bytes, at: int) -> None:
    while data:
        written = os.pwrite(file, data, at)
        data, at = data[written:], at + written


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
