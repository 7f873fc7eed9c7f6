"""Machines that join: a queue over two regions of AWS and a machine of one's own, all at once."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aws import wait_until
from tests.e2e.conftest import HOST, HUB, MAIN, Deployed

pytestmark = pytest.mark.timeout(300)
_ROOT = str(Path(__file__).resolve().parents[2])
_PROGRAM = f"import sys; sys.path.insert(0, {_ROOT!r}); from cyclone_core.scheduler.remote.main import main; main()"


@pytest.fixture
def hybrid(host: Deployed) -> Deployed:
    """With a cluster and a queue of its own: what other tests did to regions is not held against it."""
    shape = ["--max-vcpus", "16", "--compute-envs", "1", "--fallback", "instance-types", "0"]
    host.ok("hyper", "clusters", "add-cluster", "--name", "hybrid", *shape)
    host.ok("hyper", "queues", "add-queue", "--name", "mixed", "--cluster", "hybrid")
    return host


@pytest.fixture
def machine(hybrid: Deployed, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """It joins as a user lets it: the host is in the registry."""
    place = ("--host", HOST, "--cluster", "hybrid", "--region-name", "lab")
    options = (*place, "--name", "rack-1", "--vcpus", "8", "--directory", str(tmp_path))
    environment = {**hybrid.environment, "CYCLONE_LEASE_S": "12", "CYCLONE_SLOT_IDLE_S": "3"}
    with open(tmp_path / "log", "wb") as log:
        started = subprocess.Popen([sys.executable, "-ISE", "-c", _PROGRAM, "join", *options], env=environment, stdout=log, stderr=log)
    yield started
    started.kill()
    started.wait()


def test_two_regions_and_a_machine_of_ones_own_share_a_queue(host: Deployed, machine: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    """Each of them works at the same time; the machine is listed with its region's name, and leaves cleanly."""
    script = f"until [ -e {tmp_path}/go ]; do sleep 0.1; done"
    jobs = [host.submit(script, "-q", "mixed") for _ in range(12)]  # ten run at once: four workers in each region, two slots in the lab

    def at_work() -> set[str]:
        return {worker["region"] for worker in json.loads(host.ok("hyper", "workers", "list-workers", "--json")) if worker["tasks"]}

    wait_until(lambda: at_work() >= {MAIN, HUB, "lab"}, 60)
    (listed,) = _joined(host)
    assert (listed["name"], listed["region"], listed["launch_type"], listed["definitions"]) == ("rack-1", "lab", "ONPREM", {"sim": 2})
    (tmp_path / "go").touch()
    assert [host.ended(job)["status"] for job in jobs] == ["Successful"] * 12
    machine.send_signal(signal.SIGTERM)
    assert machine.wait(30) == 0
    assert _joined(host) == []
    host.sound()


def _joined(host: Deployed) -> list[dict[str, Any]]:
    """The machines of the lab; instances of other tests may be told for some minutes after they were killed."""
    return [each for each in json.loads(host.ok("hyper", "workers", "list-machines", "--json")) if each["region"] == "lab"]
