"""Tasks that are over, once more: which of a job's tasks are meant, and the new job that runs them. Steps of the store's transactions.

A state becomes final once, so the old job stays as it is. The new one shares its specification (script, parameters, settings) and keeps
the indices of the tasks: all of a job keep its shape, some of an array may make a sparse one (see `indices`).
Refused, all problems at once: what is unknown, not over, in none of the states asked for, or cannot run any more.
"""

import os

from cyclone_core.errors import InvalidRequest
from cyclone_core.ids import format_task
from cyclone_core.jobs import FINAL, STATES
from cyclone_core.problems import Problem, Problems
from cyclone_core.scheduler.admission import check_place
from cyclone_core.scheduler.sqlite import task_pages
from cyclone_core.views import Job, SparseJob

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from cyclone_core.indices import Indices, Stretch
    from cyclone_core.jobs import JobRequest
    from cyclone_core.ports import Wanted
    from cyclone_core.scheduler.sqlite.store import SqliteStore

    Run = tuple[int, int]
    """Positions low..high"""
    Shape = tuple[int, int, int, int, bytes | None]
    """(array, tasks, low, step, packed indices) of a new job"""

SINGLE, ARRAY, SPARSE = range(3)
"""What the column `array` of a job says."""
_FIELDS = (
    "id, name, queue, definition, user, spec, priority, tasks, low, step, task_limit, next, cancel, status, "
    "waiting, running, successful, failed, cancelled, error"
)
_NAMED = 5
"""So many tasks are named in a problem."""


def submit(store: "SqliteStore", wanted: "Sequence[Wanted]", key: str, now: float) -> list[int]:
    """Make a new job of each; see the port."""
    known = [job for job in (store.known(_key(key, number)) for number in range(len(wanted))) if job]
    if known:
        return known
    problems = Problems()
    planned = [_plan(store, *one, problems) for one in wanted]
    problems.check()
    return [_insert(store, *plan, _key(key, number), now) for number, plan in enumerate(planned) if plan]


def keep_ranges(db: "sqlite3.Connection", job: int, request: "JobRequest") -> int:
    """Store the indices of a sparse array that is submitted; its first index. Raises ValueError, InvalidRequest."""
    from cyclone_core.indices import Indices, pack

    indices = Indices(request.ranges)
    if indices.count != request.tasks:
        raise InvalidRequest([Problem("array", f"it has {indices.count:,} indices and {request.tasks:,} tasks", "Submit again")])
    db.execute("INSERT INTO sparse VALUES(?,?)", (job, pack(indices)))
    return indices.low


def indices_of(db: "sqlite3.Connection", job: int) -> "Indices":
    """The indices of a sparse array."""
    from cyclone_core.indices import unpack

    return unpack(db.execute("SELECT indices FROM sparse WHERE job=?", (job,)).fetchone()[0])


def _key(key: str, number: int) -> str:
    return f"{key}-{number}"


def _plan(
    store: "SqliteStore", number: int, states: "tuple[int, ...] | None", indices: "tuple[int, ...] | None", problems: Problems
) -> "tuple[Job, Shape] | None":
    """The job that is meant and the shape of the new one; None with problems."""
    job = _job(store.db, number)
    if job is None:
        problems.add(str(number), "there is no such job", "See the jobs with: qstat")
        return None
    before = len(problems.found)
    runs = _chosen(store.db, job, states, indices, problems)
    _check_files(store, job, problems)
    for problem in check_place(job.queue, job.definition, store.resources.bodies):
        problems.add(str(number), problem.message, problem.hint)
    if len(problems.found) > before:
        return None
    try:
        return job, _shape(job, runs)
    except ValueError as exc:
        problems.add(str(number), f"its tasks in these states are too scattered: {exc}", f"Run all of it: qsub --again {number}")
        return None


def _insert(store: "SqliteStore", job: Job, shape: "Shape", key: str, now: float) -> int:
    kind, tasks, low, step, packed = shape
    new = store.insert((job.name, job.queue, job.definition, job.user, job.spec, job.priority, key, kind, tasks, low, step, job.limit, now))
    if packed is not None:
        store.db.execute("INSERT INTO sparse VALUES(?,?)", (new, packed))
    return new


def _job(db: "sqlite3.Connection", number: int) -> Job | None:
    row = db.execute(
        f"SELECT {_FIELDS}, array, indices FROM job LEFT JOIN sparse ON sparse.job=job.id AND array={SPARSE} WHERE id=?", (number,)
    ).fetchone()
    if row is None:
        return None
    job = Job() if row[-1] is None else SparseJob(row[-1])
    (job.id, job.name, job.queue, job.definition, job.user, job.spec, job.priority, job.tasks, job.low, job.step, job.limit, job.next,
     job.cancel, job.status) = row[:14]  # fmt: skip
    job.counts, job.array = row[14:20], bool(row[20])
    return job


