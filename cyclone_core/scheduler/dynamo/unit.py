"""A unit of work in memory, and every rule of how it may change. Pure and lean.

A unit is what is leased, run and reported together: a single job (its item is the job's own) or a slice of an array, positions low..high.
Each of its tasks is in one of these places:

    results     over: the row of its last attempt
    histories   not over, and not fresh: (number of the next or present attempt, own failures, workers lost)
    neither     not over, fresh: its first attempt is still to come, or runs

While the unit is leased its holder may start the tasks up to `mark` and no others; what was said before a worker vanishes is all that
may have run. Those count as Running, the rest as Waiting. Times are milliseconds since 1970, in rows microseconds (`journal.Row`).

The methods only change memory; `unit_store` writes the outcome (`unit_items`) with one conditional write. `version` is what the table has,
and grows with every write that changes more than the lease; whoever writes makes `lease` and `version` its condition, so of two who write
one is refused.

What others write into an item that somebody holds is kept apart, so that nobody overwrites it: `cancelled` (positions), `stopped` (a single
job), `follow`. The holder hears of it with `hear`, which takes the item that every write and every look returns.
"""

from cyclone_core import jobs
from cyclone_core.jobs import CANCELLED, RUNNING, WAITING
from cyclone_core.scheduler import lifecycle
from cyclone_core.scheduler.dynamo import keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from cyclone_core.journal import Row
    from cyclone_core.ports import Range
    from cyclone_core.scheduler.dynamo.values import Item
    from cyclone_core.scheduler.lifecycle import Retry

    History = tuple[int, int, int]
    """(number of the next or present attempt, own failures so far, workers lost so far)"""
    Member = tuple[Row, int]
    """(row, number of the unit's log object with its END frame, where `at` of the row is; 0: no output of it is kept)"""

FRESH: "History" = (1, 0, 0)
AHEAD = 64
"""So many tasks, beyond those that run, a worker may start between two writes at most; as many results make a write."""
GROWTH = 4
MOST_EARLIER = 1000
"""Earlier attempts that a unit remembers; with -r 1000000 the oldest are forgotten, or the item would outgrow what an item may be."""
LONGEST_REASON = 500
"""Characters of a reason."""
MOST_PLACES = 64
"""Where its attempts ran, with the price then; further ones count for their region: prices change, and -r 1000000 may take months."""
_CANCELLED = jobs.outcome(0, jobs.CAUSE_CANCELLED)
_LOST = jobs.outcome(0, jobs.CAUSE_LOST)


