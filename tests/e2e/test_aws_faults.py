"""What goes wrong on the way of a job, on a whole AWS host: nothing is lost, nothing is final twice, counters are true afterwards."""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.operations.sandbox import Faults, RequestFault, Starvation
from tests.aws import wait_until
from tests.e2e.conftest import HOST, HUB, MAIN, Deployed

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def faults(host: Deployed) -> Iterator[Any]:
    """Let things go wrong until the end of the test."""
    yield host.sandbox.set_faults
    host.sandbox.set_faults(Faults())


def lane(host: Deployed) -> tuple[Any, str]:
    """The message queue of the lane: client and URL."""
    sqs = host.sandbox.client("sqs", MAIN)
    return sqs, sqs.get_queue_url(QueueName=naming.lane_queue(HOST, "big", "sim", "normal"))["QueueUrl"]


def running_processes(host: Deployed) -> list[int]:
    """Process groups of the workers that Batch runs now."""
    found = Path(host.sandbox.status.directory.jobs).glob("*/process")
    return [int(path.read_text().split()[0]) for path in found if not path.parent.name.startswith("instance-")]


def test_a_worker_that_is_killed_costs_nothing_but_time(host: Deployed) -> None:
    """kill -9 of every other worker in the middle of slices: all tasks end once, and what ran is run again with a higher attempt."""
    job = host.submit('sleep 0.3; echo "$CYCLONE_TASK_INDEX $CYCLONE_ATTEMPT"', "-t", "1-120")
    wait_until(lambda: host.job(job)["counts"]["Successful"] >= 5, 60)
    for pid in running_processes(host)[::2]:
        os.killpg(pid, signal.SIGKILL)
    found = host.ended(job, 120)
    assert found["counts"]["Successful"] == 120
    lines = [line.split() for line in host.ok("qlog", "-i", str(job)).splitlines()]
    assert sorted(int(index) for index, _ in lines) == list(range(1, 121))
    assert any(int(attempt) > 1 for _, attempt in lines)
    host.sound()


def test_a_message_that_comes_again_starts_nothing_twice(host: Deployed) -> None:
    """Doubled messages of a job that runs, and of one that is over."""
    job = host.submit('echo "attempt $CYCLONE_ATTEMPT"; sleep 6')
    wait_until(lambda: host.job(job)["counts"]["Running"], 60)
    sqs, url = lane(host)
    for _ in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"j": job, "l": 0}))
    assert host.ended(job)["attempt"] == 1
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"j": job, "l": 0}))
    time.sleep(2)
    assert host.job(job)["status"] == "Successful"
    assert host.ok("qlog", "-i", str(job)) == "attempt 1\n"
    host.sound()


def test_doubled_and_reordered_records_count_nothing_twice(host: Deployed) -> None:
    """All that the stream has, shuffled and told twice: jobs that are over are not sent again, counters stay true."""
    host.ended(host.submit("true", "-t", "1-30"))
    host.sound()
    streams, functions = host.sandbox.client("dynamodbstreams", MAIN), host.sandbox.client("lambda", MAIN)
    arn = streams.list_streams(TableName=naming.jobs_table(HOST))["Streams"][0]["StreamArn"]
    records: list[Any] = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        at = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        records += streams.get_records(ShardIterator=at)["Records"]
    assert records
    told = [json.loads(json.dumps(record, default=_plain)) for record in records * 2]
    random.Random(7).shuffle(told)
    before = host.ok("qstat", "--summary", "--json")
    for function in ("accountant", "dispatcher"):
        answer = functions.invoke(FunctionName=naming.function(HOST, function), Payload=json.dumps({"Records": told[:500]}))
        assert "FunctionError" not in answer, answer["Payload"].read()
    host.sound()
    assert host.ok("qstat", "--summary", "--json") == before


def _plain(value: object) -> Any:
    from base64 import b64encode

    return b64encode(value).decode() if isinstance(value, bytes) else str(value)


