"""What a plan means for stacks and the resources in them, as values: what a review of an AWS host shows beside the plan itself.

Each change of the plan is one stack: they share region, kind and name.
"""

from dataclasses import dataclass, replace
from typing import Literal

from cyclone_core.infra.costs import Costs
from cyclone_core.infra.machine_images import ImageChange
from cyclone_core.quotas import Need

DATA = ("AWS::S3::Bucket", "AWS::DynamoDB::Table")
"""Types of resources that hold what somebody worked for."""
ResourceAction = Literal["create", "change", "replace", "maybe-replace", "delete", "retain"]
"""maybe-replace: only AWS will know when it is done; retain: its stack goes, it stays."""


@dataclass(frozen=True)
class ResourceChange:
    """What happens to one resource of a stack."""

    action: ResourceAction
    logical_id: str
    type: str
    """such as AWS::Batch::JobQueue"""
    physical_id: str = ""
    """"" before it is made"""
    causes: tuple[str, ...] = ()
    """properties whose change causes it"""
    reverted: tuple[tuple[str, str, str], ...] = ()
    """(path, value that somebody gave it, value that it gets) of properties that are put back"""


@dataclass(frozen=True)
class StackChange:
    """What happens to one stack."""

    action: Literal["create", "change", "replace", "delete"]
    region: str
    stack: str
    kind: str
    name: str
    resources: tuple[ResourceChange, ...] = ()
    note: str = ""
    """what should be known, such as a stack that somebody left broken and that is made anew"""

    @property
    def replaces(self) -> bool:
        """Whether something in it is, or may be, made anew or lost."""
        return any(resource.action in ("replace", "maybe-replace", "delete") for resource in self.resources)


@dataclass(frozen=True)
class Details:
    """Everything about a plan that only an AWS host has."""

    stacks: tuple[StackChange, ...] = ()
    lacking: tuple[str, ...] = ()
    """IAM actions that the caller is not allowed, where that could be asked"""
    unchecked: str = ""
    """why rights could not be looked at, "" when they were"""
    bootstrap: tuple[str, ...] = ()
    """regions that get the CDK's bootstrap first"""
    images: tuple[ImageChange, ...] = ()
    """copies of machine images that are made or deleted"""
    costs: Costs | None = None
    """what it costs a month, before and after; None where nobody computed it"""
    quotas: tuple[Need, ...] = ()
    """what it takes of the account's quotas, as far as that could be asked"""


def without_data(details: Details) -> Details:
    """Of a deletion that takes the data along: what its stacks would leave is deleted after them."""
    return replace(details, stacks=tuple(replace(stack, resources=tuple(map(_emptied, stack.resources))) for stack in details.stacks))


def _emptied(resource: ResourceChange) -> ResourceChange:
    return replace(resource, action="delete") if resource.action == "retain" and resource.type in DATA else resource