# -- which tasks ------------------------------------------------------------------------------------------------------------------
def _chosen(
    db: "sqlite3.Connection", job: Job, states: "tuple[int, ...] | None", indices: "tuple[int, ...] | None", problems: Problems
) -> "list[Run]":
    """Positions of the tasks that are meant; empty with a problem when there is none."""
    chosen = FINAL if states is None else FINAL.intersection(states)
    if indices is not None:
        return _named(db, job, chosen, indices, problems)
    if job.is_final and sum(job.counts[state] for state in chosen) == job.tasks:
        return [(1, job.tasks)]
    runs = [] if states is None else list(_runs(task_pages.states(db, job), chosen))
    if not runs:
        problems.extend([_nothing(job, states)])
    return runs


def _named(db: "sqlite3.Connection", job: Job, chosen: "frozenset[int]", indices: "tuple[int, ...]", problems: Problems) -> "list[Run]":
    """The same of tasks named by their indices; a single job's only task is 1."""
    found = {index: job.position(index) if job.array else 1 if index == 1 else None for index in indices}
    unknown = sorted(index for index, position in found.items() if position is None)
    if unknown:
        problems.add(_ids(job, unknown), "there is no such task", f"See the tasks with: qstat -i {job.id} --tasks")
        return []
    overview = task_pages.states(db, job)
    still = [index for index, position in found.items() if overview[(position or 1) - 1] not in FINAL]
    if still:
        problems.add(_ids(job, still), "this is not over yet, and only what is over can run again", f"Wait for it: qstat -i {job.id}")
        return []
    runs = [(position, position) for position in sorted(filter(None, found.values())) if overview[position - 1] in chosen]
    if not runs:
        problems.add(_ids(job, list(indices)), f"none of this is {_words(chosen)}", "Choose other states, or leave --only out")
    return runs


def _runs(overview: bytes, chosen: "frozenset[int]") -> "Iterator[Run]":
    """Stretches of positions whose state is one of the chosen."""
    marks = overview.translate(bytes(state in chosen for state in range(256)))
    at = marks.find(1)
    while at >= 0:
        end = marks.find(0, at)
        end = len(marks) if end < 0 else end
        yield at + 1, end
        at = marks.find(1, end)


def _shape(job: Job, runs: "Sequence[Run]") -> "Shape":
    """The shape of a job of these tasks. Raises ValueError when it would have too many stretches."""
    if not job.array:
        return SINGLE, 1, 1, 1, None
    if list(runs) == [(1, job.tasks)]:
        packed = job.packed if isinstance(job, SparseJob) else None
        return ARRAY if packed is None else SPARSE, job.tasks, job.low, job.step, packed
    from cyclone_core.indices import Indices, joined, pack

    indices = Indices(joined(_stretches(job, runs)))
    if len(indices) == 1:
        ((low, _, step),) = indices
        return ARRAY, indices.count, low, step, None
    return SPARSE, indices.count, indices.low, 1, pack(indices)


def _stretches(job: Job, runs: "Iterable[Run]") -> "Iterator[Stretch]":
    for low, high in runs:
        if isinstance(job, SparseJob):
            yield from job.indices.cut(low, high)
        else:
            yield job.index(low), job.index(high), job.step


# -- why not ----------------------------------------------------------------------------------------------------------------------
def _check_files(store: "SqliteStore", job: Job, problems: Problems) -> None:
    """A job whose script or parameters are gone cannot run again."""
    body = store.specs.body(job.spec)
    for path, what in ((f"scripts/{body['script']}", "script"), (body.get("parameters"), "parameter file")):
        if path and not os.path.exists(os.path.join(store.state_dir, path)):
            problems.add(str(job.id), f"its {what} is not on this host any more", "Submit it anew: qsub FILENAME")


def _nothing(job: Job, states: "tuple[int, ...] | None") -> Problem:
    """Why no task of a job is chosen."""
    name, has = str(job.id), _has(job)
    if not job.is_final and (states is None or not job.done):
        wait = f"Wait for its end (qstat -i {job.id}) or cancel it first (qdel {job.id})"
        if job.done:
            wait = f"Take those that are over: --only Failed,Error,Cancelled. Or w{wait[1:]}"
        return Problem(name, f"only what is over can run again, and it is not: {has}", wait)
    return Problem(name, f"it has nothing that is {_words(FINAL.intersection(states or ()))}: {has}", "Choose other states with --only")


def _has(job: Job) -> str:
    return ", ".join(f"{count:,} {STATES[state]}" for state, count in enumerate(job.counts) if count) if job.array else f"it is {job.state}"


def _words(states: "frozenset[int]") -> str:
    words = [STATES[state] for state in sorted(states)]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words) or "in a final state"


def _ids(job: Job, indices: "Sequence[int]") -> str:
    named = ", ".join(format_task(job.id, index) for index in indices[:_NAMED])
    return f"{named} and {len(indices) - _NAMED:,} more" if len(indices) > _NAMED else named
