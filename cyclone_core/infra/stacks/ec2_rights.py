"""What the scaler may do at EC2, in every region: launch instances from the host's launch templates and terminate the host's instances.

EC2 checks a launch against each resource that takes part in it. Those that are made carry the host's tag, the template has to be one
of the host's; networks, images and the like are what the template and the region's stack say.
"""

from typing import Any

from cyclone_core import naming
from cyclone_core.infra.stacks.functions import statement
from cyclone_core.infra.stacks.roles import arn, partition
from cyclone_core.infra.targets import Target

_SPOT = "spot.amazonaws.com"
REASONS = {
    "iam": "Roles of instances have names that CloudFormation begins with those of clusters' stacks, and are given to EC2 alone",
    "ssm": "Parameters name the subnets of each cluster, and Amazon's images, in every region",
}
LOOKS = "EC2 describes without resources, in every region"
MAKES = "Instances and what belongs to them have ids that EC2 chooses: those that are made or ended carry the host's tag"
TAKES_PART = "Networks, images and templates that take part in a launch are named by the launch template and by the region's stack"


def statements(target: Target) -> list[dict[str, Any]]:
    """Of the scaler's policy."""
    host = target.place.host
    mine, asked = {f"aws:ResourceTag/{naming.TAG_HOST}": host}, {f"aws:RequestTag/{naming.TAG_HOST}": host}
    made = [_any(target, kind) for kind in ("fleet", "instance", "volume")]
    taking_part = [_any(target, kind) for kind in ("network-interface", "security-group", "spot-instances-request", "subnet")]
    images = [f"arn:{partition(target)}:ec2:*::{kind}/*" for kind in ("image", "snapshot")]
    launch = ("ec2:CreateFleet", "ec2:RunInstances")
    return [
        statement("ec2:DescribeInstances", "ec2:DescribeLaunchTemplates", "ec2:DescribeSubnets", on="*"),
        statement(*launch, on=_any(target, "launch-template"), StringEquals=mine),
        statement(*launch, on=made, StringEquals=asked),
        statement(*launch, on=[*taking_part, *images]),
        statement("ec2:CreateTags", on=made, StringEquals={"ec2:CreateAction": ["CreateFleet", "RunInstances"]}),
        statement("ec2:TerminateInstances", on=_any(target, "instance"), StringEquals=mine),
        *_roles(target),
        statement("ssm:GetParameter", on=arn(target, "ssm", f"parameter{naming.network_value(host, 'subnets')}/*", "*")),
        statement("ssm:GetParameters", on=f"arn:{partition(target)}:ssm:*::parameter/aws/service/ami-amazon-linux-latest/*"),
    ]


def _roles(target: Target) -> list[dict[str, Any]]:
    """Instances get their cluster's role; an account's first spot request makes the role that EC2 keeps for them."""
    # CloudFormation names roles after their stack, and makes one hyphen of two.
    instances = arn(target, "iam", f"role/{target.place.host}-cluster-*", "")
    spot = arn(target, "iam", f"role/aws-service-role/{_SPOT}/AWSServiceRoleForEC2Spot", "")
    services = ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]
    return [
        statement("iam:PassRole", on=instances, StringEquals={"iam:PassedToService": services}),
        statement("iam:CreateServiceLinkedRole", on=spot, StringEquals={"iam:AWSServiceName": _SPOT}),
    ]


def reason(resource: str, action: str) -> str:
    """Why a resource with a `*` is right."""
    if resource == "*":
        return LOOKS
    service = action.partition(":")[0]
    if service in REASONS:
        return REASONS[service]
    return MAKES if any(f":{kind}/" in resource for kind in ("fleet", "instance", "volume")) else TAKES_PART


def _any(target: Target, kind: str) -> str:
    return arn(target, "ec2", f"{kind}/*", "*")
