"""The columns of the list of hosts: which, and what they say. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from cyclone_core.jobs import RUNNING, STATES, WAITING
from cyclone_core.operations.host_descriptions import HostLine, HostList, Loss
from cyclone_tui import formatters, monitoring_formats
from cyclone_tui.widgets.table_columns import Column, heading


def columns(rows: Sequence[HostLine], ascii: bool = False) -> tuple[Column[HostLine], ...]:
    """As wide as what they say of these hosts; the state directory takes what is left."""
    return tuple(_fitted(column, rows) for column in _columns(ascii))


def cells(row: HostLine) -> dict[str, str]:
    """What a filter may ask of a host."""
    texts = {
        "name": row.name, "health": row.health, "type": row.host.type, "region": row.region, "version": row.version,
        "workers": str(row.workers), "state_dir": row.state_dir, "selected": "yes" if row.selected else "no",
    }  # fmt: skip
    return texts | {state.lower(): str(count) for state, count in zip(STATES, row.counts, strict=True)}


def summary(found: HostList, shown: int) -> str:
    """How many, and what is not as it should be."""
    total = len(found.lines)
    parts = [formatters.plural(total, "host") if shown == total else f"{shown} of {formatters.plural(total, 'host')}"]
    health = [line.health for line in found.lines]
    parts += [f"{health.count(one)} {one}" for one in sorted({*health})]
    if found.pinned:
        parts.append(f"CYCLONE_HOST={found.pinned} counts more than the selected one")
    if found.problems:
        parts.append(f"{formatters.plural(len(found.problems), 'file')} cannot be used: {found.problems[0].message}")
    return ", ".join(parts)


def lost(loss: Loss) -> str:
    """What goes with a host, in lines."""
    jobs = formatters.plural(loss.jobs, "job") + (f", {loss.open_jobs:,} of them not finished" if loss.open_jobs else "")
    kinds = ", ".join(formatters.plural(count, kind) for kind, count in sorted(loss.resources.items()))
    if loss.problem:
        return f"Nobody can say what is in it, and all of it is lost for ever: {loss.problem}.\nRemoved: {loss.state_dir}."
    lines = [f"What is lost for ever: {jobs}, with their results and output."]
    if kinds:
        lines.append(f"Its resources: {kinds}.")
    if loss.state_dir:
        lines.append(f"Removed: {loss.state_dir} ({formatters.size(loss.stored_bytes)} and the outputs).")
    return "\n".join(lines)


def _columns(ascii: bool) -> tuple[Column[HostLine], ...]:
    sign = "*"  # as `hyper hosts list-hosts` and the home view mark it
    return (
        Column("name", "name", text=lambda row: f"{sign if row.selected else ' '} {row.name}", sort="name", value=lambda row: row.name,
               style=lambda row: "title" if row.selected else ""),
        Column("health", "health", text=lambda row: monitoring_formats.health_text(row.health, ascii), sort="health",
               style=lambda row: monitoring_formats.HEALTH_STYLES.get(row.health, "failed")),
        Column("type", "type", text=lambda row: row.host.type, sort="type", priority=3),
        Column("region", "region", text=lambda row: row.region, sort="region", priority=4),
        Column("workers", "workers", text=lambda row: str(row.workers) if row.pid or row.workers else "", justify="right", sort="workers",
               value=lambda row: row.workers, priority=2),
        _tasks("running", RUNNING),
        _tasks("waiting", WAITING),
        Column("version", "version", text=lambda row: row.version, sort="version", priority=5),
        Column("stored", "on disk", text=lambda row: formatters.size(row.stored_bytes) if row.stored_bytes else "", justify="right",
               sort="stored", value=lambda row: row.stored_bytes, priority=6),
        Column("free", "disk free", text=lambda row: formatters.size(row.free_bytes), justify="right", sort="free",
               value=lambda row: row.free_bytes, priority=7),
        Column("state_dir", "state directory", text=lambda row: row.problem or row.state_dir, sort="state_dir", priority=8, least=20),
    )  # fmt: skip


def _tasks(name: str, state: int) -> Column[HostLine]:
    return Column(
        name, name, text=lambda row: formatters.short_count(row.counts[state]), justify="right", sort=name,
        value=lambda row: row.counts[state], style=lambda row: formatters.STATE_STYLES[state] if row.counts[state] else "muted", priority=1,
    )  # fmt: skip


def _fitted(column: Column[HostLine], rows: Sequence[HostLine]) -> Column[HostLine]:
    if column.key == "state_dir":
        return replace(column, title=heading(column.title))
    longest = max((len(column.text(row)) for row in rows), default=0)
    return replace(column, title=heading(column.title), width=min(max(longest, len(column.title) + 1), 30))
