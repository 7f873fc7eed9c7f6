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


def test_what_is_wanted_again_is_enabled_again() -> None:
    """What drains beside it is not what the wanted template says; what came instead goes now."""
    between = draining.with_old(cluster("Spot1"), cluster("Spot2"))
    back = draining.with_old(between, cluster("Spot1"))["Resources"]
    states = {name: entry["Properties"]["State"] for name, entry in back.items() if entry["Type"] == draining.ENVIRONMENT}
    assert states == {"Spot1": "ENABLED", "Spot2": "DISABLED"}


def test_what_a_plan_says_of_workers() -> None:
    """Nothing happens to them for more vCPUs; else they finish, on what goes as long as it takes, on what is changed back in hours."""
    before, workers = cluster("Spot1"), {"Spot1-x": 2, "Spot3-x": 1}
    goes = [ResourceChange("delete", name, draining.ENVIRONMENT, f"arn:aws:batch:…/{name}-x") for name in ("Spot1", "Spot2")]
    changed = [ResourceChange("change", "Spot1", draining.ENVIRONMENT)]
    assert "nothing happens to them" in draining.note(before, cluster("Spot1", MaxvCpus=32), changed, workers)
    assert "3 workers run there now, 2 of them on instances that go" in draining.note(before, cluster("Spot3"), goes, workers)
    assert "nothing happens to them" in draining.note(before, cluster("Spot3"), goes, {"Spot3-x": 1})
    assert "2 of them on instances that go" in draining.note(before, cluster("Spot3"), goes, {"": 2})
    assert "six hours" in draining.note(before, before, [put_back("InstanceTypes")], workers)
    assert "nothing happens to them" in draining.note(before, before, [put_back("MaxvCpus")], workers)
    machines = {"Resources": {"Instances": {"Type": draining.TEMPLATE, "Properties": {"A": 1}}}}
    other = {"Resources": {"Instances": {"Type": draining.TEMPLATE, "Properties": {"A": 2}}}}
    assert "others come on new instances" in draining.note(machines, other, [], workers)


def put_back(name: str) -> ResourceChange:
    """What somebody changed of the environment."""
    return ResourceChange("change", "Spot1", draining.ENVIRONMENT, reverted=((f"ComputeResources/{name}", "x", "y"),))


def test_what_is_changed_back_in_place_is_known() -> None:
    """CloudFormation only says that it may be made anew."""
    made = {name: {"Type": draining.ENVIRONMENT, "Properties": {"ReplaceComputeEnvironment": name == "B"}} for name in "AB"}
    assert draining.in_place({"Resources": made}) == {"A"}


def test_plans_of_other_things_look_at_no_worker() -> None:
    """A record that changes concerns nobody."""
    other = {**PARTS, "Role": {"Type": "AWS::IAM::Role", "Properties": {"Description": "new"}}}
    assert not draining.concerns_workers(cluster("Spot1"), cluster("Spot1", parts=other), [])
    assert draining.concerns_workers(cluster("Spot1"), cluster("Spot2"), [])
    assert draining.concerns_workers(cluster("Spot1"), cluster("Spot1"), [put_back("InstanceTypes")])
