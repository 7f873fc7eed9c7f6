"""What is driven: a slice of an array of a million tasks, single jobs, looks of the functions that come each minute, a job's removal.

Each returns plain numbers, for the report and its JSON.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any
from zlib import crc32

from benchmarks.aws_costs import world as worlds
from benchmarks.aws_costs.worker import Clock, Worker, run
from benchmarks.aws_costs.world import RESOURCES, Count, FreeBatch, Record, Settings, World
from cyclone_core.errors import AwsError
from cyclone_core.jobs import JobRequest
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.accountant import Accountant
from cyclone_core.scheduler.dynamo.expiry import expire
from cyclone_core.scheduler.dynamo.ids import FileIds
from cyclone_core.scheduler.dynamo.reconciler import Reconciler
from cyclone_core.scheduler.dynamo.scaling import Scaler
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.dynamo.values import pack

TASKS = 1_000_000
SCRIPT = (
    b"#!/bin/bash\n#HYPER -N a-simulation\ncd /data/project\n./simulate --input cases/$CYCLONE_TASK_INDEX.json --seed $CYCLONE_TASK_INDEX\n"
)
FEW = 100
"""Jobs that are enough where none shares anything with another."""
LATER = 1_000_000
"""Seconds"""
Counts = dict[str, dict[str, float]]
"""`step service operation` -> the fields of Count"""


def request(**more: Any) -> JobRequest:
    """What people submit: a short script with their environment's essentials."""
    environment = {"OMP_NUM_THREADS": "1", "PROJECT": "wing-flutter", "LANG": "C.UTF-8"}
    fields = {
        "script": SCRIPT,
        "name": "simulation",
        "user": "researcher",
        "directory": "/home/researcher/project",
        "environment": environment,
    }
    return JobRequest(**{**fields, **more})


def told(counts: Mapping[tuple[str, str, str], Count]) -> Counts:
    """As plain numbers, in order."""
    return {" ".join((step.replace(" ", "_"), *rest)): dict(vars(one)) for (step, *rest), one in sorted(counts.items())}


# -- arrays ------------------------------------------------------------------------------------------------------------
def array(task_s: float, slices: int, tasks: int = TASKS) -> dict[str, Any]:
    """An array of a million tasks of so many seconds: its submission and dispatch as a whole, and some of its slices to their end."""
    world, began = World(), time.time()
    try:
        with world.meter.during("submit"):
            number = world.store.submit(request(tasks=tasks, indices=(1, tasks, 1)), RESOURCES, int(began * 1000))
        records = world.stream()
        world.dispatch(records)
        whole = told(world.meter.counts)
        world.meter.counts.clear()
        world.account(records, began)
        size = world.store.job(number)["sz"]  # type: ignore[index]
        del world.services.waiting[slices:]
        ran = _work(world, task_s, slices, began)
        sample = told(world.meter.counts)
        world.meter.counts.clear()
        _remove(world, number)
        return {
            "task_s": task_s, "slice": size, "sample": ran["done"], "whole": whole, "counts": sample, "removal": told(world.meter.counts),
            "object_bytes": dict(world.services.objects), **ran,
        }  # fmt: skip
    finally:
        world.close()


def _work(world: World, task_s: float, slices: int, began: float) -> dict[str, Any]:
    """A worker for each slice, to the end of them."""
    clock = Clock(began)
    workers = [Worker(world, clock, number, task_s) for number in range(slices)]
    written = [-1.0]
    shared, transactions = world.table.shared, world.table.transactions

    def each_second() -> None:
        if world.meter.written() != written[0]:
            world.account(world.stream(), clock.wall())
            written[0] = world.meter.written()

    run(workers, clock, each_second)
    return {
        "workers": len(workers), "seconds": clock.now, "busy_seconds": clock.now - 20, "done": sum(worker.done for worker in workers),
        "shared": world.table.shared - shared, "transactions": world.table.transactions - transactions,
    }  # fmt: skip


def _remove(world: World, number: int) -> None:
    """The table removes the job's item by itself; the rest is counted and removed by the functions."""
    with world.meter.during("expiry (free)"):
        world.table.delete(keys.job(number))
    world.meter.counts.clear()
    world.account(world.stream(), time.time())
    with world.meter.during("remove"):
        expire(world.table, number, int(time.time() * 1000), 1e9)
    world.stream()


