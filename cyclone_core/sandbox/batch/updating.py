"""What becomes of running jobs when their compute environment is changed or deleted, as AWS Batch does it.

A change that needs other instances (an infrastructure update) leaves the environment UPDATING while jobs go on that were there before:
until they end, or for as many minutes as its update policy says, or not at all when that ends them. New jobs start meanwhile, on new
instances. A deleted environment takes its instances along, whatever runs on them.
https://docs.aws.amazon.com/batch/latest/userguide/updating-compute-environments.html
"""

import time
from collections.abc import Iterable
from typing import Any

from cyclone_core.sandbox.batch.catalogue import Body, Catalogue
from cyclone_core.sandbox.batch.jobs import HOST_LOST, UPDATED, Job

SCALING = frozenset(("minvCpus", "maxvCpus", "desiredvCpus"))
"""Of an environment's resources: what changes without new instances."""
_MINUTES = 30
"""So long jobs go on without an update policy."""


def update(catalogue: Catalogue, request: Body, running: Iterable[Job], minute_s: float) -> Body:
    """UpdateComputeEnvironment. minute_s: seconds of a minute of the update policy. Raises Refused."""
    environment = catalogue.environment(request["computeEnvironment"])
    before = _made_from(environment)
    answer = catalogue.update_environment(request)
    policy = environment.get("updatePolicy") or {}
    minutes = 0 if policy.get("terminateJobsOnUpdate") else policy.get("jobExecutionTimeoutMinutes", _MINUTES)
    if _made_from(environment) != before and environment["status"] == "VALID":
        for job in _of(environment, running):
            job.lost_at, job.lost_why = time.monotonic() + minutes * minute_s, UPDATED
    settle(environment, running)
    return answer


def delete(catalogue: Catalogue, reference: str, running: Iterable[Job]) -> None:
    """DeleteComputeEnvironment. Raises Refused."""
    there = catalogue.environments.get(reference.rpartition("/")[2])
    catalogue.delete_environment(reference)
    for job in _of(there, running) if there else ():
        job.lost_at, job.lost_why = time.monotonic(), HOST_LOST


def settle(environment: Body, running: Iterable[Job]) -> None:
    """An environment is UPDATING while jobs run that were there before its change."""
    if environment["status"] in ("VALID", "UPDATING"):
        environment["status"] = "UPDATING" if any(job.lost_why for job in _of(environment, running)) else "VALID"


def _of(environment: Body, running: Iterable[Job]) -> list[Job]:
    return [job for job in running if job.environment_arn == environment["computeEnvironmentArn"]]


def _made_from(environment: Body) -> dict[str, Any]:
    return {name: value for name, value in environment.get("computeResources", {}).items() if name not in SCALING}
