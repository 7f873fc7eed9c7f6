"""The rights that deploying takes: complete, no more than needed, and as documented. test_least_rights.py shows that they are enough."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cyclone_core.aws.words import Asked
from cyclone_core.infra import permissions
from cyclone_core.infra.permission_table import BY_TYPE, OWN
from cyclone_core.sandbox.stacks.actions import TABLE
from tests.deployer.conftest import MAIN

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "stacks" / "golden"


def test_the_document_is_current() -> None:
    """It is written by `python -m cyclone_core.infra.permissions > docs/aws-permissions.md`."""
    assert (ROOT / "docs" / "aws-permissions.md").read_text(encoding="utf-8") == permissions.document()


def test_policies_are_short_enough_and_each_everything_has_its_reason() -> None:
    """With the longest name that a host may have; `*` stands alone only where the document says why."""
    for policy in permissions.policies("h" * 20, "1" * 12).values():
        assert len(json.dumps(policy, separators=(",", ":"))) <= permissions.MOST_POLICY_BYTES
        for statement in policy["Statement"]:
            assert not any(action.endswith("*") for action in statement["Action"])
            if statement["Resource"] == ["*"]:
                assert all(permissions.scope_of(action).why for action in statement["Action"])


def test_every_type_of_every_template_is_known() -> None:
    """Also those of the bootstrap."""
    types = {each["Type"] for path in GOLDEN.glob("*/*.json") for each in json.loads(path.read_text())["Resources"].values()}
    assert len(types) > 20
    assert types <= BY_TYPE.keys()


def test_what_the_sandbox_asks_for_is_known_too() -> None:
    """The main actions of each type."""
    for name, actions in BY_TYPE.items():
        assert set(TABLE.get(name, {}).values()) <= actions, name


def test_the_first_trust_anchor_of_an_account_makes_a_role() -> None:
    """CloudFormation asks for it in the deployer's name: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/using-service-linked-roles.html"""
    assert "iam:CreateServiceLinkedRole" in permissions.needed([{"Resources": {"Anchor": {"Type": "AWS::RolesAnywhere::TrustAnchor"}}}])
    linked = permissions.scope_of("iam:CreateServiceLinkedRole").condition or {}
    assert "rolesanywhere.amazonaws.com" in linked["StringEquals"]["iam:AWSServiceName"]


UNUSED = {
    "services that the templates do not use": """autoscaling:.* codedeploy:.* eks:.* elasticfilesystem:.* firehose:.* kinesis:.* kms:.*
        s3files:.* s3tables:.* sts:.* vpc-lattice:.* vpce:.* acm-pca:.*""",
    "features of buckets that they do not have": """s3:.*(Abac|Acl|Accelerate|Analytics|Cors|Inventory|IntelligentTiering|Logging).*
        s3:.*(Metadata|Metrics|Notification|ObjectLock|Replication|Website|REST).* s3:DeleteBucket(Encryption|Lifecycle) s3:DeleteObject
        s3:GetObject(Version)? s3:ListBucket""",
    "features of tables": """dynamodb:.*(Kinesis|Replica|Import).* dynamodb:Put.* dynamodb:Delete(Item|ResourcePolicy)
        dynamodb:((Get|Update)Item|Scan|Query|BatchWriteItem|UpdateContributorInsights)""",
    "features of functions": """lambda:.*(Concurrency|CodeSigning|Layer).* lambda:(Put|Pass).* lambda:(AssociateRuntimeAlias|PublishVersion)
        ec2:Describe(SecurityGroups|Subnets|Vpcs|NetworkInterfaces)""",
    "features of logs": """logs:.*(DataProtection|KmsKey|IndexPolicy|ResourcePolic|Token|LogStream|LogDelivery|DeletionProtection).*
        logs:PutLogEvents""",
    "networks of other kinds": """ec2:.*(Vpn|PrivateNat|NatGatewayAddress|SubnetCidrBlock|PeeringConnectionOptions).* ec2:ModifyVpcTenancy
        ec2:(AcceptAddressTransfer|CreateVpcEncryptionControl)""",
    "limits of roles, which nobody sets": "iam:.*PermissionsBoundary",
    "policies of profiles, which have none beside their role's": "iam:GetPolicy",
    "roles that AWS makes for a service: with the first compute environment": "iam:CreateServiceLinkedRole",
    "a rule that calls a function, and a bucket, pass no role": "iam:PassRole",
    "listed under another type of the same stack": "logs:(CreateLogGroup|PutRetentionPolicy|DescribeLogGroups) s3:.*BucketPolicy",
}
"""Why an action that a schema lists is not asked for -> which ones."""


