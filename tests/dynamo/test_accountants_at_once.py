"""Several functions count at once, as with a table of several shards: on DynamoDB Local, which keeps transactions apart."""

import random
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cyclone_core.scheduler.dynamo import keys, totals
from cyclone_core.scheduler.dynamo.accountant import Accountant
from cyclone_core.scheduler.dynamo.table import Table
from tests import dynamodb
from tests.dynamo.histories import History
from tests.dynamo.stream import array, piece, single


@pytest.fixture
def table() -> Iterator[Table]:
    """A table on DynamoDB Local."""
    aws, name = dynamodb.client(dynamodb.endpoint("local")), f"jobs-{uuid.uuid4().hex}"
    dynamodb.make_table(aws, name)
    yield Table(aws, name)
    aws.close()


def test_several_accountants_at_once(table: Table) -> None:
    """All touch the same counters, and some get the same records: everything is counted once."""
    choose = random.Random(3)
    history = History(300, 3, choose)
    for _ in range(200):
        history.step()
    records = [piece(7, 300, 3, told) for told in history.records]
    records += [array(7, 300, 3), array(7, 300, 3, "MODIFY", v=2, x=5), *(single(number, 1, 0) for number in range(40))]
    records += choose.choices(records, k=60)
    choose.shuffle(records)
    batches = [records[at : at + 25] for at in range(0, len(records), 25)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda batch: Accountant(table).apply(batch, 1.0), batches))
    assert list(totals.numbers(table.get(keys.total(7), consistent=True) or {})) == history.truth()
    waiting, *rest = totals.effective(history.truth(), True)
    assert totals.queues(table) == [("night", (waiting + 40, *rest))]
