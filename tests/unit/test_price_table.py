"""The table of instance types and prices: what it promises, what a user's own prices change of it, and how it is made."""

import gzip
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from benchmarks import price_table
from cyclone_core.infra.compute_environments import REGIONS_WITH_BEFORE
from cyclone_core.prices import services, table

MOST_BYTES = 300_000


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without prices of their own."""
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path))
    return tmp_path


def keep(document: object) -> None:
    """Put prices where `hyper prices refresh` does."""
    path = Path(table.fetched_path())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def test_what_is_shipped() -> None:
    """Every price is positive and dated, of a type with facts, in regions as AWS calls them; it is small."""
    shipped = table.shipped()
    assert date.fromisoformat(shipped.date) <= date.fromisoformat(shipped.facts_date)
    assert date.fromisoformat(services.DATE)
    assert len(shipped.regions) >= 30
    assert not any(region.startswith("cn-") or region.count("-") > 3 for region in shipped.regions)
    for prices in shipped.regions.values():
        assert prices.date == shipped.date
        assert len(prices.usd) > 90
        assert all(0 < usd < 500 and name in shipped.types for name, usd in prices.usd.items())
    for one in shipped.types.values():
        assert one.vcpus >= 1
        assert one.memory_mib >= 512
        assert one.gpus >= 0
    assert os.path.getsize(table.SHIPPED) < MOST_BYTES


def test_some_prices_are_as_aws_publishes_them() -> None:
    """Among them such as the source has of dedicated instances, or not at all."""
    known = {
        ("c5.large", "us-east-1"): 0.085, ("m6i.xlarge", "us-east-1"): 0.192, ("m6i.large", "eu-west-1"): 0.107,
        ("c7i.large", "eu-central-1"): 0.10185, ("t3.micro", "us-east-1"): 0.0104, ("g5.48xlarge", "us-east-1"): 16.288,
        ("c6i.large", "ap-southeast-1"): 0.098, ("p4d.24xlarge", "us-east-1"): 32.7726,
    }  # fmt: skip
    for (name, region), usd in known.items():
        assert table.shipped().on_demand(name, region) == pytest.approx(usd, rel=1e-4), name


def test_sizes_of_a_family_cost_in_proportion() -> None:
    """So no dedicated price is left among them: those are 6 to 13 % more."""
    shipped = table.shipped()
    for region in shipped.regions:
        for name in ("c5", "c6i", "m6i", "r6i", "c7g", "m7a"):
            each = [shipped.vcpu_hour(one, region) for one in shipped.types_of([name]) if "large" in one]
            found = [usd for usd in each if usd]
            assert not found or max(found) / min(found) < 1.02, (name, region)


def test_default_types_have_prices_wherever_batch_has_them() -> None:
    """At least one family of `optimal` in each region of the table, with the generation before where a region has it."""
    shipped = table.shipped()
    for region in shipped.regions:
        assert any(shipped.on_demand(name, region) for name in shipped.types_of(["m6i", "c6i", "c7i", "m6g", "c6g", "m7g"])), region
    for region in REGIONS_WITH_BEFORE & set(shipped.regions):
        assert shipped.on_demand("m5.large", region), region


def test_facts() -> None:
    """What an instance has."""
    assert table.facts("c5.large") == table.Facts("c5.large", 2, 4096, 0, "x86_64")
    p5, c7g = table.facts("p5.48xlarge"), table.facts("c7g.16xlarge")
    assert p5 is not None
    assert c7g is not None
    assert (p5.vcpus, p5.gpus, p5.family) == (192, 8, "p5")
    assert c7g.architecture == "arm64"
    assert table.facts("c5.tiny") is None


def test_words_mean_types() -> None:
    """Types, families without whole machines, and Batch's own words; nonsense means nothing."""
    assert table.types_of(["c5.large", "c5.metal", "nonsense"]) == ("c5.large", "c5.metal")
    assert "c5.metal" not in table.types_of(["c5"])
    assert {table.family(name) for name in table.types_of(["optimal"])} == {"m6i", "c6i", "r6i", "c7i"}
    assert table.types_of(["default_x86_64"]) == table.types_of(["optimal"])


