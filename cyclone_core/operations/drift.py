"""Drift: what of a host's resources somebody changed beside Cyclone. What `hyper … --drift`, the TUI and the library call.

AWS is asked about every stack of what is looked at, all at once; nothing is kept. What differs is put back as every change is made, by a
plan that is shown first: `Resources.propose_put(…, revert_drift=True)`, `aws_hosts.propose_update`.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cyclone_core.errors import AwsError, InvalidRequest
from cyclone_core.infra.deployed_stacks import THREADS, Deployed
from cyclone_core.problems import Problem
from cyclone_core.scheduler.references import PLURALS

if TYPE_CHECKING:
    from cyclone_core.aws.drift import DriftedResource
    from cyclone_core.operations.deployments import Named
    from cyclone_core.operations.resources import Proposal, Resources

DRIFTED_CODE = 3
"""Exit code of commands that find drift: 1 is an error, and 2 a wrong command line."""
Progress = Callable[[int, int], object]
"""(stacks that were looked at, of so many)"""


@dataclass(frozen=True)
class Drift:
    """One stack as it was found."""

    kind: str
    name: str
    region: str
    stack: str
    resources: "tuple[DriftedResource, ...]" = ()
    """those that differ"""
    unknown: str = ""
    """why it, or a part of it, could not be looked at"""

    @property
    def state(self) -> str:
        """in sync, drifted, or unknown."""
        return "drifted" if self.resources else "unknown" if self.unknown else "in sync"

    def lines(self) -> Iterator[str]:
        """What differs, a line for each property."""
        for each in self.resources:
            what = f"{each.type} {each.logical_id}"
            if each.status == "DELETED":
                yield f"{what}: deleted ({each.physical_id})"
            for one in each.differences:
                yield f"{what}: {one.path}: expected {one.expected or 'nothing'}, actual {one.actual or 'nothing'}"
        if self.unknown:
            yield f"not looked at: {self.unknown}"

    def record(self) -> dict[str, Any]:
        """As JSON."""
        where = {"kind": self.kind, "name": self.name, "region": self.region, "stack": self.stack}
        return {**where, "drift": self.state, "resources": [asdict(each) for each in self.resources], "unknown": self.unknown}


def look(resources: "Resources", kind: str = "", name: str | None = None, progress: Progress = lambda done, count: None) -> list[Drift]:
    """The stacks of a host's resources, compared with what is there. kind: "" for all, the host's own too; name: None for all of the kind.

    Raises InvalidRequest on hosts that have no stacks and for an unknown name, and AwsError when the stacks cannot be listed.
    """
    from cyclone_core.operations.aws_resources import AwsResources

    if not isinstance(resources, AwsResources):
        raise InvalidRequest([Problem("--drift", "only AWS hosts have resources that others can change", "Leave it out")])
    if name is not None and kind != "host":
        resources.find(kind, name)
    seen = resources.look()
    found = [stack for stack in seen.stacks if stack.is_there and _is_meant(stack, kind, name)]
    silent = [Drift("region", region, region, "", unknown=why) for region, why in seen.silent.items()]
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(_look, resources, stack) for stack in found]
        progress(0, len(asked))
        for done, _ in enumerate(as_completed(asked), 1):
            progress(done, len(asked))
        return sorted((*silent, *(each.result() for each in asked)), key=lambda drift: (drift.kind, drift.name, drift.region))


def _is_meant(stack: Deployed, kind: str, name: str | None) -> bool:
    return stack.resource is not None and (not kind or stack.resource[0] == kind) and name in (None, stack.resource[1])


def _look(resources: Any, stack: Deployed) -> Drift:
    from cyclone_core.aws import drift
    from cyclone_core.aws.stacks import Stacks

    kind, name = stack.resource or (stack.kind, stack.name)
    try:
        found = drift.detect(Stacks(resources.account, stack.region), stack.stack)
    except AwsError as exc:
        return Drift(kind, name, stack.region, stack.stack, unknown=str(exc))
    return Drift(kind, name, stack.region, stack.stack, found.resources, found.incomplete)


# -- for whoever looks through an open view -----------------------------------------------------------------------------
def of(host: "Named", kind: str = "", name: str | None = None, progress: Progress = lambda done, count: None) -> list[Drift]:
    """As `look`, of a host by its view."""
    from cyclone_core.operations import hosts, resources

    return look(resources.for_host(hosts.get(host.name)), kind, name, progress)


def propose_mend(host: "Named", kind: str = "", name: str | None = None) -> "Proposal":
    """What putting back what was changed takes, of one resource or (no kind) of the whole host. Raises as `propose_put` does."""
    from cyclone_core.operations import aws_hosts, hosts, resources

    found = hosts.get(host.name)
    if not kind or kind == "host" or name is None:
        return aws_hosts.propose_update(found, revert_drift=True)
    return resources.for_host(found).propose_put(kind, {"name": name}, "update", revert_drift=True)


def look_line(kind: str, name: str) -> str:
    """The command line that shows the same."""
    if not kind or kind == "host":
        return "hyper hosts list-hosts --drift"
    return f"hyper {PLURALS[kind]} list-{PLURALS[kind]}{f' --name {name}' if name else ''} --drift"


def mend_line(kind: str, name: str) -> str:
    """The command line that puts it back."""
    if not kind or kind == "host" or not name:
        return "hyper hosts update-host --revert-drift"
    return f"hyper {PLURALS[kind]} update-{kind} --name {name} --revert-drift"
