"""Engines behind one shape, so that every promise of `ports.JobStore` is tested once and run against each of them.

An adapter keeps time itself and looks at the whole truth after each commit of a small host: a step that leaves a counter, a page or
a place of a task wrong fails in the test that made it. `SqliteEngine` is here, that of AWS hosts in `dynamo_engine`.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclone_core.jobs import CAUSE_CANCELLED, RUNNING, WAITING, JobRequest, outcome
from cyclone_core.scheduler import columns
from cyclone_core.scheduler.lifecycle import final_state
from cyclone_core.scheduler.local.backlog import Backlog
from cyclone_core.scheduler.sqlite.reader import Reader
from cyclone_core.scheduler.sqlite.store import SqliteStore
from cyclone_core.scheduler.sqlite.work import unpack_ranges

if TYPE_CHECKING:
    from cyclone_core.journal import Row

SMALL = 500
"""Up to so many tasks in all, every commit is followed by a look at everything."""
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where hosts of property tests lie: thousands of commits need not wait for a disk."""
CANCELLED_CODE = outcome(0, CAUSE_CANCELLED)


class Given:
    """A lease as a worker sees it: its number and (job, position) -> attempt."""

    def __init__(self, number: int, tasks: dict[tuple[int, int], int]) -> None:
        self.number, self.tasks = number, tasks

    def row(self, job: int, position: int, code: int = 0, attempt: int | None = None) -> "Row":
        """The result of one of its tasks."""
        return (job, position, attempt or self.tasks.get((job, position), 1), code, 1_700_000_000_000_000, 1500, 64 * position, 12)

    def rows(self, code: int = 0) -> "list[Row]":
        """All of its tasks ended so."""
        return [self.row(*key, code) for key in self.tasks]


