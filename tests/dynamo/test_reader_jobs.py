"""Jobs as the reader of an AWS host tells of them, and lists of them."""

import random

import pytest

from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, SUCCESSFUL, WAITING, outcome
from cyclone_core.scheduler.dynamo import keys
from tests.dynamo.streamed import Host


def test_a_single_job_from_its_submission_to_its_end(host: Host) -> None:
    """State, times, attempt and output of its one task."""
    number = host.submit(name="solve", priority=3, idempotency_key="mine")
    job = host.reader.job(number)
    assert job is not None
    assert (job.state, job.name, job.queue, job.user, job.priority, job.key, job.array) == (
        "Waiting",
        "solve",
        "default",
        "ada",
        3,
        "mine",
        0,
    )
    assert (job.submitted, job.started, job.attempt) == (1_700_000_001.0, None, None)
    unit = host.claim(number)
    unit.running = [[1, 1, host.now + 250]]
    host.store.save(unit, host.now)
    job = host.reader.job(number)
    assert job is not None
    assert (job.state, job.started, job.ended) == ("Running", 1_700_000_002.25, None)
    host.finish(unit, {1: 1})
    job = host.reader.job(number)
    assert job is not None
    assert (job.state, job.exit_code, job.attempt, job.started, job.ended, job.size) == ("Failed", 1, 1, 1_700_000_002, 1_700_000_003.5, 7)


def test_a_job_that_is_not_there(host: Host) -> None:
    """None, and nothing of it."""
    assert host.reader.job(7) is None
    assert (host.reader.tasks(7), host.reader.task(7, 1), host.reader.attempts(7, 1), host.reader.task_states(7)) == ([], None, [], b"")


def test_an_exit_code_without_any_output(host: Host) -> None:
    """A task that wrote nothing has no log object, and still ended."""
    number = host.submit()
    host.finish(host.claim(number), {1: 2}, log=0)
    job, task = host.reader.job(number), host.reader.task(number, 1)
    assert job is not None
    assert task is not None
    assert (job.exit_code, task.exit_code, task.journal, task.started) == (2, 2, 0, 1_700_000_002)


def test_a_job_cancelled_before_it_ran(host: Host) -> None:
    """It has no exit code and was never started."""
    number = host.submit()
    host.store.cancel(number, None, host.now)
    job = host.reader.job(number)
    assert job is not None
    assert (job.state, job.reason, job.exit_code, job.started, job.took) == ("Cancelled", "cancelled", None, None, None)
    assert (job.ended, job.cancel) == (1_700_000_001.0, 1_700_000_001.0)


def test_an_array_by_its_counters(host: Host) -> None:
    """Before anything was counted it waits; its end and its first failure are those of its counters."""
    number = host.submit(9)
    job = host.reader.job(number)
    assert job is not None
    assert (job.counts, job.state, job.started) == ((9, 0, 0, 0, 0, 0), "Waiting", None)
    host.run(number, 1, {1: 0, 2: 0, 3: 1, 4: 0, 5: outcome(0, 4)}, {5: "no such directory"})
    host.count()
    job = host.reader.job(number)
    assert job is not None
    assert (job.counts, job.state, job.ended) == ((4, 0, 3, 1, 0, 1), "Running", None)
    host.run(number, 6)
    host.count()
    job = host.reader.job(number)
    assert job is not None
    assert (job.state, job.exit_code, job.reason) == ("Error", 1, f"{number}--5: no such directory")
    assert (job.started, job.ended) == (1_700_000_002.0, 1_700_000_003.0)


def test_a_cancelled_array_is_over_at_once(host: Host) -> None:
    """What waits is cancelled when its job is, before anybody counted that."""
    number = host.submit(9)
    host.run(number, 1)
    host.count()
    host.store.cancel(number, None, host.now)
    job = host.reader.job(number)
    assert job is not None
    assert (job.counts, job.state, job.reason, job.ended) == ((0, 0, 5, 0, 4, 0), "Cancelled", "cancelled", job.cancel)


