"""Tables of a local host's database, how it is opened, and how an older file is brought up to date.

Only the supervisor writes while it runs; everybody else reads (WAL: readers never wait). What is large lives beside the
database: scripts by content hash, parameter files, journals with the outputs.

Numbers of tasks: inside the engine a task is its *position* 1..n in its job; users see its *index* low + (position - 1) * step, and of
a sparse array what its row in `sparse` says.
Where truth lies, for each task, exactly one of:
  waiting, never leased     position >= job.next
  waiting, put back         in a `span` row (a retry, or returned by a worker)
                            both are Cancelled, not waiting, once job.cancel is set
  leased                    in the `lease` row's outstanding ranges
  final                     single job: columns of the `job` row; array: a `result` row
"""

import _sqlite3
import os

from cyclone_core.errors import StateUnusable
from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, SUCCESSFUL, WAITING

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

VERSION = 2
"""`PRAGMA user_version` of the tables below."""

# A job's state, derived from its counters by this one ordered list of rules. `lifecycle.job_state` is the same in Python (a test compares).
STATUS_SQL = (
    f"CASE WHEN running > 0 THEN {RUNNING} "
    f"WHEN waiting > 0 THEN CASE WHEN waiting = tasks THEN {WAITING} ELSE {RUNNING} END "
    f"WHEN error > 0 THEN {ERROR} WHEN failed > 0 THEN {FAILED} WHEN cancelled > 0 THEN {CANCELLED} ELSE {SUCCESSFUL} END"
)

_SPARSE = "CREATE TABLE sparse(job INTEGER PRIMARY KEY, indices BLOB NOT NULL);"  # of jobs whose array is 2, see `indices`

TABLES = f"""
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;      -- epoch, next_job, next_lease, next_journal, default_queue
CREATE TABLE spec(                                                  -- what to execute; shared by equal submissions
  id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, body TEXT NOT NULL);
  -- body: JSON object: script (hash of the file in scripts/), interpreter [..], directory, environment, parameters (file or null),
  --       retries, retry_exit [[low, high], ..], timeout_s, warm
CREATE TABLE job(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, queue TEXT NOT NULL, definition TEXT NOT NULL, user TEXT NOT NULL,
  spec INTEGER NOT NULL REFERENCES spec(id), priority INTEGER NOT NULL, idempotency_key TEXT,
  array INTEGER NOT NULL,                                           -- 0: single job, 1: array (also of one task), 2: sparse
  tasks INTEGER NOT NULL, low INTEGER NOT NULL, step INTEGER NOT NULL, -- of a sparse array: its first index, and 1
  task_limit INTEGER NOT NULL,                                      -- most tasks running at once, 0 = no limit
  next INTEGER NOT NULL,                                            -- first position never leased
  submitted REAL NOT NULL, started REAL, ended REAL,                -- seconds since 1970
  waiting INTEGER NOT NULL, running INTEGER NOT NULL DEFAULT 0, successful INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0, cancelled INTEGER NOT NULL DEFAULT 0, error INTEGER NOT NULL DEFAULT 0,
  status INTEGER GENERATED ALWAYS AS ({STATUS_SQL}) VIRTUAL,        -- index in jobs.STATES
  cancel REAL,                                                      -- when cancellation of the whole job was asked for
  code INTEGER, attempt INTEGER, start_us INTEGER, took_us INTEGER, -- the final attempt of a single job
  journal INTEGER, at INTEGER, size INTEGER);
CREATE UNIQUE INDEX job_key ON job(idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX job_ready ON job(queue, definition, priority DESC, id) WHERE waiting > 0;
CREATE INDEX job_status ON job(status, id);
CREATE INDEX job_name ON job(name, id);
CREATE INDEX job_queue ON job(queue, id);
CREATE TABLE span(                                                  -- waiting tasks that were leased before: positions low..high
  job INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
  attempt INTEGER NOT NULL,                                         -- number of the next attempt
  failures INTEGER NOT NULL, losses INTEGER NOT NULL,               -- how often it failed by itself, lost its worker
  PRIMARY KEY(job, low)) WITHOUT ROWID;
CREATE TABLE lease(
  id INTEGER PRIMARY KEY, worker INTEGER NOT NULL, journal INTEGER NOT NULL, leased REAL NOT NULL,
  outstanding BLOB NOT NULL,                                        -- int64s: job, low, high, attempt, failures, losses, ...
  journal_at INTEGER NOT NULL DEFAULT 0);                           -- no frame of this lease lies before this offset
CREATE TABLE cancellation(                                          -- leased tasks whose cancellation was asked for
  job INTEGER NOT NULL, position INTEGER NOT NULL, asked REAL NOT NULL, PRIMARY KEY(job, position)) WITHOUT ROWID;
CREATE TABLE running(                                               -- tasks that have run for a quarter of a second or more
  job INTEGER NOT NULL, position INTEGER NOT NULL, attempt INTEGER NOT NULL, worker INTEGER NOT NULL, pid INTEGER NOT NULL,
  start_us INTEGER NOT NULL, PRIMARY KEY(job, position)) WITHOUT ROWID;
CREATE TABLE result(                                                -- final tasks of arrays, packed (see columns.py)
  job INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL, tasks INTEGER NOT NULL,
  successful INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL, error INTEGER NOT NULL,
  columns BLOB NOT NULL, PRIMARY KEY(job, low)) WITHOUT ROWID;
CREATE TABLE attempt(                                               -- attempts that were not the last, and last ones with a reason
  job INTEGER NOT NULL, position INTEGER NOT NULL, attempt INTEGER NOT NULL, state INTEGER NOT NULL,
  code INTEGER NOT NULL, worker INTEGER, start_us INTEGER, took_us INTEGER, journal INTEGER, at INTEGER, size INTEGER, reason TEXT,
  PRIMARY KEY(job, position, attempt)) WITHOUT ROWID;               -- state: what the attempt came to (Failed, Error, ...)
CREATE TABLE total(                                                 -- counters of tasks per queue
  queue TEXT PRIMARY KEY, waiting INTEGER NOT NULL DEFAULT 0, running INTEGER NOT NULL DEFAULT 0, successful INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0, cancelled INTEGER NOT NULL DEFAULT 0, error INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE worker(                                                -- ended ones stay until the next start
  id INTEGER PRIMARY KEY, cluster TEXT NOT NULL, pid INTEGER NOT NULL, journal INTEGER NOT NULL, started REAL NOT NULL,
  seen REAL NOT NULL, state TEXT NOT NULL);                         -- idle | busy | lost | ended
CREATE TABLE resource(                                              -- clusters, queues, definitions, images, regions as JSON documents
  kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL,
  PRIMARY KEY(kind, name)) WITHOUT ROWID;
CREATE TABLE event(                                                 -- what happened to resources and to the host, newest last
  id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL);
{_SPARSE}
"""

