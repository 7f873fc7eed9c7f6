"""One job or task in full: every field, its attempts, why it waits, the end of what it wrote; of an array its first failed tasks."""

from time import time

from cyclone_core.jobs import ERROR, FAILED, WAITING
from cyclone_core.operations import logs
from cyclone_core.views import SparseJob
from cyclone_tui.cli import listing, output, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from cyclone_core.operations.queries import HostView
    from cyclone_core.views import Attempt, Job, Json, Task
    from cyclone_tui.cli.qstat import Selection

    Field = tuple[str, str | None]

LAST_LINES = 50
FIRST_FAILED = 10
LONGEST_LIST = 200
"""Characters of a sparse array's indices; all: qstat -i ID --tasks."""
_ATTEMPTS = ("ATTEMPT", "STATUS", "STARTED", "TIME", "EXIT", "WORKER", "REASON")


def show(host: "HostView", selection: "Selection") -> None:
    """Show what the ids name, in their order. Raises NotFound before anything is shown when one does not exist."""
    found = host.find(selection.ids, selection.queue)
    if selection.tasks or selection.status is not None:
        for job, _ in found:
            listing.show_tasks(host, job, selection)
    elif selection.form == "ids":
        output.write_batches(f"{task.id if task else job.id}\n" for job, task in found)
    elif selection.form == "text":
        shown = (text_of_task(host, job, task) if task else text_of_job(host, job) for job, task in found)
        output.write_batches(("\n" if number else "") + block for number, block in enumerate(shown))
    elif selection.form == "json" and len(found) == 1:
        output.write_json(json_of(host, *found[0]))
    else:
        listing.write_json((json_of(host, job, task) for job, task in found), selection.form)


def json_of(host: "HostView", job: "Job", task: "Task | None") -> "Json":
    """The promised object of a job or task, with what is only looked up for one."""
    if task is not None:
        attempts = host.reader.attempts(job.id, task.position)
        told = {"name": job.name, "queue": job.queue, "why_waiting": _why(host, job, task)}
        return {**task.as_json(), **told, "attempts": [attempt.as_json() for attempt in attempts]}
    known = job.as_json()
    known["why_waiting"] = host.why_waiting(job)
    known["reason"] = known["reason"] or known["why_waiting"]
    known["spec"] = host.reader.spec(job)
    if job.array:
        known["failed_tasks"] = [task.as_json() for task in failed_tasks(host, job)]
    else:
        known["attempts"] = [attempt.as_json() for attempt in host.reader.attempts(job.id, 1)]
        known["last_output"] = [line.decode("utf-8", "replace") for line in logs.last_lines(host, job, 1, LAST_LINES)[0]]
    return known


def _why(host: "HostView", job: "Job", task: "Task") -> str | None:
    """Why a task waits: what its job waits for."""
    return host.why_waiting(job) if task.status == WAITING else None


def failed_tasks(host: "HostView", job: "Job") -> "list[Task]":
    """The first tasks by index that Failed or ended in Error."""
    found = [task for status in (FAILED, ERROR) if job.counts[status] for task in host.reader.tasks(job.id, status, 0, FIRST_FAILED)]
    return sorted(found, key=lambda task: task.position)[:FIRST_FAILED]


def text_of_job(host: "HostView", job: "Job") -> str:
    """A job for people."""
    spec, now, colour = host.reader.spec(job), time(), text.has_colour()
    fields: list[Field] = [
        ("Job", str(job.id)), ("Name", text.harmless(job.name)), ("Status", text.coloured(job.state, job.status, colour)),
        ("Exit code", None if job.exit_code is None else _exit(job.exit_code, job.signal)), ("Reason", job.reason),
        ("Waits because", host.why_waiting(job)),
        ("Queue", job.queue), ("Definition", job.definition), ("User", job.user or None), ("Key", job.key),
        ("Priority", str(job.priority) if job.priority else None), *_array_fields(job, colour), *_times(job, now), *_spec_fields(spec),
    ]  # fmt: skip
    return _fields(fields) + "".join(_failed(host, job, now, colour) if job.array else _ran(host, job, 1, now))


