"""Reads for whoever watches a host: what is open, what was finished last, who works on what, what happened.

Each read is bounded whatever the size of the database (100,000 jobs, a million tasks): counters, or a few rows from the end of an index.
Nothing here counts tasks.
"""

from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, STATES, SUCCESSFUL, WAITING
from cyclone_core.scheduler.again import SPARSE
from cyclone_core.scheduler.sqlite.work import unpack_ranges

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from typing import Any

    from cyclone_core.indices import Indices

    JobRow = tuple[int, str, str, int, int, float, int, int, int, int, int, int]
    """(id, name, queue, status, tasks, final tasks, submitted)"""
    RunningRow = tuple[int, int, int | None, int, int, str]
    """(worker, job, index of the task, None: of a single job, attempt, start in us, name of the job)"""
    WorkerRow = tuple[int, str, int, float, float, str]
    """(id, cluster, pid, started, seen, state)"""
    EventRow = tuple[int, float, str, str, str]
    """(id, at, kind, name, text)"""


class MonitoringReader:
    """Reads through a connection that somebody else owns; without one everything is empty."""

    def __init__(self, connection: "sqlite3.Connection | None") -> None:
        self._connection = connection

    def open_jobs(self, most: int) -> int:
        """Jobs that are not finished, counted up to `most`."""
        counted = "SELECT 1 FROM job INDEXED BY job_status WHERE status=? LIMIT ?"
        found = 0
        for status in (RUNNING, WAITING):
            found += self._all(f"SELECT count(*) FROM ({counted})", (status, most - found))[0][0] if self._connection else 0
        return found

    def newest(self, limit: int) -> "list[JobRow]":
        """The jobs submitted last, newest first: id, name, queue, status, tasks, submitted, tasks by state."""
        counts = ", ".join(STATES).lower()
        return self._all(f"SELECT id, name, queue, status, tasks, submitted, {counts} FROM job ORDER BY id DESC LIMIT ?", (limit,))

    def finished(self, limit: int) -> "list[tuple[int, int, float]]":
        """(id, status, ended) of the jobs that ended last among the newest `limit` of each final state, last one first."""
        sql = "SELECT id, status, coalesce(ended, submitted) FROM job INDEXED BY job_status WHERE status=? ORDER BY id DESC LIMIT ?"
        rows = [row for status in (SUCCESSFUL, FAILED, CANCELLED, ERROR) for row in self._all(sql, (status, limit))]
        return sorted(rows, key=lambda row: (-row[2], -row[0]))[:limit]

    def waiting_kinds(self, most: int) -> "list[tuple[str, str]]":
        """(queue, definition) of what waits, at most so many: a step or two into the index of ready jobs for each."""
        sql = "SELECT queue, definition FROM job INDEXED BY job_ready WHERE waiting > 0 AND {} ORDER BY queue, definition LIMIT 1"
        # Not (queue, definition) > (?, ?): SQLite walks through all entries that are equal to such a pair.
        within, behind = sql.format("queue = ? AND definition > ?"), sql.format("queue > ?")
        found: list[tuple[str, str]] = []
        while len(found) < most:
            rows = self._all(within, found[-1]) if found else []
            rows = rows or self._all(behind, (found[-1][0] if found else "",))
            if not rows:
                break
            found.append(rows[0])
        return found

    def queues(self) -> "list[tuple[str, str, int, int]]":
        """(name, cluster, priority, paused) of all queues, by name."""
        fields = ", ".join(f"coalesce(json_extract(body, '$.{name}'), {empty})" for name, empty in (("cluster", "''"), ("priority", 0)))
        paused = "coalesce(json_extract(body, '$.paused'), 0)"
        return self._all(f"SELECT name, {fields}, {paused} FROM resource WHERE kind='queue' ORDER BY name")

    def clusters(self) -> "list[tuple[str, int | None]]":
        """(name, most vCPUs) of all clusters, by name."""
        return self._all("SELECT name, json_extract(body, '$.max_vcpus') FROM resource WHERE kind='cluster' ORDER BY name")

    def not_active(self) -> "list[tuple[str, str, str, str]]":
        """(kind, name, state, reason) of the resources that cannot be used now."""
        state = "coalesce(json_extract(body, '$.state'), state)"
        reason = "coalesce(json_extract(body, '$.reason'), '')"
        return self._all(f"SELECT kind, name, {state}, {reason} FROM resource WHERE {state} <> 'ACTIVE' ORDER BY kind, name")

    def workers(self) -> "list[WorkerRow]":
        """Workers that have not ended as far as the database knows, by number."""
        return self._all("SELECT id, cluster, pid, started, seen, state FROM worker WHERE state NOT IN ('lost', 'ended') ORDER BY id")

    def running(self) -> "list[RunningRow]":
        """Tasks that have been running for a quarter of a second or more, first started first: no more than the host has room for."""
        rows = self._all(
            "SELECT worker, job, position, running.attempt, running.start_us, name, array, low, step "
            "FROM running JOIN job ON job.id = running.job ORDER BY running.start_us, job, position"
        )
        sparse = {row[1]: self._indices(row[1]) for row in rows if row[6] == SPARSE}
        found: list[RunningRow] = []
        for worker, job, position, attempt, start_us, name, kind, low, step in rows:
            index = sparse[job].index(position) if kind == SPARSE else low + (position - 1) * step
            found.append((worker, job, index if kind else None, attempt, start_us, name))
        return found

    def leased(self) -> "dict[int, dict[int, int]]":
        """Worker -> job -> how many of its tasks the worker holds, running ones included."""
        found: dict[int, dict[int, int]] = {}
        for worker, blob in self._all("SELECT worker, outstanding FROM lease ORDER BY id"):
            jobs = found.setdefault(worker, {})
            for job, low, high, *_ in unpack_ranges(blob):
                jobs[job] = jobs.get(job, 0) + high - low + 1
        return found

    def events(self, before: int | None, limit: int) -> "list[EventRow]":
        """What happened, newest first: at most `limit` events with numbers below `before`."""
        where = "" if before is None else " WHERE id < ?"
        values = (limit,) if before is None else (before, limit)
        return self._all(f"SELECT id, at, kind, name, text FROM event{where} ORDER BY id DESC LIMIT ?", values)

    def _indices(self, job: int) -> "Indices":
        from cyclone_core.indices import unpack

        return unpack(self._all("SELECT indices FROM sparse WHERE job=?", (job,))[0][0])

    def _all(self, sql: str, values: "Sequence[object]" = ()) -> "list[Any]":
        return [] if self._connection is None else self._connection.execute(sql, values).fetchall()
