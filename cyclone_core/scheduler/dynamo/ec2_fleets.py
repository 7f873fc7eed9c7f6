"""What an EC2 Fleet is asked for, from the records of a host, and what its answer means. Pure.

The cluster's stack names what to launch, a launch template. Types times subnets are the pools of which EC2 picks; a type counts as many
units as it holds workers of the lane that asks. Rungs of the fallback chain are arguments: more types, more zones, on demand.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cyclone_core import naming
from cyclone_core.prices import table as prices
from cyclone_core.prices.table import Facts
from cyclone_core.scheduler import machines
from cyclone_core.scheduler.dynamo.ec2_instances import TAG_REQUEST
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.region_driver import Body
from cyclone_core.scheduler.machines import Instances, Need

BEFORE = ["c5", "m5", "r5"]
"""The generation before that of `optimal`, which is tried when none of that comes."""
_TOKEN = 64
"""Characters of a client token."""
_LEAST_USD = 0.00101
"""EC2 refuses bids of $0.001 and less."""


# -- what records say -----------------------------------------------------------------------------------------------------
def need_of(definition: Body) -> Need:
    """What a worker of a definition takes of a machine."""
    return Need(int(definition.get("vcpus") or 1), int(definition.get("memory_limit_mib") or 0), int(definition.get("gpu_count") or 0))


def types_for(cluster: Body, rung: str, region: str) -> list[Facts]:
    """The instance types of a cluster on a rung, without those that the bid rules out because nobody knows their price."""
    words = [str(word) for word in cluster.get("instance_list") or ("optimal",)]
    if rung:
        others = [str(word) for word in cluster.get("fallback_instance_list") or ()]
        words += others or (BEFORE if "optimal" in words else [])
    found = [kind for name in prices.types_of(words) if (kind := prices.facts(name)) is not None]
    arch = found[0].architecture if found else ""
    spot = is_spot(cluster, rung)
    return [kind for kind in found if kind.architecture == arch and (not _limit(cluster, spot) or prices.on_demand(kind.type, region))]


def is_spot(cluster: Body, rung: str) -> bool:
    """Whether instances may be taken away."""
    return cluster.get("type", "SPOT") == "SPOT" and rung != "on-demand"


def strategy(cluster: Body, spot: bool) -> str:
    """How EC2 picks among types and zones. BEST_FIT_PROGRESSIVE: the cheapest; else the cheapest that are not likely to be taken away."""
    cheapest = cluster.get("allocation_strategy") == "BEST_FIT_PROGRESSIVE" or not spot
    return "lowest-price" if cheapest else "price-capacity-optimized"


def _limit(cluster: Body, spot: bool) -> int:
    """Per cent of the on-demand price that are paid at most, 0 for no limit of its own: spot never costs more than on demand."""
    share = int(cluster.get("bid_percentage") or 100)
    return share if spot and share < 100 else 0


def _bid(cluster: Body, kind: Facts, region: str, spot: bool, weight: int) -> dict[str, str]:
    """The most that is paid: of a unit an hour, as EC2 reads it, which are as many to an instance as it has weight."""
    share, usd = _limit(cluster, spot), prices.on_demand(kind.type, region)
    return {"MaxPrice": f"{max(usd * share / 100 / weight, _LEAST_USD):.5f}"} if share and usd else {}


# -- a fleet --------------------------------------------------------------------------------------------------------------
def parameters(
    host: str, request: Request, cluster: Body, asked: Instances, places: Sequence[tuple[str, str]], token: str
) -> dict[str, Any]:
    """CreateFleet's. places: (zone, subnet); token: the same for what is asked for once."""
    spot, units, weights = is_spot(cluster, request.rung), asked.units, asked.weights
    if min(weights.values()) > units:  # one instance will do: EC2 goes by its price then, not by that of a unit
        units, weights = 1, dict.fromkeys(weights, 1)
    template = {"LaunchTemplateName": naming.launch_template(host, request.cluster), "Version": "$Latest"}
    overrides = [
        {"InstanceType": kind.type, "SubnetId": subnet, "WeightedCapacity": weight, **_bid(cluster, kind, request.region, spot, weight)}
        for kind, weight in weights.items()
        for _, subnet in places
    ]
    tags = {naming.TAG_HOST: host, naming.TAG_KIND: "cluster", naming.TAG_NAME: request.cluster, TAG_REQUEST: request.name}
    listed = [{"Key": name, "Value": value} for name, value in tags.items()]
    how = strategy(cluster, spot)
    return {
        "Type": "instant",
        "ClientToken": token_of(host, token),
        "LaunchTemplateConfigs": [{"LaunchTemplateSpecification": template, "Overrides": overrides}],
        "TargetCapacitySpecification": {
            "TotalTargetCapacity": units,
            "DefaultTargetCapacityType": "spot" if spot else "on-demand",
        },
        **({"SpotOptions": {"AllocationStrategy": how}} if spot else {"OnDemandOptions": {"AllocationStrategy": how}}),
        "TagSpecification": [{"ResourceType": kind, "Tag": listed} for kind in ("fleet", "instance", "volume")],
    }


def token_of(host: str, name: str) -> str:
    """A client token: the end of a request's name is different each time."""
    return f"{host}-{name}"[-_TOKEN:]


def said(errors: Iterable[Mapping[str, Any]]) -> str:
    """What EC2 says of pools that gave nothing, each code once."""
    found: dict[str, str] = {}
    for each in errors:
        found.setdefault(str(each.get("errorCode", "")), " ".join(str(each.get("errorMessage", "")).split()))
    return "; ".join(f"{code}: {words.partition('. ')[0].rstrip('.')}" for code, words in found.items()) or "EC2 does not say why"


def brought(asked: Instances, answer: Mapping[str, Any]) -> tuple[int, Need, Counter[str]]:
    """Workers, and all the room, of the instances that a fleet launched, and how many there are of each type."""
    kinds = {kind.type: (weight, kind) for kind, weight in asked.weights.items()}
    units = vcpus = memory_mib = gpus = 0
    types = Counter[str]()
    for group in answer.get("fleetInstanceSet") or ():
        count = len(group.get("instanceIds") or ())
        types[str(group.get("instanceType"))] += count
        if str(group.get("instanceType")) not in kinds:
            units += count
            continue
        weight, kind = kinds[str(group["instanceType"])]
        units, vcpus, gpus = units + weight * count, vcpus + kind.vcpus * count, gpus + kind.gpus * count
        memory_mib += machines.usable_mib(kind.memory_mib) * count
    return units, Need(vcpus, memory_mib, gpus), types
