"""The policies of a role that deploys, by the linter of policies: they are for one host, and for actions that exist."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from cyclone_core.infra import permissions
from tests.stacks.bodies import ACCOUNT
from tests.stacks.linting import policy_findings

NAMED = {
    "AWS::IAM::Role": ("", "arn:aws:iam::{}:role/{}"),
    "AWS::IAM::InstanceProfile": ("", "arn:aws:iam::{}:instance-profile/{}"),
    "AWS::Events::Rule": ("Name", "arn:aws:events:us-east-1:{}:rule/{}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "arn:aws:logs:us-east-1:{}:log-group:{}"),
    "AWS::Lambda::Function": ("FunctionName", "arn:aws:lambda:us-east-1:{}:function:{}"),
    "AWS::SQS::Queue": ("QueueName", "arn:aws:sqs:us-east-1:{}:{}"),
    "AWS::DynamoDB::Table": ("TableName", "arn:aws:dynamodb:us-east-1:{}:table/{}"),
    "AWS::CloudWatch::Alarm": ("AlarmName", "arn:aws:cloudwatch:us-east-1:{}:alarm:{}"),
    "AWS::Batch::JobQueue": ("JobQueueName", "arn:aws:batch:us-east-1:{}:job-queue/{}"),
    "AWS::Batch::JobDefinition": ("JobDefinitionName", "arn:aws:batch:us-east-1:{}:job-definition/{}"),
}
"""Type -> the property with its name, "" where CloudFormation makes one, and its ARN."""


def physical_name(stack: str, logical_id: str, properties: Any, named_by: str) -> str:
    """What a resource will be called. CloudFormation makes one hyphen of several, and shares 50 characters between the names of a role."""
    if named_by:
        return str(properties[named_by])
    return f"{re.sub('-+', '-', stack)[:25]}-{logical_id[:25]}-0a1B2c3D4e5F"


def test_what_is_made_has_names_that_the_policies_are_about() -> None:
    """Names that CloudFormation makes, too."""
    documents = permissions.policies("grid", ACCOUNT).values()
    about = [arn for document in documents for statement in document["Statement"] for arn in statement["Resource"] if arn != "*"]
    for path in (Path(__file__).parent / "golden").glob("*/*.grid*.json"):
        for logical_id, found in json.loads(path.read_text())["Resources"].items():
            named_by, arn = NAMED.get(found["Type"], ("", ""))
            made = arn.format(ACCOUNT, physical_name(path.name.split(".")[1], logical_id, found.get("Properties"), named_by))
            assert not arn or any(fnmatchcase(made, pattern) for pattern in about), f"{path.name}: {made}"


def test_nothing_is_allowed_that_is_not_needed() -> None:
    """On everything only where the table of rights says why."""
    documents: dict[str, Any] = {**permissions.policies("grid", ACCOUNT), "look": permissions.look_policy("grid", ACCOUNT)}
    documents["work"] = permissions.work_policy("grid", ACCOUNT)
    found = policy_findings({"Resources": {name: {"Properties": {"Policy": document}} for name, document in documents.items()}})
    on_everything = [each.split(": ")[1].partition(" on everything")[0] for each in found if " on everything" in each]
    assert all(permissions.scope_of(action).why for action in on_everything)
    assert [each for each in found if " on everything" not in each] == []
