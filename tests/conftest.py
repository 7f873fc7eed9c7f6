"""What all tests share: a home, state and runtime directory of their own, never the user's.

The repository's root comes last on the path: `tests.…` can be imported, while the package under test is the installed one.
"""

import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

pytest_plugins = ["tests.aws"]
signal.signal(signal.SIGINT, signal.default_int_handler)
"""Workers of pytest-xdist ignore it, and whatever they start would inherit that."""


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test can touch the state of the person who runs it. The runtime directory is short: socket paths have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="cy-", ignore_cleanup_errors=True) as runtime:
        monkeypatch.setenv("CYCLONE_HOME", str(tmp_path / "cyclone"))
        monkeypatch.setenv("CYCLONE_RUNTIME_DIR", runtime)
        for name in ("CYCLONE_HOST", "CYCLONE_STATE_DIR"):
            monkeypatch.delenv(name, raising=False)
        yield
