"""Everything about one resource as lines: what each says, how it is drawn in a given width, where Enter on it leads. Pure.

Two columns of lines where there is room, `settings_lines` beside `now_lines`; below each other where there is none.
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, STATES, SUCCESSFUL, WAITING
from cyclone_core.operations.descriptions import Description, FieldNow, Key
from cyclone_core.resource_fields import show
from cyclone_core.scheduler.references import PLURALS
from cyclone_tui import formatters, monitoring_formats
from cyclone_tui import weights_looks as looks
from cyclone_tui.resource_columns import jobs_text, state_style, state_text, value_text, whole
from cyclone_tui.widgets.table_columns import Part, fit

LABEL_WIDTH = 22
NOTE_WIDTH = 22
_WRAP = 38
_DEPLOYMENT_STYLES = {
    "PLANNED": "waiting", "RUNNING": "running", "SUCCEEDED": "ok", "FAILED": "failed", "CANCELLED": "cancelled",
    "INTERRUPTED": "error", "ROLLED_BACK": "cancelled",
}  # fmt: skip
_SHARES = ((SUCCESSFUL, "ok"), (CANCELLED, "cancelled"), (FAILED, "failed"), (ERROR, "error"), (RUNNING, "running"), (WAITING, "muted"))


@dataclass(frozen=True)
class Line:
    """One line of the sheet."""

    key: str
    """unique in its sheet"""
    label: str = ""
    text: str = ""
    style: str = ""
    """of the text: one of `formatters.STYLE_NAMES`"""
    note: str = ""
    """small, at the right"""
    help: str = ""
    """what the line is about, in a sentence"""
    target: str = ""
    """the view that Enter opens, as `:` takes it; "" for none"""
    heading: bool = False
    shares: tuple[tuple[float, str], ...] = ()
    """a bar instead of a text: (amount, style)"""


def settings_lines(about: Description, explained: bool = False) -> tuple[Line, ...]:
    """What was asked for: every field with its value and where that comes from; the log of the last build. explained: and its meaning."""
    lines: list[Line] = []
    for left in (False, True):
        fields = [field for field in about.fields if (field.origin == "default") is left]
        lines += [_heading("Left at their default")] if left and fields else []
        for field in fields:
            lines += _field_lines(field, about)
            if explained and field.help:
                lines.append(Line(f"{field.name} help", text=f"    {field.help}", style="muted", help=f"{field.help}  {field.flag}"))
    if about.log:
        lines += [_heading("Build log"), *(Line(f"log{at}", text=text, help=text) for at, text in enumerate(about.log))]
    return tuple(lines)


def now_lines(about: Description, ascii: bool = False) -> tuple[Line, ...]:
    """How it is: state, tasks, workers, what it needs and who needs it, what happened to it."""
    return tuple(
        line
        for section in (
            _state_lines,
            _place_lines,
            _task_lines,
            _pool_lines,
            _coming_lines,
            _chain_lines,
            _worker_lines,
            _reference_lines,
            _event_lines,
            _deployment_lines,
        )
        for line in section(about, ascii)
    )


def one_column(about: Description, ascii: bool = False) -> tuple[Line, ...]:
    """All of it below each other: how it is, what was asked for; the history last."""
    now = now_lines(about, ascii)
    history = next((at for at, line in enumerate(now) if line.key in ("# Events", "# Deployments")), len(now))
    return (*now[:history], _heading("Settings"), *settings_lines(about), *now[history:])


def parts(line: Line, width: int, ascii: bool = False) -> Sequence[Part]:
    """A line drawn in exactly `width` cells."""
    if line.heading:
        text = f"{line.label} "
        return ((fit(text, min(width, len(text))), "title"), (("-" if ascii else "─") * (width - len(text)), "muted"))
    if not line.label and not line.note and not line.shares:
        return ((fit(f"  {line.text}", width), line.style),)
    label = min(LABEL_WIDTH, width // 3)
    rest = width - label - 3
    head: Part = (f"  {fit(line.label, label)} ", "muted")
    if line.shares:
        return (head, *monitoring_formats.stacked(line.shares, max(0, rest - 1), ascii), (" ", ""))
    return (head, *_value(line, rest - 2), (" " + _sign(line, ascii), "muted"))


def _value(line: Line, width: int) -> tuple[Part, ...]:
    if not line.note:
        return ((fit(line.text, width), line.style),)
    note = min(len(line.note), max(NOTE_WIDTH, width - len(line.text) - 2), width * 2 // 3)
    return ((fit(line.text, width - note - 1), line.style), (" ", ""), (fit(line.note, note, "right"), "muted"))


def _sign(line: Line, ascii: bool) -> str:
    return (">" if ascii else "→") if line.target else " "


def _heading(text: str) -> Line:
    return Line(f"# {text}", text, heading=True)


# -- settings -----------------------------------------------------------------------------------------------------------
def _field_lines(field: FieldNow, about: Description) -> Iterator[Line]:
    origin = _origin(field)
    kind = {"cyclone_image_name": "image", "cluster": "cluster"}.get(field.name)
    target = f"describe {kind} {field.value}" if kind and field.value and about.stored.kind != kind else ""
    style = "" if field.origin == "set" else "muted"
    several = _several(field.value)
    help = f"{field.help}{f'  {field.flag}' if field.flag else ''}"
    for at, text in enumerate(several or [value_text(field.name, field.value) or "none"]):
        label, note = (_called(field.name), origin) if at == 0 else ("", "")
        yield Line(f"{field.name}{at or ''}", label or " ", text, style, note, help, target)


def _called(name: str) -> str:
    """A field's name without the unit, which its value says."""
    return name.removesuffix("_mib").removesuffix("_minutes").replace("_", " ")