def test_dead_letters_become_states_of_tasks(host: Deployed, faults: Any) -> None:
    """A message that nobody took on ends its task with the reason; garbage is put aside, and neither stops others."""
    host.ended(host.submit("true"))
    host.ok("hyper", "definitions", "add-definition", "--name", "lonely", "--image-uri", "none/worker:1")
    faults(Faults(requests=[RequestFault("batch", code="InternalFailure", status=500)]))  # nobody comes to run it
    job = host.submit("true", "-d", "lonely")
    sqs, url = lane(host)
    dead = sqs.get_queue_url(QueueName=naming.dead_letters(HOST))["QueueUrl"]
    sqs.send_message(QueueUrl=dead, MessageBody=json.dumps({"j": job, "l": 0}))
    sqs.send_message(QueueUrl=dead, MessageBody="garbage")
    sqs.send_message(QueueUrl=url, MessageBody="garbage")
    found = host.ended(job)
    faults(Faults())
    assert found["status"] == "Error"
    assert "no worker took it on" in found["reason"]
    assert host.ended(host.submit("true"))["status"] == "Successful"
    host.sound()


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 400), ("InternalServerError", 500)])
def test_a_table_that_refuses_for_a_while(host: Deployed, faults: Any, code: str, status: int) -> None:
    """Throttling and failures of DynamoDB in the middle of an array."""
    job = host.submit("sleep 0.1", "-t", "1-200")
    wait_until(lambda: host.job(job)["counts"]["Successful"] >= 10, 60)
    faults(Faults(requests=[RequestFault("dynamodb", code=code, status=status)]))
    time.sleep(4)
    faults(Faults())
    assert host.ended(job, 120)["counts"]["Successful"] == 200
    host.sound()


def test_a_function_that_fails_half_way(host: Deployed, faults: Any) -> None:
    """SQS refuses while jobs are dispatched: they are sent later, and run once."""
    faults(Faults(requests=[RequestFault("sqs", code="InternalFailure", status=500)]))
    job = host.submit("echo once", "-t", "1-20")
    time.sleep(3)
    faults(Faults())
    assert host.ended(job, 150)["counts"]["Successful"] == 20
    host.sound()


def test_a_region_that_is_cut_off(host: Deployed, faults: Any) -> None:
    """Batch of one region does not answer: the other one does the work, and `qstat` says what is the matter where."""
    faults(Faults(requests=[RequestFault("batch", region=HUB, code="InternalFailure", status=500)]))
    job = host.submit('echo "$CYCLONE_REGION"; sleep 0.1', "-t", "1-20")
    assert host.ended(job, 150)["counts"]["Successful"] == 20
    host.sound()


def looked(host: Deployed) -> bool:
    """The scaler looks now, and not when its minute is over."""
    answer = host.sandbox.client("lambda", MAIN).invoke(FunctionName=naming.function(HOST, "scaler"), Payload=b"{}")
    return "FunctionError" not in answer


def test_a_region_whose_instances_do_not_come(host: Deployed, faults: Any) -> None:
    """It is left alone, and `qstat` says so; the other one does its work. Once instances come, it is back."""
    wait_until(lambda: not running_processes(host), 60)  # workers of other tests would do its work
    faults(Faults(starved=[Starvation(HUB)]))
    job = host.submit('echo "$CYCLONE_REGION"; sleep 0.6', "-t", "1-96")
    wait_until(lambda: looked(host) and f"{HUB} is left alone until" in host.ok("qstat", "-i", str(job)), 60)
    wait_until(lambda: looked(host) and host.job(job)["counts"]["Running"], 60)  # idle workers leave soon here
    faults(Faults())
    assert host.ended(job)["counts"]["Successful"] == 96
    assert {*host.ok("qlog", "-i", str(job)).split()} == {MAIN, HUB}
    host.sound()
