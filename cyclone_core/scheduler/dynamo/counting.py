"""From what the stream tells to the writes that count it. Pure and lean.

`read` takes a batch of records apart: the newest version of each unit, by group, and what became of arrays. `decide` compares that with the
items that count (TALLY, TOTAL) and says what has to be written, all in one transaction:

    TALLY of each group     what is counted now of each of its units, if nobody changed it since it was read (`vr`)
    TOTAL of each array     the differences; born, x, gone are set with the first record that tells so, and count once
    TOTALS of each lane     the differences, in any shard

So a record that comes again finds its version counted, and one that is lost half-way was never counted at all. When an array is
cancelled or removed its numbers move as a whole: those writes hold only while TOTAL is as it was read.
"""

from cyclone_core.scheduler.dynamo import keys, tally, tiles, totals
from cyclone_core.scheduler.dynamo.tally import NO_CHANGE, Tally, add
from cyclone_core.scheduler.dynamo.values import unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from cyclone_core.scheduler.dynamo.table import Key
    from cyclone_core.scheduler.dynamo.tally import Delta
    from cyclone_core.scheduler.dynamo.totals import Lane
    from cyclone_core.scheduler.dynamo.values import Item
    from cyclone_core.views import Counts

    Items = Mapping[Key, Item]

_FIELDS = ("a", "c", "d", "due", "expires", "h", "j", "jt", "k", "lm", "lo", "q", "s", "sz", "t", "v", "x", "z")
KEPT_GONE_S = 2 * 86_400
"""So long what was removed is remembered; the stream tells nothing that is older than a day."""


class Unit:
    """A unit at its newest version. tile: tasks of the base tile that begins there, 0: of none, or a single job."""

    __slots__ = ("counts", "image", "lane", "tile", "version")

    def __init__(self, image: "Item", tile: int) -> None:
        self.image, self.tile = image, tile
        self.version: int = image.get("v", 0)
        a, b, c, d, e, f = image["c"]
        self.counts: Counts = (a, b, c, d, e, f)
        self.lane: Lane = image["q"], image["d"]


class Group:
    """What is told of the units of one tally. array: the number of the job, 0 for single jobs."""

    __slots__ = ("array", "key", "removed", "units")

    def __init__(self, key: "Key", array: int) -> None:
        self.key, self.array = key, array
        self.units: dict[int, Unit] = {}
        self.removed: dict[int, Item] = {}


class Array:
    """What is told of an array itself. job: its item's image, None where only slices were told of."""

    __slots__ = ("gone", "is_cancelled", "job", "lane", "number")

    def __init__(self, number: int, lane: "Lane") -> None:
        self.number, self.lane = number, lane
        self.job: Item | None = None
        self.is_cancelled = self.gone = False


class News:
    """A batch of records, taken apart."""

    __slots__ = ("arrays", "groups")

    def __init__(self) -> None:
        self.groups: dict[Key, Group] = {}
        self.arrays: dict[int, Array] = {}

    def ended(self) -> "list[tuple[int, Item]]":
        """(number, image) of the single jobs that are over as far as this batch tells."""
        singles = (group for group in self.groups.values() if not group.array)
        return [
            (number, unit.image) for group in singles for number, unit in group.units.items()
            if not sum(unit.counts[:2]) and any(unit.counts) and number not in group.removed
        ]  # fmt: skip

    def removed(self) -> "list[tuple[int, Item]]":
        """(number, last image) of the jobs that are gone."""
        singles = [pair for group in self.groups.values() for pair in group.removed.items()]
        return singles + [(array.number, array.job) for array in self.arrays.values() if array.gone and array.job]


class Write:
    """One change of one item; `when`: what must hold, as `Table` takes it."""

    __slots__ = ("add", "key", "remove", "set", "when")

    def __init__(
        self, key: "Key", *, set: "dict[str, Any] | None" = None, add: "dict[str, int] | None" = None, remove: "Sequence[str]" = (),
        when: "Sequence[tuple[str, str, object]]" = (),
    ) -> None:  # fmt: skip
        self.key, self.set, self.add, self.remove, self.when = key, set or {}, add or {}, remove, when


