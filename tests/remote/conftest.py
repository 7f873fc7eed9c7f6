"""A host and its workers for each test, on the sandbox that all tests on an AWS share."""

import shutil
from collections.abc import Iterator

import pytest

from tests.aws import Sandbox
from tests.remote.host import Host

pytest.importorskip("boto3", reason="tests on an AWS need the extra test")


@pytest.fixture
def host(aws: Sandbox) -> Iterator[Host]:
    """A host without jobs and workers."""
    made = Host(aws)
    yield made
    made.close()
    shutil.rmtree(made.folder, ignore_errors=True)
