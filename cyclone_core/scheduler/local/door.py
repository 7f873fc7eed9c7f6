"""Requests of clients: taken in at any time, acted on inside the turn's transaction, answered after its commit.

A selector of `cancel` is a dict: tasks [(job, index or None)], names [str], queue str or None, all bool. Its answer: tasks (how many were
touched), jobs (ids with at least one), finished (ids given that were over), unknown (ids given that do not exist, as (job, index)).
"""

import _sqlite3

from cyclone_core.errors import InvalidRequest
from cyclone_core.jobs import JobRequest, exit_status
from cyclone_core.problems import Problem
from cyclone_core.scheduler.admission import admit
from cyclone_core.scheduler.again import SPARSE
from cyclone_core.scheduler.sqlite import again, retention

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NoReturn

    from cyclone_core.ports import Wanted
    from cyclone_core.scheduler.local.supervisor import Supervisor
    from cyclone_core.wire import Channel, Message

_OVER = "ended"
_NONSENSE = (
    TypeError, ValueError, LookupError, AttributeError, ArithmeticError,
    _sqlite3.ProgrammingError, _sqlite3.InterfaceError, _sqlite3.IntegrityError, _sqlite3.DataError,
)  # fmt: skip
"""What a request whose parts have other types than they should comes to."""


class Unreadable(Exception):
    """A request failed half-way: the transaction must be undone. `answer` goes to the channel; the request is forgotten."""

    def __init__(self, channel: "Channel", answer: "Message") -> None:
        super().__init__(answer)
        self.channel, self.answer = channel, answer


class _HalfDone(InvalidRequest):
    """Some of it is stored in the open transaction, the rest cannot be."""


