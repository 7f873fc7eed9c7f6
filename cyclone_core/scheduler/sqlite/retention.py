"""Forgetting finished jobs, when somebody asks for it: nothing is ever removed by itself.

A job goes with its results, attempts and large outputs; its script and parameters go once no other job executes them (a retry does).
Small outputs lie in journals together with those of other jobs: a journal goes once every job that is still kept was submitted after
its last write. Steps of the store's transactions for the rows; files are removed after the commit, so a crash between the two leaves
files behind, never rows without their files.
"""

import os

from cyclone_core.jobs import STATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

SPOOL_S = 24 * 3600
"""A client that dies may leave a parameter file behind; it is kept so long."""
BATCH = 500
"""Jobs that one transaction forgets at most, so that others are not kept waiting."""
_OVER = "waiting + running = 0 AND ended < ? AND submitted < ? AND id < (SELECT max(id) FROM job)"


def forget(db: "sqlite3.Connection", before: float) -> list[int]:
    """Remove up to BATCH finished jobs that ended before a time; their ids. The newest job stays: ids must only grow."""
    rows = db.execute(
        f"SELECT id, queue, successful, failed, cancelled, error FROM job WHERE {_OVER} ORDER BY id LIMIT {BATCH}", (before, before)
    ).fetchall()
    for job, queue, *counts in rows:
        for table in ("result", "attempt", "span", "running", "cancellation", "sparse"):
            db.execute(f"DELETE FROM {table} WHERE job=?", (job,))
        changes = ", ".join(f"{name.lower()}={name.lower()}-?" for name in STATES[2:])
        db.execute(f"UPDATE total SET {changes} WHERE queue=?", (*counts, queue))
    db.executemany("DELETE FROM job WHERE id=?", [(row[0],) for row in rows])
    return [row[0] for row in rows]


def forget_specs(db: "sqlite3.Connection") -> None:
    """Remove what no job executes any more."""
    db.execute("DELETE FROM spec WHERE id NOT IN (SELECT spec FROM job)")


class Kept:
    """What is still needed, read after a commit: scripts and parameter files by name, and the time of the first submission."""

    __slots__ = ("oldest", "parameters", "scripts")

    def __init__(self, db: "sqlite3.Connection") -> None:
        self.scripts: set[str] = set()
        self.parameters: set[str] = set()
        for script, parameters in db.execute("SELECT json_extract(body, '$.script'), json_extract(body, '$.parameters') FROM spec"):
            self.scripts.add(script)
            if parameters:
                self.parameters.add(os.path.basename(parameters))
        self.oldest: float = db.execute("SELECT min(submitted) FROM job").fetchone()[0] or 0.0


def remove_files(state_dir: str, jobs: "set[int]") -> int:
    """Remove large outputs of forgotten jobs; the bytes that this freed."""
    freed = 0
    for name in _names(f"{state_dir}/outputs"):
        number = name.partition("-")[0]
        if number.isdigit() and int(number) in jobs:
            freed += _remove(f"{state_dir}/outputs/{name}")
    return freed


def remove_shared(state_dir: str, kept: Kept, held: "set[int]") -> int:
    """Remove scripts and parameters that nothing needs, and journals last written before the first submission that is kept, unless
    a worker holds them; the bytes that this freed."""
    freed = 0
    for folder, needed in (("scripts", kept.scripts), ("parameters", kept.parameters)):
        for name in _names(f"{state_dir}/{folder}"):
            if name not in needed and not name.endswith(".new"):
                freed += _remove(f"{state_dir}/{folder}/{name}")
    for name in _names(f"{state_dir}/journals"):
        path = f"{state_dir}/journals/{name}"
        if name.isdigit() and int(name) not in held and _written(path) < kept.oldest:
            freed += _remove(path)
    return freed


def clean_spool(state_dir: str, now: float) -> None:
    """Remove parameter files that no submission took within a day: their clients are gone."""
    for name in _names(f"{state_dir}/spool"):
        path = f"{state_dir}/spool/{name}"
        if _written(path) < now - SPOOL_S:
            _remove(path)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _written(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return float("inf")


def _remove(path: str) -> int:
    try:
        size = os.stat(path).st_size
        os.unlink(path)
    except OSError:
        return 0
    return size
