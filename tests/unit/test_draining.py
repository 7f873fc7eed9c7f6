"""What a changed cluster means for its workers, and the template between two that lets them finish."""

from typing import Any

from cyclone_core.infra import draining
from cyclone_core.infra.stack_plans import ResourceChange

PARTS = {"Role": {"Type": "AWS::IAM::Role"}, "JobQueue": {"Type": draining.QUEUE, "Properties": {"Priority": 1}}}


def cluster(*environments: str, parts: dict[str, Any] = PARTS, **resources: Any) -> dict[str, Any]:
    """A template with these environments."""
    made = {"MaxvCpus": 16, "InstanceTypes": ["m5"], "InstanceRole": {"Ref": "Role"}, **resources}
    entry = {"Type": draining.ENVIRONMENT, "Properties": {"State": "ENABLED", "ComputeResources": made}}
    return {"Resources": {**parts, **dict.fromkeys(environments, entry)}}


def test_what_goes_stays_disabled_beside_what_comes() -> None:
    """With what it refers to, although nobody wants that any more either."""
    wanted = cluster("OnDemand1", parts={"Profile": {"Type": "AWS::IAM::InstanceProfile"}}, InstanceRole="x")
    between = draining.with_old(cluster("Spot1"), wanted)["Resources"]
    assert set(between) == {"Profile", "OnDemand1", "Spot1", "JobQueue", "Role"}
    states = {name: entry.get("Properties", {}).get("State") for name, entry in between.items()}
    assert (states["Spot1"], states["JobQueue"], states["OnDemand1"]) == ("DISABLED", "DISABLED", "ENABLED")


def test_what_a_plan_says_of_workers() -> None:
    """Nothing, for more vCPUs; they finish, on other instances and on those that go; and what BEST_FIT cannot keep is said."""
    before, workers = cluster("Spot1"), {"Spot1-x": 2}
    changed = [ResourceChange("maybe-replace", "Spot1", draining.ENVIRONMENT)]
    made_anew = [ResourceChange("replace", "Spot1", draining.ENVIRONMENT)]
    assert "nothing happens to them" in draining.note(before, cluster("Spot1", MaxvCpus=32), changed, workers)
    assert "6 hours" in draining.note(before, cluster("Spot1", InstanceTypes=["c5"]), changed, workers)
    assert "finish what they have begun first" in draining.note(before, cluster("OnDemand1"), [], workers)
    assert "begun again" in draining.note(before, cluster("Spot1", InstanceTypes=["c5"]), made_anew, workers)


def test_what_is_changed_in_place_is_known() -> None:
    """CloudFormation only says that it may be made anew."""
    mode = {"Type": draining.ENVIRONMENT, "Properties": {"ReplaceComputeEnvironment": False}}
    assert draining.in_place({"Resources": {"A": mode, "B": mode}}, {"Resources": {"A": mode, "B": {"Type": "x"}}}) == {"A"}


def test_plans_of_other_things_look_at_no_worker() -> None:
    """A record that changes concerns nobody."""
    other = {**PARTS, "Role": {"Type": "AWS::IAM::Role", "Properties": {"Description": "new"}}}
    assert not draining.concerns_workers(cluster("Spot1"), cluster("Spot1", parts=other))
    assert draining.concerns_workers(cluster("Spot1"), cluster("Spot2"))
