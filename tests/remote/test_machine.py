"""A machine with several slots: starts workers for what waits in its cluster, side by side, survives them, and leaves cleanly."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.infra import joining
from cyclone_core.infra.targets import Place
from cyclone_core.scheduler.dynamo import keys, machine_items
from cyclone_core.scheduler.dynamo.machine_items import Machine
from tests.remote.host import ACCOUNT, REGION, Host, Worker

DEFINITIONS = ("default", "other")


@pytest.fixture
def grid(host: Host) -> Host:
    """A host with records: a cluster of machines, a queue, two definitions."""
    ssm = host.sandbox.client("ssm", REGION)
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("cluster", {"name": "big", "launch_type": "ONPREM"}),
        ("queue", {"name": "default", "cluster": "big", "priority": 0}),
        *(("definition", {"name": name, "vcpus": 1, "memory_limit_mib": 64}) for name in DEFINITIONS),
    ]
    for kind, body in bodies:
        ssm.put_parameter(Name=naming.record(host.name, kind, body["name"]), Value=json.dumps(body), Type="String")
    return host


def waiting(host: Host, tasks: int, definition: str = "default") -> None:
    """The counters say that so many tasks wait (there is no accountant here)."""
    host.table.put((keys.TOTALS, f"default#{definition}#0"), {"c0": tasks})


def _machine(host: Host, **environment: str) -> Worker:
    """With the rights of a machine that joins, and no others."""
    given = host.sandbox.user(*joining.statements(Place(host.name, ACCOUNT, REGION), "big", "aws"))
    environment |= {"AWS_ACCESS_KEY_ID": given["aws_access_key_id"], "AWS_SECRET_ACCESS_KEY": given["aws_secret_access_key"]}
    return host.worker(command="machine", CYCLONE_LAUNCH="ONPREM", CYCLONE_VCPUS="4", CYCLONE_MACHINE="rack-1", **environment)


def _items(host: Host) -> list[Machine]:
    return machine_items.read(host.table, 0)


def test_tasks_run_side_by_side_and_a_machine_leaves_when_it_is_told_to(grid: Host, tmp_path: Path) -> None:
    """Four tasks that wait for each other end only if they run at once; nothing stays of the machine but its log."""
    script = f"touch {tmp_path}/$CYCLONE_TASK_INDEX; until [ $(ls {tmp_path} | wc -l) -ge 4 ]; do sleep 0.05; done"
    job = grid.submit(script, indices=(1, 4, 1), tasks=4, size=1)
    waiting(grid, 4)
    machine = _machine(grid)
    assert grid.over(job) == [4, 0, 0, 0]
    waiting(grid, 0)
    (item,) = grid.until(lambda: [one for one in _items(grid) if one.lanes], "it says what it runs")
    assert (item.name, item.launch, item.vcpus, item.free_vcpus, dict(item.lanes)) == ("rack-1", "ONPREM", 4, 0, {"default": 4})
    assert grid.worker_items()[0]["worker"].startswith("eu-west-1/rack-1#")
    machine.signal(signal.SIGTERM)
    assert machine.ends() == 0
    assert "may not" not in machine.said()
    assert (_items(grid), grid.worker_items(), [path.name for path in machine.home.iterdir()]) == ([], [], ["log"])


def test_a_worker_that_is_killed_does_not_end_its_machine(grid: Host, tmp_path: Path) -> None:
    """Another one is started, and does what it had."""
    job = grid.submit(f"touch {tmp_path}/on; test $CYCLONE_ATTEMPT = 2 || sleep 300")
    waiting(grid, 1)
    machine = _machine(grid, CYCLONE_LEASE_S="4")
    grid.until((tmp_path / "on").exists, "it runs")
    worker, *_ = machine.children()
    os.kill(worker, signal.SIGKILL)
    assert grid.over(job) == [1, 0, 0, 0]
    assert "was killed by signal 9" in machine.said()


def test_workers_do_not_outlive_their_machine(grid: Host, tmp_path: Path) -> None:
    """Killed without warning, it leaves nothing that runs; the task is anybody's at once, without a loss."""
    job = grid.submit(f"touch {tmp_path}/on; sleep 300")
    waiting(grid, 1)
    machine = _machine(grid)
    grid.until((tmp_path / "on").exists, "it runs")
    below = machine.children()
    machine.signal(signal.SIGKILL)
    grid.until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below), "nothing of it runs")
    (unit,) = grid.units(job)
    assert (unit.state, unit.histories) == (keys.WAITING, {1: (2, 0, 0)})


def test_a_machine_that_is_asked_to_leave_ends_what_runs(grid: Host, tmp_path: Path) -> None:
    """It hears it when it says something, takes nothing more, and goes when its task has ended."""
    job = grid.submit(f"touch {tmp_path}/on; until [ -e {tmp_path}/end ]; do sleep 0.05; done")
    waiting(grid, 1)
    machine = _machine(grid)
    grid.until((tmp_path / "on").exists, "it runs")
    (item,) = grid.until(lambda: _items(grid))
    assert machine_items.ask_to_leave(grid.table, item)
    grid.submit("true")
    waiting(grid, 1, "other")
    grid.until(lambda: "somebody asked it to leave" in machine.said(), "it hears it", 70)
    (tmp_path / "end").touch()
    assert machine.ends() == 0
    assert grid.over(job) == [1, 0, 0, 0]