class Door:
    """See the module. `asks`: requests that wait for the next turn."""

    def __init__(self, supervisor: "Supervisor") -> None:
        self.supervisor, self.store = supervisor, supervisor.store
        self.asks: list[tuple[Channel, Message]] = []
        self.waiters: dict[int, list[Channel]] = {}
        self.stoppers: list[Channel] = []
        self.forgotten: set[int] = set()
        """jobs that the open transaction removes: their files go after its commit"""
        self.forgot_all = False
        """after the last batch: what several jobs shared may go too"""

    def take_in(self, channel: "Channel", message: "Message") -> None:
        """A message of a client: what changes nothing is answered at once, the rest waits for the turn."""
        if message[0] == "status":
            self.supervisor.connections.say(channel, ("status", self.supervisor.status()))
        elif message[0] == "stop":
            self.supervisor.connections.say(channel, ("stopping",))
            self.stoppers.append(channel)
            self.supervisor.stop_for_good()
        elif message[0] in ("submit", "again", "cancel", "put", "delete", "wait", "forget"):
            self.asks.append((channel, message))
        else:
            self.supervisor.connections.say(
                channel, refused(Problem("", f"this host does not know the request {message[0]!r}", "Update Cyclone and restart the host"))
            )

    def forget(self, channel: "Channel") -> None:
        """A client hung up: what it asked is still done, what it waits for is not told."""
        for channels in self.waiters.values():
            if channel in channels:
                channels.remove(channel)

    def refuse_all(self, problem: Problem) -> "list[tuple[Channel, Message]]":
        """Nothing can be stored now: answers to everything that was to be; who only waits for a job's end goes on waiting."""
        asks = [ask for ask in self.asks if ask[1][0] != "wait"]
        self.asks = [ask for ask in self.asks if ask[1][0] == "wait"]
        self.forgotten.clear()
        self.forgot_all = False
        return [(channel, refused(problem)) for channel, _ in asks]

    # -- inside the transaction ---------------------------------------------------------------------------------------------------
    def act(self, now: float) -> "list[tuple[Channel, Message]]":
        """Do what was asked, as steps of the open transaction. Answers are sent after the commit, so `asks` is emptied by then only.

        Raises Unreadable.
        """
        answers: list[tuple[Channel, Message]] = []
        for channel, message in self.asks:
            try:
                answer = getattr(self, f"_{message[0]}")(channel, now, *message[1:])
            except _HalfDone as exc:
                self._drop(channel, message, *exc.problems)
            except InvalidRequest as exc:
                answer = refused(*exc.problems)
            except _NONSENSE as exc:  # a client of another version
                self._drop(channel, message, Problem("", f"the request cannot be read: {exc}", "Update Cyclone and restart the host"))
            answers += [(channel, one) for one in (answer if isinstance(answer, list) else [answer])]
        return answers

    def _drop(self, channel: "Channel", message: "Message", *problems: Problem) -> "NoReturn":
        self.asks = [ask for ask in self.asks if ask[0] is not channel or ask[1] is not message]
        raise Unreadable(channel, refused(*problems))

    def _submit(self, channel: "Channel", now: float, messages: "list[dict[str, object]]") -> "Message":
        requests = [JobRequest.from_message(message) for message in messages]
        problems = []
        for number, request in enumerate(requests):
            try:
                admit(request, self.store.resources.bodies)
                self.store.check_parameters(request)
            except InvalidRequest as exc:
                problems += [[number, *problem.as_tuple()] for problem in exc.problems]
        if problems:
            return ("refused", problems)
        try:
            ids = [self.store.submit(request, now) for request in requests]
        except InvalidRequest as exc:  # after others of them have been stored
            raise _HalfDone(exc.problems) from exc
        for job in ids:
            self.supervisor.dispatch.submitted(job)
        return ("submitted", ids)

    def _again(self, channel: "Channel", now: float, wanted: "list[Any]", key: str) -> "Message":
        ids = self.store.again([_wanted(*one) for one in wanted], str(key), now)
        for job in ids:
            self.supervisor.dispatch.submitted(job)
        return ("submitted", ids)

    def _cancel(self, channel: "Channel", now: float, selector: "dict[str, Any]") -> "Message":
        answer: dict[str, Any] = {"tasks": 0, "jobs": [], "finished": [], "unknown": []}
        for job, index in [*selector.get("tasks", ()), *((job, None) for job in self._named(selector))]:
            row = self.store.db.execute("SELECT array, tasks, low, step FROM job WHERE id=?", (job,)).fetchone()
            position = self._position(job, index, *row) if row else 0
            if row is None or position == 0:
                answer["unknown"].append((job, index))
                continue
            touched = self.store.cancel(job, position, now)
            if touched:
                answer["tasks"] += touched
                answer["jobs"].append(job)
                self.supervisor.dispatch.cancelled(job, position, self.supervisor.peers)
            else:
                answer["finished"].append(job)
        return ("cancelled", answer)

    def _position(self, job: int, index: int | None, kind: int, tasks: int, low: int, step: int) -> int | None:
        """Position of a task by its index, None for the whole job, 0 when there is no such task."""
        if index is None:
            return None
        if kind == SPARSE:
            return again.indices_of(self.store.db, job).position(index) or 0
        position, rest = divmod(index - low, step)
        return position + 1 if kind and not rest and 0 <= position < tasks else 0

    def _named(self, selector: "dict[str, Any]") -> "list[int]":
        """Open jobs chosen by name or as a whole queue."""
        queue, found = selector.get("queue"), []
        scope, values = (" AND queue=?", [queue]) if queue else ("", [])
        for name in selector.get("names", ()):
            sql = f"SELECT id FROM job WHERE name=? AND waiting + running > 0{scope} ORDER BY id"
            found += self.store.db.execute(sql, (name, *values)).fetchall()
        if selector.get("all"):
            found += self.store.db.execute(f"SELECT id FROM job WHERE status IN (0, 1){scope} ORDER BY id", values).fetchall()
        return [job for (job,) in found]

    def _put(self, channel: "Channel", now: float, kind: str, name: str, body: str, mode: str) -> "Message":
        self.store.resources.put(kind, name, body, mode, now)
        self.supervisor.dispatch.refresh()
        return ("stored",)

    def _delete(self, channel: "Channel", now: float, kind: str, name: str) -> "Message":
        self.store.resources.delete(kind, name, now)
        self.supervisor.dispatch.refresh()
        return ("stored",)

    def _wait(self, channel: "Channel", now: float, ids: "list[int]") -> "list[Message]":
        """Answered job by job: now for those that are over (once that is committed), later for the others."""
        answers = []
        for job in ids:
            over = self._ending(job)
            if over is not None:
                answers.append(over)
            elif channel.sock.fileno() >= 0:
                self.waiters.setdefault(job, []).append(channel)
        return answers

    def _forget(self, channel: "Channel", now: float, before: float) -> "Message":
        """A batch of finished jobs; the client asks again until none is left."""
        found = retention.forget(self.store.db, before)
        self.forgotten.update(found)
        if len(found) < retention.BATCH:
            self.store.specs.forget()
            self.forgot_all = True
        return ("forgotten", len(found))

    def clear_up(self) -> None:
        """Remove the files of jobs that were forgotten; what several jobs share goes with the last batch."""
        if self.forgotten:
            retention.remove_files(self.store.state_dir, self.forgotten)
            self.forgotten.clear()
        if self.forgot_all:  # what is needed is asked now: later requests of the same turn need something too
            held = {peer.journal for peer in self.supervisor.peers.values()} | {lease.journal for lease in self.store.leases.values()}
            retention.remove_shared(self.store.state_dir, retention.Kept(self.store.db), held)
            self.forgot_all = False

    # -- after the commit ---------------------------------------------------------------------------------------------------------
    def tell_ended(self, jobs: "list[int]") -> None:
        """Jobs became final: tell those who wait. Empties the list."""
        for job in jobs:
            for channel in self.waiters.pop(job, ()):
                over = self._ending(job)
                if over is not None:
                    self.supervisor.connections.say(channel, over)
        jobs.clear()

    def tell_stopped(self) -> None:
        """The host is down: hanging up tells whoever asked for it."""
        for channel in self.stoppers:
            channel.close()

    def _ending(self, job: int) -> "Message | None":
        """("ended", job, status, exit) of a final job, an unknown one has status -1; None while it is open."""
        row = self.store.db.execute("SELECT status, code, array FROM job WHERE id=?", (job,)).fetchone()
        if row is None:
            return (_OVER, job, -1, None)
        status, code, is_array = row
        if status in (0, 1):
            return None
        if is_array:
            code = self.store.first_failure(job)
        return (_OVER, job, status, None if code is None else exit_status(code))


def refused(*problems: Problem) -> "Message":
    """The answer to a request that cannot be granted."""
    return ("refused", [[0, *problem.as_tuple()] for problem in problems])


def _wanted(job: int, states: "Iterable[int] | None" = None, indices: "Iterable[int] | None" = None) -> "Wanted":
    """One of the jobs of `again`, as far as a message can be trusted."""
    return int(job), None if states is None else tuple(states), None if indices is None else tuple(map(int, indices))
