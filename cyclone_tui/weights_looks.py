"""How the weights of a queue's regions look: the columns of their table, spots on the map, sentences about them. Pure."""

from collections.abc import Sequence

from cyclone_core.operations.weights import QueueWeights, RegionWeight
from cyclone_tui import formatters
from cyclone_tui.widgets.spark import chart
from cyclone_tui.widgets.table_columns import Column, Part
from cyclone_tui.widgets.world_map import Spot, State

STATES = {"on": ("●", "+", "open"), "left": ("✗", "x", "left alone"), "tried": ("◌", "?", "tried"), "off": ("○", "-", "off")}
STATE_STYLES = {"on": "ok", "left": "failed", "tried": "waiting", "off": "muted"}
RUNGS = {"instance-types": "other types", "zones": "more zones", "on-demand": "on demand"}
"""Steps of the fallback chain after the first, in words."""
MOST_BAR = 32
_OF_COLUMNS = {
    "score": "score", "spot": "spot_usd", "start": "start_s", "interruptions": "interruptions", "delivered": "delivered",
    "ondemand": "ondemand_usd",
}  # fmt: skip
"""Columns that are there where a region has such a value."""
FILTERED = ("region", "weight", "state", "score", "spot", "start", "interruptions", "running", "why")
"""What a filter may name."""


def state(each: RegionWeight) -> State:
    """Whether it gets work, in a word."""
    if each.joined:
        return "on"
    if not each.weight:
        return "off"
    return "left" if each.breaker == "open" else "tried" if each.breaker == "trying" else "on"


def state_text(each: RegionWeight, ascii: bool = False) -> str:
    """`● open`; with the step of the fallback chain, where it is not the first."""
    sign, plain, word = STATES[state(each)]
    word = "joined" if each.joined else RUNGS.get(each.rung, word) if state(each) == "on" else word
    return f"{plain if ascii else sign} {word}"


def spots(found: QueueWeights) -> tuple[Spot, ...]:
    """Its regions on the map."""
    return tuple(Spot(each.region, each.share, state(each)) for each in found.regions)


def columns(found: QueueWeights, ascii: bool = False) -> tuple[Column[RegionWeight], ...]:
    """Weight, its history, and everything that it follows from; what matters least gives way first."""
    largest = max((each.share for each in found.regions), default=0.0)
    top = max([100 * largest, *(weight for change in found.history for weight in change.weights.values()), 1])

    def bar(each: RegionWeight, width: int) -> tuple[Part, ...]:
        room = min(width, MOST_BAR)
        text = formatters.bar(each.share, largest, room, ascii)
        full = len(text.rstrip("." if ascii else "─"))
        return ((text[:full], "running" if state(each) == "on" else "muted"), (text[full:], "muted"), (" " * (width - room), ""))

    def trend(each: RegionWeight, width: int) -> tuple[Part, ...]:
        return ((sparkline(course(found, each.region), width, top, ascii), "number"),)

    def missing(value: object) -> str:
        return "" if value is not None else "muted"

    wanted: list[Column[RegionWeight]] = [
        Column("region", "Region", lambda each: each.region, 15, style=lambda each: "title", sort="region"),
        Column("weight", "Weight", weight_text, 7, "right", sort="weight", value=lambda each: each.share, descending=True),
        Column("bar", "", lambda each: "", least=6, parts=bar),
        Column("state", "State", lambda each: state_text(each, ascii), 13, sort="state", style=lambda each: STATE_STYLES[state(each)]),
        Column("score", "Score", lambda each: _number(each.score, "g"), 5, "right", sort="score", value=lambda each: each.score or 0,
               descending=True, priority=1, style=lambda each: missing(each.score)),
        Column("spot", "Spot $", lambda each: _number(each.spot_usd, ".4f"), 7, "right", sort="spot", value=lambda each: each.spot_usd or 9,
               priority=2, style=lambda each: missing(each.spot_usd)),
        Column("start", "Start", lambda each: formatters.duration(each.start_s) or "-", 6, "right", sort="start",
               value=lambda each: each.start_s or 0, priority=3, style=lambda each: missing(each.start_s)),
        Column("interruptions", "Taken/h", lambda each: _number(each.interruptions, ".3f"), 7, "right", sort="interruptions", priority=5,
               value=lambda each: each.interruptions or 0, style=lambda each: missing(each.interruptions)),
        Column("delivered", "Came", lambda each: _number(each.delivered, ".0%"), 5, "right", sort="delivered", priority=7,
               value=lambda each: each.delivered or 0, style=lambda each: missing(each.delivered)),
        Column("running", "Workers", workers_text, 8, "right", sort="running", value=lambda each: each.running, descending=True,
               priority=4),
        Column("ondemand", "On dem. $", lambda each: _number(each.ondemand_usd, ".4f"), 9, "right", sort="ondemand", priority=8,
               value=lambda each: each.ondemand_usd or 9, style=lambda each: missing(each.ondemand_usd)),
    ]  # fmt: skip
    known = {name for name, value in _OF_COLUMNS.items() if any(getattr(each, value) is not None for each in found.regions)}
    wanted = [column for column in wanted if column.key in known or column.key not in _OF_COLUMNS]
    if found.history:
        wanted.insert(3, Column("course", "History", lambda each: "", 10, parts=trend, priority=6))
    return tuple(wanted)


