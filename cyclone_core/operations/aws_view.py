"""An AWS host, to look at: its table answers, its records say what resources there are, its bucket holds what tasks wrote."""

from cyclone_core.errors import CycloneError
from cyclone_core.operations.queries import HostView


class AwsView(HostView):
    """One AWS host. Nothing is asked before it has to be."""

    type = "aws"
    poll_s = 2.0

    def __init__(self, name: str) -> None:
        raise CycloneError(f"jobs on AWS hosts are being made, and {name} is one. Choose a local host with --host NAME")
