"""An AWS that counts: DynamoDB Local tells units, its stream feeds the accountant; message queues, objects and Batch are stand-ins.

Whatever is asked is counted under the step of a job's way that is set at the time (`Meter.step`).
"""

import itertools
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from cyclone_core import naming
from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.accountant import Accountant
from cyclone_core.scheduler.dynamo.bucket import Bucket
from cyclone_core.scheduler.dynamo.dispatch import Dispatcher
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.ids import MemoryIds
from cyclone_core.scheduler.dynamo.queues import Lanes
from cyclone_core.scheduler.dynamo.region_driver import Sight
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.dynamo.unit_store import UnitStore
from tests import dynamodb
from tests.dynamo.streamed import size_of

HOST, REGION = "costs", "us-east-1"
RESOURCES: dict[str, dict[str, dict[str, Any]]] = {
    "queue": {"default": {"cluster": "default"}},
    "cluster": {"default": {"max_vcpus": 1000}},
    "definition": {"default": {"vcpus": 1, "jobs_to_workers_ratio": 1}},
    "region": {REGION: {}},
}
"""One region with a thousand workers of one vCPU."""
PIECE = 64 * 1024
"""SQS charges each so large part of a request: https://aws.amazon.com/sqs/pricing/"""
WRITES = ("DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem")
_NAMES = itertools.count(1)
Record = dict[str, Any]


@dataclass
class Count:
    """Of one operation in one step. `units` are of the table, `index_units` of its indices."""

    requests: float = 0.0
    read_units: float = 0.0
    units: float = 0.0
    index_units: float = 0.0
    sent_bytes: float = 0.0

    def add(self, other: "Count", times: float = 1.0) -> None:
        """Add so many times another one."""
        for name, number in asdict(other).items():
            setattr(self, name, getattr(self, name) + times * number)


class Meter:
    """Counts by (step, service, operation)."""

    asks_units = True

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, str], Count] = {}
        self.step = "other"

    @contextmanager
    def during(self, step: str) -> Iterator[None]:
        """What is asked meanwhile belongs to a step."""
        before, self.step = self.step, step
        try:
            yield
        finally:
            self.step = before

    def count(self, service: str, operation: str, **more: float) -> None:
        """One request."""
        self.counts.setdefault((self.step, service, operation), Count()).add(Count(**{"requests": 1, **more}))

    def written(self) -> float:
        """Requests so far that may have written an item."""
        return sum(one.requests for (_, _, operation), one in self.counts.items() if operation in WRITES)

    def units(self, operation: str, units: float) -> None:
        """What a request that was counted has taken."""
        self.counts[self.step, "dynamodb", operation].units += units

    def __call__(self, service: str, operation: str, request: Any, answer: Any, sent_bytes: int, received_bytes: int) -> None:
        """An answer of DynamoDB."""
        consumed = answer.get("ConsumedCapacity") or []
        more: Counter[str] = Counter()
        for told in consumed if isinstance(consumed, list) else [consumed]:
            index = sum(one["CapacityUnits"] for one in (told.get("GlobalSecondaryIndexes") or {}).values())
            if operation in ("GetItem", "BatchGetItem", "Query", "Scan"):
                more["read_units"] += told["CapacityUnits"]
            else:
                more["units"] += told["CapacityUnits"] - index
                more["index_units"] += index
        if operation == "TransactWriteItems":
            more.clear()  # DynamoDB Local tells twice the units of the largest item, however many there are: see MeteredTable
        if str(answer.get("__type", "")).endswith("ConditionalCheckFailedException"):
            more["units"] += 1  # of the item that is there, which the answer does not tell; none here is larger
        if operation not in ("CreateTable", "UpdateTable"):
            self.count(service, operation, **more)


