"""What a wizard is offered on AWS: profiles, account, regions, networks, zones, instance types, machine images and what quotas leave.

Findings come as they are made, what needs no request first; what does not depend on each other is asked for at once. What cannot be asked
is a warning that says why and what to do (a missing right names its IAM action), never an end. `Sight` is what an account is asked, as
values.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any, Protocol

from cyclone_core.errors import AccessDenied, CycloneError
from cyclone_core.infra.plan import Bodies
from cyclone_core.operations.discovery import Choice, Finding
from cyclone_core.prices import table as prices
from cyclone_core.quotas import Quota as Quota
from cyclone_core.resources import Host

_MOST_AT_ONCE = 8
_KINDS = {"PUBLIC": "public", "PRIVATE_WITH_NAT": "private with NAT", "PRIVATE_ISOLATED": "private"}
"""Kinds of subnets, as a list of networks says them."""


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    account: str
    arn: str
    source: str
    """where the credentials come from: `profile work`, `the sandbox`"""


@dataclass(frozen=True)
class Network:
    """A VPC that is there."""

    id: str
    name: str
    ranges: tuple[str, ...]
    """CIDRs of IPv4, the first one its own"""
    subnets: Mapping[str, int] = field(default_factory=dict)
    """kind -> how many"""


class Sight(Protocol):
    """What an account is asked. All raise CycloneError."""

    def profiles(self) -> Sequence[tuple[str, str]]:
        """(name, what helps to choose) of the AWS configuration."""
        ...

    def sandbox(self) -> str:
        """Why no sandbox can be used, "" when one runs."""
        ...

    def caller(self) -> Caller:
        """Whose credentials they are."""
        ...

    def default_region(self) -> str:
        """What the configuration says."""
        ...

    def regions(self) -> Sequence[str]:
        """Those that are enabled."""
        ...

    def zones(self, region: str) -> Sequence[str]:
        """Availability zones."""
        ...

    def networks(self, region: str) -> Sequence[Network]:
        """VPCs of a region, with their subnets."""
        ...

    def networks_left(self, region: str) -> Quota:
        """VPCs."""
        ...

    def addresses_left(self, region: str) -> Quota:
        """Elastic IPs."""
        ...

    def instance_types(self, region: str) -> Sequence[str]:
        """Those that are offered there."""
        ...

    def machine_images(self, region: str) -> Sequence[tuple[str, str]]:
        """(name, what helps to choose) of the account's own."""
        ...


Look = Callable[[str | None, str | None, bool], Sight]
"""(profile, region, on the sandbox) -> the account to ask."""
Finder = Callable[[], Iterator[Finding]]


def discover(host: Host, kind: str, bodies: Bodies, given: Mapping[str, object], look: Look) -> Iterator[Finding]:
    """Findings for a resource of a kind on an AWS host, or for an AWS host. given: the draft's answers so far. Blocking."""
    if kind == "host":
        sandbox = _is_yes(given.get("sandbox"))
        sight = look(None if sandbox else _text(given.get("profile")), None, sandbox)
        yield from _host(sight, _text(given.get("region")), sandbox)
        return
    sight = look(host.profile, host.region, host.sandbox)
    finders: Mapping[str, Callable[[], Iterator[Finding]]] = {
        "region": lambda: _region(sight, bodies, host.region or "", _text(given.get("name"))),
        "cluster": lambda: _cluster(sight, host, bodies),
        "queue": lambda: _queue(bodies),
        "definition": lambda: _definition(bodies),
    }
    yield from finders.get(kind, lambda: iter(()))()


# -- hosts ------------------------------------------------------------------------------------------------------------
def _host(sight: Sight, region: str | None, sandbox: bool) -> Iterator[Finding]:
    why_not = sight.sandbox()
    profiles = tuple(Choice(*one) for one in sight.profiles())
    note = ("" if sandbox else "a sandbox runs on this machine: choose yes to try everything without an account") if not why_not else ""
    yield Finding("sandbox", source="this machine", warning=why_not if sandbox else note)
    yield Finding("profile", profiles, source="your AWS configuration", warning="" if profiles or sandbox else "there is no profile here")
    try:
        caller = sight.caller()
    except CycloneError as exc:
        yield _warned("account", told(exc))
        return
    account = (Choice(caller.account, caller.arn),)
    yield Finding("account", account, caller.account, caller.source, closed=True)
    first = region or sight.default_region()
    whose = "sandbox" if sandbox else "your configuration"
    yield from _at_once(lambda: _regions(sight, sight.default_region(), {}, whose), lambda: _networks(sight, first, {}, False))


