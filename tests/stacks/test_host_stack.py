"""The control plane's stack: what stays, what is closed, what its function may do."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from cyclone_core.errors import CycloneError
from cyclone_core.infra.synth import Synthesizer, Template
from cyclone_core.infra.targets import Target
from cyclone_core.resource_bodies import load
from cyclone_core.scheduler.dynamo import keys
from tests.stacks.bodies import MAIN, PLACE
from tests.stacks.networks import properties


def made(synthesizer: Synthesizer, **fields: Any) -> Template:
    """The template of a host."""
    target = Target(PLACE, MAIN, "host", "grid", {"body": {"name": "grid", "type": "aws", **fields}, "record": True})
    return synthesizer.templates([target])[target.key]


def only(template: Template, kind: str) -> Mapping[str, Any]:
    """Properties of the one resource of a type."""
    (found,) = properties(template.body, kind).values()
    return dict(found)


def test_what_users_made_stays(synthesizer: Synthesizer) -> None:
    """Table and bucket outlive their stack and every replacement; after a creation that failed nothing is in the way of the next."""
    resources = made(synthesizer).body["Resources"].values()
    kept = {each["Type"] for each in resources if each.get("DeletionPolicy") == "RetainExceptOnCreate"}
    assert kept == {"AWS::DynamoDB::Table", "AWS::S3::Bucket"}
    assert {each["Type"] for each in resources if each.get("UpdateReplacePolicy") == "Retain"} == kept


def test_the_table_can_be_restored_and_is_paid_by_use(synthesizer: Synthesizer) -> None:
    """Point-in-time recovery, a stream, items that go away by themselves."""
    table = only(made(synthesizer), "DynamoDB::Table")
    assert table["TableName"] == "grid--jobs"
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


def test_indices_hold_only_keys_and_what_lists_are_filtered_by(synthesizer: Synthesizer) -> None:
    """Each of them is written with every item that carries its keys."""
    indices = only(made(synthesizer), "DynamoDB::Table")["GlobalSecondaryIndexes"]
    assert {each["IndexName"]: each["Projection"] for each in indices} == {
        "listing": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n", "u", "z"]},
        "due": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["q", "d"]},
    }


def test_objects_go_once_their_jobs_are_not_kept_any_more(synthesizer: Synthesizer) -> None:
    """Outputs a month later, since they are as old as their task; scripts are shared, and renewed by whoever uses them."""
    rules = only(made(synthesizer, keep_days=7), "S3::Bucket")["LifecycleConfiguration"]["Rules"]
    assert {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule} == {
        "output/": 37,
        "parameters/": 430,
        "indices/": 430,
        "scripts/": 430,
    }
    for example in (keys.log_object(7, 1, 2), keys.parameter_object(7), keys.index_object(7), keys.script_object("ab")):
        assert any(example.startswith(rule.get("Prefix", "?")) for rule in rules), example


def test_bucket_and_dead_letters_take_encrypted_connections_only(synthesizer: Synthesizer) -> None:
    """Everything else is denied to everybody."""
    template = made(synthesizer)
    for kind in ("S3::BucketPolicy", "SQS::QueuePolicy"):
        (statement,) = only(template, kind)["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert set(only(template, "S3::Bucket")["PublicAccessBlockConfiguration"].values()) == {True}


FUNCTIONS = ("Accountant", "DeadLetter", "Dispatcher", "Health", "Reconciler", "Router", "Scaler")


def allowed(template: Template, function: str) -> dict[str, Any]:
    """Action -> resource of a function's role, which has no other policy."""
    role = properties(template.body, "IAM::Role")[f"{function}Role"]
    assert "ManagedPolicyArns" not in role
    (policy,) = role["Policies"]
    return {action: each["Resource"] for each in policy["PolicyDocument"]["Statement"] for action in each["Action"]}


def test_functions_may_touch_this_host_alone(synthesizer: Synthesizer) -> None:
    """`*` stands only where an action has no resources."""
    template = made(synthesizer)
    on_everything = {name: {action for action, on in allowed(template, name).items() if on == "*"} for name in FUNCTIONS}
    stream = {"dynamodb:ListStreams"}
    assert on_everything == {
        "Accountant": stream,
        "DeadLetter": set(),
        "Dispatcher": stream,
        "Health": {"batch:DescribeComputeEnvironments", "batch:DescribeJobQueues", "cloudwatch:GetMetricStatistics"},
        "Reconciler": {"sqs:ListQueues"},
        "Router": {"ec2:DescribeSpotPriceHistory", "ec2:GetSpotPlacementScores"},
        "Scaler": {f"batch:{action}" for action in ("DescribeComputeEnvironments", "DescribeJobQueues", "DescribeJobs", "ListJobs")}
        | {f"ec2:{action}" for action in ("DescribeInstances", "DescribeLaunchTemplates", "DescribeSubnets")},
    }


def test_only_who_has_to_may_do_it(synthesizer: Synthesizer) -> None:
    """Asking for workers, deleting message queues, deleting objects: one function each; none deletes a table or a bucket."""
    template = made(synthesizer)
    for action, who in {
        "batch:SubmitJob": {"Scaler"},
        "ec2:CreateFleet": {"Scaler"},
        "ec2:TerminateInstances": {"Scaler"},
        "iam:PassRole": {"Scaler"},
        "sqs:DeleteQueue": {"Reconciler"},
        "s3:DeleteObject": {"Reconciler"},
        "sqs:ReceiveMessage": {"DeadLetter"},
        "lambda:InvokeFunction": {"Accountant", "Scaler"},
        "ec2:GetSpotPlacementScores": {"Router"},
        "dynamodb:DeleteTable": set(),
    }.items():
        assert {name for name in FUNCTIONS if action in allowed(template, name)} == who, action
    assert allowed(template, "Accountant")["lambda:InvokeFunction"].endswith(":function:grid--scaler")
    assert allowed(template, "Scaler")["lambda:InvokeFunction"].endswith(":function:grid--router")


