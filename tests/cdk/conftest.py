"""The cdk command for tests: the one that is named or installed, else one from npm, kept between runs. Without it, tests are skipped.

CYCLONE_CDK names one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cyclone_core.errors import MissingExtra
from cyclone_core.infra.synth_process import node

VERSION = "2"
"""Of the package aws-cdk: the major version of the CDK that the apps use."""
_INSTALL_S = 60
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Cdk:
    """The cdk command in a directory like a fresh clone."""

    command: str
    clone: Path
    home: Path

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run it as in the shell of somebody who has activated the virtual environment; no AWS but what `environment` names."""
        path = os.pathsep.join((os.path.dirname(sys.executable), os.path.dirname(node()), os.environ.get("PATH", os.defpath)))
        nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_CONFIG_FILE": os.devnull}
        variables = {"PATH": path, "HOME": str(self.home), "CDK_DISABLE_VERSION_CHECK": "1", "CI": "true", **nowhere, **environment}
        command = [self.command, "--no-notices", *arguments]
        return subprocess.run(command, cwd=self.clone, env=variables, capture_output=True, text=True, timeout=110, check=False)


@pytest.fixture(scope="session")
def cdk(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Cdk:
    """The command, and files as a clone of what is tested has them."""
    pytest.importorskip("aws_cdk", reason="the CDK path needs the extra test")
    command = os.environ.get("CYCLONE_CDK") or shutil.which("cdk") or _from_npm(_kept(pytestconfig, tmp_path_factory))
    home = tmp_path_factory.mktemp("home")
    return Cdk(command, _cloned(tmp_path_factory.mktemp("clone")), home)


def _kept(config: pytest.Config, temporary: pytest.TempPathFactory) -> Path:
    """A directory that lasts until the next run, where pytest has one."""
    cache: pytest.Cache | None = getattr(config, "cache", None)
    return cache.mkdir("aws-cdk") if cache else temporary.mktemp("aws-cdk")


def _from_npm(folder: Path) -> str:
    """Install the command there, unless it is."""
    command = folder / "node_modules" / ".bin" / "cdk"
    if command.exists():
        return str(command)
    try:
        npm = _npm()
    except MissingExtra as exc:
        pytest.skip(f"there is no cdk command, and no Node to install it with: {exc}")
    if npm is None:
        pytest.skip("there is no cdk command, and no npm to install it with; CYCLONE_CDK names one")
    command_line = [*npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=15000"]
    path = os.pathsep.join((os.path.dirname(node()), os.environ.get("PATH", os.defpath)))
    try:
        done = subprocess.run(
            [*command_line, f"aws-cdk@{VERSION}"], env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=_INSTALL_S, check=False,
        )  # fmt: skip
        why = (
            "" if command.exists() else " ".join(line for line in done.stderr.splitlines() if "rror" in line)[:300] or "it does not say why"
        )
    except subprocess.TimeoutExpired:
        why = f"it was not done in {_INSTALL_S} s"
    if why:
        pytest.skip(f"there is no cdk command, and npm cannot install it: {why}")
    return str(command)


def _npm() -> list[str] | None:
    """The command line of the npm that came with Node, or of the system's."""
    beside = Path(node()).parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if beside.exists():
        return [node(), str(beside)]
    found = shutil.which("npm")
    return [found] if found else None


def _cloned(folder: Path) -> Path:
    """The tracked files of the checkout as they are now, in a directory of their own; the checkout itself where it is no clone."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("the tests do not run in a clone")
    listing: Mapping[str, object] = {"capture_output": True, "check": True, "cwd": ROOT}
    names = subprocess.run([git, "-c", "safe.directory=*", "ls-files", "-z"], **listing).stdout.decode().split("\0")  # type: ignore[call-overload]
    for name in filter(None, names):
        if name.startswith(("cyclone_core/", "examples/")) or "/" not in name:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_file():
                shutil.copy2(ROOT / name, target)
    return folder
