"""From the resources that are wanted to a plan of stacks, with what happens to every resource in them. Nothing is changed.

Only stacks that the change may touch are looked at: those whose target is another one than before, and those of the resources that somebody
asked about. A stack whose template is what is wanted needs nothing; for one that differs CloudFormation works out a change set, which is
read and forgotten again. Regions and stacks are looked at at once.
"""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cyclone_core.errors import CycloneError
from cyclone_core.infra import bootstrap, draining, image_plans, machine_images, permissions, stack_notes, stack_states
from cyclone_core.infra.deployed_stacks import THREADS, Deployed, Look, stacks_in
from cyclone_core.infra.draining import Working
from cyclone_core.infra.machine_images import ImageChange
from cyclone_core.infra.plan import Bodies, Change, Plan, differences
from cyclone_core.infra.stack_plans import Details, ResourceChange, StackChange
from cyclone_core.infra.targets import Place, Target, resource_of, targets
from cyclone_core.problems import Problem

if TYPE_CHECKING:
    from cyclone_core.aws.account import Account
    from cyclone_core.aws.stacks import Stacks
    from cyclone_core.infra.synth import Synthesizer, Template

Resource = tuple[str, str]
"""(kind, name)"""
_RETAINED = ("Retain", "RetainExceptOnCreate")


@dataclass(frozen=True)
class Planned:
    """A plan of stacks, what it means for the resources in them, and what stands against it."""

    plan: Plan
    details: Details
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class _Step:
    """A stack of the plan with what happens in it."""

    change: Change
    stack: StackChange
    template: "Template | None" = None
    problem: Problem | None = None


def plan(
    account: "Account",
    place: Place,
    seen: Look,
    desired: Bodies,
    synthesizer: "Synthesizer",
    *,
    touched: Collection[Resource] = (),
    whole: bool = False,
    workers: Working = lambda *_: {},
    revert_drift: bool = False,
) -> Planned:
    """What leads from what was seen to the desired resources.

    touched: resources whose stacks are compared although their bodies may be what is wanted; whole: all are, and stacks of the host that
    nobody wants are deleted; workers: those that run now, of whom it is told what becomes of them; revert_drift: what others changed in
    these stacks is put back. Raises AwsError, MissingExtra, and CycloneError when a template cannot be made.
    """
    return _Planner(account, place, seen, desired, synthesizer, frozenset(touched), whole, workers, revert_drift).plan()


def choose(
    place: Place, known: Bodies, desired: Bodies, stacks: Iterable[Deployed], touched: Collection[Resource] = (), whole: bool = False
) -> tuple[list[Target], list[Deployed]]:
    """(stacks to make or compare in an order in which they can be made, stacks to delete in an order in which they can go). Pure.

    known: the bodies that somebody wanted before; stacks: those that are there. See `plan` for the rest.
    """
    old = {target.key: target for target in targets(place, known)}
    new = {target.key: target for target in targets(place, desired)}

    def is_compared(target: Target) -> bool:
        before = old.get(target.key)
        is_asked = whole or resource_of(target.kind, target.name) in touched
        return is_asked or before is None or before.digest() != target.digest()

    def goes(stack: Deployed) -> bool:
        if stack.key in new or not stack.is_there:
            return False
        is_asked = whole or stack.resource in touched or ("region", stack.region) in touched
        return is_asked or stack.key in old or not desired.get("host")

    order = {key: number for number, key in enumerate(old)}
    gone = sorted(filter(goes, stacks), key=lambda stack: -order.get(stack.key, len(order)))  # what needs others before them
    return [target for target in new.values() if is_compared(target)], gone


