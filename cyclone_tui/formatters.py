"""How records look: pure functions from values to text, glyphs and style names. What a screen shows is tested here.

Style names are words ("ok", "failed" …), not colours: each widget maps them to component classes, and so to the theme.
"""

import time
from collections.abc import Sequence

from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, STATES, SUCCESSFUL, WAITING

STYLE_NAMES = ("", "muted", "waiting", "running", "ok", "failed", "cancelled", "error", "number", "title")
"""Every style that a cell may have; "" is plain text."""
STATE_STYLES = {
    WAITING: "waiting", RUNNING: "running", SUCCESSFUL: "ok", FAILED: "failed", CANCELLED: "cancelled", ERROR: "error",
}  # fmt: skip
GLYPHS = {WAITING: "○", RUNNING: "●", SUCCESSFUL: "✓", FAILED: "✗", CANCELLED: "⊘", ERROR: "!"}
"""State -> sign; signs and words go together, so colour is never the only difference."""
ASCII_GLYPHS = {WAITING: "o", RUNNING: ">", SUCCESSFUL: "+", FAILED: "x", CANCELLED: "-", ERROR: "!"}
RESOURCE_STYLES = {
    "ACTIVE": "ok", "CREATING": "running", "UPDATING": "running", "DELETING": "running", "FAILED": "failed", "DELETED": "muted",
    "UNKNOWN": "waiting",
    "running": "ok", "stopped": "waiting", "new": "muted", "not answering": "failed",
    "ready": "ok", "changing": "running", "failed": "failed", "not deployed": "failed", "asking": "muted", "not asked": "muted",
}  # fmt: skip
_BAR_ORDER = (SUCCESSFUL, FAILED, ERROR, CANCELLED, RUNNING, WAITING)


def glyph(status: int, ascii: bool = False) -> str:
    """The sign of a task or job state (index in `jobs.STATES`)."""
    return (ASCII_GLYPHS if ascii else GLYPHS)[status]


def state_text(status: int, ascii: bool = False) -> str:
    """Sign and word: `● Running`."""
    return f"{glyph(status, ascii)} {STATES[status]}"


def count(number: int) -> str:
    """A whole number with separators: `1,234,567`."""
    return f"{number:,}"


def short_count(number: float) -> str:
    """A number in at most five characters: `987`, `12.3k`, `1.05M`."""
    for limit, divisor, unit in ((10_000, 1, ""), (1_000_000, 1e3, "k"), (1e9, 1e6, "M"), (1e12, 1e9, "G")):
        if abs(number) < limit:
            if divisor == 1:
                return f"{number:,.0f}" if number == int(number) or abs(number) >= 100 else f"{number:.1f}"
            value = number / divisor
            return f"{value:.0f}{unit}" if value >= 100 else f"{value:.1f}{unit}" if value >= 10 else f"{value:.2f}{unit}"
    return f"{number:.0e}"


def rate(per_second: float) -> str:
    """Throughput: `1,234/s`, `0.5/s`, `2.0/min`, `1.5/h`."""
    if per_second >= 100:
        return f"{per_second:,.0f}/s"
    for seconds, unit in ((1, "s"), (60, "min"), (3600, "h")):
        if per_second * seconds >= 0.1:
            return f"{per_second * seconds:.1f}/{unit}"
    return "0/s"


def duration(seconds: float | None) -> str:
    """`8ms`, `3.50s`, `12s`, `3m05s`, `2h07m`, `3d04h`; "" for nothing."""
    if seconds is None:
        return ""
    if seconds < 0.9995:
        return f"{max(0.0, seconds) * 1000:.0f}ms"
    if seconds < 9.995:
        return f"{seconds:.2f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def moment(seconds: float | None, now: float | None = None) -> str:
    """A time of day today (`20:13:05`), else day and minute (`11-21 20:13`), with the year when it is another; "" for nothing.

    Absolute on purpose: an age would have to be drawn again every second.
    """
    if seconds is None:
        return ""
    then, today = time.localtime(seconds), time.localtime(now)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M:%S", then)
    return time.strftime("%m-%d %H:%M" if then[0] == today[0] else "%Y-%m-%d", then)


def size(number: int | float | None) -> str:
    """Bytes in binary units: `512 B`, `1.5 KiB`; "" for nothing."""
    if number is None:
        return ""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable")


def bar(part: float, whole: float, width: int, ascii: bool = False) -> str:
    """A bar of `width` characters, `part` of `whole` filled; something is seen as soon as there is something."""
    share = min(1.0, part / whole) if whole > 0 else 0.0
    filled = min(width, max(1 if share > 0 else 0, int(share * width)))
    full, empty = ("#", ".") if ascii else ("━", "─")
    return full * filled + empty * (width - filled)


def shares(amounts: Sequence[float], width: int) -> tuple[int, ...]:
    """How many of `width` cells each amount gets: all of them if there is anything, and what is there at least one."""
    whole = sum(amounts)
    if whole <= 0:
        return (0,) * len(amounts)
    cells = [max(1, int(amount * width / whole)) if amount else 0 for amount in amounts]
    while (excess := sum(cells) - width) and any(cells):
        cells[cells.index(max(cells))] -= excess if excess < 0 else 1
    return tuple(cells)


def task_bar(counts: Sequence[int], width: int, ascii: bool = False) -> tuple[tuple[str, str], ...]:
    """A bar of a job's tasks by state, as (text, style name): what is over, what runs, and thin what waits. counts: as `jobs.STATES`."""
    full, empty = ("#", ".") if ascii else ("━", "─")
    cells = shares([counts[state] for state in _BAR_ORDER], width)
    parts = [(empty if state == WAITING else full, state, number) for state, number in zip(_BAR_ORDER, cells, strict=True)]
    return tuple((sign * number, "muted" if state == WAITING else STATE_STYLES[state]) for sign, state, number in parts if number)


def worker(name: int | str | None) -> str:
    """`7`; of an AWS host `us-east-1/0a1b2c3d:12`: its region, the beginning of its Batch job's id, its number in the array.

    On a machine with several slots `lab/rack-1#4711`, whole.
    """
    if "#" in str(name or ""):
        return str(name)
    region, slash, batch = str(name or "").rpartition("/")
    whole, colon, number = batch.partition(":")
    return f"{region}{slash}{whole[:8] if len(whole) > 12 else whole}{colon}{number}"


def plural(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`, `1,234 tasks`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """The text as one line that cannot move the cursor or change colours: what does not print is escaped."""
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
