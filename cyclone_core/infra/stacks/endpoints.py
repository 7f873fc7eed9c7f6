"""Ways from a network to AWS services that need no internet.

Gateway endpoints cost nothing; interface endpoints cost by the hour, zone and service, so only those are made that were asked for.

DATA_OPTIMISED    what moves data: images (Amazon ECR; its layers come from S3) and logs, beside S3 and DynamoDB
FOR_PRIVATE_VPC   everything that a worker in a network without internet needs, and the machine below it:
                  ECS and its agent and telemetry: without all three, instances do not join their cluster
                  (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html,
                  https://docs.aws.amazon.com/batch/latest/userguide/vpc-endpoint-considerations.html); STS, SQS, SSM, Batch and
                  CloudWatch: what workers ask for credentials, work, settings and their own state, and where they report

Lambda is not among them: workers call no function.
"""

from collections.abc import Sequence

from aws_cdk import CfnTag, aws_ec2

from cyclone_core.infra.interface_endpoints import INTERFACES
from cyclone_core.infra.stacks.base import HostStack
from cyclone_core.infra.stacks.network import Network

GATEWAYS = {"S3Endpoint": "s3", "DynamoDbEndpoint": "dynamodb"}
"""Logical id -> service."""
_CHINESE = frozenset(("batch", "ecr.api", "ecr.dkr", "monitoring", "sqs", "sts"))
"""Services whose interface endpoints have names of their own in China
(https://docs.amazonaws.cn/en_us/vpc/latest/privatelink/aws-services-privatelink-support.html)."""
_NOWHERE = "127.0.0.1/32"
"""A rule for it replaces the one that CloudFormation else gives every group, which lets everything out."""


def add(stack: HostStack, network: Network, which: str, host: str, subnets: Sequence[str]) -> None:
    """Endpoints of a network. which: `deploy_vpc_endpoints`; subnets: one in each zone where interface endpoints are reached."""
    if network.made or which != "OFF":
        for logical_id, service in GATEWAYS.items():
            aws_ec2.CfnVPCEndpoint(
                stack,
                logical_id,
                vpc_endpoint_type="Gateway",
                service_name=_name(stack, service),
                vpc_id=network.vpc_id,
                route_table_ids=list(network.route_tables),
            )
    if INTERFACES[which]:
        group = _https_from(stack, network, host)
        for logical_id, service in INTERFACES[which].items():
            aws_ec2.CfnVPCEndpoint(
                stack,
                logical_id,
                vpc_endpoint_type="Interface",
                service_name=_name(stack, service),
                vpc_id=network.vpc_id,
                subnet_ids=list(subnets),
                security_group_ids=[group.ref],
                private_dns_enabled=True,
            )


def _https_from(stack: HostStack, network: Network, host: str) -> aws_ec2.CfnSecurityGroup:
    """Admits HTTPS from the network; endpoints answer, they open no connections."""
    https = aws_ec2.CfnSecurityGroup.IngressProperty(
        ip_protocol="tcp", from_port=443, to_port=443, cidr_ip=network.cidr, description="HTTPS from the network"
    )
    return aws_ec2.CfnSecurityGroup(
        stack,
        "EndpointsGroup",
        group_description=f"Endpoints of AWS services for Cyclone host {host}",
        vpc_id=network.vpc_id,
        security_group_ingress=[https],
        security_group_egress=[aws_ec2.CfnSecurityGroup.EgressProperty(ip_protocol="-1", cidr_ip=_NOWHERE, description="nothing")],
        tags=[CfnTag(key="Name", value=f"{host}-endpoints")],
    )


def _name(stack: HostStack, service: str) -> str:
    prefix = "cn.com.amazonaws" if stack.region.startswith("cn-") and service in _CHINESE else "com.amazonaws"
    return f"{prefix}.{stack.region}.{service}"
