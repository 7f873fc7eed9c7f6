"""A worker machine runs jobs: results, outputs, variables, retries, timeouts, parameters."""

from tests.remote.host import Host


def test_a_single_job_runs_and_its_output_is_kept(host: Host) -> None:
    """Successful, with the output in the job's own item."""
    host.worker()
    job = host.submit('echo "hello from $CYCLONE_REGION"')
    assert host.over(job) == [1, 0, 0, 0], host.reasons(job)
    assert host.output(job) == b"hello from eu-west-1\n"


def test_an_array_runs_slice_by_slice(host: Host) -> None:
    """Every task once, each with its own output."""
    host.worker()
    job = host.submit('echo "task $CYCLONE_TASK_INDEX"', indices=(1, 300, 1), tasks=300, size=100)
    assert host.over(job) == [300, 0, 0, 0]
    assert [host.output(job, position) for position in (1, 64, 65, 100, 101, 300)] == [
        b"task %d\n" % index for index in (1, 64, 65, 100, 101, 300)
    ]
    assert [unit.high - unit.low + 1 for unit in host.units(job)] == [100, 100, 100]
