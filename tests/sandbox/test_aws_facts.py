"""What an account is told: quotas, instance types, regions and zones."""

import pytest

from tests.sandbox.conftest import Sandbox


def test_quotas_are_told(aws: Sandbox) -> None:
    """One, all of a service, and one that is not known."""
    quotas = aws.client("service-quotas", "eu-west-1")
    assert quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-F678F1CE")["Quota"]["Value"] == 5
    names = [quota["QuotaName"] for quota in quotas.list_service_quotas(ServiceCode="vpc")["Quotas"]]
    assert "NAT gateways per Availability Zone" in names
    with pytest.raises(quotas.exceptions.NoSuchResourceException):
        quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-0")


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
