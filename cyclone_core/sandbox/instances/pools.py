"""Which instances a fleet gets: pools are instance types in subnets, each counts its weight; when it has enough, it stops. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pool:
    """An override of a fleet."""

    instance_type: str
    subnet: str
    weight: float = 1.0


@dataclass(frozen=True)
class Lack:
    """A pool that gives nothing, and why."""

    pool: Pool
    code: str
    message: str


def picked(pools: Sequence[Pool], units: float, most: int) -> list[Pool]:
    """A pool for each instance, until they have as many units as are asked for, or are `most`.

    The largest that is not too large, else the smallest; pools of one size take turns.
    """
    found: list[Pool] = []
    left = units
    while pools and left > 0 and len(found) < most:
        fitting = [pool for pool in pools if pool.weight <= left]
        size = max((pool.weight for pool in fitting), default=min(pool.weight for pool in pools))
        equals = [pool for pool in pools if pool.weight == size]
        found.append(equals[len(found) % len(equals)])
        left -= size
    return found


def lacking(pools: Iterable[Pool], zone_of: dict[str, str]) -> Iterator[Lack]:
    """What EC2 says of pools without capacity."""
    for pool in pools:
        where = zone_of.get(pool.subnet, "")
        message = f"We currently do not have sufficient {pool.instance_type} capacity in the Availability Zone you requested ({where})."
        yield Lack(pool, "InsufficientInstanceCapacity", message)
