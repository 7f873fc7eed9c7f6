"""How what `operations.monitoring` tells looks: pure functions to texts, parts of table cells, and the views that things open."""

from collections.abc import Sequence
from shlex import quote
from textwrap import wrap
from time import localtime, strftime

from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, SUCCESSFUL, WAITING
from cyclone_core.operations.attention import Attention
from cyclone_core.operations.leaving import Asked
from cyclone_core.operations.monitoring import EventView, HostNow, JobLine, Pool, QueueNow, WorkerView
from cyclone_tui import formatters
from cyclone_tui.widgets.table_columns import Part, fit

HEALTH_STYLES = {
    "running": "ok", "stopped": "waiting", "new": "muted", "not answering": "failed", "full disk": "error",
    "ready": "ok", "changing": "running", "failed": "error", "not deployed": "failed", "asking": "muted", "not asked": "muted",
}  # fmt: skip
WORKER_STYLES = {
    "busy": "running",
    "idle": "muted",
    "starting": "waiting",
    "leaving": "waiting",
    "alone": "cancelled",
    "halted": "failed",
    "gone": "failed",
}
_WORKER_SIGNS = {"busy": "●", "idle": "○", "starting": "◌", "leaving": "◌", "alone": "!", "halted": "✗", "gone": "✗"}
_ASCII_WORKER_SIGNS = {"busy": ">", "idle": "o", "starting": ".", "leaving": ".", "alone": "!", "halted": "x", "gone": "x"}


def health_text(health: str, ascii: bool = False) -> str:
    """`● running`."""
    signs = ("+", "o", "!") if ascii else ("●", "○", "✗")
    waits = ("stopped", "new", "asking", "not asked", "changing")
    sign = signs[0] if health in ("running", "ready") else signs[1] if health in waits else signs[2]
    return f"{sign} {health}"


def host_text(host: HostNow, shown: str, ascii: bool = False) -> str:
    """The name, with a sign before the one that is shown."""
    return f"{('>' if ascii else '▸') if host.name == shown else ' '} {host.name}{' *' if host.selected else ''}"


def queue_bar(queue: QueueNow, width: int, ascii: bool = False) -> tuple[Part, ...]:
    """What of its tasks is over, runs and waits, as one bar; of a paused one that it is."""
    if queue.paused:
        return ((fit("paused", width), "cancelled"),)
    done = queue.counts[SUCCESSFUL] + queue.counts[CANCELLED]
    bad = queue.counts[FAILED] + queue.counts[ERROR]
    return stacked(((done, "ok"), (bad, "failed"), (queue.counts[RUNNING], "running"), (queue.counts[WAITING], "muted")), width, ascii)


def stacked(parts: Sequence[tuple[float, str]], width: int, ascii: bool = False) -> tuple[Part, ...]:
    """A bar of amounts side by side, the last one thin; empty where there is nothing. parts: (amount, style name)."""
    full, thin = ("#", ".") if ascii else ("━", "─")
    cells = formatters.shares([amount for amount, _ in parts], width)
    if not any(cells):
        return ((thin * width, "muted"),)
    signs = [full] * (len(parts) - 1) + [thin]
    return tuple((sign * number, style) for sign, number, (_, style) in zip(signs, cells, parts, strict=True) if number)


def pool_bar(pool: Pool, width: int, ascii: bool = False) -> tuple[Part, ...]:
    """Busy vCPUs of those that there are."""
    most = pool.max_vcpus or pool.busy_vcpus
    return stacked(((min(pool.busy_vcpus, most), "running"), (max(0.0, most - pool.busy_vcpus), "muted")), width, ascii)


def workers_of(pool: Pool) -> str:
    """`3`, `3+2` while two more start."""
    return f"{pool.workers:,}+{pool.starting:,}" if pool.starting else f"{pool.workers:,}"


def vcpus(pool: Pool) -> str:
    """`1.5/8`."""
    return f"{pool.busy_vcpus:g}/{pool.max_vcpus:g}" if pool.max_vcpus is not None else f"{pool.busy_vcpus:g}"


def job_bar(job: JobLine, width: int, ascii: bool = False) -> tuple[Part, ...]:
    """How much of an array is over; blank for one task."""
    if job.tasks <= 1:
        return ((" " * width, ""),)
    return formatters.task_bar(job.counts, width, ascii)


