"""The columns of a list of resources: which, how they are called, what they say. Pure; derived from the models and `hyper … list-…`.

What a list of `hyper` shows comes first, in its order; a column is called after its field and says numbers with their unit because the
field's name has it. What only a live screen can know (tasks, workers, load) is added behind.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cyclone_core.jobs import FAILED, RUNNING, SUCCESSFUL, WAITING
from cyclone_core.operations.descriptions import MOST_JOBS, Listed, why_failed
from cyclone_core.operations.monitoring import Pool
from cyclone_core.resource_fields import fields_of, show
from cyclone_core.resources import MODELS
from cyclone_tui import formatters, monitoring_formats
from cyclone_tui.cli.groups.tables import COLUMNS, resource_record
from cyclone_tui.widgets.table_columns import ELLIPSIS, Column, Part, fit, heading

LIVE = {
    "region": ("clusters", "workers", "busy_vcpus"),
    "cluster": ("queues", "workers", "busy_vcpus"),
    "queue": ("waiting", "running", "successful", "failed", "tasks"),
    "image": ("definitions", "updated"),
    "definition": (),
}
"""Kind -> columns behind those of `hyper`."""
ON_AWS = {
    "region": ("name", "state", "main_region", "cidr", "vpc_id", "subnet_config", "nat_gateways", "reason"),
    "cluster": ("name", "state", "regions", "launch_type", "type", "max_vcpus", "instance_list", "queues", "workers", "reason"),
    "queue": ("name", "state", "cluster", "priority", "region_distribution_weights", *LIVE["queue"], "reason"),
    "image": ("name", "state", "reason"),
    "definition": ("name", "state", "regions", "vcpus", "memory_limit_mib", "gpu_count", "image_uri", "reason"),
}
"""Kind -> columns on an AWS host."""
_HIDDEN = {"queue": ("paused",), "region": ("kind",), "image": ("reference",)}
"""Columns of `hyper` that another column says here: the state says `paused`."""
TITLES = {
    "max_vcpus": "vCPUs", "max_memory_mib": "memory", "memory_limit_mib": "memory", "memory_mib": "memory", "timeout_minutes": "timeout",
    "jobs_to_workers_ratio": "per worker", "vcpus": "vCPUs", "open_jobs": "open jobs", "busy_vcpus": "busy vCPUs",
    "main_region": "main", "subnet_config": "subnets", "nat_gateways": "NAT", "vpc_id": "VPC", "cidr": "CIDR", "image_uri": "image",
    "instance_list": "instances", "launch_type": "launch", "gpu_count": "GPUs", "region_distribution_weights": "weights",
}  # fmt: skip
_SIGNS = {"ACTIVE": "✓", "CREATING": "…", "UPDATING": "…", "DELETING": "…", "UNKNOWN": "?", "FAILED": "✗"}
_ASCII_SIGNS = {"ACTIVE": "+", "CREATING": "~", "UPDATING": "~", "DELETING": "~", "UNKNOWN": "?", "FAILED": "x"}
_MOST = {"name": 32, "source": 44, "reason": 60, "image": 36, "cluster": 24}
_STATES = {"waiting": WAITING, "running": RUNNING, "successful": SUCCESSFUL, "failed": FAILED}
_PRIORITIES = {"name": 0, "state": 0, "tasks": 9, "successful": 8, "busy_vcpus": 4, "jobs_to_workers_ratio": 7, "timeout_minutes": 5}
"""The highest is left out first where there is little room."""
BAR_WIDTH = 14
"""Fewest cells of a bar."""
MOST_BAR = 40


def names(kind: str, is_aws: bool = False) -> tuple[str, ...]:
    """The columns of a list, by key."""
    if is_aws:
        return ON_AWS[kind]
    listed = [name for name in COLUMNS[kind] if name not in _HIDDEN.get(kind, ())]
    return (*listed, *LIVE[kind])


def every_name(kind: str, rows: Sequence[Listed] = ()) -> tuple[str, ...]:
    """Those, and every other field that its model has on this type of host: what one may choose from."""
    stored = {name for row in rows for name in row.stored.body}
    fields = [spec.name for spec in fields_of(MODELS[kind]) if spec.shape != "json" and (spec.name in stored or not rows)]
    on_aws = ON_AWS[kind] if any(row.stored.places for row in rows) else ()
    return tuple(dict.fromkeys((*on_aws, *names(kind), *fields, "created", "updated")))


def columns(kind: str, rows: Sequence[Listed] = (), ascii: bool = False) -> tuple[Column[Listed], ...]:
    """Every column, each as wide as what it says of these rows; bars and long texts share what is left, or nobody does."""
    return (*(_fitted(_column(kind, name, ascii), rows) for name in every_name(kind, rows)), SPACE)


SPACE: Column[Listed] = Column("", "", text=lambda row: "", least=1, priority=99)
"""Takes what is left where no column can use it."""


def state_text(state: str, paused: bool = False, ascii: bool = False) -> str:
    """`✓ ACTIVE`, `… CREATING`, `✗ FAILED`; a queue that starts nothing is `‖ paused`."""
    if paused and state == "ACTIVE":
        return f"{'=' if ascii else '‖'} paused"
    return f"{(_ASCII_SIGNS if ascii else _SIGNS).get(state, '?')} {state}"


def state_style(state: str, paused: bool = False) -> str:
    """The style of that."""
    return "cancelled" if paused and state == "ACTIVE" else formatters.RESOURCE_STYLES.get(state, "failed")


def title(name: str) -> str:
    """What a field is called above a column: `max_memory_mib` is memory."""
    return TITLES.get(name) or name.removesuffix("_mib").removesuffix("_minutes").replace("_", " ")


def value_text(name: str, value: Any) -> str:
    """A value with the unit that its field's name says: `15.6 GiB`, `30 min`; "" for nothing."""
    if value is None or isinstance(value, bool):
        return show(value)
    if name.endswith("_mib") and isinstance(value, int | float):
        return formatters.size(value * 2**20)
    if name.endswith("_minutes") and isinstance(value, int | float):
        return f"{value:g} min" if value else "none"
    return show(value)


