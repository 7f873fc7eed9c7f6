"""Whichever way AWS was asked, a user reads the same of a refusal and of silence."""

import json

import pytest

from cyclone_core.aws.credentials import Source
from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.patience import Patience
from cyclone_core.errors import AwsError, RegionUnavailable
from tests.lean.peer import KEYS, close, good, peer

pytest.importorskip("botocore", reason="its way is compared with")
from botocore import exceptions as botocore

from cyclone_core.aws.errors import translate
from cyclone_core.aws.words import Asked

SOURCE = Source("keys", "work")
ONCE = Patience(1.0, 0.5, attempts=1, throttled_s=0.0)
REFUSALS = [
    ("ExpiredTokenException", "The security token included in the request is expired", 400),
    ("UnrecognizedClientException", "The security token included in the request is invalid.", 403),
    ("InvalidSignatureException", "Signature expired: 20261123T000000Z is now earlier than 20261123T010000Z", 403),
    ("AccessDeniedException", "User: arn:aws:iam::1:user/me is not authorized to perform: dynamodb:GetItem on resource: arn:x because no "
     "identity-based policy allows the dynamodb:GetItem action", 400),
    ("OptInRequired", "no", 403),
    ("ThrottlingException", "Rate exceeded", 400),
    ("InternalServerError", "Something failed.", 500),
    ("ValidationException", "The provided key element does not match the schema", 400),
    ("ConditionalCheckFailedException", "The conditional request failed", 400),
]  # fmt: skip


class Keys:
    """Credentials of a profile."""

    source = SOURCE

    def __call__(self) -> object:
        """Always the same."""
        return KEYS


@pytest.mark.parametrize(("code", "message", "status"), REFUSALS, ids=[code for code, *_ in REFUSALS])
def test_refusals(code: str, message: str, status: int) -> None:
    """The kind of error, its text, code and action."""
    theirs = botocore.ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "GetItem",
    )
    expected = translate(theirs, Asked("dynamodb", "GetItem", "eu-west-1"), SOURCE)
    body = json.dumps({"__type": f"com.amazonaws#{code}", "message": message}).encode()
    with peer(good(body, status=f"{status} x")) as server, pytest.raises(AwsError) as caught:
        Aws("eu-west-1", Keys(), server.url, patience=ONCE).dynamodb("GetItem")  # type: ignore[arg-type]
    assert type(caught.value) is type(expected)
    assert (str(caught.value), caught.value.code, caught.value.action) == (str(expected), expected.code, expected.action)


def test_a_region_that_is_not_enabled() -> None:
    """Does not know keys that are well elsewhere."""
    unknown = good(b'{"__type":"UnrecognizedClientException","message":"invalid"}', status="403 x")
    identity = good(b"<R><Arn>arn:aws:iam::1:user/me</Arn><Account>1</Account></R>")
    with peer(unknown, identity) as server:
        with pytest.raises(RegionUnavailable, match="aws account enable-region --region-name ap-east-1"):
            Aws("ap-east-1", lambda: KEYS, server.url, patience=ONCE).dynamodb("GetItem")
        assert "us-east-1/sts/" in server.asked[1].headers["authorization"]


def test_silence() -> None:
    """What is known of it, and what to do."""
    exc = botocore.ConnectionClosedError(endpoint_url="x")
    expected = translate(exc, Asked("dynamodb", "GetItem", "eu-west-1"), SOURCE)
    with peer(close) as server, pytest.raises(RegionUnavailable) as caught:
        Aws("eu-west-1", Keys(), server.url, patience=ONCE).dynamodb("GetItem")  # type: ignore[arg-type]
    assert (str(caught.value), caught.value.code) == (str(expected), expected.code)
