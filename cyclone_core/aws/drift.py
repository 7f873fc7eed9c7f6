"""How the resources of a stack differ from its template, because somebody changed them beside CloudFormation: asked of CloudFormation.

It compares properties that a template gives, of types that it can read; others are not among the answers.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cyclone_core.aws.stacks import Stacks
from cyclone_core.errors import AwsError

_FIRST_LOOK_S, _LAST_LOOK_S = 0.2, 5.0
_ALREADY = "already in progress"
"""How CloudFormation says that somebody else has a stack looked at just now."""
_TRIES = 30


@dataclass(frozen=True)
class Difference:
    """One property."""

    path: str
    """Such as `ComputeResources/MaxvCpus`."""
    expected: str
    """As the template has it; "" where somebody added it."""
    actual: str
    """"" where somebody removed it."""


@dataclass(frozen=True)
class DriftedResource:
    """A resource that is not as its template says."""

    logical_id: str
    type: str
    physical_id: str
    status: Literal["MODIFIED", "DELETED"]
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class StackDrift:
    """What was found of a stack."""

    resources: tuple[DriftedResource, ...] = ()
    incomplete: str = ""
    """why not all of it could be looked at, "" when it was"""


def detect(stacks: Stacks, name: str, sleep: Callable[[float], None] = time.sleep) -> StackDrift:
    """Have a stack compared with what is there, and wait for it: seconds to minutes. Raises AwsError."""
    client = stacks.account.client("cloudformation", stacks.region)
    detection = _begin(stacks, name, sleep)
    pause = _FIRST_LOOK_S
    while (now := client.ask("DescribeStackDriftDetectionStatus", StackDriftDetectionId=detection))["DetectionStatus"] not in _OVER:
        sleep(pause)
        pause = min(pause * 1.5, _LAST_LOOK_S)
    found = tuple(sorted(map(_resource, _drifted(client, name)), key=lambda each: each.logical_id))
    return StackDrift(found, str(now.get("DetectionStatusReason") or "") if now["DetectionStatus"] != "DETECTION_COMPLETE" else "")


_OVER = ("DETECTION_COMPLETE", "DETECTION_FAILED")


def _begin(stacks: Stacks, name: str, sleep: Callable[[float], None]) -> str:
    """The id of a detection; while somebody else has one made, ours waits."""
    client = stacks.account.client("cloudformation", stacks.region)
    for left in reversed(range(_TRIES)):
        try:
            return str(client.ask("DetectStackDrift", StackName=name)["StackDriftDetectionId"])
        except AwsError as exc:
            if _ALREADY not in str(exc) or not left:
                raise
        sleep(_LAST_LOOK_S)
    raise AssertionError


def _drifted(client: Any, name: str) -> Iterator[Mapping[str, Any]]:
    token: dict[str, str] = {}
    while True:
        filters = ["MODIFIED", "DELETED"]
        page = client.ask("DescribeStackResourceDrifts", StackName=name, StackResourceDriftStatusFilters=filters, **token)
        yield from page.get("StackResourceDrifts") or ()
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


def _resource(entry: Mapping[str, Any]) -> DriftedResource:
    differences = tuple(
        Difference(str(each["PropertyPath"]).strip("/"), _shown(each["ExpectedValue"]), _shown(each["ActualValue"]))
        for each in entry.get("PropertyDifferences") or ()
    )
    return DriftedResource(
        str(entry["LogicalResourceId"]), str(entry["ResourceType"]), str(entry.get("PhysicalResourceId") or ""),
        entry["StackResourceDriftStatus"], differences,
    )  # fmt: skip


def _shown(value: object) -> str:
    """CloudFormation writes `null` for what is not there."""
    return "" if value in (None, "null") else str(value)
