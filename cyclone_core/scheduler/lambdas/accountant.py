"""Counts what becomes of tasks: started by the table's stream, with the records of units that changed, a second's worth at a time.

    answer  `batchItemFailures`, always empty: what goes wrong ends the function, and Lambda brings the batch again, then its halves

When new jobs were counted the scaler is asked to look, which goes by the counters. What a limited array may run next is sent to its lane.
"""

import time
from typing import Any

from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo import dispatch
from cyclone_core.scheduler.dynamo.accountant import Accountant
from cyclone_core.scheduler.lambdas.asking import Asking
from cyclone_core.scheduler.lambdas.control import Control, control, say

ASK_S = 5.0
"""The scaler is asked at most so often by one process."""


_asking = Asking(ASK_S)


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
        ours.ask("scaler")
    except AwsError as exc:  # it runs each minute anyway
        say("the scaler could not be asked", why=str(exc))
        return False
    return True
