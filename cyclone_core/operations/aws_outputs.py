"""What tasks of an AWS host wrote: objects of its bucket, and for little ones the job's own item. The same methods as `logs.Outputs`.

Outputs of tasks that ended together lie in one object, which is fetched once and kept for the next ones: reading a whole array by index
takes about as many requests as its workers made. Large outputs are objects of their own, read in pieces. What a running task has written
so far its worker puts there once a minute, and every other second while somebody says that he follows it.
"""

from _io import BytesIO
from time import sleep, time
from zlib import decompress, error

from cyclone_core import journal
from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.job_views import LOG_BITS
from cyclone_core.scheduler.dynamo.table import ConditionFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future, ThreadPoolExecutor
    from typing import Any

    from cyclone_core.operations.aws_host import AwsHost
    from cyclone_core.scheduler.dynamo.values import Item
    from cyclone_core.views import Job, Task

    Key = tuple[int, int, int]
    """(job, position, attempt)"""

PIECE_BYTES = 8 << 20
"""So much of a large output is fetched at once."""
KEPT_BYTES = 64 << 20
"""Inflated log objects that are kept; one is at most some megabytes."""
INTEREST_MS, RENEWED_MS = 90_000, 45_000
"""Interest in a task lasts so long, and is told again so early: each time costs a write of the unit."""
FRESH_S, FRESH_LOOK_S = 8.0, 1.0
"""A worker looks every five seconds whether somebody follows; a task that has written nothing new says nothing."""
_NO_LIVE = (0, 0, 0)


