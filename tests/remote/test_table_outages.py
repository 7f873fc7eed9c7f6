"""The table fails for hours: no message is taken for poison because of it, and no unit is leased to nobody."""

from typing import Any

import pytest

from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo.ids import MemoryIds
from cyclone_core.scheduler.dynamo.keys import WAITING
from cyclone_core.scheduler.dynamo.queues import MOST_RECEIVES, Message
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.dynamo.unit_store import Claimed, UnitStore
from cyclone_core.scheduler.remote import clock
from cyclone_core.scheduler.remote.files import Files
from cyclone_core.scheduler.remote.intake import Intake
from cyclone_core.scheduler.remote.machine import Machine
from tests.remote.host import ACCOUNT, REGION, Host


class Failing(Table):
    """A table of which some operations fail."""

    fails: tuple[str, ...] = ()

    def _ask(self, operation: str, **asked: Any) -> dict[str, Any]:
        if operation in self.fails:
            raise AwsError("the table does not answer", "InternalServerError")
        return super()._ask(operation, **asked)


def _store(host: Host, *fails: str) -> UnitStore:
    table = Failing(host.aws, host.table.name)
    table.fails = fails
    return UnitStore(table, host.bucket, MemoryIds(table))


def _fail_to_take(host: Host, receives: int) -> None:
    """A worker that gets the only message and cannot ask the table. receives: how often that was delivered."""
    machine = Machine({
        "CYCLONE_HOST": host.name, "CYCLONE_ACCOUNT": ACCOUNT, "CYCLONE_MAIN_REGION": REGION, "CYCLONE_REGION": REGION,
        "CYCLONE_DEFINITION": "default", "CYCLONE_CLUSTER": "big",
    })  # fmt: skip
    intake = Intake(machine, _store(host, "UpdateItem"), host.lanes, Files(str(host.folder), lambda *_: b""), clock)
    (found,) = host.lanes.receive("big", "default", 1)
    with pytest.raises(AwsError, match="does not answer"):
        intake.take(Message(found.job, found.low, found.exists, found.queue, found.handle, receives), 1)


def test_a_message_waits_while_the_table_fails(host: Host) -> None:
    """It is the same one, put off."""
    host.submit("true")
    _fail_to_take(host, 2)
    depth = host.lanes.depth("big", "default")
    assert (depth.visible, depth.in_flight) == (0, 1)


def test_a_message_that_was_delivered_often_meanwhile_is_replaced(host: Host) -> None:
    """Before it becomes a dead letter, whose task would end as Error."""
    job = host.submit("true")
    _fail_to_take(host, MOST_RECEIVES // 2)
    (again,) = host.lanes.receive("big", "default", 1)
    assert (again.job, again.receives, host.lanes.depth("big", "default").total) == (job, 1, 1)


def test_a_job_is_claimed_although_its_queue_cannot_be_looked_at(host: Host) -> None:
    """All workers read that one item: when it is too busy the lease stands, and somebody holds it."""
    job = host.submit("true")
    assert isinstance(_store(host, "GetItem").claim(job, 0, "here", 1, 1_000_000), Claimed)


def test_a_slice_is_given_back_when_nobody_knows_whether_it_was_cancelled(host: Host) -> None:
    """Unchanged: the next one to claim it does not count a loss."""
    job = host.submit("true", indices=(1, 4, 1), tasks=4, size=4)
    store = _store(host, "BatchGetItem")
    with pytest.raises(AwsError):
        store.claim(job, 1, "here", 1, 1_000_000)
    (unit,) = host.units(job)
    assert (unit.state, unit.lost, unit.histories) == (WAITING, 0, {})
