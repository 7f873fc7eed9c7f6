"""Where credentials come from, as the user's files and environment say it, and the command that mends them."""

import pytest

from cyclone_core.aws.credentials import source_of

PROFILES = {
    "default": {"aws_access_key_id": "A"},
    "sso": {"sso_session": "corp", "sso_account_id": "1"},
    "old-sso": {"sso_start_url": "https://x"},
    "tool": {"credential_process": "get-keys"},
    "console": {"login_session": "arn"},
    "deployer": {"role_arn": "arn:aws:iam::1:role/d", "source_profile": "sso"},
    "deeper": {"role_arn": "arn:aws:iam::1:role/d", "source_profile": "deployer"},
    "careful": {"role_arn": "arn:aws:iam::1:role/d", "source_profile": "default", "mfa_serial": "arn"},
    "circle": {"role_arn": "arn:aws:iam::1:role/d", "source_profile": "circle"},
    "here": {"role_arn": "arn:aws:iam::1:role/d", "credential_source": "Ec2InstanceMetadata"},
    "region-only": {"region": "eu-west-1"},
}
REMEDIES = [
    ("default", "Renew them: aws configure"),
    ("sso", "Sign in: aws sso login --profile sso"),
    ("old-sso", "Sign in: aws sso login --profile old-sso"),
    ("console", "Sign in: aws login --profile console"),
    ("tool", "See what is wrong: aws sts get-caller-identity --profile tool"),
    ("deployer", "Sign in: aws sso login --profile sso"),
    ("deeper", "Sign in: aws sso login --profile sso"),
    ("circle", "See what is wrong: aws sts get-caller-identity --profile circle"),
    ("here", "See what is wrong: aws sts get-caller-identity --profile here"),
    ("region-only", "Set some up: aws configure"),
]


@pytest.mark.parametrize(("profile", "remedy"), REMEDIES)
def test_the_remedy_is_that_of_the_profile(profile: str, remedy: str) -> None:
    """A role is mended by mending the profile that assumes it."""
    assert source_of(profile, profile != "default", PROFILES, {}).remedy.startswith(remedy)


def test_a_role_with_a_code_says_how_to_answer_it() -> None:
    """Nobody is asked for one in the middle of a screen."""
    assert "aws sts get-caller-identity --profile careful" in source_of("careful", True, PROFILES, {}).remedy


def test_keys_of_the_environment_go_before_a_profile_that_was_not_asked_for() -> None:
    """As in AWS's libraries."""
    environment = {"AWS_ACCESS_KEY_ID": "A"}
    assert source_of("sso", False, PROFILES, environment).kind == "environment"
    assert source_of("sso", True, PROFILES, environment).kind == "sso"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("AWS_WEB_IDENTITY_TOKEN_FILE", "web identity"), ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "machine"), ("OTHER", "none")],
)
def test_what_a_container_was_given(name: str, kind: str) -> None:
    """Without a profile that says anything."""
    assert source_of("default", False, {}, {name: "x"}).kind == kind
