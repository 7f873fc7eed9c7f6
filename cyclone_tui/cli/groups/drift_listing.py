"""`--drift` of the commands that list: what somebody changed beside Cyclone, property by property. Exit code 3 when there is any.

AWS takes seconds to minutes to compare a stack; how far it is goes to stderr.
"""

import sys
from collections.abc import Sequence

import click

from cyclone_core.operations import drift
from cyclone_core.operations.drift import DRIFTED_CODE, Drift
from cyclone_core.operations.resources import Resources
from cyclone_core.scheduler.references import PLURALS
from cyclone_tui.cli.groups import options, tables

_COLUMNS = ("kind", "name", "region", "drift")


def option() -> click.Parameter:
    """The option."""
    text = f"Compare it with what is in the account: exit code {DRIFTED_CODE} when somebody changed something"
    return options.FieldOption(["--drift", "drift"], help=text, heading=options.AWS_ONLY, is_flag=True, default=False)


def show(hosts: Sequence[tuple[Resources, str]], name: str | None, as_json: bool) -> None:
    """Print the drift of a kind of resources (\"\": of all) of hosts. Leaves with exit code 3 when there is any."""
    found = [each for resources, kind in hosts for each in drift.look(resources, kind, name, _progress)]
    if as_json:
        tables.print_json([each.record() for each in found])
    else:
        tables.print_table(_COLUMNS, [[each.kind, each.name, each.region, each.state] for each in found])
        for each in found:
            for line in each.lines():
                click.echo(f"  {each.kind} {each.name} in {each.region}: {line}")
        _mend([each for each in found if each.resources])
    if any(each.resources for each in found):
        click.get_current_context().exit(DRIFTED_CODE)


def _mend(drifted: Sequence[Drift]) -> None:
    """How it is put back, to stderr."""
    resources = dict.fromkeys((each.kind, each.name) for each in drifted)
    if len(resources) > 1 or any(kind == "host" for kind, _ in resources):
        click.echo("Put all of it back: hyper hosts update-host --revert-drift", err=True)
    for kind, name in resources if len(resources) <= 3 else ():
        if kind != "host":
            click.echo(f"Put it back: hyper {PLURALS[kind]} update-{kind} --name {name} --revert-drift", err=True)


def _progress(done: int, count: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {count} stacks compared" if done < count else "\r\x1b[K")
    elif done in (0, count):
        sys.stderr.write(f"{'comparing' if not done else 'compared'} {count} {'stack' if count == 1 else 'stacks'}\n")
    sys.stderr.flush()
