"""What is stored for a resource: the body that the local engine reads, or that an AWS host's stacks are made from, and back.

A body is a flat JSON object: every field of the model that such a host has, with the defaults filled in, so that whoever reads it never
needs the models (engines run without pydantic). On top of the fields of local hosts:

    region      {"name": "local", "kind": "main", "cores", "memory_mib"}
    image       "reference": the name to run it by, the same however often it is rebuilt; "state", "reason" and "log" of its last build
    definition  "image": reference to run tasks in, or null; "container_options": {"user", "privileged", "init" (null: as the worker
                likes it), "shm_size_mib",
                "ulimits": [{"name", "soft", "hard"}], "mounts": [{"source", "target", "read_only"}]}

and of AWS hosts, where a region's `vpc` is told as `import_vpc` with `vpc_id`, or `cidr`:

    host        never what belongs to one machine: profile, sandbox, auto_init_main
    region      of an imported network "cidr" (its own), "subnets" and "route_tables": those of the workers
    cluster     "machine_images": {region: id, or `copy-of-ID` (`infra.machine_images`)}, when main_region_image_name is given

What of these takes a look at the account (zones, subnets, images) is None, or not there, until a plan is made (`infra.stack_facts`).
"""

import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from cyclone_core.problems import Problem
from cyclone_core.resource_fields import Document, Label, fields_of, plain
from cyclone_core.resources import MODELS, Cluster, Host, Image, JobDefinition, Queue, Region

Body = dict[str, Any]
"""What is stored, as JSON has it."""
_DERIVED: dict[str, frozenset[str]] = {
    "region": frozenset(("kind", "cores", "memory_mib", "subnets", "endpoint_subnets", "route_tables")),
    "cluster": frozenset(("machine_images",)),
    "image": frozenset(("state", "reason", "log", "source")),
    "definition": frozenset(("image", "container_options")),
}
"""Fields of bodies that no model has."""
_LOOKED_UP = ("subnets", "endpoint_subnets", "route_tables", "machine_images")
"""Those of them that were found out in an account."""
_CONTAINER_FIELDS = ("user", "privileged", "linux_parameters", "ulimits", "host_volumes", "mount_points")
"""Fields of a definition that mean nothing without a container."""


