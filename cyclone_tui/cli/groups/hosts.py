"""`hyper hosts`: control planes. A local host is a state directory on this machine and the process that serves it."""

import time
from collections.abc import Callable, Mapping, Sequence
from time import localtime, strftime
from typing import Any

import click

from cyclone_core.errors import CycloneError, InvalidRequest, UsageError
from cyclone_core.host_registry import HostRegistry
from cyclone_core.operations import hosts
from cyclone_core.paths import DEFAULT_HOST
from cyclone_core.problems import Problem
from cyclone_core.resource_fields import fields_of, show
from cyclone_core.resources import Host
from cyclone_core.scheduler.settings import read_duration
from cyclone_core.views import iso
from cyclone_tui.cli import diagnostics
from cyclone_tui.cli.groups import guide, options, tables
from cyclone_tui.cli.groups.changes import make_group

_COLUMNS = ("selected", "name", "type", "state", "state_directory")


def _create(as_json: bool, plan_only: bool, yes: bool, **values: Any) -> None:
    given = options.given_fields(Host, values)
    if guide.is_possible() and not (as_json or yes or plan_only):
        names = [status.host.name for status in hosts.list_hosts()[0]]
        given = _type_first(guide.on_terminal(lambda kind: names), given)
    if str(given.get("type", "")).lower() == "aws":
        hosts.refuse_aws()
    proposal = hosts.propose(given, options.label(Host))
    host = proposal.check()
    if plan_only:
        click.echo(f"create host {host.name}\n  type  {host.type}")
        return
    status = hosts.create(proposal)
    if as_json:
        tables.print_json(tables.host_record(status))
    else:
        click.echo(f"host {host.name} created, started and selected: {status.state_dir}")


def _type_first(asking: guide.Guide, given: dict[str, object]) -> dict[str, object]:
    """Whether there can be such a host is known before anything else is asked."""
    spec = next(spec for spec in fields_of(Host) if spec.name == "type")
    if "type" not in given:
        given["type"] = asking.ask(Host, spec, given, {}, "local") or "local"
    if str(given["type"]).lower() == "aws":
        hosts.refuse_aws()
    return asking.complete(Host, given, "local")


def _list(as_json: bool, name: str | None) -> None:
    found, problems = hosts.list_hosts()
    if name:
        hosts.get(name)
        found = [status for status in found if status.host.name == name]
    if as_json:
        tables.print_json([tables.host_record(status) for status in found])
    else:
        tables.print_table(_COLUMNS, [tables.host_row(status) for status in found])
    for problem in problems:
        diagnostics.tell("hyper", problem.message)


def _select(host_name: str) -> None:
    host = HostRegistry().select(host_name)
    click.echo(f"host {host.name} selected")


def _update(as_json: bool, plan_only: bool, **values: Any) -> None:
    given = options.given_fields(Host, values)
    given.setdefault("name", hosts.get().name)
    if set(given) == {"name"}:
        raise UsageError("update-host: nothing to change was given. Its options: hyper hosts update-host --help")
    proposal = hosts.propose(given, options.label(Host), update=True)
    host = proposal.check()
    changed = host != proposal.before
    if changed and not plan_only:
        hosts.update(proposal)
    if as_json:
        tables.print_json(tables.host_record(hosts.status(host.name)))
    else:
        click.echo(f"host {host.name} {'would be updated' if plan_only else 'updated'}" if changed else "no change: everything is as asked")


def _import(**_: Any) -> None:
    hosts.refuse_aws()


def _delete(name: str | None, yes: bool, force: bool, plan_only: bool) -> None:
    if not name:
        raise InvalidRequest([Problem("--name", "is needed", "See them with: hyper hosts list-hosts")])
    host = hosts.get(name)
    problems = hosts.check_delete(host, force)
    if problems:
        raise InvalidRequest(problems)
    what = f"The host {name} will be deleted with all of its jobs, outputs and resources."
    if plan_only:
        click.echo(f"delete host {name}")
        return
    if not yes and not guide.is_possible():
        raise CycloneError(f"the host {name} was not deleted: nobody can confirm it here. Add --yes to delete it with all of its jobs")
    if not yes and not guide.on_terminal().confirm_by_name(what, name):
        raise CycloneError(f"the host {name} was not deleted: it was not confirmed")
    removed = hosts.delete(host, force)
    again = "; the next job command makes it anew" if name == DEFAULT_HOST else ""
    click.echo(f"host {name} deleted{f': {removed} was removed' if removed else ''}{again}")


def _purge(older_than: str | None, name: str | None, yes: bool, as_json: bool) -> None:
    host = hosts.get(name)
    before = time.time() - _age(older_than)
    what = f"jobs of host {host.name} that ended before {strftime('%Y-%m-%d %H:%M:%S', localtime(before))}"
    if not yes and not guide.is_possible():
        raise CycloneError(f"nothing was forgotten: nobody can confirm it here. Add --yes to forget the {what}, with their output")
    if not yes and not guide.on_terminal().confirm(f"Forget the {what}, with their output?"):
        raise CycloneError("nothing was forgotten: it was not confirmed")
    count = sum(hosts.forget(host, before))
    if as_json:
        tables.print_json({"host": host.name, "forgotten": count, "before": iso(before)})
    else:
        click.echo(f"{count:,} {'job' if count == 1 else 'jobs'} of host {host.name} forgotten")


