"""Jobs as containers: what the engine's command is asked for, with an engine that is a script, and the real thing where one answers."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cyclone_core.sandbox.batch.execution import Containers, Execution

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


def test_a_real_container(tmp_path: Path) -> None:
    """Where an engine answers and has an image with a shell."""
    path = shutil.which("docker")
    images = subprocess.run([path, "image", "ls", "-q"], capture_output=True, text=True).stdout.split() if path else []
    if not path or not images:
        pytest.skip("no docker engine answers here, or it has no image")
    execution = Containers(tmp_path / "jobs", path).start("cyclone-test", images[0], ["sh", "-c", "echo in; exit 3"], {})
    assert (code_of(execution), execution.new_lines(True)) == (3, ["in"])
    execution.clean()
