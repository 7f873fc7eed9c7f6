"""One stack, led from whatever state it is in to what is wanted of it.

Nothing is remembered between two runs: the state of the stack, its template and its events say what there is to do. An operation's
`ClientRequestToken` begins with `cyclone-` and a hash of what is wanted, so whoever comes after a death recognises the operation that does
just that, follows it to its end and goes on. What others began is waited for, and then everything is looked at anew.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from cyclone_core import naming
from cyclone_core.aws.change_sets import ChangeSet
from cyclone_core.aws.stacks import StackEvent, StackNow, Stacks
from cyclone_core.errors import AwsError
from cyclone_core.infra import stack_states, stack_words
from cyclone_core.infra.events import Phase
from cyclone_core.infra.stack_schedule import Left, Signal

FIRST_PAUSE_S, LONGEST_PAUSE_S, GROWTH = 0.2, 2.0, 1.5
"""Between two looks at a stack's events: short while something happens, longer while nothing does."""
_QUIET_LOOKS = 5
"""So many looks without an event, and the stack itself is asked whether it is over."""
_ROUNDS = 8
"""So often a stack is looked at anew because somebody else changed it meanwhile."""
_TOO_LATE = (
    "AlreadyExistsException", "ChangeSetNotFound", "ChangeSetNotFoundException", "InvalidChangeSetStatus",
    "InvalidChangeSetStatusException", "OperationInProgressException", "ValidationError",
)  # fmt: skip
"""Codes of requests that may have come too late: the stack is in another state by then."""
_ASK_MORE = "DescribeEvents"
"""In reasons that only say where the reasons are."""
Operation = Literal["create", "update", "delete", "roll back", "somebody's"]


