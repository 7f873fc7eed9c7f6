"""What is packed comes back: results in columns, leases as ranges."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.scheduler.columns import outline, pack, unpack
from cyclone_core.scheduler.sqlite.work import pack_ranges, ranges_of, unpack_ranges

BIG = st.integers(0, 2**62)
SMALL = st.integers(0, 2**31)


@st.composite
def results(draw: st.DrawFn) -> list[tuple[tuple[int, ...], int]]:
    """Rows of one job in order of position, from any journals, at any times and places."""
    positions = sorted(draw(st.sets(st.integers(1, 10**8), max_size=30)))
    return [
        (
            (
                7,
                position,
                draw(st.integers(1, 10**6)),
                draw(st.integers(0, 2**20)),
                1000 * draw(st.integers(0, 2**52)),
                draw(BIG),
                draw(BIG),
                draw(BIG),
            ),
            draw(SMALL),
        )
        for position in positions
    ]


@given(results())
def test_columns_come_back(rows: list) -> None:
    """All fields of all rows, in order; the outline is the same without the rest."""
    blob = pack(rows)
    assert unpack(7, len(rows), blob) == rows
    positions, codes = outline(len(rows), blob)
    assert (list(positions), list(codes)) == ([row[1] for row, _ in rows], [row[3] for row, _ in rows])


def test_start_times_lose_less_than_a_millisecond() -> None:
    """The one thing that is rounded."""
    ((row, _),) = unpack(1, 1, pack([((1, 1, 1, 0, 1_700_000_000_123_987, 5, 0, 0), 3)]))
    assert row[4] == 1_700_000_000_123_000


def test_likely_results_are_small() -> None:
    """Tasks of one slice that ended one after the other: a few bytes each."""
    rows = [((1, p, 1, 0, 1_700_000_000_000_000 + 900 * p, 1100 + p % 50, 200 * p, 0), 4) for p in range(1, 4097)]
    assert len(pack(rows)) < 4 * 4096


HISTORIES = st.tuples(st.integers(1, 3), st.integers(0, 2), st.integers(0, 2))
tasks = st.dictionaries(st.tuples(st.integers(1, 3), st.integers(1, 30)), HISTORIES, max_size=60)


@given(tasks)
def test_ranges_are_the_tasks(held: dict) -> None:
    """Ranges hold every task once with its history, are in order, and no two of them could be one."""
    ranges = ranges_of(held.items())
    assert {(job, p): tuple(history) for job, low, high, *history in ranges for p in range(low, high + 1)} == held
    assert sum(high - low + 1 for _, low, high, *_ in ranges) == len(held)
    assert ranges == sorted(ranges)
    assert not any(a[0] == b[0] and a[2] + 1 == b[1] and a[3:] == b[3:] for a, b in itertools.pairwise(ranges))


@given(st.lists(st.tuples(*[st.integers(0, 2**53)] * 6)))
def test_packed_ranges_come_back(ranges: list) -> None:
    """Numbers up to the largest job id."""
    assert unpack_ranges(pack_ranges(ranges)) == ranges
