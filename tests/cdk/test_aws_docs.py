"""docs/aws.md says what the code does: stacks, how long things are kept, how often the host is looked at."""

import re
from pathlib import Path

import pytest

pytest.importorskip("aws_cdk", reason="stacks are made by the CDK, which the extra test installs")

from cyclone_core import naming
from cyclone_core.infra import bootstrap
from cyclone_core.infra.stacks import KINDS, functions, host

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "aws.md").read_text()


def test_table_has_every_kind_of_stack() -> None:
    """And the bootstrap's."""
    stacks = [name for line in DOCS.splitlines() if line.startswith("| `") for name in re.findall(r"`([\w-]+)`", line.split("|")[1])]
    named = {kind: naming.stack("HOST", kind, "" if kind in ("host", "region") else "REGION") for kind in KINDS}
    expected = {name if kind in ("host", "region", "hub", "peering") else f"HOST--{kind}-NAME" for kind, name in named.items()}
    assert set(stacks) == {*expected, bootstrap.STACK}


def test_numbers_are_those_of_the_code() -> None:
    """How long logs are kept, and how often the host is looked at."""
    assert f"functions and containers {functions.LOG_DAYS} days" in DOCS
    assert f"looks at the host every {host.HEALTH_MINUTES} minutes" in DOCS
