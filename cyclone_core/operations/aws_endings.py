"""Waiting for jobs of an AWS host: looks at few items, and the less often the longer it lasts. Lean.

Of a single job its own item says that it is over, of an array its counters, which follow a second or two behind.
"""

import os

from cyclone_core.errors import NotFound
from cyclone_core.scheduler.dynamo import keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cyclone_core.operations.aws_host import AwsHost
    from cyclone_core.operations.jobs import Ended

FIRST_S, LONGEST_S = 0.25, 5.0
"""Between two looks: at first, and at most."""
SHARE = 0.05
"""A pause is at most this part of the time that was waited already: whoever waits for an hour can wait for some seconds more."""
JOBS_PER_S = 2000
"""Of many jobs a look takes hundreds of requests: the pause after it lets no more than so many be looked at in a second."""


class Watch:
    """Jobs that somebody waits for."""

    def __init__(self, host: "AwsHost") -> None:
        self._host = host
        self._kinds: dict[int, bool] = {}
        """job -> whether it is an array"""
        self._waited = 0.0

    def ended(self, ids: "Iterable[int]") -> "list[Ended]":
        """Those of the jobs that are over now. Raises NotFound for an id that does not exist, AwsError."""
        wanted = list(dict.fromkeys(ids))
        self._learn([job for job in wanted if job not in self._kinds])
        table = self._host.table
        alone, arrays = [job for job in wanted if not self._kinds[job]], [job for job in wanted if self._kinds[job]]
        over = [key for key, item in table.batch_get(list(map(keys.job, alone)), fields=("s",)).items() if item.get("s") == keys.OVER]
        over += [key for key, item in table.batch_get(list(map(keys.total, arrays)), fields=("ended",)).items() if item.get("ended")]
        found = self._host.reader.listed([int(pk[2:]) for pk, _ in over]) if over else []
        return [(job.id, job.status, job.exit_code) for job in found if job.is_final]

    def pause(self, count: int) -> float:
        """So long until the next look, seconds. count: jobs that it will be at."""
        found = max(min(LONGEST_S, max(FIRST_S, self._waited * SHARE)), count / JOBS_PER_S)
        self._waited += found
        return found

    def look_soon(self) -> None:
        """Something happened: the next look is after a short pause."""
        self._waited = 0.0

    def _learn(self, ids: list[int]) -> None:
        """Which of the jobs are arrays; seen even when they were submitted a moment ago."""
        found = self._host.table.batch_get(list(map(keys.job, ids)), consistent=True, fields=("a",))
        for job in ids:
            item = found.get(keys.job(job))
            if item is None:
                raise NotFound(f"there is no job {job}. See the jobs with: qstat")
            self._kinds[job] = bool(item.get("a"))


class AwsEndings:
    """Looks at jobs until one of them is over. Implements `jobs.Endings`."""

    def __init__(self, host: "AwsHost") -> None:
        self._watch = Watch(host)

    def listen(self, ids: list[int]) -> None:
        """Short jobs may be over soon. `hear` looks at all that is open."""
        self._watch.look_soon()

    def hear(self, wake: int, open_ids: "Iterable[int]") -> "list[Ended]":
        """Jobs that ended, none when woken for something else."""
        from select import POLLIN, poll

        ids = list(open_ids)
        found = self._watch.ended(ids)
        if found:
            self._watch.look_soon()
            return found
        wakes = poll()
        wakes.register(wake, POLLIN)
        if wakes.poll(self._watch.pause(len(ids)) * 1000 if ids else None):
            os.read(wake, 65536)
        return []

    def close(self) -> None:
        """Nothing is held."""
