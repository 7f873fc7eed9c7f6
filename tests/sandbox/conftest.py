"""What tests on the sandbox share: one process of it for all of them, its clients, and stacks.

Each test uses a region of its own where it leaves something behind, so that they can run in any order.
"""

import functools
import itertools
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

boto3 = pytest.importorskip("boto3", reason="the sandbox's tests need the extra test")

from botocore.config import Config  # noqa: E402  after the line that skips

from cyclone_core.operations import sandbox  # noqa: E402

_REGIONS = itertools.cycle([f"{area}-{number}" for area in ("us-west", "eu-west", "eu-central", "ap-northeast") for number in (1, 2, 3)])
TIMES = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)


@functools.cache
def _session() -> Any:
    """One for all: making one reads megabytes of descriptions."""
    return boto3.Session()


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox and ways to it."""

    status: sandbox.Status
    key: str
    secret: str
    home: Path

    @property
    def endpoint(self) -> str:
        """Its URL."""
        assert self.status.running is not None
        return self.status.running.endpoint

    def client(self, service: str, region: str, **credentials: str) -> Any:
        """A client of the account's root, or of other credentials."""
        given = credentials or {"aws_access_key_id": self.key, "aws_secret_access_key": self.secret}
        return _session().client(service, region_name=region, endpoint_url=self.endpoint, config=TIMES, **given)

    def set_faults(self, faults: sandbox.Faults) -> None:
        """What goes wrong from now on."""
        with _home(self.home):
            sandbox.set_faults(faults)


@contextmanager
def _home(path: Path) -> Iterator[None]:
    """The sandbox's home as ours for a moment: each test has another one."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CYCLONE_HOME", str(path))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_account() -> Iterator[None]:
    """Nothing of the AWS account of whoever runs the tests is looked for."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        yield


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with short times, for the whole session."""
    home = tmp_path_factory.mktemp("sandbox")
    with _home(home):
        status = sandbox.start(sandbox.Settings(shortest_timeout_s=1, grace_s=1.0, running_jobs=8))
    lines = dict(line.split(" = ") for line in status.directory.credentials.read_text().splitlines() if " = " in line)
    yield Sandbox(status, lines["aws_access_key_id"], lines["aws_secret_access_key"], home)
    with _home(home):
        sandbox.stop()


@pytest.fixture
def region() -> str:
    """A region that only a few other tests use."""
    return next(_REGIONS)


@pytest.fixture
def faults(aws: Sandbox) -> Iterator[Callable[[sandbox.Faults], None]]:
    """Let things go wrong until the end of the test."""
    yield aws.set_faults
    aws.set_faults(sandbox.Faults())


Resources = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Stack:
    """A stack of one region."""

    cloudformation: Any
    name: str

    def apply(self, resources: Resources, outputs: Mapping[str, Any] | None = None) -> str:
        """Create or change it by a change set; the state in which it ends."""
        template = {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in (outputs or {}).items()}}
        kind = "UPDATE" if self.exists() else "CREATE"
        names = {"StackName": self.name, "ChangeSetName": f"changes-{uuid.uuid4()}"}
        capabilities = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
        self.cloudformation.create_change_set(**names, ChangeSetType=kind, TemplateBody=json.dumps(template), Capabilities=capabilities)
        wait_until(lambda: self.cloudformation.describe_change_set(**names)["Status"] == "CREATE_COMPLETE")
        self.cloudformation.execute_change_set(**names)
        return self.wait()

    def exists(self) -> bool:
        """Whether it is there."""
        return bool(self.cloudformation.list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])["StackSummaries"])

    def wait(self) -> str:
        """The state in which its operation ends."""
        return wait_until(lambda: None if self.state().endswith("_IN_PROGRESS") else self.state())

    def state(self) -> str:
        """Its state now."""
        return str(self._described()["StackStatus"])

    def output(self, name: str) -> str:
        """One of its outputs."""
        return next(entry["OutputValue"] for entry in self._described()["Outputs"] if entry["OutputKey"] == name)

    def reasons(self) -> list[str]:
        """Of its events that have one, newest first."""
        events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        return [event["ResourceStatusReason"] for event in events if event.get("ResourceStatusReason")]

    def physical_id(self, logical_id: str) -> str:
        """Of one resource."""
        found = self.cloudformation.describe_stack_resource(StackName=self.name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def _described(self) -> Any:
        return self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]


@pytest.fixture
def stack(aws: Sandbox, region: str) -> Iterator[Stack]:
    """A stack that is deleted after the test."""
    found = Stack(aws.client("cloudformation", region), "tested")
    yield found
    aws.set_faults(sandbox.Faults())
    found.cloudformation.delete_stack(StackName=found.name)
    wait_until(lambda: not found.cloudformation.list_stacks(StackStatusFilter=[*_THERE])["StackSummaries"])


_THERE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS", "CREATE_IN_PROGRESS")


def wait_until(look: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first true value; fails when there is none in time."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)
    return found


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    """A resource of a template."""
    return {"Type": f"AWS::{kind}", "Properties": properties}


def attribute(logical_id: str, name: str) -> dict[str, list[str]]:
    """`Fn::GetAtt`."""
    return {"Fn::GetAtt": [logical_id, name]}
