"""Ending what nobody can ever run: the waiting tasks of a job become Error, with the reason.

Each unit is read and written by itself, with its version as the condition, so what somebody leases meanwhile is left to them, and what was
ended before is not ended again: it can be broken off anywhere and done once more.
"""

from cyclone_core import jobs
from cyclone_core.scheduler.dynamo import keys, tiles, unit_items
from cyclone_core.scheduler.dynamo.table import ConditionFailed
from cyclone_core.scheduler.dynamo.unit import Unit
from cyclone_core.scheduler.lifecycle import Retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.dynamo.values import Item

NOT_STARTED = jobs.outcome(0, jobs.CAUSE_NOT_STARTED)
AT_ONCE = 8
_TRIES = 4


def refuse(table: "Table", number: int, reason: str, now: int) -> int:
    """End all of a job that waits; how many units that were. now: milliseconds since 1970. Raises AwsError."""
    job = table.get(keys.job(number), consistent=True)
    if job is None or "x" in job:
        return 0
    if not job["a"]:
        return int(refuse_unit(table, job, 0, reason, now))
    from concurrent.futures import ThreadPoolExecutor  # seldom needed, and slow to import

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(lambda low: refuse_unit(table, job, low, reason, now), _lows(table, number, job)))


def refuse_unit(table: "Table", job: "Item", low: int, reason: str, now: int) -> bool:
    """End one unit if it waits; whether it did. job: its JOB item; low: first position of the slice, 0 of a single job. Raises AwsError."""
    for _ in range(_TRIES):
        unit = _unit(table, job, low)
        if unit is None or unit.state != keys.WAITING:
            return False
        end(unit, reason, now)
        try:
            if unit.version:
                table.update(unit.key, set=unit_items.changes(unit), when=[("v", "=", unit.version)], returns="NONE")
            else:
                table.put(unit.key, unit_items.whole(unit), [("pk", "absent", None)])
            return True
        except ConditionFailed:
            continue  # somebody changed it: what is it now?
    return False


def end(unit: Unit, reason: str, now: int) -> None:
    """Let every task of a unit that waits end as Error. Pure."""
    members = [((unit.job, at, unit.history(at)[0], NOT_STARTED, now * 1000, 0, 0, 0), 0) for at in list(unit.unfinished())]
    unit.finish(members, {(unit.job, row[1]): reason for row, _ in members}, Retry())


def _unit(table: "Table", job: "Item", low: int) -> Unit | None:
    number = int(job["pk"][2:])
    key = keys.slice(number, low, job["sz"]) if low else keys.job(number)
    item = table.get(key, consistent=True)
    if item is not None:
        return unit_items.read(item)
    return unit_items.tile(job, low) if low and tiles.tile(low, job["sz"], job["t"]) else None


def _lows(table: "Table", number: int, job: "Item") -> "Iterable[int]":
    """First positions of all slices that there are or may be."""
    found = {low for low, _ in tiles.tiles(job["t"], job["sz"])}
    return sorted(found.union(_parts(table, number, job)))


def _parts(table: "Table", number: int, job: "Item") -> "Iterator[int]":
    """First positions of the slices that are items."""
    for group in range(keys.group_of(job["t"], job["sz"]) + 1):
        for item in table.query(keys.slices(number, group), consistent=True, fields=("sk", "lo")):
            if "lo" in item:
                yield item["lo"]