class Unit:
    """See above.

    job; low, high: its positions (a single job: 1, 1); array: whether it is a slice. shape: {q, d, sz, jt, u, b} of a slice, see `keys`.
    state: keys.WAITING, LEASED or OVER. lease: number of the present or last lease. version: as it is stored, 0: it is no item yet.
    until: end of the lease. worker: who holds or held it. mark: positions up to here may have been started under this lease.
    ahead: so many unfinished tasks the mark was last made to cover (not stored). running: [[position, attempt, start_ms], …] as last said.
    results: position -> Member. earlier: Members of attempts that were followed by others. histories: position -> History.
    cancelled: positions whose cancellation was asked for. stopped: when that of the whole job was asked for; of a slice whoever reads
    the job's item sets it. log: number of its last log object. lost: leases in a row that ended without a result.
    reasons: (position, attempt) -> why it ended so. output: of a single job's final attempt when little. follow: somebody follows until.
    live: position -> [attempt, chunks, bytes] of running tasks' output so far. used: place -> vCPU milliseconds of its attempts there.
    touched: something changed that a write must make known with a new version.
    """

    __slots__ = (
        "ahead", "array", "cancelled", "earlier", "follow", "high", "histories", "job", "lease", "live", "log", "lost", "low", "mark",
        "output", "reasons", "results", "running", "shape", "state", "stopped", "touched", "until", "used", "version", "worker",
    )  # fmt: skip

    def __init__(self, job: int, low: int, high: int, array: bool, shape: "Item | None" = None) -> None:
        self.job, self.low, self.high, self.array, self.shape = job, low, high, array, shape or {}
        self.state, self.lease, self.version, self.until, self.worker, self.mark = keys.WAITING, 0, 0, 0, "", low - 1
        self.ahead, self.log, self.lost, self.follow = 0, 0, 0, 0
        self.stopped: int | None = None
        self.running: list[list[int]] = []
        self.results: dict[int, Member] = {}
        self.earlier: list[Member] = []
        self.histories: dict[int, History] = {}
        self.cancelled: set[int] = set()
        self.reasons: dict[tuple[int, int], str] = {}
        self.output = b""
        self.live: dict[int, list[int]] = {}
        self.used: dict[str, int] = {}
        self.touched = True

    # -- its item -----------------------------------------------------------------------------------------------------------------
    @property
    def key(self) -> "tuple[str, str]":
        """Key of its item."""
        return keys.slice(self.job, self.low, self.shape["sz"]) if self.array else keys.job(self.job)

    def written(self) -> None:
        """A write of it succeeded: the table has what is here."""
        self.version += self.touched
        self.touched = False

    # -- looking ------------------------------------------------------------------------------------------------------------------
    @property
    def left(self) -> int:
        """How many tasks are not over."""
        return self.high - self.low + 1 - len(self.results)

    @property
    def is_over(self) -> bool:
        """Whether every task is."""
        return self.state == keys.OVER

    def unfinished(self) -> "Iterator[int]":
        """Positions of tasks that are not over, ascending."""
        results = self.results
        return (position for position in range(self.low, self.high + 1) if position not in results)

    def counts(self) -> list[int]:
        """Numbers of its tasks in the order of jobs.STATES. A cancelled array's waiting tasks are still Waiting here."""
        found = [0] * len(jobs.STATES)
        for row, _ in self.results.values():
            found[lifecycle.final_state(row[3])] += 1
        found[RUNNING] = sum(position <= self.mark for position in self.unfinished()) if self.state == keys.LEASED else 0
        found[WAITING] = self.left - found[RUNNING]
        return found

    def states(self) -> bytes:
        """The state of each task, low..high, a byte each. What waits while nobody holds it is Cancelled once its job is `stopped`."""
        leased = self.state == keys.LEASED
        idle = CANCELLED if self.stopped is not None and not leased else WAITING
        mark = self.mark if leased else self.low - 1
        found = bytearray(RUNNING if position <= mark else idle for position in range(self.low, self.high + 1))
        for position, (row, _) in self.results.items():
            found[position - self.low] = lifecycle.final_state(row[3])
        return bytes(found)

    def history(self, position: int) -> "History":
        """(attempt, failures, losses) of a task that is not over."""
        return self.histories.get(position, FRESH)

    def startable(self, handed_out: "Collection[int]" = ()) -> "list[Range]":
        """What its holder may start now, as ranges with equal histories: not over, up to the mark, not cancelled, not handed out before."""
        if self.state != keys.LEASED or self.stopped is not None:
            return []
        may = (p for p in range(self.low, min(self.mark, self.high) + 1) if p not in self.results and p not in self.cancelled)
        return self.ranges(p for p in may if p not in handed_out)

    def ranges(self, positions: "Iterable[int]") -> "list[Range]":
        """Positions, ascending, as ranges with equal histories."""
        found: list[Range] = []
        for position in positions:
            history = self.history(position)
            if found and found[-1][2] == position - 1 and found[-1][3:] == history:
                found[-1] = (self.job, found[-1][1], position, *history)
            else:
                found.append((self.job, position, position, *history))
        return found

    # -- leases -------------------------------------------------------------------------------------------------------------------
    def claim(self, worker: str, until: int, width: int) -> None:
        """Lease it to a worker that runs `width` tasks at once; it waits. After a loss one task at a time may be started."""
        assert self.state == keys.WAITING, "only what waits is leased"
        self.state, self.worker, self.until, self.lease, self.touched = keys.LEASED, worker, until, self.lease + 1, True
        self.running, self.live, self.mark, self.ahead = [], {}, self.low - 1, 0
        self.allow(width, short=False)

    def allow(self, width: int, short: bool) -> int:
        """Raise the mark as far as its holder may go before it writes again; the mark. It is valid once it is written.

        width: tasks that run at once; short: they last less than the time between two writes. After a loss it is one task, until a
        result comes: then the one that kills its workers is the only one that a loss is held against.
        """
        if self.lost:
            self.ahead = 1
        elif short:
            self.ahead = min(max(self.ahead, width) * GROWTH, width + AHEAD)
        else:
            self.ahead = width
        mark = self.mark
        for number, position in enumerate(self.unfinished(), 1):
            mark = max(self.mark, position)
            if number == self.ahead:
                break
        self.touched |= mark != self.mark
        self.mark = mark
        return mark

    def renew(self, until: int) -> None:
        """The lease goes on."""
        self.until = until

    def is_free(self, now: int) -> bool:
        """Whether somebody may lease it at a time: it waits, or its lease is over."""
        return self.state == keys.WAITING or (self.state == keys.LEASED and self.until < now)

    # -- results ------------------------------------------------------------------------------------------------------------------
    def finish(self, members: "Iterable[Member]", reasons: "Mapping[tuple[int, int], str]", retry: "Retry") -> "list[Range]":
        """Attempts that ended. Returns what runs again under the same lease, as ranges: to be started once this is written.

        members: rows with the number of their log object; those of another attempt, of tasks that are over or of others change nothing.
        reasons: (job, position) -> why it ended so.
        """
        again = []
        for row, number in members:
            job, position, attempt, code = row[:4]
            history = self.history(position)
            if job != self.job or not self.low <= position <= self.high or position in self.results or attempt != history[0]:
                continue
            self.lost, self.touched, self.log = 0, True, max(self.log, number)
            reason = reasons.get((job, position))
            if code == 0 and not reason:
                self._end(position, (row, number))
            elif self._judge(row, history, reason, retry, number):
                again.append(position)
        self.close_if_over()
        return self.ranges(sorted(set(again) - set(self.results)))

    def use(self, place: str, vcpu_ms: int) -> None:
        """Attempts of it used so much at a place (`remote.usage`)."""
        if vcpu_ms:
            if place not in self.used and len(self.used) >= MOST_PLACES:
                place = f"{place.partition(' ')[0]} ? ? ?"
            self.used = {**self.used, place: self.used.get(place, 0) + vcpu_ms}

    def _judge(self, row: "Row", history: "History", reason: str | None, retry: "Retry", number: int) -> bool:
        """An attempt that did not simply succeed; whether the task runs again."""
        position, attempt, code = row[1:4]
        verdict = lifecycle.judge(code, history[1], history[2], retry, self._is_cancelled(position))
        if reason:
            self.reasons[position, attempt] = reason[:LONGEST_REASON]
        if verdict.state == WAITING:
            self._go_on((row, number), (attempt + 1, verdict.failures, verdict.losses))
            return True
        if verdict.state == CANCELLED and jobs.cause_of(code) != jobs.CAUSE_CANCELLED:
            row = (*row[:3], _CANCELLED | code & 0xFFFF, *row[4:])
        self._end(position, (row, number))
        return False

    def _end(self, position: int, member: "Member") -> None:
        self.results[position] = member
        self.histories.pop(position, None)
        self.live.pop(position, None)

    def _go_on(self, member: "Member", history: "History") -> None:
        position = member[0][1]
        self.earlier.append(member)
        self.histories[position] = history
        self.live.pop(position, None)
        if len(self.earlier) > MOST_EARLIER:
            gone = self.earlier.pop(0)[0]
            self.reasons.pop((gone[1], gone[2]), None)

    def close_if_over(self) -> None:
        """Its state, once no task is left."""
        if not self.left:
            self.state, self.running, self.live = keys.OVER, [], {}

    def _is_cancelled(self, position: int) -> bool:
        return self.stopped is not None or position in self.cancelled

    # -- tasks that come back -----------------------------------------------------------------------------------------------------
    def give_back(self, now: int) -> None:
        """Nothing of what is not over was begun: it waits again with its history unchanged, or is Cancelled where that was asked for."""
        self.lose(now, {})

    def lose(
        self, now: int, started: "Mapping[int, int] | None" = None, counted: bool = True, reason: str = "its worker died"
    ) -> "list[Range]":
        """Its holder is gone, or lets go of it: no more of it runs. What waits again, as ranges; the lease is over.

        started: position -> start_us of the tasks that had begun and have not ended; None: nobody knows, so all up to the mark. Each of
        them counts one loss and ends as Error after DEFAULT_LOSSES of them. Not `counted`: it was stopped on purpose or told to leave;
        the attempt is over, but no loss is held against the task. Where cancellation was asked for, the task is Cancelled.
        """
        if started is None:
            begun = {position: start * 1000 for position, _, start in self.running}
            started = {p: begun.get(p, now * 1000) for p in self.unfinished() if p <= self.mark}
        else:
            started = {p: start for p, start in started.items() if self.low <= p <= self.high and p not in self.results}
        for position in list(self.unfinished()):
            if position in started:
                self._lost(position, started[position], now, counted, reason)
            elif self._is_cancelled(position):
                self._never_ran(position, now)
        self.lost += bool(started) and counted
        self.state, self.running, self.live, self.touched, self.mark = keys.WAITING, [], {}, True, self.low - 1
        self.close_if_over()
        return self.ranges(self.unfinished())

    def _lost(self, position: int, start_us: int, now: int, counted: bool, reason: str) -> None:
        attempt, failures, losses = self.history(position)
        cancelled = self._is_cancelled(position)
        code = _CANCELLED | _LOST & 0xFFFF if cancelled else _LOST
        row = (self.job, position, attempt, code, start_us, max(0, now * 1000 - start_us), 0, 0)
        self.reasons[position, attempt] = reason[:LONGEST_REASON]
        if cancelled or (counted and losses + 1 >= jobs.DEFAULT_LOSSES):
            self._end(position, (row, 0))
        else:
            self._go_on((row, 0), (attempt + 1, failures, losses + counted))

    def _never_ran(self, position: int, now: int) -> None:
        self._end(position, ((self.job, position, self.history(position)[0], _CANCELLED, now * 1000, 0, 0, 0), 0))

    # -- cancellation -------------------------------------------------------------------------------------------------------------
    def cancel(self, position: int | None, now: int) -> int:
        """Cancel a task, or all (None), of a unit that nobody holds; how many tasks that ended. (Of one that is held, the wish is written
        beside it, and its holder settles it.)"""
        assert self.state != keys.LEASED, "what is held is its holder's"
        if position is not None and not self.low <= position <= self.high:
            return 0
        wanted = [p for p in (self.unfinished() if position is None else (position,)) if p not in self.results]
        for one in wanted:
            self._never_ran(one, now)
        self.touched |= bool(wanted)
        self.close_if_over()
        return len(wanted)

    def settle(self, now: int, started: "Collection[int]" = ()) -> list[int]:
        """Its holder heard of cancellations: tasks that it has not `started` are Cancelled at once; their positions. Those that run it
        ends, and reports as any other result."""
        ended = [p for p in self.unfinished() if self._is_cancelled(p) and p not in started]
        for position in ended:
            self._never_ran(position, now)
        self.touched |= bool(ended)
        self.close_if_over()
        return ended
