"""Representative hosts, and everything that each of them wants of AWS."""

from collections.abc import Mapping
from typing import Any

from cyclone_core.infra.targets import Target, targets
from cyclone_core.resource_bodies import aws_body
from cyclone_core.resources import Host
from tests.certificates import AUTHORITY
from tests.stacks.bodies import IMAGE, MAIN, PLACE, body

HUB = "eu-west-1"
Bodies = dict[str, dict[str, dict[str, Any]]]


def bodies(
    host: Mapping[str, Any] | None = None,
    regions: Mapping[str, Mapping[str, Any]] | None = None,
    cluster: Mapping[str, Any] | None = None,
    definition: Mapping[str, Any] | None = None,
    queue: Mapping[str, Any] | None = None,
) -> Bodies:
    """Bodies of a host with the fields as a user gives them; None: there is no cluster, definition or queue."""
    model = Host.model_validate({"name": "grid", "type": "aws", "account": PLACE.account, "region": MAIN, **(host or {})})
    found: Bodies = {"host": {"grid": aws_body(model, model, {})}, "region": {}}
    for name, fields in (regions or {MAIN: {}}).items():
        found["region"][name] = body("region", name, found, model, **fields)
    for kind, given in (("cluster", cluster), ("definition", definition), ("queue", queue)):
        if given is not None:
            made = body(
                kind, bodies=found, host=model, **{"name": "default", **({"image_uri": IMAGE} if kind == "definition" else {}), **given}
            )
            found[kind] = {made["name"]: made}
    return found


_EVERY_OPTION_OF_A_CLUSTER = {
    "instance_list": ("c7g", "m7g.large"),
    "compute_envs": 2,
    "bid_percentage": 60,
    "allocation_strategy": "BEST_FIT",
    "iam_policies": ("AmazonS3ReadOnlyAccess",),
    "compute_resources_tags": {"team": "physics"},
    "main_region_image_name": "mine",
    "fallback_instance_list": ("m6g",),
    "first_zones": 2,
    "fallback": {"on-demand": 600},
}
_EVERY_OPTION_OF_A_DEFINITION = {
    "image_uri": "111122223333.dkr.ecr._REGION_.amazonaws.com/tools/mine:1",
    "vcpus": 4,
    "memory_limit_mib": 8192,
    "gpu_count": 1,
    "timeout_minutes": 90,
    "environment": {"GREETING": "hello", "CYCLONE_HOST": "hidden"},
    "user": "nobody",
    "privileged": True,
    "linux_parameters": {"init_process_enabled": True, "shared_memory_size": 64},
    "ulimits": ({"name": "NOFILE", "soft_limit": 1024, "hard_limit": 65536},),
    "host_volumes": ({"name": "data", "source_path": "/data"},),
    "mount_points": ({"source_volume": "data", "container_path": "/mnt/data", "read_only": True},),
    "iam_policies": ("AmazonS3ReadOnlyAccess", "policy/mine"),
    "log_driver": "SYSLOG",
    "log_options": {"syslog-address": "udp://127.0.0.1:514"},
}
HOSTS: Mapping[str, Bodies] = {
    "plain": bodies(cluster={}, definition={}, queue={}),
    "every-option": bodies(
        host={"enable_dashboard": True, "private_api": True},
        regions={MAIN: {"deploy_vpc_endpoints": "DATA_OPTIMISED", "nat_gateways": 2}},
        cluster=_EVERY_OPTION_OF_A_CLUSTER,
        definition=_EVERY_OPTION_OF_A_DEFINITION,
        queue={"priority": 5, "region_distribution_weights": {MAIN: 1}},
    ),
    "peered": bodies(
        regions={MAIN: {"cidr": "10.0.0.0/16"}, HUB: {"cidr": "10.1.0.0/16", "peer_with_main_region": True, "subnet_config": "PUBLIC"}},
        cluster={"type": "ONDEMAND", "max_vcpus": 32},
        definition={"image_uri": None, "cyclone_image_name": "worker"},
    ),
    "ec2": bodies(
        cluster={
            "launch_type": "EC2",
            "instance_list": ("c7g", "m7g.large"),
            "first_zones": 1,
            "compute_resources_tags": {"team": "physics"},
            "iam_policies": ("AmazonS3ReadOnlyAccess",),
        },
        definition={},
        queue={},
    ),
    "machines": bodies(
        regions={MAIN: {}, HUB: {}},
        cluster={"launch_type": "ONPREM", "join_with": "ROLES_ANYWHERE", "certificate_authority": AUTHORITY},
        definition={"image_uri": None},
        queue={},
    ),
    "hybrid": bodies(cluster={"join_with": "SSM"}),
    "isolated": bodies(regions={MAIN: {"subnet_config": "PRIVATE_ISOLATED", "nat_gateways": 0, "deploy_vpc_endpoints": "FOR_PRIVATE_VPC"}}),
    "imported": bodies(
        regions={
            MAIN: {"vpc_id": "vpc-0a1b2c3d4e5f60718"},
            HUB: {"vpc_id": "vpc-1a1b2c3d4e5f60718", "cidr": "172.16.0.0/16", "peer_with_main_region": True},
        }
    ),
}
"""What they are called -> their resources."""


def wanted(host: str) -> list[Target]:
    """Every stack of one of them."""
    return targets(PLACE, HOSTS[host])
