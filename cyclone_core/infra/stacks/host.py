"""The stack of a host's control plane, in the main region: the table that holds work, the bucket of scripts and outputs, the queue of dead
letters, the functions that run jobs (`engine`), and one that looks at all of it.

Table and bucket hold what users made: they stay when the stack goes, unless it never came to be. What else is here can be made again.

The table is one for all items, with the keys `pk` and `sk` (text); which items there are is the business of the engine that writes them.
Two sparse indices have only the items that carry their keys, and hold little else: `listing` (`listing`, `listed_at`: text, text) for lists
in order, such as a queue's jobs, with what they are filtered by, and `due` (`due`, `due_at`: text, milliseconds since 1970) for what
somebody has to look at again, with its lane. Items with `expires` (seconds since 1970) go away by themselves.

The job API, which `private_api` is about, is not part of it yet.
"""

import json
from collections.abc import Mapping
from typing import Any

import aws_cdk
from aws_cdk import aws_cloudwatch, aws_dynamodb, aws_events, aws_lambda, aws_s3, aws_sqs

from cyclone_core import naming
from cyclone_core.infra.stacks import engine
from cyclone_core.infra.stacks.base import HostStack, acknowledge
from cyclone_core.infra.stacks.functions import Function, FunctionSpec, function, policy, statement
from cyclone_core.infra.stacks.roles import arn
from cyclone_core.infra.targets import Target

HEALTH_MODULES = ("cyclone_core.naming", "cyclone_core.problems", "cyclone_core.scheduler.lambdas.health")
HEALTH_MINUTES = 5
LONGEST_JOB_DAYS = 30
"""So long a job may run without losing the outputs of its first tasks."""
FORGOTTEN_DAYS = 430
"""Longer than what a job executes is kept (`scheduler.dynamo.specs`)."""
LISTED = ("n", "u", "z")
"""A job's name, its user, and how it ended if not well: lists are filtered by them without reading each job."""
LANE = ("q", "d")
"""A job's queue and definition: what belongs to a lane is found among all that is open without reading each job."""
METRICS = "Cyclone"
"""The namespace of what the health function measures."""
_DEAD_DAYS = 14
"""The most that a queue keeps a message."""
_KEPT = aws_cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
_DAY_S = 86_400


def build(stack: HostStack, target: Target) -> None:
    """Add everything to the stack."""
    table = _table(stack, target)
    _bucket(stack, target)
    dead = _dead_letters(stack, target)
    engine.add(stack, target, table, dead)
    _health(stack, target)
    _alarm(stack, target)
    if target.properties["body"].get("enable_dashboard"):
        _dashboard(stack, target)


def _table(stack: HostStack, target: Target) -> aws_dynamodb.CfnTable:
    # Encrypted with a key of DynamoDB's own, which is the default: one of the account's would cost a request of KMS each time it is used.
    attribute = aws_dynamodb.CfnTable.AttributeDefinitionProperty
    types = {"pk": "S", "sk": "S", "listing": "S", "listed_at": "S", "due": "S", "due_at": "N"}
    table = aws_dynamodb.CfnTable(
        stack,
        "Jobs",
        table_name=naming.jobs_table(target.place.host),
        attribute_definitions=[attribute(attribute_name=name, attribute_type=type) for name, type in types.items()],
        key_schema=_keys("pk", "sk"),
        global_secondary_indexes=[_index("listing", "listing", "listed_at", *LISTED), _index("due", "due", "due_at", *LANE)],
        billing_mode="PAY_PER_REQUEST",
        stream_specification=aws_dynamodb.CfnTable.StreamSpecificationProperty(stream_view_type="NEW_AND_OLD_IMAGES"),
        time_to_live_specification=aws_dynamodb.CfnTable.TimeToLiveSpecificationProperty(attribute_name="expires", enabled=True),
        point_in_time_recovery_specification=aws_dynamodb.CfnTable.PointInTimeRecoverySpecificationProperty(
            point_in_time_recovery_enabled=True
        ),
    )
    table.apply_removal_policy(_KEPT)
    return table


def _keys(partition: str, sort: str) -> list[aws_dynamodb.CfnTable.KeySchemaProperty]:
    key = aws_dynamodb.CfnTable.KeySchemaProperty
    return [key(attribute_name=partition, key_type="HASH"), key(attribute_name=sort, key_type="RANGE")]


