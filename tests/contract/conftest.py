"""Every test of the contract runs once per engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.dynamo_engine import DynamoEngine
from tests.contract.every import ENGINES, Engine, engines


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Which engines a test runs on."""
    if "engine_name" in metafunc.fixturenames:
        metafunc.parametrize("engine_name", engines(metafunc.module.__name__))


@pytest.fixture
def store(engine_name: str, tmp_path: Path) -> Iterator[Engine]:
    """A fresh engine; its whole truth is looked at once more at the end."""
    engine = ENGINES[engine_name](tmp_path / "host")
    yield engine
    engine.check()
    engine.close()


@pytest.fixture(params=["local", "moto"])
def dynamo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DynamoEngine]:
    """The engine of AWS hosts alone."""
    engine = DynamoEngine(tmp_path / "host", request.param)
    yield engine
    engine.check()
    engine.close()
