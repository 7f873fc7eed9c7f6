"""Accepting jobs: the items of a submission, in an order that a death in between can be mended from. Lean.

    spec (if it is not there yet) → parameters and many indices (objects) → key, if somebody chose one → JOB

The job exists with the last write, one that holds only while no such item is there. Nobody sees what came before it, and
whoever submits with the same key later finishes what was begun, under the same id. Sent again because its answer was lost, a write finds
its own token.
"""

import os

from cyclone_core.errors import AwsError, CycloneError, InvalidRequest
from cyclone_core.jobs import AUTOMATIC_KEY
from cyclone_core.problems import Problem
from cyclone_core.scheduler.again import ARRAY, SINGLE, SPARSE
from cyclone_core.scheduler.dynamo import keys, tiles
from cyclone_core.scheduler.dynamo.place import place
from cyclone_core.scheduler.dynamo.table import ConditionFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclone_core.jobs import JobRequest
    from cyclone_core.scheduler.dynamo.bucket import Bucket
    from cyclone_core.scheduler.dynamo.ids import Ids
    from cyclone_core.scheduler.dynamo.place import Place, Resources
    from cyclone_core.scheduler.dynamo.specs import Specs, Wanted
    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.dynamo.values import Item

FIRST_LOOK_MS = 60_000
"""The reconciler looks at a new job so long after its submission: by then its messages were sent, or something went wrong."""
MOST_INDICES = 8 * 1024
"""Bytes of packed indices that a job's item holds."""
_AT_ONCE = 24
"""Submissions of one program that are under way together: a write takes 5 ms within a region, 100 ms to another continent."""
_IDS_TRIED = 3
KEY_MS = 43_200_000
"""A submission with a key is over so long after it began: a job that is not there then was removed, and its id is used no more."""


