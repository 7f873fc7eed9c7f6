"""What a wizard can offer instead of an empty field: what is there, found out in the background.

`discover` yields findings as they are made, quick ones first, so that a form fills while slow ones (a container engine, an account's
networks) are still looked for. A finding never refuses anything: what cannot be looked at (no engine, no right to list) is a warning
that says why and what to do, and the field stays one that can be typed into. What AWS hosts are offered is `aws_discovery`.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cyclone_core.errors import EngineMissing
from cyclone_core.infra.containers import ContainerEngine, find_engine
from cyclone_core.infra.plan import Bodies
from cyclone_core.resource_bodies import Machine, this_machine
from cyclone_core.resources import LOCAL_REGION, Host

if TYPE_CHECKING:
    from cyclone_core.operations.aws_discovery import Look

_DOCKERFILES = ("Dockerfile", "Containerfile")
_MOST_DIRECTORIES = 400
"""So many directories are looked into for a Dockerfile: a wizard begun in a large tree must not walk it."""
_SKIPPED = ("node_modules", "__pycache__", "site-packages", "venv")


@dataclass(frozen=True)
class Choice:
    """One value that could be taken, and what helps to choose: `c5.large`, "2 vCPUs, 4 GiB, 0.085 USD/h"."""

    value: str
    text: str = ""


@dataclass(frozen=True)
class Finding:
    """What was found out about one field."""

    field: str
    choices: tuple[Choice, ...] = ()
    recommended: object = None
    """a value to begin with, None = the field's own default is good"""
    source: str = ""
    """where it was found: "this machine", "the clusters of this host"
    """
    warning: str = ""
    """why nothing, or not all, could be found, and what to do"""
    remedy: str = ""
    """what to do about the warning, where that is short enough to be told beside the field"""
    limit: int | None = None
    """the most that makes sense, None = no limit is known; more is a warning, not a problem"""
    closed: bool = False
    """whether nothing else is possible: a reference to what must exist, or a limit that is kept"""


def discover(
    host: Host,
    kind: str,
    bodies: Bodies,
    *,
    hosts: tuple[str, ...] = (),
    machine: Machine | None = None,
    engine: Callable[[], ContainerEngine] = find_engine,
    directory: str = ".",
    given: Mapping[str, object] = MappingProxyType({}),
    look: "Look | None" = None,
) -> Iterator[Finding]:
    """Findings for a resource of a kind, the quick ones first; several for one field replace each other.

    bodies: what the host has; hosts: names that are taken; directory: where to look for directories to build images from. given: the
    answers so far, some of which decide what can be found (`depends`); look: the way to an AWS account. Blocking.
    """
    names = hosts if kind == "host" else tuple(bodies.get(kind, {}))
    if free := _free_name(kind, host, names):
        yield Finding("name", recommended=free, source="the first that is free")
    if (str(given.get("type") or "local").lower() if kind == "host" else host.type) == "aws":
        from cyclone_core.operations import aws_discovery, aws_sight

        yield from aws_discovery.discover(host, kind, bodies, given, look or aws_sight.look)
        return
    finders: Mapping[str, Callable[[], Iterator[Finding]]] = {
        "cluster": lambda: _capacity(machine or this_machine()),
        "queue": lambda: _clusters(bodies),
        "definition": lambda: _definition(bodies, engine),
        "image": lambda: _image(directory, engine),
    }
    yield from finders.get(kind, lambda: iter(()))()


def depends(kind: str, host_type: str) -> tuple[str, ...]:
    """Fields after whose change everything is looked for anew."""
    if kind == "host":
        return ("type", *(("profile", "sandbox", "region") if host_type == "aws" else ()))
    return ("name",) if kind == "region" and host_type == "aws" else ()


def _free_name(kind: str, host: Host, taken: tuple[str, ...]) -> str:
    if kind == "region":
        return LOCAL_REGION if host.type == "local" else ""
    return next(name for number in range(1, len(taken) + 2) if (name := f"{kind}-{number}") not in taken)


