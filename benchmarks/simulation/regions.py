"""Regions as AWS would be: how many workers they have instances for, how long those take, who loses them, what they cost. All of it assumed.

Capacity is a series of steps of a minute, made by a seed: each region has a level of its own, wanders around it by some per cent, and has a
dip and a rise. It is what bounds the makespan (`Weather.possible`), and nothing that decides sees it.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks.simulation.loop import Loop
from benchmarks.simulation.work import Work, Worker

NAMES = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1",
    "eu-north-1", "eu-south-1", "eu-central-2", "af-south-1", "me-south-1", "me-central-1", "il-central-1", "ap-south-1", "ap-southeast-1",
    "ap-southeast-2", "ap-southeast-3", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-east-1",
)  # fmt: skip
STEP_S, MINUTES = 60.0, 120
LOOK_S = 10.0
"""So often Batch looks for instances for what waits."""
PER_INSTANCE = 8
"""Workers that come, and are interrupted, together."""
HARD = 0.05
"""Of the instances that are taken away, those that are without a notice."""
BOOT_S = 40.0
"""Of the time until a worker runs, what is paid: its instance is there."""
Value = TypeVar("Value")


@dataclass(frozen=True)
class Weather:
    """What a region is like. Series have a value for each minute, and their last for all later ones."""

    name: str
    capacity: tuple[int, ...]
    """workers that there are instances for"""
    scores: tuple[int, ...]
    """placement score, for each ten minutes: which part there is of twice a usual region's capacity, and noise"""
    usd: tuple[float, ...]
    """of a worker's hour, for each ten minutes"""
    ondemand_usd: float
    start_s: float
    """usual seconds from a request to a running worker"""
    interruptions: float
    """for each hour of a worker"""
    trip_s: float
    """to the main region and back"""

    def possible(self, now: float) -> int:
        """Workers that there are instances for."""
        return at(self.capacity, now, STEP_S)


