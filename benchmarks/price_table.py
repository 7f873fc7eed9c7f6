"""Make `cyclone_core/prices/table.json` again: `python benchmarks/price_table.py PRICING_JSON FACTS_JSON_GZ FACTS_DATE`.

PRICING_JSON   `libcloud/data/pricing.json` of apache-libcloud (Apache-2.0): USD an hour on demand, Linux, by type and region
FACTS_JSON_GZ  `moto/ec2/resources/instance_types.json.gz` of moto (Apache-2.0): what DescribeInstanceTypes says of each type
FACTS_DATE     when that file was released, as 2026-11-01

libcloud's file has one price for each type and region, read from AWS's bulk price list without looking at tenancy and capacity: most are
those of shared instances, every sixth is that of a dedicated one (6 to 13 % more), and others are 0.0, that of capacity which is reserved
already. Sizes of a family cost the same for their size in one region, so those three kinds can be told apart, and the price that is
wanted follows from the other sizes. What does not follow from two sizes at least is taken as it is, or left out where it is 0.0.
"""

import gzip
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parents[1] / "cyclone_core" / "prices" / "table.json"
LEFT_OUT = ("mac", "u-", "u7i", "u7in")
"""Beginnings of families that no cluster is made of: whole Macs, and machines for databases in memory."""
NOT_REGIONS = ("us-west-2-lax-1",)
"""Local zones."""
BY_SHAPE = ("dl1", "dl2q", "f1", "f2", "g2", "g3", "g3s", "g4ad", "g4dn", "g5", "g5g", "g6", "g6e", "g7", "gr6", "h1", "hpc6a", "hpc6id",
            "hpc7a", "hpc7g", "inf1", "inf2", "p2", "p3", "p4d", "p5", "trn1", "trn2")  # fmt: skip
"""Families whose sizes do not cost in proportion to their names: how they do is learnt from all regions together."""
CHEAPEST = ("us-east-1", "us-east-2", "us-west-2")
"""Where list prices are the same, so that a dedicated instance's is known even of a family that has one size."""
SMALL = {"nano": 0.25, "micro": 0.5, "small": 1.0, "medium": 2.0, "large": 4.0, "xlarge": 8.0}
NEAR = 0.012
"""Prices that differ by less are the same but for rounding."""
DEDICATED = (1.05, 1.14)
"""What a dedicated instance costs, of what a shared one does."""
Prices = Mapping[str, Mapping[str, float]]
"""type -> region -> USD an hour, 0.0 for unknown"""


def main(pricing: str, facts: str, facts_date: str, table: str | Path = TABLE) -> None:
    """Write the table, and say on standard output what was made of the source."""
    document = json.loads(Path(pricing).read_text())
    with gzip.open(facts) as file:
        types = {name: entry for name, entry in json.load(file).items() if not name.startswith(LEFT_OUT)}
    source = {
        name: {region: usd for region, usd in prices.items() if region not in NOT_REGIONS}
        for name, prices in document["compute"]["ec2_linux"].items()
        if name in types
    }
    counts: Counter[str] = Counter()
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for names in _families(source).values():
        for name, region, usd, what in _repaired(names, source):
            counts[what if what != "as published" or usd == source[name][region] else "dedicated"] += 1
            if usd:
                found[name][region] = usd
    regions = sorted({region for prices in found.values() for region in prices})
    header = {
        "format": 1,
        "prices": {
            "date": datetime.fromtimestamp(document["updated"], UTC).date().isoformat(),
            "source": "AWS's price list as apache-libcloud has it (libcloud/data/pricing.json), Linux, on demand, USD an hour",
            "as_published": counts["as published"],
            "computed_from_other_sizes": counts["dedicated"] + counts["missing"],
        },
        "facts": {"date": facts_date, "source": "DescribeInstanceTypes as moto has it (moto/ec2/resources/instance_types.json.gz)"},
        "regions": regions,
    }
    Path(table).write_text(_written(header, types, found, regions))
    print(dict(counts), f"{len(types)} types, {len(found)} with prices, {len(regions)} regions, {Path(table).stat().st_size:,} bytes")


