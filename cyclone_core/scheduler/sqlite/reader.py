"""The read side of a local host's database: counters, jobs, tasks, attempts, resources.

Readers never wait for the supervisor and never make it wait (WAL). Every call is one short read at one instant; listings of any
length are read page by page, by key and not by offset, so memory stays flat and no snapshot is held open while output is written.
Writes nothing. A host that never got a job has no database: everything is empty then.

`task_pages` is imported where tasks are looked at: counters alone (`qstat --summary`) must not pay for it.
"""

from cyclone_core.errors import StateUnusable
from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, SUCCESSFUL, WAITING
from cyclone_core.scheduler.sqlite import schema
from cyclone_core.views import Attempt, Job, Outcome, cause_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from typing import Any

    from cyclone_core.journal import Row
    from cyclone_core.views import Counts, Task

PAGE = 1000
"""Jobs that a listing reads at once."""
_FIELDS = (
    "id, name, queue, definition, user, spec, priority, idempotency_key, array, tasks, low, step, task_limit, next, submitted, started, "
    "ended, cancel, status, waiting, running, successful, failed, cancelled, error, code, attempt, start_us, took_us, journal, at, size"
)


class Reader:
    """Reads one host. Use as a context manager, or call `close`. Implements `ports.JobReader`."""

    def __init__(self, connection: "sqlite3.Connection | None") -> None:
        self._connection = connection

    @classmethod
    def open(cls, state_dir: str) -> "Reader":
        """A reader of the host whose state lies there. Raises StateUnusable for a file of another version or a damaged one."""
        return cls(schema.open_reader(state_dir))

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether there is a database to read; False where no job was ever submitted, and after `close`."""
        return self._connection is not None

    def close(self) -> None:
        """Close the connection; harmless when done twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def connection(self) -> "sqlite3.Connection | None":
        """What it reads through, for the other readers of this package; None where there is no database."""
        return self._connection

    def counts(self) -> "list[tuple[str, Counts]]":
        """(queue, numbers of its tasks by state), by name of the queue."""
        rows = self._all("SELECT queue, waiting, running, successful, failed, cancelled, error FROM total ORDER BY queue")
        return [(queue, tuple(counts)) for queue, *counts in rows]

    def job(self, job: int) -> Job | None:
        """One job, None when there is no such job."""
        with self._instant():
            return self._job(job)

    def jobs(
        self, queue: str | None = None, name: str | None = None, status: int | None = None, user: str | None = None,
        before: int | None = None, limit: int = PAGE,
    ) -> list[Job]:  # fmt: skip
        """At most `limit` jobs that fit all that is given, newest first, with ids below `before`."""
        with self._instant():
            where, values = _where(queue, name, status, user, before)
            rows = self._all(f"SELECT {_FIELDS} FROM job{where} ORDER BY id DESC LIMIT ?", (*values, limit))
            return [self._made(row) for row in rows]

    def listed(self, ids: "Sequence[int]") -> list[Job]:
        """The jobs with these ids, as far as they exist, in no particular order: a page of a list that is known by its ids."""
        with self._instant():
            chosen = f"[{','.join(map(str, ids))}]"  # one statement for any number of them
            rows = self._all(f"SELECT {_FIELDS} FROM job WHERE id IN (SELECT value FROM json_each(?))", (chosen,))
            return [self._made(row) for row in rows]

    def each_job(
        self, queue: str | None = None, name: str | None = None, status: int | None = None, user: str | None = None
    ) -> "Iterator[Job]":
        """All jobs that fit, newest first, read in pages: jobs submitted meanwhile are not seen, those that ended are seen as they are."""
        before = None
        while page := self.jobs(queue, name, status, user, before):
            yield from page
            before = page[-1].id

    def each_id(
        self, queue: str | None = None, name: str | None = None, status: int | None = None, user: str | None = None
    ) -> "Iterator[int]":
        """Ids alone, newest first: what `qdel` is fed with."""
        before: int | None = None
        while True:
            where, values = _where(queue, name, status, user, before)
            page = self._all(f"SELECT id FROM job{where} ORDER BY id DESC LIMIT ?", (*values, 10 * PAGE))
            if not page:
                return
            yield from (row[0] for row in page)
            before = page[-1][0]

    def tasks(self, job: int, status: int | None = None, after: int = 0, limit: int = PAGE) -> "list[Task]":
        """At most `limit` tasks of a job with positions above `after`, in order; empty when there is no such job."""
        from cyclone_core.scheduler.sqlite import task_pages

        with self._instant():
            found = self._job(job)
            return task_pages.page(self._open, found, status, after, limit) if found else []

    def task(self, job: int, position: int) -> "Task | None":
        """The task at a position (1..tasks), None when there is none."""
        found = self.tasks(job, None, position - 1, 1) if position > 0 else []
        return found[0] if found and found[0].position == position else None

    def task_states(self, job: int) -> bytes:
        """The state of each task, one byte each, by position; empty when there is no such job."""
        from cyclone_core.scheduler.sqlite import task_pages

        with self._instant():
            found = self._job(job)
            return task_pages.states(self._open, found) if found else b""

    def attempts(self, job: int, position: int) -> list[Attempt]:
        """The attempts of a task, oldest first, the running one included; attempts that were never started are not."""
        from cyclone_core.scheduler.sqlite import task_pages

        with self._instant():
            found = self._job(job)
            page = task_pages.page(self._open, found, None, position - 1, 1) if found and position > 0 else []
            if not page or page[0].position != position:
                return []
            attempts = {attempt.attempt: attempt for attempt in self._recorded(job, position)}
            last = _last_attempt(page[0], attempts.get(page[0].attempt))
            if last:
                attempts[last.attempt] = last
            return [attempts[number] for number in sorted(attempts)]

    def results(self, job: int) -> "list[tuple[int, int, int]]":
        """(low, high, tasks) of the blocks in which an array's final tasks are stored now: what changed since the last look."""
        return self._all("SELECT low, high, tasks FROM result WHERE job=?", (job,))

    def block(self, job: int, low: int) -> "list[tuple[Row, int]]":
        """The final tasks of one such block as (row, journal); empty when it was merged into another meanwhile."""
        from cyclone_core.scheduler.columns import unpack

        rows = self._all("SELECT tasks, columns FROM result WHERE job=? AND low=?", (job, low))
        return unpack(job, *rows[0]) if rows else []

    def started(self, job: int) -> "list[tuple[int, int]]":
        """(position, attempt) of the tasks of a job that have been running for a quarter of a second or more."""
        return self._all("SELECT position, attempt FROM running WHERE job=? ORDER BY position", (job,))

    def spec(self, job: Job) -> "dict[str, Any]":
        """What a job executes: script (content hash), interpreter, directory, environment, parameters, retries, timeout_s …"""
        import json

        rows = self._all("SELECT body FROM spec WHERE id=?", (job.spec,))
        return dict(json.loads(rows[0][0])) if rows else {}

    def resource(self, kind: str, name: str) -> "tuple[dict[str, Any], str] | None":
        """(body, state) of a queue, cluster, definition …, None when there is none."""
        import json

        rows = self._all("SELECT body, state FROM resource WHERE kind=? AND name=?", (kind, name))
        return (json.loads(rows[0][0]), rows[0][1]) if rows else None

    def resource_names(self, kind: str) -> list[str]:
        """Names of all resources of a kind, sorted."""
        return [row[0] for row in self._all("SELECT name FROM resource WHERE kind=? ORDER BY name", (kind,))]

    def ahead(self, job: Job) -> int:
        """How many waiting tasks of its queue are leased before this job's: higher priority, or the same and submitted earlier."""
        rows = self._all(
            "SELECT coalesce(sum(waiting), 0) FROM job WHERE waiting>0 AND queue=? AND (priority>? OR (priority=? AND id<?))",
            (job.queue, job.priority, job.priority, job.id),
        )
        return int(rows[0][0]) if rows else 0

    def busy(self) -> "list[tuple[str, str, int]]":
        """(queue, definition, tasks) of what has been running for a quarter of a second or more."""
        return self._all(
            "SELECT job.queue, job.definition, count(*) FROM running JOIN job ON job.id=running.job GROUP BY job.queue, job.definition"
        )

    @property
    def _open(self) -> "sqlite3.Connection":
        assert self._connection is not None
        return self._connection

    def _all(self, sql: str, values: "Sequence[object]" = ()) -> "list[Any]":
        return [] if self._connection is None else self._connection.execute(sql, values).fetchall()

    def _instant(self) -> "_Instant":
        return _Instant(self._connection)

    def _job(self, job: int) -> Job | None:
        rows = self._all(f"SELECT {_FIELDS} FROM job WHERE id=?", (job,))
        return self._made(rows[0]) if rows else None

    def _made(self, row: "tuple[Any, ...]") -> Job:
        job = Job() if row[8] < 2 else self._sparse(row[0])
        (job.id, job.name, job.queue, job.definition, job.user, job.spec, job.priority, job.idempotency_key, array, job.tasks, job.low,
         job.step, job.limit, job.next, job.submitted, job.started, job.ended, job.cancel, job.status) = row[:19]  # fmt: skip
        job.array, job.counts, job.final = bool(array), row[19:25], row[25:32]
        code, job.attempt, _, took_us, journal, _, job.size = job.final
        job.took = took_us / 1e6 if took_us is not None and journal else None  # without a journal nothing ran
        outcome = Outcome(code, bool(journal))
        job.exit_code, job.signal, job.reason = outcome.exit_code, outcome.signal, None
        if job.is_final and job.status != SUCCESSFUL:
            self._explain(job, code)
        elif job.is_final and job.array:
            job.exit_code = 0
        return job

    def _sparse(self, job: int) -> Job:
        from cyclone_core.views import SparseJob

        return SparseJob(self._all("SELECT indices FROM sparse WHERE job=?", (job,))[0][0])

    def _explain(self, job: Job, code: int | None) -> None:
        """Why it did not end well: of an array, the first task that did not."""
        from cyclone_core.scheduler.sqlite import task_pages

        if not job.array:
            job.reason = task_pages.reason_of(self._open, job.id, 1, job.attempt or 1, code)
        elif job.status in (FAILED, ERROR):
            if job.counts[FAILED] and (first := task_pages.first_failure(self._open, job.id)):
                job.exit_code = Outcome(first[1]).exit_code
            if job.counts[ERROR] and (first := task_pages.first_failure(self._open, job.id, ERROR)):
                job.reason = f"{job.task_id(first[0])}: {self._reason_of_task(job, *first)}"
        if job.reason is None and job.status == CANCELLED:
            job.reason = "cancelled"

    def _reason_of_task(self, job: Job, position: int, code: int) -> str | None:
        row = self._open.execute(
            "SELECT reason FROM attempt WHERE job=? AND position=? AND reason IS NOT NULL ORDER BY attempt DESC LIMIT 1", (job.id, position)
        ).fetchone()
        return row[0] if row else cause_text(code)

    def _recorded(self, job: int, position: int) -> "Iterator[Attempt]":
        """Attempts that have a row of their own."""
        for number, state, code, worker, start_us, took_us, journal, at, size, reason in self._open.execute(
            "SELECT attempt, state, code, worker, start_us, took_us, journal, at, size, reason FROM attempt WHERE job=? AND position=?",
            (job, position),
        ):
            attempt, outcome = Attempt(number, state), Outcome(code)
            attempt.exit_code, attempt.signal = outcome.exit_code, outcome.signal
            attempt.reason, attempt.worker = reason or cause_text(code), worker
            attempt.journal, attempt.at, attempt.size = journal, at or 0, size or 0
            if start_us:
                attempt.started, attempt.took = start_us / 1e6, (took_us or 0) / 1e6
                attempt.ended = attempt.started + attempt.took
            yield attempt


