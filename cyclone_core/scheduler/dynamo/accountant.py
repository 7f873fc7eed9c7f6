"""Counting what the stream tells, and what follows from it: the end of arrays, retention, and the next tiles of limited arrays. Lean.

    accountant = Accountant(table, retention_s=30 * 86_400)
    for send in accountant.apply(records, now):     send it to its lane, then
        accountant.sent(send)                       say so: sent again is harmless, not sent at all waits for the reconciler

Every step may be done twice and by several at once. What was counted is remembered by the tallies (`counting`); the end of an array is
looked for after each batch that tells of it, counted or not, so a crash between two writes is mended by the record's second coming.
Raises AwsError when the table does not answer: the batch comes again then.
"""

import os
from _random import Random
from time import sleep as _sleep

from cyclone_core.errors import AwsError
from cyclone_core.jobs import SUCCESSFUL
from cyclone_core.scheduler.dynamo import counting, keys, tiles, totals
from cyclone_core.scheduler.dynamo.failures import first_failures
from cyclone_core.scheduler.dynamo.table import ConditionFailed
from cyclone_core.scheduler.dynamo.tally import Tally
from cyclone_core.scheduler.lifecycle import job_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from cyclone_core.scheduler.dynamo.counting import Array, Group, News
    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.dynamo.values import Item

MOST_ACTIONS = 100
"""Of one transaction."""
_TRIES = 12
_LONGEST_PAUSE_S = 1.0
_EARLY_OR_LATE_S = 86_400
"""By so much the end of a job's time may differ: records come late."""


class Send:
    """Tiles of a limited array that may be sent now: `lows` are their first positions, `upto` is `nx` once they are."""

    __slots__ = ("band", "definition", "job", "lows", "queue", "upto", "user")

    def __init__(self, number: int, job: "Item", lows: "Sequence[int]", upto: int) -> None:
        """job: its item."""
        self.job, self.queue, self.definition, self.user, self.band = number, job["q"], job["d"], job["u"], job["b"]
        self.lows, self.upto = list(lows), upto


