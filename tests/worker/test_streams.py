"""How many tasks run at once, when they are reported, and what is given back."""

from cyclone_core import jobs
from tests.worker.conftest import Supervisor

COUNT = "mkdir running.$CYCLONE_TASK_INDEX; echo running.* | wc -w; sleep {}; rmdir running.$CYCLONE_TASK_INDEX"


def most_at_once(supervisor: Supervisor, tasks: int) -> int:
    """The largest number of tasks that any of them saw."""
    return max(int(supervisor.output(position)) for position in range(1, tasks + 1))


def test_width_holds_for_long_tasks(supervisor: Supervisor) -> None:
    """Never more than `width` at once when they take their time."""
    supervisor.lease(COUNT.format(0.05), 1, 12, width=2)
    supervisor.until(lambda: len(supervisor.rows) == 12)
    assert most_at_once(supervisor, 12) == 2


def test_short_tasks_overlap_by_one(supervisor: Supervisor) -> None:
    """The next short task starts while this one ends, so that no core waits."""
    supervisor.lease("true", 1, 20)
    supervisor.lease("echo $CYCLONE_TASK_INDEX >> began; until [ -e go ]; do sleep 0.01; done", 1, 6, job=8)
    supervisor.until(lambda: sum(row[1] == 8 for row in supervisor.running) >= 1 and len(supervisor.running) >= 1)
    assert len(supervisor.path("began").read_text().split()) <= 2
    supervisor.path("go").touch()


def test_no_overlap_where_a_task_may_use_more_than_one_core(supervisor: Supervisor) -> None:
    """With two vCPUs per task the width is never exceeded."""
    supervisor.lease("echo $(mkdir one 2>&1); rmdir one", 1, 40, lane={"vcpus": 2})
    supervisor.until(lambda: len(supervisor.rows) == 40)
    assert {supervisor.output(position) for position in range(1, 41)} == {b"\n"}


def test_streams_are_independent(supervisor: Supervisor) -> None:
    """A long task in one stream does not hold up another."""
    supervisor.lease("sleep 600", stream=1)
    supervisor.lease("echo quick", job=8, stream=2)
    assert supervisor.output(job=8) == b"quick\n"


def test_leases_of_a_stream_run_in_order_of_arrival(supervisor: Supervisor) -> None:
    """First come, first run."""
    for job in (11, 12, 13):
        supervisor.lease(f"echo {job} >> order", job=job, lane={"vcpus": 2})
    supervisor.until(lambda: len(supervisor.rows) == 3)
    assert supervisor.path("order").read_text().split() == ["11", "12", "13"]


def test_wider_stream_starts_more(supervisor: Supervisor) -> None:
    """A changed width counts at once."""
    supervisor.lease("touch began.$CYCLONE_TASK_INDEX; until [ -e go ]; do sleep 0.02; done", 1, 2)
    supervisor.until(lambda: supervisor.path("began.1").exists())
    supervisor.send("width", 1, 2)
    supervisor.until(lambda: supervisor.path("began.2").exists())
    supervisor.path("go").touch()
    supervisor.until(lambda: len(supervisor.rows) == 2)


def test_untouched_tasks_behind_long_ones_are_given_back(supervisor: Supervisor) -> None:
    """They may run elsewhere; the running one goes on."""
    supervisor.lease("sleep 600", 1, 10)
    supervisor.until(lambda: supervisor.returned)
    assert supervisor.returned == [(7, 2, 10)]
    assert not supervisor.rows


def test_width_zero_gives_everything_back(supervisor: Supervisor) -> None:
    """A stream without width keeps nothing."""
    supervisor.lease("true", 1, 5, width=0)
    supervisor.send("width", 1, 0)
    supervisor.until(lambda: supervisor.returned)
    assert supervisor.returned == [(7, 1, 5)]


def test_tasks_that_last_are_announced(supervisor: Supervisor) -> None:
    """After a quarter of a second the supervisor hears of it, with the process id."""
    lease = supervisor.lease("echo $$ > pid; sleep 600", attempt=3)
    supervisor.until(lambda: supervisor.running)
    number, job, position, attempt, start_us, pid = supervisor.running[0]
    assert (number, job, position, attempt) == (lease, 7, 1, 3)
    assert start_us > 1_600_000_000_000_000
    assert pid == int(supervisor.path("pid").read_text())


def test_short_tasks_are_not_announced(supervisor: Supervisor) -> None:
    """Nobody hears of tasks that end at once before they end."""
    supervisor.lease("true", 1, 30)
    supervisor.until(lambda: len(supervisor.rows) == 30)
    assert not supervisor.running


def test_results_before_the_end_of_a_lease(supervisor: Supervisor) -> None:
    """The first results of a lease are reported while later tasks of it still run."""
    supervisor.lease("[ $CYCLONE_TASK_INDEX -lt 3 ] || sleep 600", 1, 3)
    supervisor.until(lambda: len(supervisor.rows) == 2)
    assert (7, 3) not in supervisor.rows


def test_each_row_is_reported_once(supervisor: Supervisor) -> None:
    """No result is told twice."""
    supervisor.lease("sleep 0.02", 1, 40, width=2)
    supervisor.until(lambda: len(supervisor.rows) == 40)
    assert supervisor.row_count == 40


def test_many_leases_of_single_jobs(supervisor: Supervisor) -> None:
    """Each job gets its own result and output."""
    for job in range(100, 150):
        supervisor.lease("echo $CYCLONE_JOB_ID", job=job)
    supervisor.until(lambda: len(supervisor.rows) == 50)
    assert all(supervisor.output(job=job) == b"%d\n" % job for job in range(100, 150))
    assert {row[3] for row in supervisor.rows.values()} == {jobs.outcome(0)}


def test_tasks_that_cannot_start_do_not_slow_the_others_down(supervisor: Supervisor) -> None:
    """A lease of them is reported in one go: no timer is needed to come to the next one."""
    supervisor.lease("true", 1, 100, script="0")
    supervisor.until(lambda: len(supervisor.rows) == 100)
    assert len(supervisor.reports) == 1
