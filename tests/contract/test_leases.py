"""Promises about leases and results: one holder at a time, fenced reports, retries and losses counted apart."""

import pytest

from cyclone_core import jobs
from cyclone_core.jobs import CANCELLED, DEFAULT_LOSSES, ERROR, FAILED, RUNNING, SUCCESSFUL, WAITING, outcome
from tests.contract.every import Engine

FAIL = outcome(1 << 8)
TRY_LATER = outcome(75 << 8)


def test_no_task_is_leased_twice(store: Engine) -> None:
    """Leases of any sizes are disjoint and cover everything."""
    store.submit(tasks=10)
    store.submit()
    store.submit(tasks=7)
    taken: list[tuple[int, int]] = []
    while (lease := store.lease(4)).number:
        taken += lease.tasks
    assert len(taken) == len(set(taken)) == 18


def test_a_restart_gives_away_nothing_that_is_held(store: Engine) -> None:
    """What was leased before a restart is leased after it, and its report counts."""
    job = store.submit(tasks=6)
    lease = store.lease(4)
    store.reopen()
    assert store.states(job) == [RUNNING] * 4 + [WAITING] * 2
    assert set(store.lease(10).tasks) == {(job, 5), (job, 6)}
    store.report(lease.number, lease.rows())
    assert store.states(job) == [SUCCESSFUL] * 4 + [RUNNING] * 2


def test_a_task_ends_once(store: Engine) -> None:
    """A doubled report, with another outcome even, changes nothing."""
    job = store.submit(tasks=3)
    lease = store.lease(3)
    store.report(lease.number, [lease.row(job, 2), lease.row(job, 2, FAIL)])
    before = store.dump()
    assert store.report(lease.number, [lease.row(job, 2, FAIL)]) == []
    assert store.dump() == before
    assert store.states(job) == [RUNNING, SUCCESSFUL, RUNNING]


@pytest.mark.parametrize(
    "row",
    [(1, 1, 2, 0, 1, 1, 0, 0), (1, 5, 1, 0, 1, 1, 0, 0), (1, 99, 1, 0, 1, 1, 0, 0), (2, 1, 1, 0, 1, 1, 0, 0), (1, 0, 1, 0, 1, 1, 0, 0)],
    ids=["another attempt", "another lease's task", "no such task", "no such job", "no position"],
)
def test_rows_that_are_not_outstanding_change_nothing(store: Engine, row: tuple) -> None:
    """Foreign rows under a valid lease are ignored."""
    store.submit(tasks=5)
    lease = store.lease(3)
    before = store.dump()
    assert store.report(lease.number, [row]) == []
    assert store.dump() == before


def test_reports_under_leases_that_are_over_change_nothing(store: Engine) -> None:
    """After give_back, lose or the last result, and for a number nobody ever had."""
    job = store.submit(tasks=3)
    given, lost, done = store.lease(), store.lease(), store.lease()
    store.give_back(given.number, [(job, 1, 1)])
    store.lose(lost.number)
    store.report(done.number, done.rows())
    before = store.dump()
    for lease in (given, lost, done):
        assert store.report(lease.number, lease.rows(FAIL)) == []
        assert store.give_back(lease.number, [(job, 1, 3)]) == []
        assert store.lose(lease.number, lease.tasks) == []
    assert store.report(12345, given.rows()) == []
    assert store.dump() == before


def test_a_late_report_does_not_end_the_next_attempt(store: Engine) -> None:
    """The worker was thought lost; what it says later is not taken for the attempt that runs now."""
    job = store.submit()
    first = store.lease()
    store.lose(first.number, first.tasks)
    second = store.lease(worker=2)
    assert second.tasks == {(job, 1): 2}
    store.report(first.number, first.rows(FAIL))
    store.report(second.number, [second.row(job, 1, FAIL, attempt=1)])
    assert store.states(job) == [RUNNING]


