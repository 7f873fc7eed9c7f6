"""Which task of an array did not end well first: found once, when the array is over, so that lists of jobs need not look for it. Lean.

The tallies tell which slices hold such a task, so of an array of any size a hundred small items and one slice or two are read.
"""

from cyclone_core.jobs import ERROR, FAILED
from cyclone_core.scheduler.dynamo import keys, tiles, unit_items
from cyclone_core.scheduler.dynamo.tally import Tally
from cyclone_core.scheduler.lifecycle import final_state
from cyclone_core.views import cause_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from cyclone_core.scheduler.dynamo.table import Table

_TALLIES = 100
"""Read at once."""


def first_failures(table: "Table", job: int, tasks: int, size: int, counts: "Sequence[int]") -> "dict[str, Any]":
    """What TOTAL says of an array that is over: fp, fc, ep, er (see `totals`) as far as there are such tasks. size: of its tiles.

    Raises AwsError.
    """
    told: dict[str, Any] = {}
    if counts[FAILED] and (first := _first(table, job, tasks, size, FAILED)):
        told |= {"fp": first[0], "fc": first[1]}
    if counts[ERROR] and (first := _first(table, job, tasks, size, ERROR)):
        told |= {"ep": first[0], "er": first[2] or cause_text(first[1])}
    return told


def group_count(tasks: int, size: int) -> int:
    """Groups that the slices of an array lie in."""
    return -(-tiles.count(tasks, size) // keys.TILES_PER_GROUP)


def tallies(table: "Table", job: int, groups: "Sequence[int]") -> "Iterator[tuple[int, Tally]]":
    """(group, what was counted in it) of those groups of an array of which something was. Raises AwsError."""
    for at in range(0, len(groups), _TALLIES):
        wanted = {(keys.slices(job, group), keys.TALLY): group for group in groups[at : at + _TALLIES]}
        found = table.batch_get(list(wanted), consistent=True)
        for key, group in wanted.items():
            if key in found:
                yield group, Tally.unpack(found[key].get("units", b""))


def _first(table: "Table", job: int, tasks: int, size: int, state: int) -> "tuple[int, int, str | None] | None":
    """(position, outcome, recorded reason) of the first task that ended in a state."""
    for group, tally in tallies(table, job, range(group_count(tasks, size))):
        for low, _, counts in tally:
            if not counts[state]:
                continue
            within = f"{low:09d}", f"{low + sum(counts) - 1:09d}"
            for item in table.query(keys.slices(job, group), between=within, consistent=True):
                unit = unit_items.read(item)
                for position, (row, _) in sorted(unit.results.items()):
                    if final_state(row[3]) == state:
                        return position, row[3], unit.reasons.get((position, row[2]))
    return None
