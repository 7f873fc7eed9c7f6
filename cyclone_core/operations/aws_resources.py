"""The resources of an AWS host: the same use cases as `resources.Resources`, on stacks.

What the host has is read from the account each time, so that what others deployed is seen: the records of the main region and the stacks
of all regions, at once. A proposal is a plan of stacks with what happens to the resources in each; it takes seconds, not minutes.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from cyclone_core import paths
from cyclone_core.infra import targets
from cyclone_core.infra.deployer import Applier
from cyclone_core.infra.plan import Bodies
from cyclone_core.operations import appliers, aws_hosts, aws_states
from cyclone_core.operations.aws_states import Deployed
from cyclone_core.operations.resources import Resources, Snapshot
from cyclone_core.resource_bodies import this_machine
from cyclone_core.resources import Host

if TYPE_CHECKING:
    from cyclone_core.aws.account import Account

_THREADS = 16
_RECORDING = ("host", "region", "hub", "cluster", "definition", "queue")
"""Kinds of stacks in the main region that hold a record."""


class AwsResources(Resources):
    """The resources of one AWS host."""

    def __init__(self, host: Host, account: "Account | None" = None) -> None:
        """account: how it is reached, None for the user's own way (`aws_hosts.account_of`). Raises MissingExtra, HostUnavailable."""
        self.host, self.account, self.place = host, account or aws_hosts.account_of(host), aws_hosts.place_of(host)
        self._machine, self._state_dir = this_machine(), paths.host_state_dir(host.name)

    # -- see ----------------------------------------------------------------------------------------------------------
    def snapshot(self) -> Snapshot:
        """What is there now. Raises AwsError."""
        recorded, deployed = look(self.account, self.place)
        return aws_states.snapshot(self.place, recorded, deployed)

    def applier(self) -> Applier:
        """What makes plans true on this host."""
        return appliers.for_host(self.host)


def look(account: "Account", place: targets.Place) -> tuple[dict[str, dict[str, Mapping[str, Any]]], list[Deployed]]:
    """(bodies with the kind `host`, stacks of all regions), at once; with bodies of stacks that failed too early to be recorded."""
    from cyclone_core.aws import records

    with ThreadPoolExecutor(_THREADS) as pool:
        reading = pool.submit(records.read, account, place.main_region, place.host)
        deployed = _listed(account, place.host, place.main_region)
        recorded: dict[str, dict[str, Mapping[str, Any]]] = {kind: dict(bodies) for kind, bodies in reading.result().items()}
        lost = [stack for stack in deployed if _is_lost(stack, recorded)]
        for stack, body in zip(lost, pool.map(lambda stack: _template_body(account, stack), lost), strict=True):
            kind = "region" if stack.kind == "hub" else stack.kind
            recorded.setdefault(kind, {})[stack.name] = {"name": stack.name, **body}
        others = sorted(set(recorded.get("region", {})) - {place.main_region})
        for found in pool.map(lambda region: _listed(account, place.host, region), others):
            deployed += found
    return recorded, deployed


def _listed(account: "Account", host: str, region: str) -> list[Deployed]:
    from cyclone_core import naming
    from cyclone_core.aws.stacks import Stacks

    return [
        Deployed(
            region, stack.name, stack.tags.get(naming.TAG_KIND, ""), stack.tags.get(naming.TAG_NAME, ""), stack.status, stack.reason,
            stack.created, stack.updated,
        )
        for stack in Stacks(account, region).list(host)
    ]  # fmt: skip


def _is_lost(stack: Deployed, recorded: Bodies) -> bool:
    """Whether the stack should have recorded its resource, and has not."""
    kind = "region" if stack.kind == "hub" else stack.kind
    return stack.kind in _RECORDING and bool(aws_states.state_of(stack.status)) and stack.name not in recorded.get(kind, {})


def _template_body(account: "Account", stack: Deployed) -> dict[str, Any]:
    from cyclone_core.aws.stacks import Stacks

    return aws_states.body_of(Stacks(account, stack.region).template(stack.stack))
