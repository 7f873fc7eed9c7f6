"""Message queues of lanes: made by whoever sends first, and nothing is lost on the way to them."""

import json
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo import queues
from cyclone_core.scheduler.dynamo.queues import Lanes, group, read
from tests.control.conftest import REGION, Wire, World


def test_a_queue_is_made_when_it_is_needed_first(world: World) -> None:
    """With its way to the dead letters; until then nothing is received, and its depth is 0."""
    assert world.lanes.receive("big", "small", 1) == []
    assert world.lanes.depth("big", "small").total == 0
    assert world.lanes.send("big", "small", 1, [(7, 0, 0, "ada"), (8, 101, 1, "bo")]) == 2
    found = {(each.job, each.low, each.exists) for each in world.lanes.receive("big", "small", 1)}
    assert found == {(7, 0, False), (8, 101, True)}
    client = world.sandbox.client("sqs", REGION)
    url = client.get_queue_url(QueueName=naming.lane_queue(world.host, "big", "small", "normal"))["QueueUrl"]
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    redrive = json.loads(attributes["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(f":{naming.dead_letters(world.host)}")
    assert int(redrive["maxReceiveCount"]) == queues.MOST_RECEIVES
    assert attributes["SqsManagedSseEnabled"] == "true"
    assert json.loads(attributes["Policy"])["Statement"][0]["Effect"] == "Deny"


def test_ten_messages_are_one_request(world: World) -> None:
    """Once the queue is known."""
    world.lanes.send("big", "small", 1, [(1, 0, 0, "ada")])
    world.wire.reset()
    assert world.lanes.send("big", "small", 1, [(number, 0, 0, "ada") for number in range(2, 37)]) == 35
    assert dict(world.wire.asked) == {"sqs:SendMessageBatch": 4}
    assert world.units() == [(number, 0) for number in range(1, 37)]


def test_messages_are_extended_and_deleted_together(world: World) -> None:
    """What is handed back comes again, what is deleted does not."""
    world.lanes.send("big", "small", 1, [(1, 0, 0, "ada"), (2, 0, 0, "ada"), (3, 0, 0, "ada")])
    taken = {each.job: each for each in world.lanes.receive("big", "small", 1)}
    depth = world.lanes.depth("big", "small")
    assert (depth.visible, depth.in_flight, depth.total) == (0, 3, 3)
    world.lanes.delete([taken[1], taken[2]])
    world.lanes.extend([taken[3]], 0)
    (again,) = world.lanes.receive("big", "small", 1)
    assert (again.job, again.receives) == (3, 2)


def test_a_queue_that_was_deleted_is_made_anew(world: World) -> None:
    """Whoever knew it finds out by sending, or hears that nothing is there."""
    other = Lanes(world.wire, world.host)
    other.send("big", "small", 1, [(1, 0, 0, "ada")])
    assert world.lanes.receive("big", "small", 1)
    world.lanes.remove(naming.lane_queue(world.host, "big", "small", "normal"))
    assert other.receive("big", "small", 1) == []
    assert other.depth("big", "small").total == 0
    other.send("big", "small", 1, [(2, 0, 0, "ada")])
    assert world.units() == [(2, 0)]


def test_only_queues_of_lanes_are_listed(world: World) -> None:
    """The dead letters are no lane's."""
    world.lanes.send("big", "small", 0, [(1, 0, 0, "ada")])
    world.lanes.send("other", "small", 2, [(1, 0, 0, "ada")])
    assert sorted(world.lanes.names()) == [f"{world.host}--big--small--low", f"{world.host}--other--small--high"]


class Picky:
    """SQS that refuses some messages of each request, once; `fault`: whether it says that the sender is to blame."""

    def __init__(self, fault: bool = False) -> None:
        self.sent: list[str] = []
        self.fault, self.requests = fault, 0

    def sqs(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Takes the first half of a batch, and the last message alone."""
        if operation != "SendMessageBatch":
            return {"QueueUrl": "queue"}
        self.requests += 1
        entries = parameters["Entries"]
        taken = max(1, len(entries) // 2)
        self.sent += [each["MessageBody"] for each in entries[:taken]]
        refused = [{"Id": each["Id"], "SenderFault": self.fault, "Code": "InternalError"} for each in entries[taken:]]
        return {"Successful": [], "Failed": refused}


def test_messages_that_were_refused_are_sent_again() -> None:
    """Only those."""
    sqs = Picky()
    Lanes(sqs, "grid", sleep=lambda seconds: None).send("big", "small", 1, [(number, 0, 0, "ada") for number in range(10)])
    assert sorted(sqs.sent) == sorted(queues.body(number, 0) for number in range(10))
    assert sqs.requests == 5


def test_a_message_that_is_wrong_is_not_sent_again() -> None:
    """It would be refused for ever: whoever sends hears of it."""
    sqs = Picky(fault=True)
    with pytest.raises(AwsError, match=r"5 messages could not be sent to queue: InternalError"):
        Lanes(sqs, "grid", sleep=lambda seconds: None).send("big", "small", 1, [(number, 0, 0, "ada") for number in range(10)])


class New:
    """SQS that does not know a queue until somebody has waited for it."""

    def __init__(self) -> None:
        self.waited, self.sent = 0.0, 0

    def sleep(self, seconds: float) -> None:
        """Time goes by."""
        self.waited += seconds

    def sqs(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """A queue that was made is unknown for a second."""
        if operation == "SendMessageBatch":
            if self.waited < 1:
                raise AwsError("there is no such queue", "QueueDoesNotExist")
            self.sent += len(parameters["Entries"])
        return {"QueueUrl": "https://queue/grid", "Attributes": {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:dead"}}


def test_a_queue_that_was_made_a_moment_ago_is_waited_for() -> None:
    """SQS asks for a second between making a queue and using it."""
    sqs = New()
    assert Lanes(sqs, "grid", sleep=sqs.sleep).send("big", "small", 1, [(1, 0, 0, "ada")]) == 1
    assert (sqs.sent, sqs.waited) == (1, queues.NEW_S)


def test_what_cannot_be_read_is_passed_over(world: World, wire: Wire) -> None:
    """It becomes a dead letter by itself."""
    world.lanes.send("big", "small", 1, [(1, 0, 0, "ada")])
    client = world.sandbox.client("sqs", REGION)
    url = client.get_queue_url(QueueName=f"{world.host}--big--small--normal")["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="poison")
    assert [each.job for each in world.lanes.receive("big", "small", 1)] == [1]


@pytest.mark.parametrize("text", ["", "poison", "[]", "3", "null", '{"j": 1}', '{"j": "x", "l": 0}', '{"j": null, "l": 0}'])
def test_texts_that_nobody_here_wrote(text: str) -> None:
    """Are told apart from messages."""
    assert read(text) is None
    assert read(queues.body(2**53 - 1, 10**8, 1)) == (2**53 - 1, 10**8, True)


def test_users_are_groups_that_sqs_takes() -> None:
    """Printable ASCII, at most 128 characters, never nothing."""
    assert group("ada") == "ada"
    assert group("DOMAIN\\ada b\u00e9a") == "DOMAIN\\ada_b_a"
    assert group("") == "_"
    assert len(group("x" * 500)) == 128
