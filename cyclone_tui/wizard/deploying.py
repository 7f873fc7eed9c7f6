"""From a review to what it says: a deployment that goes on by itself, or a host. Blocking."""

from dataclasses import dataclass
from typing import Literal

from cyclone_core.errors import CycloneError
from cyclone_core.operations import deployments, hosts
from cyclone_core.operations.hosts import HostProposal
from cyclone_core.resources import Host
from cyclone_tui.wizard.review import Review


@dataclass(frozen=True)
class Made:
    """What came of it."""

    deployment: int | None = None
    """number of the deployment that makes it so"""
    host: str = ""
    """name of the host that was created and selected"""


def make(reviewed: Review) -> Made:
    """Begin to make a plan true. Raises InvalidRequest for its problems, what the operations raise, MissingExtra for AWS hosts."""
    proposal = reviewed.proposal
    if not isinstance(proposal, HostProposal):
        return Made(deployments.start(reviewed.draft.host, proposal, reviewed.command).number)
    if reviewed.draft.mode == "update":
        hosts.update(proposal)
        return Made()
    return Made(host=hosts.create(proposal).host.name)


def became(host: Host, number: int) -> Literal["done", "running", "failed"]:
    """What became of a deployment; one that nobody knows any more counts as done."""
    try:
        state = deployments.get(host, number).state
    except CycloneError:
        return "done"
    return "done" if state == "SUCCEEDED" else "running" if state in ("PLANNED", "RUNNING") else "failed"