class AwsOutputs:
    """See the module. Use as a context manager; for one thread."""

    def __init__(self, host: "AwsHost", pause: "Callable[[float], object]" = sleep) -> None:
        """Nothing is asked yet."""
        self._host, self._pause = host, pause
        self._logs: dict[tuple[int, int], bytes] = {}
        self._kept = 0
        self._ahead = Ahead(lambda one: self._fetched(*one))
        self._jobs: dict[int, Item] = {}

    def __enter__(self) -> "AwsOutputs":
        return self

    def __exit__(self, *exc: object) -> None:
        self._ahead.close()
        self._logs.clear()
        self._kept = 0

    # -- what is over -------------------------------------------------------------------------------------------------------------
    def end(self, key: "Key", number: int | None, at: int) -> "journal.End | None":
        """The END frame of an attempt in a log object (number: as readers tell it), None where there is none. Raises AwsError."""
        if not number:
            return None
        try:
            end = journal.end_at(_Frames(self._log(key[0], number)), at)
        except ValueError:
            return None
        return end if (end.job, end.position, end.attempt) == key else None

    def of(self, key: "Key", number: int | None, at: int, last: int = 0) -> "Iterator[bytes]":
        """The output, in pieces, of an attempt: all of it when it is over, else what is known of it so far. Raises AwsError.

        last: of a large one only so many bytes of its end, 0 = everything.
        """
        if not number:
            yield from self.tail(key, last).look()
            return
        yield from self.rest(key, number, at, 0, last)

    def rest(self, key: "Key", number: int, at: int, told: int, last: int = 0) -> "Iterator[bytes]":
        """The output of an attempt that is over, without its first `told` bytes. Raises AwsError."""
        end = self.end(key, number, at)
        if end is None or end.size <= told:
            return
        start = told
        if last and end.size - told > last:
            start = end.size - last
        if start > told:
            yield _passed_over(start - told, told)
        if not end.flags & journal.SPILLED:
            yield end.output[start:]
            return
        name = keys.output_object(key[0], number >> LOG_BITS, key[1], key[2])
        for begin in range(start, end.size, PIECE_BYTES):
            yield self._get(name, (begin, min(begin + PIECE_BYTES, end.size)))

    # -- what runs ----------------------------------------------------------------------------------------------------------------
    def refresh(self, key: "Key") -> None:
        """Ask the worker of a running attempt for what it has written until now, and wait for it; at most FRESH_S. Raises AwsError."""
        item = self.unit(key[0], key[1])
        if item is None or item.get("s") != keys.LEASED or item.get("fo", 0) > time() * 1000:
            return  # somebody follows already: what is there is a few seconds old
        before = live_of(item, key[1])
        self.follow(item)
        until = time() + FRESH_S
        while time() < until and live_of(item, key[1]) == before and item.get("s") == keys.LEASED:
            self._pause(FRESH_LOOK_S)
            item = self.unit(key[0], key[1]) or {}

    def tail(self, key: "Key", last: int = 0) -> "AwsTail":
        """What reads an attempt's output while it grows; that somebody follows is told to its worker."""
        return AwsTail(self, key, last)

    def rest_of(self, tail: "AwsTail", key: "Key", number: int | None, at: int, last: int = 0) -> "Iterator[bytes]":
        """What a tail of an attempt that is over has not told yet. Raises AwsError."""
        return tail.rest(number, at)

    def expect(self, job: "Job", tasks: "Iterable[Task]") -> None:
        """The outputs of these tasks will be read next, in this order: their log objects are fetched ahead, some at once."""
        wanted = dict.fromkeys((job.id, task.journal) for task in tasks if task.journal)
        self._ahead.expect([one for one in wanted if one not in self._logs])

    def samples(self, key: "Key") -> bytes:
        """Metrics of an attempt that runs: workers elsewhere tell them when it is over."""
        return b""

    def unit(self, job: int, position: int) -> "Item | None":
        """The item that a task is in, None while nobody ever claimed it. Raises AwsError."""
        if job not in self._jobs:
            found = self._host.table.get(keys.job(job), fields=("pk", "sk", "a", "sz"))
            if found is None:
                return None
            self._jobs[job] = found
        told = self._jobs[job]
        if not told.get("a"):
            return self._host.table.get(keys.job(job))
        size = told["sz"]
        base = (position - 1) // size * size + 1
        bounds, partition = (f"{base:09d}", f"{position:09d}"), keys.slices(job, keys.group_of(position, size))
        for item in self._host.table.query(partition, between=bounds, backwards=True, limit=1):
            return item if item["h"] >= position else None
        return None

    def follow(self, item: "Item") -> None:
        """Tell the worker that has a unit that somebody follows what it runs. Raises AwsError."""
        now = int(time() * 1000)
        if item.get("s") != keys.LEASED or item.get("fo", 0) > now + RENEWED_MS:
            return
        try:
            wish = {"fo": now + INTEREST_MS}
            self._host.table.update((item["pk"], item["sk"]), set=wish, when=[("s", "=", keys.LEASED)], returns="NONE")
        except ConditionFailed:
            return  # it was let go of meanwhile

    def live(self, key: "Key", low: int, chunk: int) -> bytes:
        """A piece of the output of an attempt that runs; empty when it is gone. Raises AwsError."""
        return self._get(keys.live_object(key[0], low, key[1], key[2], chunk))

    # -- objects ------------------------------------------------------------------------------------------------------------------
    def _log(self, job: int, number: int) -> bytes:
        found = self._logs.pop((job, number), None)
        if found is None:
            found = self._ahead.take((job, number))
            self._kept += len(found)
        self._logs[job, number] = found  # the last one used is the last one dropped
        while self._kept > KEPT_BYTES and len(self._logs) > 1:
            self._kept -= len(self._logs.pop(next(iter(self._logs))))
        return found

    def _fetched(self, job: int, number: int) -> bytes:
        low, log = number >> LOG_BITS, number & (1 << LOG_BITS) - 1
        data = b""
        if not low:
            inline = self._host.table.get(keys.job(job), fields=("o", "lg"))
            data = (inline or {}).get("o", b"") if inline and inline.get("lg", log) == log else b""
        try:
            return decompress(data or self._get(keys.log_object(job, low, log)))
        except error:
            return b""

    def _get(self, name: str, part: "tuple[int, int] | None" = None) -> bytes:
        try:
            return self._host.aws.get(self._host.lean.bucket, name, part)
        except AwsError as exc:
            if exc.code in ("NoSuchKey", "InvalidRange"):  # its time is over, or it was never written
                return b""
            raise


