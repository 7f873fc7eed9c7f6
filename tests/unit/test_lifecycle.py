"""The rules about states are the same in SQL and in Python, and what they decide is bounded."""

import itertools
import sqlite3

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cyclone_core import jobs
from cyclone_core.jobs import CANCELLED, DEFAULT_LOSSES, ERROR, FAILED, FINAL, RUNNING, STATES, SUCCESSFUL, WAITING, outcome
from cyclone_core.scheduler.lifecycle import TRANSITIONS, Retry, final_state, job_state, judge
from cyclone_core.scheduler.sqlite.schema import STATUS_SQL

CAUSES = range(6)
codes = st.builds(
    lambda status, signal, cause: cause << 16 | signal << 8 | status, st.integers(0, 255), st.integers(0, 64), st.sampled_from(CAUSES)
)
retries = st.builds(Retry, st.integers(0, 4), st.sampled_from([(), ((1, 1),), ((75, 75), (100, 140))]))


def test_job_state_is_the_databases_rule() -> None:
    """For every combination of counters 0, 1 and 2 both say the same."""
    db = sqlite3.connect(":memory:")
    db.execute(f"CREATE TABLE job({', '.join(STATES)}, tasks)")
    for counts in itertools.product(range(3), repeat=6):
        db.execute("INSERT INTO job VALUES(?,?,?,?,?,?,?)", (*counts, sum(counts)))
    for *counts, status in db.execute(f"SELECT {', '.join(STATES)}, {STATUS_SQL} FROM job"):
        assert job_state(counts) == status, counts
    db.close()


@given(st.lists(st.integers(0, 10**9), min_size=6, max_size=6).filter(any))
def test_a_job_is_final_when_all_its_tasks_are(counts: list[int]) -> None:
    """And in a state that one of its tasks is in, unless it is between."""
    state = job_state(counts)
    assert (state in FINAL) == (counts[WAITING] == counts[RUNNING] == 0)
    assert counts[state] or state == RUNNING


def test_transitions_lead_to_an_end() -> None:
    """Final states have no way out, and the others have one to each final state they should."""
    assert {state for state, after in TRANSITIONS.items() if not after} == set(FINAL)
    assert set().union(*TRANSITIONS.values()) == set(range(6))
    assert TRANSITIONS.keys() == set(range(6))


@given(codes, st.integers(0, 5), st.integers(0, DEFAULT_LOSSES - 1), retries, st.booleans())
def test_a_verdict_is_a_legal_transition_and_counts_at_most_one(
    code: int, failures: int, losses: int, retry: Retry, cancelled: bool
) -> None:
    """One attempt counts as one failure, or one loss, or none."""
    verdict = judge(code, failures, losses, retry, cancelled)
    assert verdict.state in TRANSITIONS[RUNNING]
    assert (verdict.failures - failures, verdict.losses - losses) in {(0, 0), (1, 0), (0, 1)}
    assert (verdict.losses > losses) == (jobs.cause_of(code) == jobs.CAUSE_LOST)


@given(codes, st.integers(0, 5), st.integers(0, DEFAULT_LOSSES - 1), retries)
def test_nothing_cancelled_runs_again(code: int, failures: int, losses: int, retry: Retry) -> None:
    """Whatever its last attempt came to."""
    assert judge(code, failures, losses, retry, True).state in FINAL


@given(st.lists(codes, min_size=20, max_size=20), retries)
def test_every_task_ends(outcomes: list[int], retry: Retry) -> None:
    """At most retries + losses + 1 attempts, whatever they come to."""
    failures = losses = 0
    for attempt, code in enumerate(outcomes, 1):
        verdict = judge(code, failures, losses, retry, False)
        failures, losses = verdict.failures, verdict.losses
        if verdict.state != WAITING:
            assert attempt <= retry.retries + DEFAULT_LOSSES
            return
    pytest.fail("it runs for ever")


@given(codes)
def test_success_is_status_0_without_a_cause(code: int) -> None:
    """A task that was ended by us did not succeed, whatever its status."""
    assert (final_state(code) == SUCCESSFUL) == (code == 0)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (outcome(0), SUCCESSFUL),
        (outcome(1 << 8), FAILED),
        (outcome(9), FAILED),
        (outcome(15, jobs.CAUSE_TIMEOUT), FAILED),
        (outcome(0, jobs.CAUSE_TIMEOUT), FAILED),
        (outcome(9, jobs.CAUSE_MEMORY), FAILED),
        (outcome(15, jobs.CAUSE_CANCELLED), CANCELLED),
        (outcome(127 << 8, jobs.CAUSE_NOT_STARTED), ERROR),
        (outcome(0, jobs.CAUSE_LOST), ERROR),
    ],
)
def test_what_an_outcome_means(code: int, state: int) -> None:
    """One state for each way to end."""
    assert final_state(code) == state


@given(st.integers(0, 255), st.integers(0, 64), st.booleans(), st.sampled_from(CAUSES))
def test_outcomes_keep_what_wait_says(status: int, signal: int, core: bool, cause: int) -> None:
    """Exit status, signal and cause come back; a core dump is not a signal of its own."""
    assume(status or signal or cause != jobs.CAUSE_TIMEOUT)  # that one is shown as timeout(1) would
    code = outcome(status << 8 | signal | (128 if core else 0), cause)
    assert (jobs.cause_of(code), jobs.signal_of(code)) == (cause, signal)
    assert jobs.exit_status(code) == (128 + signal if signal else status)
