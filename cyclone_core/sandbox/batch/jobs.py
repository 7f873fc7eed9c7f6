"""The records of jobs: what was asked for, what happened, and the state that follows.

A job is alone, a child of an array, or the array itself, which never runs: its state follows from its children's.
"""

import fnmatch
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"]
STATES: tuple[State, ...] = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
"""In the order in which a job goes through them."""
OVER: tuple[State, ...] = ("SUCCEEDED", "FAILED")
LOG_GROUP = "/aws/batch/job"
"""Where jobs print to unless their definition says otherwise."""
EXITED = "Essential container in task exited"
"""AWS's reason for an attempt whose command ended by itself."""
TIMED_OUT = "Job attempt duration exceeded timeout"
"""And for one that took too long, which is not tried again."""
HOST_LOST = "Host EC2 (instance i-00000000000000000) terminated."
"""And for one whose instance was taken away; rules of retries look for `Host EC2*`."""

UPDATED = "Host EC2 terminated: the compute environment was updated and its jobs had no more time"
"""And for one that was still there when an environment's update would wait no longer."""


@dataclass(frozen=True)
class Work:
    """What a job executes: its definition with the overrides of its submission. The children of an array share one."""

    definition_arn: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    vcpus: float
    memory_mib: int
    role_arn: str
    """Role of the job's credentials, "" for none."""
    attempts: int
    """So often at most, 1..10."""
    evaluate_on_exit: Sequence[Mapping[str, str]]
    timeout_s: int | None
    """Seconds that an attempt may take, None for as long as it likes."""
    container: Mapping[str, Any]
    """`containerProperties` as DescribeJobs shows them."""
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    depends_on: Sequence[Mapping[str, str]]


@dataclass
class Attempt:
    """One execution of a job. Times are milliseconds since 1970."""

    started_ms: int
    stopped_ms: int
    exit_code: int | None
    reason: str
    """Why it could not start, "" when it could."""
    status_reason: str
    log_stream: str


@dataclass
class Job:
    """A job as it is now."""

    id: str
    arn: str
    name: str
    queue: str
    """Name of its queue."""
    work: Work
    created_ms: int
    state: State = "SUBMITTED"
    reason: str = ""
    started_ms: int | None = None
    stopped_ms: int | None = None
    attempts: list[Attempt] = field(default_factory=list)
    index: int | None = None
    """Of a child in its array, from 0."""
    parent: "Job | None" = field(default=None, repr=False)
    children: "list[Job]" = field(default_factory=list, repr=False)
    environment_arn: str = ""
    """Compute environment that runs it."""
    ending: str = ""
    """Why it is to end, "" while nobody asked for that."""
    lost_at: float = float("inf")
    """When its instance goes (`time.monotonic`)."""
    lost_why: str = ""
    """Why, "" while it stays."""
    counts: "Counter[State]" = field(default_factory=Counter)
    """Of an array: how many children are in which state."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in OVER

    @property
    def log_group(self) -> str:
        """Where its output goes: what its definition says, else Batch's own group."""
        return self._log_options.get("awslogs-group", LOG_GROUP)

    @property
    def log_stream(self) -> str:
        """Name of the log stream of its next attempt."""
        definition = self.work.definition_arn.rpartition("/")[2].partition(":")[0]
        prefix = self._log_options.get("awslogs-stream-prefix", definition)
        return f"{prefix}/default/{self.id.replace(':', '-')}-{len(self.attempts) + 1}"

    @property
    def _log_options(self) -> Mapping[str, str]:
        options: Mapping[str, str] = self.work.container.get("logConfiguration", {}).get("options", {})
        return options

    def enter(self, state: State, reason: str, now_ms: int) -> None:
        """Go to a state; an array's own state follows."""
        if self.parent is not None:
            self.parent.counts[self.state] -= 1
            self.parent.counts[state] += 1
        self.state, self.reason = state, reason
        if state == "RUNNING" and self.started_ms is None:
            self.started_ms = now_ms
        if state in OVER:
            self.stopped_ms = now_ms
        if self.parent is not None:
            self.parent.follow_children(now_ms)

    def follow_children(self, now_ms: int) -> None:
        """The state of an array: PENDING until all children are over, FAILED when one of them failed."""
        if self.counts["SUCCEEDED"] + self.counts["FAILED"] < len(self.children):
            self.state = "PENDING"
        elif not self.is_over:
            self.state = "FAILED" if self.counts["FAILED"] else "SUCCEEDED"
            self.reason = self.ending or ("Array Child Job failed" if self.counts["FAILED"] else "")
            self.stopped_ms = now_ms


def goes_again(job: Job, last: Attempt) -> bool:
    """Whether another attempt follows a failed one: the definition's rules, the first that fits; without any, while attempts are left."""
    if job.ending or last.status_reason == TIMED_OUT or len(job.attempts) >= job.work.attempts:
        return False
    for rule in job.work.evaluate_on_exit:
        if _fits(rule, last):
            return rule.get("action", "").upper() == "RETRY"
    return True


def _fits(rule: Mapping[str, str], last: Attempt) -> bool:
    """Whether every condition of a rule holds."""
    exit_code = "" if last.exit_code is None else str(last.exit_code)
    facts = {"onExitCode": exit_code, "onReason": last.reason, "onStatusReason": last.status_reason}
    return all(fnmatch.fnmatchcase(value.lower(), rule[name].lower()) for name, value in facts.items() if name in rule)
