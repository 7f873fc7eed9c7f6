"""The JobStore of the local engine: every change to jobs and tasks, as steps of one transaction.

The caller (the supervisor) brackets steps with `begin` and `commit`; after a failed commit `rollback` forgets everything
remembered and reads it again. I/O is per slice: one row for a lease, one packed row for the results of an array's slice.
A single job lives in its own row alone, which is written twice after its insertion: when it is leased and when it ends.
"""

from cyclone_core import jobs
from cyclone_core.errors import InvalidRequest, StateUnusable
from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, STATES, SUCCESSFUL, WAITING
from cyclone_core.problems import Problem
from cyclone_core.scheduler import lifecycle
from cyclone_core.scheduler.admission import admit
from cyclone_core.scheduler.again import SPARSE
from cyclone_core.scheduler.sqlite import again, schema, task_pages
from cyclone_core.scheduler.sqlite.blocks import ResultBlocks
from cyclone_core.scheduler.sqlite.resources import ResourceTable
from cyclone_core.scheduler.sqlite.specs import Specs, script_name
from cyclone_core.scheduler.sqlite.work import FRESH, Lease, Work, pack_ranges, ranges_of, unpack_ranges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from cyclone_core.jobs import JobRequest
    from cyclone_core.journal import Row
    from cyclone_core.ports import Range, Wanted
    from cyclone_core.scheduler.sqlite.work import History

_WORK = "id, name, queue, definition, spec, priority, array, tasks, low, step, task_limit, next, waiting, running, cancel"
_CANCELLED = jobs.outcome(0, jobs.CAUSE_CANCELLED)
_LOST = jobs.outcome(0, jobs.CAUSE_LOST)


