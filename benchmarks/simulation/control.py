"""The scaler and the router of the host. The scaler is the engine's own (`scheduler.dynamo.scaling`), on a table in memory and with regions
that are played; of the router what it remembers and does is replayed here, what it decides is the engine's own (`routing.weigh`).

One lane of one cluster.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from benchmarks.simulation.loop import Loop
from benchmarks.simulation.regions import Place, at
from benchmarks.simulation.work import Work
from cyclone_core.errors import AwsError, RegionUnavailable
from cyclone_core.scheduler import health, routing
from cyclone_core.scheduler.capacity import Lane, Pace
from cyclone_core.scheduler.dynamo import fleet, health_items, keys, routing_items
from cyclone_core.scheduler.dynamo.batch_region import SUBMISSIONS_PER_S
from cyclone_core.scheduler.dynamo.fleet import Fleet, Request
from cyclone_core.scheduler.dynamo.region_driver import Sight
from cyclone_core.scheduler.dynamo.scaling import Scaler
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.failover import CLOSED
from cyclone_core.scheduler.health import Health
from cyclone_core.scheduler.routing import Routing, Signals
from tests.dynamo.memory import MemoryDynamo

FIRST_LOOK_S, LOOK_S, WEIGH_S = 3.0, 60.0, 600.0
"""The scaler looks soon after a submission, then each minute; the router each ten."""
QUEUE, LANE = "default", Lane("grid", "task")
JOB = 1
EPOCH_MS = 1_700_000_000_000


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
    """looks after which more workers were asked for in a region than the cluster may have there: must stay 0"""


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
    routing: Routing | None = None
    totals: Totals = field(default_factory=Totals)
    weights: list[tuple[float, dict[str, int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Nothing was asked yet."""
        self._by_name = {place.weather.name: place for place in self.places}
        self._dynamo, names = MemoryDynamo(lambda: self.now_ms), count()
        self._table = Table(self._dynamo, "jobs")
        self._fleet = Fleet(self._table, lambda: f"{next(names):06d}")
        regions = {name: _Region(place, self.loop, self.totals) for name, place in self._by_name.items()}
        bodies = self._bodies()
        self._scaler = Scaler(self._table, lambda: bodies, regions.__getitem__, lambda: self.now_ms, self._fleet)
        if self.limit:
            self._table.put((keys.LIMITED, str(JOB)), {"q": QUEUE, "d": LANE.definition, "lm": self.limit})

    def _bodies(self) -> dict[str, dict[str, dict[str, object]]]:
        """The host's records."""
        weights = {} if self.is_routed else dict.fromkeys(self._by_name, 1)
        return {
            "queue": {QUEUE: {"cluster": LANE.cluster, "automate_region_weights": self.is_routed, "region_distribution_weights": weights}},
            "cluster": {LANE.cluster: {**self.cluster, "max_vcpus": self.max_vcpus}},
            "definition": {LANE.definition: {"vcpus": 1, "image_uri": "an-image"}},
            "region": {name: {} for name in self._by_name},
        }

    @property
    def now_ms(self) -> int:
        """As the engine counts."""
        return _ms(self.loop.now)

    # -- the router --------------------------------------------------------------------------------------------------------------
    def weigh(self) -> None:
        """Weights from what can be known of regions."""
        self.loop.after(WEIGH_S, self.weigh)
        known, signals = health_items.read(self._table), []
        for name, place in self._by_name.items():
            seen, weather, now = known.get((LANE.cluster, name), Health()), place.weather, self.loop.now
            score, usd = at(weather.scores, now, 600.0), at(weather.usd, now, 600.0)
            left = health.why_left(seen, self.now_ms)
            signals.append(Signals(name, score, usd, weather.ondemand_usd, seen.start_s, seen.delivered, seen.interruptions, left))
        before, self.routing = self.routing, routing.weigh(signals, self.routing)
        routing_items.write(self._table, LANE.cluster, {"at": self.now_ms, "base": dict(self.routing.base)})
        self.totals.weighings += 1
        self.totals.changes += before is not None and before.base != self.routing.base
        self.weights.append((self.loop.now, dict(self.routing.weights)))

    # -- the scaler --------------------------------------------------------------------------------------------------------------
    def look(self) -> None:
        """One look of the scaler, at what the accountant has counted by now."""
        self.loop.after(LOOK_S, self.look)
        self._count()
        before = self._left()
        report = self._scaler.run()
        after = self._left()
        self.totals.looks += 1
        self.totals.requests += report.requests
        self.totals.asked += sum(report.asked.values())
        self.totals.opened += sum(number > before.get(name, (0, False))[0] for name, (number, _) in after.items())
        self.totals.closed += sum(was and not after.get(name, (0, False))[1] for name, (_, was) in before.items())
        crews = fleet.crews(self._fleet.all(), self.now_ms)
        self.totals.over_limit += sum(crew.all > self.max_vcpus for crew in crews.values())
        self._dynamo.stream.clear()

    def _count(self) -> None:
        """What the accountant writes."""
        self._table.put((keys.TOTALS, f"{QUEUE}#{LANE.definition}#0"), {"c0": self.work.open})
        if self.limit:
            self._table.put(keys.total(JOB), {"c0": self.work.open})

    def _left(self) -> dict[str, tuple[int, bool]]:
        """Region -> how often it was left, and whether it is now."""
        known = {region: health.stand_of(each, LANE.definition).breaker for (_, region), each in health_items.read(self._table).items()}
        return {region: (breaker.count, breaker.state != CLOSED) for region, breaker in known.items()}


class _Region:
    """A place, as the scaler asks it."""

    def __init__(self, place: Place, loop: Loop, totals: Totals) -> None:
        self._place, self._loop, self._totals, self._pace = place, loop, totals, Pace(SUBMISSIONS_PER_S)

    def look(self, clusters: Mapping[str, Mapping[str, object]], requests: Sequence[Request], now_ms: int) -> Sight:
        """What it tells of requests."""
        if self._place.is_dead:
            return Sight("it does not answer", requests=list(requests))
        return Sight(requests=[self._as_it_is(request, now_ms) for request in requests])

    def _as_it_is(self, request: Request, now_ms: int) -> Request:
        order = self._place.orders[request.name]
        if order.over >= request.workers:
            del self._place.orders[request.name]
        return replace(
            request, running=order.running, over=order.over, placed=request.workers - order.waiting - request.given_up, seen=now_ms,
            came=_ms(order.came), moved=_ms(order.moved), taken=order.taken,
        )  # fmt: skip

    def submit(self, request: Request) -> Request:
        """Ask for workers, as fast as AWS Batch takes requests. Raises RegionUnavailable."""
        if self._place.is_dead:
            raise RegionUnavailable("it does not answer")
        wait_s = self._pace.wait_s(self._loop.now)
        assert wait_s < LOOK_S
        self._loop.after(wait_s, self._place.submit, request.name, request.workers)
        return replace(request, batch=request.name)

    def end(self, request: Request, workers: int, reason: str, now_ms: int) -> Request:
        """End workers that have no instance."""
        ended = self._place.end(request.name, workers)
        self._totals.ended += ended
        return replace(request, over=request.over + ended, given_up=request.given_up + ended)

    def is_certain(self, request: Request, exc: AwsError) -> bool:
        """Who does not answer was not asked."""
        return True


def _ms(seconds: float) -> int:
    """As the engine counts; 0: never."""
    return EPOCH_MS + int(seconds * 1000) if seconds >= 0 else 0