def cells(row: Listed) -> dict[str, str]:
    """Everything that a filter may ask of a row: the record that `hyper … --json` prints, and the numbers of this screen."""
    record = resource_record(row.stored)
    found = {name: show(value) for name, value in record.items() if name not in ("log", "container_options", "created_at", "updated_at")}
    if row.stored.body.get("paused"):
        found["state"] += " paused"
    if row.queue is not None:
        found |= {name: str(row.queue.counts[state]) for name, state in _STATES.items()}
    if row.stored.places:
        found |= {"regions": " ".join(f"{place.region}={place.state}" for place in row.stored.places), "reason": why_failed(row.stored)}
    if row.pools:
        found |= {"workers": str(_workers(row.pools)), "busy_vcpus": f"{_busy(row.pools):g}"}
    return found


def summary(kind: str, rows: Sequence[Listed], shown: int, marked: int) -> str:
    """`4 queues, 1 paused, 1 FAILED`, and what of that is shown or marked."""
    parts = [formatters.plural(len(rows), kind) if shown == len(rows) else f"{shown} of {formatters.plural(len(rows), kind)}"]
    paused = sum(bool(row.stored.body.get("paused")) for row in rows)
    if paused:
        parts.append(f"{paused} paused")
    states = [row.stored.state for row in rows]
    parts += [f"{states.count(state)} {state}" for state in sorted({*states} - {"ACTIVE"})]
    if marked:
        parts.append(f"{marked} marked")
    return ", ".join(parts)


def _column(kind: str, name: str, ascii: bool) -> Column[Listed]:
    special = _SPECIAL.get(name)
    if special is not None:
        return special(name, ascii)
    specs = {spec.name: spec for spec in fields_of(MODELS[kind])}
    is_number = (name in specs and specs[name].shape in ("integer", "number")) or name in ("cores", "memory_mib", "open_jobs")
    return Column(
        name,
        title(name),
        text=lambda row: value_text(name, _value(row, name)),
        justify="right" if is_number else "left",
        sort=name,
        value=lambda row: _value(row, name),
        priority=_PRIORITIES.get(name, 2),
    )


def _fitted(column: Column[Listed], rows: Sequence[Listed]) -> Column[Listed]:
    column = replace(column, title=heading(column.title))
    if column.parts or column.key == "reason":
        return column
    longest = max((len(column.text(row)) for row in rows), default=0)
    width = min(max(longest, len(column.title) + 1), _MOST.get(column.key, 30))
    return replace(column, width=max(width, 10) if column.key == "name" else width)


def _value(row: Listed, name: str) -> Any:
    if name == "open_jobs":
        return row.stored.open_jobs
    if name == "source":
        return row.stored.body.get("source") or row.stored.body.get("directory")
    return row.name if name == "name" else row.stored.body.get(name)


def _name(name: str, ascii: bool) -> Column[Listed]:
    return Column(name, name, text=lambda row: row.name, style=lambda row: "title", sort=name)


def _state(name: str, ascii: bool) -> Column[Listed]:
    def paused(row: Listed) -> bool:
        return bool(row.stored.body.get("paused"))

    return Column(
        name, name, text=lambda row: state_text(row.stored.state, paused(row), ascii),
        style=lambda row: state_style(row.stored.state, paused(row)), sort=name,
    )  # fmt: skip


def _count(name: str, ascii: bool) -> Column[Listed]:
    state = _STATES[name]

    def number(row: Listed) -> int:
        return row.queue.counts[state] if row.queue else 0

    return Column(
        name, name, text=lambda row: formatters.short_count(number(row)), justify="right", sort=name, value=number,
        style=lambda row: formatters.STATE_STYLES[state] if number(row) else "muted", priority=_PRIORITIES.get(name, 3),
    )  # fmt: skip


