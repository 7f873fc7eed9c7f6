"""When a unit in hand is written, split, given back or lost, and what comes of it. Lean.

Whatever is due is written in threads (`record`), of each unit one thing at a time. What must never happen: that a task goes on when its
lease may be over, or that a result which is not in the table is told of as if it were.
"""

from cyclone_core.scheduler.dynamo.keys import LEASED
from cyclone_core.scheduler.remote.answers import RETRY_S
from cyclone_core.scheduler.remote.log import log
from cyclone_core.scheduler.remote.pace import FLUSH_S, SHORT_S, further
from cyclone_core.scheduler.remote.record import BACK, LEAVING, Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.errors import CycloneError
    from cyclone_core.scheduler.remote.answers import Answers
    from cyclone_core.scheduler.remote.calls import Calls
    from cyclone_core.scheduler.remote.clock import Clock
    from cyclone_core.scheduler.remote.held import Held
    from cyclone_core.scheduler.remote.in_hand import InHand
    from cyclone_core.scheduler.remote.leases import Leases
    from cyclone_core.scheduler.remote.machine import Times
    from cyclone_core.scheduler.remote.record import Records, Written
    from cyclone_core.scheduler.remote.stay import Stay

    Error = CycloneError | OSError | None


class Writes:
    """See the module. `calls`: writes that are under way."""

    def __init__(
        self, records: "Records", in_hand: "InHand", leases: "Leases", stay: "Stay", answers: "Answers", calls: "Calls", times: "Times",
        clock: "Clock",
    ) -> None:  # fmt: skip
        self._records, self._in_hand, self._leases, self._stay, self._answers = records, in_hand, leases, stay, answers
        self.calls, self._times, self._clock = calls, times, clock

    # -- what is due --------------------------------------------------------------------------------------------------------------
    def write_due(self, now: float) -> None:
        """Start whatever is to be written or split now."""
        wall_s = self._clock.wall()
        wall_us = int(wall_s * 1e6)
        for held in self._in_hand.surplus(wall_s):
            held.how = held.how or BACK
        for held in self._in_hand:
            if held.is_due(now, wall_us, self._times):
                self._write(held)
            elif self._follows(held, now, wall_us):
                self._write(held, follow=True)
            elif not held.busy and not held.lost and not held.how and not self._stay.why:
                self._split_if_slow(held)

    def _follows(self, held: "Held", now: float, wall_us: int) -> bool:
        """Whether output of what runs is to be uploaded: often while somebody follows, else seldom."""
        if held.busy or held.lost or not held.running:
            return False
        interval = self._times.follow_s if held.unit.follow * 1000 > wall_us else self._times.live_s
        return now - held.live_at >= interval

    def give_back_rest(self) -> None:
        """Of what this worker will not begin any more, somebody else is to hear now: it leaves."""
        for held in self._in_hand:
            if not held.out:
                held.how = held.how or BACK
            elif not (held.busy or held.shed or held.unwritten) and len(held.out) <= self._in_hand.width:
                held.shed = True
                cut = held.rest() if held.unit.array and not held.limited else []
                if cut:  # only what runs is kept; the rest becomes a slice of its own
                    self._split(held, cut)

    # -- writes -------------------------------------------------------------------------------------------------------------------
    def _write(self, held: "Held", follow: bool = False) -> None:
        plan = self._plan(held, follow)
        held.busy, held.written_at = True, self._clock.seconds()
        if plan.follow:
            held.live_at = held.written_at
        self.calls.start(self._records.write, held, plan, done=lambda written, error: self._written(held, plan, written, error))

    def _plan(self, held: "Held", follow: bool) -> Plan:
        rows, reasons = held.take_rows()
        wall_s, width = self._clock.wall(), self._in_hand.width
        plan = Plan(rows, reasons, held.died if held.died and not held.out else held.begun())
        plan.running = [[position, attempt, start_us // 1000] for position, (attempt, start_us) in sorted(held.running.items())]
        plan.follow, plan.how, plan.reason = follow or held.unit.follow > wall_s * 1000, held.how, self._reason(held)
        seconds = held.pace.estimate(held.oldest_s(wall_s))
        plan.short = 0 <= seconds < SHORT_S
        if seconds >= FLUSH_S:
            held.lower_mark()  # what will not begin soon is not said to run
        plan.width = width + further(seconds, held.unit.ahead, width)
        return plan

    def _reason(self, held: "Held") -> str:
        """Why what ran of a unit that is let go of came to nothing."""
        if held.how == LEAVING:
            return f"its worker left: {self._stay.why}"
        return f"its worker could not go on: {self._stay.why}" if self._stay.exit_code else "its worker's agent died"

    def _written(self, held: "Held", plan: Plan, written: "Written | None", error: "Error") -> None:
        """A write has ended."""
        held.busy = False
        if written is None:
            raise error or AssertionError
        if written.until:
            held.until = written.until
        if written.lost:
            self.lose(held, "its lease is over: another worker has it")
        elif written.error is not None:
            if not written.taken:
                held.put_back(plan.rows, plan.reasons)
            held.heard = True
            self._again(held, written)
        elif held.unit.state != LEASED:
            self._in_hand.drop(held)
            if held.unit.is_over:
                self._in_hand.finished.append(held.message)
        else:
            self._answers.came()
            held.take_over()
            self.cancel(held, written.news)

    def _again(self, held: "Held", written: "Written") -> None:
        """It failed, and is tried again in a moment."""
        held.retry_at = self._clock.seconds() + RETRY_S
        self._answers.failed(written.error)

    # -- splits -------------------------------------------------------------------------------------------------------------------
    def _split_if_slow(self, held: "Held") -> None:
        """What would take long here goes to whoever is free."""
        if held.is_slow(held.pace.expected(held.oldest_s(self._clock.wall())), self._in_hand.width):
            cuts = held.cuts()
            if cuts:
                self._split(held, cuts)

    def _split(self, held: "Held", cuts: "list[int]") -> None:
        held.busy = True
        self.calls.start(self._records.split, held, cuts, done=lambda written, error: self._divided(held, written, error))

    def _divided(self, held: "Held", written: "Written | None", error: "Error") -> None:
        held.busy = False
        if written is None:
            raise error or AssertionError
        if written.lost:
            self.lose(held, "its lease is over: another worker has it")
        elif written.error is not None:
            self._again(held, written)
        else:
            held.take_over()

    # -- what others have done ----------------------------------------------------------------------------------------------------
    def watch_leases(self, now: float) -> None:
        """Let go of units whose lease may be over."""
        for held in self._in_hand:
            if held.is_over_at(now, self._times):
                self.lose(held, "its lease could not be made longer")

    def lose(self, held: "Held", why: str) -> None:
        """A unit is not ours any more: its tasks are ended, and nobody is told."""
        log(f"lets go of {held.name}: {why}")
        held.lost = True
        self._in_hand.drop(held)
        for position in held.out:
            self._leases.cancel(held, position)

    def cancel(self, held: "Held", positions: "set[int]") -> None:
        """Tasks were cancelled: what runs is ended, what was not begun is settled with the next write."""
        if not positions:
            return
        held.heard = True
        held.take_over()
        for position in positions:
            if position in held.out:
                self._leases.cancel(held, position)
