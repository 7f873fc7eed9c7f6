"""The whole truth of an AWS host, looked at: reads every item of its table and says what contradicts what.

For tests, for faults that were provoked, and for `hyper hosts check`; never for work, because it reads everything (half a read unit for
each kilobyte and a half). While jobs come and go what it reads was not there at one instant, so counters are compared only when asked for.
"""

from collections import defaultdict

from cyclone_core.jobs import CANCELLED, RUNNING, WAITING
from cyclone_core.scheduler import columns
from cyclone_core.scheduler.dynamo import keys, tiles, totals, unit_items
from cyclone_core.scheduler.dynamo.unit import Unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cyclone_core.scheduler.dynamo.table import Key, Table
    from cyclone_core.scheduler.dynamo.values import Item

    Lane = tuple[str, str]


class Audit:
    """What was found. problems: as text. states: job -> the state of each of its tasks, a byte each. items: everything that was read.

    counts: job -> what its counters have to say. They are ahead of the tasks in one thing: what waits in a slice of a cancelled array
    counts as Cancelled at once, and is so when the slice's holder has heard of it.
    """

    def __init__(self, items: "Iterable[Item]", counted: bool = True) -> None:
        """counted: the stream has been read to its end and nothing goes on, so counters must equal the truth."""
        self.items: dict[Key, Item] = {(item["pk"], item["sk"]): item for item in items}
        self.problems: list[str] = []
        self.states: dict[int, bytes] = {}
        self.counts: dict[int, tuple[int, ...]] = {}
        self._counted = counted
        self._slices: dict[int, list[Unit]] = defaultdict(list)
        self._truth: dict[Lane, list[int]] = defaultdict(lambda: [0] * 6)
        self._check_slices()
        for (pk, sk), item in self.items.items():
            if sk == keys.JOB and pk.startswith("J#"):
                self._check_job(int(pk[2:]), item)
        self._check_rest()

    def _add(self, text: str) -> None:
        self.problems.append(text)

    # -- units --------------------------------------------------------------------------------------------------------------------
    def _check_slices(self) -> None:
        for key, item in self.items.items():
            if not key[0].startswith("S#") or key[1] == keys.TALLY:
                continue
            unit = unit_items.read(item)
            name = f"slice {unit.job}: {unit.low}-{unit.high}"
            if unit.key != key:
                self._add(f"{name}: it lies at {key}, not at {unit.key}")
            if keys.job(unit.job) not in self.items:
                self._add(f"{name}: it belongs to no job")
            self._slices[unit.job].append(unit)
            self._check_unit(name, unit, item)

    def _check_unit(self, name: str, unit: Unit, item: "Item") -> None:
        if len(columns.rows(unit.job, item.get("rs", b""))) != len(unit.results):
            self._add(f"{name}: a task has two results")
        outside = [p for p in (*unit.results, *unit.histories) if not unit.low <= p <= unit.high]
        if outside:
            self._add(f"{name}: it tells of positions {sorted(outside)} outside of it")
        if set(unit.results) & set(unit.histories):
            self._add(f"{name}: positions {sorted(set(unit.results) & set(unit.histories))} are over and go on")
        if item["c"] != unit.counts():
            self._add(f"{name}: its counts are {item['c']}, its tasks {unit.counts()}")
        if unit.is_over != (unit.left == 0):
            self._add(f"{name}: its state is {unit.state} with {unit.left} tasks that are not over")
        if unit.state == keys.LEASED and not (unit.worker and unit.until):
            self._add(f"{name}: it is leased to nobody, or for ever")
        if unit.state == keys.WAITING and (forgotten := [p for p in unit.unfinished() if p in unit.cancelled]):
            self._add(f"{name}: positions {forgotten} wait although they were cancelled")
        earlier = sorted((row[1], row[2]) for row, _ in unit.earlier)
        ended = {p: row[2] for p, (row, _) in unit.results.items()}
        for position, attempt in earlier:
            now = ended.get(position) or unit.history(position)[0]
            if attempt >= now:
                self._add(f"{name}: attempt {attempt} of position {position} is over, and it is at {now}")
        if len(set(earlier)) != len(earlier):
            self._add(f"{name}: an attempt ended twice")

    # -- jobs ---------------------------------------------------------------------------------------------------------------------
    def _check_job(self, number: int, item: "Item") -> None:
        name = f"job {number}"
        if keys.spec(item["sp"]) not in self.items:
            self._add(f"{name}: what it executes is not stored")
        if "k" in item and self.items.get(keys.key(item["k"]), {}).get("j") != number:
            self._add(f"{name}: its idempotency key {item['k']!r} does not lead to it")
        if item.get("listing") != keys.listing(item["q"], number, item["at"])[0]:
            self._add(f"{name}: it is in no listing, or in another queue's")
        if item["a"]:
            states = self._array(name, number, item)
        else:
            unit = unit_items.read(item)
            self._check_unit(name, unit, item)
            states = unit.states()
        self.states[number] = states
        over = not any(map(states.count, (WAITING, RUNNING)))
        if not over and "due" not in item:
            self._add(f"{name}: it is open, and nobody will look after it (due)")
        if over and self._counted and "due" in item:
            self._add(f"{name}: it is over, and still looked after (due)")
        if "expires" in item and not over:
            self._add(f"{name}: it is open, and will expire")
        counts = totals.effective([states.count(state) for state in range(6)], bool(item["a"]) and "x" in item)
        self.counts[number] = counts
        for state, count in enumerate(counts):
            self._truth[item["q"], item["d"]][state] += count
        counted = totals.effective(totals.numbers(self.items.get(keys.total(number), {})), "x" in item)
        if item["a"] and self._counted and counted != counts:
            self._add(f"{name}: its counters say {counted}, its tasks are {counts}")

    def _array(self, name: str, number: int, item: "Item") -> bytes:
        """The state of each task; a task is in one slice, or in a tile that is no item."""
        idle = CANCELLED if "x" in item else WAITING
        found = bytearray([idle]) * item["t"]
        end = dict.fromkeys((low for low, _ in tiles.tiles(item["t"], item["sz"])), 0) if self._slices[number] else {}
        before = 0
        for unit in sorted(self._slices[number], key=lambda one: one.low):
            unit.stopped = item.get("x")
            tile = (unit.low - 1) // item["sz"] * item["sz"] + 1
            last = end.get(tile, 0) or tile - 1
            if unit.low <= before:
                self._add(f"{name}: positions {unit.low}-{before} are in two slices")
            elif unit.low > last + 1:
                self._add(f"{name}: positions {last + 1}-{unit.low - 1} are in no slice")
            if unit.high > min(tile + item["sz"] - 1, item["t"]):
                self._add(f"{name}: the slice {unit.low}-{unit.high} reaches beyond its tile")
            end[tile] = before = max(last, unit.high)
            found[unit.low - 1 : unit.high] = unit.states()
        for tile, last in end.items():
            if last and last != min(tile + item["sz"] - 1, item["t"]):
                self._add(f"{name}: positions {last + 1}-{min(tile + item['sz'] - 1, item['t'])} are in no slice")
        return bytes(found[: item["t"]])

    # -- the rest -----------------------------------------------------------------------------------------------------------------
    def _check_rest(self) -> None:
        last = self.items.get(keys.IDS, {}).get("last", 0)
        if too_large := [number for number in self.states if number > last]:
            self._add(f"jobs {too_large} have ids that nobody was given")
        counted: dict[Lane, list[int]] = defaultdict(lambda: [0] * 6)
        for (pk, sk), item in self.items.items():
            if pk == keys.TOTALS:
                sums = counted[totals.lane(sk)]
                for state, count in enumerate(totals.numbers(item)):
                    sums[state] += count
        if self._counted:
            for lane in sorted({*counted, *self._truth}):
                if counted[lane] != self._truth[lane]:
                    self._add(f"queue {lane[0]}, definition {lane[1]}: counters say {counted[lane]}, tasks are {self._truth[lane]}")

    def left_behind(self, now: int) -> "Iterator[str]":
        """Units whose leases ended before a time (ms) and that nobody has taken over."""
        for unit in self._units():
            if unit.state == keys.LEASED and unit.until < now:
                yield f"job {unit.job}: {unit.low}-{unit.high} was leased to {unit.worker} until {unit.until}"

    def _units(self) -> "Iterator[Unit]":
        for (_, sk), item in self.items.items():
            if sk == keys.JOB and not item["a"]:
                yield unit_items.read(item)
        for found in self._slices.values():
            yield from found


def problems(table: "Table", counted: bool = True) -> list[str]:
    """What contradicts what in a host's table; [] when all of it fits together. Raises AwsError."""
    return Audit(table.scan(), counted).problems