def course(found: QueueWeights, region: str) -> tuple[float, ...]:
    """Its weights, oldest first, one for each change; the one of now is the last."""
    return tuple(float(change.weights.get(region, 0)) for change in reversed(found.history))


def sparkline(values: Sequence[float], width: int, top: float, ascii: bool = False) -> str:
    """The last values as bars in one row, now at the right."""
    shown = values[-width:]
    return "" if not shown else chart(shown, len(shown), 1, top, ascii)[0].rjust(width)


def weight_text(each: RegionWeight) -> str:
    """`34%`, and behind it the queue's own number where that is another."""
    share = "-" if each.joined else f"{each.share:.0%}"
    return share if each.share in (0, 1) or str(each.weight) == share[:-1] else f"{each.weight}: {share}"


def workers_text(each: RegionWeight) -> str:
    """`12+3`: those that run and those that start."""
    return f"{each.running:,}+{each.starting:,}" if each.starting else f"{each.running:,}"


def heading(found: QueueWeights) -> tuple[Part, ...]:
    """Whose weights these are, and since when."""
    how = "automatic" if found.automatic else "numbers of its own" if len(found.regions) > 1 else "one region"
    how = "machines that join" if found.joins else how
    told: list[Part] = [
        ("queue ", "muted"),
        (found.queue, "number"),
        ("  cluster ", "muted"),
        (found.cluster, "number"),
        (f"  {how}", "muted"),
    ]
    if found.decided and found.automatic:
        told.append((f", looked at {formatters.moment(found.decided)}", "muted"))
    if any(each.spot_usd or each.ondemand_usd for each in found.regions):
        told.append(("  $ USD of a vCPU hour", "muted"))
    return tuple(told)


def about(each: RegionWeight) -> str:
    """Two lines about a region: why it has its weight, and of when its numbers are."""
    dates = [f"score of {formatters.moment(each.score_at)}"] if each.score_at else []
    dates += [f"spot {each.spot_usd:.4f} USD of {formatters.moment(each.spot_at)}"] if each.spot_usd and each.spot_at else []
    dates += [f"on demand {each.ondemand_usd:.4f} of {each.ondemand_date}"] if each.ondemand_usd and each.ondemand_date else []
    return f"{each.region}: {each.why}\n{', '.join(dates) or ('' if each.joined else 'nothing is known of its prices')}"


def notes(found: QueueWeights) -> list[str]:
    """What whoever looks should know, each in a line."""
    return [*([found.note] if found.note else []), *(f"without {one.what}: {one.why}" for one in found.missing)]


def changes(found: QueueWeights) -> list[tuple[Part, ...]]:
    """The history in lines, the newest change first: when and why, below it what of it changed."""
    lines: list[tuple[Part, ...]] = []
    for at, change in enumerate(found.history):
        before = found.history[at + 1].weights if at + 1 < len(found.history) else {}
        moved = [
            f"{region} {before[region]}→{weight}" if region in before else f"{region} {weight}"
            for region, weight in sorted(change.weights.items()) if before.get(region) != weight
        ]  # fmt: skip
        lines.append(((f"{formatters.moment(change.at)}  ", "number"), ("; ".join(change.why) or "they were decided", "")))
        lines.append((("  " + ", ".join(moved), "muted"),))
    return lines


def cells(each: RegionWeight) -> dict[str, str]:
    """What a filter may ask of a region."""
    numbers = {"score": each.score, "spot": each.spot_usd, "start": each.start_s, "interruptions": each.interruptions}
    told = {name: "" if value is None else f"{value:g}" for name, value in numbers.items()}
    return {
        "region": each.region, "weight": f"{each.share * 100:.0f}", "state": state_text(each), **told, "running": str(each.running),
        "why": each.why,
    }  # fmt: skip


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
