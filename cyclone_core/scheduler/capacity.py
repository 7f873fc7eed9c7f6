"""How many workers to ask for, of which lane and in which region: backlog, workers, limits and weights -> a plan. Pure.

Words: a *lane* is a cluster and a definition, whose workers take any task that waits in it. Tasks come from queues, so what is wanted is
said per queue and definition (`Demand`); what is there, per lane and region (`Crew`). The rules, in this order:

1. A lane wants one worker for each `ratio` open (waiting or running) tasks, rounded up over all its queues together. Workers that start
   or run are counted against it, those that are ending are not. They do any queue's work: of several that of the highest priority first.
2. Within a cluster queues of a higher priority are served first, entirely. Lanes of one priority share what is free, so that they come to
   have equally many vCPUs in each region; what one does not want, others get.
3. Workers go to regions by the weights of the queues that they are for, together with the lane's workers that are there already: regions
   are filled up to one level (`apportionment.fill`). What does not fit into a region, or a region that is closed for now, goes to the
   others with a weight. A region without a weight (0) gets nothing, ever; workers that still start there are not counted, and told as
   spare.
4. No region's workers of a cluster, ending ones too, use more vCPUs than the cluster may have there, nor a lane's more than fit into the
   compute environments that they are shared over.
5. Nothing is taken away from who has it here, but workers that have not started and are wanted no more (`spare`); `making_room` does.

Fractions go to the largest remainder, ties to the first by priority and name, so that equal questions have equal answers.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from typing import Any

from cyclone_core.scheduler.apportionment import fill

MOST_IN_ARRAY = 10_000
"""Children of an array job (https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html)."""
LEAST_SHARE = 16
"""vCPUs: with less a compute environment could not hold an instance of usual size, and a cluster has fewer than it was given."""


@dataclass(frozen=True, order=True)
class Lane:
    """A cluster and a definition."""

    cluster: str
    definition: str


@dataclass(frozen=True)
class Shape:
    """What of a definition counts here."""

    ratio: int = 1
    """open tasks for each worker, 1 or more"""
    vcpus: int = 1
    """of a worker"""


@dataclass(frozen=True)
class Demand:
    """What waits and runs of a lane in one queue."""

    lane: Lane
    queue: str
    open_tasks: int
    """waiting and running; without those that nobody may start, as in a paused queue (`useful`)"""
    priority: int = 0
    """the queue's; higher first"""
    weights: Mapping[str, int] = field(default_factory=dict)
    """region -> whole number (`weights`); what is not there, or 0, is off"""


@dataclass(frozen=True)
class Site:
    """A cluster in a region."""

    cluster: str
    region: str
    max_vcpus: int
    environments: int = 1
    """compute environments that the vCPUs are shared over, at most"""
    closed: str = ""
    """why nothing can be asked for there now, "" when it can"""


@dataclass(frozen=True)
class Crew:
    """The workers of a lane in a region."""

    starting: int = 0
    """asked for, not running yet"""
    running: int = 0
    ending: int = 0
    """use vCPUs still, and take no work any more"""

    @property
    def able(self) -> int:
        """Those that will work."""
        return self.starting + self.running

    @property
    def all(self) -> int:
        """Those that use vCPUs, or will."""
        return self.able + self.ending


@dataclass(frozen=True)
class Course:
    """What is decided for a lane."""

    wanted: int
    """workers, were there no limits"""
    asked: Mapping[str, int]
    """region -> workers to ask for now"""
    spare: Mapping[str, int]
    """region -> workers that have not started and need not"""
    short: int
    """workers that are wanted and can be asked for nowhere"""
    full: tuple[str, ...]
    """regions with a weight that have no vCPUs left for one more, while it is short"""
    leave: Mapping[str, int] = field(default_factory=dict)
    """region -> workers that are asked to leave for others (`making_room`)"""


Where = tuple[str, str]
"""cluster and region"""


@dataclass
class _Wish:
    """What the queues of one priority have open of a lane, and which part of it each region is to do."""

    lane: Lane
    tasks: int = 0
    weights: dict[str, Fraction] = field(default_factory=dict)


