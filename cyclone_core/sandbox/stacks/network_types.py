"""AWS::EC2::* that regions need and ministack's CloudFormation lacks, made by the operations of its EC2."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from xml.etree import ElementTree

from cyclone_core.sandbox.stacks.resource_type import Made, Properties


class Ec2(Protocol):
    """ministack's EC2."""

    def call(self, operation: str, parameters: Mapping[str, str], region: str = "") -> ElementTree.Element:
        """The answer of an operation, without namespaces; region: "" for the stack's. Raises ValueError with EC2's message."""


class _NetworkType:
    """What they share: each has an id of its own, and every change but of tags makes a new one."""

    name = ""
    name_property = ""
    replacing: tuple[str, ...] = ()

    def __init__(self, ec2: Ec2) -> None:
        self._ec2 = ec2

    def create(self, logical_id: str, properties: Properties) -> Made:
        """Make one."""
        raise NotImplementedError

    def update(self, physical_id: str, old: Properties, new: Properties, logical_id: str) -> Made:
        """Tags in place, else a new one."""
        if any(old.get(key) != new.get(key) for key in {*old, *new} - {"Tags"}):
            return self.create(logical_id, new)
        self._tag(physical_id, new)
        return physical_id, {}

    def _tag(self, resource_id: str, properties: Properties) -> None:
        if properties.get("Tags"):
            pairs = {f"Tag.{at}.{key}": str(tag[key]) for at, tag in enumerate(properties["Tags"], 1) for key in ("Key", "Value")}
            self._ec2.call("CreateTags", {"ResourceId.1": resource_id, **pairs})

    def _delete(self, operation: str, parameter: str, resource_id: str) -> None:
        try:
            self._ec2.call(operation, {parameter: resource_id})
        except ValueError as exc:
            if "NotFound" not in str(exc):
                raise


class ElasticIp(_NetworkType):
    """AWS::EC2::EIP; `Ref` is the address."""

    name = "AWS::EC2::EIP"

    def create(self, logical_id: str, properties: Properties) -> Made:
        """AllocateAddress."""
        answer = self._ec2.call("AllocateAddress", {"Domain": properties.get("Domain", "vpc")})
        address, allocation = _text(answer, ".//publicIp"), _text(answer, ".//allocationId")
        self._tag(allocation, properties)
        return address, {"AllocationId": allocation, "PublicIp": address}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """ReleaseAddress."""
        for item in self._ec2.call("DescribeAddresses", {}).iter("item"):
            if item.findtext("publicIp") == physical_id:
                self._delete("ReleaseAddress", "AllocationId", _text(item, "allocationId"))


class NatGateway(_NetworkType):
    """AWS::EC2::NatGateway."""

    name = "AWS::EC2::NatGateway"
    replacing = ("AllocationId", "ConnectivityType", "SubnetId")

    def create(self, logical_id: str, properties: Properties) -> Made:
        """CreateNatGateway, in a subnet that is there."""
        self._ec2.call("DescribeSubnets", {"SubnetId.1": properties["SubnetId"]})
        given = {key: properties[key] for key in ("SubnetId", "AllocationId", "ConnectivityType") if key in properties}
        identifier = _text(self._ec2.call("CreateNatGateway", given), ".//natGatewayId")
        self._tag(identifier, properties)
        return identifier, {"NatGatewayId": identifier}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """DeleteNatGateway."""
        self._delete("DeleteNatGateway", "NatGatewayId", physical_id)


