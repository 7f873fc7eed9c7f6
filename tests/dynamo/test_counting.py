"""Counters of arrays, jobs and queues equal the truth at the end, whatever the stream does."""

import contextlib
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.jobs import RUNNING, SUCCESSFUL, WAITING
from cyclone_core.scheduler.dynamo import keys, totals
from tests.dynamo.histories import History
from tests.dynamo.stream import Ledger, Refused, array, piece, single

CHANCE = st.randoms(use_true_random=False)


def delivered(ledger: Ledger, records: list[Any], choose: random.Random) -> None:
    """The records in any order, some twice, in batches; some by two functions at once, of which one read before the other wrote."""
    records = records + choose.choices(records, k=len(records) // 3)
    choose.shuffle(records)
    while records:
        cut = choose.randint(1, 6)
        batch, records = records[:cut], records[cut:]
        before = ledger.snapshot()
        if records and choose.random() < 0.3:  # another one comes first
            ledger.apply(records[:1], choose.randrange(4))
        with contextlib.suppress(Refused):
            ledger.apply(batch, choose.randrange(4), before)
        ledger.apply(batch, choose.randrange(4))


@given(CHANCE, st.integers(1, 40), st.integers(1, 4), st.integers(0, 30), st.booleans())
@settings(max_examples=60)
def test_counters_of_an_array_and_its_lane(choose: random.Random, tasks: int, size: int, steps: int, cancelled: bool) -> None:
    """Both equal the truth; what waits of a cancelled array counts as cancelled in the queue's."""
    history, ledger = History(tasks, size, choose), Ledger()
    for _ in range(steps):
        history.step()
    records = [array(7, tasks, size)] + [piece(7, tasks, size, told) for told in history.records]
    delivered(ledger, records + ([array(7, tasks, size, "MODIFY", v=2, x=5)] if cancelled else []), choose)
    assert ledger.total(7) == history.truth()
    assert ledger.lane() == list(totals.effective(history.truth(), cancelled))


@given(CHANCE, st.integers(1, 30), st.integers(1, 4), st.integers(0, 20), st.booleans())
@settings(max_examples=40)
def test_an_array_that_expired_counts_nothing(choose: random.Random, tasks: int, size: int, steps: int, cancelled: bool) -> None:
    """Even when the stream tells of its end before its beginning."""
    history, ledger = History(tasks, size, choose), Ledger()
    for _ in range(steps):
        history.step()
    more = {"x": 5} if cancelled else {}
    records = [piece(7, tasks, size, told) for told in history.records]
    delivered(ledger, [*records, array(7, tasks, size), array(7, tasks, size, "REMOVE", v=3, **more)], choose)
    assert ledger.lane() == [0] * 6
    assert ledger.items[keys.total(7)]["due"] == keys.due_part(7)


@given(CHANCE, st.lists(st.tuples(st.integers(0, 200), st.integers(1, 6), st.booleans()), max_size=12, unique_by=lambda one: one[0]))
@settings(max_examples=40)
def test_counters_of_single_jobs(choose: random.Random, jobs: list[tuple[int, int, bool]]) -> None:
    """Jobs of several blocks, each written some times, some of them removed."""
    ledger, records, truth = Ledger(), [], [0] * 6
    for number, writes, is_removed in jobs:
        states = [WAITING, *(choose.choice((WAITING, RUNNING)) for _ in range(writes)), choose.randrange(2, 6)]
        records += [single(number, version, state) for version, state in enumerate(states, 1)]
        if is_removed:
            records.append(single(number, len(states), states[-1], "REMOVE"))
        else:
            truth[states[-1]] += 1
    if records:
        delivered(ledger, records, choose)
    assert ledger.lane() == truth


def test_a_block_of_removed_jobs_goes_too() -> None:
    """Once nothing of it is kept its tally expires, and a job that comes later keeps it."""
    ledger = Ledger()
    ledger.apply([single(1, 1, SUCCESSFUL)])
    ledger.apply([single(1, 1, SUCCESSFUL, "REMOVE")])
    assert "expires" in ledger.items[keys.tally(1)]
    ledger.apply([single(2, 1, WAITING)])
    assert "expires" not in ledger.items[keys.tally(2)]


def test_single_jobs_in_blocks_cost_little_to_count() -> None:
    """At most two write units a job for its whole life: with the six of its own writes that is the budget of eight."""
    ledger = Ledger()
    for version, state in enumerate((WAITING, RUNNING, SUCCESSFUL), 1):
        for first in range(0, 1024, 50):  # the ids of one client
            ledger.apply([single(number, version, state) for number in range(first, min(first + 50, 1024))])
    assert ledger.units / 1024 < 0.5
    assert ledger.lane() == [0, 0, 1024, 0, 0, 0]


def test_counting_an_array_of_a_million_tasks_costs_next_to_nothing() -> None:
    """1,000 slices that are written 17 times each, in batches of a second's records: below 0.005 write units a task."""
    ledger, tasks, size = Ledger(), 1_000_000, 1000
    ledger.apply([array(7, tasks, size)])
    for version in range(1, 18):
        done = min(size, (version - 1) * 64)
        told = (size - done, 0, done, 0, 0, 0)
        for first in range(0, 1000, 90 * 16):
            lows = [1 + size * number for number in range(first, min(1000, first + 90 * 16))]
            ledger.apply([piece(7, tasks, size, (low, version, told)) for low in lows])
    assert ledger.total(7) == [0, 0, tasks, 0, 0, 0]
    assert ledger.units < 5000
