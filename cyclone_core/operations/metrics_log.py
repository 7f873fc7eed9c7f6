"""What tasks used: samples taken every few seconds while they ran, and what the kernel counted in the end.

A worker appends a line per sample to a file while a task runs (`worker.metrics`) and puts it into the END frame afterwards; tasks that
end before the first sample have a total only.
"""

from cyclone_core.jobs import RUNNING
from cyclone_core.operations.logs import choose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cyclone_core.operations.logs import Outputs
    from cyclone_core.operations.queries import HostView
    from cyclone_core.views import Attempt, Job, Task

_PAGE = 1000


class Sample:
    """Resources of an attempt at one moment (`time`, seconds since 1970), or in all when `is_total`.

    elapsed_s: since its start. cpu_s: used until then. cpu_percent: of one core, since the sample before (of a total: on average).
    rss_mib: resident memory then (of a total: the most that one of its processes had).
    """

    __slots__ = ("attempt", "cpu_percent", "cpu_s", "elapsed_s", "is_total", "rss_mib", "task", "time")

    def __init__(
        self, task: str, attempt: int, start: float, now: "tuple[float, float, float]", before: "tuple[float, float, float]"
    ) -> None:
        """now, before: (seconds since the start, CPU seconds, MiB)."""
        self.task, self.attempt, self.is_total = task, attempt, False
        self.elapsed_s, self.cpu_s, self.rss_mib = now
        self.time = start + self.elapsed_s
        seconds = self.elapsed_s - before[0]
        self.cpu_percent = max(0.0, 100 * (self.cpu_s - before[1]) / seconds) if seconds > 0 else 0.0


def of_task(host: "HostView", job: "Job", position: int, attempt: int | None = None) -> "Iterator[Sample]":
    """Samples of a task's last attempt (or the one asked for), then its total when it is over. Raises NotFound for no such attempt."""
    found = choose(host.reader, job, position, attempt)
    if found is not None:
        with host.outputs() as outputs:
            yield from _samples(outputs, job, position, found)


def of_array(host: "HostView", job: "Job") -> "Iterator[Sample]":
    """The same for the last attempts of all tasks of an array, by index."""
    after = 0
    with host.outputs() as outputs:
        while page := host.reader.tasks(job.id, None, after, _PAGE):
            for task in page:
                if task.journal or task.status == RUNNING:
                    yield from _samples(outputs, job, task.position, task)
            after = page[-1].position
            if after >= job.next - 1:
                return


def _samples(outputs: "Outputs", job: "Job", position: int, attempt: "Attempt | Task") -> "Iterator[Sample]":
    key = job.id, position, attempt.attempt
    end = outputs.end(key, attempt.journal, attempt.at)
    start = end.start_us / 1e6 if end else attempt.started or 0.0
    data = end.metrics if end else outputs.samples(key)
    name, before = job.task_id(position), (0.0, 0.0, 0.0)
    for line in data.splitlines():
        fields = line.split()
        if len(fields) == 3 and line:
            now = float(fields[0]), float(fields[1]), float(fields[2])
            yield Sample(name, attempt.attempt, start, now, before)
            before = now
    if end:
        total = end.took_us / 1e6, (end.user_us + end.system_us) / 1e6, end.max_rss_kib / 1024
        sample = Sample(name, attempt.attempt, start, total, (0.0, 0.0, 0.0))
        sample.is_total = True
        yield sample
