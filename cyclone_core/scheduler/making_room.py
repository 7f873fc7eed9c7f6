"""Whose workers make room for whom when a cluster is full: lanes of one priority share it, and a higher one comes first. Pure.

`capacity.decide` shares what is free. A lane whose work never ends would keep for ever what it got first, so lanes that were short twice in
a row (whatever is short for a moment passes) have a claim, in the regions where their cluster is full:

- on workers of lanes of a lower priority, the lowest first, as many as they want;
- on workers of lanes of their own priority, down to the level at which all of them have equally many vCPUs.

Workers that have not started are ended; those that run are asked to leave when they have done what they have begun, and nothing of it
is lost. Which lane gets what they give back is decided when it is free, by the same rules. A lane's priority is, for others' claims, the
highest of its queues that have tasks; for its own claims that of the queue whose tasks lack workers.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from cyclone_core.scheduler.apportionment import fill
from cyclone_core.scheduler.capacity import Course, Crew, Demand, Lane, Shape, Site

Crews = Mapping[tuple[Lane, str], Crew]
Claims = list[tuple[int, Lane, int]]
"""(priority, lane, workers)"""


def make_room(
    plan: Mapping[Lane, Course],
    demands: Sequence[Demand],
    shapes: Mapping[str, Shape],
    sites: Sequence[Site],
    crews: Crews,
    hungry: Collection[Lane],
) -> dict[Lane, Course]:
    """The plan with what lanes give up for others: `spare` of workers that start, `leave` of those that run. hungry: who has claims."""
    found = dict(plan)
    claims = _claims(plan, demands, shapes, hungry)
    for site in sites:
        for lane, workers in _given(site, claims, plan, demands, shapes, crews).items():
            course, crew = found[lane], crews[lane, site.region]
            starting = min(workers, crew.starting - course.spare.get(site.region, 0))
            spare = {**course.spare, site.region: course.spare.get(site.region, 0) + starting} if starting else course.spare
            leave = {**course.leave, site.region: workers - starting} if workers > starting else course.leave
            found[lane] = replace(course, spare=spare, leave=leave)
    return found


def _claims(
    plan: Mapping[Lane, Course], demands: Sequence[Demand], shapes: Mapping[str, Shape], hungry: Collection[Lane]
) -> dict[tuple[str, str], Claims]:
    """(cluster, region) -> what lanes lack there: workers are short for the last of a lane's tasks, by priority."""
    found: dict[tuple[str, str], Claims] = defaultdict(list)
    for lane in sorted(hungry):
        course = plan.get(lane)
        if course is None or not course.short or not course.full:
            continue
        ratio, there, open_tasks = max(1, shapes[lane.definition].ratio), course.wanted - course.short, 0
        for demand in sorted((each for each in demands if each.lane == lane), key=lambda each: (-each.priority, each.queue)):
            before, open_tasks = -(-open_tasks // ratio), open_tasks + demand.open_tasks
            lacking = -(-open_tasks // ratio) - max(before, there)
            regions = {region: demand.weights[region] for region in course.full if demand.weights.get(region)}
            if lacking > 0 and regions:
                parts = fill(regions, dict.fromkeys(regions, 0), dict.fromkeys(regions, lacking), lacking)
                for region, workers in parts.items():
                    found[lane.cluster, region] += [(demand.priority, lane, workers)] if workers else []
    return found


def _given(
    site: Site,
    claims: Mapping[tuple[str, str], Claims],
    plan: Mapping[Lane, Course],
    demands: Sequence[Demand],
    shapes: Mapping[str, Shape],
    crews: Crews,
) -> dict[Lane, int]:
    """Workers that lanes give up in one region."""
    here = claims.get((site.cluster, site.region), [])
    if not here or site.closed:
        return {}
    room = _Room(site, plan, demands, shapes, crews)
    for priority, group in groupby(sorted(here, key=lambda claim: -claim[0]), key=lambda claim: claim[0]):
        wanted: dict[Lane, int] = defaultdict(int)
        for _, lane, workers in group:
            wanted[lane] += workers * room.vcpus[lane]
        room.take_below(priority, wanted)
        room.level(priority, wanted)
        room.keep(wanted)
    return room.given


class _Room:
    """The workers of a cluster in one region, and who gives up how many. Claims are met from the highest priority on."""

    def __init__(
        self, site: Site, plan: Mapping[Lane, Course], demands: Sequence[Demand], shapes: Mapping[str, Shape], crews: Crews
    ) -> None:
        lanes = [lane for lane in plan if lane.cluster == site.cluster]
        mine = {lane: crews.get((lane, site.region), Crew()) for lane in lanes}
        self.vcpus = {lane: max(1, shapes[lane.definition].vcpus) for lane in lanes}
        self.given: dict[Lane, int] = {}
        self._left = {lane: mine[lane].able - plan[lane].spare.get(site.region, 0) for lane in lanes}
        """workers that a lane could give up"""
        used = sum((mine[lane].able + plan[lane].asked.get(site.region, 0)) * self.vcpus[lane] for lane in lanes)
        self._free = max(0, site.max_vcpus - used)
        """vCPUs that nobody has, or that somebody gives up; workers that are ending have given up theirs"""
        self._have = {lane: (self._left[lane] + plan[lane].asked.get(site.region, 0)) * self.vcpus[lane] for lane in lanes}
        """vCPUs"""
        self._priority = {
            lane: max(each.priority for each in demands if each.lane == lane and each.open_tasks)
            for lane in lanes
            if any(each.lane == lane and each.open_tasks for each in demands)  # workers of others are idle, and end by themselves
        }

    def take_below(self, priority: int, wanted: Mapping[Lane, int]) -> None:
        """Take from lanes of lower priorities, the lowest first, unless not even one worker would come of it."""
        lower = [lane for lane in sorted(self._priority, key=lambda lane: (self._priority[lane], lane)) if self._priority[lane] < priority]
        if self._free + sum(self._left[lane] * self.vcpus[lane] for lane in lower) < min(self.vcpus[lane] for lane in wanted):
            return
        for lane in lower:
            self._take(lane, min(self._left[lane], -(-(sum(wanted.values()) - self._free) // self.vcpus[lane])))

    def level(self, priority: int, wanted: Mapping[Lane, int]) -> None:
        """Take from lanes of the same priority that have more than the level of all, as far as whole workers of others come of it."""
        members = sorted(lane for lane in self._priority if lane in wanted or self._priority[lane] == priority)
        most = {lane: self._have[lane] + wanted.get(lane, 0) for lane in members}
        total = sum(self._have[lane] for lane in members) + self._free
        fair = fill(dict.fromkeys(members, 1), dict.fromkeys(members, 0), most, total)
        over = {lane: fair[lane] - self._have[lane] for lane in members}
        missing = sum(max(0, over[lane]) // self.vcpus[lane] * self.vcpus[lane] for lane in wanted) - self._free
        for lane in sorted(members, key=lambda lane: (over[lane], lane)):
            surplus = min(-over[lane] // self.vcpus[lane], self._left[lane], -(-missing // self.vcpus[lane]))
            if self._priority[lane] <= priority:
                missing -= self._take(lane, surplus)

    def keep(self, wanted: Mapping[Lane, int]) -> None:
        """What is free now is for those of a priority that wanted it, and not for those that come after."""
        self._free = max(0, self._free - sum(wanted.values()))

    def _take(self, lane: Lane, workers: int) -> int:
        """vCPUs that so come free."""
        if workers <= 0:
            return 0
        self.given[lane] = self.given.get(lane, 0) + workers
        freed = workers * self.vcpus[lane]
        self._left[lane] -= workers
        self._have[lane] -= freed
        self._free += freed
        return freed
