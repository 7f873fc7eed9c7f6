"""Looks each minute at what is due, and mends what was broken off: messages that were never sent or are lost, workers that vanished with
theirs, settings that workers have not heard of, message queues of lanes that are gone, the rest of jobs whose time is over.

What is to be done is decided by `reconcile` and `dispatch`; here it is read and done. Every step can be broken off anywhere and done again,
also by two at once. A step that fails is told and left to the next minute, and hinders no other.
"""

import json
import time

from cyclone_core import naming
from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo import dispatch, keys, reconcile, totals
from cyclone_core.scheduler.dynamo.demand import note_limited
from cyclone_core.scheduler.dynamo.reconcile import Piece, Seen
from cyclone_core.scheduler.dynamo.refusals import refuse
from cyclone_core.scheduler.dynamo.table import ConditionFailed
from cyclone_core.scheduler.dynamo.unit_store import LeaseLost
from cyclone_core.scheduler.dynamo.values import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cyclone_core.scheduler.dynamo.accountant import Accountant
    from cyclone_core.scheduler.dynamo.queues import Lanes
    from cyclone_core.scheduler.dynamo.reconcile import Lane
    from cyclone_core.scheduler.dynamo.records import Records
    from cyclone_core.scheduler.dynamo.unit_store import UnitStore
    from cyclone_core.scheduler.dynamo.values import Item

    Expire = Callable[[int, int], bool]
    """Removes what is left of a job that is gone (number, now in ms); whether nothing is left of it. Raises AwsError."""

MOST_DUE = 250
"""Jobs of each part of the index that one run looks at."""
MOST_SWEPT = 100_000
"""Open jobs that one run goes through for lanes that have lost messages, a thousand or two of them in each request."""
TOGETHER = 100
"""Jobs that are read at once."""
SWEEP_QUEUES_MS = 600_000
"""So often message queues are compared with lanes."""
RECOUNTED_MS = 3_600_000
"""What becomes of arrays older than this is counted with each look, in case the stream's records of it were given up."""
WHO = "reconciler"
_WRONG = (AwsError, ConditionFailed, LeaseLost, KeyError, TypeError, ValueError)
"""What a single job may do wrong; the last three: an item that nobody here wrote."""


class Report:
    """What a run has done."""

    __slots__ = ("due", "errors", "expired", "paused", "refused", "removed", "sent", "settled", "swept")

    def __init__(self) -> None:
        self.due = self.swept = self.sent = self.refused = self.settled = self.expired = self.paused = self.removed = 0
        self.errors: list[str] = []

    def told(self) -> "dict[str, object]":
        """For a line of the log."""
        return {name: getattr(self, name) for name in self.__slots__}


