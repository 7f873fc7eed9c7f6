"""What CloudFormation would do to a stack: its change sets, as values.

`PlannedChange` has the fields and the words of `infra.stack_plans.ResourceChange`, which this room cannot import: whoever needs one makes
it with `ResourceChange(**vars(change))`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

ChangeAction = Literal["create", "change", "replace", "maybe-replace", "delete", "retain"]
_NOTHING = ("didn't contain changes", "No updates are to be performed")
"""How CloudFormation says that a stack is as the template wants it."""


@dataclass(frozen=True)
class PlannedChange:
    """What would happen to one resource."""

    action: ChangeAction
    """maybe-replace: only AWS will know when it is done; retain: it leaves the stack and stays."""
    logical_id: str
    type: str
    physical_id: str = ""
    """"" before it is made"""
    causes: tuple[str, ...] = ()
    """properties, or attributes such as Tags, whose change causes it"""
    reverted: tuple[tuple[str, str, str], ...] = ()
    """(path, value that somebody gave it, value that it gets) of properties that are put back"""


@dataclass(frozen=True)
class ChangeSet:
    """A change set that CloudFormation has worked out, or refused."""

    id: str
    stack: str
    """name"""
    stack_id: str
    status: str
    """CREATE_COMPLETE, FAILED, or before that CREATE_PENDING, CREATE_IN_PROGRESS"""
    reason: str = ""
    execution: str = ""
    """AVAILABLE, EXECUTE_IN_PROGRESS, EXECUTE_COMPLETE, EXECUTE_FAILED, OBSOLETE or UNAVAILABLE"""
    changes: tuple[PlannedChange, ...] = ()

    @property
    def in_progress(self) -> bool:
        """Whether it is still worked out."""
        return self.status in ("CREATE_PENDING", "CREATE_IN_PROGRESS", "DELETE_PENDING", "DELETE_IN_PROGRESS")

    @property
    def is_empty(self) -> bool:
        """Whether the stack is as it is wanted: there is nothing to execute."""
        return self.status == "FAILED" and any(words in self.reason for words in _NOTHING)

    @property
    def can_execute(self) -> bool:
        """Whether it can be executed now."""
        return self.status == "CREATE_COMPLETE" and self.execution == "AVAILABLE"


def change_set_of(pages: Iterable[Mapping[str, Any]]) -> ChangeSet:
    """The pages of DescribeChangeSet as a value."""
    every = list(pages)
    first = every[0]
    changes = [entry["ResourceChange"] for page in every for entry in page.get("Changes") or () if entry.get("ResourceChange")]
    return ChangeSet(
        str(first["ChangeSetId"]),
        str(first["StackName"]),
        str(first["StackId"]),
        str(first["Status"]),
        str(first.get("StatusReason") or ""),
        str(first.get("ExecutionStatus") or ""),
        tuple(map(planned_change, changes)),
    )


def planned_change(change: Mapping[str, Any]) -> PlannedChange:
    """A `ResourceChange` of CloudFormation as a value."""
    details = change.get("Details") or ()
    named = (detail.get("Target", {}) for detail in details)
    causes = dict.fromkeys(str(target.get("Name") or target.get("Attribute") or "") for target in named)
    return PlannedChange(
        _action(change),
        str(change["LogicalResourceId"]),
        str(change["ResourceType"]),
        str(change.get("PhysicalResourceId") or ""),
        tuple(cause for cause in causes if cause),
        tuple(filter(None, (_reverted(detail.get("Target", {})) for detail in details))),
    )


def _reverted(target: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """A property that is not as the stack made it, None for others."""
    drift = target.get("Drift")
    if not drift:
        return None
    path = str(target.get("Path") or target.get("Name") or target.get("Attribute") or "").strip("/")
    return path, str(drift.get("ActualValue") or ""), str(target.get("AfterValue") or drift.get("PreviousValue") or "")


def _action(change: Mapping[str, Any]) -> ChangeAction:
    match change["Action"], change.get("Replacement"), change.get("PolicyAction"):
        case "Add" | "Import", _, _:
            return "create"
        case "Remove", _, "Retain":
            return "retain"
        case "SyncWithActual", _, _:
            return "change"
        case "Remove", _, _:
            return "delete"
        case _, "True", _:
            return "replace"
        case "Dynamic", _, _:
            return "maybe-replace"
        case _, "Conditional", _:
            return "maybe-replace"
    return "change"
