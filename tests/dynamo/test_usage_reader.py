"""Usage as the table of an AWS host tells it: what workers wrote of their days, what units used; and with how many requests."""

import json
from types import SimpleNamespace
from typing import Any

from cyclone_core.operations.usage_sources import Days
from cyclone_core.scheduler.dynamo import keys, usage_reader
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.remote.usage import Usage
from cyclone_core.scheduler.usage import Place
from tests.dynamo.memory import MemoryDynamo, Packed

DAY, NOON = "2026-11-22", 1_795_348_800.0
SPOT = Place("eu-west-1", "c5.large", "spot", 0.02)


class Counted(MemoryDynamo):
    """A table that counts what it is asked."""

    asked = 0

    def dynamodb(self, operation: str, **asked: Any) -> Packed:
        """The answer."""
        self.asked += 1
        return super().dynamodb(operation, **asked)


def worker(table: Table, name: str, clock: list[float], place: str = "eu-west-1 c5.large spot 0.02") -> Usage:
    """What a worker counts, two vCPUs a task."""
    machine: Any = SimpleNamespace(region="eu-west-1", identity=f"eu-west-1/{name}", lane={"vcpus": 2}, width=1)
    found = Usage(machine, table, lambda: clock[0])
    found.place = place
    return found


def test_a_day_is_the_sum_of_what_its_workers_wrote() -> None:
    """By queue, user and place; beside it how long they were there. Another day is another."""
    table, clock = Table(Counted(), "t"), [NOON]
    for name in "ab":
        one = worker(table, name, clock)
        one.add("default", "ada|x", 3_000_000)
        one.add("night", "eve", 1_000_000)
        clock[0] += 10
        one.say(last=True)
        clock[0] -= 10
    found = usage_reader.days(table, [DAY, "2026-11-21"])
    used, there = found[DAY]
    assert sorted((one.queue, one.user, one.place, one.tasks, one.vcpu_ms) for one in used) == [
        ("default", "ada|x", SPOT, 2, 12_000), ("night", "eve", SPOT, 2, 4_000),
    ]  # fmt: skip
    assert [(one.place, one.busy_ms, one.up_ms) for one in there] == [(SPOT, 8_000, 20_000)] * 2
    assert found["2026-11-21"] == ((), ())


def test_days_that_are_over_are_read_once() -> None:
    """Sixteen queries for each day, and for today again; an hour after midnight what workers still had to say was said."""
    dynamo = Counted()
    table, days, wanted = Table(dynamo, "t"), Days(), ("2026-11-21", DAY)
    asked = []
    for now in (NOON, NOON + 60, NOON + 43_200 + 1800, NOON + 43_200 + 3600, NOON + 43_200 + 3660):
        before = dynamo.asked
        days.read(table, wanted, now)
        asked.append(dynamo.asked - before)
    assert asked == [32, 16, 16, 16, 0]


def put_job(table: Table, number: int, at: int, **fields: Any) -> None:
    """A job as it is stored."""
    listing, listed_at = keys.listing(fields.get("q", "default"), number, at)
    table.put(keys.job(number), {"listing": listing, "listed_at": listed_at, "q": "default", "u": "ada", "n": f"job {number}", **fields})


def test_jobs_tell_what_their_units_used() -> None:
    """Of an array the sum over its slices; a job that used nothing yet is told, one that does not exist is not."""
    dynamo = Counted()
    table = Table(dynamo, "t")
    put_job(table, 1, 1000, a=0, t=1, us=json.dumps({"eu-west-1 c5.large spot 0.02": 500}), c=[0, 0, 1, 0, 0, 0])
    put_job(table, 2, 2000, a=1, t=40_000, sz=1000)
    for low in (1, 1001, 16_001):
        counts = [0, 2, 800, 5, 0, 0]
        table.put(keys.slice(2, low, 1000), {"us": json.dumps({"eu-west-1 c5.large spot 0.02": 7, "lab ? own ?": 1}), "c": counts})
    put_job(table, 3, 3000, a=0, t=1)
    before = dynamo.asked
    found = usage_reader.jobs(table, [3, 2, 1, 99])
    assert dynamo.asked - before == 1 + 3  # one batch, and the array's three groups
    assert [(one.job, one.name, one.tasks, one.place.region, one.vcpu_ms) for one in found] == [
        (3, "job 3", 0, "", 0), (2, "job 2", 2112, "eu-west-1", 21), (2, "job 2", 303, "lab", 3), (1, "job 1", 1, "eu-west-1", 500),
    ]  # fmt: skip


def test_tasks_are_those_of_the_region_where_their_slice_ran() -> None:
    """Also where a second region did little of the vCPU time; a slice that ran in two is divided by what each used of it."""
    table = Table(Counted(), "t")
    put_job(table, 2, 2000, a=1, t=3500, sz=1000)
    ran = {1: ({"a ? ? ?": 1}, 1000), 1001: ({"b ? ? ?": 900}, 400), 2001: ({"b ? ? ?": 100, "a ? ? ?": 300}, 1000), 3001: ({}, 500)}
    for low, (us, over) in ran.items():
        table.put(keys.slice(2, low, 1000), {"us": json.dumps(us), "c": [5, 1, over - 10, 4, 3, 3]})
    found = {one.place.region: (one.tasks, one.vcpu_ms) for one in usage_reader.jobs(table, [2])}
    assert found == {"a": (1750, 301), "b": (650, 1000)}


def test_jobs_of_a_time_are_found_by_the_index() -> None:
    """Newest first, as many as are wanted, and whether there are more."""
    table = Table(Counted(), "t")
    for number in range(1, 8):
        put_job(table, number, number * 1000, a=0, t=1, u="eve" if number == 5 else "ada")
    assert usage_reader.jobs_between(table, ["default"], 3000, 7000, None, 9) == ([6, 5, 4, 3], False)
    assert usage_reader.jobs_between(table, ["default"], 3000, 7000, None, 2) == ([6, 5], True)
    assert usage_reader.jobs_between(table, ["default"], 0, 9000, "eve", 9) == ([5], False)
