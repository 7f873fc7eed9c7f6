"""Lists of indices: the mapping between positions and indices, as a model of plain lists says it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.indices import Indices, joined, pack, united, unpack

INDEX_SETS = st.sets(st.integers(1, 80), min_size=1) | st.sets(st.integers(1, 2**53 - 1), min_size=1, max_size=20)


def listed(indices: Indices) -> list[int]:
    """All indices in order."""
    return [indices.index(position) for position in range(1, indices.count + 1)]


def made(wanted: set[int]) -> Indices:
    """The list that somebody gets who names indices one by one."""
    return Indices(joined((index, index, 1) for index in sorted(wanted)))


@given(INDEX_SETS)
def test_positions_and_indices_are_each_others_inverse(wanted: set[int]) -> None:
    """Every index has one position, in order, and nothing else has one."""
    indices = made(wanted)
    assert listed(indices) == sorted(wanted)
    assert [indices.position(index) for index in sorted(wanted)] == list(range(1, len(wanted) + 1))
    near = {index + change for index in wanted for change in (-1, 1)} - wanted
    assert [indices.position(index) for index in near] == [None] * len(near)


@given(INDEX_SETS)
def test_a_stored_list_comes_back(wanted: set[int]) -> None:
    """What is packed is what is unpacked, stretch by stretch."""
    assert list(unpack(pack(made(wanted)))) == list(made(wanted))


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 30), st.integers(1, 7)), min_size=1, max_size=6))
def test_ranges_in_any_order_are_the_set_of_their_indices(ranges: list[tuple[int, int, int]]) -> None:
    """Overlapping, doubled and unordered ranges count each index once."""
    asked = [(low, low + more, step) for low, more, step in ranges]
    wanted = {index for low, high, step in asked for index in range(low, high + 1, step)}
    assert listed(Indices(united(asked))) == sorted(wanted)


@given(INDEX_SETS, st.data())
def test_a_cut_is_the_indices_of_its_positions(wanted: set[int], data: st.DataObject) -> None:
    """The parts that a worker gets, and the stretches of a retry, name the same tasks."""
    indices, ordered = made(wanted), sorted(wanted)
    low = data.draw(st.integers(1, len(ordered)))
    high = data.draw(st.integers(low, len(ordered)))
    assert [index for first, last, step in indices.cut(low, high) for index in range(first, last + 1, step)] == ordered[low - 1 : high]
    parts = list(indices.parts(low, high))
    for position in range(low, high + 1):
        first, index, step = max(part for part in parts if part[0] <= position)
        assert index + (position - first) * step == ordered[position - 1]


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({1, 3}, "1,3"),
        ({1, 4, 5, 9}, "1,4-5,9"),
        ({1, 5, 6, 7, 8}, "1,5-8"), ({1, 3, 5, 7}, "1-7:2"), ({4}, "4"), ({4, 9}, "4,9"), ({1, 2}, "1-2"), ({1, 5, 9, 10}, "1-9:4,10"),
        ({1, 4, 6, 8, 20, 21}, "1,4-8:2,20-21"), ({3, 17, *range(100, 201), *range(300, 401, 2)}, "3,17,100-200,300-400:2"),
    ],
)  # fmt: skip
def test_a_list_reads_as_somebody_would_write_it(wanted: set[int], text: str) -> None:
    """Two indices make no step; three do."""
    assert made(wanted).text() == text


def test_a_long_list_is_cut_off_between_words() -> None:
    """No half of a number is shown."""
    assert made({10, 20, 31, 45, 60}).text(8) == "10,20,…"


@pytest.mark.parametrize(
    "stretches", [[], [(5, 4, 1)], [(1, 5, 1), (5, 6, 1)], [(1, 4, 2)], [(1, 3, 0)], [(9, 9, 1), (3, 3, 1)], [(0, 1, 1)]]
)
def test_what_is_no_ascending_list_is_refused(stretches: list[tuple[int, int, int]]) -> None:
    """Nothing, backwards, overlapping, beside its step, below 1."""
    with pytest.raises(ValueError, match="ind"):
        Indices(stretches)