def _age(text: str | None) -> float:
    """Seconds. Raises InvalidRequest: nobody's jobs go because an option was left out."""
    if text is None:
        raise InvalidRequest([Problem("--older-than", "is needed", "Give an age such as 30d or 12h: hyper hosts purge --older-than 30d")])
    try:
        return read_duration(text)
    except ValueError as exc:
        raise InvalidRequest([Problem("--older-than", *exc.args)]) from None


def _start(host_name: str | None, as_json: bool) -> None:
    host = hosts.get(host_name)
    details = hosts.start(host)
    if as_json:
        tables.print_json(tables.host_record(hosts.status(host.name)) | {"details": _told(details)})
    else:
        click.echo(f"host {host.name} is running (process {details.get('pid')})")


def _stop(host_name: str | None) -> None:
    host = hosts.get(host_name)
    click.echo(f"host {host.name} stopped" if hosts.stop(host) else f"host {host.name} was not running")


def _status(host_name: str | None, as_json: bool) -> None:
    status = hosts.status(host_name)
    if as_json:
        tables.print_json(tables.host_record(status) | {"details": _told(status.details)})
        return
    if status.state != "running":
        click.echo(f"host {status.host.name}: not running. Start it with: hyper hosts start {status.host.name}")
        return
    click.echo(f"host {status.host.name}: running")
    for key, found in _told(status.details).items():
        text = show(found)
        if key not in ("workers", "clusters"):
            click.echo(f"  {key:<10} {text}")
    for worker in status.details.get("workers", ()):
        busy = f"{worker.get('tasks', 0)} tasks leased" if worker.get("connected") else "starting"
        click.echo(f"  worker {worker.get('id')}: cluster {worker.get('cluster')}, process {worker.get('pid')}, {busy}")


def _told(details: Mapping[str, Any]) -> dict[str, Any]:
    """What a supervisor says, with times as everywhere in JSON."""
    times = {key: iso(found or None) for key, found in details.items() if key in ("started", "heard") and isinstance(found, float)}
    told = {key: found for key, found in {**details, **times}.items() if key != "pace"}
    return {**told, "workers": [_told(worker) for worker in told["workers"]]} if "workers" in told else told


def _command(name: str, callback: Callable[..., None], params: Sequence[click.Parameter], help: str) -> click.Command:
    return options.ResourceCommand(name, callback=callback, params=list(params), help=help, context_settings=options.SETTINGS)


def _json() -> click.Option:
    return options.switch("--json", "as_json", help="Print JSON, ask nothing")


def _plan() -> click.Option:
    return options.switch("--plan", "plan_only", help="Show what would change, and change nothing")


def _yes() -> click.Option:
    return options.switch("-y", "--yes", "yes", help="Ask nothing: take defaults and go on")


def _host_argument(required: bool = False) -> click.Argument:
    return click.Argument(["host_name"], required=required, metavar="HOST_NAME" if required else "[HOST_NAME]")


_IMPORTED = ("name", "account", "region", "profile")
_FORCE = "Also when jobs are not finished: they are lost"
_DELETE = [options.value("--name", "name", help="Which host"), _plan(), _yes(), options.switch("--force", "force", help=_FORCE)]
_AGE = "How long ago they ended: 30d, 12h, 90m; 0 for all that are over"
_PURGED = [
    options.value("--older-than", "older_than", help=_AGE, metavar="TIME"),
    options.value("--name", "name", help="Which host"),
    _yes(),
]
_UPDATED = options.field_options(Host, update=True, without=("type",))
_LISTED = [options.value("--name", "name", help="Only this host"), _json()]

group = make_group(
    "hosts",
    "Hosts: control planes of Cyclone. The selected one is used by all commands.",
    [
        _command(
            "create-host", _create, [*options.field_options(Host), _plan(), _yes(), _json()], "Create a host, start it and select it."
        ),
        _command("list-hosts", _list, _LISTED, "List hosts; * marks the selected one."),
        _command("select-host", _select, [_host_argument(required=True)], "Select the host that all commands use."),
        _command("update-host", _update, [*_UPDATED, _plan(), _json()], "Change a host."),
        _command("import-deployment", _import, options.field_options(Host, _IMPORTED), "Use a deployment made with the CDK (AWS)."),
        _command("delete-host", _delete, _DELETE, "Delete a host with all of its jobs, outputs and resources."),
        _command(
            "purge",
            _purge,
            [*_PURGED, options.switch("--json", "as_json", help="Print JSON")],
            "Forget jobs that are over, with their output; nothing else ever removes them.",
        ),
        _command("start", _start, [_host_argument(), _json()], "Start a local host; harmless when it runs."),
        _command("stop", _stop, [_host_argument()], "Stop a local host; running tasks go back to Waiting and lose nothing."),
        _command("status", _status, [_host_argument(), _json()], "What a local host's supervisor and workers are doing."),
    ],
)
