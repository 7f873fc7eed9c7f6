"""How usage looks: the columns of its table, what a filter may ask, the sentences below it. Pure."""

from datetime import date

from cyclone_core.operations.usage import Row, Usage
from cyclone_tui import formatters
from cyclone_tui.widgets.table_columns import Column, Part

TITLES = {
    "queue": "Queue", "user": "User", "job": "Job", "region": "Region", "day": "Day (UTC)", "type": "Instances", "purchase": "Bought as",
}  # fmt: skip
MOST_BAR = 40
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FILTERED = ("key", "name", "tasks", "hours", "usd", "priced")
"""What a filter may name."""


def columns(found: Usage, ascii: bool = False) -> tuple[Column[Row], ...]:
    """What it is counted by, hours with their share, dollars and how they were priced where there are any."""
    by = found.ask.by
    key: Column[Row] = Column(
        "key", TITLES[by], lambda row: row.key, 8 if by == "job" else 12 if by == "day" else 20, "right" if by == "job" else "left",
        sort="key", value=(lambda row: int(row.key)) if by == "job" else None, style=lambda row: "title", descending=by in ("day", "job"),
    )  # fmt: skip
    name: Column[Row] = Column("name", "Name", lambda row: row.name, 16, sort="name", priority=2)
    tasks: Column[Row] = Column(
        "tasks", "Tasks", lambda row: formatters.short_count(row.tasks), 7, "right", sort="tasks", value=lambda row: row.tasks,
        descending=True, priority=3,
    )  # fmt: skip
    vcpus: Column[Row] = Column(
        "hours", "vCPU hours", lambda row: hours(row.vcpu_hours), 10, "right", sort="hours", value=lambda row: row.vcpu_s, descending=True,
        style=lambda row: "number",
    )  # fmt: skip
    share: Column[Row] = Column(
        "share", "Share", lambda row: f"{found.share(row):.1%}", 6, "right", sort="hours", value=lambda row: row.vcpu_s, descending=True
    )
    bar: Column[Row] = Column(
        "bar", "", lambda row: "", least=6, priority=5, parts=lambda row, room: share_bar(found.share(row), room, ascii)
    )
    found_columns = [key, *((name,) if by == "job" else ()), tasks, vcpus, share, bar]
    return (
        *found_columns,
        *(_money() if found.type == "aws" else ()),
        *(_efficiency() if any(row.up_vcpu_s for row in found.rows) else ()),
    )


def _money() -> tuple[Column[Row], ...]:
    return (
        Column("usd", "USD", dollars, 10, "right", sort="usd", value=lambda row: row.usd or 0.0, descending=True,
               style=lambda row: "muted" if row.usd is None else "number"),
        Column("priced", "Priced", priced, 12, style=lambda row: "muted", sort="priced", priority=4),
    )  # fmt: skip


def _efficiency() -> tuple[Column[Row], ...]:
    return (
        Column("efficiency", "Busy", lambda row: "" if row.efficiency is None else f"{row.efficiency:.0%}", 5, "right", sort="efficiency",
               value=lambda row: row.efficiency or 0.0, descending=True, priority=1),
    )  # fmt: skip


def share_bar(share: float, width: int, ascii: bool = False) -> tuple[Part, ...]:
    """The share as a bar; all of it is full."""
    room = min(width, MOST_BAR)
    bar = formatters.bar(share, 1.0, room, ascii)
    full = len(bar.rstrip("." if ascii else "─"))
    return ((bar[:full], "running"), (bar[full:], "muted"), (" " * (width - room), ""))


def hours(value: float) -> str:
    """vCPU hours, of little work with more digits."""
    return (
        f"{value:,.0f}"
        if value >= 1e5
        else f"{value:,.1f}"
        if value >= 100
        else f"{value:.3f}"
        if value >= 0.0005 or not value
        else "<0.001"
    )


def dollars(row: Row) -> str:
    """US dollars, `~` where a part of it is of the price list; "" where there is no price."""
    if row.usd is None:
        return ""
    return (
        f"{'~' if row.listed_usd else ''}{row.usd:,.2f}" if row.usd >= 1 or not row.usd else f"{'~' if row.listed_usd else ''}{row.usd:.4f}"
    )


def priced(row: Row) -> str:
    """How it was priced."""
    return {"paid": "as paid", "list": "list", "both": "paid, list", "own": "own machine"}.get(row.priced, "no price")


def cells(row: Row) -> dict[str, str]:
    """What a filter may ask of a row."""
    return {
        "key": row.key, "name": row.name, "tasks": str(row.tasks), "hours": f"{row.vcpu_hours:.6f}", "usd": f"{row.usd or 0:.6f}",
        "priced": priced(row),
    }  # fmt: skip


def total_parts(found: Usage, ascii: bool = False) -> tuple[Part, ...]:
    """All of it in one line."""
    total = found.total
    told: list[Part] = [(f"job {found.ask.job}" if found.ask.job else days(found, ascii), "muted")]
    if not found.rows:
        return tuple(told)
    told += [("  ", ""), (hours(total.vcpu_hours), "number"), (" vCPU hours", "muted")]
    if found.type == "aws":
        told += [("  ", ""), (dollars(total) or "-", "number"), (" USD", "muted")]
    told += [("  ", ""), (formatters.short_count(total.tasks), "number"), (" tasks", "muted")]
    if total.efficiency is not None:
        told += [("  busy ", "muted"), (f"{total.efficiency:.0%}", "number")]
    return tuple(told)


def days(found: Usage, ascii: bool = False) -> str:
    """Of when it is: `17-23 Nov 2026 UTC`."""
    first, last = date.fromisoformat(found.ask.first), date.fromisoformat(found.ask.last)
    end = f"{last.day} {_MONTHS[last.month - 1]} {last.year} UTC"
    if first == last:
        return end
    begin = f"{first.day}"
    if (first.year, first.month) != (last.year, last.month):
        begin += f" {_MONTHS[first.month - 1]}{f' {first.year}' if first.year != last.year else ''} "
    return f"{begin}{'-' if ascii else '–'}{' ' if ' ' in begin else ''}{end}"  # noqa: RUF001


def notes(found: Usage) -> str:
    """What has to be known to read it, a sentence a line."""
    return "\n".join([*found.notes, *([f"There are more jobs: these are the newest {found.ask.most:,}"] if found.most else [])])