class SqliteStore:
    """See `ports.JobStore` for what each step promises.

    works: open jobs that are leased or were looked at. leases: by number. waiting: tasks that wait, per (queue, definition).
    ended: jobs that became final in this transaction, in order; the caller empties it.
    """

    def __init__(self, state_dir: str) -> None:
        self.state_dir = state_dir
        self.db = schema.open_writer(state_dir)
        self.resources, self.specs, self.blocks = ResourceTable(self.db), Specs(self.db, state_dir), ResultBlocks(self.db)
        self.ended: list[int] = []
        self._reload()
        self._start_epoch()

    # -- transactions -------------------------------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Open a transaction. Raises sqlite3.Error."""
        self.db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make every step since `begin` durable. Raises sqlite3.Error (full disk): the caller then calls `rollback`."""
        for queue, delta in self._totals.items():
            if any(delta):
                self.db.execute(
                    "INSERT INTO total VALUES(?,?,?,?,?,?,?) ON CONFLICT(queue) DO UPDATE SET waiting=waiting+excluded.waiting, "
                    "running=running+excluded.running, successful=successful+excluded.successful, failed=failed+excluded.failed, "
                    "cancelled=cancelled+excluded.cancelled, error=error+excluded.error",
                    (queue, *delta),
                )
        self.db.execute("COMMIT")
        self._totals.clear()
        self.specs.committed()

    def rollback(self) -> None:
        """Undo every step since `begin`, and read again what was remembered."""
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")
        self._reload()

    def close(self) -> None:
        """Close the database; open transactions are undone."""
        self.db.close()

    def _reload(self) -> None:
        db = self.db
        self.works: dict[int, Work] = {}
        self.leases: dict[int, Lease] = {}
        self._totals: dict[str, list[int]] = {}
        self.specs.reset()
        self.ended.clear()
        self.resources.reload()
        self.waiting: dict[tuple[str, str], int] = {
            (queue, definition): count
            for queue, definition, count in db.execute("SELECT queue, definition, sum(waiting) FROM job WHERE waiting > 0 GROUP BY 1, 2")
        }
        self._next_job = (db.execute("SELECT max(id) FROM job").fetchone()[0] or 0) + 1
        for number, worker, journal, journal_at, blob in db.execute(
            "SELECT id, worker, journal, journal_at, outstanding FROM lease"
        ).fetchall():
            self.leases[number] = Lease(number, worker, journal, journal_at, unpack_ranges(blob))
        self._long = set(db.execute("SELECT job, position FROM running").fetchall())
        self._asked = set(db.execute("SELECT job, position FROM cancellation").fetchall())
        self._spanned = {job for (job,) in db.execute("SELECT DISTINCT job FROM span")}

    def done(self) -> int:
        """How many tasks have run to an end, of all jobs that are kept; cancelling a million is no throughput."""
        return int(self.db.execute("SELECT coalesce(sum(successful + failed), 0) FROM total").fetchone()[0])

    def number(self, key: str) -> int:
        """A counter kept in `meta`, 0 when it was never set."""
        row = self.db.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
        return row[0] if row else 0

    def set_number(self, key: str, value: int) -> None:
        """Keep a counter in `meta`."""
        self.db.execute("INSERT OR REPLACE INTO meta VALUES(?,?)", (key, value))

    def next_number(self, key: str) -> int:
        """The next value of a counter, from 1."""
        value = self.number(key) + 1
        self.set_number(key, value)
        return value

    def _start_epoch(self) -> None:
        """Numbers of leases start anew above all earlier ones, so that no late report can hit a lease of another epoch."""
        self.begin()
        self.epoch = self.next_number("epoch")
        self._next_lease = max(self.epoch << 32, max(self.leases, default=0) + 1)
        self.commit()

    # -- submission ---------------------------------------------------------------------------------------------------------------
    def submit(self, request: "JobRequest", now: float) -> int:
        """Accept one job; see the port."""
        known = self.known(request.idempotency_key)
        if known:
            self._check_same(known, request)
            return known
        place = admit(request, self.resources.bodies)
        kind, low, step = int(request.is_array), 1, 1
        spec = self.specs.keep(request, self._next_job)
        if request.indices:
            low, step = request.indices[0], request.indices[2]
        elif request.ranges:
            kind, low = SPARSE, again.keep_ranges(self.db, self._next_job, request)
        return self.insert(
            (request.name, place.queue, place.definition, request.user, spec, request.priority, request.idempotency_key, kind,
             request.tasks, low, step, request.limit, now)
        )  # fmt: skip

    def insert(self, row: "tuple[Any, ...]") -> int:
        """Add the row of a new job (name .. task_limit as in the table, submitted); its id."""
        job, queue, definition, tasks = self._next_job, row[1], row[2], row[8]
        self.db.execute(
            "INSERT INTO job(id, name, queue, definition, user, spec, priority, idempotency_key, array, tasks, low, step, "
            "task_limit, submitted, next, waiting) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,1,?)",
            (job, *row, tasks),
        )
        self._next_job += 1
        self._count(queue, WAITING, tasks)
        self._count_waiting(queue, definition, tasks)
        return job

    def again(self, wanted: "Sequence[Wanted]", key: str, now: float) -> list[int]:
        """Tasks that are over, once more; see the port."""
        return again.submit(self, wanted, key, now)

    def check_parameters(self, request: "JobRequest") -> None:
        """Raise InvalidRequest when the parameter file of a new request is not where its client was to leave it."""
        if not self.specs.has_parameters(request) and not self.known(request.idempotency_key):
            raise InvalidRequest([Problem("-a", "the packed parameters are gone from the spool directory", "Submit again")])

    def _check_same(self, job: int, request: "JobRequest") -> None:
        """Refuse a key that already belongs to a job of another script or size: somebody would wait for work that never runs."""
        tasks, spec = self.db.execute("SELECT tasks, spec FROM job WHERE id=?", (job,)).fetchone()
        if tasks != request.tasks or self.specs.body(spec)["script"] != script_name(request.script or b""):
            key = request.idempotency_key
            raise InvalidRequest(
                [
                    Problem(
                        "idempotency_key",
                        f"the key {key!r} belongs to job {job}, which runs something else",
                        "Use a key of its own for each job",
                    )
                ]
            )

    def known(self, key: str | None) -> int | None:
        """The job that was submitted with an idempotency key."""
        row = self.db.execute("SELECT id FROM job WHERE idempotency_key=?", (key,)).fetchone() if key else None
        return row[0] if row else None

    # -- what waits ---------------------------------------------------------------------------------------------------------------
    def ready(self, queue: str, definition: str, after: "tuple[int, int] | None", limit: int) -> list[Work]:
        """Jobs with waiting tasks, best first: up to `limit` of them behind (priority, id)."""
        where = ""
        values: tuple[object, ...] = (queue, definition)
        if after is not None:
            where, values = " AND (priority < ? OR (priority = ? AND id > ?))", (*values, after[0], after[0], after[1])
        rows = self.db.execute(
            f"SELECT {_WORK} FROM job INDEXED BY job_ready WHERE waiting > 0 AND queue=? AND definition=?{where} "
            "ORDER BY priority DESC, id LIMIT ?",
            (*values, limit),
        ).fetchall()
        return [self.works.get(row[0]) or self._remember(row) for row in rows]

    def work(self, job: int) -> Work | None:
        """An open job, None when it is unknown or final."""
        found = self.works.get(job)
        if found is None:
            row = self.db.execute(f"SELECT {_WORK} FROM job WHERE id=? AND waiting + running > 0", (job,)).fetchone()
            found = self._remember(row) if row else None
        return found

    def _remember(self, row: "tuple[Any, ...]") -> Work:
        spec = self.specs.body(row[4])
        work = self.works[row[0]] = Work(row, lifecycle.Retry(spec["retries"], spec["retry_exit"]))
        if work.id in self._spanned and not work.cancelled:
            for low, high, *history in self.db.execute("SELECT low, high, attempt, failures, losses FROM span WHERE job=?", (work.id,)):
                work.spans[low] = (high, tuple(history))
        if work.array:
            work.blocks = self.blocks.counts(work.id)
            work.sparse = again.indices_of(self.db, work.id) if work.array == SPARSE else None
        return work

    # -- leases -------------------------------------------------------------------------------------------------------------------
    def lease(self, worker: int, journal: int, ranges: "Sequence[Range]", now: float, journal_at: int = 0) -> int:
        """Hand waiting tasks to a worker; see the port. `journal_at`: where the worker's journal ends now."""
        number = self._next_lease
        self._next_lease += 1
        lease = self.leases[number] = Lease(number, worker, journal, journal_at, ranges)
        touched: dict[int, int] = {}
        for job, low, high, *history in ranges:
            self._take(self.works[job], low, high, tuple(history))  # type: ignore[arg-type]
            touched[job] = touched.get(job, 0) + high - low + 1
        self.db.execute("INSERT INTO lease VALUES(?,?,?,?,?,?)", (number, worker, journal, now, pack_ranges(ranges), journal_at))
        self.db.executemany(
            "UPDATE job SET waiting=waiting-?, running=running+?, next=? WHERE id=?",
            [(count, count, self.works[job].next, job) for job, count in touched.items()],
        )
        for job, count in touched.items():
            self._moved(self.works[job], count)
        return lease.id

    def _take(self, work: Work, low: int, high: int, history: "History") -> None:
        """Remove positions from what waits."""
        if low >= work.next:
            work.next = high + 1
            return
        end, _ = work.spans.pop(low)
        self.db.execute("DELETE FROM span WHERE job=? AND low=?", (work.id, low))
        if end > high:
            self._put_span(work, high + 1, end, history)

    def _moved(self, work: Work, count: int) -> None:
        """`count` tasks went from Waiting to leased (negative: back)."""
        work.leased += count
        self._count(work.queue, WAITING, -count)
        self._count(work.queue, RUNNING, count)
        self._count_waiting(work.queue, work.definition, -count)

    # -- results ------------------------------------------------------------------------------------------------------------------
    def report(self, lease: int, rows: "Sequence[Row]", reasons: "Mapping[tuple[int, int], str]", now: float) -> "list[Range]":
        """Attempts that ended; see the port."""
        found = self.leases.get(lease)
        if found is None:
            return []
        finals: dict[int, list[Row]] = {}
        again: dict[tuple[int, int], History] = {}
        taken: list[tuple[int, int]] = []
        tasks = found.tasks
        for row in rows:
            key = row[:2]
            history = tasks.get(key)
            if history is None or history[0] != row[2]:
                continue
            del tasks[key]
            taken.append(key)
            if row[3] == 0 and key not in reasons:
                finals.setdefault(key[0], []).append(row)
            else:
                self._judge(row, history, reasons.get(key), found, finals, again)
        if not taken:
            return []
        self._forget(taken)
        for job, ended in finals.items():
            self._finish(self._open(job), ended, found.journal, now)
        self._wait_again(again)
        self._save(found)
        return ranges_of(again.items())

    def _judge(
        self,
        row: "Row",
        history: "History",
        reason: str | None,
        lease: Lease,
        finals: "dict[int, list[Row]]",
        again: "dict[tuple[int, int], History]",
    ) -> None:
        """An attempt that did not simply succeed: final or once more, and kept in the attempt table where the result cannot hold it."""
        job, position, attempt, code = row[:4]
        work = self._open(job)
        verdict = lifecycle.judge(code, history[1], history[2], work.retry, self._is_cancelled(work, position))
        if verdict.state == WAITING:
            again[job, position] = (attempt + 1, verdict.failures, verdict.losses)
        else:
            if verdict.state == CANCELLED and jobs.cause_of(code) != jobs.CAUSE_CANCELLED:
                row = (*row[:3], _CANCELLED | code & 0xFFFF, *row[4:])
            finals.setdefault(job, []).append(row)
        if verdict.state == WAITING or reason:
            self._keep_attempt(row, lease, lifecycle.final_state(code), reason)

    def _keep_attempt(self, row: "Row", lease: Lease, state: int, reason: str | None) -> None:
        job, position, attempt, code, start_us, took_us, at, size = row
        self.db.execute(
            "INSERT OR REPLACE INTO attempt VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
            (job, position, attempt, state, code, lease.worker, start_us, took_us, lease.journal, at, size, reason),
        )
        self._begun(job, start_us)

    def _finish(self, work: Work, rows: "list[Row]", journal: int, now: float, waited: bool = False) -> None:
        """Tasks become final. `waited`: they were waiting, not leased (cancelled before they ran)."""
        counts = [0] * len(STATES)
        for row in rows:
            counts[lifecycle.final_state(row[3])] += 1
        done = len(rows)
        if waited:
            self._count(work.queue, WAITING, -done)
            self._count_waiting(work.queue, work.definition, -done)
        else:
            work.leased -= done
            self._count(work.queue, RUNNING, -done)
        work.left -= done
        for state in (SUCCESSFUL, FAILED, CANCELLED, ERROR):
            self._count(work.queue, state, counts[state])
        gone = (done, 0) if waited else (0, done)
        ended = now if work.left == 0 else None
        started = min((row[4] / 1e6 for row in rows if row[6]), default=None)
        if work.array:
            self.db.execute(
                "UPDATE job SET waiting=waiting-?, running=running-?, successful=successful+?, failed=failed+?, cancelled=cancelled+?, "
                "error=error+?, started=coalesce(started, ?), ended=coalesce(?, ended) WHERE id=?",
                (*gone, *counts[SUCCESSFUL:], started, ended, work.id),
            )
            self.blocks.keep(work, rows, journal)
        else:
            _, _, attempt, code, start_us, took_us, at, size = rows[0]
            self.db.execute(
                "UPDATE job SET waiting=0, running=0, successful=?, failed=?, cancelled=?, error=?, started=coalesce(started, ?), ended=?, "
                "code=?, attempt=?, start_us=?, took_us=?, journal=?, at=?, size=? WHERE id=?",
                (*counts[SUCCESSFUL:], started, now, code if journal else None, attempt, start_us, took_us, journal, at, size, work.id),
            )
        self._close_if_over(work)

    def _close_if_over(self, work: Work) -> None:
        if work.left == 0:
            self.ended.append(work.id)
            self.works.pop(work.id, None)

    def _wait_again(self, again: "Mapping[tuple[int, int], History]") -> None:
        """Leased tasks go back to waiting with the given histories."""
        for job, low, high, *history in ranges_of(again.items()):
            work, count = self._open(job), high - low + 1
            if tuple(history) == FRESH and high == work.next - 1:
                work.next = low
            else:
                self._put_span(work, low, high, tuple(history))  # type: ignore[arg-type]
            self.db.execute("UPDATE job SET waiting=waiting+?, running=running-?, next=? WHERE id=?", (count, count, work.next, job))
            self._moved(work, -count)

    def _put_span(self, work: Work, low: int, high: int, history: "History") -> None:
        work.spans[low] = (high, history)
        self._spanned.add(work.id)
        self.db.execute("INSERT INTO span VALUES(?,?,?,?,?,?)", (work.id, low, high, *history))

    def _save(self, lease: Lease) -> None:
        """Keep what is still outstanding under a lease; without anything it is over."""
        if lease.tasks:
            self.db.execute("UPDATE lease SET outstanding=? WHERE id=?", (lease.blob(), lease.id))
        else:
            self.db.execute("DELETE FROM lease WHERE id=?", (lease.id,))
            del self.leases[lease.id]

    def running(self, rows: "Iterable[tuple[int, int, int, int, int, int]]") -> None:
        """Note tasks that have run for a while: (lease, job, position, attempt, start_us, pid)."""
        for number, job, position, attempt, start_us, pid in rows:
            lease = self.leases.get(number)
            if lease is not None and (job, position) in lease.tasks:
                self.db.execute("INSERT OR REPLACE INTO running VALUES(?,?,?,?,?,?)", (job, position, attempt, lease.worker, pid, start_us))
                self._long.add((job, position))
                self._begun(job, start_us)

    def _begun(self, job: int, start_us: int) -> None:
        """An attempt was seen: the job has started. (A lease alone says nothing: untouched tasks may come back.)"""
        self.db.execute("UPDATE job SET started=? WHERE id=? AND started IS NULL", (start_us / 1e6, job))

    def _forget(self, keys: "Iterable[tuple[int, int]]") -> None:
        """Tasks (job, position) that left their lease have no row in `running` and no open wish to cancel them."""
        for noted, table in ((self._long, "running"), (self._asked, "cancellation")):
            if noted:
                gone = [key for key in keys if key in noted]
                self.db.executemany(f"DELETE FROM {table} WHERE job=? AND position=?", gone)
                noted.difference_update(gone)

    # -- tasks that come back -----------------------------------------------------------------------------------------------------
    def give_back(self, lease: int, ranges: "Iterable[tuple[int, int, int]]", now: float) -> "list[Range]":
        """Untouched tasks of a lease wait again; see the port."""
        found = self.leases.get(lease)
        if found is None:
            return []
        back = {}
        for job, low, high in ranges:
            for position in range(low, high + 1):
                history = found.tasks.pop((job, position), None)
                if history is not None:
                    back[job, position] = history
        self._settle(back, now)
        self._save(found)
        return ranges_of(back.items())

    def _settle(self, back: "dict[tuple[int, int], History]", now: float) -> None:
        """Leased tasks that did not run: waiting again, or Cancelled where that was asked for. Removes the latter from `back`."""
        dropped: dict[int, list[Row]] = {}
        keys = list(back)
        for key in keys:
            work = self._open(key[0])
            if self._is_cancelled(work, key[1]):
                history = back.pop(key)
                dropped.setdefault(key[0], []).append((*key, history[0], _CANCELLED, int(now * 1e6), 0, 0, 0))
        for job, rows in dropped.items():
            self._finish(self._open(job), rows, 0, now)
        self._wait_again(back)
        self._forget(keys)

    def lose(
        self, lease: int, started: "Mapping[tuple[int, int], int]", now: float, counted: bool = True, reason: str = "its worker died"
    ) -> "list[Range]":
        """The worker of a lease is gone; see the port. Not `counted`: it was stopped on purpose, no loss is held against the tasks."""
        found = self.leases.get(lease)
        if found is None:
            return []
        untouched, rows, again = {}, [], {}
        for key, history in found.tasks.items():
            start_us = started.get(key)
            if start_us is None:
                untouched[key] = history
                continue
            row = (*key, history[0], _LOST, start_us, max(0, int(now * 1e6) - start_us), 0, 0)
            if counted or self._is_cancelled(self._open(key[0]), key[1]):
                rows.append(row)
            else:
                again[key] = (history[0] + 1, *history[1:])
                self._keep_attempt(row, found, ERROR, reason)
        back = self.report(lease, rows, {row[:2]: reason for row in rows}, now)
        found.tasks.clear()
        self._forget(again)
        self._wait_again(again)
        self._settle(untouched, now)
        if lease in self.leases:
            self._save(found)
        return back + ranges_of([*again.items(), *untouched.items()])

    # -- cancellation -------------------------------------------------------------------------------------------------------------
    def cancel(self, job: int, position: int | None, now: float) -> int:
        """Cancel a job or one of its tasks; see the port. The number of tasks touched: 0 when all were final."""
        work = self.work(job)
        if work is None or work.cancelled or (job, position) in self._asked:
            return 0
        if position is None or (position == 1 and not work.array):
            return self._cancel_all(work, now)
        low = next((low for low, (high, _) in work.spans.items() if low <= position <= high), None)
        if low is not None or work.next <= position <= work.tasks:
            return self._cancel_waiting(work, position, low, now)
        if any((job, position) in lease.tasks for lease in self.leases.values()):
            self.db.execute("INSERT OR IGNORE INTO cancellation VALUES(?,?,?)", (job, position, now))
            self._asked.add((job, position))
            return 1
        return 0

    def _cancel_all(self, work: Work, now: float) -> int:
        """No row is written per task: once `job.cancel` is set, the tail and the job's spans are Cancelled where they are."""
        touched, waiting = work.left, work.waiting
        work.cancelled = True
        self.db.execute("UPDATE job SET cancel=? WHERE id=?", (now, work.id))
        if waiting and not work.array:
            _, history = work.spans.pop(1, (1, FRESH))
            self.db.execute("DELETE FROM span WHERE job=?", (work.id,))
            self._finish(work, [_never_ran(work.id, 1, history, now)], 0, now, waited=True)
            return touched
        work.spans.clear()
        work.left -= waiting
        self._count(work.queue, WAITING, -waiting)
        self._count(work.queue, CANCELLED, waiting)
        self._count_waiting(work.queue, work.definition, -waiting)
        self.db.execute(
            "UPDATE job SET waiting=0, cancelled=cancelled+?, ended=coalesce(?, ended) WHERE id=?",
            (waiting, None if work.left else now, work.id),
        )
        self._close_if_over(work)
        return touched

    def _cancel_waiting(self, work: Work, position: int, low: int | None, now: float) -> int:
        """One waiting task: cut it out of its span, or out of the tail."""
        if low is None:
            low, high, history = work.next, position, FRESH
            work.next = position + 1
            self.db.execute("UPDATE job SET next=? WHERE id=?", (work.next, work.id))
        else:
            high, history = work.spans.pop(low)
            self.db.execute("DELETE FROM span WHERE job=? AND low=?", (work.id, low))
        for first, last in ((low, position - 1), (position + 1, high)):
            if first <= last:
                self._put_span(work, first, last, history)
        self._finish(work, [_never_ran(work.id, position, history, now)], 0, now, waited=True)
        return 1

    def cancellations(self, lease: Lease) -> "list[tuple[int, int]]":
        """(job, position) of a lease's tasks that were cancelled, position 0 for a whole job."""
        found = [(job, 0) for job in {job for job, _ in lease.tasks} if self._open(job).cancelled]
        return found + [key for key in lease.tasks if key in self._asked]

    def _is_cancelled(self, work: Work, position: int) -> bool:
        return work.cancelled or (work.id, position) in self._asked

    def first_failure(self, job: int) -> int | None:
        """Outcome of the first task (by index) of a final array that did not succeed by its own fault, 0 when there is none."""
        for state in (FAILED, ERROR):
            found = task_pages.first_failure(self.db, job, state)
            if found is not None:
                return found[1]
        return 0

    # -- counters -----------------------------------------------------------------------------------------------------------------
    def _count(self, queue: str, state: int, change: int) -> None:
        delta = self._totals.get(queue)
        if delta is None:
            delta = self._totals[queue] = [0] * len(STATES)
        delta[state] += change

    def _count_waiting(self, queue: str, definition: str, change: int) -> None:
        key = (queue, definition)
        self.waiting[key] = self.waiting.get(key, 0) + change

    def _open(self, job: int) -> Work:
        """A job that has leased tasks: it must be there."""
        work = self.works.get(job) or self.work(job)
        if work is None:
            raise StateUnusable(f"{schema.database_path(self.state_dir)}: job {job} is leased, but has no open row")
        return work


def _never_ran(job: int, position: int, history: "History", now: float) -> "Row":
    """The result of a task that was cancelled while it waited."""
    return (job, position, history[0], _CANCELLED, int(now * 1e6), 0, 0, 0)
