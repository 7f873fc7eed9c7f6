"""Signatures are those of AWS's library, for any request."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.aws.lean import signing
from cyclone_core.aws.lean.credentials import Credentials

pytest.importorskip("botocore", reason="its signer is the reference")
from botocore import auth, awsrequest
from botocore import credentials as boto

NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=8).map(lambda text: f"x-{text}")
SECRETS = st.text("abcXYZ019+/", min_size=1, max_size=90)


def by_library(service: str, method: str, url: str, headers: dict[str, str], body: bytes, keys: Credentials, at: str) -> str:
    """The header that AWS's library makes for a request that has its date."""
    request = awsrequest.AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    request.context.update({"timestamp": at, "payload_signing_enabled": True})
    signer = {"s3": auth.S3SigV4Auth}.get(service, auth.SigV4Auth)(
        boto.Credentials(keys.key, keys.secret, keys.token or None), service, "eu-west-1"
    )
    request.headers["X-Amz-Date"] = at
    if keys.token:
        request.headers["X-Amz-Security-Token"] = keys.token
    if service == "s3":
        request.headers["X-Amz-Content-SHA256"] = signer.payload(request)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    parts = [f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}"]
    parts.append(f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(request))}")
    return ", ".join([*parts, f"Signature={signature}"])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["dynamodb", "lambda", "s3"]), st.sampled_from(["GET", "POST", "PUT"]), st.lists(TEXT, max_size=4),
    st.dictionaries(TEXT, TEXT, max_size=4), st.dictionaries(NAMES, TEXT, max_size=4), st.binary(max_size=70_000),
    SECRETS, st.one_of(st.just(""), SECRETS),
)  # fmt: skip
def test_signatures(
    service: str, method: str, parts: list[str], parameters: dict[str, str], more: dict[str, str], body: bytes, secret: str, token: str
) -> None:
    """The same path, query, headers and body get the same signature."""
    path = "/" + "/".join(signing.quote(part) for part in parts if part.strip("."))  # the library takes the parts . and .. away
    query = signing.query(parameters)
    keys, at = Credentials("AKID", secret, token), NOW.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": "x.amazonaws.com", **{name: value for name, value in more.items() if name.isascii()}}
    payload = signing.digest(body)
    ours = {**headers, **({"x-amz-content-sha256": payload} if service == "s3" else {})}
    signing.sign(method, path, query, ours, payload, keys, "eu-west-1", service, NOW.timestamp())
    url = f"https://x.amazonaws.com{path}{'?' if query else ''}{query}"
    assert ours["authorization"] == by_library(service, method, url, headers, body, keys, at)