def test_a_late_row_does_not_forget_a_wish_to_cancel(store: Engine) -> None:
    """A doubled row of an earlier lease of a task leaves the mark on its present one."""
    job = store.submit(tasks=2, retries=5)
    first = store.lease(2)
    store.report(first.number, [first.row(job, 1, FAIL)])
    second = store.lease(worker=2)
    store.cancel(job, 1)
    store.report(first.number, [first.row(job, 1, FAIL)])
    store.lose(second.number, second.tasks)
    assert store.states(job) == [CANCELLED, RUNNING]


# -- retries and losses ----------------------------------------------------------------------------------------------------------------
def test_retries_are_own_failures(store: Engine) -> None:
    """-r 2: three attempts, the last failure is final; every attempt is told."""
    job = store.submit(retries=2)
    for attempt in (1, 2, 3):
        lease = store.lease()
        assert lease.tasks == {(job, 1): attempt}
        back = store.report(lease.number, lease.rows(FAIL))
        assert bool(back) == (attempt < 3)
    assert store.job(job).state == "Failed"
    assert [(a.attempt, a.state, a.exit_code) for a in store.attempts(job)] == [(1, "Failed", 1), (2, "Failed", 1), (3, "Failed", 1)]


def test_without_retries_the_first_failure_is_final(store: Engine) -> None:
    """-r 0, the default."""
    job = store.submit()
    lease = store.lease()
    assert store.report(lease.number, lease.rows(FAIL)) == []
    assert store.job(job).state == "Failed"


@pytest.mark.parametrize(("code", "again"), [(TRY_LATER, True), (outcome(76 << 8), False), (outcome(9), False), (FAIL, False)])
def test_retry_exit_limits_what_is_tried_again(store: Engine, code: int, again: bool) -> None:
    """--retry-exit 75,100-110: other failures are final at once."""
    job = store.submit(retries=3, retry_exit=((75, 75), (100, 110)))
    lease = store.lease()
    assert bool(store.report(lease.number, lease.rows(code))) == again
    assert store.states(job) == [WAITING if again else FAILED]


def test_losses_do_not_use_up_retries(store: Engine) -> None:
    """Four lost workers, and still one retry of its own."""
    job = store.submit(retries=1)
    for _ in range(DEFAULT_LOSSES - 1):
        lease = store.lease()
        store.lose(lease.number, lease.tasks)
    lease = store.lease()
    assert store.report(lease.number, lease.rows(FAIL)) == [(job, 1, 1, DEFAULT_LOSSES + 1, 1, DEFAULT_LOSSES - 1)]
    lease = store.lease()
    store.report(lease.number, lease.rows())
    assert store.job(job).state == "Successful"


@pytest.mark.parametrize("tasks", [None, 3])
def test_five_losses_are_an_error_with_its_reason(store: Engine, tasks: int | None) -> None:
    """A task that kills its workers ends, as Error, and says why."""
    job = store.submit(tasks=tasks)
    for number in range(DEFAULT_LOSSES):
        assert store.job(job).counts[ERROR] == 0, number
        lease = store.lease(1)
        store.lose(lease.number, lease.tasks)
    assert store.states(job)[0] == ERROR
    assert "worker died" in store.task(job).reason
    assert [a.attempt for a in store.attempts(job)] == [1, 2, 3, 4, 5]
    assert all("worker died" in a.reason for a in store.attempts(job))
    assert store.task(job).exit_code is None


def test_only_started_tasks_count_a_loss(store: Engine) -> None:
    """Losing a worker costs nothing to the tasks it had not begun: their first attempt is still to come."""
    job = store.submit(tasks=4)
    lease = store.lease(4)
    back = store.lose(lease.number, [(job, 2)])
    assert sorted(back) == [(job, 1, 1, 1, 0, 0), (job, 2, 2, 2, 0, 1), (job, 3, 4, 1, 0, 0)]
    assert store.lease(4).tasks == {(job, 1): 1, (job, 2): 2, (job, 3): 1, (job, 4): 1}


def test_a_worker_stopped_on_purpose_costs_no_loss(store: Engine) -> None:
    """Stopping the host any number of times does not make an Error; the attempt is told with its reason."""
    job = store.submit()
    for _ in range(DEFAULT_LOSSES + 2):
        lease = store.lease()
        store.lose(lease.number, lease.tasks, counted=False, reason="the host was stopped")
    assert store.states(job) == [WAITING]
    assert store.lease().tasks == {(job, 1): DEFAULT_LOSSES + 3}
    assert {a.reason for a in store.attempts(job)[:-1]} == {"the host was stopped"}


