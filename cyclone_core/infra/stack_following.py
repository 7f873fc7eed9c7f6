"""Follow an operation on a stack to its end, telling what happens, and end it where somebody asks for that.

Events are looked at more rarely while nothing happens, and never more often than CloudFormation answers in one region. An operation's
`ClientRequestToken` begins with `cyclone-` and a hash of what is wanted, so whoever comes after a death recognises the operation that does
just that.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from cyclone_core.aws.stacks import StackEvent, StackNow, Stacks
from cyclone_core.errors import AwsError, CycloneError
from cyclone_core.infra import stack_states, stack_words
from cyclone_core.infra.stack_schedule import Left, Signal

FIRST_PAUSE_S, LONGEST_PAUSE_S, GROWTH = 0.2, 2.0, 1.5
"""Between two looks at a stack's events: short while something happens, longer while nothing does."""
LOOKS_PER_S = 10.0
"""At the events of all stacks of a region: DescribeStackEvents is throttled per account and region."""
_QUIET_LOOKS = 5
"""So many looks without an event, and the stack itself is asked whether it is over."""
_BEGINS_S = 30.0
"""So long an operation that was asked for may take until its first event: till then the stack is as it was before."""
Operation = Literal["create", "update", "delete", "roll back", "somebody's"]


@dataclass(frozen=True)
class Told:
    """What is told while a stack changes; a line of its own when there is no event."""

    text: str
    level: Literal["info", "warning", "error"] = "info"
    event: StackEvent | None = None


@dataclass(frozen=True)
class Ran:
    """An operation that is over."""

    status: str
    events: tuple[StackEvent, ...] = ()


class Busy(CycloneError):
    """Somebody else's operation takes longer than it is waited for."""


class Pace:
    """Room for so many looks a second, whoever looks."""

    def __init__(self, per_second: float = LOOKS_PER_S, now: Callable[[], float] = time.monotonic) -> None:
        self._apart, self._now, self._lock, self._next = 1 / per_second, now, threading.Lock(), 0.0

    def wait_s(self) -> float:
        """Seconds until it is the caller's turn; the next caller comes after that."""
        with self._lock:
            at = max(self._now(), self._next)
            self._next = at + self._apart
            return at - self._now()


class Follower:
    """Follows what happens to one stack. Its methods raise AwsError, `Left` once the thread is to leave, and `Busy`."""

    def __init__(
        self, stacks: Stacks, tell: Callable[[Told], None], signal: Signal, pace: Pace, patience_s: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """patience_s: so long an operation that somebody else began is waited for; now: seconds."""
        self._stacks, self._tell, self._signal, self._pace, self._patience_s, self._now = stacks, tell, signal, pace, patience_s, now
        self.cancelling = False
        """Whether the end of an operation was asked for."""

    def follow(self, stack_id: str, mark: str | None, operation: Operation, has_begun: bool = False) -> Ran:
        """Tell what happens until the stack is over. mark: the last known event; has_begun: whether that is one of the operation."""
        seen: tuple[StackEvent, ...] = ()
        pause, quiet, began = 0.0, 0, self._now()
        while True:
            self._wait(pause)
            new = self._stacks.events(stack_id, mark)
            for event in new:
                self._tell(Told("", event=event))
            seen += tuple(new)
            mark = new[-1].id if new else mark
            quiet = 0 if new else quiet + 1
            if quiet >= _QUIET_LOOKS or any(map(_is_end, new)):
                quiet = 0
                status = self._status(stack_id)
                late = has_begun or bool(seen) or self._now() - began > _BEGINS_S
                if status == "DELETE_COMPLETE" or (stack_states.is_over(status) and late):
                    return Ran(status, seen)
            self._end_if_asked(stack_id, operation)
            if operation == "somebody's" and self._now() - began > self._patience_s:
                raise Busy(stack_words.others_take_long(self._patience_s))
            pause = FIRST_PAUSE_S if new else min(max(pause, FIRST_PAUSE_S) * GROWTH, LONGEST_PAUSE_S)

    def catch_up(self, now: StackNow, wanted: str) -> Ran | None:
        """Follow what is under way. wanted: a hash; how its operation ended, None where something else was under way."""
        events = self._stacks.events(now.id, None)
        begun = _last_operation(events)
        ours = bool(begun) and begun[0].token.startswith(f"cyclone-{wanted}-")
        self._tell(Told(stack_words.under_way(now.status, begun, ours), "info" if ours else "warning"))
        for event in begun:
            self._tell(Told("", event=event))
        ran = self.follow(now.id, events[-1].id if events else None, _operation(now.status) if ours else "somebody's", has_begun=True)
        return Ran(ran.status, (*begun, *ran.events)) if ours else None

    def _wait(self, pause: float) -> None:
        if not self._signal.wait(pause + self._pace.wait_s()):
            raise Left

    def _status(self, stack_id: str) -> str:
        now = self._stacks.get(stack_id)
        return now.status if now else "DELETE_COMPLETE"

    def _end_if_asked(self, stack_id: str, operation: Operation) -> None:
        """Once: creations are deleted, updates taken back where CloudFormation still can; deletions go on."""
        if self.cancelling or not self._signal.cancelled.is_set():
            return
        if operation == "somebody's":
            raise Left
        self.cancelling = True
        if operation == "update":
            self._stacks.cancel_update(stack_id, token=token("cancel"))
        elif operation == "create":
            with suppress(AwsError):  # it is ending by itself; how, its events say
                self._stacks.delete(stack_id, token=token("delete"))


def token(what: str) -> str:
    """Of an operation: unique, because a stack may be led to the same again; its beginning says what it is for."""
    return f"cyclone-{what}-{uuid.uuid4().hex[:16]}"


def _operation(status: str) -> Operation:
    if "ROLLBACK" in status:
        return "roll back"
    return "create" if status.startswith("CREATE") else "delete" if status.startswith("DELETE") else "update"


def _is_end(event: StackEvent) -> bool:
    return event.is_of_stack and stack_states.is_over(event.status)


def _last_operation(events: Iterable[StackEvent]) -> list[StackEvent]:
    """The events of the operation that is under way."""
    found: list[StackEvent] = []
    for event in events:
        found = [] if _is_end(event) else [*found, event]
    return found
