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
IMAGES = "arn:aws:ec2:*:123456789012:*/*"
"""ARNs of images have no account."""


@pytest.mark.parametrize(
    ("action", "resource", "finding"),
    [
        ("sqs:*", QUEUE, "sqs:* allows more than is listed"),
        ("sqs:Receive*", QUEUE, "sqs:Receive* allows more than is listed"),
        ("sqs:TakeMessage", QUEUE, "there is no action sqs:TakeMessage"),
        ("sqs:SendMessage", "*", "sqs:SendMessage on everything: it has resources, so they can be named"),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/*", "any role can be passed"),
        ("ecr:GetAuthorizationToken", QUEUE, f"ecr:GetAuthorizationToken is for everything, not for {QUEUE}"),
        ("ec2:DeregisterImage", IMAGES, f"ec2:DeregisterImage is for arn:*:ec2:*::image/*, not for {IMAGES}"),
        ("sqs:SendMessage", "arn:aws:sns:::x", "sqs:SendMessage is for arn:*:sqs:*:*:*, not for arn:aws:sns:::x"),
    ],
)  # fmt: skip
def test_too_much_is_found(action: str, resource: str, finding: str) -> None:
    """Actions and resources with `*`, roles to pass, actions that do not exist, and what an action is not for."""
    assert policy_findings(template(Action=[action], Resource=resource)) == [f"Role: {finding}"]


@pytest.mark.parametrize("resources", [[QUEUE, "arn:aws:sns:us-east-1:123456789012:x"], ["arn:aws:sqs:*:123456789012:*"]])
def test_one_resource_of_several_is_enough(resources: list[str]) -> None:
    """A statement may be about things of several kinds, wherever they are."""
    assert policy_findings(template(Action=["sqs:SendMessage"], Resource=resources)) == []


def test_what_is_listed_is_right() -> None:
    """Also where CloudFormation completes it, and where an action has no resources."""
    assert policy_findings(template(Action=["sqs:SendMessage"], Resource=QUEUE)) == []
    assert policy_findings(template(Action=["sqs:SendMessage"], Resource={"Fn::GetAtt": ["Queue", "Arn"]})) == []
    joined = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":ssm:eu-west-1:123456789012:parameter/cyclone/grid/*"]]}
    assert policy_findings(template(Action="ssm:GetParameter", Resource=joined)) == []
    assert policy_findings(template(Action="ecr:GetAuthorizationToken", Resource="*")) == []


@pytest.mark.parametrize("who", ["*", {"AWS": "*"}, {"AWS": "arn:aws:iam::123456789012:root"}, {"Service": "*.amazonaws.com"}])
def test_a_trust_in_others_than_services_is_found(who: object) -> None:
    """Nobody but a service takes on a role of ours."""
    found = template(Action="sqs:SendMessage", Resource=QUEUE)
    found["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] = who
    (only,) = policy_findings(found)
    assert only.startswith("Role: trusts ")


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
