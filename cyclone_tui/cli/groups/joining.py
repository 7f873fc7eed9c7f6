"""`hyper clusters join-command`: what to type so that a machine joins a cluster."""

import json

import click

from cyclone_core.errors import UsageError
from cyclone_core.operations import joining
from cyclone_core.operations.joining import Joining
from cyclone_core.operations.resources import for_selected
from cyclone_tui.cli.groups import options, tables

_WHERE = {"here": "On a machine with the AWS command and the rights for it", "machine": "On the machine that joins"}
MORE = "See docs/on-premise.md"


def _join(name: str | None, host_name: str | None, policy: bool, as_json: bool) -> None:
    resources = for_selected(host_name)
    found_clusters = resources.find("cluster", name)
    if len(found_clusters) != 1:
        known = ", ".join(one.name for one in found_clusters) or "none yet"
        raise UsageError(f"which cluster is not said. Name it with --name; host {resources.host.name} has: {known}")
    (cluster,) = found_clusters
    if policy:
        click.echo(json.dumps(joining.policy(resources.host, cluster.name), indent=1))
        return
    found = joining.how(resources.host, cluster)
    if as_json:
        tables.print_json(joining.as_json(found))
        return
    click.echo(text(found))


def text(found: Joining) -> str:
    """The steps, as a script with comments."""
    lines = [f"# Machines join cluster {found.cluster} of host {found.host} with {found.way}. {MORE}"]
    where = ""
    for number, step in enumerate(found.steps, 1):
        if step.where != where:
            where = step.where
            lines += ["", f"# {_WHERE[where]}:"]
        lines += [f"# {number}. {step.text}", *step.commands]
    return "\n".join(lines)


def command() -> click.Command:
    """The command."""
    return options.ResourceCommand(
        "join-command",
        callback=_join,
        params=[
            options.value("--name", "name", help="Which cluster"),
            options.host_option(),
            options.switch("--policy", "policy", help="Print the rights of a machine, as an IAM policy"),
            options.switch("--json", "as_json", help="Print JSON"),
        ],
        help="Print how a machine of yours joins a cluster: the commands to type, with no secrets in them.",
        context_settings=options.SETTINGS,
    )
