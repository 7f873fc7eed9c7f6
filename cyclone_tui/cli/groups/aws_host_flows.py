"""`hyper hosts` on AWS: walking through what a new host needs, then create, change, take over and delete it, each with its plan first."""

import sys
from collections.abc import Callable
from dataclasses import replace

import click

from cyclone_core import naming
from cyclone_core.errors import AwsError, CycloneError, HostUnavailable, MissingExtra
from cyclone_core.operations import aws_hosts, aws_resources, deployments, hosts, resources
from cyclone_core.operations.hosts import HostProposal
from cyclone_core.operations.resources import Proposal
from cyclone_core.resource_fields import fields_of, read
from cyclone_core.resources import Host
from cyclone_tui.cli.groups import guide, options, stacks, tables
from cyclone_tui.cli.groups.applying import Asked, command, confirm, finish, follow, show

_LISTED = 12
"""So many networks are shown to choose from."""


def create(host: Host, asked: Asked) -> None:
    """Deploy a new host: credentials are checked first, then its plan is made, and it is known here before anything is begun."""
    host = aws_hosts.complete(host, options.label(Host))
    proposal = _as_asked(aws_hosts.propose_create(host), asked)
    proposal.check()
    if asked.plan_only:
        show(proposal, asked)
        return
    confirm(proposal, asked)
    begun = aws_hosts.create(host, proposal, command())
    if not asked.as_json:
        click.echo(f"host {host.name} is registered and selected: account {host.account}, region {host.region}", err=True)
    follow(host, begun, proposal, asked)


def update(proposal: HostProposal, asked: Asked) -> None:
    """Change a host and bring its stacks to this version. What is a fact of this machine (the profile) is recorded here."""
    host = proposal.check()
    planned = aws_hosts.propose_update(host, options.label(Host), asked.revert_drift)
    planned.check()
    if not asked.plan_only:
        if planned.plan:
            confirm(planned, asked)
        hosts.update(proposal)
        asked = replace(asked, yes=True)
    if planned.plan or asked.plan_only or asked.as_json or host == proposal.before:
        finish(resources.for_host(host), planned, asked)
    else:
        click.echo(f"host {host.name} updated on this machine; its stacks are as asked")


def delete(host: Host, asked: Asked, force: bool, keep_data: bool) -> None:
    """Delete a host with all of its stacks. force: one whose account cannot be reached is forgotten on this machine."""
    if not (asked.yes or asked.plan_only):
        _check_can_ask(host.name)  # before seconds are spent on a plan
    planned = _planned_deletion(host, force, keep_data)
    if planned is None:
        _forget(host, asked, "nothing of it is left")
        return
    if asked.plan_only:
        show(planned, asked)
        return
    if not asked.yes:
        for line in stacks.cost_summary(planned.details):
            click.echo(line, err=True)
    count = sum(stack.action == "delete" for stack in planned.details.stacks) if planned.details else 0
    data = "Its jobs and outputs stay." if keep_data else "Its jobs and outputs go too."
    confirm_deletion(host.name, f"with its {count} stacks in account {host.account}. {data} What it leaves is told at the end", asked)
    if not planned.plan:
        _forget(host, asked, "none of its stacks is there")
        return
    begun = deployments.start(host, planned, command())
    follow(host, begun, planned, asked, lambda: _forgotten(host))


def take_over(given: dict[str, object], label: Callable[[str], str], as_json: bool) -> None:
    """Register a host that was deployed elsewhere."""
    aws_hosts.check_installed()
    from cyclone_core.operations import imports

    def text(name: str) -> str | None:
        return str(given[name]) if given.get(name) else None

    proposal = imports.propose(
        text("name"), text("account"), text("region"), text("profile"), sandbox=bool(given.get("sandbox")), label=label
    )
    found = imports.import_host(proposal)
    if as_json:
        tables.print_json(tables.host_record(hosts.status(found.host.name)))
        return
    known = "was known already and is" if found.before else "is registered and"
    click.echo(f"host {found.host.name} {known} selected: account {found.host.account}, region {found.host.region}")


