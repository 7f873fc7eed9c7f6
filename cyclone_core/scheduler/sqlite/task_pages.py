"""Tasks of a job in order of position, read from wherever their truth lies (see `schema`), a page at a time.

Up to four streams, each ordered, are merged: final tasks out of packed blocks, leased ranges, ranges that were put back, and the tail that
was never leased. They never share a position. Blocks may overlap (two workers finish neighbouring tasks at different times), so
blocks are opened in order of their lowest position and a row is handed on once no unopened block can hold an earlier one.
A block is only opened when its counters say that it holds the state that was asked for.

Everything here runs inside a read transaction of the caller: one instant, one answer.
"""

from _bisect import bisect_left
from _heapq import heappop, heappush, heapreplace
from array import array

from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, STATES, SUCCESSFUL, WAITING
from cyclone_core.scheduler.columns import outline, unpack
from cyclone_core.scheduler.lifecycle import final_state
from cyclone_core.views import Task, cause_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from cyclone_core.journal import Row
    from cyclone_core.views import Job

    Result = tuple[Row, int]
    Stretch = tuple[int, int, Callable[[int], Task]]
    """Positions low..high and what makes the task at one of them."""

_COUNTER = {state: STATES[state].lower() for state in (SUCCESSFUL, FAILED, CANCELLED, ERROR)}


def page(connection: "sqlite3.Connection", job: "Job", state: int | None, after: int, limit: int) -> "list[Task]":
    """At most `limit` tasks with positions above `after`, in order; only those in `state` unless it is None."""
    streams = _streams(connection, job, state, after, limit)
    tasks: list[Task] = []
    for task in _merge(streams, after):
        if len(tasks) >= limit:
            break
        tasks.append(task)
    _explain(connection, tasks)
    return tasks


def final_rows(connection: "sqlite3.Connection", job: int, after: int, state: int | None, limit: int) -> "Iterator[Result]":
    """The first `limit` final tasks of an array above `after` as (row, journal), by position; only those in `state` unless it is None."""
    holding = "" if state is None else f" AND {_COUNTER[state]}>0"
    sql = f"SELECT low, tasks, columns FROM result WHERE job=? AND high>?{holding} ORDER BY low"
    pending: list[Result] = []
    for low, count, blob in connection.execute(sql, (job, after)):
        cut = bisect_left(pending, ((job, low),))
        yield from pending[:cut]
        limit -= cut
        if limit <= 0:
            return
        fresh = [
            result for result in unpack(job, count, blob) if result[0][1] > after and (state is None or final_state(result[0][3]) == state)
        ]
        pending = sorted(pending[cut:] + fresh)[:limit]  # two ordered runs: merged in linear time; what lies behind is not asked for
    yield from pending


def first_failure(connection: "sqlite3.Connection", job: int, state: int = FAILED) -> "tuple[int, int] | None":
    """(position, outcome) of the final task in `state` that comes first, without unpacking more than positions and outcomes."""
    best: tuple[int, int] | None = None
    sql = f"SELECT low, tasks, columns FROM result WHERE job=? AND {_COUNTER[state]}>0 ORDER BY low"
    for low, count, blob in connection.execute(sql, (job,)):
        if best and best[0] < low:
            break
        found = next((pair for pair in zip(*outline(count, blob), strict=True) if final_state(pair[1]) == state), None)
        best = min(filter(None, (best, found)), default=None)
    return best


def states(connection: "sqlite3.Connection", job: "Job") -> bytes:
    """The state of every task, a byte each, by position."""
    if not job.array:
        return bytes((job.status,))
    overview = bytearray(min(job.next - 1, job.tasks)) + bytes((_unleased(job),)) * max(0, job.tasks - job.next + 1)
    for low, high, count, *counters, blob in connection.execute(
        "SELECT low, high, tasks, successful, failed, cancelled, error, columns FROM result WHERE job=?", (job.id,)
    ):
        if count == high - low + 1 and count in counters:  # a solid block of one state needs no look inside
            overview[low - 1 : high] = bytes((SUCCESSFUL + counters.index(count),)) * count
            continue
        positions, codes = outline(count, blob)
        meaning = {code: final_state(code) for code in set(codes)}
        if count == high - low + 1:
            overview[low - 1 : high] = bytes(map(meaning.__getitem__, codes))
            continue
        for position, code in zip(positions, codes, strict=True):
            overview[position - 1] = meaning[code]
    if job.cancel is not None:
        for low, high, _ in _put_back(connection, job, 0):
            overview[low - 1 : high] = bytes((CANCELLED,)) * (high - low + 1)
    for low, high, _ in _leased(connection, job):
        overview[low - 1 : high] = bytes((RUNNING,)) * (high - low + 1)
    return bytes(overview)


