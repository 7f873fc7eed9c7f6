"""What the router asks AWS: spot placement scores, from the main region, and spot prices, of each region. What cannot be had is told, and
what was known counts for a day.

Scores are asked for with few, canonical questions (`placement_scores`), each at most once in ten minutes whoever's clusters it is
for: AWS limits how many different ones an account may ask in a day, and answers those it knows. About how many vCPUs it may ask depends on
what it used lately; what was refused for that is asked about again after a day, and a lower step meanwhile.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-spot-placement-score.html
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from statistics import median
from time import gmtime, strftime
from typing import Any, Protocol

from cyclone_core.errors import AwsError
from cyclone_core.prices.table import Table as Prices
from cyclone_core.scheduler.dynamo import price_items
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.placement_scores import ScoreRequest, allowed_steps

KEPT_S = 86_400.0
"""So long a score or a price counts that could not be renewed; older ones are unknown."""
AGAIN_S = 540.0
"""What is younger is not asked for again: the schedule's ten minutes, less its jitter."""
AT_ONCE = 8
"""Regions at a time."""
TOO_MUCH = "TargetCapacityLimitExceededException"
"""Code of AWS's answer to a question about more vCPUs than this account may ask about."""
FEWER = "AWS tells this account scores of fewer vCPUs only, by its use of spot lately: {} vCPUs are asked about, and these again tomorrow"
NO_SCORES = "AWS tells this account no scores, by its use of spot lately; it is asked again tomorrow"
_PAGES = 20
"""Of one region's prices: a thousand each."""
_LINUX = "Linux/UNIX"
_ZONE = re.compile(r"[a-z]+(-[a-z]+)+-\d+[a-z]")
"""A zone of a region, eu-west-1a: Local Zones (us-west-2-lax-1a) and Wavelength Zones have prices of their own."""
Body = dict[str, Any]
Missing = dict[str, str]
"""what could not be had -> why"""


