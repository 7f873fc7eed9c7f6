"""The operations of AWS Batch by the names of its API: requests in, answers out, errors as AWS words them."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from cyclone_core.sandbox.batch import views
from cyclone_core.sandbox.batch.catalogue import Body
from cyclone_core.sandbox.batch.engine import Engine
from cyclone_core.sandbox.batch.place import Place, Scope
from cyclone_core.sandbox.batch.refusal import Refused, not_there

Operation = Callable[[Place, Body], Body | None]
MOST_ENDED = 50
"""Ids that TerminateJobs and CancelJobs take."""


class Api:
    """AWS Batch as its clients see it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._operations: Mapping[str, Operation] = {
            "CreateComputeEnvironment": lambda place, request: place.catalogue.create_environment(request),
            "UpdateComputeEnvironment": engine.update_environment,
            "DeleteComputeEnvironment": engine.delete_environment,
            "DescribeComputeEnvironments": _describe_environments,
            "CreateJobQueue": lambda place, request: place.catalogue.create_queue(request),
            "UpdateJobQueue": lambda place, request: place.catalogue.update_queue(request),
            "DeleteJobQueue": self._delete_queue,
            "DescribeJobQueues": _describe_queues,
            "RegisterJobDefinition": lambda place, request: place.catalogue.register(request),
            "DeregisterJobDefinition": lambda place, request: place.catalogue.deregister(request["jobDefinition"]),
            "DescribeJobDefinitions": _describe_definitions,
            "SubmitJob": self._submit,
            "DescribeJobs": lambda place, request: views.describe(place, request["jobs"]),
            "ListJobs": views.list_jobs,
            "GetJobQueueSnapshot": lambda place, request: views.snapshot(place, request["jobQueue"], int(time.time() * 1000)),
            "CancelJob": lambda place, request: engine.cancel(place, request["jobId"], request["reason"]),
            "TerminateJob": lambda place, request: engine.terminate(place, request["jobId"], request["reason"]),
            "CancelJobs": self._many(engine.cancel),
            "TerminateJobs": self._many(engine.terminate),
            "TagResource": lambda place, request: _tags(place, request["resourceArn"]).update(request["tags"]),
            "UntagResource": _untag,
            "ListTagsForResource": lambda place, request: {"tags": _tags(place, request["resourceArn"])},
        }

    @property
    def operations(self) -> tuple[str, ...]:
        """Names of what is there."""
        return tuple(self._operations)

    def call(self, scope: Scope, operation: str, request: Body) -> Body:
        """Run one operation. Raises Refused."""
        if operation not in self._operations:
            raise Refused(f"The sandbox's Batch has no {operation}.")
        with self._engine.lock:
            answer = self._operations[operation](self._engine.place(scope), request)
            if not operation.startswith(("Describe", "List", "Get", "SubmitJob")):
                self._engine.go_on()
            return answer or {}

    def _submit(self, place: Place, request: Body) -> Body:
        job = self._engine.submit(place, request)
        return {"jobId": job.id, "jobName": job.name, "jobArn": job.arn}

    def _delete_queue(self, place: Place, request: Body) -> None:
        name = place.catalogue.delete_queue(request["jobQueue"])
        if name is not None:
            self._engine.drop_queue(place, name)

    def _many(self, end: Callable[[Place, str, str], None]) -> Operation:
        def run(place: Place, request: Body) -> Body:
            ids: list[str] = request["jobs"]
            if len(ids) > MOST_ENDED:
                raise Refused(f"At most {MOST_ENDED} jobs are allowed, not {len(ids)}.")
            unknown = [name for name in ids if name not in place.jobs]
            for name in ids:
                if name not in unknown:
                    end(place, name, request["reason"])
            errors = [{"job": name, "code": "ClientException", "message": str(not_there("Job", name))} for name in unknown]
            return {"successful": [name for name in ids if name not in unknown], "errors": errors}

        return run


def _describe_environments(place: Place, request: Body) -> Body:
    return {"computeEnvironments": _chosen(place.catalogue.environments, request.get("computeEnvironments"))}


def _describe_queues(place: Place, request: Body) -> Body:
    return {"jobQueues": _chosen(place.catalogue.queues, request.get("jobQueues"))}


def _chosen(there: Mapping[str, Body], references: list[str] | None) -> list[Body]:
    """All of them, or those that are named, by name or ARN; what is not there is left out, as on AWS."""
    names = there if not references else [reference.rpartition("/")[2] for reference in references]
    return [there[name] for name in names if name in there]


def _describe_definitions(place: Place, request: Body) -> Body:
    named, status = request.get("jobDefinitionName", ""), request.get("status")
    wanted = {reference.rpartition("/")[2] for reference in request.get("jobDefinitions") or ()}
    found = []
    for name, revisions in place.catalogue.definitions.items():
        for body in revisions:
            is_named = name == named.rpartition("/")[2] or not named
            is_wanted = not wanted or bool({name, f"{name}:{body['revision']}"} & wanted)
            if is_named and is_wanted and status in (None, body["status"]):
                found.append(body)
    return {"jobDefinitions": found}


def _tags(place: Place, arn: str) -> dict[str, str]:
    kind = arn.rpartition("/")[0].rpartition(":")[2]
    found: Mapping[str, Any]
    if kind == "compute-environment":
        found = place.catalogue.environment(arn)
    elif kind == "job-queue":
        found = place.catalogue.queue(arn)
    else:
        found = place.catalogue.definition(arn)
    tags: dict[str, str] = found["tags"]
    return tags


def _untag(place: Place, request: Body) -> None:
    tags = _tags(place, request["resourceArn"])
    for key in request.get("tagKeys", ()):
        tags.pop(key, None)
