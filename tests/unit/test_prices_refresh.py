"""Fetching prices: region by region, looked at before they are used, and never half."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("boto3", reason="fetching prices needs the extra aws")

from cyclone_core.errors import AwsError, InvalidRequest
from cyclone_core.operations import prices
from cyclone_core.prices import table
from tests.aws_room.test_price_list import of_network, product

REGION, OTHER = "eu-west-1", "eu-west-2"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without prices of their own."""
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path))
    return tmp_path


class Lists:
    """The API with the shipped prices of each region, times a factor; it may fail for some."""

    def __init__(self, factor: float = 1.0, part: float = 1.0, fails: str = "") -> None:
        self.factor, self.part, self.fails = factor, part, fails

    def all(self, operation: str, member: str, **parameters: Any) -> Iterator[str]:
        """Products of the region that is asked for."""
        region = next(each["Value"] for each in parameters["Filters"] if each["Field"] == "regionCode")
        if region == self.fails:
            raise AwsError("pricing:GetProducts is not allowed", "AccessDeniedException")
        if parameters["Filters"][0]["Value"] == "NAT Gateway":
            yield of_network("NAT Gateway", "X-NatGateway-Hours", "0.05", region=region)
        if parameters["Filters"][0]["Field"] == "productFamily":
            return
        usd = table.shipped().regions[region].usd
        for name in list(usd)[: int(len(usd) * self.part)]:
            yield product(name, f"{usd[name] * self.factor:.10f}", region)


def test_a_list_replaces_what_was_known() -> None:
    """With its date, for this user; how many changed is told, and other regions stay."""
    (one,) = prices.refresh(Lists(factor=1.1), [REGION])
    assert (one.region, one.date, one.problem) == (REGION, "2026-11-20", "")
    assert one.changed == one.types == len(table.shipped().regions[REGION].usd)
    assert table.on_demand("c5.large", REGION) == pytest.approx(0.096 * 1.1)
    assert {each.region for each in prices.regions() if each.source == "fetched"} == {REGION}
    assert (table.known().service(table.NAT_GATEWAY, REGION), table.known().service(table.NAT_GATEWAY, OTHER)) == (0.05, None)


def test_a_region_that_fails_keeps_its_prices() -> None:
    """The others have theirs; also those that were fetched earlier stay."""
    prices.refresh(Lists(factor=1.1), [OTHER])
    good, bad = prices.refresh(Lists(factor=1.2, fails=OTHER), [REGION, OTHER])
    assert good.problem == ""
    assert "is not allowed" in bad.problem
    assert table.on_demand("c5.large", OTHER) == pytest.approx(table.shipped().regions[OTHER].usd["c5.large"] * 1.1)
    assert table.on_demand("c5.large", REGION) == pytest.approx(0.096 * 1.2)


@pytest.mark.parametrize(
    ("lists", "why"), [(Lists(part=0.2), "types, and"), (Lists(factor=40.0), "times what they were"), (Lists(part=0.0), "no date")]
)
def test_a_strange_list_is_not_used(home: Path, lists: Lists, why: str) -> None:
    """Too few types, or prices that are far from all that was known: nothing is written."""
    (one,) = prices.refresh(lists, [REGION])
    assert why in one.problem
    assert not Path(table.fetched_path()).exists()


def test_what_is_written_is_whole(home: Path) -> None:
    """Nothing is left beside it, and it can be read again."""
    prices.refresh(Lists(), [REGION])
    path = Path(table.fetched_path())
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert table.known().problem == ""


def test_unknown_regions_are_refused() -> None:
    """With the nearest name."""
    with pytest.raises(InvalidRequest, match="eu-west-1"):
        prices.refresh(Lists(), ["eu-wst-1"])
