"""Who has exactly the documented rights works with a host."""

from collections.abc import Iterator

import pytest

from cyclone_core import naming
from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.lean.credentials import Credentials
from cyclone_core.errors import AccessDenied
from cyclone_core.infra import permissions
from cyclone_core.jobs import JobRequest
from cyclone_core.sandbox.settings import ACCOUNT
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.bucket import Bucket
from cyclone_core.scheduler.dynamo.ids import MemoryIds
from cyclone_core.scheduler.dynamo.records import Records
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.dynamo.unit_store import UnitStore
from tests.control.conftest import REGION, World


@pytest.fixture
def somebody(world: World) -> Iterator[Aws]:
    """The way to the host of a user with the policy `work`, and no other."""
    world.sandbox.client("s3", REGION).create_bucket(Bucket=bucket(world))
    key = world.sandbox.user(*permissions.work_policy(world.host, ACCOUNT)["Statement"])
    client = Aws(REGION, lambda: Credentials(key["aws_access_key_id"], key["aws_secret_access_key"]), world.sandbox.endpoint)
    yield client
    client.close()


def bucket(world: World) -> str:
    """Its data bucket."""
    return naming.data_bucket(world.host, ACCOUNT, REGION)


def test_jobs_are_submitted_looked_at_and_cancelled(world: World, somebody: Aws) -> None:
    """A large script is an object; several jobs are one request; records say what the host has."""
    table = Table(somebody, world.table.name)
    store = UnitStore(table, Bucket(somebody, bucket(world)), MemoryIds(table))
    bodies = Records(somebody, world.host).bodies()
    assert bodies == world.bodies
    script = bytes(range(256)) * 2000
    number = store.submit(JobRequest(script=script, name="x", queue="work", definition="small", user="bo"), bodies, world.now)
    assert store.specs.spec(table.get(keys.job(number))["sp"]).script(store.bucket) == script  # type: ignore[index]
    assert [item["pk"] for item in table.query(keys.due_part(number), index="due")] == [f"J#{number}"]
    assert store.cancel(number, None, world.now) == 1


def test_resources_are_not_theirs_to_change(world: World, somebody: Aws) -> None:
    """Nor messages to send."""
    for ask in (
        lambda: somebody.ssm("DeleteParameter", Name=naming.record(world.host, "queue", "work")),
        lambda: somebody.sqs("GetQueueUrl", QueueName=naming.dead_letters(world.host)),
        lambda: somebody.dynamodb("DeleteTable", TableName=world.table.name),
        lambda: somebody.dynamodb("Query", TableName="other--jobs"),
    ):
        with pytest.raises(AccessDenied):
            ask()
