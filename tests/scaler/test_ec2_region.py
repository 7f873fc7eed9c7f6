"""One region's EC2 from the scaler's side: what is asked of it, what answers mean, and which instances are ended."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cyclone_core.errors import AccessDenied, AwsError
from cyclone_core.scheduler.dynamo.ec2_fleets import types_for
from cyclone_core.scheduler.dynamo.ec2_region import Ec2Region
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.region_driver import NO_ROOM

NOW = 1_700_000_000_000
CLUSTER: dict[str, Any] = {"launch_type": "EC2", "instance_list": ["m6i.large", "m6i.xlarge"], "max_vcpus": 100, "type": "SPOT"}
SUBNETS = {"subnet-a": "eu-west-1a", "subnet-b": "eu-west-1b", "subnet-c": "eu-west-1b"}
LACK = {"errorCode": "InsufficientInstanceCapacity", "errorMessage": "We have none. Try again."}


class Ec2:
    """An EC2 that gives what it has: `gives` types in turn; `instances` as it describes them."""

    def __init__(self, *gives: str) -> None:
        self.gives, self.instances, self.asked = list(gives), list[dict[str, Any]](), list[tuple[str, dict[str, Any]]]()
        self.templates, self.protected = ["grid--big"], False

    def ec2(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """An answer."""
        self.asked.append((operation, parameters))
        if operation == "DescribeLaunchTemplates":
            return {"launchTemplates": [{"launchTemplateName": name} for name in self.templates]}
        if operation == "DescribeSubnets":
            return {"subnetSet": [{"subnetId": name, "availabilityZone": SUBNETS[name]} for name in parameters["SubnetId"]]}
        if operation == "DescribeInstances":
            wanted = {each["Name"].removeprefix("tag:"): each["Value"][0] for each in parameters["Filter"]}
            return {"reservationSet": [{"instancesSet": [each for each in self.instances if _has(each, wanted)]}]}
        if operation == "CreateFleet":
            return self._create(parameters)
        if operation == "TerminateInstances" and self.protected:
            raise AwsError("it is protected", "OperationNotPermitted", "ec2:TerminateInstances")
        return {}

    def ssm(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The subnets."""
        return {"Parameter": {"Value": ",".join(SUBNETS)}}

    def _create(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        tags = {each["Key"]: each["Value"] for each in parameters["TagSpecification"][1]["Tag"]}
        made = [_instance(f"i-{len(self.instances) + number}", kind, tags) for number, kind in enumerate(self.gives)]
        self.instances += made
        self.gives = []
        groups = [{"instanceType": each["instanceType"], "instanceIds": [each["instanceId"]]} for each in made]
        return {"fleetId": "fleet-1", "fleetInstanceSet": groups, "errorSet": [] if made else [LACK, LACK]}

    def said(self, operation: str) -> list[dict[str, Any]]:
        """What was asked."""
        return [parameters for each, parameters in self.asked if each == operation]


def _instance(name: str, kind: str, tags: Mapping[str, str], at: int = NOW) -> dict[str, Any]:
    launched = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at / 1000))
    listed = [{"key": key, "value": value} for key, value in tags.items()]
    return {"instanceId": name, "instanceType": kind, "instanceState": {"name": "running"}, "launchTime": launched, "tagSet": listed}


