"""A host's whole life in a real account, as small as one can be. Takes about a quarter of an hour there, and seconds on the sandbox."""

import pytest

from tests.aws import Sandbox
from tests.real_aws.smallest_host import SmallestHost

REGION = "ap-southeast-1"
"""Of the sandbox, where no other test makes anything."""


@pytest.mark.real_aws
@pytest.mark.timeout(2 * 3600)
def test_a_host_lives_in_a_real_account(smallest: SmallestHost) -> None:
    """It is made, changed and, by the fixture, deleted; in the end nothing is left."""
    smallest.live()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_same_on_the_sandbox(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by variables, as a real account is: nothing but the addresses tells one from the other."""
    pytest.importorskip("aws_cdk", reason="AWS hosts need the extra test")
    for name, value in {**aws.status.environment, "AWS_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    said: list[str] = []
    with SmallestHost.named("smallest", said.append) as made:
        made.live()
    assert said[-1] == "left of smallest: nothing"
