"""What stands against a plan of an AWS host, before the first stack is touched: every problem at once, each with its remedy.

Pure. `body_problems` judges one resource next to the others, so that a form can ask while somebody types; what had to be looked up in the
account (zones, quotas, instance types that a region lacks) comes in as values. AWS hosts keep the rules between resources that all hosts
have (`scheduler.references`), but for images, which they do not have yet.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cyclone_core.field_meaning import ONLY_WITH, is_meant
from cyclone_core.infra import addresses, checks, ec2_checks, worker_containers
from cyclone_core.infra import plan as plans
from cyclone_core.infra.plan import Bodies, Change, Plan
from cyclone_core.problems import Problem
from cyclone_core.resource_bodies import MOST_RECORD_BYTES, aws_record, dump, read_cidr
from cyclone_core.resource_fields import plain
from cyclone_core.resources import Cluster

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")
_LATER = "with a later version of Cyclone"
Body = Mapping[str, Any]


def problems(plan: Plan, current: Bodies) -> list[Problem]:
    """Why a plan (of resources, not yet of stacks) cannot be applied to an AWS host that has `current`."""
    found, state = _references(plan, current), current
    for change in sorted(plan.changes, key=_turn):
        after = plans.applied(Plan((change,)), state)
        if change.body is None:
            found += deletion_problems(change.kind, change.name, state)
        else:
            found += body_problems(change.kind, change.body, after, state.get(change.kind, {}).get(change.name))
        state = after
    return list(dict.fromkeys(found))


def _turn(change: Change) -> tuple[int, bool]:
    """The main region is there before the others, and goes after them; definitions are judged by the clusters that there will be."""
    if change.kind != "region":
        return (2 if change.body is not None else 3), change.kind == "definition"
    is_main = bool((change.body or change.before or {}).get("main_region"))
    return (1, not is_main) if change.body is not None else (4, is_main)


def _references(plan: Plan, current: Bodies) -> list[Problem]:
    """The rules of all hosts; an image that a definition names is refused for another reason."""
    named: dict[str, Body] = {
        str(body["cyclone_image_name"]): {} for change in plan.changes if (body := change.body or {}).get("cyclone_image_name")
    }
    return checks.problems(plan, {**current, "image": {**current.get("image", {}), **named}}, {})


def body_problems(kind: str, body: Body, bodies: Bodies, before: Body | None = None) -> list[Problem]:
    """What is wrong with one resource. bodies: the host's, with this one; before: what it was, None for a new one."""
    judges = {"region": _region, "cluster": _cluster, "queue": _queue, "definition": _definition, "image": _image}
    found = list(judges[kind](body, bodies)) if kind in judges else []
    if kind == "region" and before is not None:
        found += _network_in_use(body, before, bodies)
    if kind == "cluster" and body.get("launch_type") == "ONPREM":
        found += _meaningless(body, before or {})
    if kind in ("cluster", "definition", "queue") and not bodies.get("region"):
        remedy = "Initialise the main region first: hyper regions init-main-region"
        found.append(Problem(_path(kind, body), "the host has no region yet", remedy))
    return [*found, *_too_long(kind, body)]


def deletion_problems(kind: str, name: str, bodies: Bodies) -> list[Problem]:
    """Why a resource of an AWS host cannot be deleted yet, beside the rules of all hosts."""
    regions = bodies.get("region", {})
    if kind != "region":
        return []
    if not regions.get(name, {}).get("main_region"):
        return _still_weighed(name, bodies)
    others = sorted(region for region in regions if region != name)
    users = [f"{kind} {each}" for kind in ("cluster", "queue", "definition") for each in sorted(bodies.get(kind, {}))]
    left = [*(f"region {other}" for other in others), *users]
    if not left:
        return []
    shown = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
    remedy = "Delete these first, or the whole host: hyper hosts delete-host"
    return [Problem(f"regions[{name}]", f"it is the main region, and the host still has {shown}", remedy)]