def _regions(sight: Sight, recommended: str, taken: Mapping[str, Any], whose: str, what: str = "region") -> Iterator[Finding]:
    def find() -> Finding:
        free = [name for name in sight.regions() if name not in taken]
        choices = tuple(Choice(name, f"{PLACES.get(name, '')}{', the default' if name == recommended else ''}") for name in free)
        chosen = recommended if recommended in free else None
        return Finding(what, choices, chosen, whose if chosen else "the account's enabled regions")

    yield _tried(what, "the account's regions", find)


def _networks(sight: Sight, region: str, known: Mapping[str, Any], is_region: bool) -> Iterator[Finding]:
    """A range that is free, the networks that are there, and how many more may be made. known: the host's other regions."""
    what = "vpc"

    def find() -> Finding:
        networks = sight.networks(region)
        used = [cidr for network in networks for cidr in network.ranges]
        free = free_range([*used, *(str(body["cidr"]) for body in known.values() if body.get("cidr"))])
        try:
            left = sight.networks_left(region)
        except CycloneError:
            left = Quota(len(networks), None)
        full = left.left == 0
        warning = (
            f"{region} has {left.used} VPCs and may have {left.limit}: use one, or ask for a higher quota (L-F678F1CE)" if full else ""
        )
        note = "new, overlaps nothing here" + (f"; {left.used} of {left.limit} VPCs are used" if left.left is not None else "")
        new = (Choice(free, note),) if free else ()
        there = tuple(Choice(network.id, _described(network)) for network in networks)
        return Finding(what, (*new, *there), None if full else free, f"free in {region}", warning)

    found = _tried(what, f"the networks of {region}", find)
    yield found
    if is_region:
        yield Finding("vpc_id", tuple(one for one in found.choices if one.value.startswith("vpc-")), source=region)
        yield Finding("cidr", tuple(one for one in found.choices if not one.value.startswith("vpc-")), source=region)


def _described(network: Network) -> str:
    subnets = ", ".join(f"{count} {_KINDS.get(kind, kind.lower())}" for kind, count in sorted(network.subnets.items()))
    return ", ".join(filter(None, (network.name, *network.ranges[:1], f"subnets: {subnets}" if subnets else "no subnets")))


def free_range(used: Sequence[str]) -> str | None:
    """The first 10.N.0.0/16 that overlaps none of these ranges; None when there is none."""
    taken = [network for text in used if (network := _range(text)) is not None]
    candidates = (IPv4Network(f"10.{number}.0.0/16") for number in range(256))
    return next((str(one) for one in candidates if not any(one.overlaps(other) for other in taken)), None)


