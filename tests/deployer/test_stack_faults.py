"""What goes wrong with stacks: failures are told by their root, leave nothing (or what was asked for), and the next run goes on."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Plan
from cyclone_core.operations.sandbox import Faults
from tests.aws import Sandbox, wait_until
from tests.deployer.conftest import HUB, MAIN, Deployed, alone, bodies, plan_of, resource

SetFaults = Callable[[Faults], None]
EXTRA = {"Topic": {**resource("SNS::Topic"), "DependsOn": ["Messages"]}}
LAST = {**resource("SNS::Topic"), "DependsOn": ["Topic"]}
BROKEN = Faults(failures={"Topic": "no capacity"})


def full(host: Deployed, **cluster: Any) -> dict[str, Any]:
    """Two regions and a cluster."""
    region = [{"name": MAIN, "cidr": "10.0.0.0/16"}, {"name": HUB, "cidr": "10.1.0.0/16"}]
    return bodies(host={"name": host.host}, region=region, cluster={"name": "big", **cluster})


def test_a_creation_that_fails_leaves_nothing(host: Deployed, faults: SetFaults) -> None:
    """The root of it first, then what became of the rest; stacks that do not need it are made, those that do are not begun."""
    faults(BROKEN)
    wanted = full(host)
    wanted["region"][HUB] = {**wanted["region"][HUB], "extra_in": {HUB: EXTRA}}
    ended = host.reach(wanted)
    assert ended[f"region {HUB} {HUB}"] == "FAILED"
    assert ended[f"cluster big {HUB}"] == "LOG"
    assert ended["cluster big"] == ended[f"host {host.host}"] == "ACTIVE"
    assert host.text("FAILED").startswith("Topic (AWS::SNS::Topic): Resource handler returned message: no capacity")
    assert "What was made of it is deleted again, nothing is left" in host.text("FAILED")
    assert f"not begun: it needs stack {host.host}--region in {HUB}" in host.text("LOG")
    assert host.stack("region", HUB) is None
    faults(Faults())
    assert set(host.reach(wanted).values()) == {"ACTIVE"}


def test_what_would_be_retained_goes_with_a_creation_that_fails(aws: Sandbox, host: Deployed, faults: SetFaults) -> None:
    """Its name would be taken the next time."""
    faults(BROKEN)
    table = resource(
        "DynamoDB::Table",
        TableName=f"{host.host}--jobs",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    extra = {"Table": {**table, "DeletionPolicy": "Retain"}, "Topic": {**resource("SNS::Topic"), "DependsOn": ["Table"]}}
    assert set(host.reach(alone(host, extra=extra)).values()) == {"FAILED"}
    assert f"{host.host}--jobs" not in aws.client("dynamodb", MAIN).list_tables()["TableNames"]


def test_a_creation_that_fails_can_be_kept(host: Deployed, faults: SetFaults) -> None:
    """What was made stays until the next deployment, which makes it anew and says so."""
    faults(BROKEN)
    host.reach(alone(host, extra=EXTRA), keep_failed=True)
    assert "As asked for, what was made stays" in host.text("FAILED")
    assert host.stack("host").status == "CREATE_FAILED"
    faults(Faults())
    assert set(host.reach(alone(host, extra=EXTRA)).values()) == {"ACTIVE"}
    assert "left in CREATE_FAILED, which can only be deleted: it is deleted and made anew" in host.text("LOG")


def test_what_is_retained_is_no_obstacle_after_a_creation_that_was_kept(host: Deployed, faults: SetFaults) -> None:
    """It goes before the stack is made anew, as the names in it are needed."""
    faults(BROKEN)
    names = {"TableName": f"{host.host}--jobs", "BillingMode": "PAY_PER_REQUEST"}
    keys = {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }
    table = {**resource("DynamoDB::Table", **names, **keys), "DeletionPolicy": "RetainExceptOnCreate"}
    extra = {"Table": table, "Topic": {**resource("SNS::Topic"), "DependsOn": ["Table"]}}
    host.reach(alone(host, extra=extra), keep_failed=True)
    assert host.stack("host").status == "CREATE_FAILED"
    faults(Faults())
    assert set(host.reach(alone(host, extra=extra)).values()) == {"ACTIVE"}


def test_what_makes_something_anew_cannot_be_kept_when_it_fails(host: Deployed, faults: SetFaults) -> None:
    """CloudFormation refuses to replace resources of a stack that it may not take back: the update is taken back, and that is said."""
    host.reach(alone(host, extra={"Topic": resource("SNS::Topic", TopicName=f"{host.host}-a")}))
    faults(Faults(failures={"Another": "no capacity"}))
    extra = {"Topic": resource("SNS::Topic", TopicName=f"{host.host}-b"), "Another": resource("SNS::Topic")}
    host.reach(alone(host, extra=extra), keep_failed=True)
    assert host.stack("host").status == "UPDATE_ROLLBACK_COMPLETE"
    assert "makes resources anew" in host.text("LOG")


def test_an_update_that_fails_is_taken_back(host: Deployed, faults: SetFaults) -> None:
    """The stack is as before, and so is the record."""
    host.reach(alone(host))
    faults(BROKEN)
    assert set(host.reach(alone(host, extra=EXTRA, timeout=60)).values()) == {"FAILED"}
    assert "The update was taken back: it is as before" in host.text("FAILED")
    assert any("it is taken back" in event.text for event in host.told)
    assert host.recorded() == alone(host)
    faults(Faults())
    assert set(host.reach(alone(host, extra=EXTRA)).values()) == {"ACTIVE"}


def test_an_update_that_fails_can_be_kept(host: Deployed, faults: SetFaults) -> None:
    """The next deployment takes it back first."""
    host.reach(alone(host))
    faults(BROKEN)
    host.reach(alone(host, extra=EXTRA), keep_failed=True)
    assert host.stack("host").status == "UPDATE_FAILED"
    faults(Faults())
    assert set(host.reach(alone(host, extra=EXTRA)).values()) == {"ACTIVE"}
    assert "its last update is taken back first" in host.text("LOG")


def test_an_update_that_could_not_be_taken_back_is_taken_back_first(host: Deployed, faults: SetFaults) -> None:
    """A stack that somebody left in UPDATE_ROLLBACK_FAILED."""
    host.reach(alone(host))
    faults(Faults(failures={"Topic": "no capacity"}, rollback_failures={"Messages": "it is stuck"}))
    changed = alone(host, timeout=60, extra=EXTRA)
    host.reach(changed)
    assert host.stack("host").status == "UPDATE_ROLLBACK_FAILED"
    assert "could not be taken back entirely" in host.text("FAILED")
    host.reach(changed)
    assert "its last update cannot be taken back: Messages (AWS::SQS::Queue): Resource handler returned message: it is stuck" in host.text(
        "FAILED"
    )
    faults(Faults())
    assert set(host.reach(changed).values()) == {"ACTIVE"}
    assert host.recorded() == changed


def test_a_deletion_that_fails_is_told_and_tried_again(host: Deployed, faults: SetFaults) -> None:
    """With what is left and why; what others need stays, the rest goes."""
    host.reach(full(host))
    faults(Faults(delete_failures={"Messages": "it is in use"}))
    gone = Plan(tuple(change for change in plan_of(host.place, full(host), {}).changes if change.kind == "cluster"))
    assert set(host.apply(gone).values()) == {"FAILED"}
    assert "it could not be deleted: Messages (AWS::SQS::Queue): Resource handler returned message: it is in use" in host.text("FAILED")
    faults(Faults())
    assert set(host.apply(gone).values()) == {"DELETED"}


def left_over(host: Deployed, faults: SetFaults, status: str) -> None:
    """A stack that somebody left in a state, with the host's tags."""
    cloudformation, name = host.raw(), f"{host.host}--host"
    tags = [{"Key": f"cyclone:{key}", "Value": value} for key, value in (("host", host.host), ("kind", "host"), ("name", host.host))]
    template = json.dumps({"Resources": {"Messages": resource("SQS::Queue"), **EXTRA}})
    if status == "REVIEW_IN_PROGRESS":
        cloudformation.create_change_set(StackName=name, ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=template, Tags=tags)
        return
    refuse = {"Messages": "in use"} if status in ("ROLLBACK_FAILED", "DELETE_FAILED") else {}
    faults(Faults(failures={} if status == "DELETE_FAILED" else {"Topic": "no capacity"}, delete_failures=refuse))
    cloudformation.create_stack(StackName=name, TemplateBody=template, Tags=tags, DisableRollback=status == "CREATE_FAILED")
    wait_until(lambda: not host.stack("host").in_progress)
    if status == "DELETE_FAILED":
        cloudformation.delete_stack(StackName=name)
        wait_until(lambda: host.stack("host").status == status)
    faults(Faults())


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"])
def test_stacks_that_somebody_left_broken_are_made_anew(host: Deployed, faults: SetFaults, status: str) -> None:
    """Whoever left them; it is said, unless there was nothing yet."""
    left_over(host, faults, status)
    assert host.stack("host").status == status
    assert set(host.reach(alone(host)).values()) == {"ACTIVE"}
    assert (f"left in {status}" in host.text("LOG")) == (status != "REVIEW_IN_PROGRESS")


