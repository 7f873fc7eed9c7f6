"""Numbered rows of long lists: which job, or which task, is in row n, and in which row it is. Pure arithmetic over arrays of ids.

A list of jobs is an array of ids; a list of tasks adds running sums of their numbers of tasks, in which a search by halves finds the
job of a row. What is sorted by id is kept with the oldest job first, also when it is shown the other way round: jobs that
are submitted later are appended then, and nothing is copied. A list looks at the first `length` of its jobs only, so
that one which is being drawn stays as it is while another thread appends.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

Key = int | tuple[int, int]
"""A job's id; in a list of tasks (job id, position)."""
_NEAR, _PIECE = 1024, 32_768


class JobRows:
    """Rows that are jobs. by_id: the ids ascend; down: they are shown the other way round."""

    def __init__(self, ids: "array[int] | range", by_id: bool = True, down: bool = False, length: int | None = None) -> None:
        self.ids, self.by_id, self.down = ids, by_id, down
        self._length = length

    @property
    def count(self) -> int:
        """How many rows there are; one that is still being made grows."""
        return len(self.ids) if self._length is None else self._length

    def at(self, row: int) -> int:
        """Place of a row among the ids, and of a place among the rows."""
        return self.count - 1 - row if self.down else row

    def key(self, row: int) -> Key | None:
        """The job's id."""
        return self.ids[self.at(row)]

    def find(self, key: Key, near: int) -> int | None:
        """Row of a job."""
        at = self.place_of(key if isinstance(key, int) else key[0], self.at(near))
        return None if at is None else self.at(at)

    def place_of(self, job: int, near: int) -> int | None:
        """Where a job stands among the ids; `near` is where it stood."""
        ids, count = self.ids, self.count
        if isinstance(ids, range):
            return ids.index(job) if job in ids else None
        if self.by_id:
            at = bisect_left(ids, job, 0, count)
            return at if at < count and ids[at] == job else None
        begin = max(0, near - _NEAR)
        part = ids[begin : max(0, near) + _NEAR]
        return begin + part.index(job) if job in part else _search(ids, job)

    def with_new(self, new: "array[int]") -> "JobRows":
        """The list with jobs that were submitted later; `new` ascends, and the list is sorted by id."""
        ids = self.ids
        if isinstance(ids, range):
            if list(new) == list(range(ids.stop, ids.stop + len(new))):
                return JobRows(range(ids.start, ids.stop + len(new)), True, self.down)
            ids = array("q", ids)
        del ids[self.count :]
        ids.extend(new)
        return JobRows(ids, True, self.down, len(ids))


class TaskRows:
    """Rows that are tasks: job after job, and in each by position.

    ends: running sums of the jobs' numbers of rows, in the order of the ids. states: only tasks in these are shown, (): all; then
    `positions` tells which they are, as far as that was read (job id -> positions, ascending).
    """

    def __init__(self, jobs: JobRows, ends: "array[int]", states: tuple[int, ...] = (), total: int | None = None) -> None:
        self.jobs, self.ends, self.states = jobs, ends, states
        self._total = total
        self.positions: dict[int, array[int]] = {}

    @property
    def count(self) -> int:
        """How many rows there are; one that is still being made grows."""
        return self._total if self._total is not None else self.ends[-1] if self.ends else 0

    def place(self, row: int) -> tuple[int, int]:
        """(job id, number of the row among those of its job, 0 first)."""
        at = self._job_at(row)
        return self.jobs.ids[at], row - self._begin(at)

    def _job_at(self, row: int) -> int:
        return bisect_right(self.ends, self.count - 1 - row if self.jobs.down else row)

    def _begin(self, at: int) -> int:
        """The first row of a job by its place."""
        if self.jobs.down:
            return self.count - self.ends[at]
        return self.ends[at - 1] if at else 0

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
        at = self.jobs.place_of(job, self._job_at(near))
        if at is None or at >= len(self.ends) or self.ends[at] == (self.ends[at - 1] if at else 0):
            return None
        if self.states and position:
            positions: Sequence[int] = self.positions.get(job, ())
            number = bisect_left(positions, position)
            return self._begin(at) + number if number < len(positions) and positions[number] == position else None
        return self._begin(at) + max(0, position - 1)

    def with_new(self, new: "array[int]", counts: "array[int]") -> "TaskRows":
        """The list with jobs that were submitted later; `new` ascends, and the list is sorted by id."""
        del self.ends[self.jobs.count :]
        jobs = self.jobs.with_new(new)
        self.ends.extend(sums(counts, self.count))
        return TaskRows(jobs, self.ends, self.states, self.ends[-1])


def sums(counts: "array[int]", begin: int = 0) -> "array[int]":
    """Running sums. Piece by piece for those who make long ones: whoever draws the screen gets its turn."""
    found = array("q")
    for count in counts:
        begin += count
        found.append(begin)
    return found


def turned(ends: "array[int]") -> "array[int]":
    """Running sums of the same numbers in the opposite order."""
    total = ends[-1] if ends else 0
    found = array("q")
    for high in range(len(ends) - 1, 0, -_PIECE):
        found.extend([total - end for end in reversed(ends[max(0, high - _PIECE) : high])])
    if ends:
        found.append(total)
    return found


def _search(ids: "array[int]", job: int) -> int | None:
    """Where a number stands in an array, at the speed of a search in memory."""
    raw, wanted = ids.tobytes(), array("q", [job]).tobytes()
    at = raw.find(wanted)
    while at >= 0 and at % 8:
        at = raw.find(wanted, at + 1)
    return None if at < 0 else at // 8
