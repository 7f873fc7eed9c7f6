"""The instances of a host in a region, as EC2 describes them, and their end.

They are found by their tags: the host's, the cluster's, and the name of the request that they came of, by which they are found again when
nobody heard EC2's answer. Others, such as those that AWS Batch starts, have no such tag and are none of ours.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cyclone_core import naming

TAG_REQUEST = "cyclone:request"
_GONE = ("shutting-down", "terminated", "stopping", "stopped")
TAKEN = ("Server.SpotInstanceTermination", "Server.SpotInstanceShutdown")
FAILED = (
    "Client.InstanceInitiatedShutdown", "Client.InternalError", "Client.InvalidSnapshot.NotFound", "Client.VolumeLimitExceeded",
    "Server.InternalError",
)  # fmt: skip
"""Why an instance ended that nobody ended: its start failed, or (InternalError) its disk cannot be made, such as for want of its key."""
_MOST_TERMINATED = 500


class Client(Protocol):
    """The part of the lean client that is used here."""

    def ec2(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """An answer of EC2. Raises AwsError."""

    def ssm(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """An answer of Systems Manager. Raises AwsError."""


@dataclass(frozen=True)
class Instance:
    """One of ours, as EC2 describes it."""

    id: str
    cluster: str
    request: str
    type: str
    state: str
    launched_s: float
    """seconds since 1970"""
    reason: str = ""
    """code of why it ended"""

    @property
    def is_gone(self) -> bool:
        """Whether it does nothing any more."""
        return self.state in _GONE


def described(aws: Client, host: str, **only: str) -> list[Instance]:
    """The host's instances that were asked for, those that ended lately too. only: further tags and their values. Raises AwsError."""
    wanted = {naming.TAG_HOST: host, **only}
    filters = [{"Name": f"tag:{name}", "Value": [value]} for name, value in wanted.items()]
    found: list[Instance] = []
    token: dict[str, Any] = {}
    while True:
        answer = aws.ec2("DescribeInstances", Filter=filters, MaxResults=1000, **token)
        found += [_instance(each) for group in answer.get("reservationSet") or () for each in group.get("instancesSet") or ()]
        if not answer.get("nextToken"):
            return [each for each in found if each.request]
        token = {"NextToken": answer["nextToken"]}


def terminate(aws: Client, ids: Sequence[str]) -> None:
    """End some. Raises AwsError."""
    for first in range(0, len(ids), _MOST_TERMINATED):
        aws.ec2("TerminateInstances", InstanceId=list(ids[first : first + _MOST_TERMINATED]))


def _instance(body: Mapping[str, Any]) -> Instance:
    tags = {str(each.get("key")): str(each.get("value")) for each in body.get("tagSet") or ()}
    reason = body.get("stateReason") or {}
    return Instance(
        str(body["instanceId"]),
        tags.get(naming.TAG_NAME, ""),
        tags.get(TAG_REQUEST, ""),
        str(body.get("instanceType", "")),
        str((body.get("instanceState") or {}).get("name", "")),
        _seconds(str(body.get("launchTime", ""))),
        str(reason.get("code", "")) if isinstance(reason, Mapping) else "",
    )


def _seconds(text: str) -> float:
    """Seconds since 1970 of a time of EC2's, 2026-11-23T06:00:00.000Z."""
    import calendar

    try:
        return float(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")))
    except ValueError:
        return 0.0
