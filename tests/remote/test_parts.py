"""Parts of a worker machine, each by itself: files with holes, log objects, what it knows of itself, calls, the instance below."""

import os
import select
from io import BytesIO
from pathlib import Path
from typing import Any
from zlib import decompress

import pytest

from cyclone_core import journal
from cyclone_core.errors import AwsError, UsageError
from cyclone_core.scheduler.packing import pack_objects
from cyclone_core.scheduler.parameters import ParameterFile
from cyclone_core.scheduler.remote.calls import Arrivals, Calls
from cyclone_core.scheduler.remote.files import KEPT_SCRIPTS, Files
from cyclone_core.scheduler.remote.logs import Log, next_number
from cyclone_core.scheduler.remote.machine import Machine

ENVIRONMENT = {
    "CYCLONE_HOST": "grid", "CYCLONE_ACCOUNT": "123456789012", "CYCLONE_MAIN_REGION": "us-east-1", "CYCLONE_REGION": "eu-west-1",
    "CYCLONE_DEFINITION": "default", "CYCLONE_CLUSTER": "big", "AWS_BATCH_JOB_ID": "0a1b:7",
}  # fmt: skip


class Object:
    """An object of which parts are fetched."""

    def __init__(self, path: Path) -> None:
        self.data, self.asked = path.read_bytes(), list[int]()

    def fetch(self, key: str, first: int, last: int) -> bytes:
        """As S3 answers ranges."""
        found = self.data[first:] if first < 0 else self.data[first : last + 1]
        self.asked.append(len(found))
        return found


@pytest.fixture
def packed(tmp_path: Path) -> Object:
    """Parameters of 4,000 tasks in many chunks."""
    pack_objects([{"V": os.urandom(300).hex() + str(number)} for number in range(4000)], str(tmp_path / "packed"))
    return Object(tmp_path / "packed")


def test_of_parameters_only_what_is_needed_is_fetched(packed: Object, tmp_path: Path) -> None:
    """A file with holes reads as the whole one does where it is filled."""
    files = Files(str(tmp_path), packed.fetch)
    name = files.parameters("parameters/7", [(2000, 2100)])
    ours, whole = ParameterFile(str(tmp_path / name)), ParameterFile(str(tmp_path / "packed"))
    assert ours.line(2000) == whole.line(2000)
    assert ours.line(2100) == whole.line(2100)
    assert sum(packed.asked) < len(packed.data) // 5
    asked = len(packed.asked)
    files.parameters("parameters/7", [(2000, 2001), (2100, 2100)])
    assert len(packed.asked) == asked
    files.parameters("parameters/7", [(1, 4000)])
    assert Path(tmp_path, name).read_bytes()[8:] == packed.data[8:]
    ours.close()
    whole.close()


def test_small_parameters_are_one_request(tmp_path: Path) -> None:
    """Most are smaller than what is fetched first."""
    pack_objects([{"V": number} for number in range(10)], str(tmp_path / "packed"))
    there = Object(tmp_path / "packed")
    Files(str(tmp_path), there.fetch).parameters("parameters/7", [(1, 10)])
    assert len(there.asked) == 1


@pytest.mark.parametrize("data", [b"", b"x" * 5000])
def test_what_is_no_parameter_object_is_refused(tmp_path: Path, data: bytes) -> None:
    """With its name."""
    (tmp_path / "packed").write_bytes(data)
    with pytest.raises(ValueError, match="parameters/7 holds no parameters"):
        Files(str(tmp_path), Object(tmp_path / "packed").fetch).parameters("parameters/7", [(1, 1)])


def test_lines_beyond_the_end_are_refused(packed: Object, tmp_path: Path) -> None:
    """A job and its parameters that do not fit are told, not run."""
    with pytest.raises(IndexError, match="4,001"):
        Files(str(tmp_path), packed.fetch).parameters("parameters/7", [(4001, 4001)])


def test_scripts_that_were_not_used_for_long_go(tmp_path: Path) -> None:
    """Not those that are used now; one that is needed again is written again."""
    files = Files(str(tmp_path), Object.fetch)  # type: ignore[arg-type]  # nothing is fetched
    names = [files.script(b"echo %d" % number) for number in range(KEPT_SCRIPTS + 2)]
    files.clean({names[0]}, set())
    assert [(tmp_path / "scripts" / name).exists() for name in (names[0], names[1], names[-1])] == [True, False, True]
    assert files.script(b"echo 1") == names[1]
    assert (tmp_path / "scripts" / names[1]).read_bytes() == b"echo 1"


def _journal(path: Path, *outputs: bytes) -> tuple[int, list[Any]]:
    """An open journal with an attempt for each output, and their rows."""
    data, rows = b"", []
    for position, output in enumerate(outputs, 1):
        data += journal.start_frame(1, 7, position, 1, 1000)
        rows.append((7, position, 1, 0, 1000, 5, len(data), len(output)))
        data += journal.end_frame(1, 7, position, 1, 1000, 5, 0, 1, 1, 1, b"", output)
    path.write_bytes(data)
    return os.open(path, os.O_RDONLY), rows


