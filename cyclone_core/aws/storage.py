"""Assets, buckets, repositories, tables and log groups: putting there, and emptying before something is deleted.

Deleting cannot be undone; who asks for it has shown what goes. What is not there counts as deleted.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from cyclone_core.aws.account import Account
from cyclone_core.aws.client import Client
from cyclone_core.errors import AwsError

MOST_KEYS = 1000
"""Of one DeleteObjects request."""
_MISSING = frozenset((
    "404", "NoSuchBucket", "NoSuchKey", "NotFound", "RepositoryNotFoundException", "ResourceNotFoundException", "TableNotFoundException",
))  # fmt: skip
Progress = Callable[[int], object]
"""Called with the number of things that are gone so far."""


def has_bucket(account: Account, region: str, bucket: str) -> bool:
    """Whether the account has this bucket; its number is sent along, so that nobody else's is taken for it. Raises AwsError."""
    return _is_there(account.client("s3", region), "HeadBucket", Bucket=bucket, ExpectedBucketOwner=account.identity().account)


def has_object(account: Account, region: str, bucket: str, key: str) -> bool:
    """Whether an object is there. Raises AwsError, also for a bucket that is somebody else's."""
    return _is_there(account.client("s3", region), "HeadObject", Bucket=bucket, Key=key, ExpectedBucketOwner=account.identity().account)


def upload(account: Account, region: str, bucket: str, key: str, data: bytes | Path) -> bool:
    """Put an object whose key says its content, unless it is there; whether it had to be put. Raises AwsError and OSError."""
    if has_object(account, region, bucket, key):
        return False
    body = data if isinstance(data, bytes) else data.read_bytes()
    account.client("s3", region).ask("PutObject", Bucket=bucket, Key=key, Body=body, ExpectedBucketOwner=account.identity().account)
    return True


def url(account: Account, region: str, bucket: str, key: str) -> str:
    """The address by which CloudFormation reads an object."""
    suffix = "amazonaws.com.cn" if account.identity().partition == "aws-cn" else "amazonaws.com"
    return f"https://{bucket}.s3.{region}.{suffix}/{key}"


def empty_bucket(account: Account, region: str, bucket: str, progress: Progress = lambda count: None) -> int:
    """Delete every object of a bucket with all versions and delete markers; how many there were. Raises AwsError."""
    client, owner, count = account.client("s3", region), account.identity().account, 0
    try:
        for batch in batches(_versions(client, bucket, owner)):
            answer = client.ask("DeleteObjects", Bucket=bucket, Delete={"Objects": batch, "Quiet": True}, ExpectedBucketOwner=owner)
            check_deleted(bucket, answer)
            count += len(batch)
            progress(count)
    except AwsError as exc:
        if exc.code not in _MISSING:
            raise
    return count


def delete_bucket(account: Account, region: str, bucket: str) -> bool:
    """Delete an empty bucket; whether there was one. Raises AwsError."""
    return _delete(account.client("s3", region), "DeleteBucket", Bucket=bucket, ExpectedBucketOwner=account.identity().account)


def empty_repository(account: Account, region: str, repository: str, progress: Progress = lambda count: None) -> int:
    """Delete the images of a repository, tagged or not; how many there were. Raises AwsError."""
    client, count = account.client("ecr", region), 0
    try:
        images = list(client.all("ListImages", "imageIds", repositoryName=repository))
    except AwsError as exc:
        if exc.code in _MISSING:
            return 0
        raise
    digests = sorted({str(image["imageDigest"]) for image in images if image.get("imageDigest")})
    for start in range(0, len(digests), 100):  # so many a request
        batch = [{"imageDigest": digest} for digest in digests[start : start + 100]]
        client.ask("BatchDeleteImage", repositoryName=repository, imageIds=batch)
        count += len(batch)
        progress(count)
    return count


def has_table(account: Account, region: str, table: str) -> bool:
    """Whether a table is there. Raises AwsError."""
    return _is_there(account.client("dynamodb", region), "DescribeTable", TableName=table)


def delete_table(account: Account, region: str, table: str) -> bool:
    """Begin to delete a table, also one that is protected against it; whether there was one. Raises AwsError."""
    client = account.client("dynamodb", region)
    if not has_table(account, region, table):
        return False
    if client.ask("DescribeTable", TableName=table)["Table"].get("DeletionProtectionEnabled"):
        client.ask("UpdateTable", TableName=table, DeletionProtectionEnabled=False)
    return _delete(client, "DeleteTable", TableName=table)


def _is_there(client: Client, operation: str, **parameters: Any) -> bool:
    try:
        client.ask(operation, **parameters)
    except AwsError as exc:
        if exc.code in _MISSING:
            return False
        raise
    return True


def _delete(client: Client, operation: str, **parameters: Any) -> bool:
    return _is_there(client, operation, **parameters)


def _versions(client: Client, bucket: str, owner: str) -> Iterator[dict[str, str]]:
    for page in client.pages("ListObjectVersions", Bucket=bucket, ExpectedBucketOwner=owner):
        for entry in (*(page.get("Versions") or ()), *(page.get("DeleteMarkers") or ())):
            yield {"Key": str(entry["Key"]), "VersionId": str(entry["VersionId"])}


def batches(entries: Iterator[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    """Entries in as many lists as it takes requests to delete them."""
    while batch := list(islice(entries, MOST_KEYS)):
        yield batch


def check_deleted(bucket: str, answer: dict[str, Any]) -> None:
    """DeleteObjects succeeds as a whole also when it deleted nothing."""
    errors = answer.get("Errors") or ()
    if errors:
        first = errors[0]
        what = f"{len(errors)} objects of bucket {bucket} cannot be deleted, the first is {first.get('Key')}: {first.get('Message')}"
        raise AwsError(f"{what}. Look at the bucket's policy and locks, then try again", str(first.get("Code")), "s3:DeleteObjectVersion")
