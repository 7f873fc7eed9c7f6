"""What Batch holds in one account and region, and what it needs of the world around it."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cyclone_core.sandbox.batch.catalogue import Catalogue
from cyclone_core.sandbox.batch.jobs import Job
from cyclone_core.sandbox.batch.refusal import not_there
from cyclone_core.sandbox.batch.submission import SHORTEST_TIMEOUT_S

Scope = tuple[str, str]
"""Account and region."""


@dataclass(frozen=True)
class Limits:
    """What the sandbox adds to AWS's rules, or shortens for tests."""

    running: int = 32
    """Attempts at once, of all compute environments together: this is one machine."""
    submissions_per_s: int = 50
    """SubmitJob calls a second, account and region, as AWS has it."""
    shortest_timeout_s: int = SHORTEST_TIMEOUT_S
    minute_s: float = 60.0
    """Seconds of a minute that an environment's update policy gives its jobs."""
    grace_s: float = 30.0
    """Between SIGTERM and SIGKILL, as ECS has it."""


class Surroundings:
    """What Batch needs of other services. This one has none; the sandbox's are in `plugin`."""

    def credentials(self, scope: Scope, role_arn: str, job_id: str) -> Mapping[str, str]:
        """Variables with credentials of a role. Raises CannotStart when it cannot be assumed."""
        return {}

    def endpoint(self) -> Mapping[str, str]:
        """Variables that lead every AWS library to the sandbox."""
        return {}

    def log(self, scope: Scope, group: str, stream: str, lines: Sequence[str]) -> None:
        """What a job printed."""

    def is_interrupted(self, job_id: str, attempt: int) -> bool:
        """Whether the host of an attempt is taken away."""
        return False

    def is_starved(self, scope: Scope, queue: str, purchase: str) -> bool:
        """Whether no instance comes for a queue. purchase: type of the compute environment."""
        return False

    def problems_of(self, scope: Scope, resources: Mapping[str, Any]) -> list[str]:
        """What stands against the `computeResources` of an environment."""
        return []


@dataclass
class Place:
    """Batch in one account and region."""

    scope: Scope
    catalogue: Catalogue
    jobs: dict[str, Job] = field(default_factory=dict)
    """Arrays and their children, by id, in the order of their submission."""
    waiting: dict[str, deque[Job]] = field(default_factory=dict)
    """Queue -> RUNNABLE jobs in order; those that are over meanwhile are passed by."""
    dependent: list[Job] = field(default_factory=list)
    used_vcpus: dict[str, float] = field(default_factory=dict)
    """Compute environment's ARN -> vCPUs in use."""
    submitted: deque[float] = field(default_factory=deque)
    """Times of the last second's submissions."""

    def job(self, job_id: str) -> Job:
        """One of them."""
        if job_id not in self.jobs:
            raise not_there("Job", job_id)
        return self.jobs[job_id]
