"""How much goes through at the quotas that every account begins with, stage by stage, from the counts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from benchmarks.aws_costs.bill import MILLION, Line, shards_of, total

TABLE, PARTITION = 40_000, 1_000
"""Write (and read) units a second of a table or an index; of one partition."""
OBJECTS, IN_FLIGHT, CONCURRENT, SUBMISSIONS, PER_SUBMISSION = 3_500, 120_000, 1_000, 50, 10_000
PREFIXES, PARTS = 256, 16
"""Beginnings of the keys of outputs; parts of each index (`keys.SHARDS`)."""
API_RPS = 10_000
GROUP = 16_000
"""Tasks of the slices whose items share a partition key."""


@dataclass(frozen=True)
class Stage:
    """What passes a quota. ceiling: tasks or jobs a second."""

    name: str
    quota: str
    takes: str
    ceiling: float


def _number(value: float) -> str:
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def of_arrays(told: Mapping[str, Any], found: Sequence[Line]) -> list[Stage]:
    """Of short tasks in arrays, the narrowest first."""
    during = [one for one in found if one.step != "removal"]
    writes, reads = total(during, "units") / MILLION, total(during, "read_units") / MILLION
    objects, index = total(during, "requests", "s3") / MILLION, total(during, "index_units") / MILLION
    group = sum(one.units for one in during if one.step in ("claim", "record", "split", "count")) / MILLION
    shards = shards_of(300_000 * writes)
    groups, size, per_worker = ceil(MILLION / GROUP), told["slice"], told["sample"] / told["workers"] / (told["seconds"] - 20)
    stages = [
        Stage("writes of the table, indices included", f"{TABLE:,} write units/s", f"{_number(writes + index)} a task", TABLE / (writes + index)),
        Stage("reads of the table", f"{TABLE:,} read units/s", f"{_number(reads)} a task", TABLE / reads),
        Stage(
            f"slices with one partition key, of a million tasks {groups}", f"{PARTITION:,} write units/s each", f"{_number(group)} a task",
            groups * PARTITION / group,
        ),
        Stage("outputs, in a bucket that S3 has not divided yet", f"{OBJECTS:,} PUT/s", f"{_number(objects)} a task", OBJECTS / objects),
        Stage(f"outputs, once it has divided it by the {PREFIXES} beginnings of keys", f"{OBJECTS:,} PUT/s each", f"{_number(objects)} a task", PREFIXES * OBJECTS / objects),
        Stage("messages in flight of a lane and band", f"{IN_FLIGHT:,}", f"one for {size:,} tasks, at {per_worker:,.0f} tasks/s", IN_FLIGHT * per_worker),
        Stage(
            "counting, a function for each shard of the stream", f"{CONCURRENT:,} at once", f"{shards} shards for 300,000 tasks/s",
            300_000 * CONCURRENT / shards,
        ),
        Stage("workers that are asked for in a second and region", f"{SUBMISSIONS} of {PER_SUBMISSION:,}", f"{per_worker:,.0f} tasks/s each", SUBMISSIONS * PER_SUBMISSION * per_worker),
    ]  # fmt: skip
    return sorted(stages, key=lambda stage: stage.ceiling)


def of_singles(found: Sequence[Line]) -> tuple[list[Stage], list[Stage]]:
    """Of single jobs: to their acceptance, and through to their end. found: at a high rate."""
    submit = [one for one in found if one.step == "submit"]
    here, index = total(submit, "units") / MILLION, total(submit, "index_units") / MILLION
    accepted = [
        Stage(
            "writes of the table, indices included", f"{TABLE:,} write units/s", f"{_number(here + index)} a job", TABLE / (here + index)
        ),
        Stage("the index `due`", f"{PARTS} parts of {PARTITION:,} write units/s", "1 a job", PARTS * PARTITION),
        Stage("the index `listing`, of one queue", f"{PARTS} parts of {PARTITION:,} write units/s", "1 a job", PARTS * PARTITION),
        Stage("the job API, if they come by it (not built yet)", f"{API_RPS:,} requests/s", "1 a job", API_RPS),
    ]
    during = [one for one in found if one.step != "removal"]
    here, index, reads = (total(during, name) / MILLION for name in ("units", "index_units", "read_units"))
    through = [
        Stage(
            "writes of the table, indices included", f"{TABLE:,} write units/s", f"{_number(here + index)} a job", TABLE / (here + index)
        ),
        Stage(
            "writes of the table alone (each index has as much again)", f"{TABLE:,} write units/s", f"{_number(here)} a job", TABLE / here
        ),
        Stage("reads of the table", f"{TABLE:,} read units/s", f"{_number(reads)} a job", TABLE / reads),
        Stage(
            "the index `due`: put there, and taken away", f"{PARTS} parts of {PARTITION:,} write units/s", "2 a job", PARTS * PARTITION / 2
        ),
        Stage("messages in flight of a lane and band, jobs of 1 s", f"{IN_FLIGHT:,}", "1 a job that runs", IN_FLIGHT),
    ]
    return sorted(accepted, key=lambda stage: stage.ceiling), sorted(through, key=lambda stage: stage.ceiling)


def raised(found: Sequence[Line], rate: int) -> list[tuple[str, str]]:
    """(what has to be raised, to what) for so many single jobs a second through one queue."""
    during = [one for one in found if one.step != "removal"]
    units = (total(during, "units") + total(during, "index_units")) / MILLION
    return [
        ("DynamoDB: write units of a table, and warmed up to it", f"{rate * units:,.0f}/s"),
        ("parts of the indices (`keys.SHARDS`, ours)", f"{_power(2 * rate / PARTITION)}"),
        ("counters of single jobs (ours)", "have to be kept by shard, or they are minutes late"),
        ("API Gateway: requests, when they come by the job API", f"{rate:,}/s"),
        (
            "SQS: messages in flight of a queue, for jobs of 1 s",
            f"{int(rate * 1.5):,}" if rate * 1.5 > IN_FLIGHT else f"{IN_FLIGHT:,} is enough",
        ),
        (
            "Lambda: concurrent executions",
            f"{shards:,}" if (shards := shards_of(rate * units)) > CONCURRENT else f"{CONCURRENT:,} is enough",
        ),
    ]


def _power(least: float) -> int:
    """The next power of two."""
    found = 1
    while found < least:
        found *= 2
    return found
