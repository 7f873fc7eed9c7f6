"""Sharing whole things by weights, between what somebody has already and what somebody can take. Pure and exact.

The rule: everybody is filled up to one common level (times the weight); who is above it already keeps what it has, who cannot take as much
takes what it can, and the level rises for the others. Fractions go to the largest remainders (Hamilton's method), the first name first.
"""

from collections.abc import Hashable, Mapping
from fractions import Fraction
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def fill(weights: Mapping[Name, int | Fraction], least: Mapping[Name, int], most: Mapping[Name, int], total: int) -> dict[Name, int]:
    """Whole numbers, as near to the weights' proportions as can be, that sum to `total`.

    weights: all above 0; least, most: bounds of each, least <= most. A total outside of the sums of the bounds is taken as the nearest of
    them. Equal remainders: in the order of `weights`.
    """
    total = min(max(total, sum(least[name] for name in weights)), sum(most[name] for name in weights))
    level = _level(weights, least, most, total)
    exact = {name: _clamped(weights[name] * level, least[name], most[name]) for name in weights}
    found = {name: int(share) for name, share in exact.items()}
    missing = total - sum(found.values())
    for name in sorted(exact, key=lambda name: found[name] - exact[name])[:missing]:  # sorted is stable
        found[name] += 1
    return found


def _level(weights: Mapping[Name, int | Fraction], least: Mapping[Name, int], most: Mapping[Name, int], total: int) -> Fraction:
    """The level at which the shares sum to the total; between two neighbouring bounds their sum grows evenly."""

    def filled(level: Fraction) -> Fraction:
        return sum((_clamped(weights[name] * level, least[name], most[name]) for name in weights), Fraction(0))

    below, under = Fraction(0), filled(Fraction(0))
    for bound in sorted({Fraction(bounds[name], weights[name]) for bounds in (least, most) for name in weights}):
        here = filled(bound)
        if here >= total:
            return below if here == under else below + (total - under) * (bound - below) / (here - under)
        below, under = bound, here
    return below


def _clamped(share: Fraction, least: int, most: int) -> Fraction:
    return min(max(share, Fraction(least)), Fraction(most))
