"""Copies of machine images: steps that take minutes, are found again after a death, can be called off, and go when nobody uses them."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from cyclone_core.aws import machine_images as images
from cyclone_core.infra import image_plans, machine_images
from cyclone_core.infra.machine_images import ImageChange
from cyclone_core.infra.plan import Plan
from cyclone_core.operations.sandbox import Faults
from tests.deployer.conftest import HUB, MAIN, Deployed, bodies, plan_of

SetFaults = Callable[[Faults], None]


@pytest.fixture
def source(host: Deployed) -> str:
    """An encrypted image in the main region, named after the host."""
    disk = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "Encrypted": True}}
    ask = host.account.client("ec2", MAIN).ask
    return str(ask("RegisterImage", Name=f"golden-{host.host}", RootDeviceName="/dev/xvda", BlockDeviceMappings=[disk])["ImageId"])


def wanted(host: Deployed, source: str) -> Any:
    """A host in two regions with a cluster whose image the hub lacks."""
    cluster = {"name": "big", "main_region_image_name": "golden", "machine_images": {MAIN: source, HUB: machine_images.copy_of(source)}}
    hub = {"name": HUB, "cidr": "10.1.0.0/16"}
    return bodies(host={"name": host.host}, region=[{"name": MAIN, "main_region": True}, hub], cluster=cluster)


def changes(host: Deployed, desired: Any) -> list[ImageChange]:
    """What a plan does about copies."""
    return image_plans.plan(host.account, host.place, desired, [MAIN, HUB], None, True)


def plan(host: Deployed, desired: Any) -> Plan:
    """The way to what is wanted, with its copies."""
    found = plan_of(host.place, host.recorded(), desired)
    return replace(found, changes=(*map(machine_images.as_change, changes(host, desired)), *found.changes))


def copies(host: Deployed) -> list[images.Copy]:
    """What there is in the hub."""
    return list(images.copies(host.account, HUB, host.host))


def test_a_copy_is_made_before_the_cluster_and_goes_after_it(host: Deployed, source: str) -> None:
    """Encrypted as its source; its id is told to the region's templates; another plan finds nothing to do."""
    desired = wanted(host, source)
    assert set(host.apply(plan(host, desired)).values()) == {"ACTIVE"}
    (made,) = copies(host)
    assert images.parameter(host.account, HUB, machine_images.parameter(host.host, source)) == made.id
    snapshot = host.account.client("ec2", HUB).ask("DescribeSnapshots", SnapshotIds=list(made.snapshots))["Snapshots"][0]
    assert (made.source, made.name, snapshot["Encrypted"], changes(host, desired)) == (source, "golden", True, [])
    over = [(event.kind, event.region) for event in host.told if event.phase == "ACTIVE" and not event.part]
    assert over.index(("machine-image", HUB)) < over.index(("cluster", HUB))
    assert set(host.apply(plan(host, {})).values()) == {"DELETED"}
    assert copies(host) == []


def test_a_copy_is_found_again_after_a_death_and_can_be_called_off(faults: SetFaults, host: Deployed, source: str) -> None:
    """The next deployment follows the same copy; who cancels ends it, with its snapshots."""
    faults(Faults(image_copy_s=3600))
    desired = wanted(host, source)
    only = Plan(tuple(map(machine_images.as_change, changes(host, desired))))
    with closing(host.deployer().apply(only)) as dies:
        next(event for event in dies if "is copied from" in event.text)
    (begun,) = copies(host)
    assert (begun.state, begun.progress) == ("pending", "0%")
    ends = host.apply(only, lambda: any("followed to its end" in event.text for event in host.told))
    assert (list(ends.values()), copies(host)) == (["CANCELLED"], [])


def test_a_copy_that_fails_says_why_and_leaves_nothing(faults: SetFaults, host: Deployed, source: str) -> None:
    """The cluster of that region is not begun, that of the main region is made; later the rest is done."""
    desired = wanted(host, source)
    faults(Faults(image_copy_failure="no room"))
    ends = host.apply(plan(host, desired))
    faults(Faults())
    assert (ends[f"machine-image golden ({source}) {HUB}"], ends[f"cluster big {HUB}"], ends["cluster big"]) == ("FAILED", "LOG", "ACTIVE")
    assert "it could not be copied: no room" in host.text("FAILED")
    assert copies(host) == []
    assert set(host.apply(plan(host, desired)).values()) == {"ACTIVE"}


def test_another_image_behind_the_name_is_another_copy(host: Deployed, source: str) -> None:
    """It is copied anew, and the old copy deleted."""
    host.apply(plan(host, wanted(host, source)))
    newer = str(host.account.client("ec2", MAIN).ask("RegisterImage", Name=f"newer-{host.host}")["ImageId"])
    found = changes(host, wanted(host, newer))
    assert [(change.action, change.source) for change in found] == [("copy", newer), ("delete", source)]
    host.apply(plan(host, wanted(host, newer)))
    assert [copy.source for copy in copies(host)] == [newer]
