"""How long tasks last, and what follows of it: how much work to ask for, how much the agent gets, how far to go between two writes.

Moving averages of seconds. Pure and lean.
"""

from math import ceil

FLUSH_ROWS, FLUSH_S = 64, 5.0
"""So many results make a write, or results that are so old."""
SHORT_S = 1.0
"""Tasks that last less are short: several of them are started between two writes."""
PIPELINED_S = 0.1
"""Of tasks that last less, twice as many as make a write may be started: the next ones run while the last ones are written."""
_NOTICED_S = 0.25
_WEIGHT = 0.2
"""How much the latest duration counts in the moving average."""


class Pace:
    """How long tasks last, and how many a unit has: moving averages."""

    __slots__ = ("task_s", "tasks")

    def __init__(self) -> None:
        self.task_s = -1.0
        """seconds; negative: nothing is known"""
        self.tasks = 1.0

    def lasted(self, seconds: float) -> None:
        """A task has ended."""
        self.task_s = seconds if self.task_s < 0 else self.task_s + _WEIGHT * (seconds - self.task_s)

    def came(self, tasks: int) -> None:
        """A unit was claimed."""
        self.tasks += 0.5 * (tasks - self.tasks)

    def estimate(self, oldest_s: float) -> float:
        """Seconds that a task lasts, when one has been running for `oldest_s`; negative: unknown."""
        return max(self.task_s, oldest_s) if oldest_s > _NOTICED_S else self.task_s

    def expected(self, oldest_s: float) -> float:
        """What the average will be once that task ends: one slow task among many quick ones says little. Negative: unknown."""
        if self.task_s < 0:
            return oldest_s if oldest_s > _NOTICED_S else -1.0
        return max(self.task_s, self.task_s + _WEIGHT * (oldest_s - self.task_s))

    def messages(self, in_hand: int, coming: int, oldest_s: float, width: int = 1, ahead_s: float = 1.0) -> int:
        """How many messages to ask for, 0..10: about a second of work, and a task for each of those that may run at once (`width`).

        in_hand: tasks; coming: messages that are being claimed.
        """
        seconds = self.estimate(oldest_s)
        have = in_hand + coming * self.tasks
        least = ceil((width - have) / self.tasks) if width > 1 else int(not have)
        if seconds < 0:
            return min(10, max(0, least))
        more = (width * ahead_s / max(seconds, 0.001) - have) / self.tasks
        return min(10, max(0, least, int(more) if have else round(more)))

    def claimed_ahead(self, width: int) -> int:
        """How many tasks of a unit may be started with its claim, before the first write."""
        return width + FLUSH_ROWS if 0 <= self.task_s < PIPELINED_S else width

    def share(self, oldest_s: float, width: int) -> int:
        """How many tasks the agent may have at once: about half a second of them."""
        seconds = self.estimate(oldest_s)
        return width if seconds < 0 else width * min(128, max(1, round(0.5 / max(seconds, 0.001))))


def further(seconds: float, ahead: int, width: int) -> int:
    """How many more tasks than run at once may be started between two writes. seconds: that they last, negative: unknown.

    ahead: how many it were before.
    """
    if 0 <= seconds < PIPELINED_S and ahead > FLUSH_ROWS // 2:
        return FLUSH_ROWS
    return width * int(FLUSH_S / seconds) if SHORT_S <= seconds < FLUSH_S else 0
