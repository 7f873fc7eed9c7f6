"""Clusters, queues, definitions, images and regions of a local host, as documents beside the jobs that use them."""

import json
import os

from cyclone_core.errors import InvalidRequest
from cyclone_core.scheduler import references
from cyclone_core.scheduler.sqlite import event_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any


class ResourceTable:
    """The `resource` rows, remembered in `bodies`: kind -> name -> body. Steps of the store's transactions."""

    def __init__(self, db: "sqlite3.Connection") -> None:
        self._db = db
        self.bodies: dict[str, dict[str, dict[str, Any]]] = {}

    def reload(self) -> None:
        """Read them again."""
        self.bodies = {kind: {} for kind in references.KINDS}
        for kind, name, body in self._db.execute("SELECT kind, name, body FROM resource"):
            self.bodies.setdefault(kind, {})[name] = json.loads(body)

    def put(self, kind: str, name: str, text: str, mode: str, now: float) -> None:
        """Create or update one. Raises InvalidRequest when its name is taken or missing, or what it refers to is not there."""
        body = json.loads(text)
        problems = references.check_put(kind, body, self.bodies, mode)
        if problems:
            raise InvalidRequest(problems)
        known = name in self.bodies[kind]
        self._db.execute(
            "INSERT INTO resource VALUES(?,?,?,'ACTIVE',?,?) ON CONFLICT(kind, name) "
            "DO UPDATE SET body=excluded.body, state='ACTIVE', updated=excluded.updated",
            (kind, name, text, now, now),
        )
        event_log.note(self._db, now, kind, name, "updated" if known else "created")
        self.bodies[kind][name] = body

    def delete(self, kind: str, name: str, now: float) -> None:
        """Delete one. Raises InvalidRequest while something refers to it or open jobs use it."""
        problems = references.check_delete(kind, name, self.bodies, self._open_jobs())
        if problems:
            raise InvalidRequest(problems)
        self._db.execute("DELETE FROM resource WHERE kind=? AND name=?", (kind, name))
        event_log.note(self._db, now, kind, name, "deleted")
        del self.bodies[kind][name]

    def make_defaults(self, now: float) -> None:
        """What a new host starts with, so that the first submission needs no configuration."""
        cores, memory_mib = machine()
        defaults: tuple[tuple[str, dict[str, Any]], ...] = (
            ("region", {"name": "local", "main_region": True}),
            ("cluster", {"name": "default", "max_vcpus": cores, "max_memory_mib": memory_mib}),
            ("queue", {"name": "default", "cluster": "default", "priority": 0, "paused": False}),
            ("definition", {"name": "default", "vcpus": 1, "memory_limit_mib": max(64, memory_mib // cores)}),
        )
        for kind, body in defaults:
            if not self.bodies[kind]:
                self.put(kind, body["name"], json.dumps(body), "create", now)

    def _open_jobs(self) -> "dict[tuple[str, str], int]":
        found: dict[tuple[str, str], int] = {}
        for queue, definition, count in self._db.execute(
            "SELECT queue, definition, count(*) FROM job WHERE status IN (0, 1) GROUP BY 1, 2"
        ):
            for key in (("queue", queue), ("definition", definition)):
                found[key] = found.get(key, 0) + count
        return found


def machine() -> tuple[int, int]:
    """(cores this process may use, memory in MiB) of this machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return len(os.sched_getaffinity(0)), memory
