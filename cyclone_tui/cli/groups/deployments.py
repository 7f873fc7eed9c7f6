"""`hyper deployments`: what was changed on a host, what is being changed, and the ways on from a change that failed.

Whoever follows a deployment may leave (Ctrl-C): it goes on in its own process.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from cyclone_core.errors import CycloneError, UsageError
from cyclone_core.infra.events import Event
from cyclone_core.operations import deployments, hosts
from cyclone_core.operations.deployments import Deployment
from cyclone_core.operations.resources import Proposal
from cyclone_core.resources import Host
from cyclone_core.views import iso
from cyclone_tui.cli import text
from cyclone_tui.cli.groups import guide, options, stacks, tables
from cyclone_tui.cli.groups.options import make_group

_COLUMNS = ("number", "what", "state", "started", "took", "by")
_LISTED = 20
"""So many are listed unless `--limit` says otherwise."""


def _list(host_name: str | None, as_json: bool, limit: str | None, before: str | None) -> None:
    host = hosts.get(host_name)
    found = deployments.list_deployments(host, _number(before, "--before") if before else None, _number(limit or str(_LISTED), "--limit"))
    if as_json:
        tables.print_json([record(deployment) for deployment in found])
        return
    tables.print_table(_COLUMNS, [_row(deployment) for deployment in found])
    if found and found[-1].number > 1 and len(found) == _LISTED and not limit:
        click.echo(f"Older ones: hyper deployments list --before {found[-1].number}", err=True)


def is_worth_a_line(event: Event, verbose: bool) -> bool:
    """Whether whoever follows is told: each stack, and of the resources in it those that fail."""
    return verbose or not event.part or event.level == "error"


def _show(host_name: str | None, number: str, as_json: bool, follow: bool, verbose: bool = False) -> None:
    host, wanted = hosts.get(host_name), _number(number, "NUMBER")
    found = deployments.get(host, wanted)
    if follow:
        _follow(host, found, as_json, verbose)
        return
    events, _ = deployments.read_events(host, wanted)
    if as_json:
        tables.print_json(record(found) | {"events": [tables.event_record(event) for event in events]})
        return
    _print(found)
    for event in events:
        click.echo(line(event))
    _print_end(found)


def _attach(host_name: str | None, number: str, as_json: bool, verbose: bool) -> None:
    _show(host_name, number, as_json, follow=True, verbose=verbose)


def _cancel(host_name: str | None, number: str, as_json: bool) -> None:
    found = deployments.cancel(hosts.get(host_name), _number(number, "NUMBER"))
    if as_json:
        tables.print_json(record(found))
    else:
        click.echo(f"deployment {found.number} ends after what it is doing now. Follow it: hyper deployments show {found.number} --follow")


def _retry(host_name: str | None, number: str, **asked: bool) -> None:
    _again(host_name, number, deployments.propose_retry, deployments.retry, "Retry", **asked)


def _roll_back(host_name: str | None, number: str, **asked: bool) -> None:
    _again(host_name, number, deployments.propose_roll_back, deployments.roll_back, "Roll back", **asked)


def _again(
    host_name: str | None,
    number: str,
    propose: Callable[[Host, int], Proposal],
    begin: Callable[[Host, int, Proposal], Deployment],
    verb: str,
    as_json: bool,
    plan_only: bool,
    yes: bool,
    detach: bool,
    verbose: bool,
) -> None:
    """What retry and roll back have in common: the plan, a question on a terminal, a new deployment that is followed."""
    host, wanted = hosts.get(host_name), _number(number, "NUMBER")
    proposal = propose(host, wanted)
    plan = proposal.check()
    if plan_only:
        tables.print_json(stacks.record(plan, proposal.details)) if as_json else stacks.print_plan(plan, proposal.details)
        return
    if not yes and (as_json or not guide.is_possible()):
        _check_keeps_host(wanted, plan)
    if not (as_json or yes) and guide.is_possible():
        stacks.print_plan(plan, proposal.details)
        if not _confirmed(f"{verb} deployment {wanted}?", plan):
            raise CycloneError(f"nothing was done with deployment {wanted}: it was not confirmed")
    begun = begin(host, wanted, proposal)
    if not detach:
        _follow(host, begun, as_json, verbose)
    elif as_json:
        tables.print_json(record(begun))
    else:
        click.echo(f"deployment {begun.number} started. Follow it: hyper deployments show {begun.number} --follow")


def _check_keeps_host(number: int, plan: deployments.Plan) -> None:
    """What deletes a host takes its jobs along, and is asked for by name: as with delete-host, silence is no answer."""
    for change in plan.changes:
        if change.action == "delete" and change.kind == "host":
            what = f"it would delete the host {change.name} with all of its jobs, and nobody can confirm it here"
            raise CycloneError(f"nothing was done with deployment {number}: {what}. Add --yes to delete it")


def _confirmed(question: str, plan: deployments.Plan) -> bool:
    """Asked for a name where much hangs on what is deleted."""
    names = [
        change.name for kind in ("host", "cluster", "region") for change in plan.changes if (change.action, change.kind) == ("delete", kind)
    ]
    asking = guide.on_terminal()
    return asking.confirm_by_name(question, names[0]) if names else asking.confirm(question)


def _follow(host: Host, deployment: Deployment, as_json: bool, verbose: bool) -> None:
    """Print events as they come, then how it ended. With JSON: a line per event, the last line is the deployment."""
    if not as_json:
        _print(deployment)
    try:
        for event in deployments.follow(host, deployment.number):
            if not (as_json or is_worth_a_line(event, verbose)):
                continue
            sys.stdout.write((json.dumps(tables.event_record(event)) if as_json else line(event)) + "\n")
            sys.stdout.flush()
    except KeyboardInterrupt:
        click.echo(f"\ndeployment {deployment.number} goes on. Follow it: hyper deployments show {deployment.number} --follow", err=True)
        raise
    found = deployments.get(host, deployment.number)
    if as_json:
        click.echo(json.dumps(record(found)))
    else:
        _print_end(found)
    if found.state not in ("SUCCEEDED", "ROLLED_BACK"):
        raise CycloneError(how_it_failed(found))


def how_it_failed(deployment: Deployment) -> str:
    """What became of a deployment that did not succeed, why, and what can be done about it."""
    return f"deployment {deployment.number} is {deployment.state}: {deployment.reason.rstrip('.')}. {_remedies(deployment)}"


def _remedies(deployment: Deployment) -> str:
    number = deployment.number
    if deployments.retry_line(number) in deployment.reason:
        return f"Or go back: {deployments.roll_back_line(number)}, or leave things as they are"
    return f"Do the rest: {deployments.retry_line(number)}, go back: {deployments.roll_back_line(number)}, or leave things as they are"


def record(deployment: Deployment) -> dict[str, Any]:
    """A deployment as JSON."""
    return {
        "number": deployment.number,
        "what": deployment.what,
        "state": deployment.state,
        "reason": deployment.reason,
        "mode": deployment.mode,
        "of": deployment.of,
        "rolled_back_by": deployment.rolled_back_by,
        "command": deployment.command,
        "by": deployment.by,
        "cancelled_by": deployment.cancelled_by or None,
        "started_at": iso(deployment.started),
        "ended_at": iso(deployment.ended),
        "process": deployment.process or None,
        "plan": tables.plan_record(deployment.plan),
    }


def line(event: Event) -> str:
    """An event as one line."""
    where = f"{event.region} " if event.region else ""
    what = f"{where}{event.kind} {event.name}{f' {event.part}' if event.part else ''}"
    clock = time.strftime("%H:%M:%S", time.localtime(event.at))
    said = text.harmless(event.text)
    if event.phase == "LOG":
        return f"{clock}  {what}  {'warning: ' if event.level == 'warning' else '| '}{said}"
    return f"{clock}  {what}  {event.phase}{f': {said}' if said else ''}"


def _row(deployment: Deployment) -> list[str]:
    took = text.duration(deployment.took(time.time())) if deployment.ended or not deployment.is_over else ""
    return [str(deployment.number), deployment.what, deployment.state, text.when(deployment.started), took, deployment.by]


def _print(deployment: Deployment) -> None:
    click.echo(f"deployment {deployment.number}: {deployment.what}")
    click.echo(f"  by {deployment.by} at {text.when(deployment.started)}{f', {deployment.command}' if deployment.command else ''}")


def _print_end(deployment: Deployment) -> None:
    reason = f": {text.harmless(deployment.reason)}" if deployment.reason else ""
    took = f" after {text.duration(deployment.took(0))}" if deployment.ended else ""
    click.echo(f"{deployment.state}{took}{reason}")


def _number(given: str, name: str) -> int:
    if not (given.isascii() and given.isdigit() and len(given) < 10):
        raise UsageError(f"{name}: {given!r} is not a number. See the deployments: hyper deployments list")
    return int(given)


def _command(name: str, callback: Callable[..., None], params: Sequence[click.Parameter], help: str) -> click.Command:
    everywhere = [options.host_option(), options.switch("--json", "as_json", help="Print JSON, ask nothing")]
    return options.ResourceCommand(name, callback=callback, params=[*params, *everywhere], help=help, context_settings=options.SETTINGS)


def _which() -> click.Argument:
    return click.Argument(["number"], metavar="NUMBER")


def _asked() -> list[click.Parameter]:
    return [
        _which(),
        options.switch("--plan", "plan_only", help="Show what would change, and change nothing"),
        options.switch("-y", "--yes", "yes", help="Ask nothing"),
        options.switch("--detach", "detach", help="Do not follow it"),
        _verbose(),
    ]


def _verbose() -> click.Option:
    return options.FieldOption(
        ["-v", "--verbose", "verbose"], is_flag=True, default=False, heading=options.AWS_ONLY, help="Follow each resource, not only stacks"
    )


_LIMIT = options.value("--limit", "limit", help=f"So many  [default: {_LISTED}]", metavar="N")
_BEFORE = options.value("--before", "before", help="Only those with smaller numbers", metavar="N")
_LIVE = options.switch("--follow", "follow", help="Go on until it is over; Ctrl-C leaves, and it goes on")

group = make_group(
    "deployments",
    "Deployments: what was changed on a host, what is being changed, and the ways on from a change that failed.",
    [
        _command("list", _list, [_LIMIT, _BEFORE], "List deployments, newest first."),
        _command("show", _show, [_which(), _LIVE, _verbose()], "Show a deployment with everything that happened in it."),
        _command("attach", _attach, [_which(), _verbose()], "Follow a deployment until it is over: show --follow."),
        _command("cancel", _cancel, [_which()], "End a deployment after what it is doing now; an image build is ended at once."),
        _command("retry", _retry, _asked(), "Do what a deployment left undone."),
        _command("roll-back", _roll_back, _asked(), "Go back to what was there before a deployment."),
    ],
)