def _streams(connection: "sqlite3.Connection", job: "Job", state: int | None, after: int, limit: int) -> "list[Iterator[Stretch]]":
    """The streams that can hold the state."""
    streams = []
    if state is None or state in _COUNTER:
        streams.append(_final(connection, job, state, after, limit) if job.array else _single(connection, job, state))
    if state is None or state == RUNNING:
        streams.append(_leased(connection, job))
    if state in (None, _unleased(job)):
        streams.append(_put_back(connection, job, after))
        if job.next <= job.tasks and (job.array or not job.is_final):
            streams.append(_tail(job))
    return streams


def _merge(streams: "list[Iterator[Stretch]]", after: int) -> "Iterator[Task]":
    """Tasks above `after` of all streams, by position."""
    heap: list[tuple[int, int, Stretch]] = []
    for number, stream in enumerate(streams):
        for stretch in stream:
            heappush(heap, (stretch[0], number, stretch))
            break
    while heap:
        _, number, (low, high, make) = heap[0]
        for position in range(max(low, after + 1), high + 1):
            yield make(position)
        for stretch in streams[number]:
            heapreplace(heap, (stretch[0], number, stretch))
            break
        else:
            heappop(heap)


def _final(connection: "sqlite3.Connection", job: "Job", state: int | None, after: int, limit: int) -> "Iterator[Stretch]":
    workers = _workers(connection)
    for row, journal in final_rows(connection, job.id, after, state, limit):

        def make(position: int, row: "Row" = row, journal: int = journal) -> Task:
            task = Task(job, position, final_state(row[3]), row[2])
            task.finish(row[3], row[4], row[5], (journal, row[6], row[7]))
            task.worker = workers.get(journal)
            return task

        yield row[1], row[1], make


def _single(connection: "sqlite3.Connection", job: "Job", state: int | None) -> "Iterator[Stretch]":
    def make(position: int) -> Task:
        code, attempt, start_us, took_us, journal, at, size = job.final
        task = Task(job, position, job.status, attempt or 1)
        if code is not None:
            task.finish(code, start_us or 0, took_us or 0, (journal or 0, at or 0, size or 0))
            task.worker = _workers(connection).get(task.journal)
        elif job.status == CANCELLED:
            task.ended, task.reason = job.ended, "cancelled"
        return task

    if job.is_final and state in (None, job.status):
        yield 1, 1, make


def _leased(connection: "sqlite3.Connection", job: "Job") -> "Iterator[Stretch]":
    running = {
        position: rest
        for position, *rest in connection.execute("SELECT position, attempt, worker, pid, start_us FROM running WHERE job=?", (job.id,))
    }
    ranges: list[tuple[int, int, int, int]] = []
    for worker, blob in connection.execute("SELECT worker, outstanding FROM lease"):
        numbers = array("q")
        numbers.frombytes(blob)
        ranges += [(numbers[k + 1], numbers[k + 2], numbers[k + 3], worker) for k in range(0, len(numbers), 6) if numbers[k] == job.id]
    for low, high, attempt, worker in sorted(ranges):

        def make(position: int, attempt: int = attempt, worker: int = worker) -> Task:
            task = Task(job, position, RUNNING, attempt)
            task.worker = worker
            if position in running:
                _, task.worker, task.pid, start_us = running[position]
                task.started = start_us / 1e6
            return task

        yield low, high, make


def _put_back(connection: "sqlite3.Connection", job: "Job", after: int) -> "Iterator[Stretch]":
    first = "coalesce((SELECT max(low) FROM span WHERE job=? AND low<=?), 0)"
    for low, high, attempt in connection.execute(
        f"SELECT low, high, attempt FROM span WHERE job=? AND low>={first} ORDER BY low", (job.id, job.id, after)
    ):

        def make(position: int, attempt: int = attempt) -> Task:
            return _not_held(job, position, attempt)

        yield low, high, make


def _tail(job: "Job") -> "Iterator[Stretch]":
    yield job.next, job.tasks, lambda position: _not_held(job, position, 1)


def _unleased(job: "Job") -> int:
    """What tasks are that no worker holds and no result tells of."""
    return WAITING if job.cancel is None else CANCELLED


def _not_held(job: "Job", position: int, attempt: int) -> Task:
    """Such a task; `attempt` would be its next."""
    task = Task(job, position, _unleased(job), attempt)
    if job.cancel is not None:
        task.ended, task.reason = job.cancel, "cancelled"
    return task


def _workers(connection: "sqlite3.Connection") -> dict[int, int]:
    """Worker ids by journal, as far as they are still known."""
    return dict(connection.execute("SELECT journal, id FROM worker"))


def _explain(connection: "sqlite3.Connection", tasks: "list[Task]") -> None:
    """Fill in the recorded reasons of those that did not end well."""
    for task in tasks:
        if task.status in (FAILED, CANCELLED, ERROR):
            task.reason = reason_of(connection, task.job, task.position, task.attempt) or task.reason


def reason_of(connection: "sqlite3.Connection", job: int, position: int, attempt: int, code: int | None = None) -> str | None:
    """The recorded reason of an attempt, else what its outcome says by itself."""
    row = connection.execute("SELECT reason FROM attempt WHERE job=? AND position=? AND attempt=?", (job, position, attempt)).fetchone()
    return (row and row[0]) or cause_text(code)
