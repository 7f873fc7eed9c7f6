"""The state machine of tasks and jobs: what an attempt's outcome means, what may follow what. Pure functions."""

from cyclone_core import jobs
from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, SUCCESSFUL, WAITING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

TRANSITIONS = {
    WAITING: frozenset((RUNNING, CANCELLED, ERROR)),
    RUNNING: frozenset((WAITING, SUCCESSFUL, FAILED, CANCELLED, ERROR)),
    SUCCESSFUL: frozenset[int](),
    FAILED: frozenset[int](),
    CANCELLED: frozenset[int](),
    ERROR: frozenset[int](),
}
"""Legal transitions of a task. Running -> Waiting is a retry, a lost worker, or a task given back untouched."""


def job_state(counts: "Sequence[int]") -> int:
    """A job's state from the counts of its tasks (in the order of jobs.STATES): the first rule that fits."""
    waiting, running, _, failed, cancelled, error = counts
    if running:
        return RUNNING
    if waiting:
        return WAITING if waiting == sum(counts) else RUNNING
    if error:
        return ERROR
    if failed:
        return FAILED
    return CANCELLED if cancelled else SUCCESSFUL


def final_state(code: int) -> int:
    """The state of a task whose last attempt ended so."""
    if code == 0:
        return SUCCESSFUL
    cause = jobs.cause_of(code)
    if cause == jobs.CAUSE_CANCELLED:
        return CANCELLED
    return ERROR if cause in (jobs.CAUSE_NOT_STARTED, jobs.CAUSE_LOST) else FAILED


class Retry:
    """How often and after which exit codes a job's tasks are re-run after a failure of their own."""

    __slots__ = ("exits", "retries")

    def __init__(self, retries: int = 0, exits: "Sequence[Sequence[int]]" = ()) -> None:
        self.retries, self.exits = retries, exits

    def allows(self, code: int, failures: int) -> bool:
        """Whether an attempt that ended so, the job's `failures`-th own failure, is followed by another."""
        if failures > self.retries:
            return False
        status = jobs.exit_status(code)
        return not self.exits or any(low <= status <= high for low, high in self.exits)


class Verdict:
    """What an ended attempt makes of its task: `state` (Waiting = runs again) and the history it carries on."""

    __slots__ = ("failures", "losses", "state")

    def __init__(self, state: int, failures: int, losses: int) -> None:
        self.state, self.failures, self.losses = state, failures, losses


def judge(code: int, failures: int, losses: int, retry: Retry, cancelled: bool) -> Verdict:
    """Decide after an attempt: final, or once more.

    The loss of a worker is not the job's fault and has its own bound; nothing runs again once it is cancelled.
    """
    if jobs.cause_of(code) == jobs.CAUSE_LOST:
        losses += 1
        if cancelled:
            return Verdict(CANCELLED, failures, losses)
        return Verdict(ERROR if losses >= jobs.DEFAULT_LOSSES else WAITING, failures, losses)
    state = final_state(code)
    if state == FAILED:
        failures += 1
        if not cancelled and retry.allows(code, failures):
            return Verdict(WAITING, failures, losses)
    return Verdict(state, failures, losses)
