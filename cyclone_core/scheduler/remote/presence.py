"""That this worker is there: what it says of itself, in the table and to its machine, and who wants it to leave. Lean.

The scaler does, for others, and the instance when its spot capacity is, or is likely to be, taken back.
"""

from cyclone_core.scheduler.remote.exits import TAKEN_BACK
from cyclone_core.scheduler.remote.machine import SPOT_S
from cyclone_core.scheduler.remote.notice import INTERRUPTED, LOOK_S, WHY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.errors import CycloneError
    from cyclone_core.scheduler.remote.answers import Answers
    from cyclone_core.scheduler.remote.calls import Calls
    from cyclone_core.scheduler.remote.clock import Clock
    from cyclone_core.scheduler.remote.counts import Counts
    from cyclone_core.scheduler.remote.in_hand import InHand
    from cyclone_core.scheduler.remote.notice import Instance
    from cyclone_core.scheduler.remote.stay import Stay
    from cyclone_core.scheduler.remote.words import Words

    Error = CycloneError | OSError | None


class Presence:
    """See the module. Words and notices share `notes`: one of them at a time."""

    def __init__(
        self, words: "Words", counts: "Counts", instance: "Instance", in_hand: "InHand", stay: "Stay", answers: "Answers", notes: "Calls",
        clock: "Clock",
    ) -> None:  # fmt: skip
        self._words, self._counts, self._instance, self._in_hand, self._stay = words, counts, instance, in_hand, stay
        self._answers, self._notes, self._clock = answers, notes, clock
        self._notice_at = 0.0

    def begin(self) -> None:
        """Say that there is a worker."""
        self._notes.start(self._words.begin, self._instance, done=_nothing)

    def look(self, now: float, done: int) -> None:
        """Do what is due. done: tasks that have ended here."""
        in_hand, words = self._in_hand, self._words
        words.slots = min(in_hand.width, in_hand.out), in_hand.width
        words.done, words.running, words.is_leaving = done, in_hand.running, bool(self._stay.why)
        self._counts.tell(words.slots[0], done, in_hand.width)
        if now >= self._notice_at and not self._notes.open:
            self._notice_at = now + LOOK_S
            if self._instance.is_there:
                self._notes.start(self._instance.news, done=self._noticed)
        if words.is_due(now) and not self._notes.open:
            self._notes.start(words.say, now, done=self._answers.noted)
        if words.is_unwanted and not self._stay.why:
            self._stay.leave("it was asked to leave", float("inf"))

    def _noticed(self, news: str | None, error: "Error") -> None:
        stay = self._stay
        stay.left_code = TAKEN_BACK if news == INTERRUPTED else stay.left_code
        if news == INTERRUPTED and stay.leave_at > self._clock.seconds() + SPOT_S:
            stay.leave(WHY[news], SPOT_S)
        elif news and not stay.why:
            stay.leave(WHY[news], SPOT_S if news == INTERRUPTED else float("inf"))

    def end(self) -> None:
        """It is gone. Raises AwsError."""
        self._words.end()


def _nothing(_: object, error: "Error") -> None:
    """It is said again in a moment."""
