"""Follows what a job writes, on a thread of its own: bytes come in, batches of lines go out a few times a second.

The thread has its own open host, reads only the end of what is large, and ends when the task does or when it is told to. A host that
cannot be read for a while is opened again; what was shown is shown anew then. It never waits for the screen longer than for one batch.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cyclone_core.errors import CycloneError, NotFound
from cyclone_core.operations import follow
from cyclone_core.operations.queries import HostView
from cyclone_core.views import Job
from cyclone_tui.session import open_far
from cyclone_tui.widgets.log_lines import NOTE, LineFeed
from cyclone_tui.widgets.log_view import Batch

LAST_BYTES = 4 << 20
"""Of one task: so much of its end is read at the beginning, and at most so much at a look."""
LAST_BYTES_OF_MANY = 64 << 10
"""The same for each task of an array."""
LAST_TASKS = 1000
"""Of an array, so many of the tasks that are over already."""
BATCH_S = 0.15
HIDDEN_S = 1.0
"""Between two looks while nobody sees the lines."""
RETRY_S = 2.0


@dataclass(frozen=True)
class Delivery:
    """What goes to the screen at once."""

    batch: Batch
    restart: bool = False
    """forget what was there before"""
    over: bool = False
    """nothing more will come"""


class _Stopped(Exception):
    """Somebody asked the thread to end."""


class Follower(threading.Thread):
    """Follows one job or task. `deliver` is called on this thread and must not wait; the screen says `taken()` when it is done with one."""

    def __init__(self, host: str, task: str, deliver: Callable[[Delivery], None], attempt: int | None = None, ascii: bool = False) -> None:
        """task: `1234` or `1234--7`. attempt: follow only this one."""
        super().__init__(name=f"follow {task}", daemon=True)
        self.host, self.task, self.attempt, self._deliver = host, task, attempt, deliver
        self._bar = " | " if ascii else " │ "
        self.visible = True
        self._stop_asked, self._free = threading.Event(), threading.Event()
        self._free.set()
        self._lines: list[str] = []
        self._feeds: dict[tuple[int, int], LineFeed] = {}
        self._grown: set[tuple[int, int]] = set()
        self._told_unfinished = ""
        self._sent_at = 0.0
        self._restart = False

    def stop(self) -> None:
        """End soon."""
        self._stop_asked.set()
        self._free.set()

    def taken(self) -> None:
        """The last delivery is on the screen."""
        self._free.set()

    def run(self) -> None:
        """Follow until the end; failures are told and tried again."""
        try:
            while True:
                try:
                    with open_far(self.host) as host:
                        self._follow(host)
                    break
                except NotFound as exc:  # no such job or attempt: that will not change
                    self._lines.append(f"{NOTE}{exc}")
                    break
                except _Stopped:
                    return
                except Exception as exc:  # noqa: BLE001  the border between this thread and the screen: told, and tried again
                    self._tell_failure(exc)
            self._send(over=True)
        except _Stopped:
            return

    def _tell_failure(self, exc: Exception) -> None:
        why = str(exc) if isinstance(exc, CycloneError) else f"{type(exc).__name__}: {exc}"
        self._lines.append(f"{NOTE}the output cannot be read: {why}. Trying again")
        self._feeds.clear()
        self._send()
        self._wait(RETRY_S)
        self._restart = True

    def _follow(self, host: HostView) -> None:
        job, task = host.find([self.task])[0]
        if job.array and task is None:
            if job.done > LAST_TASKS:
                self._lines.append(
                    f"{NOTE}of {job.done:,} tasks that are over, the last {LAST_TASKS:,}; every one: qlog -i {self.task} --headers"
                )
            self._take_array(job, follow.array(host, job, self._pause, LAST_BYTES_OF_MANY, LAST_TASKS))
        else:
            position = task.position if task else 1
            self._take_task(job.task_id(position), follow.task(host, job, position, self.attempt, self._pause, LAST_BYTES))
        for feed in self._feeds.values():
            self._lines += feed.finish()
        self._feeds.clear()

    def _take_task(self, name: str, pieces: "Iterator[follow.Piece]") -> None:
        last = 0
        for position, attempt, data in pieces:
            if last and attempt != last:
                self._lines += self._feeds.pop((position, last)).finish()
                self._lines.append(f"{NOTE}{name} runs again: attempt {attempt}")
            last = attempt
            self._lines += self._feeds.setdefault((position, attempt), LineFeed()).feed(data)
            self._send_in_time()

    def _take_array(self, job: Job, pieces: "Iterator[follow.Piece]") -> None:
        width = prefix_width(job)
        for position, attempt, data in pieces:
            key = position, attempt
            feed = self._feeds.get(key)
            if feed is None:
                feed = self._feeds[key] = LineFeed(f"{job.index(position):>{width}}{self._bar}")
            self._grown.add(key)
            self._lines += feed.feed(data)
            self._send_in_time()

    def _pause(self, seconds: float) -> None:
        """Between two looks: hand on what came in, and wait so long (an AWS host is not asked more often), longer while nobody looks."""
        self._finish_idle()
        self._send()
        self._wait(max(seconds, BATCH_S if self.visible else HIDDEN_S))

    def _finish_idle(self) -> None:
        """In an array, a line whose task has not written on since the last look is shown as it is: who knows whether it ever will."""
        if len(self._feeds) > 1 or self._grown:
            for key in self._feeds.keys() - self._grown:
                self._lines += self._feeds.pop(key).finish()
            self._grown.clear()

    def _send_in_time(self) -> None:
        if self._stop_asked.is_set():
            raise _Stopped
        if time.monotonic() - self._sent_at > BATCH_S:
            self._send()

    def _send(self, over: bool = False) -> None:
        unfinished = next(iter(self._feeds.values())).unfinished if len(self._feeds) == 1 and not self._grown else ""
        if not self._lines and unfinished == self._told_unfinished and not over and not self._restart:
            return
        self._free.wait()
        if self._stop_asked.is_set():
            raise _Stopped
        self._free.clear()
        lines, self._lines, self._told_unfinished = self._lines, [], unfinished
        self._sent_at = time.monotonic()
        restart, self._restart = self._restart, False
        self._deliver(Delivery(Batch(lines, unfinished), restart, over))

    def _wait(self, seconds: float) -> None:
        if self._stop_asked.wait(seconds):
            raise _Stopped


def prefix_width(job: Job) -> int:
    """Characters of the largest index of an array."""
    return len(str(max(job.index(1), job.index(job.tasks))))


def prefix_length(job: Job) -> int:
    """Characters before each line of an array's output."""
    return prefix_width(job) + 3
