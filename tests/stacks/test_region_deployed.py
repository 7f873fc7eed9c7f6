"""Networks on the sandbox: connected both ways, changed in place, and gone without a trace."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.infra.synth import Synthesizer
from tests.aws import Sandbox, wait_until
from tests.stacks.deployed_networks import HOST, HUB, MAIN, Networks
from tests.stacks.networks import network_targets

WIRED, VPC_ID = (HUB, f"{HOST}--region"), naming.network_value(HOST, "vpc-id")
ISOLATED = {"subnet_config": "PRIVATE_ISOLATED", "nat_gateways": 0}


@pytest.fixture
def networks(aws: Sandbox, synthesizer: Synthesizer) -> Iterator[Networks]:
    """Those of a host, deleted after the test."""
    found = Networks(aws, synthesizer)
    yield found
    found.delete_all()


def test_a_hub_is_connected_disconnected_and_leaves_nothing(networks: Networks) -> None:
    """Routes lead both ways over a connection that is active; without peering there are none."""
    before = {region: networks.left(region) for region in (MAIN, HUB)}
    networks.put({MAIN: {}, HUB: {"peer_with_main_region": True, **ISOLATED}})
    (connection,) = networks.left(MAIN)["connections"]
    assert connection["Status"]["Code"] == "active"
    vpcs = [networks.resources((region, f"{HOST}--region"))["Vpc"] for region in (MAIN, HUB)]
    assert [connection[f"{side}VpcInfo"]["VpcId"] for side in ("Accepter", "Requester")] == vpcs
    for region, cidr in ((HUB, "10.0.0.0/16"), (MAIN, "10.1.0.0/16")):
        found = networks.routes(region, cidr)
        assert [route.get("VpcPeeringConnectionId") for route in found if route.get("GatewayId") != "local"] == [
            connection["VpcPeeringConnectionId"]
        ] * 3
    networks.put({MAIN: {}, HUB: ISOLATED})
    assert networks.routes(MAIN, "10.1.0.0/16") == []
    assert networks.left(HUB)["connections"] == []
    networks.delete_all()
    assert {region: networks.left(region) for region in (MAIN, HUB)} == before


@pytest.mark.parametrize(
    ("fields", "ways", "gateways"), [({"nat_gateways": 2}, 2, 2), (ISOLATED, 0, 0), ({"subnet_config": "PUBLIC", "nat_gateways": 0}, 1, 0)]
)
def test_gateways_come_and_go_in_place(networks: Networks, fields: dict[str, Any], ways: int, gateways: int) -> None:
    """The workers' subnets and tables stay, and lead elsewhere; addresses that nobody needs are given back. The way back works too."""
    before = networks.workers()
    for wanted, ways_now, gateways_now in (({"nat_gateways": 1}, 1, 1), (fields, ways, gateways), ({"nat_gateways": 1}, 1, 1)):
        networks.put({MAIN: wanted})
        before = before or networks.workers()
        assert networks.workers() == before
        assert len(networks.ways_out()) == ways_now
        left = networks.left(MAIN)
        assert (len(left["addresses"]), len(left["gateways"])) == (gateways_now, gateways_now)


def test_an_imported_network_stays(networks: Networks) -> None:
    """What was in it before is in it afterwards."""
    ec2 = networks.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.40.0.0/20")["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    body = {"import_vpc": True, "vpc_id": vpc, "cidr": "10.40.0.0/16", "subnets": [subnet], "route_tables": [table]}
    before = networks.left(MAIN)
    networks.put({MAIN: {**body, "deploy_vpc_endpoints": "FOR_PRIVATE_VPC"}})
    assert len(networks.left(MAIN)["endpoints"]) == 13
    networks.delete_all()
    assert networks.left(MAIN) == before
    ec2.delete_route_table(RouteTableId=table)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_another_main_network_is_connected_anew(networks: Networks) -> None:
    """The hub's lookup notices, and so does the main region's way to the hub."""
    ec2 = networks.client("ec2")
    vpcs = [ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"] for _ in range(2)]
    for vpc in vpcs:
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        body = {"import_vpc": True, "vpc_id": vpc, "cidr": "10.50.0.0/16", "subnets": ["subnet-1"], "route_tables": [table]}
        networks.put({MAIN: body, HUB: {"peer_with_main_region": True}})
        connected = networks.left(MAIN)["connections"]
        assert [each["AccepterVpcInfo"]["VpcId"] for each in connected] == [vpc]
        led = [route for route in networks.routes(MAIN, "10.1.0.0/16") if "VpcPeeringConnectionId" in route]
        assert [route["VpcPeeringConnectionId"] for route in led] == [connected[0]["VpcPeeringConnectionId"]]


@pytest.fixture
def waiting(networks: Networks, synthesizer: Synthesizer) -> dict[str, Any]:
    """The template of a hub that wants to be connected with a main region that is not there; it waits 4 s."""
    wanted = network_targets(networks.place, {MAIN: {}, HUB: {"peer_with_main_region": True}})
    target = next(target for target in wanted if target.key == WIRED)
    template: dict[str, Any] = json.loads(synthesizer.templates([target])[target.key].text)
    template["Resources"]["NetworkValue"]["Properties"]["WaitSeconds"] = 4
    return template


def test_a_value_that_is_not_there_fails_its_stack(networks: Networks, waiting: dict[str, Any]) -> None:
    """With the parameter and the region in the reason."""
    assert networks.apply(WIRED, waiting) == "ROLLBACK_COMPLETE"
    assert any(f"cannot read parameter {VPC_ID} of {MAIN}: An error" in reason for reason in networks.reasons(WIRED))


def test_a_value_may_come_a_little_later(networks: Networks, waiting: dict[str, Any]) -> None:
    """The function waits for it."""
    ssm, ec2 = networks.client("ssm"), networks.client("ec2")
    networks.begin(WIRED, waiting)
    wait_until(lambda: any(event["LogicalResourceId"] == "NetworkValue" for event in networks.events(WIRED)))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ssm.put_parameter(Name=VPC_ID, Value=vpc, Type="String")
    wait_until(lambda: networks.state(WIRED) == "CREATE_COMPLETE")
    ssm.delete_parameter(Name=VPC_ID)
    ec2.delete_vpc(VpcId=vpc)
