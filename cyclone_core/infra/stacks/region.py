"""Stack of kind region: the network where a host's workers are and the repository of their images; of a hub also its side of the peering.

Other stacks of the region import `vpc-id`, `subnets` and `security-group`; other regions look up `vpc-id` and `peering-id`.
"""

from typing import Any

from aws_cdk import CfnTag, Fn, aws_ec2, aws_ecr, aws_ssm

from cyclone_core import naming, resource_bodies
from cyclone_core.infra import addresses
from cyclone_core.infra.stacks import endpoints, network
from cyclone_core.infra.stacks.base import HostStack, export
from cyclone_core.infra.stacks.lookup import network_value
from cyclone_core.infra.stacks.network import Network
from cyclone_core.infra.targets import Target

_UNTAGGED_DAYS = 14
"""An image whose tag went to another one is kept so long: jobs that began with it may start tasks with it still."""


def build(stack: HostStack, target: Target) -> None:
    """Add a region's network. properties: body; peer: None, or the main region whose network this hub's is connected with."""
    body, host = target.properties["body"], target.place.host
    there = network.imported(body) if body.get("vpc_id") else network.make(stack, target)
    group = _workers_group(stack, there, host)
    endpoints.add(stack, there, body["deploy_vpc_endpoints"], host, body.get("endpoint_subnets") or there.subnets)
    _image_repository(stack, host)
    export(stack, target, "vpc-id", there.vpc_id)
    export(stack, target, "subnets", Fn.join(",", there.subnets))
    export(stack, target, "security-group", group.attr_group_id)
    if there.made and target.region == target.place.main_region:
        export(stack, target, "route-tables", Fn.join(",", there.route_tables))
    _tell(stack, target, "vpc-id", there.vpc_id)
    if target.properties.get("peer"):
        _peer(stack, target, there, target.properties["peer"])


def _workers_group(stack: HostStack, there: Network, host: str) -> aws_ec2.CfnSecurityGroup:
    """Workers fetch their work: nobody opens a connection to them."""
    out = aws_ec2.CfnSecurityGroup.EgressProperty(ip_protocol="-1", cidr_ip=network.EVERYWHERE, description="everything")
    return aws_ec2.CfnSecurityGroup(
        stack,
        "WorkersGroup",
        group_description=f"Workers of Cyclone host {host}",
        vpc_id=there.vpc_id,
        security_group_egress=[out],
        tags=[CfnTag(key="Name", value=f"{host}-workers")],
    )


def _image_repository(stack: HostStack, host: str) -> None:
    """Images are its tags, and building one again moves its tag: tags are mutable."""
    forget = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": _UNTAGGED_DAYS}
    rule = {"rulePriority": 1, "description": "images that were replaced", "selection": forget, "action": {"type": "expire"}}
    aws_ecr.CfnRepository(
        stack,
        "Images",
        repository_name=naming.repository(host),
        image_tag_mutability="MUTABLE",
        image_scanning_configuration=aws_ecr.CfnRepository.ImageScanningConfigurationProperty(scan_on_push=True),
        encryption_configuration=aws_ecr.CfnRepository.EncryptionConfigurationProperty(encryption_type="AES256"),
        lifecycle_policy=aws_ecr.CfnRepository.LifecyclePolicyProperty(lifecycle_policy_text=resource_bodies.dump({"rules": [rule]})),
        empty_on_delete=True,
    )


def _tell(stack: HostStack, target: Target, what: str, value: str) -> None:
    """Offer a value to stacks of other regions."""
    name = naming.network_value(target.place.host, what)
    logical_id = "".join(word.capitalize() for word in what.split("-"))
    aws_ssm.CfnParameter(stack, f"{logical_id}Parameter", type="String", name=name, value=value)


def _peer(stack: HostStack, target: Target, there: Network, peer: dict[str, Any]) -> None:
    """Ask for the connection with the main region's network (inside one account it is granted at once) and lead workers to it."""
    networks = {peer["region"]: addresses.vpc_of(peer)}
    connection = aws_ec2.CfnVPCPeeringConnection(
        stack,
        "Peering",
        vpc_id=there.vpc_id,
        peer_vpc_id=network_value(stack, target, "vpc-id", peer["region"], networks),
        peer_region=peer["region"],
        tags=[CfnTag(key="Name", value=f"{target.place.host}-{target.region}-{peer['region']}")],
    )
    network.lead_to(stack, there.route_tables, peer["cidr"], connection.ref)
    _tell(stack, target, "peering-id", connection.ref)
