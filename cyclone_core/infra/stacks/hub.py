"""Stack of kind hub: that there is a hub region is known in the main region; its stack has the record and nothing else."""

from cyclone_core.infra.stacks.base import HostStack
from cyclone_core.infra.targets import Target


def build(stack: HostStack, target: Target) -> None:
    """Nothing beside the record, which `stacks.build` adds."""
