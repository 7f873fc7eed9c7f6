"""A plan of stacks in words: per region and stack what happens to which resources, what is made anew in its own colour and word. Pure.

A host of many regions has hundreds of resources: what is lost or made anew is told one by one, the rest by type and number.
"""

from collections.abc import Iterator, Sequence

from cyclone_core.infra.plan import Plan
from cyclone_core.infra.stack_plans import Details, ResourceAction, ResourceChange, StackChange
from cyclone_tui import cost_telling
from cyclone_tui.formatters import plural

Line = tuple[tuple[str, str], ...]
"""Pieces of (text, style name of `formatters.STYLE_NAMES`)."""
SIGNS: dict[ResourceAction, tuple[str, str, str, str]] = {
    "create": ("+", "+", "ok", "create"),
    "change": ("~", "~", "running", "change"),
    "replace": ("±", "*", "error", "REPLACE"),
    "maybe-replace": ("?", "?", "waiting", "may replace"),
    "delete": ("-", "-", "failed", "DELETE"),
    "retain": ("=", "=", "muted", "keep"),
}
"""Action -> sign, sign of the plain character set, style name, word: no two look the same without colours."""
_LOUD: tuple[ResourceAction, ...] = ("replace", "maybe-replace", "delete", "retain")
_MOST_TYPES = 4
_MOST_QUIET = 4
_MOST_LOUD = 20


def lines(plan: Plan, details: Details, ascii: bool = False) -> Iterator[Line]:
    """What happens to stacks, region by region; then rights, and what regions need first."""
    stacks = details.stacks
    if stacks:
        yield from ((), _title(stacks))
        yield from _lost(stacks, ascii)
    for region in dict.fromkeys(stack.region for stack in stacks):
        yield ((f"  {region}", "title"),)
        for stack in stacks:
            if stack.region == region:
                yield from _stack(stack, ascii)
    yield from _images(details, ascii)
    yield from _first(details, ascii)
    yield from _rights(details, ascii)
    if plan.keep_failed:
        yield (("  What fails is left as it is, to look at it.", "waiting"), ("   F7 takes it back", "muted"))
    elif stacks:
        yield (("  A stack that fails is taken back.", "muted"), ("   F7 leaves it as it is, to look at it", "muted"))


def removal(details: Details, keeps: bool = True, most: int = 10) -> list[str]:
    """What a deletion does, for a question: stacks by region, then what is not deleted with its stack.

    keeps: whether that stays; else it is emptied and deleted afterwards, as the data of a host that goes altogether.
    """
    found = []
    for region in dict.fromkeys(stack.region for stack in details.stacks):
        stacks = [stack for stack in details.stacks if stack.region == region]
        count = sum(one.action != "retain" for stack in stacks for one in stack.resources)
        names = ", ".join(f"{SIGNS[stack.action][3].lower()} {_named(stack)}" for stack in stacks[:6])
        found.append(f"{region}: {names}{' …' if len(stacks) > 6 else ''} ({plural(count, 'resource')})")
    found += [image.text for image in details.images]
    retained = (one for stack in details.stacks for one in stack.resources if one.action == "retain")
    word = "stays" if keeps else "emptied and deleted"
    kept = [f"{word}: {one.physical_id or one.logical_id} ({_short(one.type)})" for one in retained]
    cost = [f"cost: {cost_telling.cost_summary(details.costs)}"] if details.costs else []
    return [*found[:most], *([f"and {len(found) - most} more regions"] if len(found) > most else []), *kept[:most], *cost]


def _named(stack: StackChange) -> str:
    return stack.kind if stack.name == stack.region else f"{stack.kind} {stack.name}"


def _title(stacks: Sequence[StackChange]) -> Line:
    regions = len({stack.region for stack in stacks})
    resources = sum(len(stack.resources) for stack in stacks)
    text = f"{plural(len(stacks), 'stack')} in {plural(regions, 'region')}, {plural(resources, 'resource')}"
    return (("On AWS", "title"), (f"   {text}", "muted"))


