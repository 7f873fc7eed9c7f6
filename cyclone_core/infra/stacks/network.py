"""The network of a region: made from a range of addresses, or imported; what the rest of its stack needs to know of it.

A made one has, per zone, a subnet of workers with a route table of its own, whatever the subnets' configuration: that only decides where
the default routes lead, so workers' subnets and tables (which other stacks import) stay when it changes.

    PUBLIC            an internet gateway; machines get public addresses
    PRIVATE_WITH_NAT  n NAT gateways in small public subnets of the first n zones; the tables are spread over them
    PRIVATE_ISOLATED  none

The default security group cannot be closed by CloudFormation (only a function could); nothing is ever put into it, and it admits none
but its own members. Zones are `Fn::GetAZs` in their order, so no template needs a look into the account.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import CfnTag, Fn, RemovalPolicy, aws_ec2, aws_iam, aws_logs
from constructs import IDependable

from cyclone_core.infra import addresses
from cyclone_core.infra.stacks.base import HostStack
from cyclone_core.infra.stacks.functions import policy, statement
from cyclone_core.infra.targets import Target

EVERYWHERE = "0.0.0.0/0"
_REJECTS_KEPT_DAYS = 14


@dataclass(frozen=True)
class Network:
    """A VPC, and what is the workers' in it."""

    vpc_id: str
    cidr: str
    subnets: Sequence[str]
    route_tables: Sequence[str]
    """of these subnets"""
    made: bool


def imported(body: Mapping[str, Any]) -> Network:
    """The network that a region's body names."""
    return Network(body["vpc_id"], body["cidr"], body["subnets"], body["route_tables"], False)


def zones_of(body: Mapping[str, Any]) -> int:
    """How many zones a made network has."""
    return int(body.get("availability_zones") or addresses.DEFAULT_ZONES)


def make(stack: HostStack, target: Target) -> Network:
    """A new network as a region's body says."""
    body = target.properties["body"]
    maker = _Maker(stack, target.place.host)
    plan = addresses.split(body["cidr"], zones_of(body))
    vpc = aws_ec2.CfnVPC(
        stack, "Vpc", cidr_block=body["cidr"], enable_dns_support=True, enable_dns_hostnames=True, tags=maker.called("network")
    )
    _log_rejects(stack, target, vpc)
    public = body["subnet_config"] == "PUBLIC"
    workers = [maker.subnet("Workers", zone, cidr, vpc, public) for zone, cidr in enumerate(plan.workers, 1)]
    tables = [maker.table(f"WorkersRoutes{zone}", f"workers-{zone}", vpc) for zone, _ in enumerate(workers, 1)]
    for zone, (subnet, table) in enumerate(zip(workers, tables, strict=True), 1):
        maker.associate(f"WorkersRouting{zone}", subnet, table)
    gateways = body["nat_gateways"] if body["subnet_config"] == "PRIVATE_WITH_NAT" else 0
    if public:
        maker.open(tables, maker.internet(vpc))
    elif gateways:
        maker.translate(tables, list(maker.nat_gateways(vpc, plan.public[:gateways])))
    return Network(vpc.ref, body["cidr"], [subnet.ref for subnet in workers], [table.ref for table in tables], True)


def lead_to(stack: HostStack, route_tables: Sequence[str], cidr: str, peering_id: str) -> None:
    """Lead workers to a connected network."""
    for number, table in enumerate(route_tables, 1):
        aws_ec2.CfnRoute(
            stack, f"PeeringRoute{number}", route_table_id=table, destination_cidr_block=cidr, vpc_peering_connection_id=peering_id
        )


