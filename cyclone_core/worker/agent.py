"""The worker process: takes leases from the supervisor, runs their tasks, reports how they ended.

One event loop, woken by the socket, by children that end and by the outputs of tasks that have lasted; with nothing to do it sleeps
without a timeout. What it must never do: tell about a result that is not durable in its journal, start a task whose
START frame is not written, or die because a disk is full.

When the supervisor dies the worker goes on: it drops what it has not touched (the next supervisor knows), lets running tasks
end, records them, and offers itself to the next supervisor. Only when nothing runs any more and nobody came for ALONE_S does
it leave.
"""

import _signal  # type: ignore[import-not-found]  # `signal` would load enum
import gc
import os
import select
import sys
from time import monotonic, time_ns

from cyclone_core import wire
from cyclone_core.jobs import CAUSE_CANCELLED, outcome
from cyclone_core.worker.executor import Executor
from cyclone_core.worker.link import Link
from cyclone_core.worker.processes import become_subreaper, keep_descriptors, name_process
from cyclone_core.worker.recipes import Place
from cyclone_core.worker.recorder import Recorder
from cyclone_core.worker.reports import Reports
from cyclone_core.worker.starter import Starter
from cyclone_core.worker.tasks import SHORT_S, Lease, Stream, Task, Work
from cyclone_core.worker.timers import NEVER, Timers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.journal import Row
    from cyclone_core.wire import Message

GIVE_BACK_S = 0.3
"""Untouched tasks behind tasks that all run longer than this are given back."""
RECONNECT_S = 0.3
"""Interval of the attempts to find a new supervisor."""
ALONE_S = 5.0
"""A worker with nothing to do and no supervisor leaves after this."""
_REFUSED_S = 1.0  # a stop this soon after the hello means that we are not wanted
_HANG_UPS = 5  # so many supervisors in a row that hang up on our hello mean the same; fewer may have been killed
_SHUTDOWN_GRACE_S = 3.0
_KEPT_STREAMS = 64


