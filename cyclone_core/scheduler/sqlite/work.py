"""What the store remembers about jobs that have waiting or leased tasks: `Work`, and `Lease`.

Both mirror rows of the database and are built from them; after a failed commit they are thrown away and read again.
"""

from array import array

from cyclone_core.scheduler.lifecycle import Retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from cyclone_core.indices import Indices
    from cyclone_core.ports import Range

    History = tuple[int, int, int]
    """(number of the next or current attempt, own failures so far, workers lost so far)"""

FRESH: "History" = (1, 0, 0)


class Work:
    """An open job: which of its tasks wait, how many are leased, what its retry rules are."""

    __slots__ = (
        "array", "blocks", "cancelled", "definition", "id", "leased", "left", "limit", "low", "name", "next", "priority",
        "queue", "retry", "spans", "sparse", "spec", "step", "tasks",
    )  # fmt: skip

    def __init__(self, row: "tuple[Any, ...]", retry: Retry) -> None:
        (self.id, self.name, self.queue, self.definition, self.spec, self.priority, self.array, self.tasks, self.low, self.step,
         self.limit, self.next, waiting, self.leased, cancel) = row  # fmt: skip
        self.left: int = waiting + self.leased
        self.cancelled = cancel is not None
        self.retry = retry
        self.sparse: Indices | None = None
        """the indices of a sparse array"""
        self.spans: dict[int, tuple[int, History]] = {}
        """low position -> (high position, history) of tasks that were leased before and wait again"""
        self.blocks: dict[int, int] = {}
        """block number -> final tasks in it, for blocks that are not complete"""

    @property
    def waiting(self) -> int:
        """How many of its tasks wait."""
        return self.left - int(self.leased)

    def peek(self, count: int) -> "list[Range]":
        """Up to `count` waiting tasks as ranges, those that were leased before first; nothing is changed."""
        if self.limit:
            count = min(count, self.limit - self.leased)
        ranges: list[Range] = []
        for low, (high, history) in self.spans.items():
            if count <= 0:
                return ranges
            take = min(count, high - low + 1)
            ranges.append((self.id, low, low + take - 1, *history))
            count -= take
        if count > 0 and not self.cancelled and self.next <= self.tasks:
            ranges.append((self.id, self.next, min(self.tasks, self.next + count - 1), *FRESH))
        return ranges


class Lease:
    """Tasks in a worker's hands: `tasks` maps (job, position) to their history until they are reported."""

    __slots__ = ("id", "journal", "journal_at", "tasks", "worker")

    def __init__(self, number: int, worker: int, journal: int, journal_at: int, ranges: "Iterable[Range]") -> None:
        self.id, self.worker, self.journal, self.journal_at = number, worker, journal, journal_at
        self.tasks: dict[tuple[int, int], History] = {}
        for job, low, high, attempt, failures, losses in ranges:
            history = (attempt, failures, losses)
            for position in range(low, high + 1):
                self.tasks[job, position] = history

    def blob(self) -> bytes:
        """The outstanding tasks as they are stored."""
        return pack_ranges(ranges_of(self.tasks.items()))


def ranges_of(tasks: "Iterable[tuple[tuple[int, int], History]]") -> "list[Range]":
    """Tasks with their histories as ranges: neighbours with equal histories together."""
    ranges: list[Range] = []
    for (job, position), history in sorted(tasks):
        if ranges and ranges[-1][0] == job and ranges[-1][2] == position - 1 and ranges[-1][3:] == history:
            ranges[-1] = (job, ranges[-1][1], position, *history)
        else:
            ranges.append((job, position, position, *history))
    return ranges


def pack_ranges(ranges: "Iterable[Range]") -> bytes:
    """Ranges as 64-bit integers, little-endian."""
    return array("q", [number for one in ranges for number in one]).tobytes()


def unpack_ranges(blob: bytes) -> "list[Range]":
    """The inverse of `pack_ranges`."""
    numbers = array("q", blob)
    return [tuple(numbers[k : k + 6]) for k in range(0, len(numbers), 6)]  # type: ignore[misc]