def decide(
    demands: Sequence[Demand],
    shapes: Mapping[str, Shape],
    sites: Sequence[Site],
    crews: Mapping[tuple[Lane, str], Crew],
    ceilings: Mapping[tuple[Lane, str], int] | None = None,
) -> dict[Lane, Course]:
    """The plan. shapes: by definition, of every lane that has tasks or workers; crews: (lane, region) -> its workers.

    ceilings: (lane, region) -> workers that it may have there, starting ones too, where that is less than what fits (`failover`).
    Every lane with a demand or a worker has a course, in the order of their names.
    """
    state = _State(demands, shapes, sites, crews, ceilings or {})
    ordered = sorted(demands, key=lambda demand: (demand.lane.cluster, -demand.priority, demand.lane, demand.queue))
    for _, equals in groupby(ordered, key=lambda demand: (demand.lane.cluster, demand.priority)):
        state.serve(_merged(list(equals)))
    return {lane: state.course(lane) for lane in sorted({demand.lane for demand in demands} | {lane for lane, _ in crews})}


def weights(
    regions: Sequence[str], given: Mapping[str, int | str], automatic: bool, routed: Mapping[str, int] | None = None
) -> dict[str, int]:
    """A queue's weights as they count: region -> whole number, of the regions that there are and are not off.

    given: as its record has them; empty: all regions. automatic: by capacity and price (`routing`), as also where one of the weights is
    `auto`. routed: what was decided so for its cluster; while nothing is, or nothing but 0 for those that are not off, they are equal.
    A region that is newer than that decision gets an equal share.
    """
    usable = {region: weight for region in regions if (weight := given.get(region, 0) if given else 1) != 0}
    if not automatic and not any(isinstance(weight, str) for weight in usable.values()):
        return {region: int(weight) for region, weight in usable.items()}
    even = max(1, round(sum(routed.values()) / len(usable))) if routed and usable else 1
    found = {region: (routed or {}).get(region, even) for region in usable}
    return found if any(found.values()) else dict.fromkeys(usable, 1)


def is_automatic(queue: Mapping[str, Any]) -> bool:
    """Whether Cyclone chooses a queue's weights, by capacity and price: those of its cluster count then. queue: its body."""
    given = queue.get("region_distribution_weights") or {}
    return bool(queue.get("automate_region_weights", True)) or any(isinstance(weight, str) for weight in given.values())


def is_isolated(region: Mapping[str, Any]) -> bool:
    """Whether a region's workers cannot reach the main one: its endpoints lead to services of its own region. region: its body."""
    return region.get("subnet_config") == "PRIVATE_ISOLATED" and not region.get("main_region")


def useful(open_tasks: int, ratio: int, limited: Sequence[tuple[int, int]] = ()) -> int:
    """Open tasks that workers are wanted for: those of arrays with limits count as many as so many workers are for.

    limited: (open tasks, most that may run at once) of arrays that are counted in `open_tasks` and have a limit.
    """
    return max(0, open_tasks - sum(max(0, tasks - most * max(1, ratio)) for tasks, most in limited))


