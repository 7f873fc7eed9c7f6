"""What machines that join a cluster may do, and what each way of showing who they are needs. Pure.

A machine works for one cluster: it takes messages of that cluster's lanes only, and reads and writes the host's one table and the objects
of its jobs. The same statements are the role's that the cluster's stack makes (`stacks.joining`), and the policy's that an administrator
attaches to whoever joins with a profile.
"""

from collections.abc import Mapping
from typing import Any

from cyclone_core import naming
from cyclone_core.infra.targets import Place

PROFILE, ROLES_ANYWHERE, SSM = "PROFILE", "ROLES_ANYWHERE", "SSM"
ROLE, ROLE_ARN, ANCHOR_ARN, PROFILE_ARN = "JoinRoleName", "JoinRoleArn", "JoinTrustAnchorArn", "JoinProfileArn"
"""Outputs of the cluster's stack in the main region."""
_LANES = "Message queues come with definitions; only those of this cluster have names that begin so"
_OBJECTS = "Scripts, parameters, outputs and logs are objects named after jobs"
_RECORDS = "The records of this host, of which there are more and fewer"


def has_role(cluster: Mapping[str, Any]) -> bool:
    """Whether a cluster's stack has a role for machines that join."""
    return str(cluster.get("join_with") or PROFILE) != PROFILE


def statements(place: Place, cluster: str, partition: str) -> list[dict[str, Any]]:
    """What a machine of a cluster may do; all of it in the main region."""

    def arn(service: str, what: str) -> str:
        where = ("", "") if service == "s3" else (place.main_region, place.account)
        return f"arn:{partition}:{service}:{':'.join(where)}:{what}"

    objects = f"{naming.data_bucket(place.host, place.account, place.main_region)}"
    read = ("dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:Query")
    write = ("dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
    take = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage")
    records = arn("ssm", f"parameter{naming.records(place.host)}")
    return [
        _allow((*take, "sqs:SendMessage"), arn("sqs", naming.lanes_of(place.host, cluster))),
        _allow((*read, *write), arn("dynamodb", f"table/{naming.jobs_table(place.host)}")),
        _allow(("s3:GetObject",), [arn("s3", f"{objects}/{prefix}/*") for prefix in ("scripts", "parameters", "indices")]),
        _allow(("s3:GetObject", "s3:PutObject"), arn("s3", f"{objects}/output/*")),
        _allow(("ssm:GetParametersByPath",), [records, f"{records}/*"]),
    ]


def wildcards(found: list[dict[str, Any]]) -> dict[str, str]:
    """Each resource in the statements with a `*` -> why it is right."""
    why = {"sqs": _LANES, "s3": _OBJECTS, "ssm": _RECORDS}
    every = (each["Resource"] for each in found)
    arns = [arn for one in every for arn in ([one] if isinstance(one, str) else one)]
    return {arn: why[arn.split(":")[2]] for arn in arns if "*" in arn}


def policy(place: Place, cluster: str, partition: str = "aws") -> dict[str, Any]:
    """The policy for whoever joins with a profile."""
    return {"Version": "2012-10-17", "Statement": statements(place, cluster, partition)}


def _allow(actions: tuple[str, ...], on: str | list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": sorted(actions), "Resource": on}