def test_a_log_object_has_the_frames_that_its_rows_name(tmp_path: Path) -> None:
    """Read as a journal, at the offsets of the recorded rows."""
    file, rows = _journal(tmp_path / "1", b"one", b"", b"three")
    log = Log(12)
    for row in rows:
        log.add(row, file, str(tmp_path))
    os.close(file)
    read = BytesIO(decompress(log.settle()))
    read.name = "log"
    found = [journal.end_at(read, row[6]) for row, number in log.rows if number == 12]
    assert [(end.position, end.output) for end in found] == [(1, b"one"), (2, b""), (3, b"three")]


def test_attempts_without_output_need_no_object(tmp_path: Path) -> None:
    """Their rows name none; nor do rows of tasks that never ran."""
    file, rows = _journal(tmp_path / "1", b"", b"")
    log = Log(12)
    for row in [*rows, (7, 3, 1, 0, 1000, 0, 0, 0)]:
        log.add(row, file, str(tmp_path))
    os.close(file)
    assert (log.settle(), [number for _, number in log.rows]) == (b"", [0, 0, 0])


def test_two_leases_never_write_the_same_log_object() -> None:
    """Not even when the first one does not know that it is over."""
    of_first = [next_number(0, 1)]
    of_first += [next_number(of_first[-1], 1) for _ in range(1)]
    assert of_first == [65_537, 65_538]
    assert next_number(of_first[0], 2) not in of_first
    assert next_number(next_number(of_first[0], 2), 2) == 131_074


def test_a_machine_knows_itself_from_its_environment() -> None:
    """Names, times in proportion to the lease, variables for tasks."""
    machine = Machine({**ENVIRONMENT, "CYCLONE_LEASE_S": "12", "HOME": "/root", "AWS_REGION": "eu-west-1"})
    assert (machine.identity, machine.table, machine.bucket) == ("eu-west-1/0a1b:7", "grid--jobs", "grid--data-123456789012-us-east-1")
    assert (machine.times.renew_s, machine.times.hidden_s, machine.idle_s) == (4.0, 6, 20.0)
    found = machine.environment_of({"HOME": "/home/me", "A": "1"})
    assert found == {"HOME": "/root", "AWS_REGION": "eu-west-1", "A": "1"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"CYCLONE_IDLE_S": "soon"}, "CYCLONE_IDLE_S is 'soon'"),
        ({"CYCLONE_LEASE_S": "-1"}, "CYCLONE_LEASE_S"),
        ({"CYCLONE_LANE": "["}, "CYCLONE_LANE"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, str], said: str) -> None:
    """Before anything is asked of anybody."""
    with pytest.raises(UsageError, match=said):
        Machine({**ENVIRONMENT, **given})


def test_the_agent_ends_tasks_before_the_kernel_does(tmp_path: Path) -> None:
    """The container's limit, less what the worker needs itself; none where there is none."""
    machine = Machine(ENVIRONMENT)
    for text, expected in (("max\n", 0), (f"{1024 << 20}\n", 960)):
        (tmp_path / "memory.max").write_text(text)
        machine.limit_memory(str(tmp_path))
        assert machine.lane["memory_mib"] == expected


def test_tasks_run_where_they_were_submitted_only_where_that_is_here(tmp_path: Path) -> None:
    """And only when the definition says so."""
    usual, asked = Machine(ENVIRONMENT), Machine({**ENVIRONMENT, "CYCLONE_LANE": '{"working_directory": "submit"}'})
    assert usual.lane_for(str(tmp_path))["working_directory"] == "worker"
    assert asked.lane_for(str(tmp_path))["working_directory"] == "submit"
    assert asked.lane_for("/of/another/machine")["working_directory"] == "worker"


def _fail(error: Exception) -> None:
    raise error


def test_what_comes_of_calls_is_taken_in_by_the_loop() -> None:
    """Results and expected errors; an unexpected one ends the loop."""
    arrivals, found = Arrivals(), list[Any]()
    calls = Calls(arrivals, 2)
    calls.start(int, "7", done=lambda result, error: found.append((result, error)))
    calls.start(_fail, AwsError("no"), done=lambda result, error: found.append((result, str(error))))
    while calls.open:
        select.select([arrivals.descriptor], [], [], 10)
        arrivals.take_in()
    assert sorted(found, key=str) == [(7, None), (None, "no")]
    calls.start(_fail, ZeroDivisionError("oops"), done=lambda *_: None)
    with pytest.raises(ZeroDivisionError):
        while select.select([arrivals.descriptor], [], [], 10)[0]:  # a thread may wake the loop after it took in what woke it
            arrivals.take_in()
