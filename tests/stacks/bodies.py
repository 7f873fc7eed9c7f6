"""Bodies of resources and their targets, as planning an AWS host makes them."""

from collections.abc import Mapping
from typing import Any

from cyclone_core.infra.plan import Bodies
from cyclone_core.infra.targets import Place, Target
from cyclone_core.resource_bodies import aws_body
from cyclone_core.resources import MODELS, Host

ACCOUNT = "123456789012"
MAIN = "us-east-1"
HOST = Host(name="grid", type="aws", account=ACCOUNT, region=MAIN)
PLACE = Place("grid", ACCOUNT, MAIN)
IMAGE = "public.ecr.aws/docker/library/python:3.14"


def body(kind: str, name: str = "default", bodies: Bodies | None = None, host: Host = HOST, **fields: Any) -> dict[str, Any]:
    """A body, from the fields as a user gives them; what is looked up in the account is made up."""
    found = aws_body(MODELS[kind].model_validate({"name": name, **fields}), host, bodies or {})
    if found.get("main_region_image_name"):
        found["machine_images"] = dict.fromkeys((bodies or {}).get("region", {MAIN: {}}), "ami-0123456789abcdef0")
    if kind == "region":
        found["availability_zones"] = found.get("availability_zones") or 3
    if kind == "region" and found["import_vpc"]:
        found |= {
            "cidr": found["cidr"] or "172.31.0.0/16",
            "subnets": ["subnet-0a1b2c3d", "subnet-4e5f6a7b"],
            "route_tables": ["rtb-0a1b2c3d"],
        }
    return found


def cluster(name: str = "default", **fields: Any) -> dict[str, Any]:
    """A cluster's body."""
    return body("cluster", name, **fields)


def definition(name: str = "default", **fields: Any) -> dict[str, Any]:
    """A definition's body; it has an image."""
    return body("definition", name, **{"image_uri": IMAGE, **fields})


def target(kind: str, of: Mapping[str, Any], region: str = MAIN, place: Place = PLACE, **more: Any) -> Target:
    """The target of a cluster, definition or queue. more: further properties."""
    return Target(place, region, kind, str(of["name"]), {"body": of, "record": region == place.main_region, **more})
