"""A compute environment that goes is deleted when its workers have left, and not before."""

from collections.abc import Callable, Mapping
from typing import Any

from cyclone_core.infra.stack_deployer import StackDeployer
from tests.deployer.conftest import MAIN, Deployed, bodies, plan_of, resource

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


def change(host: Deployed, environment: str, look: Look) -> None:
    """Lead the cluster to one environment while these workers run."""
    plan = plan_of(host.place, host.recorded(), cluster(host, environment))
    deployer = StackDeployer(host.account, host.place, host.templates, host.recorded, workers=lambda *place: look())
    host.told = list(deployer.apply(plan))


def states(host: Deployed) -> dict[str, str]:
    """How the environments are."""
    found = host.account.client("batch", MAIN).ask("DescribeComputeEnvironments")["computeEnvironments"]
    mine = {each["computeEnvironmentName"].removeprefix(f"{host.host}-"): each["state"] for each in found}
    return {name: state for name, state in mine.items() if name in ("Old", "New")}


def test_what_goes_stays_until_its_workers_have_left(host: Deployed) -> None:
    """Meanwhile it is disabled, and the new one is in use; without workers it would go at once."""
    seen: list[dict[str, str]] = []

    def look() -> Mapping[str, int]:
        seen.append(states(host))
        return {f"{host.host}-Old": 1, f"{host.host}-New": 3} if len(seen) < 3 else {f"{host.host}-New": 3}

    change(host, "Old", dict)
    change(host, "New", look)
    assert seen == [{"Old": "ENABLED"}, *[{"Old": "DISABLED", "New": "ENABLED"}] * 2]
    assert states(host) == {"New": "ENABLED"}
    assert any(event.text == "1 worker finishes what it has begun" for event in host.told)
