"""What is stored for a resource: the body that the local engine reads, made from a model, and back.

A body is a flat JSON object: every field of the model that a local host has, with the defaults filled in, so that the engine never needs
the models (it runs without pydantic). On top of the fields:

    region      {"name": "local", "kind": "main", "cores", "memory_mib"}
    image       "reference": the name to run it by, the same however often it is rebuilt; "state", "reason" and "log" of its last build
    definition  "image": reference to run tasks in, or null; "container_options": {"user", "privileged", "init" (null: as the worker
                likes it), "shm_size_mib",
                "ulimits": [{"name", "soft", "hard"}], "mounts": [{"source", "target", "read_only"}]}
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from cyclone_core.problems import Problem
from cyclone_core.resource_fields import Document, Label, fields_of, plain
from cyclone_core.resources import MODELS, Cluster, Image, JobDefinition, Region

Body = dict[str, Any]
"""What is stored, as JSON has it."""
_DERIVED: dict[str, frozenset[str]] = {
    "region": frozenset(("kind", "cores", "memory_mib")),
    "image": frozenset(("state", "reason", "log", "source")),
    "definition": frozenset(("image", "container_options")),
}
"""Fields of bodies that no model has."""
_CONTAINER_FIELDS = ("user", "privileged", "linux_parameters", "ulimits", "host_volumes", "mount_points")
"""Fields of a definition that mean nothing without a container."""


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
