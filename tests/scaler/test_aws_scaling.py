"""The scaler on the sandbox: what is asked of AWS Batch, where, and what is told of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.errors import AwsError
from cyclone_core.operations.sandbox import Faults, RequestFault
from cyclone_core.scheduler.capacity import Lane
from cyclone_core.scheduler.dynamo import demand, keys, routing_items
from cyclone_core.scheduler.dynamo.batch_region import BatchRegion
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.turns import Turn
from tests.aws import wait_until
from tests.scaler.conftest import HUB, LANE, MAIN, World

MINUTE = 60_000


class Died(Exception):
    """The scaler's process is gone."""


class DyingBatch(BatchRegion):
    """A region on the way to which the scaler dies, before or after a job was submitted."""

    def __init__(self, region: BatchRegion, before: bool) -> None:
        self.__dict__ |= region.__dict__
        self.before = before

    def submit(self, request: Request) -> Request:
        """Die."""
        if not self.before:
            super().submit(request)
        raise Died


# -- asking ------------------------------------------------------------------------------------------------------------
def test_weights_of_three_to_one(world: World) -> None:
    """Forty tasks: thirty workers in one region, ten in the other, each as one array."""
    world.weigh(us_east_1=3, eu_west_1=1)
    world.tasks(40)
    report = world.scaler().run()
    assert report.asked == {MAIN: 30, HUB: 10}
    assert (world.sizes(MAIN), world.sizes(HUB)) == ([30], [10])


def test_weights_that_the_router_decided(world: World) -> None:
    """An automatic queue takes them; while there are none regions are equal, and the router is to look."""
    world.tasks(10)
    report = world.scaler().run()
    assert (report.asked, report.stale) == ({MAIN: 5, HUB: 5}, ["big"])
    routing_items.write(world.table, "big", {"at": world.now, "base": {MAIN: 20, HUB: 80}})
    world.tasks(100)
    report = world.scaler().run()
    assert (report.asked, report.stale) == ({MAIN: 15, HUB: 75}, [])


def test_a_worker_learns_its_cluster_from_its_request(world: World) -> None:
    """The definition's own environment cannot name it: a definition is used by many."""
    world.tasks(1)
    world.scaler().run()
    (job,) = [*world.jobs(MAIN), *world.jobs(HUB)]
    region = MAIN if world.jobs(MAIN) else HUB
    described = world.made[region].client.describe_jobs(jobs=[job["jobId"]])["jobs"][0]
    assert {"name": "CYCLONE_CLUSTER", "value": "big"} in described["container"]["environment"]
    assert "arrayProperties" not in described


def test_looking_again_asks_for_nothing_more(world: World) -> None:
    """What was asked for counts, whether it has started or not."""
    world.tasks(12)
    scaler = world.scaler()
    scaler.run()
    world.now += MINUTE
    assert scaler.run().asked == {}
    assert world.sizes(MAIN) == [6]


def test_more_tasks_ask_for_the_difference(world: World) -> None:
    """Twelve were asked for, twenty are wanted."""
    world.weigh(us_east_1=1)
    world.tasks(12)
    scaler = world.scaler()
    scaler.run()
    world.tasks(20)
    scaler.run()
    assert world.sizes(MAIN) == [8, 12]


def test_a_burst_is_arrays_of_ten_thousand(world: World) -> None:
    """Workers for 25,000 tasks are three requests."""
    world.weigh(us_east_1=1)
    world.bodies["cluster"]["big"]["max_vcpus"] = 100_000
    world.tasks(25_000)
    report = world.scaler().run()
    assert (report.requests, world.sizes(MAIN)) == (3, [5_000, 10_000, 10_000])


def test_a_paused_queue_wants_workers_for_what_runs_only(world: World) -> None:
    """Nobody may start what waits."""
    world.bodies["queue"]["work"]["paused"] = True
    world.tasks(50, 0)
    assert world.scaler().run().asked == {}
    assert world.told()["waiting"] == 50