def busy_times(rates: Sequence[float]) -> tuple[float, ...]:
    """Throughput without the time in which nothing ended: of several zeros in a row the first, and none at the beginning.

    A chart of it stands still while nothing happens, and shows the work before that however long ago it was.
    """
    found: list[float] = []
    for rate in rates:
        if rate or (found and found[-1]):
            found.append(rate)
    return tuple(found)


def drained(asked: Asked) -> str:
    """Who was asked to leave, in one line."""
    kinds = ((asked.workers, "worker"), (asked.machines, "machine"))
    counts = " and ".join(formatters.plural(len(names), kind) for names, kind in kinds if names)
    before = len(asked.before)
    leaving = f"{before:,} {'is' if before == 1 else 'are'} leaving already" if before else ""
    return "; ".join(filter(None, (f"asked {counts} to leave" if counts else "", leaving))) or "nobody is there to be asked"


def slots(worker: WorkerView) -> str:
    """`3/8`: tasks that run, and that may run at once."""
    if not worker.slots:
        return ""
    used = len(worker.tasks) if worker.slots_used is None else worker.slots_used
    return f"{used}/{worker.slots}"


def task_now(worker: WorkerView, ascii: bool = False) -> str:
    """What it runs: the task that has run longest and how many others, or the job of its short tasks and how many it holds."""
    if worker.tasks:
        more = len(worker.tasks) - 1
        return f"{worker.tasks[0].id} {worker.tasks[0].name}".rstrip() + (f" +{more}" if more else "")
    return f"{worker.jobs[0]} {'x' if ascii else '×'}{worker.ahead}" if worker.jobs else ""  # noqa: RUF001


def cpu_bar(worker: WorkerView, percent: int | None, width: int, ascii: bool = False) -> tuple[Part, ...]:
    """How busy it is, a core for each task that it runs being all."""
    whole = 100.0 * max(1, len(worker.tasks))
    busy = min(whole, float(percent or 0))
    return stacked(((busy, "running"), (whole - busy, "muted")), width, ascii)


def worker_state(worker: WorkerView, ascii: bool = False) -> str:
    """`● busy`."""
    return f"{(_ASCII_WORKER_SIGNS if ascii else _WORKER_SIGNS).get(worker.state, '?')} {worker.state}"


def heard_text(worker: WorkerView) -> str:
    """When it last gave a sign of life: a connected one does all the time."""
    return "connected" if worker.connected else brief(worker.heard) if worker.heard else "never"


def attention_lines(one: Attention, width: int = 0, ascii: bool = False) -> list[tuple[str, bool]]:
    """(text, whether it is the command) of what somebody should look after. width: where texts are broken, 0 = nowhere."""
    sign = "!" if one.level == "error" or ascii else "▲"
    text = f"{sign} {one.what}: {one.why}"
    found = [(line, False) for line in (wrap(text, width, subsequent_indent="  ") if width else [text])]
    return [*found, (f"  {'->' if ascii else '→'} {one.remedy}", True)] if one.remedy else found


def rough(seconds: float) -> str:
    """A time that is only guessed, in words and in steps that do not change at every look: `40 s`, `5 min`, `2.5 h`, `3 days`."""
    if seconds < 55:
        return f"{max(10, round(seconds / 10) * 10)} s"
    if seconds < 3300:
        return f"{max(1, round(seconds / 60))} min"
    return f"{max(1, round(seconds / 1800) / 2):g} h" if seconds < 36 * 3600 else f"{seconds / 86400:.0f} days"


def brief(seconds: float | None, now: float | None = None) -> str:
    """A time of day today, else the day: at most eight letters; "" for nothing."""
    if seconds is None:
        return ""
    then, today = localtime(seconds), localtime(now)
    if then[:3] == today[:3]:
        return strftime("%H:%M:%S", then)
    return strftime("%d %b" if then[0] == today[0] else "%b %Y", then)


def place_of(subject: tuple[str, str]) -> str:
    """The view, as `:` takes it, that shows what an event or a warning is about."""
    kind, name = subject
    if kind == "queue":
        return f"jobs queue={quote(name)}"
    if kind == "job":
        return f"job {quote(name)}"
    return _PLACES.get(kind) or f"describe {kind} {quote(name)}"


_PLACES = {"host": "hosts", "worker": "workers", "deployment": "deployments"}


def event_sign(event: EventView, ascii: bool = False) -> str:
    """A sign for what somebody should know."""
    return "" if event.level == "info" else "!" if ascii else "▲"
