"""The doors outward and what stands behind each promise; the contract suite runs them against every engine."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol

    from cyclone_core.jobs import JobRequest
    from cyclone_core.journal import Row

    Range = tuple[int, int, int, int, int, int]
    """(job, low position, high position, attempt, failures, losses): tasks that share a history"""

    class JobStore(Protocol):
        """Jobs and their tasks. Every method is one step of a transaction that the caller opens and commits:
        all steps of a transaction become durable together or not at all.

        Exactly once: a task's state becomes final once; rows that do not belong to an outstanding lease change nothing.
        Counters: per job and per queue they equal the tasks' states after every commit.
        """

        def submit(self, request: JobRequest, now: float) -> int:
            """Accept one job and return its id; with a known idempotency key the id of the first submission.
            Raises InvalidRequest with all problems, having stored nothing."""

        def lease(self, worker: int, journal: int, ranges: Sequence[Range], now: float) -> int:
            """Give waiting tasks to a worker; returns the lease's number, which only grows. The caller took the ranges from the
            waiting tasks: `waiting_of` says what waits."""

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
