"""README.md tells the truth: each of its blocks runs on a fresh machine, and what was installed goes away again."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
THE_GATE = "bash install.sh --test\n"
"""Not run from inside the tests: `.ci/run` is what runs it."""
NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", ".*_cache", "__pycache__", "build", "dist")


class Machine:
    """A checkout in a directory with a blank in its name, and a home without anything in it."""

    def __init__(self, directory: Path, runtime: str) -> None:
        self.checkout, self.home = directory / "a checkout", directory / "home"
        shutil.copytree(ROOT, self.checkout, ignore=NOT_COPIED, symlinks=True)
        self.home.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CYCLONE_", "XDG_", "VIRTUAL_ENV"))}
        path = f"{self.home}/.local/bin:{Path(sys.base_prefix) / 'bin'}:{os.environ['PATH']}"
        self.environment = kept | {"HOME": str(self.home), "PATH": path, "CYCLONE_RUNTIME_DIR": runtime, "SHELL": "/bin/bash"}

    def bash(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run a text as a script in the checkout, without standard input."""
        command = ["bash", "-euo", "pipefail", "-c", text]
        return subprocess.run(
            command,
            cwd=self.checkout,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A fresh machine; what was started on it is ended."""
    machine = Machine(tmp_path, os.environ["CYCLONE_RUNTIME_DIR"])
    yield machine
    machine.bash("if [ -x ~/.local/bin/hyper ]; then ~/.local/bin/hyper hosts stop; fi")


def test_gate_is_what_the_readme_names() -> None:
    """The block that is left out below is the first thing that the gate runs."""
    assert THE_GATE in BLOCKS
    assert THE_GATE.strip() in (ROOT / ".ci" / "run").read_text()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_blocks_run_on_a_fresh_machine(machine: Machine) -> None:
    """Every block succeeds in the order of the page; the installer is idempotent and takes away what it made, and only that."""
    for block in BLOCKS:
        if block != THE_GATE:
            done = machine.bash(block)
            assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    for program in PROGRAMS:
        done = machine.bash(f"~/.local/share/cyclone/venv/bin/python -c {shlex.quote(program)}")
        assert (done.returncode, done.stderr) == (0, ""), program
    again = machine.bash("bash install.sh")
    assert again.returncode == 0, again.stderr
    assert "hyper hosts stop" in again.stdout  # a host runs: it is told how to change over
    (machine.home / ".local" / "bin" / "mine").touch()
    gone = machine.bash("bash install.sh --uninstall")
    assert gone.returncode == 0, gone.stderr
    left = {str(path.relative_to(machine.home)) for path in (machine.home / ".local").rglob("*") if path.is_file()}
    assert ".local/bin/mine" in left
    assert all(name == ".local/bin/mine" or name.startswith(".local/state/cyclone/") for name in left), left
    assert machine.bash("bash install.sh --uninstall").stdout.startswith("Nothing to remove")
