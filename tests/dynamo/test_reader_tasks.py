"""Tasks and attempts of arrays: merged from tiles that nobody claimed and slices that were, some of them split."""

import random

import pytest

from cyclone_core.jobs import CANCELLED, FAILED, RUNNING, SUCCESSFUL, WAITING, outcome
from cyclone_core.scheduler.dynamo import keys, unit_parts
from cyclone_core.scheduler.lifecycle import Retry
from tests.dynamo.streamed import Host


def mixed(host: Host, tasks: int = 180) -> tuple[int, list[int]]:
    """An array of 180 tasks in three groups of slices, of all kinds; its number, and the state of each task."""
    array, states = host.submit(tasks), [WAITING] * tasks
    host.run(array, 6)
    states[5:10] = [SUCCESSFUL] * 5
    host.run(array, 11, {11: 0, 12: 1, 13: 0, 14: 1, 15: 0})
    states[10:15] = [SUCCESSFUL, FAILED, SUCCESSFUL, FAILED, SUCCESSFUL]
    unit = host.claim(array, 21, width=1)
    host.store.split(unit, [23, 25], host.now)
    states[20] = RUNNING
    host.run(array, 25)
    states[24] = SUCCESSFUL
    host.store.cancel(array, 33, host.now)
    states[32] = CANCELLED
    host.run(array, 81, {81: 0, 82: 0, 83: 0, 84: 0, 85: 1})
    states[80:85] = [SUCCESSFUL] * 4 + [FAILED]
    host.claim(array, 176, width=2)
    states[175:177] = [RUNNING] * 2
    host.count()
    return array, states


def test_states_of_all_tasks(host: Host) -> None:
    """A byte each, by position; the groups of which nothing was claimed are not read."""
    array, states = mixed(host)
    host.table.asked.clear()
    assert list(host.reader.task_states(array)) == states
    assert host.table.asked["Query"] == 3


@pytest.mark.parametrize("limit", [11, 1000])
def test_pages_of_tasks(host: Host, limit: int) -> None:
    """Pages of any length, of all tasks and of those in a state, tell the same."""
    array, states = mixed(host)
    for wanted in (None, *range(6)):
        found: list[tuple[int, int]] = []
        while page := host.reader.tasks(array, wanted, found[-1][0] if found else 0, limit):
            assert len(page) <= limit
            found += [(task.position, task.status) for task in page]
        assert found == [pair for pair in enumerate(states, 1) if wanted in (None, pair[1])]


def test_a_page_reads_only_what_it_needs(host: Host) -> None:
    """Somewhere in an array of a million tasks, one small query."""
    array = host.submit(1_000_000)
    host.run(array, 500_001, dict.fromkeys(range(500_001, 500_006), 0))
    host.count()
    host.table.asked.clear()
    page = host.reader.tasks(array, None, 499_998, 10)
    assert [(task.position, task.status) for task in page[:4]] == [(499_999, 0), (500_000, 0), (500_001, 2), (500_002, 2)]
    assert host.table.asked == {"GetItem": 1, "Query": 1} or host.table.asked == {"GetItem": 1, "Query": 2}
    host.table.asked.clear()
    assert [task.position for task in host.reader.tasks(array, SUCCESSFUL)] == [500_001, 500_002, 500_003, 500_004, 500_005]
    assert host.table.asked == {"GetItem": 1, "BatchGetItem": 1, "Query": 1}


def test_a_task_by_itself(host: Host) -> None:
    """It tells what a page tells of it; positions that there are not are None."""
    array, states = mixed(host)
    for position in (1, 5, 12, 21, 22, 23, 25, 33, 85, 176, 177, 178, 180):
        task = host.reader.task(array, position)
        assert task is not None
        assert (task.position, task.status) == (position, states[position - 1])
    assert host.reader.task(array, 0) is host.reader.task(array, 181) is None


def test_what_a_task_tells(host: Host) -> None:
    """Outcome, times, and where its output lies: the slice and its log object."""
    array, _ = mixed(host)
    task = host.reader.task(array, 12)
    assert task is not None
    assert (task.exit_code, task.attempt, task.took, task.at, task.size, task.worker) == (1, 1, 1.5, 1200, 7, f"eu-west-1/{array}-11")
    assert (task.journal >> 48, task.journal & (1 << 48) - 1) == (11, 1)


