"""Use case: make a host that was deployed elsewhere (with the CDK, or from another machine) one of the hosts that this user knows.

A host is found by its records in its main region (`aws.records`); nothing in the account is changed. `propose` looks and says what stands
against it, `import_host` records the host in the registry and selects it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclone_core import naming
from cyclone_core.errors import InvalidRequest, NotFound
from cyclone_core.host_registry import HostRegistry
from cyclone_core.problems import Problem
from cyclone_core.resource_fields import Label, fields_of, read
from cyclone_core.resources import Host
from cyclone_core.scheduler.references import nearest

if TYPE_CHECKING:
    from cyclone_core.aws.account import Account

Reach = Callable[[Host], "Account"]
"""The way to a host's account."""


@dataclass(frozen=True)
class Found:
    """A host that can be imported."""

    host: Host
    """as it will be recorded"""
    before: Host | None = None
    """as it is recorded already: the same account and region, perhaps another profile"""


@dataclass(frozen=True)
class ImportProposal:
    """The hosts that were found, and what stands against importing one."""

    account: str
    region: str
    """where was looked"""
    found: tuple[Found, ...] = ()
    problems: tuple[Problem, ...] = ()

    def check(self) -> Found:
        """The one host. Raises InvalidRequest with every problem, or with the names when there are several to choose from."""
        if self.problems:
            raise InvalidRequest(self.problems)
        if len(self.found) != 1:
            names = ", ".join(found.host.name for found in self.found)
            message = f"account {self.account} has {len(self.found)} hosts in {self.region}: {names}"
            raise InvalidRequest([Problem("--name", message, "Choose one with --name")])
        return self.found[0]


def propose(
    name: str | None = None,
    account: str | None = None,
    region: str | None = None,
    profile: str | None = None,
    *,
    sandbox: bool = False,
    label: Label = lambda field: f"--{field}",
    registry: HostRegistry | None = None,
    reach: Reach | None = None,
) -> ImportProposal:
    """Which hosts an account has in a region, and what stands against importing the one that is meant; nothing is changed.

    name: of the host, None for any; account: the number that the credentials must belong to, None for theirs; region: the host's main
    region, None for that of the credentials; profile: whose credentials, None for the environment's; sandbox: look there instead.
    label: field -> what problems call it; reach: another way to the account.
    Raises AwsError (CredentialsUnusable, …) when the account cannot be asked, MissingExtra where the optional part aws is not installed.
    """
    from cyclone_core.aws import records  # local hosts need none of its libraries

    asked = Host(name=name or "any", type="aws", account=account, region=region, profile=profile, sandbox=sandbox)
    there = (reach or _reach)(asked)
    number, place = there.identity().account, region or there.default_region
    if account and account != number:
        message = f"the credentials belong to account {number}, and account {account} is meant"
        return ImportProposal(
            number, place, (), (Problem(label("account"), message, f"Choose those of {account} with {label('profile')}"),)
        )
    bodies = records.hosts(there, place)
    meant = {each: body for each, body in bodies.items() if name in (None, each)}
    if not meant:
        return ImportProposal(number, place, (), (_nothing(name, bodies, number, place, label),))
    registry = registry or HostRegistry()
    judged = [_judge(each, body, number, place, asked, registry, label) for each, body in sorted(meant.items())]
    usable = tuple(each for each in judged if isinstance(each, Found))
    problems = tuple(each for each in judged if isinstance(each, Problem))
    return ImportProposal(number, place, usable, () if usable else problems)


def import_host(proposal: ImportProposal, registry: HostRegistry | None = None) -> Found:
    """Record the host and select it. One that is known already is selected, and gets the profile that was used to find it.

    Raises InvalidRequest with every problem, StateUnusable when it cannot be recorded.
    """
    registry = registry or HostRegistry()
    chosen = proposal.check()
    if chosen.before is None:
        registry.add(chosen.host)
    elif chosen.before != chosen.host:
        registry.update(chosen.host)
    registry.select(chosen.host.name)
    return chosen


# -- inside -----------------------------------------------------------------------------------------------------------
def _reach(host: Host) -> "Account":
    from cyclone_core.operations import aws_hosts

    return aws_hosts.account_of(host)


def _nothing(name: str | None, others: Mapping[str, object], account: str, region: str, label: Label) -> Problem:
    """No such host: where was looked, and where else it may be."""
    where = f"account {account}, region {region} (its parameters below {naming.records('')})"
    elsewhere = f"Name its main region with {label('region')}, or other credentials with {label('profile')}"
    if name is None:
        return Problem("", f"no host is recorded in {where}", elsewhere)
    if near := nearest(name, others):
        return Problem(label("name"), f"no host {name!r} is recorded in {where}", f"Did you mean {near!r}?")
    there = f"There are: {', '.join(sorted(others))}. " if others else ""
    return Problem(label("name"), f"no host {name!r} is recorded in {where}", there + elsewhere)


def _judge(
    name: str, body: Mapping[str, Any], account: str, region: str, asked: Host, registry: HostRegistry, label: Label
) -> Found | Problem:
    """A host from its record, or why it cannot be imported."""
    if not body:
        what = f"the control plane of host {name} is not deployed in account {account}, region {region}"
        return Problem(label("name"), what, f"Deploy it, without DEPLOYED=True: cdk deploy '{naming.stack(name, 'host')}-*'")
    known = {spec.name for spec in fields_of(Host)}
    facts = {"name": name, "type": "aws", "profile": asked.profile, "sandbox": asked.sandbox}
    try:
        host = read(Host, {**{field: value for field, value in body.items() if field in known}, **facts})
    except InvalidRequest as exc:
        hint = "It was deployed by another version of Cyclone: deploy it again with this one"
        return Problem(label("name"), f"the record of host {name} cannot be read: {'; '.join(map(str, exc.problems))}", hint)
    for field, recorded, looked in (("account", host.account, account), ("region", host.region, region)):
        if recorded not in (None, looked):
            return Problem(label(field), f"host {name} says that its {field} is {recorded}, and it was found in {looked}", "Look there")
    host = host.model_copy(update={"account": account, "region": region})
    return _next_to(host, registry, label)


def _next_to(host: Host, registry: HostRegistry, label: Label) -> Found | Problem:
    """A host next to those that are known: new, known already, or in the way of another one."""
    try:
        before = registry.get(host.name)
    except NotFound:
        return Found(host)
    if (before.type, before.account, before.region, before.sandbox) != ("aws", host.account, host.region, host.sandbox):
        what = f"account {before.account}, region {before.region}" if before.type == "aws" else "a local host"
        what += (", on the sandbox" if before.sandbox else ", not on the sandbox") if before.sandbox != host.sandbox else ""
        hint = "Hosts are known by their names: that one has to go first (hyper hosts delete-host), or use another CYCLONE_HOME"
        return Problem(label("name"), f"there is another host {host.name!r} already: {what}", hint)
    return Found(host.model_copy(update={"profile": host.profile or before.profile}), before)
