"""The engine of AWS hosts behind the shape of `engines`: store, accountant and reader on a table of their own, messages left out.

What waits is looked for in the table. A lease of several tasks is as many slices of one task each, cut off a tile as a worker cuts off
what it does not get to: so what is reported, given back or lost is as fine as on the local engine. An array with a limit is never cut; of
each of its slices one task at a time is handed out. The stream is kept by the table's adapter, and counted after each step, doubled and out
of order.
"""

import copy
import itertools
import random
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclone_core.errors import AwsError
from cyclone_core.jobs import RUNNING, WAITING, JobRequest
from cyclone_core.scheduler.dynamo import keys, tiles, unit_items
from cyclone_core.scheduler.dynamo.accountant import Accountant
from cyclone_core.scheduler.dynamo.audit import Audit
from cyclone_core.scheduler.dynamo.ids import MemoryIds
from cyclone_core.scheduler.dynamo.reader import DynamoReader
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.dynamo.unit import Unit
from cyclone_core.scheduler.dynamo.unit_store import LeaseLost, Refusal, UnitStore
from cyclone_core.scheduler.lifecycle import Retry
from cyclone_core.scheduler.sqlite.work import ranges_of
from tests import dynamodb
from tests.contract.engines import SMALL, Given

if TYPE_CHECKING:
    from cyclone_core.journal import Row

MOST_CUTS = 90
"""A transaction takes 100 changes."""


