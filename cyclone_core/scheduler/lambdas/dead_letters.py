"""Deals with dead letters: started by their queue, with what nobody could handle.

    answer  `batchItemFailures`: messages that stay in the queue, because something went wrong now or because nobody here knows what they
            are. The host counts as unwell while there are any: look at this function's log, then purge the queue

Records of the stream that a function gave up are told here too. A new job is found by the reconciler; what was not counted stays.
"""

import json
from typing import Any

from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo.dead import KEEP, DeadLetters
from cyclone_core.scheduler.dynamo.queues import read
from cyclone_core.scheduler.lambdas.control import control, say


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """What a batch of messages gets."""
    ours = control()
    letters = DeadLetters(ours.table, ours.lanes, ours.records, ours.now())
    kept = []
    for record in event["Records"]:
        became = _tried(letters, record)
        say("dead letter", body=record["body"][:2000], became=became)
        if became.startswith(KEEP):
            kept.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": each} for each in kept]}


def _tried(letters: DeadLetters, record: dict[str, Any]) -> str:
    if read(record["body"]) is None and _is_of_dispatcher(record["body"]):
        return "left to the reconciler"
    try:
        return letters.handle(record)
    except (AwsError, KeyError, TypeError, ValueError) as exc:
        return f"{KEEP}: {exc!r}"


def _is_of_dispatcher(body: str) -> bool:
    """Whether a message tells of records of the stream with which the dispatcher failed."""
    try:
        return str(json.loads(body)["requestContext"]["functionArn"]).partition(":function:")[2].partition(":")[0].endswith("--dispatcher")
    except (ValueError, TypeError, KeyError):
        return False
