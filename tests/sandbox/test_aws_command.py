"""`hyper sandbox`: start, status, stop, and what they say."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cyclone_core.operations import sandbox
from cyclone_tui.cli import diagnostics, hyper

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _stopped() -> Iterator[None]:
    """No sandbox of a test's home outlives the test."""
    yield
    sandbox.stop()


def run(capfd: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `hyper sandbox …`."""
    code = diagnostics.code_of("hyper", hyper.run, ["sandbox", *argv])
    return code, *capfd.readouterr()


def test_start_status_and_stop(capfd: pytest.CaptureFixture[str]) -> None:
    """What has to be set leads to the sandbox, and no secret is shown."""
    code, out, _ = run(capfd, "start")
    assert code == 0
    assert run(capfd, "status")[1] == out
    exports = dict(word.split("=", 1) for word in shlex.split(out.splitlines()[-1])[1:])
    asked = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **exports}
    done = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "arn:aws:iam::123456789012:root\n"
    keys = Path(exports["AWS_SHARED_CREDENTIALS_FILE"]).read_text()
    secret = next(line.rpartition(" ")[2] for line in keys.splitlines() if "secret" in line)
    assert secret not in out
    assert run(capfd, "stop")[:2] == (0, "the sandbox stopped; what was on it is gone\n")
    assert run(capfd, "stop")[:2] == (0, "no sandbox was running\n")


def test_status_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    """Stopped: no endpoint, nothing to set."""
    code, out, _ = run(capfd, "status", "--json")
    assert code == 0
    assert json.loads(out) == {"state": "stopped", "environment": {}, "directory": str(sandbox.directory().root)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--port", "http"), "'http' is not a port"),
        (("--port", "70000"), "'70000' is not a port"),
        (("--resource-delay", "-1"), "is not a number of seconds"),
        (("--resource-delay", "nan"), "is not a number of seconds"),
    ],
)
def test_mistakes_are_named(capfd: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    """Nothing is started."""
    code, _, err = run(capfd, "start", *words)
    assert code == 2
    assert said in err
    assert sandbox.status().state == "stopped"


def test_containers_need_an_engine(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what else works."""
    monkeypatch.setenv("PATH", "/nonexistent")
    code, _, err = run(capfd, "start", "--containers")
    assert code == 1
    assert "neither docker nor podman answers" in err


@pytest.mark.parametrize(("version", "has_boto3"), [("", True), ("1.5.34", True), (sandbox.MINISTACK, False)])
def test_without_the_optional_part_the_message_says_how_to_get_it(version: str, has_boto3: bool) -> None:
    """Also for another version than the one that fits."""
    assert "bash install.sh --extras sandbox" in sandbox.lacking(version, has_boto3)
    assert ("boto3" in sandbox.lacking(version, has_boto3)) == (not has_boto3)


def test_looking_loads_nothing_of_the_optional_part(tmp_path: Path) -> None:
    """`status` works where it is not installed."""
    code = "import sys; from cyclone_tui.cli import hyper; hyper.run(['sandbox', 'status']); print({'ministack', 'boto3'} & {*sys.modules})"
    environment = {**os.environ, "CYCLONE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment, check=True)
    assert done.stdout.splitlines() == ["no sandbox is running. Start one: hyper sandbox start", "set()"]


def test_the_pinned_version_is_the_one_of_the_package() -> None:
    """In the extras `sandbox` and `test`, and where it is checked."""
    assert (ROOT / "pyproject.toml").read_text().count(f'"ministack=={sandbox.MINISTACK}"') == 2
