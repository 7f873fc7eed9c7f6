"""Watches tasks that have lasted: tells the supervisor about them, enforces timeout and memory, records metrics.

Most tasks end before any of this begins (MATURE_S in `executor`). Everything here runs from timers, so it costs nothing while no
task is old enough, and looking at memory takes at most a hundredth of a core however many tasks there are.
"""

import os
import sys
from time import monotonic

from cyclone_core.jobs import CAUSE_MEMORY, CAUSE_TIMEOUT
from cyclone_core.journal import metrics_path
from cyclone_core.worker import metrics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cyclone_core.worker.executor import Executor
    from cyclone_core.worker.tasks import Task

SETTLED_S = 0.25
"""A task this old is announced to the supervisor, its output is written to its file, its memory is watched."""
METRICS_S = 10.0
"""Interval of the lines in METRICS."""
_MEMORY_S = 0.25
_SHARE = 100  # one part in so many of the time may go into looking at memory


class Limits:
    """Limits of one executor's tasks. `settled` is called for each task that has lasted SETTLED_S."""

    __slots__ = ("_executor", "_settled", "_timers")

    def __init__(self, executor: "Executor", settled: "Callable[[Task], None]") -> None:
        self._executor, self._timers, self._settled = executor, executor.timers, settled

    def observe(self, task: "Task") -> None:
        """Begin to watch a task that has lasted a few milliseconds."""
        self._timers.at(task.began + SETTLED_S, self._settle, task)
        if task.recipe.plan.timeout_s:
            self._expire(task)

    def _settle(self, task: "Task") -> None:
        if task.over:
            return
        if task.capture:
            task.capture.spill()
        self._settled(task)
        if task.recipe.plan.image:
            return  # the container engine limits and knows what is inside; we would see its client only
        self._timers.at(task.began + METRICS_S, self._measure, task)
        if task.lease.lane.get("memory_mib"):
            self._weigh(task)

    def _expire(self, task: "Task") -> None:
        """Look at the timeout when it is due or the task is twice as old: a timer at the far end would keep ended tasks in memory."""
        limit, age = task.recipe.plan.timeout_s, monotonic() - task.began
        if task.over:
            return
        if age >= limit:
            self._executor.terminate(task, CAUSE_TIMEOUT, f"ran longer than its timeout of {limit:g} s")
        else:
            self._timers.at(task.began + min(limit, max(2 * age, SETTLED_S)), self._expire, task)

    def _weigh(self, task: "Task") -> None:
        if task.over or task.cause:
            return
        before = monotonic()
        limit_mib = int(task.lease.lane["memory_mib"])
        pids = metrics.members(task, self._executor.children)
        _, used_kib = metrics.usage(pids)
        if used_kib > limit_mib << 10:
            used_kib = metrics.proportional_kib(pids, used_kib)
        if used_kib > limit_mib << 10:
            name = task.lease.lane.get("name", "")
            reason = f"used {used_kib // 1024:,} MiB of the {limit_mib:,} MiB its definition '{name}' allows"
            self._executor.terminate(task, CAUSE_MEMORY, reason, grace_s=0)
            return
        now = monotonic()
        pause = max(_MEMORY_S, (now - before) * _SHARE * len(self._executor.live))
        self._timers.at(now + pause, self._weigh, task)

    def _measure(self, task: "Task") -> None:
        if task.over:
            return
        now = monotonic()
        cpu_s, resident_kib = metrics.usage(metrics.members(task, self._executor.children))
        path = metrics_path(self._executor.place.state_dir, task.job, task.position, task.attempt)
        try:
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            task.sampled = True
            try:
                os.write(file, metrics.line(now - task.began, cpu_s, resident_kib))
            finally:
                os.close(file)
        except OSError as exc:
            sys.stderr.write(f"metrics of {task.job} cannot be written: {exc.strerror}\n")
        self._timers.at(now + METRICS_S, self._measure, task)
