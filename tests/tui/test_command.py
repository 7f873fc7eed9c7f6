"""The command `cyclone` outside of its screen: where it refuses to open, and what it tells."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cyclone_tui import navigation
from cyclone_tui.app import split


def cyclone(*arguments: str, home: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run the command without a terminal."""
    return subprocess.run(
        [sys.executable, "-c", "from cyclone_tui.app import main; main()", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "CYCLONE_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path), **environ},
        check=False,
    )


def test_refuses_without_a_terminal(tmp_path: Path) -> None:
    """Without a terminal it names the commands that do without one, and exits with 2."""
    result = cyclone(home=tmp_path, TERM="xterm")
    assert result.returncode == 2
    assert "qsub, qstat, qlog and qdel" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_refuses_unknown_views_before_anything(tmp_path: Path) -> None:
    """A view that does not exist is told with the nearest name."""
    result = cyclone("jbos", home=tmp_path, TERM="xterm")
    assert result.returncode == 2
    assert "did you mean jobs?" in result.stderr


def test_help_names_every_view(tmp_path: Path) -> None:
    """`cyclone --help` lists options and views."""
    result = cyclone("--help", home=tmp_path)
    assert result.returncode == 0
    assert all(f"\n  {place.name}" in result.stdout for place in navigation.PLACES)
    assert "--read-only" in result.stdout


@pytest.mark.parametrize(
    ("argv", "ours", "view"),
    [
        ([], [], []),
        (["jobs", "--queue", "q"], [], ["jobs", "--queue", "q"]),
        (["--host", "a", "--read-only", "job", "7"], ["--host", "a", "--read-only"], ["job", "7"]),
    ],
)
def test_options_before_the_view_are_ours(argv: list[str], ours: list[str], view: list[str]) -> None:
    """What stands before the first word belongs to `cyclone`, the rest to the view."""
    assert split(argv) == (ours, view)


@pytest.mark.parametrize(
    ("command", "name", "arguments"),
    [
        ("q default", "jobs", {"queue": "default"}),
        ("jobs queue=a status=Failed", "jobs", {"queue": "a", "status": "Failed"}),
        ("jobs --queue=a --filter 'name:x y'", "jobs", {"queue": "a", "filter": "name:x y"}),
        ("job 1234--7", "job", {"id": "1234--7"}),
        ("new cluster", "new", {"kind": "cluster"}),
    ],
)
def test_commands_are_read(command: str, name: str, arguments: dict[str, str]) -> None:
    """Names, aliases, positional and named arguments."""
    place, given = navigation.parse(command)
    assert (place.name, given) == (name, arguments)
