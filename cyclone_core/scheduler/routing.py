"""How much of a cluster's work each region is to do: weights from scores, prices and what was observed. Pure.

A region's *strength* is the product of five factors, each from one signal, each at its neutral value where the signal is unknown (which is
told). An unknown spot price is taken as the usual part of the region's own price on demand, and where that is unknown too, as the median
of the others. Weights are strengths as whole per cents (`apportionment.fill`): they sum to 100 over the regions that are open, a closed
one has 0, nobody has more than `most_share`, because interruptions of one region come together, and nobody less than 1, so that its signals
stay fresh. More score is never less weight, a higher price never more.

Signals are noisy: a score is a whole number from 1 to 10 and wanders by one, prices by some per cent. So what counts is not the signal but
what was last *taken over* of it (`Memory`): a value is taken over when it was out of the band around the one that counts, on the same
side, in two looks in a row (at a score also when it was two points away in six). Noise within the bands never changes a weight. That a
region opens or closes, or is new, counts at once.

What is asked of AWS about scores is decided in `placement_scores`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from statistics import median
from typing import Any

from cyclone_core.scheduler.apportionment import fill

SCORE, PRICE, START, DELIVERED, INTERRUPTIONS = SIGNALS = ("score", "price", "start", "delivered", "interruptions")
LOOKS, SLOW_LOOKS = 2, 6
"""Looks in a row until a signal that is out of its band is taken over; until a score that is `SLOW_SCORE` away is."""
FAST_SCORE, SLOW_SCORE = 2.5, 2.0
"""Points. Noise of one point either way moves a score by two at most."""
PRICE_BAND = 1.12
"""Times. Noise of 5 % either way is 1.105 at most."""
START_BAND, START_BAND_S = 1.5, 30.0
"""Times, and seconds."""
DELIVERED_BAND = 0.2
INTERRUPTIONS_BAND = 0.05
"""For each hour of a worker, and twice as many."""
LEAST_MOST = 40
"""Per cent that one region may have, where there are four or more."""
NEUTRAL = {SCORE: 5.0, START: 120.0, DELIVERED: 1.0, INTERRUPTIONS: 0.05}
"""What counts for a signal that is not known."""
TYPICAL_SPOT, TYPICAL_USD = 0.4, 0.05
"""Of the price on demand, what spot costs about; dollars of a vCPU hour on demand, where nobody's price is known."""
_SLOW_START_S = 300
"""A region whose workers take so much longer than no time is worth half."""


@dataclass(frozen=True)
class Signals:
    """What is known of a region now, for one cluster; None is unknown."""

    region: str
    score: float | None = None
    """spot placement score, 1 to 10; does not count for clusters on demand"""
    spot_usd: float | None = None
    """dollars of a vCPU hour on spot, above 0; does not count for clusters on demand"""
    ondemand_usd: float | None = None
    """dollars of a vCPU hour on demand, above 0"""
    start_s: float | None = None
    """seconds from a request to a running worker (`health.Health`)"""
    delivered: float | None = None
    """share of the workers asked for that came, 0 to 1"""
    interruptions: float | None = None
    """workers taken away for each hour that one ran, from 0"""
    closed: str = ""
    """why nothing may be asked for there (`health.why_left`), "" when it may"""


@dataclass(frozen=True)
class Taken:
    """One signal of one region, as it counts."""

    value: float | None = None
    """None: unknown"""
    looks: int = 0
    """in a row that it was out of the band, on one side: below 0 under it (or unknown), above 0 over it"""
    mean: float | None = None
    """of the values in those looks; None when they were unknown"""


Memory = Mapping[str, Mapping[str, Taken]]
"""Region -> signal (`SIGNALS`) -> what counts of it."""