def _capacity(machine: Machine) -> Iterator[Finding]:
    cores = sorted({max(1, machine.cores // part) for part in (4, 2, 1)})
    yield Finding(
        "max_vcpus", tuple(Choice(str(count), _share(count, machine.cores)) for count in cores), source="this machine", limit=machine.cores
    )
    memory = sorted({max(16, machine.memory_mib // part) for part in (4, 2, 1)})
    choices = tuple(Choice(str(mib), f"{mib / 1024:.1f} GiB, {_share(mib, machine.memory_mib)}") for mib in memory)
    yield Finding("max_memory_mib", choices, source="this machine", limit=machine.memory_mib)


def _share(part: int, whole: int) -> str:
    return "all of this machine" if part == whole else f"{100 * part // whole} % of this machine"


def _clusters(bodies: Bodies) -> Iterator[Finding]:
    clusters = bodies.get("cluster", {})
    choices = tuple(Choice(name, _size(body)) for name, body in sorted(clusters.items()))
    first = "default" if "default" in clusters or not choices else choices[0].value
    warning = "" if choices else "this host has no cluster yet: create one first, or in another wizard"
    yield Finding("cluster", choices, first, "the clusters of this host", warning, closed=True)


def _size(body: Mapping[str, Any]) -> str:
    cores, memory = body.get("max_vcpus"), body.get("max_memory_mib")
    return ", ".join([*([f"{cores} vCPUs"] if cores else []), *([f"{memory:,} MiB"] if memory else [])])


def _definition(bodies: Bodies, engine: Callable[[], ContainerEngine]) -> Iterator[Finding]:
    for field, limit, shown in (("vcpus", "max_vcpus", "{} in cluster {}"), ("memory_limit_mib", "max_memory_mib", "{:,} in cluster {}")):
        sizes = sorted((int(body[limit]), name) for name, body in bodies.get("cluster", {}).items() if body.get(limit))
        choices = tuple(Choice(str(size), shown.format(size, name)) for size, name in sizes)
        yield Finding(field, choices, source="the clusters of this host", limit=sizes[-1][0] if sizes else None, closed=True)
    images = tuple(
        Choice(name, str(body.get("state") or ""))
        for name, body in sorted(bodies.get("image", {}).items())
        if body.get("state") != "DELETING"
    )
    yield Finding("cyclone_image_name", images, source="the images of this host", closed=True)
    yield _local_images("image_uri", engine)


def _image(directory: str, engine: Callable[[], ContainerEngine]) -> Iterator[Finding]:
    found = tuple(Choice(path, f"has a {name}") for path, name in build_directories(directory))
    example = next((choice.value for choice in found if "example" in choice.value), "")
    own = next((choice.value for choice in found if "example" not in choice.value), "")
    warning = "" if found else "no directory with a Dockerfile is near: give a path, or take a local image"
    yield Finding("directory", found, own or example or None, "near the current directory", warning)
    yield _local_images("reference", engine)


def build_directories(directory: str) -> list[tuple[str, str]]:
    """(path as it would be typed, name of its Dockerfile) of this directory and those at most two levels below it."""
    found: list[tuple[str, str]] = []
    queue, seen = [(directory, 0)], 0
    while queue and seen < _MOST_DIRECTORIES:
        path, depth = queue.pop(0)
        seen += 1
        try:
            with os.scandir(path) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue  # one that cannot be read offers nothing
        files = {entry.name for entry in inside}
        dockerfile = next((name for name in _DOCKERFILES if name in files), None)
        if dockerfile:
            found.append((os.path.normpath(path), dockerfile))
        if depth < 2:
            queue += [(entry.path, depth + 1) for entry in inside if _is_worth_a_look(entry)]
    return found


def _is_worth_a_look(entry: "os.DirEntry[str]") -> bool:
    try:
        return not entry.name.startswith(".") and entry.name not in _SKIPPED and entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _local_images(field: str, engine: Callable[[], ContainerEngine]) -> Finding:
    try:
        found = engine()
    except EngineMissing as exc:
        return Finding(field, source="this machine", warning=str(exc))
    images = tuple(Choice(name) for name in found.images() if not name.startswith("cyclone/"))
    return Finding(field, images, source=f"the images that {found.name} has")