def _origin(field: FieldNow) -> str:
    if field.origin == "found":
        return field.default or "default"
    return {"set": "set", "default": "", "derived": "of this machine" if field.name in ("cores", "memory_mib") else ""}[field.origin]


def _several(value: Any) -> list[str]:
    """A map or a list of documents, an entry for each line."""
    if isinstance(value, Mapping):
        return [f"{name}={show(item)}" for name, item in value.items()]
    if isinstance(value, list | tuple):
        return [show(item) for item in value]
    return []


# -- now ----------------------------------------------------------------------------------------------------------------
def _state_lines(about: Description, ascii: bool) -> Iterator[Line]:
    stored = about.stored
    if stored.kind == "host":
        yield from _host_lines(about, ascii)
    else:
        paused = bool(stored.body.get("paused"))
        note = "accepts jobs, starts none" if paused else ""
        yield Line("state", "state", state_text(stored.state, paused, ascii), state_style(stored.state, paused), note)
    if not (len(stored.places) > 1 or (stored.places and stored.kind != "region")):  # else each region says so below
        yield from _wrapped("reason", "why", about.reason)
    if stored.created:
        yield Line("created", "created", formatters.moment(stored.created))
    if stored.updated and stored.updated != stored.created:
        yield Line("updated", "updated", formatters.moment(stored.updated))
    if stored.kind in ("queue", "definition"):
        target = f"jobs {stored.kind}={stored.name}"
        yield Line("jobs", "open jobs", jobs_text(stored.open_jobs), "" if stored.open_jobs else "muted", "its jobs", target=target)


def _place_lines(about: Description, ascii: bool) -> Iterator[Line]:
    """How it is in each region of an AWS host, and why it is not well there."""
    places = about.stored.places
    if not places or (about.stored.kind == "region" and len(places) == 1):
        return
    yield _heading("Regions")
    for place in places:
        target = "" if (about.stored.kind, about.stored.name) == ("region", place.region) else f"describe region {place.region}"
        yield Line(f"place {place.region}", place.region, state_text(place.state, ascii=ascii), state_style(place.state), target=target)
        yield from _wrapped(f"place {place.region} why", " ", place.reason)


def _host_lines(about: Description, ascii: bool) -> Iterator[Line]:
    body, health = about.stored.body, about.stored.state
    yield Line("state", "health", monitoring_formats.health_text(health, ascii), monitoring_formats.HEALTH_STYLES.get(health, "failed"))
    texts = {
        "version": body["version"],
        "process": str(body["pid"] or ""),
        "running since": formatters.moment(body["started"]),
        "workers": str(body["workers"]) if body["pid"] else "",
        "on disk": formatters.size(body["stored_bytes"]) if body["stored_bytes"] else "",
        "disk free": formatters.size(body["free_bytes"]),
        "state directory": body["state_dir"],
    }
    yield from (Line(name, name, text, help=text) for name, text in texts.items() if text)


def _task_lines(about: Description, ascii: bool) -> Iterator[Line]:
    if not any(about.counts):
        return
    yield _heading("Tasks")
    yield Line(
        "bar", f"of {formatters.short_count(sum(about.counts))}", shares=tuple((about.counts[state], style) for state, style in _SHARES)
    )
    for state in (RUNNING, WAITING, SUCCESSFUL, FAILED, ERROR, CANCELLED):
        if about.counts[state]:
            style = formatters.STATE_STYLES[state]
            name = STATES[state].lower()
            target = f"jobs queue={about.stored.name} status={name}" if about.stored.kind == "queue" else ""
            yield Line(f"tasks {name}", formatters.state_text(state, ascii), formatters.count(about.counts[state]), style, target=target)


