"""Runs tasks: makes the processes, collects their output, ends whole process trees, records how each attempt ended.

Start: START frame in the journal (by the caller), then fork. End, in this order: the leader is dead but not reaped, so its process
group id cannot be reused: kill the group; reap the leader; end what was handed over to us; read what is left in the
pipe; END frame. Only then is anybody told. A pipe of its own for each task is what keeps outputs apart: `> /dev/stderr` in a script would
truncate a file, and what a background child of the task before says late must not appear in this one.
"""

import os
import select
import sys
from _collections import deque  # type: ignore[import-not-found]  # `collections` loads five other modules
from time import monotonic, time_ns

from cyclone_core.jobs import CAUSE_CANCELLED, CAUSE_NOT_STARTED, outcome
from cyclone_core.journal import end_frame, metrics_path, output_path
from cyclone_core.worker import environment
from cyclone_core.worker.limits import Limits
from cyclone_core.worker.output import READ_BYTES, Capture
from cyclone_core.worker.processes import KILL, Children, signal_group
from cyclone_core.worker.recipes import NotStarted
from cyclone_core.worker.recorder import remove
from cyclone_core.worker.runner import Spawner
from cyclone_core.worker.timers import NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from resource import struct_rusage

    from cyclone_core.journal import Row
    from cyclone_core.worker.recipes import Place
    from cyclone_core.worker.recorder import Recorder
    from cyclone_core.worker.tasks import Task
    from cyclone_core.worker.timers import Timers
    from cyclone_core.worker.warm import Shell

MATURE_S = 0.020
"""A task this old gets its output watched and its limits enforced; most never get so far."""
KILL_AFTER_S = 3.0
"""Seconds between SIGTERM and SIGKILL."""
_TERM, _CONTINUE = 15, 18
_NOTHING = b"", 0, 0
_ARMED = select.EPOLLIN | select.EPOLLONESHOT
_ENDED = os.WEXITED | os.WNOHANG | os.WNOWAIT


