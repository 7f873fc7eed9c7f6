"""Whatever dies, nothing is lost and nothing is final twice: workers, agents, messages, the way to the main region."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cyclone_core.jobs import CAUSE_LOST, cause_of
from tests.remote.host import Host, Wall

SHORT = {"CYCLONE_LEASE_S": "3"}


def test_a_slice_goes_on_behind_the_results_of_a_worker_that_was_killed(host: Host, tmp_path: Path) -> None:
    """Another one takes over when the lease is over; what was recorded does not run again."""
    first = host.worker(**SHORT)
    job = host.submit(f"echo $CYCLONE_TASK_INDEX >> {tmp_path}/ran; sleep 0.2", indices=(1, 8, 1), tasks=8, size=8)
    host.until(lambda: host.counts(job)[2] >= 3, "three tasks are recorded")
    first.signal(signal.SIGKILL)
    done = {position for unit in host.units(job) for position in unit.results}
    host.worker(**SHORT)
    assert host.over(job) == [8, 0, 0, 0]
    ran = [int(line) for line in (tmp_path / "ran").read_text().split()]
    assert set(ran) == set(range(1, 9))
    assert all(ran.count(position) == 1 for position in done)
    assert all(unit.lease == 2 for unit in host.units(job))


def test_what_a_killed_worker_ran_is_ended_with_it(host: Host, tmp_path: Path) -> None:
    """The agent hears of its supervisor's death, so that no task runs twice at the same time for long."""
    worker = host.worker(**SHORT)
    host.submit(f"echo $$ > {tmp_path}/pid; sleep 300")
    pid = int(host.until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "it runs"))
    worker.signal(signal.SIGKILL)
    host.until(lambda: not Path(f"/proc/{pid}").exists(), "the task is gone")


def test_tasks_of_an_agent_that_died_count_as_lost_and_run_again(host: Host, tmp_path: Path) -> None:
    """On the same machine, by another agent."""
    worker = host.worker()
    job = host.submit(f"test $CYCLONE_ATTEMPT = 1 && touch {tmp_path}/on && sleep 300; exit 0")
    host.until((tmp_path / "on").exists, "it runs")
    agent = worker.children()[0]
    os.kill(agent, signal.SIGKILL)
    assert host.over(job) == [1, 0, 0, 0]
    assert [cause_of(code) for _, code in host.attempts(job)] == [CAUSE_LOST, 0]
    assert host.reasons(job) == ["its worker's agent died"]


def test_a_machine_on_which_no_agent_lives_is_left(host: Host) -> None:
    """With 1: another machine may do better."""
    worker = host.worker()
    killed = set[int]()
    while worker.process.poll() is None and len(killed) < 20:
        for pid in {*worker.children()} - killed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        time.sleep(0.05)
    assert worker.ends() == 1
    assert "no agent lives here for long" in worker.said()


def test_a_message_that_comes_again_during_a_long_task_changes_nothing(host: Host, tmp_path: Path) -> None:
    """Another worker sees the lease, which is made longer again and again, and lets it be."""
    host.worker(**SHORT)
    job = host.submit(f"echo x >> {tmp_path}/ran; sleep 4")
    host.until((tmp_path / "ran").exists, "it runs")
    host.worker(**SHORT)
    host.lanes.send("big", "default", 1, [(job, 0, 0, "somebody")])
    assert host.over(job) == [1, 0, 0, 0]
    assert (tmp_path / "ran").read_text() == "x\n"
    assert host.item(job)["l"] == 1


def test_a_message_that_names_nothing_is_deleted(host: Host) -> None:
    """And the next one is worked on."""
    host.worker()
    host.lanes.send("big", "default", 1, [(987_654, 0, 0, "x"), (987_654, 1, 0, "x")])
    job = host.submit("true")
    assert host.over(job) == [1, 0, 0, 0]
    host.until(lambda: not host.lanes.depth("big", "default").total, "no message is left")


def test_a_message_that_nobody_understands_is_left_to_the_dead_letters(host: Host) -> None:
    """It holds up nobody."""
    host.worker()
    job = host.submit("true")
    url = host.sandbox.client("sqs", "us-east-1").get_queue_url(QueueName=f"{host.name}--big--default--normal")["QueueUrl"]
    host.sandbox.client("sqs", "us-east-1").send_message(QueueUrl=url, MessageBody="what?", MessageGroupId="x")
    host.over(job)
    other = host.submit("true")
    assert host.over(other) == [1, 0, 0, 0]
    host.until(lambda: host.lanes.depth("big", "default").total == 1, "only the strange one is left")


def test_a_task_that_kills_its_workers_ends_as_error(host: Host) -> None:
    """After five of them, with the evidence; its neighbours run."""
    job = host.submit("test $CYCLONE_TASK_INDEX != 2 || exec kill -9 $(ps -o ppid= $(ps -o ppid= $$))", indices=(1, 3, 1), tasks=3, size=3)
    for _ in range(8):
        host.worker(CYCLONE_LEASE_S="1", CYCLONE_IDLE_S="5")
        host.until(lambda: host.workers[-1].process.poll() is not None or not sum(host.counts(job)[:2]), "it dies or is done")
        if not sum(host.counts(job)[:2]):
            break
    assert host.counts(job)[2:] == [2, 0, 0, 1]
    assert len([attempt for attempt, _ in host.attempts(job, 2)]) == 5


def test_a_worker_that_is_cut_off_ends_its_tasks_when_its_lease_is_over(host: Host, tmp_path: Path) -> None:
    """So they never run twice at the same time."""
    wall = Wall(host)
    worker = host.worker(AWS_ENDPOINT_URL=wall.endpoint, **SHORT)
    job = host.submit(f"echo $$ > {tmp_path}/pid; sleep 300")
    pid = int(host.until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "it runs"))
    wall.close()
    host.until(lambda: not Path(f"/proc/{pid}").exists(), "the task is ended")
    assert "its lease could not be made longer" in worker.said()
    assert host.item(job)["l"] == 1


def test_a_full_disk_ends_a_worker_and_not_its_jobs(host: Host, tmp_path: Path) -> None:
    """What runs when the disk is full counts as lost, says so, and runs on another machine."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size=3m tmpfs {disk} && exec "$@"', "sh"]
    worker = host.worker(within=mount, CYCLONE_WORKER_DIR=str(disk), **SHORT)
    job = host.submit(f"test $CYCLONE_ATTEMPT = 2 || {{ head -c 8000000 /dev/zero > {disk}/ballast; sleep 300; }}")
    code = worker.ends()
    if "unshare:" in worker.said() or "mount:" in worker.said():
        pytest.skip(f"no private mounts here: {worker.said()}")
    assert code == 1, worker.said()
    assert "is full" in worker.said()
    host.worker()
    assert host.over(job) == [1, 0, 0, 0]
    assert host.reasons(job) == [f"its worker could not go on: the disk that holds {disk} is full"]
