"""What a state of a CloudFormation stack means for whoever wants to change or delete it, and why an operation failed. Pure.

States: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

import re
from collections.abc import Iterable
from typing import Literal, Protocol

Move = Literal["create", "update", "make anew", "roll back", "continue roll back", "wait"]
"""What has to happen next. make anew: delete, then create, where CloudFormation takes nothing but a deletion."""
_STABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE")
_CANCELLED = re.compile(r"Resource (?:creation|update|deletion) cancelled", re.IGNORECASE)
"""Reason of resources that were ended because another one failed."""

_TAKEN = re.compile(r"already ?exists|already (?:taken|in use|owned)|conflict", re.IGNORECASE)


class Event(Protocol):
    """What this module reads of a stack's event."""

    @property
    def status(self) -> str:
        """Such as CREATE_FAILED."""
        ...

    @property
    def reason(self) -> str:
        """In CloudFormation's words."""
        ...

    @property
    def logical_id(self) -> str:
        """Of the resource."""
        ...

    @property
    def type(self) -> str:
        """Such as AWS::SQS::Queue."""
        ...


def next_move(status: str) -> Move:
    """What leads a stack in this state on to what is wanted of it. status: "" for a stack that is not there."""
    if status in ("", "DELETE_COMPLETE", "REVIEW_IN_PROGRESS"):  # the last one: somebody asked for a change set of a new stack and left
        return "create"
    if status.endswith("_IN_PROGRESS"):
        return "wait"
    if status in _STABLE:
        return "update"
    if status == "UPDATE_ROLLBACK_FAILED":
        return "continue roll back"
    return "roll back" if status == "UPDATE_FAILED" else "make anew"


def is_well(status: str) -> bool:
    """Whether an operation that ended like this did what was asked for."""
    return status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")


def is_over(status: str) -> bool:
    """Whether nothing more happens to the stack by itself."""
    return not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS"


def cause(events: Iterable[Event]) -> Event | None:
    """The event that an operation failed by: the first failure of a resource that is no consequence of another one. events: oldest first.

    None when none says so: the stack itself may have a reason then.
    """
    failed = [event for event in events if event.status.endswith("_FAILED") and event.type != "AWS::CloudFormation::Stack"]
    return next((event for event in failed if not is_consequence(event.reason)), None)


def is_consequence(reason: str) -> bool:
    """Whether a resource failed only because another one did."""
    return _CANCELLED.search(reason) is not None


def denied_action(reason: str) -> str:
    """The IAM action that somebody was not allowed, "" when a reason is about something else."""
    found = re.search(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)", reason)
    return found[1] if found else ""


def is_taken(reason: str) -> bool:
    """Whether a resource could not be made because its name is taken."""
    return _TAKEN.search(reason) is not None