def _index(name: str, partition: str, sort: str, *more: str) -> aws_dynamodb.CfnTable.GlobalSecondaryIndexProperty:
    """more: attributes that it holds beside the keys."""
    projection = aws_dynamodb.CfnTable.ProjectionProperty(
        projection_type="INCLUDE" if more else "KEYS_ONLY", non_key_attributes=list(more) or None
    )
    return aws_dynamodb.CfnTable.GlobalSecondaryIndexProperty(index_name=name, key_schema=_keys(partition, sort), projection=projection)


def _bucket(stack: HostStack, target: Target) -> None:
    # Not versioned: objects are written once, under names with their content's hash or an attempt's number, and what is removed shall go.
    place, made = target.place, aws_s3.CfnBucket
    bucket = made(
        stack,
        "Data",
        bucket_name=naming.data_bucket(place.host, place.account, place.main_region),
        bucket_encryption=made.BucketEncryptionProperty(
            server_side_encryption_configuration=[
                made.ServerSideEncryptionRuleProperty(
                    server_side_encryption_by_default=made.ServerSideEncryptionByDefaultProperty(sse_algorithm="AES256")
                )
            ]
        ),
        public_access_block_configuration=made.PublicAccessBlockConfigurationProperty(
            block_public_acls=True, block_public_policy=True, ignore_public_acls=True, restrict_public_buckets=True
        ),
        ownership_controls=made.OwnershipControlsProperty(
            rules=[made.OwnershipControlsRuleProperty(object_ownership="BucketOwnerEnforced")]
        ),
        lifecycle_configuration=made.LifecycleConfigurationProperty(rules=_rules(target.properties["body"])),
    )
    bucket.apply_removal_policy(_KEPT)
    acknowledge(
        bucket, {"AwsSolutions-S1": "A log of accesses would be as many objects again as tasks make; CloudTrail can log them where asked"}
    )
    refuse = _encrypted_only("s3:*", [bucket.attr_arn, f"{bucket.attr_arn}/*"])
    aws_s3.CfnBucketPolicy(stack, "DataPolicy", bucket=bucket.ref, policy_document=policy([refuse]))


def _rules(body: Mapping[str, Any]) -> list[aws_s3.CfnBucket.RuleProperty]:
    """Objects go by their age, which costs nothing, so the outputs of a job that runs for longer than a month go too early.

    What else belongs to a job goes with it; these rules are for what was forgotten, and for scripts, which jobs share.
    """
    outputs = int(body.get("keep_days") or engine.DEFAULT_KEEP_DAYS) + LONGEST_JOB_DAYS
    days = {"Outputs": ("output/", outputs), "Parameters": ("parameters/", FORGOTTEN_DAYS), "Indices": ("indices/", FORGOTTEN_DAYS)}
    days["Scripts"] = ("scripts/", FORGOTTEN_DAYS)
    rule = aws_s3.CfnBucket.RuleProperty
    expiring = [rule(id=name, status="Enabled", prefix=prefix, expiration_in_days=age) for name, (prefix, age) in days.items()]
    return [*expiring, _unfinished_uploads()]


def _unfinished_uploads() -> aws_s3.CfnBucket.RuleProperty:
    uploads = aws_s3.CfnBucket.AbortIncompleteMultipartUploadProperty(days_after_initiation=1)
    return aws_s3.CfnBucket.RuleProperty(id="UnfinishedUploads", status="Enabled", abort_incomplete_multipart_upload=uploads)


def _encrypted_only(actions: str, resources: list[str] | str) -> dict[str, Any]:
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    return {
        "Sid": "EncryptedConnectionsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": resources,
        "Condition": condition,
    }


def _dead_letters(stack: HostStack, target: Target) -> aws_sqs.CfnQueue:
    queue = aws_sqs.CfnQueue(
        stack,
        "DeadLetters",
        queue_name=naming.dead_letters(target.place.host),
        message_retention_period=_DEAD_DAYS * _DAY_S,
        visibility_timeout=engine.DEAD_LETTERS_VISIBILITY_S,
        sqs_managed_sse_enabled=True,
    )
    queue.apply_removal_policy(aws_cdk.RemovalPolicy.DESTROY)
    acknowledge(queue, {"AwsSolutions-SQS3": "It is the queue of dead letters"})
    aws_sqs.CfnQueuePolicy(
        stack, "DeadLettersPolicy", queues=[queue.ref], policy_document=policy([_encrypted_only("sqs:*", queue.attr_arn)])
    )
    return queue


