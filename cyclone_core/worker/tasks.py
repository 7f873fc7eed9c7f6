"""What a worker holds in memory: streams of leased work, and the tasks that run. Plain data and pure decisions, no I/O.

A stream is a reservation of the supervisor: at most `width` of its tasks run at once. Its leases queue in order of arrival as
`Work`, runs of tasks of one job; a `Task` is made for an attempt the moment it is about to start.
"""

from _collections import deque  # type: ignore[import-not-found]  # `collections` loads five other modules

from cyclone_core.jobs import CAUSE_NONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.journal import Row
    from cyclone_core.worker.output import Capture
    from cyclone_core.worker.recipes import Recipe
    from cyclone_core.worker.warm import Shell

SHORT_S = 0.010
"""Tasks of a stream that last less than this on average may overlap by one."""
_WEIGHT = 0.2
"""How much the latest duration counts in the moving average."""


class Lease:
    """Tasks handed to this worker together; `left` counts those not yet reported or given back."""

    __slots__ = ("id", "jobs", "lane", "left", "plans", "reasons", "returned", "rows", "specs", "stream")

    def __init__(self, number: int, stream: "Stream", lane: "dict[str, Any]", jobs: "dict[int, Any]", specs: "dict[int, Any]") -> None:
        self.id, self.stream, self.lane, self.jobs, self.specs = number, stream, lane, jobs, specs
        self.left = 0
        self.rows: list[Row] = []
        self.returned: list[tuple[int, int, int]] = []
        self.reasons: dict[tuple[int, int], str] = {}
        self.plans: dict[int, Any] = {}  # spec id -> what all its jobs share, kept by `recipes`


class Work:
    """Untouched tasks `next`..`high` of one job under one lease."""

    __slots__ = ("attempt", "high", "job", "lease", "next", "recipe")

    def __init__(self, lease: Lease, job: int, low: int, high: int, attempt: int) -> None:
        self.lease, self.job, self.next, self.high, self.attempt = lease, job, low, high, attempt
        self.recipe: Recipe | None = None


class Task:
    """One attempt, from the moment it is taken from its stream until its row is recorded.

    pid is the leader of the process group, 0 while there is none. began: monotonic seconds. cause, reason: why we end it.
    """

    __slots__ = (
        "announced", "attempt", "began", "capture", "cause", "group", "job", "lease", "over", "pid", "pipe", "position", "reason", "recipe",
        "sampled", "scratch", "shell", "slot", "start_us", "stream", "watched",
    )  # fmt: skip

    def __init__(self, work: Work, recipe: "Recipe", position: int, start_us: int, began: float) -> None:
        self.lease, self.stream, self.recipe = work.lease, work.lease.stream, recipe
        self.job, self.position, self.attempt = work.job, position, work.attempt
        self.start_us, self.began = start_us, began
        self.pid, self.pipe, self.slot, self.cause, self.reason = 0, -1, -1, CAUSE_NONE, ""
        self.over = self.watched = self.announced = self.sampled = False
        self.capture: Capture | None = None
        self.shell: Shell | None = None
        self.scratch: list[str] | None = None

    def row_key(self) -> "tuple[int, int]":
        """(job, position)"""
        return self.job, self.position


class Stream:
    """A reservation: its width, the untouched work in order of arrival, and the tasks that run."""

    __slots__ = ("average", "busy", "id", "queue", "running", "script", "shells", "short", "width")

    def __init__(self, number: int) -> None:
        self.id, self.width, self.busy = number, 0, 0
        self.queue: deque[Work] = deque()
        self.running: set[Task] = set()
        self.shells: list[Shell] = []
        self.average = -1.0  # seconds; negative: nothing has ended yet
        self.script = ""  # what the average is about
        self.short = False  # the lane's tasks use one core at most, so two short ones may overlap

    def limit(self) -> int:
        """How many processes (or warm shells) may be busy now."""
        return self.width + 1 if self.short and self.width and 0 <= self.average < SHORT_S else self.width

    def meet(self, script: str) -> None:
        """The next task runs another script: what is known about the last one does not count."""
        self.script, self.average = script, -1.0

    def lasted(self, seconds: float) -> None:
        """Note how long a task took, or has been running already."""
        self.average = seconds if self.average < 0 else self.average + _WEIGHT * (seconds - self.average)

    def outlasted(self) -> None:
        """A task has lasted longer than short ones do: no overlap until others have shown that they are short."""
        self.average = max(self.average, SHORT_S)

    def starving(self) -> bool:
        """There is room and nothing to put into it."""
        return not self.queue and self.busy < self.width

    def take(self) -> "tuple[Work, int]":
        """The next untouched task: (its work, its position)."""
        work = self.queue[0]
        position = work.next
        work.next = position + 1
        if position == work.high:
            self.queue.popleft()
        return work, position

    def put_back(self, task: Task) -> None:
        """A task that was taken and has not begun is the next one again."""
        queue = self.queue
        if queue and queue[0].lease is task.lease and queue[0].job == task.job and queue[0].next == task.position + 1:
            queue[0].next = task.position
            return
        work = Work(task.lease, task.job, task.position, task.position, task.attempt)
        work.recipe = task.recipe
        queue.appendleft(work)

    def stuck(self, now: float, after_s: float) -> bool:
        """Untouched tasks wait behind tasks that all run for long: they are better off elsewhere."""
        waiting = bool(self.queue) or any(len(shell.sent) > 1 for shell in self.shells)
        return waiting and self.busy >= self.width and all(now - task.began >= after_s for task in self.running)

    def withdraw(self, job: int = 0, position: int = 0) -> "list[tuple[Work, int, int]]":
        """Take untouched tasks out: all, those of one job, or one task. Returns (work, low, high) ranges."""
        taken: list[tuple[Work, int, int]] = []
        kept: deque[Work] = deque()
        for work in self.queue:
            if job not in (0, work.job) or (position and not work.next <= position <= work.high):
                kept.append(work)
            elif position:
                taken.append((work, position, position))
                kept.extend(_around(work, position))
            else:
                taken.append((work, work.next, work.high))
        self.queue = kept
        return taken


def _around(work: Work, position: int) -> "list[Work]":
    rest = []
    for low, high in ((work.next, position - 1), (position + 1, work.high)):
        if low <= high:
            part = Work(work.lease, work.job, low, high, work.attempt)
            part.recipe = work.recipe
            rest.append(part)
    return rest
