"""Regions of a host, and the templates of their stacks."""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.infra.synth import Synthesizer
from cyclone_core.infra.targets import Key, Place, targets
from tests.stacks.bodies import MAIN, PLACE, body

HUB = "eu-west-1"
IMPORTED: dict[str, Any] = {
    "import_vpc": True,
    "vpc_id": "vpc-0a1b2c3d4e5f60718",
    "cidr": "172.31.0.0/16",
    "subnets": ["subnet-0a1b2c3d4e5f60718", "subnet-1a1b2c3d4e5f60718"],
    "route_tables": ["rtb-0a1b2c3d4e5f60718"],
}
NETWORK_KINDS = ("region", "hub", "peering")
Template = Mapping[str, Any]
Settings = Mapping[str, Mapping[str, Any]]
"""region -> fields of its body that are not the usual ones"""


def network_targets(place: Place, settings: Settings) -> list[Any]:
    """The targets of regions, what others need first."""
    regions: dict[str, Any] = {}
    for number, (name, fields) in enumerate(settings.items()):
        usual = {**body("region", name, cidr=f"10.{number}.0.0/16"), "main_region": name == place.main_region}
        regions[name] = {**usual, **fields}
    return [target for target in targets(place, {"host": {place.host: {}}, "region": regions}) if target.kind in NETWORK_KINDS]


def templates(synthesizer: Synthesizer, settings: Settings, place: Place = PLACE) -> dict[Key, Template]:
    """Their templates."""
    return {key: made.body for key, made in synthesizer.templates(network_targets(place, settings)).items()}


def main_network(synthesizer: Synthesizer, **fields: Any) -> Template:
    """The template of a main region."""
    return templates(synthesizer, {MAIN: fields})[MAIN, naming.stack("grid", "region")]


def types(template: Template) -> Counter[str]:
    """How many resources of each type, without AWS::."""
    return Counter(resource["Type"].removeprefix("AWS::") for resource in template["Resources"].values())


def properties(template: Template, kind: str) -> dict[str, Any]:
    """Logical id -> properties, of one type."""
    return {name: found["Properties"] for name, found in template["Resources"].items() if found["Type"] == f"AWS::{kind}"}


@cache
def replacing(kind: str) -> frozenset[str]:
    """Properties of a type whose change makes a new resource, as its schema says."""
    schemas = pytest.importorskip("cfnlint.schema.manager", reason="the tests of templates need the extra test")
    schema = schemas.PROVIDER_SCHEMA_MANAGER.get_resource_schema(MAIN, kind).schema
    return frozenset(path.split("/")[2] for path in schema.get("createOnlyProperties", ()))


def default_routes(template: Template) -> dict[str, Any]:
    """Route table -> where everything leads."""
    found = properties(template, "EC2::Route").values()
    gateways = ("GatewayId", "NatGatewayId")
    return {
        route["RouteTableId"]["Ref"]: next(route[gateway]["Ref"] for gateway in gateways if gateway in route)
        for route in found
        if route["DestinationCidrBlock"] == "0.0.0.0/0"
    }
