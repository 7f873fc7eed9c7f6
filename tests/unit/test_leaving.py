"""Who is asked to leave for others: as many workers as have to, those that run several tasks at once counted as so many."""

import json
from typing import Any, cast

import pytest

from cyclone_core.scheduler.capacity import Demand, Lane
from cyclone_core.scheduler.dynamo import keys, leaving
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


class Said:
    """A table with what a worker says in one partition."""

    def __init__(self, **body: Any) -> None:
        self.items = [{"pk": keys.worker_part(0), "sk": "here/one", "body": json.dumps({"cluster": "big", "definition": "small", **body})}]

    def query(self, partition: str) -> list[dict[str, Any]]:
        """What is in a partition."""
        return self.items if partition == keys.worker_part(0) else []


@pytest.mark.parametrize(("slots", "left"), [({"slots": [3, 4]}, 7), ({"slots": [0, 4]}, 10), ({}, 9)])
def test_every_task_that_a_leaving_worker_runs_needs_no_other_worker(slots: dict[str, Any], left: int) -> None:
    """Of ten open tasks; as many as it says, one where it does not say."""
    workers = leaving.present(cast(Table, Said(state="leaving", **slots)), 0)
    (found,) = leaving.without_their_tasks([Demand(LANE, "q", 10)], workers)
    assert found.open_tasks == left
