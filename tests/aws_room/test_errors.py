"""AWS's exceptions in Cyclone's words: what was asked, why it failed, what to do next; and never a secret."""

import inspect
from typing import Any

import pytest

botocore = pytest.importorskip("botocore.exceptions", reason="the tests of the aws room need the extra test")

from cyclone_core import errors  # noqa: E402  after the line that skips
from cyclone_core.aws.credentials import Source  # noqa: E402
from cyclone_core.aws.errors import translate  # noqa: E402
from cyclone_core.aws.words import Asked, is_opt_in  # noqa: E402

ASKED = Asked("cloudformation", "DescribeStacks", "eu-west-1")
PROFILE = Source("sso", "work")
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # AWS's own example
TOKEN = "IQoJb3JpZ2luX2VjE" * 12
WHO = "arn:aws:iam::123456789012:role/deployer"


def refusal(code: str, message: str = "", status: int = 400) -> Any:
    """What AWS's library raises when AWS refuses."""
    return botocore.ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}, "DescribeStacks"
    )


REFUSALS = [
    ("ExpiredToken", errors.CredentialsUnusable, "aws sso login --profile work"),
    ("ExpiredTokenException", errors.CredentialsUnusable, "have expired"),
    ("RequestExpired", errors.CredentialsUnusable, "have expired"),
    ("InvalidClientTokenId", errors.CredentialsUnusable, "does not know them"),
    ("AuthFailure", errors.CredentialsUnusable, "profile work"),
    ("RequestTimeTooSkewed", errors.CredentialsUnusable, "clock"),
    ("AccessDenied", errors.AccessDenied, "cloudformation:DescribeStacks"),
    ("UnauthorizedOperation", errors.AccessDenied, "docs/aws-permissions.md"),
    ("403", errors.AccessDenied, "may not"),
    ("OptInRequired", errors.RegionUnavailable, "aws account enable-region --region-name eu-west-1"),
    ("Throttling", errors.AwsError, "too many requests"),
    ("TooManyRequestsException", errors.AwsError, "Try again"),
    ("ValidationError", errors.AwsError, "refused DescribeStacks"),
]


