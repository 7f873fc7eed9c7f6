"""A mirror of the jobs of a host that lies elsewhere: a database of the same tables as a local host's, so that lists, filters and counters
are read from it in the same way.

It holds jobs and the counters of queues, no tasks. It is a cache: one process writes it, whoever likes reads it, and what cannot be used
is made anew. A change that changes nothing is not committed, so readers see from `PRAGMA data_version` whether there is anything to draw.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cyclone_core.errors import StateUnusable
from cyclone_core.jobs import AUTOMATIC_KEY, FINAL, STATES
from cyclone_core.scheduler.sqlite import schema
from cyclone_core.views import Job, SparseJob

FORMAT = "1"
"""Of what is kept beside the tables of `schema`."""
_MORE = (
    # What the reader of a local host finds in tasks, and a mirror has none of.
    "CREATE TABLE IF NOT EXISTS note(job INTEGER PRIMARY KEY, exit_code INTEGER, signal INTEGER, reason TEXT)",
    # Numbers are given away in blocks there, so they are no order.
    "CREATE INDEX IF NOT EXISTS job_submitted ON job(submitted, id)",
)
_COLUMNS = (
    "id", "name", "queue", "definition", "user", "spec", "priority", "idempotency_key", "array", "tasks", "low", "step", "task_limit",
    "next", "submitted", "started", "ended", "cancel", "waiting", "running", "successful", "failed", "cancelled", "error", "code",
    "attempt", "start_us", "took_us", "journal", "at", "size",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM job WHERE id IN (SELECT value FROM json_each(?))"
_WRITE = f"INSERT OR REPLACE INTO job({', '.join(_COLUMNS)}) VALUES({', '.join('?' * len(_COLUMNS))})"
_OPEN = f"status NOT IN ({', '.join(map(str, sorted(FINAL)))})"

if TYPE_CHECKING:
    from cyclone_core.scheduler.sqlite.monitoring_reader import JobRow

Counts = Sequence[int]
Row = tuple[Any, ...]


class MirrorStore:
    """The writer's side of the mirror that lies in a directory. Use it in one thread."""

    def __init__(self, directory: str) -> None:
        """Opens it; one that cannot be used is made anew. Raises StateUnusable where that is impossible too."""
        self.directory = directory
        os.makedirs(directory, 0o700, exist_ok=True)
        try:
            self._db = _opened(directory)
        except (StateUnusable, sqlite3.Error):
            remove(directory)
            self._db = _opened(directory)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def anew(self) -> None:
        """Begin with nothing, in a file of its own: readers of the old one see that it is another."""
        self._db.close()
        path, old = schema.database_path(self.directory), os.path.join(self.directory, "old.db")
        os.replace(path, old)  # removed at last, so that the new one is another file indeed: numbers of files are given away again
        remove(self.directory)
        self._db = _opened(self.directory)
        os.unlink(old)

    # -- what is known -----------------------------------------------------------------------------------------------
    def kept(self, key: str) -> Any:
        """A value that was kept (`keep`), None where there is none."""
        rows = self._db.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchall()
        return json.loads(rows[0][0]) if rows else None

    def known(self, ids: Iterable[int]) -> set[int]:
        """Those of the ids that are here."""
        chosen = json.dumps(list(ids))
        return {row[0] for row in self._db.execute("SELECT id FROM job WHERE id IN (SELECT value FROM json_each(?))", (chosen,))}

    def open_jobs(self) -> dict[int, tuple[bool, tuple[int, ...]]]:
        """Jobs that are not over: id -> (whether it is an array, tasks by state)."""
        sql = f"SELECT id, array, waiting, running, successful, failed, cancelled, error FROM job WHERE {_OPEN} ORDER BY id DESC"
        return {row[0]: (bool(row[1]), row[2:]) for row in self._db.execute(sql)}

    def unstarted(self, most: int) -> list[int]:
        """Jobs that run, and of which it is not known since when; at most so many."""
        return self._ids("SELECT id FROM job WHERE running>0 AND started IS NULL ORDER BY id DESC LIMIT ?", most)

    def totals(self) -> dict[str, tuple[int, ...]]:
        """Tasks by state of each queue."""
        rows = self._db.execute("SELECT queue, waiting, running, successful, failed, cancelled, error FROM total")
        return {row[0]: row[1:] for row in rows}

    def count(self) -> int:
        """How many jobs there are."""
        return int(self._db.execute("SELECT count(*) FROM job").fetchone()[0])

    # -- changing it -------------------------------------------------------------------------------------------------
    def write(
        self, jobs: Sequence[Job] = (), gone: Iterable[int] = (), totals: Mapping[str, Counts] | None = None,
        keep: Mapping[str, Any] | None = None,
    ) -> int:  # fmt: skip
        """All of it in one transaction; returns how many rows differ from before.

        gone: ids to forget; totals: of all queues; keep: values for `kept`.
        """
        rows = self._differing(jobs)
        lost = self.known(gone)
        new_totals = totals is not None and {queue: tuple(counts) for queue, counts in totals.items()} != self.totals()
        values = {key: value for key, value in (keep or {}).items() if self.kept(key) != value}
        if not (rows or lost or new_totals or values):
            return 0
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._put(rows, {job.id: job for job in jobs})
            self._remove(lost)
            if new_totals:
                self._put_totals(totals or {})
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES(?,?)", [(key, json.dumps(value)) for key, value in values.items()])
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        return len(rows) + len(lost) + new_totals

    def trim(self, most: int, ended_before: float) -> int:
        """Forget what is over and ended before that (seconds since 1970), and the oldest of what is over beyond `most` jobs."""
        old = self._ids(f"SELECT id FROM job WHERE NOT {_OPEN} AND coalesce(ended, submitted)<?", ended_before)
        excess = self.count() - len(old) - most
        if excess > 0:
            sql = f"SELECT id FROM job WHERE NOT {_OPEN} AND coalesce(ended, submitted)>=? ORDER BY submitted, id LIMIT ?"
            old += self._ids(sql, ended_before, excess)
        return self.write(gone=old)

    def event(self, at: float, kind: str, name: str, text: str, most: int = 2000) -> None:
        """Note that something happened; so many events are kept."""
        self._db.execute("INSERT INTO event(at, kind, name, text) VALUES(?,?,?,?)", (at, kind, name, text))
        self._db.execute("DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?", (most,))

    def _differing(self, jobs: Sequence[Job]) -> list[Row]:
        if not jobs:
            return []
        found = {row[0]: row for row in self._db.execute(_SELECT, (json.dumps([job.id for job in jobs]),))}
        notes = self._notes(jobs)
        return [row for job in jobs if (row := _row(job)) != found.get(job.id) or notes.get(job.id, _NOTHING) != _note(job)]

    def _notes(self, jobs: Sequence[Job]) -> dict[int, Row]:
        sql = "SELECT job, exit_code, signal, reason FROM note WHERE job IN (SELECT value FROM json_each(?))"
        return {row[0]: row[1:] for row in self._db.execute(sql, (json.dumps([job.id for job in jobs]),))}

    def _put(self, rows: Sequence[Row], jobs: Mapping[int, Job]) -> None:
        self._db.executemany(_WRITE, rows)
        for row in rows:
            job = jobs[row[0]]
            self._db.execute("DELETE FROM note WHERE job=?", (job.id,))
            if (note := _note(job)) != _NOTHING:
                self._db.execute("INSERT INTO note VALUES(?,?,?,?)", (job.id, *note))
            if isinstance(job, SparseJob):
                self._db.execute("INSERT OR REPLACE INTO sparse VALUES(?,?)", (job.id, job.packed))

    def _remove(self, ids: Iterable[int]) -> None:
        for number in ids:
            for table, column in (("job", "id"), ("note", "job"), ("sparse", "job")):
                self._db.execute(f"DELETE FROM {table} WHERE {column}=?", (number,))

    def _put_totals(self, totals: Mapping[str, Counts]) -> None:
        self._db.execute("DELETE FROM total")
        self._db.executemany("INSERT INTO total VALUES(?,?,?,?,?,?,?)", [(queue, *counts) for queue, counts in totals.items()])

    def _ids(self, sql: str, *values: object) -> list[int]:
        return [row[0] for row in self._db.execute(sql, values)]