def test_an_array_with_a_limit_wants_no_more_workers_than_it_may_run_tasks(world: World) -> None:
    """A thousand tasks, two at once; when it is over nothing remembers it."""
    demand.note_limited(world.table, 7, {"q": "work", "d": "small", "lm": 2})
    world.table.put(keys.total(7), {"c0": 1000, "t": 1000})
    world.tasks(1000)
    assert world.scaler().run().asked == {MAIN: 1, HUB: 1}
    world.table.update(keys.total(7), set={"ended": 1})
    demand.note_limited(world.table, 8, {"q": "work", "d": "small", "lm": 2})  # of a job that is gone altogether
    demand.note_limited(world.table, 9, {"q": "work", "d": "small", "lm": 2})
    world.table.put(keys.job(9), {"t": 5})
    demand.read(world.table)
    assert [item["sk"] for item in world.table.query(keys.LIMITED)] == ["9"]


def test_an_isolated_hub_is_left_out_and_told(world: World) -> None:
    """Its workers would reach nobody."""
    world.bodies["region"][HUB]["subnet_config"] = "PRIVATE_ISOLATED"
    world.tasks(10)
    assert world.scaler().run().asked == {MAIN: 10}
    assert world.told()["closed"] == {HUB: demand.ISOLATED}


# -- what goes wrong ---------------------------------------------------------------------------------------------------
def test_a_disabled_queue_is_told_and_others_go_on(world: World) -> None:
    """All is asked for in the other region."""
    world.switch(HUB, "DISABLED")
    world.tasks(10)
    assert world.scaler().run().asked == {MAIN: 10}
    assert world.told()["closed"] == {HUB: f"job queue {naming.job_queue(world.host, 'big')} is disabled"}


def test_a_definition_that_is_missing_in_a_region_is_told(world: World) -> None:
    """Batch refuses the request; nothing is remembered of it, and the other region is asked."""
    name = naming.job_definition(world.host, "small")
    world.made[HUB].client.deregister_job_definition(jobDefinition=f"{name}:1")
    world.tasks(10)
    assert world.scaler().run().asked == {MAIN: 5}
    assert [request.region for request in world.requests()] == [MAIN]
    assert name in world.told()["closed"][HUB]


@pytest.mark.parametrize(("code", "status"), [("AccessDeniedException", 403), ("TooManyRequestsException", 429), ("InternalFailure", 500)])
def test_a_region_that_refuses_is_told_and_others_go_on(world: World, faults: Callable[[Faults], None], code: str, status: int) -> None:
    """Whatever it says."""
    faults(Faults(requests=[RequestFault("batch", region=HUB, code=code, status=status)]))
    world.tasks(10)
    report = world.scaler().run()
    assert report.asked == {MAIN: 10}
    assert HUB in report.closed
    assert "batch" in world.told()["closed"][HUB].lower()


def test_workers_of_a_silent_region_are_counted_on_until_the_second_look(world: World, faults: Callable[[Faults], None]) -> None:
    """Then others are asked for elsewhere."""
    world.tasks(10)
    scaler = world.scaler()
    scaler.run()
    faults(Faults(requests=[RequestFault("batch", region=HUB, code="ServiceUnavailable", status=503)]))
    world.now += MINUTE
    assert scaler.run().asked == {}
    world.now += MINUTE
    assert scaler.run().asked == {MAIN: 5}


# -- crashes and company -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("before", [True, False])
def test_a_scaler_that_dies_around_a_submission_asks_for_nothing_twice(world: World, before: bool) -> None:
    """Its intent is written down: the job is found by its name, or the intent goes when there is none."""
    world.weigh(us_east_1=1)
    world.tasks(10)
    with pytest.raises(Died):
        world.scaler(region=lambda name: DyingBatch(world.region(name), before)).run()
    assert [(request.workers, request.batch) for request in world.requests()] == [(10, "")]
    world.scaler().run()
    assert world.sizes(MAIN) == ([] if before else [10])
    world.now += 3 * MINUTE
    world.scaler().run()
    assert world.sizes(MAIN) == [10]
    assert sum(request.workers for request in world.requests()) == 10


