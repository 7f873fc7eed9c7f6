"""Tasks in containers, with a program named `docker` that writes down what it is asked and runs the script itself."""

import os
import signal
from pathlib import Path

from cyclone_core import jobs
from tests.worker.conftest import Supervisor

DOCKER = """#!/bin/bash
printf '%s\\n' "$@" > "$FAKE/$1.words"
if [ "$1" = kill ]; then kill -KILL $(< "$FAKE/inside"); exit; fi
while [ $# -gt 0 ]; do
  case $1 in
    --env-file) cp "$2" "$FAKE/env"; stat -c %a "$2" > "$FAKE/mode"; shift 2 ;;
    --workdir) cd "$2"; shift 2 ;;
    broken) echo "docker: Error response from daemon: no such image" >&2; exit 125 ;;
    sample) shift; break ;;
    *) shift ;;
  esac
done
echo $$ > "$FAKE/client"
setsid "$@" & echo $! > "$FAKE/inside"
trap 'kill -TERM $!' TERM
wait $!; status=$?; [ -e "$FAKE/inside.stubborn" ] && wait $!; exit $status
"""


def with_engine(bare: Supervisor) -> Supervisor:
    """Start the worker with the container engine on its PATH."""
    folder = bare.path("bin")
    folder.mkdir()
    (folder / "docker").write_text(DOCKER)
    (folder / "docker").chmod(0o755)
    return bare.start(environment={"PATH": f"{folder}:/usr/bin:/bin", "FAKE": bare.state})


def words(bare: Supervisor, command: str) -> list[str]:
    """The arguments that the engine got."""
    return bare.path(f"{command}.words").read_text().splitlines()


def test_script_runs_in_the_image(bare: Supervisor) -> None:
    """The engine gets script and directory mounted, the limits, and a name by which the container can be ended."""
    with_engine(bare)
    options = {
        "user": "1000:1000", "init": True, "privileged": True, "shm_size_mib": 10,
        "ulimits": [{"name": "core", "soft": 1, "hard": 2}],
        "mounts": [{"source": "/data", "target": "/in", "read_only": True}],
    }  # fmt: skip
    lane = {"image": "sample", "memory_mib": 512, "vcpus": 2, "container_options": options}
    assert bare.run("echo inside", lane=lane) == b"inside\n"
    line = " ".join(words(bare, "run"))
    script = next(word for word in words(bare, "run") if "/scripts/" in word and word.endswith(":ro"))
    assert line.startswith("run --rm --name cyclone-1-7-1-1 --label CYCLONE_WORKER=s.3.8 ")
    for expected in (
        "--cpus 2", "--memory 512m", "--init", "--user 1000:1000", "--privileged", "--shm-size 10m", "--ulimit core=1:2",
        "--volume /data:/in:ro",
        f"--workdir {bare.state}", f"--volume {bare.state}:{bare.state}", f"sample /bin/bash {script.partition(':')[0]}",
    ):  # fmt: skip
        assert expected in line


def test_environment_is_not_on_the_command_line(bare: Supervisor) -> None:
    """Values travel in a private file, which is gone afterwards; those of several lines through the client's environment."""
    with_engine(bare)
    bare.run('echo "$LONG"', lane={"image": "sample"}, environment={"SECRET": "hush", "LONG": "a\nb", "PATH": "/usr/bin:/bin"})
    assert bare.output() == b"a\nb\n"
    assert "SECRET=hush\n" in bare.path("env").read_text()
    assert "CYCLONE_JOB_ID=7\n" in bare.path("env").read_text()
    assert "\nPATH=" not in bare.path("env").read_text()
    assert bare.path("mode").read_text() == "600\n"
    assert "hush" not in " ".join(words(bare, "run"))
    assert "LONG" in words(bare, "run")
    assert os.listdir(f"{bare.state}/workdirs/3-scripts") == []


def test_failure_of_the_engine_is_no_failure_of_the_script(bare: Supervisor) -> None:
    """Status 125 with the engine's message: not started, with that message."""
    with_engine(bare)
    bare.lease("echo x", lane={"image": "broken"})
    assert jobs.cause_of(bare.code()) == jobs.CAUSE_NOT_STARTED
    assert bare.reasons[7, 1] == "docker: Error response from daemon: no such image"


def test_script_may_exit_with_125(bare: Supervisor) -> None:
    """Without a message of the engine it is the script's own status."""
    with_engine(bare)
    bare.lease("echo mine; exit 125", lane={"image": "sample"})
    assert bare.code() == jobs.outcome(125 << 8)


def test_cancel_reaches_the_container(bare: Supervisor) -> None:
    """SIGTERM goes through the client."""
    with_engine(bare)
    bare.lease("trap 'echo got it; exit 3' TERM; touch ready; while :; do sleep 0.05; done", lane={"image": "sample"})
    bare.until(lambda: bare.path("ready").exists())
    bare.send("cancel", 7, 0)
    assert jobs.cause_of(bare.code()) == jobs.CAUSE_CANCELLED
    assert not bare.path("kill.words").exists()


def test_container_that_does_not_end_is_killed_by_name(bare: Supervisor) -> None:
    """After the grace the engine is told to kill the container, not only its client."""
    with_engine(bare)
    bare.path("inside.stubborn").touch()
    bare.lease("trap '' TERM; touch ready; while :; do sleep 0.05; done", lane={"image": "sample"})
    bare.until(lambda: bare.path("ready").exists())
    bare.send("cancel", 7, 0)
    code = bare.code()
    assert jobs.cause_of(code) == jobs.CAUSE_CANCELLED
    assert jobs.signal_of(code) in (0, signal.SIGKILL)  # the client may hear of the container's end before it is killed itself
    bare.until(lambda: bare.path("kill.words").exists() and len(words(bare, "kill")) == 2)
    assert words(bare, "kill") == ["kill", "cyclone-1-7-1-1"]


def test_no_engine(bare: Supervisor) -> None:
    """The reason says what is missing."""
    empty = Path(bare.state, "empty")
    empty.mkdir()
    bare.start(environment={"PATH": str(empty)})
    bare.lease("echo x", lane={"image": "sample"})
    assert jobs.cause_of(bare.code()) == jobs.CAUSE_NOT_STARTED
    assert "neither docker nor podman is on the PATH" in bare.reasons[7, 1]
