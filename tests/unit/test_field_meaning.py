"""Fields that mean nothing next to others are left out of what people are shown of a new resource."""

from typing import Any

import pytest

from cyclone_core.infra.plan import Change, differences
from cyclone_tui.cli.groups import stacks

FIELDS: dict[str, Any] = {"max_vcpus": 9, "instance_list": ["optimal"], "compute_envs": 3, "type": "SPOT"}


@pytest.mark.parametrize(
    ("launch", "shown"),
    [
        ("BATCH", {"max_vcpus", "launch_type", "instance_list", "compute_envs", "type"}),
        ("EC2", {"max_vcpus", "launch_type", "instance_list", "type"}),
        ("ONPREM", {"max_vcpus", "launch_type"}),
        ("", {"max_vcpus", "instance_list", "compute_envs", "type"}),
    ],
)
def test_a_plan_shows_what_means_something(launch: str, shown: set[str]) -> None:
    """Of a new cluster; a host without launch types has nothing to leave out."""
    body = {"name": "lab", **FIELDS, **({"launch_type": launch} if launch else {})}
    change = Change("create", "cluster", "lab", differences({}, body), body)
    assert {line.split()[0] for line in list(stacks._resources([change]))[1:]} == shown
