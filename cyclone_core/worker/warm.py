"""Warm shells: one bash per slot that forks a subshell for each task of a job, in place of a new bash for each task.

Three times as many short tasks per second, for jobs that ask for it; how such a task differs from others is described in
docs/warm-shells.md. Frames, rows, outputs, cancellation and limits are the same.

The shell gets tasks in groups, ahead of time, so that it never waits for the worker; a group is about AHEAD_S of work. A task
that was sent but has not begun can be taken back exactly: its pipe's place is taken by a directory, which no shell can open for
writing, and the shell tells of each task that it could not open. Only the first task that it has not told about can be running.
"""

import os
import select
from _collections import deque  # type: ignore[import-not-found]  # `collections` loads five other modules
from time import monotonic

from cyclone_core.worker.environment import encode
from cyclone_core.worker.processes import children_of
from cyclone_core.worker.tasks import SHORT_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cyclone_core.worker.executor import Executor
    from cyclone_core.worker.recipes import Recipe
    from cyclone_core.worker.tasks import Stream, Task

AHEAD_S = 0.020
"""How much work a shell is sent at once."""
GROUP = 32
"""Most tasks sent at once."""
LINGER_S = 2.0
"""An idle shell ends after this."""
_REST_S = 0.003  # results are collected for so long before they are looked at
_SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "warm.sh")
_LOAD = '. "$0" "$@"'  # `bash FILE` keeps FILE open and in step across forks: a quarter slower
_ARMED = select.EPOLLIN | select.EPOLLONESHOT


