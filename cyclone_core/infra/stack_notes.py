"""What whoever reviews a plan should know of what it makes, although nothing is wrong with it. Pure."""

from collections.abc import Mapping
from typing import Any

from cyclone_core.infra.plan import Bodies
from cyclone_core.infra.targets import Target, has_image
from cyclone_core.scheduler.capacity import is_automatic, is_isolated, weights

ISOLATED = "no workers are started in it: from isolated subnets they cannot reach the main region, which hands out work"
JOIN = "machines join it by themselves: hyper clusters join-command --name {}"
PROCESSES = "its image is for AWS Batch: on the machines of {} its tasks are processes"
NOWHERE = "its weights are 0 in every region: its jobs wait for machines that join, or until a region has a weight"
CHOSEN = "Cyclone weighs its regions, by capacity and price: hyper queues weights --name {}"


def note(target: Target, desired: Bodies) -> str:
    """One line about a stack that is made or changed, "" for nothing. desired: what the host will have."""
    body = target.properties.get("body") or {}
    if target.kind == "region" and is_isolated(body):
        return ISOLATED
    if target.kind == "queue" and _is_nowhere(body, desired):
        return NOWHERE
    if target.kind == "queue" and is_automatic(body) and len(desired.get("region", {})) > 1:
        return CHOSEN.format(target.name)
    if target.kind == "cluster" and body.get("launch_type") == "ONPREM":
        return JOIN.format(target.name)
    machines = sorted(name for name, cluster in desired.get("cluster", {}).items() if cluster.get("launch_type", "BATCH") != "BATCH")
    if target.kind == "definition" and target.properties.get("record") and has_image(body) and machines:
        return PROCESSES.format(f"cluster {machines[0]}" if len(machines) == 1 else "clusters " + ", ".join(machines))
    return ""


def _is_nowhere(queue: Mapping[str, Any], desired: Bodies) -> bool:
    """Whether no instances are started for a queue, whatever its cluster is."""
    given = queue.get("region_distribution_weights") or {}
    return bool(given and desired.get("region")) and not weights(sorted(desired["region"]), given, is_automatic(queue))
