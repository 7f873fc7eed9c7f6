"""What the reconciler decides: when a job is looked at again, what of it is sent again, and which lanes have lost messages. Pure and lean.

A message may be lost before it was sent (the dispatcher failed) or with its queue, and its worker may die when nobody else has it. Nobody
is told, so open jobs are looked at now and then, seldom enough that looking costs little beside running: an index is written each time.
"""

from cyclone_core.scheduler.dynamo import keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from cyclone_core.scheduler.dynamo.values import Item

    Lane = tuple[str, str]
    """(cluster, definition)"""

FIRST_MS = 60_000
LONGEST_MS = 3_600_000
"""A message can be hidden for twelve hours at most: of a task that runs for longer nobody else hears when its worker dies."""
PATIENCE_MS = 15 * 60_000
"""So long something may wait in a lane that has other messages; then it is sent once more: nobody can see whether its own is among them."""
SKEW_MS = 2_000
"""Clocks may differ by so much: a lease is over so long after its end."""
LOOKS = 2
"""A lane is empty when it was found so this often in a row: counters are some seconds behind messages."""
SHORTEST_REST_MS, LONGEST_REST_MS = 2 * 60_000, 3_600_000


def next_look(age_ms: int) -> int:
    """Milliseconds until a job that was submitted `age_ms` ago is looked at again: after 1, 4, 16, 64 minutes, then each hour."""
    return min(max(FIRST_MS, 3 * age_ms), LONGEST_MS)


class Piece:
    """A unit as far as it matters here. exists: it is an item (of a slice). until: the end of its lease."""

    __slots__ = ("exists", "high", "low", "state", "until")

    def __init__(self, low: int, high: int, state: int = keys.WAITING, until: int = 0, exists: bool = False) -> None:
        self.low, self.high, self.state, self.until, self.exists = low, high, state, until, exists

    @classmethod
    def of(cls, item: "Item", low: int = 0) -> "Piece":
        """Of an item: a slice's, or a single job's (low 0)."""
        return cls(item.get("lo", low), item.get("h", low), item["s"], item.get("un", 0), "lo" in item)

    def is_lost(self, now: int) -> bool:
        """Whether whoever leased it has not been heard of until the end of the lease."""
        return self.state == keys.LEASED and self.until < now - SKEW_MS


def pieces(job: "Item", slices: "Iterable[Item]", first: int, end: int) -> "Iterator[Piece]":
    """The units of an array between positions first..end: its slices there, and the tiles that nobody has claimed yet.

    slices: the items of the slices that begin there. Of a limited array the caller's `end` is that of what may be out.
    """
    there = {item["lo"]: Piece.of(item) for item in slices}
    yield from (there[low] for low in sorted(there))
    size, tasks = job["sz"], job["t"]
    for low in range(first, min(end, tasks) + 1, size):
        if low not in there:
            yield Piece(low, min(low + size - 1, tasks))


def to_send(found: "Iterable[Piece]", now: int, age_ms: int, is_empty: bool) -> "list[Piece]":
    """Those of a job's units that are sent again. age_ms: since it was submitted; is_empty: its lane has no messages."""
    overdue = is_empty or age_ms >= PATIENCE_MS
    return [piece for piece in found if piece.is_lost(now) or (overdue and piece.state == keys.WAITING)]


# -- lanes -------------------------------------------------------------------------------------------------------------
class Seen:
    """What is remembered of a lane that has open tasks and no messages."""

    __slots__ = ("looks", "rest_ms", "until")

    def __init__(self, looks: int = 0, rest_ms: int = 0, until: int = 0) -> None:
        """looks: found so how often in a row; until: it rests until then, because looking at its jobs found nothing; rest_ms: how long."""
        self.looks, self.rest_ms, self.until = looks, rest_ms, until


def starving(open_tasks: "Mapping[Lane, int]", messages: "Mapping[Lane, int]", before: "Mapping[Lane, Seen]") -> "dict[Lane, Seen]":
    """The lanes that have open tasks and no messages, as they are to be remembered. messages: of each lane with open tasks."""
    return {
        lane: Seen(was.looks + 1, was.rest_ms, was.until)
        for lane, tasks in open_tasks.items()
        if tasks > 0 and not messages.get(lane, 0)
        for was in [before.get(lane) or Seen()]
    }


def to_sweep(seen: "Mapping[Lane, Seen]", now: int) -> "set[Lane]":
    """Lanes of which all open jobs are looked at now."""
    return {lane for lane, each in seen.items() if each.looks >= LOOKS and each.until <= now}


def swept(seen: Seen, now: int, sent: int) -> Seen:
    """After a lane's open jobs were looked at: where nothing had to be sent the counters are wrong, or its workers are slow."""
    if sent:
        return Seen()
    rest = min(max(SHORTEST_REST_MS, 2 * seen.rest_ms), LONGEST_REST_MS)
    return Seen(seen.looks, rest, now + rest)


def open_lanes(
    counts: "Mapping[tuple[str, str], Iterable[int]]", bodies: "Mapping[str, Mapping[str, Mapping[str, Any]]]"
) -> "dict[Lane, int]":
    """Tasks of each lane that should have messages: those that wait or run; of paused queues those that run.

    counts: (queue, definition) -> numbers of tasks in the order of jobs.STATES.
    """
    found: dict[Lane, int] = {}
    for (queue, definition), (waiting, running, *_) in counts.items():
        body = bodies.get("queue", {}).get(queue)
        if body is not None:
            lane = str(body.get("cluster") or "default"), definition
            found[lane] = found.get(lane, 0) + running + (0 if body.get("paused") else waiting)
    return found