def _families(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        found[name.split(".")[0]].append(name)
    return found


# -- which of the three kinds a price is --------------------------------------------------------------------------------


def _repaired(names: list[str], source: Prices) -> Iterator[tuple[str, str, float, str]]:
    """Of one family: type, region, USD an hour (0.0: unknown) and what became of the source's."""
    sizes, factors, support = _model(names, source)
    for name in names:
        for region, usd in _agreeing(source[name]).items():
            expected = sizes.get(name, 0.0) * factors.get(region, 0.0)
            is_sure = support.get(region, 0) >= 2
            if not usd:
                yield name, region, _rounded(expected) if is_sure and expected else 0.0, "missing" if is_sure and expected else "unknown"
            elif not expected or not is_sure or abs(usd / expected - 1) <= NEAR:
                yield name, region, usd, "as published"
            elif DEDICATED[0] < usd / expected < DEDICATED[1]:
                yield name, region, _rounded(expected), "dedicated"
            else:
                yield name, region, 0.0, "left out: fits nothing"


def _agreeing(prices: Mapping[str, float]) -> Mapping[str, float]:
    """With the lower price in all regions where list prices are the same."""
    same = {region: prices[region] for region in CHEAPEST if prices.get(region)}
    lowest = min(same.values(), default=0.0)
    return {**prices, **{region: lowest for region, usd in same.items() if DEDICATED[0] < usd / lowest < DEDICATED[1]}}


def _model(names: list[str], source: Prices) -> tuple[dict[str, float], dict[str, float], dict[str, int]]:
    """What each size costs of the family's measure; what the measure costs in each region; how many sizes say so."""
    regions = sorted({region for name in names for region in source[name]})
    sizes = _first_sizes(names, source, regions)
    for turn in range(5):
        agreed = (
            _lowest if turn == 4 or not _is_by_shape(names[0]) else _most_common
        )  # sizes have to be known before the lowest means anything
        found: dict[str, tuple[float, int]] = {}
        for region in regions:
            values = [usd / sizes[name] for name in names if name in sizes and (usd := source[name].get(region))]
            if values:
                found[region] = agreed(values)
        for name in names:
            values = [usd / found[region][0] for region, usd in source[name].items() if usd and region in found]
            if values and turn < 4 and not _is_proportional(name):
                sizes[name] = _most_common(values)[0]
    return sizes, {region: value for region, (value, _) in found.items()}, {region: count for region, (_, count) in found.items()}


def _first_sizes(names: list[str], source: Prices, regions: list[str]) -> dict[str, float]:
    if not _is_by_shape(names[0]):
        return {name: _size(name) for name in names if _is_proportional(name)}
    most = max(regions, key=lambda region: (sum(bool(source[name].get(region)) for name in names), region == "us-east-1"))
    return {name: usd for name in names if (usd := source[name].get(most))}


def _is_by_shape(name: str) -> bool:
    return name.split(".")[0].startswith(BY_SHAPE)


def _is_proportional(name: str) -> bool:
    return not _is_by_shape(name) and "metal" not in name


def _size(name: str) -> float:
    size = name.split(".")[1]
    return SMALL[size] if size in SMALL else 8.0 * int(size.removesuffix("xlarge"))


def _lowest(values: list[float]) -> tuple[float, int]:
    """The lowest price that two sizes agree on, or that one has beside others that are dedicated ones of it; and how many have it."""
    for value in sorted(values):
        same = [other for other in values if abs(other / value - 1) <= NEAR]
        dedicated = [other for other in values if DEDICATED[0] < other / value < DEDICATED[1]]
        if len(same) >= 2 or dedicated:
            return _middle(same), len(same) + len(dedicated)
    return _most_common(values)


def _most_common(values: list[float]) -> tuple[float, int]:
    groups = [[other for other in values if abs(other / value - 1) <= NEAR] for value in sorted(values)]
    largest = max(groups, key=len)
    return _middle(largest), len(largest)


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _rounded(usd: float) -> float:
    return float(f"{usd:.5g}")


# -- the file -----------------------------------------------------------------------------------------------------------


def _written(header: Mapping[str, Any], types: Mapping[str, Any], prices: Prices, regions: list[str]) -> str:
    """JSON with a line for each type, so that a new table can be read as a difference."""
    lines = [f"{json.dumps(name)}: {_row(entry, prices.get(name, {}), regions)}" for name, entry in sorted(types.items())]
    return json.dumps(header, indent=1).removesuffix("\n}") + ',\n "types": {\n' + ",\n".join(lines) + "\n}}\n"


def _row(entry: Mapping[str, Any], prices: Mapping[str, float], regions: list[str]) -> str:
    gpus = sum(int(gpu["Count"]) for gpu in entry.get("GpuInfo", {}).get("Gpus", ()))
    architectures = entry["ProcessorInfo"]["SupportedArchitectures"]
    architecture = "arm64" if "arm64" in architectures else "x86_64"
    by_region = [prices.get(region, 0) for region in regions] if prices else []
    facts = [entry["VCpuInfo"]["DefaultVCpus"], entry["MemoryInfo"]["SizeInMiB"], gpus, architecture, by_region]
    return json.dumps(facts, separators=(",", ":"))


if __name__ == "__main__":
    run: Callable[..., None] = main
    run(*sys.argv[1:])
