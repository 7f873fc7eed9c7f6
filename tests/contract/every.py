"""Every engine by name, for tests that run on each of them."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests import dynamodb
from tests.contract.dynamo_engine import DynamoEngine
from tests.contract.engines import SqliteEngine

Engine = SqliteEngine | DynamoEngine

ENGINES: dict[str, Callable[[Path], Engine]] = {
    "sqlite": SqliteEngine,
    "dynamodb-local": partial(DynamoEngine, server="local"),
    "dynamodb-moto": partial(DynamoEngine, server="moto"),
}


def engines(module: str) -> list[str]:
    """The engines that a module of the contract runs on.

    moto, the slowest and least exact, takes a part of them where DynamoDB Local is; all of them where it is not, or when
    CYCLONE_TEST_EVERY_ENGINE=1 asks for it.
    """
    if not dynamodb.has_local():
        return ["dynamodb-moto", "sqlite"]
    every = bool(os.environ.get("CYCLONE_TEST_EVERY_ENGINE")) or module.rpartition(".")[2] in ("test_submit", "test_slices")
    return sorted(ENGINES) if every else ["dynamodb-local", "sqlite"]
