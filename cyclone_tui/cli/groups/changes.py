"""The flow that all resource commands share: what was typed, what is missing, the plan, and then the change with its events."""

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from cyclone_core.errors import CycloneError, InvalidRequest, UsageError
from cyclone_core.infra.events import Event
from cyclone_core.operations.resources import Mode, Proposal, Resources, for_selected
from cyclone_core.problems import Problem
from cyclone_core.resource_bodies import settings
from cyclone_core.resources import MODELS
from cyclone_core.scheduler.references import PLURALS
from cyclone_tui.cli.groups import guide, options, tables

_DONE = {"create": "created", "change": "updated", "replace": "made again", "delete": "deleted"}
_BY_NAME = ("cluster",)
"""Deleting these asks for the name: whole queues hang on them."""


def put_command(
    kind: str,
    name: str,
    mode: Mode,
    help: str,
    *,
    fields: Sequence[str] = (),
    without: Sequence[str] = (),
    fixed: Mapping[str, object] | None = None,
) -> click.Command:
    """A command that stores a resource. fields: the options it has, () = all but `without`; fixed: values that it always gives."""
    update = mode == "update"

    def run(host_name: str | None, as_json: bool, plan_only: bool, yes: bool, **values: Any) -> None:
        resources = for_selected(host_name)
        given = {**options.given_fields(MODELS[kind], values), **(fixed or {})}
        asked = not (as_json or yes or plan_only) and guide.is_possible()
        if asked:
            given = _guided(resources, kind, given, update, fields, without)
        elif update and set(given) <= {"name"}:
            raise UsageError(_nothing_to_change(kind, name))
        proposal = resources.propose_put(kind, given, mode, options.label(MODELS[kind]))
        finish(resources, proposal, as_json, plan_only)

    params = [*options.field_options(MODELS[kind], fields, update, without), *_command_options(asks=True)]
    return options.ResourceCommand(name, callback=run, params=params, help=help, context_settings=options.SETTINGS)


def delete_command(kind: str, name: str, help: str) -> click.Command:
    """A command that deletes a resource."""

    def run(host_name: str | None, as_json: bool, plan_only: bool, yes: bool, **values: Any) -> None:
        resources = for_selected(host_name)
        asked = not (as_json or yes or plan_only) and guide.is_possible()
        target = values["name"] or (_ask_name(resources, kind) if asked else None)
        if not target:
            raise InvalidRequest([Problem("--name", "is needed", f"See them with: hyper {PLURALS[kind]} list-{PLURALS[kind]}")])
        proposal = resources.propose_delete(kind, target)
        proposal.check()
        if asked and not _confirmed(kind, target):
            raise CycloneError(f"the {kind} {target} was not deleted: it was not confirmed")
        finish(resources, proposal, as_json, plan_only)

    params = [options.value("--name", "name", help=f"Which {kind}"), *_command_options(asks=True)]
    return options.ResourceCommand(name, callback=run, params=params, help=help, context_settings=options.SETTINGS)


def list_command(kind: str, name: str, help: str) -> click.Command:
    """A command that lists the resources of a kind."""

    def run(host_name: str | None, as_json: bool, **values: Any) -> None:
        resources = for_selected(host_name)
        found = resources.find(kind, values["name"])
        if as_json:
            tables.print_json([tables.resource_record(stored) for stored in found])
            return
        tables.print_table(tables.COLUMNS[kind], [tables.resource_row(stored) for stored in found])
        if values["name"]:
            tables.print_details(found[0], resources.events(kind, found[0].name))

    params = [
        options.value("--name", "name", help=f"Only this {kind}, with everything about it"),
        options.host_option(),
        options.switch("--json", "as_json", help="Print JSON"),
    ]
    return options.ResourceCommand(name, callback=run, params=list(params), help=help, context_settings=options.SETTINGS)


def finish(resources: Resources, proposal: Proposal, as_json: bool, plan_only: bool) -> None:
    """Show the plan, or make it true and show what happened. Raises CycloneError when not all of it was done."""
    plan = proposal.check()
    if plan_only:
        tables.print_json({"plan": tables.plan_record(plan)}) if as_json else tables.print_plan(plan)
        return
    events = []
    for event in resources.apply(proposal, shlex.join(["hyper", *(click.get_current_context().obj or ())])):
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
                click.echo(f"{change.kind} {change.name} {_DONE[change.action]}")
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
        sys.stderr.write(f"{'hyper: ' if event.level == 'warning' else '  | '}{event.text}\n")
        sys.stderr.flush()


def _guided(
    resources: Resources, kind: str, given: dict[str, object], update: bool, fields: Sequence[str], without: Sequence[str]
) -> dict[str, object]:
    snapshot = resources.snapshot()
    model, host_type = MODELS[kind], resources.host.type
    asking = guide.on_terminal(lambda of: snapshot.bodies.get(of, {}))
    left_out = [*without, *(name for name in model.model_fields if fields and name not in fields)]
    if not update:
        if kind == "image" and (given.get("directory") or given.get("reference")):
            left_out.append("directory")
        return asking.complete(model, given, host_type, without=left_out)
    target = str(given.get("name") or _ask_name(resources, kind))
    given = {**given, "name": target}
    if set(given) > {"name"} or target not in snapshot.bodies[kind]:
        return given
    return asking.complete(model, given, host_type, settings(kind, snapshot.bodies[kind][target]), left_out)


def _ask_name(resources: Resources, kind: str) -> str:
    names = sorted(resources.snapshot().bodies[kind])
    sys.stderr.write(f"Which {kind}? ({', '.join(names)})\n  name: ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise click.Abort
    return answer.strip()


def _confirmed(kind: str, target: str) -> bool:
    asking = guide.on_terminal()
    if kind in _BY_NAME:
        return asking.confirm_by_name(f"The {kind} {target} will be deleted.", target)
    return asking.confirm(f"Delete the {kind} {target}?")


def _nothing_to_change(kind: str, command: str) -> str:
    return f"{command}: nothing to change was given. Its options: hyper {PLURALS[kind]} {command} --help"


def _command_options(asks: bool) -> list[click.Parameter]:
    return [
        options.host_option(),
        options.switch("--plan", "plan_only", help="Show what would change, and change nothing"),
        options.switch("-y", "--yes", "yes", help="Ask nothing: take defaults and go on"),
        options.switch("--json", "as_json", help="Print JSON, ask nothing"),
    ]


def make_group(name: str, help: str, commands: Sequence[click.Command]) -> click.Group:
    """A group that shows its help when it is called alone."""
    callback: Callable[[click.Context], None] = _show_help
    group = click.Group(
        name, callback=click.pass_context(callback), help=help, invoke_without_command=True, context_settings=options.SETTINGS
    )
    for command in commands:
        group.add_command(command)
    return group


def _show_help(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