class Submitter:
    """Accepts jobs for one host. Threads may share it."""

    def __init__(self, table: "Table", bucket: "Bucket", ids: "Ids", specs: "Specs") -> None:
        self.table, self.bucket, self.ids, self.specs = table, bucket, ids, specs

    def submit(self, request: "JobRequest", where: "Place", now: int, number: int | None = None) -> int:
        """Accept a request that was admitted (`place`); its id: with a known key that of the first. now: ms; number: an id for it.

        Raises InvalidRequest for a key of another job, AwsError, OSError (parameters that cannot be read).
        """
        wanted = self.specs.keep(request, now)
        key = request.idempotency_key
        if key and not key.startswith(AUTOMATIC_KEY):
            return self._submit_once(request, where, wanted, key, now)
        return self.write(self._item(request, where, wanted, now), request, number)

    def submit_many(self, requests: "Sequence[JobRequest]", resources: "Resources", now: int) -> "list[int | CycloneError]":
        """Accept many at once: the id of each, or what prevented it, in their order. now: ms.

        Raises InvalidRequest, with nothing stored, when one of them cannot be a job here; AwsError when there are no ids for them.
        """
        places = [place(request, resources) for request in requests]
        numbers = self.ids.take(len(requests))
        made: list[int | CycloneError] = [0] * len(requests)

        def submit(k: int) -> None:
            try:
                made[k] = self.submit(requests[k], places[k], now, numbers[k])
            except CycloneError as exc:
                made[k] = exc

        for k, request in enumerate(requests[:1]):  # what equal submissions share is there before they come all at once
            if request.script:
                submit(k)
        if len(requests) > 1:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(min(_AT_ONCE, len(requests) - 1)) as pool:
                list(pool.map(submit, range(1, len(requests))))
        return made

    # -- keys that somebody chose -------------------------------------------------------------------------------------------------
    def _submit_once(self, request: "JobRequest", where: "Place", wanted: "Wanted", key: str, now: int) -> int:
        """The key's item first: whoever makes it decides the job's id, and the job is there when its own item is."""
        for _ in range(_IDS_TRIED):
            number, is_new = self._promised(request, wanted, key, now)
            there = None if is_new else self.table.get(keys.job(number), consistent=True, fields=("pk", "k"))
            if there is None:
                item = {**self._item(request, where, wanted, now), "k": key}
                self._upload(number, item, request)
                there = self._put(number, item)
            if not there or there.get("k") == key:
                return number
            self.ids.forget()  # it is the job of somebody else: of a host that was made anew under the same name, perhaps
            self._take_back(key, number)
        raise AwsError("no free id was found for the job: the ids kept on this machine are those of other jobs. Submit again")

    def _promised(self, request: "JobRequest", wanted: "Wanted", key: str, now: int) -> "tuple[int, bool]":
        """(the id that a key leads to, whether it was free). Raises InvalidRequest for a key of something else."""
        (number,) = self.ids.take(1)
        item = {"j": number, "t": request.tasks, "sc": wanted.script, "at": now}
        try:
            self.table.put(keys.key(key), item, [("pk", "absent", None)])
            return number, True
        except ConditionFailed as failed:
            found: Item = failed.item
        if (found["t"], found["sc"]) != (request.tasks, wanted.script):
            raise InvalidRequest([_other_job(key, found["j"])])
        if now - found.get("at", 0) >= KEY_MS and not self.table.get(keys.job(found["j"]), consistent=True, fields=("pk",)):
            try:  # that job is gone, not on its way: its tasks, and what counts them, may still be there
                self.table.put(keys.key(key), item, [("j", "=", found["j"])])
                return number, True
            except ConditionFailed as failed:
                return int({**found, **failed.item}["j"]), False
        return int(found["j"]), False

    def _take_back(self, key: str, number: int) -> None:
        """A key leads to a job that is not its own: it is free again."""
        try:
            self.table.delete(keys.key(key), [("j", "=", number)])
        except ConditionFailed:
            pass  # somebody else saw it too

    # -- items --------------------------------------------------------------------------------------------------------------------
    def write(self, item: "Item", request: "JobRequest | None" = None, number: int | None = None) -> int:
        """Store a new job; its id. item: all but what depends on the id. Raises AwsError."""
        for _ in range(_IDS_TRIED):
            if number is None:
                (number,) = self.ids.take(1)
            whole = dict(item)
            self._upload(number, whole, request)
            if self.put(number, whole):
                return number
            self.ids.forget()  # of a host that was made anew under the same name, perhaps
            number = None
        raise AwsError("no free id was found for the job: the ids kept on this machine are those of other jobs. Submit again")

    def put(self, number: int, item: "Item") -> bool:
        """Make a job's item, complete but for what follows from its number; False when somebody else's is there. Raises AwsError."""
        there = self._put(number, item)
        return not there or there.get("tk") == item["tk"]

    def _put(self, number: int, item: "Item") -> "Item":
        """The same; {} or the item that is there."""
        whole = {**item, "due": keys.due_part(number)}
        whole["listing"], whole["listed_at"] = keys.listing(item["q"], number, item["at"])
        try:
            self.table.put(keys.job(number), whole, [("pk", "absent", None)])
        except ConditionFailed as failed:
            return failed.item
        return {}

    def _item(self, request: "JobRequest", where: "Place", wanted: "Wanted", now: int) -> "Item":
        item = new_job(
            request.name, where, request.user, request.priority, wanted.digest, request.tasks if request.is_array else 0, request.limit, now
        )
        if request.ranges:
            from cyclone_core.indices import Indices, pack

            indices = Indices(request.ranges)
            if indices.count != request.tasks:
                raise InvalidRequest([Problem("array", f"it has {indices.count:,} indices and {request.tasks:,} tasks", "Submit again")])
            item |= {"a": SPARSE, "lo": indices.low, "st": 1, "ix": pack(indices)}
        elif request.is_array:
            item["lo"], item["st"] = (request.indices[0], request.indices[2]) if request.indices else (1, 1)
        return item

    def _upload(self, number: int, item: "Item", request: "JobRequest | None") -> None:
        """Put what is too large for the item where it belongs."""
        self.move_indices(number, item)
        if request is not None and request.parameters is not None:
            item["pm"] = keys.parameter_object(number)
            try:
                self.bucket.put_file(item["pm"], request.parameters)
            except OSError as exc:
                raise InvalidRequest([Problem("-a", f"the packed parameters cannot be read: {exc.strerror}", "Submit again")]) from exc

    def move_indices(self, number: int, item: "Item") -> None:
        """Indices that are too many for a job's item become an object. Raises AwsError."""
        if len(item.get("ix", b"")) > MOST_INDICES:
            self.bucket.put(keys.index_object(number), item.pop("ix"))


def new_job(
    name: str, where: "Place", user: str, priority: int, spec: bytes, array: int, limit: int, now: int
) -> "Item":  # fmt: skip
    """The item of a new job, but for `lo`, `st`, `ix` and `pm`, and what follows from its id. array: tasks, 0 for a single job."""
    item: Item = {
        "n": name, "q": where.queue, "d": where.definition, "u": user, "p": priority, "b": keys.band(where.queue_priority, priority),
        "a": ARRAY if array else SINGLE, "t": array or 1, "sp": spec, "at": now, "v": 1, "due_at": now + FIRST_LOOK_MS,
        "tk": os.urandom(8),
    }  # fmt: skip
    if not array:
        return {**item, "s": keys.WAITING, "l": 0, "c": [1, 0, 0, 0, 0, 0]}
    item["sz"] = tiles.size(array, where.ratio, where.most_workers, limit)
    if limit:
        item |= {"lm": limit, "nx": min(limit, tiles.count(array, item["sz"]))}
    return item


def _other_job(key: str, job: int) -> Problem:
    return Problem(
        "idempotency_key", f"the key {key!r} belongs to job {job}, which runs something else", "Use a key of its own for each job"
    )
