"""Jobs of an AWS host from `qsub` to `qlog`: stream, functions, message queues, workers that Batch starts, in two regions."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.aws import wait_until
from tests.e2e.conftest import HUB, MAIN, Deployed

pytestmark = pytest.mark.timeout(300)


def test_a_job_runs_and_its_output_is_read(host: Deployed) -> None:
    """The id is printed, the job ends, its output comes back, and the store agrees with itself."""
    job = host.submit('echo "hello from $CYCLONE_REGION, job $CYCLONE_JOB_ID"')
    found = host.ended(job)
    assert (found["status"], found["exit_code"], found["attempt"]) == ("Successful", 0, 1)
    region = host.ok("qlog", "-i", str(job)).split()[2].rstrip(",")
    assert region in (MAIN, HUB)
    host.sound()


def test_an_array_runs_in_every_region(host: Deployed) -> None:
    """Each task once, with its index, in both regions."""
    job = host.submit('echo "$CYCLONE_TASK_INDEX $CYCLONE_REGION"; sleep 0.3', "-t", "1-100")
    found = host.ended(job)
    assert found["counts"]["Successful"] == 100
    lines = [line.split() for line in host.ok("qlog", "-i", str(job)).splitlines() if not line.startswith("==>") and line]
    assert sorted(int(index) for index, _ in lines) == list(range(1, 101))
    assert {region for _, region in lines} == {MAIN, HUB}
    host.sound()


def test_failures_are_told_and_retried(host: Deployed) -> None:
    """-r runs a task again with a higher attempt; what stays wrong is Failed with its exit code."""
    mended = host.submit('[ "$CYCLONE_ATTEMPT" = 2 ]', "-r", "1")
    broken = host.submit("exit 7", "-r", "1")
    assert host.ended(mended)["status"] == "Successful"
    found = host.ended(broken)
    assert (found["status"], found["exit_code"], found["attempt"]) == ("Failed", 7, 2)
    assert host.run("qsub", "--wait", "-d", "sim", "-j", "w", "-", stdin="#!/bin/bash\nexit 3\n").code == 3


def test_a_timeout_ends_a_task(host: Deployed) -> None:
    """With the reason."""
    found = host.ended(host.submit("sleep 60", "--timeout", "1s"))
    assert found["status"] == "Failed"
    assert "timeout" in found["reason"]


def test_parameters_are_put_into_the_script(host: Deployed, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    """A task per line."""
    path = tmp_path_factory.mktemp("points") / "points.jsonl"
    path.write_text("".join(json.dumps({"NUMBER": number}) + "\n" for number in range(10)))
    job = host.submit("echo $((NUMBER * NUMBER))", "-a", str(path))
    assert host.ended(job)["counts"]["Successful"] == 10
    lines = [line for line in host.ok("qlog", "-i", str(job)).splitlines() if line and not line.startswith("==>")]
    assert lines == [str(number * number) for number in range(10)]


def test_cancelling_ends_what_runs_and_what_waits(host: Deployed) -> None:
    """What runs is ended long before its end, what waits never starts."""
    job = host.submit("echo started; sleep 300", "-t", "1-100")
    wait_until(lambda: host.job(job)["counts"]["Running"])
    host.ok("qdel", str(job))
    found = host.ended(job)
    assert (found["status"], found["counts"]["Cancelled"]) == ("Cancelled", 100)
    host.sound()


def test_an_output_is_followed_while_it_is_written(host: Deployed) -> None:
    """Lines come while the task runs."""
    job = host.submit("for k in 1 2 3 4 5 6; do echo line $k $(date +%s%N); sleep 2; done")
    out = host.ok("qlog", "-i", str(job), "--follow")
    assert [line.split()[1] for line in out.splitlines()] == ["1", "2", "3", "4", "5", "6"]


def test_the_queue_adds_up(host: Deployed) -> None:
    """Counters of the queue equal the tasks once everything is over."""
    for _ in range(3):
        host.submit("true")
    host.ok("qsub", "--wait", "-d", "sim", "-t", "1-5", "-j", "last", "-", stdin="#!/bin/bash\ntrue\n")
    host.sound()
    counts = json.loads(host.ok("qstat", "--summary", "--json"))["total"]
    assert counts["Waiting"] == counts["Running"] == 0


def test_what_work_used_is_told(host: Deployed) -> None:
    """Of a job as soon as it is over, by the regions that it ran in; by queue and user once its workers have said so."""
    job = host.submit("sleep 1", "-t", "1-20")
    host.ended(job)
    found = json.loads(host.ok("hyper", "usage", "--job", str(job), "--json"))
    assert {row["region"] for row in found["rows"]} <= {MAIN, HUB}
    assert 20 <= found["total"]["vcpu_hours"] * 3600 < 200

    def told() -> Any:
        day = json.loads(host.ok("hyper", "usage", "--by", "region", "--since", "2d", "--json"))
        return day if day["total"]["tasks"] >= 20 else None

    day = wait_until(told, 100)
    assert 0 < day["total"]["efficiency"] <= 1
    assert {row["priced"] for row in day["rows"]} <= {"paid", "list", "both", None}


def test_regions_are_weighed_once_there_is_work(host: Deployed) -> None:
    """The scaler asks the router, which asks about scores and prices under its own role; what came of it is shown with its dates."""
    host.ended(host.submit("true"))

    def decided() -> Any:
        (queue,) = json.loads(host.ok("hyper", "queues", "weights", "--name", "fast", "--json"))
        return queue if queue["decided_at"] else None

    found = wait_until(decided, 60)
    assert (found["note"], found["missing"], found["automatic"]) == (None, [], True)
    assert sum(region["weight"] for region in found["regions"]) == 100
    for region in found["regions"]:
        assert 1 <= region["score"] <= 10
        assert 0 < region["spot_usd"] < region["ondemand_usd"]
        assert region["spot_at"]
        assert region["ondemand_date"]
    assert found["history"][0]["weights"] == {region["region"]: region["weight"] for region in found["regions"]}


def environments(host: Deployed, region: str) -> dict[str, str]:
    """Name -> state of the cluster's compute environments in a region."""
    found = host.sandbox.client("batch", region).describe_compute_environments()["computeEnvironments"]
    return {each["computeEnvironmentName"]: each["state"] for each in found}


def test_a_cluster_gets_other_instances_while_a_job_runs(host: Deployed, tmp_path: Path) -> None:
    """It finishes where it runs, at its first attempt; what it runs on goes once its worker has left, and what waits runs."""
    job = host.submit(f"until [ -e {tmp_path}/go ]; do sleep 0.1; done")
    (attempt,) = wait_until(lambda: found["attempts"] if (found := host.job(job))["status"] == "Running" else None, 60)
    region = attempt["worker"].partition("/")[0]
    (old,) = environments(host, region)
    change = ("clusters", "update-cluster", "--name", "big", "--instance-list", "c5", "--yes")
    with ThreadPoolExecutor(1) as beside:
        changed = beside.submit(host.ok, "hyper", *change)
        try:
            wait_until(lambda: changed.done() or environments(host, region)[old] == "DISABLED", 90)
            assert not changed.done(), changed.result()
            later = host.submit("true")
        finally:
            (tmp_path / "go").touch()
        changed.result()
    for number in (job, later):
        found = host.ended(number)
        assert (found["status"], found["attempt"]) == ("Successful", 1)
    assert list(environments(host, region).values()) == ["ENABLED"]
    assert old not in environments(host, region)
    host.sound()