class Ahead:
    """Fetches what will be asked for soon, AT_ONCE objects at a time and at most WINDOW of them ahead; the rest when it is asked for."""

    AT_ONCE, WINDOW = 8, 24

    def __init__(self, fetch: "Callable[[tuple[int, int]], bytes]") -> None:
        self._fetch = fetch
        self._pool: ThreadPoolExecutor | None = None
        self._wanted: list[tuple[int, int]] = []
        self._coming: dict[tuple[int, int], Future[bytes]] = {}

    def expect(self, wanted: "list[tuple[int, int]]") -> None:
        """These will be asked for, in this order, and none of those announced before."""
        if len(wanted) < 2:
            return
        self._wanted = [one for one in wanted if one not in self._coming][::-1]
        self._go_on()

    def take(self, one: "tuple[int, int]") -> bytes:
        """One of them, or another. Raises AwsError."""
        coming = self._coming.pop(one, None)
        self._go_on()
        return coming.result() if coming else self._fetch(one)

    def close(self) -> None:
        """Nothing more is needed."""
        self._wanted.clear()
        self._coming.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _go_on(self) -> None:
        if not self._wanted:
            return
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self.AT_ONCE)
        while self._wanted and len(self._coming) < self.WINDOW:
            one = self._wanted.pop()
            self._coming[one] = self._pool.submit(self._fetch, one)


class AwsTail:
    """Reads the output of an attempt that runs, from where it stopped last. The same methods as `logs.Tail`."""

    __slots__ = ("_chunks", "_key", "_last", "_outputs", "_told")

    def __init__(self, outputs: AwsOutputs, key: "Key", last: int = 0) -> None:
        """last: bytes told at most of what is new at a look, 0 = everything."""
        self._outputs, self._key, self._last = outputs, key, last
        self._chunks = self._told = 0

    def __enter__(self) -> "AwsTail":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def more(self) -> "Iterator[bytes]":
        """What was added since the last time; that somebody follows is told to the worker. Raises AwsError."""
        return self.look(follow=True)

    def look(self, follow: bool = False) -> "Iterator[bytes]":
        """What was added since the last time. Raises AwsError."""
        job, position, attempt = self._key
        item = self._outputs.unit(job, position)
        if item is None:
            return
        if follow:
            self._outputs.follow(item)
        number, chunks, size = live_of(item, position)
        if number == attempt:
            yield from self.take(item.get("lo", 0) if "j" in item else 0, chunks, size)

    def rest(self, number: int | None, at: int) -> "Iterator[bytes]":
        """When the attempt is over: what was not told yet. number, at: where its END frame lies. Raises AwsError."""
        told, self._told = self._told, 1 << 62
        return self._outputs.rest(self._key, number, at, told, self._last) if number else iter(())

    def close(self) -> None:
        """Nothing is held."""

    def take(self, low: int, chunks: int, size: int) -> "Iterator[bytes]":
        """The chunks that were not told yet, of so many with so many bytes together. Raises AwsError."""
        first = self._chunks
        if chunks <= first:
            return
        self._chunks = chunks
        if self._last and size - self._told > self._last:
            yield from self._end(low, first, chunks, size)
            return
        for chunk in range(first, chunks):
            data = self._outputs.live(self._key, low, chunk)
            self._told += len(data)
            yield data

    def _end(self, low: int, first: int, chunks: int, size: int) -> "Iterator[bytes]":
        """Of much, the last chunks."""
        parts, held = list[bytes](), 0
        while chunks > first and held < self._last:
            chunks -= 1
            parts.append(self._outputs.live(self._key, low, chunks))
            held += len(parts[-1])
        yield _passed_over(max(0, size - held - self._told), self._told)
        self._told = size
        yield from reversed(parts)


class _Frames(BytesIO):
    """An inflated log object, read as a journal."""

    name = "its log object"


def live_of(item: "Item", position: int) -> "tuple[int, int, int]":
    """(attempt, chunks, bytes) of the output so far of a task that runs, as its unit's item says."""
    text = item.get("lv")
    if not text:
        return _NO_LIVE
    import json

    found: dict[str, Any] = json.loads(text)
    attempt, chunks, size = found.get(str(position), _NO_LIVE)
    return attempt, chunks, size


def _passed_over(count: int, told: int) -> bytes:
    return b"\n" * bool(told) + b"[... %d bytes before this are not shown ...]\n" % count
