"""How a cluster's vCPUs are shared over compute environments of AWS Batch, and what those are asked for: decided here, made by the stack.

Pure. A job queue has at most three environments and fills them in order. Each scales by itself, so that several ask for instances at
once, and one that AWS cannot serve does not keep the others from it. How they differ:

    instance_list optimal      the first and the last take what AWS Batch calls default_x86_64 (m6i, c6i, r6i, c7i: `optimal` means the
                               same since November 2025), the second the generation before (m5, c5, r5) where a region has it: other
                               spot capacity at the same on-demand price
    any other instance_list    not at all: a list says what may be started, and each environment starts any of it

An environment keeps what its instances are made from as long as it lives (`made_from`); only its vCPUs change. Whatever else changes, the
cluster gets a new one beside it, and the old one goes when its workers have left (`draining`).

Each later step of a cluster's fallback chain (`scheduler.failover`) has a job queue of its own, with one environment that may have all of
the cluster's vCPUs: whoever asks for workers keeps the sum of all steps below them. Each step adds to those before: other types, then all
zones of the network, then instances that are bought on demand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cyclone_core.scheduler import failover
from cyclone_core.scheduler.capacity import shares

OPTIMAL, DEFAULT_TYPES = "optimal", "default_x86_64"
BEFORE = ("c5", "m5", "r5")
"""The generation before that of default_x86_64; costs the same on demand."""
REGIONS_WITH_BEFORE = frozenset(
    (
        "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2", "ap-southeast-1",
        "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ca-central-1", "ca-west-1", "cn-north-1", "cn-northwest-1", "eu-central-1",
        "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1",
        "me-south-1", "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-1", "us-west-2",
    )
)  # fmt: skip
"""Regions that offer all of `BEFORE` (November 2026). Newer regions begin with newer generations, so one that is not here has none."""


@dataclass(frozen=True)
class Environment:
    """One compute environment."""

    number: int
    """from 1: the order in which the queue fills them"""
    max_vcpus: int
    instance_types: tuple[str, ...]
    strategy: str
    """as Batch spells it"""
    bid_percentage: int | None
    """of the on-demand price, None on demand"""
    image: str | None
    """machine image, None for the newest that Batch has"""
    rung: str = ""
    """step of the fallback chain that it is for, "" for the first"""
    zones: int | None = None
    """zones of the network that it starts instances in, the first ones; None for all"""

    @property
    def is_spot(self) -> bool:
        """Whether its instances may be taken away."""
        return self.bid_percentage is not None

    @property
    def is_best_fit(self) -> bool:
        """Whether Batch buys by its oldest strategy: only its vCPUs change in place, and on spot it needs a role of EC2's fleets."""
        return self.strategy == "BEST_FIT"


def environments(body: Mapping[str, Any], region: str) -> tuple[Environment, ...]:
    """The environments of a cluster's first queue in a region. Their vCPUs sum to its: the first have one more where it does not divide."""
    vcpus = shares(int(body["max_vcpus"]), int(body["compute_envs"]))
    return tuple(
        _environment(body, region, number, share, instance_types(body["instance_list"], region, number))
        for number, share in enumerate(vcpus, 1)
    )


def later(body: Mapping[str, Any], region: str) -> tuple[Environment, ...]:
    """The environments of the later steps of a cluster's fallback chain in a region, in their order; each has a queue of its own."""
    names = [name for name in failover.asked_on(body) if name != failover.FIRST]
    return tuple(_later(body, region, names[: number + 1]) for number in range(len(names)))


def made_from(body: Mapping[str, Any], region: str) -> frozenset[object]:
    """What the instances of each environment of a cluster are made from, as far as its body says: of one that changes, both are there."""
    tags = tuple(sorted((body.get("compute_resources_tags") or {}).items()))
    return frozenset((replace(each, max_vcpus=0), tags) for each in (*environments(body, region), *later(body, region)))


def _later(body: Mapping[str, Any], region: str, steps: Sequence[str]) -> Environment:
    """The last of these steps, which adds to those before it."""
    types = instance_types(body["instance_list"], region)
    if failover.TYPES in steps:
        before = BEFORE if OPTIMAL in body["instance_list"] and region in REGIONS_WITH_BEFORE else ()
        types = tuple(dict.fromkeys((*types, *before, *(body.get("fallback_instance_list") or ()))))
    zones = None if failover.ZONES in steps else body.get("first_zones")
    bought = {**body, "type": "ONDEMAND"} if steps[-1] == failover.ON_DEMAND else body
    found = _environment(bought, region, 1, int(body["max_vcpus"]), types)
    return replace(found, rung=steps[-1], zones=zones)


def _environment(body: Mapping[str, Any], region: str, number: int, vcpus: int, types: tuple[str, ...]) -> Environment:
    strategy, is_spot = _strategy(body), body["type"] == "SPOT"
    image = (body.get("machine_images") or {}).get(region)
    bid = int(body["bid_percentage"]) if is_spot else None
    return Environment(number, vcpus, types, strategy, bid, image, zones=body.get("first_zones"))


def instance_types(asked: Sequence[str], region: str, number: int = 1) -> tuple[str, ...]:
    """What Batch is asked for in the environment of this number; `optimal` is the only word that it reads as something else."""
    if list(asked) == [OPTIMAL] and number == 2 and region in REGIONS_WITH_BEFORE:
        return BEFORE
    return tuple(dict.fromkeys(DEFAULT_TYPES if word == OPTIMAL else word for word in asked))


def _strategy(body: Mapping[str, Any]) -> str:
    """SPOT_CAPACITY_OPTIMIZED, the default, is for spot only: the nearest on demand takes other types when some are out, too."""
    strategy: str = body["allocation_strategy"]
    return "BEST_FIT_PROGRESSIVE" if strategy == "SPOT_CAPACITY_OPTIMIZED" and body["type"] != "SPOT" else strategy
