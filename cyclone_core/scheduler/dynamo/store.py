"""The store of an AWS host for whoever submits and cancels: every change of jobs, each one conditional write. Lean.

Submitters, workers (`unit_store`) and whoever cancels write side by side, and nobody waits for anybody: what one has read is the condition
of what it writes. A write that is refused because it was there before (its answer was lost, and it was sent again) counts as done: of a
submission the token is ours, of a cancellation the time. All times are milliseconds since 1970.
"""

from cyclone_core.jobs import SUCCESSFUL
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.place import place
from cyclone_core.scheduler.dynamo.specs import Specs
from cyclone_core.scheduler.dynamo.submission import Submitter
from cyclone_core.scheduler.lifecycle import job_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclone_core.errors import CycloneError
    from cyclone_core.jobs import JobRequest
    from cyclone_core.ports import Wanted
    from cyclone_core.scheduler.dynamo.bucket import Bucket
    from cyclone_core.scheduler.dynamo.ids import Ids
    from cyclone_core.scheduler.dynamo.place import Resources
    from cyclone_core.scheduler.dynamo.specs import Seen
    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.dynamo.unit import Unit
    from cyclone_core.scheduler.dynamo.values import Item

KEPT_MS = 30 * 86_400_000
"""Finished jobs are kept so long unless the host says otherwise."""


class DynamoStore:
    """See `ports.JobStore` for the promises. Threads may share it."""

    def __init__(
        self, table: "Table", bucket: "Bucket", ids: "Ids", *, kept_ms: int = KEPT_MS, seen: "Seen | None" = None
    ) -> None:  # fmt: skip
        """kept_ms: how long finished jobs are kept, 0: for ever; seen: specs that are known to be there."""
        self.table, self.bucket, self.kept_ms = table, bucket, kept_ms
        self.specs = Specs(table, bucket, seen)
        self.submitter = Submitter(table, bucket, ids, self.specs)

    def submit(self, request: "JobRequest", resources: "Resources", now: int) -> int:
        """Accept one job and return its id; with a known idempotency key the id of the first, refused when that one has another script
        or size. Raises InvalidRequest with all problems, having stored nothing; AwsError."""
        return self.submitter.submit(request, place(request, resources), now)

    def submit_many(self, requests: "Sequence[JobRequest]", resources: "Resources", now: int) -> "list[int | CycloneError]":
        """Accept many, several at a time: the id of each or what prevented it, in their order. Raises InvalidRequest, nothing stored."""
        return self.submitter.submit_many(requests, resources, now)

    def again(self, wanted: "Sequence[Wanted]", resources: "Resources", key: str, now: int) -> list[int]:
        """Tasks that are over, once more, as new jobs; see the port. Raises InvalidRequest with all problems, having stored nothing."""
        from cyclone_core.scheduler.dynamo.again import submit

        return submit(self, wanted, resources, key, now)

    def cancel(self, job: int, position: int | None, now: int) -> int:
        """Cancel a job or one of its tasks; how many tasks that touched, 0 when all were over. When it returns none of them is newly
        leased. Raises AwsError."""
        from cyclone_core.scheduler.dynamo.cancelling import cancel

        return cancel(self, job, position, now)

    def ending(self, unit: "Unit", now: int) -> "Item":
        """What else the last write of a single job changes: nobody looks after it any more, its end is listed, and some day it goes."""
        if unit.array or not unit.is_over:
            return {}
        state = job_state(unit.counts())
        expires = (now + self.kept_ms) // 1000 if self.kept_ms else None
        return {"due": None, "due_at": None, "expires": expires, "z": state if state != SUCCESSFUL else None}

    def job(self, number: int) -> "Item | None":
        """A job's item as it is, None when there is none. Raises AwsError."""
        return self.table.get(keys.job(number), consistent=True)
