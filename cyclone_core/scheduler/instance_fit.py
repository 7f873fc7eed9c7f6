"""Whether any instance that a cluster of an AWS host may start holds a task of a definition. Pure, and lean while one surely does.

Instances have less memory than their data sheets say: firmware, kernel and whoever starts tasks there take some. Where that decides,
clusters of type EC2 are judged as the scaler does (`machines`), and AWS Batch by what no instance ever had left. What the table does not
know of may hold anything. So may machines that join, but where a cluster asks AWS for instances no job can count on them.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from cyclone_core.prices.table import Facts

    Body = Mapping[str, Any]

ASKS_AWS = ("BATCH", "EC2")
"""Launch types of clusters that ask AWS for instances."""
BEFORE = ("c5", "m5", "r5")
"""What `optimal` may mean on later steps of a fallback chain."""
_KERNEL = 64
"""One part in so many of an instance's memory is no task's, on any."""
_SURELY_MIB = 1024
"""And no more than an eighth and so much."""
_NAMED = 3
"""Types that are named as such that would do."""


class Misfit:
    """What a task needs; what the cluster has, in words; types that would hold it, the cheapest first; `field`: of the definition, of which
    the cluster has too little."""

    __slots__ = ("_asks", "field", "has", "needs", "would")

    def __init__(self, needs: str, has: str, would: "Sequence[str]", asks: "Sequence[str]", field: str) -> None:
        self.needs, self.has, self.would, self._asks, self.field = needs, has, would, asks, field

    @property
    def instance_list(self) -> str:
        """The cluster's, with the cheapest type that would do, as options take it; "" when none does."""
        return ",".join((*self._asks, self.would[0])) if self.would else ""


def misfit(definition: "Body", cluster: "Body") -> "Misfit | None":
    """Why no instance of a cluster holds a task of a definition; None when one may."""
    if cluster.get("launch_type") not in ASKS_AWS:
        return None
    from cyclone_core.prices.shapes import shapes

    need = int(definition.get("vcpus") or 1), int(definition.get("memory_limit_mib") or 0), int(definition.get("gpu_count") or 0)
    words = _words(cluster)
    known = shapes(words)
    if not all(known.values()) or any(_surely_holds(need, shape) for each in known.values() for shape in each):
        return None
    return _judged(need, words, cluster)


def _asked(cluster: "Body") -> "list[str]":
    return [str(word) for word in cluster.get("instance_list") or ("optimal",)]


def _words(cluster: "Body") -> "list[str]":
    """All that it may ask for, on any step of its chain."""
    words = [*_asked(cluster), *map(str, cluster.get("fallback_instance_list") or ())]
    return [*dict.fromkeys((*words, *(BEFORE if "optimal" in words else ())))]


def _surely_holds(need: "tuple[int, int, int]", shape: "tuple[int, int, int]") -> bool:
    vcpus, memory_mib, gpus = need
    return shape[0] >= vcpus and shape[2] >= gpus and shape[1] * 7 // 8 - _SURELY_MIB >= memory_mib


def _judged(need: "tuple[int, int, int]", words: "Sequence[str]", cluster: "Body") -> "Misfit | None":
    """The same, slowly."""
    from cyclone_core.prices import table

    def of(names: "Iterable[str]") -> "list[Facts]":
        return [kind for name in names if (kind := table.facts(name)) is not None]

    kinds, is_ec2 = of(table.types_of(words)), cluster["launch_type"] == "EC2"
    if any(_holds(need, kind, is_ec2) for kind in kinds):
        return None
    same = [kind for kind in of(table.shipped().types) if kind.architecture == kinds[0].architecture and _holds(need, kind, is_ec2)]
    priced = sorted((usd, kind.type) for kind in same if (usd := table.on_demand(kind.type, "us-east-1")))
    would = [name for _, name in priced[:_NAMED]]
    return Misfit(_needs(need), f"{', '.join(words)}: {_most(need, kinds)}", would, _asked(cluster), _field(need, kinds))


def _holds(need: "tuple[int, int, int]", kind: "Facts", is_ec2: bool) -> bool:
    if is_ec2:
        from cyclone_core.scheduler.machines import Need, slots_of

        return slots_of(Need(*need), kind) > 0
    vcpus, memory_mib, gpus = need
    return kind.vcpus >= vcpus and kind.gpus >= gpus and kind.memory_mib - kind.memory_mib // _KERNEL >= memory_mib


def _needs(need: "tuple[int, int, int]") -> str:
    vcpus, memory_mib, gpus = need
    parts = [_count(vcpus, "vCPU"), *([_count(gpus, "GPU")] if gpus else []), f"{memory_mib:,} MiB of memory"]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _most(need: "tuple[int, int, int]", kinds: "Sequence[Facts]") -> str:
    """The largest of them that has the GPUs."""
    able = [kind for kind in kinds if kind.gpus >= need[2]]
    if not able:
        return "none has so many GPUs"
    largest = max(able, key=lambda kind: (kind.vcpus >= need[0], kind.memory_mib, kind.vcpus))
    return (
        f"the largest, {largest.type}, has {_count(largest.vcpus, 'vCPU')} and {largest.memory_mib:,} MiB, of which the system needs some"
    )


def _field(need: "tuple[int, int, int]", kinds: "Sequence[Facts]") -> str:
    if not any(kind.gpus >= need[2] for kind in kinds):
        return "gpu_count"
    return "memory_limit_mib" if any(kind.vcpus >= need[0] for kind in kinds) else "vcpus"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
