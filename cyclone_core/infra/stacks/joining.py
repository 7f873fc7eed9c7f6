"""What a cluster's stack in the main region has for machines that join: a role, and who may take it.

    ROLES_ANYWHERE   a trust anchor with the user's certificate authority, a profile, and the role, which only sessions of that anchor take
    SSM              the role, which Systems Manager takes for this account's managed machines; its agent hands the credentials on
    PROFILE          nothing: whoever joins has credentials of their own

The rights are those of `infra.joining`. A machine registered with Systems Manager says that it is there, and no more: nobody runs
commands on it.
"""

from typing import Any

import aws_cdk
from aws_cdk import aws_iam, aws_rolesanywhere

from cyclone_core import naming
from cyclone_core.infra import joining
from cyclone_core.infra.stacks.base import HostStack
from cyclone_core.infra.stacks.functions import policy, statement
from cyclone_core.infra.stacks.roles import RoleSpec, arn, partition, role
from cyclone_core.infra.targets import Target

SESSION_S = 3600
"""Lifetime of credentials that certificates are exchanged for; they are renewed before."""
_ITSELF = "The agent of a machine says that it is there; Systems Manager chooses the ids of those that register"


def add(stack: HostStack, target: Target) -> None:
    """Add it, where there is something. Raises no error: plans refuse what cannot be made."""
    body = target.properties["body"]
    if target.region != target.place.main_region or not joining.has_role(body):
        return
    if body["join_with"] == joining.SSM:
        made = _role(stack, target, _of_systems_manager(target), _agent(target))
    else:
        anchor = _anchor(stack, target)
        made = _role(stack, target, _of_anchor(anchor), [])
        profile = aws_rolesanywhere.CfnProfile(
            stack, "JoinProfile", name=_name(target), role_arns=[made.attr_arn], enabled=True, duration_seconds=SESSION_S
        )
        aws_cdk.CfnOutput(stack, joining.ANCHOR_ARN, value=anchor.attr_trust_anchor_arn)
        aws_cdk.CfnOutput(stack, joining.PROFILE_ARN, value=profile.attr_profile_arn)
    aws_cdk.CfnOutput(stack, joining.ROLE, value=made.ref)
    aws_cdk.CfnOutput(stack, joining.ROLE_ARN, value=made.attr_arn)


def _role(stack: HostStack, target: Target, trust: dict[str, Any], more: list[dict[str, Any]]) -> aws_iam.CfnRole:
    found = joining.statements(target.place, target.name, partition(target))
    description = f"Machines that join cluster {target.name} of Cyclone host {target.place.host}, and the tasks on them"
    wildcards = {**joining.wildcards(found), **{str(each["Resource"]): _ITSELF for each in more}}
    return role(
        stack, target, "JoinRole", RoleSpec(description, trust, [*found, *more], wildcards, target.properties["body"]["iam_policies"])
    )


def _anchor(stack: HostStack, target: Target) -> aws_rolesanywhere.CfnTrustAnchor:
    made = aws_rolesanywhere.CfnTrustAnchor
    data = made.SourceDataProperty(x509_certificate_data=target.properties["body"]["certificate_authority"])
    source = made.SourceProperty(source_type="CERTIFICATE_BUNDLE", source_data=data)
    return made(stack, "JoinAnchor", name=_name(target), enabled=True, source=source)


def _of_anchor(anchor: aws_rolesanywhere.CfnTrustAnchor) -> dict[str, Any]:
    """Trust in certificates of this anchor's authority, of no other one of the account."""
    who = {"Effect": "Allow", "Principal": {"Service": "rolesanywhere.amazonaws.com"}}
    actions = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
    return policy([{**who, "Action": actions, "Condition": {"ArnEquals": {"aws:SourceArn": anchor.attr_trust_anchor_arn}}}])


def _of_systems_manager(target: Target) -> dict[str, Any]:
    """https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-service-role.html"""
    who = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ssm.amazonaws.com"}}
    source = arn(target, "ssm", "*")
    condition = {"StringEquals": {"aws:SourceAccount": target.place.account}, "ArnEquals": {"aws:SourceArn": source}}
    return policy([{**who, "Condition": condition}])


def _agent(target: Target) -> list[dict[str, Any]]:
    return [statement("ssm:UpdateInstanceInformation", on=arn(target, "ssm", "managed-instance/*"))]


def _name(target: Target) -> str:
    """Of anchors and profiles, in the account's lists."""
    return naming.stack(target.place.host, "join", target.name)
