"""Submitting, cancelling and awaiting jobs of a local host: the requests that go to its supervisor.

Every request survives the supervisor's death: it is sent again to the next one, which is started here when none runs. Sending a
submission twice is one job, because each carries an idempotency key, the caller's or a random one.
"""

import os
from time import monotonic, time

from cyclone_core.errors import HostUnavailable, InvalidRequest, NotFound
from cyclone_core.jobs import AUTOMATIC_KEY
from cyclone_core.paths import stop_mark
from cyclone_core.problems import Problem
from cyclone_core.scheduler.local import client
from cyclone_core.wire import Closed, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from cyclone_core.jobs import JobRequest
    from cyclone_core.wire import Message

    Again = tuple[int, tuple[int, ...] | None] | tuple[int, tuple[int, ...] | None, tuple[int, ...] | None]
    Ended = tuple[int, int, int | None]
    """job id, its final state (index in jobs.STATES), exit status as a shell shows it"""

ATTEMPTS = 5
"""So often a request is sent when supervisors die with it."""
IDS_PER_MESSAGE = 10_000


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


def cancel(state_dir: str, selector: "dict[str, Any]") -> "dict[str, Any]":
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
    if os.path.exists(stop_mark(state_dir)):
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
