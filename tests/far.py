"""An AWS host without a control plane: its table, bucket and records on the sandbox, a worker that does what a test says, and an accountant
that reads the stream when it is told to. What commands and the library do with such a host is tested on it, without functions and Batch.
"""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any
from zlib import compress

import pytest

from cyclone_core import journal, naming, paths
from cyclone_core.operations.aws_host import AwsHost
from cyclone_core.sandbox.settings import ACCOUNT
from cyclone_core.scheduler.dynamo import keys, tiles
from cyclone_core.scheduler.dynamo.accountant import Accountant
from cyclone_core.scheduler.dynamo.ids import MemoryIds
from cyclone_core.scheduler.dynamo.unit import Unit
from cyclone_core.scheduler.dynamo.unit_store import Claimed, UnitStore
from cyclone_core.scheduler.lifecycle import Retry
from tests.aws import Sandbox

REGION = "us-east-1"
_HOSTS = itertools.count(1)
BODIES = {
    ("region", REGION): {"main_region": True},
    ("cluster", "big"): {"max_vcpus": 8},
    ("queue", "default"): {"cluster": "big", "priority": 0},
    ("queue", "night"): {"cluster": "big", "priority": 0},
    ("definition", "default"): {"vcpus": 1, "memory_limit_mib": 1024, "jobs_to_workers_ratio": 1},
}
Outcome = tuple[int, bytes]
"""(packed outcome, output) of an attempt"""
Run = Callable[[int], Outcome]
"""position -> what a task comes to"""


def succeed(position: int) -> Outcome:
    """It says its position."""
    return 0, b"task %d\n" % position