def at(series: Sequence[Value], now: float, step_s: float) -> Value:
    """The value of a series."""
    return series[min(len(series) - 1, max(0, int(now // step_s)))]


def weathers(seed: int, count: int, usual: float) -> list[Weather]:
    """So many regions. usual: workers that there is capacity for in one of them, on average."""
    dice = random.Random(seed)
    found = []
    for number, name in enumerate(NAMES[:count]):
        level = usual * math.exp(dice.gauss(-0.1, 0.5))
        steps = _capacity(dice, level)
        found_of = [10 * min(1.0, steps[minute] / (2 * usual)) for minute in range(0, MINUTES, 10)]
        scores = tuple(min(10, max(1, round(score + dice.uniform(-1, 1)))) for score in found_of)
        price = dice.uniform(0.012, 0.026)
        usd = tuple(round(price * dice.uniform(0.96, 1.04), 5) for _ in range(0, MINUTES, 10))
        trip_s = 0.01 if not number else dice.uniform(0.02, 0.25)
        found.append(Weather(name, steps, scores, usd, 0.048, dice.uniform(65, 105), dice.uniform(0.005, 0.03), trip_s))
    return found


def _capacity(dice: random.Random, level: float) -> tuple[int, ...]:
    """For each minute: around a level by some per cent, other each ten minutes; in one region of five a dip, in one a rise."""
    share, found = 1.0, []
    dip, rise = (dice.randrange(4, 40) if dice.random() < 0.2 else MINUTES for _ in range(2))
    for minute in range(MINUTES):
        if minute % 10 == 0:
            share = 1 + dice.gauss(0, 0.06)
        strange = (0.35 if dip <= minute < dip + 8 else 1.0) * (1.4 if rise <= minute < rise + 15 else 1.0)
        found.append(max(0, round(level * share * strange)))
    return tuple(found)


@dataclass
class Order:
    """A request as the region has it."""

    name: str
    waiting: int
    at: float
    coming: int = 0
    """workers whose instances start"""
    running: int = 0
    over: int = 0
    moved: float = -1.0
    came: float = -1.0
    taken: int = 0


@dataclass
class Place:
    """A region at work."""

    weather: Weather
    number: int
    loop: Loop
    work: Work
    dice: random.Random
    orders: dict[str, Order] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    coming: int = 0
    dead_until: float = -1.0
    paid_s: float = 0.0
    paid_usd: float = 0.0
    boot_s: float = 0.0
    began: int = 0
    waited_s: float = 0.0
    taken: int = 0
    worked_s: float = 0.0
    """seconds of workers that have ended, for averages"""

    @property
    def is_dead(self) -> bool:
        """Whether the region has failed."""
        return self.loop.now < self.dead_until

    @property
    def possible(self) -> int:
        """Workers that there are instances for now."""
        return 0 if self.is_dead else self.weather.possible(self.loop.now)

    # -- what AWS does ----------------------------------------------------------------------------------------------------------
    def look(self) -> None:
        """Each ten seconds: capacity may be less, instances may be taken away, what waits may get some."""
        self.loop.after(LOOK_S, self.look)
        if self.is_dead:
            return
        share = self.weather.interruptions * LOOK_S / 3600 / PER_INSTANCE
        for _ in range(sum(self.dice.random() < share for _ in self.workers)):
            self._take_one()
        while self.workers and len(self.workers) + self.coming > self.possible:
            self._take_one()
        free = self.possible - len(self.workers) - self.coming
        for order in self.orders.values():
            while order.waiting and free > 0:
                count = min(PER_INSTANCE, order.waiting, free)
                free -= count
                self.begin(order, count)

    def _take_one(self) -> None:
        """An instance is taken away with its workers."""
        if not self.workers:
            return
        instance, is_hard = self.workers[self.dice.randrange(len(self.workers))].instance, self.dice.random() < HARD
        for worker in instance:
            if worker.is_there:
                self.interrupt(worker, is_hard)

    def begin(self, order: Order, count: int) -> None:
        """An instance for so many workers starts."""
        order.waiting -= count
        order.coming += count
        order.moved = self.loop.now
        self.coming += count
        self.loop.after(self.weather.start_s * self.dice.uniform(0.6, 1.25), self.arrive, order, count, self.dead_until)

    def arrive(self, order: Order, count: int, dead_until: float) -> None:
        """It is there."""
        if self.is_dead or dead_until != self.dead_until:
            return
        self.coming -= count
        order.coming -= count
        order.running += count
        order.came = order.came if order.came >= 0 else self.loop.now
        self.boot_s += BOOT_S * count
        instance: list[Worker] = []
        for _ in range(count):
            worker = Worker(self.number, order.name, self.loop.now, instance)
            instance.append(worker)
            worker.rank = len(self.workers)
            self.workers.append(worker)
            self.began += 1
            self.waited_s += self.loop.now - order.at
            self.work.start(worker, self.weather.trip_s)

    def interrupt(self, worker: Worker, is_hard: bool) -> None:
        """A worker's instance is taken away."""
        self.taken += 1
        self.orders[worker.request].taken += 1
        (self.work.lose if is_hard else self.work.give_back)(worker)
        self.leave(worker)

    def leave(self, worker: Worker) -> None:
        """A worker is gone."""
        worker.is_there = False
        last = self.workers.pop()
        if last is not worker:
            self.workers[worker.rank] = last
            last.rank = worker.rank
        order = self.orders[worker.request]
        order.running -= 1
        order.over += 1
        self.worked_s += self.loop.now - worker.since
        self._pay(self.loop.now - worker.since + BOOT_S)

    def fail(self, seconds: float) -> None:
        """The region is gone with all that runs there, and answers nobody; what waits is there still when it is back."""
        self.dead_until = self.loop.now + seconds
        for worker in list(self.workers):
            self.interrupt(worker, True)
        for order in self.orders.values():
            order.over += order.coming
            order.coming = 0
        self.coming = 0

    def _pay(self, seconds: float) -> None:
        self.paid_s += seconds
        self.paid_usd += seconds / 3600 * at(self.weather.usd, self.loop.now, 600.0)

    # -- what Batch is asked ----------------------------------------------------------------------------------------------------
    def submit(self, name: str, workers: int) -> None:
        """A request for workers."""
        self.orders[name] = Order(name, workers, self.loop.now)

    def end(self, name: str, workers: int) -> int:
        """End workers of a request that have no instance yet; so many were."""
        order = self.orders[name]
        count = min(workers, order.waiting)
        order.waiting -= count
        order.over += count
        return count
