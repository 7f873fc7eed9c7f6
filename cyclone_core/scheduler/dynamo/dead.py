"""What becomes of a message that was delivered again and again, and that nobody deleted: a task state with its reason, or another message.

Being given back or put off counts as a delivery, so a message here need not be poison. It is where no worker ever managed to lease its
unit; what was leased is bound by the losses of its tasks instead.
"""

from cyclone_core.scheduler.dynamo import dispatch, keys
from cyclone_core.scheduler.dynamo.queues import MOST_RECEIVES, read
from cyclone_core.scheduler.dynamo.reconcile import SKEW_MS
from cyclone_core.scheduler.dynamo.refusals import refuse_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cyclone_core.scheduler.dynamo.queues import Lanes
    from cyclone_core.scheduler.dynamo.records import Records
    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.dynamo.values import Item

DROP, AGAIN, END, KEEP = "dropped", "sent again", "ended", "kept"
"""Nothing is to be done; its unit may yet be worked on; its tasks become Error; nobody here knows what it is."""


def judge(unit: "Item | None", queue: "Item | None", sent_ms: int, now: int) -> str:
    """What becomes of the message of a unit whose job is open and may be sent.

    unit: its item, None for a tile that nobody has claimed; queue: its queue's item; sent_ms: when the message was sent.
    """
    if unit is not None:
        if unit["s"] == keys.OVER or (unit["s"] == keys.LEASED and unit["un"] >= now - SKEW_MS):
            return DROP
        if unit["l"] > 0:
            return AGAIN
    if queue is not None and queue.get("at", 0) > sent_ms:
        return AGAIN  # it was paused meanwhile, and its message put off
    return END


def reason(definition: str) -> str:
    """Why its tasks are ended."""
    what = f"its message was delivered {MOST_RECEIVES} times and no worker took it on"
    return f"{what}. Look at what the workers of definition {definition} say in their log, then run it again"


class DeadLetters:
    """Deals with dead letters, one after the other."""

    def __init__(self, table: "Table", lanes: "Lanes", records: "Records", now: int) -> None:
        """now: milliseconds since 1970."""
        self._table, self._lanes, self._records, self._now = table, lanes, records, now

    def handle(self, record: "Mapping[str, Any]") -> str:
        """What became of a message, as functions get them. Raises AwsError, and KeyError, TypeError, ValueError for broken items."""
        found = read(record["body"])
        if found is None:
            return KEEP
        number, low, _ = found
        job = self._table.get(keys.job(number), consistent=True)
        if job is None or "x" in job or (not low and job["s"] == keys.OVER):
            return DROP
        return self._of_job(job, number, low, int(record["attributes"].get("SentTimestamp", 0)))

    def _of_job(self, job: "Item", number: int, low: int, sent_ms: int) -> str:
        decision = dispatch.decide(job, self._records.bodies(dispatch.FRESH_S))
        if decision.what == dispatch.HOLD:
            return DROP  # the reconciler sends it when its queue goes on
        unit = self._table.get(keys.slice(number, low, job["sz"]), consistent=True) if low else job
        became = judge(unit, self._table.get((keys.QUEUE, job["q"])), sent_ms, self._now)
        if became == AGAIN and decision.what == dispatch.SEND:
            self._lanes.send(*dispatch.channel(job, decision.cluster), [(number, low, int(low > 0 and unit is not None), job["u"])])
        if became == END or (became == AGAIN and decision.what == dispatch.REFUSE):
            ended = refuse_unit(self._table, job, low, decision.reason or reason(job["d"]), self._now)
            return END if ended else DROP
        return became
