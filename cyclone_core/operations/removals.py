"""Use cases of taking away and of small changes, several at once: what would happen, what stands against it, and doing it.

Each change is one deployment, recorded as any other. What takes long (a cluster on AWS) is started in a process of its own; what one
message to the control plane does is done at once.
"""

from collections.abc import Iterable, Mapping, Sequence

from cyclone_core.errors import CycloneError
from cyclone_core.infra import checks
from cyclone_core.infra import plan as plans
from cyclone_core.infra.plan import Bodies, Plan
from cyclone_core.operations import deployments, hosts, resources
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.resources import Proposal
from cyclone_core.problems import Problem
from cyclone_core.scheduler.references import PLURALS


def propose_removal(host: HostView, kind: str, names: Sequence[str]) -> Proposal:
    """What deleting these resources would do, as one plan. Names that are gone already are left out; nothing is started by asking.

    An AWS host is asked what it has now: a plan made from what was seen a minute ago would delete what others made since.
    """
    if host.type == "aws":
        return _propose_on_aws(host, kind, names)
    snapshot = resources.look(host)
    desired: Bodies = snapshot.bodies
    for name in names:
        desired = plans.without(desired, kind, name)
    plan = plans.make(snapshot.bodies, desired)
    return Proposal(plan, tuple(checks.problems(plan, snapshot.bodies, snapshot.open_jobs)))


def _propose_on_aws(host: HostView, kind: str, names: Sequence[str]) -> Proposal:
    from cyclone_core.operations.aws_resources import AwsResources

    known = AwsResources(hosts.get(host.name))
    seen = known.look()
    there = [name for name in names if name in seen.known.get(kind, {})]
    desired: Bodies = seen.known
    for name in there:
        desired = plans.without(desired, kind, name)
    return known.plan(seen, desired, touched={(kind, name) for name in there}) if there else Proposal(Plan())


def propose_values(host: HostView, kind: str, names: Sequence[str], values: Mapping[str, object]) -> Proposal:
    """What giving these resources the same values would do, as one plan: pausing queues, say."""
    known = resources.for_host(hosts.get(host.name))
    found: list[plans.Change] = []
    problems: list[Problem] = []
    for name in names:
        proposal = known.propose_put(kind, {"name": name, **values}, "update")
        found += proposal.plan.changes
        problems += proposal.problems
    return Proposal(Plan(tuple(found)), tuple(problems))


def apply_now(host: HostView, proposal: Proposal, command: str) -> int:
    """Do it in this process, and wait for its end; returns how many resources changed.

    command: the command line that does the same. Raises InvalidRequest, HostUnavailable or StateUnusable, and CycloneError when it failed.
    """
    changed = 0
    for event in deployments.run_here(hosts.get(host.name), proposal, command):
        if event.phase == "FAILED":
            plural = PLURALS[event.kind]
            raise CycloneError(
                f"the {event.kind} {event.name} is FAILED: {event.text}. See hyper {plural} list-{plural} --name {event.name}"
            )
        changed += event.phase in ("ACTIVE", "DELETED")
    return changed


def start(host: HostView, proposal: Proposal, command: str) -> int:
    """Do it in a process of its own; returns the number of the deployment. Raises as `deployments.start` does."""
    return deployments.start(hosts.get(host.name), proposal, command).number


def delete_lines(kind: str, names: Iterable[str], at: str = "") -> str:
    """The command lines that delete these resources; at: ` --host NAME` where they need it."""
    return "; ".join(f"hyper {PLURALS[kind]} delete-{kind} --name {name}{at} --yes" for name in names)