class SqliteEngine:
    """The local engine's store in a directory of its own, with the defaults of a new host and room for every task."""

    has_transactions = True
    """Steps can be undone together, and a single task is given back by itself however it was leased."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)
        for name in ("scripts", "spool", "parameters"):
            os.makedirs(directory / name, exist_ok=True)
        self.now = 1_700_000_000.0
        self.store = SqliteStore(self.directory)
        with self.step():
            self.store.resources.make_defaults(self.now)

    # -- transactions -----------------------------------------------------------------------------------------------------------------
    @contextmanager
    def step(self) -> Iterator[SqliteStore]:
        """A transaction, or a step of the one that is open; what is raised inside undoes it."""
        self.now += 1
        if self.store.db.in_transaction:
            yield self.store
            return
        self.store.begin()
        try:
            yield self.store
        except BaseException:
            self.store.rollback()
            raise
        self.store.commit()
        self.check()

    def reopen(self) -> None:
        """Close everything and come back, as after a restart."""
        self.store.close()
        self.store = SqliteStore(self.directory)
        self.check()

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()

    # -- resources --------------------------------------------------------------------------------------------------------------------
    def add_queue(self, name: str) -> None:
        """A second queue of the same cluster."""
        with self.step() as store:
            store.resources.put("queue", name, f'{{"name": "{name}", "cluster": "default"}}', "create", self.now)

    def remove(self, kind: str) -> None:
        """Delete the default queue or definition."""
        with self.step() as store:
            store.resources.delete(kind, "default", self.now)

    def lose_scripts(self) -> None:
        """What jobs execute is gone."""
        for name in os.listdir(f"{self.directory}/scripts"):
            os.unlink(f"{self.directory}/scripts/{name}")

    # -- the port ---------------------------------------------------------------------------------------------------------------------
    def submit(self, tasks: int | None = None, **fields: Any) -> int:
        """Submit a single job, or an array of so many tasks."""
        if tasks is not None:
            fields = {"tasks": tasks, "indices": (1, tasks, 1), **fields}
        with self.step() as store:
            return store.submit(JobRequest(**{"script": b"true\n", "name": "job", "user": "ada", **fields}), self.now)

    def lease(self, count: int = 1, worker: int = 1, queue: str = "default", definition: str = "default") -> Given:
        """Lease up to `count` of the tasks that wait, best first; lease number 0 when none does."""
        with self.step() as store:
            ranges = Backlog(store, queue, definition).take(count)
            number = store.lease(worker, worker, ranges, self.now) if ranges else 0
        return Given(number, {(job, p): attempt for job, low, high, attempt, *_ in ranges for p in range(low, high + 1)})

    def report(self, lease: int, rows: "Iterable[Row]", reasons: Mapping[tuple[int, int], str] | None = None) -> list[Any]:
        """Report results; the ranges that wait again."""
        with self.step() as store:
            return store.report(lease, list(rows), reasons or {}, self.now)

    def give_back(self, lease: int, ranges: Iterable[tuple[int, int, int]]) -> list[Any]:
        """Give untouched tasks back."""
        with self.step() as store:
            return store.give_back(lease, list(ranges), self.now)

    def lose(self, lease: int, started: Iterable[tuple[int, int]] = (), **more: Any) -> list[Any]:
        """The worker died while these tasks had begun."""
        with self.step() as store:
            return store.lose(lease, {key: int((self.now - 5) * 1e6) for key in started}, self.now, **more)

    def cancel(self, job: int, position: int | None = None) -> int:
        """Cancel a job or a task."""
        with self.step() as store:
            return store.cancel(job, position, self.now)

    def again(self, job: int, *states: int, indices: tuple[int, ...] | None = None, key: str = "auto-again") -> int:
        """Run tasks of a job once more (of all states unless some are given); the new job."""
        with self.step() as store:
            return store.again([(job, states or None, indices)], key, self.now)[0]

    def again_all(self, wanted: list[Any], key: str) -> list[int]:
        """The same of several jobs in one request."""
        with self.step() as store:
            return store.again(wanted, key, self.now)

    # -- looking ----------------------------------------------------------------------------------------------------------------------
    def held(self) -> dict[tuple[int, int], int]:
        """(job, position) of each leased task -> the number of its lease."""
        return {key: number for number, lease in self.store.leases.items() for key in lease.tasks}

    def waiting(self) -> dict[tuple[str, str], int]:
        """How many tasks wait, per (queue, definition)."""
        return {key: count for key, count in self.store.waiting.items() if count}

    def told(self, lease: int) -> list[tuple[int, int]]:
        """What the holder of a lease is told to cancel: (job, position), position 0 for a whole job."""
        return self.store.cancellations(self.store.leases[lease])

    def wishes(self) -> list[tuple[int, int]]:
        """Tasks whose cancellation was asked for and that are not over yet."""
        return [(job, position) for job, position, *_ in self.dump()["cancellation"]]

    def lists(self) -> int:
        """How many jobs have a list of indices."""
        return len(self.dump()["sparse"])

    def specs(self) -> int:
        """How many things to execute are stored."""
        return len(self.dump()["spec"])

    def rows(self) -> int:
        """How many rows tell of jobs and their tasks."""
        return sum(len(self.dump()[table]) for table in ("job", "span", "lease", "cancellation", "running", "result", "attempt", "sparse"))

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """What everybody else sees."""
        with Reader.open(self.directory) as reader:
            yield reader

    def states(self, job: int) -> list[int]:
        """The state of each task."""
        with self.reader() as reader:
            return list(reader.task_states(job))

    def job(self, job: int) -> Any:
        """One job as readers see it."""
        with self.reader() as reader:
            return reader.job(job)

    def task(self, job: int, position: int = 1) -> Any:
        """One task as readers see it."""
        with self.reader() as reader:
            return reader.task(job, position)

    def attempts(self, job: int, position: int = 1) -> list[Any]:
        """Its attempts as readers see them."""
        with self.reader() as reader:
            return reader.attempts(job, position)

    def totals(self, queue: str = "default") -> tuple[int, ...]:
        """Tasks of a queue by state."""
        with self.reader() as reader:
            return dict(reader.counts())[queue]

    def dump(self) -> dict[str, list[Any]]:
        """All that is stored about jobs, to see whether something changed."""
        tables = ("job", "span", "lease", "cancellation", "running", "result", "attempt", "total", "spec", "sparse")
        return {table: self.store.db.execute(f"SELECT * FROM {table}").fetchall() for table in tables}

    # -- the whole truth --------------------------------------------------------------------------------------------------------------
    def check(self) -> None:
        """Counters, pages and overviews agree with where each task is; nothing is in two places."""
        if self.store.db.execute("SELECT coalesce(sum(tasks), 0) FROM job").fetchone()[0] > SMALL:
            return
        totals: dict[str, list[int]] = {}
        waiting: Counter[tuple[str, str]] = Counter()
        with self.reader() as reader:
            for job in reader.each_job():
                truth = self.places(job.id)
                counts = tuple(truth.count(state) for state in range(6))
                assert job.counts == counts, f"counters of job {job.id}"
                assert list(reader.task_states(job.id)) == truth, f"overview of job {job.id}"
                assert [task.status for task in reader.tasks(job.id)] == truth, f"pages of job {job.id}"
                assert job.is_final == (job.ended is not None), f"end of job {job.id}"
                totals[job.queue] = [a + b for a, b in zip(totals.get(job.queue, [0] * 6), counts, strict=True)]
                waiting[job.queue, job.definition] += counts[WAITING]
            assert {queue: list(counts) for queue, counts in reader.counts() if any(counts)} == totals
        assert +Counter(self.store.waiting) == +waiting

    def places(self, job: int) -> list[int]:
        """The state of each task from where it is stored; fails when a task is in two places or in none."""
        db = self.store.db
        array, tasks, first, cancel, status = db.execute("SELECT array, tasks, next, cancel, status FROM job WHERE id=?", (job,)).fetchone()
        found: list[list[int]] = [[] for _ in range(tasks)]
        over = CANCELLED_CODE if cancel else None
        for low, high in [(first, tasks)] if array or status in (WAITING, RUNNING) else []:
            for position in range(low, high + 1):
                found[position - 1].append(final_state(over) if over else WAITING)
        for low, high in db.execute("SELECT low, high FROM span WHERE job=?", (job,)):
            for position in range(low, high + 1):
                found[position - 1].append(final_state(over) if over else WAITING)
        for (blob,) in db.execute("SELECT outstanding FROM lease"):
            for owner, low, high, *_ in unpack_ranges(blob):
                for position in range(low, high + 1) if owner == job else ():
                    found[position - 1].append(RUNNING)
        for count, blob in db.execute("SELECT tasks, columns FROM result WHERE job=?", (job,)):
            for row, _ in columns.unpack(job, count, blob):
                found[row[1] - 1].append(final_state(row[3]))
        if not array and status not in (WAITING, RUNNING):
            found[0].append(status)
        assert all(len(places) == 1 for places in found), f"job {job}: {[(k + 1, p) for k, p in enumerate(found) if len(p) != 1]}"
        return [places[0] for places in found]
