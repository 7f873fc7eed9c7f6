"""Work on many stacks at once, as one stream of events.

Each step has a thread while it is under way; whatever it tells goes through one queue, so that events come out in the order in which they
were told, and what a step needs has told its end before the step begins. Threads are daemons: a process that is told to end does not
wait for AWS, which goes on by itself.
"""

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from cyclone_core.infra.containers import Stop
from cyclone_core.infra.events import OVER, Event
from cyclone_core.infra.stack_order import Step, blocked

AT_ONCE = 16
"""So many stacks at the same time: CloudFormation's API throttles an account and region at a few requests a second."""
_LOOK_EVERY_S = 0.2
"""So often `stop` is looked at."""
Tell = Callable[[Event], None]


@dataclass(frozen=True)
class Signal:
    """What the threads are asked: to end what they do (`cancelled`), or only to leave AWS alone with it (`left`).

    halted: a thread found that nothing more should be begun.
    """

    cancelled: threading.Event = field(default_factory=threading.Event)
    halted: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)
    idle: set[object] = field(default_factory=set)
    """one entry for each thread that asks CloudFormation for nothing now"""

    def wait(self, seconds: float) -> bool:
        """Wait so long; False once the thread is to leave."""
        return not self.left.wait(seconds)

    @contextmanager
    def idling(self) -> Iterator[None]:
        """While a thread waits for what may take hours, another stack may have its turn."""
        mark = object()
        self.idle.add(mark)
        try:
            yield
        finally:
            self.idle.discard(mark)


class Left(Exception):
    """The thread was asked to leave."""


Work = Callable[[Step, Tell, Signal], None]
"""Does a step and tells how it ended; it raises `Left`, and nothing else."""


class Schedule:
    """The steps of one plan."""

    def __init__(
        self, steps: Sequence[Step], work: Work, skipped: Callable[[Step, Step], Event],
        broken: Callable[[Step, BaseException | None], Event], at_once: int = AT_ONCE,
    ) -> None:  # fmt: skip
        """steps: in an order in which they could be done one by one; skipped: (step, why) -> what is told of a step that cannot be done;
        broken: (step, error) -> what is told of one whose thread died of an error of ours, whose traceback the thread writes to stderr.
        """
        self._waiting, self._work, self._skipped, self._broken, self._at_once = list(steps), work, skipped, broken, at_once
        self._under_way: dict[tuple[str, str], Step] = {}
        self._done: set[tuple[str, str]] = set()
        self._told: queue.SimpleQueue[tuple[Step, Event | None]] = queue.SimpleQueue()
        self._ended: dict[tuple[str, str], Event] = {}
        self._died: dict[tuple[str, str], BaseException] = {}
        self.signal = Signal()

    def run(self, stop: Stop) -> Generator[Event, None, None]:
        """Do all steps; ends when nothing is under way and nothing more can be begun, or whoever listens has left."""
        try:
            while True:
                if stop():
                    self.signal.cancelled.set()
                if self.signal.cancelled.is_set() or self.signal.halted.is_set():
                    self._waiting.clear()
                self._begin_some()
                if not self._under_way:
                    return
                yield from self._take()
        finally:
            self.signal.left.set()

    def _begin_some(self) -> None:
        for step in [step for step in self._waiting if step.after <= self._done]:
            if len(self._under_way) - len(self.signal.idle) >= self._at_once:
                return
            self._waiting.remove(step)
            self._under_way[step.key] = step
            threading.Thread(target=self._do, args=(step,), name=f"stack {step.key[1]}", daemon=True).start()

    def _do(self, step: Step) -> None:
        try:
            self._work(step, lambda event: self._told.put((step, event)), self.signal)
        except Left:
            pass
        except BaseException as exc:
            self._died[step.key] = exc
            raise
        finally:
            self._told.put((step, None))

    def _take(self) -> Iterator[Event]:
        try:
            step, event = self._told.get(timeout=_LOOK_EVERY_S)
        except queue.Empty:
            return
        if event is None:
            yield from self._end(step)
            return
        if not event.part and event.phase in OVER:
            self._ended[step.key] = event
        yield event

    def _end(self, step: Step) -> Iterator[Event]:
        del self._under_way[step.key]
        ended = self._ended.get(step.key)
        if ended is not None and ended.phase in ("ACTIVE", "DELETED"):
            self._done.add(step.key)
            return
        if ended is None:
            yield self._broken(step, self._died.get(step.key))
        for other in blocked(step.key, self._waiting):
            self._waiting.remove(other)
            yield self._skipped(other, step)
