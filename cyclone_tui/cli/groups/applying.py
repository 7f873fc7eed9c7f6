"""Making a plan true from a command: on a local host here and at once, on an AWS host in a process of its own that the command follows.

What is followed goes to stderr, a line for each stack as it begins and ends; stdout has the result. Who leaves (Ctrl-C) leaves it going on.
"""

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import click

from cyclone_core.errors import CycloneError, InvalidRequest
from cyclone_core.infra.events import Event
from cyclone_core.infra.targets import resource_of
from cyclone_core.operations import deployments
from cyclone_core.operations.deployments import Deployment, Plan
from cyclone_core.operations.resources import Proposal, Resources
from cyclone_core.problems import Problem
from cyclone_core.resources import Host
from cyclone_core.scheduler.references import PLURALS
from cyclone_tui.cli.groups import guide, options, stacks, tables
from cyclone_tui.cli.groups.deployments import how_it_failed, is_worth_a_line, line, record

DONE = {"create": "created", "change": "updated", "replace": "made again", "delete": "deleted"}


@dataclass(frozen=True)
class Asked:
    """How a command was asked to go about it."""

    as_json: bool = False
    plan_only: bool = False
    yes: bool = False
    no_wait: bool = False
    keep_failed: bool = False
    verbose: bool = False
    revert_drift: bool = False
    """only commands that change what is there can be asked to"""

    @property
    def may_ask(self) -> bool:
        """Whether somebody can be asked, and did not forbid it."""
        return not (self.as_json or self.yes or self.plan_only) and guide.is_possible()


def revert_option() -> click.Parameter:
    """`--revert-drift`, for commands that change what is there."""
    text = "Put back what somebody changed of it beside Cyclone"
    return options.FieldOption(["--revert-drift", "revert_drift"], help=text, heading=options.AWS_ONLY, is_flag=True, default=False)


def options_of() -> list[click.Parameter]:
    """The options that say so, for commands that change something."""
    aws: dict[str, Any] = {"heading": options.AWS_ONLY, "is_flag": True, "default": False}
    return [
        options.switch("--plan", "plan_only", help="Show what would change, and change nothing"),
        options.switch("-y", "--yes", "yes", help="Ask nothing: take defaults and go on"),
        options.switch("--json", "as_json", help="Print JSON, ask nothing"),
        options.FieldOption(["--no-wait", "no_wait"], help="Begin the deployment and do not follow it", **aws),
        options.FieldOption(["--keep-failed", "keep_failed"], help="Leave what fails as it is, to look at it", **aws),
        options.FieldOption(["-v", "--verbose", "verbose"], help="Follow each resource, not only stacks", **aws),
    ]


def finish(resources: Resources, proposal: Proposal, asked: Asked) -> None:
    """Show the plan, or make it true and show what happened. Raises CycloneError when not all of it was done."""
    proposal = _as_asked(resources.host, proposal, asked)
    plan = proposal.check()
    if asked.plan_only:
        show(proposal, asked)
    elif resources.host.type != "aws":
        _here(resources, proposal, asked.as_json)
    elif not plan:
        _nothing(proposal, asked)
    else:
        confirm(proposal, asked)
        follow(resources.host, deployments.start(resources.host, proposal, command()), proposal, asked)


def command() -> str:
    """The command line of this process."""
    return shlex.join(["hyper", *(click.get_current_context().obj or ())])


def show(proposal: Proposal, asked: Asked) -> None:
    """Print the plan."""
    if asked.as_json:
        tables.print_json(stacks.record(proposal.plan, proposal.details))
    else:
        stacks.print_plan(proposal.plan, proposal.details)


def confirm(proposal: Proposal, asked: Asked) -> None:
    """Ask on a terminal whether to go on. Raises CycloneError when not."""
    if not asked.may_ask:
        return
    for text in stacks.summary(proposal.plan, proposal.details):
        click.echo(text, err=True)
    if not guide.on_terminal().confirm("Deploy this?"):
        raise CycloneError("nothing was deployed: it was not confirmed")


def follow(host: Host, deployment: Deployment, proposal: Proposal, asked: Asked, done: Callable[[], None] = lambda: None) -> None:
    """Follow a deployment of an AWS host to its end and tell how that was. done: called when all of it is true, before it is told.

    Raises CycloneError when it did not succeed.
    """
    if asked.no_wait:
        _begun(deployment, proposal, asked)
        return
    events = _followed(host, deployment, proposal, asked)
    found = deployments.get(host, deployment.number)
    if found.state == "SUCCEEDED":
        done()
    if asked.as_json:
        told = [tables.event_record(event) for event in events]
        tables.print_json({**stacks.record(proposal.plan, proposal.details), "deployment": record(found), "events": told})
    elif found.state == "SUCCEEDED":
        for text in results(proposal.plan):
            click.echo(text)
    if found.state != "SUCCEEDED":
        raise CycloneError(how_it_failed(found))


