"""Services are found where AWS's library finds them, in every region of every partition."""

import pytest

from cyclone_core.aws.lean import endpoints, requests
from cyclone_core.aws.lean.sender import Sender
from cyclone_core.aws.patience import Patience
from cyclone_core.errors import AwsError
from tests.lean.peer import KEYS

SERVICES = ("batch", "dynamodb", "lambda", "s3", "sqs", "ssm", "sts")


@pytest.mark.parametrize("service", SERVICES)
def test_regions(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rules that AWS's library comes with."""
    pytest.importorskip("botocore", reason="its rules are compared with")
    from botocore.endpoint_provider import EndpointProvider
    from botocore.session import Session

    loader = Session().get_component("data_loader")
    partitions = loader.load_data("partitions")
    rules = EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), partitions)
    for partition in partitions["partitions"]:
        for region in [name for name in partition["regions"] if "global" not in name]:
            for fips in ("false", "true")[: 1 + (partition["id"] in ("aws", "aws-us-gov"))]:
                monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", fips)
                theirs = rules.resolve_endpoint(Region=region, UseFIPS=fips == "true", UseDualStack=False).url
                found, is_aws = endpoints.find(service, region)
                assert (f"https://{found.host}", is_aws) == (theirs.rstrip("/"), True)


@pytest.mark.parametrize(
    ("bucket", "key", "place"),
    [
        ("grid--data-1", "a b", "https://grid--data-1.s3.cn-north-1.amazonaws.com.cn/a%20b"),
        ("with.dots", "a", "https://s3.cn-north-1.amazonaws.com.cn/with.dots/a"),
    ],
)
def test_buckets(bucket: str, key: str, place: str) -> None:
    """They are domains, unless no certificate fits."""
    endpoint, path = Sender("cn-north-1", lambda: KEYS, None, Patience())._place(requests.of_object("GetObject", "GET", bucket, key))
    assert f"https://{endpoint.address[1]}{path}" == place


def test_the_environment_names_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for all services, or one for each; what a caller gives counts before."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/base/")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://[::1]:8000")
    assert endpoints.find("sqs", "eu-west-1")[0].path == "/base"
    assert endpoints.find("dynamodb", "eu-west-1")[0].address == ("http", "[::1]", 8000)
    assert endpoints.find("dynamodb", "eu-west-1", "https://x")[0].address == ("https", "x", 443)
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert endpoints.find("sqs", "eu-west-1")[1]


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://x", "http://", "http://u:p@x", "http://x:port"])
def test_addresses_that_are_none(url: str) -> None:
    """Are told."""
    with pytest.raises(AwsError, match="is no address of a service"):
        endpoints.find("sqs", "eu-west-1", url)


def test_a_region_that_is_none() -> None:
    """Nothing is sent to a host whose name somebody made up."""
    with pytest.raises(AwsError, match="no region of AWS"):
        endpoints.find("sqs", "evil.example/")