class PeeringConnection(_NetworkType):
    """AWS::EC2::VPCPeeringConnection inside one account: the other side accepts at once."""

    name = "AWS::EC2::VPCPeeringConnection"
    replacing = ("VpcId", "PeerVpcId", "PeerRegion", "PeerOwnerId")

    def create(self, logical_id: str, properties: Properties) -> Made:
        """CreateVpcPeeringConnection between two networks that are there and do not overlap."""
        mine = self._networks(properties["VpcId"], "")
        theirs = self._networks(properties["PeerVpcId"], properties.get("PeerRegion", ""))
        if any(one.overlaps(other) for one in mine for other in theirs):
            raise ValueError("VpcPeeringConnection failed to stabilize: the CIDR blocks of the VPCs overlap (InvalidParameterValue)")
        given = {key: properties[key] for key in ("VpcId", "PeerVpcId", "PeerRegion", "PeerOwnerId") if key in properties}
        identifier = _text(self._ec2.call("CreateVpcPeeringConnection", given), ".//vpcPeeringConnectionId")
        self._ec2.call("AcceptVpcPeeringConnection", {"VpcPeeringConnectionId": identifier})
        self._tag(identifier, properties)
        return identifier, {"Id": identifier}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """DeleteVpcPeeringConnection."""
        self._delete("DeleteVpcPeeringConnection", "VpcPeeringConnectionId", physical_id)

    def _networks(self, vpc: str, region: str) -> Sequence[ipaddress.IPv4Network]:
        answer = self._ec2.call("DescribeVpcs", {"VpcId.1": vpc}, region)
        return [ipaddress.ip_network(_text(answer, ".//vpcSet/item/cidrBlock"))]  # type: ignore[list-item]  # VPCs begin with an IPv4 block


class FlowLog(_NetworkType):
    """AWS::EC2::FlowLog; nothing is ever written to it."""

    name = "AWS::EC2::FlowLog"
    replacing = ("ResourceId", "ResourceType", "TrafficType", "LogDestination", "LogDestinationType", "LogGroupName")

    def create(self, logical_id: str, properties: Properties) -> Made:
        """CreateFlowLogs for one resource."""
        given = {key: properties[key] for key in self.replacing if key in properties and key != "ResourceId"}
        answer = self._ec2.call("CreateFlowLogs", {**given, "ResourceId.1": properties["ResourceId"]})
        identifier = _text(answer, ".//flowLogIdSet/item")
        self._tag(identifier, properties)
        return identifier, {"Id": identifier}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """DeleteFlowLogs."""
        self._delete("DeleteFlowLogs", "FlowLogId.1", physical_id)


class _SecurityGroupRule(_NetworkType):
    """A rule beside its group, as two groups that name each other need it."""

    _direction = ""
    _other = ""
    """Property with the group at the other end."""

    def create(self, logical_id: str, properties: Properties) -> Made:
        """AuthorizeSecurityGroupIngress or -Egress."""
        self._ec2.call(f"AuthorizeSecurityGroup{self._direction}", self._parameters(properties))
        identifier = f"{properties['GroupId']}|{self._direction.lower()}|{logical_id}"
        return identifier, {"Id": identifier}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """RevokeSecurityGroupIngress or -Egress."""
        try:
            self._ec2.call(f"RevokeSecurityGroup{self._direction}", self._parameters(properties))
        except ValueError as exc:
            if "NotFound" not in str(exc):
                raise

    def _parameters(self, properties: Properties) -> dict[str, str]:
        names = {"IpProtocol": "IpProtocol", "FromPort": "FromPort", "ToPort": "ToPort", "CidrIp": "IpRanges.1.CidrIp"}
        names |= {"CidrIpv6": "Ipv6Ranges.1.CidrIpv6", self._other: "Groups.1.GroupId"}
        given = {f"IpPermissions.1.{names[key]}": str(value) for key, value in properties.items() if key in names}
        return {"GroupId": properties["GroupId"], **given}


class SecurityGroupIngress(_SecurityGroupRule):
    """AWS::EC2::SecurityGroupIngress."""

    name = "AWS::EC2::SecurityGroupIngress"
    _direction, _other = "Ingress", "SourceSecurityGroupId"


class SecurityGroupEgress(_SecurityGroupRule):
    """AWS::EC2::SecurityGroupEgress."""

    name = "AWS::EC2::SecurityGroupEgress"
    _direction, _other = "Egress", "DestinationSecurityGroupId"


TYPES: tuple[type[Any], ...] = (ElasticIp, NatGateway, PeeringConnection, FlowLog, SecurityGroupIngress, SecurityGroupEgress)


def _text(element: ElementTree.Element, path: str) -> str:
    """The text of a member that EC2 always gives. Raises ValueError when it did not."""
    found = element.findtext(path)
    if not found:
        raise ValueError(f"EC2's answer has no {path}")
    return found
