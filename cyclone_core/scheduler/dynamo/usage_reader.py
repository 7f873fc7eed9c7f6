"""What was used on an AWS host, as its table says: the items that workers write for each day (`remote.usage`), and what units used (`us`).

A day is sixteen partitions, read side by side; what is over an hour ago does not change any more and is worth keeping.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cyclone_core.jobs import RUNNING, WAITING
from cyclone_core.scheduler import apportionment
from cyclone_core.scheduler.dynamo import failures, keys, listing
from cyclone_core.scheduler.dynamo.side_by_side import each
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.usage import Place, There, Used, place_of

_BATCH = 100
_UNIT = ("us", "c")
_JOB = ("a", "t", "sz", "n", "q", "u", *_UNIT)
Places = dict[str, tuple[int, int]]
"""place -> (tasks that are over, vCPU milliseconds)"""
Day = tuple[tuple[Used, ...], tuple[There, ...]]


def days(table: Table, wanted: Sequence[str]) -> dict[str, Day]:
    """What was used on each of these days. Raises AwsError."""
    parts = [(day, shard) for day in wanted for shard in range(keys.SHARDS)]
    found = each(lambda part: list(table.query(keys.usage_part(*part), fields=("body",))), parts)
    used: dict[str, list[Used]] = {day: [] for day in wanted}
    there: dict[str, list[There]] = {day: [] for day in wanted}
    for (day, _), items in zip(parts, found, strict=True):
        for item in items:
            body = json.loads(item["body"])
            used[day] += _rows(day, body)
            there[day].append(There(day, place_of(str(body.get("place", ""))), int(body.get("busy_ms", 0)), int(body.get("up_ms", 0))))
    return {day: (_summed(used[day]), tuple(there[day])) for day in wanted}


def _rows(day: str, body: dict[str, Any]) -> Iterator[Used]:
    for key, (attempts, vcpu_ms) in body.get("rows", {}).items():
        queue, _, rest = key.partition("|")  # a name of a queue has none of these, and a place neither
        user, _, place = rest.rpartition("|")
        yield Used(day, queue, user, place_of(place), attempts, vcpu_ms)


def _summed(rows: Iterable[Used]) -> tuple[Used, ...]:
    """Thousands of workers tell of a few queues."""
    sums: dict[tuple[str, str, str, Place], list[int]] = {}
    for row in rows:
        found = sums.setdefault(row[:4], [0, 0])
        found[0] += row.tasks
        found[1] += row.vcpu_ms
    return tuple(Used(*key, tasks, vcpu_ms) for key, (tasks, vcpu_ms) in sums.items())


def jobs_between(table: Table, queues: Iterable[str], first_ms: int, end_ms: int, user: str | None, most: int) -> tuple[list[int], bool]:
    """Jobs that were submitted in a time, newest first, `most` at most; and whether there are more. Raises AwsError."""
    found: list[int] = []
    for place, number in listing.Walk(table, queues, listing.fitting(None, user, None, False), below=f"{end_ms:013d}", hint=most):
        if int(place.partition("#")[0]) < first_ms:
            break
        if len(found) >= most:
            return found, True
        found.append(number)
    return found, False


def jobs(table: Table, numbers: Sequence[int]) -> list[Used]:
    """What these jobs used so far, by place, in their order; those that do not exist are left out. Raises AwsError."""
    batches = [numbers[at : at + _BATCH] for at in range(0, len(numbers), _BATCH)]
    items: dict[tuple[str, str], dict[str, Any]] = {}
    for part in each(lambda batch: table.batch_get([keys.job(number) for number in batch], fields=_JOB), batches):
        items |= part
    known = [(number, items[keys.job(number)]) for number in numbers if keys.job(number) in items]
    groups = [(number, group) for number, item in known if item["a"] for group in range(failures.group_count(item["t"], item["sz"]))]
    parts = each(lambda one: list(table.query(keys.slices(*one), fields=_UNIT)), groups)
    sums: dict[int, Places] = {number: {} for number, _ in known}
    for (number, _), slices in zip(groups, parts, strict=True):
        for item in slices:
            _add(sums[number], item)
    for number, item in known:
        _add(sums[number], item)
    return [used for number, item in known for used in _of_job(number, item, sums[number])]


def _add(sums: Places, unit: dict[str, Any]) -> None:
    """What a unit used at each place, and its tasks that are over: it does not tell each one's place, so of several each has the part that
    it used."""
    used: dict[str, int] = json.loads(unit.get("us", "{}"))
    if not used:
        return
    over = sum(unit["c"]) - unit["c"][WAITING] - unit["c"][RUNNING]
    tasks = apportionment.fill(used, dict.fromkeys(used, 0), dict.fromkeys(used, over), over)
    for place, vcpu_ms in used.items():
        before = sums.get(place, (0, 0))
        sums[place] = before[0] + tasks[place], before[1] + vcpu_ms


def _of_job(number: int, item: dict[str, Any], sums: Places) -> Iterator[Used]:
    """One for each place. A job that used nothing yet is told too, at no place."""
    for place, (tasks, vcpu_ms) in (sums or {"": (0, 0)}).items():
        yield Used("", item["q"], item.get("u", ""), place_of(place), tasks, vcpu_ms, number, item.get("n", ""))
