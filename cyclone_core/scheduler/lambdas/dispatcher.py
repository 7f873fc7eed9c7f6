"""Makes new jobs available: started by the table's stream, with the records of jobs that were inserted.

    answer  `batchItemFailures`: the stream goes on from the first of these records, and brings them all again

A record that fails each time is told to the dead letters in the end; its job is found by the reconciler.
"""

from typing import Any

from cyclone_core.scheduler.dynamo.dispatch import Dispatcher
from cyclone_core.scheduler.lambdas.control import control, say


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """What a batch of records gets."""
    ours = control()
    dispatcher = Dispatcher(ours.table, ours.lanes, ours.records, ours.now)
    failed = dispatcher.handle(event["Records"])
    say("dispatched", records=len(event["Records"]), messages=dispatcher.sent, failed=len(failed), why=dispatcher.why[:10])
    return {"batchItemFailures": [{"itemIdentifier": sequence} for sequence in failed]}
