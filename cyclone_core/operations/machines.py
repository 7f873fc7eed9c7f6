"""Use case: which machines with several slots work for a host, EC2's and those that joined, and how much of them is in use.

They say so themselves each minute (`scheduler.dynamo.machine_items`). Nothing is written, and no machine is asked.
"""

import time
from dataclasses import dataclass

from cyclone_core.operations.queries import HostView
from cyclone_core.scheduler.dynamo import machine_items
from cyclone_core.scheduler.dynamo.machine_items import Machine

SILENT_S = 150.0
"""A machine speaks each minute; one that missed two is told as lost."""


@dataclass(frozen=True)
class MachineView:
    """A machine at one instant."""

    machine: Machine
    state: str
    """working, idle, leaving, or gone: it has not been heard of"""

    @property
    def used_vcpus(self) -> int:
        """Those that its workers have."""
        return self.machine.vcpus - self.machine.free_vcpus


def machines(host: HostView) -> tuple[MachineView, ...]:
    """The machines of a host, by cluster, region and name; a local host has none. Raises CycloneError where AWS cannot be asked."""
    if host.type != "aws":
        return ()
    from cyclone_core.operations import aws_watched

    now = time.time()
    return tuple(view(machine, now) for machine in machine_items.read(aws_watched.host(host.name).table, now))


def view(machine: Machine, now: float) -> MachineView:
    """A machine as it is shown. now: seconds since 1970."""
    state = "leaving" if machine.is_asked_to_leave else machine.state
    return MachineView(machine, "gone" if now - machine.seen > SILENT_S else state)
