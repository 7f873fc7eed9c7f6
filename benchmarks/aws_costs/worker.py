"""A worker on a virtual clock: the engine's own Intake, Held, Pace and Records, with the supervisor's rules of when to do what.

What `scheduler.remote.supervisor` does between processes and threads is replayed here step by step, in its order and with its numbers; the
agent is a list of tasks that last as long as they are told to, and tells of them as the real one does (a lease's results when it is over,
else after a quarter of a second). Requests are done at once and answered after LATENCY.
"""

import os
import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks.aws_costs.world import HOST, REGION, World
from cyclone_core.journal import end_frame, output_path
from cyclone_core.scheduler.dynamo.keys import LEASED
from cyclone_core.scheduler.dynamo.queues import BATCH, Lanes
from cyclone_core.scheduler.remote.files import Files
from cyclone_core.scheduler.remote.held import FLUSH_ROWS, FLUSH_S, PIPELINED_S, SHORT_S, Held, Pace
from cyclone_core.scheduler.remote.intake import Intake
from cyclone_core.scheduler.remote.machine import Machine
from cyclone_core.scheduler.remote.record import Plan, Records
from cyclone_core.scheduler.remote.supervisor import DELETE_S, MOST_HELD, TICK_S, _further
from cyclone_core.scheduler.remote.usage import Usage
from cyclone_core.scheduler.remote.words import Words
from cyclone_core.worker.reports import REPORT_S

if TYPE_CHECKING:
    from cyclone_core.journal import Row
    from cyclone_core.scheduler.dynamo.queues import Message

WIDTH = 1
"""Tasks that run at once: workers are containers of one."""
LATENCY = {"receive": 0.005, "claim": 0.02, "write": 0.01, "object": 0.04, "look": 0.005}
"""Seconds until an answer, within a region."""
LONG_POLL_S, MISSING_S = 2.0, 5.0
GAP_S = 0.0003
"""Between the end of a task and the start of the next."""
NOTICED_S = 0.25
"""A task that runs for so long is told of as running."""
LINE = b"task %d of job %d says what came out of it\n"


class Clock:
    """Seconds of the virtual time, and since 1970."""

    def __init__(self, base: float) -> None:
        self.now, self.base = 0.0, base

    @property
    def wall(self) -> float:
        """Since 1970."""
        return self.base + self.now