class Ec2(Protocol):
    """The part of the lean client that is used here."""

    def ec2(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The answer. Raises AwsError."""


class Scores:
    """Scores by question and region: [score, at (ms)]. Kept in the items of the clusters that they are for."""

    def __init__(self, aws: Ec2, now_ms: int, known: Iterable[Mapping[str, Any]]) -> None:
        """aws: of the main region; known: the ROUTING bodies that there are."""
        self._aws, self._now_ms = aws, now_ms
        self._known: dict[str, dict[str, list[int]]] = {}
        self._limits: dict[int, int] = {}
        """vCPUs of which AWS tells this account no scores -> when it said so (ms), within a day"""
        for body in known:
            question = body.get("question") or {}
            for region, found in question.get("scores", {}).items():
                mine = self._known.setdefault(question["key"], {})
                mine[region] = max(mine.get(region, [0, 0]), found, key=lambda one: one[1])
            limits = {vcpus: at for vcpus, at in question.get("limits", ()) if now_ms - at < KEPT_S * 1000}
            self._limits |= {vcpus: max(at, self._limits.get(vcpus, 0)) for vcpus, at in limits.items()}
        self._refused: dict[str, str] = {}

    def of(self, requests: Sequence[ScoreRequest]) -> tuple[Body, Missing]:
        """The question with its scores, as a body keeps it, and why some are old or missing."""
        if not requests:
            return {}, {}
        wanted, asked, missing = requests[0].vcpus, requests, Missing(score=NO_SCORES)
        for vcpus in allowed_steps(wanted, min(self._limits, default=None)):
            asked = [replace(request, vcpus=vcpus) for request in requests]
            unanswered = self._all_asked(asked)
            if vcpus not in self._limits:
                missing = unanswered | ({f"score of {wanted:,} vCPUs": FEWER.format(vcpus)} if vcpus < wanted else {})
                break
        key = question_key(asked[0])
        known = self._known.get(question_key(requests[0]), {}) | self._known.get(key, {})
        scores = {region: found for request in asked for region in request.regions if (found := known.get(region))}
        limits = {"limits": sorted(map(list, self._limits.items()))} if self._limits else {}
        return {"key": key, "types": len(asked[0].types), "vcpus": asked[0].vcpus, "scores": scores, **limits}, missing

    def _all_asked(self, requests: Sequence[ScoreRequest]) -> Missing:
        """Ask what is not known of now, until AWS says that it is too much; why some are old or missing."""
        key, missing = question_key(requests[0]), Missing()
        known = self._known.setdefault(key, {})
        for request in requests:
            if all(self._now_ms - known.get(region, [0, 0])[1] < AGAIN_S * 1000 for region in request.regions):
                continue
            why = self._asked(key, request)
            if request.vcpus in self._limits:
                break
            missing |= {
                f"score {region}": why or "AWS gave none" for region in request.regions if known.get(region, [0, 0])[1] != self._now_ms
            }
        return missing

    def _asked(self, key: str, request: ScoreRequest) -> str:
        """Ask once in a look; why there is no answer, "" when there is one."""
        about = f"{key} {' '.join(request.regions)}"
        if about in self._refused:
            return self._refused[about]
        self._refused[about] = ""
        try:
            answer = self._aws.ec2(
                "GetSpotPlacementScores", InstanceType=list(request.types), TargetCapacity=request.vcpus, TargetCapacityUnitType="vcpu",
                SingleAvailabilityZone=False, RegionName=list(request.regions),
            )  # fmt: skip
        except AwsError as exc:
            if exc.code == TOO_MUCH:
                self._limits[request.vcpus] = self._now_ms
            self._refused[about] = first_sentence(exc)
            return self._refused[about]
        for entry in answer.get("spotPlacementScoreSet") or ():
            self._known[key][entry["region"]] = [int(entry["score"]), self._now_ms]
        return ""


def question_key(request: ScoreRequest) -> str:
    """What tells two questions apart, whatever the regions."""
    return f"{request.vcpus}:{sha256(' '.join(request.types).encode()).hexdigest()[:12]}"


class SpotPrices:
    """The prices of regions, as PRICE items keep them."""

    def __init__(self, table: Table, region: Callable[[str], Ec2], prices: Prices, now_ms: int) -> None:
        """region: the client of a region."""
        self._table, self._region, self._prices, self._now_ms = table, region, prices, now_ms
        self.known = price_items.read_all(table)

    def renew(self, types: Sequence[str], regions: Sequence[str], oldest_s: float = AGAIN_S) -> Missing:
        """Read those of regions whose prices are older, or lack types; what could not be read, and why. Raises AwsError of the table."""
        wanted = [region for region in regions if self._is_due(region, self._offered(types, region), oldest_s)]
        clients = {region: self._region(region) for region in wanted}

        def read(region: str) -> tuple[str, str]:
            offered = self._offered(types, region)
            try:
                self.known[region] = self._body(region, offered, spot_prices(clients[region], offered, self._now_ms))
            except AwsError as exc:
                return region, first_sentence(exc)
            price_items.write(self._table, region, self.known[region])
            return region, ""

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return {f"spot price {region}": why for region, why in pool.map(read, wanted) if why}

    def spot(self, types: Iterable[str], region: str) -> tuple[float | None, int]:
        """USD of a vCPU hour, the median of the types' cheapest zones, and when it was read (ms)."""
        body = self.known.get(region)
        if not body or self._now_ms - body["at"] > KEPT_S * 1000:
            return None, 0
        return median_spot(body, types), body["at"]

    def on_demand(self, types: Iterable[str], region: str) -> float | None:
        """The same by the price list."""
        return median_on_demand(self._prices, types, region)

    def priced_on(self, region: str) -> str:
        """ISO date of the price list of a region, "" where none is known."""
        return self._prices.priced_on(region)

    def _offered(self, types: Sequence[str], region: str) -> list[str]:
        """Those of the types that the price list has there; all where it does not know the region."""
        return [name for name in types if self._prices.on_demand(name, region)] or list(types)

    def _is_due(self, region: str, types: Sequence[str], oldest_s: float) -> bool:
        body = self.known.get(region)
        if not body or self._now_ms - body["at"] >= oldest_s * 1000:
            return True
        return not set(types) <= set(body["vcpus"])

    def _body(self, region: str, types: Sequence[str], spot: Mapping[str, Mapping[str, float]]) -> Body:
        facts = {name: found for name in types if (found := self._prices.facts(name))}
        ondemand = {name: usd for name in types if (usd := self._prices.on_demand(name, region))}
        return {
            "at": self._now_ms, "vcpus": {name: found.vcpus for name, found in facts.items()}, "spot": dict(spot), "ondemand": ondemand,
            "ondemand_date": self.priced_on(region),
        }  # fmt: skip


def median_spot(body: Mapping[str, Any], types: Iterable[str]) -> float | None:
    """USD of a vCPU hour, the median of the types' cheapest zones. body: of a PRICE item."""
    found = [usd for name in types if (usd := price_items.usd(body, name, "spot"))]
    return median(found) if found else None


def median_on_demand(prices: Prices, types: Iterable[str], region: str) -> float | None:
    """The same by the price list."""
    found = [usd for name in types if (usd := prices.vcpu_hour(name, region))]
    return median(found) if found else None


def spot_prices(aws: Ec2, types: Sequence[str], now_ms: int) -> dict[str, dict[str, float]]:
    """type -> zone letter -> USD an hour, as they are now. Raises AwsError."""
    found: dict[str, dict[str, float]] = {}
    newest: dict[tuple[str, str], str] = {}
    since, token = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(now_ms // 1000)), ""
    for _ in range(_PAGES):
        answer = aws.ec2(
            "DescribeSpotPriceHistory", InstanceType=list(types), ProductDescription=[_LINUX], StartTime=since, MaxResults=1000,
            NextToken=token or None,
        )  # fmt: skip
        for entry in answer.get("spotPriceHistorySet") or ():
            name, zone = entry["instanceType"], entry["availabilityZone"][-1:]
            if _ZONE.fullmatch(entry["availabilityZone"]) and entry["timestamp"] >= newest.get((name, zone), ""):
                newest[name, zone] = entry["timestamp"]
                found.setdefault(name, {})[zone] = float(entry["spotPrice"])
        token = answer.get("nextToken") or ""
        if not token:
            break
    return found


def first_sentence(exc: AwsError) -> str:
    """What is shown of an error beside what was chosen without the answer."""
    return str(exc).partition(". ")[0]
