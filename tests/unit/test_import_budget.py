"""How many modules a job command loads before it does anything: each costs a third of a millisecond of every submission.

Which ones it must not load at all is in `tests/architecture/test_lean_imports.py`.
"""

import subprocess
import sys
from pathlib import Path

import pytest

import cyclone_tui

PACKAGES = str(Path(cyclone_tui.__file__).parents[1])
MOST = {"qsub": 56, "qdel": 56, "qstat": 64, "qlog": 64}
"""In all: the interpreter's own 20 and the 8 of `os` included."""


@pytest.mark.parametrize("command", MOST)
def test_commands_stay_within_their_number_of_modules(command: str) -> None:
    """Started as the launcher starts it."""
    code = f"import sys; sys.path.insert(0, {PACKAGES!r}); import cyclone_tui.cli.{command}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-ISE", "-c", code], capture_output=True, text=True, check=True)
    assert len(done.stdout.split()) <= MOST[command], done.stdout