def _health(stack: HostStack, target: Target) -> None:
    """A look that fails has no dead letter: the next one follows in minutes, and a message would only say that there was none."""
    place = target.place
    records = arn(target, "ssm", f"parameter{naming.records(place.host)}")
    made = function(
        stack,
        target,
        "Health",
        FunctionSpec(
            what="health",
            description=f"Looks at Cyclone host {place.host} from inside",
            handler=f"{HEALTH_MODULES[-1]}.handler",
            modules=HEALTH_MODULES,
            timeout_s=60,
            memory_mib=256,
            environment={"CYCLONE_HOST_NAME": place.host},
            statements=[
                statement("dynamodb:DescribeTable", on=arn(target, "dynamodb", f"table/{naming.jobs_table(place.host)}")),
                statement("sqs:GetQueueAttributes", "sqs:GetQueueUrl", on=arn(target, "sqs", naming.dead_letters(place.host))),
                statement("ssm:GetParametersByPath", on=[records, f"{records}/*"]),
                statement("batch:DescribeComputeEnvironments", "batch:DescribeJobQueues", "cloudwatch:GetMetricStatistics", on="*"),
            ],
        ),
    )
    acknowledge(
        made.role,
        {
            "AwsSolutions-IAM5[Resource::*]": "Batch describes and CloudWatch reads without resources: these actions have none",
            f"AwsSolutions-IAM5[Resource::{records}/*]": "The records of this host, of which there are more and fewer",
        },
    )
    _schedule(stack, target, made)


def _schedule(stack: HostStack, target: Target, made: Function) -> None:
    rule = aws_events.CfnRule(
        stack,
        "HealthSchedule",
        name=naming.function(target.place.host, "health"),
        description=f"When Cyclone host {target.place.host} is looked at",
        schedule_expression=f"rate({HEALTH_MINUTES} minutes)",
        state="ENABLED",
        targets=[aws_events.CfnRule.TargetProperty(id="health", arn=made.function.attr_arn)],
    )
    aws_lambda.CfnPermission(
        stack,
        "HealthPermission",
        action="lambda:InvokeFunction",
        function_name=made.function.ref,
        principal="events.amazonaws.com",
        source_arn=rule.attr_arn,
    )


def _alarm(stack: HostStack, target: Target) -> None:
    """It tells nobody by itself: whoever wants to hear adds a subscription of their own to what it is seen in."""
    name = naming.dead_letters(target.place.host)
    aws_cloudwatch.CfnAlarm(
        stack,
        "DeadLettersAlarm",
        alarm_name=name,
        alarm_description=f"Something in Cyclone host {target.place.host} could not be handled",
        namespace="AWS/SQS",
        metric_name="ApproximateNumberOfMessagesVisible",
        dimensions=[aws_cloudwatch.CfnAlarm.DimensionProperty(name="QueueName", value=name)],
        statistic="Maximum",
        period=300,
        evaluation_periods=1,
        threshold=0,
        comparison_operator="GreaterThanThreshold",
        treat_missing_data="notBreaching",
    )


def _dashboard(stack: HostStack, target: Target) -> None:
    host, region = target.place.host, target.region
    regions = f'{{{METRICS},Host,Region}} Host="{host}"'
    dead = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", naming.dead_letters(host)]
    charts: dict[str, list[Any]] = {
        "Healthy (1) or not (0)": [[METRICS, "Healthy", "Host", host]],
        "Dead letters": [dead],
        "Queues and environments that ail, per region": [_search(regions, "Ailing")],
        "Regions that answer": [_search(regions, "Reachable")],
    }
    widgets = [
        {
            "type": "metric",
            "x": 12 * (number % 2),
            "y": 6 * (number // 2),
            "width": 12,
            "height": 6,
            "properties": {"title": title, "region": region, "view": "timeSeries", "stat": "Maximum", "period": 300, "metrics": lines},
        }
        for number, (title, lines) in enumerate(charts.items())
    ]
    aws_cloudwatch.CfnDashboard(stack, "Dashboard", dashboard_name=host, dashboard_body=json.dumps({"widgets": widgets}, sort_keys=True))


def _search(where: str, metric: str) -> list[dict[str, str]]:
    return [{"expression": f"SEARCH('{where} MetricName=\"{metric}\"', 'Maximum', 300)"}]
