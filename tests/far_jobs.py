"""Jobs of an AWS host that are in memory: what mirrors read, with every question counted."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

from cyclone_core.errors import CycloneError
from cyclone_core.indices import Indices, pack
from cyclone_core.jobs import FINAL, RUNNING, STATES, SUCCESSFUL, WAITING, outcome
from cyclone_core.scheduler.lifecycle import job_state
from cyclone_core.views import Job, Outcome, SparseJob

SUBMITTED = float(int(time.time()) - 5000)
PARTS = 4


def made(number: int, status: int = WAITING, queue: str = "night", **fields: object) -> Job:
    """A single job; of one that ended it is known when, and how it exited."""
    sparse = fields.pop("indices", None)
    job = SparseJob(pack(sparse)) if isinstance(sparse, Indices) else Job()
    counts = tuple(int(state == status) for state in range(len(STATES)))
    at = SUBMITTED + number
    plain: dict[str, object] = {
        "id": number, "name": f"job-{number}", "queue": queue, "definition": "sim", "user": "ada", "spec": 1, "priority": 0,
        "idempotency_key": None, "array": sparse is not None, "tasks": 1, "low": 1, "step": 1, "limit": 0, "next": 1, "submitted": at,
        "started": at + 1 if status != WAITING else None, "ended": at + 3 if status in FINAL else None, "cancel": None, "counts": counts,
        "attempt": 1 if status != WAITING else None, "reason": None, "size": 0, **fields,
    }  # fmt: skip
    for name, value in plain.items():
        setattr(job, name, value)
    job.status = job_state(job.counts)
    code = (0 if status == SUCCESSFUL else outcome(3 << 8)) if job.is_final else None
    ended = (code, 1, int((at + 1) * 1e6), 2_000_000, 1, 0, 0) if job.is_final and not job.array else (None,) * 7
    job.final, job.took = ended, 2.0 if job.is_final else None
    exited = Outcome(code)
    job.exit_code, job.signal = exited.exit_code, exited.signal
    return job


class FarJobs:
    """A `mirror_refresh.Source` that is filled by hand."""

    def __init__(self) -> None:
        self.name = "table-1"
        self.here: dict[int, Job] = {}
        self.error = ""
        self.asked: Counter[str] = Counter()
        self.late: set[int] = set()
        """listed, and not readable yet"""
        self.behind: set[int] = set()
        """not counted yet as they are"""

    def add(self, *jobs: Job) -> None:
        """Put jobs there, or others in their places."""
        self.here.update((job.id, job) for job in jobs)

    def end(self, number: int, status: int = SUCCESSFUL) -> None:
        """A job ends."""
        self.add(made(number, status, self.here[number].queue))

    def _ask(self, what: str, count: int = 1) -> None:
        self.asked[what] += count
        if self.error:
            raise CycloneError(self.error)

    def identity(self) -> str:
        """See `Source`."""
        self._ask("identity")
        return self.name

    def counts(self) -> Mapping[str, tuple[int, ...]]:
        """See `Source`."""
        self._ask("counts")
        found: dict[str, list[int]] = {}
        for job in self.here.values():
            counts = found.setdefault(job.queue, [0] * len(STATES))
            for state, count in enumerate(job.counts):
                counts[state] += count
        return {queue: tuple(counts) for queue, counts in found.items()}

    def parts(self, queue: str) -> Sequence[str]:
        """See `Source`."""
        return [f"{queue}#{part}" for part in range(PARTS)]

    def newer(self, wanted: Mapping[str, str], limit: int) -> Mapping[str, Sequence[tuple[str, int]]]:
        """See `Source`."""
        self._ask("newer", len(wanted))
        return {part: [one for one in self._listed(part) if one[0] > place][:limit] for part, place in wanted.items()}

    def older(self, wanted: Mapping[str, str], limit: int) -> Mapping[str, Sequence[tuple[str, int]]]:
        """See `Source`."""
        self._ask("older", len(wanted))
        return {
            part: [one for one in reversed(self._listed(part)) if not place or one[0] < place][:limit] for part, place in wanted.items()
        }

    def states(self, jobs: Mapping[int, bool]) -> Mapping[int, tuple[int, ...]]:
        """See `Source`."""
        self._ask("states", len(jobs))
        return {number: self.here[number].counts for number in jobs if number in self.here and number not in self.behind}

    def jobs(self, ids: Sequence[int]) -> Sequence[Job]:
        """See `Source`."""
        self._ask("jobs", len(ids))
        return [self.here[number] for number in ids if number in self.here and number not in self.late]

    def _listed(self, part: str) -> list[tuple[str, int]]:
        queue, _, number = part.rpartition("#")
        places = [
            (f"{int(job.submitted * 1000):013d}#{job.id}", job.id)
            for job in self.here.values()
            if job.queue == queue and job.id % PARTS == int(number)
        ]
        return sorted(places)


def running(number: int, queue: str = "night") -> Job:
    """A job that runs."""
    return made(number, RUNNING, queue)
