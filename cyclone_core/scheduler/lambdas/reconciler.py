"""Looks at what is due, each minute.

answer  what was done (`reconciler.Report`), which is also a line of the log
"""

from typing import Any

from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.accountant import Accountant
from cyclone_core.scheduler.dynamo.bucket import Bucket
from cyclone_core.scheduler.dynamo.expiry import expire
from cyclone_core.scheduler.dynamo.ids import MemoryIds
from cyclone_core.scheduler.dynamo.reconciler import Reconciler
from cyclone_core.scheduler.dynamo.unit_store import UnitStore
from cyclone_core.scheduler.lambdas.control import control, say


def handler(event: object, context: object) -> dict[str, Any]:
    """What a scheduled event gets."""
    ours = control()
    store = UnitStore(ours.table, Bucket(ours.aws, ours.bucket), MemoryIds(ours.table), kept_ms=ours.retention_s * 1000)
    accountant = Accountant(ours.table, ours.retention_s)

    def forget(number: int, now: int) -> bool:
        """What a job that is gone has left; its outputs go by the bucket's rules."""
        ours.aws.delete(ours.bucket, [keys.parameter_object(number), keys.index_object(number)])
        return expire(ours.table, number, now)

    report = Reconciler(store, ours.lanes, ours.records, accountant, forget, ours.now).run().told()
    say("reconciled", **report)
    return report
