"""`hyper hosts`: control planes. A local host is a state directory on this machine and the process that serves it; AWS hosts are in
`aws_host_flows`."""

import time
from collections.abc import Callable, Mapping, Sequence
from time import localtime, strftime
from typing import Any

import click

from cyclone_core.errors import CycloneError, InvalidRequest, UsageError
from cyclone_core.host_registry import HostRegistry
from cyclone_core.operations import hosts, resources
from cyclone_core.paths import DEFAULT_HOST
from cyclone_core.problems import Problem
from cyclone_core.resource_fields import fields_of, show
from cyclone_core.resources import Host
from cyclone_core.scheduler.settings import read_duration
from cyclone_core.views import iso
from cyclone_tui.cli import diagnostics
from cyclone_tui.cli.groups import aws_host_flows, drift_listing, guide, options, tables
from cyclone_tui.cli.groups.applying import options_of, revert_option
from cyclone_tui.cli.groups.changes import asked_of
from cyclone_tui.cli.groups.options import make_group

_COLUMNS = ("selected", "name", "type", "state", "where")


def _create(**values: Any) -> None:
    asked, given = asked_of(values), options.given_fields(Host, values)
    if asked.may_ask:
        names = [host.name for host in HostRegistry().list()[0]]
        given = _guided(guide.on_terminal(lambda kind: names), given)
    with options.judged(Host, given):
        proposal = hosts.propose(given, options.label(Host))
        host = proposal.check()
    if host.type == "aws":
        aws_host_flows.create(host, asked)
        return
    if asked.plan_only:
        click.echo(f"create host {host.name}\n  type  {host.type}")
        return
    status = hosts.create(proposal)
    if asked.as_json:
        tables.print_json(tables.host_record(status))
    else:
        click.echo(f"host {host.name} created, started and selected: {status.state_dir}")


def _guided(asking: guide.Guide, given: dict[str, object]) -> dict[str, object]:
    """Where it runs decides what else is asked."""
    spec = next(spec for spec in fields_of(Host) if spec.name == "type")
    if "type" not in given:
        given["type"] = asking.ask(Host, spec, given, {}, "local") or "local"
    if str(given["type"]).lower() == "aws":
        return aws_host_flows.walk_through(asking, given)
    return asking.complete(Host, given, "local")


def _list(as_json: bool, name: str | None, drift: bool) -> None:
    found, problems = hosts.list_hosts()
    if name:
        hosts.get(name)
        found = [status for status in found if status.host.name == name]
    if drift:
        meant = [status.host for status in found if name or status.host.type == "aws"]
        drift_listing.show([(resources.for_host(host), "") for host in meant], None, as_json)
        return
    if as_json:
        tables.print_json([tables.host_record(status) for status in found])
    else:
        tables.print_table(_COLUMNS, [tables.host_row(status) for status in found])
    for problem in problems:
        diagnostics.tell("hyper", problem.message)


def _select(host_name: str) -> None:
    host = HostRegistry().select(host_name)
    click.echo(f"host {host.name} selected")


def _update(**values: Any) -> None:
    asked, given = asked_of(values), options.given_fields(Host, values)
    given.setdefault("name", hosts.get().name)
    before = hosts.get(str(given["name"]))
    if asked.revert_drift and before.type != "aws":
        raise InvalidRequest([resources.NO_DRIFT])
    if set(given) == {"name"} and before.type == "local":
        raise UsageError("update-host: nothing to change was given. Its options: hyper hosts update-host --help")
    with options.judged(Host, given):
        proposal = hosts.propose(given, options.label(Host), update=True)
        host = proposal.check()
    if host.type == "aws":
        aws_host_flows.update(proposal, asked)
        return
    changed = host != proposal.before
    if changed and not asked.plan_only:
        hosts.update(proposal)
    if asked.as_json:
        tables.print_json(tables.host_record(hosts.status(host.name)))
    else:
        told = f"host {host.name} {'would be updated' if asked.plan_only else 'updated'}"
        click.echo(told if changed else "no change: everything is as asked")


def _import(as_json: bool, **values: Any) -> None:
    aws_host_flows.take_over(options.given_fields(Host, values), options.label(Host), as_json)