def shares(max_vcpus: int, environments: int) -> tuple[int, ...]:
    """vCPUs of a cluster's compute environments in a region: as equal as can be, the first have one more where it does not divide."""
    count = max(1, min(environments, max_vcpus // LEAST_SHARE))
    return tuple(max_vcpus // count + (number < max_vcpus % count) for number in range(count))


def requests(workers: int) -> Iterator[int]:
    """The sizes of the Batch jobs that so many workers are asked for with; 1 is a plain job, others are arrays."""
    for _ in range(workers // MOST_IN_ARRAY):
        yield MOST_IN_ARRAY
    if workers % MOST_IN_ARRAY:
        yield workers % MOST_IN_ARRAY


def _merged(equals: Sequence[Demand]) -> list[_Wish]:
    """One wish for each lane: the regions' parts are those of its queues, each as many times as it has open tasks."""
    found: dict[Lane, _Wish] = {}
    for demand in equals:
        wish = found.setdefault(demand.lane, _Wish(demand.lane))
        wish.tasks += max(0, demand.open_tasks)
        total = sum(demand.weights.values())
        for region, weight in demand.weights.items():
            if weight and demand.open_tasks > 0:
                wish.weights[region] = wish.weights.get(region, Fraction(0)) + Fraction(weight * demand.open_tasks, total)
    return list(found.values())


class Pace:
    """Not more than so many requests in any second: when the next one may be sent. Times are seconds of any one clock."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._sent: list[float] = []

    def wait_s(self, now: float) -> float:
        """So long the next one has to wait; the caller waits, and sends it."""
        self._sent = [at for at in self._sent if at > now - 1]
        at = max(now, self._sent[-self._per_s] + 1) if len(self._sent) >= self._per_s else now
        self._sent.append(at)
        return at - now


class _State:
    """A plan in the making: what is asked for so far, and what is free."""

    def __init__(
        self,
        demands: Sequence[Demand],
        shapes: Mapping[str, Shape],
        sites: Sequence[Site],
        crews: Mapping[tuple[Lane, str], Crew],
        ceilings: Mapping[tuple[Lane, str], int],
    ) -> None:
        self._demands, self._shapes, self._crews, self._ceilings = demands, shapes, crews, ceilings
        self._sites = {(site.cluster, site.region): site for site in sites}
        used: dict[Where, int] = defaultdict(int)
        for (lane, region), crew in crews.items():
            used[lane.cluster, region] += crew.all * self._vcpus(lane)
        self._room = {where: max(0, site.max_vcpus - used[where]) for where, site in self._sites.items()}
        self._asked: dict[tuple[Lane, str], int] = defaultdict(int)
        self._asked_of: dict[Lane, int] = defaultdict(int)
        self._open: dict[Lane, int] = defaultdict(int)
        self._there: dict[Lane, list[str]] = defaultdict(list)
        for lane, region in sorted(crews):
            self._there[lane].append(region)
        self._weighed: dict[Lane, set[str]] = defaultdict(set)
        for demand in demands:
            if demand.open_tasks:
                self._weighed[demand.lane] |= {region for region, weight in demand.weights.items() if weight}
        self._able = {lane: sum(self._counted(lane, region) for region in self._regions(lane)) for lane, _ in crews}

    def _vcpus(self, lane: Lane) -> int:
        return max(1, self._shapes[lane.definition].vcpus)

    def _regions(self, lane: Lane) -> list[str]:
        return self._there.get(lane, [])

    def _is_off(self, lane: Lane, region: str) -> bool:
        """Whether no queue with tasks of a lane has a weight there."""
        return lane in self._weighed and region not in self._weighed[lane]

    def _counted(self, lane: Lane, region: str) -> int:
        """Workers there that are counted as the lane's."""
        crew = self._crews.get((lane, region), Crew())
        return crew.running if self._is_off(lane, region) else crew.able

    # -- giving ----------------------------------------------------------------------------------------------------------
    def serve(self, wishes: list[_Wish]) -> None:
        """Give lanes of one cluster and priority what is free."""
        for wish in wishes:
            self._open[wish.lane] += wish.tasks
        while True:
            asks: dict[str, dict[Lane, int]] = defaultdict(dict)
            for wish in wishes:
                for region, workers in self._spread(wish).items():
                    asks[region][wish.lane] = workers
            if not asks:
                break
            for region in sorted(asks):
                for lane, workers in self._shared(region, asks[region]).items():
                    self._asked[lane, region] += workers
                    self._asked_of[lane] += workers
                    self._room[lane.cluster, region] -= workers * self._vcpus(lane)

    def _wanted(self, lane: Lane) -> int:
        """Workers that a lane wants for all tasks that were looked at so far."""
        return -(-self._open[lane] // max(1, self._shapes[lane.definition].ratio))

    def _missing(self, lane: Lane) -> int:
        return max(0, self._wanted(lane) - self._able.get(lane, 0) - self._asked_of[lane])

    def _spread(self, wish: _Wish) -> dict[str, int]:
        """What is missing over regions, with what of the lane is there; at most what is free."""
        lane, workers = wish.lane, self._missing(wish.lane)
        free = {region: self._free(lane, region) for region in sorted(wish.weights)} if workers else {}
        regions = {region: wish.weights[region] for region, most in free.items() if most}
        if not regions:
            return {}
        least = {region: self._have(lane, region) for region in regions}
        most = {region: least[region] + min(free[region], workers) for region in regions}
        found = fill(regions, least, most, sum(least.values()) + workers)
        return {region: found[region] - least[region] for region in regions if found[region] > least[region]}

    def _have(self, lane: Lane, region: str) -> int:
        return self._counted(lane, region) + self._asked[lane, region]

    def _free(self, lane: Lane, region: str) -> int:
        """Workers of a lane that could be asked for there."""
        able = self._crews.get((lane, region), Crew()).able + self._asked[lane, region]
        fit = self._fit(lane, region)
        return max(0, min(fit, self._ceilings.get((lane, region), able + fit) - able))

    def _fit(self, lane: Lane, region: str) -> int:
        """Workers of a lane that the cluster's limits leave room for there, 0 where it is closed."""
        site = self._sites.get((lane.cluster, region))
        if site is None or site.closed:
            return 0
        vcpus = self._vcpus(lane)
        most = sum(share // vcpus for share in shares(site.max_vcpus, site.environments))
        there = self._crews.get((lane, region), Crew()).all + self._asked[lane, region]
        return max(0, min(self._room[lane.cluster, region] // vcpus, most - there))

    def _shared(self, region: str, asks: Mapping[Lane, int]) -> dict[Lane, int]:
        """What is given of what lanes of one cluster ask for in a region: all of it where that fits."""
        vcpus = {lane: self._vcpus(lane) for lane in asks}
        room = self._room[next(iter(asks)).cluster, region]
        if sum(workers * vcpus[lane] for lane, workers in asks.items()) <= room:
            return dict(asks)
        least = {lane: self._have(lane, region) * vcpus[lane] for lane in asks}
        most = {lane: least[lane] + workers * vcpus[lane] for lane, workers in asks.items()}
        found = fill(dict.fromkeys(asks, 1), least, most, sum(least.values()) + room)
        given = {lane: (found[lane] - least[lane]) // vcpus[lane] for lane in asks}
        left = room - sum(workers * vcpus[lane] for lane, workers in given.items())
        for lane in sorted(asks, key=lambda lane: -((found[lane] - least[lane]) % vcpus[lane])):
            more = min(asks[lane] - given[lane], left // vcpus[lane])
            given[lane] += more
            left -= more * vcpus[lane]
        return {lane: workers for lane, workers in given.items() if workers}

    # -- telling ---------------------------------------------------------------------------------------------------------
    def course(self, lane: Lane) -> Course:
        """What came of it for a lane."""
        asked = {region: workers for (each, region), workers in sorted(self._asked.items()) if each == lane and workers}
        regions = sorted({region for demand in self._demands if demand.lane == lane for region, weight in demand.weights.items() if weight})
        short = self._missing(lane)
        full = tuple(region for region in regions if short and self._is_full(lane, region))
        return Course(self._wanted(lane), asked, self._spare(lane), short, full)

    def _is_full(self, lane: Lane, region: str) -> bool:
        site = self._sites.get((lane.cluster, region))
        return site is not None and not site.closed and not self._fit(lane, region)

    def _spare(self, lane: Lane) -> dict[str, int]:
        """Starting workers that are too many: all where the region is off, else those of the fullest regions."""
        found = {region: self._crews[lane, region].starting for region in self._regions(lane) if self._is_off(lane, region)}
        counted = [region for region in self._regions(lane) if region not in found]
        least = {region: self._crews[lane, region].running for region in counted}
        most = {region: self._crews[lane, region].able for region in counted}
        kept = fill(self._weight(lane, counted), least, most, self._wanted(lane) - sum(self._counted(lane, region) for region in found))
        found |= {region: most[region] - kept[region] for region in counted}
        return {region: workers for region, workers in sorted(found.items()) if workers}

    def _weight(self, lane: Lane, regions: Sequence[str]) -> dict[str, int]:
        """Of each region the largest weight that a queue of the lane gives it; 1 where none has tasks."""
        mine = [demand.weights for demand in self._demands if demand.lane == lane]
        return {region: max((given.get(region, 0) for given in mine), default=0) or 1 for region in regions}
