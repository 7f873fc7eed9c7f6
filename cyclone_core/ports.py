"""The doors outward and what stands behind each promise; the contract suite runs them against every engine."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol

    from cyclone_core.jobs import JobRequest
    from cyclone_core.journal import Row
    from cyclone_core.views import Attempt, Counts, Job, Task

    Range = tuple[int, int, int, int, int, int]
    """(job, low position, high position, attempt, failures, losses): tasks that share a history"""
    Wanted = tuple[int, tuple[int, ...] | None, tuple[int, ...] | None]
    """(job, only tasks in these final states or None, only the tasks with these indices or None)"""

    class JobStore(Protocol):
        """Jobs and their tasks. Every method is one step of a transaction that the caller opens and commits:
        all steps of a transaction become durable together or not at all.

        Exactly once: a task's state becomes final once; rows that do not belong to an outstanding lease change nothing.
        Counters: per job and per queue they equal the tasks' states after every commit.
        """

        def submit(self, request: JobRequest, now: float) -> int:
            """Accept one job and return its id; with a known idempotency key the id of the first submission,
            refused when that one has another script or size. Raises InvalidRequest with all problems, having stored nothing."""

        def lease(self, worker: int, journal: int, ranges: Sequence[Range], now: float) -> int:
            """Give waiting tasks to a worker; returns the lease's number, which only grows. The caller took the ranges from the
            waiting tasks: `waiting_of` says what waits."""

        def again(self, wanted: Sequence[Wanted], key: str, now: float) -> list[int]:
            """Tasks that are over, once more: of each job in `wanted` one new job of the same script, settings, queue and definition, whose
            tasks keep their indices and parameters. The old job stays as it is: states are final. Returns the new ids, with a
            known key those of the first time. Raises InvalidRequest with all problems, having stored nothing: a task that waits or
            runs is never chosen."""

        def report(self, lease: int, rows: Sequence[Row], reasons: Mapping[tuple[int, int], str], now: float) -> list[Range]:
            """Attempts that ended. Final tasks become final, those that may be retried go back to waiting (returned, as ranges).
            Rows that are not outstanding under this lease are ignored: late and doubled reports change nothing."""

        def give_back(self, lease: int, ranges: Sequence[tuple[int, int, int]], now: float) -> list[Range]:
            """Untouched tasks (job, low, high) of a lease go back to waiting with their history unchanged."""

        def lose(self, lease: int, started: Mapping[tuple[int, int], int], now: float) -> list[Range]:
            """The lease's worker is gone. Tasks in `started` ((job, position) -> start_us) count one loss each, and end as Error
            after DEFAULT_LOSSES of them; the rest was never touched. Returns what waits again; the lease is over."""

        def cancel(self, job: int, position: int | None, now: float) -> int:
            """Cancel a job or one task: what waits becomes Cancelled at once, what is leased is marked; returns how many tasks
            that touched. After the commit none of them is leased again."""

    class JobReader(Protocol):
        """What a host knows, for everybody who looks. Reading never waits for a writer and never delays one.

        One call, one instant: what a call returns fits together. Listings are paged by key: a page costs the same wherever it
        lies, and nothing that existed all the time is left out or told twice. What was committed before the call is seen.
        """

        def counts(self) -> list[tuple[str, Counts]]:
            """(queue, numbers of its tasks by state), by name; costs the same however many jobs there are."""

        def job(self, job: int) -> Job | None:
            """One job, None when there is none."""

        def jobs(
            self, queue: str | None, name: str | None, status: int | None, user: str | None, before: int | None, limit: int
        ) -> list[Job]:
            """At most `limit` jobs that fit everything given, newest first, with ids below `before`."""

        def tasks(self, job: int, status: int | None, after: int, limit: int) -> list[Task]:
            """At most `limit` tasks (in a state) with positions above `after`, by position; empty for an unknown job."""

        def task(self, job: int, position: int) -> Task | None:
            """The task at a position 1..tasks, None when there is none."""

        def attempts(self, job: int, position: int) -> list[Attempt]:
            """Every execution of a task so far, oldest first."""

        def task_states(self, job: int) -> bytes:
            """The state of every task, a byte each, by position: an overview that 100,000 tasks fit in."""
