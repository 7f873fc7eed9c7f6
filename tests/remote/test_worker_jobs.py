"""A worker machine runs jobs: results, outputs, variables, retries, timeouts, parameters."""

from pathlib import Path

import pytest

from cyclone_core.jobs import CAUSE_TIMEOUT, cause_of
from cyclone_core.scheduler.packing import pack_objects
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


def test_a_task_that_fails_runs_again_under_the_same_lease(host: Host) -> None:
    """As often as -r says; it is told its attempt, and earlier attempts are kept."""
    host.worker()
    job = host.submit('echo "attempt $CYCLONE_ATTEMPT"; test $CYCLONE_ATTEMPT = 3', retries=3)
    assert host.over(job) == [1, 0, 0, 0]
    assert host.attempts(job) == [(1, 1), (2, 1), (3, 0)]
    assert host.output(job) == b"attempt 3\n"
    assert host.item(job)["l"] == 1


def test_retries_of_a_slice_hold_up_nothing(host: Host) -> None:
    """Tasks that fail for good are Failed, the others Successful."""
    host.worker()
    job = host.submit("exit $((CYCLONE_TASK_INDEX % 2))", indices=(1, 20, 1), tasks=20, size=20, retries=1)
    assert host.over(job) == [10, 10, 0, 0]
    assert [attempt for attempt, _ in host.attempts(job, 3)] == [1, 2]


def test_a_task_that_takes_too_long_is_ended(host: Host) -> None:
    """With the reason."""
    host.worker()
    job = host.submit("sleep 60", timeout_s=0.5)
    assert host.over(job) == [0, 1, 0, 0]
    assert cause_of(host.attempts(job)[0][1]) == CAUSE_TIMEOUT
    assert host.reasons(job) == ["ran longer than its timeout of 0.5 s"]


def test_parameters_reach_their_tasks(host: Host, tmp_path: Path) -> None:
    """Of a slice in the middle too, whose chunks alone are fetched."""
    lines = [{"VALUE": f"{number}-{'x' * 500}"} for number in range(1, 2001)]
    pack_objects(lines, str(tmp_path / "packed"))
    host.worker()
    job = host.submit("echo VALUE | cut -c 1-8", parameters=str(tmp_path / "packed"), tasks=2000, size=40, send=False)
    host.lanes.send("big", "default", 1, [(job, 1201, 0, "somebody")])
    host.until(lambda: host.counts(job)[2] == 40, "the slice is over")
    assert host.output(job, 1240) == b"1240-xxx\n"


def test_a_sparse_array_knows_its_indices(host: Host) -> None:
    """Positions are the engine's, indices the user's."""
    host.worker()
    job = host.submit("echo $CYCLONE_TASK_INDEX", ranges=((3, 3, 1), (10, 16, 2)), tasks=5, size=5)
    assert host.over(job) == [5, 0, 0, 0]
    assert [host.output(job, position) for position in range(1, 6)] == [b"3\n", b"10\n", b"12\n", b"14\n", b"16\n"]


@pytest.mark.parametrize("size", [0, 20, 20_000, 100_000, 5_000_000])
def test_outputs_of_every_size_are_kept_whole(host: Host, size: int) -> None:
    """In the item, in a log object, or (with its frame in the item) in an object of its own; nothing where there is nothing."""
    host.worker()
    script = f"head -c {size} /dev/urandom | tee $HOME/written"
    single, array = host.submit(script), host.submit(script, indices=(1, 1, 1), tasks=1)
    for job in (single, array):
        assert host.over(job) == [1, 0, 0, 0]
        assert len(host.output(job)) == size
    assert host.output(array) == (host.workers[0].home / "written").read_bytes()
    assert bool(host.item(single).get("o")) == (size not in (0, 20_000))


def test_tasks_get_the_variables_of_image_definition_and_submitter(host: Host) -> None:
    """The definition's count before the submitter's, those before the image's; the submitter's PATH means nothing here."""
    host.worker(IMAGE="image", BOTH="image", OURS="definition", CYCLONE_LANE='{"variables": ["OURS"]}')
    job = host.submit('echo $IMAGE $BOTH $OURS "$PATH"', environment={"BOTH": "job", "OURS": "job", "PATH": "/nowhere"})
    host.over(job)
    words = host.output(job).decode().split()
    assert words[:3] == ["image", "job", "definition"]
    assert words[3] != "/nowhere"


def test_a_script_that_cannot_start_is_an_error(host: Host) -> None:
    """With the reason, and no other task suffers."""
    host.worker()
    broken, well = host.submit("true", interpreter=("/no/such/program",)), host.submit("true")
    assert host.over(broken) == [0, 0, 0, 1]
    assert "/no/such/program" in host.reasons(broken)[0]
    assert host.over(well) == [1, 0, 0, 0]


def test_an_agent_with_a_large_journal_is_replaced(host: Host) -> None:
    """Nothing runs twice, every output is whole, and the old journal is gone."""
    worker = host.worker(CYCLONE_JOURNAL_MIB="1")
    job = host.submit("head -c 50000 /dev/zero | tr '\\0' x; echo $CYCLONE_TASK_INDEX", indices=(1, 60, 1), tasks=60, size=60)
    first = host.until(worker.children, "there is an agent")[0]
    assert host.over(job) == [60, 0, 0, 0]
    assert all(host.attempts(job, position) == [(1, 0)] for position in range(1, 61))
    assert [host.output(job, position)[50_000:] for position in (1, 30, 60)] == [b"1\n", b"30\n", b"60\n"]
    host.until(lambda: first not in worker.children(), "another agent is there")
    host.until(lambda: len(list(worker.home.glob("*/state/journals/*"))) == 1, "one journal is left")
