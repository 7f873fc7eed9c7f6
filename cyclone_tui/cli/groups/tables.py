"""How lists are shown: a table on a terminal, plain columns in a pipe, JSON on request. Rows are pure functions of the records."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Change, FieldChange, Plan
from cyclone_core.operations.hosts import HostStatus
from cyclone_core.operations.resources import Stored
from cyclone_core.resource_fields import plain, show
from cyclone_core.views import iso

COLUMNS: dict[str, tuple[str, ...]] = {
    "region": ("name", "state", "kind", "cores", "memory_mib"),
    "cluster": ("name", "state", "max_vcpus", "max_memory_mib"),
    "queue": ("name", "state", "cluster", "priority", "paused", "open_jobs"),
    "image": ("name", "state", "source", "reference", "reason"),
    "definition": ("name", "state", "vcpus", "memory_limit_mib", "timeout_minutes", "jobs_to_workers_ratio", "image", "open_jobs"),
}
"""Kind -> what its list shows."""
AWS_COLUMNS: dict[str, tuple[str, ...]] = {
    **COLUMNS,
    "region": ("name", "state", "kind", "cidr", "subnet_config", "nat_gateways", "peered"),
    "cluster": ("name", "state", "launch_type", "type", "instance_list", "max_vcpus", "compute_envs"),
    "queue": ("name", "state", "cluster", "priority", "paused", "weights"),
    "definition": ("name", "state", "vcpus", "memory_limit_mib", "timeout_minutes", "jobs_to_workers_ratio", "image_uri"),
}
"""The same on AWS hosts."""
_WORDS = ("selected", "name", "type", "state", "where", "kind", "cidr", "subnet_config", "peered", "instance_list", "image_uri",
          "queue", "user", "day", "purchase", "priced", "cluster", "paused", "weights", "source", "reference", "reason", "image",
          "worker", "region", "drift", "task", "heard", "time", "event", "what", "why", "started", "by", "launch_type")  # fmt: skip
"""Columns that are set left; numbers are set right."""


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings; on a terminal as wide as it allows."""
    headings = [column.replace("_", " ").upper() for column in columns]
    right = [column not in _WORDS for column in columns]
    if on_terminal():
        _print_rich(headings, rows, right)
        return
    widths = [max(len(row[at]) for row in [headings, *rows]) for at in range(len(columns))]
    for row in [headings, *rows]:
        cells = (cell.rjust(width) if is_right else cell.ljust(width) for cell, width, is_right in zip(row, widths, right, strict=True))
        click.echo("  ".join(cells).rstrip())


