"""What a plan of an AWS host costs, with the prices that are known: list prices from the table, and spot prices that are asked for.

A plan is made without spot prices where they cannot be had: then what is bid counts, and the basis of the number says so.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cyclone_core.errors import CycloneError
from cyclone_core.infra import costs
from cyclone_core.infra.costs import Costs
from cyclone_core.infra.deployed_stacks import THREADS
from cyclone_core.infra.plan import Bodies
from cyclone_core.infra.stack_costs import Known, Spot, types_of
from cyclone_core.infra.stack_plans import Details
from cyclone_core.infra.targets import Place
from cyclone_core.prices import table

if TYPE_CHECKING:
    from cyclone_core.aws.account import Account


def of_plan(account: "Account", place: Place, before: Bodies, after: Bodies, details: Details) -> Costs:
    """The costs of a plan between these bodies. details: with the stacks that it touches. Never fails for prices."""
    touched = {(stack.region, stack.stack) for stack in details.stacks}
    known = Known(table.known(), _spot(account, spot_types(before, after)))
    return costs.of_plan(place, before, after, touched, known)


def spot_types(before: Bodies, after: Bodies) -> dict[str, list[str]]:
    """Region -> instance types that clusters may start there on spot, before a change or after it: both are told by the same prices."""
    clusters = [body for bodies in (before, after) for body in bodies.get("cluster", {}).values()]
    on_spot = [body for body in clusters if body.get("type") == "SPOT" and body.get("launch_type") != "ONPREM"]
    regions = dict.fromkeys([*after.get("region", {}), *before.get("region", {})])
    types = {region: {name for body in on_spot for name in types_of(body, region, table.shipped())} for region in regions}
    return {region: sorted(names) for region, names in types.items() if names}


def _spot(account: "Account", asked: Mapping[str, list[str]]) -> dict[str, Spot]:
    """Spot prices of these types, in each region where they can be had; what was asked within a day is not asked again."""
    with ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda region: _seen(account, region, asked[region]), asked)
        return {region: spot for region, spot in zip(asked, found, strict=True) if spot is not None}


def _seen(account: "Account", region: str, types: list[str]) -> Spot | None:
    from cyclone_core.aws import spot_prices

    try:
        return Spot(*spot_prices.highest(account, region, types))
    except CycloneError:
        return None
