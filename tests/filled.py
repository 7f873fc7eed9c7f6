"""Databases filled by hand, row by row as `schema` demands, with a model beside them that says what readers must find."""

import json
import os
import random
import sqlite3
from array import array
from pathlib import Path
from typing import TYPE_CHECKING

from cyclone_core import journal
from cyclone_core.jobs import CANCELLED, CAUSE_CANCELLED, RUNNING, STATES, WAITING, outcome
from cyclone_core.scheduler import columns
from cyclone_core.scheduler.lifecycle import final_state
from cyclone_core.scheduler.sqlite import schema

if TYPE_CHECKING:
    from cyclone_core.journal import Row

SUBMITTED = 1_700_000_000.0
CANCELLED_CODE = outcome(0, CAUSE_CANCELLED)


class FilledHost:
    """A host's state directory; every row is committed as it is added."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)
        os.makedirs(directory / "journals", exist_ok=True)
        os.makedirs(directory / "outputs", exist_ok=True)
        schema.open_writer(self.directory).close()
        path = schema.database_path(self.directory)
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)  # any thread may be the one that collects it
        self.db.execute("INSERT INTO spec VALUES(1, x'00', ?)", (json.dumps({"script": "0" * 32, "retries": 0, "directory": "/tmp"}),))
        self.leases = 0

    def __del__(self) -> None:
        self.db.close()  # Python 3.13 warns of a connection that nobody closed

    def job(self, job: int = 1, counts: tuple[int, ...] = (1, 0, 0, 0, 0, 0), **fields: object) -> int:
        """Add a job; counters by state, every other column by name. Its tasks are counted in `total`."""
        row: dict[str, object] = {
            "id": job, "name": "sweep", "queue": "default", "definition": "default", "user": "ada", "spec": 1, "priority": 0, "array": 0,
            "tasks": sum(counts), "low": 1, "step": 1, "task_limit": 0, "next": 1, "submitted": SUBMITTED + job,
            **dict(zip(map(str.lower, STATES), counts, strict=True)), **fields,
        }  # fmt: skip
        self.db.execute(f"INSERT INTO job({', '.join(row)}) VALUES({', '.join('?' * len(row))})", tuple(row.values()))
        self.db.execute("INSERT OR IGNORE INTO total(queue) VALUES(?)", (row["queue"],))
        for state, count in zip(STATES, counts, strict=True):
            self.db.execute(f"UPDATE total SET {state}={state}+? WHERE queue=?", (count, row["queue"]))
        return job

    def array(self, history: dict[int, tuple[int, int]], tasks: int, next: int, blocks: int = 1, seed: int = 0, **fields: object) -> int:
        """Add job 1, an array. history: position -> (state, outcome code) of each position below `next`; the rest is the tail.

        Final tasks are dealt out to `blocks` result rows that overlap.
        """
        cancelled = fields.get("cancel") is not None
        states = [history[p][0] if p in history else CANCELLED if cancelled else WAITING for p in range(1, tasks + 1)]
        self.job(counts=tuple(map(states.count, range(6))), array=1, next=next, **fields)
        dealt: dict[int, list[tuple[Row, int]]] = {}
        deal = random.Random(seed)
        for position, (state, code) in sorted(history.items()):
            if state > RUNNING:
                dealt.setdefault(deal.randrange(blocks), []).append(
                    ((1, position, 1, code, int(SUBMITTED * 1e6) + 3_000_000, 1000, 0, 0), 1)
                )
        for members in dealt.values():
            self.result(members)
        self.leased([(1, p, p, 2) for p, (state, _) in history.items() if state == RUNNING])
        self.put_back([(1, p, p, 3) for p, (state, _) in history.items() if state == WAITING])
        return 1

    def result(self, members: "list[tuple[Row, int]]") -> None:
        """Add one row of final tasks."""
        states = [final_state(row[3]) for row, _ in members]
        first, last = members[0][0], members[-1][0]
        self.db.execute(
            "INSERT INTO result VALUES(?,?,?,?,?,?,?,?,?)",
            (first[0], first[1], last[1], len(members), *(states.count(s) for s in (2, 3, 4, 5)), columns.pack(members)),
        )

    def leased(self, ranges: list[tuple[int, int, int, int]], worker: int = 7) -> None:
        """Add a lease of (job, low, high, attempt)."""
        self.leases += 1
        numbers = array("q", [n for job, low, high, attempt in ranges for n in (job, low, high, attempt, attempt - 1, 0)])
        self.db.execute(
            "INSERT INTO lease(id, worker, journal, leased, outstanding) VALUES(?,?,1,?,?)",
            (self.leases, worker, SUBMITTED, numbers.tobytes()),
        )

    def put_back(self, ranges: list[tuple[int, int, int, int]]) -> None:
        """Add waiting tasks that were leased before: (job, low, high, next attempt)."""
        self.db.executemany("INSERT INTO span VALUES(?,?,?,?,?,0)", [(*one, one[3] - 1) for one in ranges])

    def attempt(
        self, position: int, attempt: int, state: int, code: int, job: int = 1, reason: str | None = None, at: int | None = None
    ) -> None:
        """Add an attempt with a row of its own; it ran two seconds on worker 7."""
        start_us = int((SUBMITTED + 10 * attempt) * 1e6)
        values = (job, position, attempt, state, code, 7, start_us, 2_000_000, None if at is None else 1, at, 0, reason)
        self.db.execute("INSERT INTO attempt VALUES(?,?,?,?,?,?,?,?,?,?,?,?)", values)

    def running(self, position: int, attempt: int = 1, job: int = 1, pid: int = 4321) -> None:
        """Say that a leased task has been running for a while."""
        self.db.execute("INSERT INTO running VALUES(?,?,?,7,?,?)", (job, position, attempt, pid, int((SUBMITTED + 5) * 1e6)))

    def resource(self, kind: str, name: str, /, state: str = "ACTIVE", **body: object) -> None:
        """Add a queue, cluster or definition."""
        self.db.execute(
            "INSERT OR REPLACE INTO resource VALUES(?,?,?,?,?,?)",
            (kind, name, json.dumps({"name": name, **body}), state, SUBMITTED, SUBMITTED),
        )

    def frame(self, position: int, output: bytes, attempt: int = 1, job: int = 1, code: int = 0, metrics: bytes = b"", **more: int) -> int:
        """Append the END frame of an attempt to journal 1; returns its offset."""
        start_us = int((SUBMITTED + 10 * attempt) * 1e6)
        with open(journal.journal_path(self.directory, 1), "ab") as file:
            at = file.tell()
            file.write(
                journal.end_frame(1, job, position, attempt, start_us, 2_000_000, code, 2048, 1_500_000, 500_000, metrics, output, **more)
            )
        return at

    def ended(self, output: bytes, code: int = 0, job: int = 1, attempt: int = 1, **fields: object) -> int:
        """Add a single job that ran and wrote `output`."""
        at = self.frame(1, output, attempt, job, code)
        counts = [0] * 6
        counts[final_state(code)] = 1
        start = SUBMITTED + 10 * attempt
        final = {
            "code": code,
            "attempt": attempt,
            "start_us": int(start * 1e6),
            "took_us": 2_000_000,
            "journal": 1,
            "at": at,
            "size": len(output),
        }
        return self.job(job, tuple(counts), started=start, ended=start + 2, next=2, **{**final, **fields})
