"""The stack of a region that has to be there before ours: where files of templates go. Made for regions that nobody ran `cdk bootstrap` in.

It has the stack's name, logical ids, physical names and outputs that the CDK documents
(https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html), but none of its roles, as ours deploy with the caller's own rights.
Its version is therefore 1: an app that needs the roles is told to run `cdk bootstrap`, which updates this stack in place. It is shared
by all apps of an account, so it is nobody's to delete, and its bucket and repository stay if somebody does.
"""

from collections.abc import Callable
from typing import Any

STACK = "CDKToolkit"
QUALIFIER = "hnb659fds"
"""The CDK's default; `CliCredentialsStackSynthesizer` looks for nothing else."""
VERSION = "1"
_OLD_VERSIONS_DAYS, _UPLOAD_DAYS, _UNTAGGED_DAYS = 30, 1, 1
_BUCKET, _POLICY, _REPOSITORY, _VERSION = "StagingBucket", "StagingBucketPolicy", "ContainerAssetsRepository", "CdkBootstrapVersion"
_PRIVATE = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_STAYS = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
"""Not after a creation that failed: its names would be taken the next time."""


def bucket(account: str, region: str) -> str:
    """Name of the bucket of assets."""
    return f"cdk-{QUALIFIER}-assets-{account}-{region}"


def repository(account: str, region: str) -> str:
    """Name of the repository of container images that are assets."""
    return f"cdk-{QUALIFIER}-container-assets-{account}-{region}"


def template() -> dict[str, Any]:
    """The template, the same in every region."""
    return {
        "Description": "Where the files of templates go, as cdk bootstrap would make it, without roles",
        "Resources": {_BUCKET: _bucket(), _POLICY: _bucket_policy(), _REPOSITORY: _image_repository(), _VERSION: _version()},
        "Outputs": {
            "BucketName": _output("Name of the bucket of assets", {"Ref": _BUCKET}),
            "BucketDomainName": _output("Address of the bucket of assets", {"Fn::GetAtt": [_BUCKET, "RegionalDomainName"]}),
            "ImageRepositoryName": _output("Name of the repository of images", {"Ref": _REPOSITORY}),
            "BootstrapVersion": _output("Which of the CDK's resources are here", {"Fn::GetAtt": [_VERSION, "Value"]}),
        },
    }


def _bucket() -> dict[str, Any]:
    rules = [
        {"Id": "OldVersions", "Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": _OLD_VERSIONS_DAYS}},
        {"Id": "UnfinishedUploads", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _UPLOAD_DAYS}},
    ]
    properties = {
        "BucketName": _own_name(bucket),
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
        "PublicAccessBlockConfiguration": dict.fromkeys(_PRIVATE, True),
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "VersioningConfiguration": {"Status": "Enabled"},
        "LifecycleConfiguration": {"Rules": rules},
    }
    return {"Type": "AWS::S3::Bucket", "Properties": properties, **_STAYS}


def _bucket_policy() -> dict[str, Any]:
    arn = {"Fn::GetAtt": [_BUCKET, "Arn"]}
    statement = {
        "Sid": "EncryptedConnectionsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, {"Fn::Join": ["", [arn, "/*"]]}],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    properties = {"Bucket": {"Ref": _BUCKET}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    return {"Type": "AWS::S3::BucketPolicy", "Properties": properties}


def _image_repository() -> dict[str, Any]:
    untagged = (
        '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed",'
        f'"countUnit":"days","countNumber":{_UNTAGGED_DAYS}}},"action":{{"type":"expire"}}}}]}}'
    )
    properties = {
        "RepositoryName": _own_name(repository),
        "ImageTagMutability": "IMMUTABLE",
        "ImageScanningConfiguration": {"ScanOnPush": True},
        # No EncryptionConfiguration: AES256 is the default, and an update without it, as the CDK's is, would replace the repository.
        "LifecyclePolicy": {"LifecyclePolicyText": untagged},
    }
    return {"Type": "AWS::ECR::Repository", "Properties": properties, **_STAYS}


def _version() -> dict[str, Any]:
    properties = {"Type": "String", "Name": f"/cdk-bootstrap/{QUALIFIER}/version", "Value": VERSION}
    return {"Type": "AWS::SSM::Parameter", "Properties": properties}


def _own_name(made: Callable[[str, str], str]) -> dict[str, str]:
    return {"Fn::Sub": made("${AWS::AccountId}", "${AWS::Region}")}


def _output(description: str, value: Any) -> dict[str, Any]:
    return {"Description": description, "Value": value}
