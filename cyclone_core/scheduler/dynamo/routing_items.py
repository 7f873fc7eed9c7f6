"""The automatic weights of each cluster's regions, and all that they were decided from: ROUTING items, written by the router alone.

body (JSON, deflated)
    at (ms)        when the weights were decided last
    base           {region: 0..100}: the weights, which sum to 100; who knows of closed regions leaves them out, as the scaler does
    weights        the same with 0 for regions that were closed then
    factors        {region: {signal: what it multiplied the weight by}}, unknown {region: [signals that count as neutral]}, and memory: what
                   counts of noisy signals; all as `routing.to_body` has them
    inputs         {region: {score, score_at, spot_usd, spot_at, ondemand_usd, ondemand_date, start_s, delivered, interruptions, closed}}:
                   USD of a vCPU hour, times in ms, closed: why the region is left alone; what is not known is not there
    question       what scores were asked for: {key, types (how many), vcpus, scores {region: [score, at]}}; {} on demand; limits [[vcpus,
                   at], ...]: of how many AWS tells this account none, within a day
    missing        {what: {why, since (ms)}}: what could not be had, `score eu-west-1`, `spot price eu-west-1`, `score`, or
                   `score of 1,024 vCPUs` where less is asked about
    history        [[at (ms), {region: weight}, [why, ...]], ...], the newest first: what `base` was changed to, and what had changed

Weights that nobody has renewed for `KEPT_S` count no more: regions are equal then.
"""

from collections.abc import Collection, Mapping
from typing import Any
from zlib import compress, decompress

from cyclone_core.aws.lean import jsons
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.table import Table

KEPT_S = 7 * 3600.0
"""An idle host's weights are renewed each six hours (`router.IDLE_S`)."""
STALE_S = 15 * 60.0
"""Weights of a cluster with work are renewed each ten minutes: whoever sees older ones asks the router to look."""
Body = dict[str, Any]


def read(table: Table) -> dict[str, Body]:
    """cluster -> what was decided last. Raises AwsError."""
    return {item["sk"]: jsons.loads(decompress(item["body"])) for item in table.query(keys.ROUTING)}


def write(table: Table, cluster: str, body: Mapping[str, Any]) -> None:
    """Tell of a cluster. Raises AwsError."""
    table.put((keys.ROUTING, cluster), {"body": compress(jsons.text(dict(body), True).encode(), 9)})


def remove(table: Table, cluster: str) -> None:
    """A cluster that is gone, or has no automatic queue any more. Raises AwsError."""
    table.delete((keys.ROUTING, cluster))


def weights_of(body: Mapping[str, Any] | None, now_ms: int) -> dict[str, int] | None:
    """The weights as they count now, of all regions as if none were closed; None where there are none, or too old ones."""
    if not body or now_ms - body["at"] > KEPT_S * 1000:
        return None
    return {region: int(weight) for region, weight in body["base"].items()}


def current(bodies: Mapping[str, Body], now_ms: int) -> dict[str, dict[str, int]]:
    """cluster -> its regions' weights, of the clusters that have some now."""
    found = {cluster: weights_of(body, now_ms) for cluster, body in bodies.items()}
    return {cluster: weights for cluster, weights in found.items() if weights is not None}


def stale(bodies: Mapping[str, Body], clusters: Collection[str], now_ms: int) -> list[str]:
    """Clusters of those, all with work and automatic queues, whose weights are missing or older than they should be."""
    return sorted(name for name in clusters if name not in bodies or now_ms - bodies[name]["at"] > STALE_S * 1000)
