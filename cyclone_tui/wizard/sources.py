"""What a wizard knows about the world around its draft: the host's resources, this machine, and what discovery found so far. A value."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cyclone_core.errors import CycloneError, InvalidRequest
from cyclone_core.host_registry import HostRegistry
from cyclone_core.operations import hosts, resources
from cyclone_core.operations.discovery import Finding, discover
from cyclone_core.operations.resources import Snapshot
from cyclone_core.paths import DEFAULT_HOST, selected_host
from cyclone_core.problems import Problem
from cyclone_core.resource_bodies import Machine, this_machine
from cyclone_core.resource_fields import plain
from cyclone_core.resources import Host

if TYPE_CHECKING:
    from cyclone_core.operations.aws_discovery import Look

_PATIENCE_S = 60.0
"""So long a wizard waits for what an AWS host has."""
MOST_BYTES = 262_144
"""A file of one kind of resource is never longer."""


@dataclass(frozen=True)
class World:
    """See the module."""

    host: Host
    machine: Machine
    snapshot: Snapshot = field(default_factory=Snapshot)
    hosts: tuple[str, ...] = ()
    """names of all hosts"""
    findings: Mapping[str, Finding] = field(default_factory=dict)
    unavailable: str = ""
    """why nothing can be deployed to the host; "" when it can"""
    look_at: "Look | None" = None
    """the way to AWS accounts, None for the real one"""
    looked: tuple[Mapping[str, object], tuple[Problem, ...]] = ({}, ())
    """what the last look at the machine judged (a draft's `given`), and what it found"""

    def names(self, kind: str) -> tuple[str, ...]:
        """Names of the resources of a kind."""
        return self.hosts if kind == "host" else tuple(sorted(self.snapshot.bodies.get(kind, {})))

    def with_finding(self, finding: Finding) -> "World":
        """One more thing found out."""
        return replace(self, findings={**self.findings, finding.field: finding})


def look(host_name: str | None, kind: str) -> World:
    """The world of a wizard for a resource of a host. Blocking; may start the host. Raises CycloneError for a host that cannot be read."""
    host = hosts.get(host_name)
    names = tuple(found.name for found in HostRegistry().list()[0])
    machine = this_machine()
    if kind == "host":
        return World(host, machine, hosts=names)
    try:
        return World(host, machine, _snapshot(host), names)
    except CycloneError as exc:
        if host.type == "local":
            raise
        return World(host, machine, hosts=names, unavailable=str(exc))


def _snapshot(host: Host) -> Snapshot:
    if host.type == "local":
        return resources.for_host(host).snapshot()
    from cyclone_core.operations import aws_looks, aws_resources

    aws_resources.warm_up()  # while somebody still types
    aws_looks.SHARED.forget(host.name)  # a wizard begins with what is true now, and so does what it is judged by
    return aws_looks.SHARED.look(host.name, _PATIENCE_S).need()


def nowhere() -> World:
    """The world while no host can be read: good enough to make one."""
    names = tuple(found.name for found in HostRegistry().list()[0])
    return World(Host(name=DEFAULT_HOST), this_machine(), hosts=names)


def findings(world: World, kind: str, given: Mapping[str, object] = MappingProxyType({})) -> Iterator[Finding]:
    """What discovery finds out, as it comes. given: the draft's answers so far. Blocking."""
    return discover(world.host, kind, world.snapshot.bodies, hosts=world.hosts, machine=world.machine, given=given, look=world.look_at)


def stored(world: World, kind: str, name: str) -> Mapping[str, Any] | None:
    """What an update starts from; None when there is no such resource. Blocking for hosts."""
    if kind != "host":
        return world.snapshot.bodies.get(kind, {}).get(name)
    return dict(plain(hosts.get(name))) if name in world.hosts else None


def is_selected(host: Host) -> bool:
    """Whether commands without --host use this host."""
    return selected_host() == host.name


def read_file(path: str) -> str:
    """The text of a configuration file. Raises InvalidRequest for one that cannot be read, or is none."""
    try:
        with open(os.path.expanduser(path), "rb", opener=_unblocked) as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise InvalidRequest([Problem(path, f"it cannot be read: {why}", "Give the path of a YAML or JSON file")]) from exc
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidRequest([Problem(path, "it is no text", "Give the path of a YAML or JSON file")]) from exc


def _unblocked(path: str, flags: int) -> int:
    """A pipe that nobody writes into must not hold the thread, and with it the end of the application, for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def directories(typed: str, most: int = 40) -> tuple[tuple[str, str], ...]:
    """Directories that a typed path may become, (path, note): those with a Dockerfile say so. Blocking."""
    folder, _, start = os.path.expanduser(typed).rpartition("/")
    folder = folder + "/" if folder or typed.startswith("/") else ""
    try:
        with os.scandir(folder or ".") as entries:
            names = sorted(entry.name for entry in entries if entry.name.startswith(start) and entry.is_dir())
    except OSError:
        return ()
    shown = [name for name in names if start.startswith(".") or not name.startswith(".")][:most]
    return tuple((folder + name, _dockerfile(folder + name)) for name in shown)


def _dockerfile(path: str) -> str:
    return next((f"has a {name}" for name in ("Dockerfile", "Containerfile") if os.path.exists(os.path.join(path, name))), "")
