"""Use cases of looking: open a host by name, list its jobs, get one, say why it waits.

Looking never fails because a supervisor is down: the database answers. But it is the moment at which a dead supervisor is noticed, so
`revive` starts one again where work is open. Lean: on the path of every `qstat` and `qlog`.
"""

import os

from cyclone_core import paths
from cyclone_core.errors import CycloneError, InvalidRequest, NotFound
from cyclone_core.ids import format_task, parse
from cyclone_core.jobs import RUNNING, STATES, WAITING
from cyclone_core.problems import Problem, Problems
from cyclone_core.scheduler.sqlite.reader import Reader, Translated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from typing import Self

    from cyclone_core.operations.follow import Follower
    from cyclone_core.operations.jobs import Door
    from cyclone_core.operations.logs import Outputs
    from cyclone_core.views import Counts, Job, Task


class HostView:
    """One host, to look at: what the views of all engines share. Use as a context manager.

    `state_dir`: where its files on this machine lie; `reader`: a `ports.JobReader` that also knows resources and specs.
    """

    type: str
    """local or aws"""
    poll_s: float
    """So long whoever follows something waits between two looks, seconds."""
    first_queues: frozenset[str]
    """Queues that its first start makes."""
    name: str
    state_dir: str
    reader: "Reader"

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what it holds; harmless when done twice."""
        self.reader.close()

    def reading(self) -> "AbstractContextManager[None]":
        """A `with` for programs that go on: in it whatever keeps the host from being read is a CycloneError."""
        raise NotImplementedError

    def is_current(self) -> bool:
        """Whether it still shows the host as it is: it may have been made, or made anew, since this was opened."""
        raise NotImplementedError

    @property
    def database(self) -> "tuple[int, int] | None":
        """Which file is read (device and number): another one after the host was made anew; None while there is none."""
        return None

    def supervised(self) -> bool:
        """Whether the host's control plane is there."""
        raise NotImplementedError

    def health(self, timeout_s: float = 1.0) -> str:
        """How it is, in a word."""
        raise NotImplementedError

    def revive(self) -> None:
        """Start what is needed for open work, unless it was stopped; looking goes on whatever comes of that."""
        raise NotImplementedError

    def door(self) -> "Door":
        """Where jobs are submitted, cancelled and awaited."""
        raise NotImplementedError

    def outputs(self) -> "Outputs":
        """What tasks wrote. A context manager."""
        raise NotImplementedError

    def script(self, job: "Job") -> bytes:
        """The script that a job executes. Raises OSError or CycloneError when it is gone."""
        raise NotImplementedError

    def parameter_line(self, job: "Job", line: int) -> str | None:
        """A line of a job's packed parameters, None where it has none.

        Raises OSError, ValueError, IndexError or CycloneError when they are gone.
        """
        raise NotImplementedError

    def follower(self, job: "Job", last: int = 0) -> "Follower":
        """Follows the outputs of an array's tasks (`follow.array`). last: bytes of one output at a look, 0 = everything."""
        raise NotImplementedError

    def summary(self) -> "list[tuple[str, Counts]]":
        """(queue, tasks by state) of every queue that ever got a job."""
        return self.reader.counts()

    def find(self, texts: "Sequence[str]", queue: str | None = None) -> "list[tuple[Job, Task | None]]":
        """The jobs (task None) and tasks that ids name, in the order given.

        Raises NotFound naming every id that does not exist or is in another queue than `queue`.
        """
        found: list[tuple[Job, Task | None]] = []
        missing: list[str] = []
        named = [(text, *parse(text)) for text in texts]
        numbers = list(dict.fromkeys(number for _, number, _ in named))
        known = [self.reader.job(numbers[0])] if len(numbers) == 1 else self.reader.listed(numbers)
        jobs = {job.id: job for job in known if job is not None}
        for text, number, index in named:
            job = jobs.get(number)
            position = None if job is None or index is None else (job.position(index) if job.array else 1 if index == 1 else None)
            task = self.reader.task(number, position) if position else None
            if job is None or (index is not None and task is None):
                missing.append(_missing(format_task(number, index), job))
            elif queue not in (None, job.queue):
                missing.append(f"{text}: it is in queue {job.queue!r}, not in {queue!r}. Leave -q out, or use -q {job.queue}")
            else:
                found.append((job, task))
        if missing:
            raise NotFound("\n".join(missing))
        return found

    def why_waiting(self, job: "Job") -> str | None:
        """Why tasks of this job wait, in one line; None when none does."""
        raise NotImplementedError

    def check_queue(self, name: str) -> None:
        """Raise NotFound for a queue that this host does not have and never had."""
        known = set(self.reader.resource_names("queue"))
        if name not in known:
            known |= {queue for queue, _ in self.reader.counts()}
        known = known or set(self.first_queues)
        if name not in known:
            raise NotFound(f"there is no queue {name!r} on host {self.name!r}. {_nearest(name, sorted(known))}See hyper queues list-queues")


