"""How many tasks had run to an end when: a short history of a host's throughput, for whoever begins to look in the middle of work.

Kept in memory only. A sample is taken while results come in, at most every PERIOD_S; nothing happens while nothing ends.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PERIOD_S = 2.0
KEPT = 240
"""Samples: eight minutes of steady work, or many hours of occasional jobs."""


class Pace:
    """samples: (seconds since 1970, tasks that had run to an end by then), oldest first."""

    __slots__ = ("_count", "_ended", "samples")

    def __init__(self, count: "Callable[[], int]") -> None:
        """count: how many tasks have run to an end; asked for when a sample is taken."""
        self._count = count
        self._ended = 0.0
        self.samples: list[tuple[float, int]] = []

    def begin(self, now: float) -> None:
        """What is final before anything is done."""
        self.samples = [(now, self._count())]

    def ended(self, now: float) -> None:
        """Tasks became final (their results are committed)."""
        self._ended = now
        if not self.samples or now - self.samples[-1][0] >= PERIOD_S:
            self.samples = self._with_last(self.samples)[-KEPT:]

    def told(self) -> "list[tuple[float, int]]":
        """The samples, with what has become final since the last one: steps are never so short that their rate says nothing."""
        if not self.samples or self._ended <= self.samples[-1][0]:
            return self.samples
        is_short = self._ended - self.samples[-1][0] < PERIOD_S / 2 and len(self.samples) > 1
        return self._with_last(self.samples[:-1] if is_short else self.samples)

    def _with_last(self, samples: "list[tuple[float, int]]") -> "list[tuple[float, int]]":
        if samples and self._ended - samples[-1][0] > 2 * PERIOD_S:  # what ended now took no longer than this: nothing did in between
            samples = [*samples, (self._ended - PERIOD_S, samples[-1][1])]
        return [*samples, (self._ended, self._count())]
