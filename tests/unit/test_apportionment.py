"""Sharing by weights: exact sums, bounds, proportions."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.scheduler.apportionment import fill

_NAMES = "abcdef"


@st.composite
def _shares(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, int], dict[str, int], int]:
    names = _NAMES[: draw(st.integers(1, len(_NAMES)))]
    weights = {name: draw(st.integers(1, 9)) for name in names}
    least = {name: draw(st.integers(0, 50)) for name in names}
    most = {name: least[name] + draw(st.integers(0, 50)) for name in names}
    return weights, least, most, draw(st.integers(0, 700))


@settings(deadline=None, max_examples=60)
@given(_shares())
def test_the_sum_is_right_and_bounds_are_kept(case: tuple[dict[str, int], dict[str, int], dict[str, int], int]) -> None:
    """What is shared is all that can be, and nobody has less than before or more than fits."""
    weights, least, most, total = case
    found = fill(weights, least, most, total)
    assert sum(found.values()) == min(max(total, sum(least.values())), sum(most.values()))
    assert all(least[name] <= found[name] <= most[name] for name in weights)


@settings(deadline=None, max_examples=60)
@given(_shares())
def test_nobody_within_bounds_is_a_whole_one_behind(case: tuple[dict[str, int], dict[str, int], dict[str, int], int]) -> None:
    """Of two, one who could have more is behind the other's level by less than a whole, unless the other has it from before."""
    weights, least, most, total = case
    found = fill(weights, least, most, total)
    for poor in weights:
        for rich in weights:
            if found[poor] < most[poor] and found[rich] > least[rich]:
                assert (found[poor] + 1) * weights[rich] > (found[rich] - 1) * weights[poor]


def test_largest_remainders_get_the_rest() -> None:
    """10 by 3:3:1 is 4.29, 4.29, 1.43: the rest goes to the third."""
    nothing = dict.fromkeys("abc", 0)
    assert fill({"a": 3, "b": 3, "c": 1}, nothing, dict.fromkeys("abc", 99), 10) == {"a": 4, "b": 4, "c": 2}


def test_ties_go_to_the_first() -> None:
    """Equal remainders: the order of the weights decides, always the same."""
    assert fill({"b": 1, "a": 1}, {"a": 0, "b": 0}, {"a": 9, "b": 9}, 3) == {"b": 2, "a": 1}


def test_who_has_more_keeps_it_and_the_others_are_filled_up() -> None:
    """Eight are there in one place: four more go to the other."""
    assert fill({"a": 1, "b": 1}, {"a": 8, "b": 0}, {"a": 99, "b": 99}, 12) == {"a": 8, "b": 4}