class Reconciler:
    """One host's. Made anew for each run."""

    def __init__(
        self, store: "UnitStore", lanes: "Lanes", records: "Records", accountant: "Accountant", expire: "Expire",
        now: "Callable[[], int]", budget_s: float = 50.0, clock: "Callable[[], float]" = time.monotonic,
    ) -> None:  # fmt: skip
        """now: milliseconds since 1970; budget_s: so long a run goes on to the next job."""
        self._store, self._table, self._lanes, self._records, self._accountant = store, store.table, lanes, records, accountant
        self._expire, self._now, self._clock, self._until = expire, now, clock, clock() + budget_s
        self._depths: dict[Lane, int] = {}
        self._sent: set[int] = set()
        """Jobs of which all that waits was sent in this run."""
        self._resumed: set[str] = set()
        """Queues that go on since the last look: nothing was sent of what came to them meanwhile."""
        self.report = Report()

    def run(self) -> Report:
        """One look at everything. Raises AwsError when the host's records cannot be read."""
        self._bodies = self._records.bodies(dispatch.FRESH_S)
        for step in (self._tell_queues, self._look_at_due, self._look_at_lanes, self._remove_queues):
            try:
                step()
            except AwsError as exc:
                self._note(step.__name__.strip("_"), exc)
        return self.report

    # -- what workers have to know of queues --------------------------------------------------------------------------
    def _tell_queues(self) -> None:
        known = {item["sk"]: item for item in self._table.query(keys.QUEUE, consistent=True)}
        wanted = {name: int(bool(body.get("paused"))) for name, body in self._bodies.get("queue", {}).items()}
        for name, paused in wanted.items():
            if name not in known or known[name].get("paused") != paused:
                self._table.put((keys.QUEUE, name), {"paused": paused, "at": self._now()})
                self.report.paused += paused
                self._resumed |= {name} if name in known and not paused else set()
        for name in known.keys() - wanted.keys():
            self._table.delete((keys.QUEUE, name))

    # -- what is due --------------------------------------------------------------------------------------------------
    def _look_at_due(self) -> None:
        found: list[Item] = []
        for shard in range(keys.SHARDS):
            found += self._table.query(keys.due_part(shard), index="due", between=(0, self._now()), limit=MOST_DUE)
        self.report.due = len(found)
        for item in found:
            if item["sk"] == keys.TOTAL:
                self._guarded(int(item["pk"][2:]), self._forget, int(item["pk"][2:]))
        numbers = [int(item["pk"][2:]) for item in found if item["sk"] == keys.JOB]
        for job in self._jobs(numbers):
            self._guarded(_number(job), self._look, job, False)

    def _forget(self, number: int) -> None:
        self.report.expired += self._expire(number, self._now())

    def _jobs(self, numbers: "Sequence[int]") -> "Iterator[Item]":
        """Their items as they are, while there is time."""
        for first in range(0, len(numbers), TOGETHER):
            if self._clock() > self._until:
                return
            part = [keys.job(number) for number in numbers[first : first + TOGETHER]]
            yield from self._table.batch_get(part, consistent=True).values()

    def _look(self, job: "Item", is_lost: bool) -> None:
        """Look at one open job, send again what has to be, and say when it is looked at next. is_lost: its lane has lost messages."""
        if "due_at" not in job or self._clock() > self._until:
            return
        age = max(0, self._now() - job["at"])
        try:
            if self._close(job):
                return
            self._mend(job, age, is_lost)
        except _WRONG:
            self._put_off(job, 0)  # else those with which it always goes wrong would keep the others from being looked at
            raise
        if not is_lost or _number(job) in self._sent:  # the next run goes on behind those that were sent
            self._put_off(job, age)

    def _put_off(self, job: "Item", age: int) -> None:
        try:
            at = self._now() + reconcile.next_look(age)
            self._table.update(keys.job(_number(job)), set={"due_at": at}, when=[("due_at", "=", job["due_at"])], returns="NONE")
        except ConditionFailed:
            pass  # it is over, or somebody else has looked

    def _close(self, job: "Item") -> bool:
        """Whether nothing of a job is open: then nobody looks at it any more."""
        number = _number(job)
        if job["a"]:
            if self._now() - job["at"] >= RECOUNTED_MS:
                self._recount(job)
            self._accountant.look([number], self._now() / 1000)
            total = self._table.get(keys.total(number), consistent=True) or {}
            over = "ended" in total
        else:
            over = job["s"] == keys.OVER
        if over:
            try:
                self._table.update(keys.job(number), remove=("due", "due_at"), when=[("due_at", "=", job["due_at"])], returns="NONE")
            except ConditionFailed:
                pass  # somebody has just done it, or wants it looked at again
        return over

    def _recount(self, job: "Item") -> None:
        """Count what an array's items say: the stream forgets in a day what nobody could count, and then it would never end."""
        number, size = _number(job), job["sz"]
        self._accountant.apply([_record(job)], self._now() / 1000)
        for group in range(keys.group_of(job["t"], size) + 1):
            found = [item for item in self._table.query(keys.slices(number, group), consistent=True) if "lo" in item]
            if found:
                self._accountant.apply([_record(item) for item in found], self._now() / 1000)

    def _mend(self, job: "Item", age: int, is_lost: bool) -> None:
        decision = dispatch.decide(job, self._bodies)
        if decision.what == dispatch.REFUSE:
            self.report.refused += refuse(self._table, _number(job), decision.reason, self._now())
        elif "x" in job:
            self._settle(job)
        elif decision.what == dispatch.SEND:
            self._send(job, decision.cluster, age, is_lost)

    def _settle(self, job: "Item") -> None:
        """What a worker that vanished had of a cancelled job is over."""
        number, now = _number(job), self._now()
        for piece in self._pieces(job, limited=False):
            if piece.is_lost(now):
                self._store.claim(number, piece.low, WHO, 1, now, exists=piece.exists)
                self.report.settled += 1

    def _send(self, job: "Item", cluster: str, age: int, is_lost: bool) -> None:
        number = _number(job)
        if number in self._sent:
            return
        is_empty = is_lost or not self._depth((cluster, job["d"]))
        note_limited(self._table, number, job)
        for send in self._accountant.look([number], self._now() / 1000) if job.get("lm") else ():
            self.report.sent += dispatch.send_next(self._lanes, self._bodies, send)
            self._accountant.sent(send)
        found = reconcile.to_send(self._pieces(job), self._now(), age, is_empty)
        messages = [(number, piece.low, int(piece.exists), job["u"]) for piece in found]
        self.report.sent += self._lanes.send(*dispatch.channel(job, cluster), messages)
        if is_empty:
            self._sent.add(number)

    def _pieces(self, job: "Item", limited: bool = True) -> "Iterator[Piece]":
        """The units of a job that are not over. limited: of an array with a limit only those that may be out."""
        if not job["a"]:
            yield Piece.of(job)
            return
        number, size, tasks = _number(job), job["sz"], job["t"]
        end = min(tasks, job["nx"] * size) if limited and job.get("lm") else tasks
        for group in range(keys.group_of(tasks, size) + 1):
            first = group * size * keys.TILES_PER_GROUP + 1
            last = min(first + size * keys.TILES_PER_GROUP - 1, tasks)
            slices = self._table.query(keys.slices(number, group), consistent=True, fields=("sk", "lo", "h", "s", "un"))
            there = [item for item in slices if "lo" in item]
            yield from (piece for piece in reconcile.pieces(job, there, first, min(last, end)) if piece.state != keys.OVER)

    def _depth(self, lane: "Lane") -> int:
        """Messages of a lane at the beginning of this run."""
        if lane not in self._depths:
            self._depths[lane] = self._lanes.depth(*lane).total
        return self._depths[lane]

    # -- lanes that have lost messages ----------------------------------------------------------------------------------
    def _look_at_lanes(self) -> None:
        item = self._table.get(keys.RECONCILER, consistent=True) or {}
        before = json.loads(item.get("body", "{}"))
        remembered = {(cluster, definition): Seen(*numbers) for cluster, definition, *numbers in before.get("lanes", ())}
        tasks = reconcile.open_lanes(totals.lanes(self._table), self._bodies)
        seen = reconcile.starving(tasks, {lane: self._depth(lane) for lane in tasks}, remembered)
        lanes = reconcile.to_sweep(seen, self._now())
        if lanes or self._resumed:
            sent = self._sweep(lanes)
            seen |= {lane: reconcile.swept(seen[lane], self._now(), sent.get(lane, 0)) for lane in lanes}
        told = [[*lane, each.looks, each.rest_ms, each.until] for lane, each in sorted(seen.items())]
        if told != before.get("lanes", []):
            self._table.put(keys.RECONCILER, {"body": json.dumps({"lanes": told})})

    def _sweep(self, lanes: "set[Lane]") -> "dict[Lane, int]":
        """Look at all open jobs of these lanes; messages that were sent to each."""
        sent: dict[Lane, int] = {}
        found = [_number(item) for item in self._open() if self._lane(item) in lanes or item.get("q") in self._resumed]
        self.report.swept = len(found)
        for job in self._jobs(found):
            before, lane = self.report.sent, self._lane(job)
            self._guarded(_number(job), self._look, job, True)
            sent[lane] = sent.get(lane, 0) + self.report.sent - before
        return sent

    def _lane(self, job: "Item") -> "Lane":
        """Where a job goes; the job, or what the index `due` holds of it."""
        body = self._bodies.get("queue", {}).get(job.get("q", ""), {})
        return str(body.get("cluster") or "default"), job.get("d", "")

    def _open(self) -> "Iterator[Item]":
        """What the index `due` has of open jobs, of as many as one run goes through, first those that would be looked at next."""
        for shard in range(keys.SHARDS):
            for item in self._table.query(keys.due_part(shard), index="due", limit=MOST_SWEPT // keys.SHARDS):
                if item["sk"] == keys.JOB:
                    yield item

    # -- message queues of lanes that are gone --------------------------------------------------------------------------
    def _remove_queues(self) -> None:
        if self._now() % SWEEP_QUEUES_MS >= FIRST_OF_MS:
            return
        host = self._lanes.host
        wanted = {
            naming.lane_queue(host, cluster, definition, band)
            for cluster in self._bodies.get("cluster", {})
            for definition in self._bodies.get("definition", {})
            for band in keys.BANDS
        }
        for name in self._lanes.names():
            if name not in wanted and not self._lanes.depth_of(name).total:
                self._lanes.remove(name)
                self.report.removed += 1

    # -- errors ---------------------------------------------------------------------------------------------------------
    def _guarded(self, number: int, work: "Callable[..., None]", *arguments: object) -> None:
        """What goes wrong with one job hinders no other."""
        try:
            work(*arguments)
        except _WRONG as exc:
            self._note(f"job {number}", exc)

    def _note(self, what: str, exc: Exception) -> None:
        if len(self.report.errors) < 20:
            self.report.errors.append(f"{what}: {exc!r}"[:500])


FIRST_OF_MS = 60_000
"""The run of the first minute of each SWEEP_QUEUES_MS does it."""


def _record(item: "Item") -> "Item":
    """An item as the stream tells of it."""
    return {"eventName": "MODIFY", "dynamodb": {"Keys": pack({"pk": item["pk"], "sk": item["sk"]}), "NewImage": pack(item)}}


def _number(job: "Item") -> int:
    return int(job["pk"][2:])
