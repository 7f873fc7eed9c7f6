"""The vocabulary of work: states, outcomes of attempts, and what a submission asks for.

Plain classes and integers on purpose: this module is imported by every job command, and `dataclasses` or `enum` alone
would cost more than the rest of the command. Rules about states live in `scheduler.lifecycle`.
"""

# States in the order of the counters everywhere (database columns, tuples, tables). The number is what is stored.
STATES = ("Waiting", "Running", "Successful", "Failed", "Cancelled", "Error")
WAITING, RUNNING, SUCCESSFUL, FAILED, CANCELLED, ERROR = range(6)
FINAL = frozenset((SUCCESSFUL, FAILED, CANCELLED, ERROR))

# How an attempt ended, packed in one integer: bits 0-7 exit status, 8-15 signal number, 16-19 cause.
CAUSE_NONE = 0
"""The script ended by itself."""
CAUSE_TIMEOUT = 1
"""Ended by us: it ran longer than its timeout."""
CAUSE_MEMORY = 2
"""Ended by us: it used more memory than its definition allows."""
CAUSE_CANCELLED = 3
"""Ended (or never started) because somebody cancelled it."""
CAUSE_NOT_STARTED = 4
"""The scheduler could not start it: interpreter, directory, image (the reason says which)."""
CAUSE_LOST = 5
"""Its worker died under it."""

DEFAULT_LOSSES = 5
"""So many workers may die under one task before it ends as Error."""
AUTOMATIC_KEY = "auto-"
"""Idempotency keys that nobody chose begin with this; they are shown to nobody."""
MAX_NAME = 128
"""Longest job name, in characters."""
MAX_SCRIPT_BYTES = 10 * 2**20
"""Largest script."""
MAX_TASKS = 100_000_000
"""Largest array."""
USUAL_UMASK = 0o022
"""Of tasks whose submitter told none."""
PRIORITIES = range(-1000, 1001)
"""What `--priority` takes; higher first."""


def outcome(status: int, cause: int = CAUSE_NONE) -> int:
    """The packed outcome of a wait status as `os.wait4` gives it."""
    return cause << 16 | (status & 0x7F) << 8 | (status >> 8 & 0xFF)


def exit_status(code: int) -> int:
    """What a shell would show: the exit status, or 128 + signal number; 124, as timeout(1) says it, for a task that ran out of time
    and ended with 0 when it was told."""
    signal = code >> 8 & 0xFF
    if code == CAUSE_TIMEOUT << 16:
        return 124
    return 128 + signal if signal else code & 0xFF


def signal_of(code: int) -> int:
    """The signal that ended the attempt, 0 for none."""
    return code >> 8 & 0xFF


def cause_of(code: int) -> int:
    """One of the CAUSE_ numbers."""
    return code >> 16


class JobRequest:
    """One submission, checked and complete: what `qsub`, the TUI and the library hand to a host.

    script: bytes of the script (at most MAX_SCRIPT_BYTES), None only while a request is being put together.
    indices: (low, high, step) of an index array; None for a single job, a sparse or a parameter array.
    ranges: of a sparse array all of those, ascending (`indices.united` makes them so); () for others.
    parameters: path of a packed parameter file (`scheduler.parameters`), one entry per task; `tasks` tells how many.
    limit: most tasks of an array that run at once, 0 = no limit.
    retries: re-runs after the job's own failure; retry_exit: ((low, high), ...) exit codes that may be retried, () = all.
    timeout_s: wall-clock seconds an attempt may run, 0 = none. environment: what the task gets on top of `CYCLONE_*`.
    warm: run in a warm shell. umask: the permissions that new files of the task do not get. user: who submitted it.
    Names are None where the host's default applies.
    """

    __slots__ = (
        "definition", "directory", "environment", "idempotency_key", "indices", "interpreter", "limit", "name",
        "parameters", "priority", "queue", "ranges", "retries", "retry_exit", "script", "tasks", "timeout_s", "umask", "user", "warm",
    )  # fmt: skip

    def __init__(
        self,
        *,
        script: bytes | None = None,
        interpreter: tuple[str, ...] = ("/bin/bash",),
        name: str = "",
        queue: str | None = None,
        definition: str | None = None,
        indices: tuple[int, int, int] | None = None,
        ranges: tuple[tuple[int, int, int], ...] = (),
        parameters: str | None = None,
        tasks: int = 1,
        limit: int = 0,
        retries: int = 0,
        retry_exit: tuple[tuple[int, int], ...] = (),
        timeout_s: float = 0,
        priority: int = 0,
        directory: str = "",
        environment: dict[str, str] | None = None,
        idempotency_key: str | None = None,
        warm: bool = False,
        umask: int = USUAL_UMASK,
        user: str = "",
    ) -> None:
        self.script, self.interpreter, self.name, self.queue, self.definition = script, interpreter, name, queue, definition
        self.indices, self.ranges, self.parameters, self.tasks, self.limit = indices, ranges, parameters, tasks, limit
        self.retries, self.retry_exit, self.timeout_s, self.priority = retries, retry_exit, timeout_s, priority
        self.directory, self.environment = directory, environment or {}
        self.idempotency_key, self.warm, self.umask, self.user = idempotency_key, warm, umask, user

    @property
    def is_array(self) -> bool:
        """Whether its tasks are numbered `JOB--INDEX`: an array of one task is still an array."""
        return self.indices is not None or self.parameters is not None or bool(self.ranges)

    def as_message(self) -> dict[str, object]:
        """The request as plain values, the form in which it travels to the supervisor."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_message(cls, message: dict[str, object]) -> "JobRequest":
        """The inverse of `as_message`. Raises TypeError for a message of another version."""
        return cls(**message)  # type: ignore[arg-type]
