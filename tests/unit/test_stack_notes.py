"""What a review of a plan says beside what happens."""

from typing import Any

import pytest

from cyclone_core.infra import stack_notes
from cyclone_core.infra.targets import Place, Target

TWO: dict[str, Any] = {"region": {"us-east-1": {}, "eu-west-1": {}}}
ONE: dict[str, Any] = {"region": {"us-east-1": {}}}


@pytest.mark.parametrize(
    ("kind", "body", "desired", "told"),
    [
        ("queue", {}, TWO, stack_notes.CHOSEN.format("x")),
        ("queue", {}, ONE, ""),
        ("queue", {"automate_region_weights": False, "region_distribution_weights": {"eu-west-1": 3}}, TWO, ""),
        (
            "queue",
            {"automate_region_weights": False, "region_distribution_weights": {"eu-west-1": "auto"}},
            TWO,
            stack_notes.CHOSEN.format("x"),
        ),
        ("queue", {"region_distribution_weights": {"eu-west-1": 0, "us-east-1": 0}}, TWO, stack_notes.NOWHERE),
        ("queue", {"region_distribution_weights": {"eu-west-1": 0}, "automate_region_weights": False}, TWO, stack_notes.NOWHERE),
        ("region", {"subnet_config": "PRIVATE_ISOLATED"}, TWO, stack_notes.ISOLATED),
        ("region", {"subnet_config": "PRIVATE_ISOLATED", "main_region": True}, TWO, ""),
        ("cluster", {}, TWO, ""),
    ],
)
def test_what_is_noted(kind: str, body: dict[str, Any], desired: dict[str, Any], told: str) -> None:
    """Weights that Cyclone chooses, where there is something to choose, and regions without workers."""
    target = Target(Place("grid", "123456789012", "us-east-1"), "us-east-1", kind, "x", {"body": body})
    assert stack_notes.note(target, desired) == told
