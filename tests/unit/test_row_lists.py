"""Numbered rows: every row has a key, every key is found in its row, and new jobs move nothing but the numbers."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.operations.row_lists import JobRows, TaskRows, sums, turned

IDS = st.lists(st.integers(1, 200), unique=True, min_size=1, max_size=30)
ORDERS = st.sampled_from([(True, True), (True, False), (False, False)])
"""(by id, down)"""


def listed(ids: list[int], order: tuple[bool, bool]) -> JobRows:
    """A list in one of the orders."""
    return JobRows(array("q", sorted(ids) if order[0] else ids), *order)


@given(IDS, ORDERS, st.integers(0, 40))
def test_jobs_are_found(ids: list[int], order: tuple[bool, bool], near: int) -> None:
    """`find` is the inverse of `key`; other ids are nowhere."""
    rows = listed(ids, order)
    keys = [rows.key(row) for row in range(rows.count)]
    assert keys == (sorted(ids, reverse=order[1]) if order[0] else ids)
    assert [rows.find(key, near) for key in keys if key] == list(range(rows.count))
    assert rows.find(999, near) is None


@given(st.integers(1, 50), st.lists(st.integers(51, 60), unique=True).map(sorted), st.booleans())
def test_ranges_are_lists(count: int, new: list[int], down: bool) -> None:
    """A range of ids answers as the array of them does, also after jobs were added."""
    whole = range(1, count + 1)
    rows = JobRows(whole, True, down).with_new(array("q", new))
    plain = JobRows(array("q", whole), True, down).with_new(array("q", new))
    assert [rows.key(row) for row in range(rows.count)] == [plain.key(row) for row in range(plain.count)]
    assert rows.find(1, 0) == plain.find(1, 0)


@given(IDS, ORDERS, st.data())
def test_tasks_are_found(ids: list[int], order: tuple[bool, bool], data: st.DataObject) -> None:
    """Each task has one row, in order of position within its job."""
    jobs = listed(ids, order)
    counts = {job: data.draw(st.integers(0, 4)) for job in ids}
    rows = TaskRows(jobs, sums(array("q", [counts[job] for job in jobs.ids])))
    keys = [rows.key(row) for row in range(rows.count)]
    shown = [jobs.key(row) for row in range(jobs.count)]
    assert keys == [(job, position) for job in shown if isinstance(job, int) for position in range(1, counts[job] + 1)]
    assert [rows.find(key, 0) for key in keys if key] == list(range(rows.count))


@given(IDS, st.booleans(), st.integers(1, 3))
def test_new_tasks_leave_the_others_in_order(ids: list[int], down: bool, each: int) -> None:
    """The new ones are in front, or at the end; a list that is being drawn stays as it was."""
    rows = TaskRows(JobRows(array("q", sorted(ids)), True, down, len(ids)), sums(array("q", [each] * len(ids))), (), each * len(ids))
    before = [rows.key(row) for row in range(rows.count)]
    more = rows.with_new(array("q", [300, 301]), array("q", [2, 2]))
    after = [more.key(row) for row in range(more.count)]
    assert (after[4:] if down else after[:-4]) == before
    assert [rows.key(row) for row in range(rows.count)] == before
    assert more.find((300, 2), 0) is not None


def test_chosen_tasks_have_keys_once_they_are_known() -> None:
    """A list of some tasks only: the position of a row is known when it was read."""
    rows = TaskRows(JobRows(array("q", [5, 7]), True, True), sums(array("q", [3, 2])), (3,))
    assert rows.key(3) is None
    rows.positions[5] = array("q", [4, 8, 9])
    assert rows.key(3) == (5, 8)
    assert rows.find((5, 8), 0) == 3
    assert rows.find((5, 5), 0) is None


@given(st.lists(st.integers(0, 5)))
def test_sums_turned_around(counts: list[int]) -> None:
    """As if they had been summed from the other end."""
    assert turned(sums(array("q", counts))) == sums(array("q", counts[::-1]))
