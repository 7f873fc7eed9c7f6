"""The flow that all resource commands share: what was typed, what is missing, the plan, and then the change with its events."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from typing import Any

import click

from cyclone_core.errors import CycloneError, UsageError
from cyclone_core.operations.resources import Mode, Resources, for_selected
from cyclone_core.resource_bodies import settings
from cyclone_core.resources import MODELS
from cyclone_core.scheduler.references import PLURALS
from cyclone_tui.cli import diagnostics
from cyclone_tui.cli.groups import drift_listing, guide, options, stacks, tables
from cyclone_tui.cli.groups.applying import Asked, finish, options_of, revert_option

_BY_NAME = ("cluster", "region")
"""Deleting these asks for the name: whole queues hang on them."""
_IN_STACKS = ("region", "cluster", "queue", "definition")
"""What has stacks on AWS hosts, and so may drift."""


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

    def run(host_name: str | None, **values: Any) -> None:
        resources, asked = for_selected(host_name), asked_of(values)
        given = {**options.given_fields(MODELS[kind], values), **(fixed or {})}
        if update and not (asked.may_ask or asked.revert_drift) and set(given) <= {"name"}:
            raise UsageError(_nothing_to_change(kind, name))
        put(resources, kind, given, mode, asked, fields, without)

    params = [*options.field_options(MODELS[kind], fields, update, without), options.host_option(), *options_of()]
    params += [revert_option()] if update and kind in _IN_STACKS else []
    return options.ResourceCommand(name, callback=run, params=params, help=help, context_settings=options.SETTINGS)


def put(
    resources: Resources,
    kind: str,
    given: dict[str, object],
    mode: Mode,
    asked: Asked,
    fields: Sequence[str] = (),
    without: Sequence[str] = (),
) -> None:
    """Store a resource, after asking for what is missing where somebody can be asked."""
    if asked.may_ask:
        resources.warm_up()
    if asked.may_ask and not (asked.revert_drift and "name" in given):
        given = _guided(resources, kind, given, mode == "update", fields, without)
    with options.judged(MODELS[kind], given):
        proposal = resources.propose_put(
            kind, given, mode, options.label(MODELS[kind]), **({"revert_drift": True} if asked.revert_drift else {})
        )
        finish(resources, proposal, asked)


def delete_command(kind: str, name: str, help: str) -> click.Command:
    """A command that deletes a resource."""

    def run(host_name: str | None, **values: Any) -> None:
        resources, asked = for_selected(host_name), asked_of(values)
        target = values["name"] or (_ask_name(resources, kind) if asked.may_ask else None)
        if not target:
            raise UsageError(f"--name: is needed. See them with: hyper {PLURALS[kind]} list-{PLURALS[kind]}")
        proposal = resources.propose_delete(kind, target)
        proposal.check()
        if asked.may_ask:
            for line in stacks.cost_summary(proposal.details):
                click.echo(line, err=True)
        if asked.may_ask and not _confirmed(kind, target):
            raise CycloneError(f"the {kind} {target} was not deleted: it was not confirmed")
        finish(resources, proposal, replace(asked, yes=True))

    params = [options.value("--name", "name", help=f"Which {kind}"), options.host_option(), *options_of()]
    return options.ResourceCommand(name, callback=run, params=params, help=help, context_settings=options.SETTINGS)


def list_command(kind: str, name: str, help: str) -> click.Command:
    """A command that lists the resources of a kind."""

    def run(host_name: str | None, as_json: bool, drift: bool = False, **values: Any) -> None:
        resources = for_selected(host_name)
        if drift:
            drift_listing.show([(resources, kind)], values["name"], as_json)
            return
        found = resources.find(kind, values["name"])
        for region, why in sorted({(place.region, place.reason) for each in found for place in each.places if place.state == "UNKNOWN"}):
            diagnostics.tell("hyper", f"nothing is known of {region} now: {why}")
        if as_json:
            tables.print_json([tables.resource_record(stored) for stored in found])
            return
        on = resources.host.type
        tables.print_table(tables.columns(kind, on), [tables.resource_row(stored, on) for stored in found])
        if values["name"]:
            tables.print_details(found[0], resources.events(kind, found[0].name))

    params = [
        options.value("--name", "name", help=f"Only this {kind}, with everything about it"),
        options.host_option(),
        options.switch("--json", "as_json", help="Print JSON"),
        *([drift_listing.option()] if kind in _IN_STACKS else []),
    ]
    return options.ResourceCommand(name, callback=run, params=list(params), help=help, context_settings=options.SETTINGS)


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


def asked_of(values: dict[str, Any]) -> Asked:
    """How to go about it; taken out of everything that a command got."""
    return Asked(**{each.name: values.pop(each.name, each.default) for each in dataclass_fields(Asked)})
