"""Tasks that are over, once more: the rows of the new job. Steps of the store's transactions.

Which tasks are meant is decided by `scheduler.again`. The new job shares the old one's specification: script, parameters, settings.
Refused, all problems at once: what that refuses, and what cannot run any more.
"""

import os

from cyclone_core.errors import InvalidRequest
from cyclone_core.problems import Problem, Problems
from cyclone_core.scheduler.admission import check_place
from cyclone_core.scheduler.again import SPARSE, gone, shape_of, unknown
from cyclone_core.scheduler.sqlite import task_pages
from cyclone_core.views import Job, SparseJob

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from cyclone_core.indices import Indices
    from cyclone_core.jobs import JobRequest
    from cyclone_core.ports import Wanted
    from cyclone_core.scheduler.again import Shape
    from cyclone_core.scheduler.sqlite.store import SqliteStore

_FIELDS = (
    "id, name, queue, definition, user, spec, priority, tasks, low, step, task_limit, next, cancel, status, "
    "waiting, running, successful, failed, cancelled, error"
)


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
        problems.extend([unknown(number)])
        return None
    before = len(problems.found)
    shape = shape_of(job, states, indices, lambda: task_pages.states(store.db, job), problems)
    _check_files(store, job, problems)
    for problem in check_place(job.queue, job.definition, store.resources.bodies):
        problems.add(str(number), problem.message, problem.hint)
    return (job, shape) if shape and len(problems.found) == before else None


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


def _check_files(store: "SqliteStore", job: Job, problems: Problems) -> None:
    """A job whose script or parameters are gone cannot run again."""
    body = store.specs.body(job.spec)
    for path, what in ((f"scripts/{body['script']}", "script"), (body.get("parameters"), "parameter file")):
        if path and not os.path.exists(os.path.join(store.state_dir, path)):
            problems.extend([gone(job.id, what)])
