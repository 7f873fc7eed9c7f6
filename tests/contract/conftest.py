"""Every test of the contract runs once per engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.engines import ENGINES, SqliteEngine


@pytest.fixture(params=sorted(ENGINES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteEngine]:
    """A fresh engine; its whole truth is looked at once more at the end."""
    engine = ENGINES[request.param](tmp_path / "host")
    yield engine
    engine.check()
    engine.close()
