"""Workers that end as soon as they start: what tells that they do, how long nothing is asked for, and what ends the rest."""

from typing import Any

import pytest

from cyclone_core.scheduler.capacity import Lane
from cyclone_core.scheduler.dynamo import early_ends
from cyclone_core.scheduler.dynamo.early_ends import Rest
from cyclone_core.scheduler.dynamo.fleet import Request

NOW, MINUTE = 1_700_000_000_000, 60_000
LANE, REGION = Lane("big", "small"), "eu-west-1"
DEFINITIONS = {"small": {"image_uri": "registry/worker:1"}}


def job(status: str, lasted_s: float | None, **said: Any) -> dict[str, Any]:
    """A worker as Batch tells of it; lasted_s: None of one that never started."""
    times = {} if lasted_s is None else {"startedAt": NOW - int(lasted_s * 1000), "stoppedAt": NOW}
    return {"status": status, **times, **said}


def request(at: int, name: str = "one", **seen: Any) -> Request:
    """A request of the lane."""
    return Request("big", REGION, name, "small", 1, 1, at, **seen)


def rests(told: dict[str, Any], *seen: Request, now: int = NOW, definitions: Any = DEFINITIONS) -> dict[str, Any]:
    """What is told after a look at requests of which nothing was known before."""
    before = [request(each.at, each.name) for each in seen]
    return early_ends.told(early_ends.rests({LANE: {"rest": told}}, before, seen, definitions, now), LANE)


@pytest.mark.parametrize(
    ("ended", "early", "well"),
    [
        (job("FAILED", 1.0), 1, False),
        (job("FAILED", None, statusReason="CannotPullContainerError"), 1, False),
        (job("SUCCEEDED", 0.2), 1, False),  # `python` without a terminal: no worker
        (job("SUCCEEDED", 20.0), 0, True),
        (job("FAILED", 300.0), 0, True),
        (job("RUNNING", 30.0), 0, True),
        (job("RUNNING", 1.0), 0, False),
        (job("FAILED", None, statusReason="Host EC2 (instance i-0a) terminated."), 0, False),
    ],
)
def test_what_tells_that_a_worker_could_not_work(ended: dict[str, Any], early: int, well: bool) -> None:
    """It failed within seconds, or ended well at once; an instance that was taken away is not its fault."""
    assert early_ends.judged([ended], NOW)[:2] == (early, well)


def test_one_that_lasts_speaks_for_all() -> None:
    """Of an array."""
    assert early_ends.judged([job("FAILED", 1.0), job("RUNNING", 60.0)], NOW) == (0, True, "")


def test_what_is_said_of_it() -> None:
    """The exit code and the container's reason, which says more than the job's."""
    said = job("FAILED", 1.0, statusReason="Essential container in task exited", container={"exitCode": 64, "reason": "no such command."})
    assert early_ends.judged([said], NOW)[2] == "exit code 64: no such command"
    assert early_ends.judged([job("FAILED", None)], NOW)[2] == "Batch does not say why"


def test_each_further_one_doubles_the_rest() -> None:
    """From a minute to half an hour."""
    told: dict[str, Any] = {}
    pauses = []
    for number in range(8):
        told = rests(told, request(NOW + number, early=1))
        pauses.append((told[REGION]["until"] - NOW) // MINUTE)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


def test_one_that_lasts_ends_the_rest() -> None:
    """If it was asked for later: older ones are of another time."""
    told = rests({}, request(NOW, early=1))
    assert rests(told, request(NOW - MINUTE, "old", well=True)) == told
    assert rests(told, request(NOW + MINUTE, "new", well=True)) == {}


def test_a_definition_that_was_changed_does_not_rest() -> None:
    """It may be mended: that is tried at once."""
    told = rests({}, request(NOW, early=1))
    assert rests(told, definitions={"small": {"image_uri": "registry/worker:2"}}) == {}


def test_a_rest_is_over_when_its_time_is() -> None:
    """Then one worker is tried."""
    found = {(LANE, REGION): Rest(1, NOW, NOW + MINUTE, "", 0)}
    assert [early_ends.resting(found, NOW + late) for late in (0, MINUTE)] == [{(LANE, REGION)}, set()]
