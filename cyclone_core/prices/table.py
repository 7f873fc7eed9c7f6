"""The table of instance types: vCPUs, memory, GPUs and architecture of each, and what it costs on demand in each region.

Owns the meaning of `table.json`, which is shipped (`README.md` beside it says where it comes from), and of `prices.json` in the user's
state directory, which `hyper prices refresh` writes: a region that was fetched is taken from there alone. Prices are AWS's list prices for
Linux in USD an hour, without taxes and without anybody's discounts; each has the date of its list, and what is not in a list is None, never
a guess. Needs nothing but the standard library, so that functions on Lambda can use it: there only the shipped table is known.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from cyclone_core import paths
from cyclone_core.prices.shapes import METAL, SHIPPED, WORDS

FORMAT = 1
"""Of both files; another one is not read."""
NAT_GATEWAY, ENDPOINT = "nat_gateway", "interface_endpoint"


@dataclass(frozen=True)
class Facts:
    """What an instance type has."""

    type: str
    vcpus: int
    memory_mib: int
    gpus: int
    architecture: Literal["x86_64", "arm64"]

    @property
    def family(self) -> str:
        """Such as c5."""
        return family(self.type)


@dataclass(frozen=True)
class Prices:
    """The list prices of one region."""

    date: str
    """of the list, ISO"""
    usd: Mapping[str, float] = field(hash=False)
    """type -> USD an hour, on demand"""
    source: str = "shipped"
    """shipped, or fetched by this user"""
    services: Mapping[str, float] = field(default_factory=dict, hash=False)
    """NAT_GATEWAY, ENDPOINT -> USD an hour in this region, where that was fetched"""


@dataclass(frozen=True)
class Table:
    """Everything that is known; immutable."""

    types: Mapping[str, Facts] = field(hash=False)
    regions: Mapping[str, Prices] = field(hash=False)
    date: str
    """of the shipped prices, ISO"""
    facts_date: str
    sources: tuple[str, str]
    """of the shipped prices and of the facts, in words"""
    problem: str = ""
    """why fetched prices could not be read, "" when they were or there are none"""

    def facts(self, instance_type: str) -> Facts | None:
        """What a type has; None for one that the table does not know."""
        return self.types.get(instance_type)

    def on_demand(self, instance_type: str, region: str) -> float | None:
        """USD an hour by the price list, None where that is not known."""
        prices = self.regions.get(region)
        return prices.usd.get(instance_type) if prices else None

    def vcpu_hour(self, instance_type: str, region: str) -> float | None:
        """USD an hour for each vCPU of a type, None where that is not known."""
        facts, usd = self.facts(instance_type), self.on_demand(instance_type, region)
        return usd / facts.vcpus if facts and usd is not None else None

    def priced_on(self, region: str) -> str:
        """ISO date of a region's price list, "" where none is known."""
        prices = self.regions.get(region)
        return prices.date if prices else ""

    def service(self, name: str, region: str) -> float | None:
        """USD an hour of NAT_GATEWAY or ENDPOINT in a region, None where it was not fetched."""
        prices = self.regions.get(region)
        return prices.services.get(name) if prices else None

    def types_of(self, words: Iterable[str]) -> tuple[str, ...]:
        """The types that types, families and AWS Batch's own words mean, in order; words that mean none are passed over."""
        by_family = _by_family(tuple(self.types))
        found: dict[str, None] = {}
        for word in words:
            if word in self.types:
                found[word] = None
            for name in WORDS.get(word, (word,)):
                found.update(dict.fromkeys(by_family.get(name, ())))
        return tuple(found)


def family(instance_type: str) -> str:
    """The family of a type; a family is its own."""
    return instance_type.split(".")[0]


@cache
def shipped() -> Table:
    """The table that comes with Cyclone."""
    with open(SHIPPED, encoding="utf-8") as file:
        document = json.load(file)
    names, date = document["regions"], str(document["prices"]["date"])
    usd: dict[str, dict[str, float]] = {region: {} for region in names}
    types = {}
    for name, (vcpus, memory_mib, gpus, architecture, prices) in document["types"].items():
        types[name] = Facts(name, vcpus, memory_mib, gpus, architecture)
        for region, price in zip(names, prices, strict=False):
            if price:
                usd[region][name] = float(price)
    regions = {region: Prices(date, prices) for region, prices in usd.items()}
    sources = (str(document["prices"]["source"]), str(document["facts"]["source"]))
    return Table(types, regions, date, str(document["facts"]["date"]), sources)


def known() -> Table:
    """The shipped table with what this user fetched. A file of theirs that cannot be read is not used, and `problem` says why."""
    path = fetched_path()
    try:
        info = os.stat(path)
    except OSError:
        return shipped()
    return _with_fetched(path, info.st_mtime_ns, info.st_size)


def fetched_path() -> str:
    """Where the prices are that this user fetched; it need not be there."""
    return os.path.join(paths.state_root(), "prices.json")


def fetched(document: object) -> dict[str, Prices]:
    """What a file of fetched prices says, region by region. Raises ValueError for one that says something else."""
    if not isinstance(document, dict) or document.get("format") != FORMAT or not isinstance(document.get("regions"), dict):
        raise ValueError("it is no list of prices of this version")
    return {str(region): _region(region, entry) for region, entry in document["regions"].items()}


def _region(region: str, entry: Any) -> Prices:
    try:
        usd = {str(name): float(price) for name, price in entry["usd"].items()}
        others = {str(name): float(price) for name, price in entry.get("services", {}).items()}
        date = str(entry["date"])
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise ValueError(f"its prices of {region} cannot be read") from exc
    if len(date) != 10 or any(price <= 0 for price in (*usd.values(), *others.values())):
        raise ValueError(f"its prices of {region} have no date, or one of them is no price")
    return Prices(date, usd, "fetched", others)


@cache
def _with_fetched(path: str, changed_ns: int, size: int) -> Table:
    """changed_ns, size: so that a file which was written anew is read anew."""
    table = shipped()
    try:
        with open(path, encoding="utf-8") as file:
            regions = fetched(json.load(file))
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else exc
        problem = f"the fetched prices in {path} are not used: {reason}. Fetch them again: hyper prices refresh"
        return Table(table.types, table.regions, table.date, table.facts_date, table.sources, problem)
    return Table(table.types, {**table.regions, **regions}, table.date, table.facts_date, table.sources)


@cache
def _by_family(types: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name in types:
        if not name.partition(".")[2].startswith(METAL):
            found.setdefault(family(name), []).append(name)
    return {name: tuple(of) for name, of in found.items()}


# -- what most callers want ---------------------------------------------------------------------------------------------


def facts(instance_type: str) -> Facts | None:
    """What a type has; None for one that the table does not know."""
    return shipped().facts(instance_type)


def on_demand(instance_type: str, region: str) -> float | None:
    """USD an hour by the price list, None where that is not known; `priced_on` has its date."""
    return known().on_demand(instance_type, region)


def vcpu_hour(instance_type: str, region: str) -> float | None:
    """USD an hour for each vCPU of a type, None where that is not known."""
    return known().vcpu_hour(instance_type, region)


def priced_on(region: str) -> str:
    """ISO date of a region's price list, "" where none is known: belongs beside every dollar that is shown."""
    return known().priced_on(region)


def types_of(words: Iterable[str]) -> tuple[str, ...]:
    """The types that types, families and AWS Batch's own words mean, in order; words that mean none are passed over."""
    return shipped().types_of(words)