# -- single jobs -------------------------------------------------------------------------------------------------------
def singles(
    count: int, workers: int, rate: float, shards: int, task_s: float, others: Iterable[tuple[float, int]] = ()
) -> dict[str, Any]:  # fmt: skip
    """Single jobs that come at a rate, over a stream of so many shards, to workers that keep up; counted at other (rate, shards) too."""
    world, began = World(), time.time()
    try:
        clock = Clock(began)
        world.store.submitter.ids = FileIds(world.table, f"{world.folder.name}/ids")
        world.store.submit(request(), RESOURCES, int(began * 1000))  # what is shared by all of them is there from now on
        world.dispatch(world.stream())
        world.services.waiting.clear()
        world.meter.counts.clear()
        crew = [Worker(world, clock, number, task_s) for number in range(workers)]
        world.meter.counts.clear()
        made, kept = [0], list[Record]()

        def poll() -> None:
            """Four times a second a shard is asked for what is new."""
            end = min(count, int((clock.now - 1) * rate))
            with world.meter.during("submit"):
                while made[0] < end:
                    world.store.submit(request(), RESOURCES, int(clock.wall() * 1000))
                    made[0] += 1
            records = world.stream()
            kept.extend(records)
            for part in _by_shard(records, shards * 4):  # and read by four at once (parallelization factor)
                world.dispatch(part)

        _run_with(
            crew, clock, poll, lambda: sum(worker.done for worker in crew) >= count and not any(worker.loop.in_hand for worker in crew)
        )
        kept += world.stream()
        counts = told({key: one for key, one in world.meter.counts.items() if key[0] != "worker"})
        kept += _expired(world, kept)
        return {
            "task_s": task_s, "sample": count, "rate": rate, "shards": shards, "workers": workers, "seconds": clock.now, "counts": counts,
            "accounting": [accounting(kept, began, *one) for one in (*others, (rate, shards))],
        }  # fmt: skip
    finally:
        world.close()


def _expired(world: World, records: Iterable[Record]) -> list[Record]:
    """The table removes the jobs by itself, when they were kept long enough."""
    for pk in {record["dynamodb"]["Keys"]["pk"]["S"] for record in records if record["dynamodb"]["Keys"]["sk"]["S"] == keys.JOB}:
        world.table.delete((pk, keys.JOB))
    return world.stream()


def _by_shard(records: Iterable[Record], shards: int) -> Iterable[list[Record]]:
    """Records by the partition that their items are in."""
    found: dict[int, list[Record]] = {}
    for record in records:
        found.setdefault(crc32(record["dynamodb"]["Keys"]["pk"]["S"].encode()) % shards, []).append(record)
    return found.values()


def _run_with(crew: list[Worker], clock: Clock, poll: Any, until: Any) -> None:
    """`run`, with polls of the stream each quarter of a second."""
    polls = _Polls(clock, poll)
    run([*crew, polls], clock, lambda: None, until)  # type: ignore[list-item]


class _Polls:
    """Something that is stepped like a worker."""

    def __init__(self, clock: Clock, poll: Any) -> None:
        self.clock, self.poll = clock, poll

    def step(self) -> float:
        """Look, and again in a quarter of a second."""
        self.poll()
        return self.clock.now + 0.25


def accounting(records: list[Record], now_s: float, rate: float, shards: int) -> dict[str, Any]:
    """What counting the same jobs takes when they come at another rate, over more shards: a batch of each shard has a second of it.

    A job's records of its submission, claim and end come within its second; when the table removes it they are as many again.
    """
    world = World()
    try:
        seen: dict[str, int] = {}
        batches: dict[tuple[int, int], list[Record]] = {}
        for record in _multiplied(records, rate):
            pk = record["dynamodb"]["Keys"]["pk"]["S"]
            if not worlds.is_counted(record) or not pk.startswith("J#"):
                continue
            if rate <= 1 and len(seen) >= FEW and pk not in seen:
                continue
            second = seen.setdefault(pk, len(seen)) / rate + LATER * (record["eventName"] == "REMOVE")
            batches.setdefault((int(second), crc32(pk.encode()) % shards), []).append(record)
        for _, batch in sorted(batches.items()):
            for first in range(0, len(batch), 1000):
                world.account(batch[first : first + 1000], now_s)
        return {"rate": rate, "shards": shards, "sample": len(seen), "batches": len(batches), "counts": told(world.meter.counts)}
    finally:
        world.close()


