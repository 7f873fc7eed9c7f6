"""The store of an AWS host for whoever works: every change of units, each one conditional write (a split is one transaction). Lean.

What one has read is the condition of what it writes, as in `store`. A write that is refused because it was there before (its answer was
lost, and it was sent again) counts as done:

    claim      worker, lease number and lease end are ours
    save       the lease is ours, and the version the one that we wrote

All times are milliseconds since 1970.
"""

from os import urandom

from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo import keys, tiles, unit_items, unit_parts
from cyclone_core.scheduler.dynamo.store import KEPT_MS, DynamoStore
from cyclone_core.scheduler.dynamo.table import ConditionFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from cyclone_core.scheduler.dynamo.bucket import Bucket
    from cyclone_core.scheduler.dynamo.ids import Ids
    from cyclone_core.scheduler.dynamo.table import Key, Table, When
    from cyclone_core.scheduler.dynamo.unit import Unit
    from cyclone_core.scheduler.dynamo.values import Item

LEASE_MS = 120_000
"""A worker that has said nothing for so long is taken for dead."""
OVER, HELD, CANCELLED, PAUSED, GONE = "over", "held", "cancelled", "paused", "gone"
"""Why a unit was not leased."""
_SKEW = 60
"""Clocks may differ by this part of a lease (2 of 120 s): so much later than its end others take it for over."""
_REMEMBERED = 2000
_OLD_MS = 10_000
"""A job's item is read again before a claim when it was read longer ago: that a job is cancelled is better known before than after."""
_ROUNDS = 8
"""Others may be faster so often."""


class LeaseLost(Exception):
    """The unit is not held under this lease any more: end its tasks, tell nobody."""


class Claimed:
    """A unit that is leased to the caller. job: the item of its job, as far as it never changes (`keys`)."""

    __slots__ = ("job", "unit")

    def __init__(self, unit: "Unit", job: "Item") -> None:
        self.unit, self.job = unit, job


class Refusal:
    """A unit that is not. why: OVER, CANCELLED and GONE (its job is unknown): there is nothing to do, delete the message.

    HELD: somebody else has it, `until` then. PAUSED: its queue is; look again later.
    """

    __slots__ = ("until", "why")

    def __init__(self, why: str, until: int = 0) -> None:
        self.why, self.until = why, until


