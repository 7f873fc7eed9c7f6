"""Jobs as people see them, from their items: JOB, and of an array TOTAL. Pure but for the clock and for sparse arrays' indices. Lean."""

from time import time

from cyclone_core.jobs import CANCELLED, CAUSE_CANCELLED, CAUSE_NOT_STARTED, ERROR, FAILED, SUCCESSFUL, cause_of
from cyclone_core.scheduler.dynamo import totals, unit_items
from cyclone_core.scheduler.dynamo.unit import Unit
from cyclone_core.scheduler.lifecycle import job_state
from cyclone_core.views import Job, Outcome, SparseJob, cause_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cyclone_core.indices import Indices
    from cyclone_core.journal import Row
    from cyclone_core.scheduler.dynamo.values import Item

_SPARSE = 2
_NOTHING = (None,) * 7
LOG_BITS = 48
"""A log object's number as views tell it (`journal`): its number in these bits, above them the first position of its slice."""


class FarSparseJob(SparseJob):
    """A sparse array whose indices are fetched when somebody asks for them."""

    __slots__ = ("_fetch",)

    def __init__(self, fetch: "Callable[[], Indices]") -> None:
        super().__init__(b"")
        self._fetch = fetch

    @property
    def indices(self) -> "Indices":
        """The list. Raises AwsError."""
        if self._indices is None:
            self._indices = self._fetch()
        return self._indices


def job_of(item: "Item", total: "Item | None", fetch: "Callable[[], Indices]") -> Job:
    """A job. item: JOB; total: TOTAL of an array, None while there is none; fetch: the indices of a sparse array."""
    if item["a"] == _SPARSE:
        job: Job = SparseJob(item["ix"]) if "ix" in item else FarSparseJob(fetch)
    else:
        job = Job()
    job.id, job.name, job.queue, job.definition = int(item["pk"][2:]), item.get("n", ""), item["q"], item["d"]
    job.user, job.spec, job.priority = item.get("u", ""), int.from_bytes(item.get("sp", b""), "big"), item.get("p", 0)
    job.idempotency_key, job.array, job.tasks = item.get("k"), bool(item["a"]), item["t"]
    job.low, job.step, job.limit = item.get("lo", 1), item.get("st", 1), item.get("lm", 0)
    job.next = job.tasks + 1  # any of its tasks may have been leased
    job.submitted = item["at"] / 1000
    job.cancel = item["x"] / 1000 if "x" in item else None
    job.started = job.ended = job.attempt = job.took = job.size = job.exit_code = job.signal = job.reason = None
    job.final = _NOTHING
    if job.array:
        _of_array(job, total or {})
    else:
        _of_single(job, unit_items.read(item))
    return job


def ran(row: "Row", log: int) -> bool:
    """Whether the process of an attempt was ever there, from its result."""
    return cause_of(row[3]) not in (CAUSE_CANCELLED, CAUSE_NOT_STARTED) or bool(row[5] or log)


def journal(low: int, log: int) -> int:
    """How views tell where an output lies; low: first position of the slice, 0 of a single job; 0: nowhere."""
    return low << LOG_BITS | log if log else 0


def _of_single(job: Job, unit: Unit) -> None:
    job.status = unit.states()[0]
    a, b, c, d, e, f = (int(state == job.status) for state in range(6))
    job.counts = a, b, c, d, e, f
    if unit.running:
        job.started = unit.running[0][2] / 1000
    if 1 not in unit.results:
        if job.is_final:  # cancelled where nobody held it
            job.ended, job.reason = job.cancel, "cancelled"
        return
    row, log = unit.results[1]
    _, _, attempt, code, start_us, took_us, at, size = row
    job.attempt, job.size, has_run = attempt, size, ran(row, log)
    job.final = code, attempt, start_us, took_us, journal(0, log), at, size
    job.ended = (start_us + took_us) / 1e6
    if has_run:
        job.started, job.took = start_us / 1e6, took_us / 1e6
    outcome = Outcome(code, has_run)
    job.exit_code, job.signal = outcome.exit_code, outcome.signal
    if job.status != SUCCESSFUL:
        job.reason = unit.reasons.get((1, attempt)) or cause_text(code)


def _of_array(job: Job, total: "Item") -> None:
    job.counts = totals.of_array(job.tasks, total, job.cancel is not None)
    job.status = job_state(job.counts)
    job.started = total["started"] / 1000 if "started" in total else None
    if not job.is_final:
        return
    job.ended = total["ended"] / 1000 if "ended" in total else job.cancel or time()  # it is being written just now
    if job.status == SUCCESSFUL:
        job.exit_code = 0
    if job.status in (FAILED, ERROR):
        if "fc" in total:
            job.exit_code = Outcome(total["fc"]).exit_code
        if "ep" in total:
            job.reason = f"{job.task_id(total['ep'])}: {total.get('er')}"
    elif job.status == CANCELLED:
        job.reason = "cancelled"