def test_two_at_once_ask_once(world: World) -> None:
    """Who comes second leaves it to the first, which looks again."""
    world.weigh(us_east_1=1)
    world.tasks(10)
    second = world.scaler()
    answers: list[str] = []

    class Slow(BatchRegion):
        def submit(self, request: Request) -> Request:
            if not answers:
                world.tasks(15)
                answers.append(second.run().did)
            return super().submit(request)

    def slow(name: str) -> BatchRegion:
        return Slow(world.client(name), world.host, name)

    world.scaler(region=slow).run()
    assert answers == ["another look is under way"]
    assert world.sizes(MAIN) == [5, 10]


def test_the_lock_of_a_dead_scaler_ends_by_itself(world: World) -> None:
    """After two and a half minutes."""
    world.tasks(1)
    assert Turn(world.table, keys.SCALER_LOCK).take(world.now, world.now + 150_000)
    assert world.scaler().run().did == "another look is under way"
    world.now += 151_000
    assert world.scaler().run().did == "looked"


def test_a_submission_whose_answer_is_lost_is_not_repeated(world: World) -> None:
    """Nobody knows whether it was done, so the next look finds out."""
    world.weigh(us_east_1=1)
    world.tasks(3)

    class Lossy(BatchRegion):
        def submit(self, request: Request) -> Request:
            super().submit(request)
            raise AwsError("batch does not answer: it closed the connection. Try again", "ConnectionClosed")

    report = world.scaler(region=lambda name: Lossy(world.client(name), world.host, name)).run()
    assert report.asked == {}
    assert report.closed == {MAIN: "batch does not answer: it closed the connection"}
    world.scaler().run()
    assert world.sizes(MAIN) == [3]
    assert [bool(request.batch) for request in world.requests()] == [True]


# -- ending ------------------------------------------------------------------------------------------------------------
def test_workers_that_nobody_wants_any_more_are_ended_before_they_start(world: World) -> None:
    """After two minutes; those that run end by themselves."""
    world.weigh(us_east_1=1)
    world.tasks(6)
    scaler = world.scaler()
    scaler.run()
    wait_until(lambda: scaler.run() and world.told()["regions"][MAIN]["running"] == 2)
    world.tasks(1)
    assert scaler.run().ended == 0
    world.now += 3 * MINUTE
    assert scaler.run().ended == 4
    (array,) = world.jobs(MAIN)
    described = world.made[MAIN].client.describe_jobs(jobs=[array["jobId"]])["jobs"][0]
    counts = {state: count for state, count in described["arrayProperties"]["statusSummary"].items() if count}
    assert counts == {"FAILED": 4, "RUNNING": 2}


def test_scale_to_zero_leaves_nothing_behind(world: World) -> None:
    """When the last worker has ended, nothing is written down, and the next look reads and does no more."""
    world.define("small", "true")
    world.tasks(2)
    scaler = world.scaler()
    scaler.run()
    world.tasks(0)
    wait_until(lambda: scaler.run().did == "nothing to do")
    assert world.requests() == []
    assert world.told() == {}


# -- telling -----------------------------------------------------------------------------------------------------------
def test_what_is_told_of_a_lane(world: World) -> None:
    """Tasks, workers by region, since when they start, and where the limit is reached."""
    world.weigh(us_east_1=1)
    world.bodies["cluster"]["big"]["max_vcpus"] = 8
    world.tasks(20, 1)
    world.scaler().run()
    told = world.told()
    assert (told["waiting"], told["running"], told["wanted"], told["short"], told["full"]) == (20, 1, 21, 13, [MAIN])
    assert told["off"] == [HUB]
    assert told["regions"][MAIN] == {
        "starting": 8, "running": 0, "ending": 0, "asked": 8, "since": world.now, "reason": "",
    }  # fmt: skip