class Executor:
    """The running tasks of a worker. `ended(task, row)` is called for each that is over; row is None when it does not count."""

    def __init__(
        self, place: "Place", recorder: "Recorder", timers: "Timers", poll: "select.epoll", ended: "Callable[[Task, Row | None], None]",
        settled: "Callable[[Task], None]",
    ) -> None:  # fmt: skip
        self.place, self.recorder, self.timers, self.poll, self._ended = place, recorder, timers, poll, ended
        self.live: dict[int, Task] = {}
        self.shells: dict[int, Shell] = {}
        self.engines: set[int] = set()  # short-lived clients of a container engine
        self.children, self.spawner = Children(), Spawner()
        self.young: deque[Task] = deque()
        self.handlers: dict[int, Callable[[int], None]] = {}
        self.dropping = False  # the worker is asked to leave: what we end now does not count
        self._limits = Limits(self, settled)
        self._slots: list[int] = []
        self._next_slot = 0

    # -- start ---------------------------------------------------------------------------------------------------------

    def launch(self, task: "Task") -> None:
        """Start a task whose START frame is written. Raises OSError when the system has no room for another process."""
        recipe = task.recipe
        plan, argv, executables, cwd = recipe.plan, recipe.argv, recipe.executables, recipe.cwd
        env = recipe.variables(task.position, task.attempt)
        if plan.problem or plan.parameters or plan.image:
            try:
                argv, executables, cwd, env = self._special(task, env)
            except NotStarted as exc:
                self.fail(task, str(exc))
                return
        pipe, out = os.pipe2(os.O_CLOEXEC)
        try:
            os.set_blocking(pipe, False)
            pid, why = self.spawner.spawn(argv, executables, cwd, env, out, (), plan.umask)
        except OSError:
            os.close(pipe)
            raise
        finally:
            os.close(out)
        task.pid, task.pipe = pid, pipe
        self.live[pid] = task
        self.children.own.add(pid)
        self.young.append(task)
        if why:
            task.cause, task.reason = CAUSE_NOT_STARTED, why

    def _special(self, task: "Task", env: "list[bytes]") -> "tuple[list[bytes], tuple[bytes, ...], bytes, list[bytes]]":
        """Tasks with parameters, in containers, or impossible."""
        recipe = task.recipe
        if recipe.plan.problem:
            raise NotStarted(recipe.plan.problem)
        argv, executables, cwd = recipe.argv, recipe.executables, recipe.cwd
        script = recipe.plan.script
        if recipe.plan.parameters:
            from cyclone_core.worker.parametric import write_script

            task.slot = self._slots.pop() if self._slots else self._next_slot
            self._next_slot = max(self._next_slot, task.slot + 1)
            target = f"{self.place.scratch}/{task.slot}"
            env = [*env, write_script(recipe.plan, recipe.index(task.position) or 1, target)]
            argv, script = [*argv[:-1], environment.encode(target)], target
        if recipe.plan.image:
            from cyclone_core.worker import container

            argv, executables, env, scratch = container.command(task, argv[:-1], script, cwd, env, self.place)
            task.scratch, cwd = [scratch], b"/"
        return argv, executables, cwd, env

    def fail(self, task: "Task", reason: str, cause: int = CAUSE_NOT_STARTED) -> None:
        """End a task for which there is no process."""
        task.cause, task.reason = cause, reason
        self.record(task, 0, max(0, time_ns() // 1000 - task.start_us), (0, 0, 0))

    # -- while it runs -------------------------------------------------------------------------------------------------

    def mature(self, now: float) -> float:
        """Look after tasks that have lasted; returns when the next one will have."""
        young = self.young
        while young:
            task = young[0]
            if not task.over:
                if now - task.began < MATURE_S:
                    return float(task.began + MATURE_S)
                self._watch(task)
            young.popleft()
        return NEVER

    def _watch(self, task: "Task") -> None:
        task.stream.outlasted()
        if task.shell:
            task.pid = task.shell.child()
        task.capture = self._capture(task)
        task.watched = True
        self.handlers[task.pipe] = lambda events: self._read(task, events)
        self.poll.register(task.pipe, _ARMED)
        self._limits.observe(task)

    def _capture(self, task: "Task") -> Capture:
        path = output_path(self.place.state_dir, task.job, task.position, task.attempt)
        return Capture(path, int(task.lease.lane.get("output_limit_mib") or 0))

    def _read(self, task: "Task", events: int) -> None:
        """Its pipe has something. One-shot events and a rest between them keep a task that prints short lines from burning a core."""
        capture = task.capture
        if capture is None:
            return
        if not capture.pump(task.pipe):  # it closed its output and goes on; watched any longer the pipe would spin
            self._unwatch(task)
            return
        if monotonic() - task.began >= 0.25:
            capture.spill()
        self.timers.at(monotonic() + capture.rest_s, self._rearm, task)

    def _rearm(self, task: "Task") -> None:
        if task.watched:
            self.poll.modify(task.pipe, _ARMED)

    def _unwatch(self, task: "Task") -> None:
        """Before the pipe is closed: a child between vfork and exec may still hold it, and epoll would keep it."""
        if task.watched:
            task.watched = False
            del self.handlers[task.pipe]
            self.poll.unregister(task.pipe)

    def terminate(self, task: "Task", cause: int, reason: str = "", grace_s: float = KILL_AFTER_S) -> None:
        """End a task for a cause: SIGTERM now and SIGKILL after the grace, to its whole group. The first cause counts."""
        if not task.over and not task.cause:
            task.cause, task.reason = cause, reason
            self.signal(task, grace_s)

    def signal(self, task: "Task", grace_s: float) -> None:
        """SIGTERM now and SIGKILL after the grace."""
        if grace_s <= 0:
            self._kill(task)
            return
        group = self._group(task)
        if group:
            signal_group(group, _TERM)
            signal_group(group, _CONTINUE)  # a stopped process must see it too
        self.timers.at(monotonic() + grace_s, self._kill, task)

    def _kill(self, task: "Task") -> None:
        if task.over:
            return
        if task.recipe.plan.image:
            from cyclone_core.worker import container

            pid = container.kill(task, self.spawner)
            if pid:
                self.engines.add(pid)
                self.children.own.add(pid)
        group = self._group(task)
        if group:
            signal_group(group, KILL)
        elif task.shell and not task.over:  # its process is just being made
            self.timers.at(monotonic() + MATURE_S, self._kill, task)

    def _group(self, task: "Task") -> int:
        return task.shell.group_of(task) if task.shell else task.pid

    # -- end -----------------------------------------------------------------------------------------------------------

    def reap(self) -> None:
        """Finish all tasks whose leader has ended."""
        children = self.children
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, _ENDED)
            except ChildProcessError:
                return
            if found is None:
                return
            pid = found.si_pid
            task = self.live.pop(pid, None)
            if task or pid in self.shells:
                signal_group(pid, KILL)
            _, status, usage = os.wait4(pid, 0)
            children.own.discard(pid)
            listed = children.listed()
            if listed and listed.count(b" ") > len(children.own):
                self.end_strangers()
            if task:
                self._finish(task, status, usage)
            elif pid in self.shells:
                self.shells.pop(pid).died(status)
            else:
                self.engines.discard(pid)
            if listed == b"":  # none is left
                return

    def end_strangers(self) -> None:
        """End what ended tasks have left behind."""
        tasks = [*self.live.values(), *(task for shell in self.shells.values() for task in shell.sent if task)]
        marks = (environment.task_id(task.job, task.recipe.index(task.position)) for task in tasks)
        self.children.end_strangers({*self.live, *self.shells}, marks)

    def _finish(self, task: "Task", status: int, usage: "struct_rusage") -> None:
        took_us = int((monotonic() - task.began) * 1e6)
        if task.cause == CAUSE_NOT_STARTED:
            status = 0  # what the child returned in place of the program means nothing
        elif status & 0x7F == KILL and not task.cause and not self.dropping:
            task.reason = "killed by signal 9, which Cyclone did not send (possibly the kernel's out-of-memory killer)"
        if task.recipe.plan.image and not task.cause:
            self._judge_engine(task, status)
        self.record(task, status, took_us, (usage.ru_maxrss, int(usage.ru_utime * 1e6), int(usage.ru_stime * 1e6)))

    def _judge_engine(self, task: "Task", status: int) -> None:
        """Exit status 125 with a message of the engine: it never started the script."""
        from cyclone_core.worker import container

        if status == 125 << 8:
            task.capture = task.capture or self._capture(task)
            task.capture.drain(task.pipe)
            reason = container.complaint(task.capture.last_line())
            if reason:
                task.cause, task.reason = CAUSE_NOT_STARTED, reason

    def record(self, task: "Task", status: int, took_us: int, used: "tuple[int, int, int]") -> None:
        """Close an attempt: its output, its END frame, its row."""
        task.over = True
        row: Row | None = None
        output, spilled, dropped = self._collect(task) if task.pipe >= 0 else _NOTHING
        if self.dropping and not task.cause:
            self._forget(task)
        else:
            metrics = self._metrics(task) if task.sampled else b""
            code = outcome(status, task.cause)
            frame = end_frame(
                task.lease.id, task.job, task.position, task.attempt, task.start_us, took_us, code, *used, metrics, output, spilled, dropped
            )
            at = self.recorder.put(frame)
            row = task.job, task.position, task.attempt, code, task.start_us, took_us, at, spilled or len(output)
        if task.slot >= 0:
            self._slots.append(task.slot)
        if task.scratch:
            for path in task.scratch:
                remove(path)
        self._ended(task, row)

    def abandon(self, task: "Task") -> None:
        """Forget a task that was taken and never began."""
        task.over = True
        task.stream.running.discard(task)
        self._unwatch(task)
        if task.pipe >= 0:
            os.close(task.pipe)
            task.pipe = -1

    def _collect(self, task: "Task") -> "tuple[bytes, int, int]":
        """(output for the journal, bytes in its own file, bytes left out)"""
        pipe, capture = task.pipe, task.capture
        spilled = dropped = 0
        if capture is None:
            try:
                output = os.read(pipe, READ_BYTES)
            except BlockingIOError:
                output = b""
            if len(output) == READ_BYTES:  # there may be more
                capture = task.capture = self._capture(task)
                capture.add(output)
        if capture:
            capture.drain(pipe)
            output, spilled, dropped, path = capture.finish()
            if path:
                self.recorder.remove_after(path)
            self._unwatch(task)
        os.close(pipe)
        task.pipe = -1
        return output, spilled, dropped

    def _metrics(self, task: "Task") -> bytes:
        path = metrics_path(self.place.state_dir, task.job, task.position, task.attempt)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as exc:
            sys.stderr.write(f"{path} cannot be read: {exc.strerror}\n")
            return b""
        self.recorder.remove_after(path)
        return data

    def _forget(self, task: "Task") -> None:
        """Remove what a task that does not count has left."""
        for path in (output_path, metrics_path):
            remove(path(self.place.state_dir, task.job, task.position, task.attempt))

    def cancel(self, task: "Task") -> None:
        """End a running task because somebody cancelled it."""
        self.terminate(task, CAUSE_CANCELLED)