@dataclass(frozen=True)
class Wanted:
    """What a stack is to be."""

    name: str
    template: Mapping[str, Any]
    text: str
    """The template as it is sent."""
    tags: Mapping[str, str]
    bucket: str = ""
    """Of the region's assets: a long template goes by way of it."""

    @property
    def digest(self) -> str:
        """Equal for equal templates and tags."""
        return sha256(f"{self.text}\n{json.dumps(dict(self.tags), sort_keys=True)}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Ended:
    """How a step ended."""

    phase: Phase
    text: str = ""


@dataclass(frozen=True)
class Told:
    """What is told while a stack changes; a line of its own when there is no event."""

    text: str
    level: Literal["info", "warning", "error"] = "info"
    event: StackEvent | None = None


@dataclass(frozen=True)
class _Ran:
    """An operation that is over."""

    status: str
    events: tuple[StackEvent, ...] = ()


class StackRun:
    """One stack's turn. Every method raises AwsError, and Left once the thread is to leave."""

    def __init__(
        self, stacks: Stacks, name: str, tell: Callable[[Told], None], signal: Signal, *, keep_failed: bool = False,
        patience_s: float = 3600.0, now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """patience_s: so long an operation that somebody else began is waited for; now: seconds."""
        self._stacks, self._name, self._tell, self._signal = stacks, name, tell, signal
        self._keep_failed, self._patience_s, self._now = keep_failed, patience_s, now
        self._cancelling = False

    # -- what is wanted -----------------------------------------------------------------------------------------------
    def put(self, wanted: Wanted) -> Ended:
        """Create or update it; ACTIVE at once when it is what is wanted."""
        for _ in range(_ROUNDS):
            now = self._stacks.get(self._name)
            refusal = stack_words.not_ours(now, wanted.tags)
            if refusal:
                return Ended("FAILED", refusal)
            ended = self._put(wanted, now)
            if ended is not None:
                return ended
        return Ended("FAILED", stack_words.BUSY)

    def settled(self) -> StackNow | None:
        """The stack once nothing is under way on it."""
        while (now := self._stacks.get(self._name)) is not None and now.in_progress:
            self._await(now, "")
        return now

    def delete(self, tags: Mapping[str, str]) -> Ended:
        """Delete it; DELETED at once when it is not there. tags: those that a stack of ours has."""
        for _ in range(_ROUNDS):
            now = self._stacks.get(self._name)
            refusal = stack_words.not_ours(now, tags)
            if refusal:
                return Ended("FAILED", refusal)
            move = stack_states.next_move(now.status if now else "", delete=True)
            if now is None or move == "nothing":
                return Ended("DELETED")
            if move == "wait":
                self._await(now, "")
                continue
            ran = self._delete(now)
            if ran is not None:
                return Ended("DELETED") if ran.status == "DELETE_COMPLETE" else Ended("FAILED", stack_words.not_deleted(ran.events))
        return Ended("FAILED", stack_words.BUSY)

    # -- moves --------------------------------------------------------------------------------------------------------
    def _put(self, wanted: Wanted, now: StackNow | None) -> Ended | None:
        """One move; None when the stack has to be looked at anew."""
        move = stack_states.next_move(now.status if now else "")
        if now is None or move == "create":
            return self._change(wanted, now)
        match move:
            case "update":
                return Ended("ACTIVE") if self._is(wanted, now) else self._change(wanted, now)
            case "wait":
                return self._await(now, wanted.digest)
            case "make anew":
                self._tell(Told(stack_words.made_anew(now.status), "warning"))
                ran = self._delete(now)
                if ran is not None and ran.status != "DELETE_COMPLETE":
                    return Ended("FAILED", stack_words.not_deleted(ran.events))
            case "continue roll back" | "roll back":
                return self._roll_back(now, move)
        return None

    def _is(self, wanted: Wanted, now: StackNow) -> bool:
        """Whether it is already what is wanted."""
        return dict(now.tags) == dict(wanted.tags) and canonical(self._stacks.template(self._name)) == canonical(wanted.template)

    def _change(self, wanted: Wanted, now: StackNow | None) -> Ended | None:
        create = now is None or now.is_empty
        name = f"cyclone-{wanted.digest}-{uuid.uuid4().hex[:8]}"
        try:
            changes = self._stacks.change_set(
                self._name, wanted.text, create=create, name=name, tags=wanted.tags, bucket=wanted.bucket
            )  # fmt: skip
            ended = self._unexecutable(changes)
            if ended is not None:
                self._stacks.discard(changes)
                return ended
            mark = self._stacks.newest_event(changes.stack_id)
            self._stacks.execute(changes, self._token(wanted.digest), keep_failed=self._keep_failed)
        except AwsError as exc:
            if self._was_overtaken(exc, now):
                return None
            raise
        ran = self._follow(changes.stack_id, mark, "create" if create else "update")
        return self._judged(ran, changes.stack_id, created=create)

    def _unexecutable(self, changes: ChangeSet) -> Ended | None:
        """How it ends where there is nothing to execute."""
        if changes.is_empty:
            return Ended("ACTIVE")
        if self._signal.cancelled.is_set():
            return Ended("CANCELLED", stack_words.NOT_BEGUN)
        return None if changes.can_execute else Ended("FAILED", stack_words.refused(self._why(changes)))

    def _why(self, changes: ChangeSet) -> str:
        """Why a change set could not be made."""
        wrong = self._invalid(changes.stack_id, changes.id) if _ASK_MORE in changes.reason else ()
        return "; ".join(f"{each.logical_id} ({each.type}): {each.reason}" for each in wrong) or changes.reason or changes.status

    def _invalid(self, stack_id: str, change_set: str = "") -> tuple[StackEvent, ...]:
        """What was found wrong before anything was changed, where that can be asked."""
        try:
            return self._stacks.invalid(stack_id, change_set)
        except AwsError:  # what CloudFormation said has to do
            return ()

    def _delete(self, now: StackNow) -> _Ran | None:
        mark = self._stacks.newest_event(now.id)
        try:
            self._stacks.delete(now.id, token=self._token("delete"))
        except AwsError as exc:
            if self._was_overtaken(exc, now):
                return None
            raise
        return self._follow(now.id, mark, "delete")

    def _roll_back(self, now: StackNow, move: Literal["continue roll back", "roll back"]) -> Ended | None:
        self._tell(Told(stack_words.taken_back_first(now.status), "warning"))
        mark = self._stacks.newest_event(now.id)
        ask = self._stacks.continue_rollback if move == "continue roll back" else self._stacks.rollback
        if not ask(self._name, token=self._token("rollback")):
            return None
        ran = self._follow(now.id, mark, "roll back")
        return None if ran.status == "UPDATE_ROLLBACK_COMPLETE" else Ended("FAILED", stack_words.still_stuck(ran.events))

    def _await(self, now: StackNow, digest: str) -> Ended | None:
        """Let what is under way end. None: look anew; else how what is wanted ended, because it was just that."""
        events = self._stacks.events(now.id, None)
        begun = _last_operation(events)
        ours = bool(digest) and bool(begun) and begun[0].token.startswith(f"cyclone-{digest}-")
        self._tell(Told(stack_words.under_way(now.status, begun, ours), "info" if ours else "warning"))
        for event in begun:
            self._tell(Told("", event=event))
        operation: Operation = "somebody's"
        if ours:
            operation = "create" if now.status.startswith("CREATE") else "update"
        mark = events[-1].id if events else None
        ran = self._follow(now.id, mark, operation)
        if not ours:
            return None
        return self._judged(_Ran(ran.status, (*begun, *ran.events)), now.id, created=operation == "create")

    def _judged(self, ran: _Ran, stack_id: str, created: bool) -> Ended:
        """How an operation that was to make what is wanted ended, after what is left to do."""
        if stack_states.is_well(ran.status):
            return Ended("ACTIVE")
        status, events = ran.status, ran.events
        if any(_ASK_MORE in event.reason for event in events):
            events = (*self._invalid(stack_id), *events)
        if created and status != "DELETE_COMPLETE" and (self._cancelling or not self._keep_failed):
            status = self._remove(stack_id)
        if self._cancelling and status in ("DELETE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"):
            return Ended("CANCELLED", stack_words.cancelled(status))
        return Ended("FAILED", stack_words.failed(events, status))

    def _remove(self, stack_id: str) -> str:
        """Delete what a failed creation left; the state in which that ends."""
        mark = self._stacks.newest_event(stack_id)
        self._stacks.delete(stack_id, token=self._token("delete"))
        return self._follow(stack_id, mark, "delete").status

    # -- following ----------------------------------------------------------------------------------------------------
    def _follow(self, stack_id: str, mark: str | None, operation: Operation) -> _Ran:
        """Tell what happens until the stack is over. mark: the last event that is known."""
        seen: tuple[StackEvent, ...] = ()
        pause, quiet, began = FIRST_PAUSE_S, 0, self._now()
        while True:
            new = self._stacks.events(stack_id, mark)
            for event in new:
                self._tell(Told("", event=event))
            seen += new
            mark = new[-1].id if new else mark
            quiet = 0 if new else quiet + 1
            if quiet >= _QUIET_LOOKS or any(_is_end(event) for event in new):
                quiet = 0
                status = self._status(stack_id)
                if stack_states.is_over(status):
                    return _Ran(status, seen)
            self._end_if_asked(stack_id, operation)
            if operation == "somebody's" and self._now() - began > self._patience_s:
                raise AwsError(stack_words.others_take_long(self._patience_s), "Busy")
            pause = FIRST_PAUSE_S if new else min(pause * GROWTH, LONGEST_PAUSE_S)
            if not self._signal.wait(pause):
                raise Left

    def _status(self, stack_id: str) -> str:
        now = self._stacks.get(stack_id)
        return now.status if now else "DELETE_COMPLETE"

    def _end_if_asked(self, stack_id: str, operation: Operation) -> None:
        """Once: creations are deleted, updates taken back where CloudFormation still can; deletions go on."""
        if self._cancelling or not self._signal.cancelled.is_set():
            return
        if operation == "somebody's":
            raise Left
        self._cancelling = True
        if operation == "update":
            self._stacks.cancel_update(self._name, token=self._token("cancel"))
        elif operation == "create":
            with suppress(AwsError):  # it is ending by itself; how, its events say
                self._stacks.delete(stack_id, token=self._token("delete"))

    def _was_overtaken(self, exc: AwsError, now: StackNow | None) -> bool:
        """Whether a request was refused because somebody else changed the stack meanwhile."""
        if exc.code not in _TOO_LATE:
            return False
        found = self._stacks.get(self._name)
        return _version(now) != _version(found)

    def _token(self, what: str) -> str:
        """Unique, because a stack may be led to the same again; its beginning says what it is for."""
        return f"cyclone-{what}-{uuid.uuid4().hex[:16]}"


def canonical(template: Mapping[str, Any]) -> str:
    """Equal for templates that are equal as JSON."""
    return json.dumps(template, sort_keys=True)


def tags_of(host: str, kind: str, name: str) -> dict[str, str]:
    """The tags of a stack of ours."""
    return {naming.TAG_HOST: host, naming.TAG_KIND: kind, naming.TAG_NAME: name}


def _version(now: StackNow | None) -> tuple[str, str, float]:
    return (now.id, now.status, now.updated) if now else ("", "", 0.0)


def _is_end(event: StackEvent) -> bool:
    return event.is_of_stack and stack_states.is_over(event.status)


def _last_operation(events: Iterable[StackEvent]) -> list[StackEvent]:
    """The events of the operation that is under way."""
    found: list[StackEvent] = []
    for event in events:
        if _is_end(event):
            found = []
        else:
            found.append(event)
    return found
