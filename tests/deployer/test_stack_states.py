"""What states of stacks and their events mean: values only."""

from dataclasses import replace

import pytest

from cyclone_core.aws.stacks import StackEvent, StackNow
from cyclone_core.infra import stack_words
from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Change
from cyclone_core.infra.stack_events import Teller
from cyclone_core.infra.stack_following import Told
from cyclone_core.infra.stack_states import cause, denied_action, is_over, is_taken, next_move

MOVES = {
    "": "create", "REVIEW_IN_PROGRESS": "create", "DELETE_COMPLETE": "create", "CREATE_IN_PROGRESS": "wait",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "wait", "DELETE_IN_PROGRESS": "wait", "CREATE_COMPLETE": "update", "UPDATE_COMPLETE": "update",
    "UPDATE_ROLLBACK_COMPLETE": "update", "IMPORT_COMPLETE": "update", "CREATE_FAILED": "make anew", "ROLLBACK_COMPLETE": "make anew",
    "ROLLBACK_FAILED": "make anew", "DELETE_FAILED": "make anew", "UPDATE_FAILED": "roll back",
    "UPDATE_ROLLBACK_FAILED": "continue roll back",
}  # fmt: skip


@pytest.mark.parametrize("status", MOVES)
def test_each_state_leads_on(status: str) -> None:
    """There is none in which a stack is stuck."""
    assert next_move(status) == MOVES[status]
    assert is_over(status) == (MOVES[status] != "wait")


def failed(logical_id: str, reason: str, kind: str = "AWS::SQS::Queue", status: str = "CREATE_FAILED") -> StackEvent:
    """An event of a failure."""
    return StackEvent("1", 1.0, logical_id, kind, status, reason, stack_id="arn:stack")


def test_the_cause_is_what_failed_first_by_itself() -> None:
    """Not what was ended because of it, and not the stack."""
    events = [
        failed("Other", "Resource creation cancelled"),
        failed("Queue", "Access denied"),
        failed("Late", "Something else"),
        replace(failed("grid--host", "The following resource(s) failed"), type="AWS::CloudFormation::Stack"),
    ]
    found = cause(events)
    assert found is not None
    assert found.logical_id == "Queue"
    assert cause(events[3:]) is None
    assert stack_words.failed(events[3:], "ROLLBACK_COMPLETE").startswith("The following resource(s) failed")


@pytest.mark.parametrize(
    ("reason", "action", "taken"),
    [
        ("User: arn:aws:iam::1:user/a is not authorized to perform: sqs:CreateQueue because no", "sqs:CreateQueue", False),
        ("QueueAlreadyExists: a queue of that name", "", True),
        ("grid-data already exists in stack arn", "", True),
        ("no capacity", "", False),
    ],
)
def test_what_a_reason_says(reason: str, action: str, taken: bool) -> None:
    """An action that is not allowed, a name that is taken; each leads to another advice."""
    assert (denied_action(reason), is_taken(reason)) == (action, taken)
    advice = stack_words.failed([failed("Queue", reason)], "DELETE_COMPLETE")
    assert ("Have sqs:CreateQueue allowed" in advice, "choose another name" in advice) == (bool(action), taken)


def test_whose_a_stack_is_say_its_tags() -> None:
    """One of another host is named; one that is but a change set is nobody's."""
    tags = {"cyclone:host": "grid", "cyclone:kind": "host", "cyclone:name": "grid"}
    now = StackNow("grid--host", "arn", "CREATE_COMPLETE", tags=tags)
    assert stack_words.not_ours(now, tags) == ""
    assert "it belongs to host other" in stack_words.not_ours(replace(now, tags={**tags, "cyclone:host": "other"}), tags)
    assert stack_words.not_ours(replace(now, tags={}, status="REVIEW_IN_PROGRESS"), tags) == ""


def test_what_cloudformation_says_twice_is_told_once() -> None:
    """It begins before and after it asked the service; a consequence is a warning, and what stays is a line."""
    told: list[Event] = []
    teller = Teller(Change("create", "host", "grid", region="r"), told.append, lambda: 5.0)
    for status, reason in (
        ("CREATE_IN_PROGRESS", ""),
        ("CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("CREATE_FAILED", "Resource creation cancelled"),
        ("DELETE_SKIPPED", ""),
    ):
        teller.told(Told("", event=failed("Queue", reason, status=status)))
    assert [(each.phase, each.text, each.level) for each in told] == [
        ("CREATING", "", "info"),
        ("FAILED", "Resource creation cancelled", "warning"),
        ("LOG", "it stays", "info"),
    ]
    assert {each.part for each in told} == {"Queue AWS::SQS::Queue"}


def test_what_an_update_cannot_take_away_is_named() -> None:
    """CloudFormation calls the update complete and forgets it: somebody has to know that it is there."""
    told: list[Event] = []
    event = replace(failed("NatGateway", "it is in use", status="DELETE_FAILED"), physical_id="nat-1")
    for action in ("change", "delete"):
        Teller(Change(action, "region", "r", region="r"), told.append, lambda: 5.0).told(Told("", event=event))
    assert [each.text.endswith("delete nat-1 yourself") for each in told] == [True, False]
