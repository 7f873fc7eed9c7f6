"""How resources are, from what is recorded and from hand-made stacks: the worst of its stacks, in words that users know."""

import json

import pytest

from cyclone_core.infra.deployed_stacks import Deployed, body_of
from cyclone_core.operations.aws_states import snapshot, state_of
from cyclone_core.operations.resources import Place
from tests.aws_hosts.test_aws_choice import BODIES, PLACE, THERE


def seen(*others: Deployed) -> dict[str, tuple[str, dict[str, str]]]:
    """`kind name` -> state and the state in each region, after some stacks are in another state."""
    stacks = {stack.key: stack for stack in (*THERE, *others)}
    found = snapshot(PLACE, BODIES, stacks.values())
    return {f"{one.kind} {one.name}": (one.state, {place.region: place.state for place in one.places}) for one in found.resources}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("CREATE_IN_PROGRESS", "CREATING"), ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATING"), ("DELETE_IN_PROGRESS", "DELETING"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATING"), ("ROLLBACK_IN_PROGRESS", "FAILED"), ("CREATE_FAILED", "FAILED"),
        ("ROLLBACK_COMPLETE", "FAILED"), ("UPDATE_ROLLBACK_FAILED", "FAILED"), ("DELETE_FAILED", "FAILED"), ("CREATE_COMPLETE", "ACTIVE"),
        ("UPDATE_COMPLETE", "ACTIVE"), ("UPDATE_ROLLBACK_COMPLETE", "ACTIVE"), ("REVIEW_IN_PROGRESS", ""), ("DELETE_COMPLETE", ""),
    ],
)  # fmt: skip
def test_states_of_stacks_are_five_states_of_resources(status: str, state: str) -> None:
    """A change that was taken back leaves what was there; a creation that was taken back leaves nothing that works."""
    assert state_of(status) == state


def test_a_resource_is_as_its_worst_stack() -> None:
    """With how it is in each region."""
    broken = Deployed("eu-west-1", "grid--cluster-big", "cluster", "big", "ROLLBACK_COMPLETE", "no capacity")
    assert seen(broken)["cluster big"] == ("FAILED", {"us-east-1": "ACTIVE", "eu-west-1": "FAILED"})
    assert seen(broken)["queue fast"] == ("ACTIVE", {"us-east-1": "ACTIVE"})


def test_a_region_is_its_network_and_what_the_main_region_knows_of_it() -> None:
    """Its peering belongs to it."""
    assert seen()["region eu-west-1"] == ("ACTIVE", {"us-east-1": "ACTIVE", "eu-west-1": "ACTIVE"})
    broken = Deployed("us-east-1", "grid--peering-eu-west-1", "peering", "eu-west-1", "DELETE_FAILED")
    assert seen(broken)["region eu-west-1"][0] == "FAILED"


def test_a_stack_that_is_missing_is_a_failure_unless_its_region_is_on_its_way() -> None:
    """Stacks of a region that is being made come after its network."""
    gone = Deployed("eu-west-1", "grid--cluster-big", "cluster", "big", "DELETE_COMPLETE")
    assert seen(gone)["cluster big"][0] == "FAILED"
    making = Deployed("eu-west-1", "grid--region", "region", "eu-west-1", "CREATE_IN_PROGRESS")
    assert seen(gone, making)["cluster big"] == ("CREATING", {"us-east-1": "ACTIVE", "eu-west-1": "CREATING"})


def test_a_region_that_does_not_answer_hides_nothing_else() -> None:
    """What is there is unknown, with the reason; a cluster is as it is elsewhere."""
    there = [stack for stack in THERE if stack.region != "eu-west-1"]
    found = {f"{one.kind} {one.name}": one for one in snapshot(PLACE, BODIES, there, {"eu-west-1": "it is silent"}).resources}
    assert (found["region eu-west-1"].state, found["cluster big"].state) == ("UNKNOWN", "ACTIVE")
    assert Place("eu-west-1", "UNKNOWN", "it is silent") in found["cluster big"].places


def test_the_host_stands_apart() -> None:
    """It is no resource among the others."""
    found = snapshot(PLACE, BODIES, THERE)
    assert found.host is not None
    assert (found.host.name, found.host.state) == ("grid", "ACTIVE")
    assert found.bodies["host"] == BODIES["host"]
    assert "host" not in {one.kind for one in found.resources}


def test_a_template_tells_the_body_that_was_never_recorded() -> None:
    """Of what is no template of ours it tells nothing."""
    body = {"name": "big", "max_vcpus": 4}
    record = {"Type": "AWS::SSM::Parameter", "Properties": {"Value": json.dumps(body)}}
    assert body_of({"Resources": {"Record": record}}) == body
    assert body_of({"Resources": {"Record": {"Properties": {"Value": {"Ref": "x"}}}}}) == {}
    assert body_of({}) == {}
