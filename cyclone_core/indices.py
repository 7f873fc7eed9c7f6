"""Indices of sparse arrays: lists such as 3,17,100-200,300-400:2, and which index stands at which position.

Inside the engine a task is its position 1..n; users see its index. Most arrays are one stretch (low, high, step), which a job's row
holds; this module is for those that are several: a retry of some tasks, or `qsub -t 1,5,9-12`. It is imported only for them.
Stretches ascend and never overlap, so both ways of the mapping are one bisection.
Refused with ValueError: everything else that claims to be such a list.
"""

from _bisect import bisect_right
from array import array
from itertools import pairwise
from zlib import compress, decompress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Stretch = tuple[int, int, int]
    """(low, high, step): the indices low, low + step, … high"""
    Part = tuple[int, int, int]
    """(position, index, step): from this position on indices go upwards from this one"""

MAX_STRETCHES = 500_000
"""Most stretches of one array."""
MAX_MIXED = 1_000_000
"""So many indices may be told by ranges that overlap."""


class Indices:
    """The indices of one array in ascending order, by position 1..`count`."""

    __slots__ = ("_firsts", "_lows", "_steps", "count", "high", "low")

    def __init__(self, stretches: "Iterable[Stretch]") -> None:
        """Raises ValueError unless they ascend, do not overlap, and there is at least one."""
        self._firsts, self._lows, self._steps = array("q"), array("q"), array("q")
        self.count = self.high = 0
        for low, high, step in stretches:
            if not self.high < low <= high or step < 1 or (high - low) % step:
                raise ValueError(f"the indices {low}-{high}:{step} do not follow {self.high}")
            self._firsts.append(self.count + 1)
            self._lows.append(low)
            self._steps.append(step)
            self.count += (high - low) // step + 1
            self.high = high
        if not 1 <= len(self._lows) <= MAX_STRETCHES:
            raise ValueError(f"{len(self._lows):,} stretches of indices: 1 to {MAX_STRETCHES:,} are possible")
        self.low = self._lows[0]

    def __len__(self) -> int:
        """How many stretches there are."""
        return len(self._lows)

    def index(self, position: int) -> int:
        """What users call the task at a position."""
        k = bisect_right(self._firsts, position) - 1
        return self._lows[k] + (position - self._firsts[k]) * self._steps[k]

    def position(self, index: int) -> int | None:
        """Position of the task with this index, None when the array has none."""
        k = bisect_right(self._lows, index) - 1
        if k < 0:
            return None
        steps, rest = divmod(index - self._lows[k], self._steps[k])
        position = self._firsts[k] + steps
        return position if rest == 0 and position <= self._last(k) else None

    def parts(self, low: int, high: int) -> "Iterator[Part]":
        """What maps the positions low..high, in as many parts as there are stretches of them."""
        k = bisect_right(self._firsts, low) - 1
        while k < len(self._lows) and self._firsts[k] <= high:
            first = max(low, self._firsts[k])
            yield first, self._lows[k] + (first - self._firsts[k]) * self._steps[k], self._steps[k]
            k += 1

    def cut(self, low: int, high: int) -> "Iterator[Stretch]":
        """The indices at positions low..high."""
        for first, index, step in self.parts(low, high):
            last = min(high, self._last(bisect_right(self._firsts, first) - 1))
            yield index, index + (last - first) * step, step

    def text(self, longest: int = 1000) -> str:
        """`1,5,9-12,20-40:5`, cut off with … behind so many characters."""
        words: list[str] = []
        room = longest
        for low, high, step in self:
            word = str(low) if low == high else f"{low}-{high}" if step == 1 else f"{low}-{high}:{step}"
            room -= len(word) + 1
            if room < 0:
                return ",".join([*words, "…"])
            words.append(word)
        return ",".join(words)

    def __iter__(self) -> "Iterator[Stretch]":
        for k, low in enumerate(self._lows):
            yield low, low + (self._last(k) - self._firsts[k]) * self._steps[k], self._steps[k]

    def _last(self, k: int) -> int:
        return self._firsts[k + 1] - 1 if k + 1 < len(self._firsts) else self.count


def pack(indices: Indices) -> bytes:
    """The indices as they are stored: differences, deflated."""
    numbers, before = array("q"), 0
    for low, high, step in indices:
        numbers.extend((low - before, (high - low) // step, step))
        before = high
    return compress(numbers.tobytes(), 6)


def unpack(blob: bytes) -> Indices:
    """The inverse of `pack`."""
    return Indices(_stretches(array("q", decompress(blob))))


def _stretches(numbers: "array[int]") -> "Iterator[Stretch]":
    before = 0
    for k in range(0, len(numbers), 3):
        low, step = before + numbers[k], numbers[k + 2]
        before = low + numbers[k + 1] * step
        yield low, before, step


def joined(stretches: "Iterable[Stretch]") -> "Iterator[Stretch]":
    """Ascending stretches, neighbours that go on in the same step made one: 1, 3, 5, 9-12 is 1-5:2, 9-12."""
    low, high, step = 0, -1, 1  # the open stretch; none while high < low
    for first, last, each in stretches:
        gap = first - high
        single = first == last
        if high < low:
            low, high, step = first, last, 1 if single else each
        elif low == high and (single or each == gap):  # one index, then another: their distance may be a step
            low, high, step = low, last, gap
        elif gap == step and (single or each == step):
            high = last
        elif step > 1 and high - low == step:  # two indices make no step: the second may begin one with the next
            yield low, low, 1
            low, high, step = (high, last, first - high) if single or each == gap else (high, high, 1)
            if high != last:
                yield low, high, step
                low, high, step = first, last, each
        else:
            yield low, high, step
            low, high, step = first, last, 1 if single else each
    if step > 1 and high - low == step:
        yield low, low, 1
        low, step = high, 1
    if low <= high:
        yield low, high, step


def united(ranges: "Iterable[Stretch]") -> "list[Stretch]":
    """Ranges in any order, as somebody wrote them, as stretches. Raises ValueError when too many overlap."""
    ordered = sorted((low, low + (high - low) // step * step, step) for low, high, step in ranges)
    if all(one[1] < other[0] for one, other in pairwise(ordered)):
        return list(joined(ordered))
    if sum((high - low) // step + 1 for low, high, step in ordered) > MAX_MIXED:
        raise ValueError(f"ranges that overlap may have {MAX_MIXED:,} indices at most")
    every = sorted({index for low, high, step in ordered for index in range(low, high + 1, step)})
    return list(joined((index, index, 1) for index in every))
