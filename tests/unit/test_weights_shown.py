"""How a list of queues says what regions get."""

from typing import Any

import pytest

from cyclone_tui.cli.groups.tables import weights_text


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({}, "automatic"),
        ({"automate_region_weights": False, "region_distribution_weights": {}}, "equal"),
        ({"automate_region_weights": True, "region_distribution_weights": {"us-east-1": 3, "eu-west-1": 0}}, "automatic eu-west-1=0"),
        ({"automate_region_weights": False, "region_distribution_weights": {"us-east-1": 1, "eu-west-1": "auto"}}, "automatic"),
        ({"automate_region_weights": False, "region_distribution_weights": {"us-east-1": 1, "eu-west-1": 3}}, "eu-west-1=3 us-east-1=1"),
    ],
)
def test_weights_are_shown_as_they_count(body: dict[str, Any], shown: str) -> None:
    """Numbers where numbers decide."""
    assert weights_text(body) == shown
