"""Roles of instances and containers, what they may do, and how a user names policies for them.

A user's policy is spelled as

    AmazonS3ReadOnlyAccess                       a policy of AWS's own, by its name, with its path where it has one (service-role/…)
    policy/mine                                  one of the host's account
    arn:aws:iam::123456789012:policy/mine        any, by its ARN
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_iam

from cyclone_core.infra.stacks.base import HostStack, acknowledge
from cyclone_core.infra.stacks.functions import policy
from cyclone_core.infra.targets import Target

_OF_USER = "The user gave the role this policy (iam_policies)"


@dataclass(frozen=True)
class RoleSpec:
    """What a role is."""

    description: str
    trust: Mapping[str, Any]
    statements: Sequence[Mapping[str, Any]] = ()
    wildcards: Mapping[str, str] | None = None
    """each resource with a `*` in the statements -> why it is right"""
    policies: Sequence[str] = ()
    """as users spell them"""
    why_policies: str = _OF_USER


def role(stack: HostStack, target: Target, logical_id: str, spec: RoleSpec) -> aws_iam.CfnRole:
    """Add a role."""
    arns = list(dict.fromkeys(policy_arn(target, each) for each in spec.policies))
    document = policy(spec.statements)
    made = aws_iam.CfnRole(
        stack,
        logical_id,
        description=spec.description,
        assume_role_policy_document=spec.trust,
        policies=[aws_iam.CfnRole.PolicyProperty(policy_name="own", policy_document=document)] if spec.statements else None,
        managed_policy_arns=arns or None,
    )
    reasons = {f"AwsSolutions-IAM5[Resource::{resource}]": reason for resource, reason in (spec.wildcards or {}).items()}
    of_aws = (each for each in arns if ":iam::aws:" in each)
    reasons |= {f"AwsSolutions-IAM4[Policy::{each}]": spec.why_policies for each in of_aws}
    if reasons:
        acknowledge(made, reasons)
    return made


def arn(target: Target, service: str, what: str, region: str | None = None) -> str:
    """The ARN of something in the host's account. region: another than the stack's; "" for services without regions."""
    where = target.region if region is None else region
    account = "" if service == "s3" else target.place.account
    return f"arn:{partition(target)}:{service}:{where}:{account}:{what}"


def partition(target: Target) -> str:
    """AWS's word for the part of it that a region belongs to, with which ARNs begin."""
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get("us-gov" if target.region.startswith("us-gov-") else target.region[:2], "aws")


def policy_arn(target: Target, spelling: str) -> str:
    """The ARN of a policy as users spell it."""
    if spelling.startswith("arn:"):
        return spelling
    account = target.place.account if spelling.startswith("policy/") else "aws"
    return f"arn:{partition(target)}:iam::{account}:policy/{spelling.removeprefix('policy/')}"
