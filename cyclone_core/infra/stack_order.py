"""Which stacks of a plan wait for which others: as many as possible at once, and no more order than what they need from each other.

Pure. One change of a plan is one stack, and so one step; `Target.after` says what a stack needs.

* A stack is made after those that it needs, and deleted before them.
* A stack that something stops using is deleted after what used it has changed.
* A peering connection belongs to a region's stack, and the routes through it to the peering's: they go before the region changes.
* Nothing is made in a region before its bootstrap, and no cluster before the copy of the machine image that it is made from; a copy goes
  after all clusters of its region have changed.
* The host itself goes last: as long as something of it is there, it is known, and deleting it can go on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cyclone_core.infra import bootstrap, machine_images
from cyclone_core.infra.plan import Bodies, Change, Plan
from cyclone_core.infra.targets import Key, Place, Target, targets

BODY_KINDS = ("host", "region", "cluster", "definition", "queue")
"""Kinds of changes whose body is a resource's; a hub's is its region's, a peering has none of its own."""


@dataclass(frozen=True)
class Step:
    """One stack's turn."""

    change: Change
    key: Key
    """region and stack"""
    target: Target | None
    """What it is to be; None when it is deleted, and for a bootstrap."""
    after: frozenset[Key]
    """Steps that have to end well before it begins."""

    @property
    def deletes(self) -> bool:
        """Whether the stack goes."""
        return self.change.action == "delete"


def desired(place: Place, recorded: Bodies, plan: Plan) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The resources as they are once the plan is true."""
    result = {kind: dict(bodies) for kind, bodies in recorded.items()}
    for change in plan.changes:
        if change.action != "delete" and change.kind in BODY_KINDS and change.body is not None:
            result.setdefault(change.kind, {})[change.name] = change.body
        elif change.action == "delete" and _is_resource(place, change):
            result.get(_resource_kind(change), {}).pop(change.name, None)
    return result


def steps(place: Place, recorded: Bodies, plan: Plan) -> list[Step]:
    """A step for each change, in an order in which they could be made one by one.

    A change that makes a stack which the resources do not want has no target; `StackDeployer` refuses it.
    """
    new = {_of(target): target for target in targets(place, desired(place, recorded, plan))}
    old = {_of(target): target for target in targets(place, _before(recorded, plan))}
    found = [_bare(place, change, new, old) for change in plan.changes]
    by_key = {step.key: step for step in found}
    return _sorted([_with_order(step, by_key, new, old) for step in found])


def blocked(ended_badly: Key, waiting: Sequence[Step]) -> list[Step]:
    """Steps that cannot be done because one was not, directly or through others."""
    bad, found = {ended_badly}, list[Step]()
    for step in waiting:  # in order: what a step needs comes before it
        if step.after & bad:
            bad.add(step.key)
            found.append(step)
    return found


_Name = tuple[str, str, str]


def _of(thing: Target | Change) -> _Name:
    return thing.region, thing.kind, thing.name


def _is_resource(place: Place, change: Change) -> bool:
    """Whether a deleted stack takes its resource along: a cluster goes on elsewhere when it leaves one region."""
    if change.kind in ("region", "hub"):
        return True
    return change.kind in BODY_KINDS and change.region == place.main_region


def _resource_kind(change: Change) -> str:
    return "region" if change.kind == "hub" else change.kind


def _before(recorded: Bodies, plan: Plan) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The resources as they were: what is recorded, and what was when the plan was made (its record may be gone by now)."""
    result = {kind: dict(bodies) for kind, bodies in recorded.items()}
    for change in plan.changes:
        if change.before is not None and change.kind in (*BODY_KINDS, "hub"):
            result.setdefault(_resource_kind(change), {}).setdefault(change.name, change.before)
    return result


def _bare(place: Place, change: Change, new: Mapping[_Name, Target], old: Mapping[_Name, Target]) -> Step:
    if change.kind == "bootstrap":
        return Step(change, (change.region or change.name, bootstrap.STACK), None, frozenset())
    if change.kind == machine_images.KIND:
        return Step(change, (change.region, machine_images.step(machine_images.body_of(change)["source"])), None, frozenset())
    made = None if change.action == "delete" else new.get(_of(change))
    known = made or old.get(_of(change)) or Target(place, change.region, change.kind, change.name, {})
    return Step(change, known.key, made, frozenset())


def _with_order(step: Step, by_key: Mapping[Key, Step], new: Mapping[_Name, Target], old: Mapping[_Name, Target]) -> Step:
    waits = _waits(step, by_key, new, old)
    return Step(step.change, step.key, step.target, frozenset(key for key in waits if key in by_key and key != step.key))


def _waits(step: Step, by_key: Mapping[Key, Step], new: Mapping[_Name, Target], old: Mapping[_Name, Target]) -> Iterator[Key]:
    if step.change.kind == machine_images.KIND:
        if step.deletes:  # when nothing starts instances from it any more
            yield from (other.key for other in by_key.values() if other.change.kind == "cluster" and other.key[0] == step.key[0])
        return
    if not step.deletes:
        if step.target and (image := machine_images.needs(step.target)):
            yield step.key[0], image
        yield from (key for key in (step.target.after if step.target else ()) if not _goes(by_key.get(key)))
        if step.change.kind != "bootstrap":
            yield step.key[0], bootstrap.STACK
        yield from (
            other.key for other in by_key.values() if other.deletes and _used(other, step.key, old) and other.change.kind == "peering"
        )
        return
    for other in by_key.values():
        stops = not other.deletes and step.key not in (other.target.after if other.target else ())
        if (other.deletes or stops) and _used(other, step.key, old):
            yield other.key
        if step.change.kind == "host" and other.deletes:
            yield other.key


def _goes(step: Step | None) -> bool:
    return step is not None and step.deletes


def _used(step: Step, key: Key, old: Mapping[_Name, Target]) -> bool:
    """Whether a step's stack needed another one before the plan."""
    before = old.get(_of(step.change))
    return before is not None and key in before.after


def _sorted(found: list[Step]) -> list[Step]:
    """What others wait for first, else as in the plan."""
    result, left = list[Step](), list(found)
    done: set[Key] = set()
    while left:
        ready = [step for step in left if step.after <= done]
        if not ready:
            names = ", ".join(sorted(step.key[1] for step in left))
            raise ValueError(f"stacks wait for each other: {names}")
        result += ready
        done |= {step.key for step in ready}
        left = [step for step in left if step.key not in done]
    return result
