"""What differs between two looks at an AWS host, as events."""

from typing import Any

from cyclone_core.operations.aws_crews import CrewNow, CrewsNow, LaneNow
from cyclone_core.operations.aws_events import Sight, changes, is_warning
from cyclone_core.operations.resources import Snapshot, Stored
from cyclone_core.operations.workers import WorkerView


def worker(name: str, **more: Any) -> WorkerView:
    """A worker of cluster big in eu-west-1."""
    fields = {
        "pid": 0, "state": "busy", "tasks": (), "jobs": (), "ahead": 0, "cpu_s": 0.0, "memory_mib": 0, "started": 1.0, "heard": 1.0,
        "connected": False, "definition": "sim", "instance": "i-1", **more,
    }  # fmt: skip
    return WorkerView(id=name, region="eu-west-1", cluster="big", **fields)


def test_nothing_is_told_of_the_first_look() -> None:
    """What was there before is no news."""
    assert not list(changes(Sight(), Sight(CrewsNow((CrewNow("eu-west-1", "big", 1, 0, 0.0),)), (worker("a"),), Snapshot())))


def test_workers_that_are_asked_for_and_go() -> None:
    """By region and cluster."""
    some, none = CrewsNow((CrewNow("eu-west-1", "big", 2, 1, 1.0),)), CrewsNow()
    assert list(changes(Sight(none), Sight(some))) == [("cluster", "eu-west-1/big", "workers: 1 running, 2 starting")]
    assert list(changes(Sight(some), Sight(none))) == [("cluster", "eu-west-1/big", "no worker any more")]


def test_workers_come_fall_silent_and_end() -> None:
    """One that is lost is a warning."""
    first, silent = worker("a", done=3), worker("a", state="gone")
    started = list(changes(Sight(workers=()), Sight(workers=(first,))))
    assert started == [("worker", "eu-west-1/a", "started on i-1 for cluster big, definition sim")]
    assert [is_warning(text) for _, _, text in changes(Sight(workers=(first,)), Sight(workers=(silent,)))] == [True]
    assert [text for _, _, text in changes(Sight(workers=(first,)), Sight(workers=()))] == ["ended after 3 tasks"]
    assert not list(changes(Sight(workers=(silent,)), Sight(workers=())))


def test_a_lane_that_is_stuck_is_told_once() -> None:
    """With its reason."""
    stuck = CrewsNow(lanes=(LaneNow("big", "sim", "no region has a weight", True),))
    assert [text for _, _, text in changes(Sight(CrewsNow()), Sight(stuck))] == ["tasks wait of definition sim: no region has a weight"]
    assert not list(changes(Sight(stuck), Sight(stuck)))


def test_resources_change() -> None:
    """Their stacks are made, fail, go."""
    made = Snapshot((Stored("queue", "night", "CREATING", {}, 1.0, 1.0),))
    failed = Snapshot((Stored("queue", "night", "FAILED", {}, 1.0, 1.0),))
    assert list(changes(Sight(resources=made), Sight(resources=failed))) == [("queue", "night", "failed: its stack is FAILED")]
    assert list(changes(Sight(resources=failed), Sight(resources=Snapshot()))) == [("queue", "night", "deleted")]
