"""What the main region answers: when it did so last, and a line now and then of what it did not. Lean."""

from cyclone_core.scheduler.remote.log import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.errors import CycloneError
    from cyclone_core.scheduler.remote.clock import Clock

RETRY_S = 2.0
"""After a write that failed, or a question that was not answered."""
_LOG_S = 30.0


class Answers:
    """See the module."""

    __slots__ = ("_clock", "_told_at", "came_at")

    def __init__(self, clock: "Clock") -> None:
        self._clock, self.came_at, self._told_at = clock, clock.seconds(), 0.0

    def came(self) -> None:
        """One has come."""
        self.came_at = self._clock.seconds()

    def failed(self, error: "CycloneError | OSError | None") -> None:
        """Something could not be asked: whoever asked does so again."""
        now = self._clock.seconds()
        if now - self._told_at >= _LOG_S:
            self._told_at = now
            log(f"{error}. It is tried again")

    def noted(self, _: object, error: "CycloneError | OSError | None") -> None:
        """What came of a call of which nothing but a failure matters."""
        if error is not None:
            self.failed(error)
