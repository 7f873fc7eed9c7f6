"""How machines join: the commands that are printed, and the rights of a machine."""

import json

import pytest

from cyclone_core.infra import joining as rights
from cyclone_core.infra.targets import Place
from cyclone_core.operations import joining
from cyclone_core.operations.joining import Joining
from cyclone_tui.cli.groups.joining import text

PLACE = Place("grid", "123456789012", "eu-west-1")
OUTPUTS = {
    "JoinRoleName": "grid-cluster-lab-JoinRole-X", "JoinRoleArn": "arn:aws:iam::123456789012:role/grid-cluster-lab-JoinRole-X",
    "JoinTrustAnchorArn": "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/1",
    "JoinProfileArn": "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/2",
}  # fmt: skip
WAYS = {"PROFILE": "aws iam create-policy", "ROLES_ANYWHERE": OUTPUTS["JoinTrustAnchorArn"], "SSM": f"--iam-role {OUTPUTS['JoinRoleName']}"}


@pytest.mark.parametrize("way", WAYS)
def test_the_commands_of_each_way(way: str) -> None:
    """Whole: who reads them needs to look nothing up but a code that is shown once."""
    shown = text(Joining("grid", "lab", way, joining.steps(PLACE, "lab", way, OUTPUTS), OUTPUTS))
    assert WAYS[way] in shown
    assert "cyclone-worker join --host grid --cluster lab --account 123456789012 --main-region eu-west-1 --region-name lab" in shown
    assert all(line.startswith("#") or not line or line[0].isalpha() or line[0] == "$" for line in shown.splitlines())


def test_a_machine_reaches_its_own_cluster_alone() -> None:
    """Message queues of other clusters, deleting objects, writing records: nothing of that."""
    found = rights.statements(PLACE, "lab", "aws")
    assert [each["Resource"] for each in found if "sqs:ReceiveMessage" in each["Action"]] == [
        "arn:aws:sqs:eu-west-1:123456789012:grid--lab--*"
    ]
    allowed = {action for each in found for action in each["Action"]}
    assert not {"s3:DeleteObject", "ssm:PutParameter", "sqs:CreateQueue", "iam:PassRole"} & allowed
    assert "*" not in json.dumps([each["Resource"] for each in found]).replace('--*"', "").replace('/*"', "")
