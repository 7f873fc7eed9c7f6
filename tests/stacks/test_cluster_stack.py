"""The stack of a cluster: what its instances are, what they may do, and what stays when it changes."""

import base64
import email
import json
from typing import Any

import pytest

from cyclone_core.infra import draining
from cyclone_core.infra.compute_environments import made_from
from cyclone_core.infra.synth import Synthesizer
from cyclone_core.infra.targets import Place, Target
from cyclone_core.infra.worker_containers import DRIVERS
from tests.stacks.bodies import ACCOUNT, MAIN, cluster, target


def wished(**fields: Any) -> dict[str, Any]:
    """A cluster's body, with machine images as they were looked up."""
    images = {"machine_images": fields.pop("machine_images", {})}
    return {**cluster(**fields), **images}


def template(synthesizer: Synthesizer, region: str = MAIN, **fields: Any) -> dict[str, Any]:
    """Resources of a cluster's stack."""
    wanted = target("cluster", wished(**fields), region, network={"zones": 3, "per_zone": []})
    resources: dict[str, Any] = synthesizer.templates([wanted])[wanted.key].body["Resources"]
    return resources


def instances(resources: dict[str, Any]) -> Any:
    """What the launch template says."""
    return next(each for each in resources.values() if each["Type"] == "AWS::EC2::LaunchTemplate")["Properties"]["LaunchTemplateData"]


def environments(resources: dict[str, Any]) -> dict[str, Any]:
    """Logical id -> ComputeResources."""
    kind = "AWS::Batch::ComputeEnvironment"
    return {name: each["Properties"]["ComputeResources"] for name, each in resources.items() if each["Type"] == kind}


def test_instances_are_in_the_regions_network(synthesizer: Synthesizer) -> None:
    """Which exports what they need; the record is in the main region only."""
    resources = template(synthesizer, "eu-west-1")
    for found in environments(resources).values():
        assert found["Subnets"] == {"Fn::Split": [",", {"Fn::ImportValue": "grid--subnets"}]}
        assert found["SecurityGroupIds"] == [{"Fn::ImportValue": "grid--security-group"}]
    assert "Record" not in resources
    assert "Record" in template(synthesizer)


def test_instances_say_whose_they_are(synthesizer: Synthesizer) -> None:
    """The user's tags come beside that; only Name is the user's to choose."""
    tags = {"team": "physics", "Name": "mine", "cyclone:host": "other"}
    found = next(iter(environments(template(synthesizer, compute_resources_tags=tags)).values()))["Tags"]
    assert found == {"team": "physics", "Name": "mine", "cyclone:host": "grid", "cyclone:kind": "cluster", "cyclone:name": "default"}


def test_instances_are_closed(synthesizer: Synthesizer) -> None:
    """Metadata for those with a token, encrypted disks."""
    data = instances(template(synthesizer))
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert [mapping["Ebs"]["Encrypted"] for mapping in data["BlockDeviceMappings"]] == [True]


def test_a_worker_that_fits_on_no_instance_blocks_the_queue_for_minutes(synthesizer: Synthesizer) -> None:
    """Batch looks at the first job alone, so it would keep every lane waiting for ever; what lacks capacity waits as long as it takes."""
    actions = template(synthesizer)["JobQueue"]["Properties"]["JobStateTimeLimitActions"]
    assert {(each["Action"], each["State"], each["MaxTimeSeconds"]) for each in actions} == {("CANCEL", "RUNNABLE", 600)}
    assert all(each["Reason"].startswith("MISCONFIGURATION:") for each in actions)


def test_the_agent_offers_the_log_drivers_that_definitions_may_have(synthesizer: Synthesizer) -> None:
    """In a form that Batch can add its own part to."""
    data = instances(template(synthesizer))["UserData"]
    message = email.message_from_bytes(base64.b64decode(data))
    (script,) = message.get_payload()
    assert (message.is_multipart(), script.get_content_type()) == (True, "text/x-shellscript")
    offered = script.get_payload().partition("DRIVERS=")[2].partition("'")[0]
    assert {*DRIVERS.values()} <= {*json.loads(offered)}


def test_an_own_machine_image(synthesizer: Synthesizer) -> None:
    """Of its region; its disks are as it says."""
    resources = template(synthesizer, machine_images={MAIN: "ami-0123456789abcdef0", "eu-west-1": "ami-1"})
    for found in environments(resources).values():
        assert found["ImageId"] == "ami-0123456789abcdef0"
    assert "BlockDeviceMappings" not in instances(resources)


