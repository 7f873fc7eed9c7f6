"""What happened to a job or task: state changes with their times, told from what the database keeps.

Nothing is logged for this while jobs run: every change leaves its time somewhere (submission, attempts, cancellation, end), and that is
all that such a log could say.
"""

from cyclone_core.jobs import STATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cyclone_core.operations.queries import HostView
    from cyclone_core.views import Attempt, Job, Task

    Event = tuple[float, str, str]
    """(seconds since 1970, job or task, what happened)"""

_PAGE = 1000


def of_task(host: "HostView", job: "Job", position: int) -> "list[Event]":
    """Everything about one task (a single job has one), oldest first."""
    events = [_submitted(job), *_attempts(host, job, position)]
    if job.cancel is not None:
        events.append((job.cancel, str(job.id), "cancellation asked for"))
    task = host.reader.task(job.id, position)
    if task is not None and task.is_final and task.ended is not None:
        reason = f": {task.reason}" if task.reason and task.reason != task.state.lower() else ""
        events.append((task.ended, task.id, f"{task.state}{reason}"))
    return sorted(events, key=lambda event: event[0])  # stable: what happened first stays first at equal times


def of_array(host: "HostView", job: "Job") -> "Iterator[Event]":
    """Everything about an array: the job's own events, between them those of its tasks by index (not by time: there may be millions)."""
    yield _submitted(job)
    after = 0
    while page := host.reader.tasks(job.id, None, after, _PAGE):
        for task in page:
            if task.attempt > 1 or task.started is not None:
                yield from _told(host, job, task)
        after = page[-1].position
        if after >= job.next - 1:
            break
    if job.cancel is not None:
        yield job.cancel, str(job.id), "cancellation asked for"
    if job.ended is not None:
        counts = ", ".join(f"{count:,} {state}" for state, count in zip(STATES, job.counts, strict=True) if count)
        yield job.ended, str(job.id), f"{job.state} ({counts})"


def _submitted(job: "Job") -> "Event":
    tasks = f", {job.tasks:,} tasks" if job.array else ""
    by = f" by {job.user}" if job.user else ""
    return job.submitted, str(job.id), f"submitted{by} to queue {job.queue}, definition {job.definition}{tasks}"


def _attempts(host: "HostView", job: "Job", position: int) -> "Iterator[Event]":
    for attempt in host.reader.attempts(job.id, position):
        yield from _of_attempt(job.task_id(position), attempt)


def _told(host: "HostView", job: "Job", task: "Task") -> "Iterator[Event]":
    """Attempts of a task: a first and only one is all in the task itself, which saves a look for each of a million."""
    return _attempts(host, job, task.position) if task.attempt > 1 else _of_attempt(task.id, task)


def _of_attempt(name: str, attempt: "Attempt | Task") -> "Iterator[Event]":
    if attempt.started is not None:
        yield attempt.started, name, f"attempt {attempt.attempt} started{_where(attempt)}"
    if attempt.ended is not None:
        yield attempt.ended, name, f"attempt {attempt.attempt} ended: {_outcome(attempt)}"


def _where(attempt: "Attempt | Task") -> str:
    parts = [f" on worker {attempt.worker}"] if attempt.worker else []
    return ",".join([*parts, f" process {attempt.pid}"] if attempt.pid else parts)


def _outcome(attempt: "Attempt | Task") -> str:
    """`Failed, exit code 3`, `Failed, signal 9, ...reason`."""
    parts = [attempt.state]
    if attempt.signal:
        parts.append(f"signal {attempt.signal}")
    elif attempt.exit_code is not None:
        parts.append(f"exit code {attempt.exit_code}")
    if attempt.reason and attempt.reason != attempt.state.lower():
        parts.append(attempt.reason)
    return ", ".join(parts)
