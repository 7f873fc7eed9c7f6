"""Which rights the caller lacks, as the sandbox's IAM says: the one that also refuses its requests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("botocore", reason="the tests of the aws room need the extra test")

from cyclone_core.aws import limits, permissions
from cyclone_core.aws.account import Account
from cyclone_core.operations.sandbox import Faults, RequestFault
from tests.aws import Sandbox, credentials_file, policy

MAY_ASK = {"Action": ["iam:SimulatePrincipalPolicy", "iam:GetRole"], "Resource": "*"}
WANTED = ["sqs:CreateQueue", "sqs:DeleteQueue", "s3:CreateBucket"]


def account_of(aws: Sandbox, directory: Path, *statements: Mapping[str, Any]) -> Account:
    """The account as a new user with these statements reaches it."""
    return Account(endpoint=aws.door(credentials_file(directory / "keys", aws.user(*statements))))


def test_the_root_lacks_nothing(aws: Sandbox) -> None:
    """And is not simulated."""
    assert permissions.lacking(aws.account(), WANTED) == ((), "")


def test_what_a_user_lacks(aws: Sandbox, tmp_path: Path) -> None:
    """In order, however it was asked for."""
    account = account_of(aws, tmp_path, MAY_ASK, {"Action": "sqs:Create*", "Resource": "*"})
    assert permissions.lacking(account, [*WANTED, *WANTED]) == (("s3:CreateBucket", "sqs:DeleteQueue"), "")


def test_a_denial_goes_before_what_is_allowed(aws: Sandbox, tmp_path: Path) -> None:
    """As when requests are made."""
    account = account_of(aws, tmp_path, MAY_ASK, {"Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "s3:*", "Resource": "*"})
    assert permissions.lacking(account, WANTED) == (("s3:CreateBucket",), "")


def test_rights_may_be_about_resources(aws: Sandbox, tmp_path: Path) -> None:
    """Those of a host begin with its name."""
    account = account_of(aws, tmp_path, MAY_ASK, {"Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:grid-*"})
    arn = "arn:aws:sqs:us-east-1:123456789012:{}-jobs"
    assert permissions.lacking(account, ["sqs:CreateQueue"], {"sqs:CreateQueue": arn.format("grid")}) == ((), "")
    assert permissions.lacking(account, ["sqs:CreateQueue"], {"sqs:CreateQueue": arn.format("other")})[0] == ("sqs:CreateQueue",)


def test_rights_may_depend_on_circumstances(aws: Sandbox, tmp_path: Path) -> None:
    """Such as the service that a role is passed to."""
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    account = account_of(aws, tmp_path, MAY_ASK, {"Action": "iam:PassRole", "Resource": "*", "Condition": to_lambda})
    assert permissions.lacking(account, ["iam:PassRole"], {}, {"iam:PassedToService": "lambda.amazonaws.com"}) == ((), "")
    assert permissions.lacking(account, ["iam:PassRole"])[0] == ("iam:PassRole",)


def test_many_actions_are_asked_in_parts(aws: Sandbox, tmp_path: Path) -> None:
    """A request has room for a hundred or so."""
    account = account_of(aws, tmp_path, MAY_ASK, {"Action": "sqs:*", "Resource": "*"})
    wanted = [f"{service}:Action{number}" for service in ("sqs", "sns") for number in range(150)]
    lacking, unchecked = permissions.lacking(account, wanted)
    assert (len(lacking), unchecked) == (150, "")
    assert all(action.startswith("sns:") for action in lacking)


def test_parts_of_what_is_asked() -> None:
    """By what the actions are needed for, and no more of them than a request has room for."""
    actions = [f"sqs:Action{number}" for number in range(201)]
    found = list(permissions.questions(actions, {"sqs:Action7": "arn"}))
    assert [(len(names), arn) for names, arn in found] == [(100, "*"), (100, "*"), (1, "arn")]
    assert sorted(name for names, _ in found for name in names) == sorted(actions)


def test_a_session_has_the_rights_of_its_role(aws: Sandbox, tmp_path: Path) -> None:
    """Whose path is not in the session's name."""
    iam = aws.client("iam", "us-east-1")
    trust = policy({"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    arn = iam.create_role(RoleName="deployer", Path="/team/", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName="deployer", PolicyName="all", PolicyDocument=policy(MAY_ASK, {"Action": "sqs:*", "Resource": "*"}))
    keys = aws.client("sts", "us-east-1").assume_role(RoleArn=arn, RoleSessionName="ada")["Credentials"]
    names = {"aws_access_key_id": "AccessKeyId", "aws_secret_access_key": "SecretAccessKey", "aws_session_token": "SessionToken"}
    account = Account(endpoint=aws.door(credentials_file(tmp_path / "keys", {name: keys[key] for name, key in names.items()})))
    assert account.identity().arn.endswith(":assumed-role/deployer/ada")
    assert permissions.lacking(account, WANTED) == (("s3:CreateBucket",), "")


def test_who_may_not_ask(aws: Sandbox, tmp_path: Path) -> None:
    """Is told so: nothing is known to be lacking."""
    lacking, unchecked = permissions.lacking(account_of(aws, tmp_path, {"Action": "sqs:*", "Resource": "*"}), WANTED)
    assert lacking == ()
    assert "may not iam:SimulatePrincipalPolicy" in unchecked


def test_quotas_that_may_not_be_asked_for(aws: Sandbox, tmp_path: Path) -> None:
    """Are unknown, and nothing fails."""
    account = account_of(aws, tmp_path, {"Action": "ec2:DescribeVpcs", "Resource": "*"})
    found = limits.vpcs(account, "us-east-1")
    assert (found.limit, found.left) == (None, None)
    assert found.used is not None
    assert limits.addresses(account, "us-east-1") == limits.Quota(None, None)


def test_other_failures_are_not_taken_for_an_answer(aws: Sandbox, tmp_path: Path, faults: Any) -> None:
    """Such as credentials that expire."""
    account = account_of(aws, tmp_path, MAY_ASK)
    account.identity()
    faults(Faults(requests=[RequestFault("iam", code="ExpiredToken", status=403)]))
    with pytest.raises(Exception, match="have expired"):
        permissions.lacking(account, WANTED)
