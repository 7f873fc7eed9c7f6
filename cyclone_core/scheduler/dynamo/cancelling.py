"""Cancelling jobs and tasks: what nobody holds is over at once, what somebody holds is marked beside its holder's results. Lean.

A whole array costs one write, however large it is: once its item says so (`x`) none of its slices is newly leased, because `claim` looks
there after it, and what waits in them is Cancelled where it is. Holders look at their jobs every few seconds.
"""

from _bisect import bisect_right

from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo import keys, totals, unit_items
from cyclone_core.scheduler.dynamo.table import ConditionFailed
from cyclone_core.scheduler.dynamo.unit import Unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cyclone_core.scheduler.dynamo.store import DynamoStore
    from cyclone_core.scheduler.dynamo.values import Item

_ROUNDS = 10
"""So often others may be faster."""


def cancel(store: "DynamoStore", job: int, position: int | None, now: int) -> int:
    """See `DynamoStore.cancel`."""
    item = store.job(job)
    if item is None or "x" in item or "expires" in item:
        return 0
    if not item["a"]:
        return _cancel_single(store, item, now) if position in (None, 1) else 0
    if position is None:
        return _cancel_array(store, job, item, now)
    return len(_cancel_tasks(store, job, item, (position,), now))


def _cancel_single(store: "DynamoStore", item: "Item", now: int) -> int:
    for _ in range(_ROUNDS):
        unit = unit_items.read(item)
        if unit.is_over or unit.stopped is not None:
            return int(unit.stopped == now)
        when: list[tuple[str, str, object]] = [
            ("s", "=", unit.state),
            ("l", "=", unit.lease),
            ("v", "=", unit.version),
            ("x", "absent", None),
        ]
        changes: Item = {"x": now}
        if unit.state == keys.WAITING:
            unit.cancel(None, now)
            changes |= {**unit_items.changes(unit), **store.ending(unit, now)}
        try:
            store.table.update(unit.key, set=changes, when=when, returns="NONE")
        except ConditionFailed as failed:
            item = failed.item
            if not item:
                return 0
            continue
        return 1
    raise _too_lively(unit.job)


def _cancel_array(store: "DynamoStore", job: int, item: "Item", now: int) -> int:
    """What was open is told by the counters, which may be a second or two behind."""
    total = store.table.get(keys.total(job), consistent=True) or {}
    left = sum(totals.of_array(item["t"], total)[:2])
    if "ended" in total or not left:
        return 0
    try:
        when = [("x", "absent", None), ("expires", "absent", None), ("a", "present", None)]
        store.table.update(keys.job(job), set={"x": now}, add={"v": 1}, when=when, returns="NONE")
    except ConditionFailed as failed:
        return left if failed.item.get("x") == now else 0
    return left


def cancel_tasks(store: "DynamoStore", job: int, positions: "Iterable[int]", now: int) -> set[int]:
    """Cancel tasks of an array, those of a slice with one write; the positions that this touched. Raises AwsError."""
    item = store.job(job)
    if item is None or not item["a"] or "x" in item or "expires" in item:
        return set()
    return _cancel_tasks(store, job, item, positions, now)


def _cancel_tasks(store: "DynamoStore", job: int, item: "Item", positions: "Iterable[int]", now: int) -> set[int]:
    left = sorted({position for position in positions if 1 <= position <= item["t"]})
    touched: set[int] = set()
    if left and item.get("lm") and "cx" not in item:  # before any of its tiles is over that was not sent
        try:
            store.table.update(keys.job(job), set={"cx": 1}, when=[("pk", "present", None)], returns="NONE")
        except ConditionFailed:
            return touched  # it has expired
    while left:
        high, found = _cancel_in_slice(store, job, item, left, now)
        touched |= found
        left = left[bisect_right(left, high) :]
    return touched


def _cancel_in_slice(store: "DynamoStore", job: int, item: "Item", left: list[int], now: int) -> "tuple[int, set[int]]":
    """Cancel those of ascending positions that are in the slice of the first; (up to where they were looked at, what this touched)."""
    first = (left[0] - 1) // item["sz"] * item["sz"] + 1
    for _ in range(_ROUNDS):
        found = _slice(store, job, item["sz"], first, left[0])
        unit = unit_items.read(found) if found else unit_items.tile(item, first)
        if left[0] > unit.high:
            continue  # a query may see one half of a split
        wanted = left[: bisect_right(left, unit.high)]
        done = {p for p in wanted if p in unit.results and unit.results[p][0][4] == now * 1000}  # our own write, repeated
        wanted = [p for p in wanted if p not in unit.results and p not in unit.cancelled]
        high = unit.high
        try:
            if wanted:
                _mark(store, unit, wanted, now)
        except ConditionFailed:
            continue
        return high, done.union(wanted)
    raise _too_lively(job)


def _slice(store: "DynamoStore", job: int, size: int, first: int, position: int) -> "Item | None":
    """The slice that a position is in: of those that begin in its tile up to it the last; None where the tile is no item."""
    partition = keys.slices(job, keys.group_of(first, size))
    between = (keys.slice(job, first, size)[1], keys.slice(job, position, size)[1])
    return next(store.table.query(partition, between=between, backwards=True, limit=1, consistent=True), None)


def _mark(store: "DynamoStore", unit: Unit, positions: list[int], now: int) -> None:
    """Write that tasks (ascending) are cancelled. Raises ConditionFailed when somebody has changed their slice meanwhile."""
    table = store.table
    if unit.state == keys.LEASED:  # while it is not given back or split: then it is looked at anew
        when: list[tuple[str, str, object]] = [("s", "=", keys.LEASED), ("l", "=", unit.lease), ("h", ">=", positions[-1])]
        table.update(unit.key, add={"xs": set(positions)}, when=when, returns="NONE")
        return
    version = unit.version
    for position in positions:
        unit.cancel(position, now)
    if not version:
        table.put(unit.key, unit_items.whole(unit), [("pk", "absent", None)])
    else:
        when = [("s", "=", keys.WAITING), ("l", "=", unit.lease), ("v", "=", version), ("h", "=", unit.high)]
        table.update(unit.key, set=unit_items.changes(unit), when=when, returns="NONE")


def _too_lively(job: int) -> AwsError:
    return AwsError(f"job {job} cannot be cancelled just now: its workers write faster than it can be marked. Try again: qdel {job}")
