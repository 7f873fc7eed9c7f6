"""What is done with AWS hosts in their list: deleting one with all of its stacks, importing one that was deployed elsewhere.

AWS takes seconds to answer each question; none of them holds up the screen.
"""

from dataclasses import replace
from shlex import quote

from cyclone_core.errors import InvalidRequest
from cyclone_core.operations import aws_hosts, deployments, hosts, imports
from cyclone_core.operations.deployments import Plan
from cyclone_core.operations.imports import ImportProposal
from cyclone_core.operations.resources import Proposal
from cyclone_core.resources import Host
from cyclone_tui import aside
from cyclone_tui.deployment_progress import plan_lines
from cyclone_tui.screens.base import View, background
from cyclone_tui.screens.modals import Choose
from cyclone_tui.wizard import stack_telling

_ENVIRONMENT, _SANDBOX = "-", "--sandbox"
"""Where a host may be, beside profiles, whose names do not begin so."""


class AwsHostFlows(View):
    """See the module."""

    # -- deleting --------------------------------------------------------------------------------------------------------
    async def delete_aws(self, host: Host) -> bool:
        """Ask what becomes of its data, show the plan, ask for its name, then begin; whether it is only to be forgotten.

        Nothing of it may be left: its sandbox is gone, or it was never deployed.
        """
        choices = [("", "Leave it"), ("keep", "Delete it, keep its jobs and outputs"), ("all", "Delete it with its jobs and outputs")]
        chosen = await self.app.push_screen_wait(Choose(f"Delete the host {host.name}?", choices, ""))
        proposal = await self.told(aside.wait(_propose_delete, host, chosen == "keep")) if chosen else None
        if proposal is None:
            return False
        if proposal.problems:
            self.cyclone.tell_error(InvalidRequest(proposal.problems))
            return False
        twin = f"hyper hosts delete-host --name {quote(host.name)}{' --keep-data' if chosen == 'keep' else ''} --yes"
        detail = _what_goes(proposal, chosen == "keep")
        if not await self.confirm(f"Delete the host {host.name} with everything in it?", detail, twin, typed=host.name):
            return False
        if not proposal.plan:
            return True
        begun = await self.told(aside.wait(deployments.start, host, proposal, twin))
        if begun is not None:
            if host.name != self.session.host:
                self.cyclone.switch_host(host.name)
            self.cyclone.open(f"deployment {begun.number}")
        return False

    # -- importing -------------------------------------------------------------------------------------------------------
    @background
    async def action_import(self) -> None:
        """Ask where it is, look, and use it."""
        places = await self.told(aside.wait(_places))
        where = await self.app.push_screen_wait(Choose("Import a host from which account?", places, _ENVIRONMENT)) if places else None
        if where is None:
            return
        profile, sandbox = (where if where not in (_ENVIRONMENT, _SANDBOX) else None), where == _SANDBOX
        region = await self.ask("Its main region?", await aside.wait(_default_region, profile, sandbox))
        if not region:
            return
        found = await self.told(aside.wait(imports.propose, region=region, profile=profile, sandbox=sandbox))
        chosen = await self._chosen(found) if found is not None else None
        if chosen is not None and await self.told(aside.wait(imports.import_host, chosen)) is not None:
            name = chosen.found[0].host.name
            self.cyclone.switch_host(name)
            self.cyclone.tell(f"host {name} is imported and selected")

    async def _chosen(self, found: ImportProposal) -> ImportProposal | None:
        """The proposal for one host; what stands against all of them is told."""
        if found.problems or not found.found:
            self.cyclone.tell_error(InvalidRequest(found.problems))
            return None
        names = [(one.host.name, f"{one.host.name}{', known already' if one.before else ''}") for one in found.found]
        detail = f"Account {found.account}, region {found.region}. Nothing there is changed."
        name = await self.app.push_screen_wait(Choose("Import which host?", names, names[0][0], detail))
        return replace(found, found=tuple(one for one in found.found if one.host.name == name)) if name else None


def _propose_delete(host: Host, keep_data: bool) -> Proposal:
    """Of a host whose sandbox is gone, nothing is left to delete."""
    problems = hosts.check_delete(host)
    if problems:
        return Proposal(Plan(), tuple(problems))
    return Proposal(Plan()) if aws_hosts.is_gone(host) else aws_hosts.propose_delete(host, keep_data)


def _what_goes(proposal: Proposal, keep_data: bool) -> str:
    if not proposal.plan:
        return "Nothing of it is deployed: this machine only forgets it."
    return "\n".join(stack_telling.removal(proposal.details, keep_data)) if proposal.details else plan_lines(proposal.plan)


def _places() -> list[tuple[str, str]]:
    """Where hosts may be: (value, text)."""
    aws_hosts.check_installed()
    from cyclone_core.operations import aws_sight

    sight = aws_sight.look(None, None, False)
    profiles = [(name, f"profile {name}  {note}") for name, note in sight.profiles()]
    return [(_ENVIRONMENT, "the credentials of this shell"), *profiles, *([] if sight.sandbox() else [(_SANDBOX, "the sandbox")])]


def _default_region(profile: str | None, sandbox: bool) -> str:
    from cyclone_core.operations import aws_sight

    return aws_sight.look(profile, None, sandbox).default_region()