MIGRATIONS: "dict[int, str]" = {1: _SPARSE}
"""SQL that brings a database of version n (the key) to n + 1."""


def database_path(state_dir: str) -> str:
    """Path of the one database file of a host."""
    return os.path.join(state_dir, "state.db")


def open_reader(state_dir: str) -> "sqlite3.Connection | None":
    """A connection that only reads, None where no job was ever submitted. Raises StateUnusable for a file of another version."""
    path = database_path(state_dir)
    if not os.path.exists(path):
        return None
    try:
        connection = _sqlite3.connect(path, isolation_level=None)
        try:
            for pragma in ("query_only=1", "busy_timeout=5000", "mmap_size=268435456"):
                connection.execute("PRAGMA " + pragma)
            found = connection.execute("PRAGMA user_version").fetchone()[0]
        except _sqlite3.Error:
            connection.close()
            raise
    except _sqlite3.Error as exc:
        locked = getattr(exc, "sqlite_errorname", "").startswith("SQLITE_BUSY")
        hint = "Another program keeps it to itself: end that" if locked else "Is the disk mounted read-only or damaged?"
        raise StateUnusable(f"{path} cannot be read: {exc}. {hint}") from exc
    if found == VERSION:
        return connection
    connection.close()
    if found == 0:
        return None
    if found > VERSION:
        raise StateUnusable(newer(path, found))
    raise StateUnusable(f"{path} has the older version {found}. Start its host anew: hyper hosts stop, then hyper hosts start")


def open_writer(state_dir: str) -> "sqlite3.Connection":
    """The supervisor's connection: tables made or migrated, every commit synced to the disk.

    Raises StateUnusable for a newer file, a damaged one, or a directory that cannot be written.
    """
    path = database_path(state_dir)
    try:
        connection = _sqlite3.connect(path, isolation_level=None, cached_statements=128)
        try:
            refuse_newer(connection, path)  # before anything is written into it
            for pragma in (
                "busy_timeout=5000",
                "journal_mode=WAL",
                "synchronous=FULL",
                "wal_autocheckpoint=4000",
                "mmap_size=268435456",
                "temp_store=MEMORY",
            ):
                connection.execute("PRAGMA " + pragma).fetchall()
            migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    except _sqlite3.Error as exc:
        raise StateUnusable(f"{path} cannot be opened for writing: {exc}") from exc
    os.chmod(path, 0o600)
    return connection


def migrate(connection: "sqlite3.Connection", path: str, steps: "dict[int, str] | None" = None, target: int = VERSION) -> None:
    """Make the tables, or bring an older file up to date, in one transaction; refuse a newer file."""
    steps = MIGRATIONS if steps is None else steps
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = refuse_newer(connection, path, target)
        script = TABLES if found == 0 else "".join(steps[version] for version in range(found, target))
        bare = "\n".join(line.partition("--")[0] for line in script.splitlines())
        for statement in bare.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={target}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def refuse_newer(connection: "sqlite3.Connection", path: str, target: int = VERSION) -> int:
    """The version of a database. Raises StateUnusable for one above `target`."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > target:
        raise StateUnusable(newer(path, found))
    return found


def newer(path: str, found: int) -> str:
    """The refusal of a database that a later Cyclone wrote."""
    return (
        f"{path} was written by a newer Cyclone (version {found}, this one reads {VERSION}): "
        "nothing was changed. Update Cyclone, or choose another directory with CYCLONE_STATE_DIR"
    )
