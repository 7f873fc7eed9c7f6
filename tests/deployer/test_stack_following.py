"""Following a stack's operation where CloudFormation takes its time, or calls it off."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cyclone_core.aws.stacks import StackEvent, StackNow
from cyclone_core.infra import stack_words
from cyclone_core.infra.stack_cleanup import delete_skipped
from cyclone_core.infra.stack_following import Follower, Pace
from cyclone_core.infra.stack_schedule import Signal
from tests.aws import Sandbox
from tests.deployer.conftest import MAIN, Deployed, resource

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/grid--host/1"


def event(number: int, status: str, reason: str = "", kind: str = "AWS::CloudFormation::Stack", physical_id: str = STACK) -> StackEvent:
    """One of the stack itself, or of a resource of another kind."""
    return StackEvent(str(number), float(number), "grid--host", kind, status, reason, physical_id, "", STACK)


@dataclass
class Slow:
    """A stack whose operation shows after some looks: (looks before, its state, what happens)."""

    steps: Sequence[tuple[int, str, tuple[StackEvent, ...]]]
    looks: int = 0
    told: list[Any] = field(default_factory=list)

    def events(self, stack_id: str, after: str | None = None) -> tuple[StackEvent, ...]:
        """What is new."""
        self.looks += 1
        found = [one for looks, _, events in self.steps if looks <= self.looks for one in events]
        return tuple(one for one in found if int(one.id) > int(after or 0))

    def get(self, stack_id: str) -> StackNow:
        """The stack in its latest state."""
        status = [status for looks, status, _ in self.steps if looks <= self.looks][-1]
        return StackNow("grid--host", STACK, status)


def follower(stacks: Slow) -> Follower:
    """One whose time goes by with the looks, a tenth of a second each, and that never sleeps."""

    class Quick(Signal):
        def wait(self, seconds: float) -> bool:
            return True

    def now() -> float:
        return stacks.looks / 10

    return Follower(stacks, stacks.told.append, Quick(), Pace(1e9, now), 60.0, now)  # type: ignore[arg-type]


def test_an_update_that_begins_late_is_not_over_before() -> None:
    """Until its first event the stack is as it was, which looks like a success."""
    steps = [
        (0, "UPDATE_COMPLETE", ()),
        (20, "UPDATE_IN_PROGRESS", (event(1, "UPDATE_IN_PROGRESS"),)),
        (40, "UPDATE_ROLLBACK_COMPLETE", (event(2, "UPDATE_ROLLBACK_COMPLETE"),)),
    ]
    assert follower(Slow(steps)).follow(STACK, None, "update").status == "UPDATE_ROLLBACK_COMPLETE"


def test_what_never_begins_is_over_after_a_while() -> None:
    """Half a minute."""
    slow = Slow([(0, "UPDATE_COMPLETE", ())])
    assert follower(slow).follow(STACK, None, "update").status == "UPDATE_COMPLETE"
    assert slow.looks / 10 >= 30


def test_a_deletion_that_is_called_off_says_why() -> None:
    """An export that another stack uses: the stack is in its old state again, and no resource has failed."""
    why = "Delete canceled. Cannot delete export grid--vpc-id as it is in use by grid--cluster-big"
    ran = (event(1, "DELETE_IN_PROGRESS", "User Initiated"), event(2, "UPDATE_COMPLETE", why))
    assert why in stack_words.not_deleted(ran)


def test_what_a_deletion_leaves_of_a_creation_that_was_ended_goes(aws: Sandbox, host: Deployed) -> None:
    """Retained tables, and buckets with nothing in them; those that were there before have no such event."""
    table, other = f"{host.host}--jobs", f"{host.host}--other"
    for name in (table, other):
        properties = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"}
        aws.client("dynamodb", MAIN).create_table(TableName=name, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], **properties)
    kind = resource("DynamoDB::Table")["Type"]
    events = [event(1, "DELETE_SKIPPED", "", kind, table), event(2, "CREATE_FAILED", "exists already", kind, other)]
    delete_skipped(host.account, MAIN, events)
    left = aws.client("dynamodb", MAIN).list_tables()["TableNames"]
    assert table not in left
    assert other in left
