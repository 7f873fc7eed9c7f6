"""The last look before a draft becomes true: what would change, what stands against it, its cost, and the command that does the same."""

from dataclasses import dataclass, replace

from cyclone_core.errors import CycloneError
from cyclone_core.infra.plan import Change, Plan, differences
from cyclone_core.operations import aws_hosts, hosts, resources
from cyclone_core.operations.costs import Cost, estimate
from cyclone_core.operations.hosts import HostProposal
from cyclone_core.operations.resources import Proposal
from cyclone_core.problems import Problem
from cyclone_core.resource_fields import plain
from cyclone_core.resources import Host
from cyclone_tui.wizard import twins
from cyclone_tui.wizard.draft import Draft
from cyclone_tui.wizard.sources import World
from cyclone_tui.wizard.verdicts import Complaint, complaints


@dataclass(frozen=True)
class Review:
    """See the module."""

    draft: Draft
    plan: Plan
    """what would change; empty when everything is as asked, or cannot be read"""
    complaints: tuple[Complaint, ...]
    cost: Cost
    command: str
    proposal: Proposal | HostProposal
    """what the operations take to make it true"""
    world: World
    """what was known, with what this look at the machine found"""

    @property
    def errors(self) -> tuple[Complaint, ...]:
        """What has to be mended first."""
        return tuple(complaint for complaint in self.complaints if complaint.level == "error")


def review(draft: Draft, world: World, host: str = "") -> Review:
    """Look at everything, the machine too. Blocking: a container engine may be asked. host: for the command, "" = the selected one."""
    proposal = _proposed(draft, world)
    world = replace(world, looked=(draft.given(), tuple(proposal.problems)))
    plan = _host_plan(draft, proposal) if isinstance(proposal, HostProposal) else proposal.plan
    cost = estimate(proposal.host if isinstance(proposal, HostProposal) and proposal.host else draft.host, draft.kind)
    return Review(draft, plan, complaints(draft, world), cost, twins.line(draft, host), proposal, world)


def why_later(host: Host | None) -> str:
    """Why this installation cannot make such a host; "" when it can."""
    if host is None or host.type == "local":
        return ""
    try:
        aws_hosts.check_installed()
    except CycloneError as exc:
        return f"it cannot be made yet: {exc}. The draft is kept"


def _proposed(draft: Draft, world: World) -> Proposal | HostProposal:
    if draft.kind == "host":
        try:
            proposal = hosts.propose(draft.given(), update=draft.mode == "update")
        except CycloneError as exc:
            return HostProposal(None, None, (Problem("name", str(exc)),))
        later = why_later(proposal.host)
        return replace(proposal, problems=(*proposal.problems, *([Problem("", later)] if later else [])))
    if world.unavailable:
        judged = resources.judge(draft.host, draft.kind, draft.given(), draft.mode, world.snapshot, world.machine)
        return replace(judged, problems=(*judged.problems, Problem("", world.unavailable)))
    return resources.for_host(draft.host).propose_put(draft.kind, draft.given(), draft.mode)


def _host_plan(draft: Draft, proposal: HostProposal) -> Plan:
    if proposal.host is None:
        return Plan()
    after = {name: value for name, value in plain(proposal.host).items() if name in {spec.name for spec in draft.specs}}
    if draft.mode == "create":
        return Plan((Change("create", "host", proposal.host.name, differences({}, after), after),))
    before = plain(proposal.before) if proposal.before else {}
    fields = differences({name: before.get(name) for name in after}, after)
    return Plan((Change("change", "host", proposal.host.name, fields, after),)) if fields else Plan()
