"""What differs between two looks at an AWS host, as events."""

from itertools import pairwise
from typing import Any

from cyclone_core.operations.aws_crews import ComingNow, CrewNow, CrewsNow, LaneNow, coming_now
from cyclone_core.operations.aws_events import Sight, changes, is_warning
from cyclone_core.operations.resources import Snapshot, Stored
from cyclone_core.operations.workers import WorkerView
from cyclone_core.scheduler.failover import Breaker, Stand
from cyclone_core.scheduler.health import Health


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


def test_a_region_that_is_left_alone_is_told_and_that_it_is_asked_again() -> None:
    """And each step of the fallback chain."""
    steps = [
        ComingNow("us-east-1", "big"), ComingNow("us-east-1", "big", rung="zones"),
        ComingNow("us-east-1", "big", "open", 9.0, "no worker came within 4 min", "zones"), ComingNow("us-east-1", "big", "trying"),
        ComingNow("us-east-1", "big"),
    ]  # fmt: skip
    sights = [Sight(CrewsNow(coming=(one,))) for one in steps]
    told = [text for before, now in pairwise(sights) for _, _, text in changes(before, now)]
    assert told == [
        "workers are asked for with the step 'zones' of the fallback chain", "left alone: no worker came within 4 min",
        "tried with one worker", "asked for workers again",
    ]  # fmt: skip
    assert [is_warning(text) for text in told] == [False, True, False, False]
    assert list(changes(Sight(CrewsNow()), Sight(CrewsNow(coming=(ComingNow("a", "b"),))))) == []


def test_how_workers_come_is_read_from_what_the_scaler_keeps() -> None:
    """The last step of several definitions, rounded figures; nothing where nothing is known."""
    stands = {"a": Stand(rung="zones"), "b": Stand(rung="instance-types")}
    found = coming_now("big", "us-east-1", Health(at=1, began=3, waited_s=180, failed=1, worker_h=2, taken=0.5, stands=stands))
    assert found == ComingNow("us-east-1", "big", "closed", None, "", "zones", 60, 0.75, 0.25)
    left = Health(stands={"a": Stand(breaker=Breaker("open", 1000, 5000, 1, "why"))})
    assert coming_now("big", "us-east-1", left) == ComingNow("us-east-1", "big", "open", 5.0, "why")