class Far:
    """The host, and its worker."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        """name: registered in the present home."""
        self.sandbox, self.name, self.account = sandbox, name, ACCOUNT
        self.dynamodb = sandbox.client("dynamodb", REGION)
        self.s3, self.ssm = sandbox.client("s3", REGION), sandbox.client("ssm", REGION)
        self.streams = sandbox.client("dynamodbstreams", REGION)
        self.host = AwsHost(name)
        self._shard = ""

    @cached_property
    def store(self) -> UnitStore:
        """As its worker has it."""
        return UnitStore(self.host.table, self.host.bucket, MemoryIds(self.host.table))

    # -- what its stacks make -----------------------------------------------------------------------------------------------------
    def make(self) -> None:
        """Table, bucket and records."""
        string = dict.fromkeys(("pk", "sk", "listing", "listed_at", "due"), "S")
        made = self.dynamodb.create_table(
            TableName=naming.jobs_table(self.name), BillingMode="PAY_PER_REQUEST", KeySchema=_keys("pk", "sk"),
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in {**string, "due_at": "N"}.items()],
            GlobalSecondaryIndexes=[
                {"IndexName": "listing", "KeySchema": _keys("listing", "listed_at"),
                 "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n", "u", "z"]}},
                {"IndexName": "due", "KeySchema": _keys("due", "due_at"), "Projection": {"ProjectionType": "KEYS_ONLY"}},
            ],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )["TableDescription"]  # fmt: skip
        self.s3.create_bucket(Bucket=naming.data_bucket(self.name, self.account, REGION))
        self.record(BODIES)
        self._stream = made["LatestStreamArn"]

    def record(self, bodies: dict[tuple[str, str], dict[str, Any]]) -> None:
        """Resources as stacks record them."""
        for (kind, name), body in bodies.items():
            text = json.dumps({"name": name, **body})
            self.ssm.put_parameter(Name=naming.record(self.name, kind, name), Value=text, Type="String", Overwrite=True)

    def remove(self) -> None:
        """All of it, as after `hyper hosts delete-host`."""
        self.dynamodb.delete_table(TableName=naming.jobs_table(self.name))
        bucket = naming.data_bucket(self.name, self.account, REGION)
        for one in self.s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
            self.s3.delete_object(Bucket=bucket, Key=one["Key"])
        self.s3.delete_bucket(Bucket=bucket)
        self.ssm.delete_parameters(Names=[naming.record(self.name, *one) for one in BODIES])

    def forget(self, kind: str, *names: str) -> None:
        """Take records of resources away."""
        self.ssm.delete_parameters(Names=[naming.record(self.name, kind, name) for name in names])

    # -- its control plane --------------------------------------------------------------------------------------------------------
    def count(self) -> None:
        """Count what the stream has told so far."""
        accountant, now = Accountant(self.host.table, sleep=lambda _: None), time.time()
        while records := self._records():
            for send in accountant.apply(records, now):
                accountant.sent(send)

    def _records(self) -> list[dict[str, Any]]:
        if not self._shard:
            (found,) = self.streams.describe_stream(StreamArn=self._stream)["StreamDescription"]["Shards"]
            self._shard = self.streams.get_shard_iterator(
                StreamArn=self._stream, ShardId=found["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
        told = self.streams.get_records(ShardIterator=self._shard)
        self._shard = told["NextShardIterator"]
        return list(told["Records"])

    # -- its worker ---------------------------------------------------------------------------------------------------------------
    def work(self, job: int, run: Run = succeed, worker: str = f"{REGION}/worker-1") -> None:
        """Run all of a job, slice by slice, then count it."""
        item = self.host.table.get(keys.job(job), consistent=True)
        assert item is not None, f"there is no job {job}"
        lows = [low for low, _ in tiles.tiles(item["t"], item["sz"])] if item["a"] else [0]
        for low in lows:
            unit = self.claim(job, low, worker)
            if unit is not None:
                self.finish(unit, run)
        self.count()

    def work_on(self, job: int, lows: Iterable[int]) -> None:
        """Run some slices of an array, then count them."""
        for low in lows:
            unit = self.claim(job, low)
            assert unit is not None
            self.finish(unit)
        self.count()

    def claim(self, job: int, low: int = 0, worker: str = f"{REGION}/worker-1") -> Unit | None:
        """Lease a unit and begin all of it; None when there is nothing to do."""
        claimed = self.store.claim(job, low, worker, 1, now_ms())
        if not isinstance(claimed, Claimed):
            return None
        unit = claimed.unit
        while unit.mark < unit.high:
            unit.allow(64, short=True)
        self.store.save(unit, now_ms())
        return unit

    def finish(self, unit: Unit, run: Run = succeed, start_us: int = 1_700_000_000_000_000) -> None:
        """Report attempts of every task that is not over, until all is."""
        spec = self.store.specs.spec((self.host.table.get(keys.job(unit.job)) or {})["sp"]).body
        retry = Retry(spec["retries"], [tuple(pair) for pair in spec["retry_exit"]])
        while positions := [p for p in unit.unfinished() if p <= unit.mark]:
            self.report(unit, {position: run(position) for position in positions}, retry, start_us)

    def report(self, unit: Unit, ended: dict[int, Outcome], retry: Retry, start_us: int, took_us: int = 2_000_000) -> None:
        """Report an attempt of these tasks, with their outputs in a log object."""
        low, number = unit.low if unit.array else 0, unit.log + 1 if any(output for _, output in ended.values()) else 0
        frames, members, at = list[bytes](), [], 0
        for position, (code, output) in ended.items():
            attempt = unit.history(position)[0]
            told = (1, unit.job, position, attempt, start_us, took_us, code, 1024, 10, 20)
            frames.append(journal.end_frame(*told, b"1 0.50 3.0\n", output))
            members.append(((unit.job, position, attempt, code, start_us, took_us, at, len(output)), number))
            at += len(frames[-1]) if number else 0
        if number:
            self.host.bucket.put(keys.log_object(unit.job, low, number), compress(b"".join(frames)))
        unit.finish(members, {}, retry)
        self.store.save(unit, now_ms())

    def report_frame(self, unit: Unit, frame: bytes, size: int) -> None:
        """Report that the one task of a unit succeeded, with an END frame made by hand."""
        number = unit.log + 1
        self.host.bucket.put(keys.log_object(unit.job, unit.low if unit.array else 0, number), compress(frame))
        unit.finish([((unit.job, unit.low, 1, 0, 1_700_000_000_000_000, 5, 0, size), number)], {}, Retry())
        self.store.save(unit, now_ms())


@contextmanager
def far_host(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    """A new host, selected, reached with the credentials of the environment."""
    name = f"far{next(_HOSTS)}"
    reached = {"AWS_ENDPOINT_URL": sandbox.endpoint, "AWS_ACCESS_KEY_ID": sandbox.key, "AWS_SECRET_ACCESS_KEY": sandbox.secret}
    for variable, value in {**reached, "AWS_REGION": REGION}.items():
        monkeypatch.setenv(variable, value)
    os.makedirs(os.path.join(paths.config_dir(), "hosts"), exist_ok=True)
    body = {"name": name, "type": "aws", "account": ACCOUNT, "region": REGION}
    for path, text in (("hosts/" + name + ".json", json.dumps(body)), ("selected-host", name + "\n")):
        with open(os.path.join(paths.config_dir(), path), "w", encoding="utf-8") as file:
            file.write(text)
    far = Far(sandbox, name)
    far.make()
    try:
        yield far
    finally:
        with suppress(Exception):  # a test may have removed it
            far.remove()


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def now_ms() -> int:
    """The time as the table has it."""
    return int(time.time() * 1000)
