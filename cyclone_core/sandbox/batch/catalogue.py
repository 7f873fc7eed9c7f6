"""Compute environments, job queues and job definitions of one account and region: what may be stored, changed and deleted.

Values are kept as AWS shows them. Creating and deleting is done when the request returns, where AWS takes seconds to minutes.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from cyclone_core.sandbox.batch.refusal import Refused, not_there

Body = dict[str, Any]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
MOST_ENVIRONMENTS, MOST_QUEUES, MOST_IN_QUEUE = 50, 50, 3
"""AWS's quotas per account and region; the last is of compute environments in a queue."""


class Catalogue:
    """All of them of one account and region. Not safe for several threads: the engine's lock is around it."""

    def __init__(self, account: str, region: str, problems_of: Callable[[Mapping[str, Any]], list[str]]) -> None:
        """problems_of: what stands against `computeResources`, such as subnets that do not exist: the environment becomes INVALID."""
        self._prefix = f"arn:aws:batch:{region}:{account}:"
        self._cluster = f"arn:aws:ecs:{region}:{account}:cluster/"
        self._problems_of = problems_of
        self.environments: dict[str, Body] = {}
        self.queues: dict[str, Body] = {}
        self.definitions: dict[str, list[Body]] = {}

    # -- compute environments ------------------------------------------------------------------------------------------
    def create_environment(self, request: Body) -> Body:
        """CreateComputeEnvironment."""
        name = _new_name(request, "computeEnvironmentName", self.environments, MOST_ENVIRONMENTS, "compute environments")
        if request["type"] == "MANAGED" and "computeResources" not in request:
            raise Refused("computeResources must be provided for a MANAGED compute environment.")
        resources = _resources(request.get("computeResources", {}))
        arn = f"{self._prefix}compute-environment/{name}"
        self.environments[name] = {
            "computeEnvironmentName": name, "computeEnvironmentArn": arn, "ecsClusterArn": f"{self._cluster}AWSBatch-{name}",
            "type": request["type"], "state": request.get("state", "ENABLED"), "tags": dict(request.get("tags", {})),
            "serviceRole": request.get("serviceRole", ""), "containerOrchestrationType": "ECS", **_resources_member(resources),
        }  # fmt: skip
        self._check(self.environments[name])
        return {"computeEnvironmentName": name, "computeEnvironmentArn": arn}

    def update_environment(self, request: Body) -> Body:
        """UpdateComputeEnvironment."""
        found = self.environment(request["computeEnvironment"])
        changes = {name: value for name, value in request.get("computeResources", {}).items() if name != "updateToLatestImageVersion"}
        resources = _resources({**found.get("computeResources", {}), **changes})
        found.update({key: request[key] for key in ("state", "serviceRole", "updatePolicy") if key in request})
        found.update(_resources_member(resources))
        self._check(found)
        return {key: found[key] for key in ("computeEnvironmentName", "computeEnvironmentArn")}

    def delete_environment(self, reference: str) -> None:
        """DeleteComputeEnvironment: refused while it is enabled or a queue uses it; one that is not there is no error, as on AWS."""
        name = _bare(reference)
        found = self.environments.get(name)
        if found is None:
            return
        if found["state"] != "DISABLED":
            raise Refused("Cannot delete, resource is still enabled. Disable it first.")
        users = [queue["jobQueueName"] for queue in self.queues.values() if found["computeEnvironmentArn"] in environments_of(queue)]
        if users:
            raise Refused(f"Cannot delete, found existing JobQueue relationship: {', '.join(users)}.")
        del self.environments[name]

    def environment(self, reference: str) -> Body:
        """A compute environment by name or ARN."""
        found = self.environments.get(_bare(reference))
        if found is None or not _is_same(reference, found["computeEnvironmentArn"]):
            raise not_there("Compute environment", reference)
        return found

    def _check(self, body: Body) -> None:
        problems = self._problems_of(body.get("computeResources", {}))
        body["status"] = "INVALID" if problems else "VALID"
        body["statusReason"] = f"CLIENT_ERROR - {'; '.join(problems)}" if problems else "ComputeEnvironment Healthy"

    # -- queues --------------------------------------------------------------------------------------------------------
    def create_queue(self, request: Body) -> Body:
        """CreateJobQueue."""
        name = _new_name(request, "jobQueueName", self.queues, MOST_QUEUES, "job queues")
        arn = f"{self._prefix}job-queue/{name}"
        self.queues[name] = {
            "jobQueueName": name, "jobQueueArn": arn, "state": request.get("state", "ENABLED"), "status": "VALID",
            "statusReason": "JobQueue Healthy", "priority": request["priority"], "tags": dict(request.get("tags", {})),
            "computeEnvironmentOrder": self._order(request.get("computeEnvironmentOrder", [])),
            "jobStateTimeLimitActions": request.get("jobStateTimeLimitActions", []),
        }  # fmt: skip
        return {"jobQueueName": name, "jobQueueArn": arn}

    def update_queue(self, request: Body) -> Body:
        """UpdateJobQueue."""
        found = self.queue(request["jobQueue"])
        if "computeEnvironmentOrder" in request:
            found["computeEnvironmentOrder"] = self._order(request["computeEnvironmentOrder"])
        found.update({key: request[key] for key in ("state", "priority", "jobStateTimeLimitActions") if key in request})
        return {key: found[key] for key in ("jobQueueName", "jobQueueArn")}

    def delete_queue(self, reference: str) -> str | None:
        """DeleteJobQueue: its name, or None when it was not there. Refused while it is enabled."""
        name = _bare(reference)
        if name not in self.queues:
            return None
        if self.queues[name]["state"] != "DISABLED":
            raise Refused("Cannot delete, resource is still enabled. Disable it first.")
        del self.queues[name]
        return name

    def queue(self, reference: str) -> Body:
        """A queue by name or ARN."""
        found = self.queues.get(_bare(reference))
        if found is None or not _is_same(reference, found["jobQueueArn"]):
            raise not_there("Job queue", reference)
        return found

    def _order(self, order: list[Body]) -> list[Body]:
        if not 1 <= len(order) <= MOST_IN_QUEUE:
            raise Refused(f"A job queue has 1 to {MOST_IN_QUEUE} compute environments, not {len(order)}.")
        named = [{"order": entry["order"], "computeEnvironment": self.environment(entry["computeEnvironment"])} for entry in order]
        for entry in named:
            if entry["computeEnvironment"]["status"] not in ("VALID", "UPDATING"):
                raise Refused(f"{entry['computeEnvironment']['computeEnvironmentArn']} is not in a VALID status.")
        arns = [{**entry, "computeEnvironment": entry["computeEnvironment"]["computeEnvironmentArn"]} for entry in named]
        return sorted(arns, key=lambda entry: int(entry["order"]))

    # -- definitions ---------------------------------------------------------------------------------------------------
    def register(self, request: Body) -> Body:
        """RegisterJobDefinition: a new revision."""
        name = request["jobDefinitionName"]
        _check_name(name, "jobDefinitionName")
        if request["type"] != "container" or "containerProperties" not in request:
            raise Refused("The sandbox runs definitions of type container with containerProperties, and no others.")
        if not request["containerProperties"].get("image"):
            raise Refused("Container properties need an image.")
        revisions = self.definitions.setdefault(name, [])
        arn = f"{self._prefix}job-definition/{name}:{len(revisions) + 1}"
        revisions.append(
            {**request, "jobDefinitionArn": arn, "revision": len(revisions) + 1, "status": "ACTIVE", "tags": dict(request.get("tags", {}))}
        )
        return {"jobDefinitionName": name, "jobDefinitionArn": arn, "revision": len(revisions)}

    def deregister(self, reference: str) -> None:
        """DeregisterJobDefinition: `name:revision` or an ARN."""
        name, _, revision = _bare(reference).partition(":")
        found = [body for body in self.definitions.get(name, []) if str(body["revision"]) == revision]
        if not found:
            raise not_there("Job definition", reference)
        found[0]["status"] = "INACTIVE"

    def definition(self, reference: str) -> Body:
        """An active definition: `name` (its newest revision), `name:revision` or an ARN."""
        name, _, revision = _bare(reference).partition(":")
        active = [body for body in self.definitions.get(name, []) if body["status"] == "ACTIVE"]
        found = [body for body in active if not revision or str(body["revision"]) == revision]
        if not found or (reference.startswith("arn:") and not reference.startswith(self._prefix)):
            raise not_there("Job definition", reference)
        return found[-1]


