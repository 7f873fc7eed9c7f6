"""What starts in milliseconds stays that way: the lean processes load none of the modules that cost as much as the rest of them."""

import subprocess
import sys
from pathlib import Path

import pytest

import cyclone_tui

PACKAGES = str(Path(cyclone_tui.__file__).parents[1])
LEAN = (
    "cyclone_core.scheduler.local.supervisor",
    "cyclone_core.worker.agent",
    "cyclone_tui.cli.launch",
    "cyclone_tui.cli.qdel",
    "cyclone_tui.cli.qlog",
    "cyclone_tui.cli.qstat",
    "cyclone_tui.cli.qsub",
)
HEAVY = {
    "argparse", "ast", "asyncio", "click", "collections", "ctypes", "dataclasses", "datetime", "enum", "functools", "hashlib",
    "importlib.metadata", "inspect", "json", "logging", "pathlib", "pydantic", "random", "re", "rich", "shlex", "shutil", "signal",
    "site", "socket", "sqlite3", "ssl", "struct", "subprocess", "tempfile", "textual", "threading", "tomllib", "traceback", "typing",
    "uuid",
}  # fmt: skip


@pytest.mark.parametrize("module", LEAN)
def test_loads_nothing_heavy(module: str) -> None:
    """Importing it, as its process does without `site`, loads C modules, os and Cyclone's own modules only."""
    code = f"import sys; sys.path.append({PACKAGES!r}); import {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-ISE", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert HEAVY & set(done.stdout.split()) == set()
