"""A worker on a virtual clock: the engine's own loop (`scheduler.remote.loop`), with time, threads and an agent that are played.

The agent is a list of tasks that last as long as they are told to, and tells of them as the real one does (a lease's results when it is over,
else after a quarter of a second). Requests are done at once and answered after LATENCY.
"""

import heapq
import os
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from typing import TYPE_CHECKING, Any

from benchmarks.aws_costs.world import HOST, REGION, World
from cyclone_core.journal import end_frame, output_path
from cyclone_core.scheduler.dynamo.queues import Lanes
from cyclone_core.scheduler.remote.agent import AgentProcess
from cyclone_core.scheduler.remote.calls import Calls
from cyclone_core.scheduler.remote.files import Files
from cyclone_core.scheduler.remote.loop import Loop
from cyclone_core.scheduler.remote.machine import Machine
from cyclone_core.scheduler.remote.notice import Instance
from cyclone_core.scheduler.remote.supervisor import TICK_S
from cyclone_core.worker.reports import REPORT_S

if TYPE_CHECKING:
    from cyclone_core.journal import Row
    from cyclone_core.scheduler.remote.calls import Done
    from cyclone_core.wire import Message

LATENCY = {"receive": 0.005, "take": 0.02, "write": 0.01, "split": 0.02, "hear": 0.005}
"""Seconds until an answer, within a region; others count as the shortest of them."""
OBJECT_S, LONG_POLL_S = 0.04, 2.0
"""An object's, before the write; until a long poll gives up."""
STEPS = {
    "receive": "receive",
    "finish": "receive",
    "take": "claim",
    "split": "split",
    "keep": "look alive",
    "hear": "look for cancellation",
}
"""Which step of a job's way a call belongs to; others are about the worker itself."""
GAP_S = 0.0003
"""Between the end of a task and the start of the next."""
NOTICED_S = 0.25
"""A task that runs for so long is told of as running."""
LINE = b"task %d of job %d says what came out of it\n"
_BEGINS = 1000.0


class Clock:
    """The time of everything that is played (`remote.clock`). now: seconds since it began; asleep: that a call would have slept."""

    def __init__(self, base: float) -> None:
        self.now, self.base, self.asleep = 0.0, base, 0.0

    def seconds(self) -> float:
        """For intervals."""
        return _BEGINS + self.now

    def milliseconds(self) -> int:
        """Since 1970."""
        return int(self.wall() * 1000)

    def wall(self) -> float:
        """Seconds since 1970."""
        return self.base + self.now

    def sleep(self, seconds: float, /) -> None:
        """The answer takes so much longer."""
        self.asleep += seconds