def environments_of(queue: Body) -> list[str]:
    """ARNs of the compute environments of a queue, in their order."""
    return [entry["computeEnvironment"] for entry in queue["computeEnvironmentOrder"]]


def _new_name(request: Body, key: str, there: Mapping[str, object], most: int, what: str) -> str:
    name: str = request[key]
    _check_name(name, key)
    if name in there:
        raise Refused(f"Object already exists: {name}")
    if len(there) >= most:
        raise Refused(f"Limit of {most} {what} is reached.")
    return name


def _check_name(name: str, key: str) -> None:
    if not _NAME.fullmatch(name):
        raise Refused(f"{key} {name!r} should match {_NAME.pattern}")


def _resources(resources: Mapping[str, Any]) -> Body:
    """`computeResources` that AWS would take."""
    if resources and resources.get("maxvCpus", 0) < max(1, resources.get("minvCpus", 0)):
        raise Refused("maxvCpus must be at least 1 and not below minvCpus.")
    if resources.get("type") in ("EC2", "SPOT") and not resources.get("instanceRole"):
        raise Refused("instanceRole must be provided for compute resources of type EC2 and SPOT.")
    return dict(resources)


def _resources_member(resources: Body) -> Body:
    return {"computeResources": resources} if resources else {}


def _bare(reference: str) -> str:
    return reference.rpartition("/")[2]


def _is_same(reference: str, arn: str) -> bool:
    return not reference.startswith("arn:") or reference == arn
