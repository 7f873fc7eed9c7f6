"""Usage of a local host: durations of every attempt that ended, by day, from jobs, packed results and attempts with rows of their own."""

from pathlib import Path

import pytest

from cyclone_core.jobs import FAILED
from cyclone_core.operations import usage
from cyclone_core.operations.queries import LocalView
from cyclone_core.scheduler import columns
from cyclone_core.scheduler.sqlite.usage_reader import UsageReader
from tests.filled import FilledHost

DAY_US = 86_400_000_000
DAY = 20_000
"""2024-10-04"""


@pytest.fixture
def filled(tmp_path: Path) -> FilledHost:
    """A single job that was tried twice, and an array of which a part ran after midnight, one task of it twice."""
    host = FilledHost(tmp_path)
    host.resource("definition", "wide", vcpus=4)
    at = DAY * DAY_US
    host.job(1, (0, 0, 1, 0, 0, 0), user="eve", attempt=2, code=0, start_us=at, took_us=5_000_000, journal=1)
    row = "INSERT INTO attempt VALUES(?,?,?,?,0,7,?,?,1,0,0,?)"
    host.db.execute(row, (1, 1, 1, FAILED, at - DAY_US, 3_000_000, None))
    host.db.execute(row, (1, 1, 2, FAILED, at, 5_000_000, "the last one, with a reason"))
    host.job(2, (0, 0, 3, 0, 1, 0), array=1, name="grid", definition="wide", ended=(at + DAY_US) / 1e6 + 9)
    times = [(1, 1, at, 2_000_000), (2, 2, at, 4_000_000), (3, 1, at + DAY_US - 1_000_000, 6_000_000), (4, 1, 0, 0)]
    host.result([((2, position, attempt, 0, start, took, 0, 0), 1 if took else 0) for position, attempt, start, took in times])
    host.db.execute(row, (2, 2, 1, FAILED, at, 1_000_000, None))
    host.db.execute(row, (2, 2, 2, FAILED, at, 4_000_000, "its last one"))
    return host


def test_every_attempt_counts_once(filled: FilledHost) -> None:
    """On the day on which it ended; what never ran does not."""
    found = UsageReader(filled.db).ran(0, 99_999, apart=True)
    assert sorted((ran.job, ran.day - DAY, ran.attempts, ran.took_us // 1_000_000) for ran in found) == [
        (1, -1, 1, 3), (1, 0, 1, 5), (2, 0, 1, 1), (2, 0, 2, 6), (2, 1, 1, 6),
    ]  # fmt: skip


@pytest.mark.parametrize(("first", "last", "seconds"), [(0, 0, 12), (1, 9, 6), (-1, -1, 3), (2, 9, 0), (-9, 1, 21)])
def test_only_of_some_days(filled: FilledHost, first: int, last: int, seconds: int) -> None:
    """Both days are included."""
    assert sum(ran.took_us for ran in UsageReader(filled.db).ran(DAY + first, DAY + last, apart=False)) == seconds * 1_000_000


def test_the_vcpus_are_those_of_the_definition(filled: FilledHost) -> None:
    """By user, by job with its name, of one job; without a price, and so it says."""
    with LocalView("local", filled.directory) as host:
        by_user = usage.of(host, usage.ask("user", "2024-10-01", "2024-10-09"))
        assert {row.key: (row.tasks, row.vcpu_s) for row in by_user.rows} == {"ada": (4, 4 * 13), "eve": (2, 8)}
        assert (by_user.total.usd, by_user.total.priced) == (None, "own")
        assert "no price" in by_user.notes[0]
        by_job = usage.of(host, usage.ask("job", "2024-10-04", "2024-10-05", most=1))
        assert [(row.key, row.name, row.vcpu_s) for row in by_job.rows] == [("2", "grid", 52)]
        assert by_job.most
        assert usage.of(host, usage.ask(job=1)).total.vcpu_s == 8


def test_a_block_gives_its_times_back() -> None:
    """As they were packed, to the millisecond."""
    rows = [((1, position, 1, 0, 1_700_000_000_000_000 + position * 777_000, position * 3, 0, 0), 1) for position in (1, 2, 5, 900)]
    starts, took = columns.times(len(rows), columns.pack(rows))
    assert [(start * 1000, each) for start, each in zip(starts, took, strict=True)] == [(row[4], row[5]) for row, _ in rows]