def sources(synthesizer: Synthesizer) -> dict[str, Mapping[str, Any]]:
    """Event sources by their function."""
    found = properties(made(synthesizer).body, "Lambda::EventSourceMapping").values()
    return {each["FunctionName"]["Ref"]: each for each in found}


def test_new_jobs_are_dispatched_at_once(synthesizer: Synthesizer) -> None:
    """The dispatcher hears of nothing else, and no window delays an idle host."""
    dispatcher = sources(synthesizer)["Dispatcher"]
    (only_one,) = dispatcher["FilterCriteria"]["Filters"]
    assert json.loads(only_one["Pattern"]) == {"dynamodb": {"Keys": {"sk": {"S": ["JOB"]}}, "NewImage": {"v": {"N": ["1"]}}}}
    assert "MaximumBatchingWindowInSeconds" not in dispatcher


def test_records_are_filtered_by_nothing_but_what_lambda_promises(synthesizer: Synthesizer) -> None:
    """Its part `dynamodb`: of a change that is not an insertion the functions see to that themselves."""
    found = sources(synthesizer)
    filters = [each for name in ("Accountant", "Dispatcher") for each in found[name]["FilterCriteria"]["Filters"]]
    assert {key for each in filters for key in json.loads(each["Pattern"])} == {"dynamodb"}


def test_a_record_that_nobody_can_handle_holds_up_nothing(synthesizer: Synthesizer) -> None:
    """Batches are halved, attempts are bounded, and what is given up is told to the dead letters; parts of a batch may fail."""
    found = sources(synthesizer)
    assert {each["FunctionResponseTypes"][0] for each in found.values()} == {"ReportBatchItemFailures"}
    for name in ("Accountant", "Dispatcher"):
        assert found[name]["BisectBatchOnFunctionError"] is True
        assert found[name]["MaximumRetryAttempts"] > 0
        assert found[name]["DestinationConfig"] == {"OnFailure": {"Destination": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}}
        assert found[name]["StartingPosition"] == "TRIM_HORIZON"


def test_finished_jobs_are_kept_as_long_as_the_host_says(synthesizer: Synthesizer) -> None:
    """Thirty days, unless it says otherwise."""
    for fields, days in (({}, "30"), ({"keep_days": 7}, "7")):
        functions = properties(made(synthesizer, **fields).body, "Lambda::Function")
        told = {functions[name]["Environment"]["Variables"].get("CYCLONE_RETENTION_DAYS") for name in FUNCTIONS if name != "Health"}
        assert told == {days}


def test_logs_are_not_kept_for_ever(synthesizer: Synthesizer) -> None:
    """And their groups go with the host."""
    template = made(synthesizer)
    groups = properties(template.body, "Logs::LogGroup")
    assert {name.removesuffix("Logs") for name in groups} == set(FUNCTIONS)
    assert groups["HealthLogs"] == {"LogGroupName": "/cyclone/grid/function/health", "RetentionInDays": 30}
    assert {template.body["Resources"][name]["DeletionPolicy"] for name in groups} == {"Delete"}


def test_a_dashboard_is_made_for_whom_asks(synthesizer: Synthesizer) -> None:
    """It costs three dollars a month."""
    assert not properties(made(synthesizer).body, "CloudWatch::Dashboard")
    assert only(made(synthesizer, enable_dashboard=True), "CloudWatch::Dashboard")["DashboardName"] == "grid"


def test_the_record_is_the_body(synthesizer: Synthesizer) -> None:
    """In the parameter of its kind and name, readable as it was given."""
    record = made(synthesizer, private_api=True).body["Resources"]["Record"]["Properties"]
    assert record["Name"] == "/cyclone/grid/host/grid"
    assert load(record["Value"]) == {"name": "grid", "type": "aws", "private_api": True}
    assert record["Tier"] == "Intelligent-Tiering"


def test_nothing_in_a_record_is_taken_for_a_reference(synthesizer: Synthesizer) -> None:
    """CloudFormation would put a secret into it, Parameter Store refuse it."""
    tricky = "{{resolve:secretsmanager:mine}} {{{ssm:x}}}"
    record = made(synthesizer, vpc=tricky).body["Resources"]["Record"]["Properties"]["Value"]
    assert "{{" not in record
    assert load(record)["vpc"] == tricky


def test_a_record_that_is_too_large_is_refused(synthesizer: Synthesizer) -> None:
    """With what it is, and what to do."""
    with pytest.raises(CycloneError, match=r"the host grid has 8,\d{3} bytes of settings.*Make"):
        made(synthesizer, vpc="x" * 8200)


def test_templates_know_account_and_region_and_tag_only_the_stack(synthesizer: Synthesizer) -> None:
    """CloudFormation hands the stack's tags on; in the template they would change every resource."""
    template = made(synthesizer)
    assert template.tags == {"cyclone:host": "grid", "cyclone:kind": "host", "cyclone:name": "grid"}
    assert '"Key": "cyclone:host"' not in template.text  # conditions of policies name it
    assert '"Key":"cyclone:host"' not in template.text
    assert set(template.body) == {"Description", "Resources"}
