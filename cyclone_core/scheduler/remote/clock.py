"""The time of a worker machine: one clock that never jumps, and goes on while the machine sleeps. Lean.

What the table is told follows it too: who sets the time of day of a machine must neither end its leases nor make them last for ever.
This module is the clock that a worker is given (`Clock`); whoever plays one for less than its time gives it another.
"""

from time import CLOCK_BOOTTIME, clock_gettime, sleep, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Clock(Protocol):
        """See the functions."""

        def seconds(self) -> float: ...
        def milliseconds(self) -> int: ...
        def wall(self) -> float: ...
        def sleep(self, seconds: float, /) -> None: ...


__all__ = ("milliseconds", "seconds", "sleep", "wall")
_BEGAN = time() - clock_gettime(CLOCK_BOOTTIME)


def seconds() -> float:
    """For intervals and ends of leases."""
    return clock_gettime(CLOCK_BOOTTIME)


def milliseconds() -> int:
    """Since 1970, as the table has it."""
    return int((_BEGAN + clock_gettime(CLOCK_BOOTTIME)) * 1000)


def wall() -> float:
    """Seconds since 1970 as this machine has them now, and as its tasks tell when they began. It may jump."""
    return time()
