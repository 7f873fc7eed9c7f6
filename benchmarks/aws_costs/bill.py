"""From counts to money: list prices, what was driven brought to a million tasks, dollars of each request. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

MILLION = 1_000_000
WRITE_UNIT, READ_UNIT = 0.625 / MILLION, 0.125 / MILLION
MESSAGE = (0.40 + 0.10) / MILLION
"""A request of SQS, with what fair queues add."""
PUT, GET = 5.0 / MILLION, 0.4 / MILLION
INVOCATION, GB_S, LOG_GB = 0.20 / MILLION, 0.0000166667, 0.50
API = 1.0 / MILLION
PRICES = (
    ("DynamoDB, on demand", "$0.625 per million write units, $0.125 per million read units", "aws.amazon.com/dynamodb/pricing/on-demand"),
    (
        "SQS, standard",
        "$0.40 per million requests of 64 KB; $0.10 more for fair queues, counted for all requests",
        "aws.amazon.com/sqs/pricing",
    ),
    ("S3", "$5.00 per million PUT, $0.40 per million GET", "aws.amazon.com/s3/pricing"),
    ("Lambda", "$0.20 per million invocations, $0.0000166667 per GB-second", "aws.amazon.com/lambda/pricing"),
    ("CloudWatch Logs", "$0.50 per GB; half a kilobyte of log for each invocation", "aws.amazon.com/cloudwatch/pricing"),
    ("API Gateway, HTTP API", "$1.00 per million requests", "aws.amazon.com/api-gateway/pricing"),
)
MEMORY_GB = 0.5
FUNCTION_S = {"dispatcher": 0.03, "accountant": 0.05, "scaler": 1.5, "reconciler": 0.5}
"""Assumed seconds of an invocation; the dispatcher's are 15 ms more for each request to SQS, the accountant's 0.1 ms for each record."""
SHARD_UNITS = 500
"""Write units a second for each shard of the stream: tables on demand keep room for twice what they had."""
LEAST_SHARDS = 4
"""Of a new table on demand, for 4,000 units a second."""
TRICKLE = 10.0
"""Jobs a second of which two are seldom counted at once."""
GROUPS_AT_ONCE = 98
"""Tallies of one transaction."""


@dataclass(frozen=True)
class Line:
    """A kind of request: so many per million tasks."""

    step: str
    service: str
    operation: str
    requests: float
    read_units: float = 0.0
    units: float = 0.0
    index_units: float = 0.0
    records: float = 0.0
    """of the stream, that an invocation gets"""

    @property
    def dollars(self) -> float:
        """At list price."""
        if self.service == "dynamodb":
            return (self.units + self.index_units) * WRITE_UNIT + self.read_units * READ_UNIT
        if self.service == "lambda":
            seconds = self.requests * FUNCTION_S[self.operation] + 0.0001 * self.records
            return self.requests * (INVOCATION + 0.5e-6 * LOG_GB) + seconds * MEMORY_GB * GB_S
        return self.requests * {"sqs": MESSAGE, "s3": GET if self.operation == "GetObject" else PUT}[self.service]


Counts = Mapping[str, Mapping[str, float]]


def lines(counts: Counts, factor: float = 1.0) -> list[Line]:
    """Counts, so many times."""
    found = []
    for name, one in counts.items():
        step, service, operation = name.split(" ")
        numbers = (one["requests"], one["read_units"], one["units"], one["index_units"], one["sent_bytes"] if service == "lambda" else 0)
        found.append(Line(step.replace("_", " "), service, operation, *(number * factor for number in numbers)))
    return found


def together(parts: Iterable[Line]) -> list[Line]:
    """Lines of the same request as one."""
    found: dict[tuple[str, str, str], Line] = {}
    for one in parts:
        key = one.step, one.service, one.operation
        was = found.get(key, Line(*key, 0))
        sums = (getattr(was, name) + getattr(one, name) for name in ("requests", "read_units", "units", "index_units", "records"))
        found[key] = Line(*key, *sums)
    return list(found.values())


def total(parts: Iterable[Line], field: str, service: str = "") -> float:
    """The sum of a number, of one service or of all."""
    return float(sum(getattr(one, field) for one in parts if service in ("", one.service)))


# -- arrays ------------------------------------------------------------------------------------------------------------
def of_array(told: Mapping[str, Any], looks: Mapping[str, Counts]) -> list[Line]:
    """All requests of an array of a million tasks."""
    factor = MILLION / told["sample"]
    once = lines(told["whole"])
    ran = lines(told["counts"], factor)
    counting = [one for one in ran if one.step == "count"]
    rest = [one for one in ran if one.step != "count"]
    minutes = max(1, ceil(told["seconds"] / 60))
    watched = lines(looks["first"])
    watched += lines(looks["second"]) if minutes > 1 else []
    watched += lines(looks["under way"], max(0, minutes - 2))
    removal = [Line("removal", *vars_of(one)) for one in lines(told["removal"], factor)]
    rate = total([*rest, *counting], "units") / told["seconds"]
    return together([*once, *rest, *_shared(counting, told, factor, shards_of(rate)), *watched, *removal])


def vars_of(one: Line) -> tuple[Any, ...]:
    """All but the step."""
    return one.service, one.operation, one.requests, one.read_units, one.units, one.index_units, one.records


def shards_of(units_per_s: float) -> int:
    """Of the stream, when so much is written."""
    return max(LEAST_SHARDS, ceil(units_per_s / SHARD_UNITS))


def _shared(counting: Sequence[Line], told: Mapping[str, Any], factor: float, shards: int) -> list[Line]:
    """Counting a whole array: what was driven has a group of slices or less, and a batch of one shard tells of many groups, whose tallies
    it writes each, and the counters of array and queue once for all."""
    alone = next(one.requests for one in counting if one.service == "lambda")
    batches = min(alone, shards * told["seconds"])
    share, found = batches / alone, []
    for one in counting:
        units, requests = one.units, one.requests * share
        if one.operation == "TransactWriteItems":
            units -= told["shared"] * factor * (1 - share)
            requests = max(requests, one.requests / GROUPS_AT_ONCE)
        found.append(Line(one.step, one.service, one.operation, requests, one.read_units, units, one.index_units, one.records))
    return found


# -- single jobs -------------------------------------------------------------------------------------------------------
def of_singles(told: Mapping[str, Any], contention: Sequence[Mapping[str, float]], rate: float = 0.0) -> list[Line]:
    """All requests of a million single jobs; counted as they are when they come at a rate (0: that at which they were driven).

    contention: how often an accountant tries when all shards write the same tally at once; taken for every batch but those of a trickle.
    """
    chosen = next(one for one in told["accounting"] if one["rate"] == (rate or told["rate"]))
    tries = attempts(contention, chosen["shards"]) if chosen["rate"] > TRICKLE else 1.0
    counting = [_tried(one, tries) for one in lines(chosen["counts"], MILLION / chosen["sample"])]
    return together([*lines(told["counts"], MILLION / told["sample"]), *counting])


def attempts(contention: Sequence[Mapping[str, float]], shards: int) -> float:
    """Of an accountant, with so many shards."""
    return max(float(one["attempts"]) for one in contention if one["shards"] <= shards)


def _tried(one: Line, times: float) -> Line:
    times = 1.0 if one.service == "lambda" else times
    return replace(one, requests=one.requests * times, read_units=one.read_units * times, units=one.units * times)


def api() -> float:
    """Dollars for a million requests of the job API: the request, and 20 ms of a function."""
    return MILLION * (API + INVOCATION + 0.02 * MEMORY_GB * GB_S)
