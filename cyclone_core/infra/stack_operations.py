"""One stack, led from whatever state it is in to what is wanted of it.

Nothing is remembered between two runs: the state of the stack, its template and its events say what there is to do. What an earlier run
began is followed to its end. What others began is waited for, and then everything is looked at anew.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cyclone_core import naming
from cyclone_core.aws.change_sets import ChangeSet
from cyclone_core.aws.stacks import StackEvent, StackNow, Stacks
from cyclone_core.errors import AccessDenied, AwsError
from cyclone_core.infra import stack_cleanup, stack_states, stack_words
from cyclone_core.infra.events import Phase
from cyclone_core.infra.stack_following import Follower, Ran, Told, token
from cyclone_core.infra.stack_schedule import Signal

_ROUNDS = 8
"""So often a stack is looked at anew because somebody else changed it meanwhile."""
_TOO_LATE = (
    "AlreadyExistsException", "ChangeSetNotFound", "ChangeSetNotFoundException", "InvalidChangeSetStatus",
    "InvalidChangeSetStatusException", "OperationInProgressException", "ValidationError",
)  # fmt: skip
"""Codes of requests that may have come too late: the stack is in another state by then."""
_ASK_MORE = "DescribeEvents"
"""In reasons that only say where the reasons are."""


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


class StackRun:
    """One stack's turn. Every method raises AwsError, `Left` once the thread is to leave, and `Busy` when others take too long."""

    def __init__(
        self, stacks: Stacks, name: str, follower: Follower, signal: Signal, tell: Callable[[Told], None], *, keep_failed: bool,
        revert_drift: bool = False,
    ) -> None:  # fmt: skip
        """revert_drift: what others changed beside CloudFormation is put back, also where the template is as wanted."""
        self._stacks, self._name, self._follower, self._signal, self._tell = stacks, name, follower, signal, tell
        self._keep_failed, self._revert_drift = keep_failed, revert_drift

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
            self._follower.catch_up(now, "delete")
        return now

    def steady(self, tags: Mapping[str, str]) -> StackNow | Ended | None:
        """The stack once it is as its template says: nothing is under way, a change that failed half-way is taken back. Or why it is not.

        tags: those that a stack of ours has.
        """
        for _ in range(_ROUNDS):
            now = self.settled()
            if refusal := stack_words.not_ours(now, tags):
                return Ended("FAILED", refusal)
            move = stack_states.next_move(now.status if now else "")
            if now is None or move not in ("roll back", "continue roll back"):
                return now
            if (ended := self._roll_back(now, is_stuck=move == "continue roll back")) is not None:
                return ended
        return Ended("FAILED", stack_words.BUSY)

    def delete(self, tags: Mapping[str, str]) -> Ended:
        """Delete it; DELETED at once when it is not there. tags: those that a stack of ours has."""
        for _ in range(_ROUNDS):
            now = self.settled()
            refusal = stack_words.not_ours(now, tags)
            if refusal:
                return Ended("FAILED", refusal)
            if now is None or now.is_deleted:
                return Ended("DELETED")
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
                return Ended("ACTIVE") if self._is(wanted, now) and not self._revert_drift else self._change(wanted, now)
            case "wait":
                ran = self._follower.catch_up(now, wanted.digest)
                forward = ran is not None and "ROLLBACK" not in now.status  # else it failed before: there is another try
                return self._judged(ran, now.id, now.status.startswith("CREATE")) if ran is not None and forward else None
            case "make anew":
                return self._clear(now)
        return self._roll_back(now, is_stuck=move == "continue roll back")

    def _is(self, wanted: Wanted, now: StackNow) -> bool:
        """Whether it is already what is wanted."""
        return dict(now.tags) == dict(wanted.tags) and canonical(self._stacks.template(self._name)) == canonical(wanted.template)

    def _change(self, wanted: Wanted, now: StackNow | None) -> Ended | None:
        create = now is None or now.is_empty
        name = f"cyclone-{wanted.digest}-{uuid.uuid4().hex[:8]}"
        try:
            changes = self._stacks.change_set(
                self._name, wanted.text, create=create, name=name, tags=wanted.tags, bucket=wanted.bucket,
                revert_drift=self._revert_drift,
            )  # fmt: skip
            ended = self._unexecutable(changes)
            if ended is not None:
                self._stacks.discard(changes)
                return ended
            mark = self._stacks.newest_event(changes.stack_id)
            self._stacks.execute(changes, token(wanted.digest), keep_failed=self._can_be_kept(changes))
        except AwsError as exc:
            if self._was_overtaken(exc, now):
                return None
            raise
        ran = self._follower.follow(changes.stack_id, mark, "create" if create else "update")
        return self._judged(ran, changes.stack_id, created=create)

    def _can_be_kept(self, changes: ChangeSet) -> bool:
        """Whether a failure is to stay as it is: CloudFormation makes nothing anew where it may not take that back."""
        anew = any(change.action in ("replace", "maybe-replace") for change in changes.changes)
        if self._keep_failed and anew:
            self._tell(Told(stack_words.CANNOT_BE_KEPT, "warning"))
        return self._keep_failed and not anew

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

    def _clear(self, now: StackNow) -> Ended | None:
        """Delete a stack that can only be deleted; None when that is done."""
        self._tell(Told(stack_words.made_anew(now.status), "warning"))
        self._take_back(now.id, now.status)
        ran = self._delete(now)
        return None if ran is None or ran.status == "DELETE_COMPLETE" else Ended("FAILED", stack_words.not_deleted(ran.events))

    def _take_back(self, stack_id: str, status: str) -> None:
        """Before a creation that failed is deleted: its deletion would leave what is retained later, and the names of that are needed."""
        if status != "CREATE_FAILED":
            return
        mark = self._stacks.newest_event(stack_id)
        try:
            begun = self._stacks.rollback(stack_id, token=token("rollback"))
        except AwsError:  # the deletion is tried all the same, and says what there is to say
            return
        if begun:
            self._follower.follow(stack_id, mark, "roll back")

    def _delete(self, now: StackNow) -> Ran | None:
        """None when somebody else was faster."""
        mark = self._stacks.newest_event(now.id)
        try:
            self._stacks.delete(now.id, token=token("delete"))
        except AwsError as exc:
            if self._was_overtaken(exc, now):
                return None
            raise
        return self._follower.follow(now.id, mark, "delete")

    def _roll_back(self, now: StackNow, is_stuck: bool) -> Ended | None:
        """Take an earlier change back; None when that is done, or somebody else was faster."""
        self._tell(Told(stack_words.taken_back_first(now.status), "warning"))
        mark = self._stacks.newest_event(now.id)
        ask = self._stacks.continue_rollback if is_stuck else self._stacks.rollback
        if not ask(self._name, token=token("rollback")):
            return None
        ran = self._follower.follow(now.id, mark, "roll back")
        return None if ran.status == "UPDATE_ROLLBACK_COMPLETE" else Ended("FAILED", stack_words.still_stuck(ran.events))

    # -- ends ---------------------------------------------------------------------------------------------------------
    def _judged(self, ran: Ran, stack_id: str, created: bool) -> Ended:
        """How an operation that was to make what is wanted ended, after what is left to do."""
        if stack_states.is_well(ran.status):
            return Ended("ACTIVE")
        status, events, cancelling = ran.status, ran.events, self._follower.cancelling
        if any(_ASK_MORE in event.reason for event in events):
            events = (*self._invalid(stack_id), *events)
        if created and status != "DELETE_COMPLETE" and (cancelling or not self._keep_failed):
            status = self._remove(stack_id, status)
        if created and cancelling and status == "DELETE_COMPLETE":
            stack_cleanup.delete_skipped(self._stacks.account, self._stacks.region, events)
        if cancelling and status in ("DELETE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"):
            return Ended("CANCELLED", stack_words.cancelled(status))
        return Ended("FAILED", stack_words.failed(events, status))

    def _remove(self, stack_id: str, status: str) -> str:
        """Delete what a failed creation left; the state in which that ends."""
        try:
            self._take_back(stack_id, status)
            mark = self._stacks.newest_event(stack_id)
            self._stacks.delete(stack_id, token=token("delete"))
        except AccessDenied:  # why it failed is more important; the next deployment says that this is not allowed
            return status
        return self._follower.follow(stack_id, mark, "delete").status

    def _was_overtaken(self, exc: AwsError, now: StackNow | None) -> bool:
        """Whether a request was refused because somebody else changed the stack meanwhile."""
        if exc.code not in _TOO_LATE:
            return False
        found = self._stacks.get(self._name)
        return _version(now) != _version(found)


def canonical(template: Mapping[str, Any]) -> str:
    """Equal for templates that are equal as JSON."""
    return json.dumps(template, sort_keys=True)


def tags_of(host: str, kind: str, name: str) -> dict[str, str]:
    """The tags of a stack of ours."""
    return {naming.TAG_HOST: host, naming.TAG_KIND: kind, naming.TAG_NAME: name}


def _version(now: StackNow | None) -> tuple[str, str, float]:
    return (now.id, now.status, now.updated) if now else ("", "", 0.0)
