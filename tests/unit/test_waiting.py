"""Why a job waits: the first reason that keeps it, in one line with the next step."""

from pathlib import Path

import pytest

from cyclone_core.operations.waiting import why_waiting
from cyclone_core.scheduler.sqlite.reader import Reader
from tests.filled import FilledHost


@pytest.fixture
def host(tmp_path: Path) -> FilledHost:
    """A host with one of each resource, and a waiting job 1."""
    filled = FilledHost(tmp_path)
    filled.resource("cluster", "small", max_vcpus=4, max_memory_mib=8192)
    filled.resource("queue", "default", cluster="small", priority=0, paused=False)
    filled.resource("definition", "default", vcpus=2, memory_limit_mib=1024)
    filled.job(1)
    return filled


def reason(host: FilledHost, job: int = 1, supervised: bool = True) -> str | None:
    """Why it waits."""
    with Reader.open(host.directory) as reader:
        return why_waiting(reader, reader.job(job), supervised)


def test_a_job_that_does_not_wait_has_no_reason(host: FilledHost) -> None:
    """Final, or running as a whole."""
    host.job(2, (0, 1, 2, 0, 0, 0), array=1)
    assert reason(host, 2) is None


def test_a_missing_resource_is_named(host: FilledHost) -> None:
    """A definition that was deleted under its jobs."""
    host.db.execute("DELETE FROM resource WHERE kind='definition'")
    assert (
        reason(host) == "definition 'default' does not exist any more: make it again with hyper definitions add-definition --name default"
    )


def test_a_resource_that_is_not_active_is_named(host: FilledHost) -> None:
    """With its state."""
    host.resource("cluster", "small", state="FAILED")
    assert reason(host) == "cluster 'small' is FAILED: see hyper clusters list-clusters --name small"


def test_a_paused_queue_says_how_to_go_on(host: FilledHost) -> None:
    """The command that ends the pause."""
    host.resource("queue", "default", cluster="small", paused=True)
    assert reason(host) == "queue 'default' is paused: hyper queues update-queue --name default --no-paused"


def test_what_no_worker_can_meet_is_told(host: FilledHost) -> None:
    """More memory than the cluster has."""
    host.resource("definition", "default", vcpus=2, memory_limit_mib=9000)
    why = "definition 'default' needs 9000 MiB of memory per task and cluster 'small' has 8192"
    assert reason(host) == f"{why}: hyper definitions update-definition --name default --memory-limit-mib 8192"


def test_a_dead_supervisor_is_told(host: FilledHost) -> None:
    """Nothing starts without one."""
    assert reason(host, supervised=False) == "the host's supervisor is not running: hyper hosts start"


def test_a_limit_of_the_array_is_told(host: FilledHost) -> None:
    """As many run as may run at once."""
    host.job(2, (5, 3, 0, 0, 0, 0), array=1, task_limit=3)
    assert reason(host, 2) == "its limit of 3 running tasks is reached"


def test_what_is_ahead_and_how_full_the_cluster_is(host: FilledHost) -> None:
    """Higher priority, the same submitted earlier, better queues of the same cluster; not later ones, not paused queues."""
    host.resource("queue", "express", cluster="small", priority=9)
    host.resource("queue", "held", cluster="small", priority=9, paused=True)
    host.job(2, (10, 0, 0, 0, 0, 0), priority=5, array=1)
    host.job(3, (100, 0, 0, 0, 0, 0), queue="express", array=1)
    host.job(4, (1000, 0, 0, 0, 0, 0), queue="held", array=1)
    host.job(5)
    host.job(6, (0, 2, 0, 0, 0, 0), array=1)
    assert reason(host, 5) == "111 tasks ahead of it; it starts as soon as a worker of cluster 'small' takes it"
    host.running(1, job=6)
    host.running(2, job=6)
    assert reason(host, 1) == "110 tasks ahead of it; cluster 'small' runs tasks on 4 of 4 vCPUs"


def test_memory_that_is_taken_is_told(host: FilledHost) -> None:
    """vCPUs are free and memory is not: that is what it waits for."""
    host.resource("cluster", "small", max_vcpus=64, max_memory_mib=10_000)
    host.resource("definition", "default", vcpus=1, memory_limit_mib=4_000)
    host.job(6, (0, 2, 0, 0, 0, 0), array=1)
    host.running(1, job=6)
    host.running(2, job=6)
    assert reason(host, 1) == (
        "it is next in its queue; the tasks of cluster 'small' may use 8,000 of its 10,000 MiB of memory "
        "and definition 'default' wants 4,000 MiB"
    )