def test_fetched_prices_replace_a_region(home: Path) -> None:
    """That region alone, wholly, with their date."""
    keep({"format": 1, "regions": {"eu-west-1": {"date": "2026-11-20", "usd": {"c5.large": 0.5}}}})
    assert (table.on_demand("c5.large", "eu-west-1"), table.priced_on("eu-west-1")) == (0.5, "2026-11-20")
    assert table.on_demand("c5.xlarge", "eu-west-1") is None
    assert (table.on_demand("c5.large", "us-east-1"), table.priced_on("us-east-1")) == (0.085, table.shipped().date)
    assert table.vcpu_hour("c5.large", "eu-west-1") == 0.25


@pytest.mark.parametrize(
    "document", [7, {"format": 2, "regions": {}}, {"format": 1, "regions": {"eu-west-1": {"date": "2026-11-20", "usd": {"c5.large": -1}}}}]
)
def test_prices_that_cannot_be_read_are_not_used(home: Path, document: object) -> None:
    """The shipped ones stay, and it is said why."""
    keep(document)
    found = table.known()
    assert found.on_demand("c5.large", "eu-west-1") == table.shipped().on_demand("c5.large", "eu-west-1")
    assert "are not used" in found.problem
    assert "hyper prices refresh" in found.problem


def test_the_table_is_made_from_its_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files in the form of libcloud's prices and of moto's types become a table in the form that is shipped."""
    updated = int(datetime(2025, 3, 2, 18, 9, 38, tzinfo=UTC).timestamp())
    linux = {f"c5.{size}": {"eu-west-1": usd, "us-west-2-lax-1": 9.0} for size, usd in (("large", 0.096), ("xlarge", 0.192))}
    prices = {"compute": {"ec2_linux": {**linux, "mac1.metal": {"eu-west-1": 1.0}}, "ec2_windows": {}}, "storage": {}, "updated": updated}
    types = {
        name: {
            "VCpuInfo": {"DefaultVCpus": vcpus}, "MemoryInfo": {"SizeInMiB": 2048 * vcpus},
            "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
        }
        for name, vcpus in (("c5.large", 2), ("c5.xlarge", 4), ("mac1.metal", 12))
    }  # fmt: skip
    types["g5.xlarge"] = {**types["c5.xlarge"], "GpuInfo": {"Gpus": [{"Count": 1}]}}
    (tmp_path / "pricing.json").write_text(json.dumps(prices))
    (tmp_path / "types.json.gz").write_bytes(gzip.compress(json.dumps(types).encode()))
    price_table.main(str(tmp_path / "pricing.json"), str(tmp_path / "types.json.gz"), "2026-10-01", tmp_path / "table.json")
    made, shipped = json.loads((tmp_path / "table.json").read_text()), json.loads(Path(table.SHIPPED).read_text())
    assert made.keys() == shipped.keys()
    assert (made["prices"]["date"], made["facts"]["date"], made["regions"]) == ("2025-03-02", "2026-10-01", ["eu-west-1"])
    assert made["types"] == {
        "c5.large": [2, 4096, 0, "x86_64", [0.096]], "c5.xlarge": [4, 8192, 0, "x86_64", [0.192]], "g5.xlarge": [4, 8192, 1, "x86_64", []],
    }  # fmt: skip
    assert "2 with prices" in capsys.readouterr().out


def test_dedicated_and_missing_prices_of_the_source_are_found() -> None:
    """One is 10 % more than its size says, one is 0.0: both follow from the others; what fits nothing is left out."""
    source = {
        "c9x.large": {"here": 0.11, "there": 0.2}, "c9x.xlarge": {"here": 0.2, "there": 0.4}, "c9x.2xlarge": {"here": 0.4, "there": 0.0},
        "c9x.4xlarge": {"here": 0.8, "there": 9.0},
    }  # fmt: skip
    found = {(name, region): (usd, what) for name, region, usd, what in price_table._repaired(list(source), source)}
    assert found["c9x.large", "here"] == (0.1, "dedicated")
    assert found["c9x.2xlarge", "there"] == (0.8, "missing")
    assert found["c9x.4xlarge", "there"] == (0.0, "left out: fits nothing")
    assert found["c9x.4xlarge", "here"] == (0.8, "as published")