class LocalView(HostView):
    """A host of this machine: its database answers, also while nobody serves it."""

    type = "local"
    poll_s = 0.15
    first_queues = frozenset(("default",))

    def __init__(self, name: str, state_dir: str) -> None:
        """Open it. Raises StateUnusable for a database of another version or a damaged one."""
        self.name, self.state_dir = name, state_dir
        self.reader = Reader.open(state_dir)
        self._file = _identity(state_dir) if self.reader.is_open else None

    def reading(self) -> Translated:
        """In it an error of the database is a StateUnusable."""
        return Translated(self.state_dir)

    def is_current(self) -> bool:
        """Whether it still shows the host's files."""
        return self._file is not None and self._file == _identity(self.state_dir)

    @property
    def database(self) -> "tuple[int, int] | None":
        """Which file is read (device and number): another one after the host was made anew; None while there is none."""
        return self._file

    def supervised(self) -> bool:
        """Whether the host's supervisor listens."""
        from cyclone_core import wire

        try:
            wire.connect(paths.socket_path(self.state_dir)).close()
        except (OSError, CycloneError):
            return False
        return True

    def health(self, timeout_s: float = 1.0) -> str:
        """In a word: running, stopped, new (nothing was ever done), or not answering, when the supervisor takes longer than that."""
        from cyclone_core.operations.local_hosts import ask_status

        told = ask_status(self.state_dir, timeout_s) if self.reader.is_open else {}
        if told is None:
            return "not answering"
        return "running" if told else "stopped" if self.reader.is_open else "new"

    def revive(self) -> None:
        """Start the supervisor when work is open and nobody does it, unless it was stopped; looking goes on whatever comes of that."""
        if not any(counts[WAITING] or counts[RUNNING] for _, counts in self.reader.counts()) or self.supervised():
            return
        if os.path.exists(paths.stop_mark(self.state_dir)):
            return
        from cyclone_core.scheduler.local import client

        try:
            client.ensure(self.state_dir).close()
        except (CycloneError, OSError):
            return  # `why_waiting` says that it is not running; the reason is in supervisor.log

    def door(self) -> "Door":
        """Where jobs are submitted, cancelled and awaited."""
        from cyclone_core.operations.jobs import LocalDoor

        return LocalDoor(self.state_dir)

    def outputs(self) -> "Outputs":
        """What tasks wrote."""
        from cyclone_core.operations.logs import Outputs

        return Outputs(self.state_dir)

    def script(self, job: "Job") -> bytes:
        """The snapshot of a script."""
        name = str(self.reader.spec(job).get("script") or "")
        with open(os.path.join(self.state_dir, "scripts", os.path.basename(name)), "rb") as file:
            return file.read()

    def parameter_line(self, job: "Job", line: int) -> str | None:
        """A line of packed parameters."""
        name = self.reader.spec(job).get("parameters")
        if not name:
            return None
        from cyclone_core.scheduler.parameters import ParameterFile

        file = ParameterFile(os.path.join(self.state_dir, str(name)))
        try:
            return file.line(line)
        finally:
            file.close()

    def follower(self, job: "Job", last: int = 0) -> "Follower":
        """Follows the outputs of an array's tasks."""
        from cyclone_core.operations.follow import LocalFollower

        return LocalFollower(self, job, last)

    def why_waiting(self, job: "Job") -> str | None:
        """Why tasks of this job wait, in one line; None when none does."""
        from cyclone_core.operations.waiting import why_waiting

        return why_waiting(self.reader, job, self.supervised())