def test_a_stack_of_the_same_name_that_is_not_ours_is_left_alone(host: Deployed) -> None:
    """Neither changed nor deleted; the reason says what to do."""
    template = json.dumps({"Resources": {"Theirs": resource("SNS::Topic")}})
    host.raw().create_stack(StackName=f"{host.host}--host", TemplateBody=template)
    wait_until(lambda: host.stack("host").is_usable)
    before = host.stack("host")
    assert set(host.reach(alone(host)).values()) == {"FAILED"}
    assert "it has not the tags of this host's stacks: it was not touched" in host.text("FAILED")
    gone = replace(plan_of(host.place, alone(host), {}))
    assert set(host.apply(gone).values()) == {"FAILED"}
    assert f"delete-stack --stack-name {host.host}--host" in host.text("FAILED")
    assert host.stack("host") == before


def test_a_name_that_is_taken_says_so(aws: Sandbox, host: Deployed) -> None:
    """Which resource it is, and what to do."""
    aws.client("s3", MAIN).create_bucket(Bucket=f"{host.host}-taken")
    extra = {"Bucket": resource("S3::Bucket", BucketName=f"{host.host}-taken")}
    assert set(host.reach(alone(host, extra=extra)).values()) == {"FAILED"}
    assert host.text("FAILED").startswith("Bucket (AWS::S3::Bucket):")
    assert "remove it or choose another name" in host.text("FAILED")


