"""What an item of the table says of a unit, and a unit as its item: attributes, packed results, reasons. Pure and lean.

`keys` has the attributes' names. What others write into an item that somebody holds (`xs`, `x`, `fo`) is only read here.
"""

from itertools import groupby
from zlib import compress, decompress

from cyclone_core.aws.lean import jsons
from cyclone_core.scheduler import columns
from cyclone_core.scheduler.dynamo import keys, tiles
from cyclone_core.scheduler.dynamo.unit import Unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cyclone_core.scheduler.dynamo.values import Item

MOST_REASONS = 60_000
"""Characters of all reasons of a unit."""
_SHORT_REASON = 60
_IDENTITY = ("q", "d", "sz", "jt", "u", "b")
"""Attributes of a slice that never change."""


# -- from items -------------------------------------------------------------------------------------------------------------------
def tile(job: "Item", low: int) -> Unit:
    """The tile of an array (its JOB item) that begins at a position, waiting, not an item yet. Raises ValueError where none begins."""
    tasks = tiles.tile(low, job["sz"], job["t"])
    if not tasks or not job["a"]:
        raise ValueError(f"no tile of job {_number(job)} begins at {low}")
    shape = {"q": job["q"], "d": job["d"], "sz": job["sz"], "jt": job["t"], "u": job["u"], "b": job["b"]}
    return Unit(_number(job), low, low + tasks - 1, True, shape)


def read(item: "Item") -> Unit:
    """The unit that an item (with pk and sk) tells of: a slice's, or a single job's."""
    if item["sk"] != keys.JOB:
        unit = Unit(item["j"], item["lo"], item["h"], True, {name: item[name] for name in _IDENTITY if name in item})
    else:
        unit = Unit(_number(item), 1, 1, False)
    unit.state, unit.lease, unit.version = item["s"], item["l"], item["v"]
    unit.until, unit.worker, unit.mark = item.get("un", 0), item.get("w", ""), item.get("mk", unit.low - 1)
    unit.log, unit.lost, unit.output = item.get("lg", 0), item.get("ls", 0), item.get("o", b"")
    unit.running = jsons.loads(item.get("rn", "[]"))
    unit.results = {member[0][1]: member for member in columns.rows(unit.job, item.get("rs", b""))}
    unit.earlier = columns.rows(unit.job, item.get("hs", b""))
    for low, high, *history in jsons.loads(item.get("op", "[]")):
        unit.histories.update(dict.fromkeys(range(low, high + 1), tuple(history)))
    unit.reasons = _read_reasons(item.get("why", b""))
    unit.live = {int(position): told for position, told in jsons.loads(item.get("lv", "{}")).items()}
    unit.used = jsons.loads(item.get("us", "{}"))
    unit.touched = False
    hear(unit, item)
    return unit


def hear(unit: Unit, item: "Item") -> set[int]:
    """Take over what others may have written into its item; the positions whose cancellation is news (of a single job: 1)."""
    news: set[int] = item.get("xs", set()) - unit.cancelled
    unit.cancelled |= news
    if not unit.array and "x" in item and unit.stopped is None:
        unit.stopped = item["x"]
        news = {1}
    unit.follow = item.get("fo", 0)
    return news


# -- to items ---------------------------------------------------------------------------------------------------------------------
def whole(unit: Unit) -> "Item":
    """All attributes of a new slice's item, version 1 higher than now."""
    return {"j": unit.job, "lo": unit.low, **unit.shape, **{name: value for name, value in changes(unit).items() if value is not None}}


def changes(unit: Unit) -> "Item":
    """What a write sets of an item that is there; None: removed. Of a slice and of a single job alike."""
    leased = unit.state == keys.LEASED
    found: dict[str, Any] = {
        "s": unit.state, "l": unit.lease, "v": unit.version + unit.touched, "c": unit.counts(),
        "un": unit.until if leased else None, "w": unit.worker or None, "mk": unit.mark if leased else None,
        "rn": jsons.text(unit.running) if leased and unit.running else None, "lv": jsons.text(unit.live) if leased and unit.live else None,
        "rs": columns.pack(sorted(unit.results.values())) if unit.results else None,
        "hs": columns.pack(sorted(unit.earlier)) if unit.earlier else None,
        "op": jsons.text(_spans(unit)) if unit.histories else None, "lg": unit.log or None, "ls": unit.lost or None,
        "o": unit.output or None, "why": _write_reasons(unit.reasons), "us": jsons.text(unit.used) if unit.used else None,
    }  # fmt: skip
    if unit.array:
        found["h"] = unit.high
    return found


def _spans(unit: Unit) -> "list[tuple[int, ...]]":
    """Histories as (low, high, attempt, failures, losses)."""
    return [one[1:] for one in unit.ranges(sorted(unit.histories))]


def _number(job: "Item") -> int:
    return int(job["pk"][2:])


def _write_reasons(reasons: "Mapping[tuple[int, int], str]") -> bytes | None:
    """Each text once, with the attempts that it tells of; texts beyond the bound are cut short."""
    if not reasons:
        return None
    room, grouped = MOST_REASONS, []
    for text, members in groupby(sorted(reasons.items(), key=lambda one: (one[1], one[0])), key=lambda one: one[1]):
        kept = text if len(text) <= room else text[:_SHORT_REASON]
        room -= len(kept)
        grouped.append([kept, [list(key) for key, _ in members]])
    return compress(jsons.text(grouped).encode("utf-8", "surrogatepass"), 6)


def _read_reasons(blob: bytes) -> dict[tuple[int, int], str]:
    if not blob:
        return {}
    return {(position, attempt): text for text, members in jsons.loads(decompress(blob)) for position, attempt in members}
