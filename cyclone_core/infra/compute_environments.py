"""How a cluster's vCPUs are shared over compute environments of AWS Batch, and what those are asked for: decided here, made by the stack.

Pure. A job queue has at most three environments and fills them in order. Each scales by itself, so that several ask for instances at
once, and one that AWS cannot serve does not keep the others from it. How they differ:

    instance_list optimal      the first and the last take what AWS Batch calls default_x86_64 (m6i, c6i, r6i, c7i: `optimal` means the
                               same since November 2025), the second the generation before (m5, c5, r5) where a region has it: other
                               spot capacity at the same on-demand price
    any other instance_list    not at all: a list says what may be started, and each environment starts any of it

An environment is replaced, not changed, when it comes to be bought in another way, or gets or loses an image of its own (Batch takes away
neither a bid nor an image): its kind is part of its logical id. Changes of all else happen in place (`ReplaceComputeEnvironment: false`),
which Batch does not do for BEST_FIT.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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

    kind: str
    """what can be changed only by another environment: Spot or OnDemand, with BestFit and OwnImage where it is so"""
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

    @property
    def is_spot(self) -> bool:
        """Whether its instances may be taken away."""
        return self.bid_percentage is not None

    @property
    def is_best_fit(self) -> bool:
        """Whether Batch buys by its oldest strategy: it cannot be changed in place, and on spot needs a role of EC2's spot fleets."""
        return self.strategy == "BEST_FIT"


def environments(body: Mapping[str, Any], region: str) -> tuple[Environment, ...]:
    """The environments of a cluster in a region. Their vCPUs sum to the cluster's: the first have one more where it does not divide."""
    vcpus = shares(int(body["max_vcpus"]), int(body["compute_envs"]))
    strategy = _strategy(body)
    is_spot = body["type"] == "SPOT"
    image = (body.get("machine_images") or {}).get(region)
    kind = ("Spot" if is_spot else "OnDemand") + ("BestFit" if strategy == "BEST_FIT" else "") + ("OwnImage" if image else "")
    return tuple(
        Environment(
            kind,
            number,
            share,
            instance_types(body["instance_list"], region, number),
            strategy,
            int(body["bid_percentage"]) if is_spot else None,
            image,
        )
        for number, share in enumerate(vcpus, 1)
    )


def instance_types(asked: list[str], region: str, number: int = 1) -> tuple[str, ...]:
    """What Batch is asked for in the environment of this number; `optimal` is the only word that it reads as something else."""
    if list(asked) == [OPTIMAL] and number == 2 and region in REGIONS_WITH_BEFORE:
        return BEFORE
    return tuple(dict.fromkeys(DEFAULT_TYPES if word == OPTIMAL else word for word in asked))


def _strategy(body: Mapping[str, Any]) -> str:
    """SPOT_CAPACITY_OPTIMIZED, the default, is for spot only: the nearest on demand takes other types when some are out, too."""
    strategy: str = body["allocation_strategy"]
    return "BEST_FIT_PROGRESSIVE" if strategy == "SPOT_CAPACITY_OPTIMIZED" and body["type"] != "SPOT" else strategy
