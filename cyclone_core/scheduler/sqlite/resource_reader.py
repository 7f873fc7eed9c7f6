"""Reads of what is not a job: resources, jobs open on them, counters per queue, workers, events."""

from cyclone_core.jobs import RUNNING, WAITING
from cyclone_core.scheduler.sqlite import schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    ResourceRow = tuple[str, str, str, str, float, float]
    """(kind, name, body, state, created, updated)"""


class ResourceReader:
    """One connection that only reads; None of its methods waits for the writer."""

    def __init__(self, connection: "sqlite3.Connection") -> None:
        """Read through this connection; the reader closes it at the end of its `with`."""
        self._db = connection

    @classmethod
    def open(cls, state_dir: str) -> "ResourceReader | None":
        """A reader, None where the host was never started. Raises StateUnusable for a file of another version."""
        connection = schema.open_reader(state_dir)
        return None if connection is None else cls(connection)

    def __enter__(self) -> "ResourceReader":
        """The reader itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._db.close()

    def resources(self) -> "list[ResourceRow]":
        """All of them, by kind and name."""
        return self._db.execute("SELECT kind, name, body, state, created, updated FROM resource ORDER BY kind, name").fetchall()

    def open_jobs(self, most: "int | None" = None) -> "dict[tuple[str, str], int]":
        """(kind, name) of a queue or definition -> its jobs that are not finished; none are left out.

        most: look at so many of those that run and those that wait at most, so that a look costs little whatever is open.
        """
        found: dict[tuple[str, str], int] = {}
        limit = -1 if most is None else most
        some = "SELECT queue, definition FROM job INDEXED BY job_status WHERE status = ? LIMIT ?"
        for status in (WAITING, RUNNING):
            rows = self._db.execute(f"SELECT queue, definition, count(*) FROM ({some}) GROUP BY 1, 2", (status, limit))
            for queue, definition, count in rows:
                for key in (("queue", queue), ("definition", definition)):
                    found[key] = found.get(key, 0) + count
        return found

    def jobs(self) -> int:
        """How many jobs there are, finished ones included."""
        return int(self._db.execute("SELECT count(*) FROM job").fetchone()[0])

    def workers(self) -> "dict[str, int]":
        """Cluster -> worker processes that live."""
        return dict(self._db.execute("SELECT cluster, count(*) FROM worker WHERE state IN ('idle', 'busy') GROUP BY cluster"))

    def events(self, kind: str, name: str, limit: int = 50) -> "list[tuple[float, str]]":
        """(seconds since 1970, text): the last ones of a resource, oldest first."""
        rows = self._db.execute(
            "SELECT at, text FROM event WHERE kind = ? AND name = ? ORDER BY id DESC LIMIT ?", (kind, name, limit)
        ).fetchall()
        return rows[::-1]