def _print_rich(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, is_right in zip(headings, right, strict=True):
        table.add_column(heading, justify="right" if is_right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    Console(highlight=False).print(table)


_STYLES = {
    "ACTIVE": "green", "running": "green", "SUCCEEDED": "green", "FAILED": "bold red", "INTERRUPTED": "bold red", "CREATING": "yellow",
    "UPDATING": "yellow", "DELETING": "yellow", "RUNNING": "yellow", "PLANNED": "yellow", "ready": "green", "failed": "bold red",
    "changing": "yellow", "not answering": "yellow",
}  # fmt: skip


def print_json(value: object) -> None:
    """One JSON value."""
    click.echo(json.dumps(value, indent=2 if on_terminal() else None))


def on_terminal() -> bool:
    """Whether people read stdout; programs may even have closed it."""
    return sys.stdout is not None and sys.stdout.isatty()


def columns(kind: str, host_type: str) -> tuple[str, ...]:
    """What a list of a kind shows."""
    return (AWS_COLUMNS if host_type == "aws" else COLUMNS)[kind]


def resource_row(stored: Stored, host_type: str = "local") -> list[str]:
    """One line of a list."""
    record = resource_record(stored)
    if stored.kind == "image":
        record["source"] = record.get("source") or record.get("directory")
    if stored.kind == "region" and host_type == "aws":
        record |= {"kind": "main" if record.get("main_region") else "hub", "peered": record.get("peer_with_main_region")}
    if stored.kind == "queue" and host_type == "aws":
        record["weights"] = weights_text(stored.body)
    return [_cell(record.get(column)) for column in columns(stored.kind, host_type)]


def weights_text(queue: Mapping[str, Any]) -> str:
    """How regions are weighed: `eu-west-1=3 us-east-1=1`, or `automatic` with those that are off (`hyper queues weights`), or `equal`."""
    from cyclone_core.scheduler.capacity import is_automatic

    given = queue.get("region_distribution_weights") or {}
    off = "".join(f" {region}=0" for region, weight in sorted(given.items()) if weight == 0)
    if is_automatic(queue):
        return f"automatic{off}"
    if not given:
        return "equal"
    return " ".join(f"{region}={weight}" for region, weight in sorted(given.items()))


def resource_record(stored: Stored) -> dict[str, Any]:
    """A resource as JSON: what was stored, and what the host adds."""
    times = {"created_at": iso(stored.created), "updated_at": iso(stored.updated)}
    jobs = {"open_jobs": stored.open_jobs} if stored.kind in ("queue", "definition") else {}
    places = {"places": [asdict(place) for place in stored.places]} if stored.places else {}
    return {"name": stored.name, **stored.body, "state": stored.state, **times, **jobs, **places}


def print_details(stored: Stored, events: Iterable[tuple[float, str]]) -> None:
    """Everything about one resource, and what happened to it: below the table when a name is given."""
    record = {name: value for name, value in resource_record(stored).items() if name not in ("log", "places")}
    click.echo("")
    for name, value in record.items():
        click.echo(f"  {name:<22} {_cell(value)}".rstrip())
    for place in stored.places:
        click.echo(f"  in {place.region:<19} {place.state}{f': {place.reason}' if place.reason else ''}")
    for line in stored.body.get("log") or ():
        click.echo(f"  | {line}")
    for at, text in events:
        click.echo(f"  {iso(at)}  {text}")


def host_row(status: HostStatus) -> list[str]:
    """One line of the list of hosts."""
    return ["*" if status.selected else "", status.host.name, status.host.type, status.state, where(status)]


def where(status: HostStatus) -> str:
    """Where a host is: its directory, or its account and main region."""
    if status.host.type == "local":
        return status.state_dir
    return f"{'sandbox' if status.host.sandbox else status.host.account or ''} {status.host.region or ''}".strip()


def host_record(status: HostStatus) -> dict[str, Any]:
    """A host as JSON."""
    return {**plain(status.host), "selected": status.selected, "state": status.state, "state_dir": status.state_dir or None, **_why(status)}


def _why(status: HostStatus) -> dict[str, Any]:
    return {"why": status.details["why"]} if "why" in status.details else {}


def print_plan(plan: Plan) -> None:
    """The changes of a plan with the fields that differ."""
    if not plan:
        click.echo("no change")
    for change in plan.changes:
        click.echo(f"{change.action} {change.kind} {change.name}")
        for line in field_lines(change.fields if change.action != "delete" else (), change.action == "create"):
            click.echo(line)


def field_lines(fields: Iterable[FieldChange], created: bool) -> Iterator[str]:
    """The fields that differ, a line each."""
    shown = [field for field in fields if field.field != "name"]
    width = max((len(field.field) for field in shown), default=0)
    for field in shown:
        before, after = _cell(field.before) or "none", _cell(field.after) or "none"
        if not created:
            yield f"  {field.field:<{width}}  {before} -> {after}"
        elif after != "none":
            yield f"  {field.field:<{width}}  {after}"


def plan_record(plan: Plan) -> list[dict[str, Any]]:
    """A plan as JSON."""
    return [_change_record(change) for change in plan.changes]


def _change_record(change: Change) -> dict[str, Any]:
    fields = [{"field": field.field, "before": plain(field.before), "after": plain(field.after)} for field in change.fields]
    where = {"region": change.region} if change.region else {}
    return {"action": change.action, "kind": change.kind, "name": change.name, **where, "fields": fields}


def event_record(event: Event) -> dict[str, Any]:
    """An event as JSON."""
    where = {"region": event.region or None, "part": event.part or None}
    return {
        "at": iso(event.at),
        "kind": event.kind,
        "name": event.name,
        "phase": event.phase,
        "text": event.text,
        "level": event.level,
        **where,
    }


def _cell(value: object) -> str:
    """A value as one line that cannot move the cursor."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in show(value))
