"""Hosts on this machine pay nothing for those on AWS: its library and the CDK are loaded where they are used only."""

import os
import subprocess
import sys

import pytest

from tests.cli.conftest import stop_hosts

AWS = {"aws_cdk", "boto3", "botocore", "constructs", "jsii"}
USE_CASES = (
    "hyper --help",
    "hyper hosts --help",
    "hyper hosts list-hosts",
    "hyper hosts status",
    "hyper clusters list-clusters",
    "hyper clusters add-cluster --name more --plan",
    "hyper deployments list",
    "hyper sandbox status",
)
"""Commands about a host on this machine."""


@pytest.mark.parametrize("line", USE_CASES)
def test_a_local_host_loads_nothing_of_aws(line: str) -> None:
    """Whatever is asked."""
    code = f"""
import sys
sys.argv = {line.split()!r}
from cyclone_tui.cli.hyper import main
try:
    main()
except SystemExit as exc:
    assert not exc.code, exc.code
finally:
    print("LOADED", *sys.modules)
"""
    try:
        assert not AWS & loaded(code)
    finally:
        stop_hosts()  # some of them start the local host


@pytest.mark.parametrize("module", ["cyclone_tui.application", "cyclone_core.library", "cyclone_core.operations.aws_resources"])
def test_modules_that_know_of_aws_load_its_library_late(module: str) -> None:
    """The full-screen interface, the library, and what changes AWS hosts."""
    assert not AWS & loaded(f"import sys, {module}; print('LOADED', *sys.modules)")


def loaded(code: str) -> set[str]:
    """Names of all modules that are loaded after some code, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED ")[2].split())