NETWORK_FIELDS = ("vpc", "import_vpc", "cidr", "vpc_id")
"""Fields of a region that say which network it has: an update that gives one of them sets all aside."""
MOST_RECORD_BYTES = 8192
"""Of an AWS host's record, an SSM parameter (https://docs.aws.amazon.com/general/latest/gr/ssm.html, advanced parameters)."""
AWS_MAX_VCPUS = 1000
"""vCPUs of a cluster in each region, unless it says otherwise."""
_OF_THIS_MACHINE = ("profile", "sandbox", "auto_init_main")
"""Fields of an AWS host that are no business of other machines."""
Bodies = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""kind -> name -> body"""


@dataclass(frozen=True)
class Machine:
    """What this machine has."""

    cores: int
    """Cores that this process may use."""
    memory_mib: int
    """Physical memory, MiB."""


def this_machine() -> Machine:
    """The machine we run on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(max(1, len(os.sched_getaffinity(0))), max(16, memory // 2**20))


def image_reference(host: str, name: str) -> str:
    """How the container engine knows an image of a local host: `cyclone/HOST:NAME`, where repositories are lower case only."""
    repository = "".join(character if character.isalnum() else "-" for character in host.lower()).strip("-")
    if repository != host:
        repository = f"{repository}-{crc32(host.encode()):08x}".strip("-")
    return f"cyclone/{repository}:{name if name[0].isalnum() or name[0] == '_' else '_' + name}"[: 8 + len(repository) + 1 + 128]


def body(resource: Document, machine: Machine, host: str = "local") -> Body:
    """The body of a resource on a local host. `machine` supplies the defaults that depend on it."""
    fields: Body = {spec.name: plain(getattr(resource, spec.name)) for spec in fields_of(type(resource)) if spec.applies_to("local")}
    match resource:
        case Region():
            fields |= {"kind": "main", "cores": machine.cores, "memory_mib": machine.memory_mib}
        case Cluster():
            fields["max_vcpus"] = resource.max_vcpus or machine.cores
            fields["max_memory_mib"] = resource.max_memory_mib or machine.memory_mib
        case Image():
            fields["directory"] = os.path.abspath(resource.directory) if resource.directory else None
            fields |= {"source": resource.reference, "reference": image_reference(host, resource.name)}
        case JobDefinition():
            fields |= _definition(resource, host)
    return fields


def aws_body(resource: Document, host: Host, bodies: Bodies) -> Body:
    """The body of a resource on an AWS host, next to what the host has. Pure: what takes a look at the account is left open (None)."""
    fields: Body = {spec.name: plain(getattr(resource, spec.name)) for spec in fields_of(type(resource)) if spec.applies_to("aws")}
    match resource:
        case Host():
            fields = {name: value for name, value in fields.items() if name not in _OF_THIS_MACHINE}
        case Region():
            fields |= _network(resource, host, bodies)
            del fields["vpc"]
        case Cluster():
            fields["max_vcpus"] = resource.max_vcpus or AWS_MAX_VCPUS
            if resource.type == "ONDEMAND" and "allocation_strategy" not in resource.model_fields_set:
                fields["allocation_strategy"] = "BEST_FIT_PROGRESSIVE"  # the default is for spot instances only
        case Queue():
            if resource.region_distribution_weights and "automate_region_weights" not in resource.model_fields_set:
                fields["automate_region_weights"] = False  # who gives weights wants these
        case JobDefinition():
            source = resource.image_source
            fields["use_cyclone_image"] = source != "uri"
            fields["cyclone_image_name"] = resource.cyclone_image_name if source == "cyclone" else None
            fields["working_directory"] = resource.working_directory or "worker"
    return fields


def _network(region: Region, host: Host, bodies: Bodies) -> Body:
    """Which network a region has, with subnets and NAT gateways."""
    main = host.region or str(bodies.get("host", {}).get(host.name, {}).get("region") or "")
    vpc_id, cidr = region.vpc_id, region.cidr
    if region.vpc:
        vpc_id, cidr = (region.vpc, cidr) if region.vpc.startswith("vpc-") else (vpc_id, region.vpc)
    elif not (vpc_id or cidr or region.import_vpc) and region.name == main and host.vpc:
        vpc_id, cidr = (host.vpc, None) if host.vpc.startswith("vpc-") else (None, host.vpc)
    imports = bool(vpc_id) or region.import_vpc
    subnets = region.subnet_config or (None if imports else "PRIVATE_WITH_NAT")
    nats = region.nat_gateways
    return {
        "main_region": region.name == main,
        "import_vpc": imports,
        "vpc_id": vpc_id,
        "cidr": cidr or (None if imports else free_cidr(region.name, bodies)),
        "subnet_config": subnets,
        "nat_gateways": nats if nats is not None else int(subnets == "PRIVATE_WITH_NAT" and not imports),
    }


def found_before(kind: str, body: Body, before: Mapping[str, Any] | None) -> Body:
    """What was found out in the account when the resource was stored, as far as it still holds for its new body."""
    same = {"region": ("vpc_id", "subnet_config"), "cluster": ("main_region_image_name",)}.get(kind, ())
    if before is None or any(body.get(name) != before.get(name) for name in same):
        return {}
    return {name: value for name, value in before.items() if name in _DERIVED.get(kind, ()) and name in _LOOKED_UP}


def free_cidr(region: str, bodies: Bodies) -> str:
    """The first of 10.0.0.0/16, 10.1.0.0/16, … that no other region's network overlaps."""
    taken = [network for name, body in bodies.get("region", {}).items() if name != region and (network := read_cidr(body.get("cidr")))]
    choices = (ipaddress.ip_network(f"10.{number}.0.0/16") for number in range(256))
    return str(next((choice for choice in choices if not any(choice.overlaps(other) for other in taken)), "10.0.0.0/16"))


def read_cidr(text: object) -> ipaddress.IPv4Network | None:
    """A range of addresses; None when it is none."""
    try:
        return ipaddress.IPv4Network(str(text))
    except ValueError:
        return None


def _definition(definition: JobDefinition, host: str) -> Body:
    source = definition.image_source
    image = definition.image_uri if source == "uri" else None
    if source == "cyclone":
        image = image_reference(host, str(definition.cyclone_image_name))
    return {
        "use_cyclone_image": source != "uri",
        "cyclone_image_name": definition.cyclone_image_name if source == "cyclone" else None,
        "working_directory": definition.working_directory or "submit",
        "image": image,
        "container_options": container_options(definition) if image else {},
    }


def container_options(definition: JobDefinition) -> Body:
    """What a definition asks of the container, in the terms of docker and podman."""
    sources = {volume.name: volume.source_path for volume in definition.host_volumes}
    kernel = definition.linux_parameters
    return {
        "user": definition.user,
        "privileged": definition.privileged,
        "init": kernel.init_process_enabled if kernel else None,
        "shm_size_mib": kernel.shared_memory_size if kernel else None,
        "ulimits": [{"name": limit.name.lower(), "soft": limit.soft_limit, "hard": limit.hard_limit} for limit in definition.ulimits],
        "mounts": [
            {"source": sources[mount.source_volume], "target": mount.container_path, "read_only": mount.read_only}
            for mount in definition.mount_points
        ],
    }


def settings(kind: str, stored: Mapping[str, Any]) -> Body:
    """The fields of the model in a stored body: what an update starts from. Fields of other versions are left out."""
    known = {spec.name for spec in fields_of(MODELS[kind])}
    found = {name: value for name, value in stored.items() if name in known and name not in _DERIVED.get(kind, ())}
    if kind == "image":
        found["reference"] = stored.get("source")
    return found


def load(text: str) -> Body:
    """A stored body; {} when it is no JSON object (a hand-made database), so that listings go on."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def dump(stored: Mapping[str, Any]) -> str:
    """A body as it is stored: stable, so that equal resources are equal texts; ASCII, so that bytes which are no text survive too."""
    return json.dumps(stored, sort_keys=True, separators=(",", ":"))


def aws_record(stored: Mapping[str, Any]) -> str:
    """A body as an AWS host records it: without `{{`, which CloudFormation and Parameter Store would take for a reference."""
    return dump(stored).replace("{{", "{\\u007b")


def local_problems(resource: Document, label: Label = str) -> list[Problem]:
    """What a local host cannot make of a resource although each field is one that it has."""
    if not isinstance(resource, JobDefinition):
        return []
    found = []
    if "_REGION_" in (resource.image_uri or ""):
        message = "_REGION_ stands for an AWS region, and a local host has none"
        found.append(Problem(label("image_uri"), message, "Write the address of one region's repository"))
    if resource.image_source == "none":
        named = [name for name in _CONTAINER_FIELDS if getattr(resource, name) != JobDefinition.model_fields[name].default]
        for name in named:
            remedy = f"Choose an image ({label('cyclone_image_name')} or {label('image_uri')}), or leave this out"
            found.append(
                Problem(label(name), "it describes a container, and this definition has no image: its tasks run as plain processes", remedy)
            )
    return found