def test_give_back_keeps_the_history(store: Engine) -> None:
    """Tasks that were only held keep attempt, failures and losses; leasing and giving back for ever poisons nothing."""
    job = store.submit(tasks=3, retries=1)
    lease = store.lease(1)
    store.lose(lease.number, lease.tasks)
    lease = store.lease(1)
    store.report(lease.number, lease.rows(FAIL))
    for _ in range(DEFAULT_LOSSES + 2):
        lease = store.lease(3)
        assert store.give_back(lease.number, [(job, 1, 3)]) == [(job, 1, 1, 3, 1, 1), (job, 2, 3, 1, 0, 0)]
    assert store.held() == {}


def test_give_back_of_foreign_tasks_changes_nothing(store: Engine) -> None:
    """Only what the lease holds comes back."""
    job = store.submit(tasks=6)
    lease, other = store.lease(2), store.lease(2)
    assert store.give_back(lease.number, [(job, 2, 6), (99, 1, 1)]) == [(job, 2, 2, 1, 0, 0)]
    assert store.states(job) == [RUNNING, WAITING, RUNNING, RUNNING, WAITING, WAITING]
    assert store.give_back(other.number, [(job, 1, 2)]) == []


def test_what_could_not_be_started_is_an_error_at_once(store: Engine) -> None:
    """No retry mends a missing interpreter; the reason is told."""
    job = store.submit(retries=5)
    lease = store.lease()
    code = outcome(127 << 8, jobs.CAUSE_NOT_STARTED)
    store.report(lease.number, lease.rows(code), {(job, 1): "/bin/nothing: no such file"})
    assert (store.job(job).state, store.job(job).reason) == ("Error", "/bin/nothing: no such file")


@pytest.mark.parametrize("tasks", [None, 2])
def test_reasons_are_told_with_the_attempt(store: Engine, tasks: int | None) -> None:
    """A timeout's reason survives the retry and the end."""
    job = store.submit(tasks=tasks, retries=1)
    code = outcome(15, jobs.CAUSE_TIMEOUT)
    for attempt in (1, 2):
        lease = store.lease()
        store.report(lease.number, lease.rows(code), {(job, 1): f"ran longer than {attempt} s"})
    assert [a.reason for a in store.attempts(job)] == ["ran longer than 1 s", "ran longer than 2 s"]
    assert (store.task(job).reason, store.task(job).signal) == ("ran longer than 2 s", 15)


def test_the_limit_of_a_job_bounds_what_is_leased(store: Engine) -> None:
    """%2: two at once, and the next one as soon as one ends, also after a restart."""
    job = store.submit(tasks=5, limit=2)
    lease = store.lease(10)
    assert len(lease.tasks) == 2
    assert store.lease(10).number == 0
    store.reopen()
    assert store.lease(10).number == 0
    store.report(lease.number, [lease.row(job, 1)])
    following = store.lease(10).tasks
    assert len(following) == 1
    assert not set(following) & set(lease.tasks)


def test_a_limited_job_lets_others_pass(store: Engine) -> None:
    """What a job may not use goes to the next one."""
    first, second = store.submit(tasks=5, limit=1), store.submit(tasks=2)
    assert set(store.lease(10).tasks) == {(first, 1), (second, 1), (second, 2)}


def test_leases_come_by_priority_then_submission(store: Engine) -> None:
    """Among the waiting, whatever happened to them before."""
    early, urgent, late = store.submit(tasks=2), store.submit(priority=5), store.submit(priority=0)
    lease = store.lease(2)
    assert list(lease.tasks) == [(urgent, 1), (early, 1)]
    store.give_back(lease.number, [(urgent, 1, 1), (early, 1, 1)])
    assert list(store.lease(4).tasks) == [(urgent, 1), (early, 1), (early, 2), (late, 1)]
