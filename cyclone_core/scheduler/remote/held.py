"""A unit in the hands of this worker: what the agent may start of it, what it has, what it has reported, and what is due. Pure and lean.

Times here are seconds of a clock that never jumps. The unit itself is written by one thread at a time (`busy`): meanwhile results gather
here. What may be started is taken over from the unit after each write, because the mark counts only once it is written.
"""

from _collections import deque  # type: ignore[import-not-found]  # `collections` loads five other modules

from cyclone_core.scheduler.dynamo import unit_parts
from cyclone_core.scheduler.remote.pace import FLUSH_ROWS, FLUSH_S, Pace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from cyclone_core.indices import Indices
    from cyclone_core.journal import Row
    from cyclone_core.ports import Range
    from cyclone_core.scheduler.dynamo.queues import Message
    from cyclone_core.scheduler.dynamo.unit import Unit
    from cyclone_core.scheduler.lifecycle import Retry
    from cyclone_core.scheduler.remote.machine import Times

NOTED_S = 2.0
"""That a task runs is recorded when it has run for so long; most are over by then."""
SPLIT_S = 60.0
"""A slice whose untouched rest would take longer is split."""


class Held:
    """See the module.

    job: its item; fields, spec, lane: what leases tell the agent of it; retry: its rules; limited: slices of it are not split.
    message: the hint that led to it. queue: ranges that may be started and that the agent does not have. out: position -> attempt of what
    the agent has. running: position -> (attempt, start_us) of tasks that have lasted a moment. rows (with the journal of their frames),
    reasons: reported, not yet being written. until: end of the lease, which was made longer at `renewed` last.
    how: "", or in which way the next write lets go of it (`record`); died: position -> start_us of what ran when the agent died.
    heard: others have written something that is to be settled; lost: it is not ours any more; shed: what was not begun went back already;
    unwritten: the unit has more than the table may have; retry_at: nothing is written before, after a failure. pace: of tasks of its kind.
    """

    __slots__ = (
        "begun_at", "busy", "died", "fields", "first_row", "heard", "how", "indices", "job", "lane", "limited", "live_at", "lost",
        "message", "out", "pace", "queue", "reasons", "renewed", "retry", "retry_at", "rows", "running", "shed", "spec", "unit", "until",
        "unwritten", "written_at",
    )  # fmt: skip

    def __init__(
        self, unit: "Unit", job: "Mapping[str, Any]", fields: "tuple[Any, ...]", spec: "dict[str, Any]", lane: "dict[str, Any]",
        retry: "Retry", message: "Message", now: float, until: float, indices: "Indices | None" = None,
    ) -> None:  # fmt: skip
        """now: just before it was claimed; indices: of a sparse array."""
        self.indices = indices
        self.unit, self.job, self.fields, self.spec, self.lane, self.retry, self.message = unit, job, fields, spec, lane, retry, message
        self.limited = bool(job.get("lm"))
        self.queue: deque[Range] = deque()
        self.out: dict[int, int] = {}
        self.running: dict[int, tuple[int, int]] = {}
        self.rows: list[tuple[Row, int]] = []
        self.reasons: dict[tuple[int, int], str] = {}
        self.first_row = 0.0
        self.busy = self.lost = self.heard = self.shed = self.unwritten = False
        self.how = ""
        self.died: dict[int, int] = {}
        self.until, self.renewed, self.written_at, self.live_at, self.begun_at = until, now, now, now, now
        self.retry_at = 0.0
        self.pace = Pace()
        self.take_over()

    @property
    def number(self) -> int:
        """Of the job."""
        return self.unit.job

    @property
    def name(self) -> str:
        """What people call the unit."""
        unit = self.unit
        return f"{unit.job}--{unit.low}…{unit.high}" if unit.array else str(unit.job)

    # -- what the agent gets ------------------------------------------------------------------------------------------------------
    def take_over(self) -> None:
        """What may be started now, by what is written; nothing while nobody knows what that is."""
        taken = {**self.out, **{row[1]: row[2] for row, _ in self.rows}}
        self.queue = deque() if self.unwritten else deque(self.unit.startable(taken))

    def take(self, most: int) -> "list[Range]":
        """Up to `most` tasks for the agent."""
        found: list[Range] = []
        while self.queue and most > 0:
            job, low, high, *history = self.queue.popleft()
            end = min(high, low + most - 1)
            if end < high:
                self.queue.appendleft((job, end + 1, high, *history))
            found.append((job, low, end, *history))
            self.out.update(dict.fromkeys(range(low, end + 1), history[0]))
            most -= end - low + 1
        return found

    def returned(self, low: int, high: int) -> None:
        """The agent has not begun these and gives them back."""
        for position in range(low, high + 1):
            self.out.pop(position, None)
        if not self.busy:
            self.take_over()

    def fields_for(self, low: int, high: int) -> "tuple[Any, ...]":
        """What a lease of these positions tells of the job: of a sparse array also what maps them to indices."""
        return self.fields if self.indices is None else (*self.fields, list(self.indices.parts(low, high)))

    @property
    def task_name(self) -> str:
        """What users call the first task that the agent has."""
        position = min(self.out, default=self.unit.low)
        if not self.unit.array:
            return str(self.number)
        low, step = self.fields[4:6]
        return f"{self.number}--{self.indices.index(position) if self.indices else low + (position - 1) * step}"

    @property
    def in_hand(self) -> int:
        """Tasks that are here and have no result."""
        return max(0, self.unit.left - len(self.rows))

    # -- what it reports ----------------------------------------------------------------------------------------------------------
    def report(self, rows: "Iterable[Row]", reasons: "Mapping[tuple[int, int], str]", journal: int, now: float) -> None:
        """Attempts that ended. journal: descriptor of where their frames are."""
        for row in rows:
            if self.out.get(row[1]) != row[2]:
                continue
            del self.out[row[1]]
            self.running.pop(row[1], None)
            self.first_row = self.first_row if self.rows else now
            self.rows.append((row, journal))
        self.reasons.update(reasons)

    def take_rows(self) -> "tuple[list[tuple[Row, int]], dict[tuple[int, int], str]]":
        """What a write is to record from here on."""
        rows, reasons = self.rows, self.reasons
        self.rows, self.reasons, self.heard = [], {}, False
        return rows, reasons

    def put_back(self, rows: "list[tuple[Row, int]]", reasons: "dict[tuple[int, int], str]") -> None:
        """They could not be written: they are to be written again."""
        self.rows, self.reasons, self.heard = [*rows, *self.rows], {**reasons, **self.reasons}, True

    # -- what is due --------------------------------------------------------------------------------------------------------------
    def is_due(self, now: float, wall_us: int, times: "Times") -> bool:
        """Whether it is to be written now."""
        if self.busy or self.lost or now < self.retry_at:
            return False
        if self.how:
            return not self.out
        if len(self.rows) >= FLUSH_ROWS or (self.rows and now - self.first_row >= FLUSH_S) or self.heard:
            return True
        if not self.queue and not self.out:
            return True
        return now - self.written_at >= times.renew_s or self._has_news(wall_us)

    def _has_news(self, wall_us: int) -> bool:
        """Whether a task runs for some time of which the table does not know."""
        told = {position: attempt for position, attempt, _ in self.unit.running}
        return any(
            told.get(position) != attempt and wall_us - start >= NOTED_S * 1e6 for position, (attempt, start) in self.running.items()
        )

    def is_over_at(self, now: float, times: "Times") -> bool:
        """Whether the lease is over, as far as it can be relied on."""
        return now >= self.until - times.margin_s

    @property
    def begun_to(self) -> int:
        """No task behind this position has begun, whatever the mark allows."""
        return max((self.unit.low, *self.out, *(row[1] for row, _ in self.rows)))

    def is_slow(self, pace_s: float, width: int) -> bool:
        """Whether what has not been begun is to be split. While the agent has tasks that it has not begun, it is too early to know."""
        untouched = self.unit.high - self.begun_to
        may = self.unit.array and not (self.limited or self.unwritten) and len(self.out) <= width
        return may and untouched > 0 and untouched * pace_s / width > SPLIT_S

    def cuts(self) -> "list[int]":
        """Where to split what has not begun; none of that is started until it is written what became of it. [] where it cannot be split."""
        mark, self.unit.mark = self.unit.mark, self.begun_to
        found = unit_parts.cuts(self.unit)
        self._settle_mark(mark, bool(found))
        return found

    def lower_mark(self) -> None:
        """What has not begun is not to begin, and counts as waiting again, once that is written: the mark was set for shorter tasks."""
        if not self.unwritten and self.unit.mark > self.begun_to:
            self.queue.clear()
            self.unit.mark, self.unit.touched = self.begun_to, True

    def rest(self) -> "list[int]":
        """The same, as one part."""
        mark, self.unit.mark = self.unit.mark, self.begun_to
        first = unit_parts.fixed(self.unit) + 1
        self._settle_mark(mark, first <= self.unit.high)
        return [first] if first <= self.unit.high else []

    def _settle_mark(self, before: int, is_cut: bool) -> None:
        if is_cut:
            self.queue.clear()
        else:
            self.unit.mark = before

    def oldest_s(self, now: float) -> float:
        """How long the task that has been running longest does so. now: seconds since 1970, as tasks count."""
        return max(0.0, now - min(start for _, start in self.running.values()) / 1e6) if self.running else 0.0

    def begun(self) -> "dict[int, int]":
        """position -> start_us of tasks that the agent may have begun."""
        return {position: self.running.get(position, (0, 0))[1] for position in self.out}
