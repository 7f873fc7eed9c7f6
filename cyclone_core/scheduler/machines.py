"""Machines with slots, as the scaler counts them, and which instances are asked for where there are too few. Pure.

A machine gives its vCPUs and memory to workers of any lane of its cluster (`machine_packing`). So what counts is not for whom a machine was
asked for, but what room it has:

1. slots that workers have already count for their lanes, and those of machines that leave as ending;
2. free room of machines that are there counts as running for lanes that want workers, by priority and name, for it is theirs in seconds;
   after it the room of machines that start, as starting;
3. room of starting machines that nobody wants counts for the lane that they were asked for, so that it is seen as spare;
4. vCPUs of a machine that are in no lane's workers are `idle`: the cluster has so many fewer.

A request for workers of a lane becomes one for instances (`instances_for`): a type counts as many units as it has slots of the lane. An
EC2 Fleet stops when its units are reached, so the last instance may bring more than was asked for. How many units may be asked for follows
from the vCPUs that are left, whichever types AWS picks: a cluster's limit holds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from cyclone_core.prices.table import Facts
from cyclone_core.scheduler.capacity import Crew, Lane
from cyclone_core.scheduler.machine_packing import CHILD_MIB

MOST_INSTANCES = 500
"""Of one request."""
MOST_POOLS = 280
"""Types times subnets of one request; AWS takes 300 in most kinds of fleets."""
_HIDDEN_MIB, _RESERVED_MIB = 300, 192
"""What Linux does not find of the memory on a data sheet, beside a thirtieth of it; and what a machine keeps at least."""
_WASTEFUL = 2
"""Types that take so many times the vCPUs of the best one for a slot are left out."""
_CAUTIOUS = 4
"""An instance has at most this part of the vCPUs that are left, where there are smaller ones: the last one must fit, too."""


@dataclass(frozen=True)
class Need:
    """What a worker of a lane takes of a machine."""

    vcpus: int = 1
    memory_mib: int = 0
    gpus: int = 0


THERE, STARTING, LEAVING = "there", "starting", "leaving"


@dataclass(frozen=True)
class Room:
    """A machine, as far as its room counts."""

    cluster: str
    region: str
    vcpus: int
    memory_mib: int
    gpus: int = 0
    widths: Mapping[str, int] = field(default_factory=dict)
    """definition -> slots that its workers have"""
    free: Need | None = None
    """what is free, as the machine says; None: what its widths leave"""
    state: str = THERE
    meant_for: str = ""
    """definition that a starting one was asked for"""


@dataclass(frozen=True)
class Want:
    """Workers that a lane wants, beside those that it has elsewhere."""

    lane: Lane
    workers: int
    priority: int = 0


@dataclass(frozen=True)
class Count:
    """What machines come to."""

    crews: Mapping[tuple[Lane, str], Crew]
    idle: Mapping[tuple[str, str], int]
    """(cluster, region) -> vCPUs of machines that are in no worker of `crews`"""


@dataclass(frozen=True)
class Instances:
    """What a fleet is asked for."""

    units: int
    weights: Mapping[Facts, int]
    """type -> units that one of it brings; {} when no type serves"""
    why: str = ""
    """why nothing is asked for"""


def slots(need: Need, vcpus: int, memory_mib: int, gpus: int = 0) -> int:
    """Workers that fit."""
    most = [vcpus // max(1, need.vcpus)]
    if need.memory_mib:
        most.append(memory_mib // need.memory_mib)
    if need.gpus:
        most.append(gpus // need.gpus)
    return max(0, min(most))


def slots_of(need: Need, kind: Facts) -> int:
    """Workers that fit on an instance."""
    return slots(need, kind.vcpus, usable_mib(kind.memory_mib), kind.gpus)


def room_of(cluster: str, region: str, kind: Facts, meant_for: str) -> Room:
    """An instance that starts: all that it will have, whoever it was asked for."""
    held = (kind.vcpus, usable_mib(kind.memory_mib) + CHILD_MIB, kind.gpus)
    return Room(cluster, region, *held, state=STARTING, meant_for=meant_for)


def usable_mib(memory_mib: int) -> int:
    """Memory for workers of an instance that has so much by its data sheet, rather less than it will offer (`remote.offer`).

    Firmware and kernel take nearly a tenth of small instances and a thirtieth of large ones; then system, machine and worker theirs.
    """
    found = memory_mib - memory_mib // 31 - _HIDDEN_MIB
    return max(0, found - max(_RESERVED_MIB, found // 32) - CHILD_MIB)


# -- counting -----------------------------------------------------------------------------------------------------------------------
def count(rooms: Iterable[Room], needs: Mapping[str, Need], wants: Sequence[Want]) -> Count:
    """How machines count. needs: by definition; of one that is not in it a slot has a vCPU.

    wants: what is missing of lanes without any machine; those on machines are subtracted here.
    """
    counting = _Counting(rooms, needs)
    for want in sorted(wants, key=lambda want: (-want.priority, want.lane)):
        counting.serve(want)
    counting.leave_the_rest()
    return Count(counting.crews(), counting.idle())


class _Counting:
    """Rooms, and what of them is taken so far."""

    def __init__(self, rooms: Iterable[Room], needs: Mapping[str, Need]) -> None:
        self._rooms, self._needs = sorted(rooms, key=lambda room: room.state != THERE), needs
        self._free = [_free(room, self._need) for room in self._rooms]
        self._counts: dict[tuple[Lane, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        self._taken = [0] * len(self._rooms)
        for number, room in enumerate(self._rooms):
            for definition, width in room.widths.items():
                self._add(number, definition, width, 2 if room.state == LEAVING else 1)

    def _need(self, definition: str) -> Need:
        return self._needs.get(definition, Need())

    def _add(self, number: int, definition: str, workers: int, where: int) -> None:
        """where: 0 starting, 1 running, 2 ending."""
        room = self._rooms[number]
        self._counts[Lane(room.cluster, definition), room.region][where] += workers
        self._taken[number] += workers * max(1, self._need(definition).vcpus)

    def serve(self, want: Want) -> None:
        """Free room for a lane, until it has what it wants."""
        lane = want.lane
        have = sum(counted[0] + counted[1] for (each, _), counted in self._counts.items() if each == lane)
        missing = want.workers - have
        for number, room in enumerate(self._rooms):
            if missing <= 0:
                return
            if room.cluster == lane.cluster and room.state != LEAVING:
                missing -= self._give(number, lane.definition, missing)

    def _give(self, number: int, definition: str, most: int) -> int:
        need, free = self._need(definition), self._free[number]
        given = min(most, slots(need, free.vcpus, free.memory_mib - CHILD_MIB, free.gpus))  # their worker needs some itself
        if given > 0:
            self._free[number] = less(replace(free, memory_mib=free.memory_mib - CHILD_MIB), need, given)
            self._add(number, definition, given, 0 if self._rooms[number].state == STARTING else 1)
        return max(0, given)

    def leave_the_rest(self) -> None:
        """What starts and is wanted by nobody is the spare of those for whom it was asked."""
        for number, room in enumerate(self._rooms):
            if room.state == STARTING and room.meant_for:
                self._give(number, room.meant_for, room.vcpus)

    def crews(self) -> dict[tuple[Lane, str], Crew]:
        """Workers by lane and region."""
        return {where: Crew(*counted) for where, counted in sorted(self._counts.items()) if any(counted)}

    def idle(self) -> dict[tuple[str, str], int]:
        """vCPUs in no worker."""
        found: dict[tuple[str, str], int] = defaultdict(int)
        for room, taken in zip(self._rooms, self._taken, strict=True):
            found[room.cluster, room.region] += max(0, room.vcpus - taken)
        return {where: vcpus for where, vcpus in found.items() if vcpus}


def _free(room: Room, need_of: Callable[[str], Need]) -> Need:
    if room.free is not None:
        return room.free
    free = Need(room.vcpus, room.memory_mib, room.gpus)
    for definition, width in room.widths.items():
        free = less(free, need_of(definition), width)
    return free


def less(free: Need, need: Need, workers: int) -> Need:
    """Room without that of so many workers."""
    return Need(
        max(0, free.vcpus - workers * max(1, need.vcpus)),
        max(0, free.memory_mib - workers * need.memory_mib),
        max(0, free.gpus - workers * need.gpus),
    )


def both(one: Need, other: Need) -> Need:
    """Two rooms, as one."""
    return Need(one.vcpus + other.vcpus, one.memory_mib + other.memory_mib, one.gpus + other.gpus)


# -- asking -------------------------------------------------------------------------------------------------------------------------
def instances_for(need: Need, kinds: Iterable[Facts], workers: int, room: int, subnets: int = 1) -> Instances:
    """What to ask a fleet for, so that it brings `workers` workers or as many as the limit allows.

    room: vCPUs that the cluster may still use; whichever types the fleet picks, and however often, all of its instances have at most so
    many. subnets: that each type is asked for in.
    """
    fitting = _fitting(need, kinds)
    if not fitting:
        return Instances(0, {}, "none of its instance types holds a worker")
    least_vcpus, least_slots = min(kind.vcpus for kind in fitting), min(fitting.values())
    if least_vcpus > room:
        return Instances(0, {}, f"{room} vCPUs are left, and the smallest of its instances has {least_vcpus}")
    most_vcpus = max(least_vcpus, room // _CAUTIOUS)
    most_slots = max(least_slots, workers)
    chosen = {kind: held for kind, held in fitting.items() if kind.vcpus <= most_vcpus and held <= most_slots}
    if not chosen:  # the smallest in vCPUs holds more than the smallest in slots
        chosen = {kind: held for kind, held in fitting.items() if kind.vcpus <= most_vcpus}
    chosen = _not_too_small(chosen, workers)
    weights = _not_too_many(chosen, max(1, MOST_POOLS // max(1, subnets)))
    return Instances(_units(weights, workers, room), weights)


def least_held(need: Need, kinds: Iterable[Facts]) -> int:
    """Workers of the smallest instance that may come, 0 where none holds any."""
    return min(_fitting(need, kinds).values(), default=0)


def _fitting(need: Need, kinds: Iterable[Facts]) -> dict[Facts, int]:
    """Types that hold a worker, and do not waste half of their vCPUs -> how many."""
    found = {kind: held for kind in kinds if (held := slots_of(need, kind)) > 0}
    best = min((_ratio(kind, held) for kind, held in found.items()), default=Fraction(0))
    return {kind: held for kind, held in found.items() if _ratio(kind, held) <= _WASTEFUL * best}


def _not_too_small(weights: Mapping[Facts, int], workers: int) -> dict[Facts, int]:
    """Without types of which a request would need too many."""
    least = min(max(weights.values()), -(-workers // MOST_INSTANCES))
    return {kind: held for kind, held in weights.items() if held >= least}


def _not_too_many(weights: Mapping[Facts, int], most: int) -> dict[Facts, int]:
    """The thriftiest, and of those the largest: fewer machines have fewer systems of their own."""
    order = sorted(weights, key=lambda kind: (_ratio(kind, weights[kind]), -weights[kind], kind.type))
    return {kind: weights[kind] for kind in order[:most]}


def _units(weights: Mapping[Facts, int], workers: int, room: int) -> int:
    """So many that all instances but the last, and it, have at most `room` vCPUs, and are not too many."""
    worst = max(_ratio(kind, held) for kind, held in weights.items())
    last = max(kind.vcpus for kind in weights)
    by_room = 1 + int((room - last) / worst)
    return max(1, min(workers, by_room, MOST_INSTANCES * min(weights.values())))


def most_vcpus(asked: Instances) -> int:
    """vCPUs that a fleet may come to have at most."""
    if not asked.weights:
        return 0
    worst = max(_ratio(kind, held) for kind, held in asked.weights.items())
    return int((asked.units - 1) * worst) + max(kind.vcpus for kind in asked.weights)


def _ratio(kind: Facts, held: int) -> Fraction:
    """vCPUs of a slot."""
    return Fraction(kind.vcpus, held)
