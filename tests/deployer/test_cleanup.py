"""What goes with a host that is deleted, and what of it is kept: on the sandbox."""

from dataclasses import replace
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.infra.stack_cleanup import Cleanup, Left
from cyclone_core.operations.sandbox import Faults
from tests.aws import Sandbox
from tests.deployer.conftest import MAIN, Deployed, alone, bodies, bootstrapped, plan_of, resource


def with_data(host: Deployed) -> dict[str, Any]:
    """A host with a table, a bucket and a function, as the real one has them."""
    keys = [{"AttributeName": "id", "AttributeType": "S"}]
    table = resource(
        "DynamoDB::Table",
        TableName=f"{host.host}--jobs",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=keys,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        DeletionProtectionEnabled=True,
    )
    bucket = resource(
        "S3::Bucket", BucketName=f"{host.host}--data-{host.place.account}-{MAIN}", VersioningConfiguration={"Status": "Enabled"}
    )
    scratch = resource("S3::Bucket", BucketName=f"{host.host}-scratch")
    role = resource("IAM::Role", AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": []})
    code = {"ZipFile": "def handler(event, context): pass"}
    function = resource(
        "Lambda::Function",
        FunctionName=f"{host.host}--health",
        Runtime="python3.12",
        Handler="index.handler",
        Code=code,
        Role={"Fn::GetAtt": ["Role", "Arn"]},
    )
    stays = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    extra = {"Table": {**table, **stays}, "Data": {**bucket, **stays}, "Scratch": scratch, "Role": role, "Health": function}
    return alone(host, extra=extra)


@pytest.fixture
def used(host: Deployed, aws: Sandbox) -> Deployed:
    """The host with data in it."""
    bootstrapped(aws, MAIN)
    assert set(host.reach(with_data(host)).values()) == {"ACTIVE"}
    s3 = aws.client("s3", MAIN)
    for number in range(3):
        s3.put_object(Bucket=data(host), Key="outputs/1", Body=str(number).encode())
    s3.delete_object(Bucket=data(host), Key="outputs/1")
    s3.put_object(Bucket=f"{host.host}-scratch", Key="a", Body=b"a")
    return host


def data(host: Deployed) -> str:
    """The name of its bucket."""
    return f"{host.host}--data-{host.place.account}-{MAIN}"


def there(aws: Sandbox, host: Deployed) -> set[str]:
    """What of it is left."""
    buckets = [bucket["Name"] for bucket in aws.client("s3", MAIN).list_buckets()["Buckets"]]
    tables = aws.client("dynamodb", MAIN).list_tables()["TableNames"]
    return {name for name in (*buckets, *tables) if f"{host.host}-" in name}


def test_nothing_is_left_of_a_host(aws: Sandbox, used: Deployed) -> None:
    """Buckets with all versions, the table although it is protected; all of it is told."""
    assert set(used.apply(plan_of(used.place, used.recorded(), {})).values()) == {"DELETED"}
    assert there(aws, used) == set()
    said = used.text("LOG")
    assert f"bucket {data(used)} is empty: 4 objects and versions were deleted" in said
    assert f"table {used.host}--jobs is deleted" in said
    assert f"system backup of table {used.host}--jobs for 35 days, free of charge" in said
    assert f"kept: stack CDKToolkit in {MAIN}, which other applications of the CDK may use" in said
    assert used.stack("host") is None


def test_message_queues_that_functions_made_go_with_what_they_are_of(aws: Sandbox, host: Deployed) -> None:
    """All with the host; those of a lane with its cluster or definition. No stack has them."""
    sqs = aws.client("sqs", MAIN)

    def lanes() -> set[str]:
        urls = sqs.list_queues(QueueNamePrefix=f"{host.host}--").get("QueueUrls", [])
        return {url.rpartition("/")[2].removeprefix(f"{host.host}--") for url in urls if "--normal" in url}

    everything = {**alone(host), **bodies(region={"name": MAIN}, cluster=[{"name": "a"}, {"name": "b"}], definition=[{"name": "x"}])}
    bootstrapped(aws, MAIN)
    host.reach(everything)
    for cluster, definition in (("a", "x"), ("b", "x"), ("b", "old")):
        sqs.create_queue(QueueName=naming.lane_queue(host.host, cluster, definition, "normal"))
    host.reach({**everything, **bodies(cluster={"name": "b"})})
    assert lanes() == {"b--x--normal", "b--old--normal"}
    assert "message queues of lanes are deleted: 1" in host.text("LOG")
    host.reach({**alone(host), **bodies(region={"name": MAIN}, cluster={"name": "b"})})
    assert lanes() == {"b--old--normal"}
    host.reach({})
    assert lanes() == set()


def test_data_can_be_kept(aws: Sandbox, used: Deployed) -> None:
    """Table and bucket stay as they are, and are named with what they cost; the rest goes."""
    plan = replace(plan_of(used.place, used.recorded(), {}), keep_data=True)
    assert set(used.apply(plan).values()) == {"DELETED"}
    assert {data(used), f"{used.host}--jobs"} <= there(aws, used)
    assert f"{used.host}-scratch" not in there(aws, used)
    assert len(aws.client("s3", MAIN).list_object_versions(Bucket=data(used))["Versions"]) == 3
    assert f"kept: {used.host}--jobs (AWS::DynamoDB::Table) in {MAIN}; what it holds is charged until you delete it" in used.text("LOG")


def test_a_deletion_that_failed_half_way_goes_on(aws: Sandbox, used: Deployed, faults: Any) -> None:
    """The table is gone already, the bucket not yet; the same plan does the rest, also once only the bucket is left."""
    plan = plan_of(used.place, used.recorded(), {})
    faults(Faults(delete_failures={"Messages": "it is in use"}))
    assert set(used.apply(plan).values()) == {"FAILED"}
    faults(Faults())
    assert set(used.apply(plan).values()) == {"DELETED"}
    aws.client("s3", MAIN).create_bucket(Bucket=data(used))
    assert set(used.apply(plan).values()) == {"DELETED"}
    assert data(used) not in there(aws, used)


def test_instances_that_came_while_their_stack_went_end_too(aws: Sandbox, region: str) -> None:
    """The scaler may launch until the template is gone; others' instances stay."""
    ec2 = aws.client("ec2", region)
    tags = {naming.TAG_HOST: "late", naming.TAG_KIND: "cluster", naming.TAG_NAME: "bare"}

    def launched(whose: dict[str, str]) -> str:
        told = [{"ResourceType": "instance", "Tags": [{"Key": name, "Value": value} for name, value in whose.items()]}]
        made = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, InstanceType="c6i.large", TagSpecifications=told)
        return str(made["Instances"][0]["InstanceId"])

    ours, other = launched(tags), launched({**tags, naming.TAG_NAME: "other"})
    said: list[str] = []
    Cleanup(aws.account(region), region, said.append, keep_data=False).after(Left(launched=(tags,)))
    assert said == ["instances are terminated: 1"]
    found = ec2.describe_instances(InstanceIds=[ours, other])["Reservations"]
    states = {each["InstanceId"]: each["State"]["Name"] for reservation in found for each in reservation["Instances"]}
    assert states == {ours: "terminated", other: "running"}
