"""Promises of the local engine's file: undone transactions, results over the borders of blocks, versions."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cyclone_core.errors import StateUnusable
from cyclone_core.jobs import CANCELLED, FAILED, SUCCESSFUL, outcome
from cyclone_core.scheduler.sqlite import schema
from cyclone_core.scheduler.sqlite.blocks import BLOCK
from tests.contract.engines import SqliteEngine

FAIL = outcome(1 << 8)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteEngine]:
    """The local engine alone."""
    engine = SqliteEngine(tmp_path / "host")
    yield engine
    engine.check()
    engine.close()


def _lively(store: SqliteEngine) -> int:
    """A host with a bit of everything."""
    job = store.submit(tasks=20, retries=1, limit=15)
    store.submit()
    store.submit(priority=3, tasks=2)
    first, second = store.lease(8), store.lease(6, worker=2)
    store.report(first.number, [first.row(*key, FAIL if key[1] % 2 else 0) for key in list(first.tasks)[:5]])
    store.lose(second.number, list(second.tasks)[:2])
    store.cancel(job, 18)
    store.cancel(job, 4)
    return job


def test_a_failed_transaction_changes_nothing(store: SqliteEngine) -> None:
    """Whatever its steps were, what is stored and what would be leased next are as before."""
    job = _lively(store)
    before = store.dump()
    leases = {number: dict(lease.tasks) for number, lease in store.store.leases.items()}
    with pytest.raises(OSError, match="full"), store.step():
        store.submit(tasks=5)
        lease = store.lease(9)
        store.report(lease.number, lease.rows(FAIL)[:3])
        store.lose(min(leases))
        store.cancel(job)
        raise OSError("full")
    assert store.dump() == before
    assert {number: dict(lease.tasks) for number, lease in store.store.leases.items()} == leases
    assert store.store.ended == []
    store.check()


def test_an_uncommitted_step_is_seen_by_nobody(store: SqliteEngine) -> None:
    """Readers see the last commit, all of it, while a transaction is open."""
    with store.step():
        job = store.submit()
        assert store.job(job) is None
    assert store.job(job).state == "Waiting"


def _run(store: SqliteEngine, slices: int, fail_every: int = 0) -> None:
    """Work everything off in slices, several leases at a time, reported in an order of their own."""
    with store.step():
        while leases := [lease for lease in (store.lease(slices) for _ in range(4)) if lease.number]:
            for lease in reversed(leases):
                rows = lease.rows()
                store.report(lease.number, [(*row[:3], FAIL, *row[4:]) if fail_every and row[1] % fail_every == 0 else row for row in rows])


@pytest.mark.parametrize("tasks", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 77])
def test_results_of_a_finished_array_are_one_row_per_block(store: SqliteEngine, tasks: int) -> None:
    """Whatever slices they came in, finished blocks are compact and readable, task by task and as a whole."""
    job = store.submit(tasks=tasks)
    _run(store, 300, fail_every=1000)
    failed = tasks // 1000
    blocks = store.store.db.execute("SELECT low, high, tasks FROM result ORDER BY low").fetchall()
    assert blocks == [(low, min(low + BLOCK - 1, tasks), min(BLOCK, tasks - low + 1)) for low in range(1, tasks + 1, BLOCK)]
    assert store.states(job) == [FAILED if p % 1000 == 0 else SUCCESSFUL for p in range(1, tasks + 1)]
    assert store.job(job).counts == (0, 0, tasks - failed, failed, 0, 0)
    with store.reader() as reader:
        assert [task.position for task in reader.tasks(job, FAILED)] == list(range(1000, tasks + 1, 1000))
        assert reader.task(job, tasks).at == 64 * tasks


def test_finished_tasks_of_an_array_cost_few_bytes(store: SqliteEngine) -> None:
    """At most ten bytes of results per task."""
    store.submit(tasks=2 * BLOCK)
    _run(store, 256)
    assert store.store.db.execute("SELECT sum(length(columns)) FROM result").fetchone()[0] < 10 * 2 * BLOCK


def test_blocks_with_cancelled_tasks_are_compacted(store: SqliteEngine) -> None:
    """A task cut out of a block is part of it."""
    job = store.submit(tasks=BLOCK + 10)
    for position in (1, 5, BLOCK, BLOCK + 1):
        store.cancel(job, position)
    _run(store, 100)
    assert store.store.db.execute("SELECT count(*) FROM result").fetchone()[0] == 2
    assert store.job(job).counts == (0, 0, BLOCK + 6, 0, 4, 0)
    assert store.states(job)[BLOCK - 1 : BLOCK + 2] == [CANCELLED, CANCELLED, SUCCESSFUL]


def test_a_block_that_ends_after_a_restart_is_compacted(store: SqliteEngine) -> None:
    """How full a block is, is known after reading it again."""
    job = store.submit(tasks=BLOCK)
    last = store.lease(7)
    _run(store, 1000)
    store.reopen()
    store.report(last.number, last.rows())
    assert store.store.db.execute("SELECT low, high, tasks FROM result").fetchall() == [(1, BLOCK, BLOCK)]
    assert store.job(job).state == "Successful"


# -- versions of the file -------------------------------------------------------------------------------------------------------------
def _version(directory: str, version: int) -> None:
    with sqlite3.connect(schema.database_path(directory)) as db:
        db.execute(f"PRAGMA user_version={version}")
    db.close()


def test_a_newer_file_is_refused_and_not_touched(tmp_path: Path) -> None:
    """By the writer and by readers, with the way out."""
    engine = SqliteEngine(tmp_path)
    engine.submit()
    engine.close()
    _version(engine.directory, schema.VERSION + 1)
    before = Path(schema.database_path(engine.directory)).read_bytes()
    for opening in (schema.open_writer, schema.open_reader):
        with pytest.raises(StateUnusable, match=r"newer Cyclone.*CYCLONE_STATE_DIR"):
            opening(engine.directory)
    assert Path(schema.database_path(engine.directory)).read_bytes() == before


def test_an_older_file_is_brought_up_to_date_in_steps(tmp_path: Path) -> None:
    """Each step once, in order, data kept, in one transaction."""
    engine = SqliteEngine(tmp_path)
    job = engine.submit()
    db, path = engine.store.db, schema.database_path(engine.directory)
    now = schema.VERSION
    steps = {now: "ALTER TABLE job ADD COLUMN colour TEXT; -- a comment; with a semicolon\n", now + 1: "UPDATE job SET colour='red';"}
    schema.migrate(db, path, steps, now + 2)
    schema.migrate(db, path, steps, now + 2)
    assert db.execute("PRAGMA user_version").fetchone() == (now + 2,)
    assert db.execute("SELECT id, colour FROM job").fetchall() == [(job, "red")]
    db.execute(f"PRAGMA user_version={schema.VERSION}")
    engine.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    """The file stays at its version, ready for another try."""
    engine = SqliteEngine(tmp_path)
    db, path = engine.store.db, schema.database_path(engine.directory)
    with pytest.raises(sqlite3.OperationalError):
        steps = {schema.VERSION: "ALTER TABLE job ADD COLUMN colour TEXT;", schema.VERSION + 1: "UPDATE nothing SET colour='red';"}
        schema.migrate(db, path, steps, schema.VERSION + 2)
    assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    assert "colour" not in [row[1] for row in db.execute("PRAGMA table_info(job)")]
    engine.close()


def test_a_file_of_the_first_version_gets_what_was_added_since(tmp_path: Path) -> None:
    """Opened by this version it has the same tables as a new one, and its jobs."""
    engine = SqliteEngine(tmp_path)
    job, tables = engine.submit(tasks=3), _tables(engine.store.db)
    engine.store.db.execute("DROP TABLE sparse")
    engine.store.db.execute("PRAGMA user_version=1")
    engine.reopen()
    assert _tables(engine.store.db) == tables
    assert engine.job(job).tasks == 3
    engine.close()


def _tables(db: sqlite3.Connection) -> list[tuple[str]]:
    return db.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name").fetchall()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """With its path and the reason."""
    (tmp_path / "state.db").write_bytes(b"this is not a database" * 100)
    for opening in (schema.open_writer, schema.open_reader):
        with pytest.raises(StateUnusable, match="not a database"):
            opening(str(tmp_path))


def test_where_nothing_is_readers_find_nothing(tmp_path: Path) -> None:
    """A host that never got a job has no file, and looking makes none."""
    assert schema.open_reader(str(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []
