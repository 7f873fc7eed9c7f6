"""Results of array tasks: packed rows, one per slice and block of positions, one per block once all of its tasks are final."""

from cyclone_core.jobs import STATES, SUCCESSFUL
from cyclone_core.scheduler import columns, lifecycle

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from cyclone_core.journal import Row
    from cyclone_core.scheduler.sqlite.work import Work

    Member = tuple[Row, int]
    """(result, number of the journal with its frame)"""

BLOCK = 4096
"""Positions of a block: 1..4096, 4097..8192, …"""


class ResultBlocks:
    """The `result` rows. Steps of the store's transactions."""

    def __init__(self, db: "sqlite3.Connection") -> None:
        self._db = db

    def keep(self, work: "Work", rows: "list[Row]", journal: int) -> None:
        """Store final results of an array; blocks that become complete are merged."""
        by_block: dict[int, list[Member]] = {}
        for row in sorted(rows, key=_position):
            by_block.setdefault((row[1] - 1) // BLOCK, []).append((row, journal))
        for block, members in by_block.items():
            self._insert(work.id, members)
            work.blocks[block] = work.blocks.get(block, 0) + len(members)
            if work.blocks[block] == min(BLOCK, work.tasks - block * BLOCK) and len(members) < work.blocks[block]:
                self._merge(work.id, block)

    def counts(self, job: int) -> dict[int, int]:
        """Final tasks of a job per block."""
        found: dict[int, int] = {}
        for low, count in self._db.execute("SELECT low, tasks FROM result WHERE job=?", (job,)):
            block = (low - 1) // BLOCK
            found[block] = found.get(block, 0) + count
        return found

    def _insert(self, job: int, members: "list[Member]") -> None:
        counts = [0] * len(STATES)
        for row, _ in members:
            counts[lifecycle.final_state(row[3])] += 1
        low, high = members[0][0][1], members[-1][0][1]
        self._db.execute(
            "INSERT INTO result VALUES(?,?,?,?,?,?,?,?,?)", (job, low, high, len(members), *counts[SUCCESSFUL:], columns.pack(members))
        )

    def _merge(self, job: int, block: int) -> None:
        bounds = (job, block * BLOCK + 1, (block + 1) * BLOCK)
        members: list[Member] = []
        for count, blob in self._db.execute("SELECT tasks, columns FROM result WHERE job=? AND low BETWEEN ? AND ?", bounds):
            members += columns.unpack(job, count, blob)
        members.sort(key=lambda member: member[0][1])
        self._db.execute("DELETE FROM result WHERE job=? AND low BETWEEN ? AND ?", bounds)
        self._insert(job, members)


def _position(row: "Row") -> int:
    return row[1]
