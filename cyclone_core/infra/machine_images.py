"""Machine images of clusters in regions that lack them: which copies there should be, and how templates find them. Pure.

A cluster names its image by the name that it has in the main region. Where a region has an image of that name, it is taken; elsewhere
the body says `copy-of-ID` (`machine_images`), and the image of the main region is copied there, once for all clusters of the host.
Templates read a copy's id from a parameter of the region, whose name follows from the id of the source: what a template says is known
before there is a copy, and another source is another template.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from cyclone_core import naming
from cyclone_core.infra.plan import Bodies, Change
from cyclone_core.infra.targets import Target

KIND = "machine-image"
"""Of changes, and what the tags of copies say."""
_COPY_OF = "copy-of-"
Needed = tuple[str, str]
"""(region, id of the source)"""


@dataclass(frozen=True)
class ImageChange:
    """What a plan does to a copy of a machine image."""

    action: Literal["copy", "delete"]
    region: str
    name: str
    """of the image"""
    source: str
    """its id in the main region"""
    source_region: str
    gib: int = 0
    """of its disks, whose snapshots are charged; 0: not known"""
    encrypted: bool = False

    @property
    def text(self) -> str:
        """As plans say it."""
        if self.action == "delete":
            return f"delete the copy of machine image {self.name} ({self.source}) in {self.region} with its snapshots: nobody uses it"
        disks = f"; {self.gib} GiB of snapshots, which are charged" if self.gib else "; its snapshots are charged"
        kept = ", encrypted as it is" if self.encrypted else ""
        return f"copy machine image {self.name} ({self.source}) from {self.source_region} to {self.region}: takes minutes{disks}{kept}"


def copy_of(source: str) -> str:
    """What a cluster's body says of a region that gets a copy."""
    return f"{_COPY_OF}{source}"


def source_of(image: object) -> str:
    """Id of the image that is copied; "" for one that is there."""
    return str(image).removeprefix(_COPY_OF) if str(image).startswith(_COPY_OF) else ""


def parameter(host: str, source: str) -> str:
    """The parameter, in each region, with the id of the copy."""
    return naming.network_value(host, f"machine-image/{source}")


def reference(host: str, image: str) -> str:
    """An image as templates write it: its id, or where CloudFormation finds it."""
    source = source_of(image)
    return f"{{{{resolve:ssm:{parameter(host, source)}}}}}" if source else image


def step(source: str) -> str:
    """What a step of a deployment is called, where others have the name of their stack."""
    return f"{KIND} {source}"


def needs(target: Target) -> str:
    """The step that a cluster's stack waits for, "" for none."""
    images = (target.properties.get("body") or {}).get("machine_images") or {} if target.kind == "cluster" else {}
    source = source_of(images.get(target.region, ""))
    return step(source) if source else ""


def needed(bodies: Bodies, clusters: Collection[str] | None = None) -> dict[Needed, str]:
    """(region, source) -> name of the image, of all clusters or some, in regions that the host has."""
    return {
        (region, source): str(body.get("main_region_image_name"))
        for name, body in bodies.get("cluster", {}).items()
        for region, image in (body.get("machine_images") or {}).items()
        if (source := source_of(image)) and region in bodies.get("region", {}) and (clusters is None or name in clusters)
    }


def as_change(image: ImageChange) -> Change:
    """A change of a plan."""
    body = {"name": image.name, "source": image.source, "source_region": image.source_region}
    called = f"{image.name} ({image.source})"
    if image.action == "copy":
        return Change("create", KIND, called, (), body, None, image.region)
    return Change("delete", KIND, called, (), None, body, image.region)


def body_of(change: Change) -> Mapping[str, str]:
    """What a change of a copy is about: name, source, source_region."""
    return change.body or change.before or {}
