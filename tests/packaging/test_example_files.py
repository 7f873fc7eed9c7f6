"""The files that users start from: they are what they say, and qsub takes them as they are."""

import subprocess
from pathlib import Path

import pytest

from cyclone_core.problems import Problems
from cyclone_core.scheduler import scripts

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = (
    "qsub-example-file.sh",
    "examples/hello.sh",
    "examples/demo/primes.sh",
    "examples/parameter-study/logistic.sh",
    "example-worker-image/example-job.sh",
    "worker_image/example-job.sh",
)


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_has_no_problem(name: str) -> None:
    """Every example is a script without a mistake in its directives."""
    problems = Problems()
    text = (ROOT / name).read_bytes()
    scripts.check_text(name, text, problems)
    scripts.directives(name, text, problems)
    assert list(problems) == []


def test_example_of_the_specification_fits_a_fresh_host() -> None:
    """It names the queue and the definition that every new host has."""
    text = (ROOT / "qsub-example-file.sh").read_bytes()
    given = {field: values[-1] for _, found in scripts.directives("x", text, Problems()) for field, values in found.values.items()}
    assert (given["queue"], given["definition"], given["retries"]) == ("default", "default", "2")


@pytest.mark.parametrize("directory", ["worker_image", "example-worker-image", "example-image-build"])
def test_entry_point_becomes_the_command(directory: str, tmp_path: Path) -> None:
    """start.sh runs what it is given, with its exit code; without anything the worker, or it says that there is none."""
    start = ROOT / directory / "start.sh"
    done = subprocess.run([start, "bash", "-c", 'echo "$0 $1"; exit 3', "a b", "c"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "a b c\n")
    path = f"{tmp_path}:/usr/bin:/bin"
    assert subprocess.run([start], capture_output=True, check=False, env={"PATH": path}).returncode == 64
    worker = tmp_path / "cyclone-worker"
    worker.write_text("#!/bin/sh\nexit 7\n")
    worker.chmod(0o755)
    assert subprocess.run([start], capture_output=True, check=False, env={"PATH": path}).returncode == 7
    assert (ROOT / directory / "Dockerfile").exists()


def test_submit_script_submits_one_array(tmp_path: Path) -> None:
    """However many jobs are asked for, qsub is called once."""
    qsub = tmp_path / "qsub"
    qsub.write_text('#!/bin/sh\necho "$*"\n')
    qsub.chmod(0o755)
    command = ["bash", ROOT / "submit_script.sh", "5000", "job.sh", "fast"]
    done = subprocess.run(command, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    assert done.stdout == "-t 1-5000 -q fast job.sh\n"


def test_submit_script_refuses_a_bad_count() -> None:
    """A count that is none is a usage error."""
    done = subprocess.run(["bash", ROOT / "submit_script.sh", "many"], capture_output=True, text=True, check=False)
    assert (done.returncode, "Usage" in done.stderr) == (2, True)