class _Maker:
    """Adds parts of a network, each with the host in the name that consoles show."""

    def __init__(self, stack: HostStack, host: str) -> None:
        self._stack, self._host = stack, host

    def called(self, name: str) -> list[CfnTag]:
        return [CfnTag(key="Name", value=f"{self._host}-{name}")]

    def subnet(self, what: str, zone: int, cidr: str, vpc: aws_ec2.CfnVPC, public: bool = False) -> aws_ec2.CfnSubnet:
        """A subnet of the zone with this number, from 1."""
        return aws_ec2.CfnSubnet(
            self._stack,
            f"{what}{zone}",
            vpc_id=vpc.ref,
            cidr_block=cidr,
            availability_zone=Fn.select(zone - 1, Fn.get_azs()),
            map_public_ip_on_launch=public,
            tags=self.called(f"{what.lower()}-{zone}"),
        )

    def table(self, logical_id: str, name: str, vpc: aws_ec2.CfnVPC) -> aws_ec2.CfnRouteTable:
        return aws_ec2.CfnRouteTable(self._stack, logical_id, vpc_id=vpc.ref, tags=self.called(name))

    def associate(self, logical_id: str, subnet: aws_ec2.CfnSubnet, table: aws_ec2.CfnRouteTable) -> IDependable:
        return aws_ec2.CfnSubnetRouteTableAssociation(self._stack, logical_id, subnet_id=subnet.ref, route_table_id=table.ref)

    def internet(self, vpc: aws_ec2.CfnVPC) -> aws_ec2.CfnVPCGatewayAttachment:
        """An internet gateway; what goes through it depends on its attachment."""
        gateway = aws_ec2.CfnInternetGateway(self._stack, "Internet", tags=self.called("internet"))
        return aws_ec2.CfnVPCGatewayAttachment(self._stack, "InternetAttachment", vpc_id=vpc.ref, internet_gateway_id=gateway.ref)

    def open(self, tables: Sequence[aws_ec2.CfnRouteTable], internet: aws_ec2.CfnVPCGatewayAttachment) -> None:
        """Lead workers to the internet."""
        for zone, table in enumerate(tables, 1):
            self._to_internet(f"WorkersDefaultRoute{zone}", table, internet)

    def translate(self, tables: Sequence[aws_ec2.CfnRouteTable], gateways: Sequence[aws_ec2.CfnNatGateway]) -> None:
        """Lead workers to NAT gateways, in turn."""
        for zone, table in enumerate(tables, 1):
            aws_ec2.CfnRoute(
                self._stack,
                f"WorkersDefaultRoute{zone}",
                route_table_id=table.ref,
                destination_cidr_block=EVERYWHERE,
                nat_gateway_id=gateways[(zone - 1) % len(gateways)].ref,
            )

    def nat_gateways(self, vpc: aws_ec2.CfnVPC, cidrs: Sequence[str]) -> Iterator[aws_ec2.CfnNatGateway]:
        """One per range, each in a public subnet of its own zone."""
        internet = self.internet(vpc)
        table = self.table("PublicRoutes", "public", vpc)
        route = self._to_internet("PublicDefaultRoute", table, internet)
        for zone, cidr in enumerate(cidrs, 1):
            subnet = self.subnet("Public", zone, cidr, vpc)
            routing = self.associate(f"PublicRouting{zone}", subnet, table)
            address = aws_ec2.CfnEIP(self._stack, f"NatAddress{zone}", domain="vpc", tags=self.called(f"nat-{zone}"))
            address.node.add_dependency(internet)
            gateway = aws_ec2.CfnNatGateway(
                self._stack,
                f"NatGateway{zone}",
                subnet_id=subnet.ref,
                allocation_id=address.attr_allocation_id,
                tags=self.called(f"nat-{zone}"),
            )
            gateway.node.add_dependency(route, routing)
            yield gateway

    def _to_internet(self, logical_id: str, table: aws_ec2.CfnRouteTable, internet: aws_ec2.CfnVPCGatewayAttachment) -> aws_ec2.CfnRoute:
        route = aws_ec2.CfnRoute(
            self._stack,
            logical_id,
            route_table_id=table.ref,
            destination_cidr_block=EVERYWHERE,
            gateway_id=internet.internet_gateway_id,
        )
        route.node.add_dependency(internet)
        return route


def _log_rejects(stack: HostStack, target: Target, vpc: aws_ec2.CfnVPC) -> None:
    """Flow logs of what was refused. The role cannot make the log group anew when its stack is gone."""
    account = target.place.account
    group = aws_logs.CfnLogGroup(
        stack, "Rejects", log_group_name=f"/cyclone/{target.place.host}/rejects", retention_in_days=_REJECTS_KEPT_DAYS
    )
    group.apply_removal_policy(RemovalPolicy.DESTROY)
    log_of_ours = Fn.sub(f"arn:${{AWS::Partition}}:ec2:{target.region}:{account}:vpc-flow-log/*")
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": log_of_ours}},
    }
    write = policy([statement("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents", on=group.attr_arn)])
    role = aws_iam.CfnRole(
        stack,
        "RejectsRole",
        description="Writes what the network refused into its log",
        assume_role_policy_document=policy([trust]),
        policies=[aws_iam.CfnRole.PolicyProperty(policy_name="write", policy_document=write)],
    )
    aws_ec2.CfnFlowLog(
        stack,
        "RejectsLog",
        resource_id=vpc.ref,
        resource_type="VPC",
        traffic_type="REJECT",
        log_group_name=group.ref,
        deliver_logs_permission_arn=role.attr_arn,
    )
