"""What workers, and the tasks in them, may do: take work, record it, and read and write its files; all in the main region.

Containers have these rights with their definition's role, machines with that of their cluster: any lane's tasks run on them.
"""

from typing import Any

from cyclone_core import naming
from cyclone_core.infra.stacks.functions import statement
from cyclone_core.infra.stacks.roles import arn
from cyclone_core.infra.targets import Target

_QUEUES = "Message queues come with clusters and definitions; only this host's have names that begin so"
_OBJECTS = "Scripts, outputs and logs are objects of this bucket, named after jobs"
_RECORDS = "The records of this host, of which there are more and fewer"
Rights = tuple[list[dict[str, Any]], dict[str, str]]
"""Statements, and for each resource in them with a `*` why it is right."""


def of_worker(target: Target) -> Rights:
    """What a worker does."""
    place = target.place
    queues = arn(target, "sqs", naming.message_queues(place.host), place.main_region)
    table = arn(target, "dynamodb", f"table/{naming.jobs_table(place.host)}", place.main_region)
    objects = arn(target, "s3", f"{naming.data_bucket(place.host, place.account, place.main_region)}/*", "")
    take = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage")
    read = ("dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:Query")
    statements = [
        statement(*take, "sqs:SendMessage", on=queues),  # it sends back the rest of work that turned out long
        statement(*read, "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem", on=table),
        statement("s3:GetObject", "s3:PutObject", on=objects),
    ]
    return statements, {queues: _QUEUES, objects: _OBJECTS}


def of_machine(target: Target) -> Rights:
    """What a machine with several slots does: its workers' work, and it reads the records, by which it knows of lanes."""
    statements, wildcards = of_worker(target)
    records = arn(target, "ssm", f"parameter{naming.records(target.place.host)}", target.place.main_region)
    statements.append(statement("ssm:GetParametersByPath", on=[records, f"{records}/*"]))
    return statements, {**wildcards, f"{records}/*": _RECORDS}
