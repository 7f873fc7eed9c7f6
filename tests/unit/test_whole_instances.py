"""Workers of several regions put together: as many as before, on fewer instances, nowhere on more."""

from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.scheduler.whole_instances import merged

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 40))


def test_three_remainders_are_two_instances() -> None:
    """Of eight workers, four to an instance; what fills whole ones stays."""
    assert merged({"a": 3, "b": 3, "c": 2}, {"a": 4, "b": 4, "c": 4}) == {"a": 4, "b": 4}
    assert merged({"a": 8, "b": 4}, {"a": 4, "b": 4}) == {"a": 8, "b": 4}


def test_what_needs_an_instance_of_its_own_stays() -> None:
    """Five workers are two instances wherever they are; nobody is moved for nothing."""
    assert merged({"a": 3, "b": 3}, {"a": 4, "b": 4}) == {"a": 3, "b": 3}
    assert merged({"a": 3, "b": 1}, {"a": 4}) == {"a": 3, "b": 1}


@given(COUNTS, st.integers(0, 9))
def test_fewer_instances_and_nowhere_more(asked: dict[str, int], size: int) -> None:
    """Each worker is asked for once; with one size of instances there are as few as there can be."""
    found = merged(asked, dict.fromkeys(asked, size))
    assert sum(found.values()) == sum(asked.values())
    per = max(1, size)
    assert all(-(-found.get(region, 0) // per) <= -(-workers // per) for region, workers in asked.items())
    assert sum(-(-workers // per) for workers in found.values()) == -(-sum(asked.values()) // per)


@given(COUNTS, st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9)))
def test_sizes_differ(asked: dict[str, int], held: dict[str, int]) -> None:
    """Nobody launches more instances, whatever the others have."""
    found = merged(asked, held)
    assert sum(found.values()) == sum(asked.values())
    per = {region: max(1, held.get(region, 0)) for region in asked}
    assert all(-(-found.get(region, 0) // per[region]) <= -(-workers // per[region]) for region, workers in asked.items())
    assert all(found[region] == workers for region, workers in asked.items() if held.get(region, 0) < 2)
