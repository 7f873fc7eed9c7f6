"""Lists of a host's jobs that are too long to be read: their ids in an order, their numbers by state, and rows by id.

A list of a million jobs is an array of ids (8 bytes each); only the rows on a screen are read, by id. In order of id the list arrives in
chunks, a small one first, and SQLite packs each itself: it puts the ids into one text of hexadecimal digits, so Python handles no
row of its own and the interpreter lock stays free for whoever draws the screen. In other orders SQLite sorts, and its rows are
taken as they come: one text of all would be tens of megabytes.

Every long query can be ended from another thread with `interrupt`; it raises `Interrupted` then. Writes nothing.
"""

import re
import sqlite3
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

from cyclone_core.jobs import STATES
from cyclone_core.scheduler.job_terms import MOMENTS, Compare, Contains, Matches, OneOf, Order, Term
from cyclone_core.scheduler.sqlite import schema
from cyclone_core.scheduler.sqlite.reader import Reader
from cyclone_core.views import Job

FIRST_CHUNK, CHUNK = 512, 32_768
"""Ids in the first chunk of a list in order of id, and in the others."""
_DIGITS, _TAKEN = 2**20, 4096
_DONE = "(successful+failed+cancelled+error)"
_SQL = {
    "done": _DONE,
    "exit": "CASE WHEN array=0 AND journal>0 THEN CASE WHEN code>>8&255 THEN 128+(code>>8&255) ELSE code&255 END END",
    "took": "coalesce(took_us/1e6, coalesce(ended, :now)-started)",
}
Values = dict[str, object]


class Interrupted(Exception):
    """A query was ended by `interrupt`."""


class JobIndex:
    """One connection for long queries. Use it in one thread; `interrupt` may be called from any."""

    def __init__(self, state_dir: str) -> None:
        """Raises StateUnusable. A host without a database has no jobs."""
        self._state_dir = state_dir
        self._connection = _open(state_dir)
        self.reader = self._read_through(self._connection)

    def _read_through(self, connection: "sqlite3.Connection | None") -> Reader:
        """The reader of jobs and tasks by their ids."""
        return Reader(connection)

    def close(self) -> None:
        """Close the connection."""
        self.reader.close()
        self._connection = None

    def interrupt(self) -> None:
        """End the query that runs now, if one does."""
        connection = self._connection
        if connection is not None:
            connection.interrupt()

    def version(self) -> int:
        """A number that is another one after anybody else committed something; costs microseconds, reads nothing."""
        if self._connection is None:
            self._connection = _open(self._state_dir)
            self.reader = self._read_through(self._connection)
        return -1 if self._connection is None else int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def span(self) -> tuple[int, int, int]:
        """(number of jobs, lowest id, highest id)."""
        rows = self._all("SELECT (SELECT count(*) FROM job), coalesce(min(id), 0), coalesce(max(id), 0) FROM job", {})
        return rows[0] if rows else (0, 0, 0)

    def newest(self) -> int:
        """The highest id, 0 without jobs."""
        rows = self._all("SELECT coalesce(max(id), 0) FROM job", {})
        return int(rows[0][0]) if rows else 0

    def by_state(self, terms: Sequence[Term], now: float) -> tuple[int, ...]:
        """Numbers of jobs that fit, by state, in the order of `jobs.STATES`."""
        where, values = self._where(terms, now)
        found = dict(self._all(f"SELECT status, count(*) FROM job{where} GROUP BY status", values))
        return tuple(found.get(state, 0) for state in range(len(STATES)))

    def tasks_by_state(self, terms: Sequence[Term], now: float) -> tuple[int, ...]:
        """Numbers of tasks of the jobs that fit, by state."""
        where, values = self._where(terms, now)
        sums = ", ".join(f"coalesce(sum({state.lower()}), 0)" for state in STATES)
        rows = self._all(f"SELECT {sums} FROM job{where}", values)
        return rows[0] if rows else (0,) * len(STATES)

    def chunks(self, terms: Sequence[Term], order: Order, now: float, above: int = 0) -> "Iterator[array[int]]":
        """Ids above `above` of the jobs that fit, in order. Each chunk is one instant; in order of id they arrive as they are found."""
        return self._parts(terms, order, now, above, "")

    def counted(
        self, terms: Sequence[Term], order: Order, now: float, states: Sequence[int], above: int = 0
    ) -> "Iterator[tuple[array[int], array[int]]]":
        """The same, with the number of tasks that each job has in any of the states (none given: in all)."""
        column = "+".join(STATES[state].lower() for state in states) or "tasks"
        for chunk in self._parts(terms, order, now, above, column):
            yield chunk[::2], chunk[1::2]

    def _parts(self, terms: Sequence[Term], order: Order, now: float, above: int, column: str) -> "Iterator[array[int]]":
        """Chunks of ids, or of id and value of the column in turns."""
        where, values = self._where(terms, now)
        select = f"SELECT id, {column} AS more FROM job" if column else "SELECT id FROM job"
        if order.column != "id":
            where = _and(where, "id>:above") if above else where
            yield from self._taken(f"{select}{where} ORDER BY {_ordering(order)}", {**values, "above": above})
            return
        edge, size = (2**62 if order.descending else above), FIRST_CHUNK
        beyond = "id<:edge AND id>:above" if order.descending else "id>:edge"
        direction, step = ("DESC" if order.descending else "ASC"), 2 if column else 1
        while True:
            sql = f"{select}{_and(where, beyond)} ORDER BY id {direction} LIMIT {size}"
            chunk = self._packed(sql, {**values, "edge": edge, "above": above}, column)
            if chunk:
                yield chunk
            if len(chunk) < size * step:
                return
            edge, size = chunk[-step], CHUNK

    def jobs(self, ids: Sequence[int]) -> dict[int, Job]:
        """The jobs with these ids, as far as they exist."""
        return {job.id: job for job in self.reader.listed(ids)}

    def _where(self, terms: Sequence[Term], now: float) -> tuple[str, Values]:
        values: Values = {"now": now}
        conditions = [_condition(term, number, values) for number, term in enumerate(terms)]
        if self._connection is not None:
            for number, term in enumerate(terms):
                if isinstance(term, Matches):
                    self._connection.create_function(f"found{number}", 1, _search(term.pattern), deterministic=True)
        return (" WHERE " + " AND ".join(conditions) if conditions else ""), values

    def _taken(self, sql: str, values: Values) -> "Iterator[array[int]]":
        """The numbers of all rows of a query, in chunks; the whole query is one instant."""
        if self._connection is None:
            return
        with _interruptible():
            cursor = self._connection.execute(sql, values)
            while rows := cursor.fetchmany(_TAKEN):
                yield array("q", chain.from_iterable(rows))

    def _packed(self, sql: str, values: Values, more: str) -> "array[int]":
        """The column `id` of a query (and `more`, in turns) as an array: sixteen hexadecimal digits a number, put together by SQLite."""
        number = "printf('%016x%016x', id, more)" if more else "printf('%016x', id)"
        rows = self._all(f"SELECT group_concat({number}, '') FROM ({sql})", values)
        digits = str(rows[0][0] or "") if rows else ""
        packed = array("q")
        for begin in range(0, len(digits), _DIGITS):  # piece by piece: others wait for the lock meanwhile
            packed.frombytes(bytes.fromhex(digits[begin : begin + _DIGITS]))
        packed.byteswap()
        return packed

    def _all(self, sql: str, values: Values) -> "list[Any]":
        if self._connection is None:
            return []
        with _interruptible():
            return self._connection.execute(sql, values).fetchall()


