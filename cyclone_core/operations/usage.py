"""Use case of asking what work used and cost: vCPU hours by job, queue, user, region, day, instance type or purchase, and what was paid.

    report = of(host, ask(by="user", since="7d"))

Days are whole ones of UTC. What an attempt used is its duration times the vCPUs of its definition. Dollars are those that were known when
the worker came (`paid_usd`, of the day of the use), and where nobody told, those of the price list (`listed_usd`, of its date); work on
machines of one's own is counted without a price, unless whoever let them join gave one. An AWS host counts each attempt on the day on
which it ended; by job it tells of the jobs that were submitted in that time, whole.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cyclone_core.errors import NotFound
from cyclone_core.operations.queries import HostView
from cyclone_core.options import did_you_mean
from cyclone_core.problems import Problems
from cyclone_core.scheduler.usage import OWN, Place, There, Used

BY = ("job", "queue", "user", "region", "day", "type", "purchase")
"""What usage may be asked by."""
DEFAULT_DAYS = 7
LONGEST_DAYS = 400
"""Workers' items are kept so long."""
ALWAYS = "1970-01-01"
"""First day where only one job is asked for."""
MOST_JOBS = 1000
"""Jobs that are told apart, unless more are asked for."""
NOT_KNOWN = "(not known)"
_WORKERS_HAVE = ("region", "day", "type", "purchase")
"""What a worker is of as a whole, so that its idle time is too."""


@dataclass(frozen=True)
class Ask:
    """What is asked; made by `ask`."""

    by: str = "queue"
    first: str = ""
    """First day, `2026-11-23`."""
    last: str = ""
    """Last day, included."""
    job: int = 0
    """Only this one; 0: all."""
    queue: str = ""
    user: str = ""
    most: int = MOST_JOBS
    """Jobs that are told apart at most, the newest ones."""

    @property
    def days(self) -> tuple[str, ...]:
        """All of them, oldest first."""
        first, last = date.fromisoformat(self.first), date.fromisoformat(self.last)
        return tuple((first + timedelta(days=at)).isoformat() for at in range((last - first).days + 1))


@dataclass(frozen=True)
class Row:
    """What was used of one kind."""

    key: str
    """Name of the queue, user …, number of the job."""
    name: str = ""
    """A job's name."""
    tasks: int = 0
    """Attempts that ended; of a job on an AWS host its tasks that are over."""
    vcpu_s: float = 0.0
    paid_usd: float = 0.0
    """At the prices that were known when the workers came."""
    listed_usd: float = 0.0
    """At list prices, where nobody told."""
    own_vcpu_s: float = 0.0
    """On machines of one's own, which have no price here."""
    unpriced_vcpu_s: float = 0.0
    """Where neither a price nor the instance is known."""
    busy_vcpu_s: float = 0.0
    up_vcpu_s: float = 0.0
    """vCPU seconds that workers were there, 0: not known of this."""

    @property
    def usd(self) -> float | None:
        """US dollars, None where nothing of it has a price."""
        priced = self.vcpu_s - self.own_vcpu_s - self.unpriced_vcpu_s > 1e-6 or self.paid_usd or self.listed_usd
        return self.paid_usd + self.listed_usd if priced else None

    @property
    def vcpu_hours(self) -> float:
        """vCPU hours."""
        return self.vcpu_s / 3600

    @property
    def efficiency(self) -> float | None:
        """Share of the workers' time in which tasks ran, None where it is not known."""
        return min(1.0, self.busy_vcpu_s / self.up_vcpu_s) if self.up_vcpu_s else None

    @property
    def priced(self) -> str:
        """How it was priced, in a word: paid, list, both, own (all of it on machines that joined), "" for not at all."""
        if self.usd is None:
            return OWN if self.own_vcpu_s and self.unpriced_vcpu_s < 1e-6 else ""
        return "paid" if not self.listed_usd else "list" if not self.paid_usd else "both"


@dataclass(frozen=True)
class Usage:
    """What was used."""

    host: str
    type: str
    """local or aws"""
    ask: Ask
    rows: tuple[Row, ...]
    """The most vCPU seconds first; days by date, newest first."""
    total: Row
    days: tuple[str, str] = ("", "")
    """First and last day of the prices in `paid_usd`."""
    prices_of: str = ""
    """Date of the list prices, where any was used (dates, where lists of several were)."""
    prices_from: str = ""
    """Where those come from."""
    notes: tuple[str, ...] = ()
    """What has to be known to read the numbers, in sentences."""
    most: bool = False
    """Whether there were more jobs than were asked for."""

    def share(self, row: Row) -> float:
        """Of all vCPU seconds, 0 to 1."""
        return row.vcpu_s / self.total.vcpu_s if self.total.vcpu_s else 0.0

    def as_json(self) -> dict[str, Any]:
        """As JSON has it."""
        asked = {"by": self.ask.by, "since": self.ask.first, "until": self.ask.last}
        narrowed = {"job": self.ask.job, "queue": self.ask.queue, "user": self.ask.user}
        prices = {
            "paid": {"since": self.days[0], "until": self.days[1]},
            "list": self.prices_of or None,
            "source": self.prices_from or None,
        }
        return {
            "host": self.host, **asked, **{name: value for name, value in narrowed.items() if value},
            "rows": [row_json(row, self.share(row), self.ask.by) for row in self.rows],
            "total": row_json(self.total, self.share(self.total), ""),
            "currency": "USD", "prices": prices, "more_jobs": self.most, "notes": list(self.notes),
        }  # fmt: skip