def results(plan: Plan) -> list[str]:
    """What was done, a line for each resource; of one that stays as it is, where it came to or left."""
    done: dict[tuple[str, str], str] = {}
    moved: list[str] = []
    for change in plan.changes:
        resource = resource_of(change.kind, change.name)
        if change.kind == "machine-image":
            moved.append(f"machine image {change.name} {'was copied to' if change.body else 'is gone from'} {change.region}")
        if resource is None:
            continue
        if change.body is None or change.before is None or change.fields:
            done[resource] = "deleted" if change.body is None else "created" if change.before is None else "updated"
        elif change.action in ("create", "delete"):
            moved.append(f"{change.kind} {change.name} {'is in' if change.action == 'create' else 'left'} {change.region}")
        else:
            done.setdefault(resource, "updated")
    return [*(f"{kind} {name} {what}" for (kind, name), what in done.items()), *moved]


def _followed(host: Host, deployment: Deployment, proposal: Proposal, asked: Asked) -> list[Event]:
    events = []
    number = deployment.number
    if proposal.details is not None and proposal.details.lacking:
        _say(f"hyper: you seem to lack rights: {', '.join(proposal.details.lacking)}")
    _say(f"deployment {number}: {deployment.what}")
    try:
        for event in deployments.follow(host, number):
            events.append(event)
            if is_worth_a_line(event, asked.verbose):
                _say(line(event))
    except KeyboardInterrupt:
        _say(f"\ndeployment {number} goes on: hyper deployments attach {number} --host {host.name}")
        raise
    return events


def _begun(deployment: Deployment, proposal: Proposal, asked: Asked) -> None:
    if asked.as_json:
        tables.print_json({**stacks.record(proposal.plan, proposal.details), "deployment": record(deployment)})
    else:
        click.echo(f"deployment {deployment.number} started. Follow it: hyper deployments attach {deployment.number}")


def _nothing(proposal: Proposal, asked: Asked) -> None:
    if asked.as_json:
        tables.print_json({**stacks.record(proposal.plan, proposal.details), "events": []})
    else:
        click.echo("no change: everything is as asked")


def _as_asked(host: Host, proposal: Proposal, asked: Asked) -> Proposal:
    given = {"--no-wait": asked.no_wait, "--keep-failed": asked.keep_failed}
    if host.type != "aws" and any(given.values()):
        hint = "Leave it out: it belongs to an AWS host"
        wrong = [Problem(name, "changes of a local host are made at once", hint) for name, value in given.items() if value]
        raise InvalidRequest([*wrong, *proposal.problems])
    return replace(proposal, plan=replace(proposal.plan, keep_failed=asked.keep_failed))


# -- local hosts ------------------------------------------------------------------------------------------------------
def _here(resources: Resources, proposal: Proposal, as_json: bool) -> None:
    plan, events = proposal.plan, []
    for event in resources.apply(proposal, command()):
        events.append(event)
        _tell(event)
    failed = [event for event in events if event.phase == "FAILED"]
    done = {(event.kind, event.name) for event in events if event.phase in ("ACTIVE", "DELETED")}
    if as_json:
        tables.print_json({"plan": tables.plan_record(plan), "events": [tables.event_record(event) for event in events]})
    elif not plan:
        click.echo("no change: everything is as asked")
    elif not failed:
        for change in plan.changes:
            if (change.kind, change.name) in done:
                click.echo(f"{change.kind} {change.name} {DONE[change.action]}")
    if failed:
        last = failed[-1]
        plural = PLURALS[last.kind]
        raise CycloneError(f"the {last.kind} {last.name} is FAILED: {last.text}. Its log: hyper {plural} list-{plural} --name {last.name}")
    if any((change.kind, change.name) not in done for change in plan.changes):
        raise CycloneError(
            "not everything was done: it was cancelled. What is left: hyper deployments list, hyper deployments retry NUMBER"
        )


def _tell(event: Event) -> None:
    """Long work is followed on stderr; short changes say nothing but their end."""
    if event.phase == "LOG":
        _say(f"{'hyper: ' if event.level == 'warning' else '  | '}{event.text}")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