def read(records: "Iterable[Mapping[str, Any]]") -> News:
    """Take records of the stream apart, in any order. Those of other items are passed over."""
    news = News()
    for record in records:
        told = record["dynamodb"]
        pk, sk = told["Keys"]["pk"]["S"], told["Keys"]["sk"]["S"]
        is_removed = record["eventName"] == "REMOVE"
        packed = told.get("OldImage" if is_removed else "NewImage") or {}
        image = unpack({name: packed[name] for name in _FIELDS if name in packed})
        if sk == keys.JOB and pk.startswith("J#") and "q" in image:
            _read_job(news, int(pk[2:]), image, is_removed)
        elif pk.startswith("S#") and sk.isdigit() and "c" in image and not is_removed:
            _read_slice(news, (pk, keys.TALLY), image)
    return news


def _read_job(news: News, number: int, image: "Item", is_removed: bool) -> None:
    if image.get("a"):
        array = news.arrays.setdefault(number, Array(number, (image["q"], image["d"])))
        if array.job is None or image.get("v", 0) >= array.job.get("v", 0) or is_removed:
            array.job = image
        array.gone = array.gone or is_removed
        array.is_cancelled = array.is_cancelled or "x" in image
        return
    key = keys.tally(number)
    group = news.groups.setdefault(key, Group(key, 0))
    if is_removed:
        group.removed[number] = image
    elif "c" in image:
        _newest(group, number, Unit(image, 0))


def _read_slice(news: News, key: "Key", image: "Item") -> None:
    number, low = image["j"], image["lo"]
    group = news.groups.setdefault(key, Group(key, number))
    unit = Unit(image, tiles.tile(low, image["sz"], image["jt"]))
    news.arrays.setdefault(number, Array(number, unit.lane))
    _newest(group, low, unit)


def _newest(group: Group, number: int, unit: Unit) -> None:
    known = group.units.get(number)
    if known is None or known.version < unit.version:
        group.units[number] = unit


def decide(groups: "Iterable[Group]", arrays: "Iterable[Array]", items: "Items", shard: int, now_ms: int) -> "list[Write]":
    """What to write in one transaction. items: those of the TALLYs and TOTALs (by `wanted`) that exist. Empty: all was counted before."""
    lanes: dict[Lane, Delta] = {}
    changes: dict[int, Delta] = {}
    writes = []
    for group in groups:
        if group.array and "gone" in items.get(keys.total(group.array), ()):
            continue
        found = items.get(group.key, {})
        counts = Tally.unpack(found.get("units", b""))
        if group.array:
            changes[group.array] = add(changes.get(group.array, NO_CHANGE), _count_slices(group, counts))
        else:
            _count_singles(group, counts, lanes)
        if counts.is_changed:
            writes.append(_tally(group, counts, found, now_ms))
    for array in arrays:
        write, lane_delta = _total(array, changes.get(array.number, NO_CHANGE), items.get(keys.total(array.number), {}), now_ms)
        if write:
            writes.append(write)
        lanes[array.lane] = add(lanes.get(array.lane, NO_CHANGE), lane_delta)
    return writes + [
        Write(totals.key(lane, shard), add=_nonzero(delta)) for lane, delta in lanes.items() if any(delta[:6])
    ]  # fmt: skip


def wanted(groups: "Iterable[Group]", arrays: "Iterable[Array]") -> "list[Key]":
    """Keys of the items that `decide` has to know."""
    return [group.key for group in groups] + [keys.total(array.number) for array in arrays]


def _count_slices(group: Group, counts: Tally) -> "Delta":
    delta = NO_CHANGE
    for low, unit in group.units.items():
        delta = add(delta, counts.count(low, unit.version, unit.counts, unit.tile))
    counts.join()
    return delta


