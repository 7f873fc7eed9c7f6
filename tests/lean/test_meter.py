"""A meter counts what was asked and what it took."""

from cyclone_core.aws.lean.meter import Meter
from tests.lean.peer import good, peer, refusal


def test_units() -> None:
    """They are asked for, and told by kind."""
    one, many = b'{"ConsumedCapacity":{"CapacityUnits":1.5}}', b'{"ConsumedCapacity":[{"CapacityUnits":4.0},{"CapacityUnits":2.0}]}'
    with peer(good(one), good(one), good(many), good(b"{}")) as server:
        meter = Meter()
        aws = server.aws(meter=meter)
        aws.dynamodb("GetItem", TableName="t")
        aws.dynamodb("PutItem", TableName="t", ReturnConsumedCapacity="INDEXES")
        aws.in_region("us-east-1").dynamodb("TransactWriteItems", TransactItems=[])
        aws.dynamodb("ListTables")
    assert meter.units() == (1.5, 7.5)
    assert meter.units("dynamodb", "PutItem") == (0.0, 1.5)
    told = [b"TOTAL" in asked.body or b"INDEXES" in asked.body for asked in server.asked]
    assert told == [True, True, True, False]


def test_requests_and_bytes() -> None:
    """Each answer counts, also of an attempt that was refused; large messages are charged as several."""
    with peer(refusal("ThrottlingException"), good(b"{}"), good(b"x" * 10), good(b"{}")) as server:
        meter = Meter()
        aws = server.aws(meter=meter)
        aws.dynamodb("GetItem")
        aws.get("data", "key")
        aws.sqs("SendMessage", MessageBody="x" * 100_000)
    assert (meter.requests(), meter.requests("dynamodb"), meter.requests("s3", "GetObject")) == (4, 2, 1)
    assert meter.counts["dynamodb", "GetItem"].refused == {"ThrottlingException": 1}
    assert meter.counts["s3", "GetObject"].received_bytes == 10
    assert meter.counts["sqs", "SendMessage"].charged == 2
    meter.clear()
    assert meter.table() == []
