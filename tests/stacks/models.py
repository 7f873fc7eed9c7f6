"""Hosts as users may describe them, for tests over all of them: every field of every model takes part."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from cyclone_core.field_meaning import is_meant
from cyclone_core.infra import stack_checks
from cyclone_core.resource_fields import fields_of
from cyclone_core.resources import Cluster, Host, JobDefinition, Queue, Region, UlimitName
from tests.certificates import AUTHORITY
from tests.stacks.bodies import ACCOUNT, MAIN
from tests.stacks.hosts import HUB, Bodies, bodies

NAMES = st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True).filter(lambda name: name not in (".", ".."))
WORDS = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=20)
TEXTS = st.text(st.characters(exclude_categories=("C",)), max_size=30).filter(lambda text: "{{resolve:" not in text)
POLICIES = st.lists(
    st.sampled_from(("AmazonS3ReadOnlyAccess", "service-role/AmazonEC2RoleforSSM", "policy/mine", f"arn:aws:iam::{ACCOUNT}:policy/ours")),
    max_size=3,
).map(tuple)
INSTANCES = st.one_of(
    st.just(("optimal",)), st.lists(st.sampled_from(("c7g", "m7g.large", "default_arm64")), min_size=1, max_size=3, unique=True).map(tuple)
)
_SUBNETS: tuple[dict[str, Any], ...] = (
    {"subnet_config": "PUBLIC"},
    {"subnet_config": "PRIVATE_ISOLATED", "deploy_vpc_endpoints": "FOR_PRIVATE_VPC"},
    {"subnet_config": "PRIVATE_WITH_NAT", "nat_gateways": 1},
    {"subnet_config": "PRIVATE_WITH_NAT", "nat_gateways": 2, "deploy_vpc_endpoints": "DATA_OPTIMISED"},
)

CLUSTERS: dict[str, SearchStrategy[Any]] = {
    "max_vcpus": st.integers(1, 100_000),
    "launch_type": st.sampled_from(("BATCH", "EC2", "ONPREM")),
    "instance_list": INSTANCES,
    "compute_envs": st.integers(1, 3),
    "type": st.sampled_from(("SPOT", "ONDEMAND")),
    "bid_percentage": st.integers(1, 100),
    "allocation_strategy": st.sampled_from(("SPOT_CAPACITY_OPTIMIZED", "BEST_FIT_PROGRESSIVE", "BEST_FIT")),
    "iam_policies": POLICIES,
    "compute_resources_tags": st.dictionaries(WORDS, TEXTS, max_size=3),
    "main_region_image_name": st.none() | WORDS,
    "fallback_instance_list": st.sampled_from(((), ("r7g",))),
    "first_zones": st.none() | st.integers(1, 6),
    "fallback": st.dictionaries(st.sampled_from(("instance-types", "zones", "regions", "on-demand")), st.integers(0, 86_400)),
}
DEFINITIONS: dict[str, SearchStrategy[Any]] = {
    "use_cyclone_image": st.booleans(),
    "cyclone_image_name": st.none(),  # images of AWS hosts are not there yet
    "image_uri": st.sampled_from(
        ("python:3.14", "111122223333.dkr.ecr._REGION_.amazonaws.com/tools/mine:1", "ghcr.io/a/b@sha256:" + "0" * 64)
    ),
    "vcpus": st.integers(1, 192),
    "memory_limit_mib": st.integers(4, 1_000_000),
    "timeout_minutes": st.sampled_from((0, 1, 1.5, 100_000)),
    "jobs_to_workers_ratio": st.integers(1, 1000),
    "working_directory": st.sampled_from((None, "submit", "worker")),
    "environment": st.dictionaries(WORDS, TEXTS, max_size=4),
    "output_limit_mib": st.integers(1, 1000),
    "user": st.none() | WORDS,
    "privileged": st.booleans(),
    "linux_parameters": st.none()
    | st.fixed_dictionaries({"init_process_enabled": st.booleans(), "shared_memory_size": st.none() | st.integers(1, 100_000)}),
    "ulimits": st.lists(
        st.fixed_dictionaries(
            {"name": st.sampled_from(UlimitName.__args__[0].__args__), "soft_limit": st.integers(-1, 9), "hard_limit": st.integers(-1, 9)}
        ),
        max_size=3,
    ),
    "gpu_count": st.integers(0, 8),
    "iam_policies": POLICIES,
    "log_driver": st.sampled_from((None, "AWSLOGS", "FLUENTD", "GELF", "JOURNALD", "JSON_FILE", "SPLUNK", "SYSLOG")),
    "log_options": st.dictionaries(st.sampled_from(("awslogs-group", "tag", "awslogs-create-group")), WORDS, max_size=2),
    "enable_qlog": st.booleans(),
}
QUEUES: dict[str, SearchStrategy[Any]] = {
    "priority": st.integers(-1000, 1000),
    "paused": st.booleans(),
    "automate_region_weights": st.booleans(),
    "region_distribution_weights": st.dictionaries(st.just(MAIN), st.integers(0, 9) | st.just("auto"), max_size=1),
}
_FOUND_OTHERWISE = {
    "host": {"name", "type", "account", "region", "vpc", "auto_init_main", "profile", "sandbox"},
    "cluster": {"name", "join_with", "certificate_authority"},
    "definition": {"name", "host_volumes", "mount_points"},
    "queue": {"name", "cluster"},
}
"""Fields that are drawn together with others, that are the same for all, or that only the user's machine has."""


