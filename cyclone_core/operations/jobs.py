"""Submitting, cancelling and awaiting jobs: a host's door, and what goes through that of a local host to its supervisor.

`open_door` chooses the engine; nobody above it knows which one it is. What an AWS host does is in `aws_door`.
Every request to a supervisor survives its death: it is sent again to the next one, which is started here when none runs. Sending a
submission twice is one job, because each carries an idempotency key, the caller's or a random one.
"""

import os
from time import monotonic, time

from cyclone_core import paths
from cyclone_core.errors import HostUnavailable, InvalidRequest, NotFound
from cyclone_core.jobs import AUTOMATIC_KEY
from cyclone_core.problems import Problem
from cyclone_core.scheduler.local import client
from cyclone_core.wire import Closed, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any, Protocol

    from cyclone_core.jobs import JobRequest
    from cyclone_core.wire import Message

    Again = tuple[int, tuple[int, ...] | None] | tuple[int, tuple[int, ...] | None, tuple[int, ...] | None]
    Ended = tuple[int, int, int | None]
    """job id, its final state (index in jobs.STATES), exit status as a shell shows it"""
    Progress = Callable[[int, int], object]
    """called with (bytes sent, bytes in all) while a large parameter file is on its way to a host"""

    class Door(Protocol):
        """Where the jobs of a host are submitted, cancelled and awaited. The same for every engine; all of it blocks."""

        type: str
        """local or aws"""

        def submit(self, requests: JobRequest | list[JobRequest], progress: Progress | None = None) -> list[int]:
            """Submit one or many jobs, all or none of them; returns their ids in order. Durable when this returns.

            A request's parameter file (of `spool`) belongs to the host afterwards; when it is refused, the file is removed.
            Raises InvalidRequest with all problems, and HostUnavailable, StateUnusable or AwsError.
            """

        def again(self, wanted: Sequence[Again]) -> list[int]:
            """Run tasks of jobs that are over once more: for each a new job of the same script and settings; their ids in order.

            wanted: (job, final states as numbers or None for all), or with a third part the indices of the only tasks that are meant.
            States stay final: the old jobs do not change. Raises InvalidRequest with all problems, and as `submit`.
            """

        def cancel(self, selector: Mapping[str, Any]) -> dict[str, Any]:
            """Cancel jobs and tasks; after it returns none of them is started any more.

            selector: "tasks" [(job, index or None)], "names" [job name], "queue" narrows names and "all" (every open job).
            Returns "tasks" (how many were cancelled), "jobs" (ids touched), "finished" (ids that were over), "unknown" [(job, index)].
            """

        def wait(self, ids: Iterable[int], timeout_s: float | None = None) -> Iterator[Ended]:
            """Each job as it ends, in that order. timeout_s: for all of it, None = no limit.

            Raises NotFound for an id that does not exist, TimeoutError, and as `submit`.
            """

        def spool(self) -> str:
            """Path for a new parameter file on its way to the host; its directory is made."""

        def endings(self) -> "Endings":
            """Hears which jobs end."""

    class Endings(Protocol):
        """Tells of jobs that end, to a program that also waits for something else."""

        def listen(self, ids: list[int]) -> None:
            """Ask to be told of the end of jobs."""

        def hear(self, wake: int, open_ids: Iterable[int]) -> list[Ended]:
            """Wait until a job ended or a byte can be read from the descriptor `wake` (it is read then). open_ids: all that are meant."""

        def close(self) -> None:
            """Hear no more."""


ATTEMPTS = 5
"""So often a request is sent when supervisors die with it."""
IDS_PER_MESSAGE = 10_000


def open_door(name: str | None = None) -> "Door":
    """The door of a host, by default of the selected one. Nothing is started and nobody is asked yet.

    Raises NotFound (naming the nearest) for a host nobody made, StateUnusable for one whose file cannot be read.
    """
    from cyclone_core.operations import local_hosts

    name = name or paths.selected_host()
    if local_hosts.type_of(name) == "local":
        return LocalDoor(paths.host_state_dir(name))
    from cyclone_core.operations.aws_door import AwsDoor

    return AwsDoor(name)


class LocalDoor:
    """The door of a local host."""

    type = "local"

    def __init__(self, state_dir: str) -> None:
        self.state_dir = state_dir

    def submit(self, requests: "JobRequest | list[JobRequest]", progress: "Progress | None" = None) -> "list[int]":
        """See `Door`. The parameter file is taken over where it lies, so there is no progress to tell."""
        return submit(self.state_dir, requests)

    def again(self, wanted: "Sequence[Again]") -> "list[int]":
        """See `Door`."""
        return again(self.state_dir, wanted)

    def cancel(self, selector: "Mapping[str, Any]") -> "dict[str, Any]":
        """See `Door`."""
        return cancel(self.state_dir, selector)

    def wait(self, ids: "Iterable[int]", timeout_s: "float | None" = None) -> "Iterator[Ended]":
        """See `Door`."""
        return wait(self.state_dir, ids, timeout_s)

    def spool(self) -> str:
        """See `Door`."""
        return spool(self.state_dir)

    def endings(self) -> "Endings":
        """See `Door`."""
        from cyclone_core.operations.local_endings import LocalEndings

        return LocalEndings(self.state_dir)


