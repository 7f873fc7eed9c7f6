"""SubmitJob: from a request and a definition to jobs."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cyclone_core.sandbox.batch.jobs import Job, Work
from cyclone_core.sandbox.batch.refusal import Refused

Body = dict[str, Any]
FEWEST_CHILDREN, MOST_CHILDREN, MOST_ATTEMPTS, MOST_DEPENDENCIES = 2, 10_000, 10, 20
SHORTEST_TIMEOUT_S = 60
"""AWS refuses less."""
_REFERENCE = re.compile(r"Ref::([A-Za-z0-9_-]+)")


def work_of(definition: Body, request: Body, shortest_timeout_s: int = SHORTEST_TIMEOUT_S) -> Work:
    """What a submission executes. Raises Refused."""
    properties, overrides = definition["containerProperties"], request.get("containerOverrides", {})
    parameters = {**definition.get("parameters", {}), **request.get("parameters", {})}
    needs = {**_needs(properties), **_needs(overrides)}
    retry = {**definition.get("retryStrategy", {}), **request.get("retryStrategy", {})}
    environment = {**_environment(properties), **_environment(overrides)}
    command = tuple(_with_parameters(word, parameters) for word in overrides.get("command") or properties.get("command", []))
    return Work(
        definition_arn=definition["jobDefinitionArn"],
        image=properties["image"],
        command=command,
        environment=environment,
        vcpus=float(needs.get("VCPU", "1")),
        memory_mib=int(needs.get("MEMORY", "0")),
        role_arn=properties.get("jobRoleArn", ""),
        attempts=_attempts(retry),
        evaluate_on_exit=tuple(retry.get("evaluateOnExit", ())),
        timeout_s=_timeout(definition, request, shortest_timeout_s),
        container=_shown(properties, command, environment, needs),
        parameters=parameters,
        tags=request.get("tags", {}),
        depends_on=_dependencies(request.get("dependsOn", [])),
    )


def jobs_of(request: Body, work: Work, queue: str, new_id: str, arn_of: Callable[[str], str], now_ms: int) -> Job:
    """The job of a submission, an array with its children. Raises Refused for a size that AWS does not take."""
    job = Job(new_id, arn_of(new_id), request["jobName"], queue, work, now_ms)
    size = request.get("arrayProperties", {}).get("size")
    if size is None:
        return job
    if not FEWEST_CHILDREN <= size <= MOST_CHILDREN:
        raise Refused(f"Array size should be between {FEWEST_CHILDREN} and {MOST_CHILDREN}, not {size}.")
    for index in range(size):
        child = f"{new_id}:{index}"
        job.children.append(Job(child, arn_of(child), job.name, queue, work, now_ms, index=index, parent=job))
    job.counts["SUBMITTED"] = size
    return job


def _needs(properties: Mapping[str, Any]) -> dict[str, str]:
    """Type -> how much: `resourceRequirements`, or the members that came before them."""
    earlier = {"VCPU": properties.get("vcpus"), "MEMORY": properties.get("memory")}
    return {
        **{kind: str(value) for kind, value in earlier.items() if value},
        **{need["type"]: str(need["value"]) for need in properties.get("resourceRequirements", [])},
    }


def _environment(properties: Mapping[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in properties.get("environment", [])}


def _with_parameters(word: str, parameters: Mapping[str, str]) -> str:
    """`Ref::name` stands for a parameter; one that is not given stays as it is."""
    return _REFERENCE.sub(lambda found: parameters.get(found[1], found[0]), word)


def _attempts(retry: Mapping[str, Any]) -> int:
    attempts = int(retry.get("attempts", 1))
    if not 1 <= attempts <= MOST_ATTEMPTS:
        raise Refused(f"Attempts should be between 1 and {MOST_ATTEMPTS}, not {attempts}.")
    return attempts


def _timeout(definition: Body, request: Body, shortest_s: int) -> int | None:
    seconds = {**definition.get("timeout", {}), **request.get("timeout", {})}.get("attemptDurationSeconds")
    if seconds is not None and seconds < shortest_s:
        raise Refused(f"attemptDurationSeconds must be at least {shortest_s}, not {seconds}.")
    return seconds if seconds is None else int(seconds)


def _dependencies(depends_on: Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
    if len(depends_on) > MOST_DEPENDENCIES:
        raise Refused(f"A job depends on at most {MOST_DEPENDENCIES} jobs, not {len(depends_on)}.")
    if any(entry.get("type") for entry in depends_on):
        raise Refused("The sandbox has no dependencies of type SEQUENTIAL or N_TO_N. Depend on whole jobs: leave the type out.")
    return tuple(depends_on)


def _shown(properties: Body, command: Sequence[str], environment: Mapping[str, str], needs: Mapping[str, str]) -> Body:
    kept = {key: value for key, value in properties.items() if key not in ("vcpus", "memory")}
    return {
        **kept,
        "command": list(command),
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
        "resourceRequirements": [{"type": kind, "value": value} for kind, value in needs.items()],
    }
