"""The stacks of regions: what a network of each kind has, what stays when it changes, and how networks are connected."""

from itertools import combinations
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.infra.synth import Synthesizer
from cyclone_core.infra.targets import Place
from tests.stacks.bodies import MAIN
from tests.stacks.networks import HUB, IMPORTED, default_routes, main_network, properties, replacing, templates, types

ISOLATED = {"subnet_config": "PRIVATE_ISOLATED", "nat_gateways": 0}
PUBLIC = {"subnet_config": "PUBLIC", "nat_gateways": 0}
VARIANTS: tuple[dict[str, Any], ...] = (
    ISOLATED,
    PUBLIC,
    {"nat_gateways": 1},
    {"nat_gateways": 2},
    {"nat_gateways": 3, "deploy_vpc_endpoints": "DATA_OPTIMISED"},
    {**ISOLATED, "deploy_vpc_endpoints": "FOR_PRIVATE_VPC"},
)
REGION = (MAIN, "grid--region")


def test_isolated_workers_have_no_way_out(synthesizer: Synthesizer) -> None:
    """A subnet and a table in each of three zones; endpoints of S3 and DynamoDB cost nothing and are always there."""
    template = main_network(synthesizer, **ISOLATED)
    counts = types(template)
    assert (counts["EC2::Subnet"], counts["EC2::RouteTable"], counts["EC2::Route"], counts["EC2::InternetGateway"]) == (3, 3, 0, 0)
    endpoints = properties(template, "EC2::VPCEndpoint").values()
    assert {each["ServiceName"].rpartition(".")[2] for each in endpoints} == {"s3", "dynamodb"}
    assert all(len(each["RouteTableIds"]) == 3 and each["VpcEndpointType"] == "Gateway" for each in endpoints)


def test_public_workers_are_led_to_the_internet(synthesizer: Synthesizer) -> None:
    """And get public addresses."""
    template = main_network(synthesizer, **PUBLIC)
    assert default_routes(template) == dict.fromkeys(("WorkersRoutes1", "WorkersRoutes2", "WorkersRoutes3"), "Internet")
    assert all(subnet["MapPublicIpOnLaunch"] for subnet in properties(template, "EC2::Subnet").values())
    assert types(template)["EC2::NatGateway"] == 0


@pytest.mark.parametrize(("gateways", "used"), [(1, "111"), (2, "121"), (3, "123")])
def test_nat_gateways_are_shared_by_the_zones(synthesizer: Synthesizer, gateways: int, used: str) -> None:
    """Each is in a public subnet of its own zone; workers have no public addresses."""
    template = main_network(synthesizer, nat_gateways=gateways)
    counts = types(template)
    assert (counts["EC2::NatGateway"], counts["EC2::EIP"], counts["EC2::Subnet"]) == (gateways, gateways, 3 + gateways)
    routes = default_routes(template)
    assert "".join(routes[f"WorkersRoutes{zone}"].removeprefix("NatGateway") for zone in (1, 2, 3)) == used
    assert routes["PublicRoutes"] == "Internet"
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in properties(template, "EC2::Subnet").values())


def test_zones_need_no_look_into_the_account(synthesizer: Synthesizer) -> None:
    """The first ones of the region, each for one subnet of workers."""
    subnets = properties(main_network(synthesizer, availability_zones=2), "EC2::Subnet")
    zones = [subnets[f"Workers{zone}"]["AvailabilityZone"] for zone in (1, 2)]
    assert zones == [{"Fn::Select": [zone, {"Fn::GetAZs": ""}]} for zone in (0, 1)]
    assert "Workers3" not in subnets


@pytest.mark.parametrize(("before", "after"), list(combinations(VARIANTS, 2)))
def test_nothing_is_replaced_when_a_network_changes(synthesizer: Synthesizer, before: Any, after: Any) -> None:
    """What both have differs only in properties that AWS changes in place."""
    one, other = (main_network(synthesizer, **fields)["Resources"] for fields in (before, after))
    both = one.keys() & other.keys()
    assert {"Vpc", "Workers1", "WorkersRoutes1", "WorkersRouting1", "WorkersGroup", "S3Endpoint", "Images"} <= both
    for name in both:
        assert one[name]["Type"] == other[name]["Type"]
        mine, theirs = one[name]["Properties"], other[name]["Properties"]
        differing = {key for key in {*mine, *theirs} if mine.get(key) != theirs.get(key)}
        assert not differing & replacing(one[name]["Type"]), name


