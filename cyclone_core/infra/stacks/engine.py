"""The functions that run jobs, in the host's stack: who starts each of them, and what each may do.

    dispatcher    the table's stream, new jobs only, at once       sends a message for each unit
    accountant    the table's stream, changed units, each second   counts, and sends what an array's limit held back
    reconciler    each minute                                      looks at what is due
    scaler        each minute, and when the accountant asks        asks Batch for workers
    router        each ten minutes, and when the scaler asks       weighs regions
    dead-letters  the queue of dead letters                        ends what nobody could take on

Two read the stream, which is what AWS recommends at most. A batch that a function cannot handle is halved until the one record that is
wrong is alone; that is told to the dead letters and passed over, so it holds up nothing. Whatever is lost on the way the reconciler finds.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_dynamodb, aws_events, aws_lambda, aws_sqs

from cyclone_core import naming
from cyclone_core.infra import function_package
from cyclone_core.infra.stacks import ec2_rights
from cyclone_core.infra.stacks.base import HostStack, acknowledge
from cyclone_core.infra.stacks.functions import Function, FunctionSpec, function, statement
from cyclone_core.infra.stacks.roles import arn
from cyclone_core.infra.targets import Target

_LAMBDAS = "cyclone_core.scheduler.lambdas"
_NAMES = ("dispatcher", "accountant", "reconciler", "scaler", "router", "dead-letters")
HANDLERS = {name: f"{_LAMBDAS}.{name.replace('-', '_')}" for name in _NAMES}
"""What a function is called -> the module with its `handler`."""
DEAD_LETTERS_TIMEOUT_S = 60
DEAD_LETTERS_VISIBILITY_S = 6 * DEAD_LETTERS_TIMEOUT_S
"""What Lambda recommends of a queue that starts a function
(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html)."""
DEFAULT_KEEP_DAYS = 30
"""Of a host whose record is older than the field."""
_HOUR_S = 3600
_READ = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
_WRITE = ("dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
_SEND = ("sqs:CreateQueue", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage", "sqs:TagQueue")
_MESSAGES = "The message queues of this host's lanes, which are made when they are needed first; only its own have names that begin so"
_STREAMS = "The action has no resource: it lists streams"
_LISTED = "The action has no resource: it lists queues"
_INDICES = "The indices of this host's table"
_RECORDS = "The records of this host, of which there are more and fewer"
_OBJECTS = "Scripts, outputs and logs are objects of this bucket, named after jobs"
_BATCH = (
    "Batch describes without resources, and jobs have ids that say nothing of a host; requests go to this host's job queues and definitions"
)

_PRICES = "The actions have no resources: they tell of spot capacity and its prices"
_JOBS = "Batch chooses the ids of jobs, and they carry no tags of their definition: the scaler ends those that it has asked for"


@dataclass(frozen=True)
class _Started:
    """A function, and by what it is started."""

    stack: HostStack
    target: Target
    table: aws_dynamodb.CfnTable
    dead: aws_sqs.CfnQueue

    def named(self, service: str, what: str, region: str | None = None) -> str:
        """The ARN of something of the host."""
        return arn(self.target, service, what, region)

    @property
    def table_arn(self) -> str:
        """Written out, so that policies can be read."""
        return self.named("dynamodb", f"table/{naming.jobs_table(self.target.place.host)}")

    def make(
        self, logical_id: str, what: str, does: str, statements: Sequence[Mapping[str, Any]], memory_mib: int, timeout_s: int
    ) -> Function:
        """Add one. does: what, as a sentence without its subject."""
        place, body = self.target.place, self.target.properties["body"]
        module = HANDLERS[what]
        records = self.named("ssm", f"parameter{naming.records(place.host)}")
        made = function(
            self.stack,
            self.target,
            logical_id,
            FunctionSpec(
                what=what,
                description=f"Cyclone host {place.host}: {does}",
                handler=f"{module}.handler",
                modules=function_package.needed(module),
                timeout_s=timeout_s,
                memory_mib=memory_mib,
                environment={
                    "CYCLONE_BUCKET": naming.data_bucket(place.host, place.account, place.main_region),
                    "CYCLONE_HOST_NAME": place.host,
                    "CYCLONE_RETENTION_DAYS": str(body.get("keep_days") or DEFAULT_KEEP_DAYS),
                },
                statements=[*statements, statement("ssm:GetParametersByPath", on=[records, f"{records}/*"])],
            ),
        )
        reasons = {f"{records}/*": _RECORDS, **_reasons(statements)}
        acknowledge(made.role, {f"AwsSolutions-IAM5[Resource::{resource}]": why for resource, why in reasons.items()})
        return made

    # -- what starts it -----------------------------------------------------------------------------------------------
    def by_stream(self, made: Function, logical_id: str, patterns: Sequence[Mapping[str, Any]], batch: int, **more: Any) -> None:
        """Records of the table's stream that one of the patterns fits.

        Patterns are about `dynamodb`, the only part of a record by which Lambda promises to filter, and `exists` is about leaves
        (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html).
        """
        source = aws_lambda.CfnEventSourceMapping
        source(
            self.stack,
            logical_id,
            function_name=made.function.ref,
            event_source_arn=self.table.attr_stream_arn,
            starting_position="TRIM_HORIZON",
            batch_size=batch,
            filter_criteria=source.FilterCriteriaProperty(
                filters=[source.FilterProperty(pattern=json.dumps(pattern, sort_keys=True)) for pattern in patterns]
            ),
            function_response_types=["ReportBatchItemFailures"],
            bisect_batch_on_function_error=True,
            destination_config=source.DestinationConfigProperty(on_failure=source.OnFailureProperty(destination=self.dead.attr_arn)),
            **more,
        )

    def each(self, rate: str, made: Function, logical_id: str, what: str) -> None:
        """From now on, while the host is there. rate: `1 minute`, `10 minutes`."""
        rule = aws_events.CfnRule(
            self.stack,
            f"{logical_id}Schedule",
            name=naming.function(self.target.place.host, what),
            description=f"Cyclone host {self.target.place.host}: when {what} runs",
            schedule_expression=f"rate({rate})",
            state="ENABLED",
            targets=[aws_events.CfnRule.TargetProperty(id=what, arn=made.function.attr_arn)],
        )
        aws_lambda.CfnPermission(
            self.stack,
            f"{logical_id}Permission",
            action="lambda:InvokeFunction",
            function_name=made.function.ref,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )


def add(stack: HostStack, target: Target, table: aws_dynamodb.CfnTable, dead: aws_sqs.CfnQueue) -> None:
    """Add all of them to the host's stack. table: with its stream; dead: the queue of dead letters."""
    started = _Started(stack, target, table, dead)
    _scaler(started)
    _router(started)
    _dispatcher(started)
    _accountant(started)
    _reconciler(started)
    _dead_letters(started)


