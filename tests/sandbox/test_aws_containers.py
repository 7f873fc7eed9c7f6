"""Jobs as containers: what the engine's command is asked for, with an engine that is a script, and the real thing where one answers."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cyclone_core.operations import sandbox
from cyclone_core.sandbox.batch.execution import Containers, Execution, end_left_over
from tests.sandbox.batch import Batch
from tests.sandbox.conftest import Sandbox, wait_until

ENGINE = """#!/bin/bash
# An engine that runs the command here: run --rm --init --name NAME --network host (--env VARIABLE)... IMAGE COMMAND...
echo "$@" >> "$LOG"
case $1 in
  run) name=$5; shift 7; while [ "$1" = --env ]; do shift 2; done; echo "image $1"; shift; echo $$ > "$LOG.$name"; exec "$@" ;;
  kill) kill "-$3" "$(cat "$LOG.$4")" ;;
esac
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The script; what it was asked is in `log` beside it."""
    path = tmp_path / "docker"
    path.write_text(ENGINE.replace("$LOG", str(tmp_path / "log")))
    path.chmod(0o755)
    return path


def _end(execution: Execution) -> Iterator[int]:
    while (code := execution.wait(0.1)) is None:
        yield 0
    yield code


def code_of(execution: Execution) -> int:
    """Exit code of an attempt that ends soon."""
    return list(_end(execution))[-1]


def test_a_container_gets_its_environment_but_not_in_the_arguments(tmp_path: Path, engine: Path) -> None:
    """Other users read arguments; image and command are the definition's."""
    containers = Containers(tmp_path / "jobs", str(engine))
    execution = containers.start("job-1", "busybox:1", ["bash", "-c", "echo $SECRET; exit 4"], {"SECRET": "s3cret"})
    assert code_of(execution) == 4
    assert execution.new_lines(True) == ["image busybox:1", "s3cret"]
    asked = (tmp_path / "log").read_text()
    assert asked.startswith("run --rm --init --name job-1 --network host --env SECRET busybox:1 bash -c")
    assert "s3cret" not in asked
    execution.clean()
    assert list((tmp_path / "jobs").iterdir()) == []


@pytest.mark.parametrize(("ask", "expected"), [(True, 9), (False, 137)])
def test_a_container_is_ended_by_its_engine(tmp_path: Path, engine: Path, ask: bool, expected: int) -> None:
    """SIGTERM, which it may handle, and SIGKILL."""
    script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    execution = Containers(tmp_path / "jobs", str(engine)).start("job-2", "image", ["bash", "-c", script], {})
    while "ready" not in execution.new_lines(False):
        assert execution.wait(0.05) is None
    execution.ask_to_end() if ask else execution.end()
    assert code_of(execution) == expected
    execution.clean()


def test_a_container_that_was_left_is_removed(tmp_path: Path, engine: Path) -> None:
    """By the engine: killing its command would leave the container."""
    execution = Containers(tmp_path / "jobs", str(engine)).start("job-3", "image", ["sleep", "600"], {})
    assert end_left_over(tmp_path / "jobs") == 1
    assert code_of(execution) == 137
    assert "rm --force job-3\n" in (tmp_path / "log").read_text()
    execution.clean()


@pytest.fixture
def image() -> str:
    """An image of this machine's docker engine; skips where there is none."""
    path = shutil.which("docker")
    images = subprocess.run([path, "image", "ls", "-q"], capture_output=True, text=True).stdout.split() if path else []
    if not images:
        pytest.skip("no docker engine answers here, or it has no image")
    return images[0]


def test_a_real_container_is_run_and_ended(tmp_path: Path, image: str) -> None:
    """Its exit code and output; and SIGTERM."""
    containers = Containers(tmp_path, str(shutil.which("docker")), os.environ.get("DOCKER_HOST"))
    execution = containers.start("cyclone-test-1", image, ["sh", "-c", "echo in; exit 3"], {})
    assert (code_of(execution), execution.new_lines(True)) == (3, ["in"])
    execution.clean()
    waits = containers.start("cyclone-test-2", image, ["sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done"], {})
    while "ready" not in waits.new_lines(False):
        assert waits.wait(0.05) is None
    waits.ask_to_end()
    assert code_of(waits) == 9
    waits.clean()


def test_jobs_run_in_real_containers(image: str) -> None:
    """Started by the sandbox: with their environment, and killed when they are terminated."""
    status = sandbox.start(sandbox.Settings(jobs="containers", grace_s=1.0))
    try:
        keys = dict(line.split(" = ") for line in status.directory.credentials.read_text().splitlines() if " = " in line)
        batch = Batch(Sandbox(status, keys["aws_access_key_id"], keys["aws_secret_access_key"], Path()), "us-east-1").open()
        command = ["sh", "-c", "echo $AWS_BATCH_JOB_ARRAY_INDEX $AWS_REGION"]
        arn = batch.define("", container={"image": image, "command": command})
        job_id = batch.client.submit_job(jobName="job", jobQueue="queue", jobDefinition=arn, arrayProperties={"size": 2})["jobId"]
        assert batch.wait(job_id)["status"] == "SUCCEEDED"
        assert [batch.printed(f"{job_id}:{index}") for index in range(2)] == [["0 us-east-1"], ["1 us-east-1"]]
        arn = batch.define("", container={"image": image, "command": ["sh", "-c", "echo ready; sleep 600"]})
        job_id = batch.client.submit_job(jobName="job", jobQueue="queue", jobDefinition=arn)["jobId"]
        wait_until(lambda: batch.job(job_id)["status"] == "RUNNING" and batch.printed(job_id) == ["ready"])
        batch.client.terminate_job(jobId=job_id, reason="enough")
        assert batch.wait(job_id)["container"]["exitCode"] in (137, 143)
    finally:
        sandbox.stop()
