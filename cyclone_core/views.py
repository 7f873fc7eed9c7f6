"""What queries answer with: jobs, tasks and attempts as they are at one instant, and their JSON form.

Plain classes with `__slots__`: `qstat` makes thousands of them and starts in milliseconds. They are snapshots; nothing here
reads or writes. The JSON keys are a promise to programs: they are added to, never renamed.
Times are seconds since 1970 (floats) inside, ISO 8601 in UTC with milliseconds in JSON.
"""

from time import gmtime, strftime

from cyclone_core.ids import format_task
from cyclone_core.jobs import (
    AUTOMATIC_KEY,
    CAUSE_CANCELLED,
    CAUSE_LOST,
    CAUSE_MEMORY,
    CAUSE_NOT_STARTED,
    CAUSE_TIMEOUT,
    FINAL,
    STATES,
    cause_of,
    exit_status,
    signal_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.indices import Indices

    Json = dict[str, Any]
    Counts = tuple[int, int, int, int, int, int]
    """Numbers of tasks in the order of `jobs.STATES`."""

_CAUSES = {
    CAUSE_TIMEOUT: "ended by Cyclone: it ran longer than its timeout",
    CAUSE_MEMORY: "ended by Cyclone: it used more memory than its definition allows",
    CAUSE_CANCELLED: "cancelled",
    CAUSE_NOT_STARTED: "it could not be started",
    CAUSE_LOST: "its workers died under it",
}
_NEVER_RAN = (CAUSE_NOT_STARTED, CAUSE_LOST)


def iso(seconds: float | None) -> str | None:
    """`2026-01-31T12:00:00.000Z` of seconds since 1970; None stays None."""
    if seconds is None:
        return None
    ms = round(seconds * 1000)
    return f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(ms // 1000))}.{ms % 1000:03}Z"


def cause_text(code: int | None) -> str | None:
    """Why an attempt ended when it did not end by itself, else None."""
    return None if code is None else _CAUSES.get(cause_of(code))


class Outcome:
    """How an attempt ended, taken apart: `exit_code` as a shell would show it (None: it never ran), `signal` or None."""

    __slots__ = ("exit_code", "signal")

    def __init__(self, code: int | None, ran: bool = True) -> None:
        if code is None or not ran or cause_of(code) in _NEVER_RAN:
            self.exit_code, self.signal = None, None
        else:
            self.exit_code, self.signal = exit_status(code), signal_of(code) or None


class Job:
    """One job. `counts` are its tasks by state, `reason` says why it ended as it did (or why it waits, where that was asked).

    exit_code: of a single job its own, 128 + n for a signal; of an array that is over the first that is not 0, by index;
    None until then, and where nothing ran. `cancel` is when cancellation was asked for. `spec` numbers what it executes.
    final: of a single job the last attempt as it is stored: (code, attempt, start_us, took_us, journal, at, size).
    """

    __slots__ = (
        "array", "attempt", "cancel", "counts", "definition", "ended", "exit_code", "final", "id", "idempotency_key", "limit",
        "low", "name", "next", "priority", "queue", "reason", "signal", "size", "spec", "started", "status", "step", "submitted",
        "tasks", "took", "user",
    )  # fmt: skip
    id: int
    name: str
    queue: str
    definition: str
    user: str
    spec: int
    priority: int
    idempotency_key: str | None
    array: bool
    tasks: int
    low: int
    step: int
    limit: int
    next: int
    submitted: float
    started: float | None
    ended: float | None
    counts: "Counts"
    status: int
    cancel: float | None
    attempt: int | None
    took: float | None
    size: int | None
    exit_code: int | None
    signal: int | None
    reason: str | None
    final: "tuple[int | None, int | None, int | None, int | None, int | None, int | None, int | None]"

    @property
    def state(self) -> str:
        """The status as a word."""
        return STATES[self.status]

    @property
    def key(self) -> str | None:
        """The idempotency key that the submitter chose, if any."""
        key = self.idempotency_key
        return None if key is None or key.startswith(AUTOMATIC_KEY) else key

    @property
    def is_final(self) -> bool:
        """Whether nothing of it will change any more."""
        return self.status in FINAL

    @property
    def done(self) -> int:
        """How many of its tasks are final."""
        return sum(self.counts[2:])

    def index(self, position: int) -> int:
        """The number that users see of the task at a position (1..tasks)."""
        return self.low + (position - 1) * self.step

    def position(self, index: int) -> int | None:
        """Position of the task with this index, None when the array has none."""
        steps, rest = divmod(index - self.low, self.step)
        return steps + 1 if rest == 0 and 0 <= steps < self.tasks else None

    def indices_text(self) -> str:
        """The indices of its tasks as `qsub -t` takes them: `1-100`, `10-50:10`; cut off with … where that would be very long."""
        last = self.index(self.tasks)
        return f"{self.low}-{last}:{self.step}" if self.step > 1 and last > self.low else f"{self.low}-{last}"

    def task_id(self, position: int) -> str:
        """`1234`, or `1234--7` in an array."""
        return format_task(self.id, self.index(position) if self.array else None)

    def as_json(self) -> "Json":
        """The promised JSON object."""
        return {
            "id": self.id, "name": self.name, "queue": self.queue, "definition": self.definition, "status": self.state,
            "exit_code": self.exit_code, "signal": self.signal, "reason": self.reason,
            "counts": dict(zip(STATES, self.counts, strict=True)),
            "array": self.array, "tasks": self.tasks, "first_index": self.low if self.array else None,
            "index_step": self.step if self.array else None, "indices": self.indices_text() if self.array else None,
            "task_limit": self.limit or None,
            "user": self.user, "priority": self.priority, "idempotency_key": self.key,
            "submitted_at": iso(self.submitted), "started_at": iso(self.started), "ended_at": iso(self.ended),
            "cancel_requested_at": iso(self.cancel), "attempt": self.attempt,
            "took_s": None if self.took is None else round(self.took, 6), "output_bytes": self.size,
        }  # fmt: skip


class SparseJob(Job):
    """An array whose indices are a list of ranges; `packed` as it is stored (see `indices`)."""

    __slots__ = ("_indices", "packed")

    def __init__(self, packed: bytes) -> None:
        self.packed = packed
        self._indices: Indices | None = None

    @property
    def indices(self) -> "Indices":
        """The list."""
        if self._indices is None:
            from cyclone_core.indices import unpack

            self._indices = unpack(self.packed)
        return self._indices

    def index(self, position: int) -> int:
        """The number that users see of the task at a position (1..tasks)."""
        return self.indices.index(position)

    def position(self, index: int) -> int | None:
        """Position of the task with this index, None when the array has none."""
        return self.indices.position(index)

    def indices_text(self) -> str:
        """`3,17,100-200,300-400:2`."""
        return self.indices.text()

    def as_json(self) -> "Json":
        """The promised JSON object: there is no one step."""
        return {**super().as_json(), "index_step": None}


class Task:
    """One task of a job. `attempt` counts from 1: the last one, the running one, or the next one of a task that waits.

    started: None until it is known (a task is shown with its start time from a quarter of a second on). took: seconds.
    worker: a number on a local host, `REGION/BATCH-JOB-ID` on AWS.
    journal, at, size: where the output of its final attempt lies; journal is 0 where nothing ran.
    """

    __slots__ = (
        "at", "attempt", "ended", "exit_code", "id", "index", "job", "journal", "pid", "position", "reason", "signal", "size", "started",
        "status", "took", "worker",
    )  # fmt: skip

    def __init__(self, job: Job, position: int, status: int, attempt: int) -> None:
        self.job, self.position, self.status, self.attempt = job.id, position, status, attempt
        self.index = job.index(position) if job.array else None
        self.id = format_task(job.id, self.index)
        self.exit_code: int | None = None
        self.signal: int | None = None
        self.started: float | None = None
        self.ended: float | None = None
        self.took: float | None = None
        self.reason: str | None = None
        self.worker: int | str | None = None
        self.pid: int | None = None
        self.journal = self.at = self.size = 0

    @property
    def state(self) -> str:
        """The status as a word."""
        return STATES[self.status]

    @property
    def is_final(self) -> bool:
        """Whether nothing of it will change any more."""
        return self.status in FINAL

    def finish(self, code: int, start_us: int, took_us: int, place: tuple[int, int, int]) -> None:
        """Fill in how it ended: packed outcome, microseconds, (journal, offset, output bytes); journal 0: it never ran."""
        self.journal, self.at, self.size = place
        outcome = Outcome(code, self.journal > 0)
        self.exit_code, self.signal, self.reason = outcome.exit_code, outcome.signal, cause_text(code)
        self.ended = (start_us + took_us) / 1e6
        if self.journal:
            self.started, self.took = start_us / 1e6, took_us / 1e6

    def as_json(self) -> "Json":
        """The promised JSON object."""
        return {
            "id": self.id, "job": self.job, "index": self.index, "status": self.state, "exit_code": self.exit_code, "signal": self.signal,
            "attempt": self.attempt, "reason": self.reason, "started_at": iso(self.started), "ended_at": iso(self.ended),
            "took_s": None if self.took is None else round(self.took, 6), "worker": self.worker, "pid": self.pid, "output_bytes": self.size,
        }  # fmt: skip


class Attempt:
    """One execution of a task. `state` is what it came to; Running while it runs. journal is None where no frame is known."""

    __slots__ = ("at", "attempt", "ended", "exit_code", "journal", "pid", "reason", "signal", "size", "started", "status", "took", "worker")

    def __init__(self, attempt: int, status: int) -> None:
        self.attempt, self.status = attempt, status
        self.exit_code: int | None = None
        self.signal: int | None = None
        self.started: float | None = None
        self.took: float | None = None
        self.ended: float | None = None
        self.reason: str | None = None
        self.worker: int | str | None = None
        self.pid: int | None = None
        self.journal: int | None = None
        self.at = self.size = 0

    @property
    def state(self) -> str:
        """The status as a word."""
        return STATES[self.status]

    def as_json(self) -> "Json":
        """The promised JSON object."""
        return {
            "attempt": self.attempt, "status": self.state, "exit_code": self.exit_code, "signal": self.signal, "reason": self.reason,
            "started_at": iso(self.started), "ended_at": iso(self.ended), "took_s": None if self.took is None else round(self.took, 6),
            "worker": self.worker, "pid": self.pid, "output_bytes": self.size,
        }  # fmt: skip
