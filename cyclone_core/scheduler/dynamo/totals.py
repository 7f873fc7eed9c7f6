"""Counters: what the items TOTAL of arrays and TOTALS of queues hold, and what they mean. Lean.

    TOTAL   c0..c5 numbers of tasks; f slices that are over; born: the job's insertion was counted (t tasks, sz, lm, q, d from there);
            x: the array was cancelled: what waits is cancelled; started, ended; vr: grows with each change
            fp, fc: position and outcome of the first task that failed, ep, er: position and reason of the first in Error; both
            are set together with `ended`
            gone: the job expired; all numbers are 0 then, and `due` until the rest of it is removed (`expiry`)
    TOTALS  c0..c5 of the tasks of a queue and definition that are kept, in several shards: each may be negative, the sum is not

Counters follow the units through the stream, about a second behind. A sum that is short of the job's tasks at some instant means that
one half of a split is not counted yet: those tasks wait or run, so they are shown as waiting.
"""

from cyclone_core.scheduler.dynamo.keys import TOTALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, Protocol

    from cyclone_core.scheduler.dynamo.table import Key
    from cyclone_core.scheduler.dynamo.values import Item
    from cyclone_core.views import Counts

    Lane = tuple[str, str]
    """(queue, definition)"""

    class Queried(Protocol):
        """The part of `Table` that is used here."""

        def query(self, partition: str, *, consistent: bool = False) -> "Iterable[Item]":
            """Items of a partition."""


COUNTERS = ("c0", "c1", "c2", "c3", "c4", "c5")
"""Attributes of the numbers of tasks, in the order of `jobs.STATES`."""


def key(lane: "Lane", shard: int) -> "Key":
    """Key of a shard of a queue's and definition's counters."""
    return TOTALS, f"{lane[0]}#{lane[1]}#{shard}"


def lane(sk: str) -> "Lane":
    """(queue, definition) of such a key."""
    queue, definition, _ = sk.split("#")
    return queue, definition


def numbers(item: "Mapping[str, Any]") -> "Counts":
    """c0..c5 of an item, 0 where there is none."""
    a, b, c, d, e, f = (int(item.get(name, 0)) for name in COUNTERS)
    return a, b, c, d, e, f


def effective(counts: "Sequence[int]", cancelled: bool) -> "Counts":
    """What the tasks of an array are: what waits is cancelled once the array is."""
    waiting, running, successful, failed, ended, error = counts[:6]
    return (0, running, successful, failed, ended + waiting, error) if cancelled else (waiting, running, successful, failed, ended, error)


def of_array(tasks: int, total: "Mapping[str, Any]", cancelled: bool = False) -> "Counts":
    """The numbers of an array's tasks as they are shown. total: its item TOTAL, {} while nothing was counted."""
    counts = [max(0, number) for number in numbers(total)]
    counts[0] = max(0, tasks - sum(counts[1:])) if is_short(tasks, total) else counts[0]
    return effective(counts, cancelled or "x" in total)


def is_short(tasks: int, total: "Mapping[str, Any]") -> bool:
    """Whether something of the array is not counted yet."""
    return "born" not in total or sum(numbers(total)) != tasks


def is_over(total: "Mapping[str, Any]") -> bool:
    """Whether everything of an array was counted, and nothing of it waits or runs."""
    if is_short(int(total.get("t", 0)), total):
        return False
    waiting, running = numbers(total)[:2]
    return not running and (not waiting or "x" in total)


def lanes(table: "Queried") -> "dict[Lane, Counts]":
    """The tasks of each queue and definition by state: one query, however many jobs there are. Raises AwsError."""
    found: dict[Lane, list[int]] = {}
    for item in table.query(TOTALS, consistent=True):
        sums = found.setdefault(lane(item["sk"]), [0] * 6)
        for k, number in enumerate(numbers(item)):
            sums[k] += number
    return {name: numbers({counter: max(0, sums[k]) for k, counter in enumerate(COUNTERS)}) for name, sums in found.items()}


def queues(table: "Queried") -> "list[tuple[str, Counts]]":
    """(queue, its tasks by state), by name. Raises AwsError."""
    found: dict[str, list[int]] = {}
    for (queue, _), counts in lanes(table).items():
        sums = found.setdefault(queue, [0] * 6)
        for k, number in enumerate(counts):
            sums[k] += number
    return [(queue, numbers({counter: sums[k] for k, counter in enumerate(COUNTERS)})) for queue, sums in sorted(found.items())]