class StopWhen:
    """Asks to end once something was told."""

    def __init__(self, host: Deployed, wanted: Callable[[Event], bool]) -> None:
        self._host, self._wanted = host, wanted

    def __call__(self) -> bool:
        """Whether it was."""
        return any(map(self._wanted, self._host.told))


def begun(name: str) -> Callable[[Event], bool]:
    """Whether an event begins something of a resource."""
    return lambda event: event.part.startswith(name) and event.phase in ("CREATING", "UPDATING", "DELETING")


def test_a_creation_that_is_cancelled_is_deleted(host: Deployed, faults: SetFaults) -> None:
    """Nothing of it is left, what was done stays, and nothing more is begun."""
    faults(Faults(delays={"Topic": 1.0}))
    wanted = full(host)
    wanted["region"][HUB] = {**wanted["region"][HUB], "extra_in": {HUB: {**EXTRA, "Last": LAST}}}
    plan = plan_of(host.place, {}, wanted)
    ended = host.apply(plan, StopWhen(host, begun("Topic")))
    assert ended[f"region {HUB} {HUB}"] == "CANCELLED"
    assert "its creation was ended, nothing of it is left" in host.text("CANCELLED")
    assert f"cluster big {HUB}" not in ended
    assert host.stack("region", HUB) is None
    assert host.stack("host").is_usable


def test_an_update_that_is_cancelled_is_taken_back(host: Deployed, faults: SetFaults) -> None:
    """It is as before."""
    host.reach(alone(host))
    faults(Faults(delays={"Topic": 1.0}))
    more = alone(host, extra={**EXTRA, "Last": LAST})
    plan = plan_of(host.place, host.recorded(), more)
    assert set(host.apply(plan, StopWhen(host, begun("Topic"))).values()) == {"CANCELLED"}
    assert "its update was taken back: it is as before" in host.text("CANCELLED")
    assert host.recorded() == alone(host)


def test_a_deletion_goes_on_when_it_is_cancelled(host: Deployed, faults: SetFaults) -> None:
    """AWS takes no deletion back: its end is waited for."""
    host.reach(full(host))
    faults(Faults(delays={"Messages": 0.5}))
    plan = Plan(tuple(change for change in plan_of(host.place, full(host), {}).changes if change.kind in ("cluster", "host")))
    ended = host.apply(plan, StopWhen(host, begun("Messages")))
    assert ended == {"cluster big": "DELETED", f"cluster big {HUB}": "DELETED"}
    assert host.stack("host").is_usable
