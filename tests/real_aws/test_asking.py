"""A real account is used only when somebody asks for it."""

import pytest

from tests.real_aws.conftest import why_not


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({}, "CYCLONE_REAL_AWS=1"),
        ({"AWS_PROFILE": "work", "AWS_REGION": "eu-west-1"}, "CYCLONE_REAL_AWS=1"),
        ({"CYCLONE_REAL_AWS": "1", "AWS_PROFILE": "work"}, "AWS_REGION have to say"),
        ({"CYCLONE_REAL_AWS": "1", "AWS_REGION": "eu-west-1"}, "AWS_PROFILE (or keys)"),
    ],
)
def test_nothing_is_made_unless_asked_for(environment: dict[str, str], why: str) -> None:
    """And only where it is said in which account and region."""
    assert why in why_not(environment)


def test_a_profile_and_a_region_are_enough() -> None:
    """Together with the wish."""
    assert why_not({"CYCLONE_REAL_AWS": "1", "AWS_PROFILE": "work", "AWS_REGION": "eu-west-1"}) == ""
