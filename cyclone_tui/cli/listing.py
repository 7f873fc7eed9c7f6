"""Lists of jobs and of tasks: aligned text, ids, one JSON array, or JSON lines; of any length, in flat memory.

On a terminal one page with the counters above, elsewhere everything: a program that reads must never miss a job.
"""

import os
from time import time

from cyclone_tui.cli import output, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeVar

    from cyclone_core.operations.queries import HostView
    from cyclone_core.views import Job, Json, Task
    from cyclone_tui.cli.qstat import Selection

    T = TypeVar("T")

_HEADING = ("ID", "NAME", "QUEUE", "STATUS", "TASKS", "SUBMITTED", "TIME", "EXIT")
_RIGHT = (4, 6, 7)
_TASK_HEADING = ("TASK", "STATUS", "ATTEMPT", "STARTED", "TIME", "EXIT", "REASON")
_TASK_WIDTHS = (16, 10, 7, 19, 8, 4, 0)
_TASK_RIGHT = (2, 4, 5)
_PAGE = 1000
_TASK_PAGE = 4096
"""A whole listing of tasks reads about one packed block at a time."""
_NAME_WIDTH = 40
"""Longest name shown whole on a terminal."""


def show_jobs(host: "HostView", selection: "Selection") -> None:
    """List the jobs that fit, newest first."""
    filters = selection.queue, selection.name, selection.status, selection.user
    if selection.form == "ids":
        output.write_batches(f"{job}\n" for job in _first(selection.limit, host.reader.each_id(*filters)))
    elif selection.form != "text":
        write_json((job.as_json() for job in _first(selection.limit, host.reader.each_job(*filters))), selection.form)
    elif not text.is_terminal():
        output.write_batches(job_lines(_first(selection.limit, host.reader.each_job(*filters)), time(), False, 1 << 30))
    else:
        _show_page(host, selection)


def show_tasks(host: "HostView", job: "Job", selection: "Selection") -> None:
    """List the tasks of a job that fit, by index."""
    terminal = selection.form == "text" and text.is_terminal()
    limit = selection.limit or (_lines_that_fit(1) if terminal else None)
    tasks = each_task(host, job, selection.status, _TASK_PAGE if limit is None else min(_TASK_PAGE, limit + 1))
    if selection.form == "ids":
        output.write_batches(f"{task.id}\n" for task in _first(limit, tasks))
    elif selection.form != "text":
        write_json((task.as_json() for task in _first(limit, tasks)), selection.form)
    else:
        output.write_batches(task_lines(_first(limit, tasks), time(), text.has_colour()))
        if terminal and next(tasks, None) is not None:
            output.write(f"… more: --limit N, or qstat -i {job.id} --tasks | less\n")


def each_task(host: "HostView", job: "Job", status: int | None, page_size: int = _TASK_PAGE) -> "Iterator[Task]":
    """Tasks of a job in order, read page by page."""
    after = 0
    while page := host.reader.tasks(job.id, status, after, page_size):
        yield from page
        after = page[-1].position


def write_json(objects: "Iterable[Json]", form: str) -> None:
    """An array of JSON objects, or (form `lines`) one per line, written while they are read."""
    from json import JSONEncoder

    texts = map(JSONEncoder(ensure_ascii=False).encode, objects)
    output.write_batches((line + "\n" for line in texts) if form == "lines" else _json_array(texts))


def job_lines(jobs: "Iterator[Job]", now: float, colour: bool, name_width: int) -> "Iterator[str]":
    """A heading and a line per job; columns are as wide as the first thousand need, wider ones push their line only."""
    first = [_cells(job, now, name_width) for job in _first(_PAGE, jobs)]
    widths = [max(len(heading), *(text.columns(cells[k]) for _, cells in first), 0) for k, heading in enumerate(_HEADING)]
    yield text.row(_HEADING, widths, _RIGHT)
    for status, cells in first:
        yield _row(status, cells, widths, colour)
    for job in jobs:
        yield _row(*_cells(job, now, name_width), widths, colour)


def task_lines(tasks: "Iterable[Task]", now: float, colour: bool) -> "Iterator[str]":
    """A heading and a line per task."""
    yield text.row(_TASK_HEADING, _TASK_WIDTHS, _TASK_RIGHT)
    for task in tasks:
        took = task.took if task.took is not None or task.started is None else now - task.started
        cells = [
            task.id, task.state, str(task.attempt), text.when(task.started), text.duration(took), text.exit_text(task.exit_code),
            text.harmless(task.reason or ""),
        ]  # fmt: skip
        line = text.row(cells, _TASK_WIDTHS, _TASK_RIGHT)
        yield line.replace(task.state, text.coloured(task.state, task.status, colour), 1) if colour else line


def _show_page(host: "HostView", selection: "Selection") -> None:
    """Counters and the newest jobs that fit the terminal."""
    colour = text.has_colour()
    queues = [entry for entry in host.summary() if selection.queue in (None, entry[0])]
    above = [f"{name}: {text.counts_text(counts, colour)}\n" for name, counts in queues]
    limit = selection.limit or _lines_that_fit(len(above) + 1)
    jobs = host.reader.jobs(selection.queue, selection.name, selection.status, selection.user, None, limit + 1)
    output.write("".join(above) + ("\n" if above else ""))
    if not jobs:
        output.write("no jobs\n")
        return
    output.write_batches(job_lines(iter(jobs[:limit]), time(), colour, _NAME_WIDTH))
    if len(jobs) > limit:
        output.write("… older jobs: --limit N, or qstat | less\n")


def _cells(job: "Job", now: float, name_width: int) -> "tuple[int, tuple[str, ...]]":
    name = text.harmless(job.name)
    return job.status, (
        str(job.id), text.shortened(name, name_width), job.queue, job.state, text.progress(job),
        text.when(job.submitted), text.duration(text.run_time(job, now)), text.exit_text(job.exit_code),
    )  # fmt: skip


def _row(status: int, cells: "tuple[str, ...]", widths: "list[int]", colour: bool) -> str:
    if not colour:
        return text.row(cells, widths, _RIGHT)
    before, after = text.row((*cells[:3], ""), widths[:4]), text.row(cells[4:], widths[4:], [k - 4 for k in _RIGHT])
    start = sum(widths[:3]) + 6
    return (
        text.filled(before.rstrip("\n"), start) + text.coloured(cells[3], status, True).ljust(widths[3] + _invisible(status)) + "  " + after
    )


def _invisible(status: int) -> int:
    """Characters of a coloured word that take no room."""
    return len(text.coloured("", status, True))


def _first(count: int | None, items: "Iterator[T]") -> "Iterator[T]":
    """At most `count` of them, and not one more is taken."""
    if count is None:
        yield from items
        return
    for _ in range(count):
        for item in items:
            yield item
            break
        else:
            return


def _json_array(texts: "Iterable[str]") -> "Iterator[str]":
    before = "["
    for item in texts:
        yield before + item
        before = ",\n"
    yield "[]\n" if before == "[" else "]\n"


def _lines_that_fit(taken: int) -> int:
    """Rows of a table that fit the terminal besides `taken` lines, the heading, a hint and the next prompt."""
    try:
        height = os.get_terminal_size(1).lines
    except OSError:
        height = 24
    return max(5, height - taken - 3)
