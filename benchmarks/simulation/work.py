"""The tasks of an array, and workers that do them: units are cut, split, given back and lost as the engine does it.

Tasks last a second. Units are counted, not listed: (tasks, losses of the first of them). What is real: the size of tiles, the places where a
slow slice is split (`unit_parts.cuts`), when it is slow, how old results get before they are written, what follows of a loss (`lifecycle.judge`).
"""

import random
from collections import deque
from functools import cache
from itertools import pairwise

from benchmarks.simulation.loop import Loop
from cyclone_core import jobs
from cyclone_core.scheduler.dynamo import unit_parts
from cyclone_core.scheduler.dynamo.tiles import size
from cyclone_core.scheduler.dynamo.tiles import tiles as cut
from cyclone_core.scheduler.dynamo.unit import Unit
from cyclone_core.scheduler.lifecycle import Retry, judge
from cyclone_core.scheduler.remote.held import SPLIT_S
from cyclone_core.scheduler.remote.pace import FLUSH_S

TASK_S = 1.0
OVERHEAD_S = 0.01
"""Between a task and the next one of its unit."""
IDLE_S = 20.0
"""A worker without work for so long ends."""
LEASE_S = (60.0, 120.0)
"""So long after a worker died its unit is somebody's again: leases of 120 s are made longer at half time."""
TRIPS = 3
"""Between a worker and the main region, until a unit is its own: message, claim, first write."""
UnitLeft = tuple[int, int]
"""(tasks, losses of the first one)"""


class Worker:
    """One worker: since when it runs, and what it does."""

    __slots__ = ("begun", "instance", "is_there", "place", "rank", "request", "since", "turn", "unit")

    def __init__(self, place: int, request: str, since: float, instance: list["Worker"]) -> None:
        """place: the region's number; request: that it came of; instance: all workers on it."""
        self.place, self.request, self.since, self.instance = place, request, since, instance
        self.unit: UnitLeft | None = None
        self.begun = 0.0
        self.turn = 0
        """what was to happen of an earlier turn does not happen"""
        self.is_there = True
        self.rank = 0
        """place in its region's list"""


class Work:
    """The tasks."""

    def __init__(self, loop: Loop, tasks: int, most_workers: int, dice: random.Random) -> None:
        """most_workers: that the cluster may have, as whoever submits knows it."""
        self._loop, self._dice = loop, dice
        self.tasks, self.done, self.errors = tasks, 0, 0
        self._waiting: deque[UnitLeft] = deque((high - low + 1, 0) for low, high in cut(tasks, size(tasks, 1, most_workers)))
        self._idle: deque[Worker] = deque()
        self.rerun_s = self.idle_s = 0.0
        self.lost = 0
        """attempts"""
        self.on_leave = lambda worker: None

    @property
    def open(self) -> int:
        """Tasks that wait or run."""
        return self.tasks - self.done - self.errors

    @property
    def is_over(self) -> bool:
        """Whether no task is left."""
        return not self.open

    # -- what a worker does ------------------------------------------------------------------------------------------------------
    def start(self, worker: Worker, trip_s: float) -> None:
        """The next unit for a worker; none: it waits, and ends when nothing comes."""
        worker.turn += 1
        if not self._waiting:
            worker.unit = None
            worker.begun = self._loop.now
            self._idle.append(worker)
            self._loop.after(IDLE_S, self._bored, worker, worker.turn)
            return
        worker.unit = tasks, _ = self._waiting.popleft()
        worker.begun = self._loop.now + TRIPS * trip_s
        each = TASK_S + OVERHEAD_S
        if tasks * each > SPLIT_S:
            self._loop.after(TRIPS * trip_s + each, self._split, worker, worker.turn, trip_s)
        else:
            self._loop.after(TRIPS * trip_s + tasks * each, self._finish, worker, worker.turn, trip_s)

    def _split(self, worker: Worker, turn: int, trip_s: float) -> None:
        """One task is over, so that it is known how slow they are: others get what would take long here."""
        if worker.turn != turn or worker.unit is None:
            return
        kept, *others = parts(worker.unit[0] - 1)
        self.done += 1
        worker.unit = kept, 0
        worker.begun = self._loop.now + trip_s
        for tasks in others:
            self._give((tasks, 0))
        self._loop.after(trip_s + kept * (TASK_S + OVERHEAD_S), self._finish, worker, turn, trip_s)

    def _finish(self, worker: Worker, turn: int, trip_s: float) -> None:
        if worker.turn == turn and worker.unit is not None:
            self.done += worker.unit[0]
            self.start(worker, trip_s)

    def _bored(self, worker: Worker, turn: int) -> None:
        if worker.turn == turn and worker.unit is None and worker.is_there:
            self.idle_s += IDLE_S
            worker.turn += 1
            self.on_leave(worker)

    # -- what becomes of its unit -----------------------------------------------------------------------------------------------
    def give_back(self, worker: Worker) -> None:
        """A worker that was told in time: the task that runs is ended, what has not begun is anybody's at once."""
        self._let_go(worker, 0.0, 0, 0.0)

    def lose(self, worker: Worker) -> None:
        """A worker is gone without a word: what was not written is lost, and its unit is somebody's again when its lease is over."""
        self._let_go(worker, self._dice.uniform(0, FLUSH_S), 1, self._dice.uniform(*LEASE_S))

    def _let_go(self, worker: Worker, unwritten_s: float, losses: int, after_s: float) -> None:
        unit, worker.unit = worker.unit, None
        worker.turn += 1
        if unit is None:
            return
        tasks, before = unit
        worked = max(0.0, self._loop.now - worker.begun)
        over = min(tasks, int(worked / (TASK_S + OVERHEAD_S)) + (0 if losses else 1))
        if losses:
            over = min(over, int(max(0.0, worked - unwritten_s) / (TASK_S + OVERHEAD_S)))
            self.rerun_s += worked - over * (TASK_S + OVERHEAD_S)
        self.done += over
        if tasks > over:
            had = before if not over else 0
            self._loop.after(after_s, self._again, tasks - over, had, losses)

    def _again(self, tasks: int, had: int, losses: int) -> None:
        """What is left of a unit is somebody's again; of its first task the engine judges."""
        if losses:
            verdict = judge(jobs.CAUSE_LOST << 16, 0, had, Retry(), False)
            self.lost, had = self.lost + 1, verdict.losses
            if verdict.state != jobs.WAITING:
                self.errors, tasks, had = self.errors + 1, tasks - 1, 0
        if tasks:
            self._give((tasks, had))

    def _give(self, unit: UnitLeft) -> None:
        self._waiting.append(unit)
        while self._idle:
            worker = self._idle.popleft()
            if worker.is_there and worker.unit is None:
                self.idle_s += self._loop.now - worker.begun
                self.start(worker, 0.05)
                return


@cache
def parts(tasks: int) -> tuple[int, ...]:
    """The sizes that so many tasks that have not begun are split into; the first is kept."""
    unit = Unit(1, 1, tasks + 1, True, {})
    unit.mark = 1
    bounds = [2, *unit_parts.cuts(unit), tasks + 2]
    return tuple(after - before for before, after in pairwise(bounds))
