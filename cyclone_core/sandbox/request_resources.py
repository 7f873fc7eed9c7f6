"""What a request is, and about which resource, as IAM policies name both, where ministack does not know. Pure."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

_BATCH = {
    "submitjob": ("job-queue", "jobQueue"),
    "updatejobqueue": ("job-queue", "jobQueue"),
    "deletejobqueue": ("job-queue", "jobQueue"),
    "createjobqueue": ("job-queue", "jobQueueName"),
    "canceljob": ("job", "jobId"),
    "terminatejob": ("job", "jobId"),
    "createcomputeenvironment": ("compute-environment", "computeEnvironmentName"),
    "updatecomputeenvironment": ("compute-environment", "computeEnvironment"),
    "deletecomputeenvironment": ("compute-environment", "computeEnvironment"),
    "deregisterjobdefinition": ("job-definition", "jobDefinition"),
}
"""Operation of Batch -> kind of resource, and the member of the request with its name or ARN."""


ACTIONS = {
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}
"""Requests that take the right of another one (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html)."""


def resource_of(service: str, path: str, body: bytes, region: str, account: str) -> str | None:
    """The ARN of a request's resource; None where ministack is to say."""
    if service == "iam" and b"PolicySourceArn=" in body:
        return parse_qs(body.decode())["PolicySourceArn"][0]
    if service == "ec2" and b"Action=CreateFleet" in body:
        return f"arn:aws:ec2:{region}:{account}:fleet/*"
    members = _members(body)
    if service == "batch":
        return _of_batch(path, members, f"arn:aws:batch:{region}:{account}:")
    if service == "logs" and members.get("logGroupName"):
        stream = members.get("logStreamName", "")
        return f"arn:aws:logs:{region}:{account}:log-group:{members['logGroupName']}:log-stream:{stream}"
    if service == "dynamodbstreams" and members.get("StreamArn"):
        return str(members["StreamArn"])
    rule = members.get("Rule") or members.get("Name")
    if service == "events" and rule and "EventBusName" not in members:
        return f"arn:aws:events:{region}:{account}:rule/{rule}"
    if service == "ssm" and members.get("Path"):
        return f"arn:aws:ssm:{region}:{account}:parameter/{str(members['Path']).strip('/')}/"
    return None


def _of_batch(path: str, members: Mapping[str, Any], prefix: str) -> str:
    kind, member = _BATCH.get(path.rpartition("/")[2].lower(), ("", ""))
    reference = str(members.get(member, ""))
    if not reference:
        return "*"
    return reference if reference.startswith("arn:") else f"{prefix}{kind}/{reference}"


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
