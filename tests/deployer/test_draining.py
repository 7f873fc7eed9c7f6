"""A compute environment that goes is deleted when its workers have left, and not before, whatever happens meanwhile."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from cyclone_core.infra.containers import Stop, never
from cyclone_core.infra.stack_deployer import StackDeployer
from cyclone_core.operations.sandbox import Faults
from tests.deployer.conftest import MAIN, Deployed, Sandbox, bodies, ends, plan_of, resource

Look = Callable[[], Mapping[str, int]]


def cluster(host: Deployed, environment: str) -> dict[str, Any]:
    """A host with a cluster of one environment, which has a name of its own."""
    name = f"{host.host}-{environment}"
    made = resource("Batch::ComputeEnvironment", Type="UNMANAGED", ComputeEnvironmentName=name, State="ENABLED")
    order = [{"Order": 1, "ComputeEnvironment": {"Ref": environment}}]
    queue = resource("Batch::JobQueue", JobQueueName=f"{host.host}-queue", Priority=1, ComputeEnvironmentOrder=order)
    return bodies(
        host={"name": host.host}, region={"name": MAIN}, cluster={"name": "big", "extra": {environment: made, "Queue": queue}}
    )  # fmt: skip


def change(host: Deployed, environment: str, look: Look = dict, stop: Stop = never, keep_failed: bool = False) -> str:
    """Lead the cluster to one environment while these workers run; how that ended."""
    plan = replace(plan_of(host.place, host.recorded(), cluster(host, environment)), keep_failed=keep_failed)
    deployer = StackDeployer(host.account, host.place, host.templates, host.recorded, workers=lambda *place: look())
    host.told = list(deployer.apply(plan, stop))
    return ends(host.place, host.told)["cluster big"]


def states(host: Deployed) -> dict[str, str]:
    """How the environments are."""
    found = host.account.client("batch", MAIN).ask("DescribeComputeEnvironments")["computeEnvironments"]
    mine = {each["computeEnvironmentName"]: each["state"] for each in found}
    return {name.removeprefix(f"{host.host}-"): state for name, state in mine.items() if name.startswith(f"{host.host}-")}


class Busy:
    """Workers in environments, which stay until so many looks were taken; and what was there at each look."""

    def __init__(self, host: Deployed, *environments: str, looks: int = 1, at: Callable[[], object] = lambda: None) -> None:
        """at: what happens at the first look."""
        self._host, self._there, self._looks, self._at = host, {f"{host.host}-{name}": 1 for name in environments}, looks, at
        self.seen: list[dict[str, str]] = []
        self.called_off = False

    def __call__(self) -> Mapping[str, int]:
        """A look."""
        self.seen.append(states(self._host))
        if len(self.seen) == 1:
            self._at()
        self.called_off = len(self.seen) >= self._looks
        return self._there if len(self.seen) <= self._looks else {}


def test_what_goes_stays_until_its_workers_have_left(host: Deployed) -> None:
    """Meanwhile it is disabled, and the new one is in use; workers there are not waited for."""
    change(host, "Old")

    def look() -> Mapping[str, int]:
        busy()
        return {f"{host.host}-New": 3} | ({f"{host.host}-Old": 1} if len(busy.seen) < 2 else {})

    busy = Busy(host)
    assert change(host, "New", look) == "ACTIVE", host.text("FAILED")
    assert busy.seen == [{"Old": "DISABLED", "New": "ENABLED"}] * 2
    assert states(host) == {"New": "ENABLED"}
    assert any(event.text == "1 worker finishes what it has begun" for event in host.told)


def called_off(host: Deployed, environment: str, *there: str) -> dict[str, str]:
    """Lead the cluster on while workers run there, and call that off; the environments then."""
    busy = Busy(host, *there)
    assert change(host, environment, busy, lambda: busy.called_off) == "CANCELLED"
    assert "the change is made" in host.text("CANCELLED")
    return states(host)


def test_the_way_back_takes_what_still_drains(host: Deployed) -> None:
    """It is in use again, as the same environment; what came instead goes."""
    change(host, "Old")
    assert called_off(host, "New", "Old") == {"Old": "DISABLED", "New": "ENABLED"}
    busy = Busy(host, "New")
    assert change(host, "Old", busy) == "ACTIVE", host.text("FAILED")
    assert busy.seen[-1] == {"Old": "ENABLED", "New": "DISABLED"}
    assert states(host) == {"Old": "ENABLED"}


def test_a_second_change_waits_for_the_workers_of_both(host: Deployed) -> None:
    """Three generations are there side by side."""
    change(host, "Old")
    called_off(host, "New", "Old")
    assert called_off(host, "Newest", "New") == {"Old": "DISABLED", "New": "DISABLED", "Newest": "ENABLED"}
    busy = Busy(host, "Old")
    assert change(host, "Newest", busy) == "ACTIVE", host.text("FAILED")
    assert busy.seen[-1] == {"Old": "DISABLED", "New": "DISABLED", "Newest": "ENABLED"}
    assert states(host) == {"Newest": "ENABLED"}


def test_what_somebody_else_changed_meanwhile_is_left_to_them(host: Deployed) -> None:
    """Who waits does not take the newer change back, and does not wait for the workers of what is in use again."""
    change(host, "Old")
    other = Deployed(host.account, host.place, host.templates)
    busy = Busy(host, "Old", looks=9, at=lambda: change(other, "Old"))
    assert change(host, "New", busy) == "CANCELLED"
    assert "somebody has changed the cluster again since" in host.text("CANCELLED")
    assert states(host) == {"Old": "ENABLED"}


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED"])
def test_a_change_after_one_that_failed_waits_too(host: Deployed, aws: Sandbox, status: str) -> None:
    """The one before was taken back, or is now; workers are where they were."""
    change(host, "Old")
    aws.set_faults(Faults(failures={"Wrong": "no capacity"}))
    try:
        assert change(host, "Wrong", keep_failed=status == "UPDATE_FAILED") == "FAILED"
    finally:
        aws.set_faults(Faults())
    assert host.stack("cluster-big").status == status
    busy = Busy(host, "Old")
    assert change(host, "New", busy) == "ACTIVE", host.text("FAILED")
    assert busy.seen[-1] == {"Old": "DISABLED", "New": "ENABLED"}
