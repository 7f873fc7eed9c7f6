"""Everything that the view of one job or task shows, read at one instant as one value; two equal ones look the same.

What only one pane shows is read while that pane is open. The overview of a large array is read again only when its counters changed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from cyclone_core.errors import CycloneError
from cyclone_core.jobs import WAITING
from cyclone_core.operations import metrics_log, scripts, system_log
from cyclone_core.operations.queries import HostView
from cyclone_core.views import Attempt, Job, Task
from cyclone_tui import formatters, job_facts
from cyclone_tui.following import prefix_length
from cyclone_tui.task_rows import positions_in
from cyclone_tui.widgets.fields import Field
from cyclone_tui.widgets.log_lines import clean
from cyclone_tui.widgets.timeline import Bar, bars

EVENTS = 500
"""Of an array only the first of them: there may be millions."""
SCRIPT_LINES = 20_000
_LOOKS_BETWEEN = 5
_TASKS_A_SECOND = 25_000
"""Of an array of an AWS host that runs, so many states are asked for on the average: of a million every 40 seconds."""
_AXIS_STEPS = 200
"""The time axis of what runs is drawn again when it grew by such a part."""


@dataclass(frozen=True)
class Event:
    """A line of the system log."""

    number: int
    at: str
    who: str
    what: str


@dataclass(frozen=True)
class Usage:
    """What a task used: samples, oldest first, and all of it in words."""

    cpu: tuple[float, ...]
    """percent of a core"""
    memory: tuple[float, ...]
    """MiB"""
    total: str
    span: str
    """from when to when"""


@dataclass(frozen=True)
class Overview:
    """Tasks of an array: a byte for each, and the positions of those in the chosen state. Compared by identity: they are large."""

    states: bytes = field(compare=False)
    status: int | None
    positions: Sequence[int] = field(compare=False)
    counts: tuple[int, ...]
    look: int
    """grows when something may have changed"""


@dataclass(frozen=True)
class JobPage:
    """See the module."""

    id: str
    """`1234` or `1234--7`"""
    pane: str
    """what was open when it was read"""
    job: int
    index: int | None
    position: int | None
    """of the task (1 of a single job), None for a whole array"""
    is_array: bool
    """shown as a whole array"""
    tasks: int
    name: str
    status: int
    is_final: bool
    counts: tuple[int, ...]
    title: tuple[tuple[str, str], ...]
    trouble: tuple[str, str]
    head: tuple[Field, ...]
    progress: tuple[tuple[str, str], ...]
    """of an array, as (text, style name)"""
    bars: tuple[Bar, ...]
    submitted: float
    until: float
    prefix: int
    neighbours: tuple[int | None, int | None]
    """indices of the tasks before and after it in its array"""
    details: tuple[tuple[str, str], ...] = ()
    overview: Overview | None = None
    usage: Usage | None = None
    script: tuple[str, ...] | None = None
    events: tuple[Event, ...] | None = None
    record: Any = field(default=None, compare=False)
    """the job or task as JSON values, to copy"""
    numbering: Job | None = field(default=None, compare=False)
    """knows the indices"""

    @property
    def can_run_again(self) -> bool:
        """Whether it, or of an array some task, is over."""
        return self.is_final or (self.is_array and any(self.counts[2:]))


class PageReader:
    """Reads pages of one job or task; remembers what does not change. Used on one thread at a time."""

    def __init__(self, text: str, ascii: bool, clock: Callable[[], float] = time.time) -> None:
        """text: `1234` or `1234--7`."""
        self.text, self.ascii, self._clock = text, ascii, clock
        self._script: tuple[str, ...] | None = None
        self._overview: Overview | None = None
        self._unread = 0
        self._looked = 0.0

    def read(self, host: HostView, pane: str, status: int | None, bar_width: int) -> JobPage:
        """The page with what `pane` shows. status: of the tasks in the table. Raises NotFound, UsageError, StateUnusable."""
        now = self._clock()
        job, task = host.find([self.text])[0]
        position = task.position if task else None if job.array else 1
        if task is None and position:
            task = host.reader.task(job.id, position)
        spec = host.reader.spec(job)
        attempts = host.reader.attempts(job.id, position) if position else []
        waits = host.why_waiting(job) if (task.status if task else job.counts[WAITING] and WAITING) == WAITING else None
        record = task.as_json() if task and job.array else job.as_json()
        return JobPage(
            id=job.task_id(task.position) if task else str(job.id), pane=pane, job=job.id, index=task.index if task else None,
            position=position,
            is_array=position is None, tasks=job.tasks, name=job.name, status=task.status if task else job.status,
            is_final=task.is_final if task else job.is_final, counts=job.counts,
            title=job_facts.title(job, task, self.ascii), trouble=job_facts.trouble(job, task, waits),
            head=job_facts.head(job, task, spec, now),
            progress=job_facts.progress(job, now, bar_width, self.ascii) if position is None else (),
            bars=bars(attempts), submitted=job.submitted, until=_until(job, attempts, now), prefix=0 if task else prefix_length(job),
            neighbours=_neighbours(job, task), record=record, numbering=job,
            details=job_facts.details(job, task, spec, self._parameters(host, job, position, spec)) if pane == "details" else (),
            overview=self._look(host, job, status) if position is None and pane in ("map", "tasks") else None,
            usage=_usage(host, job, position) if position and pane == "metrics" else None,
            script=self._lines(host, job, position) if pane == "script" else None,
            events=_events(host, job, position) if pane == "events" else None,
        )  # fmt: skip

    def _parameters(self, host: HostView, job: Job, position: int | None, spec: Any) -> Sequence[tuple[str, str]]:
        if not spec.get("parameters"):
            return ()
        if position is None:
            return (("file", str(spec["parameters"])),)
        try:
            return scripts.parameters(host, job, position)
        except CycloneError as exc:
            return (("file", str(exc)),)

    def _lines(self, host: HostView, job: Job, position: int | None) -> tuple[str, ...]:
        """The script with line numbers: of a task with its parameters put in."""
        if self._script is None:
            try:
                text = scripts.of_task(host, job, position) if position else scripts.of_job(host, job)
            except CycloneError as exc:
                return (str(exc),)
            lines = text.decode("utf-8", "replace").removesuffix("\n").split("\n")
            width = script_prefix(len(lines)) - 2
            self._script = tuple(f"{number:>{width}}  {clean(line)}" for number, line in enumerate(lines[:SCRIPT_LINES], 1))
            if len(lines) > SCRIPT_LINES:
                self._script += (f"{'':>{width}}  … {len(lines) - SCRIPT_LINES:,} lines more",)
        return self._script

    def _look(self, host: HostView, job: Job, status: int | None) -> Overview:
        """While the counters stay, tasks may still change places (one put back, another leased): read again now and then."""
        last = self._overview
        self._unread = self._unread + 1 if last and last.counts == job.counts else 0
        is_same = last is not None and last.counts == job.counts and (job.is_final or self._unread % _LOOKS_BETWEEN)
        if last is not None and not is_same and host.type == "aws" and not job.is_final:
            is_same = self._clock() - self._looked < job.tasks / _TASKS_A_SECOND
        if not is_same:
            self._looked = self._clock()
        states = last.states if last and is_same else host.reader.task_states(job.id)
        if last is None or states != last.states or status != last.status:
            look = last.look + 1 if last else 1
            counts = last.counts if last and is_same else job.counts  # those of these states
            last = self._overview = Overview(states, status, positions_in(states, status), counts, look)
        return last


def script_prefix(lines: int) -> int:
    """Characters before each line of a script: its number and two blanks."""
    return max(3, len(str(min(lines, SCRIPT_LINES)))) + 2


def _neighbours(job: Job, task: Task | None) -> tuple[int | None, int | None]:
    if task is None or not job.array:
        return None, None
    before, after = task.position - 1, task.position + 1
    return job.index(before) if before >= 1 else None, job.index(after) if after <= job.tasks else None


def _until(job: Job, attempts: Sequence[Attempt], now: float) -> float:
    """The right end of the time axis: the last end, or now, moved in steps."""
    ends = [one.ended for one in attempts if one.ended is not None]
    if len(ends) == len(attempts) and job.is_final:
        return max([job.submitted, *ends])
    whole = max(1.0, now - job.submitted)
    step = whole / _AXIS_STEPS if whole > _AXIS_STEPS else 1.0
    power = 2.0
    while power * 2 <= step:
        power *= 2
    return job.submitted + (int(whole / power) + 1) * power


def _usage(host: HostView, job: Job, position: int) -> Usage:
    cpu, memory, total, first, last = [], [], "", None, None
    for sample in metrics_log.of_task(host, job, position):
        if sample.is_total:
            total = (
                f"in all {formatters.duration(sample.cpu_s)} of CPU in {formatters.duration(sample.elapsed_s)} "
                f"({sample.cpu_percent:.0f} % of a core), at most {sample.rss_mib:,.1f} MiB in a process"
            )
        else:
            cpu.append(round(sample.cpu_percent, 1))
            memory.append(round(sample.rss_mib, 1))
            first, last = first if first is not None else sample.time, sample.time
    span = f"{formatters.plural(len(cpu), 'sample')}, {formatters.moment(first)} to {formatters.moment(last)}" if cpu else ""
    return Usage(tuple(cpu), tuple(memory), total, span)


def _events(host: HostView, job: Job, position: int | None) -> tuple[Event, ...]:
    found = system_log.of_task(host, job, position) if position else islice(system_log.of_array(host, job), EVENTS)
    return tuple(Event(number, _stamp(at), who, what) for number, (at, who, what) in enumerate(found))


def _stamp(seconds: float) -> str:
    """`01-31 12:00:00.123` in local time."""
    ms = round(seconds * 1000)
    return f"{time.strftime('%m-%d %H:%M:%S', time.localtime(ms // 1000))}.{ms % 1000:03}"
