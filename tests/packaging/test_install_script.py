"""install.sh: what it refuses and what it says then. That it installs is shown by tests/readme."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def install(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installer with a home of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CYCLONE_", "XDG_", "VIRTUAL_ENV"))}
    return subprocess.run(
        ["bash", str(ROOT / "install.sh"), *arguments],
        env=clean | {"HOME": str(home)} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_names_every_option(tmp_path: Path) -> None:
    """The help is on stdout and complete."""
    done = install(tmp_path, "--help")
    assert done.returncode == 0
    for option in ("--demo", "--test", "--uninstall", "--extras", "--python"):
        assert option in done.stdout


def test_mistyped_option_is_a_usage_error(tmp_path: Path) -> None:
    """Exit code 2, and nothing is made."""
    done = install(tmp_path, "--dmeo")
    assert (done.returncode, "--help" in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_missing_value_is_a_usage_error(tmp_path: Path) -> None:
    """`--extras` at the end says what it lacks."""
    done = install(tmp_path, "--extras")
    assert (done.returncode, "needs a value" in done.stderr) == (2, True)


def test_unknown_extra_is_named(tmp_path: Path) -> None:
    """An extra that does not exist is refused before anything is done, with those that do."""
    done = install(tmp_path, "--extras", "aws,gcp")
    assert (done.returncode, "gcp" in done.stderr, "worker" in done.stderr) == (2, True, True)


def test_command_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """A qsub that is there already is neither overwritten nor hidden."""
    theirs = tmp_path / ".local" / "bin" / "qsub"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("#!/bin/sh\n")
    done = install(tmp_path)
    assert (done.returncode, str(theirs) in done.stderr) == (1, True)
    assert theirs.read_text() == "#!/bin/sh\n"
    assert not (tmp_path / ".local" / "share").exists()


def test_python_too_old_is_refused(tmp_path: Path) -> None:
    """The chosen Python must be recent enough, and the message says how to choose another."""
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = install(tmp_path, "--python", str(old))
    assert (done.returncode, "3.11" in done.stderr, "--python" in done.stderr) == (1, True, True)


def test_no_python_at_all_says_what_to_install(tmp_path: Path) -> None:
    """With nothing but a shell's tools on the PATH it names the package to install."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "cat", "dirname", "readlink", "head", "grep", "mkdir"):
        (tools / name).symlink_to(f"/bin/{name}")
    done = install(tmp_path, PATH=str(tools), PYENV_ROOT=str(tmp_path))
    if "/usr/local/bin/python3" in done.stdout or Path("/usr/local/bin/python3").exists():
        return  # this machine has one at a place that is always looked at
    assert done.returncode == 1
    assert "apt-get install python3" in done.stderr


def test_active_environment_that_is_too_old_is_refused(tmp_path: Path) -> None:
    """It is never passed over in silence: the user meant that environment."""
    done = install(tmp_path, VIRTUAL_ENV=str(tmp_path / "old"))
    assert (done.returncode, "deactivate" in done.stderr) == (1, True)


def test_uninstall_without_an_installation_does_nothing(tmp_path: Path) -> None:
    """It says so and succeeds; the tests' own environment is not touched from another checkout."""
    copy = tmp_path / "install.sh"
    copy.write_text((ROOT / "install.sh").read_text())
    done = subprocess.run(
        ["bash", str(copy), "--uninstall"],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.startswith("Nothing to remove")) == (0, True)


def test_python_without_venv_names_the_package(tmp_path: Path) -> None:
    """Debian ships Python without its venv module: the message has the command that installs it."""
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    done = install(tmp_path, "--python", str(python), PATH="/usr/bin:/bin")
    assert (done.returncode, "apt-get install python3-venv" in done.stderr) == (1, True)
    assert not (tmp_path / ".local" / "share" / "cyclone" / "venv").exists()
