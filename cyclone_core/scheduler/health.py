"""How workers of a cluster came in a region lately, and where its places stand: what a HEALTH item holds. Pure.

Averages are of sums that fade: what is seen now counts half after an hour, so that a quiet night leaves a guess and no certainty. Times are
milliseconds since 1970.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cyclone_core.scheduler.failover import CLOSED, TRYING, Breaker, Stand

FADE_MS = 3_600_000
"""After so long what was observed counts half."""
FORGOTTEN_MS = 3_600_000
"""A breaker that nobody has looked at for so long after its pause keeps no region from being weighed."""
_LEAST_WORKERS = 0.1
"""Workers that have to be left of the sums for an average to say something: more than three hours after the only one there is none."""
_HOUR_S = 3600


@dataclass(frozen=True)
class News:
    """What happened to the workers of a cluster in a region between two looks."""

    began: int = 0
    """workers that began to run"""
    waited_s: float = 0.0
    """seconds from the request to that, all of them together"""
    failed: int = 0
    """workers that were asked for and given up by a step of the chain before they came"""
    worker_s: float = 0.0
    """seconds that workers ran, all together"""
    taken: int = 0
    """workers whose instances were taken away (spot interruptions)"""


@dataclass(frozen=True)
class Health:
    """How workers of a cluster come in a region, and whether it is left alone. Sums fade: see `FADE_MS`."""

    at: int = 0
    """ms: when it was last added to"""
    began: float = 0.0
    waited_s: float = 0.0
    failed: float = 0.0
    worker_h: float = 0.0
    """hours that workers ran"""
    taken: float = 0.0
    stands: Mapping[str, Stand] = field(default_factory=dict)
    """definition -> where its place stands; of those that want workers, and those that are not as usual"""

    @property
    def start_s(self) -> float | None:
        """Mean seconds from a request to a running worker; None while too little is known."""
        return self.waited_s / self.began if self.began >= _LEAST_WORKERS else None

    @property
    def delivered(self) -> float | None:
        """Share of the workers asked for that came, 0 to 1; None while too little is known."""
        total = self.began + self.failed
        return self.began / total if total >= _LEAST_WORKERS else None

    @property
    def interruptions(self) -> float | None:
        """Workers taken away for each hour that one ran; None with less than an hour of work known."""
        return self.taken / self.worker_h if self.worker_h >= 1 else None


def seen(health: Health, news: News, now_ms: int) -> Health:
    """The averages with what happened since they were last added to; stands as they were."""
    kept = 0.5 ** (max(0, now_ms - health.at) / FADE_MS) if health.at else 0.0
    return replace(
        health,
        at=now_ms,
        began=health.began * kept + news.began,
        waited_s=health.waited_s * kept + news.waited_s,
        failed=health.failed * kept + news.failed,
        worker_h=health.worker_h * kept + news.worker_s / _HOUR_S,
        taken=health.taken * kept + news.taken,
    )


def stand_of(health: Health, definition: str) -> Stand:
    """A place's stand. One of which nothing is known begins as left where all others of the cluster there are left."""
    known = health.stands.get(definition)
    if known is not None:
        return known
    whole = breaker(health)
    return Stand(breaker=whole) if whole.state != CLOSED else Stand()


def breaker(health: Health) -> Breaker:
    """That of the whole cluster in the region: closed when one place's is, else that of the place that is tried first."""
    known = [stand.breaker for stand in health.stands.values()]
    if not known or any(each.state == CLOSED for each in known):
        return next((each for each in known if each.state == CLOSED), Breaker())
    return min(known, key=lambda each: (each.state != TRYING, each.until))


def why_left(health: Health, now_ms: int) -> str:
    """Why a region is left alone, "" when it is not: for `routing.Signals.closed`."""
    whole = breaker(health)
    if whole.state == CLOSED or now_ms - whole.until >= FORGOTTEN_MS:
        return ""
    return whole.why or "its workers do not come"


def to_body(health: Health) -> dict[str, Any]:
    """As JSON writes it, for an item."""
    found = {name: value if isinstance(value, int) else round(value, 4) for name, value in _sums(health).items()}
    return {**found, "stands": {name: asdict(stand) for name, stand in sorted(health.stands.items())}}


def of_body(body: Mapping[str, Any]) -> Health:
    """What `to_body` made, {} of a place of which nothing is known; fields that are not known here are passed over."""
    sums = {name: body[name] for name in _sums(Health()) if name in body}
    return Health(**sums, stands={name: _stand(stand) for name, stand in (body.get("stands") or {}).items()})


def _sums(health: Health) -> dict[str, Any]:
    return {name: getattr(health, name) for name in ("at", "began", "waited_s", "failed", "worker_h", "taken")}


def _stand(body: Mapping[str, Any]) -> Stand:
    mine = {name: value for name, value in body.items() if name in Stand.__dataclass_fields__ and name != "breaker"}
    kept = {name: value for name, value in (body.get("breaker") or {}).items() if name in Breaker.__dataclass_fields__}
    return Stand(**mine, breaker=Breaker(**kept))
