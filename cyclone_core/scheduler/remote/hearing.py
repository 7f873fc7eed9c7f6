"""What others want of units in hand: each few seconds their items are looked at, and their messages stay hidden from others. Lean."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.errors import CycloneError
    from cyclone_core.scheduler.dynamo.unit_store import UnitStore
    from cyclone_core.scheduler.remote.answers import Answers
    from cyclone_core.scheduler.remote.calls import Calls
    from cyclone_core.scheduler.remote.clock import Clock
    from cyclone_core.scheduler.remote.held import Held
    from cyclone_core.scheduler.remote.in_hand import InHand
    from cyclone_core.scheduler.remote.intake import Intake
    from cyclone_core.scheduler.remote.machine import Times
    from cyclone_core.scheduler.remote.writes import Writes

    Error = CycloneError | OSError | None
    News = dict[tuple[str, str], set[int] | None]


class Hearing:
    """See the module."""

    def __init__(
        self, store: "UnitStore", intake: "Intake", in_hand: "InHand", writes: "Writes", answers: "Answers",
        calls: "tuple[Calls, Calls]", times: "Times", clock: "Clock",
    ) -> None:  # fmt: skip
        """calls: for looks, and for what nobody waits for."""
        self._store, self._intake, self._in_hand, self._writes, self._answers = store, intake, in_hand, writes, answers
        (self._looks, self._notes), self._times, self._clock = calls, times, clock
        self._look_at = self._hide_at = 0.0

    def look(self, now: float) -> None:
        """Do what is due."""
        if now >= self._look_at and not self._looks.open:
            self._look_at = now + self._times.look_s
            self._hear(now)
        if now >= self._hide_at and self._in_hand:
            self._hide_at = now + self._times.hide_again_s
            self._notes.start(self._intake.keep, [held.message for held in self._in_hand], done=self._answers.noted)

    def _hear(self, now: float) -> None:
        """Ask whether somebody cancelled, or follows, what is here for longer than a moment."""
        found = [held for held in self._in_hand if not (held.busy or held.lost) and now - held.begun_at >= self._times.look_s / 2]
        if not found:
            return
        for held in found:
            held.busy = True
        units = [held.unit for held in found]
        self._looks.start(self._store.hear, units, self._clock.milliseconds(), done=lambda news, error: self._heard(found, news, error))

    def _heard(self, found: "list[Held]", news: "News | None", error: "Error") -> None:
        for held in found:
            held.busy = False
        if news is None:
            self._answers.failed(error)
            return
        for held in found:
            if held.unit.key in news:
                positions = news[held.unit.key]
                if positions is None:
                    self._writes.lose(held, "another worker has it")
                else:
                    self._writes.cancel(held, positions)
