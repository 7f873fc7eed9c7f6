"""The stack of a definition in a region: the job definition that AWS Batch starts workers from, what they may do, and their log.

The container runs the image's own entry point, the worker, which learns from its environment whom it works for. It is not retried by
Batch: what a lost worker had leased is leased again. What the settings mean is decided in `infra.worker_containers`. A definition
without an image is for machines, and has nothing here but its record.
"""

from typing import Any

from aws_cdk import RemovalPolicy, aws_batch, aws_iam, aws_logs

from cyclone_core import naming
from cyclone_core.infra import worker_containers
from cyclone_core.infra.stacks import worker_rights
from cyclone_core.infra.stacks.base import HostStack
from cyclone_core.infra.stacks.functions import LOG_DAYS, policy, statement
from cyclone_core.infra.stacks.roles import RoleSpec, arn, partition, role
from cyclone_core.infra.targets import Target, has_image
from cyclone_core.infra.worker_containers import Logging

_Container = aws_batch.CfnJobDefinition.ContainerPropertiesProperty
_STREAMS = "A container makes its own log stream in the group"
_LOGIN = "The action has no resource: it asks for a password, which opens what the other actions allow"


def build(stack: HostStack, target: Target) -> None:
    """Add everything to the stack. Raises no error: plans refuse what cannot be made."""
    body = target.properties["body"]
    if not has_image(body):
        return  # its tasks run on machines, with the rights of those
    timeout = worker_containers.timeout_s(body)
    aws_batch.CfnJobDefinition(
        stack,
        "JobDefinition",
        job_definition_name=naming.job_definition(target.place.host, target.name),
        type="container",
        platform_capabilities=["EC2"],
        propagate_tags=True,
        retry_strategy=aws_batch.CfnJobDefinition.RetryStrategyProperty(attempts=1),
        timeout=aws_batch.CfnJobDefinition.TimeoutProperty(attempt_duration_seconds=timeout) if timeout else None,
        container_properties=_container(stack, target),
    )


def _container(stack: HostStack, target: Target) -> _Container:
    body, properties = target.properties["body"], aws_batch.CfnJobDefinition
    image = worker_containers.image(body, target.place, target.region)
    log = worker_containers.logging(body, target.place.host, target.region)
    execution = _execution_role(stack, target, log, image)
    variables = worker_containers.environment(body, target.place, target.region)
    return _Container(
        image=image,
        job_role_arn=_job_role(stack, target).attr_arn,
        execution_role_arn=execution.attr_arn if execution else None,
        resource_requirements=_requirements(body),
        environment=[properties.EnvironmentProperty(name=name, value=value) for name, value in variables.items()],
        linux_parameters=_linux_parameters(body),
        ulimits=[_ulimit(limit) for limit in body.get("ulimits") or ()] or None,
        volumes=[_volume(volume) for volume in body.get("host_volumes") or ()] or None,
        mount_points=[_mount(mount) for mount in body.get("mount_points") or ()] or None,
        privileged=bool(body.get("privileged")),
        user=body.get("user"),
        log_configuration=_log(stack, log),
    )


def _requirements(body: dict[str, Any]) -> list[aws_batch.CfnJobDefinition.ResourceRequirementProperty]:
    wanted = {"VCPU": body["vcpus"], "MEMORY": body["memory_limit_mib"], "GPU": body.get("gpu_count") or 0}
    return [aws_batch.CfnJobDefinition.ResourceRequirementProperty(type=kind, value=str(count)) for kind, count in wanted.items() if count]


def _linux_parameters(body: dict[str, Any]) -> aws_batch.CfnJobDefinition.LinuxParametersProperty | None:
    asked = body.get("linux_parameters")
    if not asked:
        return None
    return aws_batch.CfnJobDefinition.LinuxParametersProperty(
        init_process_enabled=asked["init_process_enabled"], shared_memory_size=asked.get("shared_memory_size")
    )


def _ulimit(limit: dict[str, Any]) -> aws_batch.CfnJobDefinition.UlimitProperty:
    return aws_batch.CfnJobDefinition.UlimitProperty(
        name=limit["name"].lower(), soft_limit=limit["soft_limit"], hard_limit=limit["hard_limit"]
    )


def _volume(volume: dict[str, Any]) -> aws_batch.CfnJobDefinition.VolumesProperty:
    host = aws_batch.CfnJobDefinition.VolumesHostProperty(source_path=volume["source_path"])
    return aws_batch.CfnJobDefinition.VolumesProperty(name=naming.slug(volume["name"]), host=host)


def _mount(mount: dict[str, Any]) -> aws_batch.CfnJobDefinition.MountPointsProperty:
    return aws_batch.CfnJobDefinition.MountPointsProperty(
        container_path=mount["container_path"], source_volume=naming.slug(mount["source_volume"]), read_only=mount["read_only"]
    )


def _log(stack: HostStack, log: Logging) -> aws_batch.CfnJobDefinition.LogConfigurationProperty:
    """The container's log; the definition's own group refers to the group, which so is made first."""
    options = dict(log.options)
    if log.is_ours:
        group = aws_logs.CfnLogGroup(stack, "Logs", log_group_name=log.group, retention_in_days=LOG_DAYS)
        group.apply_removal_policy(RemovalPolicy.DESTROY)
        options["awslogs-group"] = group.ref
    return aws_batch.CfnJobDefinition.LogConfigurationProperty(log_driver=log.driver, options=options or None)


def _job_role(stack: HostStack, target: Target) -> aws_iam.CfnRole:
    """What workers, and the tasks in them, may do: take work, record it, and read and write its files; all in the main region."""
    statements, wildcards = worker_rights.of_worker(target)
    description = f"Workers and tasks of definition {target.name} of Cyclone host {target.place.host}"
    spec = RoleSpec(description, _tasks_of_account(target), statements, wildcards, target.properties["body"].get("iam_policies") or ())
    return role(stack, target, "JobRole", spec)


def _execution_role(stack: HostStack, target: Target, log: Logging, image: str) -> aws_iam.CfnRole | None:
    """What the ECS agent may do to start a container: pull its image, where that takes rights, and write its log."""
    statements, wildcards = [], {}
    repository = worker_containers.ecr_repository(image)
    if repository:
        where = f"arn:{partition(target)}:ecr:{repository.region}:{repository.account}:repository/{repository.name}"
        pull = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
        statements += [statement("ecr:GetAuthorizationToken", on="*"), statement(*pull, on=where)]
        wildcards["*"] = _LOGIN
    if log.group:
        create = ("logs:CreateLogGroup",) if log.options.get("awslogs-create-group", "").lower() == "true" else ()
        streams = arn(target, "logs", f"log-group:{log.group}:*", log.region)
        statements.append(statement("logs:CreateLogStream", "logs:PutLogEvents", *create, on=streams))
        wildcards[streams] = _STREAMS
    if not statements:
        return None
    description = f"Starts containers of definition {target.name} of Cyclone host {target.place.host}"
    return role(stack, target, "ExecutionRole", RoleSpec(description, _tasks_of_account(target), statements, wildcards))


def _tasks_of_account(target: Target) -> dict[str, Any]:
    """Trust in ECS, which runs Batch's containers, on behalf of this account only."""
    who = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
    return policy([{**who, "Condition": {"StringEquals": {"aws:SourceAccount": target.place.account}}}])
