"""Beginning and applying a recorded plan: no two deployments change one resource at a time, every event is on disk before anybody hears
of it, and the record says how it ended whatever happens.

What applies the plan is an `Applier`, one per type of host. This module knows neither hosts nor what their changes mean; it decides how a
deployment ended from the events alone.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from cyclone_core.errors import CycloneError, InvalidRequest
from cyclone_core.infra import deployment_record
from cyclone_core.infra.containers import Stop
from cyclone_core.infra.deployment_record import End, Holder, Order, Record, State
from cyclone_core.infra.events import OVER, Event, Phase
from cyclone_core.infra.plan import Change, Plan
from cyclone_core.problems import Problem
from cyclone_core.scheduler.references import PLURALS

Key = tuple[str, str, str]
"""(region, kind, name): one resource."""


_UNDONE = "not everything was done"
_RETRY = "hyper deployments retry NUMBER"
"""What appliers say for the command that does the rest."""


class Applier(Protocol):
    """What makes plans true on one type of host."""

    def apply(self, plan: Plan, stop: Stop) -> Iterator[Event]:
        """Make the changes; yields what happens, for each change an event that begins it and one whose phase is in `events.OVER`.

        Ends after a FAILED or CANCELLED event, and soon after `stop` has become true: with the change that is under way, which is ended
        where that is safe. A plan may be applied again after a death at any moment. Raises CycloneError for what is no fault of a
        single change: what came before stays.
        """
        ...


def begin(root: str, order: Order) -> Holder:
    """Record a new deployment, held by this process. root: the host's directory of deployments.

    Raises InvalidRequest while another deployment changes one of its resources, StateUnusable where nothing can be recorded.
    """
    with deployment_record.beginning(root):
        wanted = {key_of(change) for change in order.plan.changes}
        found = [problem for record in deployment_record.running(root) for problem in _conflicts(record, wanted)]
        if found:
            raise InvalidRequest(found)
        return deployment_record.create(root, order)


def _conflicts(record: Record, wanted: set[Key]) -> list[Problem]:
    order, number = record.order(), record.number
    since = time.strftime("%H:%M", time.localtime(order.at))
    return [
        Problem(
            f"{PLURALS.get(change.kind, change.kind)}[{change.name}]",
            f"deployment {number} is changing it (begun {since} by {order.by})",
            f"Follow it: hyper deployments show {number} --follow, or end it: hyper deployments cancel {number}",
        )
        for change in order.plan.changes
        if key_of(change) in wanted
    ]


def run(holder: Holder, applier: Applier, clock: Callable[[], float] = time.time) -> Iterator[Event]:
    """Apply a recorded plan, then let go of the deployment. Raises what the applier raises, after it was recorded too.

    clock: seconds since 1970.
    """
    record, phases = holder.record, dict[Key, Phase]()
    order = record.order()
    plan = order.plan
    state: State = "FAILED"
    reason = ""
    try:
        for event in applier.apply(plan, lambda: bool(record.cancelled_by())):
            event = _numbered(event, record.number)
            if not event.part:  # how a part of it ended does not say how it ends
                phases[key_of(event)] = event.phase if event.phase != "LOG" else phases.get(key_of(event), "LOG")
            record.append(event)
            reason = event.text if event.phase == "FAILED" and not event.part else reason
            yield event
        state, reason = _outcome(plan, phases, reason, record)
    except CycloneError as exc:
        reason = str(exc)
        change = _under_way(plan, phases)
        if change is not None:
            record.append(Event(clock(), change.kind, change.name, "FAILED", reason, "error", change.region))
        raise
    except (KeyboardInterrupt, GeneratorExit):
        state, reason = _outcome(plan, phases, reason, record)  # whoever listened may have left after what mattered
        if reason == _UNDONE:
            state, reason = "CANCELLED", "its process was told to end"
        raise
    except BaseException as exc:
        reason = f"unexpected {type(exc).__name__}: {exc}"
        raise
    finally:
        try:
            record.finish(End(state, clock(), reason))
            if state == "SUCCEEDED" and order.mode == "roll-back" and order.of is not None:
                _mark(Record(record.root, order.of), record.number, clock())
        finally:
            holder.release()


def _numbered(event: Event, number: int) -> Event:
    """With the number of its deployment where a text tells how to go on: an applier does not know it."""
    return replace(event, text=event.text.replace(_RETRY, f"{_RETRY[:-6]}{number}")) if _RETRY in event.text else event


def _mark(record: Record, by: int, now: float) -> None:
    """Say of a deployment that another one took it back; when it ended stays."""
    end = record.end()
    record.finish(End("ROLLED_BACK", end.at if end else now, end.reason if end else "", by))


def key_of(thing: Event | Change) -> Key:
    """The resource that an event or a change is about."""
    return thing.region, thing.kind, thing.name


def _outcome(plan: Plan, phases: dict[Key, Phase], reason: str, record: Record) -> tuple[State, str]:
    if "FAILED" in phases.values():
        return "FAILED", reason
    if all(phases.get(key_of(change)) in ("ACTIVE", "DELETED") for change in plan.changes):
        return "SUCCEEDED", ""
    by = record.cancelled_by()
    return ("CANCELLED", f"cancelled by {by}") if by else ("FAILED", _UNDONE)


def _under_way(plan: Plan, phases: dict[Key, Phase]) -> Change | None:
    """The change that was being made, else the one that came next."""
    return next((change for change in plan.changes if phases.get(key_of(change)) not in OVER), None)