def schemas() -> Mapping[str, Mapping[str, Any]]:
    """The schemas of resource types that cfn-lint brings, as far as they say which rights handlers need."""
    lint = pytest.importorskip("cfnlint", reason="schemas come with cfn-lint")
    found = (json.loads(path.read_text()) for path in Path(lint.__file__).parent.glob("data/schemas/resources/*.json"))
    return {schema["typeName"]: schema["handlers"] for schema in found if schema.get("handlers")}


def test_nothing_that_cloudformation_asks_for_is_forgotten() -> None:
    """Each action of each handler is allowed, or belongs to what is not used."""
    unused = re.compile("|".join(" ".join(UNUSED.values()).split()), re.IGNORECASE)
    handlers = schemas()
    for name, actions in BY_TYPE.items():
        known = {action.lower() for action in actions}
        verbs = ("create", "update", "delete", "read")
        wanted = {action.lower() for verb in verbs for action in handlers.get(name, {}).get(verb, {}).get("permissions", ())}
        assert wanted or name.startswith("Custom::"), name
        assert {action for action in wanted - known if not unused.fullmatch(action)} == set(), name


NOT_ASKED = "s3:deletebuckettagging iam:passrole sts:assumerole kms:decrypt vpc-lattice:describeservicenetworkvpcendpointassociation"
"""No action of IAM's; of rules and peerings with a role; of encrypted variables; of endpoints for service networks."""


def test_resources_can_be_looked_at_and_tagged() -> None:
    """Looking takes the rights for features that are not used, too; a stack's tags become its resources'."""
    lint = pytest.importorskip("cfnlint", reason="schemas come with cfn-lint")
    for path in Path(lint.__file__).parent.glob("data/schemas/resources/*.json"):
        schema = json.loads(path.read_text())
        if (name := schema["typeName"]) in BY_TYPE:
            known = {action.lower() for action in BY_TYPE[name] | OWN} | set(NOT_ASKED.split())
            asking = (schema["handlers"].get("read", {}), schema.get("tagging", {}))
            listed = [action for each in asking for action in each.get("permissions", ())]
            assert {action.lower() for action in listed} <= known, name


def test_services_are_called_as_the_partition_calls_them() -> None:
    """In China EC2 has another name."""
    for partition, is_there in (("aws", False), ("aws-cn", True)):
        text = json.dumps(permissions.policies("grid", "123456789012", partition))
        assert '"ec2.amazonaws.com"' in text
        assert ("ec2.amazonaws.com.cn" in text) == is_there


def test_every_request_that_is_made_is_known() -> None:
    """Those of the room that asks AWS."""
    for path in (ROOT / "cyclone_core" / "aws").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        for service, operation in re.findall(r'client\("([a-z0-9-]+)"[^)]*\)\.(?:ask|all|pages)\("(\w+)"', text):
            known = Asked({"service-quotas": "servicequotas"}.get(service, service), operation, "").action
            assert known in OWN or service == "sts", f"{path.name}: {known}"


def test_what_a_plan_asks_for() -> None:
    """Only what its templates have, and Cyclone's own requests."""
    found = permissions.needed([{"Resources": {"Record": {"Type": "AWS::SSM::Parameter"}}}])
    assert "ssm:PutParameter" in found
    assert "ec2:CreateVpc" not in found
    asked_about = permissions.questions(found, "grid", "123456789012", MAIN)
    assert asked_about["ssm:PutParameter"] == f"arn:aws:ssm:{MAIN}:123456789012:parameter/cyclone/grid/x"
    assert asked_about["ec2:DescribeVpcs"] == "*"
