"""What is left of an array whose time is over: slices and tallies, removed group by group. Lean.

The table removes a job's own item by itself when it `expires`; the stream tells the accountant, who takes the array's tasks out of the
counters and puts its TOTAL on the index `due`. The reconciler finds it there and calls `expire`. Nothing that is removed here is counted
any more, so it can be broken off and done again. Objects of the bucket go by the bucket's own rules, single jobs have nothing else.
"""

from time import monotonic

from cyclone_core.scheduler.dynamo import failures, keys
from cyclone_core.scheduler.dynamo.side_by_side import each
from cyclone_core.scheduler.dynamo.table import ConditionFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.scheduler.dynamo.table import Table

BUDGET_S = 10.0
"""So long one call goes on with the next group."""
AGAIN_MS = 60_000
"""What is not done then waits so long for the next call."""


def expire(table: "Table", number: int, now: int, budget_s: float = BUDGET_S) -> bool:
    """Remove what is left of an array that is gone; whether nothing is. now: milliseconds since 1970. Raises AwsError.

    An array that is still kept is left alone.
    """
    total = table.get(keys.total(number), consistent=True)
    if total is None or "gone" not in total:
        return total is None
    until = monotonic() + budget_s
    done: int = total.get("rg", 0)
    groups = failures.group_count(total["t"], total["sz"]) if "t" in total else 0
    while done < groups and monotonic() < until:
        _remove_group(table, keys.slices(number, done))
        done += 1
    is_done = done >= groups
    change = {"due": None, "due_at": None, "rg": None} if is_done else {"rg": done, "due_at": now + AGAIN_MS}
    try:
        table.update(keys.total(number), set=change, when=[("gone", "present", None)], returns="NONE")
    except ConditionFailed:
        pass  # it went by itself
    return is_done


def _remove_group(table: "Table", partition: str) -> None:
    """All items of a partition; the tally last, so that the slices are found again as long as there are any."""
    found = [(item["pk"], item["sk"]) for item in table.query(partition, fields=("pk", "sk"), consistent=True)]
    each(table.delete, [key for key in found if key[1] != keys.TALLY])
    each(table.delete, [key for key in found if key[1] == keys.TALLY])
