"""The short history of a host's throughput: what a supervisor remembers, and the rates that are made of it."""

from cyclone_core.operations.monitoring import rates
from cyclone_core.scheduler.local.pace import KEPT, Pace


class Tasks:
    """A host whose tasks end."""

    def __init__(self) -> None:
        self.done = 100
        self.pace = Pace(lambda: self.done)
        self.pace.begin(1000.0)

    def end(self, at: float, count: int = 1) -> None:
        """So many end at once."""
        self.done += count
        self.pace.ended(at)


def test_steady_work_is_sampled_every_two_seconds() -> None:
    """However often results come in."""
    tasks = Tasks()
    for step in range(1, 101):
        tasks.end(1000 + step / 10, 5)
    assert rates(tasks.pace.told(), 1010.0) == (50.0,) * 5


def test_what_ended_since_the_last_sample_is_told() -> None:
    """A last step is at least a second long: a shorter one would say nothing."""
    tasks = Tasks()
    for at in (1002.0, 1004.0):
        tasks.end(at, 20)
    tasks.end(1004.5, 5)
    assert tasks.pace.told() == [(1000.0, 100), (1002.0, 120), (1004.5, 145)]
    tasks.end(1005.5, 5)
    assert tasks.pace.told()[-2:] == [(1004.0, 140), (1005.5, 150)]


def test_work_after_a_rest_is_no_slower_for_it() -> None:
    """An hour in which nothing ended is one step of zero, and the next one is as short as others."""
    tasks = Tasks()
    tasks.end(1002.0, 10)
    tasks.end(4602.0, 10)
    assert rates(tasks.pace.told(), 4603.0) == (5.0, 0.0, 5.0)


def test_rest_is_told_as_such() -> None:
    """One zero at its beginning: nothing changes any more until something ends."""
    tasks = Tasks()
    tasks.end(1002.0, 10)
    assert rates(tasks.pace.told(), 1003.0) == (5.0,)
    assert rates(tasks.pace.told(), 1010.0) == rates(tasks.pace.told(), 9000.0) == (5.0, 0.0)


def test_it_does_not_grow_for_ever() -> None:
    """And forgotten jobs do not make it negative."""
    tasks = Tasks()
    for step in range(1, 2 * KEPT):
        tasks.end(1000.0 + 2 * step)
    assert len(tasks.pace.told()) == KEPT
    tasks.end(5000.0, -200)
    assert min(rates(tasks.pace.told(), 5001.0)) == 0.0
