"""Planning and deploying on AWS, on the sandbox: a cluster for a host with ten regions, nothing to do, plans of three regions.

    PYTHONPATH=. python benchmarks/deploy.py

What is measured is ours: resources of the sandbox take 0.2 s each where that is said, and nothing else.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import machine, spread

from cyclone_core import paths
from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Change, Plan
from cyclone_core.infra.targets import targets
from cyclone_core.operations import aws_hosts, hosts, sandbox
from cyclone_core.operations.aws_resources import AwsResources
from cyclone_core.operations.sandbox import Faults
from cyclone_core.resource_bodies import aws_body
from cyclone_core.resources import MODELS

RESOURCE_S = 0.2
REGIONS = (
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "ca-central-1",
)
ROUNDS = 3
Bodies = dict[str, dict[str, dict[str, Any]]]


@contextmanager
def a_home() -> Iterator[None]:
    """A sandbox and a state directory of our own."""
    root = tempfile.mkdtemp(prefix="cyclone-bench-", dir=os.environ.get("CYCLONE_BENCH_DIR"))
    os.environ.update(CYCLONE_HOME=root, CYCLONE_RUNTIME_DIR=root)
    sandbox.start()
    try:
        yield
    finally:
        sandbox.stop()
        shutil.rmtree(root, ignore_errors=True)


def host_of(name: str) -> Any:
    """A host on the sandbox, known to this machine."""
    host = aws_hosts.complete(hosts.propose({"name": name, "type": "aws", "sandbox": True}).check())
    aws_hosts.register(host)
    return host


def wanted(host: Any, regions: tuple[str, ...], clusters: int) -> Bodies:
    """The bodies of a host with so many regions and clusters."""
    found: Bodies = {"host": {host.name: dict(aws_body(host, host, {}))}, "region": {}, "cluster": {}}
    for name in regions:
        found["region"][name] = dict(aws_body(MODELS["region"].model_validate({"name": name}), host, found))
    for number in range(clusters):
        body = aws_body(MODELS["cluster"].model_validate({"name": f"cluster-{number}"}), host, found)
        found["cluster"][str(body["name"])] = dict(body)
    return found


def deploy(known: AwsResources, plan: Plan) -> tuple[float, list[Event]]:
    """Seconds that a plan took, and what was told."""
    begun, told = time.perf_counter(), list(known.applier().apply(plan, lambda: False))
    failed = [event.text for event in told if event.phase == "FAILED" and not event.part]
    if failed:
        sys.exit("\n".join(failed))
    return time.perf_counter() - begun, told


def slowest(told: list[Event]) -> float:
    """Seconds of the slowest single stack, from its first event to its last."""
    times: dict[tuple[str, str, str], list[float]] = {}
    for event in told:
        times.setdefault((event.region, event.kind, event.name), []).append(event.at)
    return max(max(each) - min(each) for each in times.values())


def clusters(known: AwsResources) -> None:
    """Add a cluster to a host with ten regions, and one stack of another one alone."""
    walls, ratios, alone = [], [], []
    for number in range(ROUNDS):
        one, every = (known.propose_put("cluster", {"name": f"{name}-{number}"}).check() for name in ("one", "every"))
        sandbox.set_faults(Faults(delay_s=RESOURCE_S))
        single, _ = deploy(known, Plan(tuple(change for change in one.changes if change.region == REGIONS[0])))
        wall, told = deploy(known, every)
        sandbox.set_faults(Faults())
        walls.append(wall)
        ratios.append(wall / slowest(told))
        alone.append(wall / single)
    print(f"one cluster in {len(REGIONS)} regions, {RESOURCE_S} s per resource: {spread(walls)} s")
    print(f"  to the slowest of its stacks {spread(ratios)}, to one stack deployed alone {spread(alone)}")


def nothing_to_do(known: AwsResources) -> None:
    """Plan and deploy what is there already."""
    here = known.snapshot().bodies
    stacks = len(targets(known.place, here))
    print(f"applying what is there already, {stacks} stacks: {spread(processes('apply'))} s, a process each")
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        if known.propose(here).plan:
            sys.exit("there is something to do")
        times.append(time.perf_counter() - begun)
    print(f"planning what is there already, {stacks} stacks: {spread(times)} s")


def processes(what: str, before: Callable[[], object] = lambda: None) -> list[float]:
    """Seconds of processes that do one thing."""
    times = []
    for _ in range(ROUNDS):
        before()
        begun = time.perf_counter()
        subprocess.run([sys.executable, str(Path(__file__).resolve()), what], check=True)
        times.append(time.perf_counter() - begun)
    return times


def plans() -> None:
    """A plan of three regions and four clusters, each time in a process of its own; templates made (cold) or kept (warm)."""
    kept = os.path.join(paths.cache_dir(), "templates")
    cold = processes("plan", lambda: shutil.rmtree(kept, ignore_errors=True))
    print(f"plan of 3 regions and 4 clusters, cold: {spread(cold)} s, warm: {spread(processes('plan'))} s, a process each")


def one_plan() -> None:
    """What `plans` measures."""
    host = hosts.get("planned")
    plan = AwsResources(host).propose(wanted(host, REGIONS[:3], 4)).check()
    assert len(plan.changes) >= 3 + 12


def one_apply() -> None:
    """Apply what is there already: every stack is named as if it changed."""
    known = AwsResources(hosts.get("wide"))
    wanted = targets(known.place, known.snapshot().bodies)
    deploy(
        known, Plan(tuple(Change("change", each.kind, each.name, (), each.properties.get("body"), None, each.region) for each in wanted))
    )


def main() -> None:
    """Everything."""
    if sys.argv[1:]:
        {"plan": one_plan, "apply": one_apply}[sys.argv[1]]()
        return
    print(machine())
    with a_home():
        host_of("planned")
        plans()
        known = AwsResources(host_of("wide"))
        for regions in (REGIONS[:1], REGIONS):
            deploy(known, known.propose(wanted(known.host, regions, 1)).check())
        nothing_to_do(known)
        clusters(known)


if __name__ == "__main__":
    main()
