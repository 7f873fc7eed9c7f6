"""What was used on a local host: the durations of all attempts that ended, from jobs, packed results and attempts with rows of their own.

One walk over the jobs that are retained; of arrays a block of 4,096 tasks in two milliseconds, so a million take half a second.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from cyclone_core.scheduler import columns

if TYPE_CHECKING:
    import sqlite3

_DAY_US = 86_400_000_000


class Ran(NamedTuple):
    """Attempts of a job that ended on a day."""

    job: int
    name: str
    queue: str
    user: str
    definition: str
    day: int
    """since 1970, UTC"""
    attempts: int
    took_us: int


_Who = tuple[int, str, str, str, str]
_WHO = "job.id, job.name, job.queue, job.user, job.definition"


class UsageReader:
    """Reads through a connection that somebody else owns; without one everything is empty."""

    def __init__(self, connection: "sqlite3.Connection | None") -> None:
        self._connection = connection

    def ran(self, first_day: int, last_day: int, apart: bool, job: int = 0) -> Iterator[Ran]:
        """What ended on these days, both included, in no order. apart: jobs are told apart, else they are 0 and ""; job: of this one."""
        if self._connection is None:
            return
        days = (first_day * _DAY_US, (last_day + 1) * _DAY_US)
        for row in self._singles(days, apart, job):
            yield Ran(*row)
        for found in self._rest(days, job):
            if first_day <= found.day <= last_day:
                yield found if apart else found._replace(job=0, name="")

    def _singles(self, days: tuple[int, int], apart: bool, job: int) -> "list[tuple[int, str, str, str, str, int, int, int]]":
        who = "id, name" if apart else "0, ''"
        return self._all(
            f"SELECT {who}, queue, user, definition, (start_us + took_us) / {_DAY_US} AS day, count(*), sum(took_us) FROM job "
            "WHERE array = 0 AND journal > 0 AND start_us + took_us >= ? AND start_us + took_us < ? AND (? = 0 OR id = ?) "
            f"GROUP BY {'id' if apart else 'queue, user, definition'}, day",
            (*days, job, job),
        )

    def _rest(self, days: tuple[int, int], job: int) -> Iterator[Ran]:
        """Of arrays, and of attempts that were not the last."""
        attempts: dict[int, dict[tuple[int, int], tuple[int, int]]] = {}
        who: dict[int, _Who] = {}
        for number, position, attempt, start_us, took_us, name, queue, user, definition in self._attempts(job):
            attempts.setdefault(number, {})[position, attempt] = start_us, took_us
            who[number] = number, name, queue, user, definition
        for of in self._arrays(days, job):
            who[of[0]] = of
            yield from self._blocks(of, attempts.get(of[0], {}))
        for number, found in attempts.items():
            for start_us, took_us in found.values():
                yield Ran(*who[number], (start_us + took_us) // _DAY_US, 1, took_us)

    def _arrays(self, days: tuple[int, int], job: int) -> "list[_Who]":
        begin, end = days[0] / 1e6, days[1] / 1e6
        sql = f"SELECT {_WHO} FROM job WHERE array > 0 AND submitted < ? AND (ended IS NULL OR ended >= ?) AND (? = 0 OR id = ?)"
        return self._all(sql, (end, begin, job, job))

    def _attempts(self, job: int) -> "list[tuple[int, int, int, int, int, str, str, str, str]]":
        """Those with a row of their own, but for the last one of a single job, whose row says the same."""
        return self._all(
            "SELECT one.job, position, one.attempt, one.start_us, one.took_us, job.name, queue, user, definition "
            "FROM attempt AS one JOIN job ON job.id = one.job "
            "WHERE one.start_us > 0 AND one.took_us > 0 AND NOT (array = 0 AND job.journal > 0 AND job.attempt IS one.attempt) "
            "AND (? = 0 OR job.id = ?)",
            (job, job),
        )

    def _blocks(self, of: _Who, attempts: "dict[tuple[int, int], tuple[int, int]]") -> Iterator[Ran]:
        """The final attempts of an array. attempts: its other ones; what is told here is taken out of them."""
        for count, blob in self._all("SELECT tasks, columns FROM result WHERE job = ?", (of[0],)):
            if attempts:
                for (_, position, attempt, _, _, took_us, _, _), _ in columns.unpack(of[0], count, blob):
                    if took_us:
                        attempts.pop((position, attempt), None)
            starts, took = columns.times(count, blob)
            for day, number, took_us in _by_day(starts, took):
                yield Ran(*of, day, number, took_us)

    def _all(self, sql: str, values: tuple[object, ...]) -> "list[Any]":
        assert self._connection is not None
        return self._connection.execute(sql, values).fetchall()


def _by_day(starts_ms: "list[int]", took_us: "list[int]") -> Iterator[tuple[int, int, int]]:
    """(day, attempts, microseconds) of tasks that ran."""
    day_ms = _DAY_US // 1000
    first, last = min(starts_ms) // day_ms, (max(starts_ms) + max(took_us) // 1000) // day_ms
    if first == last:
        yield first, len(took_us) - took_us.count(0), sum(took_us)
        return
    sums: dict[int, list[int]] = {}
    for start, took in zip(starts_ms, took_us, strict=True):
        if took:
            found = sums.setdefault((start + took // 1000) // day_ms, [0, 0])
            found[0] += 1
            found[1] += took
    yield from ((day, number, total) for day, (number, total) in sums.items())
