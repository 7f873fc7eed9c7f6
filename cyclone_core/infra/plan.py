"""What has to change to get from the resources that are there to those that are wanted: a value, before anything is done.

Pure. Resources are bodies by kind and name (`resource_bodies`); this module does not know what their fields mean.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cyclone_core.scheduler.references import KINDS

Bodies = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""kind -> name -> body"""
Action = Literal["create", "change", "replace", "delete"]
"""What happens to one resource; replace: it is made anew, because a field changed that cannot be changed in place."""


@dataclass(frozen=True)
class FieldChange:
    """One field that differs; None = it is not there."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Change:
    """What happens to one resource."""

    action: Action
    kind: str
    name: str
    fields: tuple[FieldChange, ...] = ()
    body: Mapping[str, Any] | None = None
    """What it will be, None when it is deleted."""
    before: Mapping[str, Any] | None = None
    """What it was when the plan was made, None when there was none: what a roll back leads to."""
    region: str = ""
    """Where; "" on hosts that have one place only."""


@dataclass(frozen=True)
class Plan:
    """Changes in an order in which each can be made: what is referred to comes first, and goes last."""

    changes: tuple[Change, ...] = ()
    keep_failed: bool = False
    """Leave what failed as it is, to look at it, instead of rolling it back (AWS hosts)."""
    keep_data: bool = False
    """With a host that is deleted, keep its jobs and outputs (AWS hosts)."""
    revert_drift: bool = False
    """Put back what somebody changed beside Cyclone (AWS hosts)."""

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.changes)


def make(current: Bodies, desired: Bodies, replaces: Callable[[str, str], bool] = lambda kind, field: False) -> Plan:
    """The changes that lead from `current` to `desired`; resources that are only in `current` are deleted.

    replaces: (kind, field) -> whether a change of this field needs a new resource.
    """
    puts = [
        change
        for kind in KINDS
        for name, body in sorted(desired.get(kind, {}).items())
        if (change := _put(kind, name, current.get(kind, {}).get(name), body, replaces)) is not None
    ]
    deletes = [
        Change("delete", kind, name, differences(body, {}), None, body)
        for kind in reversed(KINDS)
        for name, body in sorted(current.get(kind, {}).items())
        if name not in desired.get(kind, {})
    ]
    return Plan((*puts, *deletes))


def applied(plan: Plan, current: Bodies) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The resources after a plan: what `infra.local` leads to when nothing fails."""
    result = {kind: dict(bodies) for kind, bodies in current.items()}
    for change in plan.changes:
        if change.body is None:
            result.get(change.kind, {}).pop(change.name, None)
        else:
            result.setdefault(change.kind, {})[change.name] = change.body
    return result


def with_body(current: Bodies, kind: str, body: Mapping[str, Any]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """`current` with one resource stored: the desired state of a single change."""
    return {**{k: dict(bodies) for k, bodies in current.items()}, kind: {**current.get(kind, {}), str(body["name"]): body}}


def without(current: Bodies, kind: str, name: str) -> dict[str, dict[str, Mapping[str, Any]]]:
    """`current` without one resource."""
    return {k: {n: body for n, body in bodies.items() if (k, n) != (kind, name)} for k, bodies in current.items()}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Fields that differ, in the order in which they are declared."""
    names = dict.fromkeys((*after, *before))
    return tuple(FieldChange(name, before.get(name), after.get(name)) for name in names if not _same(before.get(name), after.get(name)))


def _put(
    kind: str, name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any], replaces: Callable[[str, str], bool]
) -> Change | None:
    if before is None:
        return Change("create", kind, name, differences({}, after), after)
    fields = differences(before, after)
    if not fields and before.keys() == after.keys():
        return None
    action: Action = "replace" if any(replaces(kind, change.field) for change in fields) else "change"
    return Change(action, kind, name, fields, after, before)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 and True differ there, 1 and 1.0 do not."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
