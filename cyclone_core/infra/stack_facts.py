"""What of wanted resources takes a look at the account: zones, parts of imported networks, machine images, what regions offer, quotas.

Looked up while planning and put into the bodies, so that making stacks needs no further look, and the same plan means the same a minute
later. What was found when a resource was stored is kept: a new subnet in an imported network changes nothing until somebody says so. Only
what a change touches is looked at, all of it at once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclone_core.errors import AwsError
from cyclone_core.infra import addresses, machine_images, stack_quotas
from cyclone_core.infra.deployed_stacks import THREADS, Recorded
from cyclone_core.infra.plan import Bodies
from cyclone_core.infra.targets import Place
from cyclone_core.problems import Problem
from cyclone_core.quotas import Need
from cyclone_core.scheduler.references import nearest

if TYPE_CHECKING:
    from cyclone_core.aws.account import Account
    from cyclone_core.aws.network import Subnet

_TYPES = {
    "instance_list": "Leave them out, or take optimal, which every region has",
    "fallback_instance_list": "Leave them out: others may be given for all regions",
}
"""Fields of a cluster that name instance types; what to do about those that a region lacks."""
_PREFERRED = ("PRIVATE_WITH_NAT", "PUBLIC", "PRIVATE_ISOLATED")
"""Which subnets of an imported network are the workers' when nobody says."""
Body = Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """Bodies with nothing left open, and what the account says against them."""

    bodies: Recorded
    problems: tuple[Problem, ...] = ()
    needs: tuple[Need, ...] = ()
    """what the change takes of the account's quotas"""


Look = Callable[[], tuple[str, str, Body, list[Problem]]]
"""() -> kind, name, completed body, problems"""


def resolve(account: "Account", place: Place, known: Bodies, desired: Bodies, touched: Collection[tuple[str, str]], whole: bool) -> Facts:
    """The desired bodies, completed. known: what the host has; touched: (kind, name) of what is looked at although it is as known."""
    regions = list(desired.get("region", {}))
    new = [region for region in regions if region not in known.get("region", {})]

    def concerns(kind: str, name: str) -> bool:
        return whole or (kind, name) in touched or known.get(kind, {}).get(name) != desired[kind][name]

    looks: list[Look] = [
        _region(account, name, body, known.get("region", {}).get(name))
        for name, body in desired.get("region", {}).items()
        if concerns("region", name)
    ]
    looks += [
        _cluster(account, place, name, body, regions if concerns("cluster", name) else new)
        for name, body in desired.get("cluster", {}).items()
        if new or concerns("cluster", name)
    ]
    bodies: Recorded = {kind: dict(found) for kind, found in desired.items()}
    problems: list[Problem] = []
    needs: tuple[Need, ...] = ()
    with ThreadPoolExecutor(THREADS) as pool:
        enabled = set(account.regions()) if new else set()
        unknown = [region for region in new if region not in enabled]
        problems += [not_enabled(f"regions[{region}].name", region, tuple(sorted(enabled))) for region in unknown]
        usable = [region for region in regions if region not in unknown]
        if not unknown:
            for kind, name, body, found in pool.map(lambda look: look(), looks):
                bodies[kind][name] = body
                problems += found
            needs = stack_quotas.needs(account, pool, known, bodies, usable)
            problems += stack_quotas.problems(needs)
    return Facts(bodies, tuple(problems), needs)


def not_enabled(path: str, region: str, enabled: Sequence[str]) -> Problem:
    """Why a region cannot be used."""
    near = nearest(region, enabled)
    hint = f"Did you mean {near}? Else enable" if near else "Enable"
    remedy = f"{hint} it: aws account enable-region --region-name {region}"
    return Problem(path, f"the region {region} is not enabled for this account, or there is none of that name", remedy)


# -- regions ----------------------------------------------------------------------------------------------------------


def _region(account: "Account", name: str, body: Body, before: Body | None) -> Look:
    def look() -> tuple[str, str, Body, list[Problem]]:
        found = _imported(account, name, body) if body.get("import_vpc") else _made(account, name, body, before)
        return "region", name, *found

    return look


def _made(account: "Account", name: str, body: Body, before: Body | None) -> tuple[Body, list[Problem]]:
    """A new network's zones."""
    if before is not None and before.get("availability_zones") == body.get("availability_zones"):
        return body, []
    from cyclone_core.aws import network

    there = network.zones(account, name)
    zones = body.get("availability_zones") or min(addresses.DEFAULT_ZONES, len(there))
    if zones <= len(there):
        return {**body, "availability_zones": zones}, []
    what = f"{name} has {len(there)} availability zones for this account, and {zones} are asked for"
    return {**body, "availability_zones": zones}, [Problem(f"regions[{name}].availability_zones", what, f"Give {len(there)} at most")]


