"""What is said of a lane whose workers do not come: which region is left, until when and why, and what is asked for instead."""

from typing import Any

import pytest

from cyclone_core.scheduler.dynamo import lane_words

NOON = 20_000 * 86_400_000 + 12 * 3_600_000
OPEN = {
    "rung": "instance-types",
    "rung_since": NOON,
    "state": "open",
    "since": NOON,
    "until": NOON + 300_000,
    "why": "of 3 workers 0 came within 61 s",
}


def body(**more: Any) -> dict[str, Any]:
    """What a CAPACITY item holds of a lane with work."""
    return {"waiting": 9, "wanted": 9, "short": 9, "vcpus": 1, "full": [], "closed": {}, "off": [], "regions": {}, "unfit": 0, **more}


def test_a_region_that_is_left() -> None:
    """Until when, in hours that need no look at a calendar, and who is asked instead; the step that it was on says nothing then."""
    regions = {"eu-west-1": {"running": 4, "starting": 0}, "us-east-1": {"running": 0, "starting": 0}}
    said = lane_words.why(body(regions=regions, fallback={"us-east-1": OPEN}), "big", NOON)
    assert said == (
        "us-east-1 is left alone until 12:05 UTC (of 3 workers 0 came within 61 s), eu-west-1 is asked instead; 4 workers are running"
    )


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"state": "trying"}, "us-east-1 was left alone (of 3 workers 0 came within 61 s), one worker is tried there"),
        ({"state": "closed"}, "us-east-1 is asked for other instance types too since 12:00 UTC"),
        ({"state": "closed", "rung": "zones"}, "us-east-1 is asked for instances in all zones since 12:00 UTC"),
        ({"state": "closed", "rung": "on-demand"}, "us-east-1 is asked for instances on demand"),
    ],
)
def test_where_a_region_stands(told: dict[str, str], said: str) -> None:
    """On each step, and while it is tried."""
    regions = {"us-east-1": {"starting": 1, "since": NOON}}
    assert lane_words.why(body(regions=regions, fallback={"us-east-1": {**OPEN, **told}}), "big", NOON).startswith(said)


def test_a_lane_that_is_tried_again_by_itself_is_not_stuck() -> None:
    """Nobody has to change anything; where no region may be asked somebody has to."""
    assert not lane_words.is_stuck(body(fallback={"us-east-1": OPEN}))
    assert lane_words.is_stuck(body(closed={"us-east-1": "its job queue is disabled"}))
