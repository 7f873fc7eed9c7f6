"""CloudFormation in one region: stacks as they are, and what can be done to them.

Every call is one request, or its pages; nothing waits but `change_set`, for CloudFormation to have worked it out. Deciding what to do, in
which order, and following it to the end is not here.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import yaml

from cyclone_core.aws import storage
from cyclone_core.aws.account import Account
from cyclone_core.aws.change_sets import ChangeSet, change_set_of
from cyclone_core.aws.stack_values import StackEvent, StackNow, StackResource, event_of, resource_of, stack_of
from cyclone_core.errors import AwsError, InvalidRequest
from cyclone_core.naming import TAG_HOST
from cyclone_core.problems import Problem

__all__ = ["StackEvent", "StackNow", "StackResource", "Stacks"]
MOST_INLINE_BYTES = 51_200
"""Longer templates go by way of a bucket."""
MOST_BYTES = 1_000_000
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
MOST_RESOURCES = 500
_CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM")
_FIRST_LOOK_S, _LAST_LOOK_S = 0.05, 2.0
"""How soon and how rarely a change set in the making is looked at."""


class Stacks:
    """The stacks of one region. Threads may share it."""

    def __init__(self, account: Account, region: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.account, self.region, self._sleep = account, region, sleep
        self._client = account.client("cloudformation", region)

    # -- as they are --------------------------------------------------------------------------------------------------
    def list(self, host: str) -> tuple[StackNow, ...]:
        """The stacks of a host by its tag, by name; deleted ones are not among them. Raises AwsError."""
        return tuple(sorted((stack for stack in self.all() if stack.tags.get(TAG_HOST) == host), key=lambda stack: stack.name))

    def all(self) -> tuple[StackNow, ...]:
        """Every stack of the region. Raises AwsError."""
        return tuple(map(stack_of, self._client.all("DescribeStacks", "Stacks")))

    def get(self, name: str) -> StackNow | None:
        """One stack, None when there is none. name: or its id, by which deleted ones are found. Raises AwsError."""
        try:
            return stack_of(self._client.ask("DescribeStacks", StackName=name)["Stacks"][0])
        except AwsError as exc:
            if _is_missing(exc):
                return None
            raise

    def template(self, name: str) -> dict[str, Any]:
        """The template that a stack was made from last; {} for one written as neither Cyclone nor the CDK do. Raises AwsError."""
        body: Any = self._client.ask("GetTemplate", StackName=name, TemplateStage="Original")["TemplateBody"]
        if isinstance(body, str):
            try:
                body = yaml.safe_load(body)
            except yaml.YAMLError:  # short forms such as !Ref: somebody else's
                return {}
        return dict(body) if isinstance(body, Mapping) else {}

    def resources(self, name: str) -> tuple[StackResource, ...]:
        """The resources of a stack, by logical id. Raises AwsError."""
        found = map(resource_of, self._client.all("ListStackResources", "StackResourceSummaries", StackName=name))
        return tuple(sorted(found, key=lambda resource: resource.logical_id))

    def events(self, stack_id: str, after: str | None = None) -> tuple[StackEvent, ...]:
        """What happened to a stack, oldest first. stack_id: ARN, a name means the stack that has it now.

        after: id of the last event that is known, which is not among them; None, or an unknown id, for all that there are. Raises AwsError.
        """
        found: list[StackEvent] = []
        seen: set[str] = set()
        for entry in self._client.all("DescribeStackEvents", "StackEvents", StackName=stack_id):  # newest first
            if entry["EventId"] == after:
                break
            if entry["EventId"] not in seen:  # new ones that arrive between two pages shift the rest
                seen.add(entry["EventId"])
                found.append(event_of(entry))
        return tuple(reversed(found))

    def newest_event(self, stack_id: str) -> str | None:
        """Id of the last thing that happened to a stack, to ask for what comes after it; None for nothing. Raises AwsError."""
        newest = next(self._client.all("DescribeStackEvents", "StackEvents", StackName=stack_id), None)
        return str(newest["EventId"]) if newest else None

    def invalid(self, stack_id: str, change_set: str = "") -> tuple[StackEvent, ...]:
        """What CloudFormation found wrong with a template before it changed anything, where events only say that there is something.

        change_set: id of the one that failed, "" for the stack's last operation. Raises AwsError.
        """
        about = {"ChangeSetName": change_set} if change_set else {"StackName": stack_id}
        found = self._client.all("DescribeEvents", "OperationEvents", **about, Filters={"FailedEvents": True})
        return tuple(
            replace(event_of(entry), status="VALIDATION_FAILED", reason=str(entry.get("ValidationStatusReason") or ""))
            for entry in found
            if entry.get("EventType") == "VALIDATION_ERROR"
        )

    # -- change sets --------------------------------------------------------------------------------------------------
    def change_set(
        self,
        stack: str,
        template: str,
        *,
        create: bool,
        name: str,
        tags: Mapping[str, str],
        bucket: str = "",
        revert_drift: bool = False,
    ) -> ChangeSet:
        """Have CloudFormation work out what a template would change, and wait for it (seconds).

        create: the stack is not there yet, or is empty; name: of the change set; one of that name that is there is taken as it is, so that
        a name made from what is wanted finds it again after a crash; bucket: where templates over 51,200 bytes are put; revert_drift: what
        others changed beside CloudFormation is put back, too. Having nothing to change is an answer (`is_empty`). Raises AwsError, and
        InvalidRequest for a template that is too long.
        """
        mode = {"DeploymentMode": "REVERT_DRIFT"} if revert_drift and not create else {}
        try:
            asked = self._client.ask(
                "CreateChangeSet", **mode, StackName=stack, ChangeSetName=name, ChangeSetType="CREATE" if create else "UPDATE",
                Capabilities=list(_CAPABILITIES), Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
                Description=name, **self._template(stack, template, bucket),
            )  # fmt: skip
        except AwsError as exc:
            if exc.code != "AlreadyExistsException":
                raise
            return self.wait_for(stack, name)
        return self.wait_for(stack, str(asked["Id"]))

    def wait_for(self, stack: str, change_set: str) -> ChangeSet:
        """A change set when it has been worked out. change_set: name or id. Raises AwsError."""
        pause = _FIRST_LOOK_S
        while (found := self.describe(stack, change_set)).in_progress:
            self._sleep(pause)
            pause = min(pause * 1.5, _LAST_LOOK_S)
        return found

    def describe(self, stack: str, change_set: str) -> ChangeSet:
        """A change set as it is now. change_set: name or id. Raises AwsError."""
        return change_set_of(self._client.pages("DescribeChangeSet", StackName=stack, ChangeSetName=change_set))

    def execute(self, change_set: ChangeSet, token: str, keep_failed: bool = False) -> None:
        """Begin to do what a change set says. token: recognised by CloudFormation and in events; keep_failed: no way back on failure.

        A way back takes along what was just made, also what is to be retained later: nothing of a failure is left. Raises AwsError.
        """
        self._client.ask(
            "ExecuteChangeSet",
            ChangeSetName=change_set.id,
            StackName=change_set.stack_id,
            ClientRequestToken=token,
            DisableRollback=keep_failed,
            RetainExceptOnCreate=not keep_failed,
        )

    def discard(self, change_set: ChangeSet) -> None:
        """Forget a change set, and with it the empty stack that it left where it would have created one. Raises AwsError."""
        try:
            self._client.ask("DeleteChangeSet", ChangeSetName=change_set.id, StackName=change_set.stack_id)
        except AwsError as exc:
            if not _is_missing(exc):
                raise
        left = self.get(change_set.stack_id)
        if left is not None and left.is_empty:
            self._client.ask("DeleteStack", StackName=left.id)

    # -- operations ---------------------------------------------------------------------------------------------------
    def delete(self, name: str, token: str) -> None:
        """Begin to delete a stack; one that is not there is deleted. name: or id. Raises AwsError."""
        self._client.ask("DeleteStack", StackName=name, ClientRequestToken=token)

    def cancel_update(self, name: str, token: str) -> bool:
        """Begin to take back a change that goes on; False when there is none that can be. Raises AwsError."""
        return self._unless_too_late("CancelUpdateStack", ("UPDATE_IN_PROGRESS",), StackName=name, ClientRequestToken=token)

    def continue_rollback(self, name: str, token: str) -> bool:
        """Try again to take back a change (UPDATE_ROLLBACK_FAILED); False when there is none. Raises AwsError."""
        return self._unless_too_late("ContinueUpdateRollback", ("UPDATE_ROLLBACK_FAILED",), StackName=name, ClientRequestToken=token)

    def rollback(self, name: str, token: str) -> bool:
        """Begin to take back a failed change that was kept (CREATE_FAILED, UPDATE_FAILED); False when there is none. Raises AwsError.

        What the change made goes, also what is to be retained later.
        """
        states = ("CREATE_FAILED", "UPDATE_FAILED")
        return self._unless_too_late("RollbackStack", states, StackName=name, ClientRequestToken=token, RetainExceptOnCreate=True)

    # -- inside -------------------------------------------------------------------------------------------------------
    def _unless_too_late(self, operation: str, states: tuple[str, ...], **parameters: Any) -> bool:
        """Whether an operation has begun; states: those in which it can. CloudFormation has one code for this and for wrong parameters."""
        try:
            self._client.ask(operation, **parameters)
        except AwsError as exc:
            now = self.get(parameters["StackName"]) if exc.code == "ValidationError" else None
            if exc.code != "ValidationError" or (now is not None and now.status in states):
                raise
            return False
        return True

    def _template(self, stack: str, template: str, bucket: str) -> dict[str, str]:
        data = template.encode()
        if len(data) > MOST_BYTES:
            what = f"its template has {len(data):,} bytes, and CloudFormation takes {MOST_BYTES:,}"
            raise InvalidRequest([Problem(stack, what, "Make the resource smaller, or make several of it")])
        if len(data) <= MOST_INLINE_BYTES:
            return {"TemplateBody": template}
        if not bucket:
            what = (
                f"its template has {len(data):,} bytes, and CloudFormation takes {MOST_INLINE_BYTES:,} without a bucket to read them from"
            )
            raise InvalidRequest([Problem(stack, what, f"Bootstrap the region first: cdk bootstrap aws://ACCOUNT/{self.region}")])
        key = f"{hashlib.sha256(data).hexdigest()}.json"
        storage.upload(self.account, self.region, bucket, key, data)
        return {"TemplateURL": storage.url(self.account, self.region, bucket, key)}


def _is_missing(exc: AwsError) -> bool:
    return exc.code in ("ChangeSetNotFound", "ChangeSetNotFoundException") or (
        exc.code == "ValidationError" and "does not exist" in str(exc)
    )
