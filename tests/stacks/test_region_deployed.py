"""Networks on the sandbox: connected both ways, changed in place, and gone without a trace."""

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.infra.synth import Synthesizer
from cyclone_core.infra.targets import Key, Place
from tests.aws import Sandbox, wait_until
from tests.stacks.networks import network_targets

HOST, MAIN, HUB = "wired", "eu-central-2", "eu-south-2"
ISOLATED = {"subnet_config": "PRIVATE_ISOLATED", "nat_gateways": 0}


class Networks:
    """The network stacks of a host on the sandbox."""

    def __init__(self, aws: Sandbox, synthesizer: Synthesizer) -> None:
        account = aws.client("sts", MAIN).get_caller_identity()["Account"]
        self.place, self._aws, self._synthesizer = Place(HOST, account, MAIN), aws, synthesizer
        self._there: list[Key] = []

    def client(self, service: str, region: str = MAIN) -> Any:
        """A client of the account's root."""
        return self._aws.client(service, region)

    def put(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Have the stacks of these regions and no others, as a deployer does it."""
        wanted = network_targets(self.place, settings)
        for key in [key for key in reversed(self._there) if key not in [target.key for target in wanted]]:
            self.delete(key)
        for target in wanted:
            assert self.apply(target.key, self._synthesizer.templates([target])[target.key].body).endswith(
                ("CREATE_COMPLETE", "UPDATE_COMPLETE")
            )

    def apply(self, key: Key, template: Mapping[str, Any]) -> str:
        """Make or change one stack; the state in which it ends, or why it failed."""
        cloudformation, there = self.client("cloudformation", key[0]), key in self._there
        names = {"StackName": key[1], "ChangeSetName": f"changes-{uuid.uuid4()}"}
        given = {"TemplateBody": json.dumps(template), "Capabilities": ["CAPABILITY_NAMED_IAM"]}
        cloudformation.create_change_set(**names, **given, ChangeSetType="UPDATE" if there else "CREATE")
        found = wait_until(
            lambda: state if (state := cloudformation.describe_change_set(**names))["Status"] in ("CREATE_COMPLETE", "FAILED") else None
        )
        if found["Status"] == "FAILED":
            cloudformation.delete_change_set(**names)
            return "UPDATE_COMPLETE"
        self._there += [] if there else [key]
        cloudformation.execute_change_set(**names)
        return wait_until(lambda: None if (state := self.state(key)).endswith("_IN_PROGRESS") else state)

    def state(self, key: Key) -> str:
        """Of a stack."""
        return str(self.client("cloudformation", key[0]).describe_stacks(StackName=key[1])["Stacks"][0]["StackStatus"])

    def reasons(self, key: Key) -> list[str]:
        """Why something failed."""
        events = self.client("cloudformation", key[0]).describe_stack_events(StackName=key[1])["StackEvents"]
        return [event["ResourceStatusReason"] for event in events if event.get("ResourceStatusReason")]

    def delete(self, key: Key) -> None:
        """Delete one stack."""
        cloudformation = self.client("cloudformation", key[0])
        identifier = cloudformation.describe_stacks(StackName=key[1])["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=key[1])
        state = wait_until(
            lambda: (
                found
                if not (found := cloudformation.describe_stacks(StackName=identifier)["Stacks"][0]["StackStatus"]).endswith("_IN_PROGRESS")
                else None
            )
        )
        assert state == "DELETE_COMPLETE", self.reasons(key)
        self._there.remove(key)

    def delete_all(self) -> None:
        """In reverse order."""
        for key in reversed(list(self._there)):
            self.delete(key)

    def resources(self, key: Key) -> dict[str, str]:
        """Logical id -> physical id."""
        found = self.client("cloudformation", key[0]).describe_stack_resources(StackName=key[1])["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    def workers(self) -> dict[str, str]:
        """The parts of the main network that are the workers', but for the routes to where they lead; none before it is made."""
        parts = self.resources((MAIN, f"{HOST}-region")) if self._there else {}
        return {name: found for name, found in parts.items() if name.startswith("Workers") and "DefaultRoute" not in name}

    def ways_out(self) -> set[str]:
        """Where the tables of the main network's workers lead everything else."""
        tables = [found for name, found in self.workers().items() if name.startswith("WorkersRoutes")]
        there = self.client("ec2").describe_route_tables(RouteTableIds=tables)["RouteTables"]
        routes = [route for table in there for route in table["Routes"] if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
        assert len(routes) in (0, len(tables))
        return {route.get("NatGatewayId") or route["GatewayId"] for route in routes}

    def routes(self, region: str, cidr: str) -> list[dict[str, Any]]:
        """Where route tables lead a range, of those that lead it anywhere."""
        tables = self.client("ec2", region).describe_route_tables()["RouteTables"]
        return [route for table in tables for route in table["Routes"] if route.get("DestinationCidrBlock") == cidr]

    def left(self, region: str) -> dict[str, list[Any]]:
        """What of a region is not as in a new account."""
        ec2 = self.client("ec2", region)
        vpcs = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
        here = [{"Name": "vpc-id", "Values": vpcs}]
        return {
            "networks": vpcs,
            "subnets": [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"] if not subnet["DefaultForAz"]],
            "groups": ec2.describe_security_groups(Filters=here)["SecurityGroups"] if vpcs else [],
            "addresses": ec2.describe_addresses()["Addresses"],
            "gateways": [nat for nat in ec2.describe_nat_gateways()["NatGateways"] if nat["State"] != "deleted"],
            "endpoints": ec2.describe_vpc_endpoints()["VpcEndpoints"],
            "flow logs": ec2.describe_flow_logs()["FlowLogs"],
            "connections": [
                each for each in ec2.describe_vpc_peering_connections()["VpcPeeringConnections"] if each["Status"]["Code"] != "deleted"
            ],
            "repositories": self.client("ecr", region).describe_repositories()["repositories"],
            "parameters": self.client("ssm", region).describe_parameters()["Parameters"],
            "functions": self.client("lambda", region).list_functions()["Functions"],
            "logs": self.client("logs", region).describe_log_groups()["logGroups"],
            "roles": [role for role in self.client("iam", region).list_roles()["Roles"] if role["RoleName"].startswith(HOST)],
        }


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
    connection = networks.client("ec2", MAIN).describe_vpc_peering_connections()["VpcPeeringConnections"][0]
    assert connection["Status"]["Code"] == "active"
    vpcs = [networks.resources((region, f"{HOST}-region"))["Vpc"] for region in (MAIN, HUB)]
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


def test_a_value_that_is_not_there_fails_its_stack(networks: Networks, synthesizer: Synthesizer) -> None:
    """With the parameter and the region in the reason."""
    wanted = network_targets(networks.place, {MAIN: {}, HUB: {"peer_with_main_region": True}})
    target = next(target for target in wanted if target.key == (HUB, f"{HOST}-region"))
    template = json.loads(synthesizer.templates([target])[target.key].text)
    template["Resources"]["NetworkValue"]["Properties"]["WaitSeconds"] = 1
    assert networks.apply(target.key, template) == "ROLLBACK_COMPLETE"
    parameter = naming.network_value(HOST, "vpc-id")
    assert any(f"cannot read parameter {parameter} of {MAIN}" in reason for reason in networks.reasons(target.key))