@pytest.mark.parametrize("fields", VARIANTS)
def test_what_other_stacks_import_never_changes(synthesizer: Synthesizer, fields: Any) -> None:
    """CloudFormation would refuse it as long as a cluster is in the region."""
    outputs = main_network(synthesizer, **fields)["Outputs"].values()
    values = {output["Export"]["Name"]: output["Value"] for output in outputs}
    subnets, tables = ([{"Ref": f"{what}{zone}"} for zone in (1, 2, 3)] for what in ("Workers", "WorkersRoutes"))
    assert values == {
        "grid--vpc-id": {"Ref": "Vpc"},
        "grid--subnets": {"Fn::Join": [",", subnets]},
        "grid--route-tables": {"Fn::Join": [",", tables]},
        "grid--security-group": {"Fn::GetAtt": ["WorkersGroup", "GroupId"]},
    }


def test_an_imported_network_is_left_as_it_is(synthesizer: Synthesizer) -> None:
    """The workers' group, the repository and what tells of it: nothing else is made."""
    template = main_network(synthesizer, **IMPORTED)
    assert types(template) == {"EC2::SecurityGroup": 1, "ECR::Repository": 1, "SSM::Parameter": 2}
    values = {output["Export"]["Name"]: output["Value"] for output in template["Outputs"].values()}
    assert (values["grid--vpc-id"], values["grid--subnets"]) == (IMPORTED["vpc_id"], ",".join(IMPORTED["subnets"]))


def test_endpoints_of_an_imported_network(synthesizer: Synthesizer) -> None:
    """Where they are asked for; interface endpoints are reached in one subnet of each zone."""
    template = main_network(synthesizer, **IMPORTED, deploy_vpc_endpoints="DATA_OPTIMISED", endpoint_subnets=IMPORTED["subnets"][:1])
    endpoints = properties(template, "EC2::VPCEndpoint")
    assert endpoints["S3Endpoint"]["RouteTableIds"] == IMPORTED["route_tables"]
    assert endpoints["LogsEndpoint"]["SubnetIds"] == IMPORTED["subnets"][:1]
    assert endpoints["LogsEndpoint"]["VpcId"] == IMPORTED["vpc_id"]


@pytest.mark.parametrize(
    ("which", "services"),
    [
        ("DATA_OPTIMISED", "ecr.api ecr.dkr logs"),
        ("FOR_PRIVATE_VPC", "batch ecr.api ecr.dkr ecs ecs-agent ecs-telemetry logs monitoring sqs ssm sts"),
    ],
)
def test_interface_endpoints(synthesizer: Synthesizer, which: str, services: str) -> None:
    """In every zone, under the services' own names, for HTTPS from the network."""
    template = main_network(synthesizer, deploy_vpc_endpoints=which)
    found = [each for each in properties(template, "EC2::VPCEndpoint").values() if each["VpcEndpointType"] == "Interface"]
    assert sorted(each["ServiceName"].removeprefix(f"com.amazonaws.{MAIN}.") for each in found) == services.split()
    assert all(each["PrivateDnsEnabled"] and len(each["SubnetIds"]) == 3 for each in found)
    rules = properties(template, "EC2::SecurityGroup")["EndpointsGroup"]["SecurityGroupIngress"]
    assert [(rule["CidrIp"], rule["FromPort"], rule["ToPort"]) for rule in rules] == [("10.0.0.0/16", 443, 443)]


def test_names_of_services_in_china(synthesizer: Synthesizer) -> None:
    """Some are others there; those of gateways are not."""
    there = "cn-north-1"
    made = templates(synthesizer, {there: {"deploy_vpc_endpoints": "DATA_OPTIMISED"}}, Place("grid", "123456789012", there))
    found = properties(made[there, naming.stack("grid", "region")], "EC2::VPCEndpoint")
    assert found["EcrApiEndpoint"]["ServiceName"] == "cn.com.amazonaws.cn-north-1.ecr.api"
    assert found["LogsEndpoint"]["ServiceName"] == "com.amazonaws.cn-north-1.logs"
    assert found["S3Endpoint"]["ServiceName"] == "com.amazonaws.cn-north-1.s3"


@pytest.mark.parametrize("fields", [*VARIANTS, IMPORTED])
def test_nobody_connects_to_workers(synthesizer: Synthesizer, fields: Any) -> None:
    """Their group has no rule for what comes in, and no group admits the whole world."""
    groups = properties(main_network(synthesizer, **fields), "EC2::SecurityGroup")
    assert "SecurityGroupIngress" not in groups["WorkersGroup"]
    rules = [rule for group in groups.values() for rule in group.get("SecurityGroupIngress", ())]
    assert not any(rule["CidrIp"].endswith("/0") for rule in rules)


def test_rejected_packets_are_logged_for_a_while(synthesizer: Synthesizer) -> None:
    """By a role that cannot make the log anew after the stack is gone."""
    template = main_network(synthesizer)
    assert properties(template, "EC2::FlowLog")["RejectsLog"]["TrafficType"] == "REJECT"
    assert properties(template, "Logs::LogGroup")["Rejects"]["RetentionInDays"] == 14
    actions = properties(template, "IAM::Role")["RejectsRole"]["Policies"][0]["PolicyDocument"]["Statement"][0]["Action"]
    assert "logs:CreateLogGroup" not in actions


