"""CopyImage of EC2: a copy that is pending for as long as the faults say, with the progress of its snapshots, and that may fail.

The rest of machine images is ministack's, which knows of no state: its answers are completed here. An image of its own may be copied, and
a copy has a snapshot of its own, as with AWS.
"""

import re
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, request_scope
from ministack.services import ec2

from cyclone_core.sandbox.faults import FaultFile

Handler = Callable[[dict[str, Any]], Any]
_ITEM = re.compile(r"<item>\s*<imageId>(ami-[0-9a-f]+)</imageId>.*?<imageState>available</imageState>", re.DOTALL)
_GIB = 8


def install(faults: FaultFile) -> None:
    """Join it; before the first request."""
    actions = ec2._ACTION_MAP
    actions["CopyImage"] = lambda params: _copy(params, faults)
    actions["DescribeImages"] = _with_states(actions["DescribeImages"])
    actions["DescribeSnapshots"] = _with_progress(actions["DescribeSnapshots"])


def _copy(params: dict[str, Any], faults: FaultFile) -> Any:
    name, wanted, there = ec2._p(params, "Name"), ec2._p(params, "SourceImageId"), ec2._p(params, "SourceRegion")
    with request_scope(get_account_id(), there):
        source = ec2._images.get(wanted)
    if source is None:
        return ec2._error("InvalidAMIID.NotFound", f"The image id '[{wanted}]' does not exist", 400)
    if any(image["Name"] == name for image in ec2._images.values()):
        return ec2._error("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by another AMI", 400)
    now, image_id, snapshot = faults.current(), ec2._new_image_id(), ec2._new_snapshot_id()
    disks = [mapping.get("Ebs", {}) for mapping in source.get("BlockDeviceMappings") or ()]
    encrypted = any(disk.get("Encrypted") == "true" for disk in disks) or ec2._p(params, "Encrypted") == "true"
    job = {"from": time.time(), "seconds": now.image_copy_s, "failure": now.image_copy_failure}
    ec2._snapshots[snapshot] = {
        "SnapshotId": snapshot, "VolumeId": "vol-ffffffff", "VolumeSize": _GIB, "Description": f"Copied for {image_id} from {wanted}",
        "State": "pending", "StartTime": ec2._now_ts(), "Progress": "0%", "OwnerId": get_account_id(), "Encrypted": encrypted,
        "StorageTier": "standard", "cyclone": job,
    }  # fmt: skip
    disk = {"SnapshotId": snapshot, "VolumeSize": str(_GIB), "Encrypted": str(encrypted).lower(), "DeleteOnTermination": "true"}
    mapping = {"DeviceName": source["RootDeviceName"], "Ebs": disk}
    ec2._images[image_id] = {
        **source, "ImageId": image_id, "Name": name, "Description": ec2._p(params, "Description"), "BlockDeviceMappings": [mapping],
        "RootDeviceType": "ebs", "CreationDate": ec2._now_ts(), "OwnerId": get_account_id(), "LaunchPermissions": [], "cyclone": job,
    }  # fmt: skip
    ec2._parse_tag_specs(params, "image", image_id)
    ec2._parse_tag_specs(params, "snapshot", snapshot)
    return ec2._xml(200, "CopyImageResponse", f"<imageId>{image_id}</imageId>")


def _share(job: dict[str, Any]) -> float:
    return min(1.0, (time.time() - job["from"]) / job["seconds"]) if job["seconds"] else 1.0


def _state(image_id: str) -> tuple[str, str]:
    """(state, why) of an image."""
    job = ec2._images.get(image_id, {}).get("cyclone")
    if job is None or (_share(job) >= 1 and not job["failure"]):
        return "available", ""
    return ("failed", job["failure"]) if _share(job) >= 1 else ("pending", "")


def _with_states(original: Handler) -> Handler:
    def describe(params: dict[str, Any]) -> Any:
        status, headers, body = original(params)

        def completed(found: re.Match[str]) -> str:
            state, why = _state(found[1])
            told = f"<stateReason><code>Client.InternalError</code><message>{why}</message></stateReason>" if why else ""
            return found[0].replace("<imageState>available</imageState>", f"<imageState>{state}</imageState>{told}")

        text = body.decode() if isinstance(body, bytes) else body
        text = _ITEM.sub(completed, text)
        return status, headers, text.encode() if isinstance(body, bytes) else text

    return describe


def _with_progress(original: Handler) -> Handler:
    def describe(params: dict[str, Any]) -> Any:
        for snapshot in ec2._snapshots.values():
            if job := snapshot.get("cyclone"):
                share = _share(job)
                snapshot["Progress"] = f"{int(share * 100)}%"
                snapshot["State"] = "pending" if share < 1 else "error" if job["failure"] else "completed"
        return original(params)

    return describe
