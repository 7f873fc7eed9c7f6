"""IAM on the sandbox: who may do what, with policies that name resources, and as whom a stack acts."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cyclone_core.sandbox.stacks.actions import TABLE, actions_for
from tests.sandbox.batch import one_queue
from tests.sandbox.conftest import Sandbox, Stack, resource

ACCOUNT = "123456789012"
_NUMBERS = itertools.count(1)


def document(*statements: dict[str, Any]) -> str:
    """A policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]})


def trusting(service: str) -> str:
    """The trust policy of a role."""
    return document({"Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def user(aws: Sandbox, *statements: dict[str, Any]) -> dict[str, str]:
    """Credentials of a new user with a policy."""
    iam, name = aws.client("iam", "us-east-1"), f"user-{next(_NUMBERS)}"
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def is_denied(call: Callable[[], object]) -> bool:
    """Whether a call is refused for want of permission; other refusals are errors."""
    try:
        call()
    except ClientError as exc:
        if "AccessDenied" not in str(exc):
            raise
        return True
    return False


def test_policies_may_name_queues_of_batch(aws: Sandbox) -> None:
    """A user who may submit to one queue may not submit to another, nor do anything else."""
    region = "ap-southeast-1"
    with one_queue(aws, region) as batch:
        batch.add_queue("other", "environment")
        arn = batch.define("true")
        allowed = {"Action": "batch:SubmitJob", "Resource": f"arn:aws:batch:{region}:{ACCOUNT}:job-queue/queue"}
        theirs = aws.client("batch", region, **user(aws, allowed))
        theirs.submit_job(jobName="job", jobQueue="queue", jobDefinition=arn)
        assert is_denied(lambda: theirs.submit_job(jobName="job", jobQueue="other", jobDefinition=arn))
        assert is_denied(theirs.describe_job_queues)


CALLS: list[tuple[str, str, str, Callable[[Any], object]]] = [
    ("logs", "logs:CreateLogStream", "log-group:/group-{}:*", lambda it: it.create_log_stream(logGroupName="/group-1", logStreamName="s")),
    ("logs", "logs:FilterLogEvents", "log-group:/group-{}:*", lambda it: it.filter_log_events(logGroupName="/group-1")),
    ("ssm", "ssm:GetParametersByPath", "parameter/path-{}/*", lambda it: it.get_parameters_by_path(Path="/path-1/")),
    ("events", "events:DescribeRule", "rule/rule-{}", lambda it: it.describe_rule(Name="rule-1")),
]


@pytest.mark.parametrize(("service", "action", "name", "call"), CALLS, ids=[call[1] for call in CALLS])
def test_policies_may_name_resources(aws: Sandbox, service: str, action: str, name: str, call: Callable[[Any], object]) -> None:
    """The named one is allowed, another one is not."""
    region = "eu-north-2"
    made = {"logs": {"logGroupName": "/group-1"}, "events": {"Name": "rule-1", "ScheduleExpression": "rate(1 day)", "State": "DISABLED"}}
    ours = aws.client(service, region)
    if service == "logs" and not ours.describe_log_groups()["logGroups"]:
        ours.create_log_group(**made["logs"])
    if service == "events":
        ours.put_rule(**made["events"])
    for number in (1, 2):
        allowed = {"Action": action, "Resource": f"arn:aws:{service}:{region}:{ACCOUNT}:{name.format(number)}"}
        theirs = aws.client(service, region, **user(aws, allowed))
        assert is_denied(lambda theirs=theirs: call(theirs)) == (number == 2)


def test_what_takes_tls_only_takes_requests_of_this_machine(aws: Sandbox) -> None:
    """The policies that Cyclone's buckets and queues have."""
    root, queues = aws.client("s3", "us-east-1"), aws.client("sqs", "us-east-1")
    root.create_bucket(Bucket="tls-only")
    url = queues.create_queue(QueueName="tls-only")["QueueUrl"]
    plain = {"Effect": "Deny", "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    root.put_bucket_policy(Bucket="tls-only", Policy=document({**plain, "Action": "s3:*", "Resource": "arn:aws:s3:::tls-only/*"}))
    queue = {**plain, "Action": "sqs:*", "Resource": f"arn:aws:sqs:us-east-1:{ACCOUNT}:tls-only"}
    queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(queue)})
    theirs = user(aws, {"Action": ["s3:PutObject", "sqs:SendMessage"], "Resource": "*"})
    aws.client("s3", "us-east-1", **theirs).put_object(Bucket="tls-only", Key="key", Body=b"")
    aws.client("sqs", "us-east-1", **theirs).send_message(QueueUrl=url, MessageBody="body")


QUEUE = {"Messages": resource("SQS::Queue")}


def test_a_stack_may_do_no_more_than_who_makes_it(aws: Sandbox, stack: Stack, region: str) -> None:
    """The reason names the principal and the action, as AWS does."""
    theirs = Stack(aws.client("cloudformation", region, **user(aws, {"Action": "cloudformation:*", "Resource": "*"})), stack.name)
    assert theirs.apply(QUEUE) == "ROLLBACK_COMPLETE"
    assert any("user/user-" in reason and "sqs:CreateQueue" in reason for reason in stack.reasons())


def test_a_stack_acts_as_its_role(aws: Sandbox, stack: Stack, region: str) -> None:
    """From the first operation that named it on; the caller needs nothing but CloudFormation and to pass the role."""
    iam = aws.client("iam", "us-east-1")
    role = iam.create_role(RoleName=f"deployer-{region}", AssumeRolePolicyDocument=trusting("cloudformation.amazonaws.com"))["Role"]["Arn"]
    allowed = {"Action": ["sqs:CreateQueue", "sqs:DeleteQueue"], "Resource": "*"}
    iam.put_role_policy(RoleName=f"deployer-{region}", PolicyName="queues", PolicyDocument=document(allowed))
    may_pass = {"Action": "iam:PassRole", "Resource": role}
    theirs = aws.client("cloudformation", region, **user(aws, {"Action": "cloudformation:*", "Resource": "*"}, may_pass))
    theirs.create_stack(StackName=stack.name, TemplateBody=json.dumps({"Resources": QUEUE}), RoleARN=role)
    assert stack.wait() == "CREATE_COMPLETE"
    assert stack.apply({**QUEUE, "Topic": resource("SNS::Topic")}) == "UPDATE_ROLLBACK_COMPLETE"
    assert any(role in reason and "sns:CreateTopic" in reason for reason in stack.reasons())


@pytest.mark.parametrize("trusted", ["cloudformation.amazonaws.com", "lambda.amazonaws.com"])
def test_a_role_has_to_be_passed_and_to_trust(aws: Sandbox, region: str, trusted: str) -> None:
    """Without iam:PassRole, or for a role that CloudFormation cannot assume, no stack is made."""
    name = f"passed-{next(_NUMBERS)}"
    role = aws.client("iam", "us-east-1").create_role(RoleName=name, AssumeRolePolicyDocument=trusting(trusted))["Role"]["Arn"]
    theirs = aws.client("cloudformation", region, **user(aws, {"Action": "cloudformation:*", "Resource": "*"}))
    words = "iam:PassRole" if trusted.startswith("cloudformation") else "cannot be assumed"
    with pytest.raises(theirs.exceptions.ClientError, match=words):
        theirs.create_stack(StackName="refused", TemplateBody=json.dumps({"Resources": QUEUE}), RoleARN=role)


def test_resources_that_pass_a_role_need_that_too() -> None:
    """Functions, job definitions: wherever the property is."""
    assert actions_for("AWS::Lambda::Function", "create", {"Role": "arn"}) == ("lambda:CreateFunction", "iam:PassRole")
    inner = {"ContainerProperties": {"JobRoleArn": "arn"}}
    assert actions_for("AWS::Batch::JobDefinition", "update", inner) == ("batch:RegisterJobDefinition", "iam:PassRole")
    assert actions_for("AWS::Lambda::Function", "delete", {"Role": "arn"}) == ("lambda:DeleteFunction",)
    assert actions_for("AWS::CDK::Metadata", "create", {}) == ()


def test_every_line_of_the_table_is_complete() -> None:
    """Three actions of a service for each type."""
    assert len(TABLE) > 50
    for kind, actions in TABLE.items():
        assert kind.startswith("AWS::")
        assert all(":" in action for action in actions.values())
        assert list(actions) == ["create", "update", "delete"]