def test_the_reason_of_the_first_that_waits_is_told(world: World) -> None:
    """As Batch has it: a worker that needs more than any environment has."""
    world.define("wide", vcpus=4)
    world.weigh(us_east_1=1)
    world.tasks(3, definition="wide")
    scaler = world.scaler()
    scaler.run()
    scaler.run()
    assert "MISCONFIGURATION" in world.told(Lane("big", "wide"))["regions"][MAIN]["reason"]


def test_a_lane_that_wants_nothing_any_more_is_not_told_of(world: World) -> None:
    """Its item goes."""
    world.table.put((keys.CAPACITY, f"{LANE.cluster}#{LANE.definition}"), {"body": "{}"})
    world.scaler().run()
    assert world.told() == {}


def test_a_worker_that_no_environment_can_hold_is_told_as_stuck(world: World) -> None:
    """48 vCPUs in three environments hold none of 20, and nothing is asked for."""
    world.bodies["cluster"]["big"] |= {"max_vcpus": 48, "compute_envs": 3}
    world.bodies["definition"]["small"]["vcpus"] = 20
    world.tasks(5)
    assert world.scaler().run().asked == {}
    assert world.told()["why"] == "a worker of 20 vCPUs with its memory and GPUs fits into nothing that the cluster may start"
    assert world.told()["stuck"]


# -- room for others ---------------------------------------------------------------------------------------------------
def _worker(world: World, number: int, definition: str, **said: Any) -> None:
    """A worker that says that it is there."""
    name = f"{MAIN}/job-{number:02d}"
    body = {"cluster": "big", "definition": definition, "region": MAIN, "state": "working", "started": number, **said}
    world.table.put((keys.worker_part(number), name), {"body": json.dumps(body)})


def _asked_to_leave(world: World) -> list[str]:
    items = [item for shard in range(keys.SHARDS) for item in world.table.query(keys.worker_part(shard))]
    return sorted(item["sk"] for item in items if item.get("leave"))


def test_workers_leave_for_a_lane_that_has_been_short_for_a_minute(world: World) -> None:
    """One lane has the whole cluster and work without end; another one of its priority gets half of it. Nobody is asked twice."""
    world.weigh(us_east_1=1)
    world.bodies["cluster"]["big"]["max_vcpus"] = 6
    world.define("late")
    world.made[MAIN].client.update_compute_environment(computeEnvironment=f"{world.host}-environment", computeResources={"maxvCpus": 6})
    for number in range(6):
        _worker(world, number, "small", state="idle" if number == 2 else "working")
    world.tasks(600)
    scaler = world.scaler()
    wait_until(lambda: scaler.run() and world.told()["regions"][MAIN]["running"] == 6)
    world.tasks(600, definition="late")
    assert scaler.run().leaving == 0
    world.now += MINUTE
    assert scaler.run().leaving == 3
    assert _asked_to_leave(world) == [f"{MAIN}/job-02", f"{MAIN}/job-04", f"{MAIN}/job-05"]
    world.now += MINUTE
    assert scaler.run().leaving == 0


# -- workers that cannot work ------------------------------------------------------------------------------------------
def test_workers_that_end_as_soon_as_they_start_are_not_asked_for_again_and_again(world: World) -> None:
    """An image without a worker: nothing for a minute, then one at a time, seldom; why is told, and other regions are not kept from it."""
    world.define("small", "exit 64")
    world.weigh(us_east_1=1)
    world.tasks(3)
    scaler = world.scaler()
    for asked, minutes in (({MAIN: 3}, 1), ({}, 1), ({MAIN: 1}, 1), ({}, 1), ({}, 1), ({MAIN: 1}, 1)):
        assert scaler.run().asked == asked
        wait_until(lambda: all(job["status"] == "FAILED" for job in world.jobs(MAIN)), 20)
        world.now += minutes * MINUTE
    told = world.told()
    assert "workers in us-east-1 end as soon as they start (exit code 64" in told["why"]
    assert not told["stuck"]
    world.weigh(us_east_1=1, eu_west_1=1)
    assert scaler.run().asked == {HUB: 3}
