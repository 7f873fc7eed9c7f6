"""What others write while a worker holds a unit reaches it: cancellations, followers; and what it tells others."""

import time
from pathlib import Path

from cyclone_core.operations.sandbox import Faults, RequestFault
from cyclone_core.scheduler.dynamo import keys
from tests.remote.host import Host

QUICK = {"CYCLONE_LEASE_S": "8"}
"""Looks each second."""


def _now() -> int:
    return int(time.time() * 1000)


def test_a_job_that_is_cancelled_ends_where_it_runs(host: Host, tmp_path: Path) -> None:
    """Its process gets TERM, and it is Cancelled."""
    host.worker(**QUICK)
    job = host.submit(f"trap 'echo ended; exit 1' TERM; touch {tmp_path}/on; while :; do sleep 0.05; done")
    host.until((tmp_path / "on").exists, "it runs")
    assert host.store.cancel(job, None, _now()) == 1
    assert host.over(job) == [0, 0, 1, 0]
    assert b"ended\n" in host.output(job)


def test_one_task_of_a_slice_is_cancelled(host: Host, tmp_path: Path) -> None:
    """The one that runs is ended, one that waits never starts, the others run."""
    host.worker(**QUICK)
    script = f"touch {tmp_path}/on-$CYCLONE_TASK_INDEX; test $CYCLONE_TASK_INDEX != 1 || sleep 300"
    job = host.submit(script, indices=(1, 4, 1), tasks=4, size=4, limit=4)
    host.until((tmp_path / "on-1").exists, "the first runs")
    for position in (3, 1):
        host.store.cancel(job, position, _now())
    assert host.over(job) == [2, 0, 2, 0]
    assert not (tmp_path / "on-3").exists()


def test_a_cancelled_array_ends_everywhere(host: Host, tmp_path: Path) -> None:
    """What runs is ended; nothing else starts."""
    host.worker(**QUICK)
    job = host.submit(f"touch {tmp_path}/on-$CYCLONE_TASK_INDEX; sleep 300", indices=(1, 20, 1), tasks=20, size=5)
    host.until((tmp_path / "on-1").exists, "it runs")
    host.store.cancel(job, None, _now())
    host.until(lambda: not any(unit.state == keys.LEASED for unit in host.units(job)), "nothing is leased")
    host.until(lambda: not host.lanes.depth("big", "default").total, "no message is left")
    assert len(list(tmp_path.glob("on-*"))) == 1
    assert host.counts(job)[2] == 0


def test_output_of_a_running_task_is_there_soon_when_somebody_follows(host: Host) -> None:
    """In pieces, in order; the whole is there when it is over."""
    host.worker(**QUICK)
    job = host.submit("for i in 1 2 3 4 5 6 7; do echo line $i; sleep 0.5; done")
    host.until(lambda: host.item(job).get("s") == keys.LEASED, "it is leased")
    host.table.update(keys.job(job), set={"fo": _now() + 60_000})

    def live() -> bytes:
        (unit,) = host.units(job)
        attempt, chunks, size = unit.live.get(1, [0, 0, 0])
        found = b"".join(host.bucket.get(keys.live_object(job, 0, 1, attempt, chunk)) for chunk in range(chunks))
        assert len(found) == size
        return found

    host.until(lambda: live().count(b"\n") >= 3, "three lines are there")
    assert b"line 1\nline 2\nline 3\n".startswith(live()[:21])
    assert host.counts(job)[1] == 1
    host.over(job)
    assert host.output(job).count(b"\n") == 7


def test_a_slow_slice_is_split(host: Host) -> None:
    """Whoever is free gets the parts; every task runs once."""
    host.worker()
    job = host.submit("test $CYCLONE_TASK_INDEX != 1 || sleep 2", indices=(1, 100, 1), tasks=100, size=100)
    host.until(lambda: len(host.units(job)) > 5, "it is split")
    host.worker()
    assert host.over(job) == [100, 0, 0, 0]
    assert all(len(host.attempts(job, position)) == 1 for position in range(1, 101))


def test_slices_of_a_limited_array_are_never_split(host: Host) -> None:
    """Each of them is one of the tasks that may run at once."""
    host.worker()
    job = host.submit("test $CYCLONE_TASK_INDEX != 1 || sleep 1.5", indices=(1, 60, 1), tasks=60, size=60, limit=1)
    assert host.over(job) == [60, 0, 0, 0]
    assert len(host.units(job)) == 1


def test_a_paused_queue_keeps_its_jobs_waiting(host: Host) -> None:
    """A worker that gets the message gives the job back untouched."""
    host.table.put((keys.QUEUE, "default"), {"paused": 1})
    host.worker()
    job = host.submit("true")
    host.until(lambda: host.item(job)["l"] == 1 and host.item(job)["s"] == keys.WAITING, "it was given back")
    assert host.attempts(job) == []


def test_high_bands_go_first(host: Host, tmp_path: Path) -> None:
    """Of what waits, a worker takes the highest band."""
    jobs = [host.submit(f"echo {band} >> {tmp_path}/ran; sleep 0.3", send=False) for band in range(3)]
    for band, job in enumerate(jobs):
        host.lanes.send("big", "default", band, [(job, 0, 0, "somebody")])
    host.worker()
    for job in jobs:
        host.over(job)
    assert (tmp_path / "ran").read_text().split() == ["2", "1", "0"]


def test_a_worker_says_what_it_does(host: Host) -> None:
    """Where it is and what it runs, in an item that goes by itself."""
    host.worker()
    (item,) = host.until(host.worker_items, "it has said something")
    assert (item["state"], item["task"], item["worker"]) == ("idle", "", "eu-west-1/job-1")
    assert (item["region"], item["cluster"], item["definition"], item["done"]) == ("eu-west-1", "big", "default", 0)
    assert time.time() < item["expires"] < time.time() + 400


def test_throttling_and_failures_of_the_table_cost_nothing_but_time(host: Host) -> None:
    """Writes are done again; every task runs once."""
    host.worker(CYCLONE_LEASE_S="20")
    job = host.submit("sleep 0.2; echo $CYCLONE_TASK_INDEX", indices=(1, 10, 1), tasks=10, size=10)
    host.until(lambda: host.counts(job)[2] >= 1, "it has begun")
    for code, status in (("ProvisionedThroughputExceededException", 400), ("InternalServerError", 500)):
        host.sandbox.set_faults(Faults(requests=[RequestFault("dynamodb", code=code, status=status)]))
        time.sleep(1.0)
        host.sandbox.set_faults(Faults())
        time.sleep(0.3)
    assert host.over(job) == [10, 0, 0, 0]
    assert all(host.attempts(job, position) == [(1, 0)] for position in range(1, 11))
