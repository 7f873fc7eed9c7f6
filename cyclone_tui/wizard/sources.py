"""What a wizard knows about the world around its draft: the host's resources, this machine, and what discovery found so far. A value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cyclone_core.errors import CycloneError
from cyclone_core.host_registry import HostRegistry
from cyclone_core.operations import hosts, resources
from cyclone_core.operations.discovery import Finding
from cyclone_core.operations.resources import Snapshot
from cyclone_core.problems import Problem
from cyclone_core.resource_bodies import Machine, this_machine
from cyclone_core.resources import Host


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
        of_host = resources.for_host(host)
    except CycloneError as exc:
        return World(host, machine, hosts=names, unavailable=str(exc))
    return World(host, machine, of_host.snapshot(), names)
