"""A host on a new table of moto's DynamoDB, its bucket in moto's S3."""

from collections.abc import Iterator

import pytest

from cyclone_core.aws.lean.client import Aws
from tests import dynamodb
from tests.dynamo.streamed import Host

BUCKET = "data"


@pytest.fixture(scope="session")
def moto() -> Iterator[Aws]:
    """A client of the server."""
    aws = dynamodb.client(dynamodb.endpoint("moto"))
    aws.put(BUCKET, "", b"")  # an object without a key: the bucket itself
    yield aws
    aws.close()


@pytest.fixture
def host(moto: Aws) -> Host:
    """A host on a new table."""
    return Host(moto, BUCKET)