def test_cancelled_arrays(host: Host) -> None:
    """All that waits is cancelled with the job, claimed or not."""
    array, states = mixed(host)
    host.store.cancel(array, None, host.now)
    expected = [CANCELLED if state == WAITING else state for state in states]
    expected[177:180] = [WAITING] * 3  # a worker has them, and will settle it
    expected[21] = WAITING
    assert list(host.reader.task_states(array)) == expected
    assert [task.status for task in host.reader.tasks(array)] == expected
    task = host.reader.task(array, 1)
    assert task is not None
    assert (task.reason, task.ended) == ("cancelled", host.now / 1000)


def test_attempts(host: Host) -> None:
    """Each with its outcome, its reason and its output; the one that runs is the last."""
    array = host.submit(9)
    unit = host.claim(array, 6)
    row = (array, 7, 1, 1, host.now * 1000, 500_000, 0, 3)
    unit.finish([(row, 1)], {}, Retry(1))
    unit.running = [[7, 2, host.now + 500]]
    host.store.save(unit, host.now)
    first, second = host.reader.attempts(array, 7)
    assert (first.attempt, first.status, first.exit_code, first.took, first.journal) == (1, FAILED, 1, 0.5, 6 << 48 | 1)
    assert (second.attempt, second.status, second.started, second.worker) == (2, RUNNING, 1_700_000_002.5, f"eu-west-1/{array}-6")
    host.now += 200_000
    unit = host.claim(array, 6)
    attempts = host.reader.attempts(array, 7)
    assert [(one.attempt, one.status) for one in attempts] == [(1, FAILED), (2, 5)]
    assert "its worker died" in (attempts[1].reason or "")
    host.finish(unit, {6: 0}, log=2)
    assert [one.attempt for one in host.reader.attempts(array, 6)] == [1, 2]
    assert host.reader.attempts(array, 1) == []


def test_a_task_that_could_not_be_started(host: Host) -> None:
    """An attempt with its reason, without times or exit code."""
    job = host.submit()
    host.finish(host.claim(job), {1: outcome(0, 4)}, {1: "no such image"}, log=0)
    (attempt,) = host.reader.attempts(job, 1)
    assert (attempt.status, attempt.exit_code, attempt.reason) == (5, None, "no such image")


def test_what_followers_read(host: Host) -> None:
    """Stretches with final tasks, their rows with the log objects, and what runs."""
    array, states = mixed(host)
    done = {position for position, state in enumerate(states, 1) if state > RUNNING}
    found = host.reader.results(array)
    assert sum(count for _, _, count in found) == len(done)
    rows = [(row[1], number) for low, _, _ in found for row, number in host.reader.block(array, low)]
    assert {position for position, _ in rows} == done
    assert dict(rows)[12] == 11 << 48 | 1
    unit = host.claim(array, 91)
    unit.running = [[91, 1, host.now]]
    host.store.save(unit, host.now)
    host.count()
    assert (91, 1) in host.reader.started(array)


@pytest.mark.parametrize("seed", range(2))
def test_random_arrays(host: Host, seed: int) -> None:
    """Claims, results, splits and losses in any order: pages, overview and counters agree."""
    choose, array = random.Random(seed), host.submit(45)
    lows = list(range(1, 46, 5))
    for _ in range(20):
        host.now += 130_000  # every lease is over
        low = choose.choice(lows)
        job = host.item(*keys.job(array))
        claimed = host.store.claim(array, low, "eu-west-1/x", choose.randint(1, 5), host.now, exists=low % 5 != 1)
        assert job["sz"] == 5
        if not hasattr(claimed, "unit"):
            continue
        unit = claimed.unit
        if choose.random() < 0.4 and (cuts := unit_parts.cuts(unit)):
            lows += [part.low for part in host.store.split(unit, cuts, host.now)]
        elif choose.random() < 0.7:
            may = [position for position in unit.unfinished() if position <= unit.mark]
            host.finish(unit, {position: choose.choice((0, 1)) for position in may[: choose.randint(0, len(may))]})
        if choose.random() < 0.5:
            host.count(keep=choose.random() < 0.5)
    host.count()
    states = list(host.reader.task_states(array))
    assert [task.status for task in host.reader.tasks(array)] == states
    found = host.reader.job(array)
    assert found is not None
    assert list(found.counts) == [states.count(state) for state in range(6)]
    assert host.reader.counts() == [("default", found.counts)]
