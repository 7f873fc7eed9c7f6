"""The tasks of an array as rows of a table: any number of them, those in one state or all, read a page at a time on a thread.

What is in which row follows from the array's overview (a byte per task), so scrolling needs no search; records are asked for when they are
looked at and kept until the overview says that they changed.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress

from cyclone_core.jobs import FINAL
from cyclone_core.operations.queries import HostView
from cyclone_core.views import Task
from cyclone_tui import formatters
from cyclone_tui.widgets.row_table import Column

PAGE = 200
"""Records read at once."""
KEPT = 5000


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task in the table."""

    position: int
    id: str
    status: int
    attempt: int
    exit_code: int | None
    signal: int | None
    started: float | None
    took: float | None
    worker: int | str | None
    size: int
    reason: str


@dataclass(frozen=True)
class Wanted:
    """A page to read: tasks of a job in a state (None: any) above a position."""

    job: int
    status: int | None
    after: int
    limit: int


def read_page(host: HostView, wanted: Wanted) -> list[TaskRow]:
    """On a thread: the page."""
    return [row_of(task) for task in host.reader.tasks(wanted.job, wanted.status, wanted.after, wanted.limit)]


def row_of(task: Task) -> TaskRow:
    """What the table shows of a task."""
    return TaskRow(
        task.position, task.id, task.status, task.attempt, task.exit_code, task.signal, task.started, task.took, task.worker, task.size,
        task.reason or "",
    )  # fmt: skip


def positions_in(states: bytes, status: int | None) -> Sequence[int]:
    """Positions (from 1) of the tasks in a state; of all where it is None. Runs in C: a million take about ten milliseconds."""
    if status is None:
        return range(1, len(states) + 1)
    return array("I", compress(range(1, len(states) + 1), states.translate(bytes(state == status for state in range(256)))))


class TaskRows:
    """A source of rows (`row_source.RowSource`). `ask`: called with a page that is missing; its records come back through `take`."""

    def __init__(self, job: int, ask: Callable[[Wanted], None]) -> None:
        self.job, self._ask = job, ask
        self.status: int | None = None
        self._states = b""
        self._positions: Sequence[int] = ()
        self._known: dict[int, tuple[TaskRow, int]] = {}
        self._look = 0
        self._asked: Wanted | None = None

    def set_states(self, states: bytes, positions: Sequence[int], status: int | None) -> None:
        """What the overview says now; `positions` of those in `status`, in order."""
        self._states, self._positions, self.status = states, positions, status
        self._look += 1

    def take(self, wanted: Wanted, rows: Sequence[TaskRow]) -> None:
        """The records of a page."""
        if self._asked == wanted:
            self._asked = None
        if len(self._known) > KEPT:
            self._known.clear()
        for row in rows:
            self._known[row.position] = row, self._look

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._positions)

    def key(self, row: int) -> int:
        """The task's position."""
        return self._positions[row]

    def find(self, key: object, near: int) -> int | None:
        """The row of a task's position."""
        if not isinstance(key, int):
            return None
        row = bisect_left(self._positions, key)
        return row if row < len(self._positions) and self._positions[row] == key else None

    def window(self, first: int, count: int) -> Sequence[TaskRow | None]:
        """The records that are known; asks for those that are not, or that changed."""
        positions = self._positions[first : first + count]
        found = [self._known.get(position) for position in positions]
        if self._asked is None and any(not self._is_fresh(position, one) for position, one in zip(positions, found, strict=True)):
            begin = max(0, first - (PAGE - count) // 2)
            self._asked = Wanted(self.job, self.status, self._positions[begin] - 1, max(PAGE, count))
            self._ask(self._asked)
        return [one[0] if one else None for one in found]

    def _is_fresh(self, position: int, known: tuple[TaskRow, int] | None) -> bool:
        if known is None:
            return False
        row, look = known
        return look == self._look or (row.status in FINAL and row.status == self._states[position - 1])


def columns(ascii: bool, is_aws: bool = False) -> tuple[Column[TaskRow], ...]:
    """Columns of the table."""
    return (
        Column("id", "Task", lambda row: row.id, 14),
        Column("status", "Status", lambda row: formatters.state_text(row.status, ascii), 12,
               style=lambda row: formatters.STATE_STYLES[row.status]),
        Column("exit", "Exit", _exit, 6, "right", priority=1),
        Column("took", "Time", lambda row: formatters.duration(row.took), 7, "right", priority=1),
        Column("started", "Started", lambda row: formatters.moment(row.started), 11, priority=2),
        Column("attempt", "Attempt", lambda row: str(row.attempt), 7, "right", priority=4),
        Column("worker", "Worker", lambda row: formatters.worker(row.worker), 22 if is_aws else 6, "left" if is_aws else "right",
               priority=4),
        Column("size", "Output", lambda row: formatters.size(row.size) if row.size else "", 9, "right", priority=3),
        Column("reason", "Reason", lambda row: row.reason, style=lambda row: "muted", priority=5),
    )  # fmt: skip


def _exit(row: TaskRow) -> str:
    return f"sig {row.signal}" if row.signal else "" if row.exit_code is None else str(row.exit_code)