class Answers:
    """What calls will be answered, and when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._coming: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, done: Callable[[], None]) -> None:
        """One more."""
        self._coming.append((self._clock.now + seconds, done))

    def take_in(self) -> None:
        """Those whose time has come."""
        due = [done for at, done in self._coming if at <= self._clock.now]
        self._coming = [one for one in self._coming if one[0] > self._clock.now]
        for done in due:
            done()

    def times(self) -> Iterator[float]:
        """When they come."""
        return (at for at, _ in self._coming)


class PlayedCalls(Calls):
    """Requests that are done at once, counted under their step, and answered after a while."""

    __slots__ = ("_answers", "_clock", "_meter")

    def __init__(self, world: World, clock: Clock, answers: Answers) -> None:
        self._meter, self._clock, self._answers, self.open = world.meter, clock, answers, 0

    def start(self, function: Callable[..., Any], *arguments: Any, done: "Done") -> None:
        """See `Calls`."""
        name, seconds, self._clock.asleep = function.__name__, LATENCY.get(function.__name__, min(LATENCY.values())), 0.0
        step = STEPS.get(name, "worker")
        if name == "write":
            held, plan = arguments
            step = "record" if plan.rows else "look alive"
            seconds += OBJECT_S if held.unit.array and plan.rows else 0.0
        with self._meter.during(step):
            result = function(*arguments)
        if name in ("write", "split"):
            assert result.done, result.error
        if name == "receive" and not result and arguments[1]:
            seconds = self._clock.asleep or LONG_POLL_S
        self.open += 1
        self._answers.later(seconds, lambda: self._counted(done)(result, None))


class Container(Instance):
    """Nobody tells it anything of the instance below."""

    def __init__(self) -> None:
        super().__init__()
        self.is_there = False


class Agent(AgentProcess):
    """Tasks, one after the other, in place of a process that runs them."""

    def __init__(self, world: World, clock: Clock, state_dir: str, number: int, task_s: float) -> None:
        self._clock, self._state_dir, self._task_s, self._chance = clock, state_dir, task_s, random.Random(number)
        self.leaving = False
        self._frames = os.open(f"{state_dir}/journal", os.O_RDWR | os.O_CREAT)
        world.at_end.append(lambda: os.close(self._frames))
        self._at = 0
        self._tasks: deque[tuple[int, int, int, int]] = deque()
        """(lease, job, position, attempt)"""
        self._left: dict[int, int] = {}
        self._current: tuple[float, float] | None = None
        """(start, end) of the first of them"""
        self._is_told = False
        self._unsaid: list[tuple[int, Row]] = []
        self._report_at = self._free_at = 0.0
        self.done = 0

    # -- what a worker asks of its agent ------------------------------------------------------------------------------
    @property
    def is_up(self) -> bool:
        """Always."""
        return True

    @property
    def descriptor(self) -> int:
        """Of its journal."""
        return self._frames

    def start(self) -> None:
        """It is there."""

    def bury(self) -> None:
        """Nothing is left of it."""

    def has_ended(self) -> bool:
        """It never does."""
        return False

    def is_heavy(self, most: int) -> bool:
        """It has room for whatever comes."""
        return False

    def forget(self, needed: set[int]) -> None:
        """It has one journal."""

    def say(self, message: "Message") -> None:
        """A lease is work; it has no more than one task at once, and nobody cancels one."""
        if message[0] == "lease":
            number, ranges = message[1], message[5]
            found = [(number, job, position, attempt) for job, low, high, attempt, *_ in ranges for position in range(low, high + 1)]
            self._tasks += found
            self._left[number] = len(found)

    # -- its work -----------------------------------------------------------------------------------------------------
    def says(self) -> "Iterator[Message]":
        """What it tells its worker now."""
        now = self._clock.now
        while True:
            if self._current is None and self._tasks:
                start = max(now, self._free_at)
                self._current, self._is_told = (start, start + self._task_s * max(0.2, self._chance.gauss(1, 0.1))), False
            if self._current is None or (self._current[0] + NOTICED_S > now and self._current[1] > now):
                break
            if self._current[1] > now:
                if not self._is_told:
                    yield self._running()
                break
            self._end(*self._current)
        if self._unsaid and (now >= self._report_at or not self._tasks):
            yield self._report()

    def _running(self) -> "Message":
        """The task has run for a moment; a line of its output is there."""
        assert self._current is not None
        self._is_told = True
        lease, job, position, attempt = self._tasks[0]
        with open(output_path(self._state_dir, job, position, attempt), "wb") as file:
            file.write(LINE % (position, job))
        return "running", [(lease, job, position, attempt, int((self._clock.base + self._current[0]) * 1e6), 0)]

    def _end(self, start: float, end: float) -> None:
        lease, job, position, attempt = self._tasks.popleft()
        self._current, self._free_at = None, end + GAP_S * self._chance.uniform(0.7, 1.5)
        line, start_us, took_us = LINE % (position, job), int((self._clock.base + start) * 1e6), int((end - start) * 1e6)
        frame = end_frame(lease, job, position, attempt, start_us, took_us, 0, 3400, 900, 700, b"", line)
        self._at += 40  # its START frame
        os.pwrite(self._frames, frame, self._at)
        if not self._unsaid:
            self._report_at = end + REPORT_S
        self._unsaid.append((lease, (job, position, attempt, 0, start_us, took_us, self._at, len(line))))
        self._at += len(frame)
        self._left[lease] -= 1
        if not self._left[lease]:
            self._report_at = end
        self.done += 1

    def _report(self) -> "Message":
        unsaid, self._unsaid = self._unsaid, []
        rows: dict[int, list[Row]] = {}
        for lease, row in unsaid:
            rows.setdefault(lease, []).append(row)
        return "report", [(lease, found, [], {}) for lease, found in rows.items()]

    def times(self) -> Iterator[float]:
        """When it has something to tell."""
        if self._unsaid:
            yield self._report_at
        if self._current:
            start, end = self._current
            yield end
            if not self._is_told and end - start >= NOTICED_S:
                yield start + NOTICED_S


class Worker:
    """See the module. `step` does what is due and says when the next thing is; None once it has left."""

    def __init__(self, world: World, clock: Clock, number: int, task_s: float) -> None:
        environ = {
            "CYCLONE_HOST": HOST, "CYCLONE_ACCOUNT": "0" * 12, "CYCLONE_MAIN_REGION": REGION, "CYCLONE_REGION": REGION,
            "CYCLONE_DEFINITION": "default", "CYCLONE_CLUSTER": "default",
            "AWS_BATCH_JOB_ID": f"6f4b1c3e-8f0a-4d6b-9a51-0c2f7e{number:06d}:{number}",
        }  # fmt: skip
        state_dir = f"{world.folder.name}/{number}"
        os.makedirs(f"{state_dir}/outputs")
        self._world, self._clock, self._answers = world, clock, Answers(clock)
        self._agent = Agent(world, clock, state_dir, number, task_s)
        store, files = world.another_store(), Files(state_dir, lambda *_: b"")
        made = Machine(environ), store, Lanes(world.services, HOST), files, self._agent, Container()
        self.loop = Loop(*made, lambda _: PlayedCalls(world, clock, self._answers), state_dir, clock)
        self.loop.usage.place = f"{REGION} m6i.large spot 0.0345"
        self.loop.begin()

    @property
    def done(self) -> int:
        """Tasks that have ended."""
        return self._agent.done

    def step(self) -> float | None:
        """One turn of the loop."""
        now = self._clock.now
        self._hear_agent()
        self._answers.take_in()
        self.loop.turn()
        self._hear_agent()
        if self.loop.is_done:
            with self._world.meter.during("worker"):
                self.loop.end()
            return None
        return max(now + 1e-6, min([now + TICK_S, *self._answers.times(), *self._agent.times()]))

    def _hear_agent(self) -> None:
        for message in self._agent.says():
            self.loop.leases.take_in(message)


def run(workers: "list[Worker]", clock: Clock, each_second: Callable[[], Any], until: Callable[[], bool] = lambda: False) -> None:
    """Let all of them work until they have left, or until it is enough. What they write into their logs is nobody's business."""
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        _run(workers, clock, each_second, until)


def _run(workers: "list[Worker]", clock: Clock, each_second: Callable[[], Any], until: Callable[[], bool]) -> None:
    due = [(clock.now, number) for number in range(len(workers))]
    heapq.heapify(due)
    second = clock.now + 1
    while due and not until():
        at, number = heapq.heappop(due)
        while second <= at:
            clock.now = second
            each_second()
            second += 1
        clock.now = at
        following = workers[number].step()
        if following is not None:
            heapq.heappush(due, (following, number))
    clock.now += 1
    each_second()
