"""From a review to what it says: a deployment that goes on by itself, or a host. Blocking."""

from dataclasses import dataclass
from typing import Literal

from cyclone_core.errors import CycloneError
from cyclone_core.operations import deployments, hosts
from cyclone_core.operations.hosts import HostProposal
from cyclone_core.resources import Host
from cyclone_tui.wizard.review import AwsHost, Review


@dataclass(frozen=True)
class Made:
    """What came of it."""

    deployment: int | None = None
    """number of the deployment that makes it so, on `host` where that is named"""
    host: str = ""
    """name of the host that was created and selected, or is being changed"""


def make(reviewed: Review) -> Made:
    """Begin to make a plan true. Raises InvalidRequest for its problems, and what the operations raise."""
    proposal = reviewed.proposal
    if isinstance(proposal, AwsHost):
        return _make_aws(proposal, reviewed)
    if not isinstance(proposal, HostProposal):
        return Made(deployments.start(reviewed.draft.host, proposal, reviewed.command).number)
    if reviewed.draft.mode == "update":
        hosts.update(proposal)
        return Made()
    return Made(host=hosts.create(proposal).host.name)


def _make_aws(found: AwsHost, reviewed: Review) -> Made:
    from cyclone_core.operations import aws_hosts

    if reviewed.draft.mode == "create":
        return Made(aws_hosts.create(found.host, found.proposal, reviewed.command).number, found.host.name)
    hosts.update(found.known)
    if not found.proposal.plan:
        return Made()
    return Made(deployments.start(found.host, found.proposal, reviewed.command).number, found.host.name)


def became(host: Host, number: int) -> Literal["done", "running", "failed"]:
    """What became of a deployment; one that nobody knows any more counts as done."""
    try:
        state = deployments.get(host, number).state
    except CycloneError:
        return "done"
    return "done" if state == "SUCCEEDED" else "running" if state in ("PLANNED", "RUNNING") else "failed"