def row_json(row: Row, share: float, by: str) -> dict[str, Any]:
    """A row as JSON. by: what its key is, "" for the total."""
    key: dict[str, Any] = {by: int(row.key) if by == "job" else row.key} if by else {}
    if by == "job":
        key["name"] = row.name
    efficiency = None if row.efficiency is None else round(row.efficiency, 4)
    return {
        **key, "tasks": row.tasks, "vcpu_hours": round(row.vcpu_hours, 6), "share": round(share, 4),
        "usd": None if row.usd is None else round(row.usd, 6), "paid_usd": round(row.paid_usd, 6), "listed_usd": round(row.listed_usd, 6),
        "priced": row.priced or None, "own_vcpu_hours": round(row.own_vcpu_s / 3600, 6),
        "unpriced_vcpu_hours": round(row.unpriced_vcpu_s / 3600, 6), "efficiency": efficiency,
    }  # fmt: skip


CSV = ("tasks", "vcpu_hours", "share", "usd", "paid_usd", "listed_usd", "priced", "own_vcpu_hours", "unpriced_vcpu_hours", "efficiency")
"""Columns of a table of rows, behind the key."""


def as_csv(usage: Usage) -> str:
    """The rows as CSV (RFC 4180 but for its line ends), with a heading, the total last and the dates of prices in every line."""
    import csv
    import io

    out = io.StringIO()
    by = usage.ask.by
    key = (by, "name") if by == "job" else (by,)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*key, *CSV, "since", "until", "list_prices_of"])
    for row, kind in [*((row, by) for row in usage.rows), (usage.total, "")]:
        record = row_json(row, usage.share(row), kind)
        first = [record.get(name, "total" if at == 0 else "") for at, name in enumerate(key)]
        values = ["" if record[name] is None else record[name] for name in CSV]
        writer.writerow([*first, *values, usage.ask.first, usage.ask.last, usage.prices_of])
    return out.getvalue()


# -- what is asked ------------------------------------------------------------------------------------------------------------------------
def ask(
    by: str | None = None, since: str | date | None = None, until: str | date | None = None, job: str | int | None = None,
    queue: str | None = None, user: str | None = None, most: str | int | None = None, today: date | None = None,
    label: Callable[[str], str] = lambda name: name,
) -> Ask:  # fmt: skip
    """What to ask, from words: days as `2026-11-23`, `7d` or `2w` (so many with today). Raises InvalidRequest with all that is wrong.

    by: one of `BY`, by default `queue`, of one job `region`. label: what problems call each of these.
    """
    problems = Problems()
    today = today or datetime.now(UTC).date()
    number = _number(job, label("job"), problems)
    found = _by(by or ("region" if number else "queue"), label("by"), problems)
    last = _day(until, today, label("until"), problems, end=True) if until is not None else today
    usual = date.fromisoformat(ALWAYS) if number else (last or today) - timedelta(days=DEFAULT_DAYS - 1)
    first = _day(since, today, label("since"), problems) if since is not None else usual
    if first and last:
        if first > last:
            problems.add(label("since"), f"{first} is after {last}", "Both days are included; days are those of UTC")
        elif (last - first).days >= LONGEST_DAYS and since is not None:
            problems.add(label("since"), f"{(last - first).days + 1} days are more than {LONGEST_DAYS}", "So long usage is kept")
    limit = _number(most, label("most"), problems) if most is not None else MOST_JOBS
    problems.check()
    return Ask(found, str(first), str(last), number, queue or "", user or "", limit or MOST_JOBS)


def _by(word: str, path: str, problems: Problems) -> str:
    if word not in BY:
        near = did_you_mean(word, BY)
        problems.add(path, f"{word!r} is nothing that usage is counted by{near or '.'} One of {', '.join(BY)}")
    return word


def _number(given: str | int | None, path: str, problems: Problems) -> int:
    text = str(given or "")
    if text and not (text.isascii() and text.isdecimal() and int(text)):
        problems.add(path, f"{text!r} is not a number above 0")
        return 0
    return int(text or 0)


def _day(given: str | date, today: date, path: str, problems: Problems, end: bool = False) -> date | None:
    """A day, or so many days of which today is the last; end: so many days ago."""
    if isinstance(given, date):
        return given.date() if isinstance(given, datetime) else given
    words = {"today": today, "yesterday": today - timedelta(days=1)}
    if given.strip().lower() in words:
        return words[given.strip().lower()]
    if found := re.fullmatch(r"(\d{1,4})([dw])", given.strip().lower()):
        count = int(found[1]) * (7 if found[2] == "w" else 1)
        return today - timedelta(days=count if end else max(0, count - 1))
    try:
        return date.fromisoformat(given.strip())
    except ValueError:
        problems.add(path, f"{given!r} is no day", "Write 2026-11-23, 7d (days, with today), 2w, today or yesterday; days are those of UTC")
        return None


