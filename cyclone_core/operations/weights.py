"""Use case: how a queue's work is shared over regions, and why so. The weight of each region, what it was decided from, how workers come
there, and what the weights were before.

The values are the same for every host; a local one has one region, this machine. Nothing is written, and AWS is asked for nothing but the
host's own items. Every price has a date, every score an age, and what is not known is None, never a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cyclone_core.errors import NotFound
from cyclone_core.operations.queries import HostView
from cyclone_core.scheduler.references import LOCAL_REGION

ONE_REGION = "this host has one region, this machine: there is nothing to weigh"


@dataclass(frozen=True)
class RegionWeight:
    """A region of a queue."""

    region: str
    weight: int
    """as it counts now, relative to the others; 0 for nothing"""
    share: float
    """of all weights, 0 to 1"""
    joined: bool = False
    """a site of machines that joined: they take whatever waits, whatever weights say"""
    running: int = 0
    """workers of the queue's cluster that run there, of machines their slots"""
    starting: int = 0
    """those that were asked for and have not started"""
    score: float | None = None
    """spot placement score, 1 to 10"""
    score_at: float | None = None
    """when AWS gave it, seconds since 1970, as all times here"""
    spot_usd: float | None = None
    """USD of a vCPU hour on spot, the median of the cluster's types"""
    spot_at: float | None = None
    ondemand_usd: float | None = None
    """the same by the price list"""
    ondemand_date: str = ""
    """of the price list, ISO"""
    start_s: float | None = None
    """mean seconds from a request to a running worker"""
    delivered: float | None = None
    """share of the workers asked for that came, 0 to 1"""
    interruptions: float | None = None
    """workers taken away for each hour that one ran"""
    breaker: str = "closed"
    """closed: it is asked for workers; open: it is left alone; trying: it is asked for one"""
    breaker_since: float | None = None
    breaker_until: float | None = None
    breaker_why: str = ""
    rung: str = ""
    """step of the cluster's fallback chain that workers are asked for on, "" for the first; of several lanes the last step"""
    factors: Mapping[str, float] = field(default_factory=dict)
    """score, price, start, delivered, interruptions -> what it multiplied the weight by; {} where the queue has numbers"""
    unknown: tuple[str, ...] = ()
    """those that were not known, and count as usual ones do"""
    why: str = ""
    """why it has this weight, in one line"""

    @property
    def is_on(self) -> bool:
        """Whether it gets work now."""
        return self.joined or (self.weight > 0 and self.breaker != "open")


@dataclass(frozen=True)
class MissingInput:
    """Something that weights were decided without."""

    what: str
    """`score eu-west-1`, `spot price eu-west-1`, `score` of all regions"""
    why: str
    since: float


@dataclass(frozen=True)
class WeightsChange:
    """What a cluster's automatic weights were changed to."""

    at: float
    weights: Mapping[str, int]
    """per cent"""
    why: tuple[str, ...]
    """what had changed, each in a line"""


@dataclass(frozen=True)
class QueueWeights:
    """A queue with its regions."""

    queue: str
    cluster: str
    automatic: bool
    """whether Cyclone chooses the weights"""
    regions: tuple[RegionWeight, ...]
    """by name, those of AWS first; of a cluster of machines that join only where such are"""
    decided: float | None = None
    """when the automatic weights were decided last, None while none are"""
    note: str = ""
    """what whoever looks should know, in one line: that no weights are decided yet, or why they do not count"""
    missing: tuple[MissingInput, ...] = ()
    history: tuple[WeightsChange, ...] = ()
    """the newest first; of the cluster's automatic weights"""
    joins: bool = False
    """whether its cluster is made of machines that join, so that nothing is weighed"""


def weights_view(host: HostView, queue: str | None = None) -> tuple[QueueWeights, ...]:
    """The queues of a host, or one of them, by name. Raises NotFound, and CycloneError where AWS cannot be asked."""
    if host.type == "aws":
        from cyclone_core.operations import aws_weights
        from cyclone_core.operations.aws_view import AwsView

        assert isinstance(host, AwsView), "what this machine knows of a host does not tell of weights"
        found = aws_weights.read(host.host, queue)
    else:
        names = host.reader.resource_names("queue") or sorted(host.first_queues)
        found = tuple(_local(host, name) for name in names if queue in (None, name))
    if queue is not None and not found:
        raise NotFound(f"there is no queue {queue!r} on host {host.name!r}. See hyper queues list-queues")
    return found


def _local(host: HostView, queue: str) -> QueueWeights:
    body, _ = host.reader.resource("queue", queue) or ({}, "")
    region = RegionWeight(LOCAL_REGION, 1, 1.0, why="the only one")
    return QueueWeights(queue, str(body.get("cluster", "default")), False, (region,), note=ONE_REGION)
