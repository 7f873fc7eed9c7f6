"""Networks as they are: what a subnet is follows from its routes."""

from typing import Any

import pytest

pytest.importorskip("botocore", reason="the tests of the aws room need the extra test")

from cyclone_core.aws import limits, network
from cyclone_core.errors import AwsError
from tests.aws import Sandbox

REGION, EMPTY = "me-central-1", "mx-central-1"
LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
OUT = {"DestinationCidrBlock": "0.0.0.0/0", "State": "active"}
ROUTES: list[tuple[list[dict[str, str]], str]] = [
    ([LOCAL], "PRIVATE_ISOLATED"),
    ([LOCAL, {**OUT, "GatewayId": "igw-1"}], "PUBLIC"),
    ([LOCAL, {**OUT, "NatGatewayId": "nat-1"}], "PRIVATE_WITH_NAT"),
    ([LOCAL, {**OUT, "TransitGatewayId": "tgw-1"}], "PRIVATE_WITH_NAT"),
    ([LOCAL, {**OUT, "NetworkInterfaceId": "eni-1"}], "PRIVATE_WITH_NAT"),
    ([LOCAL, {**OUT, "NatGatewayId": "nat-1", "State": "blackhole"}], "PRIVATE_ISOLATED"),
    ([LOCAL, {"DestinationCidrBlock": "10.1.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "active"}], "PRIVATE_ISOLATED"),
]


@pytest.mark.parametrize(("routes", "kind"), ROUTES)
def test_the_kind_of_a_subnet(routes: list[dict[str, str]], kind: str) -> None:
    """By its way out."""
    assert network.kind_of(routes) == kind


@pytest.fixture(scope="module")
def vpc(aws: Sandbox) -> tuple[str, dict[str, str]]:
    """A network with a subnet of each kind: its id, and kind -> id of the subnet."""
    ec2 = aws.client("ec2", REGION)
    found: str = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[found], Tags=[{"Key": "Name", "Value": "office"}])
    kinds = ("PUBLIC", "PRIVATE_WITH_NAT", "PRIVATE_ISOLATED")
    subnets = {
        kind: ec2.create_subnet(VpcId=found, CidrBlock=f"10.7.{number}.0/24", AvailabilityZone=f"{REGION}a")["Subnet"]["SubnetId"]
        for number, kind in enumerate(kinds)
    }
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=found)
    nat = ec2.create_nat_gateway(SubnetId=subnets["PUBLIC"], AllocationId=ec2.allocate_address(Domain="vpc")["AllocationId"])
    give_way_out(ec2, found, subnets["PUBLIC"], GatewayId=gateway)
    give_way_out(ec2, found, subnets["PRIVATE_WITH_NAT"], NatGatewayId=nat["NatGateway"]["NatGatewayId"])
    return found, subnets


def give_way_out(ec2: Any, vpc: str, subnet: str, **target: str) -> None:
    """A route table of its own for a subnet."""
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)


def test_a_network_with_its_subnets(aws: Sandbox, vpc: tuple[str, dict[str, str]]) -> None:
    """Subnets without a table of their own have the main one."""
    (found,) = network.vpcs(aws.account(), REGION, vpc[0])
    assert (found.id, found.name, found.cidr, found.cidrs, found.is_default) == (vpc[0], "office", "10.7.0.0/16", ("10.7.0.0/16",), False)
    assert {subnet.kind: subnet.id for subnet in found.subnets} == vpc[1]
    assert {subnet.zone for subnet in found.subnets} == {f"{REGION}a"}
    tables = {subnet.route_table for subnet in found.subnets}
    assert (len(tables), {table[:4] for table in tables}) == (3, {"rtb-"})


def test_networks_of_a_region(aws: Sandbox, vpc: tuple[str, dict[str, str]]) -> None:
    """The default one last."""
    found = network.vpcs(aws.account(), REGION)
    assert found[-1].is_default
    assert vpc[0] in [one.id for one in found]


def test_an_unknown_network(aws: Sandbox) -> None:
    """Is an error: it was asked for by its id."""
    with pytest.raises(AwsError, match="vpc-0123456789abcdef0"):
        network.vpcs(aws.account(), REGION, "vpc-0123456789abcdef0")


def test_zones(aws: Sandbox) -> None:
    """By name."""
    assert network.zones(aws.account(), EMPTY) == ("mx-central-1a", "mx-central-1b", "mx-central-1c")


def test_zones_without_a_default_subnet_are_not_used(aws: Sandbox) -> None:
    """As CloudFormation does, unless no zone has one."""
    region = "ap-southeast-3"
    ec2, account = aws.client("ec2", region), aws.account()
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    every = network.zones(account, region)
    for subnet in sorted(subnets, key=lambda each: each["AvailabilityZone"]):
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        left = len(ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"])
        assert len(network.zones(account, region)) == (left or len(every))


def test_types_that_a_region_does_not_have(aws: Sandbox) -> None:
    """Types, families and Batch's own words are taken."""
    wanted = ["m5.large", "p5.48xlarge", "c6i", "x99", "optimal", "default_arm64"]
    assert network.not_offered(aws.account(), EMPTY, wanted) == ("p5.48xlarge", "x99")
    assert network.not_offered(aws.account(), "us-east-1", wanted) == ("x99",)
    assert network.not_offered(aws.account(), "us-east-1", ["optimal"]) == ()


def test_types_of_a_region(aws: Sandbox) -> None:
    """All, or those of a pattern."""
    every = network.instance_types(aws.account(), REGION)
    some = network.instance_types(aws.account(), REGION, ["m5.*"])
    assert {"m5.large", "c6i.large"} < set(every)
    assert set(some) == {name for name in every if name.startswith("m5.")}


def test_a_machine_image_by_name(aws: Sandbox) -> None:
    """The account's own before Amazon's, each region its own."""
    amazons = "al2023-ami-2023.6.20241010.0-kernel-6.1-x86_64"
    account, ec2 = aws.account(), aws.client("ec2", REGION)
    assert network.machine_image(account, REGION, amazons) == "ami-0c2023a1b2c3d4e5f"
    made = {name: ec2.register_image(Name=name)["ImageId"] for name in ("worker", amazons)}
    assert network.machine_image(account, REGION, "worker") == made["worker"]
    assert network.machine_image(account, REGION, amazons) == made[amazons]
    assert network.machine_image(account, EMPTY, "worker") is None
    assert {image.name for image in network.machine_images(account, REGION)} == set(made)


def test_how_much_there_may_be(aws: Sandbox, vpc: tuple[str, dict[str, str]]) -> None:
    """And how much there is."""
    account = aws.account()
    assert limits.addresses(account, REGION) == limits.Quota(1, 5)
    assert limits.nat_gateways(account, REGION) == limits.Quota(1, 5)
    assert limits.nat_gateways(account, EMPTY) == limits.Quota(0, 5)
    assert limits.compute_environments(account, REGION) == limits.Quota(0, 50)
    assert limits.job_queues(account, REGION).left == 50
    found = limits.vpcs(account, REGION)
    assert (found.used, found.limit, found.left) == (2, 5, 3)
