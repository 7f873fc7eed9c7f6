"""Counting: whatever the order and however often, the sums are true at the end."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.scheduler.dynamo import tiles
from cyclone_core.scheduler.dynamo.tally import NO_CHANGE, Tally, add
from tests.dynamo.histories import History, Record


def counted(history: History, records: list[Record], joined: bool = True) -> list[int]:
    """The sums after these records, the tally packed and unpacked in between."""
    blob, sums = b"", (history.tasks, 0, 0, 0, 0, 0, 0)
    for unit, version, counts in records:
        tally = Tally.unpack(blob)
        sums = add(sums, tally.count(unit, version, counts, tiles.tile(unit, history.size, history.tasks)))
        if joined:
            tally.join()
        blob = tally.pack()
    return list(sums)


@given(st.randoms(use_true_random=False), st.integers(1, 40), st.integers(1, 12), st.integers(0, 60), st.booleans(), st.booleans())
@settings(max_examples=60)
def test_any_order_and_any_doubles(choose: random.Random, tasks: int, size: int, steps: int, ends: bool, joined: bool) -> None:
    """The sums of an array equal the truth after its records came shuffled, some of them several times."""
    history = History(tasks, size, choose)
    for _ in range(steps):
        history.step()
    if ends:
        history.finish()
    records = history.records + choose.choices(history.records, k=10) if history.records else []
    choose.shuffle(records)
    assert counted(history, records, joined)[:6] == history.truth()


@given(st.randoms(use_true_random=False), st.integers(1, 30), st.integers(1, 8))
@settings(max_examples=30)
def test_finished_units_are_counted_once(choose: random.Random, tasks: int, size: int) -> None:
    """What limited arrays wait for: the number of slices that are over."""
    history = History(tasks, size, choose)
    for low, _ in tiles.tiles(tasks, size):
        while low not in history.slices:
            history.step()
    history.finish()
    records = history.records * 2
    choose.shuffle(records)
    assert counted(history, records)[6] == len(history.slices)


def test_a_finished_group_is_one_entry() -> None:
    """Slices that were split and split again leave nothing behind once they are over."""
    tally = Tally()
    for low in range(1, 16_001, 10):
        tally.count(low, 3, (0, 0, 10, 0, 0, 0))
    tally.join()
    assert list(tally) == [(1, 1 << 62, (0, 0, 16_000, 0, 0, 0))]
    assert len(tally.pack()) < 32


def test_late_records_of_joined_slices_change_nothing() -> None:
    """A slice that was joined with the one before it is still known."""
    tally = Tally()
    tally.count(1, 2, (0, 0, 5, 0, 0, 0), 10)
    tally.count(6, 2, (0, 0, 5, 0, 0, 0))
    tally.join()
    assert tally.count(6, 1, (5, 0, 0, 0, 0, 0)) == NO_CHANGE


def test_a_removed_single_job_counts_no_more() -> None:
    """Its tasks leave the sums once, and a late record does not bring them back."""
    tally = Tally()
    tally.count(77, 3, (0, 0, 1, 0, 0, 0))
    assert tally.remove(77) == (0, 0, -1, 0, 0, 0, 0)
    again = Tally.unpack(tally.pack())
    assert again.remove(77) == again.count(77, 2, (0, 1, 0, 0, 0, 0)) == NO_CHANGE
    assert again.is_gone


def test_single_jobs_of_a_block_take_a_quarter_of_a_write_unit() -> None:
    """64 jobs in all states and versions."""
    tally = Tally()
    for number in range(64):
        tally.count(2**40 + number, 1 + number % 9, tuple(int(k == number % 6) for k in range(6)))  # type: ignore[arg-type]
    assert len(tally.pack()) < 256
