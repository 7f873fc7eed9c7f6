"""A whole AWS host on a sandbox of its own: deployed by the real deployer over two regions, with workers that Batch starts.

Functions and workers run under their own roles, requests are checked against their policies. Commands are processes, as users start them.
"""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cyclone_core.aws.lean import hosts as lean_hosts
from cyclone_core.scheduler.dynamo import audit
from cyclone_core.scheduler.dynamo.table import Table
from tests.aws import Sandbox, running, wait_until

HOST, MAIN, HUB = "e2e", "us-east-1", "eu-west-1"
BRISK = {"CYCLONE_LEASE_S": "12", "CYCLONE_IDLE_S": "3"}
"""Of the workers: dead ones are found in seconds."""
_RUN = "import sys; sys.argv[0] = {0!r}; from cyclone_tui.cli.{0} import main; main()"


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


class Deployed:
    """The host, and what users do with it."""

    def __init__(self, sandbox: Sandbox, runtime: Path) -> None:
        self.sandbox = sandbox
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "CYCLONE_HOME": str(sandbox.home), "CYCLONE_RUNTIME_DIR": str(runtime), "NO_COLOR": "1",
        }  # fmt: skip

    def run(self, command: str, *argv: str, stdin: str | None = None, timeout: float = 120) -> Ran:
        """A command of Cyclone, to its end."""
        done = subprocess.run(
            [sys.executable, "-c", _RUN.format(command), *argv], input=stdin, capture_output=True, text=True, timeout=timeout,
            env=self.environment, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, command: str, *argv: str, **options: Any) -> str:
        """What one says that succeeds."""
        done = self.run(command, *argv, **options)
        assert done.code == 0, f"{command} {' '.join(argv)}: {done.err}{done.out}"
        return done.out

    def submit(self, script: str, *options: str) -> int:
        """A job's id."""
        definition = () if "-d" in options else ("-d", "sim")
        return int(self.ok("qsub", *options, *definition, "-j", "test", "-", stdin=f"#!/bin/bash\n{script}\n"))

    def job(self, number: int) -> Any:
        """A job as `qstat --json` has it."""
        return json.loads(self.ok("qstat", "-i", str(number), "--json"))

    def ended(self, number: int, seconds: float = 90.0) -> Any:
        """A job once it is over."""
        return wait_until(lambda: found if (found := self.job(number))["ended_at"] else None, seconds)

    def problems(self) -> list[str]:
        """What is wrong in the whole store."""
        before = os.environ.get("CYCLONE_HOME")
        os.environ["CYCLONE_HOME"] = str(self.sandbox.home)
        try:
            host = lean_hosts.open_host(HOST)
            return list(audit.problems(Table(host.aws, host.table)))
        finally:
            os.environ.pop("CYCLONE_HOME") if before is None else os.environ.update(CYCLONE_HOME=before)

    def sound(self, seconds: float = 30.0) -> None:
        """The store says the same everywhere, once what is on its way has arrived."""
        until = time.monotonic() + seconds
        while found := self.problems():
            assert time.monotonic() < until, "\n".join(found)
            time.sleep(0.5)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A host for the tests of a file, with two regions, a cluster, a definition and a queue."""
    if importlib.util.find_spec("aws_cdk") is None:
        pytest.skip("AWS hosts need the extra test")
    home, runtime = tmp_path_factory.mktemp("e2e"), tmp_path_factory.mktemp("r")
    runtime.chmod(0o700)
    with running(home) as sandbox:
        made = Deployed(sandbox, runtime)
        deploy(made)
        yield made


def deploy(made: Deployed) -> None:
    """As a user does it."""
    made.ok("hyper", "hosts", "create-host", "--name", HOST, "--type", "aws", "--sandbox", "--region", MAIN)
    made.ok("hyper", "regions", "add-region", "--name", HUB)
    brisk = ["--fallback", "instance-types", "0", "--fallback", "regions", "2"]  # who gets no instance for so long is asked for elsewhere
    made.ok("hyper", "clusters", "add-cluster", "--name", "big", "--max-vcpus", "16", "--compute-envs", "1", *brisk)
    definition = ["--name", "sim", "--image-uri", "none/worker:1", "--vcpus", "4", "--memory-limit-mib", "512"]  # four workers a region
    environment = json.dumps(BRISK)
    made.ok("hyper", "definitions", "add-definition", *definition, "--environment", environment)
    made.ok("hyper", "queues", "add-queue", "--name", "fast", "--cluster", "big")
