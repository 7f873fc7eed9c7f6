"""A job or task in words: what the top of its view says, every field of it, and how far it is. Pure: records in, texts out."""

from collections.abc import Mapping, Sequence
from typing import Any

from cyclone_core.jobs import ERROR, FAILED, RUNNING, WAITING
from cyclone_core.views import Job, Task
from cyclone_tui import formatters
from cyclone_tui.cli.text import when
from cyclone_tui.widgets.fields import Field

Spec = Mapping[str, Any]
"""What a job executes, as `reader.spec` gives it."""


def exit_text(code: int | None, signal: int | None) -> str:
    """`3`, `137 (signal 9, SIGKILL)`; "" for nothing."""
    if code is None:
        return ""
    if not signal:
        return str(code)
    from signal import Signals

    names = {int(known): known.name for known in Signals}
    return f"{code} (signal {signal}, {names[signal]})" if signal in names else f"{code} (signal {signal})"


def seconds_taken(started: float | None, ended: float | None, now: float) -> float | None:
    """From start to end, or until now in whole seconds."""
    if started is None:
        return None
    return ended - started if ended is not None else float(max(0, int(now - started)))


def title(job: Job, task: Task | None, ascii: bool) -> tuple[tuple[str, str], ...]:
    """The first line: state, name, exit code; as (text, style name)."""
    status = task.status if task else job.status
    code, signal = (task.exit_code, task.signal) if task else (job.exit_code, job.signal)
    parts = [
        (formatters.state_text(status, ascii), formatters.STATE_STYLES[status]),
        (f"   {job.task_id(task.position) if task else job.id}", "title"),
        (f"  {formatters.printable(job.name)}", "title"),
    ]
    if code:
        parts.append((f"   exit code {exit_text(code, signal)}", "failed"))
    if task and task.attempt > 1:
        parts.append((f"   attempt {task.attempt}", "muted"))
    return tuple(parts)


def trouble(job: Job, task: Task | None, waits: str | None) -> tuple[str, str]:
    """(why it waits or why it ended as it did, style name); empty where there is nothing to say."""
    status = task.status if task else job.status
    reason = task.reason if task else job.reason
    if status in (FAILED, ERROR) and reason:
        return formatters.printable(reason), "failed"
    if waits:
        return f"waits: {waits}", "waiting" if job.counts[RUNNING] else "cancelled"
    if reason and reason.lower() != (task.state if task else job.state).lower():
        return formatters.printable(reason), "muted"
    return "", ""


def head(job: Job, task: Task | None, spec: Spec, now: float) -> tuple[Field, ...]:
    """The fields at the top, the most important first."""
    started, ended = (task.started, task.ended) if task else (job.started, job.ended)
    took = task.took if task and task.took is not None else seconds_taken(started, ended, now)
    fields = [
        Field("Queue", job.queue), Field("Submitted", formatters.moment(job.submitted, now)),
        Field("Took", formatters.duration(took) or "-") if ended else Field("Runs for", _whole(took) or "-"),
        Field("Started", formatters.moment(started, now) or "-"),
        Field("Definition", job.definition),
        Field("Ended", formatters.moment(ended, now)) if ended else Field("Priority", str(job.priority)),
        Field("User", formatters.printable(job.user) or "-"), Field("Retries", _retries(spec)),
    ]  # fmt: skip
    if job.array and task is None:
        limit = f", at most {job.limit:,} at once" if job.limit else ""
        fields[0:0] = [Field("Tasks", f"{job.tasks:,}{limit}"), Field("Indices", job.indices_text())]
    elif task is not None and task.worker:
        fields.insert(6, Field("Worker", f"{formatters.worker(task.worker)}{f', process {task.pid}' if task.pid else ''}"))
    fields.append(Field("Directory", formatters.printable(str(spec.get("directory") or "-"))))
    if job.key:
        fields.append(Field("Key", formatters.printable(job.key)))
    return tuple(fields)


def details(job: Job, task: Task | None, spec: Spec, parameters: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Every field, (name, value), in the order in which people ask; values may be long."""
    what: Job | Task = task or job
    names = sorted(spec.get("environment") or {})
    timeout = spec.get("timeout_s")
    rows: list[tuple[str, str | None]] = [
        ("Job", str(job.id)), ("Task", job.task_id(task.position) if task and job.array else None), ("Name", job.name),
        ("Status", what.state), ("Exit code", exit_text(what.exit_code, what.signal) or None), ("Reason", what.reason),
        ("Queue", job.queue), ("Definition", job.definition), ("User", job.user or None), ("Priority", str(job.priority)),
        ("Tasks", f"{job.tasks:,}, indices {job.indices_text()}" if job.array else None),
        ("At most at once", f"{job.limit:,}" if job.limit else None),
        ("Submitted", when(job.submitted)), ("Started", when(what.started) if what.started else None),
        ("Ended", when(what.ended) if what.ended else None), ("Cancelled", when(job.cancel) if job.cancel else None),
        ("Took", formatters.duration(what.took) if what.took is not None else None), ("Attempt", str(task.attempt) if task else None),
        ("Worker", f"{task.worker}{f', process {task.pid}' if task.pid else ''}" if task and task.worker else None),
        ("Output", formatters.size(task.size) if task and task.size else None),
        ("Retries", _retries(spec)), ("Timeout", formatters.duration(float(timeout)) if timeout else "none"),
        ("Idempotency key", job.key), ("Interpreter", " ".join(spec.get("interpreter") or ())),
        ("Directory", str(spec.get("directory") or "")),
        ("Umask", f"{spec['umask']:03o}" if "umask" in spec else None), ("Warm shell", "yes" if spec.get("warm") else None),
        ("Script", str(spec.get("script") or "")), *((f"Parameter {name}", value) for name, value in parameters),
        ("Environment", f"{formatters.plural(len(names), 'variable')}: {', '.join(names)}" if names else "nothing of its own"),
    ]  # fmt: skip
    return tuple((name, formatters.printable(value)) for name, value in rows if value is not None)


def _whole(seconds: float | None) -> str:
    """A time that still grows, without the fractions that are wrong at once."""
    return f"{int(seconds)}s" if seconds is not None and seconds < 60 else formatters.duration(seconds)


def _retries(spec: Spec) -> str:
    retries = int(spec.get("retries") or 0)
    codes = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in spec.get("retry_exit") or ())
    return f"{retries} on exit {codes}" if codes and retries else str(retries)


def progress(job: Job, now: float, width: int, ascii: bool) -> tuple[tuple[str, str], ...]:
    """A bar of `width` cells by state, how far an array is and when it may be done; as (text, style name)."""
    share = 100 * job.done // job.tasks if job.tasks else 100
    text = f"{share} %   {job.done:,} of {job.tasks:,} done"
    if not job.is_final and job.started is not None and job.done:
        rate = job.done / max(1.0, now - job.started)
        text += f"   {formatters.rate(rate)}"
        if job.counts[WAITING]:  # the last ones may take as long as they like
            text += f"   about {_whole(_rounded((job.counts[WAITING] + job.counts[RUNNING]) / rate))} left"
    return (*formatters.task_bar(job.counts, width, ascii), (f"  {text}", ""))


def _rounded(seconds: float) -> int:
    """So that it does not change with every look: to about a tenth."""
    step = next((step for step in (1, 5, 10, 60, 300, 3600) if seconds < 10 * step), 3600)
    return max(1, round(seconds / step)) * step
