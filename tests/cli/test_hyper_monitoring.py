"""`hyper workers` and `hyper events` on a real host: what its processes do, and what happened to it."""

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from cyclone_core.host_registry import HostRegistry
from cyclone_core.jobs import JobRequest
from cyclone_core.operations import jobs, monitoring
from cyclone_core.operations.queries import open_host
from cyclone_core.operations.weights import ONE_REGION
from cyclone_core.resources import Host
from tests.cli.conftest import Run

DEADLINE_S = 30.0


def until(condition: Callable[[], Any]) -> Any:
    """The first true value of a condition; a bound for a broken engine, no measure of a working one."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def workers(run: Run) -> list[dict[str, Any]]:
    """What `list-workers --json` prints."""
    found = json.loads(run("workers", "list-workers", "--json")[1])
    assert isinstance(found, list)
    return found


def texts(run: Run) -> list[str]:
    """What happened to the host and its workers, oldest first."""
    return [event["text"] for event in json.loads(run("events", "list-events", "--json")[1]) if event["kind"] in ("host", "worker")]


def test_a_worker_tells_what_it_runs(run_hyper: Run) -> None:
    """The task, its memory, its place; the other worker is idle."""
    run_hyper("hosts", "start")
    with open_host() as host:
        job = jobs.submit(host.state_dir, [JobRequest(script=b"sleep 60\n", name="nap", directory="/tmp")])[0]
    busy = until(lambda: next((one for one in workers(run_hyper) if one["tasks"]), None))
    assert (busy["region"], busy["cluster"], busy["state"], busy["connected"]) == ("local", "default", "busy", True)
    assert [(task["job"], task["name"], task["attempt"]) for task in busy["tasks"]] == [(job, "nap", 1)]
    assert busy["memory_mib"] > 0
    heading, *lines = run_hyper("workers", "list-workers", "--cluster", "default")[1].splitlines()
    assert heading.split()[:5] == ["WORKER", "REGION", "CLUSTER", "STATE", "TASK"]
    assert any(f" busy   {job}" in line for line in lines)


def test_an_unknown_cluster_is_refused(run_hyper: Run) -> None:
    """An empty table would look as if it had no workers."""
    code, _, err = run_hyper("workers", "list-workers", "--cluster", "nope")
    assert code == 1
    assert "there is no cluster 'nope' on host 'local'" in err


def test_an_overview_of_a_running_host(run_hyper: Run) -> None:
    """Health, workers and what is reserved come from the supervisor."""
    run_hyper("hosts", "start")
    until(lambda: all(one["connected"] for one in workers(run_hyper)))
    with open_host() as host:
        found = monitoring.overview(host)
        assert found == monitoring.overview(host)
    assert (found.health, found.supervised, found.type) == ("running", True, "local")
    assert [(pool.region, pool.cluster, pool.busy_vcpus) for pool in found.pools] == [("local", "default", 0.0)]
    assert found.pools[0].workers >= 1
    assert [(one.name, one.health) for one in monitoring.hosts_now()] == [("local", "running")]


def test_deaths_starts_and_stops_are_events(run_hyper: Run) -> None:
    """Each is written when it happens, and only then."""
    run_hyper("hosts", "start")
    worker = until(lambda: next((one for one in workers(run_hyper) if one["connected"]), None))
    os.kill(worker["pid"], signal.SIGKILL)
    until(lambda: "died" in texts(run_hyper))
    details = json.loads(run_hyper("hosts", "status", "--json")[1])["details"]
    os.kill(details["pid"], signal.SIGKILL)
    until(lambda: not json.loads(run_hyper("hosts", "status", "--json")[1])["details"])
    run_hyper("hosts", "start")
    run_hyper("hosts", "stop")
    assert texts(run_hyper) == ["supervisor started", "died", "supervisor started after a crash", "supervisor stopped"]


def test_events_are_listed_newest_last(run_hyper: Run) -> None:
    """The newest ones, as many as were asked for."""
    run_hyper("hosts", "start")
    run_hyper("queues", "add-queue", "--name", "fast")
    out = run_hyper("events", "list-events", "--limit", "2")[1].splitlines()
    assert out[0].split() == ["TIME", "REGION", "KIND", "NAME", "EVENT"]
    assert [line.split()[1:] for line in out[1:]] == [
        ["local", "host", "local", "supervisor", "started"],
        ["local", "queue", "fast", "created"],
    ]


def test_a_limit_is_a_number(run_hyper: Run) -> None:
    """And the message says what happens without one."""
    code, _, err = run_hyper("events", "list-events", "--limit", "many")
    assert code == 2
    assert "--limit: 'many' is not a number above 0" in err


def test_an_aws_host_s_events_are_what_was_seen(run_hyper: Run) -> None:
    """Nothing, while no interface was open: a line says where changes are listed."""
    HostRegistry().add(Host(name="grid", type="aws", account="123456789012", region="eu-west-1"))
    code, out, err = run_hyper("events", "list-events", "--host", "grid")
    assert (code, len(out.splitlines())) == (0, 1)
    assert "hyper deployments list" in err


def test_weights_of_a_local_host(run_hyper: Run) -> None:
    """There is one region, which is said; a queue that is not there is told."""
    code, out, _ = run_hyper("queues", "weights")
    assert (code, out.splitlines()[-1]) == (0, ONE_REGION)
    (found,) = json.loads(run_hyper("queues", "weights", "--name", "default", "--json")[1])
    assert [(each["region"], each["weight"], each["score"]) for each in found["regions"]] == [("local", 1, None)]
    code, _, err = run_hyper("queues", "weights", "--name", "nope")
    assert code
    assert "there is no queue 'nope'" in err
