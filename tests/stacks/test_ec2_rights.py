"""What the scaler may give to instances: the roles that clusters' stacks make, by the names that they come to have."""

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tests.stacks.bodies import ACCOUNT
from tests.stacks.test_deployer_policies import physical_name

GOLDEN = Path(__file__).parent / "golden"


def resources(name: str) -> dict[str, Any]:
    """Of a golden template."""
    found: dict[str, Any] = json.loads((GOLDEN / name).read_text())["Resources"]
    return found


def test_the_scaler_may_pass_the_role_of_a_clusters_instances() -> None:
    """CloudFormation chooses its name: grid--cluster-default becomes grid-cluster-default-InstanceRole-…"""
    assert "InstanceRole" in resources("ec2/us-east-1.grid--cluster-default.json")
    role = f"arn:aws:iam::{ACCOUNT}:role/{physical_name('grid--cluster-default', 'InstanceRole', {}, '')}"
    (policy,) = resources("plain/us-east-1.grid--host.json")["ScalerRole"]["Properties"]["Policies"]
    (passing,) = [each for each in policy["PolicyDocument"]["Statement"] if each["Action"] == ["iam:PassRole"]]
    assert fnmatchcase(role, passing["Resource"])
