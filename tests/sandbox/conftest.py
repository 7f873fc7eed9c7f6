"""What tests of the sandbox share: stacks."""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from cyclone_core.operations import sandbox
from tests.aws import Sandbox, wait_until

pytest.importorskip("boto3", reason="the sandbox's tests need the extra test")

__all__ = ["Sandbox", "wait_until"]
Resources = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Stack:
    """A stack of one region."""

    cloudformation: Any
    name: str

    def apply(self, resources: Resources, outputs: Mapping[str, Any] | None = None) -> str:
        """Create or change it by a change set; the state in which it ends."""
        template = {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in (outputs or {}).items()}}
        kind = "UPDATE" if self.exists() else "CREATE"
        names = {"StackName": self.name, "ChangeSetName": f"changes-{uuid.uuid4()}"}
        capabilities = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
        self.cloudformation.create_change_set(**names, ChangeSetType=kind, TemplateBody=json.dumps(template), Capabilities=capabilities)
        wait_until(lambda: self.cloudformation.describe_change_set(**names)["Status"] == "CREATE_COMPLETE")
        self.cloudformation.execute_change_set(**names)
        return self.wait()

    def exists(self) -> bool:
        """Whether it is there, and can be changed."""
        return self.is_in("CREATE_COMPLETE", "UPDATE_COMPLETE")

    def is_in(self, *states: str) -> bool:
        """Whether it is there in one of these states."""
        found = self.cloudformation.list_stacks(StackStatusFilter=states)["StackSummaries"]
        return self.name in [stack["StackName"] for stack in found]

    def wait(self) -> str:
        """The state in which its operation ends."""
        return wait_until(lambda: None if self.state().endswith("_IN_PROGRESS") else self.state())

    def state(self) -> str:
        """Its state now."""
        return str(self._described()["StackStatus"])

    def output(self, name: str) -> str:
        """One of its outputs."""
        return next(entry["OutputValue"] for entry in self._described()["Outputs"] if entry["OutputKey"] == name)

    def reasons(self) -> list[str]:
        """Of its events that have one, newest first."""
        events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        return [event["ResourceStatusReason"] for event in events if event.get("ResourceStatusReason")]

    def physical_id(self, logical_id: str) -> str:
        """Of one resource."""
        found = self.cloudformation.describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def _described(self) -> Any:
        return self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]


@pytest.fixture
def stack(aws: Sandbox, region: str) -> Iterator[Stack]:
    """A stack that is deleted after the test."""
    found = Stack(aws.client("cloudformation", region), "tested")
    yield found
    aws.set_faults(sandbox.Faults())
    found.cloudformation.delete_stack(StackName=found.name)
    wait_until(lambda: not found.is_in(*_THERE))


_THERE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS", "CREATE_IN_PROGRESS")


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    """A resource of a template."""
    return {"Type": f"AWS::{kind}", "Properties": properties}


def attribute(logical_id: str, name: str) -> dict[str, list[str]]:
    """`Fn::GetAtt`."""
    return {"Fn::GetAtt": [logical_id, name]}