def _identity(state_dir: str) -> "tuple[int, int] | None":
    """Which file the host's database is; None where there is none."""
    try:
        info = os.stat(os.path.join(state_dir, "state.db"))
    except OSError:
        return None
    return info.st_dev, info.st_ino


def open_host(name: str | None = None, jobs: bool = True) -> HostView:
    """The named host, or the selected one. Raises NotFound when there is none, and StateUnusable. Nothing is asked of AWS yet.

    jobs: whether it is opened for its jobs; else an AWS host is opened without them, with empty lists.
    """
    name = name or paths.selected_host()
    if "/" in name or name in (".", ".."):
        raise InvalidRequest([Problem("--host", f"{name!r} is not the name of a host", "See hyper hosts list-hosts")])
    state_dir = paths.host_state_dir(name)
    if name != paths.DEFAULT_HOST and not os.path.exists(os.path.join(state_dir, "state.db")):
        _check_host(name)
    if host_type(name) == "local":
        return LocalView(name, state_dir)
    if jobs:
        from cyclone_core.operations.aws_view import AwsView

        return AwsView(name)
    view = LocalView(name, state_dir)
    view.type = "aws"
    return view


def host_type(name: str) -> str:
    """local or aws, as the user's configuration says; local for a host that it does not name, or whose file cannot be read. Lean."""
    try:
        with open(os.path.join(paths.config_dir(), "hosts", f"{name}.json"), encoding="utf-8") as file:
            text = file.read()
    except (OSError, ValueError):
        return "local"
    if '"aws"' not in text:
        return "local"
    from cyclone_core.aws.lean import jsons

    try:
        found = jsons.loads(text)
    except ValueError:
        return "local"
    return "aws" if isinstance(found, dict) and found.get("type") == "aws" else "local"


def read_status(text: str, problems: Problems) -> int | None:
    """The number of a state given by name, in any case; a problem with the nearest name otherwise."""
    wanted = text.strip().lower()
    for number, state in enumerate(STATES):
        if wanted == state.lower():
            return number
    problems.add("-f", f"{text!r} is not a status", f"{_nearest(text, STATES)}One of {', '.join(STATES)}")
    return None


def _missing(task: str, job: "Job | None") -> str:
    if job is None:
        return f"{task}: there is no such job. See qstat"
    if not job.array:
        return f"{task}: job {job.id} is not an array, it has no such task. See qstat -i {job.id}"
    return f"{task}: job {job.id} has no such task: its indices are {job.indices_text()}"


def _check_host(name: str) -> None:
    """Raise NotFound unless the user's configuration names the host (one that has not been used yet has no state)."""
    folder = os.path.join(paths.config_dir(), "hosts")
    try:
        known = sorted(entry.removesuffix(".json") for entry in os.listdir(folder) if entry.endswith(".json"))
    except OSError:
        known = []
    if name not in known:
        raise NotFound(f"there is no host {name!r}. {_nearest(name, (*known, paths.DEFAULT_HOST))}See hyper hosts list-hosts")


def _nearest(word: str, choices: "Sequence[str]") -> str:
    """`Did you mean X? `, or nothing."""
    from cyclone_core.options import did_you_mean

    near = did_you_mean(word, choices)
    return f"D{near.removeprefix(': d')} " if near else ""