def _still_weighed(name: str, bodies: Bodies) -> list[Problem]:
    """Weights of a region that is gone would stand against every later change of their queue."""
    users = sorted(queue for queue, body in bodies.get("queue", {}).items() if name in (body.get("region_distribution_weights") or {}))
    if not users:
        return []
    verb = "queue still gives" if len(users) == 1 else "queues still give"
    remedy = "Give their weights without it first: hyper queues update-queue --name NAME --region-distribution-weights REGION WEIGHT"
    return [Problem(f"regions[{name}]", f"{len(users)} {verb} it a weight: {', '.join(users)}", remedy)]


# -- regions ----------------------------------------------------------------------------------------------------------


def _region(body: Body, bodies: Bodies) -> Iterator[Problem]:
    path, regions = _path("region", body), bodies.get("region", {})
    if not _REGION.fullmatch(str(body["name"])):
        yield Problem(f"{path}.name", f"{body['name']!r} is not the name of an AWS region", "Write it as eu-west-1")
    elif not body.get("main_region") and not any(other.get("main_region") for other in regions.values()):
        yield Problem(path, "the host has no main region yet", "Initialise it first: hyper regions init-main-region")
    if body.get("main_region") and body.get("peer_with_main_region"):
        yield Problem(f"{path}.peer_with_main_region", "it is the main region itself", "Leave it out")
    yield from _address_problems(path, body)
    yield from _subnet_problems(path, body)
    yield from _overlaps(path, body, regions)


def _address_problems(path: str, body: Body) -> Iterator[Problem]:
    cidr, vpc_id = body.get("cidr"), body.get("vpc_id")
    if body.get("import_vpc"):
        if not vpc_id:
            yield Problem(f"{path}.vpc_id", "it says which network to import, and is not given", "Give it with --vpc-id, or --vpc vpc-…")
        elif not re.fullmatch(r"vpc-[0-9a-f]{8,17}", str(vpc_id)):
            yield Problem(f"{path}.vpc_id", f"{vpc_id!r} is not the id of a network", "It looks as vpc-0a1b2c3d4e5f67890")
        return
    found = addresses.problem(str(cidr), int(body.get("availability_zones") or addresses.DEFAULT_ZONES), f"{path}.cidr")
    if found is not None:
        yield found


def _subnet_problems(path: str, body: Body) -> Iterator[Problem]:
    subnets, nats, zones = body.get("subnet_config"), int(body.get("nat_gateways") or 0), int(body.get("availability_zones") or 0)
    if body.get("import_vpc"):
        if nats:
            yield Problem(f"{path}.nat_gateways", "an imported network keeps the NAT gateways that it has", "Leave it out")
        return
    if subnets == "PRIVATE_WITH_NAT" and not nats:
        yield Problem(f"{path}.nat_gateways", "PRIVATE_WITH_NAT needs 1 at least", "Give 1, or another --subnet-config")
    if subnets != "PRIVATE_WITH_NAT" and nats:
        yield Problem(
            f"{path}.nat_gateways", f"{subnets} subnets use no NAT gateway", "Leave it out, or use --subnet-config PRIVATE_WITH_NAT"
        )
    if zones and nats > zones:
        yield Problem(f"{path}.nat_gateways", f"{nats} are more than the {zones} zones of the network", f"Give {zones} at most")
    if subnets == "PRIVATE_ISOLATED" and body.get("deploy_vpc_endpoints") != "FOR_PRIVATE_VPC":
        message = "workers in isolated subnets reach AWS through endpoints only"
        yield Problem(f"{path}.deploy_vpc_endpoints", message, "Use --deploy-vpc-endpoints FOR_PRIVATE_VPC")


def _overlaps(path: str, body: Body, regions: Mapping[str, Body]) -> Iterator[Problem]:
    """Networks that are connected with the main region's must not overlap it, nor each other: it has a route to each."""
    mine = read_cidr(body.get("cidr"))
    connected = body.get("main_region") or body.get("peer_with_main_region")
    if mine is None or not connected:
        return
    for name, other in sorted(regions.items()):
        theirs = read_cidr(other.get("cidr"))
        if name == body["name"] or theirs is None or not (other.get("main_region") or other.get("peer_with_main_region")):
            continue
        if mine.overlaps(theirs):
            field = "vpc_id" if body.get("import_vpc") else "cidr"
            message = f"{mine} overlaps {theirs} of region {name}, so the networks cannot be connected"
            yield Problem(f"{path}.{field}", message, "Choose another range (--vpc), or leave --peer-with-main-region out")


