"""AWS::Batch::*: what a stack says, said to the sandbox's Batch by the operations of its API."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cyclone_core.sandbox.batch.refusal import Refused
from cyclone_core.sandbox.stacks.resource_type import Made, Properties

Call = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Operation and request -> answer, in the account and region of the stack. Raises Refused."""
_MAPS = ("Tags", "Parameters", "Options", "Labels")
"""Properties whose members are the user's words, not AWS's."""
_LOOK_EVERY_S = 0.2
_SCALING = ("MaxvCpus", "MinvCpus", "DesiredvCpus")
"""Of ComputeResources: what changes without new instances."""


def as_request(value: Any) -> Any:
    """Properties of a template as members of a request: `MaxvCpus` -> `maxvCpus`."""
    if isinstance(value, Mapping):
        return {key[0].lower() + key[1:]: dict(inner) if key in _MAPS else as_request(inner) for key, inner in value.items()}
    return [as_request(inner) for inner in value] if isinstance(value, list) else value


class _BatchType:
    """What they share."""

    name = ""
    name_property = ""
    replacing: tuple[str, ...] = ()

    def __init__(self, call: Call) -> None:
        self._call = call

    def _do(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self._call(operation, dict(request))
        except Refused as exc:
            raise ValueError(f"Resource handler returned message: {exc} (Service: AWSBatch; Status Code: {exc.status})") from exc

    def _request(self, logical_id: str, properties: Properties) -> dict[str, Any]:
        own = f"{logical_id[:100]}-{uuid.uuid4().hex[:12]}"
        chosen: dict[str, Any] = as_request({self.name_property: own, **properties})
        return chosen


class ComputeEnvironment(_BatchType):
    """AWS::Batch::ComputeEnvironment."""

    name = "AWS::Batch::ComputeEnvironment"
    name_property = "ComputeEnvironmentName"
    replacing = ("ComputeEnvironmentName",)

    def create(self, logical_id: str, properties: Properties) -> Made:
        """CreateComputeEnvironment; one that becomes INVALID fails."""
        request = self._request(logical_id, _without(properties, _ONLY_IN_STACKS))
        if "computeResources" in request:
            request["computeResources"] = _without(request["computeResources"], ("updateToLatestImageVersion",))  # for updates only
        request["type"] = request["type"].upper()
        arn = self._do("CreateComputeEnvironment", request)["computeEnvironmentArn"]
        self._check_valid(arn)
        return arn, {"ComputeEnvironmentArn": arn}

    def update(self, physical_id: str, old: Properties, new: Properties, logical_id: str) -> Made:
        """UpdateComputeEnvironment, or a new environment for what needs other instances."""
        if is_replaced(old, new):
            return self.create(logical_id, new)
        changes = {"ComputeEnvironment": physical_id, **{key: new[key] for key in _CHANGEABLE if key in new}}
        if "ComputeResources" in new:
            changes["ComputeResources"] = _without(new["ComputeResources"], _FIXED)
        self._do("UpdateComputeEnvironment", as_request(changes))
        while self._described(physical_id)[0]["status"] == "UPDATING":  # jobs go on that were there before
            time.sleep(_LOOK_EVERY_S)
        return physical_id, {"ComputeEnvironmentArn": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Disable and delete."""
        if self._described(physical_id):
            self._do("UpdateComputeEnvironment", {"computeEnvironment": physical_id, "state": "DISABLED"})
            self._do("DeleteComputeEnvironment", {"computeEnvironment": physical_id})

    def _check_valid(self, arn: str) -> None:
        found = self._described(arn)[0]
        if found["status"] != "VALID":
            reason = found["statusReason"]
            self.delete(arn, {})
            raise ValueError(f"Resource handler returned message: Operation ComputeEnvironment is INVALID: {reason}")

    def _described(self, arn: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._do("DescribeComputeEnvironments", {"computeEnvironments": [arn]})["computeEnvironments"]
        return found


_ONLY_IN_STACKS = ("ReplaceComputeEnvironment", "UpdatePolicy")
_CHANGEABLE = ("State", "ServiceRole", "UpdatePolicy")
_FIXED = ("SpotIamFleetRole",)
"""Of ComputeResources: what no update changes."""


def _without(properties: Properties, names: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if key not in names}


def is_replaced(old: Properties, new: Properties) -> bool:
    """Whether a change of a compute environment needs a new one: (conditional) `createOnlyProperties` of the type's schema."""
    if any(old.get(key) != new.get(key) for key in ("ComputeEnvironmentName", "Tags", "Type")):
        return True
    before, after = old.get("ComputeResources", {}), new.get("ComputeResources", {})
    changed = {key for key in {*before, *after} if before.get(key) != after.get(key)} - {*_SCALING, "UpdateToLatestImageVersion"}
    in_place = str(new.get("ReplaceComputeEnvironment", True)).lower() == "false"
    return bool(changed & {*_FIXED} if in_place else changed)


class JobQueue(_BatchType):
    """AWS::Batch::JobQueue."""

    name = "AWS::Batch::JobQueue"
    name_property = "JobQueueName"
    replacing = ("JobQueueName", "JobQueueType")

    def create(self, logical_id: str, properties: Properties) -> Made:
        """CreateJobQueue."""
        arn = self._do("CreateJobQueue", self._request(logical_id, properties))["jobQueueArn"]
        return arn, {"JobQueueArn": arn}

    def update(self, physical_id: str, old: Properties, new: Properties, logical_id: str) -> Made:
        """UpdateJobQueue, or a new queue for another name."""
        if any(old.get(key) != new.get(key) for key in self.replacing):
            return self.create(logical_id, new)
        changes = {key: value for key, value in new.items() if key not in (*self.replacing, "Tags")}
        self._do("UpdateJobQueue", as_request({"JobQueue": physical_id, **changes}))
        return physical_id, {"JobQueueArn": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Disable and delete, with its jobs."""
        if self._do("DescribeJobQueues", {"jobQueues": [physical_id]})["jobQueues"]:
            self._do("UpdateJobQueue", {"jobQueue": physical_id, "state": "DISABLED"})
            self._do("DeleteJobQueue", {"jobQueue": physical_id})


class JobDefinition(_BatchType):
    """AWS::Batch::JobDefinition. Every change is a new revision; the one before is deregistered."""

    name = "AWS::Batch::JobDefinition"
    name_property = "JobDefinitionName"
    replacing = ("JobDefinitionName",)

    def create(self, logical_id: str, properties: Properties) -> Made:
        """RegisterJobDefinition."""
        arn = self._do("RegisterJobDefinition", self._request(logical_id, properties))["jobDefinitionArn"]
        return arn, {"JobDefinitionArn": arn}

    def update(self, physical_id: str, old: Properties, new: Properties, logical_id: str) -> Made:
        """RegisterJobDefinition under the same name."""
        name = physical_id.rpartition("/")[2].partition(":")[0]
        is_own = "JobDefinitionName" not in old and "JobDefinitionName" not in new
        return self.create(logical_id, {**({"JobDefinitionName": name} if is_own else {}), **new})

    def delete(self, physical_id: str, properties: Properties) -> None:
        """DeregisterJobDefinition."""
        reference = physical_id.rpartition("/")[2]
        found = self._do("DescribeJobDefinitions", {"jobDefinitions": [reference], "status": "ACTIVE"})["jobDefinitions"]
        if found:
            self._do("DeregisterJobDefinition", {"jobDefinition": reference})
