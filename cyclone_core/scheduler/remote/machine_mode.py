"""A machine with several slots: a parent that starts workers for what waits in its cluster, and knows nothing of leases.

    TOTALS, records ──▶ backlog ──▶ slots (packed) ──▶ children ──▶ workers, each with the slots of one definition

Everything that a job is promised is its worker's business (`supervisor`); when one dies, the machine and its other workers go on. The
parent asks AWS from threads (`calls`), so that an answer that takes long keeps nobody from being reaped or told.

It leaves when it is told to (SIGTERM, SIGINT: what runs may go on for `stop_s`; a second one: at once), when somebody asks it to (`leave`
of its item), when its spot capacity is taken back or likely to be (what runs may end), and an instance also when nothing has run for
`idle_s` or the main region has been silent for `silent_s`. A machine that joined goes on trying for ever: its workers end what they run
when their leases end, and are started anew when the main region answers.
"""

import os
import select
from signal import SIG_IGN, SIGCHLD, SIGHUP, SIGINT, SIGTERM, getsignal

from cyclone_core.scheduler.process import wakeup_pipe
from cyclone_core.scheduler.remote import backlog, clock
from cyclone_core.scheduler.remote.calls import Arrivals, Calls
from cyclone_core.scheduler.remote.log import log
from cyclone_core.scheduler.remote.machine import SPOT_S
from cyclone_core.scheduler.remote.machine_words import MachineWords
from cyclone_core.scheduler.remote.notice import LOOK_S, Instance
from cyclone_core.scheduler.remote.slots import Slots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.errors import CycloneError
    from cyclone_core.scheduler.dynamo.records import Records
    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.remote.backlog import Backlog
    from cyclone_core.scheduler.remote.children import Children
    from cyclone_core.scheduler.remote.offer import Offer

    Error = CycloneError | OSError | None

TICK_S = 0.5
ASK_S, ASK_FULL_S = 2.0, 5.0
"""Between two looks at what waits: while there is room, and while there is none."""
TIDY_S = 10.0
SLOW_S = 30.0
"""Children that take so much longer than they may are killed."""
_QUIET_S, _MOST_QUIET_S = 30.0, 3600.0


class MachineMode:
    """See the module. `run` returns the exit code."""

    def __init__(self, offer: "Offer", table: "Table", records: "Records", children: "Children", instance: Instance | None = None) -> None:
        self.offer, self.table, self.records, self.children = offer, table, records, children
        self.instance = instance or Instance()
        self.arrivals = Arrivals()
        self.asks, self.notices = (Calls(self.arrivals, 1) for _ in range(2))
        ends = (SIGTERM, SIGINT) if getsignal(SIGHUP) == SIG_IGN else (SIGTERM, SIGINT, SIGHUP)  # ignored: `nohup`
        self.signals = wakeup_pipe(SIGCHLD, *ends)
        self.poll = select.poll()
        for descriptor in (self.signals, self.arrivals.descriptor):
            self.poll.register(descriptor, select.POLLIN)
        self.slots = Slots(offer, children)
        self.words = MachineWords(offer, table, self.slots, children, Calls(self.arrivals, 1))
        now = clock.seconds()
        self.ask_at = self.notice_at = 0.0
        self.tidy_at = now + TIDY_S
        self.answered_at = self.busy_at = now
        self.silent_since = self.told_at = 0.0
        self.quiet_s = _QUIET_S
        self.stop_at = self.kill_at = float("inf")
        self.why, self.shown, self.is_stopped = "", "", False

    # -- the loop -----------------------------------------------------------------------------------------------------
    def run(self) -> int:
        """Work until it leaves; 0 when all is well."""
        self.words.begin(self.instance)
        while not (self.why and not self.children.all and not self.words.calls.open):  # a word that is under way would come after the end
            self._step()
        _, done = self.children.counts()
        log(f"leaves: {self.why}; {done:,} tasks have ended here")
        self.children.end_orphans()
        self.words.end()
        return 0

    def _step(self) -> None:
        for descriptor, _ in self.poll.poll(TICK_S * 1000):
            if descriptor == self.signals:
                self._signalled()
            else:
                self.arrivals.take_in()
        if self.words.is_unwanted:
            self._leave("somebody asked it to leave")
        now = clock.seconds()
        if self.children.reap() | self.children.look():
            self._pack(now)
        if self.slots.are_in_use:
            self.busy_at = now
        self._ask(now)
        self._look_out(now)
        self._watch(now)
        self.words.say(now, bool(self.why))
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
        self.ask_at = now + (ASK_FULL_S if self.slots.free.vcpus <= 0 else ASK_S)
        self.asks.start(backlog.look, self.table, self.records, self.offer.cluster, done=self._asked)

    def _asked(self, found: "Backlog | None", error: "Error") -> None:
        self.slots.backlog = found
        if found is None:
            self._trouble(error)
            return
        self._answered()
        self._pack(clock.seconds())

    def _pack(self, now: float) -> None:
        if not self.why:
            self.slots.pack(now)

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
            self.words.ask_to_leave()
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