# -- the answer ---------------------------------------------------------------------------------------------------------------------------
def of(host: HostView, asked: Ask) -> Usage:
    """What was used of a host. Raises NotFound for a job that it does not have, CycloneError when it cannot be read."""
    from cyclone_core.operations import usage_prices, usage_sources

    days = _days_of(host, asked)
    found = usage_sources.read(host, asked)
    used = [one for one in found.used if (not asked.queue or one.queue == asked.queue) and (not asked.user or one.user == asked.user)]
    there = found.there if not (asked.queue or asked.user or asked.job) else ()
    rows = grouped(used, there, asked.by, usage_prices.usd)
    total = _total(rows, there)
    listed = usage_prices.listed_on(one.place for one in used) if total.listed_usd else ("", "")
    return Usage(host.name, host.type, asked, rows, total, days, *listed, tuple(_notes(host, asked, total, days, listed[0])), found.more)


def _days_of(host: HostView, asked: Ask) -> tuple[str, str]:
    """The first and last day of which prices are, of a job those on which it ran. Raises NotFound."""
    if not asked.job:
        return asked.first, asked.last
    job = host.reader.job(asked.job)
    if job is None:
        raise NotFound(f"there is no job {asked.job} on host {host.name}. See the jobs with: qstat")
    last = asked.last if job.ended is None else datetime.fromtimestamp(job.ended, UTC).date().isoformat()
    return datetime.fromtimestamp(job.submitted, UTC).date().isoformat(), last


def grouped(used: Iterable[Used], there: Iterable[There], by: str, price: Callable[[Place], float | None]) -> tuple[Row, ...]:
    """Rows of what was used. price: list price of a vCPU hour at a place that nobody told one of, None: not known."""
    sums: dict[str, dict[str, Any]] = {}
    for one in used:
        _add(sums.setdefault(key_of(one, by), dict.fromkeys(_NUMBERS, 0.0)), one, price)
        if one.name and by == "job":
            sums[key_of(one, by)]["name"] = one.name
    if by in _WORKERS_HAVE:
        for each in there:
            found = sums.setdefault(key_of(each, by), dict.fromkeys(_NUMBERS, 0.0))
            found["busy_vcpu_s"] += each.busy_ms / 1000
            found["up_vcpu_s"] += each.up_ms / 1000
    rows = [Row(key, **{**found, "tasks": int(found["tasks"])}) for key, found in sums.items()]
    if by == "day":
        return tuple(sorted(rows, key=lambda row: row.key, reverse=True))
    return tuple(sorted(rows, key=lambda row: (-row.vcpu_s, row.key)))


_NUMBERS = (
    "tasks", "vcpu_s", "paid_usd", "listed_usd", "own_vcpu_s", "unpriced_vcpu_s", "busy_vcpu_s", "up_vcpu_s",
)  # fmt: skip


def _add(found: dict[str, Any], one: Used, price: Callable[[Place], float | None]) -> None:
    vcpu_s = one.vcpu_ms / 1000
    found["tasks"] += one.tasks
    found["vcpu_s"] += vcpu_s
    if one.place.usd is not None:
        found["paid_usd"] += vcpu_s / 3600 * one.place.usd
    elif one.place.purchase == OWN:
        found["own_vcpu_s"] += vcpu_s
    elif (usd := price(one.place)) is not None:
        found["listed_usd"] += vcpu_s / 3600 * usd
    else:
        found["unpriced_vcpu_s"] += vcpu_s


def key_of(one: Used | There, by: str) -> str:
    """What a row is called."""
    if by in ("region", "type", "purchase"):
        return str(getattr(one.place, by)) or NOT_KNOWN
    return str(getattr(one, by)) or NOT_KNOWN


def _total(rows: Iterable[Row], there: Iterable[There]) -> Row:
    found: dict[str, Any] = {name: sum(getattr(row, name) for row in rows) for name in _NUMBERS}
    there = tuple(there)
    up = {"busy_vcpu_s": sum(one.busy_ms for one in there) / 1000, "up_vcpu_s": sum(one.up_ms for one in there) / 1000}
    return Row("total", **{**found, **up, "tasks": int(found["tasks"])})


def _notes(host: HostView, asked: Ask, total: Row, days: tuple[str, str], listed: str) -> Iterable[str]:
    if host.type == "local":
        yield "Work on this machine has no price. Jobs that were forgotten are not counted"
        return
    if asked.by == "job" and not asked.job:
        yield "By job: whole jobs that were submitted in this time"
    if total.paid_usd:
        yield f"USD: prices as they were known when each worker came, {days[0]} to {days[1]}"
    if total.listed_usd:
        yield f"~ on-demand list prices of {listed}, where none was known; spot costs less"
    if total.unpriced_vcpu_s:
        hours = total.unpriced_vcpu_s / 3600
        yield f"{hours:,.{1 if hours >= 100 else 3}f} vCPU hours have no price: it is not known on what they ran"
