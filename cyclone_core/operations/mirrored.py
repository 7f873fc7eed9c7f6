"""An AWS host as the full-screen interface looks at it: lists and counters from the mirror on this machine, at once and however the network
is; tasks, attempts and outputs from AWS, when somebody looks at them.

A `HostView` like any other: nobody above knows the difference. What asks AWS may take seconds; the interface does that on other threads.
"""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cyclone_core import paths
from cyclone_core.jobs import CANCELLED
from cyclone_core.operations import aws_looks, aws_mirror, aws_watched
from cyclone_core.operations.queries import HostView, open_host
from cyclone_core.scheduler.sqlite import schema
from cyclone_core.scheduler.sqlite.job_index import JobIndex
from cyclone_core.scheduler.sqlite.mirror import note_of
from cyclone_core.scheduler.sqlite.reader import Reader, Translated
from cyclone_core.views import Attempt, Job, Task

if TYPE_CHECKING:
    import sqlite3

    from cyclone_core.operations.follow import Follower
    from cyclone_core.operations.jobs import Door
    from cyclone_core.operations.logs import Outputs

Far = Callable[[], HostView]
"""The host itself, opened when it is needed first."""


class Kept:
    """A host that is opened when it is needed first. Any thread may call it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._view: HostView | None = None

    def __call__(self) -> HostView:
        """The host. Raises CycloneError."""
        if self._view is None:
            self._view = aws_watched.view(self.name)
        return self._view

    def close(self) -> None:
        """Give it back; harmless when done twice."""
        view, self._view = self._view, None
        if view is not None:
            view.close()


class MirrorReader(Reader):
    """Jobs of the mirror, tasks of the host. Implements `ports.JobReader`, as `Reader` does."""

    def __init__(self, connection: "sqlite3.Connection | None", far: Far) -> None:
        super().__init__(connection)
        self._far = far

    def job(self, job: int) -> Job | None:
        """One job; one that is not mirrored yet, or any more, from the host."""
        found = super().job(job) if self.is_open else None
        return found if found is not None else self._far().reader.job(job)

    def tasks(self, job: int, status: int | None = None, after: int = 0, limit: int = 1000) -> list[Task]:
        """At most `limit` tasks with positions above `after`."""
        return self._far().reader.tasks(job, status, after, limit)

    def task(self, job: int, position: int) -> Task | None:
        """The task at a position."""
        return self._far().reader.task(job, position)

    def task_states(self, job: int) -> bytes:
        """The state of each task; where all are in the same, nobody is asked."""
        found = super().job(job) if self.is_open else None
        if found is not None and max(found.counts) == found.tasks:
            return bytes((found.counts.index(found.tasks),)) * found.tasks
        return self._far().reader.task_states(job)

    def attempts(self, job: int, position: int) -> list[Attempt]:
        """The attempts of a task."""
        return self._far().reader.attempts(job, position)

    def spec(self, job: Job) -> dict[str, Any]:
        """What a job executes."""
        return self._far().reader.spec(job)

    def resource(self, kind: str, name: str) -> tuple[dict[str, Any], str] | None:
        """(body, state) of a resource, as last read."""
        return self._far().reader.resource(kind, name)

    def resource_names(self, kind: str) -> list[str]:
        """Names of all resources of a kind, sorted."""
        return self._far().reader.resource_names(kind)

    def _explain(self, job: Job, code: int | None) -> None:
        """What the mirror noted of it."""
        exit_code, signal, reason = note_of(self._open, job.id)
        job.reason = reason or ("cancelled" if job.status == CANCELLED else None)
        if job.array:
            job.exit_code, job.signal = exit_code, signal


class MirrorIndex(JobIndex):
    """Lists from the mirror; of tasks, the host tells."""

    def __init__(self, directory: str, far: "Kept") -> None:
        """directory: of the mirror; far: the host's own."""
        self._far = far
        super().__init__(directory)

    def close(self) -> None:
        """Close the connection, and the host."""
        super().close()
        self._far.close()

    def _read_through(self, connection: "sqlite3.Connection | None") -> Reader:
        return MirrorReader(connection, self._far)


class MirroredView(HostView):
    """One AWS host, through its mirror."""

    type = "aws"
    poll_s = 2.0

    def __init__(self, name: str) -> None:
        """Nothing is asked of AWS yet. Raises StateUnusable for a mirror that cannot be opened."""
        self.name, self.state_dir = name, paths.host_state_dir(name)
        self.mirror = aws_mirror.SHARED.of(name)
        self.far = Kept(name)
        self.reader = MirrorReader(schema.open_reader(self.mirror.directory), self.far)
        self._file = _identity(self.mirror.directory) if self.reader.is_open else None  # else it is being made

    def close(self) -> None:
        """Give back what it holds."""
        self.reader.close()
        self.far.close()

    def reading(self) -> Translated:
        """In it an error of the database is a StateUnusable."""
        return Translated(self.mirror.directory)

    def is_current(self) -> bool:
        """Whether it still shows the mirror: that is made anew with the host."""
        return self._file is not None and self._file == _identity(self.mirror.directory)

    @property
    def database(self) -> tuple[int, int] | None:
        """Which file is read."""
        return self._file

    def supervised(self) -> bool:
        """Its control plane is functions: they are there as long as their stacks are."""
        return self.health() in ("ready", "changing")

    def health(self, timeout_s: float = 1.0) -> str:
        """As its stacks are, and whether its jobs could be read."""
        look = aws_looks.SHARED.peek(self.name)
        word = look.health() if look is not None else "asking"
        return "not answering" if word != "not deployed" and self.mirror.peek().error else word

    def revive(self) -> None:
        """Nothing that could be dead."""

    def door(self) -> "Door":
        """Where jobs are submitted, cancelled and awaited."""
        return open_host(self.name).door()

    def outputs(self) -> "Outputs":
        """What tasks wrote."""
        return self.far().outputs()

    def script(self, job: Job) -> bytes:
        """The snapshot of a script."""
        return self.far().script(job)

    def parameter_line(self, job: Job, position: int) -> str | None:
        """A line of packed parameters."""
        return self.far().parameter_line(job, position)

    def follower(self, job: Job, last: int = 0) -> "Follower":
        """Follows the outputs of an array's tasks."""
        return self.far().follower(job, last)

    def why_waiting(self, job: Job) -> str | None:
        """Why tasks of this job wait."""
        return self.far().why_waiting(job)

    def find(self, texts: Sequence[str], queue: str | None = None) -> list[tuple[Job, Task | None]]:
        """As they are now: what is looked at by itself is asked for itself."""
        return self.far().find(texts, queue)


def _identity(directory: str) -> tuple[int, int] | None:
    try:
        info = os.stat(schema.database_path(directory))
    except OSError:
        return None
    return info.st_dev, info.st_ino
