"""Promises about running tasks again: a new job of what is over, which keeps indices, parameters and settings; the old one stays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.errors import InvalidRequest
from cyclone_core.indices import united
from cyclone_core.jobs import CANCELLED, FAILED, FINAL, RUNNING, SUCCESSFUL, WAITING
from tests.contract.every import ENGINES, Engine

EXIT_3 = 3


def _run(store: Engine, failing: tuple[int, ...] = (), count: int = 500) -> None:
    """Run what waits; the positions named fail."""
    lease = store.lease(count)
    store.report(lease.number, [lease.row(*key, EXIT_3 if key[1] in failing else 0) for key in lease.tasks])


def _indices(store: Engine, job: int) -> list[int]:
    """The indices of a job's tasks, by position."""
    found = store.job(job)
    indices = [found.index(position) for position in range(1, found.tasks + 1)]
    assert [found.position(index) for index in indices] == list(range(1, found.tasks + 1))
    with store.reader() as reader:
        assert [task.index for task in reader.tasks(job)] == indices
    return indices


def test_a_single_job_runs_again_as_a_new_one(store: Engine) -> None:
    """Same script, name, user, priority; the first one stays what it came to."""
    job = store.submit(name="once", priority=7, user="eve", retries=0)
    _run(store, failing=(1,))
    new = store.again(job)
    old, found = store.job(job), store.job(new)
    assert (old.state, found.state) == ("Failed", "Waiting")
    same = ("name", "priority", "user", "spec", "queue", "definition", "array", "tasks", "limit")
    assert [getattr(found, field) for field in same] == [getattr(old, field) for field in same]
    assert found.key is None
    _run(store)
    assert store.job(new).state == "Successful"


def test_a_whole_array_keeps_its_shape(store: Engine) -> None:
    """All tasks of a plain array make a plain array, however its indices go."""
    job = store.submit(tasks=2, indices=(5, 14, 9), limit=1)
    while store.totals()[WAITING]:
        _run(store)
    new = store.again(job)
    assert (store.job(new).low, store.job(new).step, store.job(new).limit) == (5, 9, 1)
    assert _indices(store, new) == [5, 14]
    assert store.lists() == 0


def test_failed_tasks_of_an_array_keep_their_indices(store: Engine) -> None:
    """The new job is sparse: positions without gaps, indices of the old tasks."""
    job = store.submit(tasks=12, indices=(10, 120, 10))
    _run(store, failing=(1, 4, 5, 6, 11))
    new = store.again(job, FAILED)
    assert _indices(store, new) == [10, 40, 50, 60, 110]
    assert store.job(new).as_json()["indices"] == "10,40-60:10,110"
    _run(store, failing=(2, 5))
    again = store.again(new, FAILED, key="b")
    assert _indices(store, again) == [40, 110]


def test_neighbours_make_a_plain_array(store: Engine) -> None:
    """What can be told by low and step needs no list."""
    job = store.submit(tasks=9)
    _run(store, failing=(3, 5, 7))
    new = store.again(job, FAILED)
    assert (_indices(store, new), store.lists()) == ([3, 5, 7], 0)


def test_cancelled_tasks_run_again(store: Engine) -> None:
    """Those cancelled while they waited have no result of their own: they are chosen all the same."""
    job = store.submit(tasks=20)
    lease = store.lease(6)
    store.report(lease.number, [lease.row(job, 2), lease.row(job, 5, EXIT_3)])
    store.give_back(lease.number, [(job, 3, 4)])
    store.cancel(job)
    lease_over = [lease.row(job, 1), lease.row(job, 6)]
    store.report(lease.number, lease_over)
    assert _indices(store, store.again(job, CANCELLED)) == [3, 4, *range(7, 21)]
    assert _indices(store, store.again(job, CANCELLED, FAILED, key="other")) == [3, 4, 5, *range(7, 21)]


def test_tasks_are_chosen_by_index(store: Engine) -> None:
    """One task of an array is an array of one, with its index."""
    job = store.submit(tasks=9)
    _run(store, failing=(3, 8))
    assert _indices(store, store.again(job, indices=(8,))) == [8]
    assert _indices(store, store.again(job, indices=(9, 2, 3), key="b")) == [2, 3, 9]
    assert _indices(store, store.again(job, FAILED, indices=(9, 2, 3), key="c")) == [3]


def test_a_key_is_one_retry(store: Engine) -> None:
    """The request that is sent again after its supervisor died gives the same ids, also when the old job is gone."""
    jobs = [store.submit(), store.submit(tasks=4)]
    _run(store)
    wanted = [(job, None, None) for job in jobs]
    first = store.again_all(wanted, "key")
    store.reopen()
    assert store.again_all(wanted, "key") == first
    assert store.again_all(wanted, "other") != first