@dataclass(frozen=True)
class Routing:
    """The weights of a cluster's regions, and from what."""

    weights: Mapping[str, int]
    """region -> per cent; they sum to 100 over the regions that are open, and are all 0 where none is"""
    base: Mapping[str, int]
    """what they were if all were open: whoever knows of breakers sooner leaves regions out of these"""
    factors: Mapping[str, Mapping[str, float]]
    """region -> signal -> factor; 1 is neutral, more is better"""
    unknown: Mapping[str, tuple[str, ...]]
    """region -> signals that are not known, and count as usual ones do"""
    memory: Memory = field(default_factory=dict)
    """for the next `weigh`"""
    changed: bool = True
    """whether weights are others than before"""
    why: tuple[str, ...] = ()
    """what was taken over in this look, each in a line"""


# -- weights -----------------------------------------------------------------------------------------------------------------
def weigh(signals: Sequence[Signals], before: Routing | None = None, is_spot: bool = True) -> Routing:
    """The weights now. signals: of all regions of the host, each once; before: what came out the last time, None at first.

    is_spot: whether the cluster buys spot: if not, scores and spot prices do not count.
    """
    ordered = sorted(signals, key=lambda each: each.region)
    known = before.memory if before else {}
    memory = {each.region: _remembered(_values(each, is_spot), known.get(each.region)) for each in ordered}
    kept = {region: {name: taken.value for name, taken in mine.items()} for region, mine in memory.items()}
    usual = _usual_usd(kept)
    base = {region: _strength(values, usual) for region, values in kept.items()}
    closed = {each.region for each in ordered if each.closed}
    weights = dict.fromkeys(base, 0) | shares({region: strength for region, strength in base.items() if region not in closed})
    return Routing(
        weights,
        shares(base),
        {region: _factors(values, usual) for region, values in kept.items()},
        {region: _unknown(each, is_spot) for region, each in zip(kept, ordered, strict=True)},
        memory,
        before is None or dict(before.weights) != weights,
        _told(ordered, known, memory),
    )


def shares(strengths: Mapping[str, int | Fraction]) -> dict[str, int]:
    """Whole per cents that sum to 100, in proportion to strengths (above 0), each from 1 to `most_share`; {} of none, 100 at most."""
    ordered = dict(sorted(strengths.items()))
    most = most_share(len(ordered))
    return fill(ordered, dict.fromkeys(ordered, 1), dict.fromkeys(ordered, most), 100) if ordered else {}


