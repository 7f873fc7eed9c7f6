"""Tasks of a job are read from wherever their truth lies, in order, in pages that add up to the whole."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.jobs import CANCELLED, CAUSE_LOST, CAUSE_TIMEOUT, ERROR, FAILED, RUNNING, SUCCESSFUL, WAITING, outcome
from cyclone_core.scheduler.sqlite.reader import Reader
from tests.filled import CANCELLED_CODE, SUBMITTED, FilledHost

FINALS = [
    (SUCCESSFUL, 0), (FAILED, outcome(3 << 8)), (FAILED, outcome(9)), (FAILED, outcome(15, CAUSE_TIMEOUT)), (CANCELLED, CANCELLED_CODE),
    (ERROR, outcome(0, CAUSE_LOST)),
]  # fmt: skip
UNLEASED = [(WAITING, 0), (RUNNING, 0)]


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, object]:
    """An array in the middle of its life: some tasks final in overlapping blocks, some leased, some put back, a tail."""
    tasks = draw(st.integers(1, 60))
    next_position = draw(st.integers(1, tasks + 1))
    cancel = draw(st.sampled_from([None, SUBMITTED + 1]))
    kinds = FINALS + (UNLEASED if cancel is None else UNLEASED[1:])
    history = {p: draw(st.sampled_from(kinds)) for p in range(1, next_position)}
    return {
        "history": history,
        "tasks": tasks,
        "next": next_position,
        "cancel": cancel,
        "blocks": draw(st.integers(1, 5)),
        "seed": draw(st.integers(0, 99)),
    }


@settings(max_examples=60, deadline=None)
@given(
    made=arrays(), low=st.integers(1, 5), step=st.integers(1, 7), size=st.integers(1, 9), state=st.sampled_from([None, 0, 1, 2, 3, 4, 5])
)
def test_pages_add_up_to_what_the_model_says(made: dict, low: int, step: int, size: int, state: int | None) -> None:
    """Pages of any size, filtered or not, are the model's tasks in order; the overview and single look-ups agree."""
    history, tasks = made["history"], made["tasks"]
    tail = WAITING if made["cancel"] is None else CANCELLED
    model = {p: history[p][0] if p in history else tail for p in range(1, tasks + 1)}
    with TemporaryDirectory() as directory:
        FilledHost(Path(directory)).array(**made, low=low, step=step)
        with Reader.open(directory) as reader:
            found, after = [], 0
            while page := reader.tasks(1, state, after, size):
                assert len(page) <= size
                assert page[0].position > after
                found += page
                after = page[-1].position
            assert [(task.position, task.status) for task in found] == [(p, s) for p, s in model.items() if state in (None, s)]
            assert [task.index for task in found] == [low + (task.position - 1) * step for task in found]
            assert list(reader.task_states(1)) == list(model.values())
            probe = min(tasks, size)
            assert reader.task(1, probe).status == model[probe]


@pytest.fixture
def host(tmp_path: Path) -> FilledHost:
    """An empty host."""
    return FilledHost(tmp_path)


def test_a_final_task_tells_how_it_ended(host: FilledHost) -> None:
    """Signal, shell exit code, times and the recorded reason of a task that was killed for its time."""
    host.array({1: (SUCCESSFUL, 0), 2: (FAILED, outcome(15, CAUSE_TIMEOUT))}, 2, 3)
    with Reader.open(host.directory) as reader:
        task = reader.task(1, 2)
        assert (task.exit_code, task.signal, task.started, task.took) == (143, 15, SUBMITTED + 3, 0.001)
        assert task.reason == "ended by Cyclone: it ran longer than its timeout"
        host.attempt(2, 1, FAILED, outcome(15, CAUSE_TIMEOUT), reason="it ran longer than its timeout of 60 s")
        assert reader.task(1, 2).reason == "it ran longer than its timeout of 60 s"


