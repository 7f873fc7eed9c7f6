"""The table in memory answers as Amazon's own local one: the same requests, by chance, one after the other."""

import random
import uuid
from typing import Any

from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo.table import ConditionFailed, Table
from tests import dynamodb
from tests.dynamo.memory import MemoryDynamo


def _ask(table: Table, chance: random.Random) -> Any:
    """One request; its answer, or how it was refused."""
    key = ("J#1", chance.choice("abc"))
    when = [
        chance.choice(
            [
                ("pk", "absent", None),
                ("v", "=", 1),
                ("v", "<", 3),
                ("v", "<>", 1),
                ("xs", "size", 2),
                ("xs", "size", 0),
                ("un", "present", None),
            ]
        )
    ]
    when = when if chance.random() < 0.7 else []
    what, number = chance.randrange(6), chance.randrange(4)
    try:
        if what == 0:
            return table.put(key, {"v": number, "un": 5, "rs": b"x"}, when)
        if what == 1:
            return table.update(key, set={"un": number, "w": None}, add={"v": 1, "xs": {number, 7}}, when=when)
        if what == 2:
            return table.update(key, remove=["un"], delete={"xs": {7}}, when=when)
        if what == 3:
            return table.delete(key, when)
        if what == 4:
            other = ("J#1", chance.choice("de"))
            return table.transact(
                [table.update_action(key, add={"v": 1}, when=when), table.put_action(other, {"v": number})], uuid.uuid4().hex
            )
        return list(table.query("J#1", between=("a", chance.choice("bcd")), backwards=number > 1, limit=number, consistent=True))
    except ConditionFailed as failed:
        return "refused", failed.item
    except AwsError as exc:
        return exc.code


def test_it_answers_as_dynamodb_local() -> None:
    """Conditions, sets, numbers, transactions, queries."""
    aws, name = dynamodb.client(dynamodb.endpoint("local")), f"t-{uuid.uuid4().hex}"
    dynamodb.make_table(aws, name)
    one, other = Table(aws, name), Table(MemoryDynamo(), name)
    for seed in range(150):
        assert _ask(one, random.Random(seed)) == _ask(other, random.Random(seed)), seed
    aws.close()