def _network_in_use(body: Body, before: Body, bodies: Bodies) -> list[Problem]:
    """A network's subnets are exported: CloudFormation keeps them as long as clusters use them."""
    changed = [name for name in addresses.SEEN_OUTSIDE if _given(body, name) != before.get(name) and _given(body, name) is not None]
    clusters = sorted(bodies.get("cluster", {}))
    peered = body.get("peer_with_main_region") or (
        body.get("main_region") and any(other.get("peer_with_main_region") for other in bodies.get("region", {}).values())
    )
    if not changed or not (clusters or peered):
        return []
    again = f"delete the region and add it again (hyper regions delete-region --name {body['name']})"
    remedy = "Delete the clusters and peered regions first" if body.get("main_region") else f"To have another network, {again}"
    why = f"clusters are in it ({', '.join(clusters[:3])}{', …' if len(clusters) > 3 else ''})" if clusters else "it is connected to others"
    return [Problem(f"{_path('region', body)}.{name}", f"the network cannot be changed: {why}", remedy) for name in changed]


def _given(body: Body, name: str) -> Any:
    """An imported network's range is what it is."""
    return None if name == "cidr" and body.get("import_vpc") else body.get(name)


# -- clusters, queues, definitions -------------------------------------------------------------------------------------


def _cluster(body: Body, bodies: Bodies) -> Iterator[Problem]:
    path = _path("cluster", body)
    yield from _joining_problems(path, body)
    if body.get("launch_type") == "ONPREM":
        return  # it has no other fields that mean something (`_meaningless`)
    if body.get("launch_type") == "EC2":
        yield from ec2_checks.problems(path, body, sorted(bodies.get("region", {})))
    if body.get("type") == "ONDEMAND" and body.get("allocation_strategy") == "SPOT_CAPACITY_OPTIMIZED":
        message = "SPOT_CAPACITY_OPTIMIZED is for spot instances, and the cluster is ONDEMAND"
        yield Problem(f"{path}.allocation_strategy", message, "Use BEST_FIT_PROGRESSIVE or BEST_FIT")
    if not body.get("instance_list"):
        yield Problem(f"{path}.instance_list", "no instance type is given", "Give types or families, or optimal")
    listed = [str(each) for each in (*(body.get("instance_list") or ()), *(body.get("fallback_instance_list") or ()))]
    if len({_is_arm(each) for each in listed}) > 1:
        message = f"{', '.join(listed)} are of both architectures, arm64 and x86_64, which no cluster mixes"
        yield Problem(f"{path}.instance_list", message, "Make a cluster for each")
    yield from _fallback_problems(path, body)
    reserved = sorted(key for key in body.get("compute_resources_tags") or {} if key.lower().startswith("aws:"))
    for key in reserved:
        yield Problem(f"{path}.compute_resources_tags", f"the tag {key} cannot be set: AWS keeps those that begin with aws:", "Rename it")


def _meaningless(body: Body, before: Body) -> Iterator[Problem]:
    """What was given although machines that join have nothing of it. before: what stays as it was is of an earlier launch type."""
    on_demand = body.get("type") == "ONDEMAND"
    for name, field in Cluster.model_fields.items():
        usual = (plain(field.get_default(call_default_factory=True)), None)
        if name == "allocation_strategy" and on_demand and body.get(name) == "BEST_FIT_PROGRESSIVE":
            continue  # follows from the type
        if ONLY_WITH.get(("cluster", name), ("",))[0] != "launch_type" or is_meant("cluster", name, body):
            continue
        if body.get(name) not in (*usual, before.get(name)):
            message = "it is of instances that AWS starts, and the cluster is of type ONPREM: it has only machines that join"
            yield Problem(f"{_path('cluster', body)}.{name}", message, "Leave it out, or make a cluster of another type")