def test_the_repository_of_images(synthesizer: Synthesizer) -> None:
    """Scanned, encrypted, rid of what was replaced, and emptied when it is deleted."""
    images = properties(main_network(synthesizer), "ECR::Repository")["Images"]
    assert images["RepositoryName"] == naming.repository("grid")
    assert images["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert images["EncryptionConfiguration"] == {"EncryptionType": "AES256"}
    assert images["EmptyOnDelete"] is True
    assert '"untagged"' in images["LifecyclePolicy"]["LifecyclePolicyText"]


def test_a_hub_is_recorded_in_the_main_region(synthesizer: Synthesizer) -> None:
    """The hub's own stack has no record, and tells others where its network is."""
    found = templates(synthesizer, {MAIN: {}, HUB: {}})
    assert list(found) == [REGION, (MAIN, f"grid--hub-{HUB}"), (HUB, "grid--region")]
    assert list(found[MAIN, f"grid--hub-{HUB}"]["Resources"]) == ["Record"]
    parameters = properties(found[HUB, "grid--region"], "SSM::Parameter")
    assert [each["Name"] for each in parameters.values()] == [naming.network_value("grid", "vpc-id")]
    assert "RouteTables" not in found[HUB, "grid--region"]["Outputs"]


def test_peered_networks_lead_to_each_other(synthesizer: Synthesizer) -> None:
    """From every table of workers to the other's range."""
    found = templates(synthesizer, {MAIN: {}, HUB: {"peer_with_main_region": True}})
    there, here = found[HUB, "grid--region"], found[MAIN, f"grid--peering-{HUB}"]
    peering = properties(there, "EC2::VPCPeeringConnection")["Peering"]
    assert (peering["PeerRegion"], peering["PeerVpcId"]) == (MAIN, {"Fn::GetAtt": ["NetworkValue", "Value"]})
    led = [route for route in properties(there, "EC2::Route").values() if "VpcPeeringConnectionId" in route]
    assert [route["DestinationCidrBlock"] for route in led] == ["10.0.0.0/16"] * 3
    back = properties(here, "EC2::Route").values()
    assert [route["DestinationCidrBlock"] for route in back] == ["10.1.0.0/16"] * 3
    assert [route["RouteTableId"]["Fn::Select"][0] for route in back] == [0, 1, 2]


def test_peering_with_an_imported_main_network(synthesizer: Synthesizer) -> None:
    """Its route tables are those that its body names."""
    found = templates(synthesizer, {MAIN: IMPORTED, HUB: {"peer_with_main_region": True}})
    back = properties(found[MAIN, f"grid--peering-{HUB}"], "EC2::Route").values()
    assert [route["RouteTableId"] for route in back] == IMPORTED["route_tables"]


@pytest.mark.parametrize("replaced", [MAIN, HUB])
def test_another_network_is_looked_up_again(synthesizer: Synthesizer, replaced: str) -> None:
    """Each side's lookup has properties that change with what it depends on; another number of gateways is no reason."""

    def lookups(**fields: Any) -> list[Any]:
        settings: dict[str, Any] = {MAIN: {}, HUB: {"peer_with_main_region": True}}
        found = templates(synthesizer, {**settings, replaced: {**settings[replaced], **fields}})
        return [found[key]["Resources"]["NetworkValue"] for key in ((HUB, "grid--region"), (MAIN, f"grid--peering-{HUB}"))]

    before, (there, here) = lookups(), lookups(**IMPORTED)
    assert here != before[1]
    assert (there != before[0]) == (replaced == MAIN)
    assert lookups(nat_gateways=3) == before


def test_a_lookup_may_read_one_parameter(synthesizer: Synthesizer) -> None:
    """And write its own log, which is kept for a while; CloudFormation does not wait an hour for it."""
    found = templates(synthesizer, {MAIN: {}, HUB: {"peer_with_main_region": True}})[MAIN, f"grid--peering-{HUB}"]
    statements = properties(found, "IAM::Role")["LookupRole"]["Policies"][0]["PolicyDocument"]["Statement"]
    reads = [each for each in statements if each["Action"] == ["ssm:GetParameter"]]
    parameter = naming.network_value("grid", "peering-id")
    assert [each["Resource"] for each in reads] == [{"Fn::Sub": f"arn:${{AWS::Partition}}:ssm:{HUB}:123456789012:parameter{parameter}"}]
    assert len(statements) == 2
    assert properties(found, "Logs::LogGroup")["LookupLogs"]["RetentionInDays"]
    assert found["Resources"]["NetworkValue"]["Properties"]["ServiceTimeout"] <= 300
    assert len(properties(found, "Lambda::Function")["Lookup"]["Code"]["ZipFile"]) <= 4096
