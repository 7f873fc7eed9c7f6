"""Workers whose instances were changed under them: who they are, and when they are forgotten."""

from dataclasses import replace

from cyclone_core.scheduler.capacity import Demand, Lane
from cyclone_core.scheduler.dynamo import instances, leaving
from cyclone_core.scheduler.dynamo.instances import Known
from cyclone_core.scheduler.dynamo.leaving import Present
from cyclone_core.scheduler.dynamo.machine_items import Machine

BIG = Lane("big", "sim")
WORKER = Present(("W#1", "us-east-1/a"), BIG, "us-east-1", 1000, False, False, "SpotOne")
PLACE = ("big", "us-east-1")


def environment(name: str, **resources: object) -> dict[str, object]:
    """As Batch describes it."""
    return {
        "computeEnvironmentArn": f"arn:…:compute-environment/{name}",
        "computeResources": {"maxvCpus": 16, "instanceTypes": ["m5"], **resources},
    }


def known_after(*changes: dict[str, object]) -> Known:
    """What is known after an environment of m5 became these, seen at 2000."""
    first = instances.after(Known(), instances.made_from([environment("SpotOne")]), 500)
    return instances.after(first, instances.made_from(changes), 2000)


def test_more_vcpus_concern_no_worker() -> None:
    """They are a matter of how many instances there may be."""
    assert known_after(environment("SpotOne", maxvCpus=64)).since == {}


def test_other_types_concern_workers_that_were_there_before() -> None:
    """One that started later is on an instance of the new types."""
    known = {PLACE: known_after(environment("SpotOne", instanceTypes=["c5"]))}
    later = replace(WORKER, started=2500)
    elsewhere = replace(WORKER, region="eu-west-1")
    assert instances.older(known, [WORKER, later, elsewhere]) == [WORKER]


def test_an_environment_that_left_the_queue_is_left_by_all() -> None:
    """Whenever they started: nothing new starts there. Workers of the new environment stay."""
    known = {PLACE: known_after(environment("OnDemandOne"))}
    late, new = replace(WORKER, started=9000), replace(WORKER, environment="OnDemandOne", started=1500)
    assert instances.older(known, [WORKER, late, new]) == [WORKER, late]


def test_workers_of_an_environment_that_came_back_stay() -> None:
    """Those that started since; the ones before were asked to leave, and those of what came between are now."""
    back = instances.after(known_after(environment("OnDemandOne")), instances.made_from([environment("SpotOne")]), 3000)
    since, between = replace(WORKER, started=3100), replace(WORKER, environment="OnDemandOne", started=2500)
    assert instances.older({PLACE: back}, [WORKER, since, between]) == [WORKER, between]


def test_an_added_environment_concerns_nobody() -> None:
    """The others are as they were."""
    assert known_after(environment("SpotOne"), environment("SpotTwo")).since == {}


def test_a_change_is_remembered_while_older_workers_are_there() -> None:
    """And for some minutes: a worker says a little late that it is there."""
    known = known_after(environment("SpotOne", instanceTypes=["c5"]))
    assert instances.without_past(PLACE, known, [], [], 2100).since == {"SpotOne": 2000}
    assert instances.without_past(PLACE, known, [WORKER], [], 9000).since == {"SpotOne": 2000}
    assert instances.without_past(PLACE, known, [], [], 9000).since == {}


def test_machines_leave_as_a_whole_and_those_that_joined_stay() -> None:
    """Another version of the launch template, or other types, concern instances that were launched before."""
    first = instances.after(Known(), instances.of_machines("1", {"instance_list": ["m5"]}), 500)
    assert instances.after(first, instances.of_machines("1", {"instance_list": ["m5"], "max_vcpus": 9}), 2000).since == {}
    known = {PLACE: instances.after(first, instances.of_machines("2", {"instance_list": ["m5"]}), 2000)}
    old, new = (Machine("big", "us-east-1", name, "EC2", started=at) for name, at in (("i-1", 1000), ("i-2", 2500)))
    joined = Machine("big", "us-east-1", "mine", started=1000)
    assert instances.older_machines(known, [old, new, joined]) == [old]
    child = replace(WORKER, key=("W#1", "us-east-1/i-1#2"), environment="")
    assert instances.older(known, [child]) == []


def test_what_leaving_workers_run_needs_no_other_worker() -> None:
    """Three open tasks, one of which runs on a worker that is leaving: two are for others."""
    demand = Demand(BIG, "fast", 3, 0, {"us-east-1": 1})
    (found,) = leaving.without_their_tasks([demand], [replace(WORKER, is_leaving=True)])
    assert found.open_tasks == 2


def test_workers_of_machines_are_in_no_environment() -> None:
    """So nobody who waits for the workers of one waits for them; one that does not say where it is may be anywhere."""
    workers = [WORKER, replace(WORKER, environment=""), replace(WORKER, key=("W#1", "us-east-1/mine#2"), environment="")]
    assert instances.by_environment(workers) == {"SpotOne": 1, "": 1, instances.MACHINES: 1}
