"""Weighs the regions of clusters whose queues leave that to Cyclone: every ten minutes, and when the scaler asks.

    answer  what was done (`router.Report`), which is also a line of the log

Its role: the jobs table (read and write), the host's records; ec2:GetSpotPlacementScores and ec2:DescribeSpotPriceHistory, which know no
resources. Prices on demand are in its package.
"""

from dataclasses import asdict
from functools import cache
from typing import Any

from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.patience import Patience
from cyclone_core.prices import table as prices
from cyclone_core.scheduler.dynamo import health_items
from cyclone_core.scheduler.dynamo.router import Router
from cyclone_core.scheduler.lambdas.control import control, credentials, say

QUICK = Patience(connect_s=3.0, read_s=15.0, attempts=2, throttled_s=5.0)
"""With regions: one that is slow keeps no other waiting for long."""


def handler(event: object, context: object) -> dict[str, Any]:
    """What a scheduled event or whoever asks gets."""
    ours = control()
    seen = health_items.read(ours.table)
    report = asdict(Router(ours.table, ours.records.bodies(), _region, prices.shipped(), ours.now(), seen).run())
    say("routed", **report)
    return report


@cache
def _region(name: str) -> Aws:
    """Kept for the next event, with its connections."""
    return Aws(name, credentials, patience=QUICK)
