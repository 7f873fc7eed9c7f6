"""A mirror of a real table: what it shows is what the table's own reader tells, and it asks for little."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cyclone_core.jobs import FAILED, RUNNING, SUCCESSFUL, WAITING
from cyclone_core.operations.aws_host import AwsHost
from cyclone_core.operations.aws_mirror_source import TableSource
from cyclone_core.operations.mirror_refresh import Refresher
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.sqlite.mirror import MirrorStore
from cyclone_core.scheduler.sqlite.reader import Reader
from cyclone_core.views import Job
from tests.dynamo.streamed import Host


class Mirrored:
    """A mirror of a host, refreshed by hand."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.host, self.directory = host, str(directory)
        lean = SimpleNamespace(account="1", region="eu-west-1", table=host.table.name, aws=host.table.aws)
        source = TableSource(cast("AwsHost", SimpleNamespace(table=host.table, reader=host.reader, lean=lean)))
        self.refresher = Refresher(MirrorStore(self.directory), source, now=lambda: host.now / 1000)

    def look(self) -> dict[str, int]:
        """One look, after the accountant has counted; the questions it took, by kind."""
        self.host.count()
        self.host.now += 2000
        self.host.table.asked.clear()
        while self.refresher.step().more:
            pass
        return dict(self.host.table.asked)

    def jobs(self) -> dict[int, Job]:
        """What it shows."""
        with Reader.open(self.directory) as reader:
            return {job.id: job for job in reader.jobs()}


@pytest.fixture
def mirrored(host: Host, tmp_path: Path) -> Iterator[Mirrored]:
    """An empty one."""
    made = Mirrored(host, tmp_path)
    yield made
    made.refresher.store.close()


def told(job: Job) -> dict[str, Any]:
    """What lists show of a job."""
    found = job.as_json()
    return {name: found[name] for name in found if name not in ("idempotency_key",)}


def test_it_shows_what_the_table_says(host: Host, mirrored: Mirrored) -> None:
    """Single jobs and arrays that wait, run, ended well and did not."""
    waits, runs, array = host.submit(), host.submit(), host.submit(array=12, queue="night")
    host.run(host.submit())
    host.run(host.submit(), codes={1: 2 << 8})
    host.claim(runs)
    host.run(array, 1)
    mirrored.look()
    found = mirrored.jobs()
    assert {number: job.status for number, job in found.items()} == {
        waits: WAITING, runs: RUNNING, array: RUNNING, array + 1: SUCCESSFUL, array + 2: FAILED,
    }  # fmt: skip
    assert found[array].counts[SUCCESSFUL]
    for number, job in found.items():
        there = host.reader.job(number)
        assert there is not None
        assert told(job) == told(there)


def test_it_follows_what_is_counted(host: Host, mirrored: Mirrored) -> None:
    """A job that ends and one that comes are seen with the next look."""
    first = host.submit()
    mirrored.look()
    host.run(first)
    second = host.submit()
    mirrored.look()
    mirrored.look()
    assert {number: job.status for number, job in mirrored.jobs().items()} == {first: SUCCESSFUL, second: WAITING}


def test_where_nothing_happens_it_asks_one_question(host: Host, mirrored: Mirrored) -> None:
    """However many jobs there are."""
    for _ in range(20):
        host.run(host.submit())
    mirrored.look()
    mirrored.look()
    assert mirrored.look() == {"Query": 1}


def test_of_many_open_jobs_it_reads_what_ended(host: Host, mirrored: Mirrored) -> None:
    """One question for the counters, one for what was counted of the open jobs, one for the job that ended."""
    jobs = [host.submit() for _ in range(40)]
    mirrored.look()
    mirrored.look()
    host.run(jobs[7])
    assert mirrored.look() == {"Query": 1, "BatchGetItem": 2}
    assert mirrored.jobs()[jobs[7]].status == SUCCESSFUL


def test_new_jobs_cost_a_look_at_the_parts_of_their_queue(host: Host, mirrored: Mirrored) -> None:
    """And one question for all of them together."""
    host.submit()
    mirrored.look()
    mirrored.look()
    for _ in range(5):
        host.submit()
    asked = mirrored.look()
    assert asked["Query"] == 1 + keys.SHARDS
    assert len(mirrored.jobs()) == 6


def test_a_task_that_printed_nothing_has_its_exit_code(host: Host, mirrored: Mirrored) -> None:
    """It has no log object there."""
    number = host.submit()
    host.finish(host.claim(number), {1: 2 << 8}, log=0)
    mirrored.look()
    there = host.reader.job(number)
    assert there is not None
    assert mirrored.jobs()[number].exit_code == there.exit_code
