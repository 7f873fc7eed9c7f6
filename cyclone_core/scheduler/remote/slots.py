"""Which slots a machine starts for what waits in its cluster, and which of its workers leave for others (`machine_packing` decides)."""

from dataclasses import replace

from cyclone_core.scheduler import machine_packing
from cyclone_core.scheduler.machine_packing import Room, Want
from cyclone_core.scheduler.remote import backlog
from cyclone_core.scheduler.remote.log import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.scheduler.remote.backlog import Backlog
    from cyclone_core.scheduler.remote.children import Children
    from cyclone_core.scheduler.remote.offer import Offer

LOST_S = 15.0
"""Between two looks for tasks whose worker may be dead."""


class Slots:
    """See the module. backlog: what waited at the last look; None: nobody answered. Times are the clock's seconds."""

    def __init__(self, offer: "Offer", children: "Children") -> None:
        self._room, self._children = Room(offer.vcpus, offer.memory_mib, offer.gpus), children
        self.backlog: Backlog | None = None
        self._hungry_since: dict[str, float] = {}
        self._look_at: dict[str, float] = {}
        """definition -> when a slot is started for what may be lost of it"""
        self._lookouts: set[int] = set()
        """children that were started for that, or of a definition whose last one could not work: without work they keep no instance"""

    @property
    def free(self) -> Room:
        """What is left of the machine."""
        return machine_packing.free(self._room, self._children.packed())

    @property
    def are_in_use(self) -> bool:
        """Whether something runs that keeps an instance."""
        return any(child.running or child.pid not in self._lookouts for child in self._children.all.values())

    def pack(self, now: float) -> None:
        """Start what there is room for, and let some leave for who has waited long."""
        if self.backlog is None:
            return
        lost = self._perhaps_lost(self.backlog, now)
        wants = [*self._wants(self.backlog, now), *lost]
        plan = machine_packing.plan(self._room, wants, self._children.packed(), self.backlog.priorities)
        self._hungry_since = {name: self._hungry_since.get(name, now) for name in plan.hungry}
        self._children.leave(plan.leave)
        if self._start(self.backlog, plan.starts, {want.definition: want.slot for want in wants}):
            names = {want.definition for want in lost} | {name for name, _ in plan.starts if self._children.struggles(name)}
            new = {pid for pid, child in self._children.all.items() if child.definition in names}
            self._lookouts = {pid for pid in self._lookouts if pid in self._children.all} | new

    def _start(self, found: "Backlog", starts: "tuple[tuple[str, int], ...]", slots: "dict[str, Room]") -> bool:
        """Start children; whether all could be."""
        for name, width in starts:
            try:
                self._children.start(found.definitions[name], slots[name], width)
            except OSError as exc:
                self._children.rest(name)
                log(f"no worker can be started for definition {name}: {exc.strerror}")
                return False
        return True

    def _wants(self, found: "Backlog", now: float) -> "list[Want]":
        """What waits, less the slots here that wait for it."""
        wants = []
        for want in found.wants:
            slots = want.slots - self._children.idle_slots(want.definition)
            if slots > 0 and not self._children.rests(want.definition):
                wants.append(replace(want, slots=slots, hungry_s=now - self._hungry_since.get(want.definition, now)))
        return wants

    def _perhaps_lost(self, found: "Backlog", now: float) -> "list[Want]":
        """A slot for a moment, now and then, for definitions of which tasks run, and none here.

        Whoever had them may be dead: such a task counts as running until somebody has taken its message again.
        """
        here = {child.definition for child in self._children.all.values()} | {want.definition for want in found.wants}
        names = {name for name in found.running - here if not self._children.rests(name)}
        self._look_at = {name: self._look_at.get(name, now + LOST_S) for name in names}
        due = sorted(name for name, at in self._look_at.items() if now >= at)
        self._look_at |= dict.fromkeys(due, now + LOST_S)
        return [Want(name, backlog.slot(found.definitions[name]), 1, found.priorities[name]) for name in due]