def _tasks(name: str, ascii: bool) -> Column[Listed]:
    def parts(row: Listed, width: int) -> Sequence[Part]:
        bar = min(width, MOST_BAR)
        found = monitoring_formats.queue_bar(row.queue, bar, ascii) if row.queue else ((" " * bar, ""),)
        return (*found, (" " * (width - bar), ""))

    return Column(name, "tasks", text=lambda row: "", least=BAR_WIDTH, parts=parts, priority=9)


def _open_jobs(name: str, ascii: bool) -> Column[Listed]:
    return Column(
        name, title(name), text=lambda row: jobs_text(row.stored.open_jobs), justify="right", sort=name,
        value=lambda row: row.stored.open_jobs, style=lambda row: "" if row.stored.open_jobs else "muted", priority=6,
    )  # fmt: skip


def jobs_text(open_jobs: int) -> str:
    """How many jobs are open; they are counted up to a limit."""
    return f"{MOST_JOBS:,}+" if open_jobs >= MOST_JOBS else f"{open_jobs:,}"


def _worker_count(name: str, ascii: bool) -> Column[Listed]:
    return Column(
        name, name, text=lambda row: f"{_workers(row.pools):,}", justify="right", sort=name, value=lambda row: _workers(row.pools),
        style=lambda row: "" if _workers(row.pools) else "muted",
    )  # fmt: skip


def _load(name: str, ascii: bool) -> Column[Listed]:
    def parts(row: Listed, width: int) -> Sequence[Part]:
        pool = whole(row.pools)
        text = monitoring_formats.vcpus(pool)
        number = max(7, len(text))
        bar = min(width - number - 1, MOST_BAR)
        if bar < 4:
            return ((fit(text, width), ""),)
        rest = " " * (width - number - 1 - bar)
        return ((f"{text:<{number}} ", ""), *monitoring_formats.pool_bar(pool, bar, ascii), (rest, ""))

    return Column(
        name, title(name), text=lambda row: monitoring_formats.vcpus(whole(row.pools)), least=BAR_WIDTH + 8, parts=parts, sort=name,
        value=lambda row: _busy(row.pools), priority=4,
    )  # fmt: skip


def whole(pools: Sequence[Pool]) -> Pool:
    """Several pools as one."""
    limits = [pool.max_vcpus for pool in pools]
    most = sum(limit for limit in limits if limit is not None) if None not in limits else None
    return Pool("", "", _workers(pools), _busy(pools), most)


def _workers(pools: Sequence[Pool]) -> int:
    return sum(pool.workers for pool in pools)


def _busy(pools: Sequence[Pool]) -> float:
    return sum(pool.busy_vcpus for pool in pools)


def _users(name: str, ascii: bool) -> Column[Listed]:
    return Column(
        name, name, text=lambda row: str(row.users), justify="right", sort=name, value=lambda row: row.users,
        style=lambda row: "" if row.users else "muted", priority=5,
    )  # fmt: skip


def _clusters(name: str, ascii: bool) -> Column[Listed]:
    return Column(name, name, text=lambda row: str(len(row.pools)), justify="right", sort=name, value=lambda row: len(row.pools))


def _moment(name: str, ascii: bool) -> Column[Listed]:
    def when(row: Listed) -> float:
        return row.stored.updated if name == "updated" else row.stored.created

    return Column(name, name, text=lambda row: formatters.moment(when(row)), sort=name, value=when, priority=7)


def _source(name: str, ascii: bool) -> Column[Listed]:
    """The end of a path says more than its beginning."""

    def parts(row: Listed, width: int) -> Sequence[Part]:
        text = show(_value(row, "source"))
        return ((fit(text if len(text) <= width else ELLIPSIS + text[1 - width :], width), ""),)

    return Column(name, name, text=lambda row: show(_value(row, "source")), parts=parts, least=24, sort=name, priority=1)


def _reason(name: str, ascii: bool) -> Column[Listed]:
    return Column(name, name, text=lambda row: why_failed(row.stored), least=24, sort=name, style=lambda row: "failed", priority=2)


def _regions(name: str, ascii: bool) -> Column[Listed]:
    """In how many regions it is as it should be, of how many."""

    def good(row: Listed) -> int:
        return sum(place.state == "ACTIVE" for place in row.stored.places)

    def text(row: Listed) -> str:
        count = len(row.stored.places)
        return str(count) if good(row) == count else f"{good(row)} of {count}"

    return Column(
        name, name, text=text, justify="right", sort=name, value=good, priority=4,
        style=lambda row: "" if good(row) == len(row.stored.places) else "waiting",
    )  # fmt: skip


_SPECIAL: dict[str, Callable[[str, bool], Column[Listed]]] = {
    "name": _name, "state": _state, "waiting": _count, "running": _count, "successful": _count, "failed": _count, "tasks": _tasks,
    "open_jobs": _open_jobs, "workers": _worker_count, "busy_vcpus": _load, "queues": _users, "definitions": _users,
    "clusters": _clusters, "updated": _moment, "created": _moment, "source": _source, "reason": _reason,
    "regions": _regions,
}  # fmt: skip
"""Columns that are more than the value of a field."""
