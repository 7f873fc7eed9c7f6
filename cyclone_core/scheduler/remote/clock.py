"""The time of a worker machine: one clock that never jumps, and goes on while the machine sleeps. Lean.

What the table is told follows it too: who sets the time of day of a machine must neither end its leases nor make them last for ever.
"""

from time import CLOCK_BOOTTIME, clock_gettime, time

_BEGAN = time() - clock_gettime(CLOCK_BOOTTIME)


def seconds() -> float:
    """For intervals and ends of leases."""
    return clock_gettime(CLOCK_BOOTTIME)


def milliseconds() -> int:
    """Since 1970, as the table has it."""
    return int((_BEGAN + clock_gettime(CLOCK_BOOTTIME)) * 1000)
