"""What an account is told about spot capacity: placement scores and prices, as GetSpotPlacementScores and DescribeSpotPriceHistory tell it.

Both are made up, region by region the same each time, unless the file `spot.json` of the sandbox's directory says what they are: numbers,
or series of them, read anew when the file changes. Requests are refused as AWS does: more than ten regions, types that are not there, more
capacity than an account may ask about, and more different questions in a day than it has. Pure but for that file; `plugin` puts it where
requests arrive.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from zlib import crc32

from cyclone_core.prices import table as prices

MOST_REGIONS, LEAST_TYPES = 10, 3
PAGE = 1000
_DAY_S = 86_400.0
_ZONES = {"a": 1.0, "b": 1.12, "c": 1.3}
"""Zone letter -> what spot costs there, of the cheapest."""
Value = float | Sequence[Sequence[float]]
"""A number, or [[seconds since `since`, number], ...]: each counts from then on, the first also before."""


@dataclass(frozen=True)
class Spot:
    """What is told from now on."""

    scores: Mapping[str, Value] = field(default_factory=dict)
    """Region -> 1 to 10."""
    shares: Mapping[str, Value] = field(default_factory=dict)
    """Region -> what spot costs in its cheapest zone, of the price on demand."""
    most_questions: int = 200
    """Different requests for scores that are answered in 24 hours."""
    most_vcpus: int = 1 << 31
    """Target capacity up to which scores are told: an account's own limit, which follows what it used lately."""
    since: float = 0.0
    """When series begin, seconds since 1970."""


class RefusedQuestion(Exception):
    """A request that AWS would refuse."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SpotFile:
    """The values of a file, read anew when it changed; the default ones while there is no file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[tuple[int, int], Spot] | None = None

    def current(self) -> Spot:
        """What is in it now."""
        try:
            info = self._path.stat()
            version = info.st_mtime_ns, info.st_ino
            if self._read is None or self._read[0] != version:
                self._read = version, Spot(**json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            self._read = None
        return self._read[1] if self._read else Spot()


def write(path: Path, spot: Spot) -> None:
    """Put the values where a running sandbox finds them."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(asdict(spot)), encoding="utf-8")
    beside.replace(path)


class Questions:
    """The requests for scores that an account has made lately."""

    def __init__(self) -> None:
        self._asked: dict[tuple[object, ...], float] = {}

    def scores(self, spot: Spot, regions: Sequence[str], types: Sequence[str], vcpus: int, single_zone: bool, now: float) -> dict[str, int]:
        """Region -> score. vcpus: the target, in whatever unit; now: seconds since 1970. Raises RefusedQuestion."""
        if len(set(regions)) > MOST_REGIONS:
            raise RefusedQuestion("InvalidParameterValue", f"The number of Regions must not exceed {MOST_REGIONS}.")
        if vcpus < 1:
            raise RefusedQuestion("InvalidParameterValue", "TargetCapacity must be at least 1.")
        if vcpus > spot.most_vcpus:
            message = "The target capacity exceeds your limit on the Spot placement target capacity that you can explore."
            raise RefusedQuestion("TargetCapacityLimitExceededException", message)
        _check(types)
        known = {question: at for question, at in self._asked.items() if now - at < _DAY_S}
        question = (tuple(sorted(regions)), tuple(sorted(types)), vcpus, single_zone)
        if question not in known and len(known) >= spot.most_questions:
            raise RefusedQuestion("MaxConfigLimitExceeded", "You have exceeded the limit of new configurations in 24 hours.")
        self._asked = {**known, question: known.get(question, now)}
        is_few = len(set(types)) < LEAST_TYPES
        return {region: 1 if is_few else _score(spot, region, now) for region in sorted(set(regions))}


def history(spot: Spot, region: str, types: Sequence[str], now: float) -> Iterator[tuple[str, str, float]]:
    """(type, zone, USD an hour) of the types that the region has; types: none for all. Raises RefusedQuestion."""
    _check(types)
    share = _value(spot.shares[region], now - spot.since) if region in spot.shares else 0.25 + _chance(region, "price") * 0.3
    for name in sorted(set(types) or prices.shipped().types):
        if usd := prices.shipped().on_demand(name, region):
            yield from ((name, region + letter, round(usd * share * factor, 6)) for letter, factor in _ZONES.items())


def _check(types: Sequence[str]) -> None:
    unknown = [name for name in types if prices.shipped().facts(name) is None]
    if unknown:
        raise RefusedQuestion("InvalidParameterValue", f"Invalid instance type: {unknown[0]}")


def _score(spot: Spot, region: str, now: float) -> int:
    if region in spot.scores:
        return max(1, min(10, round(_value(spot.scores[region], now - spot.since))))
    return 3 + int(_chance(region, "score") * 7)


def _value(value: Value, seconds: float) -> float:
    if isinstance(value, int | float):
        return float(value)
    steps = [step[1] for step in value if step[0] <= seconds]
    return float(steps[-1] if steps else value[0][1])


def _chance(region: str, what: str) -> float:
    """0..1, the same each time."""
    return crc32(f"{what} {region}".encode()) / (1 << 32)
