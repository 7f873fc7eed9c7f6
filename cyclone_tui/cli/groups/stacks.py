"""How a plan of stacks is shown: what happens to each stack and to the resources in it, below what happens to the resources of the host."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from cyclone_core.field_meaning import meant
from cyclone_core.infra.plan import Change, Plan
from cyclone_core.infra.stack_plans import Details, StackChange
from cyclone_core.infra.targets import resource_of
from cyclone_tui import cost_telling
from cyclone_tui.cli.groups import tables

_LOST = ("replace", "maybe-replace", "delete", "retain")
"""What happens to a resource that people must not overlook; it is shown first."""
_WORDS = {"maybe-replace": "may be replaced", "replace": "replaced", "retain": "stays", "create": "created", "change": "changed",
          "delete": "deleted"}  # fmt: skip


def print_plan(plan: Plan, details: Details | None) -> None:
    """A plan for people: of a host that has no stacks as ever, else each resource once and then its stacks."""
    if details is None:
        tables.print_plan(plan)
        return
    if not plan:
        click.echo("no change")
    images = (image.text for image in details.images)
    for line in (*_resources(plan.changes), *images, *_stacks(details.stacks), *_around(details), *_costs(details)):
        click.echo(line)


def record(plan: Plan, details: Details | None) -> dict[str, Any]:
    """A plan as JSON."""
    found: dict[str, Any] = {"plan": tables.plan_record(plan)}
    if details is None:
        return found
    return {
        **found,
        "stacks": [{**asdict(stack), "replaces": stack.replaces} for stack in details.stacks],
        "machine_images": [asdict(image) for image in details.images],
        "lacking": list(details.lacking),
        "unchecked": details.unchecked,
        "bootstrap": list(details.bootstrap),
        "costs": cost_telling.cost_record(details.costs) if details.costs else None,
        "quotas": [cost_telling.quota_record(need) for need in details.quotas],
    }


def summary(plan: Plan, details: Details | None) -> list[str]:
    """A plan in a few lines: before somebody is asked whether to go on."""
    if details is None:
        return []
    counts = {action: sum(stack.action == action for stack in details.stacks) for action in ("create", "change", "replace", "delete")}
    regions = sorted({stack.region for stack in details.stacks})
    told = ", ".join(f"{action} {count}" for action, count in counts.items() if count) or "no change"
    where = f" in {', '.join(regions)}" if regions else ""
    lines = [f"stacks: {told}{where}"]
    lines += [f"  {image.text}" for image in details.images]
    inside = [each for stack in details.stacks for each in stack.resources]
    lost = [f"{each.type} {each.logical_id} {_WORDS[each.action]}" for each in inside if each.action in _LOST]
    lines += [f"  {each}" for each in lost[:20]] + ([f"  … and {len(lost) - 20} more"] if len(lost) > 20 else [])
    short = tuple(need for need in details.quotas if need.is_short)
    return [*lines, *_around(details), *cost_summary(details), *cost_telling.plain(cost_telling.quota_lines(short))]


def cost_summary(details: Details | None) -> list[str]:
    """What the host costs afterwards, in one line; none where nobody computed it."""
    return [f"cost: {cost_telling.cost_summary(details.costs)}"] if details and details.costs else []


def _resources(changes: Sequence[Change]) -> Iterator[str]:
    """Each resource of the host with its fields, however many stacks it has."""
    told: set[tuple[str, str]] = set()
    for change in changes:
        resource = resource_of(change.kind, change.name)
        if resource is None or resource in told:
            continue
        told.add(resource)
        kind, name = resource
        if change.body is None:
            yield f"delete {kind} {name}"
        elif change.before is None:
            yield f"create {kind} {name}"
            yield from tables.field_lines(meant(kind, change.fields), created=True)
        elif change.fields:
            yield f"change {kind} {name}"
            yield from tables.field_lines(change.fields, created=False)


def _stacks(stacks: Sequence[StackChange]) -> Iterator[str]:
    for stack in stacks:
        yield f"{stack.action} stack {stack.stack} in {stack.region}{f': {stack.note}' if stack.note else ''}"
        first = sorted(stack.resources, key=lambda each: (each.action not in _LOST, each.logical_id))
        width = max((len(each.type) for each in first), default=0)
        for each in first:
            why = f"  (because of {', '.join(each.causes)})" if each.causes else ""
            yield f"  {_WORDS[each.action]:<15}  {each.type:<{width}}  {each.logical_id}{why}"
            yield from (f"    put back: {path}: {now or 'nothing'} -> {then or 'nothing'}" for path, now, then in each.reverted)


def _costs(details: Details) -> Iterator[str]:
    """Below what happens: what it takes, and what it costs."""
    if details.quotas:
        yield ""
        yield from cost_telling.plain(cost_telling.quota_lines(details.quotas))
    if details.costs and details.stacks:
        yield ""
        yield from cost_telling.plain(cost_telling.cost_lines(details.costs))


def _around(details: Details) -> Iterator[str]:
    for region in details.bootstrap:
        yield f"{region} gets the CDK's bootstrap first: a bucket and a repository for what stacks need, shared by all hosts"
    if details.lacking:
        yield f"rights that you lack: {', '.join(details.lacking)}. docs/aws-permissions.md has what a deployer needs"
    if details.unchecked:
        yield f"whether you have the rights could not be looked at: {details.unchecked}"
