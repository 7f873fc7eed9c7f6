"""Our linter of policies, on policies that are wrong."""

from typing import Any

import pytest

from tests.stacks.linting import findings, past_limits, policy_findings


def template(**statement: Any) -> dict[str, Any]:
    """With one role of one statement."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}],
    }
    properties = {"AssumeRolePolicyDocument": trust, "Policies": [{"PolicyName": "own", "PolicyDocument": document}]}
    return {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}}


QUEUE = "arn:aws:sqs:us-east-1:123456789012:grid--*"


@pytest.mark.parametrize(
    ("action", "resource", "finding"),
    [
        ("sqs:*", QUEUE, "Role: sqs:* allows more than is listed"),
        ("sqs:Receive*", QUEUE, "Role: sqs:Receive* allows more than is listed"),
        ("sqs:TakeMessage", QUEUE, "Role: there is no action sqs:TakeMessage"),
        ("sqs:SendMessage", "*", "Role: sqs:SendMessage on *: the action has resources, so they can be named"),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/*", "Role: iam:PassRole on arn:aws:iam::123456789012:role/*: any role"),
        ("ecr:GetAuthorizationToken", QUEUE, f"Role: ecr:GetAuthorizationToken on {QUEUE}: the action has no resources"),
    ],
)  # fmt: skip
def test_too_much_is_found(action: str, resource: str, finding: str) -> None:
    """Actions and resources with `*`, roles to pass, actions that do not exist."""
    assert policy_findings(template(Action=[action], Resource=resource)) == [finding]


def test_a_resource_of_another_service_is_found() -> None:
    """Of such a statement nothing would come."""
    (found,) = policy_findings(template(Action="s3:GetObject", Resource=QUEUE))
    assert "the action is for arn:${Partition}:s3" in found


def test_what_is_listed_is_right() -> None:
    """Also where CloudFormation completes it, and where an action has no resources."""
    assert policy_findings(template(Action=["sqs:SendMessage"], Resource=QUEUE)) == []
    assert policy_findings(template(Action=["sqs:SendMessage"], Resource={"Fn::GetAtt": ["Queue", "Arn"]})) == []
    joined = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":ssm:eu-west-1:123456789012:parameter/cyclone/grid/*"]]}
    assert policy_findings(template(Action="ssm:GetParameter", Resource=joined)) == []
    assert policy_findings(template(Action="ecr:GetAuthorizationToken", Resource="*")) == []


def test_a_trust_in_everybody_is_found() -> None:
    """Roles trust services."""
    found = template(Action="sqs:SendMessage", Resource=QUEUE)
    found["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] = {"AWS": "*"}
    assert policy_findings(found) == ["Role: trusts *"]


def test_exceptions_are_found() -> None:
    """They allow what comes later, too."""
    assert policy_findings(template(NotAction="iam:*", Resource=QUEUE)) == ["Role: NotAction allows what nobody listed"]


def test_the_rest_is_cfn_lints() -> None:
    """And limits are counted."""
    wrong = template(Action="sqs:SendMessage", Resource=QUEUE)
    assert findings(wrong, "us-east-1") == []
    wrong["Resources"]["Role"]["Properties"]["Wrong"] = 1
    assert "E3002" in findings(wrong, "us-east-1")[0]
    assert past_limits({"Resources": {f"R{number}": {"Type": "AWS::SNS::Topic"} for number in range(501)}}) == ["501 resources"]