def _multiplied(records: list[Record], rate: float) -> Iterable[Record]:
    """A second's jobs at least: the same ones again, with the ids that follow."""
    jobs = {int(pk[2:]) for one in records if (pk := one["dynamodb"]["Keys"]["pk"]["S"]).startswith("J#")}
    yield from records
    for again in range(1, ceil(rate / len(jobs))):
        for one in records:
            told, pk = one["dynamodb"], one["dynamodb"]["Keys"]["pk"]["S"]
            if pk.startswith("J#"):
                moved = {"pk": {"S": f"J#{int(pk[2:]) + again * len(jobs)}"}, "sk": told["Keys"]["sk"]}
                yield {**one, "dynamodb": {**told, "Keys": moved}}


def contention(shards: int, away_s: float = 0.008) -> dict[str, float]:
    """What it takes when so many accountants tell of the same tally of single jobs at the same instant, each request `away_s` away."""
    world = World()
    try:
        table = _FarTable(world.table, away_s)
        now = time.time()
        image = {"a": 0, "t": 1, "q": "default", "d": "default", "u": "researcher", "v": 3, "s": 2, "c": [0, 0, 1, 0, 0, 0]}
        batches: list[list[Record]] = [[] for _ in range(shards)]
        for number in range(keys.BLOCK_OF_JOBS // 2):
            told = {**image, "expires": int(now) + 30 * 86_400}
            pair = {"Keys": pack(dict(zip(("pk", "sk"), keys.job(number), strict=True))), "NewImage": pack(told)}
            batches[crc32(b"%d" % number) % shards].append({"eventName": "MODIFY", "dynamodb": pair})
        given_up = [0]

        def count(batch: list[Record]) -> None:
            while True:  # a batch that fails comes again
                try:
                    Accountant(table).apply(batch, now)
                except AwsError:
                    given_up[0] += 1
                else:
                    return

        waiting = [threading.Thread(target=count, args=(batch,)) for batch in batches]
        for thread in waiting:
            thread.start()
        for thread in waiting:
            thread.join()
        tried = world.meter.counts["other", "dynamodb", "TransactWriteItems"].requests
        return {"shards": shards, "attempts": tried / shards, "seconds": time.time() - now, "came_again": given_up[0]}
    finally:
        world.close()


class _FarTable(Table):
    """A table whose every answer takes a while."""

    def __init__(self, table: Table, away_s: float) -> None:
        super().__init__(table.aws, table.name)
        self._away_s = away_s

    def _ask(self, operation: str, **asked: Any) -> dict[str, Any]:
        time.sleep(self._away_s)
        return super()._ask(operation, **asked)


# -- what comes each minute --------------------------------------------------------------------------------------------
def looks() -> dict[str, Counts]:
    """One look of reconciler and scaler at a host that has nothing to do, and at one whose array is under way."""
    world = World()
    try:
        now = [time.time()]
        scaler = Scaler(world.table, Settings().bodies, lambda _: FreeBatch(), lambda: int(now[0] * 1000))  # type: ignore[arg-type,return-value]

        def look() -> Counts:
            world.meter.counts.clear()
            with world.meter.during("scaler"):
                world.meter.count("lambda", "scaler")
                scaler.run()
            with world.meter.during("reconciler"):
                world.meter.count("lambda", "reconciler")
                records: Any = Settings()
                report = Reconciler(world.store, world.lanes, records, world.accountant, lambda *_: True, lambda: int(now[0] * 1000)).run()
                assert not report.errors, report.errors
            now[0] += 60
            return told(world.meter.counts)

        look()
        idle = look()
        world.store.submit(request(tasks=TASKS, indices=(1, TASKS, 1)), RESOURCES, int(now[0] * 1000))
        records = world.stream()
        world.dispatch(records)
        world.account(records, now[0])
        first, second = look(), look()
        later = [look() for _ in range(4)]
        return {"idle": idle, "first": first, "second": second, "under way": later[-1]}
    finally:
        world.close()
