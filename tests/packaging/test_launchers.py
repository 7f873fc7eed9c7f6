"""The launchers of the job commands: equal files that find their Python wherever they are installed."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from cyclone_tui.cli import launch

LAUNCHERS = Path(__file__).resolve().parents[2] / "launchers"
INSTALLED = Path(sysconfig.get_path("scripts"))
CODE = "import sys; sys.argv[:1] = (); sys.path[:0] = [{path!r}]; from cyclone_tui.cli.launch import run; run()"


def test_launchers_are_equal() -> None:
    """One text starts all four: what is mended in one must be mended in all."""
    assert {path.name for path in LAUNCHERS.iterdir()} == set(launch.COMMANDS)
    assert len({path.read_bytes() for path in LAUNCHERS.iterdir()}) == 1


def test_shell_accepts_the_launcher() -> None:
    """It is plain POSIX sh."""
    assert subprocess.run(["sh", "-n", LAUNCHERS / "qsub"], check=False).returncode == 0


@pytest.mark.parametrize("name", launch.COMMANDS)
def test_installed_command_tells_its_version(name: str) -> None:
    """Each installed command starts and answers with its own name."""
    if not (INSTALLED / name).exists():
        pytest.skip("the package is not installed beside this Python (bash install.sh --test installs it)")
    done = subprocess.run([INSTALLED / name, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[:1], done.stderr) == (0, [name], "")


def test_link_to_a_launcher_works(tmp_path: Path) -> None:
    """pipx and uv put links on the PATH, under any name."""
    if not (INSTALLED / "qstat").exists():
        pytest.skip("the package is not installed beside this Python (bash install.sh --test installs it)")
    (tmp_path / "first").symlink_to(INSTALLED / "qstat")
    (tmp_path / "qstat-of-mine").symlink_to("first")
    done = subprocess.run([tmp_path / "qstat-of-mine", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[:1]) == (0, ["qstat"])


def test_copied_launcher_says_what_to_do(tmp_path: Path) -> None:
    """A launcher that was copied away from its environment ends with one line that tells the remedy."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    shutil.copy2(LAUNCHERS / "qsub", bin_dir)
    (bin_dir / "python3").symlink_to(_base_python())
    done = subprocess.run([bin_dir / "qsub"], capture_output=True, text=True, check=False, cwd=tmp_path, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 1
    assert "bash install.sh" in done.stderr
    assert "Traceback" not in done.stderr


def test_renamed_launcher_is_refused(tmp_path: Path) -> None:
    """Only its own four names choose a command: a name never becomes the import of something else."""
    import cyclone_tui

    code = CODE.format(path=str(Path(cyclone_tui.__file__).parents[1]))
    done = subprocess.run([_base_python(), "-ISE", "-c", code, "/x/hyper"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "qsub qstat qlog qdel" in done.stderr


def _base_python() -> str:
    """The Python that this environment was made with: it has no Cyclone."""
    import sys

    return os.path.realpath(sys.executable)