def _imported(account: "Account", name: str, body: Body) -> tuple[Body, list[Problem]]:
    """The parts of an existing network that are used."""
    if body.get("subnets") and body.get("route_tables") and body.get("cidr"):
        return body, []
    from cyclone_core.aws import network

    path, vpc_id = f"regions[{name}].vpc_id", str(body.get("vpc_id"))
    try:
        (vpc,) = network.vpcs(account, name, vpc_id)
    except (AwsError, ValueError) as exc:
        if isinstance(exc, AwsError) and not exc.code.startswith("InvalidVpc"):
            raise
        there = ", ".join(f"{each.id} ({each.name or each.cidr})" for each in network.vpcs(account, name)[:5]) or "none"
        return body, [Problem(path, f"there is no network {vpc_id} in {name}", f"Its networks: {there}")]
    kinds = [kind for kind in _PREFERRED if any(subnet.kind == kind for subnet in vpc.subnets)]
    wanted = body.get("subnet_config") or (kinds[0] if kinds else None)
    chosen = [subnet for subnet in vpc.subnets if subnet.kind == wanted]
    if not chosen:
        has = f"it has {', '.join(kinds)}" if kinds else "it has none at all"
        remedy = "Choose one of them with --subnet-config" if kinds else "Make some in it, or import another network"
        return {**body, "cidr": vpc.cidr}, [
            Problem(path, f"the network {vpc_id} has no {f'{wanted} ' if wanted else ''}subnets: {has}", remedy)
        ]
    return {**body, **_parts(vpc.cidr, str(wanted), chosen)}, []


def _parts(cidr: str, kind: str, chosen: "Sequence[Subnet]") -> dict[str, Any]:
    """What the stack of a region is told of an imported network. An endpoint takes one subnet a zone."""
    per_zone = {subnet.zone: subnet.id for subnet in reversed(chosen)}
    return {
        "cidr": cidr,
        "subnet_config": kind,
        "subnets": [subnet.id for subnet in chosen],
        "endpoint_subnets": [per_zone[zone] for zone in sorted(per_zone)],
        "route_tables": list(dict.fromkeys(subnet.route_table for subnet in chosen if subnet.route_table)),
        "availability_zones": len(per_zone),
    }


# -- clusters ---------------------------------------------------------------------------------------------------------


def _cluster(account: "Account", place: Place, name: str, body: Body, regions: Iterable[str]) -> Look:
    def look() -> tuple[str, str, Body, list[Problem]]:
        problems: list[Problem] = []
        for region in regions:
            problems += _not_offered(account, region, name, body)
        images = dict(body.get("machine_images") or {})
        if body.get("main_region_image_name"):
            problems += _machine_images(account, place, name, str(body["main_region_image_name"]), regions, images)
        return "cluster", name, {**body, "machine_images": images} if images else body, problems

    return look


def _not_offered(account: "Account", region: str, name: str, body: Body) -> list[Problem]:
    from cyclone_core.aws import network

    lists = {field: [str(each) for each in body.get(field) or () if each != "optimal"] for field in _TYPES}
    types = dict.fromkeys(each for listed in lists.values() for each in listed)
    missing = network.not_offered(account, region, types) if types else ()
    problems = []
    for field, listed in lists.items():
        if gone := [each for each in missing if each in listed]:
            what = f"{region} does not offer {', '.join(gone)}"
            problems.append(Problem(f"clusters[{name}].{field}", what, _TYPES[field]))
    return problems


def _machine_images(
    account: "Account", place: Place, name: str, image: str, regions: Iterable[str], images: dict[str, Any]
) -> list[Problem]:  # fmt: skip
    """What each region starts instances from: an image of that name, else a copy of the main region's."""
    from cyclone_core.aws import network

    main = images.get(place.main_region) or network.machine_image(account, place.main_region, image)
    if main is None:
        what = f"there is no machine image {image!r} in the main region {place.main_region}"
        remedy = f"Your images there: aws ec2 describe-images --owners self --region {place.main_region} --query Images[].Name"
        return [Problem(f"clusters[{name}].main_region_image_name", what, remedy)]
    images[place.main_region] = main
    for region in regions:
        images[region] = images.get(region) or network.machine_image(account, region, image) or machine_images.copy_of(main)
    return []