def _pool_lines(about: Description, ascii: bool) -> Iterator[Line]:
    if not about.pools:
        return
    yield _heading("Load")
    all_of_it = whole(about.pools)
    most = all_of_it.max_vcpus or all_of_it.busy_vcpus
    yield Line("load", "vCPUs", shares=((min(all_of_it.busy_vcpus, most), "running"), (max(0.0, most - all_of_it.busy_vcpus), "muted")))
    for pool in about.pools:
        other = "region" if about.stored.kind == "cluster" else "cluster"
        name = pool.region if other == "region" else pool.cluster
        text = f"{monitoring_formats.vcpus(pool)} vCPUs busy, {formatters.plural(pool.workers, 'worker')}"
        places = {place.region for place in about.stored.places}
        is_site = other == "region" and bool(places) and name not in places  # where machines joined
        target = f"workers region={name}" if is_site else f"describe {other} {name}"
        yield Line(f"pool {name}", f"{'site' if is_site else other} {name}", text, target=target)


def _coming_lines(about: Description, ascii: bool) -> Iterator[Line]:
    """How workers come in each region, and why one is left alone."""
    if not about.coming:
        return
    yield _heading("How workers come")
    for one in about.coming:
        name = one.region if about.stored.kind == "cluster" else one.cluster
        left = {"open": "left", "trying": "tried"}.get(one.breaker, "on")
        sign, plain, word = looks.STATES[left]
        text = f"{plain if ascii else sign} {looks.RUNGS.get(one.rung, word) if left == 'on' else word}"
        if one.until is not None and left == "left":
            text += f" until {formatters.moment(one.until)}"
        figures = [f"start {formatters.duration(one.start_s)}"] if one.start_s is not None else []
        figures += [f"{one.delivered:.0%} came"] if one.delivered is not None else []
        taken = f"; {one.interruptions:g} were taken away for each hour of one" if one.interruptions is not None else ""
        help = f"In the last hours: from a request to a running worker, and of those asked for{taken}"
        other = "region" if about.stored.kind == "cluster" else "cluster"
        yield Line(f"coming {name}", name, text, looks.STATE_STYLES[left], ", ".join(figures), help, f"describe {other} {name}")
        if left != "on":
            yield from _wrapped(f"coming {name} why", " ", one.why)


def _chain_lines(about: Description, ascii: bool) -> Iterator[Line]:
    """What is done when workers do not come, and after which wait."""
    if not about.chain:
        return
    yield _heading("When none come")
    words = ", ".join(map(str, about.stored.body.get("fallback_instance_list") or ())) or "the generation before"
    told = {
        "instance-types": f"also {words}", "zones": "in all zones", "regions": "in other regions; this one pauses",
        "on-demand": "on demand, once every region is left alone",
    }  # fmt: skip
    for step, wait_s in about.chain:
        yield Line(f"chain {step}", f"after {formatters.duration(wait_s)}", told.get(step, step), help=_CHAIN_HELP.format(step))


_CHAIN_HELP = "After so long without new instances on the step before: --fallback {} SECONDS, 0 for never"


def _worker_lines(about: Description, ascii: bool) -> Iterator[Line]:
    if about.workers:
        yield _heading("Workers")
    for worker in about.workers:
        style = monitoring_formats.WORKER_STYLES.get(worker.state, "failed")
        note = formatters.size(worker.memory_mib * 2**20) if worker.memory_mib else ""
        text = f"{monitoring_formats.worker_state(worker, ascii)}  {monitoring_formats.task_now(worker)}".rstrip()
        target = f"job {worker.tasks[0].id}" if worker.tasks else f"workers cluster={worker.cluster}"
        yield Line(f"worker {worker.id}", f"worker {formatters.worker(worker.id)}", text, style, note, target=target)


def _reference_lines(about: Description, ascii: bool) -> Iterator[Line]:
    if about.refers_to:
        yield _heading("Needs")
        yield from _keys(about.refers_to, ascii)
    if about.used_by:
        yield _heading("Needed by")
        yield from _keys(about.used_by, ascii)


def _keys(found: Iterable[tuple[Key, str]], ascii: bool) -> Iterator[Line]:
    for (kind, name), state in found:
        text, style = (state_text(state, ascii=ascii), state_style(state)) if state else ("is not there", "failed")
        yield Line(f"{kind} {name}", f"{kind} {name}", text, style, target=f"describe {kind} {name}" if state else f"{PLURALS[kind]}")


def _event_lines(about: Description, ascii: bool) -> Iterator[Line]:
    if about.events:
        yield _heading("Events")
    for at, (when, text) in enumerate(about.events):
        yield Line(f"event {when} {at}", formatters.moment(when), text, help=text)


def _deployment_lines(about: Description, ascii: bool) -> Iterator[Line]:
    if about.deployments:
        yield _heading("Deployments")
    for one in about.deployments:
        style = _DEPLOYMENT_STYLES.get(one.state, "")
        text = f"{one.state}  {one.what}"
        yield Line(
            f"deployment {one.number}",
            f"{one.number}  {formatters.moment(one.started)}",
            text,
            style,
            one.by,
            target=f"deployment {one.number}",
        )


def _wrapped(key: str, label: str, text: str) -> Iterator[Line]:
    for at, line in enumerate(textwrap.wrap(text, _WRAP)):
        yield Line(f"{key}{at}", label if at == 0 else " ", line, "failed", help=text)
