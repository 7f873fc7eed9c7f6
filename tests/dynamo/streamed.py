"""A real table that keeps what its stream would tell, and a host around it: a store that writes, an accountant, a reader."""

import itertools
from collections import Counter
from typing import Any

from cyclone_core.aws.lean.client import Aws
from cyclone_core.jobs import JobRequest
from cyclone_core.scheduler.dynamo.accountant import Accountant
from cyclone_core.scheduler.dynamo.bucket import Bucket
from cyclone_core.scheduler.dynamo.ids import MemoryIds
from cyclone_core.scheduler.dynamo.reader import DynamoReader
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.dynamo.unit import Unit
from cyclone_core.scheduler.dynamo.unit_store import Claimed, UnitStore
from cyclone_core.scheduler.dynamo.values import unpack
from cyclone_core.scheduler.lifecycle import Retry
from tests import dynamodb

Item = dict[str, Any]
RESOURCES = {
    "queue": {name: {"cluster": "default"} for name in ("default", "night")},
    "cluster": {"default": {"max_vcpus": 1000}},
    "definition": {"default": {"vcpus": 1, "jobs_to_workers_ratio": 5}},
    "region": {"eu-west-1": {}},
}
_NAMES = itertools.count(1)


class StreamedTable(Table):
    """Writes one at a time, and tells of each as the table's stream does, with both images.

    asked: operations, and how often; units: write units by the rules of
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html, indices included
    """

    def __init__(self, aws: Aws, name: str) -> None:
        super().__init__(aws, name)
        self.records: list[Item] = []
        self.asked: Counter[str] = Counter()
        self.units = 0
        self._images: dict[tuple[str, str], Item | None] = {}

    def _ask(self, operation: str, **asked: Any) -> Item:
        self.asked[operation] += 1
        if operation in ("PutItem", "UpdateItem", "DeleteItem"):
            touched = [asked.get("Key") or {name: asked["Item"][name] for name in ("pk", "sk")}]
        elif operation == "TransactWriteItems":
            actions = [next(iter(action.values())) for action in asked["TransactItems"]]
            touched = [action.get("Key") or {name: action["Item"][name] for name in ("pk", "sk")} for action in actions]
        else:
            return super()._ask(operation, **asked)
        answer = super()._ask(operation, **asked)
        for key in touched:
            name, new = (key["pk"]["S"], key["sk"]["S"]), self._now(key)
            old, self._images[name] = self._images.get(name), new
            self.units += units_of(old or {}, new or {}, 2 if operation == "TransactWriteItems" else 1)
            self._tell(key, old, new)
        return answer

    def _now(self, key: Item) -> Item | None:
        return self.aws.dynamodb("GetItem", TableName=self.name, Key=key, ConsistentRead=True).get("Item")

    def _tell(self, key: Item, old: Item | None, new: Item | None) -> None:
        kind = "REMOVE" if new is None else "INSERT" if old is None else "MODIFY"
        images = {name: image for name, image in (("OldImage", old), ("NewImage", new)) if image}
        if images and old != new:
            self.records.append({"eventName": kind, "dynamodb": {"Keys": key, **images}})


def units_of(old: Item, new: Item, times: int) -> int:
    """What a write takes: a unit per kilobyte of the larger image (twice in a transaction), and what changes in the indices."""
    found = times * -(-max(size_of(old), size_of(new)) // 1024)
    for names in (("listing", "listed_at", "n", "u", "z"), ("due", "due_at")):
        was, is_now = ({name: item.get(name) for name in names} if names[0] in item else {} for item in (old, new))
        if was != is_now:
            moved = bool(was and is_now) and any(was[name] != is_now[name] for name in names[:2])
            found += 2 if moved else 1
    return found


def size_of(item: Item) -> int:
    """Bytes that a packed item counts for."""
    size = 0
    for name, value in item.items():
        ((kind, content),) = value.items()
        if kind == "B":
            size += len(content) * 3 // 4
        elif kind in ("L", "NS"):
            size += 3 + sum(3 for _ in content)
        else:
            size += len(content) if kind == "S" else len(content) // 2 + 2
        size += len(name)
    return size


class Host:
    """A host on a table of its own. Times are seconds, and pass with each step."""

    def __init__(self, aws: Aws, bucket: str) -> None:
        name = f"jobs-{next(_NAMES)}"
        dynamodb.make_table(aws, name)
        self.table = StreamedTable(aws, name)
        self.bucket = Bucket(aws, bucket)
        self.store = UnitStore(self.table, self.bucket, MemoryIds(self.table, 100))
        self.reader = DynamoReader(self.table, self.bucket)
        self.accountant = Accountant(self.table, sleep=lambda _: None)
        self.now = 1_700_000_000_000

    def submit(self, array: int = 0, **fields: Any) -> int:
        """A single job, or an array of so many tasks: five to a slice of 5, 9, 10, 14, 15 … of them."""
        more = {"tasks": array, "indices": (1, array, 1)} if array else {}
        self.now += 1000
        request = JobRequest(**{"script": b"true\n", "name": "job", "user": "ada", **more, **fields})
        return self.store.submit(request, RESOURCES, self.now)

    def claim(self, job: int, low: int = 0, width: int = 5) -> Unit:
        """Lease a unit."""
        self.now += 1000
        claimed = self.store.claim(job, low, f"eu-west-1/{job}-{low}", width, self.now, exists=low > 0 and low % 5 != 1)
        assert isinstance(claimed, Claimed), claimed
        return claimed.unit

    def finish(self, unit: Unit, codes: dict[int, int] | None = None, reasons: dict[int, str] | None = None, log: int = 1) -> None:
        """All of its tasks that may run end, with exit status 0 unless one is given."""
        codes = codes if codes is not None else {position: 0 for position in unit.unfinished() if position <= unit.mark}
        members = [((unit.job, at, unit.history(at)[0], code, self.now * 1000, 1_500_000, 100 * at, 7), log) for at, code in codes.items()]
        unit.finish(members, {(unit.job, at): reason for at, reason in (reasons or {}).items()}, Retry())
        self.store.save(unit, self.now)

    def run(self, job: int, low: int = 0, codes: dict[int, int] | None = None, reasons: dict[int, str] | None = None) -> None:
        """A unit from its claim to its end."""
        self.finish(self.claim(job, low), codes, reasons)

    def count(self, *, keep: bool = False) -> list[Any]:
        """Let the accountant hear what was written since the last time; what is to be sent. keep: it will hear of that once more."""
        sends = []
        for _ in range(10):
            records, self.table.records = self.table.records, list(self.table.records) if keep else []
            if not records:
                break
            sends += self.accountant.apply([one for one in records if _is_told(one)], self.now / 1000)
            if keep:
                break
        return sends

    def expire(self, job: int) -> None:
        """The table removes a job whose time is over."""
        self.table.delete((f"J#{job}", "JOB"))

    def item(self, *key: str) -> Item:
        """An item as it is."""
        return unpack(self.table._now({"pk": {"S": key[0]}, "sk": {"S": key[1]}}) or {})


def _is_told(record: Item) -> bool:
    """The filter of the function's event source."""
    return "v" in record["dynamodb"].get("NewImage", {}) or record["eventName"] == "REMOVE"