class Worker:
    """See the module. `step` does what is due and says when the next thing is; None once it has left."""

    def __init__(self, world: World, clock: Clock, number: int, task_s: float) -> None:
        environ = {
            "CYCLONE_HOST": HOST, "CYCLONE_ACCOUNT": "0" * 12, "CYCLONE_MAIN_REGION": REGION, "CYCLONE_REGION": REGION,
            "CYCLONE_DEFINITION": "default", "CYCLONE_CLUSTER": "default",
            "AWS_BATCH_JOB_ID": f"6f4b1c3e-8f0a-4d6b-9a51-0c2f7e{number:06d}:{number}",
        }  # fmt: skip
        self.world, self.clock, self.task_s, self.machine = world, clock, task_s, Machine(environ)
        self.state_dir = f"{world.folder.name}/{number}"
        os.makedirs(f"{self.state_dir}/outputs")
        files = Files(self.state_dir, lambda *_: b"")
        self.store, lanes = world.another_store(), Lanes(world.services, HOST)
        self.intake = Intake(self.machine, self.store, lanes, files)
        self.usage = Usage(self.machine, world.table, lambda: clock.now)
        self.usage.place = f"{REGION} m6i.large spot 0.0345"
        self.records = Records(self.machine, self.store, self.store.bucket, lanes, self.state_dir, self.usage)
        self.words = Words(self.machine, world.table, self.usage)
        self.journal = os.open(f"{self.state_dir}/journal", os.O_RDWR | os.O_CREAT)
        world.at_end.append(lambda: os.close(self.journal))
        self.at = 0
        self.chance = random.Random(number)
        self.held: dict[tuple[int, int], Held] = {}
        self.finished: list[Message] = []
        self.pace, self.paces = Pace(), dict[bytes, Pace]()
        self.arrivals: list[tuple[float, Callable[[], None]]] = []
        self.polling, self.claiming, self.looking = False, 0, False
        self.receive_after = self.look_at = self.hide_at = self.delete_at = self.worked_at = clock.now
        self.tasks: deque[tuple[Held, int, int, int]] = deque()
        """(whose, lease, position, attempt) that the agent has"""
        self.left: dict[int, int] = {}
        self.current: tuple[float, float] | None = None
        """(start, end) of the first of them"""
        self.told = False
        self.unsaid: list[tuple[Held, int, Row]] = []
        self.report_at = self.free_at = 0.0
        self.next_lease, self.done, self.gone = 1, 0, False
        self.frees_missing = clock.now
        with world.meter.during("worker"):
            self.words.say(clock.now + 1)

    # -- the loop -----------------------------------------------------------------------------------------------------
    def step(self) -> float | None:
        """One turn of the supervisor's loop."""
        now = self.clock.now
        self._agent(now)
        due = [one for one in self.arrivals if one[0] <= now]
        self.arrivals = [one for one in self.arrivals if one[0] > now]
        for _, done in due:
            done()
        self._write_due(now)
        self._hand_out()
        self._ask_for_work(now)
        self._delete_finished(now)
        self._look(now)
        self._agent(now)
        if self.gone and not (self.held or self.finished or self.claiming or self.polling):
            with self.world.meter.during("worker"):
                self.words.end()
            return None
        return self._next(now)

    def _next(self, now: float) -> float:
        times = [now + TICK_S, *(at for at, _ in self.arrivals)]
        if self.unsaid:
            times.append(self.report_at)
        if self.current:
            start, end = self.current
            times += [end] if self.told or end - start < NOTICED_S else [start + NOTICED_S, end]
        return max(now + 1e-6, min(times))

    def _later(self, seconds: float, done: Callable[[], None]) -> None:
        self.arrivals.append((self.clock.now + seconds, done))

    # -- the agent ----------------------------------------------------------------------------------------------------
    def _agent(self, now: float) -> None:
        while True:
            if self.current is None and self.tasks:
                start = max(now, self.free_at)
                self.current, self.told = (start, start + self.task_s * max(0.2, self.chance.gauss(1, 0.1))), False
            if self.current is None or (self.current[0] + NOTICED_S > now and self.current[1] > now):
                break
            start, end = self.current
            held, lease, position, attempt = self.tasks[0]
            if end > now:
                if not self.told:
                    self.told = True
                    held.running[position] = (attempt, int((self.clock.base + start) * 1e6))
                    with open(output_path(self.state_dir, held.number, position, attempt), "wb") as file:
                        file.write(LINE % (position, held.number))
                break
            self._end(held, lease, position, attempt, start, end)
        if self.unsaid and (now >= self.report_at or not self.tasks):
            self._report(now)

    def _end(self, held: Held, lease: int, position: int, attempt: int, start: float, end: float) -> None:
        self.tasks.popleft()
        self.current, self.free_at = None, end + GAP_S * self.chance.uniform(0.7, 1.5)
        line, start_us = LINE % (position, held.number), int((self.clock.base + start) * 1e6)
        took_us = int((end - start) * 1e6)
        frame = end_frame(lease, held.number, position, attempt, start_us, took_us, 0, 3400, 900, 700, b"", line)
        self.at += 40  # its START frame
        os.pwrite(self.journal, frame, self.at)
        row = (held.number, position, attempt, 0, start_us, took_us, self.at, len(line))
        self.at += len(frame)
        if not self.unsaid:
            self.report_at = end + REPORT_S
        self.unsaid.append((held, lease, row))
        self.left[lease] -= 1
        if not self.left[lease]:
            self.report_at = end
        self.done += 1

    def _report(self, now: float) -> None:
        unsaid, self.unsaid = self.unsaid, []
        for held, _, row in unsaid:
            self.pace.lasted(row[5] / 1e6)
            held.pace.lasted(row[5] / 1e6)
            self.usage.add(held.job["q"], held.job["u"], row[5])
            held.report([row], {}, self.journal, now)

    # -- tasks to the agent -------------------------------------------------------------------------------------------
    def _hand_out(self) -> None:
        share = self.pace.share(self._oldest_s(), WIDTH)
        has = sum(len(held.out) for held in self.held.values())
        if self.gone or (has > share // 2 and has >= WIDTH):
            return
        for held in self.held.values():
            while held.queue and has < share and not held.lost and not held.how:
                ranges = held.take(min(share - has, held.queue[0][2] - held.queue[0][1] + 1))
                new = [(held, self.next_lease, position, one[3]) for one in ranges for position in range(one[1], one[2] + 1)]
                self.tasks += new
                self.left[self.next_lease] = len(new)
                self.next_lease += 1
                has += len(new)

    def _oldest_s(self) -> float:
        return max((held.oldest_s(self.clock.wall) for held in self.held.values()), default=0.0)

    # -- writes -------------------------------------------------------------------------------------------------------
    def _write_due(self, now: float) -> None:
        wall_us = int(self.clock.wall * 1e6)
        for held in list(self.held.values()):
            if held.is_due(now, wall_us, self.machine.times):
                self._write(held, now)
            elif not held.busy and held.running and now - held.live_at >= self.machine.times.live_s:
                self._write(held, now, follow=True)
            elif not held.busy:
                self._split_if_slow(held)

    def _split_if_slow(self, held: Held) -> None:
        if held.is_slow(held.pace.expected(held.oldest_s(self.clock.wall)), WIDTH) and (cuts := held.cuts()):
            self._split(held, cuts)

    def _write(self, held: Held, now: float, follow: bool = False) -> None:
        rows, reasons = held.take_rows()
        plan = Plan(rows, reasons, held.begun())
        plan.running = [[position, attempt, start_us // 1000] for position, (attempt, start_us) in sorted(held.running.items())]
        plan.follow = follow
        seconds = held.pace.estimate(held.oldest_s(self.clock.wall))
        plan.short = 0 <= seconds < SHORT_S
        if seconds >= FLUSH_S:
            held.lower_mark()
        plan.width = WIDTH + _further(seconds, held.unit.ahead, WIDTH)
        held.busy, held.written_at = True, now
        if follow:
            held.live_at = now
        step = "record" if rows else "look alive"
        with self.world.meter.during(step):
            written = self.records.write(held, plan)
        assert written.done, written.error
        objects = LATENCY["object"] if held.unit.array and rows else 0.0
        self._later(LATENCY["write"] + objects, lambda: self._written(held))

    def _written(self, held: Held) -> None:
        held.busy = False
        if held.unit.state != LEASED:
            self.held.pop((held.unit.job, held.unit.low), None)
            self.finished.append(held.message)
        else:
            held.take_over()

    def _split(self, held: Held, cuts: list[int]) -> None:
        held.busy = True
        with self.world.meter.during("split"):
            written = self.records.split(held, cuts)
        assert written.done, written.error
        self._later(LATENCY["write"] * 2, lambda: self._divided(held))

    def _divided(self, held: Held) -> None:
        held.busy = False
        held.take_over()

    # -- work ---------------------------------------------------------------------------------------------------------
    def _ask_for_work(self, now: float) -> None:
        if self.gone or self.polling or now < self.receive_after:
            return
        wanted = self.pace.messages(sum(held.in_hand for held in self.held.values()), self.claiming, self._oldest_s(), WIDTH)
        wanted = min(wanted, MOST_HELD - len(self.held) - self.claiming)
        if wanted <= 0:
            return
        may_wait = not self.held and not self.claiming
        if now - self.frees_missing >= MISSING_S:  # its clock is the machine's
            self.intake._missing.clear()
            self.frees_missing = now
        with self.world.meter.during("receive"):
            messages = self.intake.receive(wanted, may_wait)
        self.polling = True
        self._later(LATENCY["receive"] if messages or not may_wait else LONG_POLL_S, lambda: self._received(messages))

    def _received(self, messages: "list[Message]") -> None:
        now, self.polling = self.clock.now, False
        if not messages and self.held:
            self.receive_after = now + TICK_S
        elif not messages and not self.claiming and now - self.worked_at >= self.machine.idle_s:
            self.gone = True
        short = 0 <= self.pace.task_s < PIPELINED_S
        for message in messages:
            with self.world.meter.during("claim"):
                held = self.intake.take(message, WIDTH + FLUSH_ROWS if short else WIDTH)
            self.claiming += 1
            self._later(LATENCY["claim"], lambda held=held: self._taken(held))  # type: ignore[misc]

    def _taken(self, held: Held | None) -> None:
        now = self.clock.now
        self.claiming -= 1
        if held is None:
            return
        held.renewed = held.written_at = held.live_at = held.begun_at = now - LATENCY["claim"]
        self.worked_at = now
        self.pace.came(held.in_hand)
        held.pace = self.paces.setdefault(bytes(held.job["sp"]), Pace())
        self.held[held.unit.job, held.unit.low] = held

    def _delete_finished(self, now: float) -> None:
        if not self.finished:
            self.delete_at = now + DELETE_S
        elif len(self.finished) >= BATCH or now >= self.delete_at or not self.held:
            found, self.finished = self.finished, []
            with self.world.meter.during("receive"):
                self.intake.finish(found)

    # -- looks --------------------------------------------------------------------------------------------------------
    def _look(self, now: float) -> None:
        times = self.machine.times
        if self.held:
            self.worked_at = now
        if now >= self.look_at and not self.looking:
            self.look_at = now + times.look_s
            self._hear(now)
        if now >= self.hide_at and self.held:
            self.hide_at = now + times.hide_again_s
            with self.world.meter.during("look alive"):
                self.intake.keep([held.message for held in self.held.values()])
        if self.words.is_due(now + 1):
            with self.world.meter.during("worker"):
                self.words.say(now + 1)

    def _hear(self, now: float) -> None:
        found = [held for held in self.held.values() if not held.busy and now - held.begun_at >= self.machine.times.look_s / 2]
        if not found:
            return
        for held in found:
            held.busy = True
        with self.world.meter.during("look for cancellation"):
            self.store.hear([held.unit for held in found], int(self.clock.wall * 1000))
        self.looking = True
        self._later(LATENCY["look"], lambda: self._heard(found))

    def _heard(self, found: "list[Held]") -> None:
        self.looking = False
        for held in found:
            held.busy = False


def run(workers: "list[Worker]", clock: Clock, each_second: Callable[[], Any], until: Callable[[], bool] = lambda: False) -> None:
    """Let all of them work until they have left, or until it is enough."""
    import heapq

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
