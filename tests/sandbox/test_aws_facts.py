"""What an account is told: quotas, instance types, regions and zones."""

from typing import Any

import pytest

from cyclone_core.operations.sandbox import Spot
from cyclone_core.prices import table as prices
from tests.sandbox.conftest import Sandbox


def test_quotas_are_told(aws: Sandbox) -> None:
    """One, all of a service, and one that is not known."""
    quotas = aws.client("service-quotas", "eu-west-1")
    assert quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-F678F1CE")["Quota"]["Value"] == 5
    names = [quota["QuotaName"] for quota in quotas.list_service_quotas(ServiceCode="vpc")["Quotas"]]
    assert "NAT gateways per Availability Zone" in names
    with pytest.raises(quotas.exceptions.NoSuchResourceException):
        quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-0")


def test_a_quota_that_is_asked_for_is_raised(aws: Sandbox) -> None:
    """At once, in that region alone; AWS's default stays what it is."""
    here, there = aws.client("service-quotas", "sa-east-1"), aws.client("service-quotas", "eu-west-3")
    wanted = {"ServiceCode": "ec2", "QuotaCode": "L-3819A6DF"}
    assert here.get_service_quota(**wanted)["Quota"]["Value"] == 0
    assert here.request_service_quota_increase(**wanted, DesiredValue=64)["RequestedQuota"]["Status"] == "APPROVED"
    assert [client.get_service_quota(**wanted)["Quota"]["Value"] for client in (here, there)] == [64, 0]
    assert here.get_aws_default_service_quota(**wanted)["Quota"]["Value"] == 0


@pytest.mark.parametrize(("region", "offered"), [("us-east-1", ["c5.large", "p5.48xlarge"]), ("eu-west-3", ["c5.large"])])
def test_not_every_instance_type_is_offered_everywhere(aws: Sandbox, region: str, offered: list[str]) -> None:
    """As a plan asks for it."""
    filters = [{"Name": "instance-type", "Values": ["c5.large", "p5.*"]}]
    answer = aws.client("ec2", region).describe_instance_type_offerings(LocationType="region", Filters=filters)
    assert [(entry["InstanceType"], entry["Location"]) for entry in answer["InstanceTypeOfferings"]] == [(name, region) for name in offered]


def test_offerings_of_zones(aws: Sandbox) -> None:
    """Each zone of the region."""
    filters = [{"Name": "instance-type", "Values": ["c5.large"]}]
    answer = aws.client("ec2", "eu-west-3").describe_instance_type_offerings(LocationType="availability-zone", Filters=filters)
    assert [entry["Location"] for entry in answer["InstanceTypeOfferings"]] == ["eu-west-3a", "eu-west-3b", "eu-west-3c"]


TYPES = ["c6i.large", "m6i.large", "r6i.large"]


def test_scores_and_prices_of_spot(aws: Sandbox) -> None:
    """As they are set, and made up for other regions; the cheapest zone is what the share says of the price on demand."""
    aws.set_spot(Spot(scores={"eu-west-1": [[0, 9], [3600, 3]]}, shares={"eu-west-1": 0.5}))
    ec2 = aws.client("ec2", "eu-west-1")
    asked: dict[str, Any] = {"InstanceTypes": TYPES, "TargetCapacity": 64, "TargetCapacityUnitType": "vcpu"}
    answer = ec2.get_spot_placement_scores(**asked, RegionNames=["us-east-1", "eu-west-1"])["SpotPlacementScores"]
    scores = {entry["Region"]: entry["Score"] for entry in answer}
    assert (scores["eu-west-1"], 1 <= scores["us-east-1"] <= 10) == (9, True)
    few = ec2.get_spot_placement_scores(**asked | {"InstanceTypes": TYPES[:2]}, RegionNames=["eu-west-1"])["SpotPlacementScores"]
    assert few == [{"Region": "eu-west-1", "Score": 1}]
    pages = ec2.get_paginator("describe_spot_price_history").paginate(InstanceTypes=TYPES, PaginationConfig={"PageSize": 4})
    found = [(entry["InstanceType"], float(entry["SpotPrice"])) for page in pages for entry in page["SpotPriceHistory"]]
    assert len(found) == 9
    assert min(usd for name, usd in found if name == "m6i.large") == pytest.approx(0.5 * (prices.on_demand("m6i.large", "eu-west-1") or 0))


def test_questions_about_spot_that_are_refused(aws: Sandbox) -> None:
    """More than ten regions, a type that is not there, too many vCPUs, and one new question too many; known ones are answered still."""
    ec2 = aws.client("ec2", "eu-west-1")

    def ask(**changed: Any) -> str:
        asked: dict[str, Any] = {"InstanceTypes": TYPES, "TargetCapacity": 640, "RegionNames": ["eu-west-1"], **changed}
        try:
            ec2.get_spot_placement_scores(**asked)
        except ec2.exceptions.ClientError as exc:
            return str(exc.response["Error"]["Code"])
        return ""

    assert ask(RegionNames=[f"eu-west-{number}" for number in range(1, 12)]) == "InvalidParameterValue"
    assert ask(InstanceTypes=["x9.large"]) == "InvalidParameterValue"
    assert ask() == ""
    aws.set_spot(Spot(most_questions=1))
    assert ask(TargetCapacity=641) == "MaxConfigLimitExceeded"
    assert ask() == ""
    aws.set_spot(Spot(most_vcpus=639))
    assert ask() == "TargetCapacityLimitExceededException"
    aws.set_spot(Spot())