class Agent:
    """One worker. `run` returns when it has nothing to do any more."""

    def __init__(self, socket_path: str, state_dir: str, worker: int, journal: int) -> None:
        self.place, self.worker, self.journal = Place(state_dir, worker, journal, socket_path), worker, journal
        self.place.make()
        self.recorder, self.timers, self.poll = Recorder(state_dir, journal), Timers(), select.epoll()
        self.executor = Executor(self.place, self.recorder, self.timers, self.poll, self._ended, self._settled)
        self.link = Link(socket_path, self.poll, self.executor.handlers, self._receive, self._orphaned)
        self.streams: dict[int, Stream] = {}
        self.finished: set[Stream] = set()  # streams whose tasks ended in this turn
        self.reports = Reports()
        self.starter = Starter(self.place, self.recorder, self.executor)
        self.notices: list[tuple[int, ...]] = []
        self.leaving = self.done = False
        self.alone_since = self.greeted = 0.0
        self.hang_ups = 0

    # -- the loop ------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until told to leave, or until nobody wants this worker. Raises OSError when no supervisor listens at the start."""
        wake = self._wake_on_children()
        if not self._greet():
            raise ConnectionRefusedError("no supervisor listens")
        handlers, poll, timeout, read = self.executor.handlers, self.poll.poll, self._timeout, os.read
        reap, run_timers, fill, tell = self.executor.reap, self.timers.run, self.starter.fill, self._tell
        while not self.done:
            for fd, events in poll(timeout()):
                if fd == wake:
                    read(wake, 4096)
                elif fd in handlers:  # one before it may have closed this one
                    handlers[fd](events)
            reap()
            run_timers()
            fill(() if self.leaving else self.streams.values())
            tell()
        self.link.finish()

    def _timeout(self) -> "float | None":
        now = monotonic()
        soonest, timer, due = self.executor.mature(now), self.timers.next(), self.reports.due
        if timer < soonest:
            soonest = timer
        if due and due < soonest:
            soonest = due
        if soonest <= now:
            return 0.0
        return soonest - now if soonest < NEVER else None

    def _wake_on_children(self) -> int:
        wake, wake_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        _signal.set_wakeup_fd(wake_in, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, _nothing)
        # Handlers, not SIG_IGN: tasks would inherit that. Who wants a worker to leave asks the supervisor.
        for number in (_signal.SIGINT, _signal.SIGHUP):
            _signal.signal(number, _nothing)
        _signal.signal(_signal.SIGTERM, self._told_to_end)
        self.poll.register(wake, select.EPOLLIN)
        return wake

    def _told_to_end(self, *_: object) -> None:
        """SIGTERM, as at a shutdown of the machine. A handler runs between any two steps, so the loop does the work."""
        self.timers.at(monotonic(), self._stop, _SHUTDOWN_GRACE_S)

    # -- the supervisor ------------------------------------------------------------------------------------------------

    def _greet(self) -> bool:
        """Connect and say who we are and what runs; results before this are found in the journal."""
        if not self.recorder.sync() or not self.link.open():
            return False
        self.reports.take()
        running = [task for stream in self.streams.values() for task in self._all_running(stream)]
        for task in running:
            task.announced = True
        self.greeted, self.alone_since = monotonic(), 0.0
        rows = [_running_row(task) for task in running]
        self.link.send(("worker", wire.VERSION, self.worker, os.getpid(), self.journal, self.recorder.at, rows))
        return True

    def _receive(self, message: "Message") -> None:
        kind, *values = message
        if kind == "lease":
            self._lease(*values)
        elif kind == "width":
            self._set_width(*values)
        elif kind == "cancel":
            self._cancel(*values)
        elif kind == "stop":
            if self.greeted and monotonic() - self.greeted < _REFUSED_S:
                self._refused()
            else:
                self._stop(*values)
        else:
            sys.stderr.write(f"the supervisor sent {kind!r}, which this worker does not know\n")
        self.greeted, self.hang_ups = 0.0, 0

    def _lease(
        self, number: int, stream_id: int, width: int, lane: "dict[str, Any]", chunks: "list[Any]", jobs: "Any", specs: "Any"
    ) -> None:
        if self.leaving:
            return
        stream = self.streams.get(stream_id) or self._new_stream(stream_id)
        stream.width, stream.short = width, lane.get("vcpus", 1) <= 1
        lease = Lease(number, stream, lane, jobs, specs)
        for job, low, high, attempt, _, _ in chunks:
            stream.queue.append(Work(lease, job, low, high, attempt))
            lease.left += high - low + 1
        if not lease.left:
            self.reports.touch(lease)
        if stream.running:
            self.timers.at(monotonic() + GIVE_BACK_S, self._give_back, stream)

    def _new_stream(self, number: int) -> Stream:
        if len(self.streams) >= _KEPT_STREAMS:
            self.streams = {key: stream for key, stream in self.streams.items() if stream.queue or stream.busy}
        stream = self.streams[number] = Stream(number)
        return stream

    def _set_width(self, stream_id: int, width: int) -> None:
        stream = self.streams.get(stream_id)
        if stream:
            stream.width = width
            self._give_back(stream)

    def _cancel(self, job: int, position: int) -> None:
        for stream in self.streams.values():
            self._revoke(stream, job, position)
            for work, low, high in stream.withdraw(job, position):
                for place in range(low, high + 1):
                    self._cancelled(work.lease, job, place, work.attempt)
            for task in self._all_running(stream):
                if task.job == job and position in (0, task.position):
                    self.executor.cancel(task)
        for task in self.starter.drop(job, position):
            self.executor.fail(task, "", CAUSE_CANCELLED)

    def _revoke(self, stream: Stream, job: int = 0, position: int = 0) -> None:
        """What warm shells have not begun goes back to the head of the queue."""
        for shell in list(stream.shells):
            for task in reversed(shell.revoke(job, position)):
                stream.put_back(task)

    def _cancelled(self, lease: Lease, job: int, position: int, attempt: int) -> None:
        """An untouched task is cancelled: a row without a frame."""
        lease.rows.append((job, position, attempt, outcome(0, CAUSE_CANCELLED), time_ns() // 1000, 0, 0, 0))
        lease.left -= 1
        self.reports.touch(lease)

    def _orphaned(self) -> None:
        """The supervisor is gone: nothing untouched is started, what runs goes on."""
        self.hang_ups = self.hang_ups + 1 if self.greeted and monotonic() - self.greeted < _REFUSED_S else 0
        if self.hang_ups >= _HANG_UPS and not self.leaving:
            self._refused()
            return
        for stream in self.streams.values():
            self._revoke(stream)
            for work, low, high in stream.withdraw():
                work.lease.left -= high - low + 1
        for task in self.starter.drop():
            self._release(task)
        self.alone_since = monotonic()
        if self.leaving:
            return
        self.timers.at(self.alone_since + RECONNECT_S, self._reconnect)

    def _reconnect(self) -> None:
        if self.link.up or self.leaving or self._greet():
            return
        if not self._busy() and monotonic() - self.alone_since > ALONE_S and not self.recorder.trouble:
            self.done = True
        self.timers.at(monotonic() + RECONNECT_S, self._reconnect)

    def _refused(self) -> None:
        """The supervisor does not want this worker: let running tasks end, start nothing, leave."""
        self.leaving = True
        self.greeted = 0.0
        self.link.finish()
        self._orphaned()

    def _stop(self, grace_s: float) -> None:
        """End what runs and leave; what we end goes back to Waiting, so it leaves no result."""
        self.executor.reap()
        self.leaving = self.executor.dropping = True
        for stream in self.streams.values():
            self._revoke(stream)
            stream.withdraw()
            for task in self._all_running(stream):
                self.executor.signal(task, grace_s)
        for task in self.starter.drop():
            self._release(task)

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def _ended(self, task: Task, row: "Row | None") -> None:
        """An attempt is over."""
        stream, lease = task.stream, task.lease
        self._release(task)
        self.finished.add(stream)
        if row is None:
            stream.lasted(SHORT_S)
            return
        stream.lasted(row[5] / 1e6)
        lease.rows.append(row)
        if task.reason:
            lease.reasons[task.row_key()] = task.reason
        self.reports.touch(lease)

    def _release(self, task: Task) -> None:
        task.stream.running.discard(task)
        task.lease.left -= 1
        if not task.shell:
            task.stream.busy -= 1

    def _settled(self, task: Task) -> None:
        if not task.announced and self.link.up:
            task.announced = True
            self.notices.append(_running_row(task))
        self.timers.at(task.began + GIVE_BACK_S, self._give_back, task.stream)

    def _give_back(self, stream: Stream) -> None:
        if self.leaving or self.starter.held or not stream.stuck(monotonic(), GIVE_BACK_S):
            return
        self._revoke(stream)
        for work, low, high in stream.withdraw():
            lease = work.lease
            lease.returned.append((work.job, low, high))
            lease.left -= high - low + 1
            self.reports.touch(lease)
            self.reports.hurry()

    def _all_running(self, stream: Stream) -> "list[Task]":
        return [task for task in stream.running if task not in self.starter.held]

    def _busy(self) -> bool:
        return bool(self.executor.live) or any(stream.running for stream in self.streams.values())

    # -- reports -------------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        """Report what is due, once it is durable; announce tasks that have lasted."""
        reports = self.reports
        if self.finished:
            for stream in self.finished:
                if stream.starving():
                    reports.hurry()
            self.finished.clear()
        idle = self.leaving and not self._busy()
        if idle:
            reports.hurry()
        if reports.due and reports.due <= monotonic():
            if self.recorder.sync():
                self.link.send(("report", reports.take()))
            else:
                reports.wait()
        if self.notices:
            self.link.send(("running", self.notices))
            self.notices = []
        if idle and not reports.dirty:
            self.done = True


def _running_row(task: Task) -> "tuple[int, ...]":
    return task.lease.id, task.job, task.position, task.attempt, task.start_us, task.pid


def _nothing(*_: object) -> None:
    """A signal whose arrival is all that matters."""


def main() -> None:
    """Entry point: SOCKET STATE_DIR WORKER_ID JOURNAL_NUMBER."""
    socket_path, state_dir, worker, journal = sys.argv[1:5]
    name_process(b"cyclone-worker")
    keep_descriptors()
    become_subreaper()
    try:
        agent = Agent(socket_path, state_dir, int(worker), int(journal))
        gc.freeze()
        gc.set_threshold(20_000)  # rows and frames are no cycles: looking for some after every 700 costs more than it finds
        agent.run()
    except OSError as exc:
        sys.stderr.write(f"worker {worker} cannot run: {exc}\n")
        sys.exit(1)