def _open(state_dir: str) -> "sqlite3.Connection | None":
    """A reader's connection without a memory map: a scan of the whole file must not count as this process's memory."""
    connection = schema.open_reader(state_dir)
    if connection is not None:
        connection.execute("PRAGMA mmap_size=0")
    return connection


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as exc:
        if str(exc) == "interrupted":
            raise Interrupted from exc
        raise


def _json(ids: Sequence[int]) -> str:
    return f"[{','.join(map(str, ids))}]"


def _and(where: str, condition: str) -> str:
    return f"{where} AND {condition}" if where else f" WHERE {condition}"


def _ordering(order: Order) -> str:
    direction = "DESC" if order.descending else "ASC"
    column = _SQL.get(order.column, order.column)
    return f"{column} {direction} NULLS LAST, id DESC"


def _condition(term: Term, number: int, values: Values) -> str:
    """The SQL of a term, which never is NULL; its values are added under names with `number`."""
    match term:
        case Contains(text):
            values[f"v{number}"] = "%" + "".join("\\" + c if c in "%_\\" else c for c in text) + "%"
            like = f"LIKE :v{number} ESCAPE '\\'"
            sql = f"(name {like} OR id {like})" if text.isdigit() else f"name {like}"
        case Matches(column, _):
            columns = (column,) if column else ("name", "id")
            sql = "(" + " OR ".join(f"found{number}({_text(one)})" for one in columns) + ")"
        case OneOf(column, wanted):
            sql = "(" + " OR ".join(_equals(column, value, f"v{number}_{k}", values) for k, value in enumerate(wanted)) + ")"
        case Compare():
            sql = _comparison(term, f"v{number}", values)
    return f"NOT coalesce({sql}, 0)" if term.negated else sql


def _equals(column: str, value: str, name: str, values: Values) -> str:
    if column == "status":
        return f"status={STATES.index(value)}"
    if column == "id":
        low, _, high = value.partition("-")
        values[name], values[name + "h"] = int(low), int(high or low)
        return f"id BETWEEN :{name} AND :{name}h"
    if set(value) & set("*?"):
        values[name] = value.replace("[", "[[]")
        return f"{column} GLOB :{name}"
    values[name] = value
    return f"{column}=:{name}"


def _comparison(term: Compare, name: str, values: Values) -> str:
    values[name] = term.value
    column = _SQL.get(term.column, term.column)
    if term.column in MOMENTS and not term.absolute:
        return f"(:now-{column}){term.operator}:{name}"
    return f"({column}){term.operator}:{name}"


def _text(column: str) -> str:
    """A column as the text that a pattern is looked for in."""
    if column == "status":
        return "CASE status " + " ".join(f"WHEN {number} THEN '{state}'" for number, state in enumerate(STATES)) + " END"
    return column


def _search(pattern: str) -> "Callable[[object], bool]":
    """A function for SQLite: whether the pattern is found in a text."""
    found = re.compile(pattern, 0 if any(map(str.isupper, pattern)) else re.IGNORECASE).search
    return lambda text: found(str(text)) is not None