class MeteredTable(Table):
    """Counts what transactions take by the rule: two units for each kilobyte of each item
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html).

    Tells those on counters of arrays and lanes apart: many groups of one array share them.
    """

    def __init__(self, aws: Any, name: str, meter: Meter) -> None:
        super().__init__(aws, name, measure=True, sleep=lambda _: None)
        self._quiet, self._meter = dynamodb.client(dynamodb.local()), meter
        self.shared = 0.0
        """units of TOTAL and TOTALS in transactions"""
        self.transactions = 0

    def close(self) -> None:
        """End its own connection."""
        self._quiet.close()

    def transact(self, actions: Sequence[dict[str, Any]], token: str) -> None:
        """See `Table`."""
        told = [next(iter(action.values())) for action in actions]
        touched = [one.get("Key") or {name: one["Item"][name] for name in ("pk", "sk")} for one in told]
        super().transact(actions, token)
        self.transactions += 1
        for first in range(0, len(touched), 100):
            asked = {self.name: {"Keys": touched[first : first + 100]}}
            for item in self._quiet.dynamodb("BatchGetItem", RequestItems=asked)["Responses"][self.name]:
                units = 2 * -(-size_of(item) // 1024)
                self._meter.units("TransactWriteItems", units)
                if item["sk"]["S"] == keys.TOTAL or item["pk"]["S"] == keys.TOTALS:
                    self.shared += units


class Services:
    """SQS and S3 as the lean client asks them: a request each, messages in memory."""

    def __init__(self, meter: Meter) -> None:
        self.meter, self.objects = meter, Counter[str]()
        self.waiting: list[dict[str, Any]] = []
        self.hidden: dict[str, dict[str, Any]] = {}
        self.made: set[str] = set()
        self.most_in_flight = 0
        self._handles = itertools.count(1)
        self._answers: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
            "GetQueueUrl": self._url, "CreateQueue": self._make, "GetQueueAttributes": self._depth, "SendMessageBatch": self._send,
            "ReceiveMessage": self._receive, "ChangeMessageVisibilityBatch": self._extend, "DeleteMessageBatch": self._delete,
        }  # fmt: skip

    def sqs(self, operation: str, **asked: Any) -> dict[str, Any]:
        """An answer of SQS. Raises AwsError for a queue that is not there."""
        answer = self._answers[operation](asked) if operation in self._answers else {}
        size = max(len(json.dumps(asked)), len(json.dumps(answer)))
        self.meter.count("sqs", operation, sent_bytes=size, requests=max(1, -(-size // PIECE)))
        if answer is None:
            raise AwsError("there is no such queue", "QueueDoesNotExist", f"sqs:{operation}")
        return answer

    def _url(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        name = asked["QueueName"]
        return {"QueueUrl": f"https://sqs/1/{name}"} if name in self.made or name == naming.dead_letters(HOST) else None

    def _make(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.made.add(asked["QueueName"])
        return {"QueueUrl": f"https://sqs/1/{asked['QueueName']}"}

    def _depth(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"Attributes": {"QueueArn": "arn:aws:sqs:us-east-1:1:dead", "ApproximateNumberOfMessages": str(len(self.waiting) or 1)}}

    def _send(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.waiting += asked["Entries"]
        return {"Successful": [{"Id": one["Id"]} for one in asked["Entries"]]}

    def _receive(self, asked: dict[str, Any]) -> dict[str, Any]:
        most = asked["MaxNumberOfMessages"]
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        found = []
        for entry in taken:
            handle = f"{next(self._handles):032d}" * 6  # as long as they are
            self.hidden[handle] = entry
            found.append({"Body": entry["MessageBody"], "ReceiptHandle": handle, "Attributes": {"ApproximateReceiveCount": "1"}})
        self.most_in_flight = max(self.most_in_flight, len(self.hidden))
        return {"Messages": found} if found else {}

    def _extend(self, asked: dict[str, Any]) -> dict[str, Any]:
        for entry in asked["Entries"]:
            if not entry["VisibilityTimeout"] and entry["ReceiptHandle"] in self.hidden:
                self.waiting.append(self.hidden.pop(entry["ReceiptHandle"]))
        return {}

    def _delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        for entry in asked["Entries"]:
            self.hidden.pop(entry["ReceiptHandle"], None)
        return {}

    def put(self, bucket: str, key: str, data: bytes) -> None:
        """Store an object."""
        self.meter.count("s3", "PutObject", sent_bytes=len(data))
        self.objects[key.split("/")[0]] += len(data)


class Settings:
    """The host's records, which cost nothing (standard parameters)."""

    def bodies(self, oldest_s: float | None = None) -> dict[str, dict[str, dict[str, Any]]]:
        """All of them."""
        return RESOURCES


class FreeBatch:
    """A region's Batch, which costs nothing to ask: every worker runs at once."""

    def look(self, clusters: Mapping[str, Any], requests: Sequence[Request], now_ms: int) -> Sight:
        """All is well."""
        return Sight("", {}, [replace(one, running=one.workers, seen=now_ms) for one in requests])

    def submit(self, request: Request) -> Request:
        """Asked for."""
        return replace(request, batch="1")


class World:
    """A host on a table of its own."""

    def __init__(self) -> None:
        import boto3  # type: ignore[import-untyped]

        self.meter = Meter()
        self.at_end: list[Callable[[], Any]] = []
        """what else is to be closed"""
        self.services = Services(self.meter)
        self.aws = dynamodb.client(dynamodb.local(), self.meter)
        name = f"costs-{next(_NAMES)}"
        dynamodb.make_table(self.aws, name)
        wanted = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        arn = self.aws.dynamodb("UpdateTable", TableName=name, StreamSpecification=wanted)["TableDescription"]["LatestStreamArn"]
        self.table = MeteredTable(self.aws, name, self.meter)
        self.lanes = Lanes(self.services, HOST)
        self.store = self.another_store()
        self.accountant = Accountant(self.table, sleep=lambda _: None)
        self.dispatcher = Dispatcher(self.table, self.lanes, Settings(), lambda: 0)  # type: ignore[arg-type]
        self.folder = tempfile.TemporaryDirectory(prefix="cyc")
        self._streams: Any = boto3.client(
            "dynamodbstreams", REGION, endpoint_url=dynamodb.local(), aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x"
        )
        (shard,) = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        asked = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        self._at = self._streams.get_shard_iterator(**asked)["ShardIterator"]
        self.meter.counts.clear()

    def another_store(self) -> UnitStore:
        """Each process has its own, with what it remembers."""
        return UnitStore(self.table, Bucket(self.services, "data"), MemoryIds(self.table))  # type: ignore[arg-type]

    def stream(self) -> list[Record]:
        """What was written since the last time."""
        found: list[Record] = []
        while True:
            answer = self._streams.get_records(ShardIterator=self._at)
            self._at = answer["NextShardIterator"]
            found += answer["Records"]
            if not answer["Records"]:
                return found

    def dispatch(self, records: Iterable[Record]) -> None:
        """A batch for the dispatcher; the filter of its event source lets new jobs pass."""
        new = [one for one in records if one["eventName"] == "INSERT" and one["dynamodb"]["Keys"]["sk"]["S"] == keys.JOB]
        if new:
            with self.meter.during("dispatch"):
                self.meter.count("lambda", "dispatcher")
                assert not self.dispatcher.handle(new), self.dispatcher.why

    def account(self, records: Iterable[Record], now_s: float) -> None:
        """A batch for the accountant."""
        told = [one for one in records if is_counted(one)]
        if told:
            with self.meter.during("count"):
                self.meter.count("lambda", "accountant", sent_bytes=len(told))
                self.accountant.apply(told, now_s)

    def close(self) -> None:
        """Remove what is left."""
        for end in (self.aws.close, self.table.close, self._streams.close, *self.at_end):
            end()
        self.folder.cleanup()


def is_counted(record: Mapping[str, Any]) -> bool:
    """The filter of the accountant's event source."""
    told = record["dynamodb"]
    return "v" in told.get("OldImage" if record["eventName"] == "REMOVE" else "NewImage", {})