def _dispatcher(started: _Started) -> None:
    """No window: what was submitted to an idle host shall run at once. The order of jobs does not matter: a shard has several readers."""
    statements = [*_stream(started), *_table(started), _send(started)]
    made = started.make("Dispatcher", "dispatcher", "sends a message for each unit of new jobs", statements, 512, 300)
    new_jobs = [{"dynamodb": {"Keys": {"sk": {"S": ["JOB"]}}, "NewImage": {"v": {"N": ["1"]}}}}]  # and few changes, which it passes over
    started.by_stream(
        made, "NewJobs", new_jobs, 500, parallelization_factor=4, maximum_retry_attempts=10, maximum_record_age_in_seconds=_HOUR_S
    )


def _accountant(started: _Started) -> None:
    """It waits a second for company: a batch is one write of each counter. What it misses is missing in the counters, so it is patient.

    Once it has counted new work it asks the scaler, which goes by the counters.
    """
    scaler = started.named("lambda", f"function:{naming.function(started.target.place.host, 'scaler')}")
    statements = [*_stream(started), *_table(started), _send(started), statement("lambda:InvokeFunction", on=scaler)]
    made = started.make("Accountant", "accountant", "counts tasks by state", statements, 512, 60)
    units = {"v": {"N": [{"exists": True}]}}
    changed = [{"dynamodb": {image: units}} for image in ("NewImage", "OldImage")]  # the latter alone: it was removed
    started.by_stream(
        made,
        "ChangedUnits",
        changed,
        1000,
        maximum_batching_window_in_seconds=1,
        maximum_retry_attempts=1000,
        maximum_record_age_in_seconds=20 * _HOUR_S,  # a stream keeps its records for 24 hours
    )


