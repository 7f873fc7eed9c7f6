"""Tasks that are over, once more, on an AWS host: the items of the new jobs. Lean.

Which tasks are meant is decided by `scheduler.again`. A new job shares the old one's spec; parameters and large lists of indices, which
belong to one job each, are copied. One request's ids are written first (`keys.again`), so a request that comes twice, or once more after a
death in between, makes each job once.
"""

import os

from cyclone_core.problems import Problems
from cyclone_core.scheduler.admission import check_place
from cyclone_core.scheduler.again import SPARSE, gone, shape_of, unknown
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.place import place_of
from cyclone_core.scheduler.dynamo.reader import DynamoReader
from cyclone_core.scheduler.dynamo.specs import indices_of, is_there
from cyclone_core.scheduler.dynamo.submission import new_job
from cyclone_core.scheduler.dynamo.table import ConditionFailed
from cyclone_core.scheduler.lifecycle import job_state
from cyclone_core.views import Job, SparseJob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclone_core.ports import Wanted
    from cyclone_core.scheduler.again import Shape
    from cyclone_core.scheduler.dynamo.place import Resources
    from cyclone_core.scheduler.dynamo.store import DynamoStore
    from cyclone_core.scheduler.dynamo.values import Item

KEPT_S = 7 * 86_400
"""So long a request that comes again is known."""


def submit(store: "DynamoStore", wanted: "Sequence[Wanted]", resources: "Resources", key: str, now: int) -> list[int]:
    """See `DynamoStore.again`."""
    problems = Problems()
    known = store.table.get(keys.again(key), consistent=True)
    if known and all(store.table.get(keys.job(number), consistent=True, fields=("pk",)) for number in known["ids"]):
        return list(known["ids"])
    planned = [_plan(store, *one, resources, problems) for one in wanted]
    problems.check()
    ids = known["ids"] if known else _ids(store, key, len(wanted), now)
    for number, plan in zip(ids, planned, strict=True):
        if plan is not None:
            _insert(store, number, *plan, resources, now)
    return list(ids)


def _ids(store: "DynamoStore", key: str, count: int, now: int) -> list[int]:
    ids = store.submitter.ids.take(count)
    if store.table.batch_get([keys.job(number) for number in ids], consistent=True, fields=("pk",)):
        store.submitter.ids.forget()  # somebody has used them: they were those of another host of this name, perhaps
        ids = store.submitter.ids.take(count)
    try:
        store.table.put(keys.again(key), {"ids": ids, "expires": now // 1000 + KEPT_S}, [("pk", "absent", None)])
    except ConditionFailed as failed:
        return list(failed.item["ids"])
    return ids


def _plan(
    store: "DynamoStore", number: int, states: "tuple[int, ...] | None", indices: "tuple[int, ...] | None", resources: "Resources",
    problems: Problems,
) -> "tuple[Item, Shape] | None":  # fmt: skip
    """The item of the job that is meant and the shape of the new one; None with problems."""
    item = store.job(number)
    if item is None:
        problems.extend([unknown(number)])
        return None
    before = len(problems.found)
    overview = DynamoReader(store.table, store.bucket).task_states(number)
    shape = shape_of(_view(store, item, overview), states, indices, lambda: overview, problems)
    if not store.specs.exists(item["sp"]):
        problems.extend([gone(number, "script")])
    if "pm" in item and not is_there(store.bucket, item["pm"]):
        problems.extend([gone(number, "parameter file")])
    for problem in check_place(item["q"], item["d"], resources):
        problems.add(str(number), problem.message, problem.hint)
    return (item, shape) if shape and len(problems.found) == before else None


def _view(store: "DynamoStore", item: "Item", overview: bytes) -> Job:
    """As much of a job as the rules look at."""
    if item["a"] == SPARSE:
        from cyclone_core.indices import pack

        job: Job = SparseJob(item["ix"] if "ix" in item else pack(indices_of(item, store.bucket)))
    else:
        job = Job()
    a, b, c, d, e, f = (overview.count(state) for state in range(6))
    job.id, job.array, job.tasks = int(item["pk"][2:]), bool(item["a"]), item["t"]
    job.low, job.step, job.counts = item.get("lo", 1), item.get("st", 1), (a, b, c, d, e, f)
    job.status = job_state(job.counts)
    return job


def _insert(store: "DynamoStore", number: int, old: "Item", shape: "Shape", resources: "Resources", now: int) -> None:
    kind, tasks, low, step, packed = shape
    where = place_of(old["q"], old["d"], resources)
    new = new_job(old["n"], where, old["u"], old["p"], old["sp"], tasks if kind else 0, old.get("lm", 0), now)
    if kind:
        new |= {"a": kind, "lo": low, "st": step}
    if packed is not None:
        new["ix"] = packed
    if "pm" in old:
        new["pm"] = keys.parameter_object(number)
        store.bucket.copy(old["pm"], new["pm"])
    store.submitter.move_indices(number, new)
    new["tk"] = os.urandom(8)
    store.submitter.put(number, new)
