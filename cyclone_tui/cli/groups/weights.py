"""`hyper queues weights`: how queues share their work over regions, from what that was decided, and how it changed."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from cyclone_core.operations.queries import open_host
from cyclone_core.operations.weights import QueueWeights, RegionWeight, weights_view
from cyclone_core.views import iso
from cyclone_tui.cli.groups import options, tables
from cyclone_tui.cli.text import NOTHING, duration, when

COLUMNS = ("region", "weight", "running", "score", "spot_$", "on_demand_$", "start", "interruptions", "state", "why")
HISTORY_COLUMNS = ("time", "weights", "why")
_OLD_S = 3600.0
"""Scores and prices of this age are shown with it."""
_TIMES = ("score_at", "spot_at", "breaker_since", "breaker_until")
_STATES = {"closed": "open", "open": "left alone", "trying": "tried"}
"""What breakers are called: who reads this thinks of regions."""


def _weights(name: str | None, host_name: str | None, history: bool, as_json: bool) -> None:
    with open_host(host_name) as host:
        found = weights_view(host, name)
    if as_json:
        tables.print_json([record(each) for each in found])
        return
    now = time.time()
    for number, each in enumerate(found):
        if number:
            click.echo("")
        (_print_history if history else _print)(each, now)


def _print(found: QueueWeights, now: float) -> None:
    click.echo(heading(found, now))
    if found.regions:
        tables.print_table(COLUMNS, [row(each, found, now) for each in found.regions])
    for line in notes(found, now):
        click.echo(line)


def _print_history(found: QueueWeights, now: float) -> None:
    click.echo(heading(found, now))
    rows = [[when(each.at), _numbers(each.weights), "; ".join(each.why) or NOTHING] for each in found.history]
    if rows:
        tables.print_table(HISTORY_COLUMNS, rows)
    else:
        click.echo(found.note or ("its weights are the queue's own numbers" if not found.automatic else "they have not changed yet"))


def heading(found: QueueWeights, now: float) -> str:
    """`queue fast (cluster big): automatic weights, decided 4m05s ago`."""
    how = "automatic weights" if found.automatic else "weights of its own" if len(found.regions) > 1 else "one region"
    how = "machines that join" if found.joins else how
    decided = f", decided {duration(now - found.decided)} ago" if found.decided else ""
    return f"queue {found.queue} (cluster {found.cluster}): {how}{decided}"


def row(each: RegionWeight, of: QueueWeights, now: float) -> list[str]:
    """One line of the list. now: seconds since 1970."""
    return [
        each.region, _weight(each), _running(each, of.regions), _aged("" if each.score is None else f"{each.score:g}", each.score_at, now),
        _aged(_usd(each.spot_usd), each.spot_at, now), _usd(each.ondemand_usd) or NOTHING, duration(each.start_s),
        NOTHING if each.interruptions is None else f"{each.interruptions:.3f}/h", _state(each), each.why,
    ]  # fmt: skip


def notes(found: QueueWeights, now: float) -> list[str]:
    """What is said below a table: what the numbers are, their dates, and what could not be had."""
    lines = [found.note] if found.note else []
    spot = [each.spot_at for each in found.regions if each.spot_at]
    lists = sorted({each.ondemand_date for each in found.regions if each.ondemand_date})
    dated = [f"spot as read {when(max(spot))}"] if spot else []
    dated += [f"on demand by the price list of {' and '.join(lists)}"] if lists else []
    if dated:
        lines.append(f"$: USD of a vCPU hour, the median of the cluster's types; {'; '.join(dated)}")
    return lines + [f"without {each.what} since {when(each.since)}: {each.why}" for each in found.missing]


def record(found: QueueWeights) -> dict[str, Any]:
    """A queue as JSON; null is what nobody knows."""
    return {
        "queue": found.queue, "cluster": found.cluster, "automatic": found.automatic, "decided_at": iso(found.decided),
        "note": found.note or None, "regions": [_region(each) for each in found.regions],
        "missing": [{"what": each.what, "why": each.why, "since": iso(each.since)} for each in found.missing],
        "history": [{"at": iso(each.at), "weights": dict(each.weights), "why": list(each.why)} for each in found.history],
    }  # fmt: skip


def _region(each: RegionWeight) -> dict[str, Any]:
    told = {**vars(each), "factors": dict(each.factors), "unknown": list(each.unknown)}
    told |= {name: iso(told[name]) for name in _TIMES}
    return {name: None if value == "" and name != "rung" else value for name, value in told.items()}


def _state(each: RegionWeight) -> str:
    """Whether it gets work, with the step of the fallback chain where it is not the first."""
    if each.joined:
        return "joined"
    return _STATES[each.breaker] + (f", {each.rung}" if each.rung and each.breaker == "closed" else "") if each.weight else "off"


def _weight(each: RegionWeight) -> str:
    if each.joined:
        return NOTHING
    share = f"{each.share * 100:.0f}%"
    return share if f"{each.weight}%" == share else f"{each.weight} ({share})"


def _running(each: RegionWeight, all_of_them: Sequence[RegionWeight]) -> str:
    """`12 (40%) +3`: workers that run, their share of all, and those that start."""
    total = sum(one.running for one in all_of_them)
    share = f" ({each.running / total * 100:.0f}%)" if total else ""
    return f"{each.running}{share}{f' +{each.starting}' if each.starting else ''}"


def _aged(text: str, at: float | None, now: float) -> str:
    """With its age when it is old."""
    if not text:
        return NOTHING
    return f"{text} ({duration(now - at)} old)" if at and now - at > _OLD_S else text


def _usd(usd: float | None) -> str:
    return "" if usd is None else f"{usd:.4f}"


def _numbers(weights: Mapping[str, int]) -> str:
    ordered: Iterable[tuple[str, int]] = sorted(weights.items(), key=lambda each: (-each[1], each[0]))
    return " ".join(f"{region}={weight}" for region, weight in ordered)


def command() -> click.Command:
    """The command."""
    return options.ResourceCommand(
        "weights",
        callback=_weights,
        params=[
            options.value("--name", "name", help="Only this queue"),
            options.host_option(),
            options.switch("--history", "history", help="What automatic weights were before, and why they changed"),
            options.switch("--json", "as_json", help="Print JSON"),
        ],
        help="Show how queues share their work over regions, and why: scores, prices, starts, what is left alone.",
        context_settings=options.SETTINGS,
    )
