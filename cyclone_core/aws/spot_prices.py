"""What spot instances cost now, by EC2's history of prices; asked for once a day and kept in the user's state directory."""

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from cyclone_core import paths
from cyclone_core.aws.account import Account

DAY_S = 86_400
PRODUCT = "Linux/UNIX"
_MOST_TYPES = 100
"""Of one request."""
_KEEPING = threading.Lock()


def highest(account: Account, region: str, types: Sequence[str]) -> tuple[dict[str, float], str]:
    """Type -> USD an hour in the zone where it costs most now, and the ISO date of that; types without spot instances are left out.

    What was asked within the last day is not asked again. Raises AwsError.
    """
    now = time.time()
    place = account.endpoint.url if account.endpoint else ""
    kept = _kept(place, region, now)
    missing = [name for name in types if name not in kept.get("usd", {})]
    if missing:
        found = _asked(account, region, missing, now)
        usd = {**kept.get("usd", {}), **{name: found.get(name, 0.0) for name in missing}}
        kept = {"at": kept.get("at", now), "usd": usd}
        with suppress(OSError), _KEEPING:  # it is asked again next time
            _keep(place, region, kept)
    date = datetime.fromtimestamp(kept["at"], UTC).date().isoformat()
    return {name: kept["usd"][name] for name in types if kept["usd"].get(name)}, date


def _asked(account: Account, region: str, types: Sequence[str], now: float) -> dict[str, float]:
    found: dict[str, float] = {}
    client, at = account.client("ec2", region), datetime.fromtimestamp(now, UTC)
    for start in range(0, len(types), _MOST_TYPES):
        asked = {"InstanceTypes": list(types[start : start + _MOST_TYPES]), "ProductDescriptions": [PRODUCT], "StartTime": at}
        for entry in client.all("DescribeSpotPriceHistory", "SpotPriceHistory", **asked):
            name = str(entry["InstanceType"])
            found[name] = max(found.get(name, 0.0), float(entry["SpotPrice"]))
    return found


def _path() -> str:
    return os.path.join(paths.state_root(), "spot-prices.json")


def _all() -> dict[str, Any]:
    try:
        with open(_path(), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _kept(place: str, region: str, now: float) -> Mapping[str, Any]:
    found = _all().get(f"{place} {region}".strip())
    return found if isinstance(found, dict) and now - DAY_S < found.get("at", 0) <= now else {}


def _keep(place: str, region: str, found: Mapping[str, Any]) -> None:
    """place: an AWS elsewhere, such as the sandbox, has prices of its own."""
    os.makedirs(paths.state_root(), 0o700, exist_ok=True)
    whole = {**_all(), f"{place} {region}".strip(): found}
    beside = f"{_path()}.{os.getpid()}"
    with open(beside, "w", encoding="utf-8") as file:
        json.dump(whole, file)
    os.replace(beside, _path())
