"""All units of a job, and the state of each of its tasks: what looking at a whole job costs, it costs here. Lean.

A group of slices is a query: 16 tiles of up to 1,000 tasks. Tiles that are no items wait.
"""

from cyclone_core.jobs import CANCELLED, WAITING
from cyclone_core.scheduler.dynamo import keys, tiles
from cyclone_core.scheduler.dynamo.unit import Unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.dynamo.values import Item


def units(table: "Table", job: "Item", consistent: bool = True) -> "Iterator[Unit]":
    """The units of a job (its JOB item) that are items, by position. Raises AwsError."""
    if not job["a"]:
        yield Unit.of(job)
        return
    number = int(job["pk"][2:])
    for group in range(-(-tiles.count(job["t"], job["sz"]) // keys.TILES_PER_GROUP)):
        for item in table.query(keys.slices(number, group), between=("0", "9" * 9), consistent=consistent):
            unit = Unit.of(item)
            unit.stopped = job.get("x")
            yield unit


def states(table: "Table", job: "Item", consistent: bool = True) -> bytes:
    """The state of every task of a job, a byte each, by position. Raises AwsError."""
    found = bytearray([CANCELLED if "x" in job and job["a"] else WAITING]) * job["t"]
    for unit in units(table, job, consistent):
        found[unit.low - 1 : unit.high] = unit.states()
    return bytes(found)
