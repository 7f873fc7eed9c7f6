"""What happened to a host and its resources, as rows of the table `event`: written seldom, kept in bounded number.

Rare things only: a supervisor that starts or stops, a worker that died, a disk that was full, a resource that changed. What happens to
tasks is in their rows and journals. Writers call `note` inside a transaction of theirs; nothing here begins or commits one.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

KEPT = 10_000
"""So many events are kept, the newest ones."""
_PRUNE_EVERY = 1000
"""A host that runs for months forgets old ones without being started again."""


def note(db: "sqlite3.Connection", at: float, kind: str, name: str, text: str) -> None:
    """Record one event. at: seconds since 1970; kind: `host`, `worker` or a kind of resource."""
    number = db.execute("INSERT INTO event(at, kind, name, text) VALUES(?,?,?,?)", (at, kind, name, text)).lastrowid or 0
    if number % _PRUNE_EVERY == 0:
        prune(db)


def prune(db: "sqlite3.Connection", kept: int = KEPT) -> None:
    """Forget all but the newest `kept` events."""
    db.execute("DELETE FROM event WHERE id <= (SELECT coalesce(max(id), 0) FROM event) - ?", (kept,))
