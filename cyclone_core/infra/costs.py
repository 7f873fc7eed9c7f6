"""What a plan costs a month: before and after, for each stack it touches, each region and the whole host. Pure.

The numbers of one stack are `stack_costs`'. A plan is a change of bodies, so what it costs follows from those before and after alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cyclone_core.infra import stack_costs
from cyclone_core.infra.plan import Bodies
from cyclone_core.infra.stack_costs import Item, Known, Range
from cyclone_core.infra.targets import Place, Target, targets
from cyclone_core.prices import services

CURRENCY = "USD"
Key = tuple[str, str]
"""region, stack"""


@dataclass(frozen=True)
class Change:
    """Dollars a month, before and after."""

    before: Range
    after: Range

    @property
    def idle(self) -> float:
        """How much more, while nothing runs; less than 0 for less."""
        return self.after.idle - self.before.idle

    @property
    def most(self) -> float | None:
        """How much more at most; None where it is not known."""
        return None if self.after.most is None or self.before.most is None else self.after.most - self.before.most


@dataclass(frozen=True)
class StackCost:
    """One stack."""

    region: str
    stack: str
    kind: str
    name: str
    change: Change
    items: tuple[Item, ...]
    """what costs in it afterwards; of one that goes, what costs in it now"""


@dataclass(frozen=True)
class Costs:
    """A plan's."""

    host: Change
    """the whole host"""
    regions: tuple[tuple[str, Change], ...] = ()
    """each region of the stacks that the plan touches, as a whole"""
    stacks: tuple[StackCost, ...] = ()
    """those that the plan touches and that cost something, before or after"""
    priced_on: tuple[tuple[str, str], ...] = ()
    """(region, ISO date) of the price lists of instances"""
    services_on: str = services.DATE
    """ISO date of all other prices, those of us-east-1"""
    not_counted: tuple[str, ...] = stack_costs.NOT_COUNTED


def of_plan(place: Place, before: Bodies, after: Bodies, touched: Collection[Key], known: Known) -> Costs:
    """What leads from bodies to others costs. touched: region and name of the stacks in the plan; bodies with the kind `host`."""
    old, new = _priced(place, before, known), _priced(place, after, known)
    keys = [key for key in dict.fromkeys((*new, *old)) if key in touched or _total(old, [key]) != _total(new, [key])]
    stacks = tuple(_stack(key, old, new) for key in keys if old.get(key, (None, ()))[1] or new.get(key, (None, ()))[1])
    regions = dict.fromkeys(region for region, _ in keys)
    by_region = tuple((region, _change(old, new, lambda key, here=region: key[0] == here)) for region in regions)
    priced = dict.fromkeys(stack.region for stack in stacks if stack.kind == "cluster")
    dates = tuple((region, date) for region in priced if (date := known.table.priced_on(region)))
    return Costs(_change(old, new, lambda key: True), by_region, stacks, dates)


Priced = Mapping[Key, tuple[Target, tuple[Item, ...]]]


def _priced(place: Place, bodies: Bodies, known: Known) -> dict[Key, tuple[Target, tuple[Item, ...]]]:
    regions: Mapping[str, Mapping[str, Any]] = bodies.get("region", {})
    return {target.key: (target, stack_costs.items(target, known, regions.get(target.region, {}))) for target in targets(place, bodies)}


def _stack(key: Key, old: Priced, new: Priced) -> StackCost:
    target, items = new.get(key) or old[key]
    return StackCost(*key, target.kind, target.name, Change(_total(old, [key]), _total(new, [key])), items)


def _change(old: Priced, new: Priced, is_meant: Any) -> Change:
    return Change(_total(old, filter(is_meant, old)), _total(new, filter(is_meant, new)))


def _total(priced: Priced, keys: Iterable[Key]) -> Range:
    return sum((item.range for key in keys if key in priced for item in priced[key][1]), Range())