def _range(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None


# -- what a host has --------------------------------------------------------------------------------------------------
def _region(sight: Sight, bodies: Bodies, main: str, name: str | None) -> Iterator[Finding]:
    taken = bodies.get("region", {})
    finders: list[Finder] = [lambda: _regions(sight, "" if taken else main, taken, "the host's main region", "name")]
    if name and name.count("-") >= 2:
        known = {other: body for other, body in taken.items() if other != name}
        finders += [lambda: _networks(sight, name, known, True), lambda: _zones(sight, name), lambda: _gateways(sight, name)]
    yield from _at_once(*finders)


def _zones(sight: Sight, region: str) -> Iterator[Finding]:
    def find() -> Finding:
        names = sight.zones(region)
        choices = tuple(Choice(str(count), ", ".join(names[:count])) for count in range(1, len(names) + 1))
        return Finding("availability_zones", choices, source=region, limit=len(names), closed=True)

    yield _tried("availability_zones", f"the zones of {region}", find)


def _gateways(sight: Sight, region: str) -> Iterator[Finding]:
    def find() -> Finding:
        left = sight.addresses_left(region)
        if left.left is None:
            return Finding("nat_gateways", source=region)
        text = f"needs {{}} of the {left.left} elastic IPs that are left"
        choices = tuple(Choice(str(count), text.format(count)) for count in range(min(3, left.left) + 1))
        return Finding("nat_gateways", choices, source=f"elastic IPs left in {region}", limit=left.left)

    yield _tried("nat_gateways", f"the elastic IPs of {region}", find)


def _cluster(sight: Sight, host: Host, bodies: Bodies) -> Iterator[Finding]:
    regions = sorted(bodies.get("region", {})) or [host.region or sight.default_region()]
    yield from _at_once(lambda: _types(sight, regions), lambda: _images(sight, host.region or regions[0]))


def _hardware(name: str, region: str) -> str:
    """`2 vCPUs, 4 GiB, $0.085 an hour on demand in us-east-1 (list price of 2025-03-02)`; "" for a type that is not known."""
    facts, usd = prices.facts(name), prices.on_demand(name, region)
    if facts is None:
        return ""
    gpus = f", {facts.gpus} GPU{'' if facts.gpus == 1 else 's'}" if facts.gpus else ""
    price = f", ${usd:.4g} an hour on demand in {region} (list price of {prices.priced_on(region)})" if usd is not None else ""
    return f"{facts.vcpus} vCPU{'' if facts.vcpus == 1 else 's'}, {facts.memory_mib / 1024:g} GiB{gpus}{price}"


def _types(sight: Sight, regions: Sequence[str]) -> Iterator[Finding]:
    """Types and families that each region of the host has."""

    def find() -> Finding:
        offered, warning = [], ""
        for _, found in _each(sight.instance_types, regions):
            if isinstance(found, CycloneError):
                warning = warning or told(found)
            else:
                offered.append(frozenset(found))
        common = frozenset.intersection(*offered) if offered else frozenset()
        where = f"in {regions[0]}" if len(regions) == 1 else f"in all {len(regions)} regions"
        families: dict[str, int] = {}
        for one in common:
            families[one.partition(".")[0]] = families.get(one.partition(".")[0], 0) + 1
        choices = [Choice("optimal", "AWS chooses among C, M and R")]
        choices += [Choice(name, f"family, {count} types {where}") for name, count in sorted(families.items())]
        choices += [Choice(name, _hardware(name, regions[0]) or where) for name in sorted(common)]
        return Finding("instance_list", tuple(choices), source=f"offered {where}", warning=warning)

    yield _tried("instance_list", "the instance types", find)


def _images(sight: Sight, region: str) -> Iterator[Finding]:
    def find() -> Finding:
        choices = tuple(Choice(*one) for one in sight.machine_images(region))
        return Finding("main_region_image_name", choices, source=f"your images in {region}")

    yield _tried("main_region_image_name", f"the machine images of {region}", find)


def _queue(bodies: Bodies) -> Iterator[Finding]:
    clusters = tuple(Choice(name, _size(body)) for name, body in sorted(bodies.get("cluster", {}).items()))
    warning = "" if clusters else "this host has no cluster yet: create one first, or in another wizard"
    yield Finding("cluster", clusters, clusters[0].value if clusters else None, "the clusters of this host", warning, closed=True)


def _size(body: Mapping[str, Any]) -> str:
    words = [str(body.get("type") or ""), f"{body['max_vcpus']} vCPUs in each region" if body.get("max_vcpus") else ""]
    return ", ".join(word for word in (*words, ",".join(body.get("instance_list") or ())) if word)


def _definition(bodies: Bodies) -> Iterator[Finding]:
    sizes = sorted((int(body["max_vcpus"]), name) for name, body in bodies.get("cluster", {}).items() if body.get("max_vcpus"))
    choices = tuple(Choice(str(size), f"all of cluster {name}") for size, name in sizes)
    yield Finding("vcpus", choices, source="the clusters of this host", limit=sizes[-1][0] if sizes else None, closed=True)
    yield Finding("cyclone_image_name", source="this host", warning="an AWS host has no images of its own yet: give an image-uri")
    yield Finding("image_uri", tuple(Choice(*one) for one in _PUBLIC), source="public images")


_PUBLIC = (
    ("public.ecr.aws/amazonlinux/amazonlinux:2023", "small, with bash"),
    ("public.ecr.aws/docker/library/python:3.12", "Python"),
    ("public.ecr.aws/docker/library/ubuntu:24.04", "Ubuntu"),
)
"""Images that every account may pull, in every region."""


# -- asking -----------------------------------------------------------------------------------------------------------
def told(exc: CycloneError) -> str:
    """Why something could not be looked at, with the IAM action where a right is missing."""
    text = str(exc)
    action = exc.action if isinstance(exc, AccessDenied) else ""
    return f"{text} (needs {action})" if action and action not in text else text


def _tried(what: str, about: str, find: Callable[[], Finding]) -> Finding:
    try:
        return find()
    except AccessDenied as exc:
        return Finding(what, warning=f"{about} cannot be listed: {exc.action} is not allowed to you" if exc.action else told(exc))
    except CycloneError as exc:
        return _warned(what, told(exc))


def _warned(what: str, why: str) -> Finding:
    """Cause and remedy, which stands behind the first sentence."""
    cause, _, remedy = why.partition(". ")
    return Finding(what, warning=cause, remedy=remedy)


def _each(ask: Callable[[str], Sequence[str]], regions: Sequence[str]) -> Iterator[tuple[str, Sequence[str] | CycloneError]]:
    """The answer for each region, all of them asked at once, in any order."""

    def one(region: str) -> Iterator[tuple[str, Sequence[str] | CycloneError]]:
        try:
            yield region, ask(region)
        except CycloneError as exc:
            yield region, exc

    yield from _gather([lambda region=region: one(region) for region in regions])  # type: ignore[misc]


def _at_once(*finders: Finder) -> Iterator[Finding]:
    yield from _gather(finders)


def _gather(asks: Sequence[Callable[[], Iterator[Any]]]) -> Iterator[Any]:
    """What several threads find, as it comes. They are no one's duty: a program that ends does not wait for AWS."""
    found: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    places = threading.Semaphore(_MOST_AT_ONCE)

    def work(ask: Callable[[], Iterator[Any]]) -> None:
        with places:
            try:
                for one in ask():
                    found.put(("one", one))
            except Exception as exc:  # noqa: BLE001  raised again by whoever listens
                found.put(("error", exc))
            found.put(("end", None))

    for ask in asks:
        threading.Thread(target=work, args=(ask,), daemon=True, name="discovery").start()
    ended = 0
    while ended < len(asks):
        what, value = found.get()
        if what == "error":
            raise value
        if what == "end":
            ended += 1
        else:
            yield value


def _text(value: object) -> str | None:
    return str(value).strip() or None if value is not None else None


def _is_yes(value: object) -> bool:
    return value is True or str(value).strip().lower() in ("yes", "true", "1")


PLACES = {
    "af-south-1": "Cape Town", "ap-east-1": "Hong Kong", "ap-northeast-1": "Tokyo", "ap-northeast-2": "Seoul", "ap-northeast-3": "Osaka",
    "ap-south-1": "Mumbai", "ap-south-2": "Hyderabad", "ap-southeast-1": "Singapore", "ap-southeast-2": "Sydney",
    "ap-southeast-3": "Jakarta", "ap-southeast-4": "Melbourne", "ap-southeast-5": "Malaysia", "ca-central-1": "Canada",
    "ca-west-1": "Calgary", "eu-central-1": "Frankfurt", "eu-central-2": "Zurich", "eu-north-1": "Stockholm", "eu-south-1": "Milan",
    "eu-south-2": "Spain", "eu-west-1": "Ireland", "eu-west-2": "London", "eu-west-3": "Paris", "il-central-1": "Tel Aviv",
    "me-central-1": "UAE", "me-south-1": "Bahrain", "mx-central-1": "Mexico", "sa-east-1": "São Paulo", "us-east-1": "Virginia",
    "us-east-2": "Ohio", "us-west-1": "California", "us-west-2": "Oregon",
}  # fmt: skip
"""Where regions are: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html"""