def _count_singles(group: Group, counts: Tally, lanes: "dict[Lane, Delta]") -> None:
    for number, unit in group.units.items():
        lanes[unit.lane] = add(lanes.get(unit.lane, NO_CHANGE), counts.count(number, unit.version, unit.counts))
    for number, image in group.removed.items():
        lane = image["q"], image["d"]
        lanes[lane] = add(lanes.get(lane, NO_CHANGE), counts.remove(number))


def _tally(group: Group, counts: Tally, found: "Item", now_ms: int) -> Write:
    """The tally as it is now. Of single jobs: once all of them are gone, it goes too."""
    expires = now_ms // 1000 + KEPT_GONE_S if counts.is_gone else None
    changed: dict[str, Any] = {"units": counts.pack(), "vr": found.get("vr", 0) + 1, "expires": expires}
    if expires is None and "expires" not in found:
        del changed["expires"]
    return Write(group.key, set=changed, when=[("vr", "=", found["vr"]) if found else ("vr", "absent", None)])


def _total(array: Array, delta: "Delta", found: "Item", now_ms: int) -> "tuple[Write | None, Delta]":
    """The write of an array's counters, None where nothing changes, and what changes in its lane's."""
    if "gone" in found:
        return None, NO_CHANGE
    if array.gone:
        return _gone(array, found, now_ms)
    flags: dict[str, Any] = {}
    when: list[tuple[str, str, object]] = [("gone", "absent", None)]
    if array.job and "born" not in found:
        job = array.job
        delta = add(delta, (job["t"], 0, 0, 0, 0, 0, 0))
        flags |= {"born": 1, "t": job["t"], "sz": job["sz"], "lm": job.get("lm") or None, "q": job["q"], "d": job["d"]}
        when.append(("born", "absent", None))
    was_cancelled, is_cancelled = "x" in found, "x" in found or array.is_cancelled
    if is_cancelled and not was_cancelled:  # what waits moves as a whole
        flags["x"] = 1
        after = add((*totals.numbers(found), 0), delta)
        lane = tally.difference(totals.effective(totals.numbers(found), False), totals.effective(after, True))
        when.append(("vr", "=", found["vr"]) if "vr" in found else ("vr", "absent", None))
    else:
        lane = (*totals.effective(delta, is_cancelled), 0)
        when.append(("x", "present" if is_cancelled else "absent", None))
    if "started" not in found and any(delta[k] > 0 for k in (1, 2, 3, 5)):
        flags["started"] = now_ms
    if not flags and not any(delta):
        return None, NO_CHANGE
    return Write(keys.total(array.number), set=flags, add={**_nonzero(delta), "vr": 1}, when=when), lane


def _gone(array: Array, found: "Item", now_ms: int) -> "tuple[Write, Delta]":
    """The job expired: its tasks count no more. Slices and tallies are still there; `due` says so to whoever removes them."""
    job = array.job or {}
    numbers = totals.effective(totals.numbers(found), "x" in found)
    due = {"due": keys.due_part(array.number), "due_at": now_ms, "t": job["t"], "sz": job["sz"]} if job else {}
    cleared = dict.fromkeys(totals.COUNTERS, 0)
    write = Write(
        keys.total(array.number),
        set={"gone": 1, **cleared, **due, "expires": now_ms // 1000 + KEPT_GONE_S},
        add={"vr": 1},
        when=[("gone", "absent", None), ("vr", "=", found["vr"]) if "vr" in found else ("vr", "absent", None)],
    )
    return write, tally.difference(numbers, tally.NOTHING)


def _nonzero(delta: "Delta") -> "dict[str, int]":
    """The changes of an item's counters, `f` last."""
    return {name: number for name, number in zip((*totals.COUNTERS, "f"), delta, strict=True) if number}
