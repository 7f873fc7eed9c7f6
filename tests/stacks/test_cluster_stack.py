"""The stack of a cluster: what its instances are, what they may do, and what stays when it changes."""

import base64
import email
import json
from typing import Any

import pytest

from cyclone_core.infra.synth import Synthesizer
from cyclone_core.infra.worker_containers import DRIVERS
from tests.stacks.bodies import ACCOUNT, MAIN, cluster, target


def template(synthesizer: Synthesizer, region: str = MAIN, **fields: Any) -> dict[str, Any]:
    """Resources of a cluster's stack."""
    images = {"machine_images": fields.pop("machine_images", {})}
    wanted = target("cluster", {**cluster(**fields), **images}, region, network={"zones": 3, "per_zone": []})
    resources: dict[str, Any] = synthesizer.templates([wanted])[wanted.key].body["Resources"]
    return resources


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
    data = template(synthesizer)["Instances"]["Properties"]["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert [mapping["Ebs"]["Encrypted"] for mapping in data["BlockDeviceMappings"]] == [True]


def test_a_worker_that_fits_on_no_instance_blocks_the_queue_for_minutes(synthesizer: Synthesizer) -> None:
    """Batch looks at the first job alone, so it would keep every lane waiting for ever; what lacks capacity waits as long as it takes."""
    actions = template(synthesizer)["JobQueue"]["Properties"]["JobStateTimeLimitActions"]
    assert {(each["Action"], each["State"], each["MaxTimeSeconds"]) for each in actions} == {("CANCEL", "RUNNABLE", 600)}
    assert all(each["Reason"].startswith("MISCONFIGURATION:") for each in actions)


def test_the_agent_offers_the_log_drivers_that_definitions_may_have(synthesizer: Synthesizer) -> None:
    """In a form that Batch can add its own part to."""
    data = template(synthesizer)["Instances"]["Properties"]["LaunchTemplateData"]["UserData"]
    message = email.message_from_bytes(base64.b64decode(data))
    (script,) = message.get_payload()
    assert (message.is_multipart(), script.get_content_type()) == (True, "text/x-shellscript")
    offered = script.get_payload().partition("DRIVERS=")[2].partition("'")[0]
    assert {*DRIVERS.values()} <= {*json.loads(offered)}


def test_an_own_machine_image(synthesizer: Synthesizer) -> None:
    """Of its region; its disks are as it says, and it is not exchanged for a newer one."""
    resources = template(synthesizer, machine_images={MAIN: "ami-0123456789abcdef0", "eu-west-1": "ami-1"})
    for found in environments(resources).values():
        assert found["ImageId"] == "ami-0123456789abcdef0"
        assert "UpdateToLatestImageVersion" not in found
    assert "BlockDeviceMappings" not in resources["Instances"]["Properties"]["LaunchTemplateData"]


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
    assert template(synthesizer, iam_policies=(spelled,))["InstanceRole"]["Properties"]["ManagedPolicyArns"] == [arn]


def test_environments_change_in_place_where_batch_can(synthesizer: Synthesizer) -> None:
    """Not with the oldest strategy; its spot fleets need a role."""
    usual = template(synthesizer)
    kinds = {name: each["Properties"] for name, each in usual.items() if each["Type"].endswith("ComputeEnvironment")}
    assert list(kinds) == ["GridDefaultSpot1", "GridDefaultSpot2", "GridDefaultSpot3", "GridDefaultInstanceTypesSpot1"]
    assert {each["ReplaceComputeEnvironment"] for each in kinds.values()} == {False}
    assert "SpotFleetRole" not in usual
    oldest = template(synthesizer, allocation_strategy="BEST_FIT", compute_envs=1)
    assert oldest["GridDefaultSpotBestFit1"]["Properties"]["ReplaceComputeEnvironment"] is True
    assert "SpotFleetRole" in oldest
    assert "SpotFleetRole" not in template(synthesizer, allocation_strategy="BEST_FIT", type="ONDEMAND")


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