class UnitStore(DynamoStore):
    """See `ports.Units` for the promises. Threads may share it; who works may submit and cancel as well."""

    def __init__(self, table: "Table", bucket: "Bucket", ids: "Ids", *, kept_ms: int = KEPT_MS, lease_ms: int = LEASE_MS) -> None:
        """kept_ms: see `DynamoStore`; lease_ms: length of leases."""
        super().__init__(table, bucket, ids, kept_ms=kept_ms)
        self.lease_ms = lease_ms
        self._jobs: dict[int, tuple[int, Item]] = {}
        self._cancelled: dict[int, int] = {}
        self._claims: dict[tuple[int, int, int], object] = {}

    # -- leases -------------------------------------------------------------------------------------------------------------------
    def claim(self, job: int, low: int, worker: str, width: int, now: int, exists: bool = False) -> "Claimed | Refusal":
        """Lease a unit that a message names. low: 0 for a single job; exists: the slice is known to be an item.

        worker: who asks, as text; width: tasks that it runs at once. What a worker that died had begun counts as lost. Raises AwsError.
        """
        now = self._own_time(job, low, now)
        if not low:
            return self._claim_single(job, worker, width, now)
        found = self._job(job, now)
        if found is None:
            return Refusal(GONE)
        if job in self._cancelled:
            return self._settle(found, job, low, now)
        is_tile = bool(tiles.tile(low, found["sz"], found["t"]))
        item: Item | None = self.table.get(keys.slice(job, low, found["sz"]), consistent=True) if exists or not is_tile else {}
        for _ in range(_ROUNDS):
            if item:
                unit = unit_items.read(item)
            elif is_tile:
                unit = unit_items.tile(found, low)
            else:
                return Refusal(GONE)
            refusal = self._try(unit, worker, width, now)
            if refusal is None:
                return self._checked(unit, found, now)
            if isinstance(refusal, Refusal):
                return refusal
            item = refusal
        return Refusal(HELD, now + self.lease_ms)

    def _own_time(self, job: int, low: int, now: int) -> int:
        """A time that no other claim of the unit has here: a claim is told from another one's by the end of its lease, and both copies of
        a message may come at once."""
        if len(self._claims) >= _REMEMBERED:
            self._claims.clear()
        mine = object()
        while self._claims.setdefault((job, low, now), mine) is not mine:  # in one step, whatever other threads do
            now += 1
        return now

    def _claim_single(self, job: int, worker: str, width: int, now: int) -> "Claimed | Refusal":
        """A job that nobody ever had is claimed unread: one write."""
        key, until = keys.job(job), now + self.lease_ms
        fresh: When = [("s", "=", keys.WAITING), ("l", "=", 0), ("x", "absent", None)]
        changes = {"s": keys.LEASED, "un": until, "w": worker, "mk": 1, "c": [0, 1, 0, 0, 0, 0]}
        try:
            item: Item = self.table.update(key, set=changes, add={"l": 1, "v": 1}, when=fresh)
            unit = unit_items.read(item)
            unit.ahead = 1
            return self._unless_paused(unit, item, now)
        except ConditionFailed as failed:
            item = failed.item
        for _ in range(_ROUNDS):
            if not item:
                return Refusal(GONE)
            unit = unit_items.read(item)
            if (unit.state, unit.worker, unit.until) == (keys.LEASED, worker, until):
                return self._unless_paused(unit, item, now)
            refusal = self._try(unit, worker, width, now)
            if refusal is None:
                return self._unless_paused(unit, item, now)
            if isinstance(refusal, Refusal):
                return refusal
            item = refusal
        return Refusal(HELD, until)

    def _try(self, unit: "Unit", worker: str, width: int, now: int) -> "Refusal | Item | None":
        """Write a claim of a unit as it was read: None when it is ours, what is there now when somebody was faster."""
        if unit.is_over:
            return Refusal(OVER)
        if not unit.is_free(now - self.lease_ms // _SKEW):
            return Refusal(HELD, unit.until)
        was, lease = _as_it_is(unit), unit.lease
        if unit.state == keys.LEASED:
            unit.lose(now, reason=f"its worker died: {unit.worker} has said nothing for {self.lease_ms // 1000} s")
        elif unit.stopped is not None:
            unit.cancel(None, now)
        if not unit.is_over:
            unit.claim(worker, now + self.lease_ms, width)
        try:
            self._write(unit, was, now)
        except ConditionFailed as failed:
            item = failed.item
            same = (item.get("s"), item.get("l"), item.get("w"), item.get("un")) == (keys.LEASED, lease + 1, worker, now + self.lease_ms)
            if not same:
                return item
            unit.written()
        return Refusal(OVER) if unit.is_over else None

    def _checked(self, unit: "Unit", job: "Item", now: int) -> "Claimed | Refusal":
        """The claim of a slice stands unless its job is cancelled or gone, or its queue paused: looked at after the claim, so whoever
        cancelled before it is heard."""
        of_job, of_queue = keys.job(unit.job), (keys.QUEUE, job["q"])
        try:
            found = self.table.batch_get([of_job, of_queue], consistent=True, fields=("x", "paused"))
        except AwsError:  # nobody will hold it: whoever is next must not take it for lost
            unit.give_back(now)
            self.save(unit, now)
            raise
        stopped = found[of_job].get("x") if of_job in found else now
        if stopped is None and not found.get(of_queue, {}).get("paused"):
            return Claimed(unit, job)
        unit.stopped = stopped
        if stopped is not None:
            self._remember_cancelled(unit.job, stopped)
        unit.give_back(now)
        self.save(unit, now)
        return Refusal(PAUSED if stopped is None else CANCELLED if of_job in found else GONE)

    def _unless_paused(self, unit: "Unit", item: "Item", now: int) -> "Claimed | Refusal":
        """The claim of a single job, whose item said with the claim that nobody cancelled it."""
        try:
            queue = self.table.get((keys.QUEUE, item["q"]), fields=("paused",))
        except AwsError:  # all workers of a queue read this item: better one job too many than a lease that nobody holds
            return Claimed(unit, item)
        if not queue or not queue.get("paused"):
            return Claimed(unit, item)
        unit.give_back(now)
        self.save(unit, now)
        return Refusal(PAUSED)

    def _settle(self, found: "Item", job: int, low: int, now: int) -> Refusal:
        """A slice of a cancelled job that its worker left behind is over; one whose worker may live is to be looked at again."""
        item = self.table.get(keys.slice(job, low, found["sz"]), consistent=True)
        if not item:
            return Refusal(CANCELLED)
        unit = unit_items.read(item)
        if unit.state != keys.LEASED:
            return Refusal(CANCELLED)
        if not unit.is_free(now - self.lease_ms // _SKEW):
            return Refusal(HELD, unit.until)
        was, unit.stopped = _as_it_is(unit), self._cancelled[job]
        unit.lose(now)
        try:
            self._write(unit, was, now)
        except ConditionFailed:  # its worker lives, or another one was faster
            return Refusal(HELD, now + self.lease_ms)
        return Refusal(CANCELLED)

    # -- what a holder does -------------------------------------------------------------------------------------------------------
    def save(self, unit: "Unit", now: int) -> set[int]:
        """Write what its holder has made of a unit: results, a higher mark, a longer lease (`Unit.renew`), or that it lets go of it.

        Returns the positions whose cancellation is news (a single job: 1). Raises LeaseLost: nothing was written; AwsError.
        """
        for _ in range(_ROUNDS):
            was: list[tuple[str, str, object]] = [("l", "=", unit.lease), ("v", "=", unit.version), ("s", "=", keys.LEASED)]
            if unit.state == keys.WAITING:  # nobody will hold it: what was to be cancelled must be so now
                was.append(
                    ("xs", "size", len(unit.cancelled)) if unit.array else ("x", "absent" if unit.stopped is None else "present", None)
                )
            try:
                return unit_items.hear(unit, self._write(unit, was, now))
            except ConditionFailed as failed:
                item = failed.item
                if (item.get("l"), item.get("v")) == (unit.lease, unit.version + 1) and unit.touched:
                    if all(item.get(name) == value for name, value in unit_items.changes(unit).items()):
                        unit.written()
                        return unit_items.hear(unit, item)
                    if item["s"] == keys.LEASED and item.get("h", unit.high) == unit.high:
                        unit.version += 1  # an earlier write of ours, of which we never heard that it succeeded; not a split
                        continue
                if (item.get("l"), item.get("v"), item.get("s")) != (unit.lease, unit.version, keys.LEASED):
                    raise LeaseLost(f"{unit.key} is held under lease {item.get('l')}, not {unit.lease}") from failed
                for position in unit_items.hear(unit, item):
                    unit.cancel(position, now)
        raise LeaseLost(f"{unit.key}: it is cancelled faster than it can be written")

    def give_back(
        self, unit: "Unit", now: int, started: "Mapping[int, int] | None" = None, counted: bool = False, reason: str = "its worker left"
    ) -> None:
        """Let go of a unit: what was not begun waits again unchanged; of `started` (position -> start_us) see `Unit.lose`.

        Raises LeaseLost, AwsError.
        """
        unit.lose(now, started or {}, counted, reason)
        self.save(unit, now)

    def split(self, unit: "Unit", cuts: "Sequence[int]", now: int) -> "list[Unit]":
        """Cut slices off a unit that the caller holds (`unit_parts.cuts`); those, which wait. Of limited arrays never: `lm` of its job.

        All or nothing. Who splits sends the messages of the new ones. Raises LeaseLost, ValueError, AwsError.
        """
        token = urandom(16).hex()
        for _ in range(_ROUNDS):
            kept, *parts = unit_parts.split(unit, cuts)
            for part in parts:  # nobody holds them: what is to be cancelled is so now
                for position in list(part.unfinished()) if part.stopped is not None else sorted(part.cancelled):
                    part.cancel(position, now)
            was: When = [("l", "=", unit.lease), ("v", "=", unit.version), ("s", "=", keys.LEASED), ("xs", "size", len(unit.cancelled))]
            actions = [self.table.update_action(unit.key, set=unit_items.changes(kept), when=was)]
            actions += [self.table.put_action(part.key, _new_item(part), [("pk", "absent", None)]) for part in parts]
            try:
                self.table.transact(actions, token)
            except ConditionFailed as failed:
                item = failed.item
                ours = (item.get("l"), item.get("s"), item.get("h")) == (unit.lease, keys.LEASED, unit.high)
                if not ours or not unit.version <= item["v"] <= unit.version + unit.touched:
                    raise LeaseLost(f"{unit.key} is held under lease {item.get('l')}, not {unit.lease}") from failed
                unit.version = item["v"]  # higher after a write of ours, of which we never heard that it succeeded
                unit_items.hear(unit, item)
                token = urandom(16).hex()
                continue
            for one in (kept, *parts):
                one.written()
            unit_parts.become(unit, kept)
            return parts
        raise LeaseLost(f"{unit.key}: it is cancelled faster than it can be split")

    def hear(self, units: "Iterable[Unit]", now: int) -> "dict[Key, set[int] | None]":
        """Look whether somebody cancelled or follows what the caller holds: key of each unit with news -> positions whose cancellation is
        news (all that are left when the whole job's is), None for a unit that is held no more. A look may be a second old. Raises AwsError.
        """
        by_key = {unit.key: unit for unit in units}
        jobs = {keys.job(unit.job) for unit in by_key.values()}
        found = self.table.batch_get([*by_key, *(jobs - set(by_key))], fields=("s", "l", "xs", "x", "fo"))
        news: dict[Key, set[int] | None] = {}
        for key, unit in by_key.items():
            item = found.get(key)
            if item is None or item["l"] < unit.lease:
                continue  # older than the lease
            if item["l"] > unit.lease or item["s"] != keys.LEASED:
                news[key] = None
                continue
            heard = unit_items.hear(unit, item)
            stopped = found.get(keys.job(unit.job), {}).get("x")
            if stopped is not None:
                self._remember_cancelled(unit.job, stopped)
                if unit.array and unit.stopped is None:
                    unit.stopped, heard = stopped, set(unit.unfinished())
            if heard:
                news[key] = heard
        return news

    # -- requests -----------------------------------------------------------------------------------------------------------------
    def _write(self, unit: "Unit", was: "When", now: int) -> "Item":
        """Write a unit where it is as it `was`; what its item is then."""
        if not unit.version:
            item = _new_item(unit)
            self.table.put(unit.key, item, [("pk", "absent", None)])
        else:
            item = self.table.update(unit.key, set={**unit_items.changes(unit), **self.ending(unit, now)}, when=was)
        unit.written()
        return item

    def _job(self, number: int, now: int) -> "Item | None":
        """A job's item for what never changes of it; that it was cancelled is heard of within some seconds."""
        at, found = self._jobs.get(number, (0, None))
        if found is None or not 0 <= now - at < _OLD_MS:
            found = self.table.get(keys.job(number)) or self.job(number)
            if found is not None:
                if len(self._jobs) >= _REMEMBERED:
                    self._jobs.clear()
                self._jobs[number] = now, found
                if "x" in found:
                    self._remember_cancelled(number, found["x"])
        return found

    def _remember_cancelled(self, job: int, at: int) -> None:
        if len(self._cancelled) >= _REMEMBERED:
            self._cancelled.clear()
        self._cancelled[job] = at


def _as_it_is(unit: "Unit") -> "When":
    """The condition that nobody has changed a unit since it was read: its holder writes a new end of the lease at least."""
    was: list[tuple[str, str, Any]] = [("l", "=", unit.lease), ("v", "=", unit.version), ("s", "=", unit.state)]
    if unit.state == keys.LEASED:
        was.append(("un", "=", unit.until))
    was.append(("xs", "size", len(unit.cancelled)) if unit.array else ("x", "absent" if unit.stopped is None else "present", None))
    return was


def _new_item(unit: "Unit") -> "Item":
    return {**unit_items.whole(unit), **({"xs": unit.cancelled} if unit.cancelled else {})}
