"""Who is asked to leave for others: as many workers as have to, those that run several tasks at once counted as so many."""

from typing import Any, cast

from cyclone_core.scheduler.capacity import Lane
from cyclone_core.scheduler.dynamo import leaving
from cyclone_core.scheduler.dynamo.leaving import Present
from cyclone_core.scheduler.dynamo.table import Table

LANE = Lane("big", "small")


class Marks:
    """A table that keeps who was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def update(self, key: tuple[str, str], **_: Any) -> dict[str, Any]:
        """A mark."""
        self.asked.append(key[1])
        return {}


def _worker(name: str, started: int, width: int = 1) -> Present:
    return Present(("W#0", name), LANE, "here", started, False, False, width=width)


def test_a_worker_with_several_slots_counts_as_several() -> None:
    """The last ones first: one with four slots is enough for three."""
    marks = Marks()
    workers = [_worker("old", 1), _worker("wide", 3, 4), _worker("middle", 2)]
    assert leaving.ask(cast(Table, marks), workers, LANE, "here", 3) == 4
    assert marks.asked == ["wide"]


def test_as_many_are_asked_as_have_to_go() -> None:
    """One slot each."""
    marks = Marks()
    workers = [_worker("old", 1), _worker("new", 3), _worker("middle", 2)]
    assert leaving.ask(cast(Table, marks), workers, LANE, "here", 2) == 2
    assert marks.asked == ["new", "middle"]
