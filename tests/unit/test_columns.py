"""Packed results come back as they were, whatever their order in time, journals and offsets."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.scheduler.columns import outline, pack, unpack

big = st.integers(0, 2**53)
members = st.lists(
    st.tuples(st.integers(1, 10**8), st.integers(1, 9), st.integers(0, 2**20 - 1), big, big, big, big, st.integers(0, 2**40)),
    min_size=1, max_size=40, unique_by=lambda member: member[0],
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(members)
def test_unpack_is_the_inverse_of_pack(drawn: list[tuple[int, ...]]) -> None:
    """Every column, start times in whole milliseconds; the outline says the same of positions and outcomes."""
    rows = [
        ((7, position, attempt, code, start // 1000 * 1000, took, at, size), journal)
        for position, attempt, code, start, took, at, size, journal in sorted(drawn)
    ]
    blob = pack(rows)
    assert unpack(7, len(rows), blob) == rows
    positions, codes = outline(len(rows), blob)
    assert [positions, list(codes)] == [[row[1] for row, _ in rows], [row[3] for row, _ in rows]]
