"""The workers of an AWS host as they tell it themselves, and of those that say nothing yet how many were asked for.

A worker writes each minute what it does (WORKER items, gone five minutes after its last word), so nobody is asked but the table: one
question for each of its sixteen parts, and none at all while no worker was asked for.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from cyclone_core.errors import CycloneError
from cyclone_core.ids import parse
from cyclone_core.operations import aws_crews, aws_watched
from cyclone_core.operations.background import Background
from cyclone_core.operations.workers import TaskNow, WorkerView
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.side_by_side import each

CHANGED_S, SLOW_S = 5.0, 15.0
"""Between two reads: after a change, and while nothing does."""
SILENT_S = 150.0
"""A worker speaks each minute; one that missed two is told as lost."""
FIRST_WORD_S = 5.0
_STATES = {"working": "busy"}


def read(host: str) -> tuple[WorkerView, ...]:
    """Those that have said something, by region, cluster and name. Raises CycloneError."""
    table = aws_watched.host(host).table
    parts = each(lambda shard: list(table.query(keys.worker_part(shard))), range(keys.SHARDS))
    now = time.time()
    found = [view(item, now) for items in parts for item in items if item.get("expires", now) >= now]  # the table removes them days later
    return tuple(sorted(found, key=lambda one: (one.region, one.cluster, one.id)))


def view(item: Mapping[str, Any], now: float) -> WorkerView:
    """One of them, from its item. now: seconds since 1970."""
    body = json.loads(item["body"])
    region, _, name = str(item["sk"]).partition("/")
    seen, state = float(body.get("seen") or 0), str(body.get("state") or "idle")
    task, started = str(body.get("task") or ""), float(body.get("started") or 0)
    if state == "idle" and seen - started < FIRST_WORD_S:
        state = "starting"  # its first word, before it had looked for work
    if item.get("leave"):
        state = "leaving"  # it hears so with its next word
    return WorkerView(
        id=name, region=str(body.get("region") or region), cluster=str(body.get("cluster") or ""), pid=0,
        state="gone" if now - seen > SILENT_S else _STATES.get(state, state), tasks=_tasks(task), jobs=_jobs(task), ahead=0, cpu_s=0.0,
        memory_mib=int(body.get("memory_mib") or 0), started=started, heard=seen, connected=False, at=now,
        definition=str(body.get("definition") or ""), instance=str(body.get("instance") or ""), done=int(body.get("done") or 0),
        cores=float(body.get("cpu") or 0), slots_used=(slots := body.get("slots") or (None, 1))[0], slots=int(slots[1]),
    )  # fmt: skip


def workers(host: str, working: bool) -> tuple[WorkerView, ...]:
    """Those that are known now, for a screen; nothing is asked while none was asked for. Raises CycloneError when nothing could be read.

    working: tasks are open.
    """
    crews = aws_crews.look(host, working)
    if crews.at is not None and not crews.value.workers and not SHARED.peek(host).value:
        return ()
    kept = SHARED.look(host)
    if kept.error and kept.at is None:
        raise CycloneError(kept.error)
    return kept.value


def _tasks(text: str) -> tuple[TaskNow, ...]:
    try:
        number, _ = parse(text)
    except CycloneError:
        return ()
    return (TaskNow(text, number, "", 0.0, 1),)


def _jobs(text: str) -> tuple[int, ...]:
    return tuple(task.job for task in _tasks(text))


def _pause(found: tuple[WorkerView, ...], changed: bool) -> float:
    return CHANGED_S if changed and found else SLOW_S


SHARED: Background[tuple[WorkerView, ...]] = Background(read, (), _pause)
"""Those of this process."""