@pytest.mark.parametrize(
    ("spelled", "arn"),
    [
        ("AmazonS3ReadOnlyAccess", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"),
        ("service-role/AmazonEC2RoleforSSM", "arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM"),
        ("policy/mine", f"arn:aws:iam::{ACCOUNT}:policy/mine"),
        ("arn:aws:iam::111122223333:policy/x/y", "arn:aws:iam::111122223333:policy/x/y"),
    ],
)
def test_policies_of_the_user(synthesizer: Synthesizer, spelled: str, arn: str) -> None:
    """AWS's own by name, those of the account, and any by its ARN."""
    assert template(synthesizer, iam_policies=(spelled,))["AgentRole"]["Properties"]["ManagedPolicyArns"] == [arn]


MORE: dict[str, Any] = {"max_vcpus": 5000, "iam_policies": ("AmazonS3ReadOnlyAccess",)}


def parts(resources: dict[str, Any]) -> list[str]:
    """Logical ids of what instances are made from."""
    return [name for name, each in resources.items() if each["Type"] in ("AWS::Batch::ComputeEnvironment", "AWS::EC2::LaunchTemplate")]


def test_what_makes_no_other_instances_is_changed_in_place(synthesizer: Synthesizer) -> None:
    """Its logical id begins with what it is, and is the same after a change of vCPUs or rights; an environment more is one more."""
    usual = parts(template(synthesizer))
    names = ["Instances", *(f"GridDefault{each}" for each in ("Spot1", "Spot2", "Spot3", "InstanceTypesSpot1"))]
    assert [name[:-8] for name in usual] == names
    assert parts(template(synthesizer, **MORE)) == usual
    assert parts(template(synthesizer, compute_envs=2)) == [*usual[:3], usual[4]]


@pytest.mark.parametrize(
    "other",
    [{"instance_list": ("c5.large",)}, {"compute_resources_tags": {"a": "b"}}, {"bid_percentage": 70}, {"type": "ONDEMAND"},
     {"allocation_strategy": "BEST_FIT"}, {"machine_images": {MAIN: "ami-1"}}, {"first_zones": 1}],
)  # fmt: skip
def test_other_instances_are_other_environments(synthesizer: Synthesizer, other: dict[str, Any]) -> None:
    """As many as plans count; the launch template is another one only for what it says."""
    plain: dict[str, Any] = {"fallback": {"zones": 0}}
    before, after = parts(template(synthesizer, **plain)), parts(template(synthesizer, **plain, **other))
    new = [name for name in after if name not in before]
    planned = made_from(wished(**plain, **other), MAIN) - made_from(wished(**plain), MAIN)
    assert len([name for name in new if name.startswith("Grid")]) == len(planned) > 0
    assert any(name.startswith("Instances") for name in new) == ("machine_images" in other)


def test_what_somebody_changed_is_changed_back_in_place(synthesizer: Synthesizer) -> None:
    """As long as Batch lets jobs finish; not with the oldest strategy, whose spot fleets need a role."""
    usual = template(synthesizer)
    kinds = [each["Properties"] for name, each in usual.items() if name.startswith("Grid")]
    assert {(each["ReplaceComputeEnvironment"], each["UpdatePolicy"]["JobExecutionTimeoutMinutes"]) for each in kinds} == {(False, 360)}
    assert "SpotFleetRole" not in usual
    oldest = template(synthesizer, allocation_strategy="BEST_FIT", compute_envs=1)
    assert {each["Properties"]["ReplaceComputeEnvironment"] for name, each in oldest.items() if name.startswith("Grid")} == {True}
    assert "SpotFleetRole" in oldest
    assert "SpotFleetRole" not in template(synthesizer, allocation_strategy="BEST_FIT", type="ONDEMAND")


def test_a_cluster_that_becomes_one_of_bare_instances_keeps_what_its_old_ones_need(synthesizer: Synthesizer) -> None:
    """Nothing is called alike, so that the template in between has both."""
    old, new = template(synthesizer), template(synthesizer, launch_type="EC2", instance_list=("c5.large",))
    assert {*old} & {*new} == {"Record"}
    assert {*draining.with_old({"Resources": old}, {"Resources": new})["Resources"]} == {*old, *new}


def test_names_are_not_too_long(synthesizer: Synthesizer) -> None:
    """CloudFormation adds 13 characters to logical ids; Batch takes 128."""
    longest = Target(Place("h" * 20, ACCOUNT, MAIN), MAIN, "cluster", "c" * 64, {"body": cluster("c" * 64, type="ONDEMAND")})
    resources = synthesizer.templates([longest])[longest.key].body["Resources"]
    assert max(map(len, parts(resources))) <= 128 - 13


def test_each_step_of_the_fallback_chain_has_a_queue(synthesizer: Synthesizer) -> None:
    """Which starts what the steps before it start, and more; at first only some zones, and nothing is bought on demand."""
    chain = {"first_zones": 2, "fallback_instance_list": ("m6a",), "fallback": {"on-demand": 600}, "compute_envs": 1}
    resources = template(synthesizer, **chain)
    queues = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Batch::JobQueue"]
    first, *later = (resources[each["ComputeEnvironmentOrder"][0]["ComputeEnvironment"]["Ref"]] for each in queues)
    names = ["grid--default", "grid--default--instance-types", "grid--default--zones", "grid--default--on-demand"]
    assert [each["JobQueueName"] for each in queues] == names
    found = [each["Properties"]["ComputeResources"] for each in (first, *later)]
    assert [each["InstanceTypes"] for each in found] == [["default_x86_64"]] + [["default_x86_64", "c5", "m5", "r5", "m6a"]] * 3
    every = {"Fn::Split": [",", {"Fn::ImportValue": "grid--subnets"}]}
    some = [{"Fn::Select": [number, every]} for number in range(2)]
    assert [each["Subnets"] for each in found] == [some, some, every, every]
    assert [(each["Type"], each["MaxvCpus"]) for each in found] == [("SPOT", 1000)] * 3 + [("EC2", 1000)]
    assert "BidPercentage" not in found[-1]


def test_steps_that_are_never_taken_have_no_queue(synthesizer: Synthesizer) -> None:
    """By default there is one, for other types where the cluster takes `optimal`."""
    queues = [each for each in template(synthesizer, fallback={"instance-types": 0}).values() if each["Type"] == "AWS::Batch::JobQueue"]
    assert len(queues) == 1


def test_the_first_zones_of_an_imported_network(synthesizer: Synthesizer) -> None:
    """It may have several subnets in a zone: the first of each."""
    network = {"zones": 3, "per_zone": ["subnet-a", "subnet-b", "subnet-c"]}
    wanted = target("cluster", cluster(first_zones=2, compute_envs=1, fallback={"zones": 0}), network=network)
    (found, _) = environments(synthesizer.templates([wanted])[wanted.key].body["Resources"]).values()
    assert found["Subnets"] == ["subnet-a", "subnet-b"]
