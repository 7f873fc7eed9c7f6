"""What tests of AWS hosts share: `hyper` on the home of the sandbox, and one host for the tests of a file that only need one.

Commands run in this process, so that templates are made by one warm child; deployments are processes of their own, as ever.
"""

import importlib.util
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from cyclone_core.operations import aws_hosts, deployments, hosts
from cyclone_core.operations.aws_resources import AwsResources
from cyclone_tui.cli import diagnostics, hyper
from tests.aws import Sandbox

HUB = "eu-north-1"
"""A region that no other test of these uses."""


@dataclass(frozen=True)
class Ran:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Of `--json`."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def at_home(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home that the sandbox was started from: `--sandbox` finds it there."""
    monkeypatch.setenv("CYCLONE_HOME", str(aws.home))
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def run(at_home: None, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `hyper` without a terminal."""

    def command(*argv: str) -> Ran:
        capfd.readouterr()
        code = diagnostics.code_of("hyper", hyper.run, list(argv))
        return Ran(code, *capfd.readouterr())

    return command


@pytest.fixture(scope="module")
def grid(aws: Sandbox) -> str:
    """The name of a host with its main region, a peered hub, a cluster, a definition and a queue."""
    if importlib.util.find_spec("aws_cdk") is None:
        pytest.skip("AWS hosts need the extra test")
    before = os.environ.get("CYCLONE_HOME")
    os.environ["CYCLONE_HOME"] = str(aws.home)
    try:
        _make("grid")
    finally:
        os.environ.pop("CYCLONE_HOME") if before is None else os.environ.update(CYCLONE_HOME=before)
    return "grid"


def _make(name: str) -> None:
    host = aws_hosts.complete(hosts.propose({"name": name, "type": "aws", "sandbox": True}).check())
    _end(host, aws_hosts.create(host, aws_hosts.propose_create(host)).number)
    known = AwsResources(host)
    for kind, given in (
        ("region", {"name": HUB, "peer_with_main_region": True}),
        ("cluster", {"name": "big", "max_vcpus": 64, "compute_envs": 1}),
        ("definition", {"name": "sim", "image_uri": "public.ecr.aws/docker/library/busybox"}),
        ("queue", {"name": "fast", "cluster": "big"}),
    ):
        _end(host, deployments.start(host, known.propose_put(kind, given)).number)


def _end(host: Any, number: int) -> None:
    events = list(deployments.follow(host, number))
    ended = deployments.get(host, number)
    assert (ended.state, ended.reason) == ("SUCCEEDED", ""), events


def states(ran: Ran) -> dict[str, str]:
    """name -> state of a list."""
    return {entry["name"]: entry["state"] for entry in ran.json}
