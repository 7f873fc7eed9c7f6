"""Stacks on the sandbox, as the deployer sees and changes them."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

pytest.importorskip("botocore", reason="the tests of the aws room need the extra test")

from cyclone_core.aws.change_sets import PlannedChange, planned_change
from cyclone_core.aws.stacks import MOST_BYTES, StackNow, Stacks
from cyclone_core.errors import AwsError, InvalidRequest
from cyclone_core.infra.stack_plans import ResourceChange
from cyclone_core.naming import TAG_HOST
from cyclone_core.operations.sandbox import Faults
from tests.aws import Sandbox, wait_until

TAGS = {TAG_HOST: "grid"}


def template(**resources: Any) -> str:
    """A template with these resources."""
    return json.dumps({"Resources": resources})


def queue(name: str, **properties: Any) -> dict[str, Any]:
    """A queue of a template."""
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name, **properties}}


@pytest.fixture
def stacks(aws: Sandbox, region: str) -> Stacks:
    """The stacks of a region, where a few other tests have some of other names."""
    return Stacks(aws.account(), region)


def put(stacks: Stacks, name: str, text: str, tags: Mapping[str, str] = TAGS, token: str = "token") -> StackNow:
    """Have a stack made or changed; as it is then."""
    create = stacks.get(name) is None
    stacks.execute(stacks.change_set(name, text, create=create, name=f"changes-{token}", tags=tags), token)
    return rest(stacks, name)


def rest(stacks: Stacks, name: str) -> StackNow:
    """A stack when nothing is done to it any more."""

    def look() -> StackNow | None:
        now = stacks.get(name)
        assert now is not None
        return None if now.in_progress else now

    found = wait_until(look)
    assert isinstance(found, StackNow)
    return found


def test_a_stack_is_made_and_described(stacks: Stacks) -> None:
    """What it has, and the template that it was made from."""
    now = put(stacks, "described", template(Messages=queue("described")))
    assert (now.status, dict(now.tags), now.is_usable) == ("CREATE_COMPLETE", TAGS, True)
    assert stacks.template("described") == {"Resources": {"Messages": queue("described")}}
    assert [(it.logical_id, it.type, it.status) for it in stacks.resources("described")] == [
        ("Messages", "AWS::SQS::Queue", "CREATE_COMPLETE")
    ]


def test_what_is_not_there(stacks: Stacks) -> None:
    """Is no error to look for, and nothing to delete."""
    assert stacks.get("nowhere") is None
    stacks.delete("nowhere", "token")
    with pytest.raises(AwsError, match="nowhere"):
        stacks.template("nowhere")


def test_the_stacks_of_a_host(aws: Sandbox) -> None:
    """Those with its tag, on all pages, in each region its own."""
    here, there = Stacks(aws.account(), "sa-east-1"), Stacks(aws.account(), "ca-central-1")
    put(here, "grid-a", template(Messages=queue("a")))
    put(here, "other-b", template(Messages=queue("b")), {TAG_HOST: "other"})
    put(there, "grid-c", template(Messages=queue("c")))
    assert [now.name for now in here.list("grid")] == ["grid-a"]
    assert {"grid-a", "other-b"} <= {now.name for now in here.all()}
    assert [now.name for now in there.list("grid")] == ["grid-c"]


def test_nothing_to_change_is_an_answer(stacks: Stacks) -> None:
    """Not an error; and the change set can be forgotten."""
    put(stacks, "same", template(Messages=queue("same")))
    found = stacks.change_set("same", template(Messages=queue("same")), create=False, name="again", tags=TAGS)
    assert (found.is_empty, found.can_execute, found.changes) == (True, False, ())
    stacks.discard(found)
    stacks.discard(found)


def test_a_change_set_says_what_would_happen(stacks: Stacks) -> None:
    """Made, changed, made anew, deleted: in the words of plans."""
    put(stacks, "planned", template(Changed=queue("changed"), Anew=queue("anew"), Gone=queue("gone")))
    wanted = template(Changed=queue("changed", VisibilityTimeout=7), Anew=queue("anew-2"), Made=queue("made"))
    found = stacks.change_set("planned", wanted, create=False, name="next", tags=TAGS)
    changes = {change.logical_id: ResourceChange(**vars(change)) for change in found.changes}
    assert {name: change.action for name, change in changes.items()} == {
        "Changed": "change", "Anew": "replace", "Gone": "delete", "Made": "create",
    }  # fmt: skip
    assert (changes["Anew"].causes, changes["Anew"].type) == (("QueueName",), "AWS::SQS::Queue")
    assert not changes["Made"].physical_id


CHANGES = [
    ({"Action": "Add"}, "create"),
    ({"Action": "Import"}, "create"),
    ({"Action": "Modify", "Replacement": "False"}, "change"),
    ({"Action": "Modify", "Replacement": "Conditional"}, "maybe-replace"),
    ({"Action": "Modify", "Replacement": "True", "PolicyAction": "ReplaceAndRetain"}, "replace"),
    ({"Action": "Dynamic"}, "maybe-replace"),
    ({"Action": "Remove", "PolicyAction": "Delete"}, "delete"),
    ({"Action": "Remove", "PolicyAction": "Retain"}, "retain"),
    ({"Action": "Remove"}, "delete"),
]


@pytest.mark.parametrize(("change", "action"), CHANGES)
def test_what_a_change_means(change: dict[str, str], action: str) -> None:
    """As CloudFormation says it."""
    details = [{"Target": {"Attribute": "Properties", "Name": "Cpu"}}, {"Target": {"Attribute": "Tags"}}, {"Target": {"Name": "Cpu"}}]
    found = planned_change({**change, "LogicalResourceId": "It", "ResourceType": "A::B::C", "Details": details})
    assert found == PlannedChange(action, "It", "A::B::C", "", ("Cpu", "Tags"))  # type: ignore[arg-type]


def test_a_change_set_is_found_again_by_its_name(stacks: Stacks) -> None:
    """As after a crash between asking for it and hearing of it."""
    first = stacks.change_set("crashed", template(Messages=queue("crashed")), create=True, name="changes", tags=TAGS)
    again = stacks.change_set("crashed", template(Messages=queue("crashed")), create=True, name="changes", tags=TAGS)
    assert again == first
    assert again.can_execute


def test_a_discarded_creation_leaves_nothing(stacks: Stacks) -> None:
    """Not even the empty stack that CloudFormation makes for it."""
    found = stacks.change_set("never", template(Messages=queue("never")), create=True, name="changes", tags=TAGS)
    assert (now := stacks.get("never")) is not None
    assert (now.is_empty, now.in_progress) == (True, False)
    stacks.discard(found)
    assert stacks.get("never") is None


def test_events_come_in_order_and_once(stacks: Stacks) -> None:
    """All of them, or those after one that is known; with the token of their operation."""
    now = put(stacks, "eventful", template(Messages=queue("eventful")), token="first")
    events = stacks.events(now.id)
    assert [event.status for event in events if event.logical_id == "Messages"] == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert events[-1].is_of_stack
    assert (events[-1].status, events[-1].token) == ("CREATE_COMPLETE", "first")
    put(stacks, "eventful", template(Messages=queue("eventful", VisibilityTimeout=7)), token="second")
    later = stacks.events(now.id, events[-1].id)
    assert {event.token for event in later if event.token} == {"second"}
    assert stacks.events(now.id) == events + later
    assert stacks.events(now.id, later[-1].id) == ()
    assert stacks.newest_event(now.id) == later[-1].id


def test_a_deleted_stack_is_known_by_its_id(stacks: Stacks) -> None:
    """So that its end can be followed."""
    now = put(stacks, "deleted", template(Messages=queue("deleted")))
    stacks.delete("deleted", "token")
    wait_until(lambda: stacks.get("deleted") is None)
    after = stacks.get(now.id)
    assert after is not None
    assert after.is_deleted
    assert stacks.events(now.id)[-1].status == "DELETE_COMPLETE"


def test_a_failed_creation_is_taken_back(stacks: Stacks, faults: Callable[[Faults], None]) -> None:
    """With the reason among its events."""
    faults(Faults(failures={"Messages": "no luck"}))
    now = put(stacks, "unlucky", template(Messages=queue("unlucky")))
    assert (now.status, now.is_usable) == ("ROLLBACK_COMPLETE", False)
    failed = next(event for event in stacks.events(now.id) if event.status.endswith("_FAILED"))
    assert (failed.logical_id, "no luck" in failed.reason) == ("Messages", True)


def test_a_failed_creation_is_kept(stacks: Stacks, faults: Callable[[Faults], None]) -> None:
    """To look at it."""
    faults(Faults(failures={"Messages": "no luck"}))
    change_set = stacks.change_set("kept", template(Messages=queue("kept")), create=True, name="changes", tags=TAGS)
    stacks.execute(change_set, "token", keep_failed=True)
    now = rest(stacks, "kept")
    assert now.status == "CREATE_FAILED"


def test_a_failed_change_is_taken_back(stacks: Stacks, faults: Callable[[Faults], None]) -> None:
    """The stack is whole, and not as it was wanted."""
    put(stacks, "changed", template(Messages=queue("changed-1")))
    faults(Faults(failures={"More": "no luck"}))
    now = put(stacks, "changed", template(Messages=queue("changed-1"), More=queue("changed-2")), token="second")
    assert (now.status, now.is_usable) == ("UPDATE_ROLLBACK_COMPLETE", True)


def test_a_change_is_cancelled(stacks: Stacks, faults: Callable[[Faults], None]) -> None:
    """While it goes on; later there is nothing to cancel."""
    put(stacks, "slow", template(Messages=queue("slow-1")))
    faults(Faults(delays={"More": 0.5}))
    wanted = template(Messages=queue("slow-1"), More=queue("slow-2"), Last={**queue("slow-3"), "DependsOn": "More"})
    stacks.execute(stacks.change_set("slow", wanted, create=False, name="more", tags=TAGS), "second")
    assert stacks.cancel_update("slow", "third")
    assert rest(stacks, "slow").status == "UPDATE_ROLLBACK_COMPLETE"
    assert not stacks.cancel_update("slow", "fourth")


def test_what_cannot_be_taken_back_now_is_tried_again(stacks: Stacks) -> None:
    """Only a stack whose way back failed has something to continue, or to roll back."""
    put(stacks, "well", template(Messages=queue("well")))
    assert not stacks.continue_rollback("well", "token")
    assert not stacks.rollback("well", "token")


def test_long_templates_go_by_way_of_a_bucket(aws: Sandbox, stacks: Stacks) -> None:
    """CloudFormation takes 51,200 bytes in a request, and a megabyte from a bucket."""
    text = template(Messages=queue("long")) + " " * 52_000
    with pytest.raises(InvalidRequest, match="51,200"):
        stacks.change_set("long", text, create=True, name="changes", tags=TAGS)
    bucket = f"templates-{stacks.region}"
    aws.client("s3", stacks.region).create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": stacks.region})
    assert stacks.change_set("long", text, create=True, name="changes", tags=TAGS, bucket=bucket).can_execute
    with pytest.raises(InvalidRequest, match="1,000,000"):
        stacks.change_set("long", text + " " * MOST_BYTES, create=True, name="changes", tags=TAGS, bucket=bucket)


def test_templates_in_yaml(stacks: Stacks) -> None:
    """As the CDK's command may write them; with short forms they are somebody else's."""
    client = stacks.account.client("cloudformation", stacks.region)
    client.ask("CreateStack", StackName="yaml", TemplateBody="Resources:\n  Messages:\n    Type: AWS::SQS::Queue\n")
    client.ask(
        "CreateStack", StackName="short", TemplateBody="Resources:\n  M:\n    Type: AWS::SNS::Topic\nOutputs:\n  O:\n    Value: !Ref M\n"
    )
    assert stacks.template("yaml") == {"Resources": {"Messages": {"Type": "AWS::SQS::Queue"}}}
    assert stacks.template("short") == {}


STATES = {
    "CREATE_COMPLETE": {"is_usable"},
    "CREATE_IN_PROGRESS": {"in_progress"},
    "CREATE_FAILED": set(),
    "DELETE_COMPLETE": {"is_deleted"},
    "REVIEW_IN_PROGRESS": {"is_empty"},
    "ROLLBACK_COMPLETE": set(),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": {"in_progress"},
    "UPDATE_ROLLBACK_COMPLETE": {"is_usable"},
    "UPDATE_ROLLBACK_FAILED": set(),
}


@pytest.mark.parametrize("status", STATES)
def test_what_a_state_means(status: str) -> None:
    """At a glance."""
    now = StackNow("name", "id", status)
    assert {name for name in ("in_progress", "is_empty", "is_deleted", "is_usable") if getattr(now, name)} == STATES[status]
