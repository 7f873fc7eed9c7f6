"""A region as the scaler sees it, whatever its workers run on: can workers be asked for, how are those that were, ask for some, end some.

There is one driver for each launch type (`batch_region`, `ec2_region`); `ByLaunchType` is a region in which clusters of several are, and
sends each request to its own. Machines that join by themselves are asked of nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.lane_words import JOINS

BATCH, EC2, ONPREM = "BATCH", "EC2", "ONPREM"
"""Launch types of clusters."""
NO_ROOM = "NoRoom"
"""Code of an error of `submit`: what the cluster may have still holds nobody. The region was not asked."""
Body = Mapping[str, Any]


@dataclass
class Sight:
    """What is seen in a region."""

    error: str = ""
    """why nothing is, "" when it answers"""
    closed: dict[str, str] = field(default_factory=dict)
    """cluster -> why no workers can be asked for"""
    requests: list[Request] = field(default_factory=list)
    """those that were looked for, as they are now; those that never came to be are left out"""
    missing: dict[str, dict[str, str]] = field(default_factory=dict)
    """cluster -> step of its fallback chain -> why it cannot be taken"""
    instances: dict[str, dict[str, str]] = field(default_factory=dict)
    """cluster -> environment -> what its instances are made from, as a hash (`instances`)"""


class RegionDriver(Protocol):
    """One region's workers of one launch type. One thread uses it at a time."""

    def look(self, clusters: Mapping[str, Body], requests: Sequence[Request], now_ms: int) -> Sight:
        """Whether clusters (name -> body) can be asked for workers, and how requests are. Raises no AwsError: it is in the answer."""

    def submit(self, request: Request) -> Request:
        """Ask for the workers of a request that is written down; with its id. Raises AwsError; `is_certain` tells what that means."""

    def end(self, request: Request, workers: int, reason: str, now_ms: int) -> Request:
        """End so many workers of a request that have not started, as it is then. Raises AwsError."""

    def is_certain(self, request: Request, exc: AwsError) -> bool:
        """Whether an error of `submit` says that nothing was asked for; else nobody knows yet."""


class ByLaunchType:
    """A region with clusters of several launch types."""

    def __init__(self, drivers: Mapping[str, RegionDriver]) -> None:
        """drivers: launch type -> who asks for its workers."""
        self._drivers = drivers

    def look(self, clusters: Mapping[str, Body], requests: Sequence[Request], now_ms: int) -> Sight:
        """What all of them see; where one sees nothing its clusters are closed, and its requests are as they were."""
        found = Sight(closed={name: JOINS for name, body in clusters.items() if launch_type(body) == ONPREM})
        errors = []
        for launch, driver in self._drivers.items():
            mine = {name: body for name, body in clusters.items() if launch_type(body) == launch}
            asked = [request for request in requests if request.launch == launch]
            if not (mine or asked):
                continue
            sight = driver.look(mine, asked, now_ms)
            errors.append(sight.error)
            found.closed |= dict.fromkeys(mine, sight.error) if sight.error else sight.closed
            found.requests += sight.requests
            found.missing |= sight.missing
            found.instances |= sight.instances
        found.error = errors[0] if errors and all(errors) else ""
        return found

    def submit(self, request: Request) -> Request:
        """Ask whoever is for it."""
        return self._drivers[request.launch].submit(request)

    def end(self, request: Request, workers: int, reason: str, now_ms: int) -> Request:
        """Have it ended by whoever was asked."""
        return self._drivers[request.launch].end(request, workers, reason, now_ms)

    def is_certain(self, request: Request, exc: AwsError) -> bool:
        """As whoever was asked says."""
        return self._drivers[request.launch].is_certain(request, exc)


def launch_type(body: Body) -> str:
    """Of a cluster. body: its record."""
    return str(body.get("launch_type") or BATCH)


def shortened(exc: AwsError) -> str:
    """An error as a reason in the middle of a line: without what the user is told to do."""
    return " ".join(str(exc).split()).partition(". ")[0].rstrip(".")
