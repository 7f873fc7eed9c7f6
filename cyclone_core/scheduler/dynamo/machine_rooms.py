"""The machines of a host as `machines` counts them: what they say of themselves, and what of EC2 has been asked for and is not there yet.

A machine that is there says what is free on it; one that starts is known by its request alone, whose workers are taken for one room.
Machines that joined count in the region whose name they gave, which no limit of AWS is about.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from cyclone_core.scheduler import machines
from cyclone_core.scheduler.capacity import Crew, Lane, Shape, Site
from cyclone_core.scheduler.dynamo import fleet
from cyclone_core.scheduler.dynamo.demand import Bodies, Question
from cyclone_core.scheduler.dynamo.ec2_region import need_of
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.machine_items import Machine
from cyclone_core.scheduler.dynamo.region_driver import EC2, launch_type
from cyclone_core.scheduler.machines import LEAVING, STARTING, THERE, Need, Room, Want

Crews = dict[tuple[Lane, str], Crew]


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
        held = (request.cluster, request.region, workers * need.vcpus, workers * need.memory_mib, workers * need.gpus)
        if crew.able:
            yield Room(*held, state=STARTING, meant_for=request.definition)
        else:  # nobody knows, or it is being ended
            yield Room(*held, widths={request.definition: workers}, state=LEAVING)
