"""Columns of the job table: what each shows of a row, and in which style. Pure functions of a row (and of now, for what runs)."""

import time
from collections.abc import Callable, Sequence

from cyclone_core.jobs import ERROR, FAILED
from cyclone_core.operations.browse import Row
from cyclone_tui import formatters
from cyclone_tui.widgets.table_columns import Column, Part, fit

DEFAULT = ("id", "name", "queue", "status", "progress", "took", "exit", "submitted", "user")
"""Columns that are shown unless the user chose others."""
_PERCENT = 5
"""Cells of the figure beside a progress bar."""


def columns(ascii: bool = False, clock: Callable[[], float] = time.time) -> tuple[Column[Row], ...]:
    """All columns, in the order in which they are offered. clock: seconds since 1970, for what runs."""

    def state(row: Row) -> str:
        return formatters.state_text(row.status, ascii)

    def progress(row: Row, width: int) -> Sequence[Part]:
        return progress_parts(row, width, ascii)

    return (
        Column("id", "Job", lambda row: row.id, width=9, justify="right", sort="id", descending=True, style=lambda row: "number"),
        Column("name", "Name", lambda row: row.job.name, least=10, sort="name", style=lambda row: "title"),
        Column("queue", "Queue", lambda row: row.job.queue, width=9, sort="queue", priority=4),
        Column("status", "Status", state, width=12, sort="status", style=lambda row: formatters.STATE_STYLES[row.status]),
        Column("progress", "Progress", progress_text, width=16, sort="done", descending=True, parts=progress, priority=2),
        Column("tasks", "Tasks", lambda row: f"{row.job.tasks:,}", width=10, justify="right", sort="tasks", descending=True, priority=5),
        Column("failed", "Failed", failed, width=8, justify="right", priority=5, style=lambda row: "failed"),
        Column("took", "Took", lambda row: took_text(row, clock()), width=7, justify="right", sort="took", descending=True, priority=1),
        Column("exit", "Exit", exit_code, width=4, justify="right", priority=3, style=exit_style),
        *(
            Column(name, name.capitalize(), _moment(when), width=11, sort=name, descending=True, priority=priority, style=_muted)
            for name, when, priority in (("submitted", submitted, 6), ("started", started, 7), ("ended", ended, 7))
        ),
        Column("user", "User", lambda row: row.job.user, width=8, sort="user", priority=8, style=_muted),
        Column("definition", "Definition", lambda row: row.job.definition, width=12, priority=8, style=_muted),
        Column("priority", "Prio", lambda row: str(row.job.priority), width=5, justify="right", priority=8, style=_muted),
        Column("output", "Output", output, width=9, justify="right", priority=8, style=_muted),
        Column("reason", "Reason", reason, least=12, priority=9, style=lambda row: formatters.STATE_STYLES[row.status]),
    )  # fmt: skip


def _muted(row: Row) -> str:
    return "muted"


def _moment(when: Callable[[Row], float | None]) -> Callable[[Row], str]:
    return lambda row: formatters.moment(when(row))


def exit_style(row: Row) -> str:
    """Only what went wrong is seen from afar."""
    return "muted" if exit_code(row) == "0" else "failed"


def submitted(row: Row) -> float | None:
    """When it was submitted."""
    return row.job.submitted


def took(row: Row, now: float) -> float | None:
    """Seconds that it ran, so far or in all. now: seconds since 1970."""
    if row.task is not None and row.task.took is not None:
        return row.task.took
    if row.task is None and row.job.took is not None:
        return row.job.took
    begin, end = started(row), ended(row)
    if begin is None:
        return None
    if end is None:
        return float(int(max(0.0, now - begin)))
    return max(0.0, end - begin)


def took_text(row: Row, now: float) -> str:
    """`12s`."""
    return formatters.duration(took(row, now))


def started(row: Row) -> float | None:
    """When it began."""
    return row.task.started if row.task is not None else row.job.started


def ended(row: Row) -> float | None:
    """When it was over."""
    return row.task.ended if row.task is not None else row.job.ended


def exit_code(row: Row) -> str:
    """As a shell would show it; "" until there is one."""
    code = row.task.exit_code if row.task is not None else row.job.exit_code
    return "" if code is None else str(code)


def failed(row: Row) -> str:
    """Tasks that did not end well."""
    number = row.job.counts[FAILED] + row.job.counts[ERROR]
    return f"{number:,}" if number and row.is_array else ""


def output(row: Row) -> str:
    """Size of its output."""
    size = row.task.size if row.task is not None else row.job.size
    return formatters.size(size) if size else ""


def reason(row: Row) -> str:
    """Why it ended as it did."""
    return (row.task.reason if row.task is not None else row.job.reason) or ""


def progress_text(row: Row) -> str:
    """`62% of 1,000`; "" for what has no parts."""
    return f"{percent(row)} of {row.job.tasks:,}" if row.is_array else ""


def percent(row: Row) -> str:
    """Share of the tasks that are over, rounded down: 100 % is only said when all are."""
    return f"{100 * row.job.done // row.job.tasks}%"


def progress_parts(row: Row, width: int, ascii: bool = False) -> Sequence[Part]:
    """A bar of an array's tasks by state, and its figure. What is there has at least one cell."""
    if not row.is_array:
        return ((" " * width, ""),)
    bar = formatters.task_bar(row.job.counts, width - _PERCENT, ascii)
    return (*bar, (fit(percent(row), _PERCENT, "right"), "number"))
