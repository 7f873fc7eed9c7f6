"""The base of worker images and the example on it, really built and run where a container engine answers."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws import Sandbox
from tests.remote.host import ACCOUNT, FAR_REGION, REGION, Host

ROOT = Path(__file__).resolve().parents[2]
BASE = "debian:bookworm-slim"


def _run(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    engine = shutil.which("docker") or shutil.which("podman") or "docker"
    return subprocess.run([engine, *words], capture_output=True, text=True, check=False, env={**os.environ, **environment}, cwd=ROOT)


def _why_not() -> str:
    """Why images cannot be built here, "" when they can."""
    if not (shutil.which("docker") or shutil.which("podman")):
        return "neither docker nor podman is on this machine"
    answer = _run("version")
    if answer.returncode:
        return f"no container engine answers: {(answer.stderr.strip().splitlines() or ['it says nothing'])[-1]}"
    if _run("image", "inspect", BASE).returncode and _run("pull", BASE).returncode:
        return f"{BASE} is not on this machine and cannot be fetched"
    return ""


@pytest.fixture(scope="module")
def images() -> Iterator[dict[str, str]]:
    """Names of the base and of the example; as tests call them."""
    why = _why_not()
    if why:
        pytest.skip(why)
    names = {"base": "cyclone-worker", "example": "cyclone-test-example"}
    builds = {"base": ("-f", "worker_image/Dockerfile", "."), "example": ("example-worker-image",)}
    for key, words in builds.items():
        done = _run("build", "--network", "host", "-t", names[key], *words)
        assert done.returncode == 0, done.stdout + done.stderr
    yield names
    _run("image", "rm", names["example"])


@pytest.mark.parametrize("image", ["base", "example"])
def test_an_image_runs_the_command_that_it_is_given(images: dict[str, str], image: str) -> None:
    """As on a local host: its output and exit code are the command's."""
    done = _run("run", "--rm", "--network", "none", images[image], "bash", "-c", "echo $0; exit 3", "hello")
    assert (done.returncode, done.stdout) == (3, "hello\n")


def test_an_image_without_a_command_is_a_worker(images: dict[str, str], aws: Sandbox) -> None:
    """It takes a job from its lane, runs it in the container, and leaves when there is nothing more."""
    host = Host(aws)
    try:
        job = host.submit('. /etc/os-release; echo "$PRETTY_NAME"; echo "$CYCLONE_REGION"')
        variables = {
            "AWS_ENDPOINT_URL": aws.endpoint, "AWS_ACCESS_KEY_ID": aws.key, "AWS_SECRET_ACCESS_KEY": aws.secret,
            "AWS_EC2_METADATA_DISABLED": "true", "CYCLONE_HOST": host.name, "CYCLONE_ACCOUNT": ACCOUNT, "CYCLONE_MAIN_REGION": REGION,
            "CYCLONE_REGION": FAR_REGION, "CYCLONE_DEFINITION": "default", "CYCLONE_CLUSTER": "big", "CYCLONE_IDLE_S": "1",
        }  # fmt: skip
        names = [word for name in variables for word in ("--env", name)]
        done = _run("run", "--rm", "--network", "host", *names, images["example"], **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        assert host.counts(job) == [0, 0, 1, 0, 0, 0]
        assert host.output(job) == b"Debian GNU/Linux 12 (bookworm)\neu-west-1\n"
    finally:
        host.close()
