"""IAM's simulator on the sandbox: it says what the enforcement does."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws import Sandbox, policy

ARN = "arn:aws:sqs:us-east-1:123456789012:grid--jobs"


def simulate(aws: Sandbox, principal: str, *actions: str, **more: Any) -> dict[str, str]:
    """Action -> decision."""
    answer = aws.client("iam", "us-east-1").simulate_principal_policy(PolicySourceArn=principal, ActionNames=actions, **more)
    return {result["EvalActionName"]: result["EvalDecision"] for result in answer["EvaluationResults"]}


def user(aws: Sandbox, name: str, *statements: dict[str, Any], **more: str) -> str:
    """ARN of a new user."""
    iam = aws.client("iam", "us-east-1")
    arn: str = iam.create_user(UserName=name, **more)["User"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy(*statements))
    return arn


def test_allowed_denied_or_neither(aws: Sandbox) -> None:
    """A denial goes before what is allowed."""
    arn = user(aws, "sim-1", {"Action": "sqs:*", "Resource": "*"}, {"Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*"})
    found = simulate(aws, arn, "sqs:CreateQueue", "sqs:DeleteQueue", "sns:CreateTopic")
    assert found == {"sqs:CreateQueue": "allowed", "sqs:DeleteQueue": "explicitDeny", "sns:CreateTopic": "implicitDeny"}


def test_resources_count(aws: Sandbox) -> None:
    """Who may do something to some resources may not do it to all."""
    arn = user(aws, "sim-2", {"Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:grid-*"})
    assert simulate(aws, arn, "sqs:DeleteQueue", ResourceArns=[ARN]) == {"sqs:DeleteQueue": "allowed"}
    assert simulate(aws, arn, "sqs:DeleteQueue") == {"sqs:DeleteQueue": "implicitDeny"}


def test_a_boundary_limits(aws: Sandbox) -> None:
    """What it does not allow is not allowed, as when requests are made."""
    iam = aws.client("iam", "us-east-1")
    boundary = iam.create_policy(PolicyName="sim-limit", PolicyDocument=policy({"Action": "sqs:CreateQueue", "Resource": "*"}))["Policy"][
        "Arn"
    ]
    arn = user(aws, "sim-3", {"Action": "sqs:*", "Resource": "*"}, PermissionsBoundary=boundary)
    assert simulate(aws, arn, "sqs:CreateQueue", "sqs:DeleteQueue") == {"sqs:CreateQueue": "allowed", "sqs:DeleteQueue": "implicitDeny"}


def test_circumstances_are_those_that_are_told(aws: Sandbox) -> None:
    """A condition about anything else is not met."""
    to_lambda = {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com"]}}
    arn = user(aws, "sim-5", {"Action": "iam:PassRole", "Resource": "*", "Condition": to_lambda})
    decisions = {}
    for value in ("lambda.amazonaws.com", "ec2.amazonaws.com"):
        told = [{"ContextKeyName": "iam:PassedToService", "ContextKeyValues": [value], "ContextKeyType": "string"}]
        decisions[value] = simulate(aws, arn, "iam:PassRole", ContextEntries=told)["iam:PassRole"]
    assert decisions == {"lambda.amazonaws.com": "allowed", "ec2.amazonaws.com": "implicitDeny"}
    assert simulate(aws, arn, "iam:PassRole") == {"iam:PassRole": "implicitDeny"}


def test_a_role_is_found_by_its_whole_arn(aws: Sandbox) -> None:
    """With its path, and not without."""
    iam = aws.client("iam", "us-east-1")
    trust = policy({"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    arn = iam.create_role(RoleName="sim-4", Path="/team/", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName="sim-4", PolicyName="all", PolicyDocument=policy({"Action": "sqs:*", "Resource": "*"}))
    assert simulate(aws, arn, "sqs:DeleteQueue") == {"sqs:DeleteQueue": "allowed"}
    with pytest.raises(ClientError, match="NoSuchEntity"):
        simulate(aws, arn.replace("/team", ""), "sqs:DeleteQueue")


@pytest.mark.parametrize(
    ("arn", "code"), [("arn:aws:iam::123456789012:root", "InvalidInput"), ("arn:aws:iam::123456789012:user/x", "NoSuchEntity")]
)
def test_others_cannot_be_simulated(aws: Sandbox, arn: str, code: str) -> None:
    """The root, sessions, and who does not exist."""
    with pytest.raises(ClientError, match=code):
        simulate(aws, arn, "sqs:DeleteQueue")
