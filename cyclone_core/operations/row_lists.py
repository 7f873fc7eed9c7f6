"""Numbered rows of long lists: which job, or which task, is in row n, and in which row it is. Pure arithmetic over arrays of ids.

A list of jobs is an array of ids in the order in which they are shown. A list of tasks adds, for each job, the row behind its last
task: a search by halves finds the job of a row, and what is left over is the task. Neither holds a row itself.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

Key = int | tuple[int, int]
"""A job's id; in a list of tasks (job id, position)."""
_NEAR = 1024


class JobRows:
    """Rows that are jobs. `down`: sorted by id, newest first; up: False; None: in some other order."""

    def __init__(self, ids: "array[int] | range", down: bool | None = True) -> None:
        self.ids, self.down = ids, down

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.ids)

    def key(self, row: int) -> Key | None:
        """The job's id."""
        return self.ids[row]

    def find(self, key: Key, near: int) -> int | None:
        """Row of a job."""
        return self.row_of(key, near) if isinstance(key, int) else self.row_of(key[0], near)

    def row_of(self, job: int, near: int) -> int | None:
        """Where a job stands among the ids; `near` is where it stood."""
        ids = self.ids
        if isinstance(ids, range):
            return ids.index(job) if job in ids else None
        if self.down is not None:
            at = bisect_left(ids, -job, key=lambda one: -one) if self.down else bisect_left(ids, job)
            return at if at < len(ids) and ids[at] == job else None
        begin = max(0, near - _NEAR)
        part = ids[begin : near + _NEAR]
        if job in part:
            return begin + part.index(job)
        return _search(ids, job)

    def with_new(self, new: "array[int]") -> "JobRows":
        """The list with jobs that were submitted later, in the list's own order of id."""
        assert self.down is not None
        ids = self.ids
        if isinstance(ids, range):
            if whole := self._longer(ids, list(new)):
                return whole
            ids = array("q", ids)
        return JobRows(new + ids if self.down else ids + new, self.down)

    def _longer(self, ids: range, new: list[int]) -> "JobRows | None":
        """A longer range, where no number is missing between."""
        if not ids or not new:
            return None
        if self.down:
            return JobRows(range(new[0], ids[-1] - 1, -1), True) if new == list(range(ids[0] + len(new), ids[0], -1)) else None
        return JobRows(range(ids[0], new[-1] + 1), False) if new == list(range(ids[-1] + 1, ids[-1] + 1 + len(new))) else None


class TaskRows:
    """Rows that are tasks: job after job, and in each by position.

    ends: for each job the row behind its last one. states: only tasks in these are shown, (): all; then `positions` tells which they
    are, as far as that was read (job id -> positions, ascending).
    """

    def __init__(self, jobs: JobRows, ends: "array[int]", states: tuple[int, ...] = ()) -> None:
        self.jobs, self.ends, self.states = jobs, ends, states
        self.positions: dict[int, array[int]] = {}

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self.ends[-1] if self.ends else 0

    def place(self, row: int) -> tuple[int, int]:
        """(job id, number of the row among those of its job, 0 first)."""
        at = bisect_right(self.ends, row)
        return self.jobs.ids[at], row - (self.ends[at - 1] if at else 0)

    def key(self, row: int) -> Key | None:
        """(job id, position), None while the position is not known."""
        job, number = self.place(row)
        if not self.states:
            return job, number + 1
        positions = self.positions.get(job)
        return (job, positions[number]) if positions is not None and number < len(positions) else None

    def find(self, key: Key, near: int) -> int | None:
        """Row of a task (of a job: of its first one)."""
        job, position = (key, 0) if isinstance(key, int) else key
        at = self.jobs.row_of(job, bisect_right(self.ends, near))
        if at is None or at >= len(self.ends):
            return None
        begin = self.ends[at - 1] if at else 0
        if self.states and position:
            positions: Sequence[int] = self.positions.get(job, ())
            number = bisect_left(positions, position)
            return begin + number if number < len(positions) and positions[number] == position else None
        return begin + max(0, position - 1) if begin < self.ends[at] else None

    def with_new(self, new: "array[int]", counts: "array[int]") -> "TaskRows":
        """The list with jobs that were submitted later."""
        jobs = self.jobs.with_new(new)
        added = sums(counts)
        shift = added[-1] if added else 0
        if not self.jobs.down:
            last = self.count
            return TaskRows(jobs, self.ends + array("q", [end + last for end in added]), self.states)
        moved = array("q")
        for begin in range(0, len(self.ends), 65_536):  # piece by piece: whoever draws the screen gets its turn
            moved.extend([end + shift for end in self.ends[begin : begin + 65_536]])
        return TaskRows(jobs, added + moved, self.states)


def sums(counts: "array[int]", begin: int = 0) -> "array[int]":
    """Running sums."""
    found = array("q")
    for count in counts:
        begin += count
        found.append(begin)
    return found


def _search(ids: "array[int]", job: int) -> int | None:
    """Where a number stands in an array, at the speed of a search in memory."""
    raw, wanted = ids.tobytes(), array("q", [job]).tobytes()
    at = raw.find(wanted)
    while at >= 0 and at % 8:
        at = raw.find(wanted, at + 1)
    return None if at < 0 else at // 8
