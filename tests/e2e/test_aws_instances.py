"""A cluster of bare instances on the whole host: machines with slots for any lane, taken away and killed while they work."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.operations import sandbox
from cyclone_core.sandbox.instances.power import below
from tests.aws import wait_until
from tests.e2e.conftest import BRISK, HOST, MAIN, Deployed

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def bare(host: Deployed) -> Deployed:
    """With a cluster of type EC2, a queue for it, and definitions that take half and a quarter of an instance."""
    cluster = ["--name", "bare", "--launch-type", "EC2", "--instance-list", "c6i.xlarge", "--max-vcpus", "8"]
    host.ok("hyper", "clusters", "add-cluster", *cluster)
    for name, vcpus in (("half", "2"), ("quarter", "1")):
        definition = ["--name", name, "--image-uri", "none/worker:1", "--vcpus", vcpus, "--memory-limit-mib", "512"]
        host.ok("hyper", "definitions", "add-definition", *definition, "--environment", json.dumps(BRISK))
    host.ok("hyper", "queues", "add-queue", "--name", "instances", "--cluster", "bare")
    return host


def test_lanes_share_an_instance_and_outlive_it(bare: Deployed, tmp_path: Path) -> None:
    """Two kinds of tasks run on one instance; it is taken away, then another's machine is killed: nobody counts that as their failure."""
    waits = f"until [ -e {tmp_path}/go ]; do sleep 0.1; done; echo done"
    jobs = [bare.submit(waits, "-q", "instances", "-d", "half")]
    first = _instance(bare, jobs[0])
    jobs.append(bare.submit(waits, "-q", "instances", "-d", "quarter"))
    assert _instance(bare, jobs[1]) == first
    refused = bare.run("hyper", "definitions", "update-definition", "--name", "half", "--image-uri", "", "--yes")
    assert (refused.code, "1 job of it is not finished, and their workers need the image" in refused.err) == (1, True), refused.err
    bare.sandbox.set_faults(sandbox.Faults(notices={first: "interruption"}))
    second = _instance(bare, jobs[0], attempt=2)
    assert _instance(bare, jobs[1], attempt=2) == second != first
    os.kill(_machine(bare, second), signal.SIGKILL)
    assert {_instance(bare, job, attempt=3) for job in jobs} == {second}
    (tmp_path / "go").touch()
    for job in jobs:
        found = bare.ended(job)
        assert (found["status"], found["exit_code"]) == ("Successful", 0)
    bare.sound()
    bare.sandbox.set_faults(sandbox.Faults())


def _instance(host: Deployed, job: int, attempt: int = 1) -> str:
    """The instance on which a job runs now, once it does so."""

    def look() -> str:
        asked(host)
        runs: list[dict[str, Any]] = host.job(job)["attempts"]
        worker = runs[-1]["worker"] if len(runs) >= attempt and runs[-1]["status"] == "Running" else ""
        return str(worker or "").partition("/")[2].partition("#")[0]

    found: str = wait_until(look, 90)
    return found


def asked(host: Deployed) -> None:
    """The scaler looks now, and not when its minute is over."""
    host.sandbox.client("lambda", MAIN).invoke(FunctionName=naming.function(HOST, "scaler"), Payload=b"{}")


def _machine(host: Deployed, instance: str) -> int:
    """The process of an instance's machine, which is below its first one."""
    path = host.sandbox.status.directory.jobs / f"instance-{instance}-0" / "process"
    return next(iter(below(int(path.read_text().split()[0]))))
