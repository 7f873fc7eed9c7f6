"""Counts what becomes of tasks: started by the table's stream, with the records of units that changed, a second's worth at a time.

    answer  `batchItemFailures`, always empty: what goes wrong ends the function, and Lambda brings the batch again, then its halves

When new jobs were counted the scaler is asked to look, which goes by the counters. What a limited array may run next is sent to its lane.
"""

import time
from typing import Any

from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo import dispatch
from cyclone_core.scheduler.dynamo.accountant import Accountant
from cyclone_core.scheduler.lambdas.control import Control, control, say

ASK_S = 5.0
"""The scaler is asked at most so often by one process."""


class Asking:
    """When the scaler is to be asked: at once, but not again too soon; what came too soon is owed."""

    def __init__(self, every_s: float = ASK_S) -> None:
        self._every_s, self._owed = every_s, False
        self._at: float | None = None

    def is_due(self, now_s: float, news: bool) -> bool:
        """Whether to ask now. news: whether there is something to ask for."""
        self._owed |= news
        if not self._owed or (self._at is not None and now_s - self._at < self._every_s):
            return False
        self._at, self._owed = now_s, False
        return True


_asking = Asking()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """What a batch of records gets. Raises AwsError: the records come again."""
    ours, records = control(), event["Records"]
    accountant = Accountant(ours.table, ours.retention_s)
    sends = accountant.apply(records, time.time())
    sent = 0
    for send in sends:
        messages = dispatch.send_next(ours.lanes, ours.records.bodies(), send)
        if messages:
            accountant.sent(send)
        sent += messages
    asked = _asking.is_due(time.monotonic(), any(map(_is_new_job, records))) and _ask(ours)
    say("counted", records=len(records), messages=sent, asked=asked)
    return {"batchItemFailures": []}


def _is_new_job(record: dict[str, Any]) -> bool:
    return bool(record["eventName"] == "INSERT" and record["dynamodb"]["Keys"]["sk"]["S"] == "JOB")


def _ask(ours: Control) -> bool:
    try:
        ours.ask_scaler()
    except AwsError as exc:  # it runs each minute anyway
        say("the scaler could not be asked", why=str(exc))
        return False
    return True