def _problems(store: Engine, *wanted: tuple) -> list[str]:
    """Why nothing of it is done; nothing is stored."""
    before = store.dump()
    with pytest.raises(InvalidRequest) as caught:
        store.again_all([(*one, None, None)[:3] for one in wanted], "refused")
    assert store.dump() == before
    assert all(problem.hint for problem in caught.value.problems), "each says what to do"
    return [f"{problem.path}: {problem.message}" for problem in caught.value.problems]


def test_what_cannot_run_again_is_told_all_at_once(store: Engine) -> None:
    """Unknown, open, nothing in these states, no such task."""
    over, still = store.submit(tasks=3), store.submit(tasks=5)
    _run(store, count=4)
    lease = store.lease(1)
    found = _problems(store, (99,), (still,), (still, (FAILED,)), (over, (FAILED,)), (over, None, (2, 7)), (still, None, (1, 2)), (over,))
    assert found == [
        "99: there is no such job",
        f"{still}: only what is over can run again, and it is not: 3 Waiting, 1 Running, 1 Successful",
        f"{still}: it has nothing that is Failed: 3 Waiting, 1 Running, 1 Successful",
        f"{over}: it has nothing that is Failed: 3 Successful",
        f"{over}--7: there is no such task",
        f"{still}--2: this is not over yet, and only what is over can run again",
    ]
    store.report(lease.number, lease.rows())


def test_states_that_are_not_final_choose_nothing(store: Engine) -> None:
    """A task that waits or runs is never chosen."""
    job = store.submit(tasks=5)
    _run(store, count=2)
    lease = store.lease(1)
    assert len(_problems(store, (job, (WAITING, RUNNING)))) == 1
    assert _indices(store, store.again(job, WAITING, RUNNING, SUCCESSFUL)) == [1, 2]
    store.report(lease.number, lease.rows())


@pytest.mark.parametrize("kind", ["queue", "definition"])
def test_a_place_that_is_gone_is_told(store: Engine, kind: str) -> None:
    """The new job goes where the old one went, or nowhere."""
    job = store.submit()
    _run(store)
    store.remove(kind)
    assert any("there is no " + kind in problem for problem in _problems(store, (job,)))


def test_a_script_that_is_gone_is_told(store: Engine) -> None:
    """A job of the same spec would only fail later."""
    job = store.submit()
    _run(store)
    store.lose_scripts()
    assert _problems(store, (job,)) == [f"{job}: its script is not on this host any more"]


def test_a_list_of_indices_is_an_array(store: Engine) -> None:
    """`qsub -t 1,5,9-12`: indices, states and cancellation by index are those of any array."""
    job = store.submit(tasks=6, indices=None, ranges=((1, 1, 1), (5, 5, 1), (9, 12, 1)))
    assert _indices(store, job) == [1, 5, 9, 10, 11, 12]
    assert store.job(job).position(6) is None
    _run(store, failing=(3,))
    store.reopen()
    assert _indices(store, store.again(job, FAILED)) == [9]


@pytest.mark.parametrize("fields", [{"tasks": 3}, {"tasks": 2, "indices": (1, 2, 1)}, {"tasks": 2, "parameters": "p", "indices": None}])
def test_a_list_that_contradicts_the_rest_is_refused(store: Engine, fields: dict) -> None:
    """What another client may send."""
    with pytest.raises(InvalidRequest):
        store.submit(**{"indices": None, **fields}, ranges=((1, 1, 1), (5, 5, 1)))


@settings(max_examples=40, deadline=None)
@given(indices=st.sets(st.integers(1, 40), min_size=2, max_size=20), data=st.data())
def test_any_choice_of_tasks_keeps_their_indices(indices: set[int], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever the array and whatever failed: the new job has the indices of exactly those, and so has one made of that."""
    store = ENGINES["sqlite"](tmp_path_factory.mktemp("again"))
    ordered = sorted(indices)
    ranges = tuple(united([(index, index, 1) for index in ordered]))
    shape = {"indices": ranges[0]} if len(ranges) == 1 else {"indices": None, "ranges": ranges}
    job = store.submit(tasks=len(ordered), **shape)
    for _ in range(2):
        failing = data.draw(st.sets(st.integers(1, len(ordered)), min_size=1))
        _run(store, failing=tuple(failing))
        ordered = [ordered[position - 1] for position in sorted(failing)]
        job = store.again(job, FAILED, key=str(job))
        assert _indices(store, job) == ordered
    assert set(store.states(job)) == {WAITING} and not FINAL & set(store.states(job))  # noqa: PT018
    store.close()
