"""Where usage is read: the database of a local host, the table of an AWS host. Days of AWS hosts that are over are read once."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from cyclone_core.operations.aws_host import AwsHost
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.usage import Ask
from cyclone_core.scheduler.dynamo import usage_reader
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.references import LOCAL_REGION
from cyclone_core.scheduler.sqlite.usage_reader import UsageReader
from cyclone_core.scheduler.usage import OWN, Place, There, Used

SETTLED_S = 3600
"""Workers say what a day had within minutes of its end."""
_EPOCH = date(1970, 1, 1)
_HERE = Place(LOCAL_REGION, "", OWN, None)


@dataclass(frozen=True)
class Found:
    """What was read."""

    used: tuple[Used, ...]
    there: tuple[There, ...] = ()
    notes: tuple[str, ...] = ()
    more: bool = False


def read(host: HostView, asked: Ask) -> Found:
    """What is needed for an answer. Raises CycloneError."""
    if host.type == "local":
        return _of_local(host, asked)
    from cyclone_core.operations.aws_view import AwsView

    assert isinstance(host, AwsView), "what this machine knows of a host does not tell what was used"
    far = host.host
    table = far.table
    if asked.job or asked.by == "job":
        return _of_jobs(far, table, asked)
    found = DAYS.read(table, asked.days)
    return Found(tuple(one for used, _ in found for one in used), tuple(one for _, there in found for one in there))


def _of_local(host: HostView, asked: Ask) -> Found:
    reader = UsageReader(host.reader.connection)
    first, last = ((date.fromisoformat(day) - _EPOCH).days for day in (asked.first, asked.last))
    vcpus: dict[str, float] = {}
    used: dict[tuple[str, str, str, int, str], list[int]] = {}
    with host.reading():
        for ran in reader.ran(first, last, asked.by == "job", asked.job):
            if ran.definition not in vcpus:
                body, _ = host.reader.resource("definition", ran.definition) or ({}, "")
                vcpus[ran.definition] = float(body.get("vcpus") or 1)
            day = (_EPOCH + timedelta(days=ran.day)).isoformat()
            found = used.setdefault((day, ran.queue, ran.user, ran.job, ran.name), [0, 0])
            found[0] += ran.attempts
            found[1] += round(ran.took_us * vcpus[ran.definition] / 1000)
    rows = [Used(day, queue, user, _HERE, tasks, ms, job, name) for (day, queue, user, job, name), (tasks, ms) in used.items()]
    if asked.by != "job":
        return Found(tuple(rows))
    newest = sorted({row.job for row in rows}, reverse=True)
    kept = set(newest[: asked.most])
    return Found(tuple(row for row in rows if row.job in kept), more=len(newest) > asked.most)


def _of_jobs(far: AwsHost, table: Table, asked: Ask) -> Found:
    if asked.job:
        return Found(tuple(usage_reader.jobs(table, [asked.job])))
    queues = [asked.queue] if asked.queue else sorted({*(name for name, _ in far.reader.counts()), *far.bodies.names("queue")})
    end = date.fromisoformat(asked.last) + timedelta(days=1)
    numbers, more = usage_reader.jobs_between(table, queues, _ms(date.fromisoformat(asked.first)), _ms(end), asked.user or None, asked.most)
    return Found(tuple(usage_reader.jobs(table, numbers)), more=more)


def _ms(day: date) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


class Days:
    """Days of hosts' tables. Those that are over and settled are kept. Threads may share it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], usage_reader.Day] = {}
        self._tables: dict[int, Table] = {}
        self._lock = threading.Lock()

    def read(self, table: Table, wanted: Sequence[str], now: float | None = None) -> list[usage_reader.Day]:
        """In this order. now: seconds since 1970. Raises AwsError."""
        settled = datetime.fromtimestamp((time.time() if now is None else now) - SETTLED_S, UTC).date().isoformat()
        with self._lock:
            known = {day: self._kept[id(table), day] for day in wanted if (id(table), day) in self._kept}
        read = usage_reader.days(table, [day for day in wanted if day not in known])
        with self._lock:
            self._tables[id(table)] = table  # its number is its own while it is kept
            self._kept |= {(id(table), day): found for day, found in read.items() if day < settled}
        return [{**known, **read}[day] for day in wanted]


DAYS = Days()
"""Those of this process."""
