"""What `capacity` decides from, put together from the counters of an AWS host (TOTALS), its records, and its arrays with limits.

An array with a limit wants no more workers than it may run tasks: whoever makes such an array available writes a LIMITED item
(`note_limited`), which is taken away here once the array is over.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cyclone_core.jobs import RUNNING, WAITING
from cyclone_core.scheduler import capacity
from cyclone_core.scheduler.capacity import Crew, Demand, Lane, Shape, Site
from cyclone_core.scheduler.dynamo import keys, totals
from cyclone_core.scheduler.dynamo.table import Table

ISOLATED = "its workers cannot reach the main region: its subnets are isolated"
"""Why a hub is left out. Endpoints lead to services of their own region, and work is handed out by those of the main one."""
_MOST_VCPUS = 1000
"""Of a cluster whose record does not say."""
Body = Mapping[str, Any]
Bodies = Mapping[str, Mapping[str, Body]]
"""kind -> name -> body"""
Place = tuple[str, str]
"""(queue, definition)"""


@dataclass
class Backlog:
    """Open tasks."""

    counts: dict[Place, tuple[int, int]] = field(default_factory=dict)
    """(waiting, running), where there are any"""
    limited: dict[Place, list[tuple[int, int]]] = field(default_factory=dict)
    """(open tasks, most at once) of arrays with limits"""


@dataclass(frozen=True)
class LaneTasks:
    """Open tasks of a lane over all its queues."""

    waiting: int = 0
    running: int = 0
    automatic: bool = False
    """whether a queue leaves it to Cyclone how regions are weighed"""
    off: tuple[str, ...] = ()
    """regions that have no weight"""


@dataclass(frozen=True)
class Question:
    """What is decided about."""

    demands: tuple[Demand, ...]
    shapes: Mapping[str, Shape]
    sites: tuple[Site, ...]
    lanes: Mapping[Lane, LaneTasks]
    machines: Mapping[tuple[Lane, str], Crew] = field(default_factory=dict)
    """(lane, region) -> workers that machines with slots are, or will be (`machine_rooms`)"""


def note_limited(table: Table, number: int, job: Mapping[str, Any]) -> None:
    """An array with a limit is about to be made available. job: its JOB item. Raises AwsError; doing it again changes nothing."""
    if job.get("lm"):
        table.put((keys.LIMITED, str(number)), {"q": job["q"], "d": job["d"], "lm": job["lm"]})


def read(table: Table) -> Backlog:
    """The open tasks of a host. Raises AwsError."""
    counts = {place: (numbers[WAITING], numbers[RUNNING]) for place, numbers in totals.lanes(table).items()}
    counts = {place: both for place, both in counts.items() if any(both)}
    return Backlog(counts, _limited(table) if counts else {})


def _limited(table: Table) -> dict[Place, list[tuple[int, int]]]:
    found: dict[Place, list[tuple[int, int]]] = defaultdict(list)
    noted = {keys.total(int(item["sk"])): item for item in table.query(keys.LIMITED)}
    counted = table.batch_get(list(noted)) if noted else {}
    for key, item in noted.items():
        total = counted.get(key)
        if total is None and table.get(keys.job(int(item["sk"]))):
            continue  # it is not counted yet
        if total is None or "ended" in total or "gone" in total:
            table.delete((keys.LIMITED, item["sk"]))
            continue
        numbers = totals.effective(totals.numbers(total), "x" in total)
        found[item["q"], item["d"]].append((max(0, numbers[WAITING]) + max(0, numbers[RUNNING]), item["lm"]))
    return dict(found)


def question(
    backlog: Backlog, bodies: Bodies, closed: Mapping[Place, str], workers: Mapping[str, int] | None = None,
    resting: Collection[tuple[Lane, str]] = (), routed: Mapping[str, Mapping[str, int]] | None = None,
) -> Question:  # fmt: skip
    """What to decide. closed: (cluster, region) -> why nothing can be asked for there; resting: (lane, region) that asks for nothing;
    routed: cluster -> the regions' automatic weights, where there are any (`routing_items`).

    workers: definition -> vCPUs of each of the workers that it has, for definitions whose records are gone. Tasks whose queue, cluster or
    definition is gone wait for somebody to make it again, and want no workers.
    """
    regions = sorted(bodies.get("region", {}))
    definitions = bodies.get("definition", {})
    shapes = {name: Shape(1, vcpus) for name, vcpus in (workers or {}).items()}
    shapes |= {name: Shape(int(body.get("jobs_to_workers_ratio") or 1), int(body.get("vcpus") or 1)) for name, body in definitions.items()}
    demands: list[Demand] = []
    lanes: dict[Lane, LaneTasks] = {}
    for (queue, definition), counts in sorted(backlog.counts.items()):
        body = bodies.get("queue", {}).get(queue, {})
        cluster = str(body.get("cluster", ""))
        if cluster not in bodies.get("cluster", {}) or definition not in definitions:
            continue
        if is_for_machines(definitions[definition]) and bodies["cluster"][cluster].get("launch_type", "BATCH") == "BATCH":
            continue  # nobody can start it there but a machine that joined
        lane = Lane(cluster, definition)
        limited = backlog.limited.get((queue, definition), ())
        demands.append(_demand(lane, queue, body, counts, shapes[definition].ratio, limited, regions, (routed or {}).get(cluster)))
        lanes[lane] = _joined(lanes.get(lane, LaneTasks(off=tuple(regions))), body, counts, demands[-1])
        rests = {region for each, region in resting if each == lane}
        kept = {region: weight for region, weight in demands[-1].weights.items() if region not in rests}
        demands[-1] = replace(demands[-1], weights=kept)
    return Question(tuple(demands), shapes, tuple(_sites(bodies, regions, closed)), lanes)


def is_for_machines(definition: Body) -> bool:
    """Whether containers cannot run it: it has no image."""
    return not (definition.get("image_uri") or definition.get("cyclone_image_name"))


def concerned(found: Question) -> dict[str, set[str]]:
    """Region -> clusters that may be asked for workers there."""
    regions: dict[str, set[str]] = defaultdict(set)
    usable = {(site.cluster, site.region) for site in found.sites if not site.closed}
    for demand in found.demands:
        for region, weight in demand.weights.items():
            if weight and demand.open_tasks and (demand.lane.cluster, region) in usable:
                regions[region].add(demand.lane.cluster)
    return dict(regions)


def automatic(found: Question, bodies: Bodies) -> set[str]:
    """Clusters with open tasks of queues that leave it to Cyclone how regions are weighed, as far as there is a choice (`weighed`)."""
    known = weighed(bodies)
    return {lane.cluster for lane, tasks in found.lanes.items() if tasks.automatic and lane.cluster in known}


def weighed(bodies: Bodies) -> set[str]:
    """Clusters whose regions can be weighed: two of them compute, and they ask AWS for machines (those that join are where they are)."""
    if sum(not capacity.is_isolated(body) for body in bodies.get("region", {}).values()) < 2:
        return set()
    return {name for name, body in bodies.get("cluster", {}).items() if str(body.get("launch_type") or "BATCH") != "ONPREM"}


def _demand(
    lane: Lane, queue: str, body: Body, counts: tuple[int, int], ratio: int, limited: Sequence[tuple[int, int]], regions: Sequence[str],
    routed: Mapping[str, int] | None,
) -> Demand:  # fmt: skip
    weights = capacity.weights(regions, body.get("region_distribution_weights") or {}, capacity.is_automatic(body), routed)
    waiting, running = counts
    tasks = running if body.get("paused") else capacity.useful(waiting + running, ratio, limited)
    return Demand(lane, queue, tasks, int(body.get("priority") or 0), weights)


def _joined(before: LaneTasks, queue: Body, counts: tuple[int, int], demand: Demand) -> LaneTasks:
    off = tuple(region for region in before.off if not demand.weights.get(region))
    return LaneTasks(before.waiting + counts[0], before.running + counts[1], before.automatic or capacity.is_automatic(queue), off)


def _sites(bodies: Bodies, regions: Iterable[str], closed: Mapping[Place, str]) -> Iterable[Site]:
    for region in regions:
        isolated = ISOLATED if capacity.is_isolated(bodies["region"][region]) else ""
        for name, body in sorted(bodies.get("cluster", {}).items()):
            why = isolated or closed.get((name, region), "")
            yield Site(name, region, int(body.get("max_vcpus") or _MOST_VCPUS), int(body.get("compute_envs") or 1), why)
