"""What the stacks of a host have in common: a stack with its place and name, its record, values for other stacks, acknowledged findings.

A stack is flat and knows account and region. Its tags are the stack's own (CloudFormation hands them on to the resources), so that they
are not repeated in the template. Assets are in the bucket of the CDK's bootstrap and are uploaded with the deployer's own credentials.
"""

from collections.abc import Mapping, Sequence

import aws_cdk
from aws_cdk import aws_ssm
from constructs import IConstruct

from cyclone_core import naming
from cyclone_core.errors import CycloneError
from cyclone_core.infra.targets import Target
from cyclone_core.resource_bodies import MOST_RECORD_BYTES, aws_record

RECORD = "Record"
"""Logical id of a stack's record."""
_RESOURCES = {"hub": "region", "peering": "region"}
"""Kinds of stacks that are called otherwise than the resource they belong to."""
CONTEXT = {
    "aws:cdk:enable-path-metadata": False,
    "aws:cdk:enable-asset-metadata": False,
    "aws:cdk:disable-stack-trace": True,
}
"""Set above the command line's, so that templates are the same with the cdk command and without."""


def new_app(outdir: str | None = None) -> aws_cdk.App:
    """An app for stacks of targets; it writes to `outdir`, else where the cdk command says, else to a new temporary directory."""
    return aws_cdk.App(outdir=outdir, analytics_reporting=False, stack_traces=False, tree_metadata=False, post_cli_context=CONTEXT)


class HostStack(aws_cdk.Stack):
    """The stack of a target, still without resources."""

    def __init__(self, app: aws_cdk.App, target: Target) -> None:
        super().__init__(
            app,
            construct_id(target),
            stack_name=target.stack,
            description=f"Cyclone host {target.place.host}: {target.kind} {target.name}",
            env=aws_cdk.Environment(account=target.place.account, region=target.region),
            synthesizer=aws_cdk.CliCredentialsStackSynthesizer(),
            tags=target.tags,
            analytics_reporting=False,
            termination_protection=False,
        )


def construct_id(target: Target) -> str:
    """A stack's name in an app, where stacks of all regions are together."""
    return f"{target.stack}-{target.region}"


def record(stack: HostStack, target: Target) -> None:
    """Keep the resource's body in a parameter of the main region: what the host has is what is recorded.

    Raises CycloneError when it is larger than a parameter can be; plans refuse that before.
    """
    value = aws_record(target.properties["body"])
    kind = _RESOURCES.get(target.kind, target.kind)
    if len(value) > MOST_RECORD_BYTES:
        what = f"the {kind} {target.name} has {len(value):,} bytes of settings: a record has at most {MOST_RECORD_BYTES:,}"
        raise CycloneError(f"{what}. Make lists, tags or environment shorter")
    aws_ssm.CfnParameter(
        stack,
        RECORD,
        type="String",
        name=naming.record(target.place.host, kind, target.name),
        description=f"Cyclone host {target.place.host}: what {kind} {target.name} is",
        tier="Intelligent-Tiering",
        value=value,
    )


def export(stack: HostStack, target: Target, what: str, value: str) -> None:
    """Offer a value to the other stacks of this region, as `naming.export(host, what)`; its output has the name in CamelCase."""
    logical_id = "".join(word.capitalize() for word in what.split("-"))
    aws_cdk.CfnOutput(stack, logical_id, value=value, export_name=naming.export(target.place.host, what))


def imported(target: Target, what: str) -> str:
    """A value that this region's network offers: vpc-id, subnets (joined by commas), security-group."""
    return aws_cdk.Fn.import_value(naming.export(target.place.host, what))


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Say why findings of the checks are right as they are: finding (such as AwsSolutions-IAM5[Resource::*]) -> reason."""
    findings: Sequence[aws_cdk.Acknowledgment] = [aws_cdk.Acknowledgment(id=id, reason=reason) for id, reason in reasons.items()]
    aws_cdk.Validations.of(construct).acknowledge(*findings)
