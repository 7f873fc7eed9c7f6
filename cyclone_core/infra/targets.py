"""Which stacks a host wants, where, and in which order: a value computed from the resources alone.

Pure. A target has everything that its template depends on, so equal targets have equal templates (they are cached by that), and a
resource that changes touches its own stacks only. Values that are known only after something was made (a VPC's id) are looked up by
CloudFormation: inside a region by exports, between regions by SSM parameters.

    kind        stack             where         what it has
    host        H--host            main          control plane: table, bucket, dead letters, health function, its record
    region      H--region          each region   network, images' repository; main region: its record; peered hub: its side of the peering
    hub         H--hub-R           main          the record of hub region R: which regions there are is known in the main region
    peering     H--peering-R       main          the main region's routes to the peered hub R
    cluster     H--cluster-C       each region   compute environments and job queue; in the main region its record
    definition  H--definition-D    each region   job definition and roles; in the main region its record
    queue       H--queue-Q         main          its record

A record is the body of a resource in an SSM parameter: what the host has is what is recorded, how it is, the stacks say.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cyclone_core import naming
from cyclone_core.infra.addresses import DEFAULT_ZONES, vpc_of
from cyclone_core.infra.plan import Bodies

Key = tuple[str, str]
"""(region, name of the stack)"""
EVERYWHERE = ("cluster", "definition")
"""Kinds of resources with a stack in each region, unless nothing of them is there (`is_everywhere`)."""


@dataclass(frozen=True)
class Place:
    """Whose stacks they are: the host's name, its account and its main region."""

    host: str
    account: str
    main_region: str


@dataclass(frozen=True)
class Target:
    """A stack that is wanted."""

    place: Place
    region: str
    kind: str
    """host, region, hub, peering, cluster, definition or queue"""
    name: str
    """of the resource; of a hub or peering the hub region"""
    properties: Mapping[str, Any] = field(hash=False)
    """what its template depends on beside the place, as JSON has it: `body`, `record` (whether it holds the record), …"""
    after: tuple[Key, ...] = ()
    """stacks that must be there first, where they are wanted at all"""

    @property
    def stack(self) -> str:
        """The stack's name."""
        return naming.stack(self.place.host, self.kind, "" if self.kind in ("host", "region") else self.name)

    @property
    def key(self) -> Key:
        """Region and stack."""
        return self.region, self.stack

    @property
    def tags(self) -> dict[str, str]:
        """The stack's tags."""
        return {naming.TAG_HOST: self.place.host, naming.TAG_KIND: self.kind, naming.TAG_NAME: self.name}

    def digest(self) -> str:
        """Equal for targets with equal templates."""
        place = [self.place.host, self.place.account, self.place.main_region]
        return sha256(json.dumps([place, self.region, self.kind, self.name, self.properties], sort_keys=True).encode()).hexdigest()


def targets(place: Place, bodies: Bodies) -> list[Target]:
    """Every stack that these resources want; what others need comes before them.

    bodies: kind -> name -> body, with the kind `host` too (none: the host's stack is not wanted, and so nothing is).
    """
    return list(_targets(place, bodies)) if bodies.get("host") else []


def of(all_of_them: list[Target], kind: str, name: str) -> list[Target]:
    """The targets of one resource; a region's are also its registration and peering."""
    kinds = ("region", "hub", "peering") if kind == "region" else (kind,)
    return [target for target in all_of_them if target.kind in kinds and target.name == name]


def resource_of(kind: str, name: str) -> tuple[str, str] | None:
    """(kind, name) of the resource whose stack, or change of a plan, this is: a hub or peering is a region's; None for others."""
    if kind in ("bootstrap", "machine-image"):
        return None
    return ("region" if kind in ("hub", "peering") else kind, name)


def _targets(place: Place, bodies: Bodies) -> Iterator[Target]:
    main = place.main_region
    regions = bodies.get("region", {})
    for name, body in bodies["host"].items():
        yield Target(place, main, "host", name, {"body": body, "record": True})
    for name in sorted(regions, key=lambda region: (region != main, region)):
        yield from _region(place, name, regions)
    for kind in EVERYWHERE:
        for name, body in sorted(bodies.get(kind, {}).items()):
            places = sorted(regions, key=lambda region: (region != main, region))
            for region in places if is_everywhere(kind, body) else places[:1]:
                after = ((region, naming.stack(place.host, "region")),) if kind == "cluster" else ()
                network = _network_of(body, regions[region]) if kind == "cluster" else {}
                yield Target(place, region, kind, name, {"body": body, "record": region == main, **network}, after)
    for name, body in sorted(bodies.get("queue", {}).items()):
        after = ((main, naming.stack(place.host, "cluster", str(body.get("cluster", "")))),)
        yield Target(place, main, "queue", name, {"body": body, "record": True}, after)


def is_everywhere(kind: str, body: Mapping[str, Any]) -> bool:
    """Whether a cluster or definition has something in each region.

    A cluster of machines that join has none of AWS's, and a definition without an image none that AWS would start containers of: their
    stacks, in the main region alone, have the record, and perhaps the role of those that join.
    """
    return body.get("launch_type") != "ONPREM" if kind == "cluster" else has_image(body)


def has_image(definition: Mapping[str, Any]) -> bool:
    """Whether a definition says what containers are made from."""
    return bool(definition.get("image_uri") or definition.get("cyclone_image_name"))


def _network_of(cluster: Mapping[str, Any], region: Mapping[str, Any]) -> dict[str, Any]:
    """What a cluster that uses only some zones at first has to know of its network; no other depends on it.

    per_zone: a subnet of each zone of an imported network; of one that was made each zone has one, in their order.
    """
    if not cluster.get("first_zones"):
        return {}
    zones = int(region.get("availability_zones") or DEFAULT_ZONES)
    return {"network": {"zones": zones, "per_zone": region.get("endpoint_subnets") or []}}


def _region(place: Place, name: str, regions: Mapping[str, Mapping[str, Any]]) -> Iterator[Target]:
    main, body, network = place.main_region, regions[name], naming.stack(place.host, "region")
    if name == main:
        yield Target(place, main, "region", name, {"body": body, "record": True, "peer": None})
        return
    peered = bool(body.get("peer_with_main_region")) and main in regions
    peer = {"region": main, **vpc_of(regions[main])} if peered else None
    yield Target(place, main, "hub", name, {"body": body, "record": True})
    hub_record = (main, naming.stack(place.host, "hub", name))
    yield Target(
        place, name, "region", name, {"body": body, "record": False, "peer": peer}, (hub_record, *([(main, network)] if peered else []))
    )
    if peered:
        properties = {"hub": name, **vpc_of(body), "main": regions[main]}
        yield Target(place, main, "peering", name, properties, ((main, network), (name, network)))
