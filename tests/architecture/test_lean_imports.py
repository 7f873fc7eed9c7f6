"""What starts in milliseconds stays that way: the lean processes load none of the modules that cost as much as the rest of them."""

import subprocess
import sys
from pathlib import Path

import pytest

import cyclone_tui

PACKAGES = str(Path(cyclone_tui.__file__).parents[1])
LONG_LIVED = {
    "cyclone_core.scheduler.local.supervisor": {
        "collections",
        "ctypes",
        "enum",
        "functools",
        "json",
        "re",
        "signal",
        "struct",
        "traceback",
    },
    "cyclone_core.worker.agent": {"collections"},
}
"""What a process that lives for hours loads beyond that: it delays a first submission by some milliseconds and no other."""
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
    loaded = modules_after(f"import {module}")
    brought = modules_after("import _sqlite3") if "_sqlite3" in loaded else set()  # functools, for its cache of statements
    assert HEAVY & loaded - brought - LONG_LIVED.get(module, set()) == set()


def modules_after(statement: str) -> set[str]:
    """Names of all modules that are loaded after a statement in a fresh lean process."""
    code = f"import sys; sys.path.append({PACKAGES!r}); {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-ISE", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())
