"""Lists of jobs, newest first, from the sparse indices: never a scan of the table. Lean.

Each queue has SHARDS partitions of the index `listing`; a list is their merger, read page by page as it is taken. What the index holds
of a job (`n`, `u`, and `z` of one that is over and did not succeed) is compared there, so a list by name, by user or of what failed
reads the index alone, hundreds of jobs in a read unit. Open jobs are on the index `due` until they are over.

Indices follow the table within milliseconds, not at once. Ids are no order: a place in a list is (milliseconds, id), as text.
"""

from _heapq import heapify, heappop, heapreplace

from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.side_by_side import each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.dynamo.values import Item

    Entry = tuple[str, int]
    """(place in the list, id)"""
    Fits = Callable[[Item], bool]

_NEWEST, _OLDEST = "~", "0"
"""Above and below every place: those are digits and `#`."""
_COMPLEMENT = str.maketrans("0123456789", "9876543210")
LEAST_PAGE, MOST_PAGE = 8, 1000
"""Index entries that are read of a partition at once."""


class Walk:
    """Jobs of some queues, newest first, that fit; each request reads further in one partition."""

    def __init__(self, table: "Table", queues: "Iterable[str]", fits: "Fits", below: str = _NEWEST, hint: int = MOST_PAGE) -> None:
        """fits: of an entry of the index; below: a place, the list begins behind it; hint: so many jobs will be asked for at least."""
        parts = [keys.listing_part(queue, shard) for queue in dict.fromkeys(queues) for shard in range(keys.SHARDS)]
        page = min(MOST_PAGE, max(LEAST_PAGE, hint * 5 // 4 // max(1, len(parts))))
        self._cursors = [_Cursor(table, part, fits, below, page) for part in parts]

    def __iter__(self) -> "Iterator[Entry]":
        each(_Cursor.fill, self._cursors)
        heap = [(_backwards(cursor.found[-1][0]), number) for number, cursor in enumerate(self._cursors) if cursor.found]
        heapify(heap)
        while heap:
            number = heap[0][1]
            cursor = self._cursors[number]
            yield cursor.found.pop()
            cursor.fill()
            if cursor.found:
                heapreplace(heap, (_backwards(cursor.found[-1][0]), number))
            else:
                heappop(heap)


class _Cursor:
    """One partition, from its newest entry on. found: what fits and was not taken yet, the next one last."""

    __slots__ = ("_below", "_fits", "_page", "_part", "_table", "found")

    def __init__(self, table: "Table", part: str, fits: "Fits", below: str, page: int) -> None:
        self._table, self._part, self._fits, self._page = table, part, fits, page
        self._below: str | None = below
        self.found: list[Entry] = []

    def fill(self) -> None:
        """Read on until something fits or nothing is left. Raises AwsError."""
        while not self.found and self._below is not None:
            between = (_OLDEST, self._below)
            read = list(self._table.query(self._part, index="listing", between=between, backwards=True, limit=self._page + 1))
            self.found = [
                (item["listed_at"], int(item["pk"][2:])) for item in read if item["listed_at"] != self._below and self._fits(item)
            ]
            self.found.reverse()
            self._below = read[-1]["listed_at"] if len(read) > self._page else None
            self._page = min(MOST_PAGE, self._page * 4)


def fitting(name: str | None, user: str | None, ended_as: int | None, succeeded: bool) -> "Fits":
    """What an entry of the index has to be. ended_as: the job's state, one that is no success; succeeded: no such state."""

    def fits(item: "dict[str, Any]") -> bool:
        if (name is not None and item.get("n") != name) or (user is not None and item.get("u") != user):
            return False
        return item.get("z") == ended_as if ended_as is not None else not (succeeded and "z" in item)

    return fits


def open_jobs(table: "Table", most: int) -> "list[int] | None":
    """Ids of all jobs that are not over, in no order; None where there are more than about `most`. Raises AwsError."""
    each_part = most // keys.SHARDS + 1

    def read(shard: int) -> "list[Item]":
        return list(table.query(keys.due_part(shard), index="due", limit=each_part, fields=("pk", "sk")))

    parts = each(read, range(keys.SHARDS))
    if any(len(part) >= each_part for part in parts):
        return None
    return [int(item["pk"][2:]) for part in parts for item in part if item["sk"] == keys.JOB]


def place(number: int, at_ms: int) -> str:
    """Where a job stands in lists."""
    return keys.listing("", number, at_ms)[1]


def _backwards(place: str) -> str:
    """A text that ascends where places descend."""
    return place.translate(_COMPLEMENT) + "~"
