"""The doors outward and what stands behind each promise; the contract suite runs them against every engine."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Protocol

    from cyclone_core.jobs import JobRequest
    from cyclone_core.journal import Row
    from cyclone_core.scheduler.dynamo.unit import Unit
    from cyclone_core.scheduler.dynamo.unit_store import Claimed, Refusal
    from cyclone_core.views import Attempt, Counts, Job, Task

    Range = tuple[int, int, int, int, int, int]
    """(job, low position, high position, attempt, failures, losses): tasks that share a history"""
    Wanted = tuple[int, tuple[int, ...] | None, tuple[int, ...] | None]
    """(job, only tasks in these final states or None, only the tasks with these indices or None)"""

    class JobStore(Protocol):
        """Jobs and their tasks, as the local engine has them. Every method is one step of a transaction that the caller opens and commits:
        all steps of a transaction become durable together or not at all.

        Exactly once: a task's state becomes final once; rows that do not belong to an outstanding lease change nothing.
        Counters: per job and per queue they equal the tasks' states after every commit.

        An AWS host keeps the same promises (`scheduler.dynamo.store`, and for its workers `unit_store` those of `Units` below);
        `tests/contract` runs on both. There each step is durable by itself when it returns, a lease is of one unit, counters equal the
        truth once the engine is idle, and a limit of running tasks is an upper bound.
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

    class Units(Protocol):
        """Work as workers of an AWS host take it: units (`scheduler.dynamo.unit`), each leased, changed and given back by one write.

        One holder: between a claim and the end of its lease nobody else gets a unit, however often and in whatever order its messages come.
        Fenced: who holds it no more is told so (LeaseLost) by each write, and nothing of that write happens.
        Nothing is lost: what was started when a holder vanishes is another attempt for the next one, what was not is as it was. Nobody
        starts what lies above the mark that was written.
        Done once: a write whose answer was lost may be sent again; it counts as done.
        Times are milliseconds since 1970.
        """

        def claim(self, job: int, low: int, worker: str, width: int, now: int, exists: bool = False) -> Claimed | Refusal:
            """Lease the unit that a message names (low: first position, 0 of a single job); after a cancellation nobody gets one."""
            ...

        def save(self, unit: Unit, now: int) -> set[int]:
            """Write what became of it, a higher mark, a longer lease; positions whose cancellation is news. Raises LeaseLost."""

        def hear(self, units: Iterable[Unit], now: int) -> Mapping[tuple[str, str], set[int] | None]:
            """Whether somebody cancelled some of it: key -> positions that are news, None for what is held no more."""

        def give_back(
            self, unit: Unit, now: int, started: Mapping[int, int] | None = None, counted: bool = False, reason: str = ""
        ) -> None:  # fmt: skip
            """Let go of it: what was not begun waits as it was, or is over where that was asked for. Raises LeaseLost."""

        def split(self, unit: Unit, cuts: Sequence[int], now: int) -> list[Unit]:
            """Cut off new units, all or none; each task stays in exactly one. Raises LeaseLost."""

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