@st.composite
def clusters(draw: DrawFn) -> dict[str, Any]:
    """Fields of a cluster; a strategy that is for spot instances is not asked for on demand, nor are steps that change nothing."""
    found: dict[str, Any] = draw(st.fixed_dictionaries({"name": NAMES}, optional=CLUSTERS))
    if found.get("type") == "ONDEMAND" and found.get("allocation_strategy") == "SPOT_CAPACITY_OPTIMIZED":
        del found["allocation_strategy"]
    changes_nothing = {
        "instance-types": not found.get("fallback_instance_list") and "optimal" not in found.get("instance_list", ("optimal",)),
        "zones": not found.get("first_zones"),
        "on-demand": found.get("type") == "ONDEMAND",
    }
    if "optimal" in found.get("instance_list", ("optimal",)):
        found.pop("fallback_instance_list", None)  # of the other architecture
    if found.get("launch_type") == "ONPREM":
        found = {name: value for name, value in found.items() if is_meant("cluster", name, found)}
    if found.get("launch_type") == "EC2":
        found.pop("compute_envs", None)
        found["max_vcpus"] = found.get("max_vcpus", 1000) + 1  # the smallest instances have two
        found |= {"allocation_strategy": "BEST_FIT_PROGRESSIVE"} if found.get("allocation_strategy") == "BEST_FIT" else {}
    way = draw(st.sampled_from(("PROFILE", "SSM", "ROLES_ANYWHERE")))
    found |= {"join_with": way, **({"certificate_authority": AUTHORITY} if way == "ROLES_ANYWHERE" else {})}
    found["fallback"] = {step: wait for step, wait in found.get("fallback", {}).items() if not changes_nothing.get(step)}
    return found


@st.composite
def definitions(draw: DrawFn) -> dict[str, Any]:
    """Fields of a definition."""
    found: dict[str, Any] = draw(st.fixed_dictionaries({"name": NAMES}, optional=DEFINITIONS))
    found.setdefault("image_uri", "python:3.14")
    volumes = draw(st.lists(NAMES, max_size=2, unique=True))
    found["host_volumes"] = [{"name": name, "source_path": "/data"} for name in volumes]
    found["mount_points"] = [
        {"source_volume": name, "container_path": f"/mnt/{number}", "read_only": draw(st.booleans())} for number, name in enumerate(volumes)
    ]
    return found


@st.composite
def networks(draw: DrawFn, number: int) -> dict[str, Any]:
    """Fields of a region: a network of its own, or one that is there."""
    if draw(st.booleans()):
        return {"vpc_id": f"vpc-{number}a1b2c3d4e5f60718", "cidr": f"10.{number}.0.0/16", "deploy_vpc_endpoints": draw(_endpoints())}
    zones = {"availability_zones": draw(st.integers(2, 4))} if "availability_zones" in Region.model_fields else {}
    return {"cidr": f"10.{number}.0.0/{draw(st.integers(16, 24))}", **draw(st.sampled_from(_SUBNETS)), **zones}


def _endpoints() -> SearchStrategy[str]:
    return st.sampled_from(("OFF", "DATA_OPTIMISED", "FOR_PRIVATE_VPC"))


@st.composite
def hosts(draw: DrawFn) -> Bodies:
    """The bodies of a host with a main region, perhaps a hub, a cluster, a definition and a queue; no plan refuses them."""
    host = draw(st.fixed_dictionaries({"enable_dashboard": st.booleans(), "private_api": st.booleans(), "keep_days": st.integers(1, 3650)}))
    regions = {MAIN: draw(networks(0))}
    if draw(st.booleans()):
        regions[HUB] = draw(networks(1)) | {"peer_with_main_region": draw(st.booleans())}
    cluster, definition = draw(clusters()), draw(definitions())
    queue = draw(st.fixed_dictionaries({"name": NAMES, "cluster": st.just(cluster["name"])}, optional=QUEUES))
    return bodies(host, regions, cluster, definition, queue)


def refused(found: Bodies) -> list[str]:
    """Why a plan would refuse a host."""
    return [
        str(problem)
        for kind, named in found.items()
        if kind != "host"
        for body in named.values()
        for problem in stack_checks.body_problems(kind, body, found)
    ]


def forgotten() -> set[str]:
    """Fields of models that take no part: none, or these tests do not test them."""
    models = {"host": Host, "cluster": Cluster, "definition": JobDefinition, "queue": Queue}
    drawn = {
        "host": {"enable_dashboard", "private_api", "keep_days"},
        "cluster": {*CLUSTERS},
        "definition": {*DEFINITIONS},
        "queue": {*QUEUES},
    }
    return {
        f"{kind}.{spec.name}"
        for kind, model in models.items()
        for spec in fields_of(model)
        if spec.applies_to("aws") and spec.name not in drawn[kind] | _FOUND_OTHERWISE[kind]
    }