def _joining_problems(path: str, body: Body) -> Iterator[Problem]:
    """What of how machines join does not go together."""
    way, authority = body.get("join_with") or "PROFILE", body.get("certificate_authority")
    if way == "ROLES_ANYWHERE" and not authority:
        message = "ROLES_ANYWHERE needs the certificate of the authority that signs those of the machines"
        yield Problem(f"{path}.certificate_authority", message, "Give its file: --certificate-authority FILE")
    if way != "ROLES_ANYWHERE" and authority:
        yield Problem(
            f"{path}.certificate_authority", f"machines join with {way}", "Take it away (--certificate-authority ''), or use ROLES_ANYWHERE"
        )


def _fallback_problems(path: str, body: Body) -> Iterator[Problem]:
    """Steps of the fallback chain that a user gave, and that would never be taken."""
    given = {step for step, seconds in (body.get("fallback") or {}).items() if seconds}
    if "on-demand" in given and body.get("type") == "ONDEMAND":
        yield Problem(f"{path}.fallback", "the cluster is ONDEMAND: on-demand instances are its first step", "Leave the step on-demand out")
    if "zones" in given and not body.get("first_zones"):
        message = "the step zones is for a cluster that uses only some zones at first, and this one uses all"
        yield Problem(f"{path}.fallback", message, "Say how many with --first-zones, or leave the step zones out")
    if "instance-types" in given and not body.get("fallback_instance_list") and "optimal" not in (body.get("instance_list") or ()):
        message = "the step instance-types takes other types, and none are given"
        yield Problem(f"{path}.fallback", message, "Give them with --fallback-instance-list, or leave the step instance-types out")


def is_of_batch(cluster: Body) -> bool:
    """Whether a cluster runs containers alone. Machines may join it, and run what has no image; no job can count on that."""
    return bool(cluster.get("launch_type", "BATCH") == "BATCH")


def _is_arm(instances: str) -> bool:
    """Whether a type, a family, or one of Batch's own words is of arm64: Graviton's families have a g after the generation."""
    return instances == "default_arm64" or re.match(r"(?:[a-z]+\d+g|a1\b)", instances) is not None


def _queue(body: Body, bodies: Bodies) -> Iterator[Problem]:
    for region in sorted(set(body.get("region_distribution_weights") or {}) - set(bodies.get("region", {}))):
        known = ", ".join(sorted(bodies.get("region", {}))) or "none yet"
        message = f"the host has no region {region!r}"
        remedy = f"Its regions: {known}. Add it first: hyper regions add-region --name {region}"
        yield Problem(f"{_path('queue', body)}.region_distribution_weights", message, remedy)


def _definition(body: Body, bodies: Bodies) -> Iterator[Problem]:
    path = _path("definition", body)
    if body.get("cyclone_image_name"):
        yield Problem(f"{path}.cyclone_image_name", f"images of AWS hosts come {_LATER}", "Give the address of one: --image-uri")
    elif not body.get("image_uri"):
        if any(not is_of_batch(cluster) for cluster in bodies.get("cluster", {}).values()):
            return  # it is for machines, of which nothing of the following is true
        message = "tasks on AWS Batch run in containers, so an image is needed"
        yield Problem(f"{path}.image_uri", message, "Give its address: --image-uri (or make a cluster of type EC2 or ONPREM first)")
    timeout = float(body.get("timeout_minutes") or 0)
    if 0 < timeout < 1:
        yield Problem(
            f"{path}.timeout_minutes", f"AWS Batch lets a worker live a minute at least, and this is {timeout:g}", "Give 1 or more"
        )
    yield from worker_containers.problems(body, path)


def _image(body: Body, bodies: Bodies) -> Iterator[Problem]:
    hint = "Push it to a registry and give its address: hyper definitions add-definition --image-uri ADDRESS"
    yield Problem(_path("image", body), f"images of AWS hosts come {_LATER}", hint)


def _too_long(kind: str, body: Body) -> list[Problem]:
    size = len(aws_record(body))
    if size <= MOST_RECORD_BYTES:
        return []
    largest = max(body, key=lambda name: len(dump({name: body[name]})))
    message = f"its record has {size:,} bytes, and at most {MOST_RECORD_BYTES:,} fit; the most are in {largest}"
    return [Problem(f"{_path(kind, body)}.{largest}", message, "Shorten it, or keep large values in a file that tasks read")]


def _path(kind: str, body: Body) -> str:
    return f"{kind}s[{body['name']}]"
