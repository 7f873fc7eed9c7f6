"""What the job commands may load before they do anything: every module here costs each of a million submissions."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parents[2])
HEAVY = frozenset(
    "argparse click ctypes dataclasses datetime difflib enum hashlib inspect json logging pathlib pydantic re rich shlex signal site socket "
    "sqlite3 struct subprocess tempfile textual threading traceback typing".split()
)
MOST = {"qsub": 56, "qdel": 56, "qstat": 64, "qlog": 64}
"""Modules in all, the interpreter's own 20 and `os` included."""


def loaded(command: str) -> set[str]:
    """Modules after the import of a command, started as the launcher starts it."""
    code = f"import sys; sys.path.insert(0, {ROOT!r}); import cyclone_tui.cli.{command}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-ISE", "-c", code], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("command", MOST)
def test_commands_load_nothing_heavy(command: str) -> None:
    """Only C modules, `os`, and few modules of our own."""
    modules = loaded(command)
    assert modules & HEAVY == set()
    assert len(modules) <= MOST[command], sorted(modules)
