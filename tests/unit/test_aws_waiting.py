"""Why a job on an AWS host waits: the first reason that keeps it, in one line with the next step."""

import json
from typing import Any

import pytest

from cyclone_core.operations.aws_waiting import why_waiting
from cyclone_core.views import Job

NOW = 1_700_000_000
MS = NOW * 1000


class Known:
    """A host's records and its table, with what tests put there."""

    name = "grid"

    def __init__(self) -> None:
        self.known: dict[str, dict[str, dict[str, Any]]] = {
            "region": {"us-east-1": {"main_region": True}, "eu-west-1": {"subnet_config": "PRIVATE_ISOLATED"}},
            "cluster": {"big": {"name": "big", "max_vcpus": 100}},
            "queue": {"work": {"name": "work", "cluster": "big"}},
            "definition": {"small": {"name": "small", "vcpus": 2}},
        }
        self.lane: dict[str, Any] = {"at": MS, "waiting": 10, "wanted": 10, "vcpus": 2}
        self.bodies = self.table = self

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """A body."""
        return self.known[kind].get(name)

    def all(self, oldest_s: float = 60.0) -> dict[str, dict[str, dict[str, Any]]]:
        """Every body."""
        return self.known

    def get(self, key: tuple[str, str]) -> dict[str, Any] | None:
        """An item."""
        return {"body": json.dumps(self.lane)} if self.lane and key == ("CAPACITY", "big#small") else None


@pytest.fixture
def host() -> Known:
    """A host with one of each resource, whose scaler looked just now."""
    return Known()


def reason(host: Known, waiting: int = 10, running: int = 0, limit: int = 0, submitted: float = NOW - 30, tasks: int = 0) -> str | None:
    """Why a job of queue `work` waits."""
    job = Job()
    job.queue, job.definition, job.limit, job.submitted = "work", "small", limit, submitted
    job.tasks = tasks or waiting + running
    job.counts = (waiting, running, 0, 0, 0, 0)
    return why_waiting(host, job, NOW)


def test_a_job_that_does_not_wait_has_no_reason(host: Known) -> None:
    """It runs as a whole."""
    assert reason(host, 0, 5) is None


def test_what_keeps_jobs_on_a_local_host_is_told_in_the_same_words(host: Known) -> None:
    """A pause, and a resource that is gone."""
    host.known["queue"]["work"]["paused"] = True
    assert reason(host) == "queue 'work' is paused: hyper queues update-queue --name work --no-paused"
    del host.known["definition"]["small"]
    gone = "definition 'small' does not exist any more: make it again with hyper definitions add-definition --name small"
    assert reason(host) == gone


def test_what_no_instance_holds_is_told_with_the_type_to_add(host: Known) -> None:
    """Also of a job that was accepted, before its cluster was changed."""
    host.known["cluster"]["big"] |= {"launch_type": "BATCH", "instance_list": ["c5.large"]}
    host.known["definition"]["small"] |= {"vcpus": 3, "memory_limit_mib": 512}
    found = reason(host)
    assert found is not None
    assert found.startswith(
        "definition 'small' needs 3 vCPUs and 512 MiB of memory per task and cluster 'big' starts nothing that holds it"
    )
    assert "hyper clusters update-cluster --name big --instance-list c5.large," in found


def test_a_host_without_regions(host: Known) -> None:
    """Nothing can compute."""
    host.known["region"] = {}
    assert reason(host) == "the host has no region yet: hyper regions init-main-region"


def test_a_queue_without_weights(host: Known) -> None:
    """Each is 0."""
    host.known["queue"]["work"]["region_distribution_weights"] = {"us-east-1": 0}
    command = "hyper queues update-queue --name work --region-distribution-weights eu-west-1 1"
    assert reason(host) == f"queue 'work' gives no region a weight: {command}"


def test_a_queue_with_isolated_regions_only(host: Known) -> None:
    """Their workers would reach nobody."""
    host.known["queue"]["work"]["region_distribution_weights"] = {"eu-west-1": 1}
    assert "workers in isolated subnets cannot reach the main region" in str(reason(host))


def test_an_array_at_its_limit(host: Known) -> None:
    """It is its own."""
    assert reason(host, 10, 3, 3) == "its limit of 3 running tasks is reached"


