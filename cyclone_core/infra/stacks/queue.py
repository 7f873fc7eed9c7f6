"""The stack of a queue: nothing but its record, in the main region. What is submitted to it goes to the job queues of its cluster."""

from cyclone_core.infra.stacks.base import HostStack
from cyclone_core.infra.targets import Target


def build(stack: HostStack, target: Target) -> None:
    """Add nothing: `stacks.build` adds the record."""
