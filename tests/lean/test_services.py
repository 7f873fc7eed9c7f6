"""The services of two emulators understand what the lean client sends, and it understands them."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cyclone_core.aws.lean import requests
from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.lean.credentials import Credentials
from cyclone_core.aws.lean.exchange import Body
from cyclone_core.aws.lean.meter import Meter
from cyclone_core.errors import AccessDenied, AwsError, CredentialsUnusable
from tests.aws import Sandbox

REGION = "eu-west-3"
KEYS = [("a", "plain"), ("b c/é~+&=?#%2F", "marks"), ("d/<&>'\"", "xml"), ("e//f/./../g", "dots")]


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The URL of a moto server."""
    server = pytest.importorskip("moto.server", reason="one of the emulators").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(params=["moto", "sandbox"])
def reached(request: pytest.FixtureRequest) -> Aws:
    """A client of each emulator, with a meter."""
    if request.param == "moto":
        return Aws(REGION, lambda: Credentials("AKIA" + "A" * 16, "secret"), request.getfixturevalue("moto"), Meter())
    aws: Sandbox = request.getfixturevalue("aws")
    return Aws(REGION, lambda: Credentials(aws.key, aws.secret), aws.endpoint, Meter())


@pytest.fixture
def table(reached: Aws) -> Iterator[str]:
    """A table for a moment."""
    names = ("pk", "sk")
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in names]
    schema = [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=True)]
    reached.dynamodb("CreateTable", TableName="lean-jobs", AttributeDefinitions=attributes, KeySchema=schema, BillingMode="PAY_PER_REQUEST")
    yield "lean-jobs"
    reached.dynamodb("DeleteTable", TableName="lean-jobs")


@pytest.fixture
def bucket(reached: Aws) -> str:
    """A bucket of the emulator's."""
    return made_bucket(reached)


def made_bucket(aws: Aws) -> str:
    """A bucket; made when it is not there."""
    body = f"<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>".encode()
    request = requests._of_s3("CreateBucket", "PUT", "lean-data", "/", Body(body), requests.digest(body), {})
    try:
        aws.send(request)
    except AwsError as exc:
        if exc.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
    return "lean-data"


def test_items(reached: Aws, table: str) -> None:
    """Any text; a failed condition tells the item."""
    item = {"pk": {"S": "J#1 é\u2028\U0001f600\0"}, "sk": {"S": "JOB"}, "o": {"B": "AAECAw=="}, "n": {"N": "1"}}
    reached.dynamodb("PutItem", TableName=table, Item=item)
    found = reached.dynamodb("GetItem", TableName=table, Key={name: item[name] for name in ("pk", "sk")}, ConsistentRead=True)
    assert found["Item"] == item
    with pytest.raises(AwsError) as caught:
        reached.dynamodb(
            "PutItem", TableName=table, Item=item, ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )  # fmt: skip
    assert (caught.value.code, caught.value.answer["Item"]) == ("ConditionalCheckFailedException", item)
    reads, writes = reached.meter.units()  # type: ignore[union-attr]
    assert reads > 0
    assert writes > 0


