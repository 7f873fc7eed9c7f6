"""`hyper usage`: what work used, and what it cost."""

from collections.abc import Sequence

import click

from cyclone_core.errors import InvalidRequest, UsageError
from cyclone_core.operations import usage
from cyclone_core.operations.queries import open_host
from cyclone_core.operations.usage import BY, Ask, Row, Usage
from cyclone_tui.cli.groups import options, tables

_FLAGS = {"by": "--by", "since": "--since", "until": "--until", "job": "--job", "most": "--limit"}


def _show(
    by: str | None, since: str | None, until: str | None, job: str | None, queue: str | None, user: str | None, limit: str | None,
    host_name: str | None, as_json: bool, as_csv: bool,
) -> None:  # fmt: skip
    if as_json and as_csv:
        raise UsageError("--json and --csv: one of them")
    try:
        asked = usage.ask(by, since, until, job, queue, user, limit, label=lambda name: _FLAGS.get(name, f"--{name}"))
    except InvalidRequest as exc:
        raise UsageError(str(exc)) from exc
    with open_host(host_name) as host:
        found = usage.of(host, asked)
    if as_json:
        tables.print_json(found.as_json())
    elif as_csv:
        click.echo(usage.as_csv(found), nl=False)
    else:
        _print(found)


def _print(found: Usage) -> None:
    click.echo(f"{title(found.ask)} on host {found.host}", err=True)
    if not found.rows:
        click.echo("nothing was used in this time", err=True)
        return
    tables.print_table(columns(found), [row(found, one) for one in (*found.rows, found.total)])
    for note in found.notes:
        click.echo(note, err=True)
    if found.most:
        click.echo(f"There are more jobs: these are the newest {found.ask.most:,}. More: --limit N", err=True)


def title(asked: Ask) -> str:
    """What is shown, in words."""
    of = f" of job {asked.job}" if asked.job else ""
    narrowed = "".join(f", {name} {value}" for name, value in (("queue", asked.queue), ("user", asked.user)) if value)
    days = asked.first if asked.first == asked.last else f"{asked.first} to {asked.last}"
    return f"usage{of} by {asked.by}{narrowed}{'' if asked.first == usage.ALWAYS else f', {days} (UTC)'}"


def columns(found: Usage) -> tuple[str, ...]:
    """Columns of the table: dollars where there may be any, efficiency where it is known."""
    key = ("job", "name") if found.ask.by == "job" else (found.ask.by,)
    money = ("usd", "priced") if found.type == "aws" else ()
    return (*key, "tasks", "vcpu_hours", "share", *money, *(("efficiency",) if found.total.up_vcpu_s else ()))


def row(found: Usage, one: Row) -> list[str]:
    """One line of it."""
    cells = {
        found.ask.by: one.key, "name": one.name, "tasks": f"{one.tasks:,}", "vcpu_hours": hours(one.vcpu_hours),
        "share": f"{found.share(one):.1%}", "usd": dollars(one), "priced": priced(found, one),
        "efficiency": "" if one.efficiency is None else f"{one.efficiency:.0%}",
    }  # fmt: skip
    return [cells[column] for column in columns(found)]


def hours(value: float) -> str:
    """vCPU hours; small ones with what is left of them."""
    return f"{value:,.1f}" if value >= 100 else f"{value:.3f}" if value >= 0.0005 or not value else f"{value:.6f}"


def dollars(one: Row) -> str:
    """US dollars, `~` where a part of it is of the price list."""
    if one.usd is None:
        return "-"
    return (
        f"{'~' if one.listed_usd else ''}{one.usd:,.2f}" if one.usd >= 1 or not one.usd else f"{'~' if one.listed_usd else ''}{one.usd:.4f}"
    )


def priced(found: Usage, one: Row) -> str:
    """How it was priced, with the date of list prices."""
    words = {"list": f"list of {found.prices_of}", "both": f"paid, list of {found.prices_of}", "own": "own machines", "": "not known"}
    return words.get(one.priced, one.priced)


def _params() -> Sequence[click.Parameter]:
    return [
        options.value("--by", "by", help="What it is counted by  [default: queue; of one job: region]", metavar=f"[{'|'.join(BY)}]"),
        options.value("--since", "since", help=f"First day, UTC: 2026-11-01, 7d, 2w  [default: {usage.DEFAULT_DAYS}d]", metavar="DAY"),
        options.value("--until", "until", help="Last day, included  [default: today]", metavar="DAY"),
        options.value("--job", "job", help="Only this job", metavar="ID"),
        options.value("--queue", "queue", help="Only this queue"),
        options.value("--user", "user", help="Only this user"),
        options.value("--limit", "limit", help=f"By job: so many at most, the newest ones  [default: {usage.MOST_JOBS}]", metavar="N"),
        options.host_option(),
        options.switch("--json", "as_json", help="Print JSON"),
        options.switch("--csv", "as_csv", help="Print CSV"),
    ]


group = options.ResourceCommand(
    "usage",
    callback=_show,
    params=list(_params()),
    help="Show what work used: vCPU hours and US dollars by job, queue, user, region, day, instance type or purchase.",
    context_settings=options.SETTINGS,
)
