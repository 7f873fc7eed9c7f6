"""The machines of a host as `machines` counts them: what they say of themselves, and what of EC2 has been asked for and is not there yet.

A machine that is there says what is free on it. One that starts has what its type has, whoever it was asked for, or its room would be
bought twice; what has not come is taken for one room. Machines that joined count in the region whose name they gave, which no limit of
AWS is about.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from cyclone_core.prices import table as prices
from cyclone_core.prices.table import Facts
from cyclone_core.scheduler import machines, whole_instances
from cyclone_core.scheduler.capacity import Course, Crew, Lane, Shape, Site
from cyclone_core.scheduler.dynamo import fleet
from cyclone_core.scheduler.dynamo.demand import Bodies, Question
from cyclone_core.scheduler.dynamo.ec2_fleets import need_of, types_for
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.machine_items import Machine
from cyclone_core.scheduler.dynamo.region_driver import EC2, launch_type
from cyclone_core.scheduler.machine_packing import CHILD_MIB
from cyclone_core.scheduler.machines import LEAVING, STARTING, THERE, Need, Room, Want

Place = tuple[Lane, str]
"""(lane, region)"""
Crews = dict[Place, Crew]


def counted(asked: Question, requests: Sequence[Request], there: Sequence[Machine], bodies: Bodies, now_ms: int) -> tuple[Question, Crews]:
    """The question with the vCPUs that are left, and all workers that there are, or will be: of requests, and of machines."""
    needs = {name: need_of(body) for name, body in bodies.get("definition", {}).items()}
    crews = fleet.crews([request for request in requests if request.launch != EC2], now_ms)
    rooms = [*map(_room, there), *_coming(requests, needs, now_ms)]
    found = machines.count(rooms, needs, list(_wants(asked, crews)))
    for where, crew in found.crews.items():
        before = crews.get(where, Crew())
        crews[where] = Crew(before.starting + crew.starting, before.running + crew.running, before.ending + crew.ending)
    shapes = {lane.definition: Shape() for lane, _ in crews} | dict(asked.shapes)  # machines run what was deleted to its end
    return replace(asked, shapes=shapes, sites=tuple(_sites(asked, bodies, found.idle)), machines=found.crews), crews


def in_whole_instances(
    plan: Mapping[Lane, Course], bodies: Bodies, rungs: Mapping[Place, str], apart: Collection[Place]
) -> dict[Lane, Course]:
    """The plan with regions' parts put together so that fewer instances come (`whole_instances`).

    rungs: step of the fallback chain on which a place is asked, where that is not the first; apart: places whose part stays as it is.
    """
    found = dict(plan)
    for lane, course in plan.items():
        cluster, definition = bodies.get("cluster", {}).get(lane.cluster, {}), bodies.get("definition", {}).get(lane.definition)
        if len(course.asked) < 2 or launch_type(cluster) != EC2 or definition is None:
            continue
        free = [region for region in course.asked if (lane, region) not in apart]
        kinds = {region: types_for(cluster, rungs.get((lane, region), ""), region) for region in free}
        held = {region: machines.least_held(need_of(definition), kinds[region]) for region in free}
        found[lane] = replace(course, asked=whole_instances.merged(course.asked, held))
    return found


def _sites(asked: Question, bodies: Bodies, idle: Mapping[tuple[str, str], int]) -> Iterator[Site]:
    """Clusters of type EC2 have one limit in each region, of which vCPUs are used that are in no worker."""
    for site in asked.sites:
        if launch_type(bodies.get("cluster", {}).get(site.cluster, {})) == EC2:
            yield replace(site, max_vcpus=max(0, site.max_vcpus - idle.get((site.cluster, site.region), 0)), environments=1)
        else:
            yield site


def _wants(asked: Question, crews: Crews) -> Iterator[Want]:
    """What lanes want beside the workers that were asked of Batch."""
    tasks: dict[Lane, int] = defaultdict(int)
    priority: dict[Lane, int] = {}
    for demand in asked.demands:
        tasks[demand.lane] += max(0, demand.open_tasks)
        priority[demand.lane] = max(demand.priority, priority.get(demand.lane, demand.priority))
    for lane, count in tasks.items():
        elsewhere = sum(crew.able for (each, _), crew in crews.items() if each == lane)
        wanted = -(-count // max(1, asked.shapes[lane.definition].ratio)) - elsewhere
        if wanted > 0:
            yield Want(lane, wanted, priority[lane])


def _room(machine: Machine) -> Room:
    """A machine that has said that it is there."""
    state = THERE if machine.takes_work else LEAVING
    free = Need(machine.free_vcpus, machine.free_memory_mib, machine.free_gpus)
    return Room(machine.cluster, machine.region, machine.vcpus, machine.memory_mib, machine.gpus, machine.lanes, free, state)


def _coming(requests: Iterable[Request], needs: Mapping[str, Need], now_ms: int) -> Iterator[Room]:
    """Instances that have not said anything yet."""
    for request in requests:
        crew = request.crew(now_ms)
        if request.launch != EC2 or not request.starting:
            continue
        need, workers = needs.get(request.definition, Need(request.vcpus)), request.starting
        where = request.cluster, request.region
        if not crew.able:  # nobody knows, or it is being ended
            yield Room(*where, *_sum(need, workers), widths={request.definition: workers}, state=LEAVING)
            continue
        for kind, count in _kinds(request.coming):
            workers -= count * max(1, machines.slots_of(need, kind))
            yield from [machines.room_of(*where, kind, request.definition)] * count
        if workers > 0:  # for whom no instance has come yet
            yield Room(*where, *_sum(need, workers), state=STARTING, meant_for=request.definition)


def _sum(need: Need, workers: int) -> tuple[int, int, int]:
    return workers * need.vcpus, workers * need.memory_mib + CHILD_MIB, workers * need.gpus


def _kinds(types: Mapping[str, int]) -> list[tuple[Facts, int]]:
    """Instances by what they have; those of which nobody knows that are left out."""
    return [(kind, count) for name, count in types.items() if (kind := prices.facts(name)) is not None]
