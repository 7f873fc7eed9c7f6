"""Records of the table's stream, and a table of the counting items alone, in memory: it holds writes to their conditions."""

from collections.abc import Iterable
from typing import Any

from cyclone_core.scheduler.dynamo import counting, keys, totals
from cyclone_core.scheduler.dynamo.counting import Write
from cyclone_core.scheduler.dynamo.values import pack

Item = dict[str, Any]
LANE = ("night", "small")


def record(key: tuple[str, str], image: Item, kind: str = "MODIFY") -> Item:
    """What a function gets: an item was written, or (REMOVE) was so before it went."""
    name = "OldImage" if kind == "REMOVE" else "NewImage"
    return {"eventName": kind, "dynamodb": {"Keys": pack({"pk": key[0], "sk": key[1]}), name: pack(image)}}


def single(number: int, version: int, state: int, kind: str = "MODIFY", **more: Any) -> Item:
    """A record of a single job whose task is in a state (index in jobs.STATES)."""
    image = {"a": 0, "t": 1, "q": LANE[0], "d": LANE[1], "u": "ada", "v": version, "s": min(state, 2)}
    return record(keys.job(number), {**image, "c": [int(k == state) for k in range(6)], **more}, kind)


def array(number: int, tasks: int, size: int, kind: str = "INSERT", **more: Any) -> Item:
    """A record of an array's own item."""
    image = {"a": 1, "t": tasks, "sz": size, "q": LANE[0], "d": LANE[1], "u": "ada", "b": 1, "v": 1, **more}
    return record(keys.job(number), image, kind)


def piece(number: int, tasks: int, size: int, told: tuple[int, int, tuple[int, ...]]) -> Item:
    """A record of a slice: (low, version, counts)."""
    low, version, counts = told
    image = {"j": number, "lo": low, "h": low + sum(counts) - 1, "sz": size, "jt": tasks, "q": LANE[0], "d": LANE[1], "v": version}
    return record(keys.slice(number, low, size), {**image, "c": list(counts), "s": 1})


class Refused(Exception):
    """A condition does not hold: nothing was written."""


class Ledger:
    """Items in memory, and the write units that transactions on them take: two for each kilobyte of each item."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.units = 0

    def transact(self, writes: Iterable[Write]) -> None:
        """All of the writes or none. Raises Refused."""
        writes = list(writes)
        for write in writes:
            item = self.items.get(write.key, {})
            for name, operator, value in write.when:
                holds = {"absent": name not in item, "present": name in item, "=": name in item and item[name] == value}[operator]
                if not holds:
                    raise Refused(write.key, name, operator)
        assert len({write.key for write in writes}) == len(writes) <= 100
        for write in writes:
            item = self.items.setdefault(write.key, {})
            for name, value in write.set.items():
                item.pop(name, None) if value is None else item.update({name: value})
            for name, number in write.add.items():
                item[name] = item.get(name, 0) + number
            self.units += 2 * -(-size_of(write.key, item) // 1024)

    def apply(self, records: Iterable[Item], shard: int = 0, items: dict[tuple[str, str], Item] | None = None) -> None:
        """Count records; with `items`, as somebody who read those a while ago would."""
        news = counting.read(records)
        groups, arrays = list(news.groups.values()), list(news.arrays.values())
        self.transact(counting.decide(groups, arrays, self.items if items is None else items, shard, 0))

    def snapshot(self) -> dict[tuple[str, str], Item]:
        """What somebody reads now."""
        return {key: dict(item) for key, item in self.items.items()}

    def lane(self) -> list[int]:
        """The counters of the one lane."""
        shards = [totals.numbers(item) for (pk, _), item in self.items.items() if pk == keys.TOTALS]
        return [sum(column) for column in zip(*shards, strict=True)] if shards else [0] * 6

    def total(self, number: int) -> list[int]:
        """The counters of an array as they are stored."""
        return list(totals.numbers(self.items.get(keys.total(number), {})))


def size_of(key: tuple[str, str], item: Item) -> int:
    """Bytes that an item counts for (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html)."""
    size = len("pk") + len("sk") + len(key[0]) + len(key[1])
    for name, value in item.items():
        size += len(name) + (len(value) if isinstance(value, str | bytes) else len(str(value)) // 2 + 2)
    return size