def test_a_leased_task_is_running_and_known_by_its_process_after_a_while(host: FilledHost) -> None:
    """Of two leased tasks the one that has lasted has a start time and a process."""
    host.array({1: (RUNNING, 0), 2: (RUNNING, 0)}, 2, 3)
    host.running(2, attempt=2)
    with Reader.open(host.directory) as reader:
        young, old = reader.tasks(1)
        assert (young.state, young.started, young.pid, young.worker, young.attempt) == ("Running", None, None, 7, 2)
        assert (old.started, old.pid) == (SUBMITTED + 5, 4321)


def test_ranges_of_leased_and_put_back_tasks_are_cut_at_the_page(host: FilledHost) -> None:
    """A page that begins in the middle of a range begins there."""
    host.job(counts=(60, 40, 0, 0, 0, 0), array=1, next=81)
    host.leased([(1, 1, 40, 1)])
    host.put_back([(1, 41, 80, 2)])
    with Reader.open(host.directory) as reader:
        assert [task.position for task in reader.tasks(1, None, 38, 4)] == [39, 40, 41, 42]
        assert [(task.position, task.attempt) for task in reader.tasks(1, WAITING, 79, 3)] == [(80, 2), (81, 1), (82, 1)]


def test_attempts_of_a_retried_task_are_all_there(host: FilledHost) -> None:
    """Attempts with rows of their own, and the final one from the packed result."""
    host.job(counts=(0, 0, 0, 1, 0, 0), array=1, next=2)
    host.attempt(1, 1, FAILED, outcome(1 << 8))
    host.attempt(1, 2, ERROR, outcome(0, CAUSE_LOST), reason="worker 7 died")
    host.result([((1, 1, 3, outcome(2 << 8), int(SUBMITTED * 1e6) + 30_000_000, 5, 0, 0), 1)])
    with Reader.open(host.directory) as reader:
        attempts = reader.attempts(1, 1)
        assert [(a.attempt, a.state, a.exit_code) for a in attempts] == [(1, "Failed", 1), (2, "Error", None), (3, "Failed", 2)]
        assert [a.reason for a in attempts] == [None, "worker 7 died", None]


def test_a_task_cancelled_before_it_ran_has_no_attempt(host: FilledHost) -> None:
    """A result row with journal 0 is a state without an execution."""
    host.job(counts=(0, 0, 0, 0, 1, 0), array=1, next=2)
    host.result([((1, 1, 1, CANCELLED_CODE, int(SUBMITTED * 1e6), 0, 0, 0), 0)])
    with Reader.open(host.directory) as reader:
        task = reader.task(1, 1)
        assert (task.state, task.exit_code, task.started, task.ended, task.reason) == ("Cancelled", None, None, SUBMITTED, "cancelled")
        assert reader.attempts(1, 1) == []


def test_a_page_of_a_million_tasks_opens_one_block(host: FilledHost) -> None:
    """Of a finished array of 1,000,000 tasks a page reads one packed block, a page of failures only blocks that have some."""
    blocks = 250
    host.job(counts=(0, 0, 4000 * blocks - 1, 1, 0, 0), array=1, next=4000 * blocks + 1)
    for block in range(blocks):
        members = [((1, block * 4000 + k, 1, 0, int(SUBMITTED * 1e6), 9, 0, 0), 1) for k in range(1, 4001)]
        if block == 200:
            members[3] = ((1, 800_004, 1, outcome(1 << 8), 0, 9, 0, 0), 1)
        host.result(members[:]) if block in (125, 200) else host.db.execute(
            "INSERT INTO result VALUES(1,?,?,4000,4000,0,0,0,x'00')", (block * 4000 + 1, block * 4000 + 4000)
        )
    with Reader.open(host.directory) as reader:  # all blocks but two are unreadable: opening any of them would raise zlib.error
        assert [task.position for task in reader.tasks(1, None, 500_000, 50)] == list(range(500_001, 500_051))
        assert [task.position for task in reader.tasks(1, FAILED, 0, 50)] == [800_004]
        assert reader.task_states(1).count(bytes((SUCCESSFUL,))) == 999_999
        assert reader.job(1).exit_code == 1