@pytest.mark.parametrize(("code", "kind", "words"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_refusals(code: str, kind: type[errors.AwsError], words: str) -> None:
    """The kind says what a caller can do about it, the text what a user can."""
    found = translate(refusal(code, "Some words."), ASKED, PROFILE)
    assert type(found) is kind
    assert words in str(found)


def test_a_wrong_clock_is_no_wrong_key() -> None:
    """Services that have one code for both say which it is."""
    found = translate(refusal("SignatureDoesNotMatch", "Signature expired: 20261122T1 is now earlier than 20261122T2"), ASKED, PROFILE)
    assert "clock" in str(found)


@pytest.mark.parametrize("code", ["Throttling", "RequestLimitExceeded", "SlowDown", "TooManyRequestsException"])
def test_throttling_has_one_code(code: str) -> None:
    """However a service spells it."""
    assert translate(refusal(code), ASKED, PROFILE).code == "Throttling"


def test_a_denial_names_who_and_what() -> None:
    """As AWS's message says it, which may be another action than the one that was asked for."""
    what = "is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/x"
    message = f"User: {WHO} {what} because no identity-based policy allows it"
    found = translate(refusal("AccessDenied", message, 403), ASKED, PROFILE, WHO)
    assert found.action == "iam:PassRole"
    assert str(found).startswith(f"{WHO} may not iam:PassRole on arn:aws:iam::1:role/x: no identity-based policy allows it")


def test_a_denial_without_words_names_the_action_of_the_request() -> None:
    """Such as the answer to a HEAD request, which has no body."""
    found = translate(refusal("403", "Forbidden", 403), Asked("s3", "HeadObject", "eu-west-1"), PROFILE)
    assert found.action == "s3:GetObject"


def test_keys_that_only_a_region_does_not_know() -> None:
    """It has to be enabled: the keys are well elsewhere."""
    asked = Asked("ec2", "DescribeVpcs", "af-south-1")
    assert isinstance(translate(refusal("AuthFailure"), asked, PROFILE, enabled=False), errors.RegionUnavailable)
    assert isinstance(translate(refusal("AuthFailure"), asked, PROFILE, enabled=True), errors.CredentialsUnusable)


@pytest.mark.parametrize(
    ("region", "expected"), [("us-east-1", False), ("af-south-1", True), ("cn-north-1", False), ("us-gov-west-1", False)]
)
def test_regions_that_have_to_be_enabled(region: str, expected: bool) -> None:
    """Those that came after the first seventeen, in AWS's main partition."""
    assert is_opt_in(region) is expected


SILENCE = [
    (botocore.EndpointConnectionError(endpoint_url="https://x"), "no connection could be made"),
    (botocore.ConnectTimeoutError(endpoint_url="https://x"), "no connection was made in time"),
    (botocore.ReadTimeoutError(endpoint_url="https://x"), "gave no answer in time"),
    (botocore.ProxyConnectionError(proxy_url="http://p"), "HTTPS_PROXY"),
    (botocore.SSLError(endpoint_url="https://x", error="self-signed"), "self-signed"),
]


@pytest.mark.parametrize(("exc", "words"), SILENCE, ids=[type(row[0]).__name__ for row in SILENCE])
def test_a_region_that_does_not_answer(exc: Exception, words: str) -> None:
    """The region is named, so that the others can go on."""
    found = translate(exc, ASKED, PROFILE)
    assert isinstance(found, errors.RegionUnavailable)
    assert words in str(found)
    assert "eu-west-1" in str(found)


LACKING = [
    (botocore.NoCredentialsError(), Source("none"), "aws configure"),
    (botocore.ProfileNotFound(profile="nope"), Source("none"), "aws configure --profile nope"),
    (botocore.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), Source("environment"), "AWS_SECRET_ACCESS_KEY"),
    (botocore.UnauthorizedSSOTokenError(), PROFILE, "aws sso login --profile work"),
    (botocore.SSOTokenLoadError(error_msg="no token"), PROFILE, "aws sso login --profile work"),
    (botocore.TokenRetrievalError(provider="sso", error_msg="expired"), PROFILE, "aws sso login --profile work"),
    (botocore.CredentialRetrievalError(provider="custom-process", error_msg="exit 1"), Source("process", "tool"), "exit 1"),
    (botocore.ConfigParseError(path="/home/ada/.aws/config"), Source("none"), "/home/ada/.aws/config is malformed"),
    (botocore.MetadataRetrievalError(error_msg="no role"), Source("machine"), "role"),
]


@pytest.mark.parametrize(("exc", "source", "words"), LACKING, ids=[type(row[0]).__name__ for row in LACKING])
def test_credentials_that_cannot_be_had(exc: Exception, source: Source, words: str) -> None:
    """The message has the command that mends it."""
    found = translate(exc, ASKED, source)
    assert isinstance(found, errors.CredentialsUnusable)
    assert words in str(found)


def test_no_secret_is_shown() -> None:
    """Neither a key nor a token nor an encoded message, whatever AWS puts into its words."""
    canonical = (
        f"The request signature we calculated does not match. The Canonical String for this request should have been 'POST x:{TOKEN}'"
    )
    denied = f"You are not authorized to perform this operation. Encoded authorization failure message: {TOKEN}"
    raised = [
        refusal("SignatureDoesNotMatch", canonical),
        refusal("UnauthorizedOperation", denied),
        refusal("ValidationError", f"bad {SECRET} {TOKEN}"),
        botocore.CredentialRetrievalError(provider="custom-process", error_msg=f"got {SECRET} and {TOKEN}"),
    ]
    texts = [str(translate(exc, ASKED, PROFILE)) for exc in raised]
    assert not [text for text in texts if SECRET in text or TOKEN[:40] in text or "Canonical" in text]


def test_what_is_no_secret_stays() -> None:
    """ARNs, template addresses and content hashes."""
    useful = f"arn:aws:iam::123456789012:role/cdk-hnb659fds-deploy-role-123456789012-us-east-1 and {'0123456789abcdef' * 4}.json"
    assert useful in str(translate(refusal("ValidationError", useful), ASKED, PROFILE))


def test_every_exception_of_the_library_is_translated() -> None:
    """None comes through as it is, however little is known about it."""
    kinds = [kind for _, kind in inspect.getmembers(botocore, inspect.isclass) if issubclass(kind, botocore.BotoCoreError)]
    assert len(kinds) > 80
    for kind in kinds:
        exc = kind.__new__(kind)
        Exception.__init__(exc, "some words")
        exc.kwargs = {}
        assert isinstance(translate(exc, ASKED, PROFILE), errors.AwsError), kind