def test_a_transaction(reached: Aws, table: str) -> None:
    """Says which part was refused."""
    put = {"TableName": table, "Item": {"pk": {"S": "a"}, "sk": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(pk)"}
    reached.dynamodb("TransactWriteItems", TransactItems=[{"Put": put}])
    with pytest.raises(AwsError) as caught:
        reached.dynamodb("TransactWriteItems", TransactItems=[{"Put": put}])
    assert caught.value.code == "TransactionCanceledException"
    assert [reason["Code"] for reason in caught.value.answer["CancellationReasons"]] == ["ConditionalCheckFailed"]


def test_messages(reached: Aws) -> None:
    """Sent with a group, received, deleted; a queue that is not there is told."""
    url = reached.sqs("CreateQueue", QueueName="lean-lane")["QueueUrl"]
    entries = [{"Id": str(number), "MessageBody": json.dumps({"j": number})} for number in range(3)]
    assert len(reached.sqs("SendMessageBatch", QueueUrl=url, Entries=entries)["Successful"]) == 3
    got = reached.sqs("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)["Messages"]
    assert {json.loads(message["Body"])["j"] for message in got} <= {0, 1, 2}
    reached.sqs("DeleteMessage", QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"])
    reached.sqs("DeleteQueue", QueueUrl=url)
    with pytest.raises(AwsError) as caught:
        reached.sqs("GetQueueUrl", QueueName="lean-lane")
    assert caught.value.code == "QueueDoesNotExist"


def test_parameters(aws: Sandbox) -> None:
    """Read below a path (moto loads all that AWS publishes first)."""
    reached = Aws(REGION, lambda: Credentials(aws.key, aws.secret), aws.endpoint)
    reached.ssm("PutParameter", Name="/lean/queue/q", Value="{}", Type="String", Overwrite=True)
    found = reached.ssm("GetParametersByPath", Path="/lean", Recursive=True)["Parameters"]
    assert [(entry["Name"], entry["Value"]) for entry in found] == [("/lean/queue/q", "{}")]


def test_batch(reached: Aws) -> None:
    """Lists and refusals."""
    assert reached.batch("DescribeJobs", jobs=["nope"])["jobs"] == []
    with pytest.raises(AwsError) as caught:
        reached.batch("SubmitJob", jobName="x", jobQueue="nope", jobDefinition="nope")
    assert caught.value.code


def test_identity(reached: Aws) -> None:
    """Account and ARN."""
    account, arn = reached.identity()
    assert account == "123456789012"
    assert arn.startswith("arn:aws:")
    reached.check_account(account)
    with pytest.raises(CredentialsUnusable, match="belong to account 123456789012, and account 1 is wanted"):
        reached.check_account("1")


@pytest.mark.parametrize("key", [key for key, _ in KEYS], ids=[name for _, name in KEYS])
def test_objects(reached: Aws, bucket: str, key: str) -> None:
    """Any key: put, read whole and in part, listed, deleted."""
    reached.put(bucket, key, b"0123456789")
    assert reached.get(bucket, key) == b"0123456789"
    assert reached.get(bucket, key, (2, 5)) == b"234"
    assert reached.get(bucket, key, (8, 99)) == reached.tail(bucket, key, 2) == b"89"
    assert key in list(reached.list(bucket, key[:1]))
    reached.put(bucket, f"{key}2", b"")
    reached.delete(bucket, [key, f"{key}2", "never was"])
    reached.delete(bucket, [key])
    with pytest.raises(AwsError) as caught:
        reached.get(bucket, key)
    assert caught.value.code == "NoSuchKey"


def test_files(reached: Aws, bucket: str) -> None:
    """Megabytes from a file and into one."""
    data = bytes(range(256)) * 12_345
    reached.put_file(bucket, "big", io.BytesIO(data))
    into = io.BytesIO()
    assert reached.get_to_file(bucket, "big", into) == len(data)
    assert into.getvalue() == data


def test_past_the_end(reached: Aws, bucket: str) -> None:
    """There is nothing."""
    reached.put(bucket, "short", b"abc")
    with pytest.raises(AwsError) as caught:
        reached.get(bucket, "short", (3, 9))
    assert caught.value.code == "InvalidRange"


def test_both_ways_store_the_same(aws: Sandbox) -> None:
    """What AWS's library wrote."""
    lean = Aws(REGION, lambda: Credentials(aws.key, aws.secret), aws.endpoint)
    bucket = made_bucket(lean)
    theirs: Any = aws.client("s3", REGION)
    theirs.put_object(Bucket=bucket, Key="x y/ü", Body=b"theirs")
    assert lean.get(bucket, "x y/ü") == b"theirs"
    lean.put(bucket, "x y/ü", b"ours")
    assert theirs.get_object(Bucket=bucket, Key="x y/ü")["Body"].read() == b"ours"


def test_wrong_keys(aws: Sandbox) -> None:
    """Signatures are checked: another secret is not accepted."""
    lean = Aws(REGION, lambda: Credentials(aws.key, "x" * 40), aws.endpoint)
    with pytest.raises(CredentialsUnusable):
        lean.dynamodb("ListTables")


def test_a_lacking_right(aws: Sandbox) -> None:
    """Which one, and where the list of all is."""
    keys = aws.user({"Action": "sqs:*", "Resource": "*"})
    lean = Aws(REGION, lambda: Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"]), aws.endpoint)
    lean.sqs("ListQueues")
    with pytest.raises(AccessDenied, match=r"docs/aws-permissions\.md") as caught:
        lean.dynamodb("ListTables")
    assert caught.value.action == "dynamodb:ListTables"