def text_of_task(host: "HostView", job: "Job", task: "Task") -> str:
    """A task for people."""
    now, colour = time(), text.has_colour()
    took = task.took if task.took is not None or task.started is None else now - task.started
    fields: list[Field] = [
        ("Task", task.id), ("Name", text.harmless(job.name)), ("Status", text.coloured(task.state, task.status, colour)),
        ("Exit code", None if task.exit_code is None else _exit(task.exit_code, task.signal)), ("Reason", task.reason),
        ("Waits because", _why(host, job, task)),
        ("Queue", job.queue), ("Definition", job.definition), ("Attempt", str(task.attempt)), ("Submitted", text.when(job.submitted)),
        ("Started", _time(task.started)), ("Ended", _time(task.ended)), ("Took", None if took is None else text.duration(took)),
    ]  # fmt: skip
    return _fields(fields) + "".join(_ran(host, job, task.position, now))


def _array_fields(job: "Job", colour: bool) -> "list[Field]":
    if not job.array:
        return []
    limit = f", at most {job.limit} at once" if job.limit else ""
    return [
        ("Tasks", f"{job.tasks:,} ({_ids(job)}{limit})"),
        ("Progress", f"{job.done:,} of {job.tasks:,} done ({100 * job.done // job.tasks} %): {text.counts_text(job.counts, colour)}"),
    ]


def _ids(job: "Job") -> str:
    """`1234--1 to 1234--100 in steps of 3`, or the list of a sparse array."""
    if isinstance(job, SparseJob):
        return f"indices {job.indices.text(LONGEST_LIST)}"
    step = f" in steps of {job.step}" if job.step > 1 else ""
    return f"{job.id}--{job.low} to {job.id}--{job.index(job.tasks)}{step}"


def _times(job: "Job", now: float) -> "list[Field]":
    took = text.run_time(job, now)
    return [
        ("Submitted", text.when(job.submitted)), ("Started", _time(job.started)), ("Ended", _time(job.ended)),
        ("Took", None if took is None else text.duration(took)), ("Cancelled at", _time(job.cancel)),
    ]  # fmt: skip


def _spec_fields(spec: "dict[str, Any]") -> "list[Field]":
    """What is executed, where it is not the usual."""
    codes = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in spec.get("retry_exit") or ())
    retries = spec.get("retries")
    interpreter = " ".join(spec.get("interpreter") or ())
    return [
        ("Retries", f"{retries}{f' (exit codes {codes})' if codes else ''}" if retries else None),
        ("Timeout", text.duration(spec["timeout_s"]) if spec.get("timeout_s") else None),
        ("Interpreter", text.harmless(interpreter) if interpreter not in ("", "/bin/bash") else None),
        ("Directory", text.harmless(spec.get("directory") or "") or None), ("Warm shell", "yes" if spec.get("warm") else None),
    ]  # fmt: skip


def _ran(host: "HostView", job: "Job", position: int, now: float) -> "Iterator[str]":
    """Attempts of a task and the end of its output."""
    attempts = host.reader.attempts(job.id, position)
    if len(attempts) > 1 or any(attempt.worker for attempt in attempts):
        yield "\n" + text.table(_ATTEMPTS, [_attempt_cells(attempt, now) for attempt in attempts], (0, 3, 4, 5))
    lines, more = logs.last_lines(host, job, position, LAST_LINES)
    if lines:
        yield f"\nOutput{f' (the last {len(lines)} lines; all: qlog -i {job.task_id(position)})' if more else ''}:\n"
        yield from (text.harmless(line.decode("utf-8", "replace").removesuffix("\r")) + "\n" for line in lines)


def _failed(host: "HostView", job: "Job", now: float, colour: bool) -> "Iterator[str]":
    found = failed_tasks(host, job)
    if found:
        count = job.counts[FAILED] + job.counts[ERROR]
        more = f" (the first {len(found)} of {count:,}; all: qstat -i {job.id} -f Failed)" if count > len(found) else ""
        yield f"\nFailed tasks{more}:\n"
        yield from listing.task_lines(found, now, colour)


def _attempt_cells(attempt: "Attempt", now: float) -> "list[str]":
    took = attempt.took if attempt.took is not None or attempt.started is None else now - attempt.started
    return [
        str(attempt.attempt), attempt.state, text.when(attempt.started), text.duration(took), text.exit_text(attempt.exit_code),
        str(attempt.worker or text.NOTHING), text.harmless(attempt.reason or ""),
    ]  # fmt: skip


def _fields(fields: "list[Field]") -> str:
    return "".join(f"{name + ':':<15}{value}\n" for name, value in fields if value is not None)


def _exit(code: int, signal: int | None) -> str:
    if not signal:
        return str(code)
    from signal import Signals

    names = {int(known): known.name for known in Signals}
    return f"{code} (signal {signal}, {names[signal]})" if signal in names else f"{code} (signal {signal})"


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else text.when(seconds)