class Shell:
    """One warm shell of a stream, for one job. `sent`: tasks it has not told about, the first may be running; None: taken back."""

    __slots__ = (
        "_broken",
        "_commands",
        "_executor",
        "_occupied",
        "_pipes",
        "_rest",
        "_results",
        "failed",
        "pid",
        "recipe",
        "sent",
        "stream",
    )

    def __init__(self, executor: "Executor", stream: "Stream", recipe: "Recipe") -> None:
        """Start the shell; `failed` says why it cannot run. Raises OSError when the system has no room for it."""
        self._executor, self.stream, self.recipe = executor, stream, recipe
        self.sent: deque[Task | None] = deque()
        self._pipes: deque[int] = deque()  # write ends, one for each of `sent` that the shell knows
        self._rest, self._broken, self._occupied = b"", False, False
        theirs_in, self._commands = os.pipe2(os.O_CLOEXEC)
        self._results, theirs_out = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._results, False)
        words = ("-c", _LOAD, _SOURCE, recipe.plan.script, str(recipe.job), str(theirs_in), str(theirs_out))
        argv = [recipe.argv[0], *map(encode, words)]
        try:
            self.pid, self.failed = executor.spawner.spawn(
                argv, recipe.executables, recipe.cwd, recipe.env, -1, (theirs_in, theirs_out), recipe.plan.umask
            )
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        executor.shells[self.pid] = self
        executor.children.own.add(self.pid)
        executor.handlers[self._results] = self._ready
        executor.poll.register(self._results, _ARMED)
        stream.shells.append(self)

    # -- to the shell --------------------------------------------------------------------------------------------------

    def room(self) -> int:
        """How many tasks it should be sent now; 0 while it has enough to do."""
        average = self.stream.average
        group = min(GROUP, max(1, int(AHEAD_S / average))) if average > 0 else 1
        return group if len(self.sent) <= group // 2 else 0

    def fits(self, recipe: "Recipe") -> bool:
        """Whether it can run tasks of this recipe."""
        mine = self.recipe
        return recipe.job == mine.job and recipe.env == mine.env and recipe.argv == mine.argv and recipe.cwd == mine.cwd

    def reserve(self, task: "Task") -> None:
        """Take a task; it is sent by `feed` when its START frame is written."""
        if not self._occupied:
            self._occupied = True
            self.stream.busy += 1
        task.shell = self
        self.sent.append(task)

    def unreserve(self, tasks: "list[Task]") -> None:
        """Put tasks that could not be sent back into the queue."""
        for task in reversed(tasks):
            self.sent.pop()
            self.stream.put_back(task)
        self._idle()

    def feed(self, tasks: "list[Task]") -> None:
        """Send reserved tasks. Raises OSError, having put them back, when there are no descriptors left."""
        pipes: list[tuple[int, int]] = []
        try:
            for _ in tasks:
                pipes.append(os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK))  # noqa: PERF401  those made so far must be closed
        except OSError:
            for pair in pipes:
                os.close(pair[0])
                os.close(pair[1])
            self.unreserve(tasks)
            raise
        for task, (pipe, out) in zip(tasks, pipes, strict=True):
            task.pipe = pipe
            self._pipes.append(out)
        try:
            os.write(self._commands, "".join(_lines(tasks, [out for _, out in pipes])).encode())
        except BrokenPipeError:
            self._broken = True  # it is dead and not yet reaped: `died` puts all back
        if self.sent[0] is tasks[0]:
            self._begin(tasks[0])

    def revoke(self, job: int = 0, position: int = 0) -> "list[Task]":
        """Take back tasks that have not begun: all, or those of a job, or one. Exactly those come back that never will begin."""
        wanted = [task for task in self.sent if task and job in (0, task.job) and position in (0, task.position)]
        gate = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for task, out in zip(self.sent, self._pipes, strict=True):
            if task in wanted and task is not self.sent[0]:
                os.dup2(gate, out, inheritable=False)
        os.close(gate)
        self._look()
        taken = [task for task in wanted if task in self.sent and task is not self.sent[0]]
        for task in taken:
            self.sent[self.sent.index(task)] = None
            self._executor.abandon(task)
        return taken

    def close(self) -> None:
        """No more tasks: it ends after what it was sent."""
        if self in self.stream.shells:
            self.stream.shells.remove(self)
            os.close(self._commands)

    # -- from the shell ------------------------------------------------------------------------------------------------

    def child(self) -> int:
        """The leader of the running task's process group, 0 when there is none just now."""
        found = children_of(self.pid, self.pid)
        return found[0] if found else 0

    def group_of(self, task: "Task") -> int:
        """The process group of a task, 0 when it does not run. The shell tells of a task before it begins the next: the order counts."""
        group = self.child()
        self._look()
        return group if self.sent and self.sent[0] is task else 0

    def died(self, status: int) -> None:
        """The shell is gone, ended by its script or by somebody: the task that ran ends like it, the others start again elsewhere."""
        self._look()
        self._executor.children.end_session(self.pid)
        self.close()
        head = self.sent[0] if self.sent else None
        if head and not self._broken:
            self.sent.popleft()
            self._executor.record(head, status, int((monotonic() - head.began) * 1e6), (0, 0, 0))
        for task in reversed(self.sent):
            if task:
                self._untouched(task)
        self.sent.clear()
        while self._pipes:
            os.close(self._pipes.pop())
        self._hang_up()
        self._idle()

    def _ready(self, events: int) -> None:
        self._look()
        if self.sent and 0 <= self.stream.average < SHORT_S:
            self._executor.timers.at(monotonic() + _REST_S, self._rearm)
        else:
            self._rearm()

    def _rearm(self) -> None:
        if self._results >= 0:
            self._executor.poll.modify(self._results, _ARMED)

    def _look(self) -> None:
        """Take what the shell has told."""
        if self._results < 0:
            return
        try:
            data = os.read(self._results, 1 << 16)
        except BlockingIOError:
            return
        if not data:
            self._hang_up()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        before = self.sent[0] if self.sent else None
        for line in lines:
            self._told(*line.split())
        if self.sent and self.sent[0] and self.sent[0] is not before:
            self._begin(self.sent[0])
        self._idle()

    def _told(self, status: bytes, began: bytes = b"", ended: bytes = b"") -> None:
        os.close(self._pipes.popleft())
        task = self.sent.popleft()
        if task is None:
            return
        if status == b"-":
            self._untouched(task)
            return
        if ended:  # a bash before version 5 has no such clock: then the worker's counts
            task.start_us = _microseconds(began)
            took_us = max(0, _microseconds(ended) - task.start_us)
        else:
            took_us = int((monotonic() - task.began) * 1e6)
        code = int(status)
        # bash adds 128 to a signal's number: no way to tell `exit 137` from SIGKILL
        self._executor.record(task, code - 128 if 128 < code <= 192 else code << 8, took_us, (0, 0, 0))

    def _begin(self, task: "Task") -> None:
        """The shell is at this task now."""
        task.began = monotonic()
        self.stream.running.add(task)
        self._executor.young.append(task)

    def _untouched(self, task: "Task") -> None:
        """A task that was sent and never began."""
        if task.cause:
            self._executor.fail(task, task.reason, task.cause)
        else:
            self._executor.abandon(task)
            self.stream.put_back(task)

    def _idle(self) -> None:
        if self._occupied and not self.sent:
            self._occupied = False
            self.stream.busy -= 1
            self._executor.timers.at(monotonic() + LINGER_S, self._retire)

    def _retire(self) -> None:
        if not self.sent:
            self.close()

    def _hang_up(self) -> None:
        if self._results >= 0:
            self._executor.poll.unregister(self._results)
            del self._executor.handlers[self._results]
            os.close(self._results)
            self._results = -1


def _lines(tasks: "list[Task]", pipes: "list[int]") -> "Iterator[str]":
    """The commands for neighbouring tasks, as `warm.sh` reads them: one, or one for each stretch of a sparse array."""
    at = 0
    while at < len(tasks):
        first = tasks[at]
        step, count = first.recipe.evenly(first.position, first.position + len(tasks) - at - 1)
        numbers = " ".join(map(str, pipes[at : at + count]))
        yield f"{first.recipe.index(first.position)} {step} {first.attempt} /proc/{os.getpid()}/fd {numbers}\n"
        at += count


def _microseconds(clock: bytes) -> int:
    """`1700000000.123456`, with the comma that some languages put there."""
    return int(clock.replace(b".", b"").replace(b",", b""))
