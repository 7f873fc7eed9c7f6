"""How values look in the job commands' text output: times, durations, colours, rows. Pure functions of what they show.

States are always words; colour only adds to them, on a terminal, unless NO_COLOR is set. Output of jobs is made harmless before it is shown
between lines of ours: control characters of a job must not move the cursor of whoever asks about it.
"""

import os
from time import localtime, strftime

from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, STATES, SUCCESSFUL, WAITING
from cyclone_core.views import iso

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclone_core.operations.metrics_log import Sample
    from cyclone_core.operations.system_log import Event
    from cyclone_core.views import Job

_COLOURS = {WAITING: "33", RUNNING: "36", SUCCESSFUL: "32", FAILED: "31", CANCELLED: "90", ERROR: "1;31"}
_HARMLESS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != 9}
NOTHING = "-"


def is_terminal() -> bool:
    """Whether a person looks at stdout."""
    return os.isatty(1)


def has_colour() -> bool:
    """Whether stdout shows colours: a terminal, and nobody asked for none (https://no-color.org)."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(word: str, status: int, colour: bool) -> str:
    """A word in the colour of a state."""
    return f"\x1b[{_COLOURS[status]}m{word}\x1b[0m" if colour else word


def when(seconds: float | None) -> str:
    """`2026-01-31 12:00:00` in local time."""
    return NOTHING if seconds is None else strftime("%Y-%m-%d %H:%M:%S", localtime(seconds))


def duration(seconds: float | None) -> str:
    """`0.012s`, `12.3s`, `4m05s`, `2h03m`, `3d04h`."""
    if seconds is None:
        return NOTHING
    seconds = max(0.0, seconds)
    if seconds < 59.95:
        return f"{seconds:.3f}s" if seconds < 1 else f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours < 24 else f"{hours // 24}d{hours % 24:02}h"


def run_time(job: "Job", now: float) -> float | None:
    """Seconds a job has taken from its first start to its end, or until now."""
    if job.is_final and not job.array:
        return job.took
    if job.started is None:
        return None
    return (job.ended if job.ended is not None else now) - job.started


def progress(job: "Job") -> str:
    """`250/1000` of an array, `-` of a single job."""
    return f"{job.done}/{job.tasks}" if job.array else NOTHING


def exit_text(exit_code: int | None) -> str:
    """The exit code, or `-`."""
    return NOTHING if exit_code is None else str(exit_code)


def counts_text(counts: "Sequence[int]", colour: bool = False) -> str:
    """`5 Waiting, 1 Running`: what is not zero."""
    parts = (coloured(f"{count:,} {STATES[state]}", state, colour) for state, count in enumerate(counts) if count)
    return ", ".join(parts) or "no tasks"


def harmless(text: str) -> str:
    """Text of somebody else with its control characters written out."""
    return text.translate(_HARMLESS)


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: two for wide letters and emoji, none for accents and joiners of their own."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(0 if category(char) in ("Mn", "Me", "Cf") else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def shortened(text: str, width: int) -> str:
    """As much of a text as fits into so many columns, with an ellipsis where that is not all."""
    if columns(text) <= width:
        return text
    while columns(text) > width - 1:
        text = text[:-1]
    return text + "…"


def filled(cell: str, width: int, right: bool = False) -> str:
    """A cell filled up to so many columns, with blanks behind it or (right) before it."""
    if cell.isascii():
        return cell.rjust(width) if right else cell.ljust(width)
    blanks = " " * (width - columns(cell))
    return blanks + cell if right else cell + blanks


def row(cells: "Sequence[str]", widths: "Sequence[int]", right: "Sequence[int]" = ()) -> str:
    """One aligned line; columns in `right` are aligned to the right, the last one is not filled up."""
    parts = [filled(cell, width, k in right) for k, (cell, width) in enumerate(zip(cells, widths, strict=True))]
    return "  ".join(parts).rstrip() + "\n"


def table(heading: "Sequence[str]", rows: "Sequence[Sequence[str]]", right: "Sequence[int]" = ()) -> str:
    """A whole small table."""
    widths = [max(map(columns, column)) for column in zip(heading, *rows, strict=True)]
    return "".join(row(cells, widths, right) for cells in (heading, *rows))


def event_line(event: "Event") -> str:
    """One line of `qlog -t SYSTEM`."""
    return f"{iso(event[0])}  {event[1]}  {event[2]}\n"


def event_json(event: "Event") -> dict[str, object]:
    """One event as JSON."""
    return {"at": iso(event[0]), "id": _id(event[1]), "event": event[2]}


def _id(text: str) -> int | str:
    """Ids of jobs are numbers in JSON, those of tasks of arrays are texts: as `qstat` writes them."""
    return int(text) if text.isdigit() else text


_SAMPLE = (("TASK", -14), ("ATTEMPT", 7), ("TIME", -24), ("ELAPSED_S", 10), ("CPU_S", 10), ("CPU_%", 7), ("RSS_MIB", 9), ("KIND", -6))


def sample_heading() -> str:
    """The heading of `qlog -t METRICS`."""
    return _sample_row([name for name, _ in _SAMPLE])


def sample_line(sample: "Sample") -> str:
    """One line of `qlog -t METRICS`."""
    return _sample_row([
        sample.task, str(sample.attempt), iso(sample.time) or NOTHING, f"{sample.elapsed_s:.2f}", f"{sample.cpu_s:.2f}",
        f"{sample.cpu_percent:.0f}", f"{sample.rss_mib:.1f}", "total" if sample.is_total else "sample",
    ])  # fmt: skip


def sample_json(sample: "Sample") -> dict[str, object]:
    """One sample as JSON."""
    return {
        "id": _id(sample.task), "attempt": sample.attempt, "at": iso(sample.time), "elapsed_s": round(sample.elapsed_s, 6),
        "cpu_s": round(sample.cpu_s, 6), "cpu_percent": round(sample.cpu_percent, 1), "rss_mib": round(sample.rss_mib, 3),
        "total": sample.is_total,
    }  # fmt: skip


def _sample_row(cells: "Sequence[str]") -> str:
    return row(cells, [abs(width) for _, width in _SAMPLE], [k for k, (_, width) in enumerate(_SAMPLE) if width > 0])