def _reconciler(started: _Started) -> None:
    place = started.target.place
    indices = f"{started.table_arn}/index/*"
    queues = started.named("sqs", naming.message_queues(place.host))
    bucket = started.named("s3", naming.data_bucket(place.host, place.account, place.main_region), "")
    statements = [
        *_table(started),
        statement("dynamodb:Query", on=indices),
        statement(*_SEND, "sqs:DeleteQueue", on=queues),
        statement("sqs:ListQueues", on="*"),
        statement("s3:DeleteObject", on=f"{bucket}/*"),
    ]
    made = started.make("Reconciler", "reconciler", "looks at what is due", statements, 512, 300)
    started.each("1 minute", made, "Reconciler", "reconciler")


def _scaler(started: _Started) -> None:
    place = started.target.place
    wanted = [started.named("batch", f"{kind}/{naming.everything(place.host)}", "*") for kind in ("job-queue", "job-definition")]
    statements = [
        *_table(started),
        statement("batch:SubmitJob", on=wanted),
        statement("batch:DescribeComputeEnvironments", "batch:DescribeJobQueues", "batch:DescribeJobs", "batch:ListJobs", on="*"),
        statement("batch:TerminateJob", "batch:TerminateJobs", on=started.named("batch", "job/*", "*")),
        statement("lambda:InvokeFunction", on=started.named("lambda", f"function:{naming.function(place.host, 'router')}")),
        *ec2_rights.statements(started.target),
    ]
    made = started.make("Scaler", "scaler", "asks AWS Batch and EC2 for workers", statements, 512, 120)
    started.each("1 minute", made, "Scaler", "scaler")


def _router(started: _Started) -> None:
    """Scores are asked for in the main region, about all; prices in each."""
    statements = [*_table(started), statement("ec2:DescribeSpotPriceHistory", "ec2:GetSpotPlacementScores", on="*")]
    made = started.make("Router", "router", "weighs regions by capacity and price", statements, 512, 120)
    started.each("10 minutes", made, "Router", "router")


def _dead_letters(started: _Started) -> None:
    host = started.target.place.host
    dead = started.named("sqs", naming.dead_letters(host))
    take = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    statements = [*_table(started), _send(started), statement(*take, on=dead)]
    made = started.make("DeadLetter", "dead-letters", "ends what nobody could take on", statements, 256, DEAD_LETTERS_TIMEOUT_S)
    aws_lambda.CfnEventSourceMapping(
        started.stack,
        "Undeliverable",
        function_name=made.function.ref,
        event_source_arn=started.dead.attr_arn,
        batch_size=10,
        function_response_types=["ReportBatchItemFailures"],
    )


def _table(started: _Started) -> list[dict[str, Any]]:
    return [statement(*_READ, *_WRITE, on=started.table_arn)]


def _send(started: _Started) -> dict[str, Any]:
    """Queues are made by whoever sends to them first; dead letters of a stream go to one of them, too."""
    return statement(*_SEND, on=started.named("sqs", naming.message_queues(started.target.place.host)))


def _stream(started: _Started) -> list[dict[str, Any]]:
    read = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
    return [statement(*read, on=started.table.attr_stream_arn), statement("dynamodb:ListStreams", on="*")]


def _reasons(statements: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Each resource with a `*` -> why it is right."""
    found: dict[str, list[str]] = {}
    for each in statements:
        on = each["Resource"] if isinstance(each["Resource"], list) else [each["Resource"]]
        for resource in on:
            if isinstance(resource, str) and "*" in resource:
                found.setdefault(resource, []).append(_reason(resource, each["Action"][0]))
    return {resource: ". ".join(dict.fromkeys(reasons)) for resource, reasons in found.items()}


def _reason(resource: str, action: str) -> str:
    if action == "dynamodb:ListStreams":
        return _STREAMS
    if action == "sqs:ListQueues":
        return _LISTED
    if action == "ec2:DescribeSpotPriceHistory":
        return _PRICES
    if action == "batch:TerminateJob":
        return _JOBS
    service = action.partition(":")[0]
    if service in ("ec2", "iam", "ssm"):
        return ec2_rights.reason(resource, action)
    return {"dynamodb": _INDICES, "s3": _OBJECTS, "sqs": _MESSAGES, "batch": _BATCH}[service]