class _Planner:
    """One plan in the making."""

    def __init__(
        self, account: "Account", place: Place, seen: Look, desired: Bodies, synthesizer: "Synthesizer", touched: frozenset[Resource],
        whole: bool, workers: Working, revert_drift: bool,
    ) -> None:  # fmt: skip
        self._account, self._place, self._seen, self._desired = account, place, seen, desired
        self._synthesizer, self._touched, self._whole, self._workers = synthesizer, touched, whole, workers
        self._revert_drift = revert_drift
        self._stacks: dict[str, Stacks] = {}
        self._unknown: set[tuple[str, str]] = set()
        """(region, source) of copies of machine images whose ids are not known yet"""

    def plan(self) -> Planned:
        """As the function says."""
        with ThreadPoolExecutor(THREADS) as pool:
            there = {stack.key: stack for stack in self._deployed(pool)}
            puts, gone = choose(self._place, self._seen.known, self._desired, there.values(), self._touched, self._whole)
            templates = self._synthesizer.templates(puts) if puts else {}
            images = self._images({target.name for target in puts if target.kind == "cluster"})
            self._unknown = {(image.region, image.source) for image in images if image.action == "copy"}
            made = list(pool.map(lambda target: self._noted(target, templates[target.key], there.get(target.key)), puts))
            deleted = list(pool.map(self._delete, gone))
            steps = [step for step in (*made, *deleted) if step is not None]
            bare = self._without_bootstrap(pool, [step for step in steps if step.change.action != "delete"])
        lacking, unchecked = self._lacking(steps, bare) if steps else ((), "")
        changes = (*(_bootstrap(region) for region in bare), *map(machine_images.as_change, images), *(step.change for step in steps))
        details = Details(tuple(step.stack for step in steps), lacking, unchecked, bare, tuple(images))
        return Planned(Plan(changes, revert_drift=self._revert_drift), details, tuple(step.problem for step in steps if step.problem))

    # -- which stacks -------------------------------------------------------------------------------------------------
    def _deployed(self, pool: ThreadPoolExecutor) -> Iterator[Deployed]:
        """The stacks that were seen, and those of regions that nobody has looked into yet."""
        looked = {self._place.main_region, *self._seen.known.get("region", {}), *(stack.region for stack in self._seen.stacks)}
        yield from self._seen.stacks
        wanted = {*self._desired.get("region", {}), *(name for kind, name in self._touched if kind == "region")}
        for found in pool.map(lambda region: stacks_in(self._account, self._place.host, region), sorted(wanted - looked)):
            yield from found

    def _images(self, changed: set[str]) -> list[ImageChange]:
        """Copies of machine images that these clusters need, and those that nobody uses any more."""
        kinds = {kind for kind, _ in self._touched}
        cleans = self._whole or not self._desired.get("host") or bool(kinds & {"cluster", "region", "host"})
        regions = {self._place.main_region, *self._seen.known.get("region", {}), *self._desired.get("region", {})}
        clusters = None if self._whole else changed
        return image_plans.plan(self._account, self._place, self._desired, regions, clusters, cleans)

    # -- one stack ----------------------------------------------------------------------------------------------------
    def _noted(self, target: Target, template: "Template", there: Deployed | None) -> _Step | None:
        """What happens to a stack that is wanted, with what should be known of it."""
        step = self._put(target, template, there)
        notes = [step.stack.note, stack_notes.note(target, self._desired)] if step else []
        return replace(step, stack=replace(step.stack, note="; ".join(filter(None, notes)))) if step else None

    def _put(self, target: Target, template: "Template", there: Deployed | None) -> _Step | None:
        """What happens to a stack that is wanted; None when it is as it should be."""
        from cyclone_core.infra.template_limits import over_limits

        status = there.status if there is not None and there.is_there else ""
        move = stack_states.next_move(status)
        if (problem := over_limits(template)) is not None:
            action = "change" if status else "create"
            return _Step(self._as_change(target, action), _stack_change(target, action), template, problem)
        if move == "create":
            return self._create(target, template, self._taken(target) if there is None else None)
        if move == "make anew":
            note = f"it was left {status}: it is deleted first"
            return self._create(target, template, None, note)
        if move == "update" and self._is_of_a_namesake(target):
            message = (
                f"there is a stack {target.stack} in {target.region} already, of another host {self._place.host} with another main region"
            )
            problem = Problem(f"regions[{target.name}]", message, "Delete that host there first, or choose another name or region")
            return self._create(target, template, problem)
        deployed = self._of(target.region).template(target.stack)
        if _canonical(deployed) == _canonical(template.body) and move == "update" and not self._revert_drift:
            return None
        if move == "update":
            return self._change(target, template, deployed)
        note = {"wait": f"it is {status} now: that is waited for"}.get(move, f"it was left {status}: its earlier state is restored first")
        action = "create" if status == "CREATE_IN_PROGRESS" else "change"
        return _Step(self._as_change(target, action), _stack_change(target, action, note=note), template)

    def _create(self, target: Target, template: "Template", problem: Problem | None, note: str = "") -> _Step:
        entries = template.body.get("Resources", {}).items()
        resources = tuple(ResourceChange("create", name, str(entry.get("Type", ""))) for name, entry in entries)
        return _Step(self._as_change(target, "create"), _stack_change(target, "create", resources, note), template, problem)

    def _taken(self, target: Target) -> Problem | None:
        """A stack of that name that is not ours."""
        now = self._of(target.region).get(target.stack)
        if now is None or now.is_deleted or now.is_empty:
            return None
        message = f"there is a stack {target.stack} in {target.region} already that does not belong to it ({now.status})"
        return Problem(f"{target.kind}s[{target.name}]", message, "Delete that stack, or choose another name")

    def _is_of_a_namesake(self, target: Target) -> bool:
        """Whether a network that is there belongs to a host of the same name: a region of ours is recorded before its network is made."""
        return target.kind == "region" and target.region not in self._seen.recorded.get("region", {})

    def _change(self, target: Target, template: "Template", deployed: Mapping[str, Any]) -> _Step | None:
        """What CloudFormation says that a changed template does."""
        stacks = self._of(target.region)
        found = stacks.change_set(
            target.stack, self._readable(target.region, template), create=False,
            name=f"cyclone-plan-{uuid.uuid4().hex[:12]}", tags=target.tags,
            bucket=bootstrap.bucket(self._place.account, target.region), revert_drift=self._revert_drift,
        )  # fmt: skip
        stacks.discard(found)
        if found.is_empty:
            return None
        kept = draining.in_place(template.body)
        resources = tuple(_known(ResourceChange(**vars(change)), kept) for change in found.changes)
        action = "replace" if any(change.action == "replace" for change in resources) else "change"
        problem = None
        if found.status == "FAILED":
            problem = Problem(f"{target.kind}s[{target.name}]", f"CloudFormation refuses the change in {target.region}: {found.reason}")
        note = self._of_workers(target, template, deployed, resources) if target.kind == "cluster" else ""
        return _Step(self._as_change(target, action), _stack_change(target, action, resources, note), template, problem)

    def _readable(self, region: str, template: "Template") -> str:
        """A template for a change set that nobody executes: the id of a copy that is not there yet is that of its source."""
        text = template.text
        for where, source in self._unknown:
            if where == region:
                text = text.replace(machine_images.reference(self._place.host, machine_images.copy_of(source)), source)
        return text

    def _of_workers(
        self, target: Target, template: "Template", deployed: Mapping[str, Any], resources: Sequence[ResourceChange]
    ) -> str:  # fmt: skip
        """What becomes of the workers that run there."""
        if not draining.concerns_workers(deployed, template.body, resources):
            return ""
        try:
            return draining.note(deployed, template.body, resources, self._workers(target.name, target.region))
        except CycloneError as exc:
            return f"how many workers run there could not be looked at: {exc}"

    def _delete(self, stack: Deployed) -> _Step:
        stacks = self._of(stack.region)
        kept = {
            name for name, entry in stacks.template(stack.stack).get("Resources", {}).items() if entry.get("DeletionPolicy") in _RETAINED
        }
        resources = tuple(
            ResourceChange("retain" if found.logical_id in kept else "delete", found.logical_id, found.type, found.physical_id)
            for found in stacks.resources(stack.stack)
            if not found.status.startswith("DELETE_COMPLETE")
        )
        kind, name = stack.resource or (stack.kind, stack.name)
        body = self._desired.get(kind, {}).get(name)
        before = self._seen.recorded.get(kind, {}).get(name)
        change = Change("delete", stack.kind, stack.name, differences(before or {}, body or {}), body, before, stack.region)
        return _Step(change, StackChange("delete", stack.region, stack.stack, stack.kind, stack.name, resources))

    def _as_change(self, target: Target, action: Any) -> Change:
        kind, name = resource_of(target.kind, target.name) or (target.kind, target.name)
        body = self._desired.get(kind, {})[name]
        before = self._seen.recorded.get(kind, {}).get(name)
        return Change(action, target.kind, target.name, differences(before or {}, body), body, before, target.region)

    def _of(self, region: str) -> "Stacks":
        from cyclone_core.aws.stacks import Stacks

        return self._stacks.setdefault(region, Stacks(self._account, region))

    # -- around them --------------------------------------------------------------------------------------------------
    def _without_bootstrap(self, pool: ThreadPoolExecutor, steps: list[_Step]) -> tuple[str, ...]:
        """Regions that need the bucket of assets first: for files beside a template, or for one that is too long to be sent."""
        from cyclone_core.aws import storage
        from cyclone_core.aws.stacks import MOST_INLINE_BYTES

        needs = [step for step in steps if step.template and (step.template.assets or len(step.template.text) > MOST_INLINE_BYTES)]
        regions = sorted({step.change.region for step in needs})
        there = pool.map(lambda region: storage.has_bucket(self._account, region, bootstrap.bucket(self._place.account, region)), regions)
        return tuple(region for region, is_there in zip(regions, there, strict=True) if not is_there)

    def _lacking(self, steps: list[_Step], bare: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
        """IAM actions that the caller needs and is not allowed, and why that could not be looked at."""
        from cyclone_core.aws import permissions as rights

        templates = [{"Resources": {each.logical_id: {"Type": each.type} for each in step.stack.resources}} for step in steps]
        actions = permissions.needed([*templates, *([bootstrap.template()] if bare else [])])
        place, identity = self._place, self._account.identity()
        asked = permissions.questions(actions, place.host, place.account, place.main_region, identity.partition)
        circumstances = permissions.circumstances(place.host, place.account, place.main_region, identity.partition)
        return rights.lacking(self._account, asked, asked, circumstances)


def _known(change: ResourceChange, kept: Collection[str]) -> ResourceChange:
    """What CloudFormation deems possible, where it is known better."""
    return replace(change, action="change") if change.action == "maybe-replace" and change.logical_id in kept else change


def _bootstrap(region: str) -> Change:
    return Change("create", "bootstrap", region, (), {"name": region}, None, region)


def _stack_change(target: Target, action: Any, resources: tuple[ResourceChange, ...] = (), note: str = "") -> StackChange:
    return StackChange(action, target.region, target.stack, target.kind, target.name, resources, note)


def _canonical(template: Mapping[str, Any]) -> str:
    return json.dumps(template, sort_keys=True)
