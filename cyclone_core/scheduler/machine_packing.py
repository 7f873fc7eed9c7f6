"""What a machine with several slots starts, and whom it asks to leave, by what waits in its cluster. Pure.

Words: a *child* is a worker that the machine runs, with a *width*: so many tasks of one definition at once, each with the definition's
vCPUs, memory and GPUs. The rules, in this order:

1. Definitions of a higher priority are served first, entirely. Of one priority who has the fewest vCPUs here gets the next slot, so that
   they come to have equally many; what one does not want, others get.
2. What all children have never is more than the machine offers, of any of the three.
3. New slots of a definition become few children, of `CHILD_VCPUS` each at most, so that room can be made in pieces. A child with GPUs has
   one slot: its tasks must not see the GPUs of others.
4. A definition that waits and found no room at all for `HUNGRY_S` is made room for: one child after the other is asked to leave, of lower
   priority first, then of those that have more than an equal share; a definition without any slot here takes from all. Meanwhile nothing
   of its priority or a lower one is started, or what is freed would be gone again.

Ties go to the first by name, so that equal questions have equal answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

CHILD_VCPUS = 8
"""A child looks after so many vCPUs at most, or one task."""
CHILD_MIB = 48
"""Memory that a child needs itself."""
HUNGRY_S = 60.0


@dataclass(frozen=True)
class Room:
    """vCPUs, memory (MiB) and GPUs."""

    vcpus: int
    memory_mib: int
    gpus: int = 0

    def __sub__(self, other: "Room") -> "Room":
        return Room(self.vcpus - other.vcpus, self.memory_mib - other.memory_mib, self.gpus - other.gpus)

    def times(self, slots: int) -> "Room":
        """What so many slots of this size need, the child around them included."""
        return Room(self.vcpus * slots, self.memory_mib * slots + CHILD_MIB, self.gpus * slots)

    def holds(self, other: "Room") -> bool:
        """Whether something fits into it."""
        return self.vcpus >= other.vcpus and self.memory_mib >= other.memory_mib and self.gpus >= other.gpus


@dataclass(frozen=True)
class Want:
    """What waits of a definition."""

    definition: str
    slot: Room
    """what a task needs"""
    slots: int
    """that it would have, beside those that it has"""
    priority: int = 0
    hungry_s: float = 0.0
    """so long it has been waiting without finding room"""


@dataclass(frozen=True)
class Child:
    """A child that runs. key: whatever names it."""

    key: int
    definition: str
    slot: Room
    width: int
    is_leaving: bool = False

    @property
    def room(self) -> Room:
        """That it has."""
        return self.slot.times(self.width)


@dataclass(frozen=True)
class Plan:
    """starts: (definition, width) of children to start, in order; leave: keys of children that are asked to leave; hungry: definitions
    that wait and found no room at all."""

    starts: tuple[tuple[str, int], ...] = ()
    leave: tuple[int, ...] = ()
    hungry: tuple[str, ...] = ()


def free(offer: Room, children: Iterable[Child]) -> Room:
    """What is left of an offer."""
    left = offer
    for child in children:
        left -= child.room
    return left


def fits(offer: Room, slot: Room) -> bool:
    """Whether a machine can ever run a task of that size."""
    return offer.holds(slot.times(1))


def width_of(slot: Room) -> int:
    """The widest child for tasks of that size."""
    return 1 if slot.gpus else max(1, CHILD_VCPUS // max(1, slot.vcpus))


def plan(offer: Room, wants: Sequence[Want], children: Sequence[Child], priorities: Mapping[str, int] | None = None) -> Plan:
    """What to do now. priorities: of definitions that have children here and want nothing, 0 where nothing is said."""
    state = _State(offer, wants, children, priorities or {})
    starving = next((want for want in state.wants if want.hungry_s >= HUNGRY_S and state.is_entitled(want)), None)
    if starving and state.left.holds(starving.slot.times(1)):
        starving = None
    allowed = [want for want in state.wants if starving is None or want is starving or want.priority > starving.priority]
    slots = state.slots(allowed)
    starts = tuple((want.definition, width) for want in allowed for width in _widths(want, slots[want.definition]))
    hungry = tuple(want.definition for want in state.wants if not slots.get(want.definition) and state.is_entitled(want))
    return Plan(starts, state.leave(starving) if starving else (), hungry)


class _State:
    """What is known of a machine while it is decided. wants: those that it can ever serve, by priority and name."""

    def __init__(self, offer: Room, wants: Sequence[Want], children: Sequence[Child], priorities: Mapping[str, int]) -> None:
        possible = (want for want in wants if want.slots > 0 and fits(offer, want.slot))
        self.wants = sorted(possible, key=lambda want: (-want.priority, want.definition))
        self.children, self.left = children, free(offer, children)
        self._priorities = {**priorities, **{want.definition: want.priority for want in wants}}
        self._has = {want.definition: 0 for want in self.wants}
        for child in children:
            self._has[child.definition] = self._has.get(child.definition, 0) + child.slot.vcpus * child.width
        self._share = offer.vcpus / max(1, len(self._has))

    def _priority(self, child: Child) -> int:
        return self._priorities.get(child.definition, 0)

    def is_entitled(self, want: Want) -> bool:
        """Whether others have what it should have: it has no slot, less than an equal share, or lower ones have some."""
        has = self._has[want.definition]
        return not has or has + want.slot.vcpus <= self._share or any(self._priority(child) < want.priority for child in self.children)

    def slots(self, wants: Sequence[Want]) -> dict[str, int]:
        """How many new slots each gets: one after the other, by priority and by how little it has."""
        given = {want.definition: 0 for want in wants}
        has, left, waiting = dict(self._has), self.left, list(wants)
        while waiting:
            want = min(waiting, key=lambda want: (-want.priority, has[want.definition], want.definition))
            need = _next(want, given[want.definition])
            if given[want.definition] >= want.slots or not left.holds(need):
                waiting.remove(want)
                continue
            left -= need
            given[want.definition] += 1
            has[want.definition] += max(1, want.slot.vcpus)
        return given

    def leave(self, want: Want) -> tuple[int, ...]:
        """The next child that is to leave for a definition; none while others are leaving."""
        victims = [child for child in self.children if self._is_victim(child, want)]
        if not victims or any(child.is_leaving for child in self.children):
            return ()
        return (min(victims, key=lambda child: (self._priority(child), -self._has[child.definition], -child.key)).key,)

    def _is_victim(self, child: Child, want: Want) -> bool:
        priority = self._priority(child)
        if child.definition == want.definition or priority > want.priority:
            return False
        return priority < want.priority or not self._has[want.definition] or self._has[child.definition] > self._share


def _next(want: Want, given: int) -> Room:
    """What one more slot needs: the first of each child brings the child."""
    slot = want.slot
    return slot.times(1) if given % width_of(slot) == 0 else slot


def _widths(want: Want, slots: int) -> list[int]:
    most = width_of(want.slot)
    return [most] * (slots // most) + ([slots % most] if slots % most else [])
