"""Numbered rows: every row has a key, every key is found in its row, and new jobs move nothing but the numbers."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.operations.row_lists import JobRows, TaskRows, sums

IDS = st.lists(st.integers(1, 200), unique=True, min_size=1, max_size=30)


def listed(ids: list[int], down: bool | None) -> "array[int]":
    """In the order of the list."""
    return array("q", ids if down is None else sorted(ids, reverse=down))


@given(IDS, st.sampled_from([True, False, None]), st.integers(0, 40))
def test_jobs_are_found(ids: list[int], down: bool | None, near: int) -> None:
    """`find` is the inverse of `key`; other ids are nowhere."""
    rows = JobRows(listed(ids, down), down)
    assert [rows.find(rows.key(row), near) for row in range(rows.count)] == list(range(rows.count))
    assert rows.find(999, near) is None


@given(st.integers(1, 50), st.integers(0, 9), st.booleans())
def test_ranges_are_lists(count: int, new: int, down: bool) -> None:
    """A range of ids answers as the array of them does, also after jobs were added."""
    whole = range(count, 0, -1) if down else range(1, count + 1)
    added = listed(list(range(count + 1, count + new + 1)), down)
    rows = JobRows(whole, down).with_new(added)
    plain = JobRows(array("q", whole), down).with_new(added)
    assert list(rows.ids) == list(plain.ids)
    assert rows.find(1, 0) == plain.find(1, 0)


@given(IDS, st.sampled_from([True, False, None]), st.data())
def test_tasks_are_found(ids: list[int], down: bool | None, data: st.DataObject) -> None:
    """Each task has one row, in order of position within its job."""
    jobs = JobRows(listed(ids, down), down)
    counts = array("q", [data.draw(st.integers(0, 4)) for _ in ids])
    rows = TaskRows(jobs, sums(counts))
    keys = [rows.key(row) for row in range(rows.count)]
    assert keys == [(job, position) for job, count in zip(jobs.ids, counts, strict=True) for position in range(1, count + 1)]
    assert [rows.find(key, 0) for key in keys if key] == list(range(rows.count))


@given(IDS, st.booleans(), st.integers(1, 3))
def test_new_tasks_move_the_others_together(ids: list[int], down: bool, each: int) -> None:
    """Keys keep their order; the new ones are in front, or at the end."""
    rows = TaskRows(JobRows(listed(ids, down), down), sums(array("q", [each] * len(ids))))
    before = [rows.key(row) for row in range(rows.count)]
    more = rows.with_new(listed([300, 301], down), array("q", [2, 2]))
    after = [more.key(row) for row in range(more.count)]
    assert (after[4:] if down else after[:-4]) == before
    assert more.find((300, 2), 0) is not None


def test_chosen_tasks_have_keys_once_they_are_known() -> None:
    """A list of some tasks only: the position of a row is known when it was read."""
    rows = TaskRows(JobRows(array("q", [7, 5]), True), sums(array("q", [2, 3])), (3,))
    assert rows.key(3) is None
    rows.positions[5] = array("q", [4, 8, 9])
    assert rows.key(3) == (5, 8)
    assert rows.find((5, 8), 0) == 3
    assert rows.find((5, 5), 0) is None
