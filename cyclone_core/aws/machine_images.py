"""Copies of machine images in other regions: made, looked at, and deleted with their snapshots.

A copy is recognised by its tags, which it has from the first moment on, and by its name, of which a region takes no second one: whoever
asks again after a death is refused, looks, and goes on with the copy that is there.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/CopyingAMIs.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cyclone_core.aws.account import Account
from cyclone_core.errors import AwsError
from cyclone_core.naming import TAG_HOST, TAG_KIND, TAG_NAME, TAG_SOURCE

KIND = "machine-image"
"""What the tag of the kind says."""
_GONE = ("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidSnapshot.NotFound")
BROKEN = ("failed", "error", "invalid", "deregistered")
"""States in which nothing more will come of a copy."""


@dataclass(frozen=True)
class Copy:
    """A copy as it is."""

    id: str
    """"" where only snapshots of it are left"""
    name: str
    """of the image that it is a copy of"""
    source: str
    """id of that image"""
    state: str
    """as EC2 says it: pending, available, failed, …; "gone" where only snapshots are left"""
    reason: str = ""
    snapshots: tuple[str, ...] = ()
    progress: str = ""
    """of its snapshots, as EC2 says it: 40%; "" where it does not"""

    @property
    def is_ready(self) -> bool:
        """Whether instances can be started from it."""
        return self.state == "available"


@dataclass(frozen=True)
class Source:
    """An image that is to be copied."""

    id: str
    is_encrypted: bool
    gib: int
    """of its disks"""


def source(account: Account, region: str, image: str) -> Source | None:
    """An image of any owner, None when it is not there. Raises AwsError."""
    try:
        found = list(account.client("ec2", region).all("DescribeImages", "Images", ImageIds=[image]))
    except AwsError as exc:
        if exc.code in _GONE:
            return None
        raise
    disks = [mapping["Ebs"] for one in found for mapping in one.get("BlockDeviceMappings") or () if "Ebs" in mapping]
    return (
        Source(image, any(disk.get("Encrypted") for disk in disks), sum(int(disk.get("VolumeSize") or 0) for disk in disks))
        if found
        else None
    )


def copies(account: Account, region: str, host: str) -> tuple[Copy, ...]:
    """A host's copies in a region, also those of which only snapshots are left. Raises AwsError."""
    client = account.client("ec2", region)
    mine = [{"Name": f"tag:{TAG_HOST}", "Values": [host]}]
    images = list(client.all("DescribeImages", "Images", Owners=["self"], Filters=mine))
    snapshots = list(client.all("DescribeSnapshots", "Snapshots", OwnerIds=["self"], Filters=mine))
    found = [_copy(image, snapshots) for image in images if _tag(image, TAG_KIND) == KIND]
    kept = {name for copy in found for name in copy.snapshots}
    left = [each for each in snapshots if each["SnapshotId"] not in kept and _tag(each, TAG_KIND) == KIND]
    sources = dict.fromkeys((_tag(each, TAG_NAME), _tag(each, TAG_SOURCE)) for each in left)
    for name, image in sources:
        if image not in {copy.source for copy in found}:
            mine_left = tuple(each["SnapshotId"] for each in left if _tag(each, TAG_SOURCE) == image)
            found.append(Copy("", name, image, "gone", snapshots=mine_left))
    return tuple(sorted(found, key=lambda copy: (copy.name, copy.source, copy.id)))


def copy(account: Account, region: str, called: str, source_region: str, image: Source, tags: Mapping[str, str]) -> bool:
    """Begin to copy an image; False when there is one of that name already, which `copies` shows in a moment. Raises AwsError.

    What is encrypted stays so, with the region's own key of EC2; nothing else can be chosen without more rights.
    """
    given = [{"Key": key, "Value": value} for key, value in tags.items()]
    encrypted = {"Encrypted": True} if image.is_encrypted else {}
    try:
        account.client("ec2", region).ask(
            "CopyImage", Name=called, SourceImageId=image.id, SourceRegion=source_region, **encrypted,
            TagSpecifications=[{"ResourceType": what, "Tags": given} for what in ("image", "snapshot")],
        )  # fmt: skip
    except AwsError as exc:
        if exc.code == "InvalidAMIName.Duplicate":
            return False
        raise
    return True


def delete(account: Account, region: str, found: Copy) -> None:
    """Delete a copy with its snapshots, also one that is being made; what is gone already counts as deleted. Raises AwsError."""
    client = account.client("ec2", region)
    asked = [("DeregisterImage", {"ImageId": found.id})] if found.id else []
    for operation, about in [*asked, *(("DeleteSnapshot", {"SnapshotId": name}) for name in found.snapshots)]:
        try:
            client.ask(operation, **about)
        except AwsError as exc:
            if exc.code not in _GONE:
                raise


def parameter(account: Account, region: str, name: str) -> str:
    """The value of a parameter, "" when it is not there. Raises AwsError."""
    found = account.client("ssm", region).ask("GetParameters", Names=[name])["Parameters"]
    return str(found[0]["Value"]) if found else ""


def tell(account: Account, region: str, name: str, value: str) -> None:
    """Put a value into a parameter. Raises AwsError."""
    account.client("ssm", region).ask("PutParameter", Name=name, Value=value, Type="String", Overwrite=True)


def forget(account: Account, region: str, name: str) -> None:
    """Delete a parameter; one that is gone counts as deleted. Raises AwsError."""
    try:
        account.client("ssm", region).ask("DeleteParameter", Name=name)
    except AwsError as exc:
        if exc.code != "ParameterNotFound":
            raise


def _copy(image: Mapping[str, Any], snapshots: list[Any]) -> Copy:
    disks = (mapping.get("Ebs", {}).get("SnapshotId") for mapping in image.get("BlockDeviceMappings") or ())
    source = _tag(image, TAG_SOURCE)
    same = (each["SnapshotId"] for each in snapshots if _tag(each, TAG_SOURCE) == source)
    mine = tuple(dict.fromkeys(name for name in (*disks, *same) if name))
    progress = next((str(each.get("Progress") or "") for each in snapshots if each["SnapshotId"] in mine), "")
    reason = str((image.get("StateReason") or {}).get("Message") or "")
    return Copy(str(image["ImageId"]), _tag(image, TAG_NAME), source, str(image["State"]), reason, mine, progress)


def _tag(thing: Mapping[str, Any], key: str) -> str:
    return next((str(tag["Value"]) for tag in thing.get("Tags") or () if tag["Key"] == key), "")
