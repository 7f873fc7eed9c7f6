"""A machine with several slots: a parent that starts workers for what waits in its cluster, and knows nothing of leases.

    TOTALS, records ──▶ backlog ──▶ machine_packing ──▶ children ──▶ workers, each with the slots of one definition

Everything that a job is promised is its worker's business (`supervisor`); when one dies, the machine and its other workers go on. The
parent asks AWS from threads (`calls`), so that an answer that takes long keeps nobody from being reaped or told.

It leaves when it is told to (SIGTERM, SIGINT: what runs may go on for `stop_s`; a second one: at once), when somebody asks it to (`leave`
of its item), when its spot capacity is taken back or likely to be (what runs may end), and an instance also when nothing has run for
`idle_s` or the main region has been silent for `silent_s`. A machine that joined goes on trying for ever: its workers end what they run
when their leases end, and are started anew when the main region answers.
"""

import os
import select
import time
from dataclasses import replace
from signal import SIG_IGN, SIGCHLD, SIGHUP, SIGINT, SIGTERM, getsignal

from cyclone_core import __version__
from cyclone_core.errors import CycloneError
from cyclone_core.scheduler import machine_packing
from cyclone_core.scheduler.dynamo import machine_items
from cyclone_core.scheduler.dynamo.machine_items import EC2, IDLE, LEAVING, ONPREM, WORKING
from cyclone_core.scheduler.machine_packing import Room
from cyclone_core.scheduler.remote import backlog, clock, usage
from cyclone_core.scheduler.remote.calls import Arrivals, Calls
from cyclone_core.scheduler.remote.log import log
from cyclone_core.scheduler.remote.machine import SPOT_S
from cyclone_core.scheduler.remote.notice import LOOK_S, Instance
from cyclone_core.scheduler.remote.process import wakeup_pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.scheduler.dynamo.records import Records
    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.remote.backlog import Backlog
    from cyclone_core.scheduler.remote.children import Children
    from cyclone_core.scheduler.remote.offer import Offer

    Error = CycloneError | OSError | None

TICK_S = 0.5
ASK_S, ASK_FULL_S = 2.0, 5.0
"""Between two looks at what waits: while there is room, and while there is none."""
SAY_S, SAY_BUSY_S, SAY_CHANGE_S = 60.0, 15.0, 3.0
"""Between two words of the machine: while nothing changes, while tasks come and go, and at least."""
TIDY_S = 10.0
LOST_S = 15.0
"""Between two looks for tasks whose worker may be dead."""
SLOW_S = 30.0
"""Children that take so much longer than they may are killed."""
_QUIET_S, _MOST_QUIET_S = 30.0, 3600.0
_PURCHASES = {"spot": "spot", "on-demand": "ondemand", "capacity-block": "ondemand"}
"""What the metadata service calls them."""


