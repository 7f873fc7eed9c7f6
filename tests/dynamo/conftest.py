"""A DynamoDB and an S3 for these tests: moto's server, in this process."""

import logging
from collections.abc import Iterator

import pytest

from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.lean.credentials import Credentials
from tests.dynamo.streamed import Host

BUCKET = "data"


@pytest.fixture(scope="session")
def moto() -> Iterator[Aws]:
    """A client of the server."""
    pytest.importorskip("moto.server", reason="tests of the table need the extra test")
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells of each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    aws = Aws("us-east-1", lambda: Credentials("key", "secret"), f"http://{host}:{port}")
    aws.put(BUCKET, "", b"")  # an object without a key: the bucket itself
    try:
        yield aws
    finally:
        aws.close()
        server.stop()


@pytest.fixture
def host(moto: Aws) -> Host:
    """A host on a new table."""
    return Host(moto, BUCKET)
