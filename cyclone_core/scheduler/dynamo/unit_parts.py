"""How a slice is cut into parts: where, and what each part has of it. Pure and lean."""

from itertools import pairwise

from cyclone_core.scheduler.dynamo.unit import Unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_PARTS = 40
"""Slices that one split makes; of 1,000 tasks √1000 = 32. A transaction takes 100 items."""


def fixed(unit: Unit) -> int:
    """Positions up to here stay in the slice: they may have been begun, or their outputs lie in its log objects."""
    logged = (row[1] for row, log in (*unit.results.values(), *unit.earlier) if log)
    return max(unit.mark, unit.low, max(logged, default=0))


def cuts(unit: Unit) -> list[int]:
    """Where to split what has not been begun, n tasks, into about √n parts: first positions, ascending; [] where nothing is left.

    The holder keeps the first part, as the next thing to do; a last task it does not keep, because somebody may be free for it now.
    """
    first = fixed(unit) + 1
    rest = unit.high - first + 1
    if not unit.array or rest < 1:
        return []
    if rest == 1:
        return [first]
    part = max(1, -(-rest // max(2, round(rest**0.5))))
    return list(range(first + part, unit.high + 1, part))[:MOST_PARTS]


def split(unit: Unit, at: "Sequence[int]") -> list[Unit]:
    """What comes of cutting it at these positions, above `fixed` and ascending: its shorter self, and the new slices.

    Each goes to the next cut, the last to the end; the new ones wait, with whatever is known of their tasks. The unit stays as it is:
    when all of them are written (`UnitStore.split`), it becomes the first (`become`). Raises ValueError for cuts that are none.
    """
    bounds = [*at, unit.high + 1]
    if not unit.array or not at or at[0] <= fixed(unit) or any(b <= a for a, b in pairwise(bounds)):
        raise ValueError(f"the slice {unit.low}-{unit.high}, of which {fixed(unit)} is begun, cannot be cut at {list(at)}")
    kept = Unit(unit.job, unit.low, at[0] - 1, True, unit.shape)
    become(kept, unit)
    _keep(kept, unit, at[0] - 1)
    parts = [kept]
    for low, end in pairwise(bounds):
        part = Unit(unit.job, low, end - 1, True, unit.shape)
        part.stopped = unit.stopped
        _keep(part, unit, end - 1)
        parts.append(part)
    return parts


def become(unit: Unit, other: Unit) -> None:
    """Let a unit be as another one is."""
    for name in Unit.__slots__:
        setattr(unit, name, getattr(other, name))


def _keep(part: Unit, whole: Unit, high: int) -> None:
    """Let a part have what is known of its tasks up to a position."""
    low = part.low
    part.high, part.touched = high, True
    part.results = {p: member for p, member in whole.results.items() if low <= p <= high}
    part.earlier = [member for member in whole.earlier if low <= member[0][1] <= high]
    part.histories = {p: history for p, history in whole.histories.items() if low <= p <= high}
    part.reasons = {key: reason for key, reason in whole.reasons.items() if low <= key[0] <= high}
    part.cancelled = {p for p in whole.cancelled if low <= p <= high}
    part.close_if_over()
