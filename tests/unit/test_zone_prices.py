"""Spot prices as EC2 tells them, zone by zone."""

from typing import Any

from cyclone_core.scheduler.dynamo.router_signals import spot_prices


class Prices:
    """An EC2 with one page of prices."""

    def ec2(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """What it has."""
        zones = {"us-west-2a": "0.04", "us-west-2-lax-1a": "0.09", "us-gov-west-1b": "0.05", "us-east-1-wl1-bos-wlz-1": "0.2"}
        entry = {"instanceType": "c5.large", "timestamp": "2026-11-23T06:00:00.000Z"}
        return {"spotPriceHistorySet": [{**entry, "availabilityZone": zone, "spotPrice": usd} for zone, usd in zones.items()]}


def test_local_zones_are_no_zones_of_the_region() -> None:
    """They are called nearly the same, cost more, and no worker of ours is there."""
    assert spot_prices(Prices(), ["c5.large"], 0) == {"c5.large": {"a": 0.04, "b": 0.05}}
