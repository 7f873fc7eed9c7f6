"""The checks of AWS's solution architects (cdk-nag), over every kind of stack: what they find and we keep has its reason beside it."""

import json
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cyclone_core.infra import synth_process
from tests.stacks.hosts import HOSTS, wanted


@pytest.fixture(scope="module")
def nag() -> Iterator[ModuleType]:
    """The checks; they run inside an app, and so the CDK in this process."""
    if find_spec("cdk_nag") is None:
        pytest.skip("the tests of stacks need the extra test")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JSII_NODE", synth_process.node())
        yield import_module("cdk_nag")


def checked_app(nag: ModuleType, outdir: Path) -> Any:
    """An app that is checked when it is synthesised."""
    from aws_cdk import Validations

    from cyclone_core.infra.stacks import base

    app = base.new_app(str(outdir))
    Validations.of(app).add_plugins(nag.AwsSolutionsChecks(app))
    return app


@pytest.mark.parametrize("host", HOSTS)
def test_nothing_is_found_that_is_not_explained(nag: ModuleType, tmp_path: Path, host: str) -> None:
    """The synthesis fails otherwise, and prints what was found."""
    from cyclone_core.infra import stacks

    app = checked_app(nag, tmp_path)
    for target in wanted(host):
        stacks.build(app, target)
    app.synth()
    entries = [entry for path in tmp_path.glob("*.metadata.json") for each in json.loads(path.read_text()).values() for entry in each]
    reasons = [reason for entry in entries if entry["type"] == "aws:cdk:acknowledged-rules" for reason in entry["data"].values()]
    assert reasons
    assert all(len(reason.split()) >= 5 for reason in reasons), reasons


def test_the_checks_check(nag: ModuleType, tmp_path: Path) -> None:
    """A bucket without anything is not well made."""
    from aws_cdk import Stack, aws_s3

    app = checked_app(nag, tmp_path)
    aws_s3.CfnBucket(Stack(app, "bad"), "Bucket")
    with pytest.raises(RuntimeError, match="AwsSolutions-S10"):
        app.synth()
