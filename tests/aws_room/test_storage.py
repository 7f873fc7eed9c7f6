"""Assets are put once, and what is emptied is empty: on the sandbox."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("botocore", reason="the tests of the aws room need the extra test")

from cyclone_core.aws import storage
from cyclone_core.aws.account import Account
from cyclone_core.errors import AccessDenied, AwsError
from tests.aws import Sandbox, credentials_file


@pytest.fixture
def account(aws: Sandbox) -> Account:
    """Its root."""
    return aws.account()


def bucket(aws: Sandbox, region: str, name: str, versions: bool = False) -> Any:
    """A client of S3, with a new bucket."""
    client = aws.client("s3", region)
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    if versions:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return client


def test_an_asset_is_put_once(aws: Sandbox, account: Account, region: str, tmp_path: Path) -> None:
    """Its key says its content, so what is there is right."""
    client = bucket(aws, region, f"assets-{region}")
    file = tmp_path / "asset.zip"
    file.write_bytes(b"content")
    assert storage.upload(account, region, f"assets-{region}", "hash.zip", file)
    assert not storage.upload(account, region, f"assets-{region}", "hash.zip", b"is not looked at")
    assert client.get_object(Bucket=f"assets-{region}", Key="hash.zip")["Body"].read() == b"content"


def test_a_bucket_that_is_not_there(account: Account, region: str) -> None:
    """Is empty, and cannot be put into."""
    assert not storage.has_bucket(account, region, "nowhere")
    assert storage.empty_bucket(account, region, "nowhere") == 0
    assert not storage.delete_bucket(account, region, "nowhere")
    with pytest.raises(AwsError, match="PutObject"):
        storage.upload(account, region, "nowhere", "key", b"")


def test_a_bucket_is_emptied_of_all_versions(aws: Sandbox, account: Account, region: str) -> None:
    """And of delete markers: only then can it be deleted."""
    name = f"versions-{region}"
    client = bucket(aws, region, name, versions=True)
    for key in ("one", "one", "two"):
        client.put_object(Bucket=name, Key=key, Body=b"")
    client.delete_object(Bucket=name, Key="two")
    seen: list[int] = []
    assert storage.empty_bucket(account, region, name, seen.append) == 4
    assert seen == [4]
    assert storage.delete_bucket(account, region, name)
    assert not storage.has_bucket(account, region, name)


def test_objects_are_deleted_in_batches() -> None:
    """A thousand in each request, which is all that S3 takes."""
    entries = [{"Key": str(number)} for number in range(2001)]
    found = list(storage.batches(iter(entries)))
    assert [len(batch) for batch in found] == [1000, 1000, 1]
    assert [entry for batch in found for entry in batch] == entries
    assert list(storage.batches(iter(()))) == []


def test_what_may_not_be_deleted_is_said(aws: Sandbox, account: Account, region: str, tmp_path: Path) -> None:
    """Who may look at a bucket and not delete from it."""
    name = f"guarded-{region}"
    bucket(aws, region, name).put_object(Bucket=name, Key="key", Body=b"")
    keys = aws.user({"Action": ["s3:ListBucket*", "s3:GetObject"], "Resource": "*"})
    theirs = Account(endpoint=aws.door(credentials_file(tmp_path / "keys", keys)))
    with pytest.raises(AwsError, match="s3:DeleteObject"):
        storage.empty_bucket(theirs, region, name)
    with pytest.raises(AccessDenied, match="s3:PutObject"):
        storage.upload(theirs, region, name, "other", b"")
    assert storage.has_object(account, region, name, "key")


def test_objects_that_stay_are_an_error() -> None:
    """The request as a whole succeeds all the same: an object that is locked, say."""
    storage.check_deleted("data", {})
    with pytest.raises(AwsError, match="1 objects of bucket data cannot be deleted, the first is key: it is locked"):
        storage.check_deleted("data", {"Errors": [{"Key": "key", "Code": "AccessDenied", "Message": "it is locked"}]})


def test_addresses_of_templates(account: Account) -> None:
    """As CloudFormation reads them."""
    assert storage.url(account, "eu-west-1", "assets", "hash.json") == "https://assets.s3.eu-west-1.amazonaws.com/hash.json"


def test_a_repository_is_emptied(aws: Sandbox, account: Account, region: str) -> None:
    """With images it cannot be deleted; one that is not there is empty."""
    client = aws.client("ecr", region)
    client.create_repository(repositoryName="grid/images")
    for tag in ("one", "two"):
        manifest = f'{{"schemaVersion": 2, "config": {{"digest": "{tag}"}}}}'
        client.put_image(repositoryName="grid/images", imageManifest=manifest, imageTag=tag)
    assert storage.empty_repository(account, region, "grid/images") == 2
    assert storage.empty_repository(account, region, "grid/images") == 0
    assert storage.empty_repository(account, region, "nowhere") == 0


def test_a_protected_table_is_deleted(aws: Sandbox, account: Account, region: str) -> None:
    """Who asks has confirmed it."""
    key = {"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "id", "AttributeType": "S"}
    names = {"TableName": "grid--jobs", "KeySchema": [key[0]], "AttributeDefinitions": [key[1]], "BillingMode": "PAY_PER_REQUEST"}
    aws.client("dynamodb", region).create_table(**names, DeletionProtectionEnabled=True)
    assert storage.has_table(account, region, "grid--jobs")
    assert storage.delete_table(account, region, "grid--jobs")
    assert not storage.has_table(account, region, "grid--jobs")
    assert not storage.delete_table(account, region, "grid--jobs")