class MemoryBucket:
    """Objects in memory, with the methods of `bucket.Bucket`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self.objects[key] = data

    def put_file(self, key: str, path: str) -> None:
        """Store what a file holds."""
        self.objects[key] = Path(path).read_bytes()

    def get(self, key: str) -> bytes:
        """An object."""
        if key not in self.objects:
            raise AwsError(f"there is no object {key}", "NoSuchKey", "s3:GetObject")
        return self.objects[key]

    peek = get

    def copy(self, source: str, target: str) -> None:
        """Store an object once more."""
        self.objects[target] = self.get(source)

    def delete(self, *keys: str) -> None:
        """Delete objects."""
        for key in keys:
            self.objects.pop(key, None)


class StreamedTable(Table):
    """A table that remembers what its stream would tell."""

    def __init__(self, aws: Any, name: str, **more: Any) -> None:
        super().__init__(aws, name, **more)
        self.stream: list[dict[str, Any]] = []
        self.steady = aws
        """the way on which the stream looks"""

    def _ask(self, operation: str, **asked: Any) -> dict[str, Any]:
        try:
            answer = super()._ask(operation, **asked)
        except AwsError:  # refused the second time, or no answer: it may have been done the first time
            for change in self._changes(operation, asked):
                self._tell(change, None)
            raise
        for change in self._changes(operation, asked):
            self._tell(change, answer.get("Attributes") if asked.get("ReturnValues") == "ALL_NEW" else change.get("Item"))
        return answer

    @staticmethod
    def _changes(operation: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
        """The changes that a request asks for."""
        if operation == "TransactWriteItems":
            return [change for action in asked["TransactItems"] for change in action.values()]
        return [asked] if operation in ("PutItem", "UpdateItem") else []

    def _tell(self, change: dict[str, Any], image: dict[str, Any] | None) -> None:
        key = change.get("Key") or {name: change["Item"][name] for name in ("pk", "sk")}
        if key["pk"]["S"][:2] in ("J#", "S#") and key["sk"]["S"] not in (keys.TOTAL, keys.TALLY):
            image = image or self.steady.dynamodb("GetItem", TableName=self.name, Key=key, ConsistentRead=True).get("Item")
            if image:
                self.stream.append({"eventName": "MODIFY", "dynamodb": {"Keys": key, "NewImage": image}})


class Held(Given):
    """A lease of several slices. units: (job, position) -> the slice that the task is in, as its holder knows it."""

    def __init__(self, number: int, tasks: dict[tuple[int, int], int], units: dict[tuple[int, int], Unit]) -> None:
        super().__init__(number, tasks)
        self.units = units


class DynamoEngine:
    """See above."""

    has_transactions = False

    def __init__(self, directory: Path, server: str = "moto", meter: Any = None) -> None:
        self.now = 1_700_000_000.0
        self.aws = dynamodb.client(dynamodb.endpoint(server), meter)
        self.name = f"t-{uuid.uuid4().hex}"
        dynamodb.make_table(self.aws, self.name)
        self.bucket = MemoryBucket()
        self.resources: dict[str, dict[str, dict[str, Any]]] = {
            "region": {"us-east-1": {"name": "us-east-1"}},
            "cluster": {"default": {"name": "default", "max_vcpus": 1000}},
            "queue": {"default": {"name": "default", "cluster": "default"}},
            "definition": {"default": {"name": "default", "jobs_to_workers_ratio": 3}},
        }
        self.directory = str(directory)
        self.spoilt = ""
        """a problem that a test made on purpose"""
        self.jobs: list[int] = []
        self.given: dict[int, Held] = {}
        self._numbers = itertools.count(1)
        self._random = random.Random(7)
        self._open()

    def _open(self) -> None:
        self.table = StreamedTable(self.aws, self.name)
        self._others: list[StreamedTable] = []
        self.store = UnitStore(self.table, self.bucket, MemoryIds(self.table, 20))  # type: ignore[arg-type]  # it has what is used
        self.accountant = Accountant(self.table, sleep=lambda seconds: None)

    @property
    def ms(self) -> int:
        """The time as the store takes it."""
        return round(self.now * 1000)

    # -- steps ------------------------------------------------------------------------------------------------------------------------
    @contextmanager
    def step(self) -> Iterator[UnitStore]:
        """Something happens; then what the stream tells of it is counted, and the truth looked at."""
        self.now += 1
        yield self.store
        self.pump()
        self.audit()

    def by(self, way: Any) -> UnitStore:
        """Another process, that reaches the table in its own way; its writes are in the stream too."""
        table = StreamedTable(way, self.name, sleep=lambda seconds: None)
        table.steady = self.aws
        self._others.append(table)
        return UnitStore(table, self.bucket, MemoryIds(table, 1))  # type: ignore[arg-type]  # it has what is used

    def pump(self) -> None:
        """Count what the stream tells, twice and in any order."""
        while records := [record for table in (self.table, *self._others) for record in table.stream]:
            for table in (self.table, *self._others):
                table.stream = []
            told = records + self._random.sample(records, min(2, len(records)))
            self._random.shuffle(told)
            cut = self._random.randrange(len(told))
            for part in (told[:cut], told[cut:], told[:1]):
                for send in self.accountant.apply(part, self.now) if part else ():
                    self.accountant.sent(send)

    def reopen(self) -> None:
        """As another process, that knows nothing."""
        self._open()
        self.check()

    def close(self) -> None:
        """Remove the table."""
        self.aws.dynamodb("DeleteTable", TableName=self.name)
        self.aws.close()

    # -- resources --------------------------------------------------------------------------------------------------------------------
    def add_queue(self, name: str) -> None:
        """A second queue of the same cluster."""
        self.resources["queue"][name] = {"name": name, "cluster": "default"}

    def remove(self, kind: str) -> None:
        """Delete the default queue or definition."""
        del self.resources[kind]["default"]

    def lose_scripts(self) -> None:
        """What jobs execute is gone."""
        for item in list(self.table.scan()):
            if item["sk"] == keys.SPEC:
                self.table.delete((item["pk"], item["sk"]))
        self.spoilt = "what it executes is not stored"
        self._open()

    # -- the port ---------------------------------------------------------------------------------------------------------------------
    def submit(self, tasks: int | None = None, **fields: Any) -> int:
        """Submit a single job, or an array of so many tasks."""
        if tasks is not None:
            fields = {"tasks": tasks, "indices": (1, tasks, 1), **fields}
        with self.step() as store:
            job = store.submit(JobRequest(**{"script": b"true\n", "name": "job", "user": "ada", **fields}), self.resources, self.ms)
        return self._new(job)

    def again(self, job: int, *states: int, indices: tuple[int, ...] | None = None, key: str = "auto-again") -> int:
        """Run tasks of a job once more (of all states unless some are given); the new job."""
        return self.again_all([(job, states or None, indices)], key)[0]

    def again_all(self, wanted: list[Any], key: str) -> list[int]:
        """The same of several jobs in one request."""
        with self.step() as store:
            return [self._new(job) for job in store.again(wanted, self.resources, key, self.ms)]

    def _new(self, job: int) -> int:
        if job not in self.jobs:
            self.jobs.append(job)
        return job

    def cancel(self, job: int, position: int | None = None) -> int:
        """Cancel a job or a task."""
        with self.step() as store:
            return store.cancel(job, position, self.ms)

    def lease(self, count: int = 1, worker: int = 1, queue: str = "default", definition: str = "default") -> Held:
        """Lease up to `count` of the tasks that wait, by priority and submission; lease number 0 when none does."""
        units: dict[tuple[int, int], Unit] = {}
        with self.step():
            for item in self._in_order(queue, definition):
                for low, exists in list(self._lows(item)) if len(units) < count else ():
                    if len(units) < count and self._may_run(item):
                        units |= self._take(item, low, exists, count - len(units), f"worker-{worker}")
        tasks = {key: unit.history(key[1])[0] for key, unit in units.items()}
        given = Held(next(self._numbers) if units else 0, tasks, units)
        self.given[given.number] = given
        return given

    def _in_order(self, queue: str, definition: str) -> list[Any]:
        found = [self.store.job(job) for job in self.jobs]
        wanted = [item for item in found if item and (item["q"], item["d"]) == (queue, definition) and "x" not in item]
        return sorted(wanted, key=lambda item: (-item["p"], self.jobs.index(int(item["pk"][2:]))))

    def _lows(self, item: Any) -> Iterator[tuple[int, bool]]:
        """(first position, whether it is an item) of each unit of a job that waits."""
        known = list(units_of(self.table, item))
        if not item["a"]:
            yield from ((0, True) for unit in known if unit.state == keys.WAITING)
            return
        lows = {unit.low: unit.state for unit in known} | dict.fromkeys(self._fresh(item, known), keys.WAITING)
        yield from ((low, low in {unit.low for unit in known}) for low in sorted(lows) if lows[low] == keys.WAITING)

    def _fresh(self, item: Any, known: list[Unit]) -> Iterator[int]:
        there = {unit.low for unit in known}
        return (low for low, _ in tiles.tiles(item["t"], item["sz"], 0, min(tiles.count(item["t"], item["sz"]), SMALL)) if low not in there)

    def _may_run(self, item: Any) -> bool:
        if not item.get("lm"):
            return True
        return sum(unit.state == keys.LEASED for unit in units_of(self.table, item)) < item["lm"]

    def _take(self, item: Any, low: int, exists: bool, count: int, worker: str) -> dict[tuple[int, int], Unit]:
        """Claim what a message would name, and cut it into slices of a task each; those that are leased."""
        job = int(item["pk"][2:])
        claimed = self.store.claim(job, low, worker, 1, self.ms, exists)
        if isinstance(claimed, Refusal):
            raise AssertionError(f"{job} {low} was refused: {claimed.why}")
        unit = claimed.unit
        found = {(job, unit.mark): unit}
        rest = [p for p in unit.unfinished() if p > unit.mark]
        if item.get("lm") or not rest:
            return found
        cuts = rest[: min(count, MOST_CUTS)]
        for part in self.store.split(unit, cuts, self.ms)[: count - 1]:
            found |= self._take(item, part.low, True, 1, worker)
        return found

    def report(self, lease: int, rows: "Iterable[Row]", reasons: Mapping[tuple[int, int], str] | None = None) -> list[Any]:
        """Report results; the ranges that wait again."""
        back: dict[tuple[int, int], Any] = {}
        with self.step():
            given = self.given.get(lease)
            units = given.units if given else {}
            by_unit: dict[int, tuple[Unit, list[Row]]] = {}
            for row in rows:
                unit = units.get(row[:2])
                if unit is not None:
                    by_unit.setdefault(id(unit), (unit, []))[1].append(row)
            for unit, ended in by_unit.values():
                back |= self._report(unit, ended, reasons or {})
        return ranges_of(back.items())

    def _report(self, unit: Unit, rows: "list[Row]", reasons: Mapping[tuple[int, int], str]) -> dict[tuple[int, int], Any]:
        self.store.hear([unit], self.ms)  # as a worker does every few seconds
        spec = self.store.specs.spec(self.store.job(unit.job)["sp"]).body  # type: ignore[index]
        again: list[Any] = []
        for row in rows:  # what is to run again is given back at once, so nothing more of it comes under this lease
            again = again or unit.finish([(row, int(bool(row[6])))], reasons, Retry(spec["retries"], spec["retry_exit"]))
        if not unit.touched:
            return {}
        if not unit.is_over:
            unit.give_back(self.ms)
        return {(unit.job, p): tuple(history) for _, low, high, *history in again for p in range(low, high + 1)} if self._save(unit) else {}

    def _save(self, unit: Unit) -> bool:
        """Whether it was written; what is not ours any more stays as it was."""
        try:
            self.store.save(unit, self.ms)
        except LeaseLost:
            unit.touched = False
            return False
        return True

    def give_back(self, lease: int, ranges: Iterable[tuple[int, int, int]]) -> list[Any]:
        """Give untouched tasks back."""
        with self.step():
            given = self.given.get(lease)
            wanted = {(job, p) for job, low, high in ranges for p in range(low, min(high, 1000) + 1)}
            return self._let_go({key: unit for key, unit in (given.units if given else {}).items() if key in wanted}, {})

    def lose(self, lease: int, started: Iterable[tuple[int, int]] = (), **more: Any) -> list[Any]:
        """The worker died while these tasks had begun."""
        with self.step():
            given = self.given.get(lease)
            return self._let_go(given.units if given else {}, dict.fromkeys(started, int((self.now - 5) * 1e6)), **more)

    def _let_go(self, units: dict[tuple[int, int], Unit], started: dict[tuple[int, int], int], **more: Any) -> list[Any]:
        """Somebody else writes that a lease is over; its holder does not know."""
        back = {}
        for key, unit in units.items():
            taken = copy.copy(unit)
            for name in ("results", "histories", "cancelled", "reasons"):
                setattr(taken, name, copy.copy(getattr(unit, name)))
            taken.earlier = list(unit.earlier)
            now = self.table.get(unit.key, consistent=True) or {}
            if (taken.state, now.get("s"), now.get("l")) != (keys.LEASED, keys.LEASED, unit.lease):
                continue
            taken.lose(self.ms, {key[1]: started[key]} if key in started else {}, **more)
            if self._save(taken) and key[1] not in taken.results and "x" not in (self.store.job(unit.job) or {}):
                back[key] = taken.history(key[1])
        return ranges_of(back.items())

    # -- looking ----------------------------------------------------------------------------------------------------------------------
    @contextmanager
    def reader(self) -> Iterator[DynamoReader]:
        """What everybody else sees."""
        yield DynamoReader(self.table, self.bucket, lambda: self.resources["queue"])  # type: ignore[arg-type]  # it has what is used

    def states(self, job: int) -> list[int]:
        """The state of each task."""
        with self.reader() as reader:
            return list(reader.task_states(job))

    def job(self, job: int) -> Any:
        """One job as readers see it."""
        with self.reader() as reader:
            return reader.job(job)

    def task(self, job: int, position: int = 1) -> Any:
        """One task as readers see it."""
        with self.reader() as reader:
            return reader.task(job, position)

    def attempts(self, job: int, position: int = 1) -> list[Any]:
        """Its attempts as readers see them."""
        with self.reader() as reader:
            return reader.attempts(job, position)

    def totals(self, queue: str = "default") -> tuple[int, ...]:
        """Tasks of a queue by state."""
        with self.reader() as reader:
            return dict(reader.counts())[queue]

    def dump(self) -> dict[tuple[str, str], Any]:
        """All that is stored about jobs, to see whether something changed."""
        return {(item["pk"], item["sk"]): item for item in self.table.scan() if item["pk"] != keys.IDS[0]}

    def _units(self) -> list[Unit]:
        return [unit for job in self.jobs for unit in units_of(self.table, self.store.job(job) or {})]

    def held(self) -> dict[tuple[int, int], int]:
        """(job, position) of each leased task -> the number of its lease."""
        leased = {(unit.job, unit.low): unit for unit in self._units() if unit.state == keys.LEASED}
        return {
            key: number
            for number, given in self.given.items()
            for key, unit in given.units.items()
            if (now := leased.get((unit.job, unit.low))) and now.lease == unit.lease and now.mark == key[1] and key[1] not in now.results
        }

    def waiting(self) -> dict[tuple[str, str], int]:
        """How many tasks wait, per (queue, definition)."""
        found: Counter[tuple[str, str]] = Counter()
        audit = Audit(self.table.scan(), counted=False)
        for job, states in audit.states.items():
            item = audit.items[keys.job(job)]
            found[item["q"], item["d"]] += states.count(WAITING)
        return dict(+found)

    def told(self, lease: int) -> list[tuple[int, int]]:
        """What the holder of a lease is told to cancel: (job, position), position 0 for a whole job."""
        units = [copy.copy(unit) for unit in self.given[lease].units.values()]
        for unit in units:
            unit.cancelled = set()
        news = self.store.hear(units, self.ms)
        stopped = {unit.job for unit in units if unit.stopped is not None}
        return [(job, 0) for job in sorted(stopped)] + sorted(
            (unit.job, p) for unit in units if unit.job not in stopped for p in news.get(unit.key) or ()
        )

    def wishes(self) -> list[tuple[int, int]]:
        """Tasks whose cancellation was asked for and that are not over yet."""
        return [(unit.job, p) for unit in self._units() for p in unit.unfinished() if p in unit.cancelled]

    def lists(self) -> int:
        """How many jobs have a list of indices."""
        return sum("ix" in item for item in self.table.scan()) + sum(key.startswith("indices/") for key in self.bucket.objects)

    def specs(self) -> int:
        """How many things to execute are stored."""
        return sum(item["sk"] == keys.SPEC for item in self.table.scan())

    def rows(self) -> int:
        """How many items tell of jobs and their tasks."""
        return sum(item["sk"] == keys.JOB or (item["pk"][:2] == "S#" and item["sk"] != keys.TALLY) for item in self.table.scan())

    # -- the whole truth --------------------------------------------------------------------------------------------------------------
    def audit(self) -> Audit | None:
        """Everything stored fits together; None for a host that is too large to look at."""
        items = list(self.table.scan())
        if sum(item["t"] for item in items if item["sk"] == keys.JOB) > SMALL:
            return None
        audit = Audit(items)
        found = [problem for problem in audit.problems if not self.spoilt or self.spoilt not in problem]
        assert not found, found
        return audit

    def check(self) -> None:
        """That, and what readers see agrees with it."""
        audit = self.audit()
        if audit is None:
            return
        with self.reader() as reader:
            for job, states in audit.states.items():
                found = reader.job(job)
                assert found is not None
                assert found.counts == audit.counts[job], f"counters of job {job}"
                assert found.is_final == (found.ended is not None) == (not states.count(WAITING) + states.count(RUNNING)), f"end of {job}"
                assert list(reader.task_states(job)) == list(states), f"overview of job {job}"
                assert [task.status for task in reader.tasks(job)] == list(states), f"pages of job {job}"


def units_of(table: Table, job: dict[str, Any]) -> Iterator[Unit]:
    """The units of a job (its item) that are items, by position."""
    if not job["a"]:
        yield unit_items.read(job)
        return
    for group in range(-(-tiles.count(job["t"], job["sz"]) // keys.TILES_PER_GROUP)):
        for item in table.query(keys.slices(int(job["pk"][2:]), group), between=("0", "9" * 9), consistent=True):
            yield unit_items.read(item)