def test_a_scaler_that_is_silent_is_told_with_the_command_that_shows_why(host: Known) -> None:
    """For three minutes, whether it looked before or never did."""
    command = "aws logs tail /cyclone/grid/function/scaler --since 10m --region us-east-1"
    told = f"the host's scaler has decided nothing about its workers for 4 min. What it says: {command}"
    host.lane["at"] = MS - 250_000
    assert reason(host, submitted=NOW - 600) == told
    host.lane = {}
    assert reason(host, submitted=NOW - 250) == told
    assert reason(host, submitted=NOW - 100) == "it is not counted yet; workers for it are asked for within a minute"
    assert reason(host, submitted=NOW - 1) == "it was just submitted; workers for it are asked for within a minute"


def test_workers_that_were_requested_and_have_not_started(host: Known) -> None:
    """How many, where, since when, and why in AWS's words."""
    host.lane["regions"] = {
        "eu-west-1": {"starting": 1, "running": 0, "since": MS - 20_000},
        "us-east-1": {"starting": 1200, "running": 0, "since": MS - 240_000, "reason": "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"},
    }
    far = "1,200 workers requested in us-east-1 4 min ago have not started (CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY)"
    assert reason(host) == f"{far}; 1 worker requested in eu-west-1 just now has not started"


def test_work_that_shares_the_workers(host: Known) -> None:
    """Other tasks of the lane wait too."""
    host.lane |= {"waiting": 1210, "regions": {"us-east-1": {"starting": 0, "running": 10}}}
    assert reason(host) == "1,200 other waiting tasks share its workers; 10 workers are running"


def test_an_array_s_own_tasks_are_no_others(host: Known) -> None:
    """The lane was counted a minute ago, and most of the array has run since."""
    host.lane |= {"waiting": 2000, "regions": {"us-east-1": {"running": 4}}}
    assert reason(host, waiting=100, running=4, tasks=2000) == "4 workers are running"


def test_a_cluster_at_its_limit(host: Known) -> None:
    """With the command that raises it."""
    host.lane |= {"short": 7, "full": ["us-east-1"], "regions": {"us-east-1": {"starting": 0, "running": 50}}}
    why = "cluster 'big' is at its limit of vCPUs in us-east-1, 7 workers more would be of use; 50 workers are running"
    assert reason(host) == f"{why}: hyper clusters update-cluster --name big --max-vcpus 200"


def test_a_cluster_that_is_full_of_others_is_no_lasting_hindrance(host: Known) -> None:
    """No worker of the lane is there, and none can be asked for until others end."""
    host.lane |= {"short": 10, "full": ["us-east-1"], "regions": {}}
    assert str(reason(host)).startswith("cluster 'big' is at its limit of vCPUs in us-east-1, 10 workers more would be of use")


def test_no_region_that_can_be_asked(host: Known) -> None:
    """Each with its reason."""
    host.lane |= {"short": 10, "closed": {"us-east-1": "job queue grid--big is disabled"}}
    why = "no region can be asked for workers: us-east-1: job queue grid--big is disabled"
    assert reason(host) == f"{why}: hyper clusters list-clusters --name big"


def test_weights_that_the_scaler_has_not_seen_yet(host: Known) -> None:
    """It found none at its last look, and the records have some: nothing is left to be done."""
    host.lane |= {"short": 5, "off": ["us-east-1", "eu-west-1"]}
    assert reason(host) == "queue 'work' was changed a moment ago; workers for it are asked for within a minute"


def test_a_worker_that_fits_nowhere(host: Known) -> None:
    """More vCPUs than an environment has."""
    host.lane |= {"short": 10, "full": ["us-east-1"], "unfit": 1, "vcpus": 64}
    why = "a worker of 64 vCPUs with its memory and GPUs fits into nothing that the cluster may start"
    assert reason(host) == f"{why}: hyper clusters list-clusters --name big"


def test_a_region_that_is_left_out_is_named(host: Known) -> None:
    """Others go on."""
    host.lane |= {"regions": {"us-east-1": {"starting": 0, "running": 1}}, "closed": {"eu-west-1": "it does not answer"}}
    assert reason(host) == "1 worker is running; eu-west-1 is left out: it does not answer"


def test_workers_that_end_as_soon_as_they_start(host: Known) -> None:
    """With the command that shows what they said, and when it is tried again."""
    rest = {"count": 2, "since": MS, "until": MS + 90_000, "why": "exit code 64: no such command", "of": 0}
    host.lane |= {"short": 5, "rest": {"us-east-1": rest}}
    assert reason(host) == (
        "workers in us-east-1 end as soon as they start (exit code 64: no such command), one more is tried in 2 min. What they say: "
        "aws logs tail /cyclone/grid/definition/small --since 1h --region us-east-1"
    )
    host.known["cluster"]["big"]["launch_type"] = "EC2"  # its machines say it in their consoles
    assert reason(host).endswith("one more is tried in 2 min")
