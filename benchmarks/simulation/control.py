"""The scaler and the router of the host: what they remember and do is replayed here, what they decide is the engine's own.

`fleet.Request` and `fleet.crews`, `failover.step` and `arranged`, `capacity.decide`, `making_room`, `requests` and `Pace`, `health.seen`,
`routing.weigh`. One lane of one cluster.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.simulation.loop import Loop
from benchmarks.simulation.regions import Place, at
from benchmarks.simulation.work import Work
from cyclone_core.scheduler import capacity, failover, health, routing
from cyclone_core.scheduler.capacity import Course, Crew, Demand, Lane, Pace, Shape, Site
from cyclone_core.scheduler.dynamo import fleet
from cyclone_core.scheduler.dynamo.acting import UNWANTED_S
from cyclone_core.scheduler.dynamo.batch_region import SUBMISSIONS_PER_S
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.failover import CLOSED, Asked
from cyclone_core.scheduler.health import Health, News
from cyclone_core.scheduler.routing import Routing, Signals

FIRST_LOOK_S, LOOK_S, WEIGH_S = 3.0, 60.0, 600.0
"""The scaler looks soon after a submission, then each minute; the router each ten."""
LANE = Lane("grid", "task")
EPOCH_MS = 1_700_000_000_000
SILENT = "does not answer"


@dataclass
class Totals:
    """What was done."""

    looks: int = 0
    requests: int = 0
    asked: int = 0
    ended: int = 0
    opened: int = 0
    closed: int = 0
    weighings: int = 0
    changes: int = 0
    over_limit: int = 0
    """looks that found more workers in a region than the cluster may have there: must stay 0"""


@dataclass
class Control:
    """The host. limit: of the array, most tasks at once, 0 none; max_vcpus: of the cluster in each region; is_routed: weights by signals."""

    loop: Loop
    work: Work
    places: Sequence[Place]
    max_vcpus: int
    limit: int = 0
    is_routed: bool = True
    cluster: Mapping[str, object] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    healths: dict[str, Health] = field(default_factory=dict)
    routing: Routing | None = None
    totals: Totals = field(default_factory=Totals)
    weights: list[tuple[float, dict[str, int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Nothing was asked yet."""
        self.chain = failover.rungs(self.cluster)
        self._by_name = {place.weather.name: place for place in self.places}
        self._paces = {name: Pace(SUBMISSIONS_PER_S) for name in self._by_name}
        self._told = dict.fromkeys(self._by_name, (0, 0.0, 0, 0.0))
        self._taken: dict[str, int] = {}

    @property
    def now_ms(self) -> int:
        """As the engine counts."""
        return EPOCH_MS + int(self.loop.now * 1000)

    # -- the router --------------------------------------------------------------------------------------------------------------
    def weigh(self) -> None:
        """Weights from what can be known of regions."""
        self.loop.after(WEIGH_S, self.weigh)
        signals = []
        for name, place in self._by_name.items():
            seen, weather, now = self.healths.get(name, Health()), place.weather, self.loop.now
            score, usd = at(weather.scores, now, 600.0), at(weather.usd, now, 600.0)
            left = health.why_left(seen, self.now_ms)
            signals.append(Signals(name, score, usd, weather.ondemand_usd, seen.start_s, seen.delivered, seen.interruptions, left))
        before, self.routing = self.routing, routing.weigh(signals, self.routing)
        self.totals.weighings += 1
        self.totals.changes += before is not None and before.base != self.routing.base
        self.weights.append((self.loop.now, dict(self.routing.weights)))

    # -- the scaler --------------------------------------------------------------------------------------------------------------
    def look(self) -> None:
        """One look: see, decide, ask and end."""
        self.loop.after(LOOK_S, self.look)
        self.totals.looks += 1
        self._see()
        stands = {name: self._step(name) for name in self._by_name}
        silent = {name for name, stand in stands.items() if self._by_name[name].is_dead and stand.breaker.state != CLOSED}
        relied_on = [replace(each, ended=each.at) if each.region in silent else each for each in self.requests.values()]
        crews = fleet.crews(relied_on, self.now_ms)
        self.totals.over_limit += sum(crew.all > self.max_vcpus for crew in crews.values())
        course = self._decide(stands, crews)
        for name, workers in course.spare.items():
            self._end(name, workers, stands[name].breaker.state != CLOSED)
        for name, workers in course.asked.items():
            self._ask(name, workers, stands[name].rung)

    def _see(self) -> None:
        """What regions tell of requests; and what came of workers since."""
        for request in list(self.requests.values()):
            place = self._by_name[request.region]
            if place.is_dead:
                continue
            order = place.orders[request.name]
            self.requests[request.name] = replace(
                request, running=order.running, over=order.over, placed=request.workers - order.waiting, seen=self.now_ms,
                moved=EPOCH_MS + int(order.moved * 1000) if order.moved >= 0 else 0, taken=order.taken,
            )  # fmt: skip
            if self.requests[request.name].is_over:
                del self.requests[request.name], place.orders[request.name]
        for name, place in self._by_name.items():
            if not place.is_dead:
                worked_s = place.worked_s + sum(self.loop.now - worker.since for worker in place.workers)
                now = place.began, place.waited_s, place.taken, worked_s
                began, waited_s, taken, seconds = (after - before for after, before in zip(now, self._told[name], strict=True))
                self._told[name] = now
                self._taken[name] = taken
                news = News(began, waited_s, 0, seconds, taken)
                self.healths[name] = health.seen(self.healths.get(name, Health()), news, self.now_ms)

    def _step(self, name: str) -> failover.Stand:
        known = self.healths.get(name, Health())
        before = health.stand_of(known, LANE.definition)
        mine = [request for request in self.requests.values() if request.region == name and not request.ended]
        asked = [
            Asked(
                request.at,
                request.workers,
                request.waiting,
                request.moved,
                request.rung,
                request.starting + request.running - request.waiting,
            )
            for request in mine
        ]
        error = SILENT if self._by_name[name].is_dead else ""
        is_alone = all(self._is_left(other) for other in self._by_name if other != name)
        stand = failover.step(before, self.chain, asked, self.now_ms, error, is_alone, self._taken.pop(name, 0))
        self.totals.opened += stand.breaker.count > before.breaker.count
        self.totals.closed += before.breaker.state != CLOSED and stand.breaker.state == CLOSED
        self.healths[name] = replace(known, stands={LANE.definition: stand})
        return stand

    def _is_left(self, name: str) -> bool:
        return health.breaker(self.healths.get(name, Health())).state != CLOSED

    def _decide(self, stands: Mapping[str, failover.Stand], crews: Mapping[tuple[Lane, str], Crew]) -> Course:
        base = dict(self.routing.base) if self.routing and self.is_routed else dict.fromkeys(self._by_name, 1)
        weights = {name: weight for name, weight in base.items() if stands[name].breaker.state == CLOSED}
        tasks = capacity.useful(self.work.open, 1, [(self.work.open, self.limit)] if self.limit else ())
        sites = [Site(LANE.cluster, name, self.max_vcpus, closed=SILENT if place.is_dead else "") for name, place in self._by_name.items()]
        demands, shapes = [Demand(LANE, "default", tasks, 0, weights)], {LANE.definition: Shape()}
        known = {(LANE, name): stand for name, stand in stands.items()}
        plan = failover.planned(demands, shapes, sites, crews, known, self.now_ms)
        course = plan.get(LANE, Course(0, {}, {}, 0, ()))
        mine = {region: crew for (_, region), crew in crews.items()}
        free = {name: self.max_vcpus - mine.get(name, Crew()).all - course.asked.get(name, 0) for name in self._by_name}
        return failover.arranged(course, stands, mine, {name: 0 if self._by_name[name].is_dead else free[name] for name in free})

    def _ask(self, name: str, workers: int, rung: str) -> None:
        for count in capacity.requests(workers):
            number = f"r{self.totals.requests}"
            wait_s = self._paces[name].wait_s(self.loop.now)
            self.requests[number] = Request(LANE.cluster, name, number, LANE.definition, count, 1, self.now_ms, batch=number, rung=rung)
            self.totals.requests += 1
            self.totals.asked += count
            self.loop.after(wait_s, self._by_name[name].submit, number, count)
            assert wait_s < LOOK_S

    def _end(self, name: str, workers: int, is_left: bool) -> None:
        """What waits too long for nothing: the newest first, as the scaler does it."""
        mine = [request for request in self.requests.values() if request.region == name and request.starting]
        for request in sorted(mine, key=lambda request: -request.at):
            is_old = is_left or self.now_ms - request.at >= UNWANTED_S * 1000
            if workers > 0 and is_old and not self._by_name[name].is_dead:
                ended = self._by_name[name].end(request.name, workers)
                workers -= ended
                self.totals.ended += ended
                if is_left:
                    self.healths[name] = health.seen(self.healths[name], News(failed=ended), self.now_ms)
                self.requests[request.name] = replace(request, over=request.over + ended)
