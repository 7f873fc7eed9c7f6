"""A host's table, message queues and records on the sandbox, without its functions: tests run those themselves, and let requests fail."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.lean.credentials import Credentials
from cyclone_core.errors import AwsError
from cyclone_core.jobs import JobRequest
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.accountant import Accountant
from cyclone_core.scheduler.dynamo.bucket import Bucket
from cyclone_core.scheduler.dynamo.ids import MemoryIds
from cyclone_core.scheduler.dynamo.queues import Lanes, Message
from cyclone_core.scheduler.dynamo.reconciler import Reconciler, Report
from cyclone_core.scheduler.dynamo.records import Records
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.dynamo.unit_store import UnitStore
from cyclone_core.scheduler.dynamo.values import pack
from tests.aws import Sandbox

REGION = "us-east-1"
START = 1_800_000_000_000
"""When tests begin, milliseconds since 1970."""
MINUTE = 60_000
PROJECTED = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["q", "d"]}
_HOSTS = itertools.count(1)
BODIES: dict[str, dict[str, dict[str, Any]]] = {
    "region": {REGION: {"name": REGION, "main_region": True}},
    "cluster": {"big": {"name": "big", "max_vcpus": 4}, "other": {"name": "other"}},
    "queue": {"work": {"name": "work", "cluster": "big"}, "night": {"name": "night", "cluster": "big", "priority": -5}},
    "definition": {"small": {"name": "small", "vcpus": 1, "jobs_to_workers_ratio": 1}},
}


class Wire:
    """The lean client, whose requests are counted, and fail where a test says so."""

    def __init__(self, aws: Aws) -> None:
        self._aws, self.asked = aws, Counter[str]()
        self.order: list[str] = []
        """operations since the last reset"""
        self.fail_at, self.after, self.code = 0, False, "InternalServerError"
        """The number of the request that fails, 0 for none; whether it is done before; AWS's word for it."""
        self._count = 0

    def reset(self, fail_at: int = 0, after: bool = False, code: str = "InternalServerError") -> None:
        """Count from 1 again."""
        self.asked.clear()
        self.order.clear()
        self._count, self.fail_at, self.after, self.code = 0, fail_at, after, code

    @property
    def count(self) -> int:
        """Requests since the last reset."""
        return self._count

    def points(self) -> list[tuple[int, bool]]:
        """Where requests may fail, (number, after), of those since the last reset: of some that are alike in a row the last."""
        order = ["", *self.order, ""]
        ends = [at for at in range(1, len(order) - 1) if order[at] != order[at + 1]]
        changes = [at for at in ends if not order[at].startswith(("BatchGet", "Get", "Query", "List"))]
        return [(at, False) for at in ends] + [(at, True) for at in changes]

    def _do(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Any:
        self._count += 1
        self.asked[f"{service}:{operation}"] += 1
        self.order.append(operation)
        fails = self._count == self.fail_at
        if fails and not self.after:
            raise AwsError(f"{operation} failed: a test says so", self.code)
        answer = getattr(self._aws, service)(operation, **parameters)
        if fails:
            raise AwsError(f"the answer to {operation} was lost: a test says so", self.code)
        return answer

    def dynamodb(self, operation: str, **parameters: Any) -> Any:
        """A request to DynamoDB."""
        return self._do("dynamodb", operation, parameters)

    def sqs(self, operation: str, **parameters: Any) -> Any:
        """A request to SQS."""
        return self._do("sqs", operation, parameters)

    def ssm(self, operation: str, **parameters: Any) -> Any:
        """A request to Systems Manager."""
        return self._do("ssm", operation, parameters)


class World:
    """One host."""

    def __init__(self, sandbox: Sandbox, wire: Wire) -> None:
        self.host, self.sandbox, self.wire = f"c{next(_HOSTS)}", sandbox, wire
        self.now = START
        self.bodies = json.loads(json.dumps(BODIES))
        self.table = Table(wire, naming.jobs_table(self.host), sleep=lambda seconds: None)
        self.lanes = Lanes(wire, self.host, sleep=lambda seconds: None)
        self.store = UnitStore(self.table, Bucket(wire, "none"), MemoryIds(self.table, 1))  # type: ignore[arg-type]
        self._make()

    def _make(self) -> None:
        dynamodb, sqs = self.sandbox.client("dynamodb", REGION), self.sandbox.client("sqs", REGION)
        typed = {"pk": "S", "sk": "S", "due": "S", "due_at": "N"}
        dynamodb.create_table(
            TableName=self.table.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in typed.items()],
            KeySchema=_schema("pk", "sk"),
            GlobalSecondaryIndexes=[{"IndexName": "due", "KeySchema": _schema("due", "due_at"), "Projection": PROJECTED}],
        )
        sqs.create_queue(QueueName=naming.dead_letters(self.host))
        self.record()

    def record(self) -> None:
        """Write the bodies as records, and nothing else; whoever is started from now on reads them."""
        self.records = Records(self.wire, self.host, kept_s=0)
        ssm = self.sandbox.client("ssm", REGION)
        there = {f"{naming.records(self.host)}/{kind}/{name}": body for kind, named in self.bodies.items() for name, body in named.items()}
        pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=naming.records(self.host), Recursive=True)
        for parameter in [each["Name"] for page in pages for each in page["Parameters"]]:
            if parameter not in there:
                ssm.delete_parameter(Name=parameter)
        for parameter, body in there.items():
            ssm.put_parameter(Name=parameter, Value=json.dumps(body), Type="String", Overwrite=True)

    # -- jobs -----------------------------------------------------------------------------------------------------------
    def submit(self, tasks: int = 0, queue: str = "work", **fields: Any) -> int:
        """A single job, or an array of so many tasks."""
        indices = (1, tasks, 1) if tasks else None
        request = JobRequest(
            script=b"true\n", name="test", queue=queue, definition="small", user="ada", indices=indices, tasks=tasks or 1, **fields
        )
        return self.store.submit(request, self.bodies, self.now)

    def job(self, number: int) -> dict[str, Any]:
        """Its item."""
        found = self.table.get(keys.job(number), consistent=True)
        assert found is not None
        return found

    def inserted(self, number: int) -> dict[str, Any]:
        """The record of the stream that tells of a new job."""
        item = self.job(number)
        told = {"Keys": pack({"pk": item["pk"], "sk": item["sk"]}), "NewImage": pack(item), "SequenceNumber": str(1000 + number)}
        return {"eventName": "INSERT", "eventID": str(number), "dynamodb": told}

    def count(self, *numbers: int) -> None:
        """Let the accountant count new jobs."""
        Accountant(self.table, sleep=lambda seconds: None).apply([self.inserted(number) for number in numbers], self.now / 1000)

    # -- messages -------------------------------------------------------------------------------------------------------
    def messages(self, cluster: str = "big", band: int = 1, definition: str = "small") -> list[Message]:
        """All messages of a lane's band, which are taken away."""
        found: list[Message] = []
        while got := self.lanes.receive(cluster, definition, band):
            found += got
            self.lanes.delete(got)
        return found

    def units(self, **where: Any) -> list[tuple[int, int]]:
        """(job, low) of all messages of a lane's band, sorted."""
        return sorted((message.job, message.low) for message in self.messages(**where))

    def reconcile(self, minutes: float = 1, **more: Any) -> Report:
        """Let so much time go by, then the reconciler runs."""
        self.now += int(minutes * MINUTE)
        accountant = Accountant(self.table, sleep=lambda seconds: None)
        expire = more.pop("expire", lambda number, now: False)
        return Reconciler(self.store, self.lanes, self.records, accountant, expire, lambda: self.now, **more).run()


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


@pytest.fixture
def wire(aws: Sandbox) -> Iterator[Wire]:
    """The way to the sandbox."""
    client = Aws(REGION, lambda: Credentials(aws.key, aws.secret), aws.endpoint)
    yield Wire(client)
    client.close()


@pytest.fixture
def world(aws: Sandbox, wire: Wire) -> World:
    """A host without jobs."""
    return World(aws, wire)