def _delete(name: str | None, force: bool, keep_data: bool, **values: Any) -> None:
    asked = asked_of(values)
    if not name:
        raise UsageError("--name: is needed. See them with: hyper hosts list-hosts")
    host = hosts.get(name)
    problems = hosts.check_delete(host, force)
    if problems:
        raise InvalidRequest(problems)
    if host.type == "aws":
        aws_host_flows.delete(host, asked, force, keep_data)
        return
    if keep_data:
        raise InvalidRequest([Problem("--keep-data", "what a local host has lies in its directory", "Copy it first, or leave this out")])
    if asked.plan_only:
        click.echo(f"delete host {name}")
        return
    aws_host_flows.confirm_deletion(name, "with all of its jobs, outputs and resources", asked)
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
    """Seconds. Raises UsageError: nobody's jobs go because an option was left out."""
    if text is None:
        raise UsageError("--older-than: is needed. Give an age such as 30d or 12h: hyper hosts purge --older-than 30d")
    try:
        return read_duration(text)
    except ValueError as exc:
        raise UsageError(str(Problem("--older-than", *exc.args))) from None


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
    if status.host.type == "aws":
        _tell_aws(status)
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


def _tell_aws(status: hosts.HostStatus) -> None:
    click.echo(f"host {status.host.name}: {status.state}")
    for key, found in status.details.items():
        if key not in ("workers", "lanes"):
            click.echo(f"  {key:<10} {show(found)}")
    for crew in status.details.get("workers", ()):
        click.echo(f"  workers of cluster {crew['cluster']} in {crew['region']}: {crew['running']} run, {crew['starting']} start")
    for lane in status.details.get("lanes", ()):
        click.echo(f"  cluster {lane['cluster']}, definition {lane['definition']}: {lane['why']}")


def _told(details: Mapping[str, Any]) -> dict[str, Any]:
    """What a supervisor says, with times as everywhere in JSON."""
    times = {key: iso(found or None) for key, found in details.items() if key in ("started", "heard") and isinstance(found, float)}
    told = {key: found for key, found in {**details, **times}.items() if key != "pace"}
    return {**told, "workers": [_told(worker) for worker in told["workers"]]} if "workers" in told else told


def _command(name: str, callback: Callable[..., None], params: Sequence[click.Parameter], help: str) -> click.Command:
    return options.ResourceCommand(name, callback=callback, params=list(params), help=help, context_settings=options.SETTINGS)


def _json() -> click.Option:
    return options.switch("--json", "as_json", help="Print JSON, ask nothing")


def _yes() -> click.Option:
    return options.switch("-y", "--yes", "yes", help="Ask nothing: take defaults and go on")


def _host_argument(required: bool = False) -> click.Argument:
    return click.Argument(["host_name"], required=required, metavar="HOST_NAME" if required else "[HOST_NAME]")


_IMPORTED = ("name", "account", "region", "profile", "sandbox")
_FORCE = "Also when jobs are not finished: they are lost; of an AWS host whose account cannot be reached, forget it here"
_KEEP = options.FieldOption(
    ["--keep-data", "keep_data"], is_flag=True, default=False, heading=options.AWS_ONLY, help="Keep its jobs and outputs in the account"
)
_DELETE = [options.value("--name", "name", help="Which host"), options.switch("--force", "force", help=_FORCE), _KEEP, *options_of()]
_AGE = "How long ago they ended: 30d, 12h, 90m; 0 for all that are over"
_PURGED = [
    options.value("--older-than", "older_than", help=_AGE, metavar="TIME"),
    options.value("--name", "name", help="Which host"),
    _yes(),
]
_UPDATED = options.field_options(Host, update=True, without=("type",))
_LISTED = [options.value("--name", "name", help="Only this host"), _json(), drift_listing.option()]

group = make_group(
    "hosts",
    "Hosts: control planes of Cyclone. The selected one is used by all commands.",
    [
        _command("create-host", _create, [*options.field_options(Host), *options_of()], "Create a host, start it and select it."),
        _command("list-hosts", _list, _LISTED, "List hosts; * marks the selected one."),
        _command("select-host", _select, [_host_argument(required=True)], "Select the host that all commands use."),
        _command(
            "update-host", _update, [*_UPDATED, *options_of(), revert_option()], "Change a host; an AWS host gets this version's stacks."
        ),
        _command(
            "import-deployment", _import, [*options.field_options(Host, _IMPORTED), _json()], "Use a deployment made with the CDK (AWS)."
        ),
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
