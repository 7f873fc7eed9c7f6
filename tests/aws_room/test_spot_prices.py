"""Spot prices on the sandbox: the dearest zone of each type, asked once a day."""

import json
import time
from pathlib import Path

import pytest

pytest.importorskip("boto3", reason="the room of AWS needs the extra test")

from cyclone_core import paths
from cyclone_core.aws import spot_prices
from tests.aws import Sandbox

REGION = "eu-central-1"


def test_they_are_asked_once_a_day(aws: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is told for a day, with its date; types that are new are asked for beside it; the sandbox's are its own."""
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path))
    account, today = aws.account(), time.strftime("%Y-%m-%d", time.gmtime())
    found, date = spot_prices.highest(account, REGION, ["m6i.large"])
    entries = aws.client("ec2", REGION).describe_spot_price_history(InstanceTypes=["m6i.large"])["SpotPriceHistory"]
    assert (found, date) == ({"m6i.large": max(float(entry["SpotPrice"]) for entry in entries)}, today)
    path = Path(paths.state_root()) / "spot-prices.json"
    (place,) = kept = json.loads(path.read_text())
    assert account.endpoint is not None
    assert place == f"{account.endpoint.url} {REGION}"
    kept[place]["usd"]["m6i.large"] = 7.0
    path.write_text(json.dumps(kept))
    both, _ = spot_prices.highest(account, REGION, ["m6i.large", "c6i.large"])
    assert both["m6i.large"] == 7.0
    assert both["c6i.large"] < 1.0
    kept[place]["at"] -= 2 * spot_prices.DAY_S
    path.write_text(json.dumps(kept))
    assert spot_prices.highest(account, REGION, ["m6i.large"])[0] == found
