"""A machine of one's own in a network of its own, cut off and killed: nothing is lost or counts twice, and it comes back by itself."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.remote.host import Host, Worker
from tests.remote.namespaces import Lab, lab
from tests.remote.test_machine import grid, waiting

__all__ = ["grid"]
BRISK = {"CYCLONE_LEASE_S": "3", "CYCLONE_SLOT_IDLE_S": "2"}


@pytest.fixture
def network(host: Host) -> Iterator[Lab]:
    """Where the machine is."""
    made = lab(host)
    yield made
    for worker in host.workers:
        worker.close()
    made.close()


def _join(host: Host, network: Lab) -> Worker:
    told = {"AWS_ENDPOINT_URL": network.endpoint, "CYCLONE_REGION": "lab", "CYCLONE_LAUNCH": "ONPREM", "CYCLONE_VCPUS": "1"}
    return host.worker(within=network.within, command="machine", CYCLONE_MACHINE="rack-1", **told, **BRISK)


def test_a_machine_that_is_cut_off(grid: Host, network: Lab, tmp_path: Path) -> None:
    """Its task runs elsewhere once its lease is over, what it would report late is refused, and it works again when the cable is back."""
    machine = _join(grid, network)
    job = grid.submit(
        f"touch {tmp_path}/on-$CYCLONE_ATTEMPT; test $CYCLONE_ATTEMPT = 2 || sleep 1.5; touch {tmp_path}/end-$CYCLONE_ATTEMPT"
    )
    waiting(grid, 1)
    grid.until((tmp_path / "on-1").exists, "it runs in the lab")
    network.pull_out()
    grid.until((tmp_path / "end-1").exists, "it ends there, and cannot be reported")
    other = grid.worker()
    assert grid.over(job) == [1, 0, 0, 0]
    other.signal(signal.SIGTERM)
    assert other.ends() == 0
    before = grid.attempts(job)
    assert [attempt for attempt, _ in before] == [1, 2]
    network.plug_in()
    later = grid.submit(f"touch {tmp_path}/later")
    waiting(grid, 1)
    assert grid.over(later) == [1, 0, 0, 0]
    assert grid.attempts(job) == before
    assert machine.process.poll() is None


def test_a_machine_that_is_killed(grid: Host, network: Lab, tmp_path: Path) -> None:
    """With everything on it, as when its power fails: what it ran runs elsewhere."""
    machine = _join(grid, network)
    job = grid.submit(f"touch {tmp_path}/on; test $CYCLONE_ATTEMPT = 2 || sleep 300")
    waiting(grid, 1)
    grid.until((tmp_path / "on").exists, "it runs in the lab")
    network.pull_out()
    for pid in [*machine.children(), machine.process.pid]:
        _kill(pid)
    machine.process.wait()
    grid.worker()
    assert grid.over(job) == [1, 0, 0, 0]


def _kill(pid: int) -> None:
    import os

    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
