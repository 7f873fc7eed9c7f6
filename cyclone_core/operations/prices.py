"""Use cases around list prices: what is known of which date, and fetching AWS's list of today for this user.

What was fetched replaces the shipped prices region by region (`prices.table`). A list is looked at before it is used: one with few types,
or with prices that are far from all that was known, is not; then, as when a region cannot be asked, what was known stays.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from cyclone_core import paths
from cyclone_core.errors import CycloneError, InvalidRequest, StateUnusable
from cyclone_core.prices import table
from cyclone_core.prices.table import FORMAT, Prices, Table
from cyclone_core.problems import Problem
from cyclone_core.scheduler.references import nearest

if TYPE_CHECKING:
    from cyclone_core.aws.price_list import Asked, Listed

LEAST_TYPES = 0.5
"""Of the types that were known in a region: a list with fewer is not used."""
FARTHEST = 3.0
"""A list whose prices are so many times what they were, half of them at least, is not used."""
DEAREST_USD = 2000.0
"""An hour. The dearest instance that AWS has costs a fifth of it."""
AT_ONCE = 4
"""Regions; the API answers ten requests a second."""


@dataclass(frozen=True)
class Known:
    """The prices of a region."""

    region: str
    date: str
    """ISO"""
    types: int
    source: str
    """shipped or fetched"""


@dataclass(frozen=True)
class Priced:
    """A type in a region."""

    type: str
    region: str
    vcpus: int
    memory_mib: int
    gpus: int
    architecture: str
    usd: float | None
    """USD an hour on demand, None where it is not known"""
    usd_vcpu: float | None
    """of it for each vCPU"""
    date: str


@dataclass(frozen=True)
class Refreshed:
    """What became of a region."""

    region: str
    types: int
    """how many have a price now"""
    date: str
    changed: int = 0
    """how many prices differ from what was known"""
    problem: str = ""
    """why what was known stays, "" when it was replaced"""


# -- see ----------------------------------------------------------------------------------------------------------------
def regions() -> list[Known]:
    """Every region with prices."""
    return [Known(name, one.date, len(one.usd), one.source) for name, one in sorted(table.known().regions.items())]


def of_types(words: Sequence[str], names: Sequence[str] = ()) -> list[Priced]:
    """Types, or those of families and of AWS Batch's words, in regions (none: all). Raises InvalidRequest for what means nothing."""
    known = table.known()
    problems = [_no_region(name, known) for name in names if name not in known.regions]
    problems += [_no_type(word, known) for word in words if not known.types_of([word])]
    if problems:
        raise InvalidRequest(problems)
    return [_priced(known, each, region) for region in names or sorted(known.regions) for each in known.types_of(words)]


def _priced(known: Table, name: str, region: str) -> Priced:
    facts = known.types[name]
    usd, each = known.on_demand(name, region), known.vcpu_hour(name, region)
    return Priced(name, region, facts.vcpus, facts.memory_mib, facts.gpus, facts.architecture, usd, each, known.priced_on(region))


def _no_region(name: str, known: Table) -> Problem:
    near = nearest(name, tuple(known.regions))
    return Problem("--region", f"there are no prices of {name}", f"Did you mean {near}?" if near else "See them: hyper prices show")


def _no_type(word: str, known: Table) -> Problem:
    near = nearest(word, tuple(known.types))
    return Problem("--type", f"no instance type or family is called {word}", f"Did you mean {near}?" if near else "Such as c6i.large, c6i")


# -- fetch --------------------------------------------------------------------------------------------------------------
def client(profile: str | None = None) -> "Asked":
    """The Price List API, as this user reaches it. Raises MissingExtra."""
    from cyclone_core.operations import aws_hosts

    aws_hosts.check_installed()
    from cyclone_core.aws import price_list
    from cyclone_core.aws.account import Account

    return Account(profile, price_list.REGION).client("pricing", price_list.REGION)


def refresh(asked: "Asked", names: Sequence[str] = (), told: Callable[[Refreshed], None] = lambda one: None) -> list[Refreshed]:
    """Fetch the lists of regions (none: of all that are known) and keep those that can be used. told: hears of each as it is done.

    Raises InvalidRequest for unknown regions, StateUnusable when they cannot be written; what failed with a region is told in its place.
    """
    known = table.known()
    problems = [_no_region(name, known) for name in names if name not in known.regions]
    if problems:
        raise InvalidRequest(problems)
    found: dict[str, Prices] = {}

    def fetch(region: str) -> Refreshed:
        one, prices = _fetched(asked, region, known)
        if prices is not None:
            found[region] = prices
        told(one)
        return one

    with ThreadPoolExecutor(AT_ONCE) as pool:
        result = list(pool.map(fetch, names or sorted(known.regions)))
    if found:
        _write(found)
    return result


def _fetched(asked: "Asked", region: str, known: Table) -> tuple[Refreshed, Prices | None]:
    from cyclone_core.aws import price_list

    before = known.regions[region]
    try:
        listed = price_list.of_region(asked, region)
        problem = refusal(listed, before)
    except (CycloneError, KeyError, ValueError) as exc:
        problem = str(exc)
    if problem:
        return Refreshed(region, len(before.usd), before.date, problem=problem), None
    changed = sum(before.usd.get(name) != usd for name, usd in listed.usd.items())
    return Refreshed(region, len(listed.usd), listed.date, changed), Prices(listed.date, listed.usd, "fetched", listed.services)


def refusal(listed: "Listed", before: Prices) -> str:
    """Why a fetched list is not used, "" when it can be. Pure."""
    if not listed.date:
        return "its list has no date"
    if len(listed.usd) < LEAST_TYPES * len(before.usd):
        return f"its list has {len(listed.usd)} types, and {len(before.usd)} were known"
    if wrong := [(name, usd) for name, usd in (*listed.usd.items(), *listed.services.items()) if not 0 < usd < DEAREST_USD]:
        return f"its list has {wrong[0][0]} at {wrong[0][1]} USD an hour"
    ratios = [usd / before.usd[name] for name, usd in listed.usd.items() if before.usd.get(name)]
    if ratios and not 1 / FARTHEST < median(ratios) < FARTHEST:
        return f"its list has prices {median(ratios):.2g} times what they were"
    return ""


def _write(found: Mapping[str, Prices]) -> None:
    """Beside what was fetched of other regions, all or nothing."""
    path = table.fetched_path()
    kept = {name: one for name, one in table.known().regions.items() if one.source == "fetched"}
    document: dict[str, Any] = {
        "format": FORMAT,
        "regions": {
            name: {"date": one.date, "usd": dict(one.usd), "services": dict(one.services)} for name, one in {**kept, **found}.items()
        },
    }
    table.fetched(document)  # what could not be read again is not written
    beside = f"{path}.{os.getpid()}"
    try:
        os.makedirs(paths.state_root(), 0o700, exist_ok=True)
        with open(beside, "w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as exc:
        raise StateUnusable(f"the prices cannot be kept in {path}: {exc.strerror}. Make room there, or set CYCLONE_STATE_DIR") from exc