def most_share(regions: int) -> int:
    """Per cent that one of so many regions may have: 100, 67, 50, and 40 of four or more."""
    return max(LEAST_MOST, -(-200 // (regions + 1)))


def _values(signals: Signals, is_spot: bool) -> dict[str, float | None]:
    usd = signals.spot_usd if is_spot else signals.ondemand_usd
    if is_spot and not usd and signals.ondemand_usd:
        usd = signals.ondemand_usd * TYPICAL_SPOT
    return {
        SCORE: signals.score if is_spot else None,
        PRICE: usd if usd and usd > 0 else None,
        START: signals.start_s,
        DELIVERED: signals.delivered,
        INTERRUPTIONS: signals.interruptions,
    }


def _unknown(signals: Signals, is_spot: bool) -> tuple[str, ...]:
    usd = signals.spot_usd if is_spot else signals.ondemand_usd
    found = {**_values(signals, is_spot), PRICE: usd or None}
    return tuple(name for name in SIGNALS if found[name] is None and (is_spot or name not in (SCORE, INTERRUPTIONS)))


def _usual_usd(kept: Mapping[str, Mapping[str, float | None]]) -> float:
    known = [usd for values in kept.values() if (usd := values[PRICE])]
    return median(known) if known else TYPICAL_USD


def _strength(values: Mapping[str, float | None], usual_usd: float) -> Fraction:
    """The product of the factors; exact, so that equal signals have equal weights."""

    def whole(name: str, parts: int) -> int:
        value = values[name]
        return round((NEUTRAL[name] if value is None else max(0.0, value)) * parts)

    usd = max(1, round((values[PRICE] or usual_usd) * 1_000_000))
    wait_s = min(_SLOW_START_S, whole(START, 1))
    found = Fraction(max(1, whole(SCORE, 100)), usd * usd)
    found *= Fraction(_SLOW_START_S, _SLOW_START_S + wait_s)
    found *= 25 + min(75, round(whole(DELIVERED, 1000) * 75 / 1000))
    return found * Fraction(10_000, 10_000 + 4 * whole(INTERRUPTIONS, 10_000))


def _factors(values: Mapping[str, float | None], usual_usd: float) -> dict[str, float]:
    """Each signal's part of the strength, beside one whose signals are all usual."""
    usual: dict[str, float | None] = {**NEUTRAL, PRICE: usual_usd}
    neutral = _strength(usual, usual_usd)
    return {name: round(float(_strength({**usual, name: values[name]}, usual_usd) / neutral), 4) for name in SIGNALS}


# -- hysteresis --------------------------------------------------------------------------------------------------------------
def _remembered(now: Mapping[str, float | None], before: Mapping[str, Taken] | None) -> dict[str, Taken]:
    return {name: _taken(name, before.get(name, Taken()) if before else Taken(), value) for name, value in now.items()}


def _taken(name: str, kept: Taken, now: float | None) -> Taken:
    """What counts of a signal after a look."""
    if kept.value is None:
        return Taken(now)
    if now is None:
        looks = kept.looks - 1 if kept.looks < 0 and kept.mean is None else -1
        return Taken() if -looks >= LOOKS else Taken(kept.value, looks)
    if not _is_out(name, kept.value, now):
        return Taken(kept.value)
    side = 1 if now > kept.value else -1
    is_same = kept.looks * side > 0 and kept.mean is not None
    count = abs(kept.looks) + 1 if is_same else 1
    mean = ((kept.mean or 0.0) * (count - 1) + now) / count
    is_fast = name != SCORE or abs(mean - kept.value) > FAST_SCORE
    return Taken(mean) if count >= (LOOKS if is_fast else SLOW_LOOKS) else Taken(kept.value, count * side, mean)


def _is_out(name: str, kept: float, now: float) -> bool:
    """Whether a value is out of the band around the one that counts."""
    less, more = sorted((max(0.0, kept), max(0.0, now)))
    if name == SCORE:
        return more - less >= SLOW_SCORE
    if name == PRICE:
        return more > less * PRICE_BAND
    if name == START:
        return more > less * START_BAND and more - less > START_BAND_S
    return more - less > DELIVERED_BAND if name == DELIVERED else more - less > INTERRUPTIONS_BAND and more > 2 * less


def _told(ordered: Sequence[Signals], before: Memory, memory: Memory) -> tuple[str, ...]:
    lines = []
    for region in (each.region for each in ordered):
        if before and region not in before:
            lines.append(f"{region}: new")
        for name in SIGNALS if region in before else ():
            was, now = before[region].get(name, Taken()).value, memory[region][name].value
            if was != now:
                lines.append(f"{region}: {name} {_shown(name, was)} -> {_shown(name, now)}")
    return tuple(lines)


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "unknown"
    return {SCORE: f"{value:.1f}", PRICE: f"${value:.4f}", START: f"{value:.0f} s"}.get(name, f"{value:.2f}")


# -- items -------------------------------------------------------------------------------------------------------------------
def to_body(routing: Routing) -> dict[str, Any]:
    """As JSON writes it, but for `changed` and `why`, which are told once."""
    memory = {
        region: {name: [taken.value, taken.looks, taken.mean] for name, taken in mine.items()} for region, mine in routing.memory.items()
    }
    return {
        "weights": dict(routing.weights),
        "base": dict(routing.base),
        "factors": {region: dict(found) for region, found in routing.factors.items()},
        "unknown": {region: list(names) for region, names in routing.unknown.items()},
        "memory": memory,
    }


def of_body(body: Mapping[str, Any]) -> Routing:
    """What `to_body` made; other fields are passed over."""
    memory = {region: {name: Taken(*taken) for name, taken in mine.items()} for region, mine in body.get("memory", {}).items()}
    unknown = {region: tuple(names) for region, names in body.get("unknown", {}).items()}
    return Routing(body.get("weights", {}), body.get("base", {}), body.get("factors", {}), unknown, memory, False)
