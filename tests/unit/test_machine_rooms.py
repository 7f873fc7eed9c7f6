"""Machines in a look of the scaler: what they have counts for lanes, what is idle on them against the limit, and people are told."""

from typing import Any

from cyclone_core.scheduler.capacity import Crew, Lane, decide
from cyclone_core.scheduler.dynamo import capacity_items, demand, machine_rooms
from cyclone_core.scheduler.dynamo.demand import Backlog, Question
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.machine_items import LEAVING, Machine

NOW = 1_700_000_000_000
LANE = Lane("big", "small")
BODIES: dict[str, dict[str, dict[str, Any]]] = {
    "region": {"eu-west-1": {"main_region": True}},
    "cluster": {"big": {"launch_type": "EC2", "max_vcpus": 10, "compute_envs": 3}},
    "definition": {"small": {"vcpus": 2, "memory_limit_mib": 512}},
    "queue": {"work": {"cluster": "big"}},
}


def _question(waiting: int) -> Question:
    return demand.question(Backlog({("work", "small"): (waiting, 0)}), BODIES, {})


def _machine(region: str = "eu-west-1", **fields: Any) -> Machine:
    return Machine("big", region, "m", vcpus=4, memory_mib=8192, **{"free_vcpus": 4, "free_memory_mib": 8192, **fields})


def test_room_that_is_there_is_not_asked_for() -> None:
    """A machine that joined has room for two of five, in a region that AWS knows nothing of."""
    asked, crews = machine_rooms.counted(_question(5), [], [_machine("lab")], BODIES, NOW)
    assert crews == {(LANE, "lab"): Crew(running=2)}
    assert decide(asked.demands, asked.shapes, asked.sites, crews)[LANE].asked == {"eu-west-1": 3}


def test_what_is_idle_counts_against_the_limit() -> None:
    """Of ten vCPUs four are on a machine that leaves: three more workers fit, and the cluster's environments are Batch's."""
    machine = _machine(state=LEAVING, lanes={"small": 1}, free_vcpus=2)
    asked, crews = machine_rooms.counted(_question(9), [], [machine], BODIES, NOW)
    assert crews == {(LANE, "eu-west-1"): Crew(ending=1)}
    assert [(site.max_vcpus, site.environments) for site in asked.sites] == [(8, 1)]
    assert decide(asked.demands, asked.shapes, asked.sites, crews)[LANE].asked == {"eu-west-1": 3}


def test_what_is_coming_is_not_asked_for_again_and_is_told() -> None:
    """By its request, until its machine says something."""
    request = Request("big", "eu-west-1", "n", "small", 2, 2, NOW - 60_000, "fleet", seen=NOW, launch="EC2", placed=2)
    asked, crews = machine_rooms.counted(_question(2), [request], [], BODIES, NOW)
    assert crews == {(LANE, "eu-west-1"): Crew(starting=2)}
    course = decide(asked.demands, asked.shapes, asked.sites, crews)[LANE]
    told = capacity_items.body(LANE, course, asked, [request], {}, {}, {}, NOW)
    assert (course.asked, told["regions"]["eu-west-1"]["starting"]) == ({}, 2)
    assert told["why"] == "2 workers requested in eu-west-1 1 min ago have not started"


def test_what_machines_run_of_a_deleted_definition_stops_no_look() -> None:
    """Its last tasks end there; meanwhile the others of the host are decided about."""
    machine = _machine("lab", lanes={"deleted": 1}, free_vcpus=2)
    asked, crews = machine_rooms.counted(_question(2), [], [machine], BODIES, NOW)
    course = decide(asked.demands, asked.shapes, asked.sites, crews)
    assert course[LANE].asked == {"eu-west-1": 1}
    assert capacity_items.body(Lane("big", "deleted"), course[Lane("big", "deleted")], asked, [], {}, {}, {}, NOW)["wanted"] == 0