class Translated:
    """A `with` in which an error of the database becomes StateUnusable: locked by a program that keeps it to itself, damaged, gone."""

    __slots__ = ("path",)

    def __init__(self, state_dir: str) -> None:
        self.path = schema.database_path(state_dir)

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        from _sqlite3 import Error

        if isinstance(exc, Error):
            raise StateUnusable(f"{self.path} cannot be read now: {exc}") from exc


class _Instant:
    """A read transaction: all statements inside see one state of the database."""

    __slots__ = ("connection",)

    def __init__(self, connection: "sqlite3.Connection | None") -> None:
        self.connection = connection

    def __enter__(self) -> None:
        if self.connection is not None:
            self.connection.execute("BEGIN")

    def __exit__(self, *exc: object) -> None:
        if self.connection is not None:
            self.connection.execute("COMMIT")


def _last_attempt(task: "Task", recorded: Attempt | None) -> Attempt | None:
    """The running or final attempt of a task, None where it never ran. A row of its own knows more (its worker, its reason)."""
    if task.status == WAITING or (task.status != RUNNING and not task.journal and task.started is None):
        return recorded
    attempt = Attempt(task.attempt, task.status)
    for field in ("exit_code", "signal", "started", "took", "ended", "reason", "worker", "pid", "at", "size"):
        value = getattr(task, field)
        setattr(attempt, field, value if value is not None or recorded is None else getattr(recorded, field))
    attempt.journal = task.journal or None
    return attempt


def _where(queue: str | None, name: str | None, status: int | None, user: str | None, before: int | None) -> "tuple[str, list[object]]":
    """The WHERE clause. A name narrows most, then a state that few jobs are in, then the queue; `+` keeps SQLite off the other indexes."""
    terms: list[str] = []
    values: list[object] = []
    fields = (
        (("name", name), ("queue", queue), ("status", status))
        if status == SUCCESSFUL
        else (("name", name), ("status", status), ("queue", queue))
    )
    for column, value in (*fields, ("user", user)):
        if value is not None:
            terms.append(f"{'+' if terms else ''}{column}=?")
            values.append(value)
    if before is not None:
        terms.append("id<?")
        values.append(before)
    return (" WHERE " + " AND ".join(terms) if terms else ""), values
