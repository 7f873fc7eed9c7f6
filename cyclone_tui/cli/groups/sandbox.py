"""`hyper sandbox`: an AWS on this machine, to try AWS hosts without an account. Prints where the keys are, never the keys."""

import shlex
from collections.abc import Sequence
from typing import Any

import click

from cyclone_core.errors import UsageError
from cyclone_core.operations import sandbox
from cyclone_core.views import iso
from cyclone_tui.cli.groups import options, tables
from cyclone_tui.cli.groups.options import make_group


def _start(port: str | None, containers: bool, delay: str | None, fail: Sequence[str], starve: Sequence[str], as_json: bool) -> None:
    settings = sandbox.Settings(port=_port(port), jobs="containers" if containers else "processes")
    failures = dict.fromkeys(fail, "asked for with --fail")
    starved = [sandbox.Starvation(region) for region in starve]
    is_asked = delay is not None or fail or starve
    faults = sandbox.Faults(delay_s=_seconds(delay), failures=failures, starved=starved) if is_asked else None
    _print(sandbox.start(settings, faults), as_json)


def _stop() -> None:
    click.echo("the sandbox stopped; what was on it is gone" if sandbox.stop() else "no sandbox was running")


def _status(as_json: bool) -> None:
    _print(sandbox.status(), as_json)


def _print(status: sandbox.Status, as_json: bool) -> None:
    if as_json:
        tables.print_json(record(status))
        return
    for line in lines(status):
        click.echo(line)


def record(status: sandbox.Status) -> dict[str, Any]:
    """The sandbox as JSON; no secrets."""
    running = status.running
    known = {} if running is None else {
        "pid": running.pid, "endpoint": running.endpoint, "account": running.account, "jobs": running.jobs,
        "started_at": iso(running.started),
    }  # fmt: skip
    return {"state": status.state, **known, "environment": status.environment, "directory": str(status.directory.root)}


def lines(status: sandbox.Status) -> list[str]:
    """The sandbox for people, and what a shell has to say to use it."""
    if status.running is None:
        return ["no sandbox is running. Start one: hyper sandbox start"]
    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in status.environment.items())
    return [
        f"the sandbox is {status.state} at {status.running.endpoint} (process {status.running.pid}, account {status.running.account})",
        f"its jobs are {status.running.jobs} of this machine; its log is {status.directory.log}",
        "To use it in this shell:",
        f"  export {exports}",
    ]


def _port(text: str | None) -> int:
    if text is None:
        return 0
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise UsageError(f"--port: {text!r} is not a port. Give a number from 1 to 65535, or leave it out for one that is free")
    return int(text)


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise UsageError(f"--resource-delay: {text!r} is not a number of seconds from 0 to 3600")
    return seconds


_JSON = options.switch("--json", "as_json", help="Print JSON")
_START: list[click.Parameter] = [
    options.value("--port", "port", help="Port of 127.0.0.1  [default: the last one, or any that is free]", metavar="N"),
    options.switch("--containers", "containers", help="Run jobs as containers of docker or podman, not as processes"),
    options.value("--resource-delay", "delay", help="Let each resource of a stack take so long, to watch deployments", metavar="SECONDS"),
    options.FieldOption(["--fail", "fail"], multiple=True, metavar="RESOURCE", help="Let resources of this type or logical id fail"),
    options.FieldOption(["--starve", "starve"], multiple=True, metavar="REGION", help="Let no instance come in this region"),
    _JSON,
]


def _command(name: str, callback: Any, help: str, params: Sequence[click.Parameter] = ()) -> click.Command:
    return options.ResourceCommand(name, callback=callback, params=list(params), help=help, context_settings=options.SETTINGS)


group = make_group(
    "sandbox",
    "An AWS on this machine: to try AWS hosts without an account. It needs the optional part sandbox.",
    [
        _command("start", _start, "Start the sandbox, or show the one that runs. What was on the last one is gone.", _START),
        _command("stop", _stop, "End the sandbox with all that runs on it."),
        _command("status", _status, "Show whether it runs, and what a client has to set.", [_JSON]),
    ],
)
