"""Stacks of CloudFormation, their resources and events, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_WHOLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE")


@dataclass(frozen=True)
class StackNow:
    """A stack as it is."""

    name: str
    id: str
    """ARN; another one for each stack of the same name"""
    status: str
    """CloudFormation's word: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html"""
    reason: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    created: float = 0.0
    """seconds since 1970"""
    updated: float = 0.0
    """of its last change, its creation when it never changed"""

    @property
    def in_progress(self) -> bool:
        """Whether something is being done to it."""
        return self.status.endswith("_IN_PROGRESS") and not self.is_empty

    @property
    def is_empty(self) -> bool:
        """Whether there is but a change set that would create it."""
        return self.status == "REVIEW_IN_PROGRESS"

    @property
    def is_deleted(self) -> bool:
        """Whether it is gone; deleted stacks are found by their id."""
        return self.status == "DELETE_COMPLETE"

    @property
    def is_usable(self) -> bool:
        """Whether it is whole: as it was wanted last, or after an undone change as it was before."""
        return self.status in _WHOLE


@dataclass(frozen=True)
class StackResource:
    """A resource of a stack."""

    logical_id: str
    type: str
    physical_id: str
    status: str
    reason: str = ""


@dataclass(frozen=True)
class StackEvent:
    """Something that happened to a stack or to a resource of it."""

    id: str
    at: float
    """seconds since 1970"""
    logical_id: str
    """the stack's name when it is about the stack itself"""
    type: str
    status: str
    reason: str = ""
    physical_id: str = ""
    token: str = ""
    """of the operation"""
    stack_id: str = ""

    @property
    def is_of_stack(self) -> bool:
        """Whether it is about the whole stack."""
        return self.physical_id == self.stack_id and self.type == "AWS::CloudFormation::Stack"


def stack_of(entry: Mapping[str, Any]) -> StackNow:
    """A stack as DescribeStacks has it."""
    created = _seconds(entry.get("CreationTime"))
    return StackNow(
        str(entry["StackName"]),
        str(entry.get("StackId", "")),
        str(entry["StackStatus"]),
        str(entry.get("StackStatusReason") or ""),
        {str(tag["Key"]): str(tag["Value"]) for tag in entry.get("Tags") or ()},
        {str(output["OutputKey"]): str(output["OutputValue"]) for output in entry.get("Outputs") or ()},
        created,
        _seconds(entry.get("LastUpdatedTime")) or created,
    )


def resource_of(entry: Mapping[str, Any]) -> StackResource:
    """A resource as ListStackResources has it."""
    names = ("LogicalResourceId", "ResourceType", "PhysicalResourceId", "ResourceStatus", "ResourceStatusReason")
    return StackResource(*(str(entry.get(name) or "") for name in names))


def event_of(entry: Mapping[str, Any]) -> StackEvent:
    """An event as DescribeStackEvents, or DescribeEvents, has it."""

    def text(name: str) -> str:
        return str(entry.get(name) or "")

    return StackEvent(
        text("EventId"), _seconds(entry.get("Timestamp")), text("LogicalResourceId"), text("ResourceType"), text("ResourceStatus"),
        text("ResourceStatusReason"), text("PhysicalResourceId"), text("ClientRequestToken"), text("StackId"),
    )  # fmt: skip


def _seconds(moment: Any) -> float:
    """Seconds since 1970 of a time as AWS's library reads it, 0.0 for none."""
    return float(moment.timestamp()) if moment is not None else 0.0
