"""What tests on an AWS share: a sandbox for each file of tests, ways to it, and what goes wrong on it. A plugin: nothing starts unused.

Files can run in any order, as each begins with a new account: what one leaves behind fills no limit of another. Tests of one file use a
region of their own where they leave something behind.
"""

import functools
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cyclone_core.operations import sandbox
from cyclone_core.sandbox.settings import PROFILE

if TYPE_CHECKING:
    from cyclone_core.aws.account import Account, Endpoint

_REGIONS = itertools.cycle([f"{area}-{number}" for area in ("us-west", "eu-west", "eu-central", "ap-northeast") for number in (1, 2, 3)])
_USERS = itertools.count(1)


@functools.cache
def _session() -> Any:
    """One for all: making one reads megabytes of descriptions."""
    boto3 = pytest.importorskip("boto3", reason="tests on an AWS need the extra test")
    return boto3.Session()


@functools.cache
def _times() -> Any:
    from botocore.config import Config

    return Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)


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
        """A client of AWS's library, of the account's root or of other credentials."""
        given = credentials or {"aws_access_key_id": self.key, "aws_secret_access_key": self.secret}
        return _session().client(service, region_name=region, endpoint_url=self.endpoint, config=_times(), **given)

    def account(self, region: str | None = None, **options: Any) -> "Account":
        """The account as Cyclone reaches it, as its root. options: of `Account`."""
        from cyclone_core.aws.account import Account

        return Account(region=region, endpoint=self.door(), **options)

    def door(self, credentials_file: Path | None = None) -> "Endpoint":
        """Its address with the root's credentials, or those of another file."""
        from cyclone_core.aws.account import Endpoint

        return Endpoint(self.endpoint, str(credentials_file or self.status.directory.credentials), PROFILE)

    def user(self, *statements: Mapping[str, Any]) -> dict[str, str]:
        """A new user with a policy of these statements: credentials for `client`."""
        iam, name = self.client("iam", "us-east-1"), f"somebody-{next(_USERS)}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def set_faults(self, faults: sandbox.Faults) -> None:
        """What goes wrong from now on."""
        with _home(self.home):
            sandbox.set_faults(faults)

    def set_spot(self, spot: sandbox.Spot) -> None:
        """What is told of spot capacity from now on."""
        with _home(self.home):
            sandbox.set_spot(spot)


def policy(*statements: Mapping[str, Any]) -> str:
    """A policy of IAM that allows what the statements say, unless they say otherwise."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]})


def credentials_file(path: Path, credentials: Mapping[str, str]) -> Path:
    """A file with credentials, for `Sandbox.door`."""
    path.write_text("\n".join((f"[{PROFILE}]", *(f"{name} = {value}" for name, value in credentials.items()), "")))
    return path


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


@contextmanager
def running(home: Path) -> Iterator[Sandbox]:
    """A sandbox with short times, beside others. home: of its own, a new directory."""
    _session()
    with _home(home):
        status = sandbox.start(sandbox.Settings(shortest_timeout_s=1, grace_s=1.0, running_jobs=8, notice_s=3.0))
    lines = dict(line.split(" = ") for line in status.directory.credentials.read_text().splitlines() if " = " in line)
    try:
        yield Sandbox(status, lines["aws_access_key_id"], lines["aws_secret_access_key"], home)
    finally:
        with _home(home):
            sandbox.stop()


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox for the tests of a file: it starts in less than a second."""
    with running(tmp_path_factory.mktemp("sandbox")) as made:
        yield made


@pytest.fixture
def region() -> str:
    """A region that only a few other tests of the file use."""
    return next(_REGIONS)


@pytest.fixture
def faults(aws: Sandbox) -> Iterator[Callable[[sandbox.Faults], None]]:
    """Let things go wrong until the end of the test."""
    yield aws.set_faults
    aws.set_faults(sandbox.Faults())


def wait_until(look: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true value; fails when there is none in time, which is a bound for what is broken and no measure of what works."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, f"it did not happen in {seconds:.0f} s; the last look found {found!r}"
        time.sleep(0.02)
    return found
