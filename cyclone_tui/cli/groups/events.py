"""`hyper events`: what happened to a host and its resources."""

from collections.abc import Iterator
from typing import Any

import click

from cyclone_core.errors import UsageError
from cyclone_core.operations.monitoring import EventView, events
from cyclone_core.operations.queries import HostView, open_host
from cyclone_core.views import iso
from cyclone_tui.cli.groups import options, tables
from cyclone_tui.cli.groups.options import make_group

COLUMNS = ("time", "region", "kind", "name", "event")
DEFAULT_LIMIT = 50
_PAGE = 1000
_NOTHING_SEEN = "Of an AWS host this machine knows what happened while cyclone was open. What was changed: hyper deployments list"


def _list(limit: str | None, host_name: str | None, as_json: bool) -> None:
    count = _count(limit)
    with open_host(host_name) as host:
        found = list(_newest(host, count))[::-1]
        is_far = host.type == "aws"
    if as_json:
        tables.print_json([record(event) for event in found])
    else:
        tables.print_table(COLUMNS, [[iso(event.at) or "", event.region, event.kind, event.name, event.text] for event in found])
        if is_far and not found:
            click.echo(_NOTHING_SEEN, err=True)


def _count(limit: str | None) -> int:
    if limit is None:
        return DEFAULT_LIMIT
    if not limit.isdecimal() or not int(limit):
        raise UsageError(f"--limit: {limit!r} is not a number above 0. The last {DEFAULT_LIMIT} events are shown without it")
    return int(limit)


def _newest(host: HostView, count: int) -> Iterator[EventView]:
    before: int | None = None
    while count and (page := events(host, before, min(count, _PAGE))):
        yield from page
        before, count = page[-1].id, count - len(page)


def record(event: EventView) -> dict[str, Any]:
    """An event as JSON."""
    return {
        "id": event.id, "at": iso(event.at), "region": event.region, "kind": event.kind, "name": event.name, "level": event.level,
        "text": event.text,
    }  # fmt: skip


_PARAMS: list[click.Parameter] = [
    options.value("--limit", "limit", help=f"So many at most, the newest ones  [default: {DEFAULT_LIMIT}]", metavar="N"),
    options.host_option(),
    options.switch("--json", "as_json", help="Print JSON"),
]

group = make_group(
    "events",
    "Events: what happened to a host and its resources; the newest 10,000 are kept.",
    [
        options.ResourceCommand(
            "list-events",
            callback=_list,
            params=_PARAMS,
            help="List events, the newest last; of AWS hosts what cyclone saw.",
            context_settings=options.SETTINGS,
        )
    ],
)
