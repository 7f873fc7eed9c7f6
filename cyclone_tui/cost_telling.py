"""What a plan costs and what it takes of quotas, in words: lines of (text, style name) that any surface can show. Pure.

Every number of dollars has the date of its price below it. Of a host of many regions the regions are told, not each stack.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from cyclone_core.infra.costs import CURRENCY, Change, Costs, StackCost
from cyclone_core.infra.stack_costs import Item, Range
from cyclone_core.prices import services
from cyclone_core.quotas import Need

Line = tuple[tuple[str, str], ...]
"""Pieces of (text, style name of `formatters.STYLE_NAMES`)."""
MOST_STACKS = 12
"""So many are told one by one."""
MOST_NEEDS = 10
WIDE, NARROW = 78, 50
"""Of rows with numbers: in a terminal of 80 columns, and in a wizard there."""
_NUMBER = 14
"""Columns of a number."""


# -- costs --------------------------------------------------------------------------------------------------------------
def cost_lines(costs: Costs, width: int = WIDE) -> Iterator[Line]:
    """The cost of a plan. width: of the rows with numbers, in columns; what explains them may be longer."""
    yield ((f"{'Cost a month':<{width - 2 * _NUMBER}}", "title"), (f"{'idle':>{_NUMBER}}{'at most':>{_NUMBER}}", "muted"))
    regions = list(dict.fromkeys(stack.region for stack in costs.stacks))
    if len(costs.stacks) > MOST_STACKS:
        for region, change in costs.regions:
            yield from _row(region, change, width)
        regions = []
    for region in regions:
        if len(regions) > 1:
            yield ((f"  {region}", "title"),)
        for stack in costs.stacks:
            if stack.region == region:
                yield from _row(f"{'  ' if len(regions) > 1 else ''}{stack.kind} {stack.name}", stack.change, width)
                yield from (((f"      {_item(item)}", "muted"),) for item in stack.items if _tells(stack, len(costs.stacks)))
    yield from _row("the whole host", costs.host, width, "number")
    yield from (((f"  {line}", "muted"),) for line in _notes(costs))


def cost_summary(costs: Costs) -> str:
    """One line: `$38.92 a month idle (+$38.92), at most $47,228.92 (+$47,228.92); list prices of 2025-03-02 and 2026-06-13`."""
    after = costs.host.after
    idle, most = f"{dollars(after.idle)} a month idle", f"at most {_most(after)}"
    more = (f" ({signed(costs.host.idle)})", f" ({signed(costs.host.most)})" if costs.host.most is not None else "")
    dates = " and ".join(sorted({item.priced_on for stack in costs.stacks for item in stack.items if item.priced_on} | {costs.services_on}))
    return f"{idle}{more[0]}, {most}{more[1]}; prices of {dates}"


def dollars(usd: float) -> str:
    """An amount of dollars: `$1,234.50`."""
    return f"{'-' if round(usd, 2) < 0 else ''}${abs(usd):,.2f}"


def signed(usd: float | None) -> str:
    """A difference: `+$1.50`."""
    return "?" if usd is None else f"{'+' if round(usd, 2) >= 0 else ''}{dollars(usd)}"


def _row(name: str, change: Change, width: int, style: str = "") -> Iterator[Line]:
    after, before, room = change.after, change.before, width - 2 * _NUMBER - 2
    yield ((f"  {_cut(name, room):<{room}}", style), (f"{dollars(after.idle):>{_NUMBER}}{_most(after):>{_NUMBER}}", style or "number"))
    if before != after and (before.idle or before.most != 0.0):
        yield ((f"  {'  it is now':<{room}}{dollars(before.idle):>{_NUMBER}}{_most(before):>{_NUMBER}}", "muted"),)
        yield ((f"  {'  changes by':<{room}}{signed(change.idle):>{_NUMBER}}{signed(change.most):>{_NUMBER}}", "muted"),)


def _most(found: Range) -> str:
    return "not known" if found.most is None else dollars(found.most)


def _cut(name: str, room: int) -> str:
    return name if len(name) <= room else f"{name[: room - 1]}…"


def _item(item: Item) -> str:
    amount = dollars(item.range.idle) if item.range.idle == item.range.most else f"at most {_most(item.range)}"
    return f"{item.what}, {amount}: {item.basis}"


def _tells(stack: StackCost, stacks: int) -> bool:
    """Where many stacks are told, only what is bought by the hour is explained."""
    return stacks <= 4 or stack.kind == "cluster"


def _notes(costs: Costs) -> Iterator[str]:
    regions: dict[str, list[str]] = {}
    for region, date in costs.priced_on:
        regions.setdefault(date, []).append(region)
    told = [f"instances of {date} ({', '.join(names)})" for date, names in regions.items()]
    told.append(f"{'all else ' if regions else ''}of {costs.services_on} ({services.REGION})")
    yield f"List prices in {CURRENCY} for {services.HOURS} hours: {', '.join(told)}."
    if regions:
        yield "To have today's prices of instances: hyper prices refresh"
    yield "Not counted:"
    yield from (f"  {each}" for each in costs.not_counted)


def cost_record(costs: Costs) -> dict[str, Any]:
    """As JSON: dollars a month, null where a price is not known."""
    return {
        "currency": CURRENCY,
        "hours": services.HOURS,
        "host": _change_record(costs.host),
        "regions": [{"region": region, **_change_record(change)} for region, change in costs.regions],
        "stacks": [
            {
                "region": stack.region,
                "stack": stack.stack,
                "kind": stack.kind,
                "name": stack.name,
                **_change_record(stack.change),
                "items": [
                    {"what": item.what, **_range_record(item.range), "basis": item.basis, "priced_on": item.priced_on or None}
                    for item in stack.items
                ],
            }
            for stack in costs.stacks
        ],
        "priced_on": {"instances": dict(costs.priced_on), "services": costs.services_on},
        "not_counted": list(costs.not_counted),
    }


def _change_record(change: Change) -> dict[str, Any]:
    difference = {"idle": _cents(change.idle), "most": _cents(change.most)}
    return {"before": _range_record(change.before), "after": _range_record(change.after), "difference": difference}


def _range_record(found: Range) -> dict[str, float | None]:
    return {"idle": _cents(found.idle), "most": _cents(found.most)}


def _cents(usd: float | None) -> float | None:
    return None if usd is None else round(usd, 2)


# -- quotas -------------------------------------------------------------------------------------------------------------
def quota_lines(needs: Sequence[Need], ascii: bool = False) -> Iterator[Line]:
    """What is needed of quotas and what there is: what is too little first, with the command that asks for more."""
    if not needs:
        return
    yield (("Quotas", "title"), ("   what is needed, and what there is", "muted"))
    short, enough = [need for need in needs if need.is_short], [need for need in needs if not need.is_short]
    short = [*(need for need in short if need.stops), *(need for need in short if not need.stops)]
    told = max(MOST_NEEDS, sum(need.stops for need in short))
    for need in short[:told]:
        sign, style = (("x" if ascii else "✗"), "failed") if need.stops else ("!", "waiting")
        yield ((f"  {sign} {need.region}: {_told(need)}", style),)
        remedy = f"$ {need.request}" if need.request else "AWS raises this one for nobody: delete what nobody uses"
        yield ((f"      {remedy}", "muted"),)
    if len(short) > told:
        yield ((f"    and {len(short) - told} more that limit how much runs at once (--json has them)", "waiting"),)
    for need in enough[:MOST_NEEDS]:
        unknown = need.quota.limit is None or (need.stops and need.quota.left is None)
        yield ((f"  {'?' if unknown else '+' if ascii else '✓'} {need.region}: {_told(need)}", "muted" if unknown else ""),)
    if len(enough) > MOST_NEEDS:
        yield ((f"    and {len(enough) - MOST_NEEDS} more of which there is enough", "muted"),)


def _told(need: Need) -> str:
    if not need.stops:
        limit = "nobody says how many there may be" if need.quota.limit is None else f"the quota is {need.quota.limit:,}"
        return f"{need.what}: {need.count:,} at most, {limit}{_less(need)}"
    known = need.quota.left is not None
    left = f"{need.quota.left:,} of {need.quota.limit:,} are left" if known else "nobody says how many are left"
    return f"{need.what}: {need.count:,} more, {left}"


def _less(need: Need) -> str:
    return "" if not need.is_short else ", so none runs" if not need.quota.limit else ", so fewer run at once"


def quota_record(need: Need) -> dict[str, Any]:
    """As JSON."""
    return {
        "region": need.region,
        "what": need.what,
        "needed": need.count,
        "used": need.quota.used,
        "limit": need.quota.limit,
        "enough": None if need.quota.limit is None or (need.stops and need.quota.left is None) else not need.is_short,
        "stops": need.stops,
        "service_code": need.service or None,
        "quota_code": need.code or None,
        "request": need.request if need.is_short else "",
        "page": need.page,
    }


def plain(lines: Iterator[Line]) -> Iterator[str]:
    """Without styles: for a terminal's output."""
    yield from ("".join(text for text, _ in line).rstrip() for line in lines)
