"""What is asked of GetSpotPlacementScores: few questions, always the same, as AWS limits how many different ones a day it answers. Pure.

AWS answers for at most ten regions, and with fewer than three instance types scores are always low
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-placement-score.html). A request that was made lately may be repeated; a new one
may be refused for the rest of the day. So types and regions are sorted, and capacity has few steps. An account that has used little spot
lately is refused scores of more than a limit that nobody tells: then a lower step is asked about, or at last what any account may ask.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

MOST_REGIONS = 10
LEAST_TYPES, MOST_TYPES = 3, 60
"""Instance types in a request; AWS takes 1,000, and more than some say nothing more."""
STEPS = (64, 256, 1024, 4096, 16384)
"""vCPUs that are asked about."""
LEAST_STEP = 4
"""What an account without any use of spot may ask about: its limit follows that of spot requests, five vCPUs of a new account."""
SIZES = ("large", "xlarge", "2xlarge", "4xlarge")
"""Of a family, where nobody knows its types."""
FAMILIES = {
    "optimal": ("c6i", "c7i", "m6i", "r6i"),
    "default_x86_64": ("c6i", "c7i", "m6i", "r6i"),
    "default_arm64": ("c6g", "c7g", "m6g", "r6g"),
}
"""What AWS Batch means by these words (November 2026)."""


@dataclass(frozen=True)
class ScoreRequest:
    """One call of GetSpotPlacementScores; equal ones are the same question."""

    regions: tuple[str, ...]
    """sorted, 1 to 10"""
    types: tuple[str, ...]
    """sorted, 3 or more"""
    vcpus: int
    """TargetCapacity, one of `STEPS` or `LEAST_STEP`, in each region"""


def score_requests(names: Sequence[str], max_vcpus: int, regions: Sequence[str], known: Collection[str] = ()) -> tuple[ScoreRequest, ...]:
    """The calls for a cluster: instance types, families or words as its record has them. () where no score would say anything.

    max_vcpus: of the cluster in a region; known: instance types that there are, for what families mean.
    """
    types = score_types(names, known)
    if not types:
        return ()
    ordered = sorted(set(regions))
    parts = (tuple(ordered[first : first + MOST_REGIONS]) for first in range(0, len(ordered), MOST_REGIONS))
    return tuple(ScoreRequest(part, types, capacity_step(max_vcpus)) for part in parts)


def capacity_step(vcpus: int) -> int:
    """vCPUs that are asked about for so many: the next step, and the last for more than that."""
    return next((step for step in STEPS if step >= vcpus), STEPS[-1])


def allowed_steps(step: int, refused: int | None = None) -> tuple[int, ...]:
    """What to ask about for a step, one after the other until one is not refused: three at most, () where all were refused.

    refused: the lowest that this account was refused lately, None where it was none.
    """
    first = step if refused is None or step < refused else _below(refused)
    return tuple(dict.fromkeys(each for each in (first, _below(first), LEAST_STEP if first else 0) if each))


def _below(vcpus: int) -> int:
    """The next lower step, 0 where there is none."""
    return max((step for step in (LEAST_STEP, *STEPS) if step < vcpus), default=0)


def score_types(names: Sequence[str], known: Collection[str] = ()) -> tuple[str, ...]:
    """The instance types that are asked about, sorted. Of fewer than three their families are; () where that is too few as well."""
    words = [each for name in names for each in FAMILIES.get(name, (name,))]
    types = {each for word in words for each in ([word] if "." in word else _family(word, known))}
    if 0 < len(types) < LEAST_TYPES:
        types |= {each for one in types for each in _family(one.partition(".")[0], known)} if known else set()
    return tuple(sorted(types)[:MOST_TYPES]) if len(types) >= LEAST_TYPES else ()


def _family(family: str, known: Collection[str]) -> list[str]:
    found = [each for each in known if each.partition(".")[0] == family]
    return found if known else [f"{family}.{size}" for size in SIZES]
