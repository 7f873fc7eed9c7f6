"""Things to do later: a heap of calls by monotonic time. Nothing in it means that nothing ticks."""

from _heapq import heappop, heappush
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

NEVER = float("inf")
"""When nothing is due."""


class Timers:
    """Calls in order of time; a call that is no longer wanted finds that out itself."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0  # keeps equal times in order and functions from being compared

    def at(self, when: float, function: "Callable[..., None]", *arguments: "Any") -> None:
        """Call `function(*arguments)` at `when` (monotonic seconds) or soon after."""
        self._count += 1
        heappush(self._heap, (when, self._count, function, arguments))

    def next(self) -> float:
        """When the first call is due, NEVER when there is none."""
        return self._heap[0][0] if self._heap else NEVER

    def run(self) -> None:
        """Make the calls that are due."""
        heap = self._heap
        if not heap:
            return
        now = monotonic()
        while heap and heap[0][0] <= now:
            _, _, function, arguments = heappop(heap)
            function(*arguments)
