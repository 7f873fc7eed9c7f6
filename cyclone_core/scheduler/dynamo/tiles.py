"""How an array is cut into tiles: slices exist before anyone knows how long tasks take. Pure and lean."""

from cyclone_core.scheduler.dynamo.keys import MOST_TASKS_PER_SLICE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def size(tasks: int, ratio: int, most_workers: int, limit: int = 0) -> int:
    """Positions of a tile: ⌈tasks / workers⌉ and at most MOST_TASKS_PER_SLICE.

    Workers wanted are ⌈tasks / ratio⌉, at most what the cluster's limits allow, and at most an array's own limit of running tasks.
    """
    workers = max(1, min(-(-tasks // max(1, ratio)), most_workers))
    if limit:
        workers = min(workers, limit)
    return max(1, min(-(-tasks // workers), MOST_TASKS_PER_SLICE))


def count(tasks: int, size: int) -> int:
    """How many tiles an array has."""
    return -(-tasks // size)


def tile(low: int, size: int, tasks: int) -> int:
    """Tasks of the tile that begins at a position, 0 where none does (a part of a slice that was split)."""
    return min(size, tasks - low + 1) if (low - 1) % size == 0 and 1 <= low <= tasks else 0


def tiles(tasks: int, size: int, first: int = 0, end: int | None = None) -> "Iterator[tuple[int, int]]":
    """(low, high) of the tiles number first..end-1."""
    for number in range(first, count(tasks, size) if end is None else end):
        low = number * size + 1
        yield low, min(low + size - 1, tasks)