def submit(state_dir: str, requests: "JobRequest | list[JobRequest]") -> "list[int]":
    """Submit one or many jobs, all or none of them; returns their ids in order. Durable when this returns.

    A request's parameter file (`spool`) belongs to the host afterwards; when it is refused, the file is removed.
    Raises InvalidRequest with all problems, HostUnavailable, StateUnusable.
    """
    wanted = requests if isinstance(requests, list) else [requests]
    if not wanted:
        return []
    for request in wanted:
        request.idempotency_key = request.idempotency_key or AUTOMATIC_KEY + new_key()
    try:
        answer = _ask(state_dir, ("submit", [request.as_message() for request in wanted]))
    except InvalidRequest:
        for request in wanted:
            if request.parameters:
                discard(request.parameters)
        raise
    ids: list[int] = answer[1]
    return ids


def again(state_dir: str, wanted: "Sequence[Again]") -> "list[int]":
    """Run tasks of jobs that are over once more: for each a new job of the same script and settings; their ids in order.

    wanted: (job, final states as numbers or None for all), or with a third part the indices of the only tasks that are meant.
    All or none of them, up to IDS_PER_MESSAGE. States stay final: the old jobs do not change.
    Raises InvalidRequest with all problems, HostUnavailable, StateUnusable.
    """
    ids: list[int] = []
    for at in range(0, len(wanted), IDS_PER_MESSAGE):
        part = [tuple(one) for one in wanted[at : at + IDS_PER_MESSAGE]]
        ids += _ask(state_dir, ("again", part, AUTOMATIC_KEY + new_key()))[1]
    return ids


def cancel(state_dir: str, selector: "Mapping[str, Any]") -> "dict[str, Any]":
    """Cancel jobs and tasks; after it returns none of them is started any more.

    selector: "tasks" [(job, index or None)], "names" [job name], "queue" narrows names and "all" (every open job).
    Returns "tasks" (how many were cancelled), "jobs" (ids touched), "finished" (ids that were over), "unknown" [(job, index)].
    """
    tasks = list(selector.get("tasks", ()))
    rest = {key: value for key, value in selector.items() if key != "tasks"}
    whole: dict[str, Any] = {"tasks": 0, "jobs": [], "finished": [], "unknown": []}
    for at in range(0, max(1, len(tasks)), IDS_PER_MESSAGE):
        answer = _ask(state_dir, ("cancel", {"tasks": tasks[at : at + IDS_PER_MESSAGE], **(rest if at == 0 else {})}))[1]
        for key, value in answer.items():
            whole[key] = whole[key] + list(value) if isinstance(whole[key], list) else whole[key] + value
    return whole


def wait(state_dir: str, ids: "Iterable[int]", timeout_s: "float | None" = None) -> "Iterator[Ended]":
    """Each job as it ends, in that order. timeout_s: for all of it, None = no limit.

    Raises NotFound for an id that does not exist, TimeoutError, HostUnavailable (also when the host is stopped meanwhile).
    """
    open_ids = set(ids)
    deadline = None if timeout_s is None else monotonic() + timeout_s
    failures = 0
    while open_ids:
        refuse_stopped(state_dir, len(open_ids))
        channel = client.ensure(state_dir)
        try:
            asked = sorted(open_ids)
            for at in range(0, len(asked), IDS_PER_MESSAGE):
                channel.sock.sendall(encode(("wait", asked[at : at + IDS_PER_MESSAGE])))
            while open_ids:
                if deadline is not None:
                    channel.sock.settimeout(max(0.001, deadline - monotonic()))
                _, job, status, code = _checked(channel.next())
                failures = 0
                if status < 0:
                    raise NotFound(f"there is no job {job}. See the jobs with: qstat")
                if job in open_ids:
                    open_ids.remove(job)
                    yield job, status, code
        except TimeoutError:
            raise
        except (Closed, OSError) as exc:
            failures += 1
            if failures > ATTEMPTS:
                raise HostUnavailable(_gone(state_dir)) from exc
        finally:
            channel.close()


def refuse_stopped(state_dir: str, open_jobs: int) -> None:
    """Raise HostUnavailable when the host was stopped on purpose: waiting for jobs does not start it."""
    if os.path.exists(paths.stop_mark(state_dir)):
        raise HostUnavailable(f"the host was stopped with {open_jobs:,} of the jobs open: they wait. Start it: hyper hosts start")


def spool(state_dir: str) -> str:
    """Path for a new parameter file on its way to the host; its directory is made."""
    client.make_state_dir(state_dir)
    folder = os.path.join(state_dir, "spool")
    os.makedirs(folder, 0o700, exist_ok=True)
    return os.path.join(folder, new_key())


def discard(path: str) -> None:
    """Remove a parameter file that no job took."""
    try:
        os.unlink(path)
    except OSError:
        return


def new_key() -> str:
    """A random text that nobody else makes. It begins with the time: keys that grow keep the database's index cheap."""
    return f"{int(time() * 1000):x}{os.urandom(6).hex()}"


def _ask(state_dir: str, message: "Message") -> "Message":
    """The supervisor's answer; the message is one that may arrive twice."""
    for _ in range(ATTEMPTS):
        channel = client.ensure(state_dir)
        try:
            return _checked(channel.ask(message))
        except (Closed, OSError):
            continue
        finally:
            channel.close()
    raise HostUnavailable(_gone(state_dir))


def _checked(answer: "Message") -> "Message":
    if answer[0] == "refused":
        raise InvalidRequest([Problem(*problem[-3:]) for problem in answer[1]])
    return answer


def _gone(state_dir: str) -> str:
    log = os.path.join(state_dir, "supervisor.log")
    return f"the supervisor of {state_dir} ended {ATTEMPTS} times in a row while it had the request. Its log tells why: {log}"