def _has(instance: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    tags = {each["key"]: each["value"] for each in instance["tagSet"]}
    return all(tags.get(name) == value for name, value in wanted.items())


def _region(ec2: Ec2, there: set[str] | None = None, **fields: Any) -> Ec2Region:
    definition = {"vcpus": 1, "memory_limit_mib": 512}
    bodies = {"cluster": {"big": {**CLUSTER, **fields}}, "definition": {"small": definition}}
    return Ec2Region(ec2, "grid", "eu-west-1", lambda: bodies, lambda: dict.fromkeys(there or (), True))


def _request(workers: int = 4, **known: Any) -> Request:
    return Request("big", "eu-west-1", "big--small--0a", "small", workers, 1, NOW, launch="EC2", **known)


def _looked(region: Ec2Region, request: Request, now: int = NOW) -> Request:
    (found,) = region.look({"big": CLUSTER}, [request], now).requests
    return found


def test_a_fleet_is_asked_for_with_weights() -> None:
    """Types times zones, one subnet of each; instances say whose they are, and asking twice is asking once."""
    ec2 = Ec2("m6i.xlarge")
    made = _region(ec2).submit(_request())
    (asked,) = ec2.said("CreateFleet")
    overrides = asked["LaunchTemplateConfigs"][0]["Overrides"]
    assert {(each["InstanceType"], each["SubnetId"], each["WeightedCapacity"]) for each in overrides} == {
        (kind, subnet, weight) for kind, weight in (("m6i.large", 2), ("m6i.xlarge", 4)) for subnet in ("subnet-a", "subnet-b")
    }
    assert (asked["Type"], asked["SpotOptions"]) == ("instant", {"AllocationStrategy": "price-capacity-optimized"})
    assert asked["TargetCapacitySpecification"] == {"TotalTargetCapacity": 4, "DefaultTargetCapacityType": "spot"}
    assert asked["ClientToken"] == "grid-big--small--0a"
    assert {"Key": "cyclone:request", "Value": "big--small--0a"} in asked["TagSpecification"][1]["Tag"]
    assert (made.batch, made.placed, made.starting, made.reason) == ("fleet-1", 4, 4, "")


@pytest.mark.parametrize(
    ("rung", "types", "zones", "purchase"),
    [
        ("", {"m6i.large", "m6i.xlarge"}, {"subnet-a"}, "spot"),
        ("instance-types", {"m6i.large", "m6i.xlarge", "m5.large"}, {"subnet-a"}, "spot"),
        ("zones", {"m6i.large", "m6i.xlarge", "m5.large"}, {"subnet-a", "subnet-b"}, "spot"),
        ("on-demand", {"m6i.large", "m6i.xlarge", "m5.large"}, {"subnet-a", "subnet-b"}, "on-demand"),
    ],
)
def test_steps_of_the_chain_are_arguments(rung: str, types: set[str], zones: set[str], purchase: str) -> None:
    """More types, then more zones, then on demand."""
    ec2 = Ec2("m6i.large")
    _region(ec2, first_zones=1, fallback_instance_list=["m5.large"]).submit(_request(rung=rung))
    (asked,) = ec2.said("CreateFleet")
    overrides = asked["LaunchTemplateConfigs"][0]["Overrides"]
    assert {each["InstanceType"] for each in overrides} == types
    assert {each["SubnetId"] for each in overrides} == zones
    assert asked["TargetCapacitySpecification"]["DefaultTargetCapacityType"] == purchase


def test_what_does_not_come_waits_and_is_asked_for_again() -> None:
    """With EC2's reason, each code once, and with another token."""
    ec2 = Ec2()
    region = _region(ec2)
    made = region.submit(_request())
    assert (made.placed, made.starting) == (0, 4)
    assert made.reason == "InsufficientInstanceCapacity: We have none"
    ec2.gives = ["m6i.large"]
    again = _looked(region, made, NOW + 60_000)
    assert (again.placed, again.workers, again.moved) == (2, 4, NOW + 60_000)
    first, second = ec2.said("CreateFleet")
    assert first["ClientToken"] != second["ClientToken"]
    assert second["TargetCapacitySpecification"]["TotalTargetCapacity"] == 4


def test_instances_become_workers_when_their_machine_says_so() -> None:
    """Two workers for each; those of the other one are still to come."""
    ec2 = Ec2("m6i.large", "m6i.large")
    made = _region(ec2).submit(_request())
    found = _looked(_region(ec2, {"i-0"}), made)
    assert (found.running, found.starting, found.over, found.came) == (2, 2, 0, NOW)


def test_an_answer_that_nobody_heard_is_found_by_its_tag() -> None:
    """A request without instances is gone after a while."""
    ec2 = Ec2("m6i.xlarge")
    _region(ec2).submit(_request())
    found = _looked(_region(ec2), _request())
    assert (found.placed, found.starting, bool(found.batch)) == (4, 4, True)
    ec2.instances = []
    assert _looked(_region(ec2), _request()).starting == 4
    assert _region(ec2).look({}, [_request()], NOW + 121_000).requests == []


def test_instances_that_were_taken_away_are_counted() -> None:
    """They are over, and what they were for is not asked for again."""
    ec2 = Ec2("m6i.large", "m6i.large")
    region = _region(ec2, {"i-0", "i-1"})
    made = region.submit(_request())
    ec2.instances[1] |= {"instanceState": {"name": "terminated"}, "stateReason": {"code": "Server.SpotInstanceTermination"}}
    found = _looked(region, made, NOW + 200_000)
    assert (found.running, found.over, found.taken, found.starting) == (2, 2, 2, 0)
    ec2.instances = ec2.instances[:1]  # EC2 forgets them after an hour
    assert replace(_looked(region, found, NOW + 300_000), seen=0) == replace(found, seen=0)


def test_an_instance_that_never_becomes_a_worker_is_terminated() -> None:
    """After ten minutes; the lane hears why, and rests."""
    ec2 = Ec2("m6i.large", "m6i.large")
    region = _region(ec2, {"i-1"})
    made = replace(region.submit(_request()), seen=NOW + 550_000)
    found = _looked(_region(ec2), made, NOW + 601_000)
    assert ec2.said("TerminateInstances") == [{"InstanceId": ["i-0", "i-1"]}]
    assert (found.early, found.is_over) == (2, True)
    assert "i-0 never became a worker" in found.why


def test_a_limit_holds_over_requests_and_looks() -> None:
    """Eight vCPUs: what an earlier request took is not there for the next, seen by EC2 or not."""
    ec2 = Ec2("m6i.large", "m6i.large")
    region = _region(ec2, max_vcpus=8)
    made = region.submit(_request(4))
    ec2.gives = ["m6i.large"]
    region.submit(replace(_request(9), name="other"))
    assert ec2.said("CreateFleet")[1]["TargetCapacitySpecification"]["TotalTargetCapacity"] == 3  # the last one may have two vCPUs
    ec2.instances = []  # described a moment later
    _looked(region, made)
    region.submit(_request(9))
    assert ec2.said("CreateFleet")[2]["TargetCapacitySpecification"]["TotalTargetCapacity"] == 3
    full = _region(ec2, max_vcpus=1)
    with pytest.raises(AwsError, match="1 vCPUs are left"):
        full.submit(_request(2))


def test_spare_workers_are_ended_those_that_wait_first() -> None:
    """Then instances whose machines are not there yet; never more than is spare."""
    ec2 = Ec2("m6i.xlarge", "m6i.large")
    made = replace(_region(ec2).submit(_request(6)), workers=8)
    region = _region(ec2, set())
    assert replace(region.end(made, 2, "", NOW), workers=8) == made
    assert not ec2.said("TerminateInstances")
    ended = region.end(made, 5, "", NOW)
    assert (ended.workers, ended.over) == (6, 2)
    assert ec2.said("TerminateInstances") == [{"InstanceId": ["i-1"]}]


@pytest.mark.parametrize(("templates", "why"), [(["grid--big"], ""), ([], "there is no launch template grid--big")])
def test_why_nothing_can_be_asked_for(templates: list[str], why: str) -> None:
    """The stack is not there."""
    ec2 = Ec2()
    ec2.templates = templates
    assert _region(ec2).look({"big": CLUSTER}, [], NOW).closed == ({"big": why} if why else {})


def test_a_bid_is_a_share_of_the_list_price() -> None:
    """EC2 reads it as the price of a unit: of $0.107 and $0.214 an hour half, for two workers and for four. Unpriced types are left out."""
    ec2 = Ec2("m6i.large")
    _region(ec2, bid_percentage=50).submit(_request())
    overrides = ec2.said("CreateFleet")[0]["LaunchTemplateConfigs"][0]["Overrides"]
    assert {each["InstanceType"]: each["MaxPrice"] for each in overrides} == {"m6i.large": "0.02675", "m6i.xlarge": "0.02675"}
    assert types_for({**CLUSTER, "bid_percentage": 50}, "", "mars-north-1") == []


def test_a_bid_for_one_instance_that_is_larger_than_asked_for_is_its_price() -> None:
    """EC2 goes by the price of the instance where every weight is above the target; it is told so in so many words."""
    ec2 = Ec2("m6i.large")
    made = _region(ec2, bid_percentage=50).submit(_request(1))
    (asked,) = ec2.said("CreateFleet")
    overrides = asked["LaunchTemplateConfigs"][0]["Overrides"]
    assert {(each["InstanceType"], each["WeightedCapacity"], each["MaxPrice"]) for each in overrides} == {("m6i.large", 1, "0.05350")}
    assert (asked["TargetCapacitySpecification"]["TotalTargetCapacity"], made.placed) == (1, 2)


@pytest.mark.parametrize(
    ("code", "early"), [("Client.InstanceInitiatedShutdown", 1), ("Client.InternalError", 1), ("Client.UserInitiatedShutdown", 0)]
)
def test_an_instance_that_ends_before_it_became_a_worker_lets_its_lane_rest(code: str, early: int) -> None:
    """Its package cannot be fetched, or its disk not be decrypted: told once, however often it is seen; not when somebody ended it."""
    ec2 = Ec2("m6i.large")
    region = _region(ec2)
    made = region.submit(_request(2))
    ec2.instances[0] |= {"instanceState": {"name": "terminated"}, "stateReason": {"code": code}}
    found = _looked(region, made, NOW + 60_000)
    assert (found.early, found.over, code in found.why) == (early, 2, bool(early))
    assert _looked(region, found, NOW + 120_000).early == early
    assert _looked(region, replace(made, well=True), NOW + 60_000).early == 0


@pytest.mark.parametrize(("image", "asked"), [(None, 0), ("mine", 1)])
def test_gpus_need_an_image_of_the_clusters_own(image: str | None, asked: int) -> None:
    """Amazon's has no drivers: machines would find no GPU, leave, and be bought again."""
    ec2 = Ec2("g5.xlarge")
    gpu = {"vcpus": 4, "memory_limit_mib": 512, "gpu_count": 1}
    bodies = {
        "cluster": {"big": {**CLUSTER, "instance_list": ["g5.xlarge"], "main_region_image_name": image}},
        "definition": {"small": gpu},
    }
    region = Ec2Region(ec2, "grid", "eu-west-1", lambda: bodies, dict)
    with contextlib.nullcontext() if image else pytest.raises(AwsError, match="no drivers for GPUs") as caught:
        region.submit(replace(_request(1), vcpus=4))
    assert image or (caught and caught.value.code == NO_ROOM)  # no region is left alone for it
    assert len(ec2.said("CreateFleet")) == asked


@pytest.mark.parametrize(
    ("error", "certain"),
    [(AccessDenied("no"), True), (AwsError("x", "InvalidParameterValue"), True), (AwsError("x", "RequestTimeout"), False)],
)
def test_what_says_for_certain_that_nothing_was_launched(error: AwsError, certain: bool) -> None:
    """After anything else instances are looked for."""
    assert _region(Ec2()).is_certain(_request(), error) == certain


def test_lanes_share_what_one_of_them_was_given() -> None:
    """An instance for two workers of one lane has room for one of another; the next asks for its own."""
    ec2 = Ec2("m6i.xlarge")
    bodies: dict[str, Any] = {
        "cluster": {"big": {**CLUSTER, "instance_list": ["m6i.xlarge"]}},
        "definition": {"small": {"vcpus": 1, "memory_limit_mib": 512}, "half": {"vcpus": 2, "memory_limit_mib": 512}},
    }
    region = Ec2Region(ec2, "grid", "eu-west-1", lambda: bodies, dict)
    made = region.submit(replace(_request(1), definition="half", vcpus=2))
    assert (made.placed, region.submit(_request(2)).is_over) == (2, True)
    ec2.gives = ["m6i.xlarge"]
    assert region.submit(_request(3)).placed == 4
    assert len(ec2.said("CreateFleet")) == 2


def test_whom_the_limit_leaves_no_room_waits_for_no_instance() -> None:
    """A lane of much memory takes more vCPUs than its own: those who do not fit say nothing of the region, which would be left for it."""
    ec2 = Ec2("m6i.large", "m6i.large")
    made = _region(ec2, max_vcpus=4).submit(_request(9))
    assert (made.workers, made.waiting) == (4, 0)
    waiting = replace(made, workers=9)
    assert _looked(_region(ec2, max_vcpus=4), waiting, NOW + 60_000).waiting == 0


def test_instances_that_were_launched_a_moment_ago_are_not_over() -> None:
    """A request of long ago was asked for again; until EC2 describes what came it starts, and counts against the limit."""
    ec2 = Ec2()
    region = _region(ec2, max_vcpus=4)
    made = region.submit(_request(4))
    ec2.gives = ["m6i.large", "m6i.large"]
    again = _looked(region, made, NOW + 600_000)
    ec2.instances = []
    found = _looked(region, again, NOW + 603_000)
    assert (found.starting, found.is_over) == (4, False)
    with pytest.raises(AwsError, match="0 vCPUs are left"):
        region.submit(replace(_request(2), name="other"))
    assert _looked(region, again, NOW + 800_000).is_over


def test_an_instance_that_may_not_be_ended_closes_no_region() -> None:
    """Somebody protected it: it is told as starting, and tried again; one that somebody stopped is ended, for its disk costs."""
    ec2 = Ec2("m6i.large", "m6i.large")
    made = replace(_region(ec2).submit(_request()), seen=NOW + 550_000)
    ec2.instances[1] |= {"instanceState": {"name": "stopped"}}
    ec2.protected = True
    sight = _region(ec2).look({"big": CLUSTER}, [made], NOW + 601_000)
    assert (sight.error, [each.starting for each in sight.requests]) == ("", [2])
    assert ec2.said("TerminateInstances") == [{"InstanceId": ["i-0", "i-1"]}]
