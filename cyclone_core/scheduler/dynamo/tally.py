"""What was counted of the units of a group, so that each change of a unit is counted exactly once. Pure and lean.

The stream tells of units in any order and more than once. A tally remembers the version of each unit that was counted last and the numbers
that it was counted with: a newer version changes the sums by the difference, and what is older or the same changes nothing.

A unit that is over never changes again. It is *closed* then: no version needs to be remembered, and neighbours among slices are joined, so
the tally of an array of long tasks, whose slices were split and split again, stays small. What is removed stays as a closed unit of no
tasks, since late records of it may follow for a day.

A base tile that was never seen counts as waiting (the job's insertion has counted it), everything else that was never seen as nothing.
"""

from _bisect import bisect_right, insort_right
from zlib import compress, decompress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cyclone_core.views import Counts

    Delta = tuple[int, int, int, int, int, int, int]
    """How numbers of tasks change, in the order of `jobs.STATES`, and of finished units."""

NOTHING: "Counts" = (0, 0, 0, 0, 0, 0)
NO_CHANGE: "Delta" = (0, 0, 0, 0, 0, 0, 0)
UNSEEN, CLOSED = -1, 1 << 62
"""Versions of units that were never counted, and of those that nothing changes any more."""
_CLOSED_BIT = 1 << 6


class Tally:
    """The units of one group: first position (or a single job's number) -> version and numbers of tasks by state."""

    __slots__ = ("_order", "_units", "is_changed")

    def __init__(self) -> None:
        self.is_changed = False
        """Whether it has to be stored: something was counted or removed."""
        self._units: dict[int, tuple[int, Counts]] = {}
        self._order: list[int] = []

    @classmethod
    def unpack(cls, blob: bytes) -> "Tally":
        """The inverse of `pack`; of b"" an empty one."""
        made = cls()
        for unit, version, counts in _entries(decompress(blob) if blob else b""):
            made._units[unit] = version, counts
            made._order.append(unit)
        return made

    def pack(self) -> bytes:
        """A few bytes per unit."""
        out, before = bytearray(), 0
        for unit in self._order:
            version, counts = self._units[unit]
            closed = version >= CLOSED
            out.append(sum(1 << k for k in range(6) if counts[k]) | _CLOSED_BIT * closed)
            for number in (unit - before, *(() if closed else (version,)), *filter(None, counts)):
                _put(out, number)
            before = unit
        return compress(bytes(out), 6)

    def count(self, unit: int, version: int, counts: "Counts", tile: int = 0) -> "Delta":
        """A unit is known to be so; how the sums change. tile: tasks of the base tile that begins there, 0 where none does."""
        seen, before = self._seen(unit, tile)
        if version <= seen:
            return NO_CHANGE
        over = _is_over(counts)
        self._set(unit, CLOSED if over else version, counts)
        return difference(before, counts, int(over))

    def remove(self, unit: int) -> "Delta":
        """A single job is gone: its tasks count no more, and no late record brings them back."""
        version, before = self._seen(unit, 0)
        if (version, before) == (CLOSED, NOTHING):
            return NO_CHANGE
        self._set(unit, CLOSED, NOTHING)
        return difference(before, NOTHING)

    def join(self) -> None:
        """Make one of neighbouring slices that are over. Not for single jobs: each is removed by itself."""
        joined: list[int] = []
        for unit in self._order:
            version, counts = self._units[unit]
            if joined and version == CLOSED and self._ends(joined[-1]) == unit:
                before = self._units[joined[-1]][1]
                self._units[joined[-1]] = CLOSED, _sum(before, counts)
                del self._units[unit]
            else:
                joined.append(unit)
        self._order = joined

    @property
    def is_gone(self) -> bool:
        """Whether everything that was ever counted here is removed."""
        return all(version == CLOSED and not any(counts) for version, counts in self._units.values())

    def sums(self, tiles: "Iterable[tuple[int, int]]") -> "Counts":
        """The tasks of a group by state. tiles: (low, tasks) of its base tiles, which wait where they were never seen."""
        waiting = sum(tasks for low, tasks in tiles if self._seen(low, tasks)[0] == UNSEEN)
        found: Counts = (waiting, 0, 0, 0, 0, 0)
        for _, counts in self._units.values():
            found = _sum(found, counts)
        return found

    def stretches(self) -> "Iterator[tuple[int, bool, Counts]]":
        """(low, whether nothing of it will change, counts) of the units by position; joined ones as one."""
        for unit, version, counts in self:
            yield unit, version == CLOSED, counts

    def __iter__(self) -> "Iterator[tuple[int, int, Counts]]":
        """(unit, version, counts) by unit; joined ones as one."""
        for unit in self._order:
            yield unit, *self._units[unit]

    def _seen(self, unit: int, tile: int) -> "tuple[int, Counts]":
        """Version and numbers with which a unit was counted last."""
        if unit in self._units:
            return self._units[unit]
        k = bisect_right(self._order, unit) - 1
        if k >= 0 and self._ends(self._order[k]) > unit:  # joined with one before it
            return CLOSED, NOTHING
        return UNSEEN, (tile, 0, 0, 0, 0, 0)

    def _ends(self, unit: int) -> int:
        """The position behind a closed unit, 0 of others."""
        version, counts = self._units[unit]
        return unit + sum(counts) if version == CLOSED else 0

    def _set(self, unit: int, version: int, counts: "Counts") -> None:
        if unit not in self._units:
            insort_right(self._order, unit)
        self._units[unit] = version, counts
        self.is_changed = True


def add(one: "Sequence[int]", other: "Sequence[int]") -> "Delta":
    """Two changes after each other."""
    a, b, c, d, e, f, g = map(int.__add__, one, other)
    return a, b, c, d, e, f, g


def _is_over(counts: "Counts") -> bool:
    return not (counts[0] or counts[1]) and any(counts)


def difference(before: "Counts", after: "Counts", finished: int = 0) -> "Delta":
    """From these numbers to those."""
    a, b, c, d, e, f = map(int.__sub__, after, before)
    return a, b, c, d, e, f, finished


def _sum(one: "Counts", other: "Counts") -> "Counts":
    a, b, c, d, e, f = map(int.__add__, one, other)
    return a, b, c, d, e, f


def _entries(data: bytes) -> "Iterator[tuple[int, int, Counts]]":
    at = unit = 0
    while at < len(data):
        head, at = data[at], at + 1
        step, at = _take(data, at)
        unit += step
        version = CLOSED
        if not head & _CLOSED_BIT:
            version, at = _take(data, at)
        counts = [0] * 6
        for k in range(6):
            if head >> k & 1:
                counts[k], at = _take(data, at)
        a, b, c, d, e, f = counts
        yield unit, version, (a, b, c, d, e, f)


def _put(out: bytearray, number: int) -> None:
    """Seven bits a byte, the lowest first."""
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)


def _take(data: bytes, at: int) -> "tuple[int, int]":
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return number, at
        shift += 7