def _lost(stacks: Sequence[StackChange], ascii: bool) -> Iterator[Line]:
    """What nobody should overlook."""
    for action, what in (("replace", "made anew: what is in it is lost"), ("maybe-replace", "perhaps made anew: AWS decides")):
        count = sum(resource.action == action for stack in stacks for resource in stack.resources)
        if count:
            sign, plain, style, _ = SIGNS[action]  # type: ignore[index]
            yield ((f"  {plain if ascii else sign} {plural(count, 'resource')} {'is' if count == 1 else 'are'} {what}", style),)


def _stack(stack: StackChange, ascii: bool) -> Iterator[Line]:
    sign, plain, style, word = SIGNS[stack.action]
    counted = _counted(stack.resources) if stack.action in ("create", "delete") else _by_action(stack.resources)
    yield ((f"    {plain if ascii else sign} {word} ", style), (_named(stack), "number"), (f"   {counted}" if counted else "", "muted"))
    if stack.note:
        yield ((f"        {stack.note}", "waiting"),)
    if stack.action == "create":
        return
    loud = [one for action in _LOUD for one in stack.resources if one.action == action and (action, stack.action) != ("delete", "delete")]
    quiet = [one for one in stack.resources if one.action in ("change", "create")]
    yield from (_resource(one, ascii) for one in loud[:_MOST_LOUD])
    yield from (_resource(one, ascii) for one in quiet[:_MOST_QUIET])
    rest = max(0, len(loud) - _MOST_LOUD) + max(0, len(quiet) - _MOST_QUIET)
    if rest:
        yield ((f"        and {rest} more", "muted"),)


def _resource(one: ResourceChange, ascii: bool) -> Line:
    sign, plain, style, word = SIGNS[one.action]
    causes = f"  because of {', '.join(one.causes[:3])}" if one.causes else ""
    return ((f"        {plain if ascii else sign} {word} ", style), (one.logical_id, ""), (f"  {_short(one.type)}{causes}", "muted"))


def _counted(resources: Sequence[ResourceChange]) -> str:
    """`12 resources: 3 Batch::ComputeEnvironment, 2 IAM::Role …`"""
    if not resources:
        return ""
    types: dict[str, int] = {}
    for one in resources:
        types[_short(one.type)] = types.get(_short(one.type), 0) + 1
    ranked = sorted(types.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ", ".join(f"{count} {name}" if count > 1 else name for name, count in ranked[:_MOST_TYPES])
    return f"{len(resources)}: {shown}{' …' if len(ranked) > _MOST_TYPES else ''}"


def _by_action(resources: Sequence[ResourceChange]) -> str:
    """`2 change, 1 REPLACE`"""
    found = ((SIGNS[action][3], sum(one.action == action for one in resources)) for action in SIGNS)
    return ", ".join(f"{count} {word}" for word, count in found if count)


def _short(name: str) -> str:
    return name.removeprefix("AWS::")


def _first(details: Details, ascii: bool) -> Iterator[Line]:
    if details.bootstrap:
        yield (("Before that", "title"),)
        text = "gets" if len(details.bootstrap) == 1 else "get"
        names = ", ".join(details.bootstrap)
        yield (
            (f"  {'>' if ascii else '▸'} {names} {text} what deployments need: the CDK's bucket for files, once per account", "running"),
        )


def _images(details: Details, ascii: bool) -> Iterator[Line]:
    if details.images:
        yield (("Machine images", "title"),)
    for image in details.images:
        sign, plain, style, _ = SIGNS["create" if image.action == "copy" else "delete"]
        yield ((f"  {plain if ascii else sign} {image.text}", style),)


def _rights(details: Details, ascii: bool) -> Iterator[Line]:
    if not details.lacking and not details.unchecked:
        return
    yield (("Rights", "title"),)
    if details.lacking:
        sign = "x" if ascii else "✗"
        yield ((f"  {sign} you may not: {', '.join(details.lacking)}", "failed"),)
        yield (("    Have them allowed (docs/aws-permissions.md), or go on and see what AWS says", "muted"),)
    if details.unchecked:
        yield ((f"  ? not looked at: {details.unchecked}", "waiting"),)