def confirm_deletion(name: str, what: str, asked: Asked) -> None:
    """Have the name typed, unless `--yes` was given. Raises CycloneError when it is not."""
    if asked.yes:
        return
    _check_can_ask(name)
    if not guide.on_terminal().confirm_by_name(f"The host {name} will be deleted {what}.", name):
        raise CycloneError(f"the host {name} was not deleted: it was not confirmed")


def _check_can_ask(name: str) -> None:
    if not guide.is_possible():
        raise CycloneError(f"the host {name} was not deleted: nobody can confirm it here. Add --yes to delete it with all of its jobs")


def _as_asked(proposal: Proposal, asked: Asked) -> Proposal:
    return replace(proposal, plan=replace(proposal.plan, keep_failed=asked.keep_failed))


def _planned_deletion(host: Host, force: bool, keep_data: bool) -> Proposal | None:
    """The plan; None when there is nothing to plan for, or nobody to ask and that is all right."""
    if aws_hosts.is_gone(host):
        return None
    try:
        return aws_hosts.propose_delete(host, keep_data)
    except (AwsError, HostUnavailable, MissingExtra) as exc:
        if force:
            click.echo(f"hyper: what is left of host {host.name} in account {host.account} was not looked at: {exc}", err=True)
            return None
        hint = "To forget it on this machine only and leave its stacks, add --force"
        raise CycloneError(f"{exc}. {hint}") from exc


def _forget(host: Host, asked: Asked, why: str) -> None:
    if asked.plan_only:
        click.echo(f"forget host {host.name}: {why}")
        return
    confirm_deletion(host.name, f"from this machine: {why}", asked)
    _forgotten(host)
    click.echo(f"host {host.name} forgotten: {why}")


def _forgotten(host: Host) -> None:
    aws_hosts.forget(host)
    aws_hosts.clear(host)


# -- walking through ----------------------------------------------------------------------------------------------------
def walk_through(asking: guide.Guide, given: dict[str, object]) -> dict[str, object]:
    """Ask for what a new host needs. Whether its account can be used is known before the rest is asked."""
    aws_hosts.check_installed()
    specs = {spec.name: spec for spec in fields_of(Host)}
    answers: dict[str, object] = {**given, "type": "aws"}
    while "name" not in answers:
        name = str(asking.ask(Host, specs["name"], answers, {}, "aws"))
        problem = naming.host_problem("name", name)
        if problem is None:
            answers["name"] = name
        else:
            _say(f"  {problem.message}. {problem.hint}\n")
    draft = read(Host, {**answers, "vpc": None}, options.label(Host))
    account = aws_hosts.account_of(draft)
    who = account.identity()
    aws_resources.warm_up()  # while somebody answers
    _say(f"\nIt will be in account {who.account}, as {who.arn}.\n")
    answers.setdefault("account", who.account)
    if "region" not in answers:
        _say(f"Regions: {', '.join(account.regions())}\n")
        answers["region"] = asking.ask(Host, specs["region"], answers, {"region": account.default_region}, "aws") or account.default_region
    if "vpc" not in answers:
        _tell_networks(draft, str(answers["region"]))
        network = asking.ask(Host, specs["vpc"], answers, {"vpc": "10.0.0.0/16"}, "aws")
        answers["vpc"] = network or "10.0.0.0/16"
    for name in ("enable_dashboard", "private_api"):
        if name not in answers and (answer := asking.ask(Host, specs[name], answers, {}, "aws")) is not None:
            answers[name] = answer
    return answers


def _tell_networks(draft: Host, region: str) -> None:
    """The networks that can be imported; none when they cannot be listed, with the reason."""
    try:
        found = aws_hosts.networks(draft, region)
    except AwsError as exc:
        _say(f"Its networks cannot be listed: {exc}\n")
        return
    _say(f"Networks of {region} that could be imported:{'' if found else ' none'}\n")
    for vpc in found[:_LISTED]:
        kinds = [subnet.kind for subnet in vpc.subnets]
        told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)) or "no subnets"
        _say(f"  {vpc.id}  {vpc.cidr}  {vpc.name or ('default' if vpc.is_default else '')}  {told}\n")


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
