"""Virtual time: what happens when. Seconds from the submission on."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any


class Loop:
    """Events in the order of their times, equal ones in the order in which they were put. `after` may be called from several threads."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = count()

    def after(self, seconds: float, action: Callable[..., None], *arguments: Any) -> None:
        """Let something happen."""
        heapq.heappush(self._heap, (self.now + seconds, next(self._numbers), action, arguments))

    def run(self, is_over: Callable[[], bool], most_s: float) -> None:
        """Go on until it is over. Raises RuntimeError when it is not in `most_s`."""
        while self._heap and not is_over():
            self.now, _, action, arguments = heapq.heappop(self._heap)
            if self.now > most_s:
                raise RuntimeError(f"the simulation is not over after {most_s:,.0f} simulated seconds")
            action(*arguments)
