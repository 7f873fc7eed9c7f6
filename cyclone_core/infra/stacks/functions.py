"""Lambda functions with nothing but what they need: a role of their own without managed policies, and a log of limited age.

A function is packed from modules of this project (`function_package`) or is inline code of at most 4 KiB; both run on Python and boto3
as Lambda has them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aws_cdk
from aws_cdk import aws_iam, aws_lambda, aws_logs

from cyclone_core import naming
from cyclone_core.infra import function_package
from cyclone_core.infra.stacks.base import HostStack
from cyclone_core.infra.targets import Target

RUNTIME = "python3.14"
LOG_DAYS = 30


@dataclass(frozen=True)
class FunctionSpec:
    """What a function is."""

    what: str
    """of `naming.function(host, what)`"""
    description: str
    handler: str
    """module and function; of inline code `index.…`"""
    modules: tuple[str, ...] = ()
    """modules of this project that are packed"""
    inline: str = ""
    """or its code"""
    timeout_s: int = 60
    memory_mib: int = 256
    statements: Sequence[Mapping[str, Any]] = ()
    """what its role may do, beside writing its log"""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Function:
    """What was made."""

    function: aws_lambda.CfnFunction
    role: aws_iam.CfnRole
    logs: aws_logs.CfnLogGroup


def function(stack: HostStack, target: Target, logical_id: str, spec: FunctionSpec) -> Function:
    """Add a function with its role and log: logical ids `logical_id`, …Role and …Logs."""
    name = naming.function(target.place.host, spec.what)
    logs = aws_logs.CfnLogGroup(
        stack, f"{logical_id}Logs", log_group_name=f"/cyclone/{target.place.host}/function/{spec.what}", retention_in_days=LOG_DAYS
    )
    logs.apply_removal_policy(aws_cdk.RemovalPolicy.DESTROY)
    role = _role(stack, f"{logical_id}Role", spec, logs)
    made = aws_lambda.CfnFunction(
        stack,
        logical_id,
        function_name=name,
        description=spec.description,
        runtime=RUNTIME,
        architectures=["x86_64"],  # every region has it, also new ones; what it costs more is cents a year
        handler=spec.handler,
        code=_code(stack, logical_id, spec),
        role=role.attr_arn,
        timeout=spec.timeout_s,
        memory_size=spec.memory_mib,
        logging_config=aws_lambda.CfnFunction.LoggingConfigProperty(log_group=logs.ref),
        environment=aws_lambda.CfnFunction.EnvironmentProperty(variables=spec.environment) if spec.environment else None,
    )
    return Function(made, role, logs)


def statement(*actions: str, on: str | Sequence[str], **conditions: Mapping[str, Any]) -> dict[str, Any]:
    """A statement that allows actions; conditions as `StringEquals={…}`."""
    resources = on if isinstance(on, str) else list(on)
    return {"Effect": "Allow", "Action": sorted(actions), "Resource": resources, **({"Condition": conditions} if conditions else {})}


def trusting(service: str) -> dict[str, Any]:
    """A role's trust in a service, such as lambda.amazonaws.com."""
    return policy([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}])


def policy(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A policy's document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _role(stack: HostStack, logical_id: str, spec: FunctionSpec, logs: aws_logs.CfnLogGroup) -> aws_iam.CfnRole:
    # The group is there already, so nothing has to be created; its ARN ends in `:*`, which is its streams.
    statements = [statement("logs:CreateLogStream", "logs:PutLogEvents", on=logs.attr_arn), *spec.statements]
    return aws_iam.CfnRole(
        stack,
        logical_id,
        description=spec.description,
        assume_role_policy_document=trusting("lambda.amazonaws.com"),
        policies=[aws_iam.CfnRole.PolicyProperty(policy_name="function", policy_document=policy(statements))],
    )


def _code(stack: HostStack, logical_id: str, spec: FunctionSpec) -> aws_lambda.CfnFunction.CodeProperty:
    if spec.inline:
        return aws_lambda.CfnFunction.CodeProperty(zip_file=spec.inline)
    bucket, key = asset(stack, f"{logical_id}Code", spec.what, function_package.packed(spec.modules))
    return aws_lambda.CfnFunction.CodeProperty(s3_bucket=bucket, s3_key=key)


def asset(stack: HostStack, logical_id: str, name: str, content: bytes) -> tuple[str, str]:
    """Bucket and key of a zip that is brought to the stack's region before the stack is deployed."""
    from aws_cdk import aws_s3_assets  # loads all of S3, which stacks with inline code do without

    with TemporaryDirectory() as folder:
        path = Path(folder, f"{name}.zip")
        path.write_bytes(content)
        made = aws_s3_assets.Asset(stack, logical_id, path=str(path), display_name=name)
    return made.s3_bucket_name, made.s3_object_key
