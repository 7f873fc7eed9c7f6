"""A scenario from its submission to its end, and what came of it."""

import random
from dataclasses import dataclass
from typing import Any

from benchmarks.simulation.control import FIRST_LOOK_S, Control
from benchmarks.simulation.loop import Loop
from benchmarks.simulation.plot import Panel
from benchmarks.simulation.regions import LOOK_S, Place, Weather, weathers
from benchmarks.simulation.work import TASK_S, Work

SAMPLE_S = 10.0
CLUSTER = {"instance_list": ["c7i", "m7i", "c6i"], "type": "SPOT"}
"""Its record: other regions are the only step of its fallback chain."""
REACHED = 0.95


@dataclass(frozen=True)
class Scenario:
    """What is simulated."""

    title: str
    tasks: int = 10_000_000
    regions: int = 25
    usual: float = 200.0
    """workers that there is capacity for in a region, on average"""
    max_vcpus: int = 1000
    """of the cluster in each region; a worker has one"""
    limit: int = 0
    """of the array: most tasks at once, 0 none"""
    is_routed: bool = True
    """whether the queue's weights are automatic; else they are equal"""
    fails: int = -1
    """number of the region that fails half-way; -1: the one with the most workers then"""
    failed_s: float = 900.0
    seed: int = 6


class Run:
    """See the module."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.loop = scenario, Loop()
        dice = random.Random(scenario.seed)
        self.weathers = weathers(scenario.seed, scenario.regions, scenario.usual)
        most_workers = scenario.max_vcpus * scenario.regions
        self.work = Work(self.loop, scenario.tasks, most_workers, random.Random(dice.random()))
        self.places = [
            Place(weather, number, self.loop, self.work, random.Random(dice.random())) for number, weather in enumerate(self.weathers)
        ]
        self.work.on_leave = lambda worker: self.places[worker.place].leave(worker)
        self.control = Control(self.loop, self.work, self.places, scenario.max_vcpus, scenario.limit, scenario.is_routed, CLUSTER)
        self.failed: tuple[int, float] | None = None
        self.times: list[float] = []
        self.running: list[list[int]] = [[] for _ in self.places]
        self.possible: list[int] = []
        self.over_limit = 0
        self.makespan_s = 0.0

    def go(self) -> "Run":
        """To the end of the work, and until no worker is left."""
        self.control.weigh()
        self.loop.after(FIRST_LOOK_S, self.control.look)
        for number, place in enumerate(self.places):
            self.loop.after(LOOK_S * (number + 1) / len(self.places), place.look)
        self._sample()
        self.loop.run(lambda: self.work.is_over, 6 * 3600.0)
        self.makespan_s = self.loop.now
        self.loop.run(lambda: not any(place.workers or place.coming for place in self.places), 7 * 3600.0)
        return self

    def _sample(self) -> None:
        self.loop.after(SAMPLE_S, self._sample)
        self.times.append(self.loop.now)
        for place, series in zip(self.places, self.running, strict=True):
            series.append(len(place.workers))
            self.over_limit += len(place.workers) > self.scenario.max_vcpus
        self.possible.append(self._possible(self.loop.now))
        if self.failed is None and self.work.done * 2 >= self.scenario.tasks:
            most = max(range(len(self.places)), key=lambda number: len(self.places[number].workers))
            number = most if self.scenario.fails < 0 else self.scenario.fails
            self.failed = number, self.loop.now
            self.places[number].fail(self.scenario.failed_s)

    # -- what capacity allows ----------------------------------------------------------------------------------------------------
    def _possible(self, now: float) -> int:
        """Workers that could run at a time: by capacity and the cluster's limit in each region, by the array's limit in all together."""
        found = sum(self._possible_in(number, weather, now) for number, weather in enumerate(self.weathers))
        return min(found, self.scenario.limit) if self.scenario.limit else found

    def _possible_in(self, number: int, weather: Weather, now: float) -> int:
        if self.failed and number == self.failed[0] and 0 <= now - self.failed[1] < self.scenario.failed_s:
            return 0
        return min(self.scenario.max_vcpus, weather.possible(now))

    def bound_s(self) -> float:
        """The makespan were each worker that is possible at work, without a pause, from the instant of the submission on."""
        left, now = self.scenario.tasks * TASK_S, 0.0
        while True:
            workers = self._possible(now)
            if left <= workers:
                return now + left / workers
            left, now = left - workers, now + 1.0

    # -- what came of it ---------------------------------------------------------------------------------------------------------
    def report(self) -> dict[str, Any]:
        """The figures."""
        totals = [sum(values) for values in zip(*self.running, strict=True)]
        bound_s = self.bound_s()
        paid_s, usd = sum(place.paid_s for place in self.places), sum(place.paid_usd for place in self.places)
        boot_s, work = sum(place.boot_s for place in self.places), self.work
        did = self.control.totals
        return {
            "title": self.scenario.title, "tasks": work.tasks, "successful": work.done, "errors": work.errors,
            "regions": self.scenario.regions, "makespan_s": round(self.makespan_s, 1), "bound_s": round(bound_s, 1),
            "ratio": round(self.makespan_s / bound_s, 3), "reached_s": self._reached(totals, 0.0),
            "failed": self._failed(totals), "workers_most": max(totals), "workers_possible": round(sum(self.possible) / len(self.possible)),
            "usd": round(usd, 2), "usd_per_million_tasks": round(usd / work.tasks * 1e6, 3), "worker_hours": round(paid_s / 3600, 1), "gone_s": round(self.loop.now - self.makespan_s, 1),
            "useful": round(work.done * TASK_S / paid_s, 4),
            "boot": round(boot_s / paid_s, 4), "idle": round(work.idle_s / paid_s, 4), "rerun": round(work.rerun_s / paid_s, 6),
            "interrupted": sum(place.taken for place in self.places), "attempts_lost": work.lost,
            "looks": did.looks, "requests": did.requests, "workers_asked": did.asked, "workers_ended": did.ended,
            "breakers_opened": did.opened, "breakers_closed": did.closed, "weighings": did.weighings, "weight_changes": did.changes,
            "over_limit": self.over_limit + did.over_limit,
        }  # fmt: skip

    def _reached(self, totals: list[int], since: float) -> float | None:
        """Seconds until 95 % of the possible workers ran, from a time on."""
        each = zip(self.times, totals, self.possible, strict=True)
        return next((round(now - since, 1) for now, running, possible in each if now >= since and running >= REACHED * possible), None)

    def _failed(self, totals: list[int]) -> dict[str, Any] | None:
        if self.failed is None:
            return None
        number, at_s = self.failed
        return {"region": self.weathers[number].name, "at_s": at_s, "reached_again_s": self._reached(totals, at_s + SAMPLE_S)}

    def panel(self) -> Panel:
        """For the drawing."""
        report = self.report()
        names = [weather.name for weather in self.weathers]
        marks: list[tuple[float, str]] = [(report["reached_s"], "95 %")] if report["reached_s"] else []
        if self.failed:
            marks += [(self.failed[1], f"{names[self.failed[0]]} fails"), (self.failed[1] + self.scenario.failed_s, "and is back")]
        marks.append((report["bound_s"], "bound"))
        last = self.loop.now
        return Panel(
            f"{report['title']}: {self.makespan_s / 60:.1f} min, {report['ratio']:.2f} x the bound",
            self.times,
            dict(zip(names, self.running, strict=True)),
            self.possible,
            sorted((second, words) for second, words in marks if second <= last),
        )
