"""Where instances of a cluster may be launched in a region: the subnets that its stack names in a parameter, and their zones."""

import time
from collections.abc import Callable, Iterator, Sequence

from cyclone_core import naming
from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo.ec2_instances import Client
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.region_driver import Body

_KEPT_S = 900.0
"""They are remembered for so long."""


class Places:
    """Those of a host's clusters in one region."""

    def __init__(self, aws: Client, host: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._aws, self._host, self._clock = aws, host, clock
        self._known: dict[str, tuple[float, tuple[tuple[str, str], ...]]] = {}

    def of(self, cluster: str) -> tuple[tuple[str, str], ...]:
        """(zone, subnet) of a cluster, one for each zone; () when there are none. Raises AwsError."""
        known = self._known.get(cluster)
        if known is None or self._clock() - known[0] > _KEPT_S:
            known = self._clock(), tuple(self._look_up(cluster))
            self._known[cluster] = known
        if not known[1]:
            del self._known[cluster]  # a stack that is being made: the next look asks again
        return known[1]

    def asked(self, request: Request, cluster: Body) -> Sequence[tuple[str, str]]:
        """Those of its cluster that a request is for: the first zones, and all from the rung `zones` on. Raises AwsError."""
        places, first = self.of(request.cluster), cluster.get("first_zones")
        return places[: int(first)] if first and request.rung in ("", "instance-types") else places

    def _look_up(self, cluster: str) -> Iterator[tuple[str, str]]:
        name = naming.subnets_of(self._host, cluster)
        try:
            listed = str(self._aws.ssm("GetParameter", Name=name)["Parameter"]["Value"]).split(",")
        except AwsError as exc:
            if exc.code != "ParameterNotFound":
                raise
            return
        answer = self._aws.ec2("DescribeSubnets", SubnetId=listed)
        zones = {str(each["subnetId"]): str(each["availabilityZone"]) for each in answer.get("subnetSet") or ()}
        seen: set[str] = set()
        for subnet in listed:
            zone = zones.get(subnet)
            if zone is not None and zone not in seen:  # a fleet takes one subnet of each zone
                seen.add(zone)
                yield zone, subnet