class Accountant:
    """Counts for one table. Several may, at once."""

    def __init__(
        self,
        table: "Table",
        retention_s: int = 30 * 86_400,
        sleep: "Callable[[float], None]" = _sleep,
        chance: "Callable[[], float] | None" = None,
    ) -> None:
        """retention_s: jobs that are over are kept so long, 0: for ever; chance: a number below 1, another one each time."""
        self._table, self._kept_s, self._sleep, self._chance = table, retention_s, sleep, chance or Random().random

    def apply(self, records: "Iterable[Mapping[str, Any]]", now: float) -> "list[Send]":
        """Count records of the table's stream, as functions get them; what limited arrays may send next. now: seconds since 1970."""
        news = counting.read(records)
        for groups, arrays in _parts(news):
            self._count(groups, arrays, round(now * 1000))
        for number, image in news.ended():
            self._close_single(number, image, now)
        for number, image in news.removed():
            self._forget_key(number, image)
        return self.look([array.number for array in news.arrays.values() if not array.gone], now)

    def sent(self, send: Send) -> None:
        """These tiles were sent."""
        self._update(keys.job(send.job), set={"nx": send.upto}, when=[("nx", "<", send.upto)])

    # -- counting -----------------------------------------------------------------------------------------------------------------
    def _count(self, groups: "Sequence[Group]", arrays: "Sequence[Array]", now_ms: int) -> None:
        """One transaction; again from the beginning when somebody else changed what it rests on."""
        wanted = counting.wanted(groups, arrays)
        for number in range(_TRIES):
            items = self._table.batch_get(wanted, consistent=True)
            shard = int(self._chance() * keys.TOTAL_SHARDS)
            writes = counting.decide(groups, arrays, items, shard, now_ms)
            if not writes:
                return None
            actions = [self._table.update_action(one.key, set=one.set, add=one.add, remove=one.remove, when=one.when) for one in writes]
            try:
                return self._table.transact(actions, os.urandom(16).hex())
            except ConditionFailed:
                self._sleep(min(_LONGEST_PAUSE_S, 0.02 * 2**number) * self._chance())
        raise AwsError(f"counters of table {self._table.name} change too fast: the records come again", "TransactionConflict")

    # -- ends ---------------------------------------------------------------------------------------------------------------------
    def look(self, numbers: "Sequence[int]", now: float) -> "list[Send]":
        """What follows for arrays that something happened to: their end, or more to send. For the reconciler too. Raises AwsError."""
        found = self._table.batch_get([keys.total(number) for number in numbers], consistent=True)
        limited = []
        for number in numbers:
            total = found.get(keys.total(number), {})
            if "gone" in total:
                continue
            if "ended" in total:
                if not totals.is_over(total):
                    self._reopen(number, now)
            elif totals.is_over(total):
                self._end(number, total, now)
            elif "x" in total:
                self._reopen_if_closed(number, now)
            elif total.get("lm"):
                limited.append((number, total))
        return self._next(limited)

    def _next(self, limited: "Sequence[tuple[int, Item]]") -> "list[Send]":
        jobs = self._table.batch_get([keys.job(number) for number, _ in limited], consistent=True) if limited else {}
        sends = []
        for number, total in limited:
            job = jobs.get(keys.job(number))
            upto = min(tiles.count(total["t"], total["sz"]), total["lm"] + total.get("f", 0))
            if job and "x" not in job and job["nx"] < upto:
                lows = [low for low, _ in tiles.tiles(total["t"], total["sz"], job["nx"], upto)]
                if job.get("cx"):
                    lows, upto = self._unless_over(number, job, total)
                if lows:
                    sends.append(Send(number, job, lows, upto))
        return sends

    def _unless_over(self, number: int, job: "Item", total: "Item") -> "tuple[list[int], int]":
        """(first positions of the tiles to send, `nx` then) of an array with tasks that were cancelled one by one: of tiles that were not
        sent some may be over. They make no room for others, and are not sent."""
        size, count, nx = total["sz"], tiles.count(total["t"], total["sz"]), job["nx"]
        over: set[int] = set()
        partitions = [
            keys.slices(number, group) for group in range(keys.group_of(nx * size + 1, size), keys.group_of(total["t"], size) + 1)
        ]
        for item in self._table.batch_get([(partition, keys.TALLY) for partition in partitions], consistent=True).values():
            for low, is_closed, counts in Tally.unpack(item["units"]).stretches():
                if is_closed:
                    over.update(range((low - 1) // size, -(-(low - 1 + sum(counts)) // size)))
        out, lows = nx - total.get("f", 0) + sum(tile >= nx for tile in over), list[int]()
        while nx < count and out < total["lm"]:
            if nx not in over:
                lows.append(nx * size + 1)
                out += 1
            nx += 1
        return lows, nx

    def _end(self, number: int, total: "Item", now: float) -> None:
        """An array is over. Its counters say so last: until then each record of it leads here again."""
        counts = totals.effective(totals.numbers(total), "x" in total)
        failures = first_failures(self._table, number, total["t"], total["sz"], counts)
        self._close(number, job_state(counts), now)
        told = {"ended": round(now * 1000), **failures}
        when = [("ended", "absent", None), ("gone", "absent", None), ("born", "present", None), ("vr", "=", total.get("vr", 0))]
        try:
            self._table.update(keys.total(number), set=told, when=when, returns="NONE")
        except ConditionFailed as failed:
            if "gone" not in failed.item and not totals.is_over(failed.item):
                self._reopen(number, now)

    def _reopen_if_closed(self, number: int, now: float) -> None:
        """Who closed an array may have died before it saw that it is not over."""
        job = self._table.get(keys.job(number), consistent=True, fields=("pk", "due_at"))
        if job and "due_at" not in job:
            self._reopen(number, now)

    def _reopen(self, number: int, now: float) -> None:
        """A slice of a cancelled array was claimed just when it was cancelled: somebody has to look after it until it is given up."""
        due = {"due": keys.due_part(number), "due_at": round(now * 1000)}
        self._update(keys.job(number), set=due, remove=("expires",), when=[("pk", "present", None), ("due_at", "absent", None)])
        self._update(keys.total(number), remove=("ended",), when=[("ended", "present", None), ("gone", "absent", None)])

    def _close_single(self, number: int, image: "Item", now: float) -> None:
        """A single job is over: whoever wrote that has mostly done the rest in the same write, which is cheaper."""
        state = job_state(image["c"])
        is_kept = abs(image.get("expires", 0) - now - self._kept_s) < _EARLY_OR_LATE_S  # who wrote it may not know how long
        has_all = "due" not in image and (is_kept or not self._kept_s) and (state == SUCCESSFUL or "z" in image)
        if not has_all:
            self._close(number, state, now, ("s", "=", keys.OVER))

    def _close(self, number: int, state: int, now: float, *when: "tuple[str, str, object]") -> None:
        """Nobody has to look at the job any more, and it goes when it was kept long enough."""
        marks: dict[str, Any] = {"z": state} if state != SUCCESSFUL else {}
        if self._kept_s:
            marks["expires"] = int(now) + self._kept_s
        self._update(keys.job(number), set=marks, remove=("due", "due_at"), when=[("pk", "present", None), *when])

    def _forget_key(self, number: int, image: "Item") -> None:
        """The idempotency key of a job that is gone."""
        if "k" in image:
            try:
                self._table.delete(keys.key(image["k"]), when=[("j", "=", number)])
            except ConditionFailed:
                pass

    def _update(self, key: "tuple[str, str]", **change: "Any") -> None:
        """A change that somebody else may have made before."""
        try:
            self._table.update(key, **change, returns="NONE")
        except ConditionFailed:
            pass


def _parts(news: "News") -> "Iterator[tuple[list[Group], list[Array]]]":
    """Groups, each with its array, and arrays alone, in transactions as large as may be: lanes' counters are written once in each."""
    members: dict[int, list[Group]] = {number: [] for number in news.arrays}
    pairs: list[tuple[list[Group], list[Array], set[totals.Lane]]] = []
    for group in news.groups.values():
        if group.array:
            members[group.array].append(group)
        else:
            seen = {unit.lane for unit in group.units.values()} | {(image["q"], image["d"]) for image in group.removed.values()}
            pairs.append(([group], [], seen))
    for number, array in news.arrays.items():
        pairs += [([group], [array], {array.lane}) for group in members[number]] or [([], [array], {array.lane})]
    groups: dict[int, Group] = {}
    arrays: dict[int, Array] = {}
    lanes: set[totals.Lane] = set()
    for some, owners, theirs in pairs:
        size = len(groups) + len(some) + len(arrays | {one.number: one for one in owners}) + len(lanes | theirs)
        if size > MOST_ACTIONS:
            yield list(groups.values()), list(arrays.values())
            groups, arrays, lanes = {}, {}, set()
        groups |= {id(group): group for group in some}
        arrays |= {one.number: one for one in owners}
        lanes |= theirs
    if groups or arrays:
        yield list(groups.values()), list(arrays.values())