class MachineMode:
    """See the module. `run` returns the exit code."""

    def __init__(self, offer: "Offer", table: "Table", records: "Records", children: "Children", instance: Instance | None = None) -> None:
        self.offer, self.table, self.records, self.children = offer, table, records, children
        self.instance = instance or Instance()
        self.arrivals = Arrivals()
        self.asks, self.notes, self.notices = (Calls(self.arrivals, 1) for _ in range(3))
        is_hung_up = getsignal(SIGHUP) != SIG_IGN  # not with `nohup`
        self.signals = wakeup_pipe(SIGTERM, SIGINT, SIGCHLD, *([SIGHUP] if is_hung_up else []))
        self.poll = select.poll()
        for descriptor in (self.signals, self.arrivals.descriptor):
            self.poll.register(descriptor, select.POLLIN)
        self.room = Room(offer.vcpus, offer.memory_mib, offer.gpus)
        self.backlog: Backlog | None = None
        self.hungry_since: dict[str, float] = {}
        self.look_at: dict[str, float] = {}
        """definition -> when a slot is started for what may be lost of it"""
        self.lookouts: set[int] = set()
        """children that were started for that, or of a definition whose last one could not work: without work they keep no instance"""
        now = clock.seconds()
        self.ask_at = self.say_at = self.notice_at = 0.0
        self.tidy_at = now + TIDY_S
        self.answered_at = self.busy_at = now
        self.silent_since = self.told_at = 0.0
        self.quiet_s = _QUIET_S
        self.stop_at = self.kill_at = float("inf")
        self.why, self.exit_code, self.is_stopped = "", 0, False
        self.said, self.shown = machine_items.Machine(offer.cluster, offer.region, offer.name), ""
        self.is_known, self.is_unheard = False, False
        """whether a word of it was heard, and whether the last one was not"""

    # -- the loop -----------------------------------------------------------------------------------------------------
    def run(self) -> int:
        """Work until it leaves; 0 when all is well."""
        self._begin()
        while not (self.why and not self.children.all and not self.notes.open):  # a word that is under way would come after the end
            self._step()
        _, done = self.children.counts()
        log(f"leaves: {self.why}; {done:,} tasks have ended here")
        self.children.end_orphans()
        self._end()
        return self.exit_code

    def _begin(self) -> None:
        """Learn what this machine is, as far as somebody tells."""
        offer = self.offer
        instance_type, zone = "", ""
        if offer.is_instance and (found := self.instance.name()):
            offer.instance = found
            instance_type, zone = self.instance.get("instance-type"), self.instance.get("placement/availability-zone")
            offer.purchase = offer.purchase or _PURCHASES.get(self.instance.get("instance-life-cycle"), "")
        offer.name, offer.purchase = offer.name or offer.instance, offer.purchase or ("ondemand" if offer.is_instance else "own")
        self.children.place = usage.place_of_machine(self.table, offer, instance_type, zone)
        self.said = replace(
            self.said, name=offer.name, launch=EC2 if offer.is_instance else ONPREM, instance=offer.instance, instance_type=instance_type,
            purchase=offer.purchase, zone=zone, usd=offer.usd, vcpus=offer.vcpus, memory_mib=offer.memory_mib, gpus=offer.gpus,
            started=int(time.time()), request=offer.request, version=__version__,
        )  # fmt: skip
        gpus = f", {offer.gpus} GPUs" if offer.gpus else ""
        what = f"offers {offer.vcpus:,} vCPUs, {offer.memory_mib:,} MiB of memory{gpus}"
        log(f"machine {offer.name} in {offer.region} {what} to cluster {offer.cluster} of host {offer.host} ({offer.main_region})")

    def _step(self) -> None:
        for descriptor, _ in self.poll.poll(TICK_S * 1000):
            if descriptor == self.signals:
                self._signalled()
            else:
                self.arrivals.take_in()
        now = clock.seconds()
        if self.children.reap() | self.children.look():
            self._pack(now)
        if any(child.running or child.pid not in self.lookouts for child in self.children.all.values()):
            self.busy_at = now
        self._ask(now)
        self._look_out(now)
        self._watch(now)
        self._say(now)
        self._tidy(now)

    def _signalled(self) -> None:
        for number in os.read(self.signals, 512):
            if number in (SIGTERM, SIGINT, SIGHUP):
                self._stop("it was told to end", 0.0 if self.is_stopped else self.offer.stop_s)

    # -- work ---------------------------------------------------------------------------------------------------------
    def _ask(self, now: float) -> None:
        """Look at what waits."""
        if self.why or self.asks.open or now < self.ask_at:
            return
        is_full = machine_packing.free(self.room, self.children.packed()).vcpus <= 0
        self.ask_at = now + (ASK_FULL_S if is_full else ASK_S)
        self.asks.start(backlog.look, self.table, self.records, self.offer.cluster, done=self._asked)

    def _asked(self, found: "Backlog | None", error: "Error") -> None:
        self.backlog = found
        if found is None:
            self._trouble(error)
            return
        self._answered()
        self._pack(clock.seconds())

    def _pack(self, now: float) -> None:
        """Start what there is room for, and let some leave for who has waited long."""
        if self.why or self.backlog is None:
            return
        wants = []
        for want in self.backlog.wants:
            slots = want.slots - self.children.idle_slots(want.definition)
            if slots > 0 and not self.children.rests(want.definition):
                wants.append(replace(want, slots=slots, hungry_s=now - self.hungry_since.get(want.definition, now)))
        wants += (lost := self._perhaps_lost(now))
        plan = machine_packing.plan(self.room, wants, self.children.packed(), self.backlog.priorities)
        self.hungry_since = {name: self.hungry_since.get(name, now) for name in plan.hungry}
        self.children.leave(plan.leave)
        slots_of = {want.definition: want.slot for want in wants}
        for name, width in plan.starts:
            try:
                self.children.start(self.backlog.definitions[name], slots_of[name], width)
            except OSError as exc:
                self.children.rest(name)
                log(f"no worker can be started for definition {name}: {exc.strerror}")
                return
        names = {want.definition for want in lost} | {name for name, _ in plan.starts if self.children.struggles(name)}
        new = {pid for pid, child in self.children.all.items() if child.definition in names}
        self.lookouts = {pid for pid in self.lookouts if pid in self.children.all} | new

    def _perhaps_lost(self, now: float) -> "list[machine_packing.Want]":
        """A slot for a moment, now and then, for definitions of which tasks run, and none here.

        Whoever had them may be dead: such a task counts as running until somebody has taken its message again.
        """
        if self.backlog is None:
            return []
        here = {child.definition for child in self.children.all.values()} | {want.definition for want in self.backlog.wants}
        names = {name for name in self.backlog.running - here if not self.children.rests(name)}
        self.look_at = {name: self.look_at.get(name, now + LOST_S) for name in names}
        due = sorted(name for name, at in self.look_at.items() if now >= at)
        self.look_at |= dict.fromkeys(due, now + LOST_S)
        found = ((name, backlog.slot(self.backlog.definitions[name]), self.backlog.priorities[name]) for name in due)
        return [machine_packing.Want(name, slot, 1, priority) for name, slot, priority in found]

    # -- what may go wrong --------------------------------------------------------------------------------------------
    def _answered(self) -> None:
        now = clock.seconds()
        if self.silent_since:
            log(f"the main region answers again, after {now - self.silent_since:.0f} s")
        self.answered_at, self.silent_since, self.quiet_s = now, 0.0, _QUIET_S

    def _trouble(self, error: "Error") -> None:
        """It is tried again, for ever, and told ever more seldom."""
        now = clock.seconds()
        self.silent_since = self.silent_since or now
        if now >= self.told_at + self.quiet_s or now - self.silent_since < TICK_S:
            log(f"{error}. It is tried again")
            self.told_at, self.quiet_s = now, min(_MOST_QUIET_S, self.quiet_s * 2)

    def _look_out(self, now: float) -> None:
        """Whether the instance will be taken away."""
        if not self.offer.is_instance or self.notices.open or now < self.notice_at or not self.instance.is_there:
            return
        self.notice_at = now + LOOK_S
        self.notices.start(self._notice, done=self._noticed)

    def _notice(self) -> "tuple[bool, bool]":
        taken = self.instance.is_interrupted()
        return taken, bool(not taken and self.instance.get("events/recommendations/rebalance"))

    def _noticed(self, found: "tuple[bool, bool] | None", error: "Error") -> None:
        taken, likely = found or (False, False)
        if taken:
            self._leave("its spot capacity is taken back")
            self.stop_at = min(self.stop_at, clock.seconds() + max(0.0, SPOT_S - self.offer.stop_s))
            self.kill_at = min(self.kill_at, clock.seconds() + SPOT_S + SLOW_S / 2)
        elif likely:
            self.said = replace(self.said, is_asked_to_leave=True)  # what runs ends here, and wants no other instance meanwhile
            self._leave("its spot capacity is likely to be taken back")

    def _watch(self, now: float) -> None:
        """Ends of times."""
        offer = self.offer
        if not self.why and offer.idle_s and now - self.busy_at >= offer.idle_s:
            self._leave(f"nothing has run for {offer.idle_s:g} s")
        if not self.why and offer.silent_s and now - self.answered_at >= offer.silent_s:
            self._leave(f"the main region has been silent for {offer.silent_s:g} s")
        if self.stop_at <= now and not self.is_stopped:
            self._stop(self.why, offer.stop_s)
        if self.kill_at <= now:
            self.kill_at = now + SLOW_S
            log("its workers take too long to leave, and are killed")
            self.children.kill()

    def _tidy(self, now: float) -> None:
        if now >= self.tidy_at:
            self.tidy_at = now + TIDY_S
            self.children.end_orphans()
            self._show()

    def _show(self) -> None:
        """A line for whoever reads the log, when there is something new."""
        running, done = self.children.counts()
        lanes = ", ".join(f"{slots} of {name}" for name, slots in self.children.widths().items()) or "none"
        shown = f"slots: {lanes}; {running:,} tasks run, {done:,} have ended"
        if shown != self.shown:
            self.shown = shown
            log(shown)

    # -- leaving ------------------------------------------------------------------------------------------------------
    def _leave(self, why: str) -> None:
        """Take nothing more, and let what runs end."""
        if self.why:
            return
        log(f"takes no more work: {why}")
        self.why = why
        self.children.drain()

    def _stop(self, why: str, seconds: float) -> None:
        """Take nothing more; what runs may go on for so long."""
        now = clock.seconds()
        if not self.why:
            log(f"takes no more work: {why}; what runs may go on for {seconds:g} s")
            self.why = why
        self.is_stopped, self.kill_at = True, min(self.kill_at, now + seconds + SLOW_S)
        self.children.stop()

    # -- what it says of itself ---------------------------------------------------------------------------------------
    def _say(self, now: float) -> None:
        if self.notes.open or now < self.say_at:
            return
        found = self._state()
        is_other = (found.state, found.lanes) != (self.said.state, self.said.lanes)
        is_news = (found.tasks, found.done) != (self.said.tasks, self.said.done)
        if is_other or self.is_unheard or now >= self.say_at - SAY_CHANGE_S + (SAY_BUSY_S if is_news else SAY_S):
            self.said, self.say_at = found, now + SAY_CHANGE_S
            self.notes.start(machine_items.write, self.table, found, not self.is_known, done=self._heard)

    def _state(self) -> machine_items.Machine:
        left = machine_packing.free(self.room, self.children.packed())
        running, done = self.children.counts()
        state = LEAVING if self.why else WORKING if self.children.all else IDLE
        return replace(
            self.said, state=state, lanes=self.children.widths(), tasks=running, done=done, seen=int(time.time()),
            free_vcpus=max(0, left.vcpus), free_memory_mib=max(0, left.memory_mib), free_gpus=max(0, left.gpus),
        )  # fmt: skip

    def _heard(self, is_unwanted: bool | None, error: "Error") -> None:
        self.is_known, self.is_unheard = self.is_known or error is None, error is not None
        if error is not None:
            self.say_at = clock.seconds() + SAY_CHANGE_S
        if is_unwanted:
            self._leave("somebody asked it to leave")

    def _end(self) -> None:
        """This machine is gone."""
        try:
            machine_items.forget(self.table, self.said)
        except CycloneError as exc:
            log(f"its item stays for some minutes: {exc}")