_NOTHING: Row = (None, None, None)


def newest(db: "sqlite3.Connection | None", limit: int) -> "list[JobRow]":
    """The jobs submitted last, newest first, as `MonitoringReader.newest` tells them."""
    counts = ", ".join(STATES).lower()
    sql = f"SELECT id, name, queue, status, tasks, submitted, {counts} FROM job ORDER BY submitted DESC, id DESC LIMIT ?"
    return db.execute(sql, (limit,)).fetchall() if db is not None else []


def open_by_place(db: "sqlite3.Connection") -> dict[tuple[str, str], int]:
    """(`queue` or `definition`, its name) -> jobs of it that are not over."""
    return {
        (kind, name): count
        for kind in ("queue", "definition")
        for name, count in db.execute(f"SELECT {kind}, count(*) FROM job WHERE {_OPEN} GROUP BY {kind}")
    }


def note_of(db: "sqlite3.Connection", job: int) -> Row:
    """(exit code, signal, reason) of a job as far as its own row does not tell them."""
    rows = db.execute("SELECT exit_code, signal, reason FROM note WHERE job=?", (job,)).fetchall()
    return rows[0] if rows else _NOTHING


def remove(directory: str) -> None:
    """Remove a mirror's database; harmless where none is."""
    for suffix in ("", "-wal", "-shm"):
        try:
            os.unlink(schema.database_path(directory) + suffix)
        except FileNotFoundError:
            continue


def _opened(directory: str) -> "sqlite3.Connection":
    db = schema.open_writer(directory)
    try:
        db.execute("PRAGMA synchronous=NORMAL")  # what is lost is read again
        for statement in _MORE:
            db.execute(statement)
        db.execute("INSERT OR IGNORE INTO spec VALUES(1, x'00', '{}')")
        db.execute("INSERT OR IGNORE INTO meta VALUES('format', ?)", (FORMAT,))
        found = db.execute("SELECT value FROM meta WHERE key='format'").fetchone()[0]
    except BaseException:
        db.close()
        raise
    if found != FORMAT:
        db.close()
        raise StateUnusable(f"the mirror in {directory} has another format")
    return db


def _row(job: Job) -> Row:
    """The job in the order of `_COLUMNS`."""
    array = 2 if isinstance(job, SparseJob) else int(job.array)
    key = job.idempotency_key
    return (
        job.id, job.name, job.queue, job.definition, job.user, 1, job.priority,
        None if key is None or key.startswith(AUTOMATIC_KEY) else key, array, job.tasks, job.low, job.step, job.limit, job.next,
        job.submitted, job.started, job.ended, job.cancel, *job.counts, *_final(job),
    )  # fmt: skip


def _final(job: Job) -> Row:
    """The final attempt of a single job. Here a journal tells that it ran; there one that printed nothing has none."""
    code, attempt, start_us, took_us, journal, at, size = job.final
    return code, attempt, start_us, took_us, journal or (journal if job.exit_code is None or job.array else 1), at, size


def _note(job: Job) -> Row:
    """Only of what did not end well: the rest follows from its row."""
    return (job.exit_code, job.signal, job.reason) if job.is_final and (job.reason or (job.array and job.exit_code)) else _NOTHING
