"""The last look before a draft becomes true: what would change, what stands against it, its cost, and the command that does the same."""

from dataclasses import dataclass, replace

from cyclone_core.errors import CredentialsUnusable, CycloneError, InvalidRequest, RegionUnavailable
from cyclone_core.infra.plan import Change, Plan, differences
from cyclone_core.infra.stack_plans import Details
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
class AwsHost:
    """An AWS host that would be made or changed, and what that takes."""

    host: Host
    """with the account and region that its credentials have"""
    known: HostProposal
    """what this machine would know of it"""
    proposal: Proposal
    """what would be deployed"""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What stands against it."""
        return (*self.known.problems, *self.proposal.problems)


@dataclass(frozen=True)
class Review:
    """See the module."""

    draft: Draft
    plan: Plan
    """what would change; empty when everything is as asked, or cannot be read"""
    complaints: tuple[Complaint, ...]
    cost: Cost
    command: str
    proposal: Proposal | HostProposal | AwsHost
    """what the operations take to make it true"""
    world: World
    """what was known, with what this look at the machine found"""

    @property
    def errors(self) -> tuple[Complaint, ...]:
        """What has to be mended first."""
        return tuple(complaint for complaint in self.complaints if complaint.level == "error")

    @property
    def can_keep_failed(self) -> bool:
        """Whether what fails could be left as it is: stacks can."""
        return self.details is not None and bool(self.plan)

    def keeping_failed(self, keep: bool) -> "Review":
        """The same, with what fails left as it is, to look at it, or taken back."""
        flag = " --keep-failed"
        command = self.command.removesuffix(flag) + (flag if keep else "")
        plan = replace(self.plan, keep_failed=keep)
        if isinstance(self.proposal, AwsHost):
            inner = replace(self.proposal.proposal, plan=replace(self.proposal.proposal.plan, keep_failed=keep))
            return replace(self, plan=plan, command=command, proposal=replace(self.proposal, proposal=inner))
        if isinstance(self.proposal, Proposal):
            return replace(self, plan=plan, command=command, proposal=replace(self.proposal, plan=plan))
        return self

    @property
    def details(self) -> Details | None:
        """What only a plan of stacks has."""
        of_host = self.proposal.proposal if isinstance(self.proposal, AwsHost) else self.proposal
        return None if isinstance(of_host, HostProposal) else of_host.details


def review(draft: Draft, world: World, host: str = "") -> Review:
    """Look at everything, the machine too. Blocking: a container engine may be asked. host: for the command, "" = the selected one."""
    proposal = _proposed(draft, world)
    world = replace(world, looked=(draft.given(), tuple(proposal.problems)))
    plan = _plan_of(draft, proposal)
    cost = estimate(draft.host if isinstance(proposal, Proposal) else proposal.host or draft.host, draft.kind)
    return Review(draft, plan, complaints(draft, world), cost, twins.line(draft, host), proposal, world)


def _proposed(draft: Draft, world: World) -> Proposal | HostProposal | AwsHost:
    if draft.kind == "host":
        return _proposed_host(draft)
    if world.unavailable:
        judged = resources.judge(draft.host, draft.kind, draft.given(), draft.mode, world.snapshot, world.machine)
        return replace(judged, problems=(*judged.problems, Problem("", world.unavailable)))
    try:
        return resources.for_host(draft.host).propose_put(draft.kind, draft.given(), draft.mode)
    except InvalidRequest as exc:
        return Proposal(Plan(), tuple(exc.problems))


def _proposed_host(draft: Draft) -> HostProposal | AwsHost:
    try:
        proposal = hosts.propose(draft.given(), update=draft.mode == "update")
    except CycloneError as exc:
        return HostProposal(None, None, (Problem("name", str(exc)),))
    host = proposal.host
    if host is None or host.type == "local" or proposal.problems:
        return proposal
    try:
        if draft.mode == "update":
            return AwsHost(host, proposal, aws_hosts.propose_update(host))
        host = aws_hosts.complete(host)
        return AwsHost(host, proposal, aws_hosts.propose_create(host))
    except InvalidRequest as exc:
        return replace(proposal, problems=tuple(exc.problems))
    except CycloneError as exc:
        field = "account" if isinstance(exc, CredentialsUnusable) else "region" if isinstance(exc, RegionUnavailable) else ""
        return replace(proposal, problems=(Problem(field, str(exc)),))


def _plan_of(draft: Draft, proposal: Proposal | HostProposal | AwsHost) -> Plan:
    if isinstance(proposal, HostProposal):
        return _host_plan(draft, proposal)
    if isinstance(proposal, Proposal):
        return proposal.plan
    own = _host_plan(draft, proposal.known) if draft.mode == "update" else Plan()  # what only this machine knows: a profile
    return proposal.proposal.plan or own


def _host_plan(draft: Draft, proposal: HostProposal) -> Plan:
    if proposal.host is None:
        return Plan()
    after = {name: value for name, value in plain(proposal.host).items() if name in {spec.name for spec in draft.specs}}
    if draft.mode == "create":
        return Plan((Change("create", "host", proposal.host.name, differences({}, after), after),))
    before = plain(proposal.before) if proposal.before else {}
    fields = differences({name: before.get(name) for name in after}, after)
    return Plan((Change("change", "host", proposal.host.name, fields, after),)) if fields else Plan()
