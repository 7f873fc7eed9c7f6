"""Waiting jobs in the order in which they are leased: by priority of queue and job, then by submission.

One `Backlog` per (queue, definition) holds a window of its best jobs; what lies behind the window stays in the database, so
a million waiting jobs cost no memory. The window is filled again when it runs dry.
"""

from bisect import bisect, insort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cyclone_core.ports import Range
    from cyclone_core.scheduler.sqlite.store import SqliteStore
    from cyclone_core.scheduler.sqlite.work import Work

    Key = tuple[int, int]

WINDOW = 512
"""Jobs read at once."""
LARGEST_WINDOW = 4096
"""A window that has grown to this by submissions stops growing: the rest is read when it is needed."""


class Backlog:
    """The jobs of one queue and definition that wait."""

    __slots__ = ("_keys", "_works", "blocked_since", "complete", "definition", "queue", "store")

    def __init__(self, store: "SqliteStore", queue: str, definition: str) -> None:
        self.store, self.queue, self.definition = store, queue, definition
        self.blocked_since: float | None = None
        """since when its best job could not be placed, None while it can"""
        self.reset()

    def reset(self) -> None:
        """Forget the window; the database is read again when something is asked."""
        self._works: dict[int, Work] = {}
        self._keys: list[Key] = []
        self.complete = False

    def __bool__(self) -> bool:
        return self.store.waiting.get((self.queue, self.definition), 0) > 0

    def submitted(self, priority: int, job: int) -> None:
        """A job was submitted. Before the end of a window behind which others wait, it is not read now: the window is cut there."""
        if self.complete:
            work = self.store.work(job)
            if work is not None:
                self.add(work)
            return
        end = bisect(self._keys, (-priority, job))
        for _, later in self._keys[end:]:
            del self._works[later]
        del self._keys[end:]

    def add(self, work: "Work") -> None:
        """A job began to wait (submitted, or its tasks came back)."""
        if work.id in self._works:
            return
        key = (-work.priority, work.id)
        behind = not self._keys or key > self._keys[-1]
        if behind and self.complete and len(self._keys) >= LARGEST_WINDOW:
            self.complete = False
        if self.complete or not behind:
            insort(self._keys, key)
            self._works[work.id] = work

    def head(self) -> "Work | None":
        """The best job that has a task to give, None when there is none."""
        return next(self._candidates(), None)

    def take(self, count: int) -> "list[Range]":
        """Ranges of up to `count` waiting tasks, in order. The store's `lease` must follow before the next call."""
        ranges: list[Range] = []
        for work in self._candidates():
            found = work.peek(count)
            ranges += found
            count -= sum(high - low + 1 for _, low, high, *_ in found)
            if count <= 0:
                break
        return ranges

    def _candidates(self) -> "Iterator[Work]":
        """Jobs of the window with tasks to give, refilled as needed; jobs without any leave the window."""
        at = 0
        while True:
            while at < len(self._keys):
                work = self._works[self._keys[at][1]]
                if work.waiting <= 0:
                    del self._works[work.id], self._keys[at]
                    continue
                at += 1
                if not work.limit or work.leased < work.limit:
                    yield work
            if self.complete:
                return
            self._fill()

    def _fill(self) -> None:
        last = self._keys[-1] if self._keys else None
        found = self.store.ready(self.queue, self.definition, (-last[0], last[1]) if last else None, WINDOW)
        self.complete = len(found) < WINDOW
        for work in found:
            if work.id not in self._works:
                self._works[work.id] = work
                self._keys.append((-work.priority, work.id))
