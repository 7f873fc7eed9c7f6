"""How the tasks of a job are executed: everything about them that does not change from task to task, built once per lease.

Refuses with `NotStarted`, whose text is the reason that users read, what can be seen to be impossible before a process is made.
"""

import os
from _bisect import bisect_right

from cyclone_core.jobs import USUAL_UMASK
from cyclone_core.worker import environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.worker.tasks import Lease


class NotStarted(Exception):
    """A task cannot be started; the text says why in one line."""


class Place:
    """Where this worker lives: its state directory, scratch directories and its mark in the environment of its tasks."""

    __slots__ = ("mark", "scratch", "state_dir", "work_dir")

    def __init__(self, state_dir: str, worker: int, journal: int, socket_path: str) -> None:
        self.state_dir = state_dir
        self.work_dir = f"{state_dir}/workdirs/{worker}"
        self.scratch = f"{state_dir}/workdirs/{worker}-scripts"
        # `scheduler.local.pool.mark` is the same: by it a supervisor finds what a dead worker has left
        self.mark = b"CYCLONE_WORKER=%s.%d.%d" % (os.path.basename(socket_path).encode(), worker, journal)

    def make(self) -> None:
        """Make the directories that are missing. Raises OSError."""
        for name in (f"{self.state_dir}/journals", f"{self.state_dir}/outputs", self.work_dir, self.scratch):
            os.makedirs(name, 0o700, exist_ok=True)


class Plan:
    """What all jobs of one spec and lane share."""

    __slots__ = (
        "_common",
        "argv",
        "cwd",
        "directory",
        "executables",
        "image",
        "pairs",
        "parameters",
        "problem",
        "region",
        "script",
        "timeout_s",
        "umask",
        "warm",
    )

    def __init__(self, lease: "Lease", spec: "dict[str, Any]", place: Place) -> None:
        lane = lease.lane
        self.problem = ""
        self.script = f"{place.state_dir}/scripts/{spec['script']}"
        if not os.access(self.script, os.R_OK):
            self.problem = f"the stored script {self.script} cannot be read: it is missing or not readable"
        self.directory = str(spec["directory"])
        self.cwd = environment.encode(place.work_dir if lane.get("working_directory") == "worker" else self.directory or "/")
        variables = {**spec["environment"], **(lane.get("environment") or {})}
        interpreter: list[str] = list(spec["interpreter"])
        self.argv = [environment.encode(word) for word in (*interpreter, self.script)]
        self.executables = _candidates(interpreter[0], str(variables.get("PATH", os.defpath)))
        self.pairs = [*environment.pairs(variables), place.mark]
        self._common: dict[tuple[str, str, bool], list[bytes]] = {}
        self.timeout_s = min((float(limit) for limit in (spec.get("timeout_s"), lane.get("timeout_s")) if limit and limit > 0), default=0.0)
        self.region = str(lane.get("region") or environment.REGION)
        self.umask = int(spec.get("umask", USUAL_UMASK))  # specs of earlier versions have none
        self.image: str | None = lane.get("image") or None
        parameters = str(spec.get("parameters") or "")
        self.parameters = os.path.join(place.state_dir, parameters) if parameters else ""
        plain_bash = len(interpreter) == 1 and os.path.basename(interpreter[0]) == "bash"
        self.warm = bool(spec.get("warm")) and plain_bash and not self.image and not self.parameters

    def common(self, name: str, queue: str, array: bool) -> "list[bytes]":
        """The part of the environment that jobs of the same name and queue share: made once for many single jobs."""
        key = name, queue, array
        if key not in self._common:
            self._common[key] = self.pairs + environment.common_variables(name, queue, self.directory, array, self.region)
        return self._common[key]


class Recipe:
    """How to run the tasks of one job: a plan and the job's own variables."""

    __slots__ = ("_first", "_own", "argv", "array", "cwd", "env", "executables", "job", "low", "plan", "step", "warm")

    def __init__(self, job: int, fields: "tuple[Any, ...]", plan: Plan) -> None:
        name, queue, _, array, low, step = fields[:6]
        self.job, self.low, self.step, self.plan, self.array = job, low, step, plan, bool(array)
        self.argv, self.executables, self.cwd = plan.argv, plan.executables, plan.cwd
        self.env = plan.common(name, queue, self.array) + environment.job_variables(job, self.array)
        self._first = [*self.env, b"CYCLONE_ATTEMPT=1"]
        self._own = environment.task_template(job) if self.array else b""
        self.warm = plan.warm and self.array

    def index(self, position: int) -> "int | None":
        """What users call a position, None for a single job."""
        return self.low + (position - 1) * self.step if self.array else None

    def variables(self, position: int, attempt: int) -> "list[bytes]":
        """The whole environment of one attempt."""
        env = self._first if attempt == 1 else [*self.env, b"CYCLONE_ATTEMPT=%d" % attempt]
        return env + environment.task_variables(self._own, self.low + (position - 1) * self.step) if self.array else env

    def evenly(self, low: int, high: int) -> "tuple[int, int]":
        """(step, how many) of the positions from `low` up to `high` at most whose indices have one distance."""
        return self.step, high - low + 1


class SparseRecipe(Recipe):
    """The same for an array whose indices are several stretches: the lease tells those of its positions, (position, index, step) each."""

    __slots__ = ("_parts", "_positions")

    def __init__(self, job: int, fields: "tuple[Any, ...]", plan: Plan) -> None:
        super().__init__(job, fields, plan)
        self._parts: list[tuple[int, int, int]] = fields[8]
        self._positions = [part[0] for part in self._parts]

    def index(self, position: int) -> int:
        """What users call a position."""
        first, index, step = self._parts[bisect_right(self._positions, position) - 1]
        return index + (position - first) * step

    def variables(self, position: int, attempt: int) -> "list[bytes]":
        """The whole environment of one attempt."""
        env = self._first if attempt == 1 else [*self.env, b"CYCLONE_ATTEMPT=%d" % attempt]
        return env + environment.task_variables(self._own, self.index(position))

    def evenly(self, low: int, high: int) -> "tuple[int, int]":
        """(step, how many) of the positions from `low` up to `high` at most whose indices have one distance."""
        k = bisect_right(self._positions, low)
        end = self._positions[k] if k < len(self._positions) else high + 1
        return self._parts[k - 1][2], min(end, high + 1) - low


def recipe_for(lease: "Lease", job: int, place: Place) -> Recipe:
    """The recipe of a job under a lease."""
    fields = lease.jobs[job]
    spec_id = fields[2]
    plan = lease.plans.get(spec_id)
    if plan is None:
        plan = lease.plans[spec_id] = Plan(lease, lease.specs[spec_id], place)
    return Recipe(job, fields, plan) if len(fields) == 8 else SparseRecipe(job, fields, plan)


def _candidates(program: str, path: str) -> "tuple[bytes, ...]":
    """The files that may be the interpreter, in the order in which they are tried."""
    if "/" in program:
        return (environment.encode(program),)
    return tuple(environment.encode(os.path.join(folder or ".", program)) for folder in path.split(":"))