def test_sparse_arrays_of_few_and_of_many_indices(host: Host) -> None:
    """Few are in the item, many are an object."""
    few = host.submit(tasks=3, ranges=((3, 3, 1), (17, 18, 1)))
    choose = random.Random(1)
    many = tuple((index, index, 1) for index in sorted(choose.sample(range(10**9), 6000)))
    much = host.submit(tasks=len(many), ranges=many)
    job = host.reader.job(few)
    assert job is not None
    assert (job.indices_text(), [task.id for task in host.reader.tasks(few)]) == ("3,17-18", [f"{few}--3", f"{few}--17", f"{few}--18"])
    job = host.reader.job(much)
    assert job is not None
    assert "ix" not in host.item(*keys.job(much))
    assert (job.index(2), job.position(many[-1][0])) == (many[1][0], len(many))


def test_what_a_job_executes(host: Host) -> None:
    """As it was submitted."""
    number = host.submit(retries=2, environment={"A": "1"}, directory="/tmp")
    job = host.reader.job(number)
    assert job is not None
    spec = host.reader.spec(job)
    assert (spec["retries"], spec["environment"], spec["directory"], spec["parameters"]) == (2, {"A": "1"}, "/tmp", None)


def test_lists_by_queue_name_and_user(host: Host) -> None:
    """Newest first, whatever their ids; everything given must fit."""
    jobs = [
        host.submit(queue=queue, name=name, user=user)
        for queue, name, user in (("default", "a", "ada"), ("night", "a", "bob"), ("night", "b", "ada"), ("default", "a", "bob"))
    ]
    host.count()
    assert [job.id for job in host.reader.jobs()] == jobs[::-1]
    assert [job.id for job in host.reader.jobs(queue="night")] == [jobs[2], jobs[1]]
    assert [job.id for job in host.reader.jobs(name="a")] == [jobs[3], jobs[1], jobs[0]]
    assert list(host.reader.each_id(name="a", user="bob")) == [jobs[3], jobs[1]]
    assert list(host.reader.each_id(queue="nothing")) == []


def test_lists_by_state(host: Host) -> None:
    """Each job is in the list of its state and in no other."""
    jobs = {state: [host.submit()] for state in range(6)}
    jobs[WAITING].append(host.submit(9))
    jobs[RUNNING].append(host.submit(9))
    host.claim(jobs[RUNNING][0])
    host.claim(jobs[RUNNING][1], 6)
    host.run(jobs[SUCCESSFUL][0])
    host.run(jobs[FAILED][0], codes={1: 1})
    host.run(jobs[ERROR][0], codes={1: outcome(0, 4)})
    host.store.cancel(jobs[CANCELLED][0], None, host.now)
    host.count()
    for state, wanted in jobs.items():
        assert [job.id for job in host.reader.each_job(status=state)] == wanted[::-1]
        assert [job.id for job in host.reader.jobs(status=state, before=wanted[-1])] == wanted[-2::-1]


@pytest.mark.parametrize("page", [3, 7])
def test_pages_of_a_list(host: Host, page: int) -> None:
    """Nothing is left out or told twice, also among jobs of one millisecond."""
    host.table.update(keys.IDS, add={"last": 5})
    jobs = [host.submit(name=f"n{k}") for k in range(8)]
    at = host.now
    for _ in range(12):
        host.now = at - 1000
        jobs.append(host.submit())
    host.count()
    found: list[int] = []
    while part := host.reader.jobs(before=found[-1] if found else None, limit=page):
        found += [job.id for job in part]
    assert sorted(found) == sorted(jobs)
    assert found == list(host.reader.each_id())
    times = [host.item(*keys.job(number))["listed_at"] for number in found]
    assert times == sorted(times, reverse=True)


def test_requests_of_a_list(host: Host) -> None:
    """A page asks each part of the index once, and reads its jobs at once."""
    for _ in range(30):
        host.submit()
    host.count()
    host.table.asked.clear()
    assert len(host.reader.jobs(queue="default", limit=20)) == 20
    assert host.table.asked["Query"] <= keys.SHARDS + 4
    assert host.table.asked["BatchGetItem"] == 1
